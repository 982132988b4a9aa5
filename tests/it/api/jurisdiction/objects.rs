//! The same for what people make of a register: claims, cases, approvals, errands, rights and merged records of others are not
//! there, no answer about one's own names what is another's, and a platform's stream holds nobody of a school it does not serve.

use std::collections::BTreeSet;

use mingji::domain::registry::codes::admin_role::AdminRole;
use serde_json::{Value, json};

use super::{Place, TOP, Truth, World, build, drawn, everything, truth};
use crate::support::api::Caller;
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, called, number, pupil, pupils, teacher, teachers, text};
use crate::support::database::select_texts;

/// What was made, in the state it is in.
const MADE: &str = "SELECT 'claim' || state FROM relation_claim UNION ALL SELECT 'case' || state FROM conflict_case
    UNION ALL SELECT 'approval' || state FROM approval UNION ALL SELECT 'errand' || state FROM errand
    UNION ALL SELECT 'merge' || COALESCE(CAST(undone_at AS TEXT), '') FROM person_merge
    UNION ALL SELECT 'right' || COALESCE(CAST(revoked_at AS TEXT), '') FROM admin_grant ORDER BY 1";

/// Something that somebody made, and the schools that it is about.
struct Made {
    what: &'static str,
    id: String,
    about: BTreeSet<usize>,
}

/// The pupils whom the cases, merges and claims of a school are about. Only a claim's name is said twice, by whoever claims.
fn extra(school: usize) -> [(String, String); 5] {
    ["案甲", "案乙", "并甲", "并乙", "借"].map(|name| {
        let serial = ["案甲", "案乙", "并甲", "并乙", "借"].iter().position(|other| *other == name).unwrap();
        (format!("{name}{school}"), number("20150203", u32::try_from(10 * school + serial).unwrap()))
    })
}

async fn ids(app: &TestApp, from: &str) -> Vec<String> {
    let hex = if app.database.url.starts_with("sqlite") { "lower(hex(id))" } else { "CAST(id AS TEXT)" };
    let found = select_texts(&app.database.url, &format!("SELECT {hex} FROM {from}")).await;
    found.iter().map(|id| id.parse::<uuid::Uuid>().unwrap().to_string()).collect()
}

/// Whoever stands above all of them makes one of each for each school.
async fn make(app: &TestApp, world: &World, truth: &Truth) -> Vec<Made> {
    let schools = world.schools.len();
    let mut rows = Vec::new();
    for school in 0..schools {
        rows.extend(extra(school).map(|(name, number)| pupil(&world.school(school), &name, &number, None)));
    }
    pupils(app, &rows).await;
    let staff: Vec<String> = (0..schools)
        .map(|n| teacher(&world.school(n), &format!("录{n}"), &number("19720203", u32::try_from(n).unwrap() + 1)))
        .chain([teacher(&world.school(0), "市管", &number("19710203", 1))])
        .collect();
    teachers(app, &staff).await;
    let city = called(app, "市管").await[0];
    app.app.grant_admin(&app.operator(), city, AdminRole::City, TOP).await.unwrap();
    let city = app.at_api_as(city, TOP).await;
    let done = async |path: &str, body: Value, id: &str| {
        let answer = city.post(path, &body).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.text(id)
    };
    let mut made = Vec::new();
    for school in 0..schools {
        let mut people = Vec::new();
        for (name, _) in extra(school) {
            people.push(called(app, &name).await[0].to_string());
        }
        let org = &truth.orgs[&school];
        let mut push = |what: &'static str, id: String, about: &[usize]| {
            made.push(Made { what, id, about: about.iter().copied().collect() });
        };
        let wish = json!({ "opens": { "institution_id": org }, "purpose": "期初核对" });
        push("approval", done("/api/approvals", wish, "id").await, &[school]);
        let wish = json!({ "label": "居民身份证", "number": extra(school)[1].1 });
        push("case", done(&format!("/api/persons/{}/documents", people[0]), wish, "case_id").await, &[school]);
        let wish = json!({ "survivor": people[2], "absorbed": people[3], "reason": "同一人两次录入" });
        done("/api/merges", wish, "person_id").await;
        push("merge", people[3].clone(), &[school]);
        let wish = json!({ "year_turn": { "org": world.school(school) } });
        push("errand", done("/api/errands", wish, "id").await, &[school]);
        for person in people {
            push("pupil", person, &[school]);
        }

        let clerk = called(app, &format!("录{school}")).await[0];
        let before = ids(app, "admin_grant").await;
        app.app.grant_admin(&app.operator(), clerk, AdminRole::SchoolRoster, &world.school(school)).await.unwrap();
        for id in ids(app, "admin_grant").await.into_iter().filter(|id| !before.contains(id)) {
            push("right", id, &[school]);
        }
        // The clerk says that a pupil of the next school sits in hers.
        let next = (school + 1) % schools;
        let (name, number) = &extra(next)[4];
        let before = ids(app, "relation_claim").await;
        county::desk(app, clerk, &pupil(&world.school(school), name, number, None)).await;
        let new: Vec<String> = ids(app, "relation_claim").await.into_iter().filter(|id| !before.contains(id)).collect();
        assert_eq!(new.len(), 1, "a claim");
        for id in new {
            push("claim", id, &[school, next]);
        }
    }
    made
}

/// Every answer to a question about this id, as one text, and to every question without one.
async fn told(caller: &Caller, document: &Value, id: Option<&str>) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        // Who looked at herself is hers to know, wherever they sit.
        let own = path.starts_with("/api/me/") || path.starts_with("/api/feed");
        if item.get("get").is_none() || path.contains('{') != id.is_some() || own {
            continue;
        }
        let parts: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('{') { id.unwrap_or(part) } else { part }).collect();
        let asked = if path == "/api/approvals" { "?whose=waiting" } else { "" };
        all.push((path.clone(), caller.get(&format!("{}{asked}", parts.join("/"))).await.body.to_string()));
    }
    all
}

/// Two who see a part each: a school, and a county that is not the school's where there are two.
fn partial(mut world: World) -> World {
    world.schools[0] = 0;
    let last = world.schools.len() - 1;
    world.schools[last] = 1;
    world.admins = vec![Place::School(0), Place::County(1)];
    world
}

async fn hold(app: &TestApp, world: &World) {
    let callers = build(app, world).await;
    let truth = truth(app, world).await;
    let made = make(app, world, &truth).await;
    for what in ["approval", "case", "merge", "errand", "right", "claim"] {
        assert!(made.iter().filter(|one| one.what == what).count() >= world.schools.len(), "{what}");
    }
    let document: Value = app.http.get(app.at("/api/openapi.json")).send().await.unwrap().json().await.unwrap();
    for (place, caller) in &callers {
        let hers = |school: &usize| world.covers(*place, *school);
        let strange: Vec<&Made> = made.iter().filter(|one| !one.about.iter().any(hers)).collect();
        assert!(!strange.is_empty());
        let mut seen = BTreeSet::new();
        // One of each kind and school: every one is asked for on every way.
        let asked = strange.iter().filter(|one| seen.insert((one.what, one.about.clone())));
        let before = text(app, MADE).await;
        let missing = everything(app, caller, &document, "01900000-0000-7000-8000-00000000abcd").await;
        for one in asked {
            let answers = everything(app, caller, &document, &one.id).await;
            assert_eq!(answers, missing, "{} {place:?} {world:?}", one.what);
        }
        assert_eq!(text(app, MADE).await, before, "nothing of theirs was changed: {place:?} {world:?}");

        // Whatever she asks about what is hers, the answer names nothing of theirs.
        let mut secrets: Vec<String> = strange.iter().map(|one| one.id.clone()).collect();
        for school in (0..world.schools.len()).filter(|school| !hers(school)) {
            secrets.push(truth.orgs[&school].clone());
            secrets.push(format!("校{school}"));
            secrets.push(world.school(school));
            secrets.extend(extra(school).into_iter().take(4).map(|(name, _)| name));
        }
        let mut answers = told(caller, &document, None).await;
        let own = made.iter().filter(|one| one.about.iter().all(hers)).map(|one| &one.id);
        let orgs = truth.orgs.iter().filter(|(school, _)| hers(school)).map(|(_, id)| id);
        let teachers = world.teachers.iter().enumerate().filter(|(_, (one, two))| hers(one) || hers(two));
        let teachers: Vec<String> = teachers.map(|(n, _)| truth.teachers[n].to_string()).collect();
        for id in own.chain(orgs).chain(&teachers) {
            answers.extend(told(caller, &document, Some(id)).await);
        }
        for (path, answer) in &answers {
            for secret in &secrets {
                assert!(!answer.contains(secret), "{path} tells {secret}: {answer} {place:?} {world:?}");
            }
        }
        let all: String = answers.iter().map(|(_, answer)| answer.as_str()).collect();
        assert!(all.contains("案甲"), "what is hers was read: {all}");
    }

    // A platform that serves the first school hears of its people, and of nobody else.
    let stream = app.feed_of(json!({}), Some(&world.school(0))).await;
    app.numbered().await;
    let mut heard = stream.get("/api/feed?after=0&limit=500").await.body.to_string();
    heard += &json!(stream.all("/api/feed/snapshot?limit=100").await).to_string();
    for one in made.iter().filter(|one| one.what == "pupil") {
        // Whoever was absorbed is her survivor's old id.
        if !one.about.contains(&0) {
            assert!(!heard.contains(&one.id), "{heard}");
        }
    }
    let first = called(app, "案甲0").await[0].to_string();
    assert!(heard.contains(&first), "{heard}");
}

both_engines! {
    async fn what_others_made_is_not_there(app: TestApp) {
        hold(&app, &partial(drawn(4))).await;
    }
}
