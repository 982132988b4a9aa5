//! 转学 is asked for and agreed to: whatever happens at the same moment, a child has one 学籍, and what she has at a school
//! ends with it.

use mingji::app::pace;
use mingji::app::relation_claim::{Decided, Decider, Verdict};
use mingji::app::roster_import::{Listener, Login};
use mingji::app::staff_life;
use mingji::app::student_life::{Order, Whose};
use mingji::app::{Error, Kind};
use mingji::domain::id::RelationClaimId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::staff::StaffState;
use mingji::domain::registry::codes::student_state::StudentState;
use mingji::domain::registry::institution_life::ChangeKind;
use mingji::domain::registry::name::PersonName;
use mingji::domain::registry::roster::RosterKind;

use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, INSTITUTIONS, OTHER, SCHOOL, called, number, pupil, text};
use crate::support::database::change;

const OPERATOR: Decider = Decider::Operator;
const THIRD: &str = "2132000779";

struct Silent;

impl Listener for Silent {
    fn progress(&mut self, _: u64, _: u64) {}
    fn login(&mut self, _: &Login) -> std::io::Result<()> {
        Ok(())
    }
}

impl pace::Listener for Silent {
    fn progress(&mut self, _: u64, _: u64) {}
}

/// One school becomes part of another.
async fn united(app: &TestApp, school: &str, into: &str) {
    let kind = ChangeKind::Merged;
    app.app.hand_over_institution(&app.operator(), OPERATOR, school, into, kind, &mut Silent).await.unwrap();
}

/// A child at the first school, whom these schools ask for.
async fn asked_by(app: &TestApp, schools: &[&str]) -> Vec<RelationClaimId> {
    let third = INSTITUTIONS.replace("2132000778,第八", "2132000779,第九");
    for file in [INSTITUTIONS, &third] {
        let read = file.as_bytes();
        app.app.import_roster(&app.operator(), RosterKind::Institutions, read, false, &mut Silent).await.unwrap();
    }
    for school in [&[SCHOOL], schools].concat() {
        county::pupils(app, &[pupil(school, "王芳", &number("20170203", 2), None)]).await;
    }
    let mut claims = Vec::new();
    for school in schools {
        let waiting = app.app.pending_claims(&app.operator(), OPERATOR, school, None).await.unwrap();
        let [claim] = &waiting[..] else { panic!("one request of {school}: {waiting:?}") };
        assert!(claim.transfer || claim.kind == "student", "{claim:?}");
        claims.push(claim.id);
    }
    claims
}

async fn decide(app: &TestApp, by: Decider, id: RelationClaimId, verdict: Verdict) -> Result<Decided, Error> {
    app.app.decide_claim(&app.operator(), by, id, verdict).await
}

/// The schools at which she is enrolled today.
async fn held_by(app: &TestApp) -> String {
    let sql = "SELECT o.name FROM enrolment e JOIN person p ON p.id = e.person_id JOIN institution o ON o.id = e.org_id WHERE p.name = '王芳' AND e.valid_to IS NULL";
    text(app, sql).await
}

fn done(all: [&Result<Decided, Error>; 2]) -> usize {
    for refused in all.into_iter().filter_map(|one| one.as_ref().err()) {
        assert!([Kind::Conflict, Kind::Busy].contains(&refused.kind), "{refused}");
    }
    all.into_iter().filter(|one| one.is_ok()).count()
}

/// Who speaks for the school that holds the 学籍, for the one that asks, and for both.
async fn deciders(app: &TestApp) -> [Decider; 3] {
    let mut all = Vec::new();
    for (serial, org, role) in
        [(20, SCHOOL, AdminRole::School), (22, OTHER, AdminRole::School), (24, COUNTY, AdminRole::County)]
    {
        all.push(Decider::Admin(county::administrator(app, serial, org, role).await));
    }
    all.try_into().unwrap()
}

both_engines! {
    async fn agreed_to_twice_at_once_it_happens_once(app: TestApp) {
        let [claim] = asked_by(&app, &[OTHER]).await[..] else { panic!("one request") };
        let (one, other) =
            tokio::join!(decide(&app, OPERATOR, claim, Verdict::Confirm), decide(&app, OPERATOR, claim, Verdict::Confirm));
        assert_eq!(done([&one, &other]), 1);
        assert_eq!(held_by(&app).await, "第八实验小学");
        let stays = text(&app, "SELECT e.state FROM enrolment e JOIN person p ON p.id = e.person_id WHERE p.name = '王芳' ORDER BY e.id").await;
        assert_eq!(stays, "10,01", "transferred out of one, enrolled in the other");
    }

    async fn agreed_to_and_withdrawn_at_once_one_of_both_is_true(app: TestApp) {
        let [claim] = asked_by(&app, &[OTHER]).await[..] else { panic!("one request") };
        let (agreed, withdrawn) =
            tokio::join!(decide(&app, OPERATOR, claim, Verdict::Confirm), decide(&app, OPERATOR, claim, Verdict::Withdraw));
        assert_eq!(done([&agreed, &withdrawn]), 1);
        let school = if agreed.is_ok() { "第八实验小学" } else { "第七实验小学" };
        assert_eq!(held_by(&app).await, school);
    }

    async fn asked_for_by_two_at_once_she_goes_to_one(app: TestApp) {
        let [one, other] = asked_by(&app, &[OTHER, THIRD]).await[..] else { panic!("two requests") };
        let releasing = Decider::Admin(county::administrator(&app, 20, SCHOOL, AdminRole::School).await);
        let (first, second) =
            tokio::join!(decide(&app, releasing, one, Verdict::Confirm), decide(&app, releasing, other, Verdict::Confirm));
        let agreed = usize::from(first.is_ok()) + usize::from(second.is_ok());
        assert_eq!(agreed, 1, "{first:?} {second:?}");
        assert_eq!(held_by(&app).await.split(',').count(), 1);
        let late = if first.is_ok() { other } else { one };
        let again = decide(&app, releasing, late, Verdict::Confirm).await.unwrap_err();
        assert_eq!(again.kind, Kind::NotFound, "she is not theirs to give any more");
        app.accounted_for().await;
    }

    async fn the_releasing_school_decides_first_and_the_authority_after_a_term(app: TestApp) {
        let [claim] = asked_by(&app, &[OTHER]).await[..] else { panic!("one request") };
        let above = Decider::Admin(county::administrator(&app, 24, COUNTY, AdminRole::County).await);
        let early = decide(&app, above, claim, Verdict::Confirm).await.unwrap_err();
        assert!(early.kind == Kind::Conflict && early.public.contains("decides until"), "{early}");
        let listed = app.app.pending_claims(&app.operator(), above, COUNTY, None).await.unwrap();
        assert!(listed[0].authority_from.is_some() && listed[0].transfer, "{listed:?}");
        app.clock.advance(std::time::Duration::from_secs(14 * 86_400));
        assert_eq!(decide(&app, above, claim, Verdict::Confirm).await.unwrap_err().kind, Kind::Conflict);
        app.clock.advance(std::time::Duration::from_secs(86_400 + 1));
        let decided = decide(&app, above, claim, Verdict::Confirm).await.unwrap();
        assert_eq!(decided.transferred_from.as_deref(), Some("第七实验小学"));
        assert_eq!(held_by(&app).await, "第八实验小学");
    }

    async fn whoever_holds_her_now_has_a_term_of_her_own(app: TestApp) {
        let [one, other] = asked_by(&app, &[OTHER, THIRD]).await[..] else { panic!("two requests") };
        let [first, second, above] = deciders(&app).await;
        app.clock.advance(std::time::Duration::from_secs(16 * 86_400));
        decide(&app, first, other, Verdict::Reject(None)).await.unwrap();
        app.clock.advance(std::time::Duration::from_secs(60));
        decide(&app, first, one, Verdict::Confirm).await.unwrap();
        assert_eq!(held_by(&app).await, "第八实验小学");
        let early = decide(&app, above, other, Verdict::Confirm).await.unwrap_err();
        assert!(early.kind == Kind::Conflict && early.public.contains("decides until"), "she came an hour ago: {early}");
        // What the first school said of it is not the second's word.
        let [seen] = &app.app.pending_claims(&app.operator(), second, OTHER, None).await.unwrap()[..] else { panic!("hers to answer") };
        assert!(seen.id == other && !seen.refused && seen.transfer, "{seen:?}");
        assert_eq!(decide(&app, first, other, Verdict::Confirm).await.unwrap_err().kind, Kind::NotFound);
        decide(&app, second, other, Verdict::Confirm).await.unwrap();
        assert_eq!(held_by(&app).await, "第九实验小学");
    }

    async fn of_a_school_that_is_over_nothing_is_confirmed(app: TestApp) {
        let [claim, _] = asked_by(&app, &[OTHER, THIRD]).await[..] else { panic!("two requests") };
        let [releasing, ..] = deciders(&app).await;
        decide(&app, releasing, claim, Verdict::Reject(None)).await.unwrap();
        united(&app, OTHER, THIRD).await;
        assert_eq!(decide(&app, OPERATOR, claim, Verdict::Confirm).await.unwrap_err().kind, Kind::Conflict, "not: try again");
        assert_eq!(held_by(&app).await, "第七实验小学");
    }

    async fn whom_a_school_has_by_now_it_asks_nobody_for(app: TestApp) {
        let [claim] = asked_by(&app, &[OTHER]).await[..] else { panic!("one request") };
        united(&app, SCHOOL, OTHER).await;
        let before = held_by(&app).await;
        assert_eq!(before, "第八实验小学");
        assert_eq!(decide(&app, OPERATOR, claim, Verdict::Confirm).await.unwrap_err().kind, Kind::Conflict, "withdrawn");
        change(&app.database.url, "UPDATE relation_claim SET state = 'pending' WHERE state = 'withdrawn'").await;
        let decided = decide(&app, OPERATOR, claim, Verdict::Confirm).await.unwrap();
        assert_eq!((decided.transferred_from, held_by(&app).await), (None, before));
        let stays = "SELECT e.state FROM enrolment e JOIN person p ON p.id = e.person_id WHERE p.name = '王芳' AND e.state = '10'";
        assert_eq!(text(&app, stays).await, "", "nobody transferred her out of her own school");
    }

    async fn a_student_is_borrowed_by_agreement_and_her_seat_may_become_her_school(app: TestApp) {
        asked_by(&app, &[]).await;
        let hers = called(&app, "王芳").await[0];
        let asking = Decider::Admin(county::administrator(&app, 22, OTHER, AdminRole::School).await);
        let releasing = Decider::Admin(county::administrator(&app, 20, SCHOOL, AdminRole::School).await);
        let borrow = async |by, name: &str| {
            let name = PersonName::parse(name).unwrap();
            app.app.ask_to_borrow(&app.operator(), by, hers, OTHER, &name, None).await
        };
        assert_eq!(borrow(releasing, "王芳").await.unwrap_err().kind, Kind::NotFound, "for her own school alone");
        let asked = borrow(asking, "王芳").await.unwrap();
        assert_eq!(borrow(asking, "王芳").await.unwrap_err().kind, Kind::Conflict, "once");
        assert_eq!(decide(&app, asking, asked.id, Verdict::Confirm).await.unwrap_err().kind, Kind::NotFound);
        let (one, other) =
            tokio::join!(decide(&app, releasing, asked.id, Verdict::Confirm), decide(&app, asking, asked.id, Verdict::Withdraw));
        assert_eq!(done([&one, &other]), 1);
        if other.is_ok() {
            let again = borrow(asking, "王芳").await.unwrap();
            decide(&app, releasing, again.id, Verdict::Confirm).await.unwrap();
        }
        let mut at: Vec<String> = held_by(&app).await.split(',').map(str::to_owned).collect();
        at.sort();
        assert_eq!(at, ["第七实验小学", "第八实验小学"], "the 学籍 stays where it is");
        assert_eq!(borrow(asking, "王芳").await.unwrap_err().kind, Kind::Conflict, "she sits there");
        let ends = Whose { person: hers, org: Some(OTHER.into()), day: None, code: None };
        app.app.change_student(&app.operator(), asking, &ends, &Order::End(StudentState::Completed)).await.unwrap();
        assert_eq!(held_by(&app).await, "第七实验小学");
        let anew = borrow(asking, "王方").await.unwrap();
        let differs = decide(&app, releasing, anew.id, Verdict::Confirm).await.unwrap_err();
        assert_eq!(differs.kind, Kind::Conflict, "another name is nobody's word");
        decide(&app, releasing, anew.id, Verdict::Reject(None)).await.unwrap();
        assert_eq!(borrow(asking, "王芳").await.unwrap_err().kind, Kind::Conflict, "a rejection answers for a while");
        app.clock.advance(std::time::Duration::from_secs(31 * 86_400));
        borrow(asking, "王芳").await.unwrap();
        app.accounted_for().await;
    }

    async fn whom_no_school_holds_nobody_borrows(app: TestApp) {
        asked_by(&app, &[]).await;
        let hers = called(&app, "王芳").await[0];
        let next = county::administrator(&app, 22, OTHER, AdminRole::School).await;
        let name = PersonName::parse("王芳").unwrap();
        let asked = app.app.ask_to_borrow(&app.operator(), Decider::Admin(next), hers, OTHER, &name, None).await.unwrap();
        let whose = Whose { person: hers, org: Some(SCHOOL.into()), day: None, code: None };
        app.app.change_student(&app.operator(), OPERATOR, &whose, &Order::End(StudentState::DroppedOut)).await.unwrap();
        let late = decide(&app, OPERATOR, asked.id, Verdict::Confirm).await.unwrap_err();
        assert!(late.kind == Kind::Conflict && late.public.contains("no school holds her 学籍 any more"), "{late:?}");
        decide(&app, OPERATOR, asked.id, Verdict::Reject(None)).await.unwrap();
        county::desk(&app, next, &pupil(OTHER, "王芳", &number("20170203", 2), None)).await;
        let [claim] = &app.app.pending_claims(&app.operator(), OPERATOR, OTHER, None).await.unwrap()[..] else { panic!("one claim") };
        let borrowed = decide(&app, OPERATOR, claim.id, Verdict::Borrow).await.unwrap_err();
        assert!(borrowed.kind == Kind::Conflict && borrowed.public.contains("confirm the claim"), "{borrowed:?}");
        assert_eq!(held_by(&app).await, "", "a seat beside nothing is none");
        decide(&app, OPERATOR, claim.id, Verdict::Confirm).await.unwrap();
        assert_eq!(held_by(&app).await, "第八实验小学");
        let refused = app.app.ask_to_borrow(&app.operator(), OPERATOR, hers, OTHER, &name, None).await;
        assert_eq!(refused.unwrap_err().kind, Kind::Conflict, "she sits there");
    }

    async fn of_two_places_that_ended_on_one_day_both_have_their_say(app: TestApp) {
        let more = "ED32010300,秦淮区教育局,教育行政部门,,320103,ED32010000\n2132000779,第九实验小学,学校,211,320102,ED32010200\n2132000790,第十实验小学,学校,211,320103,ED32010300\n";
        county::import_all(&app, &format!("{INSTITUTIONS}{more}")).await;
        let paper = number("20080203", 2);
        county::pupils(&app, &[pupil(SCHOOL, "王成", &paper, None)]).await;
        county::teachers(&app, &[county::teacher("2132000790", "王成", &paper)]).await;
        let hers = called(&app, "王成").await[0];
        let whose = Whose { person: hers, org: Some(SCHOOL.into()), day: None, code: None };
        app.app.change_student(&app.operator(), OPERATOR, &whose, &Order::End(StudentState::DroppedOut)).await.unwrap();
        let leave = staff_life::Order::Leave { org: None, state: StaffState::Resigned };
        app.app.change_staff(&app.operator(), OPERATOR, hers, None, &leave).await.unwrap();
        let next = county::administrator(&app, 20, THIRD, AdminRole::School).await;
        let file = format!("{}{}", county::STAFF, county::teacher(THIRD, "王成", &paper));
        app.app.import_roster_as(&app.operator(), next, RosterKind::Staff, file.as_bytes(), false, &mut Silent).await.unwrap();
        let [claim] = &app.app.pending_claims(&app.operator(), OPERATOR, THIRD, None).await.unwrap()[..] else { panic!("one claim") };
        let county = Decider::Admin(county::administrator(&app, 22, COUNTY, AdminRole::County).await);
        let one_side = decide(&app, county, claim.id, Verdict::Confirm).await.unwrap_err();
        assert_eq!(one_side.kind, Kind::NotFound, "the other county held her until the same day");
        let above = Decider::Admin(county::administrator(&app, 24, "ED32010000", AdminRole::City).await);
        decide(&app, above, claim.id, Verdict::Confirm).await.unwrap();
    }

    async fn a_borrowed_seat_becomes_the_register_with_its_class_and_keeps_how_it_was(app: TestApp) {
        let [transfer] = asked_by(&app, &[OTHER]).await[..] else { panic!("one request") };
        let hers = called(&app, "王芳").await[0];
        let name = PersonName::parse("王芳").unwrap();
        // Until the transfer is decided she sits there.
        let asked = app.app.ask_to_borrow(&app.operator(), OPERATOR, hers, OTHER, &name, None).await.unwrap();
        decide(&app, OPERATOR, asked.id, Verdict::Confirm).await.unwrap();
        app.clock.advance(std::time::Duration::from_secs(10 * 86_400));
        decide(&app, OPERATOR, transfer, Verdict::Confirm).await.unwrap();
        assert_eq!(held_by(&app).await, "第八实验小学");
        let told = app.app.enrolments_as_of(&app.operator(), "核对档案", hers, None).await.unwrap();
        let told: Vec<_> = told.iter().map(|part| (part.institution.as_str(), part.source, part.class.is_some())).collect();
        let (seventh, eighth) = ("第七实验小学", "第八实验小学");
        assert_eq!(told, [(seventh, "normal", true), (eighth, "borrowed", false), (eighth, "normal", true)]);
        app.accounted_for().await;
    }

    async fn only_who_asked_withdraws_and_may_ask_again(app: TestApp) {
        let [claim] = asked_by(&app, &[OTHER]).await[..] else { panic!("one request") };
        let releasing = Decider::Admin(county::administrator(&app, 20, SCHOOL, AdminRole::School).await);
        let asking = Decider::Admin(county::administrator(&app, 22, OTHER, AdminRole::School).await);
        let refused = async |by, verdict| decide(&app, by, claim, verdict).await.unwrap_err().kind;
        assert_eq!(refused(releasing, Verdict::Withdraw).await, Kind::NotFound, "hers is to agree or to refuse");
        assert_eq!(refused(asking, Verdict::Confirm).await, Kind::NotFound, "nobody agrees with herself");
        assert_eq!(decide(&app, asking, claim, Verdict::Withdraw).await.unwrap().state, "withdrawn");
        assert_eq!(refused(releasing, Verdict::Confirm).await, Kind::Conflict, "there is nothing to agree to");
        let listed = app.app.pending_claims(&app.operator(), OPERATOR, COUNTY, None).await.unwrap();
        assert!(listed.iter().all(|waiting| waiting.kind != "student"), "{listed:?}");
        county::pupils(&app, &[pupil(OTHER, "王芳", &number("20170203", 2), None)]).await;
        let listed = app.app.pending_claims(&app.operator(), OPERATOR, OTHER, None).await.unwrap();
        assert_eq!(listed.iter().filter(|waiting| waiting.kind == "student").count(), 1, "asked anew");
    }

    async fn a_refusal_is_a_word_and_no_veto(app: TestApp) {
        let [claim] = asked_by(&app, &[OTHER]).await[..] else { panic!("one request") };
        let [releasing, asking, above] = deciders(&app).await;
        decide(&app, releasing, claim, Verdict::Reject(None)).await.unwrap();
        let listed = async |by, org| app.app.pending_claims(&app.operator(), by, org, None).await.unwrap();
        assert!(listed(above, COUNTY).await.is_empty() && listed(OPERATOR, COUNTY).await.len() == 1);
        let early = decide(&app, above, claim, Verdict::Confirm).await.unwrap_err();
        assert!(early.kind == Kind::Conflict && early.public.contains("decides until"), "{early}");
        app.clock.advance(std::time::Duration::from_secs(15 * 86_400 + 1));
        county::pupils(&app, &[pupil(OTHER, "王芳", &number("20170203", 2), None)]).await;
        for by in [releasing, asking] {
            assert_eq!(decide(&app, by, claim, Verdict::Confirm).await.unwrap_err().kind, Kind::NotFound);
        }
        assert!(listed(releasing, SCHOOL).await.is_empty() && listed(asking, OTHER).await.is_empty());
        let [seen] = &listed(above, COUNTY).await[..] else { panic!("hers to decide") };
        assert!(seen.id == claim && seen.refused && seen.transfer, "{seen:?}");
        let (one, other) =
            tokio::join!(decide(&app, above, claim, Verdict::Confirm), decide(&app, OPERATOR, claim, Verdict::Confirm));
        assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1, "{one:?} {other:?}");
        assert_eq!(held_by(&app).await, "第八实验小学");
        assert!(listed(above, COUNTY).await.is_empty());
    }

    async fn what_the_authority_refused_too_stays_refused(app: TestApp) {
        let [claim] = asked_by(&app, &[OTHER]).await[..] else { panic!("one request") };
        let [releasing, _, above] = deciders(&app).await;
        decide(&app, releasing, claim, Verdict::Reject(None)).await.unwrap();
        app.clock.advance(std::time::Duration::from_secs(15 * 86_400 + 1));
        decide(&app, above, claim, Verdict::Reject(Some("两校协商未果".into()))).await.unwrap();
        assert!(app.app.pending_claims(&app.operator(), above, COUNTY, None).await.unwrap().is_empty());
        assert_eq!(decide(&app, above, claim, Verdict::Confirm).await.unwrap_err().kind, Kind::Conflict, "said once");
        assert_eq!(held_by(&app).await, "第七实验小学");
    }

    async fn what_platforms_held_in_the_name_of_the_old_school_ends_at_once(app: TestApp) {
        let [claim] = asked_by(&app, &[OTHER]).await[..] else { panic!("one request") };
        let hers = called(&app, "王芳").await[0];
        let user_name = text(&app, "SELECT a.user_name FROM account a JOIN person p ON p.id = a.person_id WHERE p.name = '王芳'").await;
        app.app.set_password(&app.operator(), hers, "seven green lanterns".to_owned().into()).await.unwrap();
        let mut visitor = app.child();
        (visitor.person.user_name, visitor.person.password) = (user_name, "seven green lanterns".into());
        let rp = app.client("platform_a");
        let tokens = visitor.sign_in(&rp).await;
        let school = async |token: &str| rp.userinfo(token).await.body["edu_identity"]["org_name"].as_str().map(str::to_owned);
        let active = async |token: String| rp.post("/introspect", &[("token", token)]).await.body["active"] == true;
        assert_eq!(school(&tokens.access()).await.as_deref(), Some("第七实验小学"));
        assert!(active(tokens.access()).await && active(tokens.refresh()).await);
        decide(&app, OPERATOR, claim, Verdict::Confirm).await.unwrap();
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 401);
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant");
        assert!(!active(tokens.access()).await && !active(tokens.refresh()).await);
        let anew = visitor.sign_in(&rp).await;
        assert_eq!(school(&anew.access()).await.as_deref(), Some("第八实验小学"), "her id and her credentials stay");
        assert_eq!(anew.id_claims()["sub"], tokens.id_claims()["sub"]);
    }
}
