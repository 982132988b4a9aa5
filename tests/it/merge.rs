//! Two records become one person, and two again: every old id leads to her, nobody is signed out, nothing is lost, and
//! what happens at the same moment ends in one register.

use mingji::app::Kind;
use mingji::app::cases::Verdict;
use mingji::app::relation_claim::Decider;
use mingji::domain::id::PersonId;
use mingji::domain::registry::case::Decision;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::name::PersonName;
use mingji::domain::registry::personal_code::PersonalCode;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, pupil, teacher, text};
use crate::support::database::select_texts;
use crate::support::receiver::Receiver;
use crate::support::relying_party::claims_of;
use crate::support::visitor::Visitor;

const OPERATOR: Decider = Decider::Operator;
const WHY: &str = "同一人，两次录入";

async fn merge(app: &TestApp, survivor: PersonId, absorbed: PersonId) -> Result<PersonId, Kind> {
    let merged = app.app.merge_persons(&app.operator(), OPERATOR, survivor, absorbed, WHY).await;
    merged.map(|merged| merged.person_id).map_err(|error| error.kind)
}

async fn undo(app: &TestApp, absorbed: PersonId) -> Result<(), Kind> {
    app.app.undo_merge(&app.operator(), OPERATOR, absorbed, WHY).await.map(drop).map_err(|error| error.kind)
}

/// What of each table a merge may touch; versions and times of change count on, and sealed bytes are sealed anew.
const REGISTER: &[(&str, &str)] = &[
    (
        "person",
        "id, name, name_key, sex, birth_date, status, realname_level, realname_at, merged_into, home_platform_id",
    ),
    ("space", "id, status, merged_into"),
    ("identity_document", "id, person_id, status, number_index"),
    ("personal_code", "id, person_id, status, code_index"),
    ("contact", "id, person_id, value_index, ended_at"),
    ("enrolment", "id, person_id, org_id, class_id, source, state, valid_to"),
    ("staffing", "id, person_id, org_id, state, valid_to"),
    ("teaching", "id, staffing_id, class_id, subject, valid_to"),
    ("guardianship", "id, child_id, guardian_id, status, valid_to"),
    ("admin_grant", "id, person_id, role, org_id, staffing_id, deputy, revoked_at"),
    ("account", "id, person_id, user_name, state"),
    ("login_alias", "id, account_id, ended_at"),
    ("password_credential", "account_id, phc"),
    ("session", "id, person_id, account_id, identity_id, ended_at"),
    ("oidc_grant", "id, person_id, identity_id, sub, revoked_at"),
    ("subject", "person_id, sector, sub"),
    ("consent", "id, person_id, given_by, withdrawn_at"),
    ("relation_claim", "id, person_id, child_id, state"),
    ("presence", "org_id, name_key, person_id"),
    ("person_name", "id, person_id, name_key"),
    ("profile", "person_id"),
    ("verification", "id, person_id, superseded_at"),
];

async fn register(app: &TestApp) -> Vec<String> {
    let mut rows = Vec::new();
    for (table, columns) in REGISTER {
        let row = if app.database.url.starts_with("sqlite") {
            columns.split(", ").map(|column| format!("quote({column})")).collect::<Vec<_>>().join(" || ' ' || ")
        } else {
            format!("CAST(ROW({columns}) AS TEXT)")
        };
        let sql = format!("SELECT '{table} ' || {row} FROM {table} ORDER BY 1");
        rows.extend(select_texts(&app.database.url, &sql).await);
    }
    rows
}

#[track_caller]
fn same(before: &[String], after: &[String], what: &str) {
    let lost: Vec<_> = before.iter().filter(|row| !after.contains(row)).collect();
    let new: Vec<_> = after.iter().filter(|row| !before.contains(row)).collect();
    assert!(lost.is_empty() && new.is_empty(), "{what}\nlost: {lost:#?}\nnew: {new:#?}");
}

/// What she would be handed, without the moment.
async fn export(app: &TestApp, who: PersonId) -> Value {
    let mut document = app.exported(who).await;
    document.as_object_mut().unwrap().remove("made_at");
    // Each one that is made stands in the next.
    document["disclosures"].as_array_mut().unwrap().retain(|look| look["action"] != "person.exported");
    document
}

/// Rows that hang on somebody who was absorbed.
async fn stranded(app: &TestApp) -> String {
    let mut counts = Vec::new();
    for (table, column) in [
        ("enrolment", "person_id"),
        ("staffing", "person_id"),
        ("guardianship", "child_id"),
        ("guardianship", "guardian_id"),
        ("contact", "person_id"),
        ("identity_document", "person_id"),
        ("relation_claim", "person_id"),
        ("relation_claim", "claimed_by"),
        ("session", "person_id"),
        ("oidc_grant", "person_id"),
        ("consent", "given_by"),
        ("presence", "person_id"),
    ] {
        counts.push(format!(
            "SELECT '{table} ' || CAST(COUNT(*) AS TEXT) FROM {table} t JOIN person p ON p.id = t.{column} WHERE p.merged_into IS NOT NULL HAVING COUNT(*) > 0"
        ));
    }
    text(app, &counts.join(" UNION ALL ")).await
}

/// What two records of one person may have.
#[derive(Clone, Debug)]
struct Record {
    works: [bool; 2],
    keeps: [bool; 2],
    rules: bool,
    code: bool,
    school: bool,
    claimed: bool,
    renamed: bool,
    other_name: bool,
    account: bool,
}

fn record() -> impl Strategy<Value = Record> {
    let two = || [any::<bool>(), any::<bool>()];
    (two(), two(), any::<[bool; 7]>()).prop_map(|(works, keeps, flags)| {
        let [rules, code, school, claimed, renamed, other_name, account] = flags;
        Record { works, keeps, rules, code, school, claimed, renamed, other_name, account }
    })
}

/// Lays one record out and finds it again.
async fn lay_out(app: &TestApp, world: u32, n: u32, adult: bool, record: &Record) -> PersonId {
    let key = world * 8 + n;
    let schools = [SCHOOL, OTHER];
    let name = if record.other_name { format!("甲{key}") } else { format!("乙{world}") };
    let own = number(if adult { "19850607" } else { "20170203" }, key);
    if adult {
        let rows: Vec<String> =
            (0..2).filter(|at| record.works[*at]).map(|at| teacher(schools[at], &name, &own)).collect();
        let rows =
            if rows.is_empty() && !record.keeps.contains(&true) { vec![teacher(SCHOOL, &name, &own)] } else { rows };
        county::teachers(app, &rows).await;
        for at in (0..2).filter(|at| record.keeps[*at]) {
            let child = number("20180304", world * 2 + u32::try_from(at).unwrap());
            county::pupils(app, &[pupil(schools[at], &format!("孩{world}"), &child, Some((&name, &own)))]).await;
        }
    } else {
        let keeper = (format!("母{world}"), number("19900809", world));
        let home = usize::from(record.school);
        let keeper = record.keeps[0].then_some((keeper.0.as_str(), keeper.1.as_str()));
        county::pupils(app, &[pupil(schools[home], &name, &own, keeper)]).await;
        if record.claimed {
            county::pupils(app, &[pupil(schools[1 - home], &name, &own, None)]).await;
        }
    }
    let index = text(app, &format!("SELECT CAST(COUNT(*) AS TEXT) FROM person WHERE name = '{name}'")).await;
    let person = *called(app, &name).await.last().unwrap_or_else(|| panic!("nobody is called {name}: {index}"));
    if record.rules && adult {
        app.app.grant_admin(&app.operator(), person, AdminRole::School, SCHOOL).await.unwrap();
    }
    if record.code && !adult {
        let code = PersonalCode::parse(&format!("L3201022018{key:08}")).unwrap();
        app.app.record_personal_code(&app.operator(), OPERATOR, person, &code).await.unwrap();
    }
    if record.renamed {
        let name = PersonName::parse(&format!("曾{key}")).unwrap();
        app.app.rename_person(&app.operator(), OPERATOR, person, name).await.unwrap();
    }
    if record.account {
        app.app.set_password(&app.operator(), person, format!("a long sentence of {key}").into()).await.unwrap();
    }
    person
}

async fn events(app: &TestApp, kind: &str) -> String {
    text(app, &format!("SELECT CAST(fields AS TEXT) FROM event WHERE kind = '{kind}' ORDER BY id")).await
}

async fn signed_in_as(app: &TestApp, login: &str, password: &str) -> bool {
    let mut visitor = app.teacher();
    let form = visitor.browser.open("/sign-in").await;
    visitor.type_in(&form, login, password).await;
    visitor.is_signed_in().await
}

both_engines! {
    async fn whatever_two_records_have_a_merge_settles_it_and_undoing_brings_it_back(app: TestApp) {
        county::open(&app).await;
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let strategy = (any::<bool>(), record(), record());
        for world in 1..=16 {
            let (adult, one, other) = strategy.new_tree(&mut runner).unwrap().current();
            let survivor = lay_out(&app, world, 0, adult, &one).await;
            let absorbed = lay_out(&app, world, 1, adult, &other).await;
            let what = format!("world {world}, adult {adult}: {one:?} {other:?}");
            assert_ne!(survivor, absorbed, "{what}");
            let before = register(&app).await;
            let papers = (export(&app, survivor).await, export(&app, absorbed).await);
            assert_eq!(merge(&app, survivor, absorbed).await, Ok(survivor), "{what}");
            assert_eq!(stranded(&app).await, "", "{what}");
            let united = export(&app, survivor).await;
            assert_eq!(export(&app, absorbed).await, united, "both ids mean her");
            let numbers = |document: &Value| document["documents"].as_array().unwrap().iter().filter(|one| one["number"].is_string()).count();
            assert_eq!(numbers(&united), numbers(&papers.0) + numbers(&papers.1), "every number opens: {what}");
            assert_eq!(merge(&app, absorbed, survivor).await, Err(Kind::Conflict));
            undo(&app, absorbed).await.unwrap_or_else(|kind| panic!("{kind:?} {what}"));
            same(&before, &register(&app).await, &what);
            assert_eq!((export(&app, survivor).await, export(&app, absorbed).await), papers, "{what}");
            assert_eq!(undo(&app, absorbed).await, Err(Kind::NotFound), "once");
        }
        app.accounted_for().await;
    }

    async fn a_child_of_two_schools_has_one_register_and_both_keep_her(app: TestApp) {
        county::open(&app).await;
        let (one, two) = (number("20170203", 2), number("20170203", 4));
        let mother = number("19900809", 2);
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &one, Some(("李母", &mother)))]).await;
        county::pupils(&app, &[pupil(OTHER, "王芳", &two, Some(("李母", &mother)))]).await;
        let [first, second] = called(&app, "王芳").await[..] else { panic!("two records") };
        merge(&app, first, second).await.unwrap();
        let stays = "SELECT e.source || ' ' || o.name FROM enrolment e JOIN institution o ON o.id = e.org_id JOIN person p ON p.id = e.person_id WHERE p.name = '王芳' AND e.valid_to IS NULL ORDER BY 1 DESC";
        assert_eq!(text(&app, stays).await, "normal 第七实验小学,borrowed 第八实验小学");
        let kept = "SELECT g.status FROM guardianship g JOIN person p ON p.id = g.child_id WHERE p.name = '王芳' ORDER BY 1";
        assert_eq!(text(&app, kept).await, "confirmed,ended", "the mother is recorded once");
        for (school, number) in [(SCHOOL, &one), (OTHER, &two)] {
            let again = county::pupils(&app, &[pupil(school, "王芳", number, Some(("李母", &mother)))]).await;
            assert_eq!((again.created, again.persons_created, again.rejected), (0, 0, 0), "{again:?}");
        }
        let second_mother = called(&app, "李母").await[0];
        let child = called(&app, "王芳").await[0];
        merge(&app, child, second_mother).await.unwrap();
        let herself = "SELECT CAST(COUNT(*) AS TEXT) FROM guardianship WHERE child_id = guardian_id OR status <> 'ended'";
        assert!(text(&app, &format!("{herself} AND guardian_id IN (SELECT id FROM person WHERE name = '李母')")).await.starts_with('0'));
        app.accounted_for().await;
    }

    async fn two_who_merge_the_same_people_at_once_make_one_merge(app: TestApp) {
        county::open(&app).await;
        for round in 0..4_u32 {
            let name = format!("陈{round}");
            let rows = [0, 2, 4].map(|n| teacher(SCHOOL, &name, &number("19850607", 100 + round * 10 + n)));
            county::teachers(&app, &rows).await;
            let [a, b, c] = called(&app, &name).await[..] else { panic!("three records") };
            let (one, two, three, four) =
                tokio::join!(merge(&app, a, b), merge(&app, b, a), merge(&app, b, c), merge(&app, a, b));
            let done = [one, two, three, four].iter().filter(|result| result.is_ok()).count();
            assert_eq!(done, 2, "a and b once, c once: {one:?} {two:?} {three:?} {four:?}");
            assert_eq!(called(&app, &name).await.len(), 1);
            let mut stands = Vec::new();
            for id in [a, b, c] {
                stands.push(app.app.standing_person(id).await.unwrap());
            }
            assert!(stands.iter().all(|id| *id == stands[0]), "chains end at one person");
            assert_eq!(stranded(&app).await, "");
        }
        app.accounted_for().await;
    }

    async fn an_import_at_the_same_moment_writes_to_the_survivor(app: TestApp) {
        county::open(&app).await;
        let keeper = |pair: u32, n: u32| (format!("家长{pair}"), number("19850607", 200 + pair * 2 + n));
        let mut rows = Vec::new();
        for pair in 0..6_u32 {
            let both = [0, 1].map(|n| keeper(pair, n));
            county::teachers(&app, &both.map(|(name, number)| teacher(SCHOOL, &name, &number))).await;
            for child in 0..30 {
                let (name, number_of_hers) = keeper(pair, child % 2);
                let own = number("20170203", 300 + pair * 30 + child);
                rows.push(pupil(SCHOOL, &format!("孩{pair}之{child}"), &own, Some((&name, &number_of_hers))));
            }
        }
        let merging = async {
            for pair in 0..6_u32 {
                let [one, other] = called(&app, &format!("家长{pair}")).await[..] else { panic!("two records") };
                merge(&app, one, other).await.unwrap();
            }
        };
        let (report, ()) = tokio::join!(county::pupils(&app, &rows), merging);
        assert_eq!((report.created, report.conflicts, report.errors.len()), (180, 0, 0), "{report:?}");
        assert_eq!(stranded(&app).await, "");
        let wards = "SELECT CAST(COUNT(*) AS TEXT) FROM guardianship g JOIN person p ON p.id = g.guardian_id WHERE p.name LIKE '家长%' AND g.status = 'confirmed'";
        assert_eq!(text(&app, wards).await, "180");
    }

    async fn nobody_is_signed_out_and_every_platform_keeps_the_name_it_knew(app: TestApp) {
        let (stays, goes) = (app.person("full_claims").clone(), app.person("guardian_of_two").clone());
        let (platform, vendor) = (app.client("platform_a"), app.client("vendor"));
        let mut first = app.teacher();
        let mut second = app.visitor("guardian_of_two");
        let hers = first.sign_in(&platform).await;
        let theirs = second.sign_in_with(&platform, platform.ask().with("scope", "openid profile edu offline_access")).await;
        let at_vendor = second.sign_in(&vendor).await;
        let late = second.arrive(&platform).await;
        assert_eq!(merge(&app, stays.person_id, goes.person_id).await, Ok(stays.person_id));

        let sub = |answer: &crate::support::relying_party::Answer| answer.id_claims()["sub"].clone();
        let told = platform.userinfo(&theirs.access()).await;
        assert_eq!((told.status, &told.body["sub"]), (200, &sub(&theirs)), "a grant keeps its subject for life");
        assert_eq!(platform.userinfo(&hers.access()).await.status, 200);
        let refreshed = platform.refresh(&theirs.refresh()).await;
        assert_eq!((refreshed.status, sub(&refreshed)), (200, sub(&theirs)), "{refreshed:?}");
        assert!(first.is_signed_in().await && second.is_signed_in().await, "both browsers stay signed in");
        let redeemed = platform.redeem(&late.ask, &late.code).await;
        assert_eq!((redeemed.status, sub(&redeemed)), (200, sub(&hers)), "a code from before, in the survivor's name");
        let again = second.sign_in(&platform).await;
        assert_eq!(sub(&again), sub(&hers), "who knew both meets the survivor's at the next sign-in");
        let at_vendor_again = first.sign_in(&vendor).await;
        assert_eq!(sub(&at_vendor_again), sub(&at_vendor), "who knew one keeps it");
        let told = serde_json::json!({ "old": sub(&theirs), "new": sub(&hers) });
        let event: Value = serde_json::from_str(&events(&app, "subject.merged").await).unwrap();
        assert_eq!(event, told, "once: the vendor knew one of the two");
        let for_whom = "SELECT sector FROM event WHERE kind LIKE 'subject.%' ORDER BY id";
        assert_eq!(text(&app, for_whom).await, "system", "who knew both, and nobody else");

        for login in [&stays.user_name, &goes.user_name] {
            assert!(signed_in_as(&app, login, &stays.password).await, "either user name leads to her");
            assert!(!signed_in_as(&app, login, &goes.password).await, "one password stays");
        }
        let before = text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM session WHERE ended_at IS NULL").await;
        app.pass(std::time::Duration::from_secs(1));
        let mut newcomer: Visitor = app.teacher();
        newcomer.sign_in(&platform).await;
        assert_ne!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM session WHERE ended_at IS NULL").await, before);
        undo(&app, goes.person_id).await.unwrap();
        let event: Value = serde_json::from_str(&events(&app, "subject.parted").await).unwrap();
        assert_eq!((event, text(&app, for_whom).await.as_str()), (told, "system,system"), "who was told hears of it");
        assert!(!newcomer.is_signed_in().await, "what began since ends: nobody can tell whose it is");
        assert!(first.is_signed_in().await && second.is_signed_in().await, "what was there before goes on");
        assert!(signed_in_as(&app, &goes.user_name, &goes.password).await);
        let parted = second.sign_in(&platform).await;
        assert_eq!(sub(&parted), sub(&theirs));
    }

    /// A platform compares both with its session (Back-Channel Logout 1.0, 2.6).
    async fn a_sign_out_after_a_merge_names_her_as_the_platform_does(app: TestApp) {
        let receiver = Receiver::start().await;
        let rp = app.register(json!({ "backchannel_logout_uri": receiver.url })).await;
        let (stays, goes) = (app.person("full_claims").person_id, app.person("guardian_of_two").person_id);
        app.teacher().sign_in(&rp).await;
        let mut second = app.visitor("guardian_of_two");
        let known = second.sign_in(&rp).await.id_claims();
        assert_eq!(merge(&app, stays, goes).await, Ok(stays));
        let home = second.browser.open("/").await;
        second.browser.press(&home, "confirm", "yes").await;
        let heard = claims_of(&receiver.wait_for(1).await.remove(0));
        assert_eq!((&heard["sid"], &heard["sub"]), (&known["sid"], &known["sub"]));
    }

    async fn an_account_that_was_never_activated_takes_the_password_of_the_other(app: TestApp) {
        county::open(&app).await;
        let rows = [2, 4].map(|n| teacher(SCHOOL, "陈师", &number("19850607", n)));
        county::teachers(&app, &rows).await;
        let [survivor, absorbed] = called(&app, "陈师").await[..] else { panic!("two records") };
        let password = "a long sentence of hers";
        app.app.set_password(&app.operator(), absorbed, password.into()).await.unwrap();
        let names = text(&app, "SELECT a.user_name FROM account a JOIN person p ON p.id = a.person_id WHERE p.name = '陈师' ORDER BY p.id").await;
        merge(&app, survivor, absorbed).await.unwrap();
        for login in names.split(',') {
            assert!(signed_in_as(&app, login, password).await, "{login}");
        }
        undo(&app, absorbed).await.unwrap();
        let logins: Vec<&str> = names.split(',').collect();
        assert!(!signed_in_as(&app, logins[0], password).await && signed_in_as(&app, logins[1], password).await);
    }

    async fn a_merge_needs_both_in_scope_and_its_time(app: TestApp) {
        county::open(&app).await;
        let (one, two) = (number("20170203", 2), number("20170203", 4));
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &one, None)]).await;
        county::pupils(&app, &[pupil(OTHER, "王芳", &two, None)]).await;
        let [a, b] = called(&app, "王芳").await[..] else { panic!("two records") };
        let school = Decider::Admin(county::administrator(&app, 20, SCHOOL, AdminRole::School).await);
        let above = Decider::Admin(county::administrator(&app, 22, COUNTY, AdminRole::County).await);
        let try_merge = async |by| app.app.merge_persons(&app.operator(), by, a, b, WHY).await.map_err(|error| error.kind);
        assert_eq!(try_merge(school).await.unwrap_err(), Kind::NotFound);
        let said = app.app.merge_persons(&app.operator(), above, a, b, "320102201702030027").await;
        assert_eq!(said.unwrap_err().kind, Kind::Invalid, "a reason holds no number");
        try_merge(above).await.unwrap();
        let alone = app.app.undo_merge(&app.operator(), school, b, WHY).await;
        assert_eq!(alone.unwrap_err().kind, Kind::NotFound);
        let third = number("20170203", 6);
        county::pupils(&app, &[pupil(SCHOOL, "李娜", &third, None)]).await;
        let c = called(&app, "李娜").await[0];
        merge(&app, c, a).await.unwrap();
        assert_eq!(app.app.standing_person(b).await.unwrap(), c, "a chain");
        assert_eq!(undo(&app, b).await, Err(Kind::Conflict), "the later merge lies above it");
        undo(&app, a).await.unwrap();
        app.pass(std::time::Duration::from_secs(91 * 24 * 3600));
        assert_eq!(undo(&app, b).await, Err(Kind::Conflict), "its time is over");
    }

    async fn a_case_that_says_one_person_merges_and_comes_back_when_that_was_wrong(app: TestApp) {
        county::open(&app).await;
        let rows = [2, 4].map(|n| pupil(SCHOOL, "王芳", &number("20170203", n), None));
        county::pupils(&app, &rows).await;
        app.app.search_cases(&app.operator(), OPERATOR, SCHOOL).await.unwrap();
        let list = async || app.app.open_cases(&app.operator(), OPERATOR, None, None).await.unwrap();
        let case = list().await[0].id;
        let school = Decider::Admin(county::administrator(&app, 20, SCHOOL, AdminRole::School).await);
        let verdict = Verdict { decision: Decision::SamePerson, reason: WHY.into() };
        let [survivor, absorbed] = called(&app, "王芳").await[..] else { panic!("two records") };
        let decided = app.app.decide_case(&app.operator(), school, case, verdict).await.unwrap();
        assert_eq!((decided.done, called(&app, "王芳").await), ("merged", vec![survivor]));
        assert_eq!(app.app.count_registry(Some(SCHOOL)).await.unwrap().students, 1);
        let audit = "SELECT CAST(details AS TEXT) FROM audit_entry WHERE action = 'case.decided'";
        let entry = text(&app, audit).await;
        assert!(entry.contains("survivor_before") && !entry.contains("王芳"), "{entry}");
        app.app.undo_merge(&app.operator(), school, absorbed, WHY).await.unwrap();
        let said = format!("SELECT action FROM audit_entry WHERE reason = '{WHY}' ORDER BY id");
        assert_eq!(select_texts(&app.database.url, &said).await.len(), 2, "who decided and who took it back said why");
        assert_eq!(list().await.iter().map(|open| open.id).collect::<Vec<_>>(), [case], "the question is open again");
        assert_eq!(called(&app, "王芳").await.len(), 2);
        merge(&app, survivor, absorbed).await.unwrap();
        assert!(list().await.is_empty(), "a merge answers who asked");
        app.accounted_for().await;
    }
}
