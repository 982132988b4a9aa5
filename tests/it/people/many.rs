//! However many bring one document in at once, there is one person of it.

use mingji::app::Kind;
use mingji::app::person::NewPerson;
use mingji::domain::access::TaskName;
use mingji::domain::registry::codes::sex::Sex;
use mingji::domain::registry::name::PersonName;

use crate::support::app::both_engines;
use crate::support::county::{called, document, number, text};

both_engines! {
    async fn fifty_registrations_of_one_document_give_one_person(app: TestApp) {
        let hers = number("19900203", 2);
        let all: Vec<_> = (0..50)
            .map(|n| {
                let (app, hers) = (app.clone(), hers.clone());
                tokio::spawn(async move {
                    // Every tenth has another name for her.
                    let name = PersonName::parse(if n % 10 == 9 { "李娜" } else { "王芳" }).unwrap();
                    let (document, sex) = (Some(document(&hers)), Sex::Female);
                    let new = NewPerson { name, sex, birth_date: None, document, personal_code: None, verified: None, home: None };
                    app.app.register_person(&app.operator(), TaskName::DemoSeed, new).await
                })
            })
            .collect();
        let mut told = Vec::new();
        for one in all {
            match one.await.unwrap() {
                Ok(person) => told.push(person),
                Err(error) => assert_eq!(error.kind, Kind::Conflict, "{error}"),
            }
        }
        told.dedup();
        let found = [called(&app, "王芳").await, called(&app, "李娜").await].concat();
        assert_eq!((&told, found.len()), (&found, 1), "each is told of the same one");
        let spaces = "SELECT CAST(COUNT(*) AS TEXT) FROM space s WHERE s.kind = 'personal' AND NOT EXISTS (SELECT 1 FROM person p WHERE p.space_id = s.id)";
        assert_eq!(text(&app, spaces).await, "0", "nothing is left of those who were slower");
    }
}
