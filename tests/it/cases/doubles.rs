//! Two records that look alike become a question by themselves: nobody asks about a double that she does not know of.

use mingji::domain::registry::roster::RosterKind;

use super::{OPERATOR, open_count};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, number, pupil, teacher};

/// The whole look of a day.
async fn look(app: &TestApp) {
    let mut after = None;
    loop {
        let looked = app.app.look_for_doubles(after).await.unwrap();
        assert_eq!(looked.failed, 0);
        after = looked.last;
        if after.is_none() {
            return;
        }
    }
}

both_engines! {
    async fn the_day_finds_students_and_staff_who_look_alike(app: TestApp) {
        county::open(&app).await;
        // Twins have two names, and a namesake of another school is nobody's double.
        let born = |serial| number("20170203", serial);
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &born(2), None), pupil(SCHOOL, "王芳", &born(4), None), pupil(SCHOOL, "王芬", &born(6), None), pupil(OTHER, "王芳", &born(8), None)]).await;
        let grown = |serial| number("19750203", serial);
        county::teachers(&app, &[teacher(OTHER, "赵老师", &grown(2)), teacher(OTHER, "赵老师", &grown(4)), teacher(SCHOOL, "赵老师", &grown(6))]).await;
        let before = app.app.open_cases(&app.operator(), OPERATOR, None, None).await.unwrap().len();
        tokio::join!(look(&app), look(&app));
        assert_eq!((open_count(&app, SCHOOL).await, open_count(&app, OTHER).await, open_count(&app, COUNTY).await), (1, 1, 2));
        let listed = app.app.open_cases(&app.operator(), OPERATOR, None, None).await.unwrap();
        assert_eq!((before, listed.iter().filter(|case| case.kind == "same_details").count()), (0, listed.len()));
        let found = listed.len();
        look(&app).await;
        assert_eq!(app.app.open_cases(&app.operator(), OPERATOR, None, None).await.unwrap().len(), found, "once");
    }

    async fn whose_birth_date_nobody_knows_is_compared_too(app: TestApp) {
        county::open(&app).await;
        let row = |name: &str, sex: &str, born: &str, paper: &str| format!("{SCHOOL},{name},{sex},{born},护照,{paper},小学,2024,1班\n");
        let rows = [
            row("王芳", "女", "", "E00000001"), row("王芳", "女", "", "E00000002"),
            row("李娜", "女", "", "E00000003"), row("李娜", "女", "2017-02-03", "E00000004"),
            // Something says that they are two.
            row("张伟", "男", "", "E00000005"), row("张伟", "女", "", "E00000006"),
            row("陈晨", "女", "2017-02-04", "E00000007"), row("陈晨", "女", "2017-02-03", "E00000008"),
        ];
        let file = format!("学校标识码,姓名,性别,出生日期,身份证件类型,身份证件号,学段,入学年份,班级\n{}", rows.concat());
        assert_eq!(county::people(&app, RosterKind::Students, &file).await.created, 8);
        look(&app).await;
        let asked = county::text(&app, "SELECT p.name FROM conflict_case c JOIN person p ON p.id = c.person_id WHERE c.kind = 'same_details' ORDER BY p.name").await;
        let mut asked: Vec<&str> = asked.split(',').collect();
        asked.sort_unstable();
        assert_eq!(asked, ["李娜", "王芳"]);
        assert_eq!(open_count(&app, SCHOOL).await, 2);
    }
}
