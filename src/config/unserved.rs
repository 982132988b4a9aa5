//! Settings of the contract that this version does not serve yet. Whoever sets one is told at the start, because
//! a listener that is silently missing is found out much later, by somebody else.

use super::error::ConfigError;
use super::keys::{self, Key};
use super::resolved::Settings;

/// Refuses to start with a setting that nothing would obey.
pub(super) fn refuse(settings: &Settings) -> Result<(), ConfigError> {
    let unserved: [(&Key, bool, &'static str); 1] = [(
        &keys::MTLS_LISTEN,
        settings.mtls_listen.is_some(),
        "clients authenticate with a secret until client certificates are accepted",
    )];
    unserved
        .into_iter()
        .find(|(_, is_set, _)| *is_set)
        .map_or(Ok(()), |(key, _, instead)| Err(ConfigError::NotServed { variable: key.variable, instead }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{raw, resolved};

    #[test]
    fn what_is_not_served_is_refused() {
        for (variable, served) in
            [("MINGJI_METRICS_LISTEN", true), ("MINGJI_MTLS_LISTEN", false), ("MINGJI_LISTEN", true)]
        {
            let said = [(variable.to_owned(), String::from("127.0.0.1:9"))].into();
            let settings = resolved::resolve(&raw::read(None, &[], said).unwrap()).unwrap();
            assert_eq!(refuse(&settings).is_ok(), served, "{variable}");
        }
    }
}
