//! The operator's reference, printed from the table of settings so that it cannot drift.

use super::keys;

/// `deploy/settings.md`, as Markdown.
pub fn reference() -> String {
    let mut text = String::from(
        "# Settings\n\n\
         A TOML file (`--config`, default `mingji.toml` where it exists), overridden by environment variables. In the file a\n\
         setting has the name of its variable without `MINGJI_`, in lower case: `MINGJI_DATABASE_URL` is `database_url`; lists may\n\
         be TOML arrays. Spans of time are whole numbers with `s`, `m`, `h` or `d`. Relative paths start at the working directory.\n\n\
         Settings marked † may hold a password and are also read from the file that `NAME_FILE` (`name_file`) names.\n\n\
         | variable | default | meaning |\n|---|---|---|\n",
    );
    for key in keys::ALL {
        let mark = if key.secret { " †" } else { "" };
        let default = if key.default.is_empty() { String::from("none") } else { format!("`{}`", key.default) };
        text.push_str(&format!("| `{}`{mark} | {default} | {} |\n", key.variable, key.meaning));
    }
    text.push_str(
        "\n## Verification services\n\n\
         A table for each in the file, `[verification.NAME]`; there are no variables for them. A question is a signed token (ES256, `typ`\n\
         `verification-request+jwt`, verified with the keys at our `jwks_uri`) with `iss`, `aud` (the url), `jti`, `iat`, `exp`, `method`, `name` and, as\n\
         the method compares them, `document` (`class`, `country`, `number`), `personal_code` and `phone`. The answer is one as well (`typ`\n\
         `verification-response+jwt`) with `iss` (the url), `aud` (our issuer), `request` (the `jti`), `iat`, `result` (`match` or `mismatch`) and perhaps\n\
         `txn`. Each call is a question of its own: where no answer came, the next one has another `jti`, and an answer to the one\n\
         before is none to it. Five failures in a row let a service rest for a minute.\n\n\
         | member | default | meaning |\n|---|---|---|\n",
    );
    for (member, default, meaning) in super::verification::MEMBERS {
        let default = if default.is_empty() { String::from("none") } else { format!("`{default}`") };
        text.push_str(&format!("| `{member}` | {default} | {meaning} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a switch of the test, no setting")]
    fn the_page_in_the_tree_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/settings.md");
        if std::env::var_os("MINGJI_TEST_BLESS").is_some() {
            std::fs::write(path, super::reference()).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap_or_default() == super::reference(),
            "deploy/settings.md is not what the table of settings says; print it anew with `just settings-reference`"
        );
    }
}
