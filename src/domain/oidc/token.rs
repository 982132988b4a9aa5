//! What arrives at the token endpoint (RFC 6749, 4.1.3, 4.4.2 and 6).

use super::elsewhere::Way;
use super::error::{Code, ProtocolError};
use super::exchange::{self, Exchange};
use super::params::Params;
use super::pkce;

/// A token request by grant type.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    /// `authorization_code`
    Code {
        /// The code.
        code: String,
        /// As in the authorization request.
        redirect_uri: Option<String>,
        /// RFC 7636.
        verifier: Option<String>,
        /// For which resource (RFC 8707), of those that were asked for at the sign-in.
        resource: Option<String>,
    },
    /// `refresh_token`
    Refresh {
        /// The token.
        token: String,
        /// A narrower scope, where one is asked for.
        scope: Option<String>,
        /// For which resource (RFC 8707), of those that were asked for at the sign-in.
        resource: Option<String>,
    },
    /// `urn:ietf:params:oauth:grant-type:device_code` (RFC 8628, 3.4) and `urn:openid:params:grant-type:ciba` (CIBA Core, 10.1)
    Elsewhere {
        /// Which of them.
        way: Way,
        /// `device_code` or `auth_req_id`.
        code: String,
    },
    /// `urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693)
    Exchange(Exchange),
    /// `client_credentials`
    ClientCredentials {
        /// Words of the resource, space-separated.
        scope: Option<String>,
        /// For which resource (RFC 8707).
        resource: Option<String>,
    },
}

impl Request {
    /// The name of its grant type.
    pub fn grant_type(&self) -> &'static str {
        match self {
            Self::Code { .. } => "authorization_code",
            Self::Refresh { .. } => "refresh_token",
            Self::Elsewhere { way, .. } => way.grant_type(),
            Self::Exchange(_) => exchange::GRANT_TYPE,
            Self::ClientCredentials { .. } => "client_credentials",
        }
    }

    /// Reads the form.
    ///
    /// # Errors
    /// `invalid_request`, `unsupported_grant_type`, `invalid_grant` for a malformed verifier.
    pub fn parse(params: &Params) -> Result<Self, ProtocolError> {
        // RFC 8707, 2 lets it stand several times; one token is for one resource here.
        if params.is_repeated("resource") {
            return Err(ProtocolError::new(Code::InvalidTarget, "one resource at a time"));
        }
        params.refuse_repeated()?;
        let needed =
            |name: &str, why| params.get(name).map(str::to_owned).ok_or(ProtocolError::new(Code::InvalidRequest, why));
        let resource = params.get("resource").map(str::to_owned);
        match params.get("grant_type") {
            Some("authorization_code") => {
                let verifier = params.get("code_verifier").map(str::to_owned);
                if verifier.as_deref().is_some_and(|text| !pkce::is_verifier(text)) {
                    return Err(ProtocolError::new(Code::InvalidGrant, "code_verifier is malformed"));
                }
                Ok(Self::Code {
                    code: needed("code", "code is missing")?,
                    redirect_uri: params.get("redirect_uri").map(str::to_owned),
                    verifier,
                    resource,
                })
            }
            Some("refresh_token") => Ok(Self::Refresh {
                token: needed("refresh_token", "refresh_token is missing")?,
                scope: params.get("scope").map(str::to_owned),
                resource,
            }),
            Some(name) if name == Way::Device.grant_type() => {
                Ok(Self::Elsewhere { way: Way::Device, code: needed("device_code", "device_code is missing")? })
            }
            Some(name) if name == Way::Ciba.grant_type() => {
                Ok(Self::Elsewhere { way: Way::Ciba, code: needed("auth_req_id", "auth_req_id is missing")? })
            }
            Some(exchange::GRANT_TYPE) => Ok(Self::Exchange(Exchange::parse(params)?)),
            Some("client_credentials") => {
                Ok(Self::ClientCredentials { scope: params.get("scope").map(str::to_owned), resource })
            }
            Some(_) => Err(ProtocolError::new(Code::UnsupportedGrantType, "this grant type is not served")),
            None => Err(ProtocolError::new(Code::InvalidRequest, "grant_type is missing")),
        }
    }
}
