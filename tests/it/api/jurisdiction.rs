//! Jurisdiction 管辖范围 over the whole API: in random trees, with random rights and people, whatever lies outside an
//! administrator's subtrees is answered like what is not there at all, stands in no list and no total, and is as it was after
//! she tried everything.

mod days;
mod lies;
mod objects;

use std::collections::{BTreeMap, BTreeSet};

use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::support::api::Caller;
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{called, import_all, number, pupil, pupils, teacher, teachers, text};
use crate::support::relying_party::Answer;

const TOP: &str = "ED32010000";
/// The whole tree, its codes and the rights over it.
const TREE: &str = "SELECT name || status || CAST(version AS TEXT) || COALESCE((SELECT CAST(COUNT(*) AS TEXT) FROM institution_code k WHERE k.org_id = o.id), '')
    || COALESCE((SELECT CAST(SUM(k.version) AS TEXT) FROM class k WHERE k.org_id = o.id), '')
    || COALESCE((SELECT CAST(COUNT(*) AS TEXT) FROM admin_grant g WHERE g.org_id = o.id AND g.revoked_at IS NULL), '') FROM institution o ORDER BY o.id";

/// A tree of two counties, and who is where.
#[derive(Clone, Debug)]
struct World {
    /// For each school its county.
    schools: Vec<usize>,
    /// For each pupil her school.
    pupils: Vec<usize>,
    /// For each teacher where she works: one school or two.
    teachers: Vec<(usize, usize)>,
    /// Where the administrators' rights lie: a county, a school, or the city.
    admins: Vec<Place>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    City,
    County(usize),
    School(usize),
}

impl World {
    fn school(&self, n: usize) -> String {
        format!("21320008{:02}", n + 10 * self.schools[n])
    }

    fn code(&self, place: Place) -> (String, AdminRole) {
        match place {
            Place::City => (TOP.into(), AdminRole::City),
            Place::County(n) => (format!("ED3201{:02}00", n + 2), AdminRole::County),
            Place::School(n) => (self.school(n % self.schools.len()), AdminRole::School),
        }
    }

    fn covers(&self, place: Place, school: usize) -> bool {
        match place {
            Place::City => true,
            Place::County(n) => self.schools[school] == n,
            Place::School(n) => n % self.schools.len() == school,
        }
    }

    fn institutions(&self) -> String {
        let mut file = "机构标识码,机构名称,机构类型,办学类型,行政区划代码,上级机构标识码\nED32000000,江苏省教育厅,教育行政部门,,320000,\nED32010000,南京市教育局,教育行政部门,,320100,ED32000000\n".to_owned();
        for county in 0..2 {
            file += &format!("ED3201{0:02}00,县局{0},教育行政部门,,3201{0:02},ED32010000\n", county + 2);
        }
        for (n, county) in self.schools.iter().enumerate() {
            file += &format!("{},校{n},学校,211,3201{1:02},ED3201{1:02}00\n", self.school(n), county + 2);
        }
        file
    }
}

fn worlds() -> impl Strategy<Value = World> {
    (2usize..5).prop_flat_map(|schools| {
        let place = prop_oneof![
            1 => Just(Place::City),
            2 => (0usize..2).prop_map(Place::County),
            4 => (0..schools).prop_map(Place::School),
        ];
        (
            proptest::collection::vec(0usize..2, schools),
            proptest::collection::vec(0..schools, 3..8),
            proptest::collection::vec((0..schools, 0..schools), 1..4),
            proptest::collection::vec(place, 2..4),
        )
            .prop_map(|(schools, pupils, teachers, admins)| World { schools, pupils, teachers, admins })
    })
}

/// What stands in the register, by the ids that the API has for it.
struct Truth {
    orgs: BTreeMap<usize, String>,
    pupils: Vec<PersonId>,
    teachers: Vec<PersonId>,
    /// A class of each school that has pupils.
    classes: BTreeMap<usize, String>,
}

fn keeper(n: usize) -> (String, String) {
    (format!("家长{n}"), number("19850101", 100 + u32::try_from(n).unwrap()))
}

/// The tree and everybody in it, whoever administers it without a right yet.
async fn people(app: &TestApp, world: &World) {
    import_all(app, &world.institutions()).await;
    let n32 = |n: usize| u32::try_from(n).unwrap();
    let rows: Vec<String> = world
        .pupils
        .iter()
        .enumerate()
        .map(|(n, school)| {
            let (name, paper) = keeper(n);
            pupil(&world.school(*school), &format!("学生{n}"), &number("20160203", n32(n) + 1), Some((&name, &paper)))
        })
        .collect();
    pupils(app, &rows).await;
    let mut rows = Vec::new();
    for (n, (one, two)) in world.teachers.iter().enumerate() {
        for school in BTreeSet::from([one, two]) {
            rows.push(teacher(&world.school(*school), &format!("教师{n}"), &number("19800203", n32(n) + 1)));
        }
    }
    for n in 0..world.admins.len() {
        rows.push(teacher(&world.school(0), &format!("管理{n}"), &number("19700203", n32(n) + 1)));
    }
    teachers(app, &rows).await;
}

async fn build(app: &TestApp, world: &World) -> Vec<(Place, Caller)> {
    people(app, world).await;
    let mut callers = Vec::new();
    for (n, place) in world.admins.iter().enumerate() {
        let (code, role) = world.code(*place);
        let admin = called(app, &format!("管理{n}")).await[0];
        app.app.grant_admin(&app.operator(), admin, role, &code).await.unwrap();
        callers.push((*place, app.at_api_as(admin, TOP).await));
    }
    callers
}

async fn truth(app: &TestApp, world: &World) -> Truth {
    let operator = called(app, "督学").await;
    assert!(operator.is_empty());
    let (mut orgs, mut classes, mut pupils, mut teachers) = (BTreeMap::new(), BTreeMap::new(), Vec::new(), Vec::new());
    let hex = if app.database.url.starts_with("sqlite") { "lower(hex(id))" } else { "CAST(id AS TEXT)" };
    for n in 0..world.schools.len() {
        let id = text(app, &format!("SELECT {hex} FROM institution WHERE name = '校{n}'")).await;
        orgs.insert(n, id.parse::<uuid::Uuid>().unwrap().to_string());
        let of = format!("(SELECT id FROM institution WHERE name = '校{n}')");
        let class = text(app, &format!("SELECT {hex} FROM class WHERE org_id = {of} AND class_no = '1班'")).await;
        classes.extend(class.parse::<uuid::Uuid>().ok().map(|class| (n, class.to_string())));
    }
    for n in 0..world.pupils.len() {
        pupils.push(called(app, &format!("学生{n}")).await[0]);
    }
    for n in 0..world.teachers.len() {
        teachers.push(called(app, &format!("教师{n}")).await[0]);
    }
    Truth { orgs, pupils, teachers, classes }
}

/// What takes no id, and where else it is looked at.
const ELSEWHERE: [(&str, &str); 15] = [
    ("get /api/me", "about herself"),
    ("get /api/me/disclosures", "about herself"),
    ("get /api/feed", "a platform's own stream: api::feed"),
    ("get /api/feed/snapshot", "a platform's own stream: api::feed"),
    ("get /api/institutions", "what she sees, above"),
    ("get /api/audit", "an auditor's own subtree: api::duties"),
    ("get /api/approvals", "her own and those that she may decide: api::records"),
    ("get /api/rights/why", "two people whom she sees: api::rights"),
    ("get /api/errands", "her own: api::errands"),
    ("post /api/errands", "named by a code, below"),
    ("get /api/claims", "named by a code, below"),
    ("post /api/claims/decisions", "each as one alone, in an answer that names it: api::claims"),
    ("get /api/cases", "named by a code, below"),
    ("post /api/cases/search", "named by a code, as the others"),
    ("post /api/persons/search", "what she finds, above and below"),
];

/// A body that each writing operation takes; a new operation needs one.
fn body(path: &str, person: &str) -> Value {
    match path {
        "/api/persons/{id}/name" => json!({ "name": "王改名" }),
        "/api/persons/{id}/birth-date" => json!({ "birth_date": "2016-02-09" }),
        "/api/persons/{id}/documents" => json!({ "label": "居民身份证", "number": number("20160203", 950) }),
        "/api/persons/{id}/document-end" => {
            let paper = json!({ "label": "居民身份证", "number": number("20160203", 950) });
            json!({ "document": paper, "ended_as": "lost", "reason": "随便报一报", "evidence": "随便写写" })
        }
        "/api/persons/{id}/personal-code" => json!({ "code": format!("G{}", number("20160203", 951)) }),
        "/api/persons/{id}/death" => json!({ "date": "2026-01-01" }),
        "/api/persons/{id}/stay" => json!({ "step": "suspend" }),
        "/api/persons/{id}/guardians" => json!({ "guardian_id": person, "step": "end" }),
        "/api/institutions/{id}/students" => {
            let paper = json!({ "label": "居民身份证", "number": number("20160203", 953) });
            json!({ "name": "随便进", "document": paper, "class": "小学/2024/1班" })
        }
        "/api/institutions/{id}/classes" => json!({ "class": "小学/2024/9班" }),
        "/api/classes/{id}/name" => json!({ "name": "随便叫" }),
        "/api/institutions/{id}/export" => json!({ "purpose": "随便看看" }),
        "/api/approvals/{id}/decision" => json!({ "approve_for_hours": 1 }),
        "/api/claims/{id}/decision" => json!({ "verdict": "confirm" }),
        "/api/cases/{id}/decision" => json!({ "decision": "two_people", "reason": "随便判一判" }),
        "/api/merges/{absorbed}/undo" => json!({ "reason": "随便撤一撤" }),
        "/api/merges" => json!({ "survivor": person, "absorbed": person, "reason": "随便合一合" }),
        "/api/approvals" => json!({ "opens": { "person_id": person }, "purpose": "随便看看" }),
        "/api/institutions" => json!({ "parent_id": person, "code": "2132009998", "name": "随便开", "kind": "school" }),
        "/api/institutions/{id}/name" => json!({ "name": "随便改" }),
        "/api/institutions/{id}/code" => json!({ "code": "2132009997" }),
        "/api/persons/{id}/verifications" => json!("school_vouch"),
        "/api/persons/{id}/sign-out" => json!({}),
        "/api/persons/{id}/account-lock" => json!({ "reason": "随便锁" }),
        "/api/persons/{id}/account-unlock" | "/api/persons/{id}/activation-code" => json!({}),
        "/api/institutions/{id}/closure" | "/api/classes/{id}/closure" | "/api/rights/{id}/withdrawal" => json!({}),
        "/api/institutions/{id}/rights" => json!({ "person_id": person, "role": "school_roster" }),
        "/api/institutions/{id}/borrowed-students" => {
            json!({ "document": { "label": "居民身份证", "number": number("20160203", 952) }, "name": "随便借" })
        }
        "/api/persons/{id}/post" => json!({ "step": { "leave": { "state": "07" } } }),
        "/api/errands/{id}/confirmation" | "/api/errands/{id}/cancellation" => json!({}),
        other => panic!("{other}: say here what its body is, and what it must not show"),
    }
}

/// An answer without what names the request.
fn said(answer: &Answer) -> (u16, Value) {
    let mut body = answer.body.clone();
    if let Some(members) = body.as_object_mut() {
        members.remove("instance");
    }
    (answer.status, body)
}

/// Every operation with an id in its path, and those whose body names somebody, with this id.
async fn everything(app: &TestApp, caller: &Caller, document: &Value, id: &str) -> BTreeMap<String, (u16, Value)> {
    let mut answers = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            if ELSEWHERE.iter().any(|(one, _)| *one == format!("{method} {path}")) {
                continue;
            }
            let parts: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect();
            let mut at = parts.join("/");
            if path.ends_with("/faults") {
                at += "?of=plan";
            }
            if path.ends_with("/record") {
                at += "?approval=00000000-0000-7000-8000-000000000000";
            }
            let answer = match method.as_str() {
                "get" => caller.get(&at).await,
                _ if path.ends_with("/file") => caller.send(&at, "text/csv", b"x").await,
                _ => caller.post(&at, &body(path, id)).await,
            };
            answers.insert(format!("{method} {path}"), said(&answer));
            if path == "/api/persons/{id}" {
                answers.insert(format!("{path} then"), said(&caller.get(&format!("{at}?on=2026-01-01")).await));
            }
        }
    }
    let _ = app;
    answers
}

/// Everything that the register says of somebody, as one text.
async fn fingerprint(app: &TestApp, name: &str) -> String {
    let (ids, mut all) = (called(app, name).await, String::new());
    for id in ids {
        let id =
            if app.database.url.starts_with("sqlite") { format!("X'{}'", id.0.simple()) } else { format!("'{id}'") };
        for sql in [
            format!(
                "SELECT name || status || COALESCE(birth_date, '') || CAST(version AS TEXT) FROM person WHERE id = {id}"
            ),
            format!(
                "SELECT state || COALESCE(valid_to, '') || CAST(version AS TEXT) FROM enrolment WHERE person_id = {id} ORDER BY id"
            ),
            format!(
                "SELECT state || COALESCE(valid_to, '') || CAST(version AS TEXT) FROM staffing WHERE person_id = {id} ORDER BY id"
            ),
            format!("SELECT status FROM identity_document WHERE person_id = {id} ORDER BY id"),
            format!("SELECT state || CAST(version AS TEXT) FROM account WHERE person_id = {id}"),
        ] {
            all += &text(app, &sql).await;
        }
    }
    all
}

async fn hold(app: &TestApp, world: &World) {
    let callers = build(app, world).await;
    let truth = truth(app, world).await;
    let document: Value = app.http.get(app.at("/api/openapi.json")).send().await.unwrap().json().await.unwrap();
    let nobody = "01900000-0000-7000-8000-00000000abcd";
    for (place, caller) in &callers {
        let inside: BTreeSet<usize> = (0..world.schools.len()).filter(|school| world.covers(*place, *school)).collect();
        let outside: Vec<usize> = (0..world.schools.len()).filter(|school| !inside.contains(school)).collect();

        // What she sees is what is hers: each list, each total.
        let (mut students, mut staff) = (BTreeSet::new(), BTreeSet::new());
        for school in &inside {
            let org = &truth.orgs[school];
            students.extend(
                caller
                    .all(&format!("/api/institutions/{org}/students?limit=2"))
                    .await
                    .iter()
                    .map(|row| row["name"].as_str().unwrap().to_owned()),
            );
            staff.extend(
                caller
                    .all(&format!("/api/institutions/{org}/staff?limit=3"))
                    .await
                    .iter()
                    .map(|row| row["name"].as_str().unwrap().to_owned()),
            );
            let counts = caller.get(&format!("/api/institutions/{org}/counts")).await.body;
            let hers = world.pupils.iter().filter(|at| *at == school).count();
            assert_eq!(
                (&counts["students"], &counts["guardians"], &counts["institutions"]),
                (&json!(hers), &json!(hers), &json!(1)),
                "{place:?} {world:?}"
            );
        }
        let expected: BTreeSet<String> = world
            .pupils
            .iter()
            .enumerate()
            .filter(|(_, at)| inside.contains(at))
            .map(|(n, _)| format!("学生{n}"))
            .collect();
        assert_eq!(students, expected, "{place:?} {world:?}");
        let found = caller.post("/api/persons/search", &json!({ "name": "学生" })).await;
        let found: BTreeSet<String> = found.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(found, expected, "{place:?} {world:?}");
        for (n, (one, two)) in world.teachers.iter().enumerate() {
            let hers = inside.contains(one) || inside.contains(two);
            assert_eq!(staff.contains(&format!("教师{n}")), hers, "{place:?} {world:?}");
            if hers {
                let view = caller.get(&format!("/api/persons/{}", truth.teachers[n])).await.body;
                let posts = view["posts"].as_array().unwrap().len();
                let own = BTreeSet::from([one, two]).iter().filter(|at| inside.contains(at)).count();
                assert_eq!(posts, own, "a post elsewhere is not told: {place:?} {world:?}");
            }
        }

        // Whatever lies outside is answered like what is not there, by every operation.
        let strangers: Vec<usize> =
            world.pupils.iter().enumerate().filter(|(_, at)| outside.contains(at)).map(|(n, _)| n).collect();
        let before: Vec<String> = {
            let mut all = Vec::new();
            for n in &strangers {
                all.push(fingerprint(app, &format!("学生{n}")).await);
            }
            all
        };
        let tree = text(app, TREE).await;
        for (one, why) in ELSEWHERE {
            let (method, path) = one.split_once(' ').unwrap();
            assert!(
                document["paths"][path].get(method).is_some() && !path.contains('{'),
                "{one} ({why}): is there any?"
            );
        }
        let missing = everything(app, caller, &document, nobody).await;
        assert!(missing.len() > 15, "the operations were read");
        for (operation, (status, answer)) in &missing {
            assert!(matches!(status, 404 | 409 | 400), "{operation}: {status} {answer}");
        }
        let mut ids: Vec<String> = strangers.iter().map(|n| truth.pupils[*n].to_string()).collect();
        ids.extend(outside.iter().map(|school| truth.orgs[school].clone()));
        ids.extend(outside.iter().filter_map(|school| truth.classes.get(school).cloned()));
        for id in ids {
            assert_eq!(everything(app, caller, &document, &id).await, missing, "{place:?} {id} {world:?}");
        }
        for school in &outside {
            let code = world.school(*school);
            let at = |code: &str| format!("/api/institution-codes/{code}");
            let (known, unknown) = (caller.get(&at(&code)).await, caller.get(&at("2132009999")).await);
            let same = said(&known).1.to_string().replace(&code, "2132009999");
            assert_eq!((known.status, same), (404, said(&unknown).1.to_string()), "{place:?} {code}");
            for (order, other) in [
                ("year_turn", None),
                ("year_undo", None),
                ("institution_move", Some("under")),
                ("institution_merge", Some("into")),
                ("institution_close", Some("into")),
            ] {
                let order = |code: &str| {
                    let mut wish = json!({ "org": code });
                    if let Some(other) = other {
                        wish[other] = json!(code);
                    }
                    json!({ order: wish })
                };
                let (known, unknown) = (
                    caller.post("/api/errands", &order(&code)).await,
                    caller.post("/api/errands", &order("2132009999")).await,
                );
                let same = said(&known).1.to_string().replace(&code, "2132009999");
                assert_eq!((known.status, same), (404, said(&unknown).1.to_string()), "{place:?} {code}");
            }
            for path in [format!("/api/claims?org={code}"), format!("/api/cases?org={code}")] {
                let (known, unknown) = (caller.get(&path).await, caller.get(&path.replace(&code, "2132009999")).await);
                let same = said(&known).1.to_string().replace(&code, "2132009999");
                assert_eq!((known.status, same), (unknown.status, said(&unknown).1.to_string()), "{path}");
            }
        }
        for n in &strangers {
            let paper = |number: String| json!({ "document": { "label": "居民身份证", "number": number } });
            let known =
                caller.post("/api/persons/search", &paper(number("20160203", u32::try_from(*n).unwrap() + 1))).await;
            let unknown = caller.post("/api/persons/search", &paper(number("20160203", 990))).await;
            assert_eq!(said(&known), said(&unknown), "a number tells nothing");
        }
        let mut after = Vec::new();
        for n in &strangers {
            after.push(fingerprint(app, &format!("学生{n}")).await);
        }
        assert_eq!(after, before, "nothing of theirs was changed: {place:?} {world:?}");
        assert_eq!(text(app, TREE).await, tree, "nor of the tree, or of who holds what in it: {place:?} {world:?}");
    }
}

/// The random world number so and so; the same at every run.
fn drawn(n: u8) -> World {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[n; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    worlds().new_tree(&mut runner).unwrap().current()
}

both_engines! {
    async fn what_lies_outside_is_not_there(app: TestApp) {
        hold(&app, &drawn(1)).await;
    }

    async fn in_another_world_too(app: TestApp) {
        hold(&app, &drawn(2)).await;
    }

    async fn and_in_a_third(app: TestApp) {
        hold(&app, &drawn(3)).await;
    }
}
