//! Persons 自然人, and the presence rows that name search runs on (ruling R6).

use chrono::NaiveDate;

use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use crate::domain::access::{OnePerson, Subtree, Task, TaskOn};
use crate::domain::id::{OrgId, PersonId};
use crate::domain::registry::codes::realname::Level;
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::name::{self, PersonName};
use crate::domain::registry::person::{Person, PersonSalt};
use crate::domain::time::Timestamp;

/// Whether a guardianship `g` of a child with the stay `e` makes its guardian somebody of the subtree under `$2` for an
/// administrator: the child's 学籍 is there, or an institution there recorded her; and she is not only named there, at any other
/// institution of the administrator's or by herself, as long as nobody else looked at it (R1).
macro_rules! keeps_under {
    ($admin:literal) => {
        concat!(
            "g.status = 'confirmed'
            AND (e.source = 'normal' OR EXISTS (SELECT 1 FROM institution_closure k WHERE k.ancestor_id = $2 AND k.descendant_id = g.recorded_org_id))
            AND NOT EXISTS (SELECT 1 FROM relation_claim r WHERE r.person_id = g.guardian_id AND r.child_id = g.child_id
                AND r.kind = 'guardian' AND r.org_id = g.recorded_org_id AND ",
            crate::store::relation_claims::own_word!(),
            " AND (r.claimed_by = ",
            $admin,
            " OR EXISTS (SELECT 1 FROM institution_closure k WHERE k.descendant_id = r.org_id AND (k.ancestor_id = $2
                OR EXISTS (SELECT 1 FROM admin_grant h WHERE h.org_id = k.ancestor_id AND h.person_id = ",
            $admin,
            " AND h.revoked_at IS NULL)))))"
        )
    };
}
pub(super) use keeps_under;

statements! {
    INSERT = "INSERT INTO person (id, space_id, name, name_key, sex, birth_date, nationality, status, realname_level, realname_at, salt, home_platform_id, merged_into, created_at, updated_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    // The row must be one version behind: who read an older one finds nothing to update.
    UPDATE = "UPDATE person SET name = $2, name_key = $3, sex = $4, birth_date = $5, nationality = $6, status = $7, realname_level = $8, realname_at = $9, salt = $10,
        home_platform_id = $11, merged_into = $12, updated_at = $13, version = $14 WHERE id = $1 AND version = $14 - 1";
    FIND = "SELECT * FROM person WHERE id = $1";
    SURVIVOR = "WITH RECURSIVE chain (id, merged_into) AS (
            SELECT id, merged_into FROM person WHERE id = $1
            UNION SELECT p.id, p.merged_into FROM person p JOIN chain ON chain.merged_into = p.id
        ) SELECT id FROM chain WHERE merged_into IS NULL";
    // In a subtree is who studies or works there today, and who keeps a child there.
    IN_SUBTREE = concat!("SELECT p.* FROM person p WHERE p.id = $1 AND (
        EXISTS (SELECT 1 FROM enrolment e JOIN institution_closure c ON c.descendant_id = e.org_id
            WHERE e.person_id = p.id AND c.ancestor_id = $2 AND e.valid_from <= $3 AND (e.valid_to IS NULL OR e.valid_to > $3))
        OR EXISTS (SELECT 1 FROM staffing s JOIN institution_closure c ON c.descendant_id = s.org_id
            WHERE s.person_id = p.id AND c.ancestor_id = $2 AND s.valid_from <= $3 AND (s.valid_to IS NULL OR s.valid_to > $3))
        OR EXISTS (SELECT 1 FROM guardianship g JOIN enrolment e ON e.person_id = g.child_id JOIN institution_closure c ON c.descendant_id = e.org_id
            WHERE g.guardian_id = p.id AND c.ancestor_id = $2 AND e.valid_from <= $3 AND (e.valid_to IS NULL OR e.valid_to > $3) AND ", keeps_under!("$4"), "))");
    // Presence reaches up to the county, so a scope above it looks at its counties, at authorities between for their own staff, and
    // at the schools that stand directly under one of those.
    SEARCHED = "WITH RECURSIVE above (id, level) AS (
        SELECT id, level FROM institution WHERE id = $1
        UNION ALL SELECT n.id, n.level FROM above a JOIN institution n ON n.parent_id = a.id WHERE a.level IN ('nation', 'province', 'city'))
        SELECT id FROM above WHERE id = $1 OR level <> 'nation' ORDER BY id";
    // Of one institution: its key's own order ends the walk after so many, however many people bear such a name. Nothing but that key
    // is read: of most who are found here others stand before them on the page.
    SEARCH = "SELECT person_id AS id, name_key FROM presence WHERE org_id = $1 AND name_key >= $2 AND name_key < $3 ORDER BY name_key, person_id LIMIT $4";
    LEAVE = "DELETE FROM presence WHERE person_id = $1 AND org_id NOT IN (
        SELECT c.ancestor_id FROM enrolment e JOIN institution_closure c ON c.descendant_id = e.org_id WHERE e.person_id = $1 AND e.valid_to IS NULL
        UNION SELECT c.ancestor_id FROM staffing s JOIN institution_closure c ON c.descendant_id = s.org_id WHERE s.person_id = $1 AND s.valid_to IS NULL)";
    ARRIVE = "INSERT INTO presence (org_id, name_key, person_id)
        SELECT DISTINCT o.id, p.name_key, p.id FROM person p
        JOIN (SELECT person_id, org_id FROM enrolment WHERE valid_to IS NULL UNION SELECT person_id, org_id FROM staffing WHERE valid_to IS NULL) at ON at.person_id = p.id
        JOIN institution_closure c ON c.descendant_id = at.org_id
        JOIN institution o ON o.id = c.ancestor_id AND (c.depth = 0 OR o.level IN ('county', 'school', 'campus'))
        WHERE p.id = $1 AND p.name_key IS NOT NULL
        ON CONFLICT (org_id, name_key, person_id) DO NOTHING";
    ARRIVE_AS_BEFORE = "INSERT INTO presence (org_id, name_key, person_id)
        SELECT DISTINCT o.id, n.name_key, n.person_id FROM person_name n
        JOIN (SELECT person_id, org_id FROM enrolment WHERE valid_to IS NULL UNION SELECT person_id, org_id FROM staffing WHERE valid_to IS NULL) at ON at.person_id = n.person_id
        JOIN institution_closure c ON c.descendant_id = at.org_id
        JOIN institution o ON o.id = c.ancestor_id AND (c.depth = 0 OR o.level IN ('county', 'school', 'campus'))
        WHERE n.person_id = $1 AND n.name_key IS NOT NULL
        ON CONFLICT (org_id, name_key, person_id) DO NOTHING";
    INSERT_PRESENCE = "INSERT INTO presence (org_id, name_key, person_id) VALUES ($1, $2, $3) ON CONFLICT (org_id, name_key, person_id) DO NOTHING";
    LEAVE_OF_MANY = "DELETE FROM presence WHERE person_id IN ($1)
        AND NOT EXISTS (SELECT 1 FROM enrolment e JOIN institution_closure c ON c.descendant_id = e.org_id WHERE e.person_id = presence.person_id AND e.valid_to IS NULL AND c.ancestor_id = presence.org_id)
        AND NOT EXISTS (SELECT 1 FROM staffing s JOIN institution_closure c ON c.descendant_id = s.org_id WHERE s.person_id = presence.person_id AND s.valid_to IS NULL AND c.ancestor_id = presence.org_id)
        RETURNING person_id AS id";
    HIDE_FROM = "DELETE FROM presence WHERE org_id = $1 AND person_id IN ($2) RETURNING person_id AS id";
    // One by one what ARRIVE does in one statement: a subquery over two tables would be read whole for many people.
    STUDENTS_ARRIVE = "INSERT INTO presence (org_id, name_key, person_id) SELECT o.id, p.name_key, p.id FROM person p JOIN enrolment e ON e.person_id = p.id AND e.valid_to IS NULL
        JOIN institution_closure c ON c.descendant_id = e.org_id JOIN institution o ON o.id = c.ancestor_id AND (c.depth = 0 OR o.level IN ('county', 'school', 'campus'))
        WHERE p.name_key IS NOT NULL AND p.id IN ($1) ON CONFLICT (org_id, name_key, person_id) DO NOTHING RETURNING person_id AS id";
    STAFF_ARRIVE = "INSERT INTO presence (org_id, name_key, person_id) SELECT o.id, p.name_key, p.id FROM person p JOIN staffing e ON e.person_id = p.id AND e.valid_to IS NULL
        JOIN institution_closure c ON c.descendant_id = e.org_id JOIN institution o ON o.id = c.ancestor_id AND (c.depth = 0 OR o.level IN ('county', 'school', 'campus'))
        WHERE p.name_key IS NOT NULL AND p.id IN ($1) ON CONFLICT (org_id, name_key, person_id) DO NOTHING RETURNING person_id AS id";
    STUDENTS_ARRIVE_AS_BEFORE = "INSERT INTO presence (org_id, name_key, person_id) SELECT o.id, p.name_key, p.person_id FROM person_name p JOIN enrolment e ON e.person_id = p.person_id AND e.valid_to IS NULL
        JOIN institution_closure c ON c.descendant_id = e.org_id JOIN institution o ON o.id = c.ancestor_id AND (c.depth = 0 OR o.level IN ('county', 'school', 'campus'))
        WHERE p.name_key IS NOT NULL AND p.person_id IN ($1) ON CONFLICT (org_id, name_key, person_id) DO NOTHING RETURNING person_id AS id";
    STAFF_ARRIVE_AS_BEFORE = "INSERT INTO presence (org_id, name_key, person_id) SELECT o.id, p.name_key, p.person_id FROM person_name p JOIN staffing e ON e.person_id = p.person_id AND e.valid_to IS NULL
        JOIN institution_closure c ON c.descendant_id = e.org_id JOIN institution o ON o.id = c.ancestor_id AND (c.depth = 0 OR o.level IN ('county', 'school', 'campus'))
        WHERE p.name_key IS NOT NULL AND p.person_id IN ($1) ON CONFLICT (org_id, name_key, person_id) DO NOTHING RETURNING person_id AS id";
    // Of what is known nothing changes.
    FILL = "UPDATE person SET sex = COALESCE($2, sex), birth_date = COALESCE(birth_date, $3), updated_at = $4, version = version + 1
        WHERE id = $1 AND (CAST($2 AS TEXT) IS NULL OR sex IN ('0', '9')) AND (CAST($3 AS TEXT) IS NULL OR birth_date IS NULL)";
    @hold HOLD = "SELECT * FROM person WHERE id = $1";
    @share STANDING_OF_MANY = "SELECT id FROM person WHERE merged_into IS NULL AND salt IS NOT NULL AND id IN ($1) ORDER BY id";
    @share LIVING_OF_MANY = "SELECT id FROM person WHERE merged_into IS NULL AND salt IS NOT NULL AND status NOT IN ('cancelled', 'deceased') AND id IN ($1) ORDER BY id";
}

impl FromRow for Person {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let level = Level::new(row.get("realname_level")?)
            .map_err(|unknown| StoreError::Decode { column: "realname_level", reason: unknown.to_string() })?;
        Ok(Self {
            id: row.get("id")?,
            space: row.get("space_id")?,
            name: row.get::<Option<String>>("name")?.map(PersonName::from_stored),
            sex: row.code("sex")?,
            birth_date: row.get("birth_date")?,
            nationality: row.get("nationality")?,
            status: row.code("status")?,
            realname_level: level,
            realname_at: row.get("realname_at")?,
            salt: row.get::<Option<[u8; 32]>>("salt")?.map(PersonSalt::from_bytes),
            home_platform: row.get("home_platform_id")?,
            merged_into: row.get("merged_into")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            version: row.get("version")?,
        })
    }
}

struct Id(PersonId);

impl FromRow for Id {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// An institution whose presence rows a search walks.
struct Searched(OrgId);

impl FromRow for Searched {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// A person found by name.
pub struct Hit {
    /// Who.
    pub id: PersonId,
    /// The key that was found: of her present name, or of one she bore before.
    pub name_key: String,
}

impl FromRow for Hit {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.get("id")?, name_key: row.get("name_key")? })
    }
}

/// Adds a person; her space was added before.
///
/// # Errors
/// `person_space_id_key` when the space is somebody else's.
pub async fn insert(tx: &mut Tx, _task: &Task, person: &Person) -> Result<(), StoreError> {
    tx.execute(INSERT, values(person)).await?;
    Ok(())
}

/// Adds many persons; their spaces were added before.
///
/// # Errors
/// As [`insert`].
pub async fn insert_all(tx: &mut Tx, _task: &Task, people: &[Person]) -> Result<(), StoreError> {
    tx.insert_many(INSERT, people.iter().map(values).collect()).await?;
    Ok(())
}

fn values(person: &Person) -> Vec<Value> {
    args![
        person.id,
        person.space,
        person.name.as_ref().map(PersonName::as_str),
        person.name_key(),
        person.sex.as_str(),
        person.birth_date,
        person.nationality.clone(),
        person.status.as_str(),
        i64::from(person.realname_level.get()),
        person.realname_at,
        person.salt.as_ref().map(|salt| *salt.expose()),
        person.home_platform,
        person.merged_into,
        person.created_at,
        person.updated_at,
        person.version,
    ]
}

/// Adds presence rows of new people or of people who came to another institution; those that are there stay.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn arrive_all(tx: &mut Tx, _task: &Task, rows: &[(OrgId, String, PersonId)]) -> Result<(), StoreError> {
    let rows = rows.iter().map(|(org, key, person)| args![*org, key.clone(), *person]).collect();
    tx.insert_many(INSERT_PRESENCE, rows).await?;
    Ok(())
}

/// Writes a changed person, whose version was counted up by one. `false` when somebody else changed her meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, on: &TaskOn, person: &Person) -> Result<bool, StoreError> {
    let values = args![
        on.person(),
        person.name.as_ref().map(PersonName::as_str),
        person.name_key(),
        person.sex.as_str(),
        person.birth_date,
        person.nationality.clone(),
        person.status.as_str(),
        i64::from(person.realname_level.get()),
        person.realname_at,
        person.salt.as_ref().map(|salt| *salt.expose()),
        person.home_platform,
        person.merged_into,
        person.updated_at,
        person.version,
    ];
    tx.execute_one(UPDATE, values).await
}

/// The person a proof covers.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, proof: &impl OnePerson) -> Result<Option<Person>, StoreError> {
    tx.optional(FIND, args![proof.person()]).await
}

/// A person inside an administrator's subtrees on a day; nobody when she is outside.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn in_subtree(
    tx: &mut Tx,
    scope: &Subtree,
    id: PersonId,
    day: NaiveDate,
) -> Result<Option<Person>, StoreError> {
    for root in scope.roots() {
        if let Some(person) = tx.optional(IN_SUBTREE, args![id, root, day, scope.admin()]).await? {
            return Ok(Some(person));
        }
    }
    Ok(None)
}

/// The id that stands after all merges; old ids resolve for ever. Says nothing about the person.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn survivor(tx: &mut Tx, id: PersonId) -> Result<Option<PersonId>, StoreError> {
    Ok(tx.optional::<Id>(SURVIVOR, args![id]).await?.map(|row| row.0))
}

/// Writes a sex and a birth date of somebody of whom they are not known; `false` when one of them is by now.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn fill(
    tx: &mut Tx,
    on: &TaskOn,
    sex: Option<Sex>,
    birth_date: Option<NaiveDate>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    tx.execute_one(FILL, args![on.person(), sex.map(Sex::as_str), birth_date, now]).await
}

/// The person, kept from everybody else until the transaction ends.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold(tx: &mut Tx, on: &TaskOn) -> Result<Option<Person>, StoreError> {
    tx.optional(HOLD, args![on.person()]).await
}

/// How many of these people are nobody else by now, and were not erased; none of them is until the transaction ends.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold_standing(
    tx: &mut Tx,
    _task: &Task,
    people: impl Iterator<Item = PersonId>,
) -> Result<usize, StoreError> {
    Ok(tx.all_in::<Id>(STANDING_OF_MANY, &[], people.map(Value::from).collect()).await?.len())
}

/// The same of those who neither died nor asked to be erased.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold_living(
    tx: &mut Tx,
    _task: &Task,
    people: impl Iterator<Item = PersonId>,
) -> Result<usize, StoreError> {
    Ok(tx.all_in::<Id>(LIVING_OF_MANY, &[], people.map(Value::from).collect()).await?.len())
}

/// People below one of the administrator's roots whose present or former name begins so, in the order of the name's
/// key; at most `limit`. What it costs grows with the counties below, not with the people: each is asked for one page at
/// most, and behind a full page for those who stand before its last one.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn search(tx: &mut Tx, scope: &Subtree, typed: &str, limit: u32) -> Result<Vec<Hit>, StoreError> {
    let key = name::name_key(typed);
    let Some(mut end) = name::prefix_end(&key).filter(|_| limit > 0) else { return Ok(Vec::new()) };
    let mut hits: Vec<Hit> = Vec::new();
    for root in scope.roots() {
        for Searched(org) in tx.all(SEARCHED, args![root]).await? {
            hits.extend(tx.all(SEARCH, args![org, key.clone(), end.clone(), limit]).await?);
            hits.sort_by(|a, b| (&a.name_key, a.id).cmp(&(&b.name_key, b.id)));
            hits.dedup_by(|a, b| (a.id, &a.name_key) == (b.id, &b.name_key));
            hits.truncate(limit as usize);
            // Once the page is full, nobody behind its last one is looked at elsewhere; whoever is called the same is.
            if let Some(last) = hits.get(limit as usize - 1) {
                end = format!("{}\u{1}", last.name_key);
            }
        }
    }
    Ok(hits)
}

/// Brings the presence rows of a person in line with her open enrolments and posts. Called in every transaction that
/// changes one of them or her name; who bore another name before is found by it too.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn refresh_presence(tx: &mut Tx, on: &TaskOn) -> Result<(), StoreError> {
    tx.execute(LEAVE, args![on.person()]).await?;
    tx.execute(ARRIVE, args![on.person()]).await?;
    tx.execute(ARRIVE_AS_BEFORE, args![on.person()]).await?;
    Ok(())
}

/// The same for many people.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn refresh_presence_of_many(tx: &mut Tx, task: &Task, people: &[PersonId]) -> Result<(), StoreError> {
    leave_of_many(tx, task, people).await?;
    for statement in [STUDENTS_ARRIVE, STAFF_ARRIVE, STUDENTS_ARRIVE_AS_BEFORE, STAFF_ARRIVE_AS_BEFORE] {
        tx.all_in::<Id>(statement, &[], people.iter().map(|id| Value::from(*id)).collect()).await?;
    }
    Ok(())
}

/// Takes people out of name search where they neither study nor work any more.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn leave_of_many(tx: &mut Tx, _task: &Task, people: &[PersonId]) -> Result<(), StoreError> {
    tx.all_in::<Id>(LEAVE_OF_MANY, &[], people.iter().map(|id| Value::from(*id)).collect()).await.map(drop)
}

/// Takes people out of an institution's name search, until their presence is brought in line again.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hide_from(tx: &mut Tx, _task: &Task, org: OrgId, people: &[PersonId]) -> Result<(), StoreError> {
    let keys = people.iter().map(|id| Value::from(*id)).collect();
    tx.all_in::<Id>(HIDE_FROM, &[org.into()], keys).await.map(drop)
}
