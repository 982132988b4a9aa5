//! The admin and roster API.

mod access;
mod document;
mod feed;
mod jurisdiction;
mod once;
mod records;
mod registry;
mod resources;
mod step_up;
