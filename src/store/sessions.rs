//! Browser sessions at the provider, the sign-ins that lead to them, and which clients take part.

use super::db::{Change, Db, FromRow, Gather, Guarded, Row, StoreError, Tx, args, statements};
use crate::domain::access::{OnePerson, TaskOn};
use crate::domain::auth::session::{Session, SignIn};
use crate::domain::id::{ClientId, IdentityId, InteractionId, PersonId, SessionId};
use crate::domain::oidc::grant::KnownAs;
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO session (id, secret_digest, account_id, person_id, auth_time, acr, amr, own_device, identity_id, created_at, last_seen_at, idle_expires_at, expires_at, agent, client_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    // Whoever may not sign in today has no session either: a locked account or a person who is gone answers as nobody.
    BY_SECRET = "SELECT s.* FROM session s JOIN account a ON a.id = s.account_id JOIN person p ON p.id = s.person_id
        WHERE s.secret_digest = $1 AND s.ended_at IS NULL AND a.state = 'active' AND p.status = 'active'";
    // The same, and what the client's sector calls her and the client calls the session, where they do.
    VISITED = "SELECT s.*, (SELECT u.sub FROM subject u WHERE u.person_id = s.person_id AND u.sector = $3) AS sub, (SELECT t.sid FROM session_client t WHERE t.session_id = s.id AND t.client_id = $2) AS sid
        FROM session s JOIN account a ON a.id = s.account_id JOIN person p ON p.id = s.person_id
        WHERE s.secret_digest = $1 AND s.ended_at IS NULL AND a.state = 'active' AND p.status = 'active'";
    // Writes nothing new: it waits for whoever ends the session, and makes whoever ends it wait (both engines).
    HOLD = "UPDATE session SET last_seen_at = last_seen_at WHERE id = $1 AND ended_at IS NULL RETURNING id";
    RENEW = "UPDATE session SET secret_digest = $2, auth_time = $3, acr = $4, amr = $5, own_device = $6, last_seen_at = $3, idle_expires_at = $7, expires_at = $8 WHERE id = $1 AND ended_at IS NULL";
    TOUCH = "UPDATE session SET last_seen_at = $2, idle_expires_at = $3 WHERE id = $1 AND ended_at IS NULL AND last_seen_at < $2";
    CHOOSE = "UPDATE session SET identity_id = $2 WHERE id = $1 AND ended_at IS NULL";
    END = "UPDATE session SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL";
    SHORTEN = "UPDATE session SET idle_expires_at = CASE WHEN idle_expires_at > $2 THEN $2 ELSE idle_expires_at END, expires_at = CASE WHEN expires_at > auth_time + $3 THEN auth_time + $3 ELSE expires_at END
        WHERE person_id = $1 AND ended_at IS NULL";
    LIVE_OF_PERSON = "SELECT id FROM session WHERE person_id = $1 AND ended_at IS NULL ORDER BY id";
    LIVE = "SELECT id FROM session WHERE id = $1 AND ended_at IS NULL AND expires_at > $2 AND idle_expires_at > $2";
    OF_DEVICE = "SELECT * FROM session WHERE id = $1 AND client_id IS NOT NULL AND ended_at IS NULL";
    // Used now, or left with something that comes back without it: a refresh token of an offline grant.
    REACHING = "SELECT s.* FROM session s WHERE s.person_id = $1 AND ((s.ended_at IS NULL AND s.expires_at > $2 AND s.idle_expires_at > $2)
        OR EXISTS (SELECT 1 FROM oidc_grant g JOIN refresh_family f ON f.grant_id = g.id WHERE g.session_id = s.id AND g.offline AND g.revoked_at IS NULL
            AND f.revoked_at IS NULL AND f.expires_at > $2 AND f.idle_expires_at > $2)) ORDER BY s.last_seen_at DESC, s.id";
    HISTORY = "SELECT * FROM session WHERE person_id = $1 ORDER BY created_at, id";
    BEGIN_SIGN_IN = "INSERT INTO sign_in (id, account_id, person_id, amr, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING";
    FINISH_SIGN_IN = "UPDATE sign_in SET finished_at = $2, session_id = $3 WHERE id = $1 AND finished_at IS NULL AND expires_at > $2";
    FORGET_SIGN_INS = "DELETE FROM sign_in WHERE expires_at < $1";
    // Changes nothing where the client takes part already, and tells its sid either way.
    JOIN_SESSION = "INSERT INTO session_client (session_id, client_id, sid, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (session_id, client_id) DO UPDATE SET sid = session_client.sid RETURNING sid";
    BY_SID = "SELECT s.* FROM session_client t JOIN session s ON s.id = t.session_id WHERE t.sid = $1 AND t.client_id = $2 AND s.ended_at IS NULL";
    // Waits for whoever ends the session, and makes whoever ends it wait (SQLite's writer is alone anyway). The person first,
    // as whoever merges her or closes her record takes them.
    @still_after ATTEND = "SELECT held.person_id AS person_id, (SELECT u.sub FROM subject u WHERE u.person_id = held.person_id AND u.sector = $3) AS sub, (SELECT t.sid FROM session_client t WHERE t.session_id = held.id AND t.client_id = $2) AS sid
        FROM session held JOIN account a ON a.id = held.account_id JOIN person first ON first.id = held.person_id JOIN client c ON c.id = $2
        WHERE held.id = $1 AND held.ended_at IS NULL AND held.expires_at > $4 AND held.idle_expires_at > $4 AND a.state = 'active' AND first.status = 'active' AND c.status = 'active'";
}

impl FromRow for Session {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            account: row.get("account_id")?,
            person: row.get("person_id")?,
            auth_time: row.get("auth_time")?,
            acr: row.get("acr")?,
            amr: row.json("amr")?,
            own_device: row.get("own_device")?,
            identity: row.get("identity_id")?,
            created_at: row.get("created_at")?,
            last_seen_at: row.get("last_seen_at")?,
            idle_expires_at: row.get("idle_expires_at")?,
            expires_at: row.get("expires_at")?,
            ended_at: row.get("ended_at")?,
            agent: row.get("agent")?,
            client: row.get("client_id")?,
        })
    }
}

struct Sid(String);

impl FromRow for Sid {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("sid")?))
    }
}

/// A session that somebody takes part in, kept from ending.
pub struct Attended {
    /// Whose it is: of somebody who was merged, the survivor.
    pub person: PersonId,
    /// What the client's sector calls her, if it knows her.
    pub sub: Option<String>,
    /// What the client calls the session, if it took part before.
    pub sid: Option<String>,
}

impl FromRow for Attended {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { person: row.get("person_id")?, sub: row.get("sub")?, sid: row.get("sid")? })
    }
}

struct Id(SessionId);

impl FromRow for Id {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// Adds a session under the digest of its secret.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, session: &Session, secret_digest: [u8; 32]) -> Result<(), StoreError> {
    let values = args![
        session.id,
        secret_digest,
        session.account,
        session.person,
        session.auth_time,
        session.acr.clone(),
        serde_json::json!(session.amr),
        session.own_device,
        session.identity,
        session.created_at,
        session.last_seen_at,
        session.idle_expires_at,
        session.expires_at,
        session.agent.clone(),
        session.client,
    ];
    tx.execute(INSERT, values).await?;
    Ok(())
}

/// The same person proved herself again: a new secret, a new time, the same session.
///
/// # Errors
/// As [`StoreError`] says; [`StoreError::Missing`] when it ended meanwhile.
pub async fn renew(tx: &mut Tx, session: &Session, secret_digest: [u8; 32]) -> Result<(), StoreError> {
    let values = args![
        session.id,
        secret_digest,
        session.auth_time,
        session.acr.clone(),
        serde_json::json!(session.amr),
        session.own_device,
        session.idle_expires_at,
        session.expires_at,
    ];
    if tx.execute_one(RENEW, values).await? { Ok(()) } else { Err(StoreError::Missing(RENEW.name)) }
}

/// The session of a cookie, whose account and person may sign in. The caller checks its times.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn by_secret(tx: &mut Tx, secret_digest: [u8; 32]) -> Result<Option<Session>, StoreError> {
    tx.optional(BY_SECRET, args![secret_digest]).await
}

/// Keeps a session from ending before this transaction does; whether it has not ended yet.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold(tx: &mut Tx, id: SessionId) -> Result<bool, StoreError> {
    Ok(tx.optional::<Id>(HOLD, args![id]).await?.is_some())
}

/// Keeps a session from ending before this transaction does, so that whoever ends it sees what was added to it. `None`
/// when it has ended or run out, or its account, its person or the client may no more.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn attend(
    tx: &mut Tx,
    id: SessionId,
    client: ClientId,
    sector: &str,
    now: Timestamp,
) -> Result<Option<Attended>, StoreError> {
    tx.optional(ATTEND, args![id, client, sector, now]).await
}

/// A session with the names that one client knows it by.
pub struct Visited {
    /// The session.
    pub session: Session,
    /// Where the client takes part in it already.
    pub known_as: Option<KnownAs>,
}

impl FromRow for Visited {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let (sub, sid): (Option<String>, Option<String>) = (row.get("sub")?, row.get("sid")?);
        let known_as = sub.zip(sid).map(|(sub, sid)| KnownAs { sub, sid });
        Ok(Self { session: Session::from_row(row)?, known_as })
    }
}

/// What many ask about sessions at one moment.
pub struct Asked {
    by_secret: Gather<Session>,
    visited: Gather<Visited>,
}

impl Asked {
    /// Of a database.
    pub fn of(db: &Db) -> Self {
        Self { by_secret: Gather::new(db.clone(), BY_SECRET), visited: Gather::new(db.clone(), VISITED) }
    }

    /// As [`by_secret`].
    ///
    /// # Errors
    /// As [`StoreError`] says.
    pub async fn by_secret(&self, secret_digest: [u8; 32]) -> Result<Option<Session>, StoreError> {
        self.by_secret.ask(args![secret_digest]).await
    }

    /// The same for a client. Nothing keeps the session from ending: a [`Guarded`] change looks again.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    pub async fn visited(
        &self,
        secret_digest: [u8; 32],
        client: ClientId,
        sector: &str,
    ) -> Result<Option<Visited>, StoreError> {
        self.visited.ask(args![secret_digest, client, sector]).await
    }
}

/// A change that is made where a client attends a session as it was read.
#[derive(Clone, Debug)]
pub struct Attendance {
    /// The session.
    pub session: SessionId,
    /// The client.
    pub client: ClientId,
    /// Its sector.
    pub sector: String,
    /// When.
    pub now: Timestamp,
    /// Who is there.
    pub person: PersonId,
    /// How the client knows her and the session.
    pub known_as: KnownAs,
}

impl Attendance {
    /// How the client attends it.
    pub fn attended(&self) -> Attended {
        let KnownAs { sub, sid } = self.known_as.clone();
        Attended { person: self.person, sub: Some(sub), sid: Some(sid) }
    }

    /// `first` as [`Guarded`] wants it, and what comes with it.
    pub fn guards(self, first: Change, rest: Vec<Change>) -> Guarded {
        let KnownAs { sub, sid } = self.known_as;
        let values = args![self.session, self.client, self.sector, self.now, self.person, sub, sid];
        Guarded { guard: ATTEND, values, expected: &["person_id", "sub", "sid"], first, rest }
    }
}

/// Moves the idle end on.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn touch(tx: &mut Tx, id: SessionId, now: Timestamp, idle_expires_at: Timestamp) -> Result<(), StoreError> {
    tx.execute(TOUCH, args![id, now, idle_expires_at]).await?;
    Ok(())
}

/// Keeps the chosen identity as the default of the next grant; whether the session is still there.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn choose_identity(tx: &mut Tx, id: SessionId, identity: IdentityId) -> Result<bool, StoreError> {
    tx.execute_one(CHOOSE, args![id, identity]).await
}

/// Ends a session; whether it was this call that did.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end(tx: &mut Tx, id: SessionId, now: Timestamp, reason: &'static str) -> Result<bool, StoreError> {
    tx.execute_one(END, args![id, now, reason]).await
}

/// Lets the sessions of a person live no longer than to `idle_until` unused, and `absolute` from her sign-in in any case.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn shorten(
    tx: &mut Tx,
    on: &TaskOn,
    idle_until: Timestamp,
    absolute: std::time::Duration,
) -> Result<u64, StoreError> {
    let absolute = i64::try_from(absolute.as_micros()).unwrap_or(i64::MAX / 2);
    tx.execute(SHORTEN, args![on.person(), idle_until, absolute]).await
}

/// Whether a session has neither ended nor run out.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn is_live(tx: &mut Tx, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.optional::<Id>(LIVE, args![id, now]).await?.is_some())
}

/// Sessions of a person that were not ended.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn live_of_person(tx: &mut Tx, person: PersonId) -> Result<Vec<SessionId>, StoreError> {
    Ok(tx.all::<Id>(LIVE_OF_PERSON, args![person]).await?.into_iter().map(|row| row.0).collect())
}

/// A session that was begun for a client's device and has not been ended.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_device(tx: &mut Tx, id: SessionId) -> Result<Option<Session>, StoreError> {
    tx.optional(OF_DEVICE, args![id]).await
}

/// Sessions of a person from which somebody still reaches something, the latest first: those that may be used now, and
/// those, ended or not, in which a grant was given that outlives them.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn reaching(tx: &mut Tx, proof: &impl OnePerson, now: Timestamp) -> Result<Vec<Session>, StoreError> {
    tx.all(REACHING, args![proof.person(), now]).await
}

/// All sessions of a person, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn history(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<Session>, StoreError> {
    tx.all(HISTORY, args![proof.person()]).await
}

/// Notes that factors were passed; an interaction that is already there stays as it is.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn begin_sign_in(tx: &mut Tx, sign_in: &SignIn) -> Result<(), StoreError> {
    let values = args![
        sign_in.id,
        sign_in.account,
        sign_in.person,
        serde_json::json!(sign_in.amr),
        sign_in.created_at,
        sign_in.expires_at
    ];
    tx.execute(BEGIN_SIGN_IN, values).await?;
    Ok(())
}

/// Finishes a sign-in with its session; `false` when it was finished before or is void.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn finish_sign_in(
    tx: &mut Tx,
    id: InteractionId,
    now: Timestamp,
    session: SessionId,
) -> Result<bool, StoreError> {
    tx.execute_one(FINISH_SIGN_IN, args![id, now, session]).await
}

/// Drops sign-ins that nobody can finish any more.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget_sign_ins(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    tx.execute(FORGET_SIGN_INS, args![before]).await
}

/// Notes that a client takes part in a session, under a fresh `sid` unless it has one; the `sid`.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn join(
    tx: &mut Tx,
    session: SessionId,
    client: ClientId,
    fresh_sid: &str,
    now: Timestamp,
) -> Result<String, StoreError> {
    Ok(tx.one::<Sid>(JOIN_SESSION, args![session, client, fresh_sid, now]).await?.0)
}

/// The session that a client knows as `sid`.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn by_sid(tx: &mut Tx, client: ClientId, sid: &str) -> Result<Option<Session>, StoreError> {
    tx.optional(BY_SID, args![sid, client]).await
}
