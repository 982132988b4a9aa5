//! The console's pages.

mod client;
mod list;
mod register;
mod trial;

pub use client::{ClientFacts, ConsoleClient, FaultGroup, FaultLine, OldSecretView};
pub use list::{ConsoleList, ConsoleNote, ConsoleRow};
pub use register::{ConsoleForm, ConsoleSecret, FieldFault, FormFields, FormPurpose, Got};
pub use trial::{ConsoleTrial, TrialVerdict};

use crate::domain::oidc::redirect::Difference;
use crate::http::pages::locales;

/// In what an address differs, in words.
struct DifferenceText<'a> {
    sent: Option<&'a str>,
    registered: Option<&'a str>,
    parts: String,
}

fn difference<'a>(difference: &'a Difference, f: &locales::faults::Faults, comma: &str) -> DifferenceText<'a> {
    let parts: Vec<&str> = difference.parts.iter().map(|part| (f.part)(*part)).collect();
    DifferenceText {
        sent: difference.sent.as_deref(),
        registered: difference.registered.as_deref(),
        parts: parts.join(comma),
    }
}
