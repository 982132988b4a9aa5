//! The form of an application, between the page and what it means.

use crate::domain::oidc::client_form::{ClientForm, Program};
use crate::domain::oidc::scope::{Scope, ScopeSet};
use crate::http::extract::Fields;
use crate::http::pages::views::FormFields;

/// What was typed.
pub(super) fn read(fields: &Fields) -> FormFields {
    let text = |name: &str| fields.get(name).unwrap_or_default().trim().to_owned();
    let ticked = |scope: &Scope| fields.get(&format!("scope.{}", scope.as_str())).is_some();
    FormFields {
        org: text("org"),
        client_name: text("client_name"),
        client_name_en: text("client_name_en"),
        kind: text("kind"),
        redirect_uris: text("redirect_uris"),
        scopes: Scope::ALL.iter().filter(|scope| ticked(scope)).map(|scope| scope.as_str().to_owned()).collect(),
        post_logout_redirect_uris: text("post_logout_redirect_uris"),
        backchannel_logout_uri: text("backchannel_logout_uri"),
        initiate_login_uri: text("initiate_login_uri"),
        policy_uri: text("policy_uri"),
        rs256: fields.get("rs256").is_some(),
    }
}

/// What that says.
pub(super) fn said(typed: &FormFields) -> ClientForm {
    ClientForm {
        client_name: typed.client_name.clone(),
        client_name_en: typed.client_name_en.clone(),
        program: Program::parse(&typed.kind).unwrap_or_default(),
        redirect_uris: lines(&typed.redirect_uris),
        scope: ScopeSet::parse(&typed.scopes.join(" ")).without(Scope::Openid),
        post_logout_redirect_uris: lines(&typed.post_logout_redirect_uris),
        backchannel_logout_uri: typed.backchannel_logout_uri.clone(),
        initiate_login_uri: typed.initiate_login_uri.clone(),
        policy_uri: typed.policy_uri.clone(),
        rs256: typed.rs256,
    }
}

/// As it would have been typed.
pub(super) fn typed(said: ClientForm) -> FormFields {
    FormFields {
        org: String::new(),
        client_name: said.client_name,
        client_name_en: said.client_name_en,
        kind: said.program.as_str().to_owned(),
        redirect_uris: said.redirect_uris.join("\n"),
        scopes: said.scope.iter().map(|scope| scope.as_str().to_owned()).collect(),
        post_logout_redirect_uris: said.post_logout_redirect_uris.join("\n"),
        backchannel_logout_uri: said.backchannel_logout_uri,
        initiate_login_uri: said.initiate_login_uri,
        policy_uri: said.policy_uri,
        rs256: said.rs256,
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
