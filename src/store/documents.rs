//! Identity documents 身份证件 and personal codes 学籍号: sealed, and found by a keyed index alone (rulings R6, R10).
//! Sealed bytes and indexes are made by `keys` and passed in.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use uuid::Uuid;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use crate::domain::access::{OnePerson, Probe, Task, TaskOn};
use crate::domain::id::{DocumentId, PersonId, VerificationId};
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::document::{DocumentClass, DocumentLabel, DocumentStatus, PaperEnd};
use crate::domain::registry::person::PersonSalt;
use crate::domain::registry::personal_code::PersonalCodeKind;
use crate::domain::time::Timestamp;

statements! {
    // A number that is taken is an answer, not an error: an error would end the whole transaction on PostgreSQL.
    INSERT = "INSERT INTO identity_document (id, person_id, class, country, label, number_sealed, number_index, status, valid_from, valid_to, verification_id, created_at, updated_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        ON CONFLICT (class, country, number_index) WHERE status IN ('active', 'superseded') DO NOTHING";
    HOLDER = "SELECT d.person_id AS person_id, d.id AS id, d.status AS status, p.name_key AS name_key FROM identity_document d JOIN person p ON p.id = d.person_id
        WHERE d.class = $1 AND d.country = $2 AND d.number_index = $3 AND d.status IN ('active', 'superseded')";
    // By a step in the index for each: countries are few, papers are many.
    NEXT_COUNTRY = "SELECT MIN(country) AS country FROM identity_document WHERE class = $1 AND country > $2 AND status IN ('active', 'superseded')";
    LEARN_COUNTRY = "UPDATE identity_document SET country = $3, number_index = $4, updated_at = $5, version = version + 1 WHERE id = $1 AND person_id = $2 AND country = ''";
    OF_PERSON = "SELECT * FROM identity_document WHERE person_id = $1 ORDER BY created_at, id";
    SET_STATUS = "UPDATE identity_document SET status = $3, valid_to = COALESCE(valid_to, $6), updated_at = $4, version = version + 1 WHERE id = $1 AND person_id = $2 AND status = $5";
    REVOKE = "UPDATE identity_document SET status = 'superseded', ended_as = $3, end_evidence_sealed = $4, valid_to = $5, updated_at = $6, version = version + 1 WHERE id = $1 AND person_id = $2 AND status = 'active'";
    // Issued anew under the same number.
    REISSUE = "UPDATE identity_document SET status = 'active', ended_as = NULL, end_evidence_sealed = NULL, valid_from = $3, valid_to = NULL, updated_at = $4, version = version + 1
        WHERE id = $1 AND person_id = $2 AND status = 'superseded' AND ended_as IS NOT NULL";
    // Another one had taken its place by mistake.
    RESTORE = "UPDATE identity_document SET status = 'active', valid_to = NULL, updated_at = $3, version = version + 1
        WHERE id = $1 AND person_id = $2 AND status = 'superseded' AND ended_as IS NULL";
    // How it ended before that stays known.
    KEEP = "INSERT INTO identity_document_slice (id, document_id, valid_from, valid_to, ended_as, evidence_sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    SLICES = "SELECT s.* FROM identity_document_slice s JOIN identity_document d ON d.id = s.document_id WHERE d.person_id = $1 ORDER BY s.document_id, s.valid_to, s.id";
    INSERT_CODE = "INSERT INTO personal_code (id, person_id, kind, code_sealed, code_index, status, created_at) VALUES ($1, $2, $3, $4, $5, 'active', $6)
        ON CONFLICT (code_index) WHERE status IN ('active', 'superseded') DO NOTHING";
    CODE_HOLDER = "SELECT person_id FROM personal_code WHERE code_index = $1 AND status IN ('active', 'superseded')";
    SUPERSEDE_CODES = "UPDATE personal_code SET status = 'superseded', valid_to = $3 WHERE person_id = $1 AND status = 'active' AND code_index <> $2";
    RESTORE_CODE = "UPDATE personal_code SET status = 'active', valid_to = NULL WHERE person_id = $1 AND code_index = $2 AND status = 'superseded'";
    CODES_OF = "SELECT * FROM personal_code WHERE person_id = $1 ORDER BY created_at, id";
    WITHDRAW_CODE = "UPDATE personal_code SET status = 'withdrawn', valid_to = COALESCE(valid_to, $3) WHERE person_id = $1 AND code_index = $2 AND status IN ('active', 'superseded')";
    HOLDERS_OF_MANY = "SELECT d.number_index AS found, d.person_id AS person_id, p.name_key AS name_key, p.salt AS salt, p.status AS status, p.sex AS sex, p.birth_date AS birth_date FROM identity_document d JOIN person p ON p.id = d.person_id
        WHERE d.class = $1 AND d.country = $2 AND d.status IN ('active', 'superseded') AND d.number_index IN ($3)";
    BEARERS_OF_MANY = "SELECT DISTINCT person_id AS id FROM identity_document WHERE status IN ('active', 'superseded') AND person_id IN ($1)";
    CODE_HOLDERS_OF_MANY = "SELECT c.code_index AS found, c.person_id AS person_id, p.name_key AS name_key, p.salt AS salt, p.status AS status, p.sex AS sex, p.birth_date AS birth_date FROM personal_code c JOIN person p ON p.id = c.person_id
        WHERE c.status IN ('active', 'superseded') AND c.code_index IN ($1)";
}

/// What makes a document unique.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DocumentKey {
    /// Its class.
    pub class: DocumentClass,
    /// Issuing country, empty where the class has one issuer.
    pub country: String,
    /// Keyed HMAC of the number.
    pub index: [u8; 32],
}

/// A document as stored.
pub struct StoredDocument {
    /// Its id.
    pub id: DocumentId,
    /// Whose.
    pub person: PersonId,
    /// What makes it unique.
    pub key: DocumentKey,
    /// What the paper is called.
    pub label: DocumentLabel,
    /// The number, sealed with the person's salt; gone after erasure.
    pub number_sealed: Option<Vec<u8>>,
    /// What has become of it.
    pub status: DocumentStatus,
    /// First day, where it is another than that of its record.
    pub valid_from: Option<NaiveDate>,
    /// First day on which it was no longer hers to show.
    pub valid_to: Option<NaiveDate>,
    /// What ended it, where no other paper took its place.
    pub ended_as: Option<PaperEnd>,
    /// By what that is known, sealed with the person's salt.
    pub end_evidence_sealed: Option<Vec<u8>>,
    /// What verified it.
    pub verification: Option<VerificationId>,
    /// First recorded.
    pub created_at: Timestamp,
    /// Last changed.
    pub updated_at: Timestamp,
    /// Counts changes.
    pub version: i64,
}

impl FromRow for StoredDocument {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let key =
            DocumentKey { class: row.code("class")?, country: row.get("country")?, index: row.get("number_index")? };
        Ok(Self {
            id: row.get("id")?,
            person: row.get("person_id")?,
            key,
            label: row.code("label")?,
            number_sealed: row.get("number_sealed")?,
            status: row.code("status")?,
            valid_from: row.get("valid_from")?,
            valid_to: row.get("valid_to")?,
            ended_as: row.optional_code("ended_as")?,
            end_evidence_sealed: row.get("end_evidence_sealed")?,
            verification: row.get("verification_id")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            version: row.get("version")?,
        })
    }
}

impl StoredDocument {
    /// Whether another paper of hers gave way to this one when it was recorded.
    pub fn had_replaced(&self, other: &Self) -> bool {
        let same_country = other.key.country == self.key.country || other.key.country.is_empty();
        let same_space = other.key.class == self.key.class && same_country;
        let gave_way = other.status == DocumentStatus::Superseded && other.ended_as.is_none();
        same_space && gave_way && (other.created_at, other.id) < (self.created_at, self.id)
    }

    /// The first day.
    pub fn from(&self) -> NaiveDate {
        self.valid_from.unwrap_or_else(|| self.created_at.shanghai_date())
    }
}

/// Who holds a number, for tasks that must tell the same person from a conflict.
pub struct Holder {
    /// Who.
    pub person: PersonId,
    /// The document.
    pub document: DocumentId,
    /// Active or superseded.
    pub status: DocumentStatus,
    /// For comparing names; none after erasure.
    pub name_key: Option<String>,
}

impl FromRow for Holder {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            person: row.get("person_id")?,
            document: row.get("id")?,
            status: row.code("status")?,
            name_key: row.get("name_key")?,
        })
    }
}

/// Somebody who is known outside the asker's scope: can be linked and nothing else (ruling R1).
pub struct Linkable(PersonId);

impl Linkable {
    /// Hands the person to a task that attaches a claimed relation.
    pub fn link(self, task: &Task) -> TaskOn {
        task.on(self.0)
    }
}

struct Code(PersonId);

impl FromRow for Code {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("person_id")?))
    }
}

/// Records a document of the person; `false` when the number is taken.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, on: &TaskOn, document: &StoredDocument) -> Result<bool, StoreError> {
    tx.execute_one(INSERT, values(on.person(), document)).await
}

/// Records many documents in the order given, which the caller keeps the same everywhere; how many. A taken number stays
/// out.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_all(tx: &mut Tx, _task: &Task, all: &[StoredDocument]) -> Result<u64, StoreError> {
    tx.insert_many(INSERT, all.iter().map(|one| values(one.person, one)).collect()).await
}

fn values(person: PersonId, document: &StoredDocument) -> Vec<Value> {
    args![
        document.id,
        person,
        document.key.class.as_str(),
        document.key.country.clone(),
        document.label.as_str(),
        document.number_sealed.clone(),
        document.key.index,
        document.status.as_str(),
        document.valid_from,
        document.valid_to,
        document.verification,
        document.created_at,
        document.updated_at,
        document.version,
    ]
}

/// Who holds a number.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn holder(tx: &mut Tx, _task: &Task, key: &DocumentKey) -> Result<Option<Holder>, StoreError> {
    tx.optional(HOLDER, args![key.class.as_str(), key.country.clone(), key.index]).await
}

struct Country(Option<String>);

impl FromRow for Country {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("country")?))
    }
}

/// The countries whose papers of a class somebody holds.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn countries(tx: &mut Tx, _task: &Task, class: DocumentClass) -> Result<Vec<String>, StoreError> {
    let mut found: Vec<String> = Vec::new();
    loop {
        let last = found.last().cloned().unwrap_or_default();
        match tx.optional::<Country>(NEXT_COUNTRY, args![class.as_str(), last]).await? {
            Some(Country(Some(next))) => found.push(next),
            _ => return Ok(found),
        }
    }
}

/// A paper of the person whose country nobody had said is of this one; `false` when it was said before.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn learn_country(
    tx: &mut Tx,
    on: &TaskOn,
    id: DocumentId,
    key: &DocumentKey,
    now: Timestamp,
) -> Result<bool, StoreError> {
    tx.execute_one(LEARN_COUNTRY, args![id, on.person(), key.country.clone(), key.index, now]).await
}

/// The uniqueness question: whether somebody holds a number, and a handle that can only be linked.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn probe(tx: &mut Tx, _probe: &Probe, key: &DocumentKey) -> Result<Option<Linkable>, StoreError> {
    let held = tx.optional::<Holder>(HOLDER, args![key.class.as_str(), key.country.clone(), key.index]).await?;
    Ok(held.map(|holder| Linkable(holder.person)))
}

/// All documents of a person, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_person(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<StoredDocument>, StoreError> {
    tx.all(OF_PERSON, args![proof.person()]).await
}

/// Moves a document of the person from one status to another; `false` when it was not in the first. A withdrawn number
/// that somebody else recorded meanwhile is refused by the unique constraint.
///
/// # Errors
/// `identity_document_class_country_number_index_key` as said.
pub async fn set_status(
    tx: &mut Tx,
    on: &TaskOn,
    id: DocumentId,
    from: DocumentStatus,
    to: DocumentStatus,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let end = (to != DocumentStatus::Active).then(|| now.shanghai_date());
    tx.execute_one(SET_STATUS, args![id, on.person(), to.as_str(), now, from.as_str(), end]).await
}

/// Ends an active paper of the person, whose number stays hers; `false` when it is not active.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn revoke(
    tx: &mut Tx,
    on: &TaskOn,
    id: DocumentId,
    (ended_as, evidence_sealed): (PaperEnd, Option<Vec<u8>>),
    day: NaiveDate,
    now: Timestamp,
) -> Result<bool, StoreError> {
    tx.execute_one(REVOKE, args![id, on.person(), ended_as.as_str(), evidence_sealed, day, now]).await
}

/// How a paper was until it ended, before it was issued anew under its number.
pub struct PaperSlice {
    /// Of the row.
    pub id: Uuid,
    /// Which paper.
    pub document: DocumentId,
    /// First day.
    pub valid_from: NaiveDate,
    /// First day on which it was no longer hers to show.
    pub valid_to: NaiveDate,
    /// What ended it.
    pub ended_as: PaperEnd,
    /// By what that is known, sealed with the person's salt.
    pub evidence_sealed: Option<Vec<u8>>,
}

impl FromRow for PaperSlice {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            document: row.get("document_id")?,
            valid_from: row.get("valid_from")?,
            valid_to: row.get("valid_to")?,
            ended_as: row.code("ended_as")?,
            evidence_sealed: row.get("evidence_sealed")?,
        })
    }
}

/// A paper that was revoked was issued anew under its number, and how it was until then is kept; `false` when it was not revoked.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn reissue(tx: &mut Tx, on: &TaskOn, before: &PaperSlice, now: Timestamp) -> Result<bool, StoreError> {
    if !tx.execute_one(REISSUE, args![before.document, on.person(), now.shanghai_date(), now]).await? {
        return Ok(false);
    }
    let values = args![
        before.id,
        before.document,
        before.valid_from,
        before.valid_to,
        before.ended_as.as_str(),
        before.evidence_sealed.clone(),
        now,
    ];
    tx.execute_one(KEEP, values).await
}

/// A paper in whose place another one was recorded by mistake is hers to show, as it was all the time; `false` when no other took
/// its place.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn restore(tx: &mut Tx, on: &TaskOn, id: DocumentId, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(RESTORE, args![id, on.person(), now]).await
}

/// How the papers of a person were before they were issued anew, the oldest of each first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn slices(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<PaperSlice>, StoreError> {
    tx.all(SLICES, args![proof.person()]).await
}

/// Records a 学籍号 as the person's present one; the earlier ones are superseded. `false` when it is taken.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_code(
    tx: &mut Tx,
    on: &TaskOn,
    id: Uuid,
    kind: PersonalCodeKind,
    sealed: Vec<u8>,
    index: [u8; 32],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let fresh = tx.execute_one(INSERT_CODE, args![id, on.person(), kind.as_str(), sealed, index, now]).await?;
    if fresh {
        tx.execute(SUPERSEDE_CODES, args![on.person(), index, now.shanghai_date()]).await?;
    }
    Ok(fresh)
}

/// The same of a 学籍号; the one that stood in its place is superseded. `false` when none did.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn restore_code(tx: &mut Tx, on: &TaskOn, index: [u8; 32], now: Timestamp) -> Result<bool, StoreError> {
    let back = tx.execute_one(RESTORE_CODE, args![on.person(), index]).await?;
    if back {
        tx.execute(SUPERSEDE_CODES, args![on.person(), index, now.shanghai_date()]).await?;
    }
    Ok(back)
}

/// A 学籍号 as stored.
pub struct StoredCode {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub person: PersonId,
    /// G, J or L.
    pub kind: PersonalCodeKind,
    /// The code, sealed with the person's salt; gone after erasure.
    pub sealed: Option<Vec<u8>>,
    /// Keyed HMAC of the code.
    pub index: [u8; 32],
    /// What has become of it.
    pub status: DocumentStatus,
    /// First day on which it was no longer hers; unknown of those that ended before days were kept.
    pub valid_to: Option<NaiveDate>,
    /// First recorded.
    pub created_at: Timestamp,
}

impl FromRow for StoredCode {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            person: row.get("person_id")?,
            kind: row.code("kind")?,
            sealed: row.get("code_sealed")?,
            index: row.get("code_index")?,
            status: row.code("status")?,
            valid_to: row.get("valid_to")?,
            created_at: row.get("created_at")?,
        })
    }
}

/// All 学籍号 of a person, the oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn codes_of(tx: &mut Tx, proof: &impl OnePerson) -> Result<Vec<StoredCode>, StoreError> {
    tx.all(CODES_OF, args![proof.person()]).await
}

/// Takes a 学籍号 away from the person; it is free for its true holder. `false` when she does not hold it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn withdraw_code(tx: &mut Tx, on: &TaskOn, index: [u8; 32], now: Timestamp) -> Result<bool, StoreError> {
    tx.execute_one(WITHDRAW_CODE, args![on.person(), index, now.shanghai_date()]).await
}

/// Who holds a 学籍号.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn code_holder(tx: &mut Tx, _task: &Task, index: [u8; 32]) -> Result<Option<PersonId>, StoreError> {
    Ok(tx.optional::<Code>(CODE_HOLDER, args![index]).await?.map(|row| row.0))
}

/// Somebody whom a number or a 学籍号 of a roster names.
pub struct Named {
    /// The index that was asked for.
    pub found: [u8; 32],
    /// Who.
    pub person: PersonId,
    /// For comparing names; none after erasure.
    pub name_key: Option<String>,
    /// What her sealed columns hang on; none after erasure.
    pub salt: Option<PersonSalt>,
    /// Her state.
    pub status: Status,
    /// GB/T 2261.1.
    pub sex: Sex,
    /// Her birth date, where it is known.
    pub birth_date: Option<NaiveDate>,
}

impl FromRow for Named {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            found: row.get("found")?,
            person: row.get("person_id")?,
            name_key: row.get("name_key")?,
            salt: row.get::<Option<[u8; 32]>>("salt")?.map(PersonSalt::from_bytes),
            status: row.code("status")?,
            sex: row.code("sex")?,
            birth_date: row.get("birth_date")?,
        })
    }
}

/// Who holds the numbers of a class and country.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn holders_of_many(
    tx: &mut Tx,
    _task: &Task,
    class: DocumentClass,
    country: &str,
    indexes: &[[u8; 32]],
) -> Result<Vec<Named>, StoreError> {
    let keys = indexes.iter().map(Value::from).collect();
    tx.all_in(HOLDERS_OF_MANY, &[class.as_str().into(), country.into()], keys).await
}

/// Who holds the 学籍号.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn code_holders_of_many(tx: &mut Tx, _task: &Task, indexes: &[[u8; 32]]) -> Result<Vec<Named>, StoreError> {
    tx.all_in(CODE_HOLDERS_OF_MANY, &[], indexes.iter().map(Value::from).collect()).await
}

struct Bearer(PersonId);

impl FromRow for Bearer {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// Who of some people holds any paper.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn bearers_of_many(tx: &mut Tx, _task: &Task, people: &[PersonId]) -> Result<BTreeSet<PersonId>, StoreError> {
    let found: Vec<Bearer> =
        tx.all_in(BEARERS_OF_MANY, &[], people.iter().map(|id| Value::from(*id)).collect()).await?;
    Ok(found.into_iter().map(|bearer| bearer.0).collect())
}

/// A 学籍号 for a bulk insert.
pub struct NewCode {
    /// Of the row.
    pub id: Uuid,
    /// Whose.
    pub person: PersonId,
    /// G, J or L.
    pub kind: PersonalCodeKind,
    /// The code, sealed with the person's salt.
    pub sealed: Vec<u8>,
    /// Keyed HMAC of the code.
    pub index: [u8; 32],
}

/// Records the first 学籍号 of many people in the order given; how many. A taken one stays out.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_codes(tx: &mut Tx, _task: &Task, all: &[NewCode], now: Timestamp) -> Result<u64, StoreError> {
    let rows = all
        .iter()
        .map(|code| args![code.id, code.person, code.kind.as_str(), code.sealed.clone(), code.index, now])
        .collect();
    tx.insert_many(INSERT_CODE, rows).await
}
