//! The demo's relying parties: a statutory platform, a platform by receipt, a vendor's application.

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use url::Url;

use super::DemoClient;
use crate::app::{App, Ctx, Error};
use crate::domain::oidc::client::ClientMetadata;
use crate::domain::oidc::elsewhere::Way;
use crate::domain::oidc::resource::{ADMIN, SELF};
use crate::domain::oidc::scope::Scope;

/// Where the relying parties stand. Each ends with a slash.
pub struct Addresses {
    /// Platform A.
    pub platform_a: Url,
    /// Platform B.
    pub platform_b: Url,
    /// The vendor's application.
    pub vendor: Url,
}

/// The education bureau of the county, which answers for them.
const COUNTY: &str = "ED36078100";

/// Registers the three clients.
pub async fn register(app: &App, ctx: &Ctx, addresses: &Addresses) -> Result<Vec<DemoClient>, Error> {
    let mut clients = Vec::new();
    // Both may have everything, the register's own words too, so that one can ask for an approval and the other give it.
    let scope = Scope::ALL.iter().map(|scope| scope.as_str()).chain([ADMIN, SELF]).collect::<Vec<_>>().join(" ");
    for (key, base, own) in [
        (
            "platform_a",
            &addresses.platform_a,
            json!({
                "client_name": "临江教育云", "client_name#en": "Linjiang Education Cloud", "edu_client_kind": "platform", "edu_lawful_basis": "statutory",
                "id_token_signed_response_alg": "ES256", "scope": &scope,
                "grant_types": ["authorization_code", "refresh_token", Way::Device.grant_type(), Way::Ciba.grant_type()],
            }),
        ),
        (
            "platform_b",
            &addresses.platform_b,
            json!({ "client_name": "江畔课堂", "client_name#en": "Riverside Classroom", "edu_client_kind": "platform", "id_token_signed_response_alg": "RS256", "scope": &scope }),
        ),
        (
            "vendor",
            &addresses.vendor,
            json!({
                "client_name": "口算小园", "client_name#en": "Mental Maths Garden", "edu_vendor": "小园教育科技有限公司", "edu_client_kind": "application",
                "id_token_signed_response_alg": "ES256", "scope": "openid profile edu edu.class",
            }),
        ),
    ] {
        let metadata = metadata(base, own)?;
        let registered = app.create_demo_client(ctx, metadata).await?;
        // The county's administrator finds all three in the console.
        app.assign_client(ctx, registered.client.id, Some(COUNTY), None).await?;
        clients.push(DemoClient {
            key: key.to_owned(),
            client_id: registered.client.id.to_string(),
            client_secret: registered.secret.map(|secret| secret.expose_secret().to_owned()).unwrap_or_default(),
            redirect_uris: registered.client.metadata.redirect_uris.clone(),
        });
    }
    Ok(clients)
}

fn metadata(base: &Url, own: Value) -> Result<ClientMetadata, Error> {
    let at = |path: &str| base.join(path).map(|url| url.to_string()).map_err(Error::internal);
    let mut document = json!({
        "redirect_uris": [at("callback")?],
        "post_logout_redirect_uris": [at("signed-out")?],
        "backchannel_logout_uri": at("backchannel-logout")?,
        "backchannel_logout_session_required": true,
        "initiate_login_uri": at("login")?,
        "client_uri": base.to_string(),
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "client_secret_basic",
    });
    if let (Some(all), Value::Object(own)) = (document.as_object_mut(), own) {
        all.extend(own);
    }
    Ok(serde_json::from_value(document)?)
}
