//! What the tests share.

pub mod api;
pub mod app;
pub mod binary;
pub mod browser;
pub mod chromium;
pub mod client_key;
pub mod clock;
pub mod county;
pub mod database;
pub mod document_site;
pub mod door;
pub mod exposition;
pub mod host;
pub mod load;
pub mod need;
pub mod needles;
pub mod receiver;
pub mod record;
pub mod relying_party;
pub mod remote;
pub mod rosters;
pub mod standard;
pub mod visitor;
pub mod wanderer;
pub mod workbook;
