//! Looks for secrets in everything that is left lying about: in clear, and as what is derived from them (R7).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use md5::{Digest as _, Md5};
use mingji::domain::hex::hex;
use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

/// Values with all the forms in which they could lie somewhere.
pub struct Needles {
    forms: Vec<(String, Vec<u8>)>,
    /// By their first two bytes, so that one pass finds all.
    by_start: Vec<Vec<usize>>,
}

impl Needles {
    /// The values and their names.
    pub fn new(values: &[(String, String)]) -> Self {
        let mut forms = Vec::new();
        for (name, value) in values {
            forms.extend(forms_of(name, value));
        }
        let mut by_start = vec![Vec::new(); 1 << 16];
        for (at, (_, form)) in forms.iter().enumerate() {
            by_start[start(form, 0)].push(at);
        }
        Self { forms, by_start }
    }

    /// What was found, by name and form; never the value.
    pub fn found_in(&self, text: &[u8]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for at in 0..text.len().saturating_sub(1) {
            for (name, form) in self.by_start[start(text, at)].iter().map(|form| &self.forms[*form]) {
                if text[at..].starts_with(form) && !found.contains(name) {
                    found.push(name.clone());
                }
            }
        }
        found
    }
}

fn start(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1])
}

fn forms_of(name: &str, value: &str) -> Vec<(String, Vec<u8>)> {
    let mut forms = vec![(format!("{name} in clear"), value.as_bytes().to_vec())];
    let mut add = |what: &str, form: Vec<u8>| forms.push((format!("{name} as {what}"), form));
    let upper_hex = |bytes: &[u8]| hex(bytes).to_uppercase().into_bytes();
    add("hex", hex(value.as_bytes()).into_bytes());
    add("hex", upper_hex(value.as_bytes()));
    for shift in 0..3 {
        for form in inside_base64(value, shift) {
            add("base64", form);
        }
    }
    let by = |algorithm: &'static Algorithm| digest(algorithm, value.as_bytes()).as_ref().to_vec();
    let sums = [
        ("SHA-1", by(&SHA1_FOR_LEGACY_USE_ONLY)),
        ("SHA-256", by(&SHA256)),
        ("MD5", Md5::digest(value.as_bytes()).to_vec()),
    ];
    for (what, sum) in sums {
        for form in [
            sum.clone(),
            hex(&sum).into_bytes(),
            upper_hex(&sum),
            STANDARD_NO_PAD.encode(&sum).into(),
            URL_SAFE_NO_PAD.encode(&sum).into(),
        ] {
            add(what, form);
        }
    }
    forms
}

/// What a value looks like in the middle of something longer: the characters that its neighbours do not touch.
fn inside_base64(value: &str, shift: usize) -> Vec<Vec<u8>> {
    let padded = [vec![0; shift], value.as_bytes().to_vec()].concat();
    let (from, to) = ((shift * 8).div_ceil(6), padded.len() * 8 / 6);
    [STANDARD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)].map(|text| text.as_bytes()[from..to].to_vec()).into()
}
