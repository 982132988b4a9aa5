//! What stands at the door: decode a request, call one use case, encode its answer.

pub mod pages;
