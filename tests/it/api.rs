//! The admin and roster API.

mod access;
mod account_locks;
mod audits;
mod claims;
mod classes;
mod document;
mod duties;
mod errands;
mod feed;
mod found;
mod guardians;
mod institutions;
mod jurisdiction;
mod left;
mod named;
mod once;
mod papers;
mod records;
mod registry;
mod resources;
mod rights;
mod sender;
mod step_up;
mod students;
mod tied;
mod verifications;
