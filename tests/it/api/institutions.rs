//! What becomes of institutions and of who works there, over the API.

use mingji::domain::registry::codes::admin_role::AdminRole;
use serde_json::{Value, json};

use super::errands::{ask, confirm, settled};
use crate::institution::stopped::cut_off;
use crate::support::api::{Caller, problem};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, pupil, pupils, teacher, teachers, text};
use crate::support::database::change;

const CITY: &str = "ED32010000";

struct Scene {
    county: Caller,
    county_org: String,
    school_org: String,
    other_org: String,
}

async fn scene(app: &TestApp) -> Scene {
    county::open(app).await;
    let admin = county::administrator(app, 62, COUNTY, AdminRole::County).await;
    let county = app.at_api_as(admin, CITY).await;
    let county_org = county.all("/api/institutions").await[0]["id"].as_str().unwrap().to_owned();
    let below = county.all(&format!("/api/institutions?parent={county_org}")).await;
    let id = |code: &str| {
        below.iter().find(|org| org["codes"][0]["code"] == code).unwrap()["id"].as_str().unwrap().to_owned()
    };
    Scene { county_org, school_org: id(SCHOOL), other_org: id(OTHER), county }
}

async fn done(caller: &Caller, order: Value) -> Value {
    let id = ask(caller, &order).await;
    let seen = settled(caller, &id).await;
    assert_eq!(seen["state"], "checked", "{seen}");
    assert_eq!(confirm(caller, &id).await.status, 200);
    let done = settled(caller, &id).await;
    assert_eq!(done["state"], "done", "{done}");
    done
}

both_engines! {
    async fn an_institution_is_opened_renamed_recoded_and_closed(app: TestApp) {
        let Scene { county, county_org, school_org, .. } = scene(&app).await;
        let new = json!({ "parent_id": county_org, "code": "2132000799", "name": "第九小学", "kind": "school", "school_type": "211" });
        let opened = county.post("/api/institutions", &new).await;
        assert_eq!((opened.status, &opened.body["code"], &opened.body["parent"]), (200, &json!("2132000799"), &json!("玄武区教育局")), "{opened:?}");
        let id = opened.text("institution_id");
        let again = county.post("/api/institutions", &new).await;
        assert_eq!((again.status, problem(&again).as_str()), (409, "conflict"), "a code is one institution's");
        let renamed = county.post(&format!("/api/institutions/{id}/name"), &json!({ "name": "第九中心小学" })).await;
        assert_eq!((renamed.status, renamed.text("name").as_str()), (200, "第九中心小学"));
        let recoded = county.post(&format!("/api/institutions/{id}/code"), &json!({ "code": "3132000799", "school_type": "312" })).await;
        assert_eq!((recoded.status, recoded.text("code").as_str()), (200, "3132000799"), "{recoded:?}");
        let by_old = county.get("/api/institution-codes/2132000799").await;
        assert_eq!((by_old.status, by_old.text("institution_id")), (200, id.clone()), "the old one still leads there");
        let closed = county.post(&format!("/api/institutions/{id}/closure"), &json!({})).await;
        assert_eq!((closed.status, closed.text("status").as_str()), (200, "abolished"), "{closed:?}");
        let history = county.get(&format!("/api/institutions/{id}/history")).await;
        assert_eq!((history.status, history.body["codes"].as_array().unwrap().len()), (200, 2), "{history:?}");
        assert_eq!(history.body["changes"][0]["kind"], "closed");
        pupils(&app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), None)]).await;
        let full = county.post(&format!("/api/institutions/{school_org}/closure"), &json!({})).await;
        assert_eq!(full.status, 409, "somebody is there");
        for (path, body) in [("name", json!({ "name": "改名" })), ("code", json!({ "code": "3132000798" })), ("closure", json!({}))] {
            let own = county.post(&format!("/api/institutions/{county_org}/{path}"), &body).await;
            assert_eq!((own.status, problem(&own).as_str()), (404, "not_found"), "nobody changes her own: {path}");
        }
        let phone = "+8613900000001";
        let typed = county.post("/api/institutions", &json!({ "parent_id": county_org, "code": phone, "name": "x", "kind": "school" })).await;
        assert!(typed.status == 400 && !typed.body.to_string().contains(phone), "what is no code is not repeated: {typed:?}");
    }

    async fn people_go_along_by_an_errand(app: TestApp) {
        let Scene { county, other_org, .. } = scene(&app).await;
        pupils(&app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), None), pupil(OTHER, "李小红", &number("20160203", 4), None)]).await;
        let back = ask(&county, &json!({ "institution_merge": { "org": SCHOOL, "into": SCHOOL } })).await;
        assert_eq!(settled(&county, &back).await["state"], "failed", "not into itself");
        let looked = ask(&county, &json!({ "institution_merge": { "org": OTHER, "into": SCHOOL } })).await;
        let plan = settled(&county, &looked).await["plan"]["institution"].clone();
        assert_eq!((&plan["students"], &plan["institutions"]), (&json!(1), &json!(1)), "{plan}");
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM institution_change").await, "0", "a look begins nothing");
        let split = json!({ "institution_split": { "org": SCHOOL, "code": "2132000797", "name": "东校区", "kind": "campus", "classes": ["小学/2024/1班"] } });
        let split = done(&county, split).await;
        assert_eq!((&split["result"]["institution"]["into"], &split["result"]["institution"]["students"]), (&json!("东校区"), &json!(1)), "{split}");
        let wrong = json!({ "institution_split": { "org": SCHOOL, "code": "2132000796", "name": "西校区", "kind": "campus", "classes": ["一班"] } });
        assert_eq!(settled(&county, &ask(&county, &wrong).await).await["state"], "failed");
        let moved = done(&county, json!({ "institution_move": { "org": "2132000797", "under": OTHER } })).await;
        assert_eq!((&moved["result"]["institution"]["institution"], &moved["result"]["institution"]["into"]), (&json!("东校区"), &json!("第八实验小学")), "{moved}");
        let merged = done(&county, json!({ "institution_merge": { "org": OTHER, "into": SCHOOL } })).await;
        assert_eq!(merged["result"]["institution"]["students"], 1, "{merged}");
        change(&app.database.url, "DELETE FROM errand_part WHERE what = 'result'").await;
        // A kill left no time to say so: the school is part of the other one by now, and the errand is done.
        change(&app.database.url, "UPDATE errand SET state = 'confirmed', version = version + 1, runs = 1, taken_by = NULL, taken_until = 0, ended_at = NULL WHERE kind IN ('institution_merge', 'institution_split') AND state = 'done'").await;
        for errand in [&merged, &split] {
            let told = settled(&county, errand["id"].as_str().unwrap()).await;
            assert_eq!((&told["state"], &told["runs"]), (&json!("done"), &json!(2)), "{told}");
        }
        let sits = "SELECT o.name FROM enrolment e JOIN person p ON p.id = e.person_id JOIN institution o ON o.id = e.org_id WHERE p.name = '李小红' AND e.valid_to IS NULL";
        assert_eq!(text(&app, sits).await, "第七实验小学");
        let life = county.get(&format!("/api/institutions/{other_org}/history")).await;
        assert!(life.status == 404 || life.body["changes"].as_array().unwrap().iter().any(|change| change["kind"] == "merged"), "{life:?}");
        // The one that was looked at meanwhile comes to nothing.
        assert_eq!(confirm(&county, &looked).await.status, 200);
        assert_eq!(settled(&county, &looked).await["state"], "failed");
        let above = county.post("/api/errands", &json!({ "institution_move": { "org": COUNTY, "under": CITY } })).await;
        assert_eq!(above.status, 404, "nobody moves her own");
    }

    async fn an_errand_that_is_cancelled_takes_its_change_back(app: TestApp) {
        let Scene { county, .. } = scene(&app).await;
        pupils(&app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), None), pupil(OTHER, "李小红", &number("20160203", 4), None)]).await;
        let id = ask(&county, &json!({ "institution_merge": { "org": SCHOOL, "into": OTHER } })).await;
        assert_eq!(settled(&county, &id).await["state"], "checked");
        // Somebody works on it, and has just begun.
        change(&app.database.url, "UPDATE errand SET state = 'confirmed', version = version + 1, runs = 1, taken_until = 9000000000000000").await;
        cut_off(&app, "merged", "第七实验小学", "第八实验小学").await;
        let cancel = format!("/api/errands/{id}/cancellation");
        let ended = county.post(&cancel, &json!({})).await;
        assert_eq!((ended.status, ended.text("state").as_str()), (200, "cancelled"), "{ended:?}");
        for _ in 0..100 {
            if text(&app, "SELECT state FROM institution_change").await.is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(text(&app, "SELECT state FROM institution_change").await, "", "a job brought it back to the end");

        // Where somebody went over it comes to its end.
        let id = ask(&county, &json!({ "institution_merge": { "org": SCHOOL, "into": OTHER } })).await;
        settled(&county, &id).await;
        change(&app.database.url, "UPDATE errand SET state = 'confirmed', version = version + 1, runs = 1, taken_until = 9000000000000000 WHERE state = 'checked'").await;
        cut_off(&app, "merged", "第七实验小学", "第八实验小学").await;
        change(&app.database.url, "UPDATE class SET status = 'closed', successor_id = (SELECT n.id FROM class n JOIN institution o ON o.id = n.org_id WHERE o.name = '第八实验小学') WHERE org_id = (SELECT id FROM institution WHERE name = '第七实验小学')").await;
        let refused = county.post(&format!("/api/errands/{id}/cancellation"), &json!({})).await;
        assert_eq!((refused.status, problem(&refused).as_str()), (409, "conflict"), "{refused:?}");
        assert_eq!(text(&app, "SELECT state FROM institution_change").await, "running");
    }

    async fn a_post_is_held_left_and_taken_up_again(app: TestApp) {
        let Scene { county, school_org, .. } = scene(&app).await;
        teachers(&app, &[teacher(SCHOOL, "教师甲", &number("19750203", 102)), teacher(OTHER, "教师甲", &number("19750203", 102)), teacher(OTHER, "教师乙", &number("19750203", 104))]).await;
        let (one, stranger) = (called(&app, "教师甲").await[0], called(&app, "教师乙").await[0]);
        let keeper = county::administrator(&app, 60, SCHOOL, AdminRole::School).await;
        let school = app.at_api_as(keeper, CITY).await;
        let change = async |caller: &Caller, person: &str, step: Value| caller.post(&format!("/api/persons/{person}/post"), &json!({ "step": step })).await;
        let taught = change(&school, &one.to_string(), json!({ "teach": { "class": "小学/2024/1班", "subject": "13", "head_teacher": true } })).await;
        let posts = taught.body.as_array().unwrap();
        assert_eq!((taught.status, posts.len()), (200, 1), "her post at the other school is not told: {taught:?}");
        assert!(posts[0]["teaches"].as_array().unwrap().iter().any(|lesson| lesson["head_teacher"] == true), "{taught:?}");
        let left = change(&school, &one.to_string(), json!({ "leave": { "state": "07" } })).await;
        assert_eq!((left.status, &left.body), (200, &json!([])), "{left:?}");
        assert_eq!(county.all(&format!("/api/institutions/{school_org}/staff")).await.iter().filter(|row| row["name"] == "教师甲").count(), 0);
        let nobody = "01900000-0000-7000-8000-00000000abcd";
        for step in [
            json!({ "join": { "org": SCHOOL, "post": "教师" } }), json!({ "join": { "org": SCHOOL, "post": "10" } }), json!({ "leave": { "state": "07" } }), json!({ "leave": { "org": OTHER, "state": "07" } }),
            json!({ "return": { "org": SCHOOL } }), json!({ "return": { "org": OTHER } }), json!({ "move": { "to": SCHOOL } }), json!({ "teach": { "class": "小学/2024/1班" } }),
            json!({ "teach": { "class": "一班" } }), json!({ "cease": { "class": "小学/2024/1班" } }),
        ] {
            let said = |answer: crate::support::relying_party::Answer| {
                let mut body = answer.body;
                body.as_object_mut().unwrap().remove("instance");
                (answer.status, body)
            };
            let known = said(change(&school, &stranger.to_string(), step.clone()).await);
            assert_eq!(known, said(change(&school, nobody, step.clone()).await), "{step}");
            assert!(known.0 >= 400, "{step}");
        }
    }

    async fn a_student_is_asked_for_without_a_word_about_who_she_is(app: TestApp) {
        let Scene { county, school_org, .. } = scene(&app).await;
        pupils(&app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), None), pupil(OTHER, "李小红", &number("20160203", 4), None)]).await;
        let keeper = county::administrator(&app, 60, SCHOOL, AdminRole::School).await;
        let school = app.at_api_as(keeper, CITY).await;
        let borrow = async |n: u32| {
            let order = json!({ "document": { "label": "居民身份证", "number": number("20160203", n) }, "name": "李小红" });
            let answer = school.post(&format!("/api/institutions/{school_org}/borrowed-students"), &order).await;
            (answer.status, answer.body)
        };
        let unknown = borrow(990).await;
        assert_eq!(unknown, (200, json!({ "accepted": true })));
        assert_eq!((borrow(4).await, borrow(4).await), (unknown.clone(), unknown), "known or not, once or twice");
        assert_eq!(borrow(2).await.0, 409, "her own pupil sits there");
        assert_eq!(school.all(&format!("/api/claims?org={SCHOOL}")).await, Vec::<Value>::new(), "nor does her own list say which number is somebody's");
        let waiting = county.all(&format!("/api/claims?org={OTHER}")).await;
        assert_eq!((waiting.len(), &waiting[0]["borrow"], &waiting[0]["name"]), (1, &json!(true), &json!("李小红")), "{waiting:?}");
        assert_eq!(text(&app, "SELECT CAST(asked AS TEXT) FROM lookup_count").await, "4", "each cost a question, whatever the answer was");
    }
}
