//! Forms of rows: every column counts, both engines say the same, and whoever writes a table says so.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::scene::client;
use super::support::{
    NOW, account, add_person, add_tree, class, day, enrolment, guardianship, org_id, person_id, staffing,
};
use super::{on_both_engines, schema, support};
use crate::domain::access::for_tests::task;
use crate::domain::id::AdminGrantId;
use crate::domain::registry::account::AliasKind;
use crate::domain::registry::institution::InstitutionCode;
use crate::domain::registry::institution_code::Code;
use crate::domain::registry::staffing::Teaching;
use crate::domain::row_state::{RowKind, RowState};
use crate::domain::time::Timestamp;
use crate::store::admin_grants::NewGrant;
use crate::store::db::{Db, FromRow, Row, Statement, StoreError, Tx, args};
use crate::store::{
    accounts, admin_grants, classes, clients, enrolments, guardianships, institutions, platforms, row_states, staffings,
};

on_both_engines!(every_column_counts, the_form_is_the_one_that_was_told, what_is_noted_is_bounded);

/// 300 days after [`NOW`]: what changes then was something else until then.
const LATER: Timestamp = Timestamp::from_seconds(1_790_000_000 + 300 * 86_400);

fn id() -> Uuid {
    Uuid::from_u128(1)
}

/// One row of each kind with the id 1 and whatever belongs to it, and a person, an institution and a class beside them.
async fn scene(tx: &mut Tx) {
    add_tree(tx).await;
    for n in [1, 2, 9] {
        add_person(tx, n, "王芳").await;
    }
    let (one, task) = (task().on(person_id(1)), task());
    classes::ensure(tx, &task, &class(1, 5, "1班")).await.unwrap();
    classes::ensure(tx, &task, &class(9, 5, "9班")).await.unwrap();
    let renamed = crate::domain::registry::class::Class {
        name: "一班".into(),
        version: 2,
        updated_at: LATER,
        ..class(1, 5, "1班")
    };
    assert!(classes::update(tx, &task, &renamed).await.unwrap());
    assert!(staffings::insert(tx, &one, &staffing(1, 1, 5)).await.unwrap());
    assert!(staffings::insert(tx, &task.on(person_id(2)), &staffing(9, 2, 5)).await.unwrap());
    let numbered = crate::domain::registry::staffing::Staffing {
        staff_no: Some("0007".into()),
        version: 2,
        updated_at: LATER,
        ..staffing(1, 1, 5)
    };
    assert!(staffings::update(tx, &one, &numbered).await.unwrap());
    let lesson = Teaching {
        id: id(),
        staffing: staffing(1, 1, 5).id,
        class: class(1, 5, "1班").id,
        subject: Some("13".parse().unwrap()),
        head_teacher: true,
        valid_from: day("2025-09-01"),
        valid_to: None,
    };
    assert!(staffings::teach(tx, &one, &lesson).await.unwrap());
    let stay = enrolment(1, 1, 5);
    assert!(enrolments::insert(tx, &one, &stay).await.unwrap());
    let moved = crate::domain::registry::enrolment::Enrolment {
        class: Some(lesson.class),
        version: 2,
        updated_at: LATER,
        ..stay
    };
    assert!(enrolments::update(tx, &one, &moved).await.unwrap());
    let keeps = guardianship(1, 1, 2);
    assert!(guardianships::insert(tx, &one, &keeps).await.unwrap());
    let second =
        crate::domain::registry::guardianship::Guardianship { rank: 2, version: 2, updated_at: LATER, ..keeps };
    assert!(guardianships::update(tx, &one, &second).await.unwrap());
    assert!(accounts::insert(tx, &task, &account(1, 1, "222-222-2222")).await.unwrap());
    accounts::add_alias(tx, &one, id(), account(1, 1, "222-222-2222").id, AliasKind::Email, [7; 32], NOW)
        .await
        .unwrap();
    let grant = NewGrant {
        id: AdminGrantId(id()),
        role: "school_admin".into(),
        org: org_id(5),
        granted_by: None,
        may_delegate: false,
        deputy: false,
        valid_from: NOW,
        valid_to: None,
        staffing: None,
    };
    assert!(admin_grants::insert(tx, &one, &grant).await.unwrap());
    assert!(clients::insert(tx, &client(1)).await.unwrap());
    platforms::ensure(tx, &task, id(), "360000", "province", "省平台", NOW).await.unwrap();
    let code = InstitutionCode {
        org: org_id(1),
        code: Code::parse("ED36000000").unwrap(),
        valid_from: day("2025-09-01"),
        valid_to: None,
    };
    institutions::insert_code(tx, &task, id(), &code).await.unwrap();
    let before = institutions::find(tx, &task, org_id(1)).await.unwrap().unwrap();
    let renamed = crate::domain::registry::institution::Institution {
        name: "改名".into(),
        version: 2,
        updated_at: LATER,
        ..before
    };
    assert!(institutions::update(tx, &task, &renamed).await.unwrap());
}

async fn state(tx: &mut Tx, kind: RowKind) -> RowState {
    row_states::read(tx, &task(), kind, &[id()]).await.unwrap().remove(&id()).unwrap()
}

/// Columns that only count or date changes, follow from others, or are kept out of a form on purpose.
const LEFT_OUT: &[&str] = &[
    // Of every table.
    "*.id",
    "*.created_at",
    "*.updated_at",
    "*.version",
    // By these the parts of a row are found.
    "staffing_slice.staffing_id",
    "guardianship_slice.guardianship_id",
    "enrolment_slice.enrolment_id",
    "institution_slice.org_id",
    "institution_code.org_id",
    "class_slice.class_id",
    "login_alias.account_id",
    // From the name.
    "institution.name_key",
    // From the metadata.
    "client.name",
    // The digest tells whether the secret is another one; the sealed form is written anew with other root secrets.
    "client.secret_sealed",
    "client.old_secret_sealed",
    // Until when a document that says the same is believed: no entry is written of it.
    "client.document_until",
];

const COLUMNS: Statement = Statement::shared("row_states::COLUMNS", "SELECT name FROM pragma_table_info($1)");

const PLATFORM: Statement =
    Statement::shared("row_states::PLATFORM", "UPDATE client SET kind = 'platform' WHERE id = $1");

struct Name(String);

impl FromRow for Name {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("name")?))
    }
}

/// A new column is said, or left out on purpose; and whoever adds one counts the version of the form up.
#[tokio::test]
async fn every_column_is_said_or_left_out() {
    let (db, _folder) = support::sqlite().await;
    let mut tx = db.read().await.unwrap();
    for (table, said) in row_states::tables() {
        let there: BTreeSet<String> =
            tx.all::<Name>(COLUMNS, args![table]).await.unwrap().into_iter().map(|row| row.0).collect();
        let left = LEFT_OUT.iter().filter_map(|one| one.split_once('.'));
        let left = left.filter(|(of, _)| *of == "*" || *of == table).map(|(_, column)| column.to_owned());
        let known: BTreeSet<String> = said.iter().map(|name| (*name).to_owned()).chain(left).collect();
        let forgotten: Vec<&String> = there.difference(&known).collect();
        assert!(!there.is_empty() && forgotten.is_empty(), "{table}: {forgotten:?}");
    }
}

/// Another value that the column takes.
fn another(table: &str, column: &str, is: &serde_json::Value) -> String {
    let last = |table: &str| format!("(SELECT id FROM {table} ORDER BY id DESC LIMIT 1)");
    let code = |codes: [&str; 2]| format!("'{}'", if *is == codes[0] { codes[1] } else { codes[0] });
    match (table, column) {
        (
            _,
            "org_id" | "guardian_org_id" | "recorded_org_id" | "confirmed_org_id" | "merged_into" | "suspended_under",
        ) => last("institution"),
        (_, "parent_id") => last("institution"),
        (
            _,
            "person_id"
            | "child_id"
            | "guardian_id"
            | "granted_by"
            | "keeper_id"
            | "suspended_by"
            | "confirmed_person_id",
        ) => last("person"),
        (_, "class_id" | "successor_id") => last("class"),
        (_, "staffing_id") => last("staffing"),
        (_, "restrictions" | "heir_of") => r#"'["another"]'"#.to_owned(),
        (_, "metadata") => r#"'{"client_name": "another"}'"#.to_owned(),
        (_, "secret_digest" | "old_secret_digest" | "value_index") => {
            "(SELECT value_index FROM login_alias WHERE kind = 'phone')".to_owned()
        }
        (_, "confirmed_by") => code(["operator", "import"]),
        (_, "verified_by") => code(["school", "document"]),
        ("guardianship" | "guardianship_slice", "status") => code(["rejected", "ended"]),
        ("enrolment" | "enrolment_slice", "source") => code(["borrowed", "other"]),
        ("client", "lawful_basis") => "'statutory'".to_owned(),
        ("client", "kind") => code(["platform", "application"]),
        ("class", "kind") => code(["teaching", "network"]),
        ("institution", "kind") => code(["school", "campus"]),
        ("login_alias", "kind") => code(["phone", "email"]),
        (_, "level") => code(["province", "city"]),
        ("client", "status") => code(["suspended", "removed"]),
        ("platform", "status") => code(["suspended", "active"]),
        ("account", "state") => code(["locked", "active"]),
        ("institution", "status") => code(["locked", "active"]),
        ("class", "status") => code(["graduated", "closed"]),
        ("institution_code", "scheme") => code(["local", "school_code"]),
        _ if is.is_boolean() => format!("NOT {column}"),
        _ if is.is_number() => "7".to_owned(),
        (_, "old_secret_until" | "revoked_at" | "ended_at" | "confirmed_at") => "7".to_owned(),
        ("admin_grant", "valid_to") => "7".to_owned(),
        _ => "'2031-07-08'".to_owned(),
    }
}

/// The kind that a table belongs to, and the column by which its rows are found.
fn place(table: &'static str) -> (RowKind, &'static str, Option<&'static str>) {
    match table {
        "staffing_slice" => (RowKind::Staffing, "staffing_id", Some("before")),
        "guardianship_slice" => (RowKind::Guardianship, "guardianship_id", Some("before")),
        "enrolment_slice" => (RowKind::Enrolment, "enrolment_id", Some("before")),
        "institution_slice" => (RowKind::Institution, "org_id", Some("before")),
        "institution_code" => (RowKind::Institution, "org_id", Some("codes")),
        "class_slice" => (RowKind::Class, "class_id", Some("before")),
        "login_alias" => (RowKind::Account, "account_id", Some("logins")),
        _ => (table.parse().unwrap(), "id", None),
    }
}

async fn every_column_counts(db: &Db) {
    let mut tx = db.write().await.unwrap();
    scene(&mut tx).await;
    let beside = account(2, 2, "3h2-222-2222");
    let (two, phone) = (task().on(person_id(2)), Uuid::from_u128(2));
    assert!(accounts::insert(&mut tx, &task(), &beside).await.unwrap());
    accounts::add_alias(&mut tx, &two, phone, beside.id, AliasKind::Phone, [9; 32], NOW).await.unwrap();
    // The one kind that may have every column.
    tx.execute(PLATFORM, args![id()]).await.unwrap();
    tx.commit().await.unwrap();
    let (mut counted, mut faults) = (0, Vec::new());
    for (table, columns) in row_states::tables() {
        let (kind, key, part) = place(table);
        for column in columns {
            let mut tx = db.write().await.unwrap();
            let before = state(&mut tx, kind).await;
            let said = part.map_or(&before.said, |part| &before.said[part][0]);
            assert!(said.is_object(), "{table} has no row: {before:?}");
            let sql =
                format!("UPDATE {table} SET {column} = {} WHERE {key} = $1", another(table, column, &said[column]));
            let update = Statement::shared("row_states::ANOTHER", sql.clone().leak());
            match tx.execute(update, args![id()]).await {
                Ok(1..) if state(&mut tx, kind).await.form(kind) != before.form(kind) => counted += 1,
                other => faults.push(format!("{sql}: {other:?}")),
            }
        }
    }
    assert!(faults.is_empty() && counted > 90, "{counted}: {faults:#?}");
}

/// As entries that were written before say it: another form of the same row is a change of what they mean, and counts the
/// version up.
async fn the_form_is_the_one_that_was_told(db: &Db) {
    let mut tx = db.write().await.unwrap();
    scene(&mut tx).await;
    let mut told = String::new();
    for kind in RowKind::ALL {
        let form = state(&mut tx, kind).await.form(kind);
        told += &format!("{} {}\n", form[0], form[1]);
    }
    assert_eq!(told, include_str!("row_forms.txt"));
}

async fn what_is_noted_is_bounded(db: &Db) {
    let mut tx = db.write().await.unwrap();
    scene(&mut tx).await;
    tx.commit().await.unwrap();
    let (five, task) = (task().on(person_id(1)), task());
    let post = staffings::of_person(&mut db.read().await.unwrap(), &five).await.unwrap().remove(0);
    let post = crate::domain::registry::staffing::Staffing { version: 3, ..post };
    let mut tx = db.write().await.unwrap().noting(1);
    assert!(staffings::update(&mut tx, &five, &post).await.unwrap());
    staffings::end_teaching(&mut tx, &five, post.id, day("2026-09-01")).await.unwrap();
    let noted = tx.take_noted();
    assert_eq!(noted.named.keys().copied().collect::<Vec<_>>(), [(RowKind::Staffing, id())]);
    assert_eq!(noted.unnamed.keys().copied().collect::<Vec<_>>(), [RowKind::Teaching], "one too many");
    assert!(noted.unnamed[&RowKind::Teaching].hold(id()));
    drop(tx);
    let mut tx = db.write().await.unwrap();
    staffings::end_lesson(&mut tx, &task, id(), day("2026-09-01")).await.unwrap();
    let noted = tx.take_noted();
    assert!(noted.named.is_empty() && noted.unnamed.is_empty(), "nobody asked");
}

/// Statements that write a table of which the audit has digests. Each of their verbs says first which rows it changes
/// ([`row_states::changing`] and the like), or that it changes rows that are not named; what no form says needs neither.
const WRITES: &[&str] = &[
    "accounts::ACTIVATE",
    "accounts::ADD_ALIAS",
    "accounts::END_ALIAS",
    "accounts::END_ALIAS_OF_OTHERS",
    "accounts::END_ONE_ALIAS",
    "accounts::HOLD",
    "accounts::INSERT",
    "accounts::INSERT_ALIAS",
    "accounts::SET_STATE",
    "activations::HOLD_INACTIVE",
    "activations::HOLD_OF_PEOPLE",
    "admin_grants::END_UNTIED",
    "admin_grants::END_WITH_POST",
    "admin_grants::INSERT",
    "admin_grants::REVOKE",
    "admin_grants::REVOKE_ALL",
    "classes::INSERT",
    "classes::KEEP",
    "classes::UPDATE",
    "clients::ASSIGN",
    "clients::BELIEVE",
    "clients::FORGET_UNUSED",
    "clients::GIVE_UP",
    "clients::INHERIT",
    "clients::INSERT",
    "clients::SET_KEEPER",
    "clients::SET_SECRETS",
    "clients::SET_STATUS",
    "clients::UPDATE",
    "deaths::NOTE_POSTS",
    "deaths::NOTE_STAYS",
    "enrolments::INSERT",
    "enrolments::JOIN_ON",
    "enrolments::KEEP",
    "enrolments::KEEP_BEFORE",
    "enrolments::KEPT_BEFORE",
    "enrolments::LEAVE_CLASS",
    "enrolments::RAISE",
    "enrolments::UPDATE",
    "enrolments::WAS_THROUGHOUT",
    "erasures::ALIASES",
    "erasures::COURTS",
    "erasures::FORMER_COURTS",
    "erasures::FORMER_STAFF_NUMBERS",
    "erasures::FORMER_STUDENT_NUMBERS",
    "erasures::STAFF_NUMBERS",
    "erasures::STUDENT_NUMBERS",
    "guardianships::INSERT",
    "guardianships::KEEP",
    "guardianships::KEEP_BEFORE",
    "guardianships::UPDATE",
    "handovers::END_LESSONS",
    "handovers::END_POSTS",
    "handovers::END_STAYS",
    "handovers::GUARDIANS",
    "handovers::KEEP_SEATS",
    "handovers::RAISE_STAYS",
    "handovers::RIGHTS_OF_POSTS",
    "handovers::TEACH",
    "institution_changes::CLOSE_CLASSES",
    "institution_changes::END_GRANTS",
    "institution_changes::LEFT_BEHIND",
    "institution_changes::SUCCEED",
    "institution_changes::TAKE_BACK",
    "institutions::END_CODE",
    "institutions::FORGET_CODES",
    "institutions::INSERT",
    "institutions::INSERT_CODE",
    "institutions::KEEP",
    "institutions::UPDATE",
    "merge_changes::SET_ACCOUNT_STATE",
    "merge_changes::SET_GRANT_POST",
    "merge_changes::SET_GRANT_REVOKED",
    "merge_changes::SET_GUARDIANSHIP_END",
    "merge_changes::SET_GUARDIANSHIP_STATUS",
    "merge_changes::SET_POST_END",
    "merge_changes::SET_STAY_BEGAN_BY",
    "merge_changes::SET_STAY_END",
    "merge_changes::SET_STAY_SOURCE",
    "merge_changes::SET_TEACHING_END",
    "merge_changes::SET_TEACHING_POST",
    "merge_rows::BACK_ACCOUNTS",
    "merge_rows::BACK_ADMIN_GRANTS",
    "merge_rows::BACK_ALIASES",
    "merge_rows::BACK_ENROLMENTS",
    "merge_rows::BACK_GRANTED_BY",
    "merge_rows::BACK_GUARDIANS",
    "merge_rows::BACK_KEPT",
    "merge_rows::BACK_STAFFINGS",
    "merge_rows::BACK_SUSPENDED",
    "merge_rows::BACK_WARDS",
    "merge_rows::GO_ACCOUNTS",
    "merge_rows::GO_ADMIN_GRANTS",
    "merge_rows::GO_ALIASES",
    "merge_rows::GO_ENROLMENTS",
    "merge_rows::GO_GRANTED_BY",
    "merge_rows::GO_GUARDIANS",
    "merge_rows::GO_KEPT",
    "merge_rows::GO_STAFFINGS",
    "merge_rows::GO_SUSPENDED",
    "merge_rows::GO_WARDS",
    "platforms::ENSURE",
    "platforms::SET_SPACE",
    "school_years::CLOSE_CLASSES",
    "school_years::END_STAYS",
    "school_years::END_TEACHING",
    "school_years::FORGET_SLICES",
    "school_years::GRADUATE_CLASS",
    "school_years::KEEP",
    "school_years::REOPEN_CLASSES",
    "school_years::REOPEN_STAYS",
    "school_years::REOPEN_TEACHING",
    "staffings::END_LESSON",
    "staffings::END_TEACHING",
    "staffings::INSERT",
    "staffings::KEEP",
    "staffings::TEACH",
    "staffings::UPDATE",
    "suspensions::INHERIT",
    "suspensions::RESUME",
    "suspensions::SUSPEND",
    "wards::ANSWER",
];

#[test]
fn whoever_writes_a_row_says_so() {
    let tables = row_states::tables();
    let writes = |sql: &str| {
        tables.iter().any(|(table, _)| {
            let (insert, update, delete) =
                (format!("INSERT INTO {table} "), format!("UPDATE {table} SET"), format!("DELETE FROM {table} "));
            [insert, update, delete].iter().any(|verb| sql.starts_with(verb.as_str()))
        })
    };
    let all = schema::ALL.iter().copied().flatten().filter(|one| writes(one.text()));
    let found: BTreeSet<&str> = all.map(|one| one.name.trim_start_matches("mingji::store::")).collect();
    assert_eq!(
        found,
        WRITES.iter().copied().collect(),
        "say in the verb which rows change, and name the statement here"
    );
}
