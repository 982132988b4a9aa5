//! Cases: what only a human can settle comes to the lowest institution that covers all sides, once, and a decision does
//! what it says.

mod corrected;
mod doubles;
mod unseen;

use mingji::app::Kind;
use mingji::app::cases::Verdict;
use mingji::app::person::NewPerson;
use mingji::app::person_change::Changed;
use mingji::app::relation_claim::Decider;
use mingji::domain::access::TaskName;
use mingji::domain::id::CaseId;
use mingji::domain::registry::case::Decision;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::sex::Sex;
use mingji::domain::registry::name::PersonName;
use mingji::domain::registry::personal_code::PersonalCode;

use crate::support::app::{TestApp, both_engines};
use crate::support::binary::Place;
use crate::support::county::{
    self, COUNTY, INSTITUTIONS, OTHER, SCHOOL, STUDENTS, administrator, called, document, number, pupil, text,
};
use crate::support::database::change;

const OPERATOR: Decider = Decider::Operator;

fn verdict(decision: Decision) -> Verdict {
    Verdict { decision, reason: "两校核对过户口簿".into() }
}

async fn ids(app: &TestApp, by: Decider, org: Option<&str>) -> Vec<CaseId> {
    app.app.open_cases(&app.operator(), by, org, None).await.unwrap().into_iter().map(|case| case.id).collect()
}

async fn decide(app: &TestApp, by: Decider, id: CaseId, decision: Decision) -> Result<&'static str, Kind> {
    let decided = app.app.decide_case(&app.operator(), by, id, verdict(decision)).await;
    decided.map(|decided| decided.done).map_err(|error| error.kind)
}

fn newcomer(name: &str, number: &str) -> NewPerson {
    NewPerson {
        name: PersonName::parse(name).unwrap(),
        sex: Sex::Female,
        birth_date: None,
        document: Some(document(number)),
        personal_code: None,
        verified: None,
        home: None,
    }
}

/// Somebody who comes with a number under another name.
async fn registered_as(app: &TestApp, name: &str, number: &str) -> Kind {
    app.app.register_person(&app.operator(), TaskName::DemoSeed, newcomer(name, number)).await.unwrap_err().kind
}

async fn open_count(app: &TestApp, org: &str) -> i64 {
    app.app.count_registry(Some(org)).await.unwrap().open_cases
}

both_engines! {
    async fn look_alikes_of_a_school_open_one_case_once(app: TestApp) {
        county::open(&app).await;
        let (one, two) = (number("20170203", 2), number("20170203", 4));
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &one, None), pupil(SCHOOL, "王芳", &two, None)]).await;
        let elsewhere = number("20170203", 6);
        county::pupils(&app, &[pupil(OTHER, "王芳", &elsewhere, None)]).await;
        let search = async || app.app.search_cases(&app.operator(), OPERATOR, COUNTY).await.unwrap();
        let (first, second) = tokio::join!(search(), search());
        assert_eq!(first + second, 1, "two searches at once, and the namesake of another school is nobody's double");
        assert_eq!((search().await, open_count(&app, COUNTY).await, open_count(&app, OTHER).await), (0, 1, 0));
        let hers = Decider::Admin(administrator(&app, 20, SCHOOL, AdminRole::School).await);
        let other = Decider::Admin(administrator(&app, 22, OTHER, AdminRole::School).await);
        let keeper = Decider::Admin(administrator(&app, 24, SCHOOL, AdminRole::SchoolRoster).await);
        let [case] = ids(&app, hers, None).await[..] else { panic!("one case for the school that has both") };
        assert_eq!((ids(&app, hers, Some(SCHOOL)).await, ids(&app, other, None).await), (vec![case], vec![]));
        let listed = app.app.open_cases(&app.operator(), other, Some(SCHOOL), None).await;
        assert_eq!(listed.unwrap_err().kind, Kind::NotFound, "a school outside the scope does not exist");
        for nobody in [other, keeper] {
            assert_eq!(app.app.show_case(&app.operator(), nobody, case).await.unwrap_err().kind, Kind::NotFound);
            assert_eq!(decide(&app, nobody, case, Decision::TwoPeople).await, Err(Kind::NotFound));
        }
        let shown = serde_json::to_string(&app.app.show_case(&app.operator(), hers, case).await.unwrap()).unwrap();
        assert!(shown.contains("王芳") && shown.contains("第七实验小学"), "{shown}");
        assert!(!shown.contains(&one[1..]) && !shown.contains(&two[1..]), "numbers are masked: {shown}");
        assert_eq!(decide(&app, hers, case, Decision::TwoPeople).await, Ok("nothing"));
        assert_eq!(decide(&app, hers, case, Decision::TwoPeople).await, Err(Kind::Conflict), "once");
        assert_eq!((search().await, open_count(&app, COUNTY).await), (0, 0), "the same facts open none again");
    }

    async fn who_bears_another_name_may_take_it_and_is_found_by_both(app: TestApp) {
        county::open(&app).await;
        let hers = number("20170203", 2);
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &hers, None)]).await;
        for _ in 0..2 {
            assert_eq!(registered_as(&app, "王方", &hers).await, Kind::Conflict);
        }
        let [case] = ids(&app, OPERATOR, None).await[..] else { panic!("said twice, opened once") };
        let school = Decider::Admin(administrator(&app, 20, SCHOOL, AdminRole::School).await);
        assert_eq!(ids(&app, school, None).await, [case]);
        for reason in ["", "身份证 320102201702030027"] {
            let verdict = Verdict { decision: Decision::SamePerson, reason: reason.into() };
            let refused = app.app.decide_case(&app.operator(), school, case, verdict).await;
            assert_eq!(refused.unwrap_err().kind, Kind::Invalid, "{reason:?}");
        }
        assert_eq!(decide(&app, school, case, Decision::SamePerson).await, Ok("renamed"));
        assert_eq!((called(&app, "王方").await.len(), called(&app, "王芳").await.len()), (1, 0));
        let found = "SELECT DISTINCT r.name_key FROM presence r JOIN person p ON p.id = r.person_id WHERE p.name = '王方' ORDER BY 1";
        let found = text(&app, found).await;
        assert!(found.contains("王芳") && found.contains("王方"), "{found}");
        let report = county::pupils(&app, &[pupil(SCHOOL, "王方", &hers, None)]).await;
        assert_eq!((report.unchanged, report.conflicts), (1, 0), "{report:?}");
    }

    async fn a_number_that_is_withdrawn_is_free_for_its_true_holder(app: TestApp) {
        county::open(&app).await;
        let disputed = number("20170203", 2);
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &disputed, None)]).await;
        registered_as(&app, "李娜", &disputed).await;
        let case = ids(&app, OPERATOR, None).await[0];
        let (first, second) = tokio::join!(
            decide(&app, OPERATOR, case, Decision::TwoPeople),
            decide(&app, OPERATOR, case, Decision::TypingError)
        );
        assert!(first.is_ok() != second.is_ok(), "one decision stands: {first:?} {second:?}");
        if first.is_ok() {
            let report = county::pupils(&app, &[pupil(SCHOOL, "李娜", &disputed, None)]).await;
            assert_eq!((report.created, report.conflicts), (1, 0), "{report:?}");
            assert_eq!(called(&app, "王芳").await.len(), 1, "she stays, without the number");
        }
    }

    async fn nor_does_an_old_claim_keep_it_from_her(app: TestApp) {
        county::open(&app).await;
        let disputed = number("20170203", 2);
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &disputed, None)]).await;
        let next = administrator(&app, 20, OTHER, AdminRole::School).await;
        county::desk(&app, next, &pupil(OTHER, "王芳", &disputed, None)).await;
        let claim = app.app.pending_claims(&app.operator(), OPERATOR, OTHER, None).await.unwrap()[0].id;
        let agreed = mingji::app::relation_claim::Verdict::Confirm;
        app.app.decide_claim(&app.operator(), OPERATOR, claim, agreed).await.unwrap();
        registered_as(&app, "李娜", &disputed).await;
        let case = ids(&app, OPERATOR, None).await[0];
        assert_eq!(decide(&app, OPERATOR, case, Decision::TwoPeople).await, Ok("withdrawn"));
        let told = county::desk(&app, next, &pupil(OTHER, "李娜", &disputed, None)).await;
        assert_eq!((told["errors"].as_array().unwrap().len(), called(&app, "李娜").await.len()), (0, 1), "{told}");
    }

    async fn a_correction_that_collides_is_for_whoever_covers_both(app: TestApp) {
        county::open(&app).await;
        let (wrong, right) = (number("20170203", 2), number("20170203", 4));
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &wrong, None)]).await;
        county::pupils(&app, &[pupil(OTHER, "李娜", &right, None)]).await;
        let school = Decider::Admin(administrator(&app, 20, SCHOOL, AdminRole::School).await);
        let above = Decider::Admin(administrator(&app, 22, COUNTY, AdminRole::County).await);
        let (hers, hers_too) = (called(&app, "王芳").await[0], called(&app, "李娜").await[0]);
        let correct = async |by, who| app.app.record_document(&app.operator(), by, who, &document(&right)).await;
        assert_eq!(correct(school, hers_too).await.unwrap_err().kind, Kind::NotFound, "whom she does not hold");
        let Changed::Case(case) = correct(school, hers).await.unwrap() else { panic!("the number is taken") };
        assert_eq!(correct(school, hers).await.unwrap_err().kind, Kind::Conflict, "asked once");
        assert_eq!(decide(&app, school, case, Decision::TwoPeople).await, Err(Kind::NotFound), "a side alone");
        assert_eq!(ids(&app, above, None).await, [case]);
        assert_eq!(decide(&app, above, case, Decision::TwoPeople).await, Ok("withdrawn and given"));
        let held = "SELECT p.name || ' ' || d.status FROM identity_document d JOIN person p ON p.id = d.person_id WHERE p.name IN ('王芳', '李娜') ORDER BY d.created_at, d.status";
        assert_eq!(text(&app, held).await.split(',').filter(|row| row.ends_with("active")).collect::<Vec<_>>(), ["王芳 active"]);
        assert!(text(&app, held).await.contains("李娜 withdrawn") && text(&app, held).await.contains("王芳 superseded"));
        registered_as(&app, "李娜", &wrong).await;
        assert_eq!(ids(&app, OPERATOR, None).await.len(), 1, "a superseded number stays taken");
    }

    async fn nobody_decides_about_herself_or_about_somebody_who_left(app: TestApp) {
        county::open(&app).await;
        let admin = administrator(&app, 20, SCHOOL, AdminRole::School).await;
        registered_as(&app, "别名", &number("19700203", 20)).await;
        let case = ids(&app, Decider::Admin(admin), None).await[0];
        assert_eq!(decide(&app, Decider::Admin(admin), case, Decision::TwoPeople).await, Err(Kind::Conflict));
        let second = administrator(&app, 22, SCHOOL, AdminRole::School).await;
        county::teachers(&app, &[county::teacher(OTHER, "管理员20", &number("19700203", 20))]).await;
        assert_eq!(decide(&app, Decider::Admin(second), case, Decision::TwoPeople).await, Err(Kind::NotFound));
        assert!(ids(&app, Decider::Admin(second), None).await.is_empty(), "it went to whoever covers both now");
        let above = Decider::Admin(administrator(&app, 24, COUNTY, AdminRole::County).await);
        assert_eq!(decide(&app, above, case, Decision::TypingError).await, Ok("nothing"));
    }

    async fn the_number_inside_a_code_is_a_hint_and_no_link(app: TestApp) {
        county::open(&app).await;
        let (hers, other) = (number("20170203", 2), number("20170203", 4));
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &hers, None), pupil(SCHOOL, "李娜", &other, None)]).await;
        let pupil = called(&app, "王芳").await[0];
        let code = |text: String| PersonalCode::parse(&text).unwrap();
        let record = async |code: &PersonalCode| app.app.record_personal_code(&app.operator(), OPERATOR, pupil, code).await;
        for early in ["L320102201809010042", "J320102201809010042"] {
            assert_eq!(record(&code(early.into())).await.unwrap(), Changed::Done);
        }
        assert!(ids(&app, OPERATOR, None).await.is_empty());
        let foreign = code(format!("G{other}"));
        assert_eq!(record(&foreign).await.unwrap(), Changed::Done, "she keeps it until somebody looked");
        assert_eq!(record(&foreign).await.unwrap(), Changed::Unchanged);
        let case = ids(&app, OPERATOR, None).await[0];
        let kinds = "SELECT kind || ' ' || status FROM personal_code WHERE person_id = (SELECT id FROM person WHERE name = '王芳') ORDER BY kind";
        assert_eq!(text(&app, kinds).await, "G active,J superseded,L superseded");
        assert_eq!(decide(&app, OPERATOR, case, Decision::TypingError).await, Ok("code withdrawn"));
        assert_eq!(text(&app, kinds).await, "G withdrawn,J active,L superseded", "what it had taken the place of is hers again");
    }

    /// Somebody took the case on which a page ended to the level above.
    async fn a_page_is_turned_whatever_became_of_its_last_case(app: TestApp) {
        county::open(&app).await;
        let numbers = [2, 4, 6].map(|serial| number("20170203", serial));
        county::pupils(&app, &numbers.each_ref().map(|number| pupil(SCHOOL, "王芳", number, None))).await;
        county::pupils(&app, &numbers.each_ref().map(|number| pupil(SCHOOL, "王方", number, None))).await;
        let admin = administrator(&app, 20, SCHOOL, AdminRole::School).await;
        let school = app.at_api_as(admin, "ED32010000").await;
        let all = school.all("/api/cases").await;
        let page = school.get("/api/cases?limit=1").await;
        assert_eq!((all.len(), &page.body["items"][0]["id"]), (3, &all[0]["id"]), "{all:?}");
        let above = format!("(SELECT org_id FROM institution_code WHERE value = '{COUNTY}')");
        let first = "(SELECT id FROM conflict_case ORDER BY created_at, id LIMIT 1)";
        change(&app.database.url, &format!("UPDATE conflict_case SET org_id = {above} WHERE id = {first}")).await;
        assert_eq!(school.all("/api/cases").await.len(), 2);
        let rest = school.get(&format!("/api/cases?limit=5&cursor={}", page.text("next"))).await;
        assert_eq!((rest.status, rest.body["items"].as_array().map(Vec::len)), (200, Some(2)), "{rest:?}");
    }

    /// The list of one school has no numbers, and another one no 学籍号.
    async fn a_number_that_comes_later_asks_about_the_code_that_was_made_of_it(app: TestApp) {
        county::open(&app).await;
        let hers = number("20170203", 2);
        let bare = pupil(SCHOOL, "王芳", "", None).replace("居民身份证,,", &format!(",,G{hers}"));
        assert_eq!(county::pupils(&app, &[bare]).await.created, 1);
        assert!(ids(&app, OPERATOR, None).await.is_empty());
        assert_eq!(county::pupils(&app, &[pupil(OTHER, "王芳", &hers, None)]).await.created, 1, "a hint is no link");
        let listed = app.app.open_cases(&app.operator(), OPERATOR, None, None).await.unwrap();
        assert_eq!(listed.iter().map(|case| (case.kind, case.source)).collect::<Vec<_>>(), [("personal_code", "roster")]);
        county::pupils(&app, &[pupil(OTHER, "王芳", &hers, None)]).await;
        assert_eq!(ids(&app, OPERATOR, None).await.len(), 1);
    }

    async fn of_two_people_the_number_stays_with_whose_it_is(app: TestApp) {
        county::open(&app).await;
        let other = number("20170203", 4);
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &number("20170203", 2), None), pupil(SCHOOL, "李娜", &other, None)]).await;
        let code = PersonalCode::parse(&format!("G{other}")).unwrap();
        app.app.record_personal_code(&app.operator(), OPERATOR, called(&app, "王芳").await[0], &code).await.unwrap();
        let case = ids(&app, OPERATOR, None).await[0];
        assert_eq!(decide(&app, OPERATOR, case, Decision::TwoPeople).await, Ok("code withdrawn"));
        let held = "SELECT p.name || ' ' || d.status FROM identity_document d JOIN person p ON p.id = d.person_id WHERE p.name IN ('王芳', '李娜') ORDER BY 1";
        assert_eq!(text(&app, held).await.split(',').filter(|row| row.ends_with("active")).count(), 2, "a hint takes no number away");
        assert_eq!(text(&app, "SELECT c.status FROM personal_code c JOIN person p ON p.id = c.person_id WHERE p.name = '王芳'").await, "withdrawn");
    }

    async fn a_row_that_clashes_opens_one_case_however_often_it_comes(app: TestApp) {
        county::open(&app).await;
        let (hers, other, third) = (number("20170203", 2), number("20170203", 4), number("20170203", 6));
        let coded = |name: &str, number: &str, code: &str| {
            pupil(SCHOOL, name, number, None).replace(&format!("{number},,"), &format!("{number},{code},"))
        };
        let code = "L320102201809010042";
        county::pupils(&app, &[coded("王芳", &hers, code), pupil(OTHER, "李娜", &other, None)]).await;
        assert_eq!(open_count(&app, COUNTY).await, 0);
        // Known under another name; somebody else's 学籍号; a G 学籍号 from somebody else's number.
        let renamed = pupil(SCHOOL, "王方", &hers, None);
        let taken = coded("赵敏", &third, code);
        let hinted = coded("钱多", &number("20170203", 8), &format!("G{other}"));
        let clashes = [(renamed, "same_document", 1), (taken, "personal_code", 1), (hinted, "personal_code", 0)];
        let written = "SELECT CAST((SELECT COUNT(*) FROM audit_entry) + (SELECT COUNT(*) FROM event) AS TEXT)";
        let mut seen = Vec::new();
        for (row, kind, conflicts) in clashes {
            let report = county::pupils(&app, std::slice::from_ref(&row)).await;
            assert_eq!(report.conflicts, conflicts, "{kind}: {report:?}");
            let listed = app.app.open_cases(&app.operator(), OPERATOR, None, None).await.unwrap();
            let fresh: Vec<_> = listed.into_iter().filter(|case| !seen.contains(&case.id)).collect();
            let [case] = &fresh[..] else { panic!("one case: {fresh:?}") };
            assert_eq!((case.kind, case.source), (kind, "roster"));
            seen.push(case.id);
            let before = text(&app, written).await;
            county::pupils(&app, &[row]).await;
            assert_eq!(text(&app, written).await, before, "said again, {kind} is nothing new");
        }
        let told = text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM event WHERE kind = 'case.opened'").await;
        assert_eq!((told.as_str(), open_count(&app, COUNTY).await), ("3", 3));
        let school = Decider::Admin(administrator(&app, 20, SCHOOL, AdminRole::School).await);
        assert_eq!(ids(&app, school, None).await, seen[..2], "the third has a side elsewhere");
    }

    async fn whom_others_hold_is_no_case_for_a_desk(app: TestApp) {
        county::open(&app).await;
        let (hidden, nobody) = (number("20170203", 2), number("20170203", 4));
        county::pupils(&app, &[pupil(OTHER, "李娜", &hidden, None)]).await;
        let admin = administrator(&app, 20, SCHOOL, AdminRole::School).await;
        let desk = async |number: &str, code: &str| {
            let row = pupil(SCHOOL, "王芳", number, None).replace(&format!("{number},,"), &format!("{number},{code},"));
            county::desk(&app, admin, &row).await
        };
        // A number, a hint, and both of them when nobody has them.
        let known = [desk(&hidden, "").await, desk(&number("20170203", 6), &format!("G{hidden}")).await];
        let unknown = [desk(&nobody, "").await, desk(&number("20170203", 8), &format!("G{}", number("20170203", 10))).await];
        assert_eq!(known, unknown, "the answer reads the same");
        assert!(ids(&app, Decider::Admin(admin), None).await.is_empty());
        let above = Decider::Admin(administrator(&app, 22, COUNTY, AdminRole::County).await);
        assert_eq!(ids(&app, above, None).await.len(), 2, "whoever covers both sides finds the number and the hint");
    }

    async fn who_belongs_nowhere_is_left_to_the_operator(app: TestApp) {
        county::open(&app).await;
        // A graduate, say. A school invents a pupil whose 学籍号 was made from her number.
        let hers = number("19800203", 2);
        app.app.register_person(&app.operator(), TaskName::DemoSeed, newcomer("陈静", &hers)).await.unwrap();
        let admin = administrator(&app, 20, SCHOOL, AdminRole::School).await;
        let own = number("20170203", 4);
        let row = pupil(SCHOOL, "王芳", &own, None).replace(&format!("{own},,"), &format!("{own},G{hers},"));
        county::desk(&app, admin, &row).await;
        let by = Decider::Admin(admin);
        assert!(ids(&app, by, None).await.is_empty(), "the inventor is no judge");
        let case = ids(&app, OPERATOR, None).await[0];
        assert_eq!(decide(&app, by, case, Decision::SamePerson).await, Err(Kind::NotFound));
        assert!(app.app.show_case(&app.operator(), by, case).await.is_err());
        let above = Decider::Admin(administrator(&app, 22, COUNTY, AdminRole::County).await);
        assert_eq!(decide(&app, above, case, Decision::SamePerson).await, Err(Kind::NotFound));
        let aliases = "SELECT CAST(COUNT(*) AS TEXT) FROM login_alias WHERE kind = 'personal_code' AND ended_at IS NULL";
        let before: i64 = text(&app, aliases).await.parse().unwrap();
        assert_eq!(decide(&app, OPERATOR, case, Decision::TypingError).await, Ok("code withdrawn"));
        let after: i64 = text(&app, aliases).await.parse().unwrap();
        assert_eq!(before - after, 1, "it signs the invented one in no longer");
        let told = app.exported(called(&app, "王芳").await[0]).await;
        assert!(told.to_string().contains(&own) && !told.to_string().contains(&hers), "nor is it told as hers");
    }
}

#[test]
fn an_operator_works_cases_off_by_commands() {
    let place = Place::new();
    let file = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let rows: String = [2, 4].map(|serial| pupil(SCHOOL, "王芳", &number("20170203", serial), None)).concat();
    let (top, students) = (file("top.csv", INSTITUTIONS), file("students.csv", &format!("{STUDENTS}{rows}")));
    place.json(&["roster", "import", "--kind", "institutions", &top], "");
    place.json(&["roster", "import", "--kind", "students", &students], "");
    assert_eq!(place.json(&["case", "list"], "").as_array().unwrap().len(), 0);
    assert_eq!(place.json(&["case", "search", "--org", COUNTY], "")["opened"], 1);
    assert_eq!(place.json(&["registry", "count"], "")["open_cases"], 1);
    let list = place.json(&["case", "list", "--org", SCHOOL], "");
    let (id, kind) = (list[0]["id"].as_str().unwrap(), &list[0]["kind"]);
    assert_eq!((kind.as_str(), list[0]["institution"].as_str()), (Some("same_details"), Some("第七实验小学")));
    let shown = place.run(&["case", "show", id]);
    assert!(shown.code == Some(0) && shown.out.matches("3****").count() == 2, "{}", shown.out);
    let unsaid = place.run(&["case", "decide", id, "--reason", "不同的两名学生"]);
    assert_eq!(unsaid.code, Some(2), "which of three: {}", unsaid.err);
    let decided = place.json(&["case", "decide", id, "--two-people", "--reason", "不同的两名学生"], "");
    assert_eq!(decided["decision"], "two_people");
    let again = place.run(&["case", "decide", id, "--as-same", "--reason", "不同的两名学生"]);
    assert!(again.code == Some(1) && again.err.contains("decided already"), "{}", again.err);
    assert_eq!(place.json(&["registry", "count"], "")["open_cases"], 0);

    let clash = file("clash.csv", &format!("{STUDENTS}{}", pupil(SCHOOL, "王方", &number("20170203", 2), None)));
    for _ in 0..2 {
        place.run(&["roster", "import", "--kind", "students", &clash]);
        let list = place.json(&["case", "list"], "");
        let kinds: Vec<_> = list.as_array().unwrap().iter().map(|case| (&case["kind"], &case["source"])).collect();
        assert_eq!(kinds, [(&"same_document".into(), &"roster".into())], "however often the row comes");
    }
}
