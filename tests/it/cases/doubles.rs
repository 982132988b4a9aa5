//! Two records that look alike become a question by themselves: nobody asks about a double that she does not know of.

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
}
