//! The admin and roster API.

mod access;
mod document;
mod errands;
mod feed;
mod institutions;
mod jurisdiction;
mod once;
mod records;
mod registry;
mod resources;
mod rights;
mod sender;
mod step_up;
