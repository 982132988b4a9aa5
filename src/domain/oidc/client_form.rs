//! What the console's form says of an application: a few members of its registration. What the form does not show, and what was
//! left as it was shown, stays as it is registered.

use serde_json::json;

use super::assertion::ClientAlg;
use super::client::{AuthMethod, ClientMetadata};
use super::error::{Code, ProtocolError};
use super::scope::{Scope, ScopeSet};

/// Where an application runs, and so whether it can keep a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Program {
    /// At a server.
    #[default]
    Web,
    /// In the browser alone.
    Browser,
    /// On the person's own device.
    Native,
}

impl Program {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 3] = [Self::Web, Self::Browser, Self::Native];

    /// The value in the form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Browser => "browser",
            Self::Native => "native",
        }
    }

    /// The same the other way round.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|program| program.as_str() == text)
    }

    fn of(metadata: &ClientMetadata) -> Self {
        match metadata.token_endpoint_auth_method {
            _ if metadata.is_native() => Self::Native,
            AuthMethod::None => Self::Browser,
            _ => Self::Web,
        }
    }
}

/// The form. A text that is empty says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientForm {
    /// Name for people.
    pub client_name: String,
    /// In English.
    pub client_name_en: String,
    /// Where it runs.
    pub program: Program,
    /// Where answers go.
    pub redirect_uris: Vec<String>,
    /// What it may ask for, besides `openid`.
    pub scope: ScopeSet,
    /// Where a sign-out leads.
    pub post_logout_redirect_uris: Vec<String>,
    /// Told of sign-outs there.
    pub backchannel_logout_uri: String,
    /// Where a sign-in begins.
    pub initiate_login_uri: String,
    /// What it says about privacy.
    pub policy_uri: String,
    /// ID tokens in RS256; else in ES256.
    pub rs256: bool,
}

impl ClientForm {
    /// What the form shows of a registration.
    pub fn of(metadata: &ClientMetadata) -> Self {
        let text = |member: &Option<String>| member.clone().unwrap_or_default();
        let all = || Scope::ALL.iter().copied().collect::<ScopeSet>();
        let refreshes = metadata.grant_types.iter().any(|kind| kind == "refresh_token");
        let scope = metadata.scope.as_deref().map_or_else(all, ScopeSet::parse).without(Scope::Openid);
        Self {
            client_name: metadata.name_in("zh").or(metadata.client_name.as_deref()).unwrap_or_default().to_owned(),
            client_name_en: metadata.name_in("en").unwrap_or_default().to_owned(),
            program: Program::of(metadata),
            redirect_uris: metadata.redirect_uris.clone(),
            scope: if refreshes { scope } else { scope.without(Scope::OfflineAccess) },
            post_logout_redirect_uris: metadata.post_logout_redirect_uris.clone(),
            backchannel_logout_uri: text(&metadata.backchannel_logout_uri),
            initiate_login_uri: text(&metadata.initiate_login_uri),
            policy_uri: text(&metadata.policy_uri),
            rs256: metadata.id_token_signed_response_alg == ClientAlg::Rs256,
        }
    }

    /// A registration that says nothing yet, with defaults that are safe.
    ///
    /// # Errors
    /// None: it is written here.
    pub fn blank() -> Result<ClientMetadata, serde_json::Error> {
        serde_json::from_value(json!({
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": "openid",
            "application_type": "web",
            "id_token_signed_response_alg": "ES256",
            "backchannel_logout_session_required": true,
        }))
    }

    /// A registration that says what the form says, wherever that is not what it showed.
    #[must_use]
    pub fn applied_to(&self, registered: &ClientMetadata) -> ClientMetadata {
        let (shown, mut new) = (Self::of(registered), registered.clone());
        if self.client_name != shown.client_name {
            new.forget_name_in("zh");
            new.client_name = said(&self.client_name);
        }
        if self.client_name_en != shown.client_name_en {
            new.forget_name_in("en");
            new.localized.extend(said(&self.client_name_en).map(|name| ("client_name#en".into(), name)));
        }
        if self.program != shown.program {
            self.move_to(&mut new);
        }
        if self.redirect_uris != shown.redirect_uris {
            new.redirect_uris.clone_from(&self.redirect_uris);
        }
        if self.scope != shown.scope {
            new.scope = Some(self.scope_beside(registered.scope.as_deref()));
        }
        if self.post_logout_redirect_uris != shown.post_logout_redirect_uris {
            new.post_logout_redirect_uris.clone_from(&self.post_logout_redirect_uris);
        }
        for (own, known, member) in [
            (&self.backchannel_logout_uri, &shown.backchannel_logout_uri, &mut new.backchannel_logout_uri),
            (&self.initiate_login_uri, &shown.initiate_login_uri, &mut new.initiate_login_uri),
            (&self.policy_uri, &shown.policy_uri, &mut new.policy_uri),
        ] {
            if own != known {
                *member = said(own);
            }
        }
        if self.rs256 != shown.rs256 {
            new.id_token_signed_response_alg = if self.rs256 { ClientAlg::Rs256 } else { ClientAlg::Es256 };
        }
        new
    }

    /// The first member that has to be said and is not.
    pub fn missing(&self, registered: &ClientMetadata) -> Option<&'static str> {
        let redirects = !registered.response_types.is_empty() && self.redirect_uris.is_empty();
        let missing = [("client_name", self.client_name.is_empty()), ("redirect_uris", redirects)];
        missing.into_iter().find(|(_, is_missing)| *is_missing).map(|(member, _)| member)
    }

    /// Which field of the form it was that a registration was refused for; `None` where it takes several.
    pub fn field_at_fault(
        &self,
        registered: &ClientMetadata,
        vouched: bool,
        why: &ProtocolError,
    ) -> Option<&'static str> {
        if why.code == Code::InvalidRedirectUri {
            return Some("redirect_uris");
        }
        let alone = |only: Only| {
            let (mut form, shown) = (self.clone(), Self::of(registered));
            FIELDS.iter().for_each(|(_, take)| take(&mut form, &shown));
            only(&mut form, self);
            form.applied_to(registered).completed().check(vouched).is_err()
        };
        FIELDS.iter().find(|(_, only)| alone(*only)).map(|(name, _)| *name)
    }

    fn move_to(&self, new: &mut ClientMetadata) {
        new.application_type = Some(if self.program == Program::Native { "native" } else { "web" }.into());
        let keeps_secret = self.program == Program::Web;
        new.token_endpoint_auth_method = match new.token_endpoint_auth_method {
            AuthMethod::None if keeps_secret => AuthMethod::ClientSecretBasic,
            known if keeps_secret => known,
            _ => AuthMethod::None,
        };
        new.edu_require_pkce |= !keeps_secret;
    }

    /// Words that no form shows stay, and so does `openid` where it may be asked for.
    fn scope_beside(&self, registered: Option<&str>) -> String {
        let is_shown = |word: &str| word.parse().is_ok_and(|scope: Scope| scope != Scope::Openid);
        let registered = registered.unwrap_or(Scope::Openid.as_str()).split(' ');
        let unshown = registered.filter(|word| !word.is_empty() && !is_shown(word)).map(str::to_owned);
        let shown = self.scope.iter().map(|scope| scope.as_str().to_owned());
        unshown.chain(shown).collect::<Vec<_>>().join(" ")
    }
}

type Only = fn(&mut ClientForm, &ClientForm);

/// Members of the form that are wrong by themselves, each taken from another form.
const FIELDS: &[(&str, Only)] = &[
    ("client_name", |form, said| form.client_name.clone_from(&said.client_name)),
    ("client_name_en", |form, said| form.client_name_en.clone_from(&said.client_name_en)),
    ("post_logout_redirect_uris", |form, said| {
        form.post_logout_redirect_uris.clone_from(&said.post_logout_redirect_uris);
    }),
    ("backchannel_logout_uri", |form, said| form.backchannel_logout_uri.clone_from(&said.backchannel_logout_uri)),
    ("initiate_login_uri", |form, said| form.initiate_login_uri.clone_from(&said.initiate_login_uri)),
    ("policy_uri", |form, said| form.policy_uri.clone_from(&said.policy_uri)),
];

fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(document: serde_json::Value) -> ClientMetadata {
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn what_was_left_as_it_was_shown_stays_as_it_is() {
        for registered in [
            ClientForm::blank().unwrap(),
            metadata(json!({
                "redirect_uris": ["https://a.example/cb"], "client_name": "甲", "client_name#zh-Hans": "乙", "client_name#en-GB": "A",
                "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://a.example/keys", "edu_vendor": "丙",
                "id_token_signed_response_alg": "PS256", "grant_types": ["authorization_code", "implicit"], "edu_require_pkce": false,
                "response_types": ["code id_token"], "authorization_details_types": ["d"],
            })),
            metadata(
                json!({ "redirect_uris": ["cn.a:/cb"], "application_type": "native", "scope": "profile grades.read" }),
            ),
        ] {
            assert_eq!(registered.changes(&ClientForm::of(&registered).applied_to(&registered)), Vec::<String>::new());
        }
    }

    #[test]
    fn what_is_said_is_registered_and_nothing_else() {
        let registered = metadata(json!({
            "redirect_uris": ["https://a.example/cb"], "client_name": "甲", "client_name#zh": "乙", "client_name#en-GB": "A",
            "scope": "openid profile grades.read", "edu_require_pkce": false, "edu_resources": ["https://r.example/"],
        }));
        let mut form = ClientForm::of(&registered);
        assert_eq!((form.client_name.as_str(), form.client_name_en.as_str()), ("乙", "A"), "as people read it");
        form.client_name = "丁".into();
        form.client_name_en = String::new();
        form.scope = ScopeSet::parse("edu");
        form.program = Program::Browser;
        form.rs256 = false;
        let new = form.applied_to(&registered);
        assert_eq!(ClientForm::of(&new), form);
        assert_eq!((new.scope.as_deref(), new.localized.len()), (Some("openid grades.read edu"), 0));
        assert!(new.edu_require_pkce && new.token_endpoint_auth_method == AuthMethod::None);
        let changed = [
            "client_name",
            "client_name#en-GB",
            "client_name#zh",
            "edu_require_pkce",
            "id_token_signed_response_alg",
            "scope",
            "token_endpoint_auth_method",
        ];
        let names = registered.changes(&new);
        assert!(names.iter().all(|name| changed.contains(&name.as_str()) || name == "application_type"), "{names:?}");
        form.program = Program::Web;
        assert_eq!(form.applied_to(&new).token_endpoint_auth_method, AuthMethod::ClientSecretBasic);
    }
}
