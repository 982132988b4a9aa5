//! The pages that people see: a view model each, a template each, one style sheet, two languages, no
//! script. A handler calls one use case, fills a view, renders it in the locale of the request and sends it
//! with [`respond`].

pub mod activate;
pub mod choose;
pub mod consent;
pub mod consents;
pub mod console;
pub mod devices;
pub mod elsewhere;
pub mod erasure;
pub mod home;
pub mod interaction;
pub mod language;
pub mod locales;
pub mod own_password;
pub mod record;
pub mod respond;
pub mod sign_in;
pub mod sign_out;
pub mod static_files;
pub mod views;
pub mod wards;
