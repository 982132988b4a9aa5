//! What handlers take: a visit (who comes, with which cookies), and forms whose repeated fields are seen.

mod form;
mod visit;

pub use form::Fields;
pub use visit::{RequestId, Visit};
