//! A court keeps a father from his child. Who looks at him because he stands beside her says where she is: he reads that somebody did.

use mingji::app::guardian_life::Order;
use mingji::app::relation_claim::{Decider, Verdict};
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::guardianship::Restriction;
use serde_json::{Value, json};

use crate::support::api::Caller;
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, administrator, called, number, pupil, teacher};

const OPERATOR: Decider = Decider::Operator;
const WHY: &str = "核对孩子的新学校";

async fn change(app: &TestApp, (child, father): (PersonId, PersonId), order: Order) {
    app.app.change_guardian(&app.operator(), OPERATOR, child, father, &order).await.unwrap();
}

/// Whoever administers a school looks at all of it, and for him by name.
async fn look(caller: &Caller) {
    let org = caller.all("/api/institutions").await[0]["id"].as_str().unwrap().to_owned();
    for list in ["students", "guardians", "staff"] {
        caller.all(&format!("/api/institutions/{org}/{list}")).await;
    }
    assert_eq!(caller.post("/api/persons/search", &json!({ "name": "李父" })).await.status, 200);
}

fn withheld(looks: &[Value]) -> usize {
    looks.iter().filter(|one| one["withheld"] == true).count()
}

both_engines! {
    async fn from_a_child_does_not_read_where_she_is(app: TestApp) {
        county::open(&app).await;
        let his = number("19800203", 61);
        county::pupils(&app, &[pupil(SCHOOL, "李小", &number("20180203", 8), Some(("李父", &his)))]).await;
        county::teachers(&app, &[teacher(SCHOOL, "李父", &his)]).await;
        let (child, father) = (called(&app, "李小").await[0], called(&app, "李父").await[0]);
        let first = administrator(&app, 20, SCHOOL, AdminRole::School).await;
        let next = administrator(&app, 22, OTHER, AdminRole::School).await;
        let (first, next) = (app.at_api_as(first, COUNTY).await, app.at_api_as(next, COUNTY).await);
        change(&app, (child, father), Order::Restrict([Restriction::NoLocation].into())).await;
        // She moves away with her mother.
        county::pupils(&app, &[pupil(OTHER, "李小", &number("20180203", 8), None)]).await;
        let waiting = app.app.pending_claims(&app.operator(), OPERATOR, OTHER, None).await.unwrap();
        app.app.decide_claim(&app.operator(), OPERATOR, waiting[0].id, Verdict::Confirm).await.unwrap();
        look(&first).await;
        look(&next).await;
        app.app.guardians_as_of(&app.operator(), WHY, child, None).await.unwrap();

        let himself = app.at_api_as(father, COUNTY).await;
        let hidden = |told: &str| ["第八实验小学", "管理员22", WHY].iter().all(|word| !told.contains(word));
        let looks = himself.all("/api/me/disclosures").await;
        assert!(hidden(&json!(looks).to_string()) && withheld(&looks) >= 2, "{looks:#?}");
        let own = json!(looks).to_string();
        assert!(own.contains("第七实验小学") && own.contains("管理员20"), "where he works he is told who looked: {own}");
        let export = app.exported(father).await;
        assert!(hidden(&export["disclosures"].to_string()) && hidden(&export.to_string()), "{export:#}");
        // At home: the page, his record and its file.
        let mut visitor = app.visitor("full_claims");
        let accounts = app.app.list_accounts(&app.operator(), COUNTY).await.unwrap();
        visitor.person.user_name = accounts.into_iter().find(|one| one.person_id == father).unwrap().user_name;
        visitor.person.password = "tuzi-482-xigua-zhen".into();
        visitor.knock().await;
        let home = visitor.browser.open("/").await;
        assert!(hidden(&home.text) && home.text_of("looks").unwrap().contains("因法院裁定"), "{home:#?}");
        let page = visitor.browser.open("/record").await;
        let file = visitor.browser.press(&page, "form", "file").await;
        assert!(page.has("record-person") && hidden(&page.text) && hidden(&file.text), "{page:#?}");
        // The court gives it back, and with it the list.
        change(&app, (child, father), Order::Restrict([].into())).await;
        let looks = himself.all("/api/me/disclosures").await;
        assert!(!hidden(&json!(looks).to_string()) && withheld(&looks) == 0, "{looks:#?}");
    }
}
