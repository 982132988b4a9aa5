//! The register below an administrator.

use serde_json::{Value, json};

use crate::support::api::problem;
use crate::support::app::both_engines;

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["name"].as_str().unwrap()).collect()
}

both_engines! {
    async fn the_tree_below_an_administrator(app: TestApp) {
        let (school, county) = (app.at_api("school_admin").await, app.at_api("county_admin").await);
        let own = school.all("/api/institutions").await;
        assert_eq!((own.len(), &own[0]["codes"][0]["code"], &own[0]["parent_id"]), (1, &json!("2136000781"), &Value::Null), "{own:?}");
        let top = county.all("/api/institutions").await;
        let id = top[0]["id"].as_str().unwrap();
        let all = county.all(&format!("/api/institutions?parent={id}")).await;
        let paged = county.all(&format!("/api/institutions?parent={id}&limit=1")).await;
        assert!(all.len() > 2, "{all:?}");
        assert_eq!(names(&all), names(&paged), "page by page it is the same list");
        assert!(all.iter().all(|row| row["parent_id"] == id));

        let foreign = all.iter().find(|row| row["id"] != own[0]["id"]).unwrap()["id"].as_str().unwrap();
        for path in [
            format!("/api/institutions/{id}"), format!("/api/institutions/{foreign}"), format!("/api/institutions/{foreign}/counts"),
            format!("/api/institutions?parent={id}"), format!("/api/institutions?parent={foreign}"),
        ] {
            let answer = school.get(&path).await;
            assert_eq!((answer.status, problem(&answer).as_str()), (404, "not_found"), "{path}");
        }
        // A cursor is its asker's, for its list.
        let page = county.get(&format!("/api/institutions?parent={id}&limit=1")).await;
        let cursor = page.text("next");
        assert!(!cursor.contains(foreign));
        for path in [format!("/api/institutions?cursor={cursor}"), format!("/api/cases?cursor={cursor}")] {
            assert_eq!(county.get(&path).await.status, 400, "{path}");
        }
        assert_eq!(school.get(&format!("/api/institutions?cursor={cursor}")).await.status, 400);

        let then = school.get(&format!("/api/institutions/{}?on=1990-01-01", own[0]["id"].as_str().unwrap())).await;
        assert_eq!(then.body["codes"], json!([]), "its code is younger");
    }

    async fn counts_are_of_what_she_holds(app: TestApp) {
        let school = app.at_api("school_admin").await;
        let own = school.all("/api/institutions").await;
        let counts = school.get(&format!("/api/institutions/{}/counts", own[0]["id"].as_str().unwrap())).await;
        assert_eq!(counts.body, json!({ "institutions": 1, "students": 1, "staff": 2, "guardians": 1 }), "{counts:?}");
    }

    async fn claims_and_cases_are_answered_as_the_command_does(app: TestApp) {
        let school = app.at_api("school_admin").await;
        assert_eq!(school.all("/api/claims?org=2136000781").await, Vec::<Value>::new());
        assert_eq!(school.all("/api/cases").await, Vec::<Value>::new());
        for path in ["/api/claims?org=3136000782", "/api/claims?org=ED36078100", "/api/cases?org=3136000782", "/api/claims?org=9999999999"] {
            let answer = school.get(path).await;
            assert_eq!((answer.status, problem(&answer).as_str()), (404, "not_found"), "{path}");
        }
        assert_eq!(school.post("/api/cases/search", &json!({ "org": "2136000781" })).await.body, json!({ "opened": 0 }));
        assert_eq!(school.post("/api/cases/search", &json!({ "org": "ED36078100" })).await.status, 404);
    }
}
