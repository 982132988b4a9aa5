//! Roles of administration over the API: the same rules as by the command, and nobody learns of what lies outside.

use std::time::Duration;

use mingji::app::relation_claim::Decider;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::institution::InstitutionKind;
use mingji::domain::registry::institution_life::ChangeKind;
use serde_json::{Value, json};

use crate::institution::{Silent, opening};
use crate::support::api::{Caller, problem};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, pupil, teacher, teachers, text};
use crate::support::database::select_texts;

const CITY: &str = "ED32010000";
const OPERATOR: Decider = Decider::Operator;
const NEXT: &str = "ED32010300";
const NEXT_COUNTY: &str = "机构标识码,机构名称,机构类型,办学类型,行政区划代码,上级机构标识码\nED32010300,某区教育局,教育行政部门,,320103,ED32010000\n";

struct Scene {
    county: Caller,
    county_org: String,
    school_org: String,
    /// Teachers of the first school, and one of the second.
    people: Vec<String>,
}

async fn scene(app: &TestApp) -> Scene {
    county::open(app).await;
    let rows: Vec<String> = (0..3)
        .map(|n| teacher(SCHOOL, &format!("教师{n}"), &number("19750203", 100 + 2 * n)))
        .chain([teacher(OTHER, "教师3", &number("19750203", 120)), teacher(OTHER, "局长", &number("19750203", 122))])
        .collect();
    teachers(app, &rows).await;
    // Nobody of the first school.
    let admin = called(app, "局长").await[0];
    app.app.grant_admin(&app.operator(), admin, AdminRole::County, COUNTY).await.unwrap();
    let county = app.at_api_as(admin, CITY).await;
    let county_org = county.all("/api/institutions").await[0]["id"].as_str().unwrap().to_owned();
    let below = county.all(&format!("/api/institutions?parent={county_org}")).await;
    let school = below.iter().find(|org| org["codes"][0]["code"] == SCHOOL).unwrap();
    let school_org = school["id"].as_str().unwrap().to_owned();
    let mut people = Vec::new();
    for n in 0..4 {
        people.push(called(app, &format!("教师{n}")).await[0].to_string());
    }
    Scene { county, county_org, school_org, people }
}

async fn give(caller: &Caller, org: &str, right: Value) -> (u16, Value) {
    let answer = caller.post(&format!("/api/institutions/{org}/rights"), &right).await;
    (answer.status, answer.body)
}

async fn withdraw(caller: &Caller, grant: &str) -> (u16, String) {
    let answer = caller.post(&format!("/api/rights/{grant}/withdrawal"), &json!({})).await;
    (answer.status, answer.body["code"].as_str().unwrap_or_default().to_owned())
}

both_engines! {
    async fn a_level_names_the_level_below_and_takes_it_back(app: TestApp) {
        let Scene { county, county_org, school_org, people } = scene(&app).await;
        let runs = |person: &str| json!({ "person_id": person, "role": "school_admin", "may_delegate": true, "until": "2099-08-31" });
        let (status, given) = give(&county, &school_org, runs(&people[0])).await;
        assert_eq!((status, &given["granted"], &given["deputy"]), (200, &json!(true), &json!(false)), "{given}");
        let grant = given["grant_id"].as_str().unwrap().to_owned();
        assert_eq!(give(&county, &school_org, runs(&people[1])).await.0, 409, "there is one");
        assert_eq!(give(&county, &county_org, json!({ "person_id": people[1], "role": "county_admin" })).await.0, 404, "not her own level");
        assert_eq!(give(&county, &school_org, json!({ "person_id": people[1], "role": "school_roster", "until": "2001-01-01" })).await.0, 400, "that is over");
        assert_eq!(give(&county, &school_org, json!({ "person_id": people[1], "role": "emperor" })).await.0, 400);

        let school = app.at_api_as(people[0].parse().unwrap(), CITY).await;
        let deputy = |until: Value| json!({ "person_id": people[1], "role": "school_admin", "deputy": true, "until": until });
        assert_eq!(give(&school, &school_org, deputy(Value::Null)).await.0, 409, "it would outlive hers");
        let (status, named) = give(&school, &school_org, deputy(json!("2099-08-31"))).await;
        assert_eq!((status, &named["deputy"]), (200, &json!(true)), "{named}");
        let (again, held) = give(&school, &school_org, deputy(json!("2099-08-31"))).await;
        assert_eq!((again, &held["granted"], &held["grant_id"]), (200, &json!(false), &Value::Null));
        assert_eq!(withdraw(&school, &grant).await.0, 404, "not her own");
        assert_eq!(withdraw(&school, named["grant_id"].as_str().unwrap()).await.0, 200);
        assert_eq!(withdraw(&county, &grant).await.0, 200);
        assert_eq!(county.all(&format!("/api/institutions/{school_org}/rights")).await, Vec::<Value>::new());
        // In the log it is hers, with the right that she used.
        let actors = select_texts(&app.database.url, "SELECT CAST(actor AS TEXT) FROM audit_entry WHERE action = 'admin.revoked'").await;
        assert!(actors.len() == 2 && actors.iter().all(|actor| actor.contains("rights") && actor.contains("_admin")), "{actors:?}");
    }

    async fn what_lies_outside_is_not_there(app: TestApp) {
        let Scene { county, county_org, school_org, people } = scene(&app).await;
        give(&county, &school_org, json!({ "person_id": people[0], "role": "school_admin" })).await;
        let school = app.at_api_as(people[0].parse().unwrap(), CITY).await;
        let nobody = "01900000-0000-7000-8000-00000000abcd";
        let without_instance = |(status, mut body): (u16, Value)| {
            body.as_object_mut().unwrap().remove("instance");
            (status, body)
        };
        // Of somebody at another school, whatever is asked, she hears what she hears of nobody.
        for role in ["school_roster", "school_admin", "county_admin", "audit_admin"] {
            for own in [json!({}), json!({ "deputy": true }), json!({ "until": "2001-01-01" })] {
                let right = |person: &str| {
                    let mut right = json!({ "person_id": person, "role": role });
                    right.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
                    right
                };
                let known = without_instance(give(&school, &school_org, right(&people[3])).await);
                assert_eq!(known, without_instance(give(&school, &school_org, right(nobody)).await), "{role} {own}");
                assert!(known.0 == 404 || known.0 == 400, "{known:?}");
            }
        }
        let why = async |admin: &str, person: &str| {
            let answer = school.get(&format!("/api/rights/why?administrator={admin}&person={person}")).await;
            without_instance((answer.status, answer.body))
        };
        let county_admin = called(&app, "局长").await[0].to_string();
        let unknown = why(nobody, nobody).await;
        assert_eq!(unknown.0, 404);
        for (admin, person) in [(people[0].as_str(), people[3].as_str()), (county_admin.as_str(), people[1].as_str()), (people[3].as_str(), people[1].as_str())] {
            assert_eq!(why(admin, person).await, unknown, "{admin} {person}");
        }
        let seen = why(&people[0], &people[1]).await;
        assert_eq!((seen.0, &seen.1["sees"], &seen.1["chains"][0]["granted_by"]), (200, &json!(true), &Value::Null), "who gave it is above her: {seen:?}");
        let from_above = county.get(&format!("/api/rights/why?administrator={}&person={}", people[0], people[1])).await;
        assert_eq!(from_above.body["chains"][0]["granted_by"], json!(county_admin));

        let hers = school.all(&format!("/api/institutions/{school_org}/rights")).await;
        assert_eq!((hers.len(), &hers[0]["person_id"], &hers[0]["granted_by"]), (1, &json!(people[0]), &Value::Null), "{hers:?}");
        assert_eq!(school.get(&format!("/api/institutions/{county_org}/rights")).await.status, 404);
        let all = county.all(&format!("/api/institutions/{county_org}/rights")).await;
        let paged = county.all(&format!("/api/institutions/{county_org}/rights?limit=1")).await;
        assert_eq!((all.len(), &all), (2, &paged));
        let above = all.iter().find(|row| row["role"] == "county_admin").unwrap()["grant_id"].as_str().unwrap();
        for grant in [above, nobody] {
            assert_eq!(withdraw(&school, grant).await, (404, "not_found".into()));
        }
        assert_eq!(withdraw(&county, above).await.0, 404, "nobody takes her own");
        assert_eq!(withdraw(&county, hers[0]["grant_id"].as_str().unwrap()).await.0, 200);
        let gone = school.get("/api/me").await;
        assert_eq!((gone.status, problem(&gone).as_str()), (401, "invalid_token"), "at once");
        assert_eq!(withdraw(&county, hers[0]["grant_id"].as_str().unwrap()).await.0, 404, "once");
    }

    async fn who_is_watched_does_not_rewrite_her_watcher(app: TestApp) {
        let Scene { county, school_org, people, .. } = scene(&app).await;
        for (person, role) in [(&people[0], "school_admin"), (&people[1], "audit_admin")] {
            assert_eq!(give(&county, &school_org, json!({ "person_id": person, "role": role })).await.0, 200);
        }
        let school = app.at_api_as(people[0].parse().unwrap(), CITY).await;
        let auditor = app.at_api_as(people[1].parse().unwrap(), CITY).await;
        let paper = |number: String| json!({ "label": "居民身份证", "number": number });
        let rewrites = [
            ("name", json!({ "name": "王改名" })),
            ("birth-date", json!({ "birth_date": "2016-02-09" })),
            ("documents", paper(number("20160203", 960))),
            ("document-end", json!({ "document": paper(number("19750203", 102)), "ended_as": "lost", "reason": "随便报一报", "evidence": "随便写写" })),
            ("personal-code", json!({ "code": "L320102199609010099" })),
            ("death", json!({ "date": "2026-01-01" })),
        ];
        for (what, body) in rewrites {
            let answer = school.post(&format!("/api/persons/{}/{what}", people[1]), &body).await;
            assert_eq!((answer.status, problem(&answer).as_str()), (409, "conflict"), "{what}: {answer:?}");
        }
        // Nor by a row under her number, of which the school would be the judge.
        county::desk(&app, people[0].parse().unwrap(), &pupil(SCHOOL, "王改名", &number("19750203", 102), None)).await;
        let [case] = &app.app.open_cases(&app.operator(), OPERATOR, None, None).await.unwrap()[..] else { panic!("one case") };
        let verdict = json!({ "decision": "same_person", "reason": "说她改了名" });
        let answer = school.post(&format!("/api/cases/{}/decision", case.id), &verdict).await;
        assert_eq!((answer.status, problem(&answer).as_str()), (409, "conflict"), "{answer:?}");
        assert_eq!(auditor.get("/api/audit").await.status, 200, "she goes on looking");
        assert_eq!(called(&app, "教师1").await.len(), 1);
        let renames = async |caller: &Caller, person: &str| {
            caller.post(&format!("/api/persons/{person}/name"), &json!({ "name": "王改名" })).await.status
        };
        assert_eq!((renames(&school, &people[2]).await, renames(&county, &people[1]).await), (200, 200));
    }

    async fn who_named_a_watcher_does_not_take_her_away_when_she_is_watched(app: TestApp) {
        let Scene { county, school_org, people, .. } = scene(&app).await;
        let mut given = Vec::new();
        for (person, role) in [(&people[1], "audit_admin"), (&people[2], "school_roster")] {
            let (status, grant) = give(&county, &school_org, json!({ "person_id": person, "role": role })).await;
            assert_eq!(status, 200, "{grant}");
            given.push(grant["grant_id"].as_str().unwrap().to_owned());
        }
        // From the county's office to the school.
        let admin = called(&app, "局长").await[0];
        app.app.revoke_role(&app.operator(), OPERATOR, admin, AdminRole::County, COUNTY).await.unwrap();
        app.app.grant_admin(&app.operator(), admin, AdminRole::School, SCHOOL).await.unwrap();
        assert_eq!(withdraw(&county, &given[0]).await, (404, "not_found".into()));
        assert_eq!(withdraw(&county, &given[1]).await.0, 200, "what is the school's own choice");
    }

    async fn a_right_shortens_the_sessions_of_who_gets_it(app: TestApp) {
        county::open(&app).await;
        let mut teacher = app.teacher();
        teacher.sign_in(&app.client("platform_a")).await;
        app.pass(Duration::from_secs(20 * 60));
        app.app.grant_admin(&app.operator(), app.person("full_claims").person_id, AdminRole::School, SCHOOL).await.unwrap();
        assert!(teacher.is_signed_in().await);
        app.pass(Duration::from_secs(31 * 60));
        assert!(!teacher.is_signed_in().await, "half an hour unused, as any administrator");
    }

    async fn an_institution_that_moves_leaves_the_rights_of_the_office_behind(app: TestApp) {
        let Scene { county, school_org, people, .. } = scene(&app).await;
        county::import_all(&app, NEXT_COUNTY).await;
        // The one is of the school, the other of the county that it leaves.
        for (person, role) in [(&people[0], "school_admin"), (&people[3], "audit_admin")] {
            assert_eq!(give(&county, &school_org, json!({ "person_id": person, "role": role })).await.0, 200);
        }
        // Whom the operator named from another place stays.
        app.app.grant_admin(&app.operator(), people[3].parse().unwrap(), AdminRole::Privacy, SCHOOL).await.unwrap();
        app.app.move_institution(&app.operator(), OPERATOR, SCHOOL, NEXT, None, &mut Silent).await.unwrap();
        let stand = "SELECT g.role FROM admin_grant g JOIN institution o ON o.id = g.org_id WHERE o.name = '第七实验小学' AND g.revoked_at IS NULL ORDER BY g.role";
        assert_eq!(text(&app, stand).await, "privacy_admin,school_admin");
        let told = "SELECT CAST(COUNT(*) AS TEXT) FROM event WHERE kind = 'admin.revoked'";
        assert_eq!(text(&app, told).await, "1");
    }

    /// What stands below a school that becomes part of one of another county goes there, and nobody of the old office with it.
    async fn nor_do_they_come_along_with_a_merger(app: TestApp) {
        let Scene { county, school_org, people, .. } = scene(&app).await;
        county::import_all(&app, &format!("{NEXT_COUNTY}2132000790,第九实验小学,学校,211,320103,{NEXT}\n")).await;
        let campus = opening("2132000792", "西校区", InstitutionKind::Campus, None);
        app.app.open_institution_under(&app.operator(), OPERATOR, Some(SCHOOL.into()), &campus).await.unwrap();
        let org = county.all(&format!("/api/institutions?parent={school_org}")).await[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(give(&county, &org, json!({ "person_id": people[3], "role": "audit_admin" })).await.0, 200);
        let stand = "SELECT CAST(COUNT(*) AS TEXT) FROM admin_grant g JOIN institution o ON o.id = g.org_id WHERE o.name = '西校区' AND g.revoked_at IS NULL";
        assert_eq!(text(&app, stand).await, "1");
        app.app.hand_over_institution(&app.operator(), OPERATOR, SCHOOL, "2132000790", ChangeKind::Merged, &mut Silent).await.unwrap();
        assert_eq!(text(&app, "SELECT u.name FROM institution o JOIN institution u ON u.id = o.parent_id WHERE o.name = '西校区'").await, "第九实验小学");
        assert_eq!(text(&app, stand).await, "0");
    }
}
