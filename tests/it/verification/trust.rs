//! Whoever lies: an administrator about her own people, a service that kept an answer, a merge that is undone, a number that
//! was somebody else's.

use mingji::app::cases::Verdict;
use mingji::app::person_change::Changed;
use mingji::domain::registry::case::Decision;
use mingji::domain::registry::personal_code::PersonalCode;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::support::county::{COUNTY, document};

const WHY: &str = "同一人，两次录入";

impl World {
    async fn sight(&self, by: Decider, who: PersonId) -> Result<(), Kind> {
        self.app.pass(Duration::from_secs(1));
        let said = self.asker.vouch(&self.app.operator(), by, who, Method::DocumentSighted, None).await;
        said.map(drop).map_err(|error| error.kind)
    }

    async fn rename(&self, by: Decider, who: PersonId, name: &str) {
        self.app.pass(Duration::from_secs(1));
        let name = PersonName::parse(name).unwrap();
        self.asker.rename_person(&self.app.operator(), by, who, name).await.unwrap();
    }

    async fn administrator(&self, serial: u32, scope: &str, role: AdminRole) -> Decider {
        Decider::Admin(county::administrator(&self.app, serial, scope, role).await)
    }

    /// All that was asked or said about somebody, the oldest first.
    async fn states(&self, who: PersonId) -> Vec<&'static str> {
        self.asker
            .all_verifications(&Ctx::task(&self.asker, "test"), "核对", who)
            .await
            .unwrap()
            .iter()
            .map(|one| one.state)
            .collect()
    }

    async fn ask_register(&self, who: PersonId) {
        self.app.pass(Duration::from_secs(1));
        self.asker.request_verification(&self.app.operator(), OPERATOR, who, REGISTER).await.unwrap();
    }
}

fn code(text: &str) -> PersonalCode {
    PersonalCode::parse(text).unwrap()
}

with_a_service! {
    async fn a_school_cannot_sight_what_it_wrote_itself(world: &World) {
        let hers = world.somebody("陈师", 2).await;
        let school = world.administrator(20, SCHOOL, AdminRole::School).await;
        let misplaced = world.administrator(22, SCHOOL, AdminRole::County).await;
        world.rename(school, hers, "张名").await;
        let invented = document(&number("19850607", 8));
        assert_eq!(world.asker.record_document(&world.app.operator(), school, hers, &invented).await.unwrap(), Changed::Done);
        for by in [school, misplaced] {
            assert_eq!(world.sight(by, hers).await, Err(Kind::Conflict));
        }
        assert_eq!(world.level("张名").await, "1");
        let above = world.administrator(24, COUNTY, AdminRole::County).await;
        assert_eq!(world.sight(above, hers).await, Ok(()));
        assert_eq!(world.level("张名").await, "4");
    }

    async fn whoever_recorded_somebody_does_not_sight_her(world: &World) {
        let (one, other) = (world.administrator(20, COUNTY, AdminRole::County).await, world.administrator(22, COUNTY, AdminRole::County).await);
        let hers = world.somebody("陈师", 2).await;
        world.rename(one, hers, "张名").await;
        assert_eq!(world.sight(one, hers).await, Err(Kind::Conflict), "her own word");
        assert_eq!(world.sight(other, hers).await, Ok(()));
        let Decider::Admin(importer) = one else { panic!("an administrator") };
        county::desk(&world.app, importer, &pupil(SCHOOL, "王芳", &number("20170203", 2), None)).await;
        let child = called(&world.app, "王芳").await[0];
        assert_eq!(world.sight(one, child).await, Err(Kind::Conflict), "a row of hers");
        assert_eq!(world.sight(other, child).await, Ok(()));
    }

    async fn whoever_administers_is_sighted_by_the_operator(world: &World) {
        let above = world.administrator(20, COUNTY, AdminRole::County).await;
        let Decider::Admin(school) = world.administrator(22, SCHOOL, AdminRole::School).await else { panic!("an administrator") };
        assert_eq!(world.sight(above, school).await, Err(Kind::Conflict));
        assert_eq!(world.sight(OPERATOR, school).await, Ok(()));
    }

    async fn nobody_sights_what_a_service_denies(world: &World) {
        let hers = world.somebody("陈师", 991).await;
        let above = world.administrator(20, COUNTY, AdminRole::County).await;
        assert_eq!(world.sight(above, hers).await, Ok(()), "nobody denied it yet");
        assert_eq!(world.level("陈师").await, "4");
        world.ask(hers).await;
        world.until(hers, "refused").await;
        assert_eq!(world.level("陈师").await, "1", "what somebody saw falls with the number");
        for by in [above, OPERATOR] {
            assert_eq!(world.sight(by, hers).await, Err(Kind::Conflict));
        }
        // Another number is another question.
        let right = document(&number("19850607", 8));
        world.asker.record_document(&world.app.operator(), OPERATOR, hers, &right).await.unwrap();
        assert_eq!(world.sight(above, hers).await, Ok(()));
    }

    async fn a_kept_answer_about_the_old_name_is_none(world: &World) {
        let hers = world.somebody("陈师", 996).await;
        world.ask(hers).await;
        world.until_fault(hers, "timeout").await;
        world.rename(OPERATOR, hers, "李师").await;
        world.app.pass(Duration::from_secs(11));
        world.until_fault(hers, "signature").await;
        assert_eq!((world.level("李师").await.as_str(), world.state(hers).await.0.as_str()), ("1", "waiting"));
    }

    async fn a_service_that_says_no_takes_back_its_yes(world: &World) {
        let hers = world.somebody("陈师", 997).await;
        world.ask(hers).await;
        world.until(hers, "confirmed").await;
        assert_eq!(world.level("陈师").await, "3");
        world.ask(hers).await;
        world.until(hers, "refused").await;
        assert_eq!(world.level("陈师").await, "1");
        assert_eq!(world.states(hers).await, ["superseded", "refused"]);
    }

    async fn an_undone_merge_leaves_nobody_verified_by_the_others_number(world: &World) {
        let passport = format!("{SCHOOL},陈师,护照,12AB34567,13700000001,教师,小学/2024/1班\n");
        county::teachers(&world.app, &[passport]).await;
        let hers = called(&world.app, "陈师").await[0];
        county::teachers(&world.app, &[teacher(SCHOOL, "陈师", &number("19850607", 2))]).await;
        let both = called(&world.app, "陈师").await;
        let other = *both.iter().find(|id| **id != hers).unwrap();
        world.asker.merge_persons(&world.app.operator(), OPERATOR, hers, other, WHY).await.unwrap();
        world.app.pass(Duration::from_secs(1));
        world.ask(hers).await;
        world.until(hers, "confirmed").await;
        assert_eq!(world.level("陈师").await, "3,1", "by a number that went over");
        world.app.pass(Duration::from_secs(1));
        world.asker.undo_merge(&world.app.operator(), OPERATOR, other, WHY).await.unwrap();
        assert_eq!(world.level("陈师").await, "1,1");
        assert_eq!(world.states(hers).await, ["superseded", "waiting"]);
        assert!(world.states(other).await.is_empty());
    }

    async fn what_only_the_survivors_change_ended_comes_back(world: &World) {
        let other = world.somebody("陈师", 2).await;
        world.ask(other).await;
        world.until(other, "confirmed").await;
        let passport = format!("{SCHOOL},陈师,护照,12AB34567,13700000001,教师,小学/2024/1班\n");
        county::teachers(&world.app, &[passport]).await;
        let hers = *called(&world.app, "陈师").await.iter().find(|id| **id != other).unwrap();
        world.asker.merge_persons(&world.app.operator(), OPERATOR, hers, other, WHY).await.unwrap();
        world.app.pass(Duration::from_secs(1));
        world.rename(OPERATOR, hers, "张名").await;
        assert_eq!(world.level("张名").await, "1");
        world.asker.undo_merge(&world.app.operator(), OPERATOR, other, WHY).await.unwrap();
        assert_eq!(world.states(other).await, ["confirmed"], "her name and number are as they were");
        assert_eq!((world.level("陈师").await.as_str(), world.level("张名").await.as_str()), ("3", "1"));
    }

    async fn a_code_that_goes_takes_what_it_gave(world: &World) {
        let rows = [("王芳", 2), ("李娜", 4)].map(|(name, serial)| pupil(SCHOOL, name, &number("20170203", serial), None));
        county::pupils(&world.app, &rows).await;
        let (hers, other) = (called(&world.app, "王芳").await[0], called(&world.app, "李娜").await[0]);
        let record = async |who, text: &str| {
            world.asker.record_personal_code(&world.app.operator(), OPERATOR, who, &code(text)).await.unwrap()
        };
        record(hers, "L320102201800000001").await;
        world.ask_register(hers).await;
        world.until(hers, "confirmed").await;
        assert_eq!(world.level("王芳").await, "2");
        // Another code was not compared.
        record(hers, "L320102201800000002").await;
        assert_eq!(world.level("王芳").await, "1");
        world.app.pass(REASK_PAUSE);
        world.until(hers, "confirmed").await;
        world.ask(hers).await;
        world.until(hers, "confirmed").await;
        assert_eq!(world.level("王芳").await, "3");
        // Nor is one that turns out to be somebody else's; what the police say of the number stands.
        let Changed::Case(case) = record(other, "L320102201800000002").await else { panic!("it is another's") };
        let verdict = Verdict { decision: Decision::TwoPeople, reason: "核实为另一人".into() };
        world.asker.decide_case(&world.app.operator(), OPERATOR, case, verdict).await.unwrap();
        let all = world.asker.all_verifications(&Ctx::task(&world.asker, "test"), "核对", hers).await.unwrap();
        let standing: Vec<_> = all.iter().filter(|one| one.state == "confirmed").map(|one| one.method).collect();
        assert_eq!((standing, world.level("王芳").await.as_str()), (vec!["police_name_id"], "3"));
    }

    async fn questions_of_an_administrator_are_counted_however_many_come(world: &World) {
        let (one, other) = (world.somebody("陈师", 2).await, world.somebody("李师", 4).await);
        let school = world.administrator(20, SCHOOL, AdminRole::School).await;
        let ask = async |by, who| {
            let asked = world.asker.request_verification(&world.app.operator(), by, who, SERVICE).await;
            asked.map(drop).map_err(|error| error.kind)
        };
        assert_eq!(ask(school, world.somebody("王师", 6).await).await, Ok(()));
        change(&world.app.database.url, "UPDATE verification_count SET asked = 499").await;
        let both: [Result<(), Kind>; 2] = tokio::join!(ask(school, one), ask(school, other)).into();
        assert_eq!(both.iter().filter(|asked| asked.is_ok()).count(), 1, "the last of the day: {both:?}");
        let left = if both[0].is_ok() { other } else { one };
        assert_eq!(ask(school, left).await, Err(Kind::Conflict));
        assert_eq!(ask(OPERATOR, left).await, Ok(()));
        // What a change of hers asks again is hers too, and waits for another day.
        world.settle().await;
        world.rename(school, left, "改名").await;
        world.app.pass(REASK_PAUSE);
        world.settle().await;
        assert_eq!(world.state(left).await.0, "waiting");
        world.app.pass(Duration::from_secs(24 * 3600));
        world.until(left, "confirmed").await;
    }

    async fn many_changes_are_one_question(world: &World) {
        let hers = world.somebody("陈师", 2).await;
        world.ask(hers).await;
        world.until(hers, "confirmed").await;
        for name in ["张名", "李名", "王名"] {
            world.rename(OPERATOR, hers, name).await;
            world.settle().await;
        }
        assert_eq!(world.service.calls().len(), 1, "not before its time");
        world.app.pass(REASK_PAUSE);
        world.until(hers, "confirmed").await;
        assert_eq!((world.service.calls().len(), world.level("王名").await.as_str()), (2, "3"));
    }

    async fn a_slow_service_starves_no_other(world: &World) {
        for n in 1..=6 {
            let name = format!("慢{n}");
            county::teachers(&world.app, &[teacher(SCHOOL, &name, &number(&format!("1985060{n}"), 992))]).await;
            world.ask(called(&world.app, &name).await[0]).await;
        }
        county::pupils(&world.app, &[pupil(SCHOOL, "王芳", &number("20170203", 2), None)]).await;
        let child = called(&world.app, "王芳").await[0];
        world.asker.record_personal_code(&world.app.operator(), OPERATOR, child, &code("L320102201800000001")).await.unwrap();
        let stop = CancellationToken::new();
        let jobs = mingji::jobs::start(&world.asker, None, &stop);
        for _ in 0..400 {
            if world.service.calls().len() >= 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        world.ask_register(child).await;
        for _ in 0..400 {
            if world.state(child).await.0 == "confirmed" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let slow = world.asker.open_verifications(&Ctx::task(&world.asker, "test")).await.unwrap();
        assert_eq!(world.state(child).await.0, "confirmed");
        assert!(slow.iter().filter(|one| one.attempts == Some(0)).count() >= 2, "the slow one has not got round: {slow:?}");
        stop.cancel();
        jobs.wait().await;
    }
}
