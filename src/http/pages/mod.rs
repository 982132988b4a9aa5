//! The pages that people see: a view model each, a template each, one style sheet, two languages, no
//! script. A handler fills a view, renders it in the locale of the request and sends it with [`respond`].

pub mod locales;
pub mod respond;
pub mod static_files;
pub mod views;
