//! What handlers take: a visit (who comes, with which cookies), forms whose repeated fields are seen, bearer tokens.

mod bearer;
mod form;
mod possession;
mod visit;

pub use bearer::bearer;
pub use form::{Fields, NamedInJson};
pub use possession::{access_token, possession};
pub use visit::{Gone, RequestId, Visit};
