//! The roster view, the full record, and another person's approval between the two (ruling R19).

use std::time::Duration;

use mingji::domain::registry::codes::admin_role::AdminRole;
use serde_json::{Value, json};

use crate::support::api::{Caller, problem};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, number, pupil, pupils, teachers};
use crate::support::database::{change, select_texts};

/// A county whose first school holds pupils, the second others.
struct Scene {
    school: Caller,
    other: Caller,
    county: Caller,
    org: String,
    other_org: String,
}

async fn scene(app: &TestApp, size: u32) -> Scene {
    county::open(app).await;
    let keeper = number("19850101", 900);
    let mut rows: Vec<String> =
        (1..=size).map(|n| pupil(SCHOOL, &format!("赵{n}"), &number("20160203", n), Some(("赵母", &keeper)))).collect();
    rows.push(pupil(OTHER, "钱一", &number("20160203", 801), Some(("钱母", &number("19850101", 901)))));
    pupils(app, &rows).await;
    let admins = [
        county::administrator(app, 1, SCHOOL, AdminRole::School).await,
        county::administrator(app, 2, OTHER, AdminRole::School).await,
        county::administrator(app, 3, COUNTY, AdminRole::County).await,
    ];
    let mut callers = Vec::new();
    // The county asks and answers through a platform of its own.
    for (admin, client) in admins.into_iter().zip(["platform_a", "platform_a", "platform_b"]) {
        callers.push(app.at_api_through(client, admin, COUNTY).await);
    }
    let [school, other, county] = callers.try_into().unwrap_or_else(|_| panic!("three"));
    let org = school.all("/api/institutions").await[0]["id"].as_str().unwrap().to_owned();
    let other_org = other.all("/api/institutions").await[0]["id"].as_str().unwrap().to_owned();
    Scene { school, other, county, org, other_org }
}

async fn search(caller: &Caller, sought: Value) -> Vec<Value> {
    let found = caller.post("/api/persons/search", &sought).await;
    assert_eq!(found.status, 200, "{found:?}");
    found.body["items"].as_array().unwrap().clone()
}

fn id_of(row: &Value) -> String {
    row["person_id"].as_str().unwrap().to_owned()
}

/// How many exact questions each administrator asked, the fewest first.
async fn counted(app: &TestApp) -> Vec<String> {
    select_texts(&app.database.url, "SELECT CAST(asked AS TEXT) FROM lookup_count ORDER BY asked").await
}

/// What the audit keeps of them, in their order.
async fn digests(app: &TestApp) -> Vec<Value> {
    let details =
        "SELECT CAST(details AS TEXT) FROM audit_entry WHERE CAST(details AS TEXT) LIKE '%asked_digest%' ORDER BY id";
    let details = select_texts(&app.database.url, details).await;
    details.iter().map(|text| serde_json::from_str::<Value>(text).unwrap()["asked_digest"].clone()).collect()
}

both_engines! {
    async fn who_is_called_is_called_by_the_phone_that_was_written_last(app: TestApp) {
        let scene = scene(&app, 1).await;
        let compared = |at: i64| {
            let fresh = if app.database.url.starts_with("sqlite") { "randomblob(16)" } else { "gen_random_uuid()" };
            format!(
                "INSERT INTO verification (id, person_id, method, trust_framework, level, verifier, claims, result, verified_at)
                 SELECT {fresh}, p.id, 'operator3', 'somewhere', 2, 'operators', '[\"phone\"]', 'confirmed', {at} FROM person p WHERE p.name = '赵母'"
            )
        };
        change(&app.database.url, &compared(1)).await;
        change(&app.database.url, "UPDATE person SET realname_level = 2 WHERE name = '赵母'").await;
        let row = |phone: &str| {
            let keeper = number("19850101", 900);
            pupil(SCHOOL, "赵1", &number("20160203", 1), Some(("赵母", &keeper))).replace("13900000001", phone)
        };
        let shown = async || {
            let students = scene.school.all(&format!("/api/institutions/{}/students", scene.org)).await;
            students[0]["guardians"][0]["phone"].as_str().unwrap().to_owned()
        };
        let stands = "SELECT CAST(p.realname_level AS TEXT) || CASE WHEN v.superseded_at IS NULL THEN ' stands' ELSE ' over' END FROM verification v JOIN person p ON p.id = v.person_id WHERE v.verifier = 'operators' ORDER BY v.verified_at";
        assert_eq!(pupils(&app, &[row("13900000001")]).await.unchanged, 1);
        assert_eq!((shown().await, select_texts(&app.database.url, stands).await), ("1****1".to_owned(), vec!["2 stands".to_owned()]));
        app.pass(Duration::from_secs(60));
        for _ in 0..2 {
            pupils(&app, &[row("13800000002")]).await;
        }
        assert_eq!((shown().await, select_texts(&app.database.url, stands).await), ("1****2".to_owned(), vec!["1 over".to_owned()]));
        change(&app.database.url, &compared(2)).await;
        assert_eq!(pupils(&app, &[row("13900000001")]).await.unchanged, 1, "two children's rows may name two phones: neither ends the other");
        assert!(select_texts(&app.database.url, stands).await[1].ends_with("stands"));
    }

    async fn the_roster_shows_what_a_school_needs_and_no_number(app: TestApp) {
        let scene = scene(&app, 3).await;
        let mut students = scene.school.all(&format!("/api/institutions/{}/students?limit=2", scene.org)).await;
        assert_eq!(students.len(), 3, "page by page");
        students.sort_by_key(|row| row["name"].to_string());
        let first = &students[0];
        assert_eq!((&first["name"], &first["sex"], &first["class"], &first["source"]), (&json!("赵1"), &json!("1"), &json!("2024级1班"), &json!("normal")), "{first:?}");
        assert_eq!(first["guardians"], json!([{ "person_id": first["guardians"][0]["person_id"], "name": "赵母", "relation": first["guardians"][0]["relation"], "phone": "1****1" }]));
        let class = first["class_id"].as_str().unwrap();
        assert_eq!(scene.school.all(&format!("/api/institutions/{}/students?class={class}", scene.org)).await.len(), 3);
        let classes = scene.school.all(&format!("/api/institutions/{}/classes", scene.org)).await;
        assert_eq!((classes.len(), &classes[0]["id"]), (1, &json!(class)));
        let before = scene.school.all(&format!("/api/institutions/{}/students?on=2020-01-01", scene.org)).await;
        assert_eq!(before, Vec::<Value>::new());
        let staff = scene.school.all(&format!("/api/institutions/{}/staff", scene.org)).await;
        assert_eq!(staff.len(), 3, "{staff:?}");
        let one = scene.school.get(&format!("/api/persons/{}", id_of(first))).await;
        assert_eq!((one.status, &one.body["name"], &one.body["stays"][0]["class"]), (200, &json!("赵1"), &json!("2024级1班")), "{one:?}");
        for text in [json!(students).to_string(), json!(staff).to_string(), one.body.to_string()] {
            for number in [number("20160203", 1), number("19850101", 900), "13900000001".into(), number("19700203", 1)] {
                assert!(!text.contains(&number), "{text}");
            }
        }
        for path in ["students", "staff", "classes", "counts"] {
            let answer = scene.school.get(&format!("/api/institutions/{}/{path}", scene.other_org)).await;
            assert_eq!((answer.status, problem(&answer).as_str()), (404, "not_found"), "{path}");
        }
        assert_eq!(scene.school.get(&format!("/api/institutions/{}/students?limit=50", scene.org)).await.status, 400, "never fifty at once");
    }

    async fn people_are_found_inside_and_are_not_there_outside(app: TestApp) {
        let scene = scene(&app, 3).await;
        assert_eq!(search(&scene.school, json!({ "name": "赵" })).await.len(), 3);
        assert_eq!(search(&scene.school, json!({ "name": "钱" })).await, Vec::<Value>::new());
        let paper = |number: String| json!({ "document": { "label": "居民身份证", "number": number } });
        let hers = search(&scene.school, paper(number("20160203", 2))).await;
        assert_eq!((hers.len(), &hers[0]["name"]), (1, &json!("赵2")));
        for (what, sought) in [
            ("known elsewhere", paper(number("20160203", 801))), ("known to nobody", paper(number("20160203", 777))),
        ] {
            assert_eq!(search(&scene.school, sought).await, Vec::<Value>::new(), "{what}");
        }
        assert_eq!(search(&scene.county, paper(number("20160203", 801))).await.len(), 1);
        assert_eq!(search(&scene.school, json!({ "phone": "139 0000 0001" })).await.len(), 1, "the guardian");
        for wrong in [json!({}), json!({ "number": "1" }), json!({ "name": "赵", "phone": "1" }), json!({ "phone": "12" }), paper("11010119900101001X".into())] {
            let answer = scene.school.post("/api/persons/search", &wrong).await;
            assert_eq!((answer.status, problem(&answer).as_str()), (400, "invalid_request"), "{wrong}");
            assert!(!answer.body.to_string().contains("11010119900101001X"));
        }
        let outside = search(&scene.other, json!({ "name": "钱" })).await;
        for path in ["", "/record?approval=00000000-0000-7000-8000-000000000000"] {
            let answer = scene.school.get(&format!("/api/persons/{}{path}", id_of(&outside[0]))).await;
            assert_eq!((answer.status, problem(&answer).as_str()), (404, "not_found"), "{path}");
        }
        for (verb, body) in [
            ("name", json!({ "name": "新名" })), ("birth-date", json!({ "birth_date": "2016-02-04" })), ("death", json!({ "date": "2026-01-01" })),
            ("documents", json!({ "label": "居民身份证", "number": number("20160203", 55) })), ("stay", json!({ "step": "suspend" })),
        ] {
            let answer = scene.school.post(&format!("/api/persons/{}/{verb}", id_of(&outside[0])), &body).await;
            assert_eq!((answer.status, problem(&answer).as_str()), (404, "not_found"), "{verb}");
        }
    }

    async fn a_record_is_opened_by_somebody_else_for_a_day(app: TestApp) {
        let scene = scene(&app, 1).await;
        let child = id_of(&search(&scene.school, json!({ "name": "赵1" })).await[0]);
        let record = |approval: &str| format!("/api/persons/{child}/record?approval={approval}");
        let request = json!({ "opens": { "person_id": child }, "purpose": "核对学籍信息" });
        let asked = scene.school.post("/api/approvals", &request).await;
        assert_eq!((asked.status, &asked.body["state"]), (200, &json!("pending")), "{asked:?}");
        let id = asked.text("id");
        assert_eq!(scene.school.get(&record(&id)).await.status, 404, "not opened yet");
        let decision = format!("/api/approvals/{id}/decision");
        let yes = json!({ "approve_for_hours": 200 });
        let own = scene.school.post(&decision, &yes).await;
        assert_eq!((own.status, problem(&own).as_str()), (409, "conflict"), "nobody approves herself");
        assert_eq!(scene.other.post(&decision, &yes).await.status, 404, "another school does not know of it");
        assert_eq!(scene.other.all("/api/approvals?whose=waiting").await, Vec::<Value>::new());
        assert_eq!(scene.county.all("/api/approvals?whose=waiting").await.len(), 1);
        let opened = scene.county.post(&decision, &yes).await;
        assert_eq!((opened.status, &opened.body["state"]), (200, &json!("approved")), "{opened:?}");
        assert_eq!(scene.county.post(&decision, &yes).await.status, 409, "once");
        assert_eq!(scene.school.all("/api/approvals?whose=asked").await[0]["state"], "approved");

        let whole = scene.school.get(&record(&id)).await;
        assert_eq!(whole.status, 200, "{whole:?}");
        assert_eq!((&whole.body["documents"][0]["number"], &whole.body["birth_date"]), (&json!(number("20160203", 1)), &json!("2016-02-03")));
        assert_eq!((&whole.body["guardians"][0]["phone"], &whole.body["guardians"][0]["name"]), (&json!("13900000001"), &json!("赵母")));
        assert_eq!(whole.headers["cache-control"], "no-store");
        assert_eq!(scene.county.get(&record(&id)).await.status, 404, "it is for whoever asked");
        app.pass(Duration::from_secs(24 * 3600));
        let again = app.at_api_as(county::called(&app, "管理员1").await[0], COUNTY).await;
        assert_eq!(again.get(&record(&id)).await.status, 404, "a day is the most, whatever was said");
    }

    async fn a_request_that_is_sent_again_is_made_once(app: TestApp) {
        let scene = scene(&app, 1).await;
        let send = |key: &'static str, purpose: &'static str| {
            let (caller, org) = (scene.school.clone(), scene.org.clone());
            async move {
                let body = json!({ "opens": { "institution_id": org }, "purpose": purpose });
                crate::support::relying_party::Answer::of(caller.app.http.post(caller.app.at("/api/approvals")).bearer_auth(&caller.token).header("idempotency-key", key).json(&body)).await
            }
        };
        let all = futures_util::future::join_all((0..8).map(|_| send("k-1", "期初核对"))).await;
        let ids: std::collections::BTreeSet<String> = all.iter().map(|answer| answer.text("id")).collect();
        assert_eq!(ids.len(), 1, "{all:?}");
        assert_ne!(send("k-2", "期初核对").await.text("id"), all[0].text("id"));
        assert_eq!(send("k-1", "另一件事").await.status, 400, "the key was used for something else");
        assert_eq!(scene.school.all("/api/approvals?whose=asked").await.len(), 2);
    }

    async fn fifty_minors_at_once_need_a_word(app: TestApp) {
        let scene = scene(&app, 50).await;
        let export = format!("/api/institutions/{}/export", scene.org);
        let refused = scene.school.post(&export, &json!({ "purpose": "上报名册" })).await;
        assert_eq!((refused.status, problem(&refused).as_str()), (409, "conflict"));
        let asked = scene.school.post("/api/approvals", &json!({ "opens": { "institution_id": scene.org }, "purpose": "上报名册" })).await;
        let id = asked.text("id");
        assert_eq!(scene.school.post(&export, &json!({ "purpose": "上报名册", "approval": id })).await.status, 404);
        scene.county.post(&format!("/api/approvals/{id}/decision"), &json!({ "approve_for_hours": 1 })).await;
        let other = scene.school.post(&export, &json!({ "purpose": "商业合作", "approval": id })).await;
        assert_eq!((other.status, problem(&other).as_str()), (400, "invalid_request"), "it was given for something else");
        let made = scene.school.post(&export, &json!({ "approval": id })).await;
        let noted = select_texts(&app.database.url, "SELECT reason FROM audit_entry WHERE action = 'roster.exported'").await;
        assert_eq!(noted, ["上报名册"], "what somebody agreed to is what it was for");
        assert_eq!(scene.other.post(&format!("/api/institutions/{}/export", scene.other_org), &json!({})).await.status, 400, "for nothing");
        assert_eq!((made.status, made.body["students"].as_array().map(Vec::len)), (200, Some(50)), "{:?}", made.status);
        let small = scene.other.post(&format!("/api/institutions/{}/export", scene.other_org), &json!({ "purpose": "上报名册" })).await;
        assert_eq!((small.status, small.body["students"].as_array().map(Vec::len)), (200, Some(1)));
        assert_eq!(scene.other.post(&export, &json!({ "purpose": "上报名册", "approval": id })).await.status, 404, "outside her scope there is nothing");
    }

    async fn each_learns_who_looked_and_why(app: TestApp) {
        let scene = scene(&app, 1).await;
        teachers(&app, &[county::teacher(SCHOOL, "孙老师", &number("19800203", 5))]).await;
        let teacher = county::called(&app, "孙老师").await[0];
        let asked = scene.school.post("/api/approvals", &json!({ "opens": { "person_id": teacher }, "purpose": "职称评审" })).await;
        scene.county.post(&format!("/api/approvals/{}/decision", asked.text("id")), &json!({ "approve_for_hours": 1 })).await;
        assert_eq!(scene.school.get(&format!("/api/persons/{teacher}/record?approval={}", asked.text("id"))).await.status, 200);
        scene.school.all(&format!("/api/institutions/{}/staff", scene.org)).await;

        let sql = "SELECT CAST(target AS TEXT) FROM audit_entry WHERE action = 'approval.decided'";
        let target: Value = serde_json::from_str(&select_texts(&app.database.url, sql).await[0]).unwrap();
        assert_eq!((&target["person"], target["asker"].is_string()), (&json!(teacher), true), "whose record it opens: {target}");
        let reason = "SELECT reason FROM audit_entry WHERE action = 'approval.decided'";
        assert_eq!(select_texts(&app.database.url, reason).await, ["职称评审"]);
        let herself = app.at_api_as(teacher, COUNTY).await;
        assert_eq!(herself.get("/api/me").await.status, 403, "she administers nothing");
        let shown = herself.all("/api/me/disclosures?limit=1").await;
        let told: Vec<_> = shown.iter().map(|one| (one["action"].as_str().unwrap(), one["purpose"].as_str())).collect();
        assert_eq!(told, [("roster.viewed", None), ("person.record_viewed", Some("职称评审"))], "the newest first");
        assert_eq!((&shown[1]["by"], &shown[1]["institution"]), (&json!("管理员1"), &json!("第七实验小学")));
        assert!(scene.other.all("/api/me/disclosures").await.iter().all(|one| one["purpose"] != "职称评审"), "hers alone");
    }

    async fn changes_go_through_the_api_as_through_the_command(app: TestApp) {
        let scene = scene(&app, 2).await;
        let (one, two) = (search(&scene.school, json!({ "name": "赵1" })).await, search(&scene.school, json!({ "name": "赵2" })).await);
        let (one, two) = (id_of(&one[0]), id_of(&two[0]));
        let change = |verb: &'static str, body: Value| {
            let (caller, one) = (scene.school.clone(), one.clone());
            async move { caller.post(&format!("/api/persons/{one}/{verb}"), &body).await }
        };
        assert_eq!(change("name", json!({ "name": "赵新" })).await.body, json!({ "result": "done" }));
        assert_eq!(change("name", json!({ "name": "赵新" })).await.body, json!({ "result": "unchanged" }));
        assert_eq!(change("birth-date", json!({ "birth_date": "2016-02-04" })).await.status, 409, "her number says otherwise");
        let taken = change("documents", json!({ "label": "居民身份证", "number": number("20160203", 2) })).await;
        assert_eq!(taken.body["result"], "case", "{taken:?}");
        let case = taken.text("case_id");
        let digests = "SELECT CAST(details AS TEXT) FROM audit_entry WHERE action = 'person.changed' AND result = 'done' AND CAST(details AS TEXT) LIKE '%digest_after%'";
        let details: Value = serde_json::from_str(&select_texts(&app.database.url, digests).await[0]).unwrap();
        assert!(details["digest_before"].is_string() && details["digest_before"] != details["digest_after"], "{details}");
        let another = change("documents", json!({ "label": "护照", "country": "FRA", "number": "12AB34567" })).await;
        assert_eq!(another.body, json!({ "result": "done" }));
        let noted: Vec<Value> = select_texts(&app.database.url, digests).await.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let paper = noted.iter().find(|details| details["fields"].as_str().unwrap().split(' ').any(|field| field == "document")).unwrap();
        assert_ne!(paper["digest_before"], paper["digest_after"], "another paper is another state: {paper}");
        assert_eq!(noted.iter().find(|details| details["fields"] == "name").unwrap()["digest_after"], paper["digest_before"], "and goes on where the last change ended");
        let shown = scene.school.get(&format!("/api/cases/{case}")).await;
        assert_eq!((shown.status, shown.body["sides"].as_array().map(Vec::len)), (200, Some(2)), "{shown:?}");
        assert!(!shown.body.to_string().contains(&number("20160203", 2)));
        assert_eq!(scene.other.get(&format!("/api/cases/{case}")).await.status, 404);
        let decided = scene.school.post(&format!("/api/cases/{case}/decision"), &json!({ "decision": "typing_error", "reason": "录入有误" })).await;
        assert_eq!((decided.status, &decided.body["decision"]), (200, &json!("typing_error")), "{decided:?}");
        let rested = change("stay", json!({ "step": "suspend" })).await;
        assert_eq!((rested.status, &rested.body["institution"]), (200, &json!("第七实验小学")), "{rested:?}");
        assert_eq!(change("stay", json!({ "step": { "move": "小学" } })).await.status, 400);
        let merged = scene.school.post("/api/merges", &json!({ "survivor": one, "absorbed": two, "reason": "同一人两次录入" })).await;
        assert_eq!((merged.status, &merged.body["person_id"]), (200, &json!(one)), "{merged:?}");
        assert_eq!(scene.school.get(&format!("/api/persons/{two}")).await.body["person_id"], json!(one), "both ids lead to her");
        assert_eq!(scene.school.post(&format!("/api/merges/{two}/undo"), &json!({ "reason": "核实为两人" })).await.status, 200);
    }
    async fn exact_questions_cost_whatever_the_answer_is(app: TestApp) {
        let scene = scene(&app, 1).await;
        let paper = |serial: u32| json!({ "document": { "label": "居民身份证", "number": number("20160203", serial) } });
        assert_eq!(search(&scene.school, paper(1)).await.len(), 1);
        assert_eq!(search(&scene.school, paper(700)).await.len(), 0);
        assert_eq!(search(&scene.school, paper(700)).await.len(), 0);
        assert_eq!(search(&scene.county, paper(700)).await.len(), 0);
        assert_eq!(search(&scene.school, json!({ "phone": "13900000009" })).await.len(), 0);
        assert_eq!(search(&scene.school, json!({ "personal_code": format!("G{}", number("20160203", 1)) })).await.len(), 0);
        assert_eq!(search(&scene.school, json!({ "staff_no": "T0001" })).await.len(), 0);
        assert_eq!(counted(&app).await, ["1", "6"], "a hit and a miss, by each way and for each administrator");
        let asked = digests(&app).await;
        assert_eq!((asked.len(), asked[1] == asked[2]), (7, true), "the same question is seen to be the same");
        assert_ne!(asked[1], asked[3], "and is nobody else's");
        assert_ne!(asked[0], asked[1]);
        // Nothing is told beyond the day's budget, and that somebody went on trying is written down.
        change(&app.database.url, "UPDATE lookup_count SET asked = 49 WHERE asked = 6").await;
        let last = scene.school.post("/api/persons/search", &paper(701)).await;
        assert_eq!(last.status, 200);
        for serial in [1, 702] {
            let answer = scene.school.post("/api/persons/search", &paper(serial)).await;
            assert_eq!((answer.status, problem(&answer).as_str(), answer.body["items"].is_null()), (409, "conflict", true));
        }
        let next = scene.school.post("/api/persons/search", &json!({ "staff_no": "T0002" })).await;
        assert_eq!((next.status, next.body["items"].is_null()), (409, true), "nobody counts through a school's staff");
        let refused = "SELECT reason FROM audit_entry WHERE action = 'person.searched' AND result = 'refused'";
        assert_eq!(select_texts(&app.database.url, refused).await.len(), 3);
        assert_eq!(search(&scene.school, json!({ "name": "赵" })).await.len(), 1, "names are not counted");
        assert_eq!(search(&scene.county, paper(1)).await.len(), 1, "each has a day of her own");
        app.pass(Duration::from_secs(86_400));
        let written = select_texts(&app.database.url, "SELECT CAST(details AS TEXT) FROM audit_entry").await.join(" ");
        for number in [number("20160203", 1), number("20160203", 700), "13900000009".into()] {
            assert!(!written.contains(&number));
        }
    }

    async fn eight_at_once_do_not_ask_beyond_the_day(app: TestApp) {
        let scene = scene(&app, 1).await;
        search(&scene.school, json!({ "phone": "13900000009" })).await;
        change(&app.database.url, "UPDATE lookup_count SET asked = 47").await;
        let ask = |n: u32| {
            let caller = scene.school.clone();
            async move { caller.post("/api/persons/search", &json!({ "phone": format!("1390000010{n}") })).await.status }
        };
        let mut all = futures_util::future::join_all((0..8).map(ask)).await;
        all.sort_unstable();
        assert_eq!(all, [200, 200, 200, 409, 409, 409, 409, 409]);
    }

    async fn a_change_that_changes_nothing_is_a_question_too(app: TestApp) {
        let scene = scene(&app, 2).await;
        let one = id_of(&search(&scene.school, json!({ "name": "赵1" })).await[0]);
        let change_her = |verb: &'static str, body: Value| {
            let (caller, one) = (scene.school.clone(), one.clone());
            async move { caller.post(&format!("/api/persons/{one}/{verb}"), &body).await }
        };
        let said = |answer: crate::support::relying_party::Answer| (answer.status, answer.body["result"].as_str().unwrap_or_default().to_owned());
        let hers = json!({ "label": "居民身份证", "number": number("20160203", 1) });
        let code = json!({ "code": format!("G{}", number("20160203", 9)) });
        assert_eq!(said(change_her("birth-date", json!({ "birth_date": "2016-02-03" })).await), (200, "unchanged".into()));
        assert_eq!(said(change_her("birth-date", json!({ "birth_date": "2016-02-04" })).await).0, 409);
        assert_eq!(said(change_her("documents", hers.clone()).await), (200, "unchanged".into()));
        assert_eq!(said(change_her("personal-code", code.clone()).await), (200, "done".into()));
        assert_eq!(said(change_her("personal-code", code.clone()).await), (200, "unchanged".into()));
        assert_eq!(said(change_her("death", json!({ "date": "2016-02-02" })).await).0, 400, "before she was born");
        let foreign = json!({ "label": "居民身份证", "number": number("20160203", 2) });
        assert_eq!(said(change_her("documents", foreign.clone()).await), (200, "case".into()));
        assert_eq!(said(change_her("documents", foreign.clone()).await).0, 409, "it was asked before");
        assert_eq!(counted(&app).await, ["8"]);
        let results = "SELECT result FROM audit_entry WHERE action = 'person.changed' AND CAST(details AS TEXT) LIKE '%asked_digest%' ORDER BY id";
        let results = select_texts(&app.database.url, results).await;
        assert_eq!(results, ["done", "refused", "done", "done", "done", "refused", "refused", "refused"], "each stands in the audit");
        change(&app.database.url, "UPDATE lookup_count SET asked = 50").await;
        for (verb, body) in [
            ("birth-date", json!({ "birth_date": "2016-02-03" })), ("birth-date", json!({ "birth_date": "2016-02-04" })), ("documents", hers),
            ("documents", foreign), ("personal-code", code), ("death", json!({ "date": "2016-02-02" })),
        ] {
            let answer = change_her(verb, body).await;
            assert!(answer.status == 409 && answer.text("detail").contains("used up"), "{verb}: {answer:?}");
        }
    }

    async fn nobody_decides_for_whoever_stands_above_her(app: TestApp) {
        let scene = scene(&app, 1).await;
        let child = id_of(&search(&scene.county, json!({ "name": "赵1" })).await[0]);
        let mut callers = Vec::new();
        for (serial, scope, role) in [(11, SCHOOL, AdminRole::SchoolRoster), (12, COUNTY, AdminRole::County)] {
            let admin = county::administrator(&app, serial, scope, role).await;
            callers.push(app.at_api_as(admin, COUNTY).await);
        }
        let [clerk, equal] = callers.try_into().unwrap_or_else(|_| panic!("two"));
        let request = json!({ "opens": { "person_id": child }, "purpose": "核对学籍信息" });
        let asked = scene.county.post("/api/approvals", &request).await.text("id");
        let (decision, yes) = (format!("/api/approvals/{asked}/decision"), json!({ "approve_for_hours": 1 }));
        for below in [&scene.school, &clerk, &scene.other] {
            assert_eq!(below.post(&decision, &yes).await.status, 404, "a superior's request is not there");
            assert_eq!(below.all("/api/approvals?whose=waiting").await, Vec::<Value>::new());
        }
        assert_eq!(equal.all("/api/approvals?whose=waiting").await.len(), 1);
        assert_eq!(equal.post(&decision, &yes).await.status, 200);
        let record = format!("/api/persons/{child}/record?approval={asked}");
        assert_eq!(scene.county.get(&record).await.status, 200);
        let at = |state: &str| format!("UPDATE account SET state = '{state}' WHERE person_id = (SELECT id FROM person WHERE name = '管理员12')");
        change(&app.database.url, &at("admin_locked")).await;
        assert_eq!(scene.county.get(&record).await.status, 404, "whose account is locked keeps nothing open");
        change(&app.database.url, &at("active")).await;
        assert_eq!(scene.county.get(&record).await.status, 200);
        // A clerk of the school asks her head, and no other clerk.
        let asked = clerk.post("/api/approvals", &request).await.text("id");
        let decision = format!("/api/approvals/{asked}/decision");
        let same = scene.school.post(&decision, &yes).await;
        assert_eq!((same.status, problem(&same).as_str()), (409, "conflict"), "{same:?}");
        assert!(same.text("detail").contains("same client"), "one platform with two people's tokens is one hand: {same:?}");
        assert_eq!(scene.county.post(&decision, &yes).await.status, 200, "through another one");
    }

    async fn a_request_is_one_of_fifty_at_most(app: TestApp) {
        let scene = scene(&app, 1).await;
        let request = json!({ "opens": { "institution_id": scene.org }, "purpose": "上报名册" });
        for _ in 0..50 {
            assert_eq!(scene.school.post("/api/approvals", &request).await.status, 200);
        }
        assert_eq!(scene.school.post("/api/approvals", &request).await.status, 409);
        assert_eq!(scene.county.all("/api/approvals?whose=waiting&limit=7").await.len(), 50, "page by page");
    }

    async fn whoever_stands_behind_the_page_was_not_shown(app: TestApp) {
        let scene = scene(&app, 3).await;
        scene.school.get(&format!("/api/institutions/{}/students?limit=2", scene.org)).await;
        let shown = select_texts(&app.database.url, "SELECT CAST(COUNT(DISTINCT d.person_id) AS TEXT) FROM disclosure d JOIN person p ON p.id = d.person_id WHERE p.name IN ('赵1', '赵2', '赵3')").await;
        assert_eq!(shown, ["2"]);
        let all = scene.school.all(&format!("/api/institutions/{}/students?limit=2", scene.org)).await;
        assert_eq!(all.len(), 3);
    }

    async fn what_was_shown_of_either_record_is_hers_after_a_merge(app: TestApp) {
        let scene = scene(&app, 1).await;
        teachers(&app, &[county::teacher(SCHOOL, "孙老师", &number("19800203", 5)), county::teacher(SCHOOL, "孙老师二", &number("19800203", 6))]).await;
        let (one, two) = (county::called(&app, "孙老师").await[0], county::called(&app, "孙老师二").await[0]);
        for id in [one, two] {
            assert_eq!(scene.school.get(&format!("/api/persons/{id}")).await.status, 200);
        }
        app.app.merge_persons(&app.operator(), mingji::app::relation_claim::Decider::Operator, one, two, "同一人两次录入").await.unwrap();
        let herself = app.at_api_as(one, COUNTY).await;
        let viewed = herself.all("/api/me/disclosures?limit=1").await.iter().filter(|row| row["action"] == "person.viewed").count();
        assert_eq!(viewed, 2);
    }
    async fn guardians_are_listed_once_for_each_child(app: TestApp) {
        let scene = scene(&app, 3).await;
        let list = format!("/api/institutions/{}/guardians", scene.org);
        let rows = scene.school.all(&format!("{list}?limit=2")).await;
        let mut told: Vec<_> = rows.iter().map(|row| (row["child"].as_str().unwrap(), row["name"].as_str().unwrap(), row["phone"].as_str())).collect();
        told.sort_unstable();
        assert_eq!(told, [("赵1", "赵母", Some("1****1")), ("赵2", "赵母", Some("1****1")), ("赵3", "赵母", Some("1****1"))]);
        assert!(rows.iter().all(|row| row["person_id"] == rows[0]["person_id"] && row["status"] == "confirmed"), "{rows:?}");
        assert!(!json!(rows).to_string().contains("13900000001"));
        assert_eq!(scene.county.all(&list).await.len(), 3);
        assert_eq!(scene.other.get(&list).await.status, 404);
        assert_eq!(scene.school.get(&format!("{list}?limit=50")).await.status, 400);
        let keeper = county::called(&app, "赵母").await[0];
        let seen = "SELECT CAST(COUNT(*) AS TEXT) FROM disclosure d JOIN audit_entry e ON e.id = d.entry_id JOIN person p ON p.id = d.person_id WHERE p.name = '赵母' AND e.action = 'roster.viewed'";
        assert_eq!(select_texts(&app.database.url, seen).await, ["3"], "two pages and one: {keeper}");
    }
}
