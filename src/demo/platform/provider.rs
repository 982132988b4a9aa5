//! The provider as discovery describes it, asked when first needed and kept. Keys are read again when a
//! token names one that we do not know: that is how a provider rotates them.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey, CoreJsonWebKeySet,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    ClientId, ClientSecret, EmptyExtraTokenFields, EndSessionUrl, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    IdTokenFields, IssuerUrl, ProviderMetadataWithLogout, RedirectUrl, StandardErrorResponse, StandardTokenResponse,
};
use tokio::sync::Mutex;

use super::claims::EduClaims;
use super::error::{Error, SetupError};
use super::settings::{Now, PlatformSettings};
use super::wire::Wire;

/// The token response with our claims in its ID token.
pub(super) type Tokens = StandardTokenResponse<
    IdTokenFields<
        EduClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

/// The relying party's client, as it comes out of discovery.
pub(super) type Client = openidconnect::Client<
    EduClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Signatures that we accept: asymmetric, and not whatever the token proposes (RFC 8725, 3.1).
pub(super) const ALGORITHMS: [CoreJwsSigningAlgorithm; 2] =
    [CoreJwsSigningAlgorithm::EcdsaP256Sha256, CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256];

/// Metadata is read again after this long, in case an endpoint moved.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// Unknown keys make us ask at most this often, or strangers could make us hammer the provider.
const COOLDOWN: TimeDelta = TimeDelta::seconds(5);

/// One provider, seen by one registered client.
pub(super) struct Provider {
    pub issuer: IssuerUrl,
    pub client_id: ClientId,
    pub wire: Wire,
    pub now: Now,
    client_secret: Option<ClientSecret>,
    redirect: RedirectUrl,
    /// Held while asking, so that a crowd at the start asks once.
    known: Mutex<Option<Arc<Known>>>,
}

/// What discovery told.
pub(super) struct Known {
    pub client: Client,
    pub keys: CoreJsonWebKeySet,
    pub end_session: Option<EndSessionUrl>,
    at: DateTime<Utc>,
}

impl Provider {
    /// A provider that nobody has asked yet.
    ///
    /// # Errors
    /// No HTTP client, or a base URL that makes no redirect URI.
    pub fn new(settings: &PlatformSettings) -> Result<Self, SetupError> {
        Ok(Self {
            issuer: settings.issuer.clone(),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            redirect: RedirectUrl::new(settings.url("callback").into())?,
            wire: Wire::new(&settings.issuer)?,
            now: settings.now.clone(),
            known: Mutex::new(None),
        })
    }

    /// The provider's metadata and keys: kept ones, or asked for now. Old ones serve on while the provider
    /// does not answer.
    pub async fn known(&self) -> Result<Arc<Known>, Error> {
        let mut known = self.known.lock().await;
        match known.clone() {
            Some(kept) if (self.now)() < kept.at + FRESH => Ok(kept),
            Some(kept) => Ok(self.ask_into(&mut known).await.unwrap_or(kept)),
            None => self.ask_into(&mut known).await,
        }
    }

    /// What to try again with after `seen` did not hold the key of a token; `None` when there is nothing
    /// newer and we asked a moment ago.
    pub async fn newer_than(&self, seen: &Arc<Known>) -> Result<Option<Arc<Known>>, Error> {
        let mut known = self.known.lock().await;
        match known.clone() {
            Some(kept) if !Arc::ptr_eq(&kept, seen) => Ok(Some(kept)),
            Some(kept) if (self.now)() < kept.at + COOLDOWN => Ok(None),
            _ => self.ask_into(&mut known).await.map(Some),
        }
    }

    async fn ask_into(&self, known: &mut Option<Arc<Known>>) -> Result<Arc<Known>, Error> {
        let fresh = Arc::new(self.ask().await.inspect_err(|error| tracing::warn!(%error, "discovery failed"))?);
        *known = Some(fresh.clone());
        Ok(fresh)
    }

    /// Discovery 1.0, 4: the crate compares the issuer and fetches the key set.
    async fn ask(&self) -> Result<Known, Error> {
        let metadata = ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.wire)
            .await
            .map_err(|error| Error::Provider(format!("{error}: {}", source_of(&error))))?;
        Ok(Known {
            keys: metadata.jwks().clone(),
            end_session: metadata.additional_metadata().end_session_endpoint.clone(),
            client: Client::from_provider_metadata(metadata, self.client_id.clone(), self.client_secret.clone())
                .set_redirect_uri(self.redirect.clone()),
            at: (self.now)(),
        })
    }
}

/// The cause below an error of the crate, whose own text only says which step failed.
pub(super) fn source_of(error: &dyn std::error::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}
