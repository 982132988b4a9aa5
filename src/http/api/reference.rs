//! `deploy/openapi.json`: what a developer reads before there is a server, kept current by a test.

#[cfg(test)]
mod tests {
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a switch of the test, no setting")]
    fn the_document_in_the_tree_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/openapi.json");
        let current = format!("{}\n", serde_json::to_string_pretty(&super::super::document()).unwrap());
        if std::env::var_os("MINGJI_TEST_BLESS").is_some() {
            std::fs::write(path, &current).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap_or_default() == current,
            "deploy/openapi.json is not what the routes say; print it anew with `just api-reference`"
        );
    }
}
