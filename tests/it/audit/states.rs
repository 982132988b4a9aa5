//! Digests of rows: each change says what a row was before and is since, and a row that is something else than that was changed
//! beside the register.

use std::collections::BTreeSet;
use std::time::Duration;

use mingji::app::Kind;
use mingji::app::pace::Listener;
use mingji::app::relation_claim::Decider;
use mingji::app::row_digest::{Agreement, RowReport};
use mingji::app::school_year::Wish;
use mingji::app::student_life::{self, Whose};
use mingji::app::{guardian_life, staff_life};
use mingji::domain::access::TaskName;
use mingji::domain::id::{ClassId, PersonId};
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::guardianship::Restriction;
use mingji::domain::registry::space::SpaceAddress;
use mingji::domain::row_state::RowKind;
use mingji::domain::time::Clock as _;
use serde_json::{Value, json};

use crate::support::api::Caller;
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, pupil, pupils, teacher, teachers};
use crate::support::database::{change, select_texts};

const OPERATOR: Decider = Decider::Operator;

struct Silent;

impl Listener for Silent {
    fn progress(&mut self, _: u64, _: u64) {}
}

/// The id of the one row that a statement behind `FROM` finds.
async fn id(app: &TestApp, from: &str) -> uuid::Uuid {
    let id = if app.database.url.starts_with("sqlite") { "lower(hex(r.id))" } else { "CAST(r.id AS TEXT)" };
    select_texts(&app.database.url, &format!("SELECT {id} FROM {from}")).await[0].parse().unwrap()
}

/// The same of a row that is a person's.
async fn of(app: &TestApp, table: &str, key: &str, name: &str) -> uuid::Uuid {
    id(app, &format!("{table} r JOIN person p ON p.id = r.{key} WHERE p.name = '{name}' ORDER BY r.id DESC")).await
}

async fn compared(app: &TestApp, kind: RowKind, id: uuid::Uuid) -> RowReport {
    app.app.audit_row(&app.operator(), kind, id).await.unwrap()
}

/// Details of the newest entry of an action.
async fn newest(app: &TestApp, action: &str) -> Value {
    let sql =
        format!("SELECT CAST(details AS TEXT) FROM audit_entry WHERE action = '{action}' ORDER BY id DESC LIMIT 1");
    serde_json::from_str(&select_texts(&app.database.url, &sql).await[0]).unwrap()
}

/// What is written beside the register: of each kind one thing that somebody would want to be otherwise.
const TAMPERED: [(RowKind, &str); 10] = [
    (RowKind::Staffing, "UPDATE staffing SET valid_to = NULL WHERE state = '07'"),
    (RowKind::Teaching, "UPDATE teaching SET head_teacher = NOT head_teacher"),
    (RowKind::Guardianship, "UPDATE guardianship SET restrictions = '[]'"),
    (RowKind::Enrolment, "UPDATE enrolment_slice SET state = '06'"),
    (RowKind::Institution, "UPDATE institution_code SET value = '2132000999' WHERE value = '2132000777'"),
    (RowKind::Class, "UPDATE class SET schooling_years = 9"),
    (RowKind::AdminGrant, "UPDATE admin_grant SET valid_to = 1999999999000000"),
    (RowKind::Client, "UPDATE client SET require_pkce = NOT require_pkce"),
    (RowKind::Account, "UPDATE account SET state = 'active'"),
    (RowKind::Platform, "UPDATE platform SET space_url = 'https://elsewhere.test/'"),
];

/// One row of each kind, changed by somebody who may, with the action under which that was noted.
async fn changed(app: &TestApp) -> Vec<(RowKind, uuid::Uuid, &'static str)> {
    county::open(app).await;
    pupils(app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), Some(("李母", &number("19850809", 4))))]).await;
    teachers(app, &[teacher(SCHOOL, "教师甲", &number("19750203", 102))]).await;
    let security = Decider::Admin(county::administrator(app, 74, COUNTY, AdminRole::Security).await);
    let head = Decider::Admin(county::administrator(app, 72, COUNTY, AdminRole::County).await);
    let one = async |name: &'static str| called(app, name).await[0];
    let (child, mother, staff) = (one("王小明").await, one("李母").await, one("教师甲").await);
    let mut all = vec![
        (RowKind::Staffing, of(app, "staffing", "person_id", "教师甲").await, "staff.changed"),
        (RowKind::Teaching, id(app, "teaching r JOIN staffing s ON s.id = r.staffing_id JOIN person p ON p.id = s.person_id WHERE p.name = '教师甲'").await, "staff.changed"),
        (RowKind::Guardianship, of(app, "guardianship", "child_id", "王小明").await, "guardianship.changed"),
        (RowKind::Enrolment, of(app, "enrolment", "person_id", "王小明").await, "student.changed"),
    ];
    app.pass(Duration::from_secs(40 * 86_400));
    // Each a second later: entries are in the order of their clocks.
    let ctx = || {
        app.pass(Duration::from_secs(1));
        app.operator()
    };
    app.app.grant_admin(&ctx(), staff, AdminRole::School, SCHOOL).await.unwrap();
    all.push((RowKind::AdminGrant, of(app, "admin_grant", "person_id", "教师甲").await, "staff.changed"));
    app.app
        .change_staff(
            &ctx(),
            OPERATOR,
            staff,
            None,
            &staff_life::Order::Leave { org: None, state: "07".parse().unwrap() },
        )
        .await
        .unwrap();
    let restrict = guardian_life::Order::Restrict(BTreeSet::from([Restriction::Custody]));
    app.app.change_guardian(&ctx(), OPERATOR, child, mother, &restrict).await.unwrap();
    let whose = Whose { person: child, org: None, day: None, code: None };
    app.app.change_student(&ctx(), OPERATOR, &whose, &student_life::Order::Suspend).await.unwrap();
    all.push((
        RowKind::Institution,
        id(app, "institution r WHERE r.name = '第七实验小学'").await,
        "institution.changed",
    ));
    app.app.rename_institution(&ctx(), OPERATOR, SCHOOL, "第七小学").await.unwrap();
    let class = id(app, "class r JOIN institution o ON o.id = r.org_id WHERE o.name = '第七小学'").await;
    all.push((RowKind::Class, class, "class.changed"));
    app.app.rename_class(&ctx(), head, ClassId(class), "向日葵班").await.unwrap();
    let client = app.client("platform_a");
    all.push((RowKind::Client, client.id.parse::<mingji::domain::id::ClientId>().unwrap().0, "client.updated"));
    app.pass(Duration::from_secs(1));
    app.suspend(&client).await;
    all.push((RowKind::Account, of(app, "account", "person_id", "王小明").await, "account.locked"));
    app.app.lock_account(&ctx(), security, child, "家长来电").await.unwrap();
    all.push((RowKind::Platform, id(app, "platform r WHERE r.sys_code = '320102'").await, "registry.written"));
    let space = SpaceAddress::parse("https://space.test/").unwrap();
    app.app.set_space_address(&ctx(), TaskName::OperatorCommand, &"320102".parse().unwrap(), &space).await.unwrap();
    all
}

/// The row that an entry names.
fn named(details: &Value, kind: RowKind, id: uuid::Uuid) -> Value {
    let all = details["states"].as_array().unwrap_or_else(|| panic!("{kind}: {details}"));
    let row = all.iter().find(|row| row["kind"] == kind.as_str() && row["id"] == json!(id));
    row.unwrap_or_else(|| panic!("{kind}: {details}")).clone()
}

both_engines! {
    async fn every_kind_of_row_is_named_and_compared(app: TestApp) {
        let all = changed(&app).await;
        for (kind, id, action) in &all {
            let row = named(&newest(&app, action).await, *kind, *id);
            assert!(row["before"].is_string() && row["after"].is_string() && row["before"] != row["after"], "{kind}: {row}");
            let report = compared(&app, *kind, *id).await;
            assert_eq!(report.agreement, Agreement::Agrees, "{report:?}");
            assert_eq!((json!(report.today), report.entries.last().unwrap().action.as_str()), (row["after"].clone(), *action));
            // What an entry says that it was is what the entry before said that it is.
            for pair in report.entries.windows(2) {
                assert_eq!(pair[0].after, pair[1].before, "{report:?}");
            }
        }
        for (kind, sql) in TAMPERED {
            change(&app.database.url, sql).await;
            let (_, id, _) = all.iter().find(|(of, ..)| *of == kind).unwrap();
            let report = compared(&app, kind, *id).await;
            assert_eq!((report.agreement, report.unnamed_since.len()), (Agreement::Differs, 0), "{kind}: {report:?}");
        }
        app.numbered().await;
        assert!(app.app.verify_audit(&[]).await.unwrap().holds, "the log itself was left alone");
        let nobody = app.app.audit_row(&app.operator(), RowKind::Class, uuid::Uuid::from_u128(7)).await;
        assert_eq!(nobody.unwrap_err().kind, Kind::NotFound);
    }

    async fn a_row_that_comes_has_no_before_and_nothing_changed_is_not_named(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), None)]).await;
        let stay = of(&app, "enrolment", "person_id", "王小明").await;
        let row = named(&newest(&app, "roster.imported").await, RowKind::Enrolment, stay);
        assert!(row["before"].is_null() && row["after"].is_string(), "{row}");
        assert_eq!(compared(&app, RowKind::Enrolment, stay).await.agreement, Agreement::Agrees);
        app.pass(Duration::from_secs(1));
        let division = "320102".parse().unwrap();
        app.app.home_platform(&app.operator(), TaskName::OperatorCommand, &division, "county", "玄武区").await.unwrap();
        let details = newest(&app, "registry.written").await;
        assert!(details["states"].is_null() && details["states_unnamed"].is_null(), "it was there: {details}");
        assert_eq!(newest(&app, "audit.read").await["compared"], "enrolment", "that it was asked is in the log");
    }

    async fn what_is_too_much_to_name_is_said_to_be_that(app: TestApp) {
        county::open(&app).await;
        let old = format!("{SCHOOL},毕业生,居民身份证,{},,小学,2018,9班,,,,,\n", number("20110203", 2));
        pupils(&app, &[old]).await;
        let stay = of(&app, "enrolment", "person_id", "毕业生").await;
        assert_eq!(compared(&app, RowKind::Enrolment, stay).await.agreement, Agreement::Agrees);
        let many: Vec<String> = (20..40).map(|n| coded("很多人", n)).collect();
        app.pass(Duration::from_secs(1));
        pupils(&app, &many).await;
        let details = newest(&app, "roster.imported").await;
        assert!(details["states"].is_null(), "{details}");
        assert!(["enrolment", "account"].iter().all(|kind| details["states_unnamed"][kind] == ""), "they only came: {details}");
        let one = of(&app, "enrolment", "person_id", "很多人").await;
        assert_eq!(compared(&app, RowKind::Enrolment, one).await.agreement, Agreement::Unnamed);
        assert_eq!(compared(&app, RowKind::Enrolment, stay).await.agreement, Agreement::Agrees, "what was not touched is what it was");
        let moved: Vec<String> = (20..40).map(|n| coded("很多人", n).replace("1班", "2班")).collect();
        app.pass(Duration::from_secs(1));
        pupils(&app, &moved).await;
        assert_ne!(newest(&app, "roster.imported").await["states_unnamed"]["enrolment"], "");
        change(&app.database.url, "UPDATE enrolment SET began_by = 'return' WHERE person_id = (SELECT id FROM person WHERE name = '毕业生')").await;
        let report = compared(&app, RowKind::Enrolment, stay).await;
        assert_eq!(report.agreement, Agreement::Differs, "rows of others account for nothing: {report:?}");
        change(&app.database.url, "UPDATE enrolment SET began_by = NULL WHERE person_id = (SELECT id FROM person WHERE name = '毕业生')").await;
        assert_eq!(compared(&app, RowKind::Enrolment, stay).await.agreement, Agreement::Agrees);
        app.pass(Duration::from_secs(1));
        let turned = app.app.turn_year(&app.operator(), OPERATOR, SCHOOL, None, Wish { dry: false, open: false }, &mut Silent).await;
        turned.unwrap();
        let report = compared(&app, RowKind::Enrolment, stay).await;
        assert_eq!(report.agreement, Agreement::Open, "{report:?}");
        assert!(report.unnamed_since.iter().any(|entry| entry.action == "year.turned"), "{report:?}");
    }

    async fn of_whoever_is_erased_nothing_can_be_said(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), None)]).await;
        let (child, account) = (called(&app, "王小明").await[0], of(&app, "account", "person_id", "王小明").await);
        let stay = of(&app, "enrolment", "person_id", "王小明").await;
        app.pass(Duration::from_secs(1));
        app.app.record_death(&app.operator(), OPERATOR, child, app.clock.now().shanghai_date()).await.unwrap();
        assert_eq!(compared(&app, RowKind::Account, account).await.agreement, Agreement::Agrees);
        app.pass(Duration::from_secs(1));
        app.app.erase_person(&app.operator(), child).await.unwrap();
        for (kind, id) in [(RowKind::Account, account), (RowKind::Enrolment, stay)] {
            let report = compared(&app, kind, id).await;
            assert_eq!((report.agreement, report.today), (Agreement::Erased, None));
            assert!(!report.entries.is_empty(), "they stay, and mean nothing");
        }
        assert!(newest(&app, "person.erased").await["states"].is_null());
    }

    async fn a_salt_that_was_taken_beside_the_register_is_no_erasure(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), Some(("李母", &number("19850809", 4))))]).await;
        let keeps = of(&app, "guardianship", "child_id", "王小明").await;
        assert_eq!(compared(&app, RowKind::Guardianship, keeps).await.agreement, Agreement::Agrees);
        change(&app.database.url, "UPDATE person SET salt = NULL WHERE name = '李母'").await;
        let report = compared(&app, RowKind::Guardianship, keeps).await;
        assert_eq!((report.agreement, report.today), (Agreement::Differs, None));
        // Nor is it one where the log begins later: the row was keyed when it was named.
        change(&app.database.url, "DELETE FROM audit_link WHERE seq = 1").await;
        assert_eq!(compared(&app, RowKind::Guardianship, keeps).await.agreement, Agreement::Differs);
    }

    async fn nor_is_it_where_nothing_names_the_row(app: TestApp) {
        county::open(&app).await;
        let many: Vec<String> = (20..40).map(|n| coded("很多人", n)).collect();
        pupils(&app, &many).await;
        let stay = of(&app, "enrolment", "person_id", "很多人").await;
        assert_eq!(compared(&app, RowKind::Enrolment, stay).await.agreement, Agreement::Unnamed);
        change(&app.database.url, "UPDATE person SET salt = NULL WHERE name = '很多人'").await;
        assert_eq!(compared(&app, RowKind::Enrolment, stay).await.agreement, Agreement::Differs);
    }

    /// Whoever takes a salt beside the register may also write that its person is one with somebody erased.
    async fn nor_is_it_that_of_whoever_was_merged_into_her(app: TestApp) {
        county::open(&app).await;
        let rows = [(2, "王小明", "李母"), (4, "李小红", "张母")].map(|(n, child, mother)| {
            pupil(SCHOOL, child, &number("20160203", n), Some((mother, &number("19850809", n))))
        });
        pupils(&app, &rows).await;
        let keeps = of(&app, "guardianship", "guardian_id", "李母").await;
        let gone = called(&app, "张母").await[0];
        app.app.record_death(&app.operator(), OPERATOR, gone, app.clock.now().shanghai_date()).await.unwrap();
        app.app.erase_person(&app.operator(), gone).await.unwrap();
        assert_eq!(newest(&app, "person.erased").await["absorbed"], json!([]));
        let sql = "UPDATE person SET salt = NULL, status = 'merged',
            merged_into = (SELECT q.id FROM person q WHERE q.salt IS NULL AND q.status = 'cancelled') WHERE name = '李母'";
        change(&app.database.url, sql).await;
        assert_eq!(compared(&app, RowKind::Guardianship, keeps).await.agreement, Agreement::Differs);
    }

    /// Entries are numbered by when they began.
    async fn a_large_change_that_began_first_and_ended_last_is_looked_for(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[format!("{SCHOOL},毕业生,居民身份证,{},,小学,2018,9班,,,,,\n", number("20110203", 2))]).await;
        let (child, stay) = (called(&app, "毕业生").await[0], of(&app, "enrolment", "person_id", "毕业生").await);
        app.pass(Duration::from_secs(86_400));
        let early = app.operator();
        let whose = Whose { person: child, org: None, day: None, code: None };
        for order in [student_life::Order::Suspend, student_life::Order::Resume(None)] {
            app.pass(Duration::from_secs(1));
            app.app.change_student(&app.operator(), OPERATOR, &whose, &order).await.unwrap();
        }
        app.app.turn_year(&early, OPERATOR, SCHOOL, None, Wish { dry: false, open: false }, &mut Silent).await.unwrap();
        let places = |report: &RowReport| {
            let turned = report.unnamed_since.iter().find(|entry| entry.action == "year.turned");
            (turned.unwrap().seq, report.entries.last().unwrap().seq)
        };
        let (turned, named) = places(&compared(&app, RowKind::Enrolment, stay).await);
        if turned > named {
            // The sequencer was at it between the two.
            for (from, to) in [(turned, -1), (named, turned), (-1, named)] {
                change(&app.database.url, &format!("UPDATE audit_link SET seq = {to} WHERE seq = {from}")).await;
            }
        }
        let report = compared(&app, RowKind::Enrolment, stay).await;
        assert_eq!(report.agreement, Agreement::Open, "{report:?}");
        let (turned, named) = places(&report);
        assert!(turned < named, "{report:?}");
    }

    /// What a court took away from her is guessed in no time by whoever has the other's salt.
    async fn of_an_erased_guardian_the_wards_salt_says_nothing(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), Some(("李母", &number("19850809", 4))))]).await;
        let (child, mother) = (called(&app, "王小明").await[0], called(&app, "李母").await[0]);
        let keeps = of(&app, "guardianship", "child_id", "王小明").await;
        app.pass(Duration::from_secs(1));
        let restrict = guardian_life::Order::Restrict(BTreeSet::from([Restriction::Custody]));
        app.app.change_guardian(&app.operator(), OPERATOR, child, mother, &restrict).await.unwrap();
        assert_eq!(compared(&app, RowKind::Guardianship, keeps).await.agreement, Agreement::Agrees);
        app.pass(Duration::from_secs(1));
        app.app.record_death(&app.operator(), OPERATOR, mother, app.clock.now().shanghai_date()).await.unwrap();
        app.pass(Duration::from_secs(1));
        app.app.erase_person(&app.operator(), mother).await.unwrap();
        assert!(newest(&app, "person.erased").await["states"].is_null());
        let report = compared(&app, RowKind::Guardianship, keeps).await;
        assert_eq!((report.agreement, report.today), (Agreement::Erased, None));
    }

    async fn two_who_are_one_keep_what_was_said_of_their_rows(app: TestApp) {
        county::open(&app).await;
        teachers(&app, &[teacher(SCHOOL, "教师甲", &number("19750203", 102)), teacher(OTHER, "教师乙", &number("19750203", 104))]).await;
        let (one, two) = (called(&app, "教师甲").await[0], called(&app, "教师乙").await[0]);
        let (post, lesson) = (of(&app, "staffing", "person_id", "教师乙").await, id(&app, "teaching r JOIN staffing s ON s.id = r.staffing_id JOIN person p ON p.id = s.person_id WHERE p.name = '教师乙'").await);
        app.pass(Duration::from_secs(1));
        app.app.merge_persons(&app.operator(), OPERATOR, one, two, "两次录入").await.unwrap();
        for (kind, id) in [(RowKind::Staffing, post), (RowKind::Teaching, lesson)] {
            let report = compared(&app, kind, id).await;
            assert_eq!((report.agreement, report.entries.len()), (Agreement::Agrees, 2), "keyed anew: {report:?}");
        }
    }

    async fn an_auditor_reads_of_her_own_rows(app: TestApp) {
        county::open(&app).await;
        teachers(&app, &[teacher(SCHOOL, "教师甲", &number("19750203", 102))]).await;
        let auditor = auditor(&app, 70, OTHER).await;
        let whole = self::auditor(&app, 72, COUNTY).await;
        let behind = self::auditor(&app, 76, SCHOOL).await;
        let staff = called(&app, "教师甲").await[0];
        let left = of(&app, "staffing", "person_id", "教师甲").await;
        let order = staff_life::Order::Move { org: None, to: OTHER.to_owned(), post: None };
        app.app.change_staff(&app.operator(), OPERATOR, staff, None, &order).await.unwrap();
        let begun = of(&app, "staffing", "person_id", "教师甲").await;
        app.numbered().await;
        let kinds = async |auditor: &Caller| -> Vec<Value> {
            let entry = auditor.all("/api/audit?action=staff.changed").await.remove(0);
            entry["details"]["states"].as_array().unwrap().iter().filter(|row| row["kind"] == "staffing").map(|row| row["id"].clone()).collect()
        };
        assert_eq!(kinds(&auditor).await, [json!(begun)], "and not what she left elsewhere");
        // Where she worked is known that she began something, and not where.
        let entry = behind.all("/api/audit?action=staff.changed").await.remove(0);
        let other = id(&app, &format!("institution r JOIN institution_code c ON c.org_id = r.id WHERE c.value = '{OTHER}'")).await;
        assert!(entry["details"]["states"].as_array().unwrap().iter().any(|row| row["id"] == json!(left)), "{entry}");
        assert!(!entry.to_string().contains(&other.to_string()), "{entry}");
        let mut all = kinds(&whole).await;
        all.sort_by_key(Value::to_string);
        let mut both = [json!(left), json!(begun)];
        both.sort_by_key(Value::to_string);
        assert_eq!(all, both);
    }

    async fn entries_say_in_the_clear_what_is_nobodys_value(app: TestApp) {
        let all = changed(&app).await;
        let targets = async |action: &str| -> Value {
            let sql = format!("SELECT CAST(target AS TEXT) FROM audit_entry WHERE action = '{action}' ORDER BY id DESC LIMIT 1");
            serde_json::from_str(&select_texts(&app.database.url, &sql).await[0]).unwrap()
        };
        let known = |kind: RowKind| json!(all.iter().find(|(of, ..)| *of == kind).unwrap().1);
        let staff = targets("staff.changed").await;
        assert_eq!((&staff["staffing"], &staff["institution"]), (&known(RowKind::Staffing), &known(RowKind::Institution)));
        let guardian = (targets("guardianship.changed").await, newest(&app, "guardianship.changed").await);
        assert_eq!((&guardian.0["guardianship"], &guardian.1["fields"]), (&known(RowKind::Guardianship), &json!("restrictions")));
        let granted = (targets("admin.granted").await, newest(&app, "admin.granted").await);
        assert_eq!((&granted.0["admin_grant"], &granted.1["until"], &granted.1["may_delegate"]), (&known(RowKind::AdminGrant), &Value::Null, &json!(false)));
        assert_eq!(newest(&app, "institution.changed").await["fields"], "name");
        assert_eq!(newest(&app, "class.changed").await["fields"], "name");
    }
}

/// A pupil with a 学籍号, which is a login too.
fn coded(name: &str, n: u32) -> String {
    let number = number("20160203", n);
    pupil(SCHOOL, name, &number, None).replace(",,小学", &format!(",G{number},小学"))
}

async fn auditor(app: &TestApp, serial: u32, org: &str) -> Caller {
    let person: PersonId = county::administrator(app, serial, org, AdminRole::Audit).await;
    app.at_api_through("platform_b", person, COUNTY).await
}
