//! Classes and lessons over the API.

use serde_json::{Value, json};

use super::students::{Schools, schools};
use crate::support::api::problem;
use crate::support::app::both_engines;
use crate::support::county::{self, SCHOOL, number, pupil, pupils, teacher, teachers};

both_engines! {
    async fn a_class_is_opened_named_taught_and_closed(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), None)]).await;
        teachers(&app, &[teacher(SCHOOL, "教师甲", &number("19750203", 102))]).await;
        let Schools { school, other, org, .. } = schools(&app).await;
        let at = format!("/api/institutions/{org}/classes");
        let new = json!({ "class": "小学/2025/3班", "schooling_years": 5 });
        let opened = school.post_once(&at, "k-1", &new).await;
        assert_eq!((opened.status, opened.text("name").as_str(), opened.text("grade").as_str(), &opened.body["schooling_years"]), (200, "2025级3班", "P2", &json!(5)), "{opened:?}");
        assert_eq!(school.post_once(&at, "k-1", &new).await.body, opened.body);
        assert_eq!(school.post(&at, &new).await.status, 409, "it is there");
        let class = opened.text("id");
        let of = |id: &str, verb: &str| format!("/api/classes/{id}/{verb}");
        let named = school.post(&of(&class, "name"), &json!({ "name": "向日葵班" })).await;
        assert_eq!((named.status, named.text("name").as_str()), (200, "向日葵班"));
        for wrong in ["", "王 320102201602030022", "班\u{202E}"] {
            assert_eq!(school.post(&of(&class, "name"), &json!({ "name": wrong })).await.status, 400, "{wrong:?}");
        }
        let all = school.all(&format!("{at}?limit=1")).await;
        assert_eq!(all.len(), 2, "{all:?}");
        let then = school.all(&format!("{at}?on=2024-10-01")).await;
        assert_eq!((then.len(), &then[0]["class_no"], &then[0]["grade"]), (1, &json!("1班"), &json!("P1")), "those of that year: {then:?}");

        // 教师甲 and both administrators came in as teachers of class 1.
        let lessons = school.all(&format!("/api/institutions/{org}/lessons?limit=2")).await;
        let hers: Vec<&Value> = lessons.iter().filter(|row| row["name"] == "教师甲").collect();
        assert_eq!((hers.len(), &hers[0]["class"], &hers[0]["head_teacher"]), (1, &json!("2024级1班"), &json!(false)), "{lessons:?}");
        assert_eq!(school.all(&format!("/api/institutions/{org}/lessons?on=2024-10-01")).await, Vec::<Value>::new());
        assert_eq!(school.get(&format!("/api/institutions/{org}/lessons?limit=50")).await.status, 400, "never fifty at once");

        let used = all.iter().find(|row| row["class_no"] == "1班").unwrap()["id"].as_str().unwrap();
        let refused = school.post(&of(used, "closure"), &json!({})).await;
        assert_eq!((refused.status, problem(&refused).as_str()), (409, "conflict"), "somebody sits there");
        let closed = school.post_once(&of(&class, "closure"), "k-2", &json!({})).await;
        assert_eq!((closed.status, closed.text("status").as_str()), (200, "closed"));
        assert_eq!(school.post_once(&of(&class, "closure"), "k-2", &json!({})).await.body, closed.body);
        assert_eq!(school.post(&of(&class, "name"), &json!({ "name": "新名" })).await.status, 409);
        let again = school.post(&at, &new).await;
        assert_eq!((again.status, again.text("id"), again.text("name").as_str(), again.text("status").as_str()), (200, class.clone(), "向日葵班", "open"), "{again:?}");

        for (path, body) in [(at.clone(), new), (of(&class, "name"), json!({ "name": "外人" })), (of(&class, "closure"), json!({}))] {
            let outside = other.post(&path, &body).await;
            assert_eq!((outside.status, problem(&outside).as_str()), (404, "not_found"), "{path}");
        }
        assert_eq!(other.get(&format!("/api/institutions/{org}/lessons")).await.status, 404);
        let unknown = school.post(&of("01900000-0000-7000-8000-00000000abcd", "name"), &json!({ "name": "外人" })).await;
        let outside = other.post(&of(&class, "name"), &json!({ "name": "外人" })).await;
        assert_eq!(unknown.text("detail"), outside.text("detail"), "not hers and not there");
    }
}
