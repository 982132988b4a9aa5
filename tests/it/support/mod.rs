//! What the tests share.

pub mod binary;
pub mod chromium;
pub mod need;
