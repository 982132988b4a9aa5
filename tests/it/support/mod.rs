//! What the tests share.

pub mod app;
pub mod browser;
pub mod clock;
pub mod database;
pub mod need;
pub mod receiver;
pub mod record;
pub mod relying_party;
pub mod visitor;
