//! Counties of one province: who is above them finds people in all of them, who is in one finds hers.

use std::io::Read as _;

use mingji::app::person_search::{Found, Sought};
use mingji::app::relation_claim::Decider;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::document::{Document, DocumentLabel};
use serde_json::Value;

use crate::support::app::{TestApp, both_engines};
use crate::support::database::select_texts;
use crate::support::rosters::County;

const FIRST: County = County::of(60);
const MANY: usize = 1000;

async fn bring_in(app: &TestApp, county: County) {
    let place = app.database.installation();
    let mut students = String::new();
    county.students().read_to_string(&mut students).unwrap();
    for (kind, file) in [("institutions", county.institutions()), ("staff", county.staff()), ("students", students)] {
        std::fs::write(place.path().join(kind), file).unwrap();
        assert_eq!(place.json(&["roster", "import", "--kind", kind, kind], "")["rejected"], 0);
    }
}

async fn find(app: &TestApp, who: &str, sought: Sought, most: usize) -> (Vec<Found>, bool) {
    let admin = Decider::Admin(app.person(who).person_id);
    let cut = app.app.search_persons(&app.operator(), admin, &sought, most).await.unwrap();
    (cut.items, cut.more)
}

/// What an entry says of a batch: when, of which institutions, and the digest of whom it told of.
async fn batches(app: &TestApp) -> Vec<(String, Value)> {
    let rows = select_texts(
        &app.database.url,
        "SELECT CAST(at AS TEXT) || ' ' || CAST(details AS TEXT) FROM audit_entry WHERE action = 'roster.imported'",
    )
    .await;
    let parts = rows.iter().map(|row| row.split_once(' ').unwrap());
    parts.map(|(at, details)| (at.to_owned(), serde_json::from_str(details).unwrap())).collect()
}

both_engines! {
    async fn an_entry_names_the_schools_of_its_rows_and_its_people(app: TestApp) {
        bring_in(&app, FIRST).await;
        let (id, url) = match app.database.url.starts_with("sqlite") {
            true => ("lower(hex(aggregate_id))", &app.database.url),
            false => ("replace(CAST(aggregate_id AS TEXT), '-', '')", &app.database.url),
        };
        let mut told = 0;
        for (at, details) in batches(&app).await.iter().filter(|(_, details)| details["kind"] != "institutions") {
            let of_it = format!("SELECT {id} FROM event WHERE at = {at}");
            let mut people = select_texts(url, &of_it).await;
            people.sort();
            told += people.len();
            let digest = mingji::domain::hex::hex(&mingji::keys::opaque::digest(&people.concat()));
            assert_eq!(details["told_digest"], digest, "{details}");
            assert_eq!(details["institutions"].as_array().unwrap().len(), 1, "{details}");
        }
        assert!(told as u64 > FIRST.students, "{told}");
    }

    async fn is_searched_county_by_county(app: TestApp) {
        let second = FIRST.after(1);
        for county in [FIRST, second] {
            bring_in(&app, county).await;
        }
        for (who, role, org) in [
            ("county_admin", AdminRole::Province, "ED33000000".to_owned()),
            ("school_admin", AdminRole::County, second.authority()),
        ] {
            let person = app.person(who).person_id;
            assert!(app.app.grant_admin(&app.operator(), person, role, &org).await.unwrap());
        }
        let begins = || Sought::Name("王".into());
        let (above, cut) = find(&app, "county_admin", begins(), MANY).await;
        let (below, _) = find(&app, "school_admin", begins(), MANY).await;
        assert!(!cut && !below.is_empty() && below.len() < above.len(), "{} of {}", below.len(), above.len());
        let hers = |one: &Found| below.iter().any(|hers| hers.person_id == one.person_id);
        assert_eq!(above.iter().filter(|one| hers(one)).count(), below.len(), "who is found in a county is found above it");
        assert!(above.is_sorted_by_key(|one| (one.name.clone(), one.person_id)), "one order, whatever the county: {above:?}");
        // A short page is the beginning of the long one.
        let (page, more) = find(&app, "county_admin", begins(), 3).await;
        let ids = |found: &[Found]| found.iter().map(|one| one.person_id).collect::<Vec<_>>();
        assert!(more);
        assert_eq!(ids(&page), ids(&above[..3]));

        let (name, number, _) = FIRST.student(7);
        let named = || Sought::Document(Document::parse(Some(DocumentLabel::ResidentId), None, &number).unwrap().0);
        assert_eq!(find(&app, "county_admin", named(), 1).await.0[0].name, name);
        assert!(find(&app, "school_admin", named(), 1).await.0.is_empty(), "she studies in another county");
    }
}
