//! What the tests share.

pub mod need;
