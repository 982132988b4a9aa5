//! The protocol endpoints, each in its own file.

mod authorize;
