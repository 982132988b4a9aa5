//! The reference, the dashboard and the alerts speak of what is exported, of all of it and of nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mingji::jobs::{CLOCKS, DAILY};
use serde::Deserialize;

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

#[derive(Deserialize)]
struct Alerts {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    alert: String,
    expr: String,
}

/// Which jobs each part of a rule is about, the window of its `increase` where it has one, and its threshold.
fn watched(alert: &str) -> Vec<(Vec<String>, Option<Duration>, u32)> {
    let alerts: Alerts = serde_saphyr::from_str(&deployed("alerts.yaml")).unwrap();
    let rule = alerts.groups.into_iter().flat_map(|group| group.rules).find(|rule| rule.alert == alert).unwrap();
    let between = |text: &str, from: &str, to: &str| Some(text.split_once(from)?.1.split_once(to)?.0.to_owned());
    rule.expr
        .split(" or ")
        .map(|part| {
            let jobs = between(part, "task=~\"", "\"").unwrap().split('|').map(str::to_owned).collect();
            let minutes = between(part, "}[", "m]").map(|minutes| minutes.parse::<u64>().unwrap());
            let threshold = part.rsplit_once('>').unwrap().1.trim().parse().unwrap();
            (jobs, minutes.map(|minutes| Duration::from_secs(60 * minutes)), threshold)
        })
        .collect()
}

/// An alert that what it watches cannot reach is none.
#[test]
fn every_job_that_fails_or_stands_still_is_told() {
    let clock = |job: &str| CLOCKS.iter().find(|(name, _)| *name == job).unwrap().1;
    let all: BTreeSet<String> = CLOCKS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(all, reference()["mingji_job_runs_total"].1["task"], "every job that is counted has its clock");

    let mut told = BTreeSet::new();
    for (jobs, window, failures) in watched("MingjiJobFailing") {
        for job in jobs {
            let runs = window.unwrap().as_secs_f64() / clock(&job).as_secs_f64();
            assert!(
                runs >= 1.5 * f64::from(failures + 1),
                "{job} runs {runs} times, and more than {failures} must fail"
            );
            told.insert(job);
        }
    }
    assert_eq!(told, all);

    let mut told = BTreeSet::new();
    for (jobs, _, seconds) in watched("MingjiJobStuck") {
        for job in jobs {
            let pace = if DAILY.contains(&job.as_str()) { Duration::from_secs(86_400) } else { clock(&job) };
            assert!(Duration::from_secs(seconds.into()) >= pace * 5 / 4, "{job} is told though nothing is wrong");
            told.insert(job);
        }
    }
    // However long an import takes, nothing is wrong.
    told.insert("errands".into());
    assert_eq!(told, all);
}
