//! SQLite is never analysed: statistics of a small register have the planner read whole tables for every batch of a large
//! import, whose time then grows with its square.

use super::database;
use crate::support::binary::{Demo, Place, free_ports, serve};
use crate::support::database::select_texts;
use crate::support::rosters::County;

/// What ANALYZE leaves behind, and so does `PRAGMA optimize` where it sees fit.
const STATISTICS: &str = "SELECT name FROM sqlite_master WHERE name LIKE 'sqlite_stat%'";

#[tokio::test(flavor = "multi_thread")]
async fn whatever_closes_a_database_leaves_none_behind() {
    let place = Place::new();
    let mut demo = Demo::start(&place);
    demo.process.stop();
    assert_eq!(select_texts(&database(&place), STATISTICS).await, [""; 0], "demo");
    let county = County::of(200);
    let write = |name: &str, text: &[u8]| std::fs::write(place.path().join(name), text).unwrap();
    write("institutions.csv", county.institutions().as_bytes());
    write("staff.csv", county.staff().as_bytes());
    let mut students = Vec::new();
    std::io::Read::read_to_end(&mut county.students(), &mut students).unwrap();
    write("students.csv", &students);
    for kind in ["institutions", "staff", "students"] {
        let report = place.json(&["roster", "import", "--kind", kind, &format!("{kind}.csv")], "");
        assert_eq!(report["rejected"], 0, "{report}");
    }
    assert_eq!(select_texts(&database(&place), STATISTICS).await, [""; 0], "import");
    let mut serving = serve(&place, free_ports(1)).await;
    serving.stop();
    assert_eq!(select_texts(&database(&place), STATISTICS).await, [""; 0], "serve");
    select_texts(&database(&place), "ANALYZE").await;
    assert!(!select_texts(&database(&place), STATISTICS).await.is_empty(), "they would be found");
}
