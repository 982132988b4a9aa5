//! A paper ends over the API: by whoever may change papers, once, with reason and evidence.

use serde_json::json;

use super::students::{Schools, schools};
use crate::support::api::problem;
use crate::support::app::both_engines;
use crate::support::county::{self, SCHOOL, called, pupils, text};

both_engines! {
    async fn a_lost_one_ends_and_its_number_stays_hers(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[format!("{SCHOOL},ANNE MARTIN,护照,12AB34567,,小学,2024,1班,,,,,\n")]).await;
        let hers = called(&app, "ANNE MARTIN").await[0];
        let Schools { school, other, .. } = schools(&app).await;
        let path = format!("/api/persons/{hers}/document-end");
        let order = |number: &str, evidence: &str| {
            let paper = json!({ "label": "护照", "country": "FRA", "number": number });
            json!({ "document": paper, "ended_as": "lost", "reason": "本人报失", "evidence": evidence })
        };
        let recorded = school.post(&format!("/api/persons/{hers}/documents"), &order("34CD56789", "")["document"]).await;
        assert_eq!(recorded.status, 200, "{recorded:?}");
        let (right, silent, wrong) = (order("34CD56789", "报失回执在档"), order("34CD56789", " "), order("99ZZ99999", "报失回执在档"));
        let outside = other.post(&path, &right).await;
        assert_eq!((outside.status, problem(&outside).as_str()), (404, "not_found"));
        for (body, status) in [(&silent, 400), (&wrong, 409)] {
            let refused = school.post(&path, body).await;
            assert_eq!(refused.status, status, "{refused:?}");
            assert!(!refused.body.to_string().contains("99ZZ99999"), "{refused:?}");
        }
        let ended = school.post_once(&path, "k-1", &right).await;
        assert_eq!((ended.status, &ended.body), (200, &json!({ "result": "done" })));
        assert_eq!(school.post_once(&path, "k-1", &right).await.body, ended.body);
        assert_eq!(school.post(&path, &right).await.status, 409, "once");
        let state = "SELECT d.status || ' ' || COALESCE(d.ended_as, '-') FROM identity_document d JOIN person p ON p.id = d.person_id WHERE p.name = 'ANNE MARTIN' ORDER BY d.created_at, d.id";
        assert_eq!(text(&app, state).await, "superseded -,superseded lost");
        let written = text(&app, "SELECT COALESCE(reason, '') || CAST(details AS TEXT) FROM audit_entry WHERE action = 'person.changed' ORDER BY id").await;
        assert!(written.contains("本人报失") && !written.contains("报失回执在档"), "{written}");
    }
}
