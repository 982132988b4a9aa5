//! Request objects by value and by reference: whose they are, and what they ask (RFC 9101, 6).

use super::{App, Ctx};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::params::Params;
use crate::domain::oidc::request_object::{ALGS, Expect, ObjectAlg, Strict, TYPES};
use crate::keys::foreign::{self, Header};

fn invalid(why: &'static str) -> ProtocolError {
    ProtocolError::new(Code::InvalidRequestObject, why)
}

impl App {
    /// The parameters of the object that stands among these, where there is one.
    ///
    /// # Errors
    /// `invalid_request` where the client signs its requests and did not; `invalid_request_object` and its kin, of
    /// which what exactly failed in a signature goes to the log.
    pub(super) async fn carried(
        &self,
        ctx: &Ctx,
        params: &Params,
        client: &Client,
    ) -> Result<Option<Params>, ProtocolError> {
        match (params.get("request"), params.get("request_uri")) {
            // RFC 9101, 5: "MUST NOT be used together".
            (Some(_), Some(_)) => {
                Err(ProtocolError::new(Code::InvalidRequest, "request and request_uri cannot stand together"))
            }
            (Some(object), None) => self.read_request_object(ctx, params, object, client).await.map(Some),
            (None, Some(uri)) => {
                params.refuse_repeated()?;
                let object = self.fetch_request_object(ctx, uri, client).await?;
                self.read_request_object(ctx, params, &object, client).await.map(Some)
            }
            (None, None) if client.metadata.require_signed_request_object => {
                Err(ProtocolError::new(Code::InvalidRequest, "the client signs its requests (RFC 9101, 10.5)"))
            }
            (None, None) => Ok(None),
        }
    }

    async fn read_request_object(
        &self,
        ctx: &Ctx,
        beside: &Params,
        object: &str,
        client: &Client,
    ) -> Result<Params, ProtocolError> {
        beside.refuse_repeated()?;
        let claims = match client.metadata.request_object_signing_alg {
            Some(ObjectAlg::Unsigned(_)) => {
                foreign::unsigned(object).map_err(|_| invalid("an unsigned object is registered"))?
            }
            // Whoever registered how its objects are signed has sent a bad one (RFC 9101, 6.2); from others none was expected.
            registered if foreign::unsigned(object).is_ok() => {
                if registered.is_some() || client.is_fapi() || client.metadata.require_signed_request_object {
                    return Err(invalid("the request object is not signed"));
                }
                return Err(ProtocolError::new(
                    Code::RequestNotSupported,
                    "unsigned request objects are not registered",
                ));
            }
            _ => self.verified_object(ctx, object, client).await?,
        };
        let client_id = client.client_id();
        let strict = match client.metadata.request_object_signing_alg {
            Some(ObjectAlg::Unsigned(_)) => Strict::Unsigned,
            _ if client.is_fapi() => Strict::Fapi,
            _ if client.metadata.require_signed_request_object => Strict::Required,
            _ => Strict::Signed,
        };
        let expect = Expect { client_id: &client_id, issuer: self.issuer().as_str(), strict, now: ctx.now };
        let params = expect.parameters(&claims).map_err(invalid)?;
        // What lies beside is not read; a client that counts on it there would lose what it checks the answer by.
        if ["state", "nonce"].iter().any(|name| beside.get(name).is_some() && params.get(name).is_none()) {
            return Err(invalid("state and nonce belong into the request object"));
        }
        // OpenID Connect Core, 6.1: what must stand outside too must be the same.
        match beside.get("response_type") {
            Some(outside) if params.get("response_type") != Some(outside) => {
                Err(invalid("response_type differs from the request object"))
            }
            _ => Ok(params),
        }
    }

    async fn verified_object(
        &self,
        ctx: &Ctx,
        object: &str,
        client: &Client,
    ) -> Result<serde_json::Map<String, serde_json::Value>, ProtocolError> {
        const UNPROVEN: &str = "the request object is not signed as registered";
        let refuse = |why: &dyn std::fmt::Display| {
            tracing::info!(request_id = %ctx.request_id, client = %client.id, %why, "a request object is not believed");
            invalid(UNPROVEN)
        };
        let header = Header::read(object).map_err(|why| refuse(&why))?;
        let registered = match client.metadata.request_object_signing_alg {
            Some(ObjectAlg::Signed(alg)) => header.alg == alg,
            _ => true,
        };
        if !registered || !ALGS.contains(&header.alg) || !client.may_sign_with(header.alg) {
            return Err(refuse(&"an algorithm that was not registered"));
        }
        if !TYPES.contains(&header.typ.as_deref()) {
            return Err(refuse(&"another kind of token"));
        }
        let verified = self.verify_of_client(client, object, &header).await;
        verified.map_err(|why| ProtocolError { description: why.told(UNPROVEN), ..refuse(&why) })
    }
}
