//! Grants and the families of refresh tokens that hang on them.

use chrono::NaiveDate;

use super::db::{Change, Db, FromRow, Gather, Row, StoreError, Tx, args, statements};
use crate::domain::access::OnePerson;
use crate::domain::id::{ClientId, FamilyId, GrantId, IdentityId, PersonId, SessionId};
use crate::domain::oidc::authorization_details::Details;
use crate::domain::oidc::grant::{Family, Grant};
use crate::domain::oidc::scope::ScopeSet;
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO oidc_grant (id, client_id, person_id, session_id, identity_id, sub, sid, scope, claims, resources, details, cnf, auth_time, acr, amr, offline, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT (id) DO NOTHING";
    KNOWN = "SELECT id FROM oidc_grant WHERE id = $1";
    // Alive: not revoked; in a session that is, unless it is offline; of a person, account and client that may.
    LIVE = "SELECT g.* FROM oidc_grant g
        JOIN session s ON s.id = g.session_id JOIN account a ON a.id = s.account_id JOIN person p ON p.id = g.person_id JOIN client c ON c.id = g.client_id
        WHERE g.id = $1 AND g.revoked_at IS NULL AND a.state = 'active' AND p.status = 'active' AND c.status = 'active'
          AND (g.offline OR (s.ended_at IS NULL AND s.expires_at > $2 AND s.idle_expires_at > $2))";
    HELD = "SELECT * FROM oidc_grant WHERE person_id = $1 AND client_id = $2 AND revoked_at IS NULL ORDER BY id";
    CLIENTS = "SELECT DISTINCT client_id FROM oidc_grant WHERE person_id = $1 AND revoked_at IS NULL ORDER BY client_id";
    // A row without a holder keeps the redemption from ever happening when the replay came first (R3).
    REVOKE = "INSERT INTO oidc_grant (id, created_at, revoked_at, revoke_reason) VALUES ($1, $2, $2, $3)
        ON CONFLICT (id) DO UPDATE SET revoked_at = COALESCE(oidc_grant.revoked_at, excluded.revoked_at), revoke_reason = COALESCE(oidc_grant.revoke_reason, excluded.revoke_reason)";
    // The same, of nobody else's grant: whose it is is looked at in the statement that ends it.
    REVOKE_REPLAYED = "INSERT INTO oidc_grant (id, created_at, revoked_at, revoke_reason) VALUES ($1, $2, $2, 'code replayed')
        ON CONFLICT (id) DO UPDATE SET revoked_at = COALESCE(oidc_grant.revoked_at, excluded.revoked_at), revoke_reason = COALESCE(oidc_grant.revoke_reason, excluded.revoke_reason)
        WHERE oidc_grant.client_id IS NULL OR oidc_grant.client_id = $3";
    REVOKE_OF_SESSION = "UPDATE oidc_grant SET revoked_at = $2, revoke_reason = $3 WHERE session_id = $1 AND revoked_at IS NULL AND offline = FALSE";
    REVOKE_ALL_OF_SESSION = "UPDATE oidc_grant SET revoked_at = $2, revoke_reason = $3 WHERE session_id = $1 AND revoked_at IS NULL";
    REVOKE_OF_CLIENT = "UPDATE oidc_grant SET revoked_at = $3, revoke_reason = $4 WHERE person_id = $1 AND client_id = $2 AND revoked_at IS NULL";
    REVOKE_OF_PERSON = "UPDATE oidc_grant SET revoked_at = $2, revoke_reason = $3 WHERE person_id = $1 AND revoked_at IS NULL";
    REVOKE_OF_IDENTITY = "UPDATE oidc_grant SET revoked_at = $3, revoke_reason = $4 WHERE person_id = $1 AND identity_id = $2 AND revoked_at IS NULL";
    HISTORY = "SELECT c.name AS client, g.scope AS scope, g.details AS details, g.created_at AS created_at, g.revoked_at AS revoked_at FROM oidc_grant g JOIN client c ON c.id = g.client_id WHERE g.person_id = $1 ORDER BY g.created_at, g.id";
    // Whether a grant stands on nothing that ended: an enrolment, a post or a guardianship, read again where the row is there
    // already, for a handover may have moved it on. A child who sits nowhere today takes no guardianship away.
    STANDS = "WITH meant AS (SELECT g.identity_id AS id FROM oidc_grant g WHERE g.id = $1 UNION ALL SELECT $2 WHERE NOT EXISTS (SELECT 1 FROM oidc_grant g WHERE g.id = $1))
        SELECT m.id AS id FROM meant m WHERE m.id IS NULL
        UNION ALL SELECT e.id AS id FROM meant m JOIN enrolment e ON e.id = m.id WHERE e.valid_from <= $3 AND (e.valid_to IS NULL OR e.valid_to > $3)
        UNION ALL SELECT s.id AS id FROM meant m JOIN staffing s ON s.id = m.id WHERE s.valid_from <= $3 AND (s.valid_to IS NULL OR s.valid_to > $3)
        UNION ALL SELECT w.id AS id FROM meant m CROSS JOIN guardianship w
            WHERE w.id = m.id AND w.status = 'confirmed' AND CAST(w.restrictions AS TEXT) = '[]' AND w.valid_from <= $3 AND (w.valid_to IS NULL OR w.valid_to > $3)
              AND (w.guardian_org_id IS NULL OR EXISTS (SELECT 1 FROM staffing s WHERE s.person_id = w.guardian_id AND s.org_id = w.guardian_org_id AND s.valid_to IS NULL))";
    INSERT_FAMILY = "INSERT INTO refresh_family (id, grant_id, counter, rotated_at, created_at, idle_expires_at, expires_at) VALUES ($1, $2, $3, $4, $4, $5, $6)";
    FAMILY = "SELECT id, grant_id, counter, rotated_at, idle_expires_at, expires_at, revoked_at FROM refresh_family WHERE id = $1";
    // A family with its grant, both alive as in LIVE. Of whichever client: asked for one, a server that takes a young table for a
    // small one goes through all grants of that client.
    REFRESHED = "SELECT g.*, f.id AS family_id, f.counter AS counter, f.rotated_at AS rotated_at, f.idle_expires_at AS family_idle_expires_at, f.expires_at AS family_expires_at, f.revoked_at AS family_revoked_at, s.client_id IS NOT NULL AS on_device
        FROM refresh_family f JOIN oidc_grant g ON g.id = f.grant_id
        JOIN session s ON s.id = g.session_id JOIN account a ON a.id = s.account_id JOIN person p ON p.id = g.person_id JOIN client c ON c.id = g.client_id
        WHERE f.id = $1 AND g.revoked_at IS NULL AND a.state = 'active' AND p.status = 'active' AND c.status = 'active'
          AND (g.offline OR (s.ended_at IS NULL AND s.expires_at > $2 AND s.idle_expires_at > $2))";
    STORE_FAMILY = "UPDATE refresh_family SET counter = $2, rotated_at = $3, idle_expires_at = $4 WHERE id = $1 AND counter = $5 AND revoked_at IS NULL";
    REVOKE_FAMILY = "UPDATE refresh_family SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
}

impl FromRow for Grant {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            client: row.get("client_id")?,
            person: row.get("person_id")?,
            session: row.get("session_id")?,
            identity: row.get("identity_id")?,
            sub: row.get("sub")?,
            sid: row.get("sid")?,
            scope: ScopeSet::parse(&row.get::<String>("scope")?),
            claims: row.optional_json("claims")?.unwrap_or_default(),
            targets: row.optional_json("resources")?.unwrap_or_default(),
            details: row.optional_json("details")?.unwrap_or_default(),
            cnf: row.optional_json("cnf")?.unwrap_or_default(),
            auth_time: row.get("auth_time")?,
            acr: row.get("acr")?,
            amr: row.json("amr")?,
            offline: row.get("offline")?,
            created_at: row.get("created_at")?,
            revoked_at: row.get("revoked_at")?,
        })
    }
}

impl FromRow for Family {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            grant: row.get("grant_id")?,
            counter: counter(row)?,
            rotated_at: row.get("rotated_at")?,
            idle_expires_at: row.get("idle_expires_at")?,
            expires_at: row.get("expires_at")?,
            revoked_at: row.get("revoked_at")?,
        })
    }
}

/// Whether what a grant was given for has not ended: the identity of today, of a grant that is stored as it is stored now.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn stands(tx: &mut Tx, grant: &Grant, day: NaiveDate) -> Result<bool, StoreError> {
    Ok(tx.optional::<Found>(STANDS, args![grant.id, grant.identity, day]).await?.is_some())
}

/// Adds a grant. No row is touched when a replay of its code revoked it before it began.
///
/// # Errors
/// As [`StoreError`] says.
pub fn addition(grant: &Grant) -> Result<Change, StoreError> {
    let values = args![
        grant.id,
        grant.client,
        grant.person,
        grant.session,
        grant.identity,
        grant.sub.clone(),
        grant.sid.clone(),
        grant.scope.to_string(),
        some_json((!grant.claims.is_empty()).then_some(&grant.claims))?,
        some_json((!grant.targets.is_empty()).then_some(&grant.targets))?,
        some_json((!grant.details.is_empty()).then_some(&grant.details))?,
        some_json((!grant.cnf.is_none()).then_some(&grant.cnf))?,
        grant.auth_time,
        grant.acr.clone(),
        serde_json::json!(grant.amr),
        grant.offline,
        grant.created_at,
    ];
    Ok(Change::new(INSERT, values))
}

fn some_json(some: Option<&impl serde::Serialize>) -> Result<Option<serde_json::Value>, StoreError> {
    some.map(serde_json::to_value).transpose().map_err(|e| StoreError::Refused(e.to_string()))
}

/// Whether there is a row of this id, whatever became of it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn is_known(tx: &mut Tx, id: GrantId) -> Result<bool, StoreError> {
    Ok(tx.optional::<Found>(KNOWN, args![id]).await?.is_some())
}

/// There is a row; what is in it does not matter.
struct Found;

impl FromRow for Found {
    fn from_row(_: &Row) -> Result<Self, StoreError> {
        Ok(Self)
    }
}

/// A grant that is alive in every respect that SQL knows.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn live(tx: &mut Tx, id: GrantId, now: Timestamp) -> Result<Option<Grant>, StoreError> {
    tx.optional(LIVE, args![id, now]).await
}

/// What many ask about grants at one moment.
pub struct Asked(Gather<Grant>);

impl Asked {
    /// Of a database.
    pub fn of(db: &Db) -> Self {
        Self(Gather::new(db.clone(), LIVE))
    }

    /// As [`live`].
    ///
    /// # Errors
    /// As [`StoreError`] says.
    pub async fn live(&self, id: GrantId, now: Timestamp) -> Result<Option<Grant>, StoreError> {
        self.0.ask(args![id, now]).await
    }
}

/// What a client holds about a person, whatever became of its sessions.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn held(tx: &mut Tx, proof: &impl OnePerson, client: ClientId) -> Result<Vec<Grant>, StoreError> {
    tx.all(HELD, args![proof.person(), client]).await
}

struct Held(ClientId);

impl FromRow for Held {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("client_id")?))
    }
}

/// The clients that hold something about a person.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn clients(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<ClientId>, StoreError> {
    let held: Vec<Held> = tx.all(CLIENTS, args![proof.person()]).await?;
    Ok(held.into_iter().map(|Held(client)| client).collect())
}

/// Revokes a grant, whether it was stored already or not.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn revoke(tx: &mut Tx, id: GrantId, now: Timestamp, reason: &'static str) -> Result<(), StoreError> {
    tx.execute(REVOKE, args![id, now, reason]).await?;
    Ok(())
}

/// Revokes what a code gave that came again, or keeps it from beginning; `false`, and nothing happened, where it was given to
/// another client than the one that brought the code.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn revoke_replayed(tx: &mut Tx, id: GrantId, by: ClientId, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(REVOKE_REPLAYED, args![id, now, by]).await
}

/// Revokes what ends with a session: all its grants but the offline ones.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn revoke_of_session(
    tx: &mut Tx,
    session: SessionId,
    now: Timestamp,
    reason: &'static str,
) -> Result<u64, StoreError> {
    tx.execute(REVOKE_OF_SESSION, args![session, now, reason]).await
}

/// Revokes everything that was granted in a session, what outlives a sign-out too.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn revoke_all_of_session(
    tx: &mut Tx,
    session: SessionId,
    now: Timestamp,
    reason: &'static str,
) -> Result<u64, StoreError> {
    tx.execute(REVOKE_ALL_OF_SESSION, args![session, now, reason]).await
}

/// Revokes everything a client holds about a person.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn revoke_of_client(
    tx: &mut Tx,
    person: PersonId,
    client: ClientId,
    now: Timestamp,
    reason: &'static str,
) -> Result<u64, StoreError> {
    tx.execute(REVOKE_OF_CLIENT, args![person, client, now, reason]).await
}

/// Revokes everything that anybody holds about a person, offline grants too.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn revoke_of_person(
    tx: &mut Tx,
    on: &impl OnePerson,
    now: Timestamp,
    reason: &'static str,
) -> Result<u64, StoreError> {
    tx.execute(REVOKE_OF_PERSON, args![on.person(), now, reason]).await
}

/// Revokes what was granted to a person in one of her identities, which ended; how many grants.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn revoke_of_identity(
    tx: &mut Tx,
    proof: &impl OnePerson,
    identity: IdentityId,
    now: Timestamp,
    reason: &'static str,
) -> Result<u64, StoreError> {
    tx.execute(REVOKE_OF_IDENTITY, args![proof.person(), identity, now, reason]).await
}

/// What a person let a client have once.
pub struct Given {
    /// The client's name.
    pub client: String,
    /// Scopes.
    pub scope: Option<String>,
    /// What in detail.
    pub details: Option<Details>,
    /// When.
    pub created_at: Timestamp,
    /// When it ended before its time.
    pub revoked_at: Option<Timestamp>,
}

impl FromRow for Given {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            client: row.get("client")?,
            scope: row.get("scope")?,
            details: row.optional_json("details")?,
            created_at: row.get("created_at")?,
            revoked_at: row.get("revoked_at")?,
        })
    }
}

/// Everything a person let clients have, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn history(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<Given>, StoreError> {
    tx.all(HISTORY, args![proof.person()]).await
}

/// Adds a family.
pub fn family_addition(family: &Family) -> Change {
    let values =
        args![family.id, family.grant, family.counter, family.rotated_at, family.idle_expires_at, family.expires_at];
    Change::new(INSERT_FAMILY, values)
}

/// A family by its id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn family(tx: &mut Tx, id: FamilyId) -> Result<Option<Family>, StoreError> {
    tx.optional(FAMILY, args![id]).await
}

/// A family of refresh tokens with what it refreshes.
pub struct Refreshed {
    /// A grant that is alive.
    pub grant: Grant,
    /// Its family, alive or not.
    pub family: Family,
    /// Whether it was made on a device that shows itself here by its refreshes alone.
    pub on_device: bool,
}

impl FromRow for Refreshed {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let grant = Grant::from_row(row)?;
        let family = Family {
            id: row.get("family_id")?,
            grant: grant.id,
            counter: counter(row)?,
            rotated_at: row.get("rotated_at")?,
            idle_expires_at: row.get("family_idle_expires_at")?,
            expires_at: row.get("family_expires_at")?,
            revoked_at: row.get("family_revoked_at")?,
        };
        Ok(Self { grant, family, on_device: row.get("on_device")? })
    }
}

fn counter(row: &Row) -> Result<u32, StoreError> {
    u32::try_from(row.get::<i64>("counter")?).map_err(|e| StoreError::Refused(e.to_string()))
}

/// A family of this client, with its grant if that is alive in every respect that SQL knows.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn refreshed(
    tx: &mut Tx,
    id: FamilyId,
    client: ClientId,
    now: Timestamp,
) -> Result<Option<Refreshed>, StoreError> {
    let found: Option<Refreshed> = tx.optional(REFRESHED, args![id, now]).await?;
    Ok(found.filter(|refreshed| refreshed.grant.client == client))
}

/// Stores where a family has got to; `false` when another request moved it first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn store_family(tx: &mut Tx, family: &Family, counter_before: u32) -> Result<bool, StoreError> {
    tx.execute_one(
        STORE_FAMILY,
        args![family.id, family.counter, family.rotated_at, family.idle_expires_at, counter_before],
    )
    .await
}

/// Revokes a family.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn revoke_family(tx: &mut Tx, id: FamilyId, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(REVOKE_FAMILY, args![id, now]).await
}
