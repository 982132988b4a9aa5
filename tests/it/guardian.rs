//! Guardians over time: what a court takes away ends at once, an institution acts through its staff, siblings share guardians
//! and each relation has its own fate, and at 18 it is over.

use std::collections::BTreeSet;

use mingji::app::Kind;
use mingji::app::guardian_life::{GuardianPart, Order};
use mingji::app::institution_life::{Opening, Split};
use mingji::app::pace::Listener;
use mingji::app::relation_claim::{Decider, Verdict};
use mingji::app::staff_life;
use mingji::domain::id::PersonId;
use mingji::domain::oidc::scope::ScopeSet;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::relation::Relation;
use mingji::domain::registry::codes::staff::{StaffPost, StaffState};
use mingji::domain::registry::guardianship::{Evidence, Restriction};
use mingji::domain::registry::institution::InstitutionKind;
use mingji::domain::registry::institution_life::ChangeKind;
use mingji::domain::registry::roster::ClassKey;
use mingji::domain::time::Clock as _;

use crate::support::app::{TestApp, both_engines};
use crate::support::binary::Place;
use crate::support::county::{
    self, COUNTY, INSTITUTIONS, OTHER, SCHOOL, STUDENTS, called, number, pupil, teacher, text,
};
use crate::support::database;

const OPERATOR: Decider = Decider::Operator;

async fn change(
    app: &TestApp,
    by: Decider,
    (child, guardian): (PersonId, PersonId),
    order: Order,
) -> Result<Vec<GuardianPart>, Kind> {
    app.app.change_guardian(&app.operator(), by, child, guardian, &order).await.map_err(|error| error.kind)
}

fn add(relation: Relation) -> Order {
    Order::Add { relation, legal: None, evidence: Evidence::Document, institution: None }
}

fn court(restrictions: &[Restriction]) -> Order {
    Order::Restrict(restrictions.iter().copied().collect::<BTreeSet<_>>())
}

fn days(n: u64) -> std::time::Duration {
    std::time::Duration::from_secs(n * 86_400)
}

/// An institution as the guardian.
fn home(code: &str) -> Order {
    let (relation, evidence) = (Relation::Institution, Evidence::Document);
    Order::Add { relation, legal: None, evidence, institution: Some(code.into()) }
}

async fn works(app: &TestApp, person: PersonId, org: &str) {
    let join = staff_life::Order::Join { org: org.into(), post: StaffPost::Other, staff_no: None };
    app.app.change_staff(&app.operator(), OPERATOR, person, None, &join).await.unwrap();
}

/// Whether she may agree to something for the child.
async fn speaks(app: &TestApp, child: PersonId, guardian: PersonId) -> bool {
    let (client, scope) = (app.client("platform_b").id, ScopeSet::parse("openid"));
    let agreed = app.app.record_guardian_consent(&app.operator(), child, guardian, &client, &scope).await;
    assert!(agreed.as_ref().is_ok() || agreed.as_ref().is_err_and(|error| error.kind == Kind::Invalid), "{agreed:?}");
    agreed.is_ok()
}

struct Silent;

impl Listener for Silent {
    fn progress(&mut self, _: u64, _: u64) {}
}

async fn one(app: &TestApp, name: &str) -> PersonId {
    called(app, name).await[0]
}

/// Two sisters with one mother, and a teacher.
async fn family(app: &TestApp) {
    county::open(app).await;
    let mother = ("李母", number("19850203", 6));
    let rows = [
        pupil(SCHOOL, "李大", &number("20170203", 4), Some((mother.0, &mother.1))),
        pupil(SCHOOL, "李小", &number("20180203", 8), Some((mother.0, &mother.1))),
    ];
    assert_eq!(county::pupils(app, &rows).await.errors, []);
    let rows = [teacher(SCHOOL, "赵老师", &number("19750203", 60))];
    assert_eq!(county::teachers(app, &rows).await.errors, []);
}

/// What was said waits at a school, and is agreed to.
async fn agreed(app: &TestApp, school: &str, by: Decider) {
    let waiting = app.app.pending_claims(&app.operator(), OPERATOR, school, None).await.unwrap();
    let [claim] = &waiting[..] else { panic!("one claim of {school}: {waiting:?}") };
    app.app.decide_claim(&app.operator(), by, claim.id, Verdict::Confirm).await.unwrap();
}

/// The younger sister moves to the other school, where an uncle works.
async fn moved(app: &TestApp) -> (PersonId, PersonId, PersonId) {
    family(app).await;
    county::pupils(app, &[pupil(OTHER, "李小", &number("20180203", 8), None)]).await;
    agreed(app, OTHER, OPERATOR).await;
    assert_eq!(county::teachers(app, &[teacher(OTHER, "钱老师", &number("19760203", 62))]).await.errors, []);
    (one(app, "李小").await, one(app, "李母").await, one(app, "钱老师").await)
}

async fn today(app: &TestApp, child: PersonId) -> Vec<GuardianPart> {
    app.app.guardians_as_of(&app.operator(), "核对档案", child, Some(app.clock.now().shanghai_date())).await.unwrap()
}

async fn all_majorities(app: &TestApp) {
    let mut after = None;
    loop {
        let looked = app.app.end_at_majority(after).await.unwrap();
        assert_eq!(looked.failed, 0);
        after = looked.last;
        if after.is_none() {
            return;
        }
    }
}

both_engines! {
    async fn of_two_who_are_not_guardian_and_child_nothing_is_confirmed(app: TestApp) {
        family(&app).await;
        let admin = county::administrator(&app, 22, OTHER, AdminRole::School).await;
        // A row that names another child under the number: her guardian is attached to nobody.
        let (elder, aunt) = (number("20170203", 4), number("19860203", 10));
        county::desk(&app, admin, &pupil(OTHER, "李另", &elder, Some(("李姨", &aunt)))).await;
        let waiting = app.app.pending_claims(&app.operator(), OPERATOR, OTHER, None).await.unwrap();
        let claim = waiting.iter().find(|claim| claim.kind == "guardian").unwrap().id;
        let decide = async |id, verdict| app.app.decide_claim(&app.operator(), OPERATOR, id, verdict).await;
        let refused = decide(claim, Verdict::Confirm).await.unwrap_err();
        assert!(refused.kind == Kind::Conflict && refused.public.contains("not guardian and child"), "{refused:?}");
        assert_eq!(decide(claim, Verdict::Reject(None)).await.unwrap().state, "rejected");

        // What was in force by the school's word alone, and is over.
        let hers = number("20170203", 12);
        county::desk(&app, admin, &pupil(OTHER, "周小", &hers, Some(("赵老师", &number("19750203", 60))))).await;
        let waiting = app.app.pending_claims(&app.operator(), OPERATOR, OTHER, None).await.unwrap();
        let claim = waiting.iter().find(|claim| claim.in_force).unwrap();
        let pair = (one(&app, "周小").await, one(&app, "赵老师").await);
        change(&app, OPERATOR, pair, Order::End).await.unwrap();
        let over = decide(claim.id, Verdict::Confirm).await.unwrap_err();
        assert!(over.kind == Kind::Conflict && over.public.contains("not guardian and child"), "{over:?}");
        assert_eq!(decide(claim.id, Verdict::Reject(None)).await.unwrap().state, "rejected");
    }

    async fn sisters_share_a_mother_and_a_teacher_may_be_a_guardian_too(app: TestApp) {
        family(&app).await;
        let (elder, younger) = (one(&app, "李大").await, one(&app, "李小").await);
        let (mother, aunt) = (one(&app, "李母").await, one(&app, "赵老师").await);
        app.clock.advance(days(10));
        let told = change(&app, OPERATOR, (elder, aunt), add(Relation::MotherSister)).await.unwrap();
        assert_eq!(told.iter().map(|part| (part.rank, part.legal)).collect::<Vec<_>>(), [(1, true), (2, false)]);
        let told = change(&app, OPERATOR, (elder, aunt), Order::Place(1)).await.unwrap();
        assert_eq!((told[0].guardian_id, told[1].guardian_id), (aunt, mother), "第一监护人");
        app.clock.advance(days(10));
        let told = change(&app, OPERATOR, (elder, mother), Order::End).await.unwrap();
        assert_eq!(told.len(), 1);
        let hers = app.app.guardians_as_of(&app.operator(), "核对档案", younger, Some(app.clock.now().shanghai_date())).await.unwrap();
        assert_eq!(hers.len(), 1, "the sister's relation stands");
        let before = app.clock.now().shanghai_date() - chrono::Days::new(5);
        let told = app.app.guardians_as_of(&app.operator(), "核对档案", elder, Some(before)).await.unwrap();
        assert_eq!(told.len(), 2, "how it was is kept: {told:?}");
        for (pair, order, kind) in [
            ((elder, aunt), add(Relation::Mother), Kind::Conflict),
            ((elder, elder), add(Relation::Mother), Kind::Conflict),
            ((elder, younger), add(Relation::Sibling), Kind::Conflict),
            ((younger, aunt), add(Relation::Daughter), Kind::Conflict),
            ((younger, aunt), add(Relation::Institution), Kind::Conflict),
            ((aunt, mother), add(Relation::Mother), Kind::Conflict),
            ((younger, aunt), Order::End, Kind::NotFound),
        ] {
            assert_eq!(change(&app, OPERATOR, pair, order.clone()).await.unwrap_err(), kind, "{order:?}");
        }
        while app.app.number_pending().await.unwrap() > 0 {}
        assert!(app.app.verify_audit(&[]).await.unwrap().holds);
        app.accounted_for().await;
    }

    async fn what_a_court_takes_away_ends_at_once(app: TestApp) {
        let (keeper, child) = (app.person("guardian_of_two").person_id, app.person("child_under14").person_id);
        let platform = app.client("platform_a");
        // As the guardian of one of them, and of the other.
        let mut of_guardian = Vec::new();
        for identity in [0, 1] {
            let mut visitor = app.visitor("guardian_of_two");
            visitor.identity = identity;
            let asked = platform.ask().with("scope", "openid edu.guardian edu");
            of_guardian.push(visitor.sign_in_with(&platform, asked).await.access());
        }
        let (second, mut hers) = (app.client("platform_b"), app.child());
        let of_child = hers.sign_in(&second).await;
        let children = async |token: &str| platform.userinfo(token).await.body["edu_children"].as_array().map_or(0, Vec::len);
        assert_eq!((children(&of_guardian[0]).await, children(&of_guardian[1]).await), (2, 2));
        assert_eq!(second.userinfo(&of_child.access()).await.status, 200, "by the guardian's receipt");
        change(&app, OPERATOR, (child, keeper), court(&[Restriction::Custody])).await.unwrap();
        assert_eq!(second.userinfo(&of_child.access()).await.status, 401, "what she agreed to for the child ends");
        assert_eq!(second.refresh(&of_child.refresh()).await.error(), "invalid_grant");
        let mut left = [children(&of_guardian[0]).await, children(&of_guardian[1]).await];
        left.sort_unstable();
        assert_eq!(left, [0, 1], "one ended, and the other hears of the other child alone");
        let told = change(&app, OPERATOR, (child, keeper), court(&[])).await.unwrap();
        assert_eq!(told[0].restrictions, [] as [&str; 0]);
        assert_eq!(second.refresh(&of_child.refresh()).await.error(), "invalid_grant", "what ended does not come back");
        assert_eq!(change(&app, OPERATOR, (child, keeper), court(&[])).await.unwrap_err(), Kind::Conflict);
        app.accounted_for().await;
    }

    async fn an_institution_is_a_guardian_through_its_staff(app: TestApp) {
        family(&app).await;
        let (child, clerk) = (one(&app, "李小").await, one(&app, "赵老师").await);
        assert_eq!(change(&app, OPERATOR, (child, clerk), home(OTHER)).await.unwrap_err(), Kind::Conflict, "she does not work there");
        works(&app, clerk, OTHER).await;
        let told = change(&app, OPERATOR, (child, clerk), home(OTHER)).await.unwrap();
        let acts = told.iter().find(|part| part.guardian_id == clerk).unwrap();
        assert_eq!((acts.institution.as_deref(), acts.legal, acts.relation), (Some("第八实验小学"), true, "G1"));
        assert!(speaks(&app, child, clerk).await);
        let leave = staff_life::Order::Leave { org: Some(OTHER.into()), state: StaffState::Resigned };
        app.app.change_staff(&app.operator(), OPERATOR, clerk, None, &leave).await.unwrap();
        let told = app.app.guardians_as_of(&app.operator(), "核对档案", child, Some(app.clock.now().shanghai_date())).await.unwrap();
        assert!(told.iter().all(|part| part.guardian_id != clerk), "who left the home speaks for nobody: {told:?}");
        assert!(!speaks(&app, child, clerk).await);
        let receipts = "SELECT CASE WHEN withdrawn_at IS NULL THEN 'live' ELSE 'withdrawn' END FROM consent WHERE given_by IN (SELECT id FROM person WHERE name = '赵老师')";
        assert_eq!(text(&app, receipts).await, "withdrawn", "and what she agreed to for the child ends");
    }

    async fn the_wards_of_an_institution_go_where_it_goes(app: TestApp) {
        family(&app).await;
        let (elder, younger, clerk) = (one(&app, "李大").await, one(&app, "李小").await, one(&app, "赵老师").await);
        works(&app, clerk, OTHER).await;
        change(&app, OPERATOR, (younger, clerk), home(OTHER)).await.unwrap();
        assert!(speaks(&app, younger, clerk).await);
        app.clock.advance(days(10));
        let before = app.clock.now().shanghai_date().pred_opt();
        // She has a post at the heir already.
        app.app.hand_over_institution(&app.operator(), OPERATOR, OTHER, SCHOOL, ChangeKind::Closed, &mut Silent).await.unwrap();
        let acts = async |child, day| {
            let told = app.app.guardians_as_of(&app.operator(), "核对档案", child, day).await.unwrap();
            told.into_iter().find(|part| part.guardian_id == clerk).and_then(|part| part.institution)
        };
        let today = Some(app.clock.now().shanghai_date());
        assert_eq!(acts(younger, today).await.as_deref(), Some("第七实验小学"), "the successor is the guardian");
        assert_eq!(acts(younger, before).await.as_deref(), Some("第八实验小学"), "how it was is kept");
        assert!(speaks(&app, younger, clerk).await);

        change(&app, OPERATOR, (elder, clerk), home(SCHOOL)).await.unwrap();
        let class = ClassKey::read("小学", "2024", "1班", app.clock.now().shanghai_date()).unwrap();
        let opening = Opening {
            code: "2132000790".into(), uscc: None, name: "东校区".into(), kind: InstitutionKind::Campus, division: None, school_type: None,
        };
        let split = Split { code: SCHOOL.into(), opening, classes: vec![class] };
        app.app.split_institution(&app.operator(), OPERATOR, &split, &mut Silent).await.unwrap();
        for child in [elder, younger] {
            assert_eq!(acts(child, today).await, None, "whoever goes with a part speaks for the whole no longer");
            assert!(!speaks(&app, child, clerk).await);
        }
        app.accounted_for().await;
    }

    async fn who_acts_for_an_institution_has_a_post_there(app: TestApp) {
        family(&app).await;
        let (child, clerk) = (one(&app, "李小").await, one(&app, "赵老师").await);
        works(&app, clerk, OTHER).await;
        change(&app, OPERATOR, (child, clerk), home(OTHER)).await.unwrap();
        assert!(speaks(&app, child, clerk).await);
        // As something that forgot her wards would leave it.
        let left = "UPDATE staffing SET valid_to = valid_from WHERE org_id = (SELECT id FROM institution WHERE name = '第八实验小学')";
        database::change(&app.database.url, left).await;
        assert!(!speaks(&app, child, clerk).await);
        let today = Some(app.clock.now().shanghai_date());
        assert_eq!(app.app.guardians_as_of(&app.operator(), "核对档案", child, today).await.unwrap().len(), 2);
        app.app.close_institution(&app.operator(), OPERATOR, OTHER).await.unwrap();
        let left = app.app.guardians_as_of(&app.operator(), "核对档案", child, today).await.unwrap();
        assert!(left.len() == 1 && left[0].institution.is_none(), "what is closed is nobody's guardian: {left:?}");
    }

    async fn at_eighteen_it_is_over_with_what_rests_on_it(app: TestApp) {
        family(&app).await;
        let elder = one(&app, "李大").await;
        all_majorities(&app).await;
        assert_eq!(app.app.guardians_as_of(&app.operator(), "核对档案", elder, Some(app.clock.now().shanghai_date())).await.unwrap().len(), 1);
        let birthday: chrono::NaiveDate = "2035-02-03".parse().unwrap();
        let ahead = (birthday - app.clock.now().shanghai_date()).num_days();
        app.clock.advance(days(u64::try_from(ahead).unwrap()));
        all_majorities(&app).await;
        assert_eq!(app.app.guardians_as_of(&app.operator(), "核对档案", elder, Some(birthday)).await.unwrap().len(), 1, "on the birthday itself she is not of age");
        app.clock.advance(days(40));
        all_majorities(&app).await;
        let told = app.app.guardians_as_of(&app.operator(), "核对档案", elder, None).await.unwrap();
        assert_eq!((told.last().unwrap().status, told[0].to), ("ended", birthday.succ_opt()), "to the day, however late: {told:?}");
        let ended = "SELECT CAST(COUNT(*) AS TEXT) FROM event e JOIN guardianship g ON g.id = e.aggregate_id JOIN person p ON p.id = g.child_id WHERE e.kind = 'guardianship.ended' AND p.name = '李大'";
        assert_eq!(text(&app, ended).await, "1");
        all_majorities(&app).await;
        assert_eq!(text(&app, ended).await, "1", "once");
        let younger = one(&app, "李小").await;
        assert_eq!(app.app.guardians_as_of(&app.operator(), "核对档案", younger, Some(app.clock.now().shanghai_date())).await.unwrap().len(), 1);
        app.accounted_for().await;
    }

    async fn one_relation_that_cannot_be_read_keeps_nobody_elses_waiting(app: TestApp) {
        family(&app).await;
        // The first of the page, as a fault of the disk would leave it.
        let broken = "UPDATE guardianship SET restrictions = '[\"?\"]' WHERE id = (SELECT g.id FROM guardianship g JOIN person p ON p.id = g.child_id WHERE p.name IN ('李大', '李小') ORDER BY g.id LIMIT 1)";
        database::change(&app.database.url, broken).await;
        app.clock.advance(days(30 * 366));
        let (mut after, mut failed) = (None, 0);
        loop {
            let looked = app.app.end_at_majority(after).await.unwrap();
            (after, failed) = (looked.last, failed + looked.failed);
            if after.is_none() {
                break;
            }
        }
        let ended = "SELECT CAST(COUNT(*) AS TEXT) FROM guardianship g JOIN person p ON p.id = g.child_id WHERE g.status = 'ended' AND p.name IN ('李大', '李小')";
        assert_eq!((failed, text(&app, ended).await.as_str()), (1, "1"));
    }

    async fn only_who_holds_all_of_a_child_decides_about_her_guardians(app: TestApp) {
        family(&app).await;
        let (child, mother) = (one(&app, "李小").await, one(&app, "李母").await);
        let admin = async |serial, scope, role| county::administrator(&app, serial, scope, role).await;
        let own = Decider::Admin(admin(20, SCHOOL, AdminRole::School).await);
        let other = Decider::Admin(admin(22, OTHER, AdminRole::School).await);
        let keeper = Decider::Admin(admin(24, COUNTY, AdminRole::SchoolRoster).await);
        for by in [other, keeper, Decider::Admin(mother)] {
            assert_eq!(change(&app, by, (child, mother), court(&[Restriction::NoContact])).await.unwrap_err(), Kind::NotFound, "{by:?}");
        }
        change(&app, own, (child, mother), court(&[Restriction::NoContact])).await.unwrap();
        let aunt = one(&app, "赵老师").await;
        assert_eq!(change(&app, other, (child, aunt), add(Relation::MotherSister)).await.unwrap_err(), Kind::NotFound);
        assert_eq!(change(&app, own, (child, aunt), add(Relation::MotherSister)).await.unwrap().len(), 1, "she is told of whom she named");
        let (one, other) = tokio::join!(change(&app, own, (child, aunt), Order::End), change(&app, own, (child, aunt), Order::End));
        assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1, "{one:?} {other:?}");
    }

    async fn nobody_makes_herself_a_guardian(app: TestApp) {
        family(&app).await;
        let own = county::administrator(&app, 20, SCHOOL, AdminRole::SchoolRoster).await;
        let colleague = county::administrator(&app, 22, SCHOOL, AdminRole::SchoolRoster).await;
        let row = pupil(SCHOOL, "周小", &number("20170203", 10), Some(("管理员20", &number("19700203", 20))));
        let told = county::desk(&app, own, &row).await;
        assert_eq!((&told["accepted"], &told["errors"][0]["code"]), (&1.into(), &"relation_invalid".into()), "the child comes: {told}");
        let hers = "SELECT g.status || ' ' || g.relation FROM guardianship g JOIN person p ON p.id = g.child_id WHERE p.name IN ('周小', '李小') AND g.guardian_id <> (SELECT id FROM person WHERE name = '李母')";
        assert_eq!(text(&app, hers).await, "");
        assert_eq!(county::desk(&app, colleague, &row).await["errors"], serde_json::json!([]), "a colleague's word is the school's");
        let said = text(&app, hers).await;
        assert!(said.starts_with("confirmed "), "{said}");
        assert_eq!(county::desk(&app, own, &row).await["errors"], serde_json::json!([]), "the file says what is recorded");
        let other = county::desk(&app, own, &row.replace("母亲", "姑母")).await;
        assert_eq!((&other["errors"][0]["code"], text(&app, hers).await), (&"relation_invalid".into(), said), "{other}");
    }

    async fn nor_by_a_claim_that_she_decides(app: TestApp) {
        let (child, _, uncle) = moved(&app).await;
        let next = Decider::Admin(county::administrator(&app, 20, OTHER, AdminRole::School).await);
        change(&app, next, (child, uncle), add(Relation::MotherBrother)).await.unwrap();
        app.app.grant_admin(&app.operator(), uncle, AdminRole::County, COUNTY).await.unwrap();
        let claim = app.app.pending_claims(&app.operator(), OPERATOR, OTHER, None).await.unwrap()[0].id;
        for verdict in [Verdict::Confirm, Verdict::Reject(None)] {
            let refused = app.app.decide_claim(&app.operator(), Decider::Admin(uncle), claim, verdict).await.unwrap_err();
            assert_eq!(refused.kind, Kind::NotFound);
        }
        let above = Decider::Admin(county::administrator(&app, 22, COUNTY, AdminRole::County).await);
        app.app.decide_claim(&app.operator(), above, claim, Verdict::Confirm).await.unwrap();
        assert!(speaks(&app, child, uncle).await);
    }

    async fn what_is_over_before_anybody_agreed_is_agreed_to_no_more(app: TestApp) {
        let (child, _, uncle) = moved(&app).await;
        let next = Decider::Admin(county::administrator(&app, 20, OTHER, AdminRole::School).await);
        let above = Decider::Admin(county::administrator(&app, 22, COUNTY, AdminRole::County).await);
        let told = change(&app, next, (child, uncle), add(Relation::MotherBrother)).await.unwrap();
        assert_eq!(told[0].status, "pending");
        let claim = app.app.pending_claims(&app.operator(), OPERATOR, OTHER, None).await.unwrap()[0].id;
        change(&app, next, (child, uncle), Order::End).await.unwrap();
        assert!(app.app.pending_claims(&app.operator(), above, OTHER, None).await.unwrap().is_empty());
        let confirm = async || app.app.decide_claim(&app.operator(), above, claim, Verdict::Confirm).await.unwrap_err().kind;
        assert_eq!(confirm().await, Kind::Conflict);
        // One that was left waiting says what is so as well.
        database::change(&app.database.url, "UPDATE relation_claim SET state = 'pending', decided_at = NULL WHERE kind = 'guardian'").await;
        assert_eq!(confirm().await, Kind::Conflict, "nothing was confirmed by it");
        assert!(!speaks(&app, child, uncle).await);
    }

    async fn what_another_school_recorded_is_not_the_next_school_s(app: TestApp) {
        let (child, mother, uncle) = moved(&app).await;
        let next = Decider::Admin(county::administrator(&app, 20, OTHER, AdminRole::School).await);
        for order in [Order::End, court(&[Restriction::Custody]), Order::Place(2)] {
            assert_eq!(change(&app, next, (child, mother), order.clone()).await.unwrap_err(), Kind::NotFound, "{order:?}");
        }
        assert!(speaks(&app, child, mother).await, "she is the mother, wherever the child learns");
        // Of whom she does not hold she does not hear who is a minor, and who is there at all.
        let sister = one(&app, "李大").await;
        for person in [sister, one(&app, "赵老师").await, mother] {
            assert_eq!(change(&app, next, (child, person), add(Relation::MotherSister)).await.unwrap_err(), Kind::NotFound);
        }
        let told = change(&app, next, (child, uncle), add(Relation::MotherBrother)).await.unwrap();
        assert_eq!(told.iter().map(|part| (part.guardian_id, part.status)).collect::<Vec<_>>(), [(uncle, "pending")]);
        assert_eq!(told[0].verified_by, None, "whatever paper she says that she saw");
        assert!(!speaks(&app, child, uncle).await, "others recorded the child's guardians before");
        assert_eq!(change(&app, next, (child, uncle), add(Relation::MotherBrother)).await.unwrap_err(), Kind::Conflict);
        let above = Decider::Admin(county::administrator(&app, 22, COUNTY, AdminRole::County).await);
        agreed(&app, OTHER, above).await;
        assert!(speaks(&app, child, uncle).await);
        assert_eq!(change(&app, next, (child, uncle), Order::Place(1)).await.unwrap_err(), Kind::NotFound, "the mother's place is not hers");
        change(&app, next, (child, uncle), Order::End).await.unwrap();
        change(&app, above, (child, mother), Order::End).await.unwrap();
        assert_eq!(today(&app, child).await.len(), 0, "who covers both schools decides");
    }

    async fn what_a_court_took_away_no_school_gives_back(app: TestApp) {
        family(&app).await;
        let (child, mother) = (one(&app, "李小").await, one(&app, "李母").await);
        let own = Decider::Admin(county::administrator(&app, 20, SCHOOL, AdminRole::School).await);
        let above = Decider::Admin(county::administrator(&app, 22, COUNTY, AdminRole::County).await);
        let both = [Restriction::Custody, Restriction::NoContact];
        change(&app, own, (child, mother), court(&both)).await.unwrap();
        for left in [&[][..], &both[..1]] {
            assert_eq!(change(&app, own, (child, mother), court(left)).await.unwrap_err(), Kind::Conflict, "{left:?}");
        }
        change(&app, own, (child, mother), Order::End).await.unwrap();
        let told = change(&app, own, (child, mother), add(Relation::Mother)).await.unwrap();
        assert_eq!((told[0].status, told[0].restrictions.len()), ("pending", 2), "the order outlives the relation");
        agreed(&app, SCHOOL, OPERATOR).await;
        assert!(!speaks(&app, child, mother).await);
        change(&app, OPERATOR, (child, mother), Order::End).await.unwrap();
        change(&app, OPERATOR, (child, mother), add(Relation::Mother)).await.unwrap();
        assert!(!speaks(&app, child, mother).await, "whoever records her anew");
        change(&app, above, (child, mother), court(&[])).await.unwrap();
        assert!(speaks(&app, child, mother).await);
    }

    async fn two_who_are_recorded_at_once_have_places_of_their_own(app: TestApp) {
        family(&app).await;
        assert_eq!(county::teachers(&app, &[teacher(SCHOOL, "钱老师", &number("19760203", 62))]).await.errors, []);
        let (child, aunt, uncle) = (one(&app, "李小").await, one(&app, "赵老师").await, one(&app, "钱老师").await);
        let (one, other) = tokio::join!(
            change(&app, OPERATOR, (child, aunt), add(Relation::MotherSister)),
            change(&app, OPERATOR, (child, uncle), add(Relation::MotherBrother))
        );
        assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
        assert_eq!(today(&app, child).await.iter().map(|part| part.rank).collect::<Vec<_>>(), [1, 2, 3]);
        app.accounted_for().await;
    }
}

#[test]
fn the_command_says_what_it_did_and_why_not() {
    let place = Place::new();
    let rows = pupil(SCHOOL, "李小", &number("20180203", 8), Some(("李母", &number("19850203", 6))));
    for (kind, file) in [("institutions", INSTITUTIONS.to_owned()), ("students", format!("{STUDENTS}{rows}"))] {
        std::fs::write(place.path().join(kind), file).unwrap();
        place.json(&["roster", "import", "--kind", kind, kind], "");
    }
    let list = place.json(&["account", "list", "--org", SCHOOL], "");
    let id = |kind: &str| {
        list.as_array().unwrap().iter().find(|row| row["kind"] == kind).unwrap()["person_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (child, mother) = (id("student"), id("parent"));
    let pair = ["--person", &child, "--guardian-person", &mother];
    let told = place.json(&[&["guardian", "restrict"][..], &pair, &["--to", "no_contact"]].concat(), "");
    assert_eq!(told[0]["restrictions"][0], "no_contact", "{told}");
    let twice = place.run(&[&["guardian", "restrict"][..], &pair, &["--to", "no_contact"]].concat());
    assert!(twice.code == Some(1) && twice.err.contains("it is so already"), "{}", twice.err);
    let added = place.run(&[&["guardian", "add"][..], &pair, &["--relation", "女"]].concat());
    assert!(added.code == Some(1), "{}", added.err);
    let text = place.run(&["guardian", "show", "--person", &child, "--reason", "核对监护人"]).out;
    assert!(text.contains("李母") && text.contains("母亲"), "{text}");
    assert_eq!(place.run(&["guardian", "end", "--person", &child]).code, Some(2), "of whom?");
}
