//! The reference, the dashboard and the alerts speak of what is exported, of all of it and of nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::app::{TestApp, both_engines};
use crate::support::exposition::{Scrape, family_of};

fn deployed(file: &str) -> String {
    std::fs::read_to_string(format!("{}/deploy/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Everything has happened once that makes a metric appear.
async fn after_a_sign_in(app: &TestApp) -> Scrape {
    let rp = app.client("platform_a");
    let arrived = app.teacher().arrive(&rp).await;
    assert_eq!(rp.redeem(&arrived.ask, "another code").await.error(), "invalid_grant");
    assert_eq!(rp.redeem(&arrived.ask, &arrived.code).await.status, 200);
    super::scrape_until(app, |scrape| {
        scrape.kinds.contains_key("mingji_signing_key_activated_timestamp_seconds")
            && scrape.kinds.contains_key("mingji_job_last_success_timestamp_seconds")
    })
    .await
}

/// A row of the reference: kind, and the labels with their values.
type Row = (String, BTreeMap<String, BTreeSet<String>>);

fn reference() -> BTreeMap<String, Row> {
    let page = deployed("metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_end_matches(" |").split(" | ").collect();
        let labels = cells[2].split("; ").filter(|label| *label != "none");
        let labels = labels.map(|label| {
            let mut words = label.split('`').skip(1).step_by(2).map(str::to_owned);
            (words.next().unwrap(), words.collect())
        });
        (cells[0].trim_end_matches('`').to_owned(), (cells[1].to_owned(), labels.collect()))
    })
    .collect()
}

/// Names of metrics in a text, as families.
fn named_in(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("mingji_") || word.starts_with("process_"))
        .map(|word| family_of(word).to_owned())
        .collect()
}

/// The queries of a dashboard, wherever they stand.
fn queries(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => members.iter().for_each(|(name, member)| match member.as_str() {
            Some(query) if name == "expr" => found.push(query.to_owned()),
            _ => queries(member, found),
        }),
        serde_json::Value::Array(members) => members.iter().for_each(|member| queries(member, found)),
        _ => {}
    }
}

both_engines! {
    async fn they_name_what_is_exported(app: TestApp) {
        let scrape = after_a_sign_in(&app).await;
        let exported: BTreeSet<String> = scrape.kinds.keys().cloned().collect();
        let reference = reference();
        let kinds: BTreeMap<_, _> = reference.iter().map(|(name, row)| (name.clone(), row.0.clone())).collect();
        assert_eq!(scrape.kinds, kinds, "deploy/metrics.md");

        let dashboard = serde_json::from_str(&deployed("dashboard.json")).unwrap();
        let mut shown = Vec::new();
        queries(&dashboard, &mut shown);
        assert_eq!(named_in(&shown.concat()), exported, "deploy/dashboard.json shows all of them");
        let watched: String = deployed("alerts.yaml").lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        let watched = named_in(&watched);
        let unknown: Vec<_> = watched.difference(&exported).collect();
        assert_eq!(unknown, [""; 0], "deploy/alerts.yaml watches what is not exported");
        assert!(watched.len() > 10, "the alerts were read");
    }

    async fn labels_hold_what_the_reference_says(app: TestApp) {
        let scrape = after_a_sign_in(&app).await;
        let reference = reference();
        let mut closed = 0;
        for sample in &scrape.samples {
            let (_, labels) = &reference[sample.family()];
            let names: BTreeSet<_> = sample.labels.keys().filter(|name| *name != "le").collect();
            assert_eq!(names, labels.keys().collect(), "{}", sample.name);
            // Prometheus writes these two itself and would rename ours, past the dashboard and the alerts.
            assert!(!labels.contains_key("job") && !labels.contains_key("instance"), "{}", sample.name);
            for (name, values) in labels.iter().filter(|(_, values)| !values.is_empty()) {
                closed += 1;
                assert!(values.contains(&sample.labels[name]), "{name} of {sample:?} is not in deploy/metrics.md");
            }
        }
        assert!(closed > 40, "labels were read");
        // Counters with known labels are there before anything happened, so that the first failure is an increase.
        for outcome in &reference["mingji_sign_ins_total"].1["outcome"] {
            assert!(scrape.find("mingji_sign_ins_total", &[("outcome", outcome.as_str())]).is_some(), "{outcome}");
        }
    }
}
