//! What arrives at the token endpoint (RFC 6749, 4.1.3, 4.4.2 and 6).

use super::authorization_details::Details;
use super::elsewhere::Way;
use super::error::{Code, ProtocolError};
use super::exchange::{self, Exchange};
use super::params::Params;
use super::pkce;

/// What a token is to be for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Which resource (RFC 8707, 2.2).
    pub resource: Option<String>,
    /// What there in detail (RFC 9396, 6): all that was granted where it is not said.
    pub details: Option<Details>,
}

impl Wanted {
    fn parse(params: &Params) -> Result<Self, ProtocolError> {
        let details = params.get("authorization_details").map(Details::parse).transpose()?;
        Ok(Self { resource: params.get("resource").map(str::to_owned), details })
    }

    /// One resource, and whatever there is for it.
    pub fn at(uri: Option<&str>) -> Self {
        Self { resource: uri.map(str::to_owned), details: None }
    }

    /// The resource that is meant: the one that is named, or the only one that the details are for.
    pub fn resource(&self) -> Option<&str> {
        let of_details = || {
            let places = self.details.as_ref()?.locations();
            places.first().filter(|_| places.len() == 1).copied()
        };
        self.resource.as_deref().or_else(of_details)
    }
}

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
        /// For which resource, of those that were asked for at the sign-in.
        wanted: Wanted,
    },
    /// `refresh_token`
    Refresh {
        /// The token.
        token: String,
        /// A narrower scope, where one is asked for.
        scope: Option<String>,
        /// For which resource, of those that were asked for at the sign-in.
        wanted: Wanted,
    },
    /// `urn:ietf:params:oauth:grant-type:device_code` (RFC 8628, 3.4) and `urn:openid:params:grant-type:ciba` (CIBA Core, 10.1)
    Elsewhere {
        /// Which of them.
        way: Way,
        /// `device_code` or `auth_req_id`.
        code: String,
        /// For which resource, of those that the question was about.
        wanted: Wanted,
    },
    /// `urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693)
    Exchange(Exchange),
    /// `client_credentials`
    ClientCredentials {
        /// Words of the resource, space-separated.
        scope: Option<String>,
        /// For which resource.
        wanted: Wanted,
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
        let wanted = || Wanted::parse(params);
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
                    wanted: wanted()?,
                })
            }
            Some("refresh_token") => Ok(Self::Refresh {
                token: needed("refresh_token", "refresh_token is missing")?,
                scope: params.get("scope").map(str::to_owned),
                wanted: wanted()?,
            }),
            Some(name) if name == Way::Device.grant_type() => {
                let code = needed("device_code", "device_code is missing")?;
                Ok(Self::Elsewhere { way: Way::Device, code, wanted: wanted()? })
            }
            Some(name) if name == Way::Ciba.grant_type() => {
                let code = needed("auth_req_id", "auth_req_id is missing")?;
                Ok(Self::Elsewhere { way: Way::Ciba, code, wanted: wanted()? })
            }
            Some(exchange::GRANT_TYPE) => Ok(Self::Exchange(Exchange::parse(params)?)),
            Some("client_credentials") => {
                Ok(Self::ClientCredentials { scope: params.get("scope").map(str::to_owned), wanted: wanted()? })
            }
            Some(_) => Err(ProtocolError::new(Code::UnsupportedGrantType, "this grant type is not served")),
            None => Err(ProtocolError::new(Code::InvalidRequest, "grant_type is missing")),
        }
    }
}
