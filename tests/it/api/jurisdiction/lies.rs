//! The same while administrators lie: a desk names whoever works elsewhere, or belongs nowhere any more, as the guardian of a pupil of
//! its own, and schools are merged, or children go to the next one. Whom it only named is as little there as before.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use mingji::app::relation_claim::Decider;
use mingji::app::staff_life::Order;
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::staff::StaffState;
use mingji::domain::registry::institution_life::ChangeKind;
use serde_json::{Value, json};

use super::{Place, TOP, World, build, drawn, everything, said, truth};
use crate::institution::Silent;
use crate::support::api::Caller;
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, called, number, pupil, teacher, teachers, text};

const NOBODY: &str = "01900000-0000-7000-8000-00000000abcd";

/// A school that takes another one over.
const HEIR_CODE: &str = "2132000899";
const HEIR: &str =
    "机构标识码,机构名称,机构类型,办学类型,行政区划代码,上级机构标识码\n2132000899,新校,学校,211,320102,ED32010200\n";

/// Somebody whom a desk names: her name and number.
type Named = (String, String);

/// A graduate of nowhere for each administrator, and a teacher of another county's school.
async fn named(app: &TestApp, world: &World, n: usize) -> [(PersonId, Named); 2] {
    let serial = u32::try_from(n).unwrap();
    let gone: Named = (format!("离职{n}"), number("19750101", 300 + serial));
    let far: Named = (format!("远师{n}"), number("19750101", 400 + serial));
    let last = world.schools.len() - 1;
    let rows = [teacher(&world.school(0), &gone.0, &gone.1), teacher(&world.school(last), &far.0, &far.1)];
    teachers(app, &rows).await;
    let leaver = called(app, &gone.0).await[0];
    let leaves = Order::Leave { org: None, state: StaffState::Left };
    app.app.change_staff(&app.operator(), Decider::Operator, leaver, None, &leaves).await.unwrap();
    app.app.set_password(&app.operator(), leaver, "an old sentence of mine".to_owned().into()).await.unwrap();
    [(leaver, gone), (called(app, &far.0).await[0], far)]
}

/// What a desk said of somebody was taken, by its word alone.
async fn is_in_force(app: &TestApp, name: &str) {
    let sql = format!(
        "SELECT g.status || ' ' || r.state FROM guardianship g JOIN person p ON p.id = g.guardian_id
            JOIN relation_claim r ON r.person_id = p.id AND r.child_id = g.child_id AND r.org_id = g.recorded_org_id AND r.claimed_by IS NOT NULL AND r.decided_by IS NULL
            WHERE p.name = '{name}'"
    );
    assert_eq!(text(app, &sql).await, "confirmed confirmed", "{name}");
}

/// A colleague of whoever lies, who is given the numbers of those whom she named; the cases that come of it.
async fn given_to_a_colleague(app: &TestApp, caller: &Caller, colleague: &str, papers: &[String]) -> Vec<String> {
    let colleague = called(app, colleague).await[0];
    let mut cases = Vec::new();
    for paper in papers {
        let paper = json!({ "label": "居民身份证", "number": paper });
        let told = caller.post(&format!("/api/persons/{colleague}/documents"), &paper).await;
        assert_eq!((told.status, &told.body["result"]), (200, &json!("case")), "{told:?}");
        cases.push(told.body["case_id"].as_str().unwrap().to_owned());
    }
    cases
}

/// What names one of hers and somebody else in one request, with the path hers.
async fn beside_her_own(
    caller: &Caller,
    child: PersonId,
    colleague: PersonId,
    org: &str,
    id: &str,
) -> BTreeMap<String, (u16, Value)> {
    let add = json!({ "guardian_id": id, "step": { "add": { "relation": "52" } } });
    let pair = |survivor: &str, absorbed: &str| json!({ "survivor": survivor, "absorbed": absorbed, "reason": "同一人，两次录入" });
    let mut answers = BTreeMap::new();
    for (what, path, body) in [
        ("guardian", format!("/api/persons/{child}/guardians"), add),
        ("merged", "/api/merges".into(), pair(&colleague.to_string(), id)),
        ("merges", "/api/merges".into(), pair(id, &colleague.to_string())),
        ("right", format!("/api/institutions/{org}/rights"), json!({ "person_id": id, "role": "school_roster" })),
    ] {
        answers.insert(what.to_owned(), said(&caller.post(&path, &body).await));
    }
    let why = caller.get(&format!("/api/rights/why?administrator={colleague}&person={id}")).await;
    answers.insert("why".into(), said(&why));
    answers
}

/// A school of the first county with a pupil, which its own administrator and the county's lie about.
fn lying(mut world: World) -> World {
    world.schools[0] = 0;
    let last = world.schools.len() - 1;
    world.schools[last] = 1;
    world.pupils[0] = 0;
    world.admins = vec![Place::School(0), Place::County(0)];
    world
}

async fn hold(app: &TestApp, world: &World) {
    let callers = build(app, world).await;
    let truth = truth(app, world).await;
    let document: Value = app.http.get(app.at("/api/openapi.json")).send().await.unwrap().json().await.unwrap();
    let (child, paper) = (truth.pupils[0], number("20160203", 1));
    let (mut told, mut cases) = (Vec::new(), Vec::new());
    county::import_all(app, HEIR).await;
    let heir = number("19700203", 80);
    teachers(app, &[teacher(HEIR_CODE, "新管理", &heir)]).await;
    let heir = called(app, "新管理").await[0];
    app.app.grant_admin(&app.operator(), heir, AdminRole::School, HEIR_CODE).await.unwrap();
    for (n, (_, caller)) in callers.iter().enumerate() {
        let admin = called(app, &format!("管理{n}")).await[0];
        let colleague = format!("同事{n}");
        teachers(app, &[teacher(&world.school(0), &colleague, &number("19700203", 90 + u32::try_from(n).unwrap()))])
            .await;
        let mut papers = Vec::new();
        for (person, (name, number)) in named(app, world, n).await {
            let row = pupil(&world.school(0), "学生0", &paper, Some((&name, &number)));
            county::desk(app, admin, &row).await;
            is_in_force(app, &name).await;
            // The school that takes this one over says the same of a pupil whom it asks for, and waits.
            county::desk(app, heir, &pupil(HEIR_CODE, "学生0", &paper, Some((&name, &number)))).await;
            told.push(person);
            papers.push(number);
        }
        cases.extend(given_to_a_colleague(app, caller, &colleague, &papers).await);
    }
    let mut callers = callers;
    for merged in [false, true] {
        if merged {
            // What was said goes along.
            let (code, kind) = (world.school(0), ChangeKind::Merged);
            app.app
                .hand_over_institution(&app.operator(), Decider::Operator, &code, HEIR_CODE, kind, &mut Silent)
                .await
                .unwrap();
            // Her right over a school ends with it, and who runs the heir is the one to whom everybody came.
            callers.retain(|(place, _)| !matches!(place, Place::School(_)));
            callers.push((Place::School(0), app.at_api_as(heir, TOP).await));
        }
        for (place, caller) in &callers {
            let other = usize::from(matches!(place, Place::School(_)));
            let colleague = called(app, &format!("管理{other}")).await[0];
            let org = caller.all("/api/institutions").await[0]["id"].as_str().unwrap().to_owned();
            let missing = everything(app, caller, &document, NOBODY).await;
            let beside = beside_her_own(caller, child, colleague, &org, NOBODY).await;
            let verdict = json!({ "decision": "same_person", "reason": "同一人，两次录入" });
            for case in &cases {
                let path = format!("/api/cases/{case}");
                let decided = caller.post(&format!("{path}/decision"), &verdict).await;
                assert_eq!(
                    (caller.get(&path).await.status, decided.status),
                    (404, 404),
                    "{place:?} {merged} {world:?}"
                );
            }
            let returned = json!({ "step": { "return": { "org": world.school(0) } } });
            let returns = async |id: &str| said(&caller.post(&format!("/api/persons/{id}/post"), &returned).await);
            for id in told.iter().map(ToString::to_string) {
                assert_eq!(everything(app, caller, &document, &id).await, missing, "{place:?} {merged} {world:?}");
                let answers = beside_her_own(caller, child, colleague, &org, &id).await;
                assert_eq!(answers, beside, "{place:?} {merged} {world:?}");
                // Whoever stands above a school brings back whom it lost.
                if matches!(place, Place::School(_)) {
                    assert_eq!(returns(&id).await, returns(NOBODY).await, "{place:?} {merged} {world:?}");
                }
            }
        }
    }
}

both_engines! {
    async fn whom_a_desk_only_named_is_not_there(app: TestApp) {
        hold(&app, &lying(drawn(5))).await;
    }

    /// A world that nobody drew before; a failure prints it.
    async fn nor_in_any_world(app: TestApp) {
        let [seed, ..] = RandomState::new().build_hasher().finish().to_le_bytes();
        hold(&app, &lying(drawn(seed))).await;
    }
}
