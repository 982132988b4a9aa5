//! `/api/errands`: rosters and turns of the year over the API: looked at first, confirmed, then done by a job with the rights of
//! whoever asked.

use serde_json::{Value, json};

use crate::support::api::{Caller, problem};
use crate::support::app::{Engine, TestApp, both_engines, run};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, STAFF, STUDENTS, called, number, pupil, teacher, text};
use crate::support::database::{change, select_texts};
use crate::support::relying_party::Answer;
use crate::support::workbook;
use mingji::domain::registry::codes::admin_role::AdminRole;

const CITY: &str = "ED32010000";

/// Sends a file as it is.
async fn send(caller: &Caller, id: &str, kind: &str, file: Vec<u8>) -> Answer {
    caller.send(&format!("/api/errands/{id}/file"), kind, &file).await
}

/// Asks for an errand; its id.
pub async fn ask(caller: &Caller, order: &Value) -> String {
    let asked = caller.post("/api/errands", order).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    asked.text("id")
}

/// A roster that was sent.
async fn filed(caller: &Caller, roster: &str, file: &str) -> String {
    let id = ask(caller, &json!({ "roster": roster })).await;
    let sent = send(caller, &id, "text/csv; charset=utf-8", file.as_bytes().to_vec()).await;
    assert_eq!((sent.status, sent.text("state").as_str()), (200, "checking"), "{sent:?}");
    id
}

/// The errand, once nobody works on it.
pub async fn settled(caller: &Caller, id: &str) -> Value {
    for _ in 0..600 {
        let seen = caller.get(&format!("/api/errands/{id}")).await;
        assert_eq!(seen.status, 200, "{seen:?}");
        if !["checking", "confirmed"].contains(&seen.text("state").as_str()) {
            return seen.body;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the errand {id} comes to no end")
}

pub async fn confirm(caller: &Caller, id: &str) -> Answer {
    caller.post(&format!("/api/errands/{id}/confirmation"), &json!({})).await
}

/// An administrator of a school of the county.
async fn administrator(app: &TestApp, serial: u32, scope: &str, role: AdminRole) -> Caller {
    let person = county::administrator(app, serial, scope, role).await;
    app.at_api_as(person, CITY).await
}

/// Two pupils who can be taken in, and a row that cannot.
fn roster() -> String {
    let good = [
        pupil(SCHOOL, "王小明", &number("20160203", 2), Some(("王母", &number("19850101", 4)))),
        pupil(SCHOOL, "李小红", &number("20160203", 6), None),
    ];
    format!("{STUDENTS}{}{}", good.concat(), pupil(SCHOOL, "张小坏", "32010220160203000X", None))
}

async fn pupils_there(app: &TestApp) -> String {
    text(app, "SELECT CAST(COUNT(*) AS TEXT) FROM enrolment").await
}

/// A workbook goes the way of any file; and of a file that is wrong in every row so much is told as somebody reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workbook_is_looked_at_and_faults_have_an_end() {
    run(Engine::Sqlite, |app: TestApp| async move {
        county::open(&app).await;
        let school = administrator(&app, 60, SCHOOL, AdminRole::School).await;
        let id = ask(&school, &json!({ "roster": "students" })).await;
        let workbook = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        assert_eq!(send(&school, &id, workbook, workbook::of(&roster())).await.status, 200);
        let seen = settled(&school, &id).await;
        let plan = &seen["plan"]["roster"];
        let told = ["rows", "accepted", "rejected", "sheet"].map(|name| plan[name].clone());
        assert_eq!(told, [json!(3), json!(2), json!(1), json!("花名册")], "{seen}");
        assert_eq!(seen["done"], seen["total"]);

        let nameless =
            format!("{STUDENTS}{}{}", format!("{SCHOOL}{}\n", ",".repeat(12)).repeat(1500), ",,,\n".repeat(3000));
        let id = filed(&school, "students", &nameless).await;
        let seen = settled(&school, &id).await;
        let plan = &seen["plan"]["roster"];
        let told = ["rows", "rejected", "errors", "errors_left_out"].map(|name| plan[name].clone());
        assert_eq!(told, [json!(1500), json!(1500), json!(1000), json!(500)], "{seen}");
        let faults = school.all(&format!("/api/errands/{id}/faults?of=plan&limit=200")).await;
        let rows: Vec<_> = faults.iter().map(|fault| fault["row"].as_u64().unwrap()).collect();
        assert_eq!(rows, (2..1002).collect::<Vec<_>>(), "kept in several transactions, in their order");

        let id = filed(&school, "students", &format!("{STUDENTS}{}", "x,\n".repeat(200_001))).await;
        let seen = settled(&school, &id).await;
        assert!(seen["state"] == "failed" && seen["fault"].as_str().unwrap().contains("20 万行"), "{seen}");
    })
    .await;
}

both_engines! {
    async fn a_roster_is_looked_at_confirmed_and_done(app: TestApp) {
        county::open(&app).await;
        let school = administrator(&app, 60, SCHOOL, AdminRole::School).await;
        let before = pupils_there(&app).await;
        let id = filed(&school, "students", &roster()).await;
        let kept = select_texts(&app.database.url, "SELECT sealed FROM errand_part").await.join(" ");
        assert!(!kept.contains("王小明") && !kept.contains("20160203"), "what is kept of a file is sealed");

        let checked = settled(&school, &id).await;
        assert_eq!(checked["state"], "checked", "{checked}");
        let plan = &checked["plan"]["roster"];
        let told = ["rows", "accepted", "rejected", "conflicts", "errors"].map(|name| plan[name].clone());
        assert_eq!(told, [json!(3), json!(2), json!(1), json!(0), json!(1)], "{checked}");
        assert_eq!(checked["result"], Value::Null);
        let faults = school.all(&format!("/api/errands/{id}/faults?of=plan&limit=1")).await;
        let wrong: Vec<_> = faults.iter().filter(|fault| fault["warning"] == false).collect();
        assert_eq!((wrong.len(), &wrong[0]["row"], &wrong[0]["column"]), (1, &json!(4), &json!("身份证件号")), "{faults:?}");
        assert!(!Value::Array(faults.clone()).to_string().contains("20160203"), "a fault tells no value: {faults:?}");
        assert_eq!(school.all(&format!("/api/errands/{id}/faults?of=result")).await, Vec::<Value>::new());
        assert_eq!(pupils_there(&app).await, before, "a look writes nothing");

        let yes = confirm(&school, &id).await;
        assert_eq!(yes.status, 200, "{yes:?}");
        let done = settled(&school, &id).await;
        let result = &done["result"]["roster"];
        assert_eq!((&done["state"], &result["accepted"], &result["rejected"]), (&json!("done"), &json!(2), &json!(1)), "{done}");
        assert_eq!((&done["done"], &done["total"]), (&json!(roster().len()), &json!(roster().len())));
        assert_eq!(called(&app, "王小明").await.len(), 1);
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM errand_part WHERE what = 'file'").await, "0", "the file is gone");

        // Everything that it did is in the log, by her, under its id and her right.
        let hex = if app.database.url.starts_with("sqlite") { "lower(hex(request_id))" } else { "replace(CAST(request_id AS TEXT), '-', '')" };
        let of_it = format!("FROM audit_entry WHERE action = 'roster.imported' AND {hex} = '{}'", id.replace('-', ""));
        let actors = select_texts(&app.database.url, &format!("SELECT CAST(actor AS TEXT) {of_it}")).await;
        let person = called(&app, "管理员60").await[0].to_string();
        assert!(!actors.is_empty() && actors.iter().all(|actor| actor.contains(&person) && actor.contains("school_admin")), "{actors:?}");

        // What is at its end stays there.
        for (answer, code) in [
            (confirm(&school, &id).await, "conflict"),
            (send(&school, &id, "text/csv", roster().into_bytes()).await, "conflict"),
            (school.post(&format!("/api/errands/{id}/cancellation"), &json!({})).await, "conflict"),
        ] {
            assert_eq!((answer.status, problem(&answer).as_str()), (409, code), "{answer:?}");
        }
        let again = filed(&school, "students", &roster()).await;
        assert_eq!(settled(&school, &again).await["plan"]["roster"]["unchanged"], 2, "the same file again changes nothing");
        let listed = school.all("/api/errands?limit=1").await;
        assert_eq!(listed.iter().map(|one| one["id"].as_str().unwrap()).collect::<Vec<_>>(), [again.as_str(), id.as_str()]);
    }

    async fn an_errand_is_its_asker_s_and_ends_with_her_rights(app: TestApp) {
        county::open(&app).await;
        let school = administrator(&app, 60, SCHOOL, AdminRole::School).await;
        let above = administrator(&app, 62, COUNTY, AdminRole::County).await;
        let id = filed(&school, "students", &roster()).await;
        settled(&school, &id).await;
        for (method, path) in [
            ("GET", format!("/api/errands/{id}")), ("GET", format!("/api/errands/{id}/faults?of=plan")),
            ("POST", format!("/api/errands/{id}/confirmation")), ("POST", format!("/api/errands/{id}/cancellation")),
        ] {
            let answer = above.call(method, &path).await;
            assert_eq!((answer.status, problem(&answer).as_str()), (404, "not_found"), "not even above her: {path}");
        }
        assert_eq!(send(&above, &id, "text/csv", Vec::new()).await.status, 404);
        assert_eq!(above.all("/api/errands").await, Vec::<Value>::new());

        // Rows of a school that is not hers are unknown there.
        let elsewhere = format!("{STUDENTS}{}", pupil(OTHER, "陈别处", &number("20160203", 8), None));
        let foreign = settled(&school, &filed(&school, "students", &elsewhere).await).await;
        assert_eq!(foreign["plan"]["roster"]["rejected"], 1, "{foreign}");

        let before = pupils_there(&app).await;
        let person = called(&app, "管理员60").await[0];
        app.app.revoke_role(&app.operator(), mingji::app::relation_claim::Decider::Operator, person, AdminRole::School, SCHOOL).await.unwrap();
        assert_eq!(confirm(&school, &id).await.status, 401);
        // Had she said yes a moment before, the job would have found nothing to act with.
        change(&app.database.url, "UPDATE errand SET state = 'confirmed', version = version + 1 WHERE state = 'checked'").await;
        while text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM errand WHERE state = 'confirmed'").await != "0" {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert!(select_texts(&app.database.url, "SELECT state FROM errand").await.iter().all(|state| state == "failed"));
        assert_eq!(pupils_there(&app).await, before, "nothing was done with a right that ended");
        // Nor in the name of somebody whose right stands and who could not sign in to use it.
        let second = administrator(&app, 64, SCHOOL, AdminRole::School).await;
        let held = filed(&second, "students", &roster()).await;
        assert_eq!(settled(&second, &held).await["state"], "checked");
        change(&app.database.url, "UPDATE account SET state = 'admin_locked' WHERE person_id = (SELECT id FROM person WHERE name = '管理员64')").await;
        change(&app.database.url, "UPDATE errand SET state = 'confirmed', version = version + 1 WHERE state = 'checked'").await;
        while text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM errand WHERE state = 'confirmed'").await != "0" {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM errand WHERE state = 'done'").await, "0");
        assert_eq!(called(&app, "王小明").await.len(), 0, "she has no account to say it with");
    }

    async fn what_is_no_roster_or_no_file_is_told(app: TestApp) {
        let school = app.at_api("school_admin").await;
        let failed = settled(&school, &filed(&school, "students", "PK\u{3}\u{4}rest\n").await).await;
        assert!(failed["state"] == "failed" && failed["fault"].as_str().unwrap().contains("Excel"), "{failed}");
        let id = ask(&school, &json!({ "roster": "staff" })).await;
        let form = send(&school, &id, "multipart/form-data; boundary=x", b"--x--".to_vec()).await;
        assert_eq!((form.status, problem(&form).as_str()), (415, "unsupported_media_type"));
        let huge = send(&school, &id, "text/csv", vec![b'x'; 16 * 1024 * 1024 + 1]).await;
        assert_eq!((huge.status, problem(&huge).as_str()), (413, "too_large"));
        let seen = school.get(&format!("/api/errands/{id}")).await;
        assert_eq!(seen.text("state"), "open", "it may be sent again");
        assert_eq!(send(&school, &id, "text/csv", STAFF.as_bytes().to_vec()).await.status, 200);
        assert_eq!(settled(&school, &id).await["plan"]["roster"]["rows"], 0);
        assert_eq!(school.post("/api/errands", &json!({ "year_turn": { "org": "ED36078100" } })).await.status, 404, "above her");
        assert_eq!(school.post("/api/errands", &json!({ "roster": "institutions" })).await.status, 400);
        let nowhere = json!({ "institution_move": { "org": "ED36078100", "under": "ED36010000", "division": "36" } });
        assert_eq!(school.post("/api/errands", &nowhere).await.status, 400, "what cannot be done is refused when it is asked for");
        let ended = school.post(&format!("/api/errands/{id}/cancellation"), &json!({})).await;
        assert_eq!((ended.status, ended.text("state").as_str()), (200, "cancelled"));
        assert_eq!(confirm(&school, &id).await.status, 409);
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM errand_part WHERE what = 'file'").await, "0");

        // So many at once, also when they are asked for at once.
        let order = json!({ "roster": "staff" });
        let asked = futures_util::future::join_all((0..12).map(|_| school.post("/api/errands", &order))).await;
        let taken = asked.iter().filter(|answer| answer.status == 200).count();
        assert!(taken <= 8 && asked.iter().all(|answer| [200, 409, 503].contains(&answer.status)), "{asked:?}");
        for _ in taken..8 {
            assert_eq!(school.post("/api/errands", &order).await.status, 200);
        }
        assert_eq!(school.post("/api/errands", &order).await.status, 409);
        // What waits too long lapses, and is forgotten after its time.
        app.pass(std::time::Duration::from_secs(8 * 86_400));
        app.app.upkeep().await.unwrap();
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM errand WHERE ended_at IS NULL").await, "0");
        app.pass(std::time::Duration::from_secs(91 * 86_400));
        app.app.upkeep().await.unwrap();
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM errand").await, "0");
    }

    async fn one_yes_counts_and_what_a_kill_cut_off_goes_on(app: TestApp) {
        county::open(&app).await;
        let school = administrator(&app, 60, SCHOOL, AdminRole::School).await;
        let id = filed(&school, "students", &roster()).await;
        settled(&school, &id).await;
        let all = futures_util::future::join_all((0..8).map(|_| confirm(&school, &id))).await;
        assert_eq!(all.iter().filter(|answer| answer.status == 200).count(), 1, "{all:?}");
        settled(&school, &id).await;
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM audit_entry WHERE action = 'errand.confirmed'").await, "1");

        // A replica took it, wrote some of it, and died: its time runs out, and another one goes on.
        let rows = [teacher(SCHOOL, "赵新来", &number("19700203", 80)), teacher(SCHOOL, "钱新来", &number("19700203", 82))];
        let next = filed(&school, "staff", &format!("{STAFF}{}", rows.concat())).await;
        settled(&school, &next).await;
        county::teachers(&app, &rows[..1]).await;
        let dead = if app.database.url.starts_with("sqlite") { "X'00'" } else { "'00000000-0000-7000-8000-000000000000'" };
        let until = app.app.now().plus(std::time::Duration::from_secs(20)).micros();
        change(&app.database.url, &format!("UPDATE errand SET state = 'confirmed', version = version + 1, runs = 1, taken_by = {dead}, taken_until = {until} WHERE state = 'checked'")).await;
        assert!(!app.app.run_errand().await.unwrap(), "it is still the other one's");
        app.pass(std::time::Duration::from_secs(21));
        let done = settled(&school, &next).await;
        let result = &done["result"]["roster"];
        assert_eq!((&done["state"], &result["accepted"], &result["unchanged"], &done["runs"]), (&json!("done"), &json!(1), &json!(1), &json!(2)), "{done}");
        // Whatever ends the program each time is not tried for ever.
        let last = filed(&school, "staff", STAFF).await;
        settled(&school, &last).await;
        change(&app.database.url, "UPDATE errand SET state = 'confirmed', version = version + 1, runs = 5, taken_until = 0 WHERE state = 'checked'").await;
        assert_eq!(settled(&school, &last).await["state"], "failed");
    }

    async fn of_two_who_file_at_once_the_first_is_too_late(app: TestApp) {
        let school = app.at_api("school_admin").await;
        let id = ask(&school, &json!({ "roster": "staff" })).await;
        let by = mingji::app::relation_claim::Decider::Admin(app.person("school_admin").person_id);
        let mut first = app.app.file_errand(&app.operator(), by, id.parse().unwrap()).await.unwrap();
        assert!(first.push(&[b'x'; 70_000]).await.unwrap());
        let mut second = app.app.file_errand(&app.operator(), by, id.parse().unwrap()).await.unwrap();
        assert!(first.push(&[b'x'; 70_000]).await.is_err() && first.end().await.is_err(), "nothing of it mixes with the other");
        assert!(second.push(STAFF.as_bytes()).await.unwrap());
        second.end().await.unwrap();
        assert_eq!(settled(&school, &id).await["plan"]["roster"]["rows"], 0);
    }

    /// What says that it failed did nothing: whoever obeys and sends again is not told that it was done.
    async fn what_cannot_be_answered_is_not_done(app: TestApp) {
        county::open(&app).await;
        let school = administrator(&app, 60, SCHOOL, AdminRole::School).await;
        let id = filed(&school, "students", &roster()).await;
        assert_eq!(settled(&school, &id).await["state"], "checked");
        change(&app.database.url, "UPDATE errand_part SET sealed = 'x' WHERE what = 'plan' AND n = 0").await;
        for step in ["confirmation", "cancellation"] {
            let failed = school.post(&format!("/api/errands/{id}/{step}"), &json!({})).await;
            assert_eq!(failed.status, 500, "{step}: {failed:?}");
            assert_eq!(text(&app, "SELECT state FROM errand").await, "checked", "{step}");
        }
    }

    async fn a_year_is_turned_and_turned_back(app: TestApp) {
        county::open(&app).await;
        let row = |name: &str, serial, entered: i32| format!("{SCHOOL},{name},居民身份证,{},,小学,{entered},1班,,,,,\n", number("20140203", serial));
        county::pupils(&app, &[row("王毕业", 2, 2020), row("李毕业", 4, 2020), row("张二年", 6, 2024)]).await;
        let above = administrator(&app, 62, COUNTY, AdminRole::County).await;
        let there = "SELECT CAST(COUNT(*) AS TEXT) FROM enrolment e JOIN person p ON p.id = e.person_id WHERE e.valid_to IS NULL AND p.name IN ('王毕业', '李毕业', '张二年')";
        let turn = ask(&above, &json!({ "year_turn": { "org": COUNTY, "open_classes": true } })).await;
        let seen = settled(&above, &turn).await;
        let plan = &seen["plan"]["year_turn"];
        assert_eq!((&seen["state"], &plan["classes"], &plan["opened"], &plan["students"]), (&json!("checked"), &json!(1), &json!(1), &json!(2)), "{seen}");
        assert_eq!(seen["year"], plan["year"], "the year is that of the day on which it was asked for, whenever it is done");
        assert_eq!(text(&app, there).await, "3");
        assert_eq!(confirm(&above, &turn).await.status, 200);
        let done = settled(&above, &turn).await;
        assert_eq!((&done["state"], &done["result"]["year_turn"]["students"]), (&json!("done"), &json!(2)), "{done}");
        assert_eq!(text(&app, there).await, "1");

        let back = ask(&above, &json!({ "year_undo": { "org": COUNTY } })).await;
        let seen = settled(&above, &back).await;
        assert_eq!((&seen["state"], &seen["plan"]["year_undo"]["students"]), (&json!("checked"), &json!(2)), "{seen}");
        assert_eq!(confirm(&above, &back).await.status, 200);
        let done = settled(&above, &back).await;
        assert_eq!((&done["state"], &done["result"]["year_undo"]["students"]), (&json!("done"), &json!(2)), "{done}");
        assert_eq!(text(&app, there).await, "3");
        let gone = settled(&above, &ask(&above, &json!({ "year_undo": { "org": COUNTY } })).await).await;
        assert!(gone["state"] == "failed" && gone["fault"].is_string(), "there is no turn any more: {gone}");

        // As if whoever took it back had been killed before it said so. Somebody turned the year anew since.
        let anew = ask(&above, &json!({ "year_turn": { "org": COUNTY } })).await;
        settled(&above, &anew).await;
        assert_eq!(confirm(&above, &anew).await.status, 200);
        assert_eq!(settled(&above, &anew).await["state"], "done");
        change(&app.database.url, "DELETE FROM errand_part WHERE what = 'result'").await;
        change(&app.database.url, "UPDATE errand SET state = 'confirmed', version = version + 1, runs = 1, taken_until = 0, ended_at = NULL WHERE kind = 'year_undo' AND state = 'done'").await;
        let done = settled(&above, &back).await;
        assert_eq!((&done["state"], &done["result"]["year_undo"]["students"], &done["runs"]), (&json!("done"), &json!(2), &json!(2)), "{done}");
        assert_eq!(text(&app, there).await, "1", "what was turned anew is nobody's to take back by it");
    }
}
