//! A passport whose issuing country one file names and another does not is one paper of one person; where two may be meant a human
//! decides.

use mingji::app::cases::Verdict;
use mingji::app::person_change::Changed;
use mingji::app::person_search::Sought;
use mingji::app::relation_claim::Decider;
use mingji::app::roster_import::Report;
use mingji::domain::id::CaseId;
use mingji::domain::registry::case::Decision;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::document::{Document, DocumentLabel};
use mingji::domain::registry::roster::RosterKind;

use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, OTHER, SCHOOL, administrator, called, number, text};

const OPERATOR: Decider = Decider::Operator;

fn passport(country: Option<&str>, number: &str) -> Document {
    Document::parse(Some(DocumentLabel::Passport), country, number).unwrap().0
}

/// Teachers with passports: school, name, number, country.
async fn teachers(app: &TestApp, rows: &[[&str; 4]]) -> Report {
    let row = |[school, name, number, country]: &[&str; 4]| format!("{school},{name},护照,{number},{country},教师\n");
    let file =
        format!("学校标识码,姓名,身份证件类型,身份证件号,国籍,岗位\n{}", rows.iter().map(row).collect::<String>());
    county::people(app, RosterKind::Staff, &file).await
}

async fn open_cases(app: &TestApp) -> Vec<CaseId> {
    app.app.open_cases(&app.operator(), OPERATOR, None, None).await.unwrap().into_iter().map(|case| case.id).collect()
}

both_engines! {
    async fn whoever_teaches_is_her_child_s_mother_too(app: TestApp) {
        county::open(&app).await;
        teachers(&app, &[[SCHOOL, "金某", "M12345678", "KOR"]]).await;
        let child = |n, mother: &str| {
            format!("{SCHOOL},金小{n},居民身份证,{},,小学,2024,1班,{mother},母亲,护照,M12345678,13900000001\n", number("20170203", n))
        };
        let report = county::pupils(&app, &[child(2, "金某")]).await;
        assert_eq!((report.created, report.conflicts, called(&app, "金某").await.len()), (1, 0, 1), "{report:?}");
        let is = "SELECT CAST(COUNT(*) AS TEXT) FROM guardianship g JOIN staffing s ON s.person_id = g.guardian_id JOIN person p ON p.id = g.guardian_id WHERE g.status = 'confirmed' AND p.name = '金某'";
        assert_eq!(text(&app, is).await, "1");
        // Another name under a number that may be of another country: somebody looks, and nobody is made.
        let report = county::pupils(&app, &[child(4, "朴某")]).await;
        assert_eq!((report.created, called(&app, "朴某").await.len(), open_cases(&app).await.len()), (1, 0, 1), "{report:?}");
        let case = open_cases(&app).await[0];
        let verdict = Verdict { decision: Decision::TwoPeople, reason: "两国护照同号".into() };
        assert_eq!(app.app.decide_case(&app.operator(), OPERATOR, case, verdict).await.unwrap().done, "nothing");
        let kept = "SELECT status || ' ' || country FROM identity_document WHERE class = 'passport'";
        assert_eq!(text(&app, kept).await, "active KOR", "whose number it is keeps it");
    }

    async fn a_school_that_names_the_country_asks_for_who_came_without(app: TestApp) {
        county::open(&app).await;
        teachers(&app, &[[SCHOOL, "金某", "M12345678", ""]]).await;
        let admin = administrator(&app, 20, OTHER, AdminRole::School).await;
        let told = |report: Report| (report.created, report.linked, report.conflicts);
        assert_eq!(told(teachers(&app, &[[OTHER, "金某", "M12345678", "KOR"]]).await), (0, 1, 0));
        assert_eq!(called(&app, "金某").await.len(), 1, "one person with two posts");
        let hers = called(&app, "金某").await[0];
        let both = Decider::Admin(administrator(&app, 22, county::COUNTY, AdminRole::County).await);
        for country in [None, Some("KOR")] {
            let sought = Sought::Document(passport(country, "M12345678"));
            let page = app.app.search_persons(&app.operator(), both, &sought, 10).await.unwrap();
            assert_eq!(page.items.len(), 1, "{country:?}");
        }
        // The country is learned, and from then on the same number of another country is another paper.
        let record = async |who, document: Document| app.app.record_document(&app.operator(), OPERATOR, who, &document).await.unwrap();
        assert_eq!(record(hers, passport(Some("KOR"), "M12345678")).await, Changed::Done);
        assert_eq!(record(hers, passport(None, "M12345678")).await, Changed::Unchanged);
        let papers = "SELECT d.status || ' ' || d.country FROM identity_document d JOIN person p ON p.id = d.person_id WHERE p.name = '金某'";
        assert_eq!(text(&app, papers).await, "active KOR");
        assert_eq!(told(teachers(&app, &[[SCHOOL, "佐藤", "M12345678", "JPN"]]).await), (1, 0, 0));
        assert_eq!(record(admin, passport(Some("FRA"), "M12345678")).await, Changed::Done);
    }

    async fn of_two_countries_nobody_is_taken_for_the_other(app: TestApp) {
        county::open(&app).await;
        let rows = [[SCHOOL, "李某", "M12345678", "KOR"], [SCHOOL, "李某", "M12345678", "JPN"]];
        assert_eq!(teachers(&app, &rows).await.created, 2, "two countries are two papers");
        // Twice in one file, and once more: which of the two is meant?
        for _ in 0..2 {
            let report = teachers(&app, &[[SCHOOL, "李某", "M12345678", ""]]).await;
            assert_eq!((report.conflicts, report.linked, report.created), (1, 0, 0), "{report:?}");
        }
        assert_eq!((called(&app, "李某").await.len(), open_cases(&app).await.len()), (2, 1));
        // Before anybody is known, in one batch.
        let rows = [[SCHOOL, "崔某", "N12345678", "KOR"], [SCHOOL, "崔某", "N12345678", ""], [SCHOOL, "文某", "P12345678", ""], [SCHOOL, "文某", "P12345678", "CAN"]];
        teachers(&app, &rows).await;
        assert_eq!((called(&app, "崔某").await.len(), called(&app, "文某").await.len()), (1, 1));
    }
}
