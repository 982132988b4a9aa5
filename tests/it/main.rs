//! Tests from outside, in one binary that mirrors the paths of the service.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on says where")]
#![allow(missing_docs, reason = "the names of the tests are the documentation")]

mod admin;
mod api;
mod architecture;
mod audit;
mod backup;
mod browser;
mod cases;
mod commands;
mod console;
mod deploy;
mod ephemeral;
mod foreign_client;
mod guardian;
mod guide;
mod house;
mod institution;
mod keys;
mod leaks;
mod listener;
mod manual;
mod merge;
mod metrics;
mod oidc;
mod outbound;
mod own_clock;
mod pages;
mod people;
mod person;
mod platform;
mod replicas;
mod roster;
mod sign_in;
mod slips;
mod staff;
mod stop;
mod student;
mod support;
mod transfer;
mod verification;
mod year;
