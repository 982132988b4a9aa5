//! Whose slip goes through whose hands (ruling R1). An administrator of one school lies: she names people whom others hold
//! as guardians of children whom nobody knows, and then her school prints its slips.

use std::time::Duration;

use mingji::app::Kind;
use mingji::app::relation_claim::{Decider, PendingClaim, Verdict};
use mingji::app::slips::Bundle;
use mingji::domain::id::PersonId;
use mingji::domain::oidc::scope::Scope;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::holder::SlipKind;
use mingji::domain::registry::roster::RosterKind;

use super::{GOOD, Nobody, STUDENTS, SlipWish, activate, number};
use crate::support::app::{TestApp, both_engines};
use crate::support::browser::PlainBrowser;
use crate::support::database::select_texts;

pub(super) const PROVINCE: &str = "ED32000000";
pub(super) const COUNTY: &str = "ED32010200";
pub(super) const LIARS: &str = "2132000777";
pub(super) const OTHER: &str = "2132000778";
const PLACES: &str = "机构标识码,机构名称,机构类型,办学类型,行政区划代码,上级机构标识码\n\
    ED32000000,江苏省教育厅,教育行政部门,,320000,\nED32010200,玄武区教育局,教育行政部门,,320102,ED32000000\n\
    2132000777,第七实验小学,学校,211,320102,ED32010200\n2132000778,第八实验小学,学校,211,320102,ED32010200\n";
const STAFF: &str = "学校标识码,姓名,身份证件类型,身份证件号,工号,岗位";

/// A grown-up by one character, a child by two.
pub(super) fn document(who: &str) -> String {
    let serial = who.chars().map(u32::from).fold(0, |sum, c| (sum * 31 + c) % 499) * 2;
    number(if who.chars().count() == 1 { "19850607" } else { "20170203" }, serial)
}

pub(super) fn pupil(school: &str, child: &str, keeper: &str) -> String {
    let (number, of_keeper) = (document(child), document(keeper));
    format!("{school},{child},女,居民身份证,{number},G{number},小学,2024,1班,{keeper},母亲,居民身份证,{of_keeper},\n")
}

pub(super) fn staff(rows: &[(&str, &str)]) -> String {
    let row = |(place, who): &(&str, &str)| format!("{place},{who},居民身份证,{},,教师\n", document(who));
    format!("{STAFF}\n{}", rows.iter().map(row).collect::<String>())
}

pub(super) async fn import(app: &TestApp, kind: RosterKind, file: String) {
    let report = app.app.import_roster(&app.operator(), kind, file.as_bytes(), false, &mut Nobody).await.unwrap();
    assert!(report.errors.is_empty(), "{report:?}");
}

pub(super) async fn person(app: &TestApp, name: &str) -> PersonId {
    let query =
        format!("SELECT a.user_name FROM account a JOIN person p ON p.id = a.person_id WHERE p.name = '{name}'");
    let logins = select_texts(&app.database.url, &query).await;
    assert_eq!(logins.len(), 1, "{name}");
    app.app.person_of_login(&logins[0]).await.unwrap()
}

/// 理 governs the province and works there, 教 teaches at the other school and has a child there, 母 has a child there,
/// 双 has one at either school, 老 had one there. 谎 is the administrator of the liars.
pub(super) async fn world(app: &TestApp) {
    import(app, RosterKind::Institutions, PLACES.into()).await;
    import(app, RosterKind::Staff, staff(&[(PROVINCE, "理"), (OTHER, "教"), (LIARS, "谎"), (LIARS, "师")])).await;
    let held = [
        (OTHER, "教儿", "教"),
        (OTHER, "母儿", "母"),
        (OTHER, "双大", "双"),
        (LIARS, "双小", "双"),
        (LIARS, "良儿", "良"),
        (OTHER, "老儿", "老"),
    ];
    let rows: String = held.iter().map(|(school, child, keeper)| pupil(school, child, keeper)).collect();
    import(app, RosterKind::Students, format!("{STUDENTS}\n{rows}")).await;
    let left = "UPDATE enrolment SET valid_to = '2025-07-01' WHERE person_id = (SELECT id FROM person WHERE name = '老儿') RETURNING state";
    assert_eq!(select_texts(&app.database.url, left).await.len(), 1);
    app.app.grant_admin(&app.operator(), person(app, "理").await, AdminRole::Province, PROVINCE).await.unwrap();
    app.app.grant_admin(&app.operator(), person(app, "谎").await, AdminRole::School, LIARS).await.unwrap();
}

pub(super) async fn lie(app: &TestApp, rows: &str) {
    let (liar, file) = (person(app, "谎").await, format!("{STUDENTS}\n{rows}"));
    let report = app
        .app
        .import_roster_as(&app.operator(), liar, RosterKind::Students, file.as_bytes(), false, &mut Nobody)
        .await
        .unwrap();
    assert!(report.errors.is_empty(), "{report:?}");
}

/// Names, each with the institution whose teacher hands the slip out, and how many were left out because they belong
/// elsewhere too.
async fn printed(app: &TestApp, org: &str, kind: SlipKind) -> (Vec<String>, usize) {
    let wish = SlipWish { kind: Some(kind), reprint: true, ..SlipWish::default() };
    let mut names = Vec::new();
    let report = app
        .app
        .print_slips(&app.operator(), org, &wish, &mut |bundle| {
            names.extend(bundle.slips.iter().map(|slip| format!("{} {}", slip.name, bundle.org)));
            Ok(())
        })
        .await
        .unwrap();
    names.sort();
    (names, report.skipped_elsewhere)
}

fn sorted(names: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.sort();
    names
}

both_engines! {
    async fn a_liars_school_gets_no_code_of_anybody_whom_others_hold(app: TestApp) {
        world(&app).await;
        let claimed = [("甲甲", "理"), ("乙乙", "教"), ("丙丙", "母"), ("丁丁", "老"), ("戊戊", "新")];
        lie(&app, &claimed.map(|(child, keeper)| pupil(LIARS, child, keeper)).concat()).await;
        let confirmed = "SELECT p.name FROM guardianship g JOIN person p ON p.id = g.guardian_id JOIN person c ON c.id = g.child_id
            WHERE g.status = 'confirmed' AND c.name IN ('甲甲', '乙乙', '丙丙', '丁丁', '戊戊')";
        assert_eq!(select_texts(&app.database.url, confirmed).await.len(), 5, "the lie is in the register");

        // 新 is nobody yet, and nobody else's.
        let (names, left) = printed(&app, LIARS, SlipKind::Guardians).await;
        assert_eq!(names, sorted(&["新 第七实验小学", "良 第七实验小学"]));
        assert_eq!(left, 5, "and 双, who has a child elsewhere");
        let (names, left) = printed(&app, LIARS, SlipKind::Staff).await;
        assert_eq!((names, left), (sorted(&["师 第七实验小学", "谎 第七实验小学"]), 0));

        // One level up holds both schools: a slip goes to the one that did not lie.
        let (names, left) = printed(&app, COUNTY, SlipKind::Guardians).await;
        let first = if names.contains(&"双 第七实验小学".to_owned()) { "双 第七实验小学" } else { "双 第八实验小学" };
        assert_eq!(names, sorted(&["教 第八实验小学", "新 第七实验小学", "母 第八实验小学", "良 第七实验小学", first]));
        assert_eq!(left, 2, "理, and 老, of whom nobody else knows anything today");
        let (names, left) = printed(&app, PROVINCE, SlipKind::Guardians).await;
        assert!(!names.iter().any(|name| name.starts_with('理') || name.starts_with('老')), "{names:?}");
        assert_eq!(left, 2, "a slip for the invented child would go to the liar, whoever prints it");
        let (names, _) = printed(&app, PROVINCE, SlipKind::Staff).await;
        assert!(names.contains(&"理 江苏省教育厅".to_owned()), "{names:?}");

        let link = app.app.issue_activation(&app.operator(), person(&app, "老").await).await.unwrap().1;
        let mut browser = PlainBrowser::new(&app);
        let page = browser.open(&link).await;
        assert!(!browser.submit(&page, "new_password", &[("new_password", GOOD)]).await.has("problem"), "one by one");
    }

    async fn what_somebody_is_elsewhere_counts_for_every_kind(app: TestApp) {
        world(&app).await;
        let url = &app.database.url;
        let (names, left) = printed(&app, OTHER, SlipKind::Staff).await;
        assert_eq!((names, left), (sorted(&["教 第八实验小学"]), 0));
        // A child at another school, a post there, a stay there, a grant above.
        import(&app, RosterKind::Students, format!("{STUDENTS}\n{}", pupil(LIARS, "教女", "教"))).await;
        assert_eq!(printed(&app, OTHER, SlipKind::Staff).await, (vec![], 1));
        assert_eq!(printed(&app, LIARS, SlipKind::Guardians).await.1, 2, "nor there: 教 and 双");
        let grown = "UPDATE person SET birth_date = '2000-01-01' WHERE name = '教女' RETURNING name";
        assert_eq!(select_texts(url, grown).await.len(), 1);
        assert_eq!(printed(&app, OTHER, SlipKind::Staff).await.1, 0, "nobody speaks for a child of full age");
        import(&app, RosterKind::Staff, staff(&[(LIARS, "教")])).await;
        assert_eq!(printed(&app, OTHER, SlipKind::Staff).await, (vec![], 1));
        assert_eq!(printed(&app, COUNTY, SlipKind::Staff).await.0.len(), 3);
        let over = "UPDATE staffing SET valid_to = '2026-01-01' WHERE org_id = (SELECT id FROM institution WHERE name = '第七实验小学')
            AND person_id = (SELECT id FROM person WHERE name = '教') RETURNING state";
        assert_eq!(select_texts(url, over).await.len(), 1);
        assert_eq!(printed(&app, OTHER, SlipKind::Staff).await.1, 0, "what is over does not count");
        app.app.grant_admin(&app.operator(), person(&app, "教").await, AdminRole::Audit, COUNTY).await.unwrap();
        assert_eq!(printed(&app, OTHER, SlipKind::Staff).await, (vec![], 1));
        assert_eq!(printed(&app, COUNTY, SlipKind::Staff).await.0.len(), 3);
        let revoked = "UPDATE admin_grant SET revoked_at = 1 WHERE role = 'audit_admin' RETURNING role";
        assert_eq!(select_texts(url, revoked).await.len(), 1);
        assert_eq!(printed(&app, OTHER, SlipKind::Staff).await.1, 0);

        assert_eq!(printed(&app, OTHER, SlipKind::Students).await.1, 0);
        let moved = "UPDATE enrolment SET source = 'borrowed', person_id = (SELECT id FROM person WHERE name = '母儿')
            WHERE person_id = (SELECT id FROM person WHERE name = '双小') RETURNING state";
        assert_eq!(select_texts(url, moved).await.len(), 1);
        assert_eq!(printed(&app, OTHER, SlipKind::Students).await.1, 1, "借读 elsewhere");
        assert!(printed(&app, COUNTY, SlipKind::Students).await.0.iter().any(|name| name.starts_with("母儿")));
    }

    async fn who_waits_gets_one_when_somebody_decided(app: TestApp) {
        world(&app).await;
        // The child moves to the liars' school, which then names somebody besides the guardian whom the other one knows.
        lie(&app, &pupil(LIARS, "母儿", "母")).await;
        let claims = app.app.pending_claims(&app.operator(), Decider::Operator, COUNTY, None).await.unwrap();
        let transfer = claims.iter().find(|claim| claim.kind == "student").unwrap().id;
        let decide = async |claim| app.app.decide_claim(&app.operator(), Decider::Operator, claim, Verdict::Confirm).await.unwrap();
        decide(transfer).await;
        lie(&app, &pupil(LIARS, "母儿", "父")).await;
        let guardians = async || printed(&app, LIARS, SlipKind::Guardians).await.0;
        assert!(!guardians().await.iter().any(|name| name.starts_with('父')));
        app.pass(Duration::from_secs(60));
        let claims = app.app.pending_claims(&app.operator(), Decider::Operator, COUNTY, None).await.unwrap();
        for claim in claims.iter().filter(|claim| claim.kind == "guardian" && claim.name == "父") {
            decide(claim.id).await;
        }
        assert!(guardians().await.contains(&"父 第七实验小学".to_owned()), "{:?}", guardians().await);
    }

    async fn a_minor_is_nobodys_guardian(app: TestApp) {
        world(&app).await;
        let swap = "UPDATE guardianship SET guardian_id = (SELECT id FROM person WHERE name = '双小')
            WHERE child_id = (SELECT id FROM person WHERE name = '良儿') RETURNING status";
        assert_eq!(select_texts(&app.database.url, swap).await, ["confirmed"]);
        assert_eq!(printed(&app, COUNTY, SlipKind::Guardians).await.0.len(), 3, "教, 母 and 双");
    }

    async fn a_code_that_another_institution_handed_out_lives_on(app: TestApp) {
        world(&app).await;
        let print = async |org, reprint| {
            let (mut slips, wish) = (Vec::new(), SlipWish { reprint, ..SlipWish::default() });
            let press = &mut |bundle: &Bundle| {
                slips.extend(bundle.slips.iter().cloned());
                Ok(())
            };
            let report = app.app.print_slips(&app.operator(), org, &wish, press).await.unwrap();
            (slips, report.skipped_open)
        };
        let (first, skipped) = print(OTHER, false).await;
        assert_eq!((first.len(), skipped), (5, 0), "教 and 母 with theirs, 双大");
        let (county, skipped) = print(COUNTY, false).await;
        assert_eq!(skipped, 5);
        assert!(!county.is_empty() && county.iter().all(|slip| first.iter().all(|one| one.user_name != slip.user_name)));
        assert!(activate(&app, &first[0]).await, "it still works");
        let (again, skipped) = print(COUNTY, true).await;
        assert_eq!((again.len(), skipped), (first.len() + county.len() - 1, 0));
        assert!(!activate(&app, &first[1]).await, "now it ended");
        assert_eq!(print(COUNTY, false).await.1, again.len());
        app.pass(Duration::from_secs(15 * 24 * 3600));
        let (late, skipped) = print(COUNTY, false).await;
        assert_eq!((late.len(), skipped), (again.len(), 0), "an expired one is no reason");
    }

    async fn a_code_made_before_a_larger_right_ends_with_it(app: TestApp) {
        world(&app).await;
        let print = async || {
            let mut slips = Vec::new();
            let press = &mut |bundle: &Bundle| {
                slips.extend(bundle.slips.iter().cloned());
                Ok(())
            };
            app.app.print_slips(&app.operator(), LIARS, &SlipWish::default(), press).await.unwrap();
            slips
        };
        let slips = print().await;
        let of = |name: &str| slips.iter().find(|slip| slip.name == name).unwrap();
        app.app.grant_admin(&app.operator(), person(&app, "师").await, AdminRole::County, COUNTY).await.unwrap();
        assert!(!activate(&app, of("师")).await, "a slip of the school is not worth the county");
        assert!(activate(&app, of("良")).await, "others keep theirs");
        assert!(print().await.iter().all(|slip| slip.name != "师"), "nor does the school print another");
        assert!(!app.app.grant_admin(&app.operator(), person(&app, "师").await, AdminRole::County, COUNTY).await.unwrap());
        let link = app.app.issue_activation(&app.operator(), person(&app, "师").await).await.unwrap().1;
        app.app.grant_admin(&app.operator(), person(&app, "师").await, AdminRole::County, COUNTY).await.unwrap();
        assert!(!PlainBrowser::new(&app).open(&link).await.has("problem"), "what she holds already makes nothing larger");
    }

    async fn a_run_of_slips_and_a_grant_at_once_leave_no_code(app: TestApp) {
        world(&app).await;
        let names = ["一", "丁", "七", "万", "丈", "三", "上", "下"];
        import(&app, RosterKind::Staff, staff(&names.map(|name| (LIARS, name)))).await;
        let run = async |app: TestApp| {
            let wish = SlipWish { kind: Some(SlipKind::Staff), reprint: true, ..SlipWish::default() };
            app.app.print_slips(&app.operator(), LIARS, &wish, &mut |_| Ok(())).await.unwrap();
        };
        for name in names {
            let grantee = person(&app, name).await;
            let runs: Vec<_> = (0..3).map(|_| tokio::spawn(run(app.clone()))).collect();
            app.app.grant_admin(&app.operator(), grantee, AdminRole::County, COUNTY).await.unwrap();
            for one in runs {
                one.await.unwrap();
            }
        }
        let open = "SELECT DISTINCT p.name FROM activation v JOIN account a ON a.id = v.account_id JOIN person p ON p.id = a.person_id
            JOIN admin_grant g ON g.person_id = p.id WHERE v.used_at IS NULL AND p.name <> '谎'";
        assert_eq!(select_texts(&app.database.url, open).await, [""; 0]);
        let others = "SELECT p.name FROM activation v JOIN account a ON a.id = v.account_id JOIN person p ON p.id = a.person_id WHERE v.used_at IS NULL AND p.name = '师'";
        assert_eq!(select_texts(&app.database.url, others).await, ["师"], "the runs did print");
    }

    async fn who_is_a_guardian_by_one_schools_word_is_decided_once(app: TestApp) {
        world(&app).await;
        import(&app, RosterKind::Staff, staff(&[(COUNTY, "县")])).await;
        let county = person(&app, "县").await;
        app.app.grant_admin(&app.operator(), county, AdminRole::County, COUNTY).await.unwrap();
        let lies = [("甲甲", "理"), ("丙丙", "母"), ("丁丁", "老")].map(|(child, keeper)| pupil(LIARS, child, keeper)).concat();
        lie(&app, &lies).await;
        let (liar, county) = (Decider::Admin(person(&app, "谎").await), Decider::Admin(county));
        let list = async |by, org| {
            let mut claims = app.app.pending_claims(&app.operator(), by, org, None).await.unwrap();
            claims.sort_by(|one, other| one.name.cmp(&other.name));
            assert!(claims.iter().all(|claim| claim.in_force));
            claims
        };
        let names = |claims: Vec<PendingClaim>| claims.into_iter().map(|claim| claim.name).collect::<Vec<_>>();
        let all = list(Decider::Operator, COUNTY).await;
        let of = |name: &str| all.iter().find(|claim| claim.name == name).unwrap().id;
        assert_eq!(app.app.count_registry(Some(COUNTY)).await.unwrap().open_cases, 3);
        assert_eq!(names(list(liar, LIARS).await), [""; 0], "the claimant would read from it whom others hold");
        assert_eq!(names(list(county, COUNTY).await), ["母", "老"], "not who governs her");
        let decide = async |by, name, verdict| app.app.decide_claim(&app.operator(), by, of(name), verdict).await;
        for (by, name) in [(liar, "母"), (liar, "老"), (county, "理")] {
            assert_eq!(decide(by, name, Verdict::Confirm).await.unwrap_err().kind, Kind::NotFound, "{name}");
        }

        let many: Vec<_> = (0..4).map(|n| {
            let (app, id) = (app.clone(), of("母"));
            let verdict = if n % 2 == 0 { Verdict::Confirm } else { Verdict::Reject(None) };
            tokio::spawn(async move { app.app.decide_claim(&app.operator(), county, id, verdict).await.is_ok() })
        }).collect();
        let mut decided = 0;
        for one in many {
            decided += u32::from(one.await.unwrap());
        }
        assert_eq!(decided, 1, "by one of those who decide at once");

        assert!(!printed(&app, LIARS, SlipKind::Guardians).await.0.contains(&"老 第七实验小学".to_owned()));
        decide(Decider::Operator, "老", Verdict::Confirm).await.unwrap();
        assert!(printed(&app, LIARS, SlipKind::Guardians).await.0.contains(&"老 第七实验小学".to_owned()));
        assert_eq!(decide(Decider::Operator, "老", Verdict::Reject(None)).await.unwrap_err().kind, Kind::Conflict);

        // Rejected, she is nobody's guardian any more, and what she agreed to is taken back.
        let (child, vendor) = (person(&app, "甲甲").await, app.client("vendor").id);
        let scope = [Scope::Profile].into_iter().collect();
        app.app.record_guardian_consent(&app.operator(), child, person(&app, "理").await, &vendor, &scope).await.unwrap();
        decide(Decider::Operator, "理", Verdict::Reject(Some("查无此事".into()))).await.unwrap();
        let url = &app.database.url;
        let status = "SELECT g.status FROM guardianship g JOIN person c ON c.id = g.child_id WHERE c.name = '甲甲'";
        assert_eq!(select_texts(url, status).await, ["ended"]);
        let receipts = "SELECT c.name FROM consent r JOIN person c ON c.id = r.person_id WHERE c.name = '甲甲' AND r.withdrawn_at IS NULL";
        assert_eq!(select_texts(url, receipts).await, [""; 0]);
        lie(&app, &lies).await;
        assert_eq!(select_texts(url, status).await, ["ended"], "a row does not bring her back");
        assert_eq!(names(list(Decider::Operator, COUNTY).await), [""; 0], "and nothing waits");
        assert_eq!(app.app.count_registry(None).await.unwrap().open_cases, 0);
    }
}
