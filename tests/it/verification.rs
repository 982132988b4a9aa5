//! Real names at the wire: a service is asked over HTTP, answers late, wrongly, for somebody else or not at all, and what the
//! register says of a person follows.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use mingji::app::person_paper::PaperEnded;
use mingji::app::relation_claim::Decider;
use mingji::app::verification::VerificationService;
use mingji::app::{App, Ctx, Kind};
use mingji::demo::verifier::Simulator;
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::realname::Method;
use mingji::domain::registry::document::PaperEnd;
use mingji::domain::registry::name::PersonName;
use mingji::domain::registry::verification_request::REASK_PAUSE;
use mingji::keys::foreign::PublicKeys;
use mingji::keys::random::SystemRandom;
use mingji::outbound::address::Allow;
use mingji::outbound::client::GuardedClient;
use mingji::store::db::Db;

use crate::support::app::{Engine, TestApp, parts, wait_for};
use crate::support::county::{self, SCHOOL, called, number, pupil, teacher, text};
use crate::support::database::change;

const OPERATOR: Decider = Decider::Operator;
const SERVICE: &str = "police";
/// The same one, asked for a 学籍号.
const REGISTER: &str = "register";
/// What the provider waits, and what comes too late.
const PATIENCE: Duration = Duration::from_secs(6);
const LATE: Duration = Duration::from_secs(8);

/// A provider, a service beside it, and whoever asks it: over the same register, and without a job of its own.
struct World {
    app: TestApp,
    service: Simulator,
    verifier: VerificationService,
    asker: App,
}

async fn world(engine: Engine) -> World {
    let app = TestApp::start(engine, "memory:").await;
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}/ask", listener.local_addr().unwrap());
    let http = GuardedClient::new(vec![Allow::Net("127.0.0.0/8".parse().unwrap())], None).unwrap();
    let service = Simulator::new(&app.issuer, &url, app.clock.clone(), &SystemRandom::new(), http, LATE).unwrap();
    let routes = service.router();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let verifier = VerificationService {
        name: SERVICE.into(),
        method: Method::PoliceNameId,
        url,
        keys: PublicKeys::parse(&service.keys()).unwrap(),
        patience: PATIENCE,
    };
    county::open(&app).await;
    let asker = asker(&app, &verifier).await;
    World { app, service, verifier, asker }
}

async fn asker(app: &TestApp, verifier: &VerificationService) -> App {
    let db = Db::connect(&app.database.url).await.unwrap();
    let mut parts = parts(db, app.clock.clone(), app.database.secrets(), &app.issuer, "memory:").await;
    let register = VerificationService { name: REGISTER.into(), method: Method::StudentRegister, ..verifier.clone() };
    parts.verifiers = vec![verifier.clone(), register];
    App::new(parts)
}

impl World {
    /// A teacher whose number says what the service does.
    async fn somebody(&self, name: &str, serial: u32) -> PersonId {
        county::teachers(&self.app, &[teacher(SCHOOL, name, &number("19850607", serial))]).await;
        called(&self.app, name).await[0]
    }

    /// A moment later than whatever was before.
    async fn ask(&self, who: PersonId) {
        self.app.pass(Duration::from_secs(1));
        self.asker.request_verification(&self.app.operator(), OPERATOR, who, SERVICE).await.unwrap();
    }

    /// Lets whatever is due be asked until nothing is.
    async fn settle(&self) {
        for service in [SERVICE, REGISTER] {
            while self.asker.verify_one(service).await.unwrap() {}
        }
    }

    async fn level(&self, name: &str) -> String {
        text(
            &self.app,
            &format!("SELECT CAST(realname_level AS TEXT) FROM person WHERE name = '{name}' ORDER BY 1 DESC"),
        )
        .await
    }

    /// State and fault of what was asked about somebody last.
    async fn state(&self, who: PersonId) -> (String, Option<&'static str>) {
        let last =
            self.asker.all_verifications(&Ctx::task(&self.asker, "test"), "核对", who).await.unwrap().pop().unwrap();
        (last.state.to_owned(), last.fault)
    }

    fn circuit(&self) -> &'static str {
        self.asker.verification_services()[0].circuit
    }
}

impl World {
    /// The last thing about somebody comes to a state.
    async fn until(&self, who: PersonId, wanted: &str) {
        self.settle().await;
        let state = self.state(who).await;
        assert_eq!(state.0, wanted, "{state:?}");
    }

    /// A call about somebody fails in a way.
    async fn until_fault(&self, who: PersonId, wanted: &str) {
        self.settle().await;
        let state = self.state(who).await;
        assert_eq!(state.1, Some(wanted), "{state:?}");
    }
}

async fn on(engine: Engine, body: fn(&World) -> LocalBoxFuture<'_, ()>) {
    let world = world(engine).await;
    body(&world).await;
    world.asker.close().await;
    world.app.stop().await;
}

macro_rules! with_a_service {
    ($(async fn $name:ident($world:ident: &World) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports, reason = "what the bodies of one file share")]
            use super::*;

            async fn body($world: &World) $body

            #[test]
            fn sqlite() {
                wait_for(Box::pin(on(Engine::Sqlite, |world| Box::pin(body(world)))));
            }

            #[test]
            fn postgres() {
                let Some(server) = crate::support::need::postgres() else { return };
                wait_for(Box::pin(on(Engine::Postgres(server), |world| Box::pin(body(world)))));
            }
        }
    )+};
}

mod trust;

with_a_service! {
    async fn a_match_lifts_the_level_and_a_mismatch_leaves_it(world: &World) {
        let (hers, other) = (world.somebody("陈师", 2).await, world.somebody("李师", 991).await);
        for who in [hers, other] {
            world.ask(who).await;
        }
        world.until(hers, "confirmed").await;
        world.until(other, "refused").await;
        assert_eq!((world.level("陈师").await.as_str(), world.level("李师").await.as_str()), ("3", "1"));
        let twice = world.asker.request_verification(&world.app.operator(), OPERATOR, hers, "nobody").await;
        assert_eq!(twice.unwrap_err().kind, Kind::NotFound, "a service that nobody named");
        let kept = "SELECT v.verifier || ' ' || v.method || ' ' || v.result FROM verification v JOIN person p ON p.id = v.person_id WHERE p.name IN ('陈师', '李师') ORDER BY v.result";
        assert_eq!(text(&world.app, kept).await, "police police_name_id confirmed,police police_name_id refused");
        let entry = text(&world.app, "SELECT CAST(details AS TEXT) FROM audit_entry WHERE action = 'person.verified' ORDER BY id").await;
        assert!(entry.contains("police_name_id") && !entry.contains("1985"), "{entry}");
    }

    async fn about_whoever_asked_to_be_erased_nobody_is_asked(world: &World) {
        let hers = world.somebody("陈师", 2).await;
        world.ask(hers).await;
        world.until(hers, "confirmed").await;
        change(&world.app.database.url, "UPDATE person SET status = 'cancelled' WHERE name = '陈师'").await;
        world.app.pass(Duration::from_secs(2));
        let operator = world.app.operator();
        let asked = world.asker.request_verification(&operator, OPERATOR, hers, SERVICE).await;
        assert_eq!(asked.unwrap_err().kind, Kind::Conflict);
        let lost = PaperEnded { ended_as: PaperEnd::Lost, day: None, reason: "本人报失".into(), evidence: "报失回执在档".into() };
        let paper = county::document(&number("19850607", 2));
        world.asker.end_paper(&operator, OPERATOR, hers, &paper, &lost).await.unwrap();
        assert_eq!(world.state(hers).await.0, "superseded", "nor does what her school corrects ask anew");
    }

    async fn what_platforms_are_told_follows(world: &World) {
        let app = &world.app;
        let (teacher, platform) = (app.person("full_claims").person_id, app.client("platform_a"));
        world.ask(teacher).await;
        world.until(teacher, "confirmed").await;
        let told = async || {
            // Another process writes it.
            app.pass(Duration::from_secs(2));
            let ask = platform.ask().with("scope", "openid profile edu edu.realname");
            let tokens = app.teacher().sign_in_with(&platform, ask).await;
            let claims = platform.userinfo(&tokens.access()).await.body;
            (tokens.id_claims()["edu_realname"]["level"].clone(), claims["verified_claims"].clone())
        };
        let (level, verified) = told().await;
        assert_eq!((level, verified["verification"]["evidence"][0]["record"]["type"].as_str()), (3.into(), Some("police_name_id")), "{verified}");
        // Another name: what was compared was another one, and the service is asked anew.
        let name = PersonName::parse("陈别名").unwrap();
        world.asker.rename_person(&app.operator(), OPERATOR, teacher, name).await.unwrap();
        let states = async || {
            let all = world.asker.all_verifications(&Ctx::task(&world.asker, "test"), "核对", teacher).await.unwrap();
            all.iter().map(|one| one.state).filter(|state| *state != "refused").collect::<Vec<_>>()
        };
        let now = states().await;
        assert!(now.contains(&"superseded") && now.contains(&"waiting") && !now.contains(&"confirmed"), "{now:?}");
        let (level, verified) = told().await;
        assert_eq!((level, verified.is_null()), (1.into(), true), "the level falls until it is verified again");
        world.app.pass(REASK_PAUSE);
        world.until(teacher, "confirmed").await;
        let (level, verified) = told().await;
        assert_eq!((level, verified["claims"]["name"].as_str()), (3.into(), Some("陈别名")));
    }

    async fn without_an_answer_the_level_falls_until_there_is_one(world: &World) {
        let hers = world.somebody("陈师", 2).await;
        world.ask(hers).await;
        world.until(hers, "confirmed").await;
        // From now on her number is one that the service has trouble with.
        let trouble = county::document(&number("19850607", 993));
        world.asker.record_document(&world.app.operator(), OPERATOR, hers, &trouble).await.unwrap();
        assert_eq!(world.level("陈师").await, "1");
        world.app.pass(REASK_PAUSE);
        world.until_fault(hers, "status").await;
        assert_eq!(world.level("陈师").await, "1");
        assert_eq!(world.state(hers).await.0, "waiting", "it is asked again");
    }

    async fn what_comes_too_late_is_asked_again_as_a_question_of_its_own(world: &World) {
        let hers = world.somebody("陈师", 992).await;
        world.ask(hers).await;
        world.until_fault(hers, "timeout").await;
        assert_eq!(world.level("陈师").await, "1");
        world.settle().await;
        assert_eq!(world.service.calls().len(), 1, "not before its time");
        world.app.pass(Duration::from_secs(11));
        world.until(hers, "confirmed").await;
        let calls = world.service.calls();
        assert!(calls.len() == 2 && calls[0] != calls[1], "{calls:?}");
        assert_eq!(world.level("陈师").await, "3");
    }

    async fn what_cannot_be_believed_is_no_answer(world: &World) {
        for (name, serial, fault) in [("乱师", 994, "garbage"), ("假师", 995, "signature"), ("错师", 993, "status")] {
            let who = world.somebody(name, serial).await;
            world.ask(who).await;
            world.until_fault(who, fault).await;
            assert_eq!(world.level(name).await, "1", "{fault}");
        }
        let open = world.asker.open_verifications(&Ctx::task(&world.asker, "test")).await.unwrap();
        assert_eq!(open.iter().filter(|one| one.state == "waiting").count(), 3, "{open:?}");
    }

    async fn a_service_that_fails_is_left_alone_and_tried_again(world: &World) {
        let mut troubled = Vec::new();
        for n in 1..=5 {
            let name = format!("错{n}");
            county::teachers(&world.app, &[teacher(SCHOOL, &name, &number(&format!("1985060{n}"), 993))]).await;
            troubled.push(called(&world.app, &name).await[0]);
        }
        let well = world.somebody("陈师", 2).await;
        for who in &troubled {
            world.ask(*who).await;
            world.until_fault(*who, "status").await;
        }
        assert_eq!(world.circuit(), "open");
        let before = world.service.calls().len();
        world.ask(well).await;
        world.settle().await;
        assert_eq!((world.state(well).await.0.as_str(), world.service.calls().len()), ("waiting", before), "nobody is asked");
        // The others are not due before the first pause is over, so that the one who is well tries it.
        change(&world.app.database.url, "UPDATE verification_request SET next_at = next_at + 3600000000 WHERE fault IS NOT NULL").await;
        world.app.pass(Duration::from_secs(61));
        world.until(well, "confirmed").await;
        assert_eq!(world.circuit(), "closed");
    }

    async fn whoever_died_in_the_middle_is_followed_by_somebody_else(world: &World) {
        let hers = world.somebody("陈师", 992).await;
        world.ask(hers).await;
        // The call is under way when the process ends: no answer is recorded, and the lease runs on.
        let asker = world.asker.clone();
        let dying = tokio::spawn(async move { asker.verify_one(SERVICE).await });
        for _ in 0..200 {
            if !world.service.calls().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        dying.abort();
        assert!(dying.await.unwrap_err().is_cancelled(), "in the middle");
        world.settle().await;
        assert_eq!(world.service.calls().len(), 1, "the lease runs on");
        world.app.pass(Duration::from_secs(61));
        world.until(hers, "confirmed").await;
        let kept = "SELECT CAST(COUNT(*) AS TEXT) FROM verification v JOIN person p ON p.id = v.person_id WHERE p.name = '陈师'";
        assert_eq!(text(&world.app, kept).await, "1", "once");
    }

    async fn two_at_once_ask_once(world: &World) {
        let mut all = Vec::new();
        for n in 0..6 {
            let name = format!("师{n}");
            county::teachers(&world.app, &[teacher(SCHOOL, &name, &number(&format!("1985060{}", n + 1), 2))]).await;
            all.push(called(&world.app, &name).await[0]);
        }
        for who in &all {
            world.ask(*who).await;
        }
        let twice = world.asker.request_verification(&world.app.operator(), OPERATOR, all[0], SERVICE).await;
        assert_eq!(twice.unwrap_err().kind, Kind::Conflict, "the same waits already");
        let other = asker(&world.app, &world.verifier).await;
        let others = async { while other.verify_one(SERVICE).await.unwrap() {} };
        tokio::join!(world.settle(), world.settle(), others);
        other.close().await;
        for who in &all {
            world.until(*who, "confirmed").await;
        }
        assert_eq!(world.service.calls().len(), all.len(), "each once");
    }

    async fn a_name_that_changed_meanwhile_is_not_what_was_compared(world: &World) {
        let hers = world.somebody("陈师", 992).await;
        world.ask(hers).await;
        world.until_fault(hers, "timeout").await;
        let name = PersonName::parse("李师").unwrap();
        world.asker.rename_person(&world.app.operator(), OPERATOR, hers, name).await.unwrap();
        world.app.pass(Duration::from_secs(11));
        world.until(hers, "confirmed").await;
        assert_eq!(world.level("李师").await, "3", "what the service saw is the new one");
    }

    async fn whoever_looked_may_say_so_within_her_scope(world: &World) {
        let app = &world.app;
        let (child, keeper) = (number("20170203", 2), number("19850607", 4));
        county::pupils(app, &[pupil(SCHOOL, "王芳", &child, Some(("李母", &keeper)))]).await;
        let (hers, mother) = (called(app, "王芳").await[0], called(app, "李母").await[0]);
        let school = county::administrator(app, 20, SCHOOL, AdminRole::School).await;
        let other = county::administrator(app, 22, county::OTHER, AdminRole::School).await;
        let vouch = async |by, who, method, guardian| {
            world.asker.vouch(&app.operator(), by, who, method, guardian).await.map(drop).map_err(|error| error.kind)
        };
        let by = Decider::Admin(school);
        assert_eq!(vouch(Decider::Admin(other), hers, Method::SchoolVouch, None).await, Err(Kind::NotFound));
        assert_eq!(vouch(by, school, Method::DocumentSighted, None).await, Err(Kind::NotFound), "nobody for herself");
        assert_eq!(vouch(by, hers, Method::PoliceNameId, None).await, Err(Kind::Invalid), "a register is asked, not cited");
        assert_eq!(vouch(OPERATOR, hers, Method::GuardianVouch, Some(school)).await, Err(Kind::Conflict));
        assert_eq!(vouch(by, hers, Method::SchoolVouch, None).await, Ok(()));
        assert_eq!(vouch(OPERATOR, hers, Method::GuardianVouch, Some(mother)).await, Ok(()));
        assert_eq!(world.level("王芳").await, "1", "a word is not a comparison");
        assert_eq!(vouch(by, hers, Method::DocumentSighted, None).await, Err(Kind::Conflict), "nor is a school's about a paper");
        let county = county::administrator(app, 24, county::COUNTY, AdminRole::County).await;
        assert_eq!(vouch(Decider::Admin(county), hers, Method::DocumentSighted, None).await, Ok(()));
        assert_eq!(world.level("王芳").await, "4");
        let told = app.exported(hers).await;
        assert_eq!(told["person"]["verifications"].as_array().unwrap().len(), 3);
    }
}
