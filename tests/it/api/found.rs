//! Who is found by name from above the county, and by whose right it is said that somebody looked.

use mingji::domain::registry::codes::admin_role::AdminRole;
use serde_json::json;

use crate::support::app::both_engines;
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, pupil, pupils, teacher, teachers};

const CITY: &str = "ED32010000";
const CITY_SCHOOL: &str = "2132000790";
const UNDER_THE_CITY: &str = "机构标识码,机构名称,机构类型,办学类型,行政区划代码,上级机构标识码\nED32000000,江苏省教育厅,教育行政部门,,320000,\nED32010000,南京市教育局,教育行政部门,,320100,ED32000000\n2132000790,市直属小学,学校,211,320102,ED32010000\n";

both_engines! {
    async fn schools_and_offices_above_the_county_have_people_too(app: TestApp) {
        county::open(&app).await;
        county::import_all(&app, UNDER_THE_CITY).await;
        pupils(&app, &[pupil(CITY_SCHOOL, "赵直", &number("20160203", 1), None), pupil(SCHOOL, "赵区", &number("20160203", 3), None)]).await;
        let office = format!("{CITY},赵科,居民身份证,{},13700000001,其他,\n", number("19800203", 5));
        assert_eq!(teachers(&app, &[office]).await.errors, []);
        let admin = county::administrator(&app, 1, CITY, AdminRole::City).await;
        let county = county::administrator(&app, 3, COUNTY, AdminRole::County).await;
        let names = async |admin| {
            let caller = app.at_api_as(admin, CITY).await;
            let found = caller.post("/api/persons/search", &json!({ "name": "赵" })).await;
            let mut names: Vec<String> = found.body["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(admin).await, ["赵区", "赵直", "赵科"]);
        assert_eq!(names(county).await, ["赵区"]);
    }

    async fn a_look_names_the_institution_by_whose_right_it_was(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(OTHER, "钱一", &number("20160203", 3), None)]).await;
        teachers(&app, &[teacher(OTHER, "师", &number("19800203", 7))]).await;
        let admin = county::administrator(&app, 1, SCHOOL, AdminRole::School).await;
        app.app.grant_admin(&app.operator(), admin, AdminRole::SchoolRoster, OTHER).await.unwrap();
        let caller = app.at_api_as(admin, CITY).await;
        let pupil = called(&app, "钱一").await[0];
        assert_eq!(caller.get(&format!("/api/persons/{pupil}")).await.status, 200);
        let seen = app.app.disclosures(pupil, None, 10).await.unwrap();
        assert_eq!((seen.len(), seen[0].institution.as_deref()), (1, Some("第八实验小学")), "{seen:?}");
    }
}
