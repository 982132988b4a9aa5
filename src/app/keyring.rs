//! Signing keys at run time: made off the start-up path, cached for at most two seconds, rotated without a
//! signed-out user (ruling R2).

use std::sync::{Arc, RwLock};

use super::clients::CACHE_AGE;
use super::work::Outcome;
use super::{App, Ctx, Error, Kind};
use crate::domain::audit::Action;
use crate::domain::oidc::signing_key::{KeyState, SigningAlg, StoredKey, plan_rotation};
use crate::domain::time::Timestamp;
use crate::keys::keyring::{Keyring, OpenedKey};
use crate::keys::signer::SigningKey;
use crate::store::facts::{self, Cache};
use crate::store::signing_keys;

/// The keyring as of a change stamp.
#[derive(Default)]
pub(crate) struct Cached(RwLock<Option<Snapshot>>);

#[derive(Clone)]
struct Snapshot {
    stamp: i64,
    checked_at: Timestamp,
    /// When the first of them has nothing left to verify; an unchanged stamp says nothing of that.
    until: Option<Timestamp>,
    keyring: Arc<Keyring>,
}

impl Cached {
    fn get(&self) -> Option<Snapshot> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn set(&self, snapshot: Snapshot) {
        *self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(snapshot);
    }
}

impl App {
    /// The keys that sign and verify now.
    ///
    /// # Errors
    /// A failed store, or a key that does not open under `root.key`.
    pub(crate) async fn keyring(&self, now: Timestamp) -> Result<Arc<Keyring>, Error> {
        let known = self.keyring.get();
        if let Some(snapshot) = known.as_ref().filter(|s| s.checked_at <= now && now.since(s.checked_at) < CACHE_AGE) {
            return Ok(snapshot.keyring.clone());
        }
        let mut tx = self.db.read().await?;
        let stamp = facts::stamp(&mut tx, Cache::Keys).await?;
        let same = |snapshot: &Snapshot| snapshot.stamp == stamp && snapshot.until.is_none_or(|until| now < until);
        let snapshot = match known.filter(same) {
            Some(known) => Snapshot { checked_at: now, ..known },
            None => {
                let mut stored = signing_keys::list(&mut tx).await?;
                // A key that is spent verifies nothing, whether or not somebody rotates again.
                stored.retain(|key| !key.is_spent(now));
                let until = stored.iter().filter_map(|key| key.retires_at).min();
                let keyring = Arc::new(Keyring::new(self.open_keys(stored)?));
                Snapshot { stamp, checked_at: now, until, keyring }
            }
        };
        let keyring = snapshot.keyring.clone();
        self.keyring.set(snapshot);
        Ok(keyring)
    }

    fn open_keys(&self, stored: Vec<StoredKey>) -> Result<Vec<OpenedKey>, Error> {
        stored
            .into_iter()
            .map(|key| {
                let pkcs8 = self
                    .sealer
                    .unwrap_key(&key.kid, &key.wrapped)
                    .map_err(|_| Error::internal("a signing key does not open under root.key"))?;
                let opened = SigningKey::from_pkcs8(key.alg, &pkcs8).map_err(Error::internal)?;
                Ok(OpenedKey { key: Arc::new(opened), state: key.state })
            })
            .collect()
    }

    /// The public keys (RFC 7517), as JSON: those in use, the next ones, and retired ones whose tokens may still be about.
    ///
    /// # Errors
    /// As the keyring.
    pub async fn jwks(&self, ctx: &Ctx) -> Result<String, Error> {
        Ok(self.keyring(ctx.now).await?.published().to_owned())
    }

    /// Makes what is missing: an active and a next key for every algorithm. Slow for RSA, so it runs beside
    /// the start; a request that needs the key meanwhile is told to come back.
    ///
    /// # Errors
    /// A failed store.
    pub async fn ensure_keys(&self, ctx: &Ctx) -> Result<(), Error> {
        for alg in SigningAlg::ALL {
            for state in [KeyState::Active, KeyState::Next] {
                let present = signing_keys::list(&mut self.db.read().await?).await?;
                if !present.iter().any(|key| key.alg == alg && key.state == state) {
                    self.make_key(ctx, alg, state).await?;
                }
            }
        }
        Ok(())
    }

    async fn make_key(&self, ctx: &Ctx, alg: SigningAlg, state: KeyState) -> Result<(), Error> {
        let key = self.generate_key(alg, state).await?;
        let mut work = self.begin(ctx, Action::KeyCreated).await?;
        if !signing_keys::lock(work.tx()).await? {
            return Ok(());
        }
        // Another replica may have been faster.
        if signing_keys::list(work.tx()).await?.iter().any(|known| known.alg == alg && known.state == state) {
            return Ok(());
        }
        signing_keys::insert(work.tx(), &key).await?;
        facts::bump(work.tx(), Cache::Keys).await?;
        work.detail("kid", key.kid.clone()).detail("alg", alg.as_str());
        work.commit(Outcome::Done).await
    }

    async fn generate_key(&self, alg: SigningAlg, state: KeyState) -> Result<StoredKey, Error> {
        let random = self.random.clone();
        let generated =
            tokio::task::spawn_blocking(move || SigningKey::generate(alg, &*random)).await.map_err(Error::internal)?;
        let (key, pkcs8) = generated.map_err(Error::internal)?;
        let now = self.now();
        Ok(StoredKey {
            kid: key.kid().to_owned(),
            alg,
            wrapped: self.sealer.wrap_key(key.kid(), &pkcs8, &*self.random)?,
            public_jwk: key.public_jwk(),
            state,
            created_at: now,
            activated_at: (state == KeyState::Active).then_some(now),
            retires_at: None,
        })
    }

    /// `mingji keys rotate`: the published next key becomes active, the active one retires, a new next one is
    /// published. Nobody is signed out: retired keys verify until their last token has expired.
    ///
    /// # Errors
    /// `Conflict` while the next key has not been published for long enough; `Busy` when another process rotates; a failed
    /// store.
    pub async fn rotate_keys(&self, ctx: &Ctx, alg: SigningAlg) -> Result<String, Error> {
        self.ensure_keys(ctx).await?;
        let fresh = self.generate_key(alg, KeyState::Next).await?;
        // id_token_hint outlives its token: a session's length, so that a sign-out at its end is still understood.
        let lives = [self.lifetimes.session_absolute, self.lifetimes.id_token, self.lifetimes.access_token];
        let keep = lives.into_iter().max().unwrap_or_default();
        let mut work = self.begin(ctx, Action::KeyRotated).await?;
        if !signing_keys::lock(work.tx()).await? {
            return Err(Error::busy("another process changes the keyring"));
        }
        let plan = plan_rotation(signing_keys::list(work.tx()).await?, alg, ctx.now, ctx.now.plus(keep))
            .map_err(|why| Error::new(Kind::Conflict, why.to_string()))?;
        // In this order: one active key for each algorithm is a constraint.
        for key in plan.retire.iter().chain(&plan.activate) {
            signing_keys::update(work.tx(), key).await?;
        }
        for key in &plan.forget {
            signing_keys::delete(work.tx(), &key.kid).await?;
        }
        let active = plan.activate.map(|key| key.kid).unwrap_or_default();
        signing_keys::insert(work.tx(), &fresh).await?;
        facts::bump(work.tx(), Cache::Keys).await?;
        work.detail("alg", alg.as_str()).detail("active", active.clone()).detail("next", fresh.kid);
        work.commit(Outcome::Done).await?;
        Ok(active)
    }

    /// `mingji keys rotate --compromised`: somebody may have a copy of the keys, of the published next one too. All of them
    /// end at once, and with them every token that they signed; a new one signs. Sessions and refresh tokens go on.
    ///
    /// # Errors
    /// `Busy` when another process changes the keyring; a failed store.
    pub async fn replace_keys(&self, ctx: &Ctx, alg: SigningAlg) -> Result<String, Error> {
        let fresh = [self.generate_key(alg, KeyState::Active).await?, self.generate_key(alg, KeyState::Next).await?];
        let mut work = self.begin(ctx, Action::KeyRotated).await?;
        if !signing_keys::lock(work.tx()).await? {
            return Err(Error::busy("another process changes the keyring"));
        }
        let mut ended = Vec::new();
        for key in signing_keys::list(work.tx()).await?.into_iter().filter(|key| key.alg == alg) {
            signing_keys::delete(work.tx(), &key.kid).await?;
            ended.push(key.kid);
        }
        for key in &fresh {
            signing_keys::insert(work.tx(), key).await?;
        }
        facts::bump(work.tx(), Cache::Keys).await?;
        let [active, next] = fresh.map(|key| key.kid);
        work.detail("alg", alg.as_str()).detail("active", active.clone()).detail("next", next).detail("ended", ended);
        work.commit(Outcome::Done).await?;
        Ok(active)
    }

    /// `mingji keys list`.
    ///
    /// # Errors
    /// A failed store.
    pub async fn list_keys(&self) -> Result<Vec<StoredKey>, Error> {
        Ok(signing_keys::list(&mut self.db.read().await?).await?)
    }
}
