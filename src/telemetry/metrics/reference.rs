//! The operator's reference, printed from the table of metrics so that it cannot drift.

use super::families::{ALL, Label};

/// `deploy/metrics.md`, as Markdown.
pub fn reference() -> String {
    let mut text = String::from(
        "# 指标 Metrics\n\n\
         Prometheus text (exposition format 0.0.4) at `GET /metrics` on `MINGJI_METRICS_LISTEN`, a listener of its own without\n\
         authentication: keep it on loopback or on a network of the operators. [dashboard.json](dashboard.json) shows all of them in Grafana,\n\
         [alerts.yaml](alerts.yaml) says when to get up and what to do. No label ever holds anything about a person or a client.\n\n\
         Every replica tells what it did itself; what lies in the database is the same at all of them, so take `max`, not `sum`, of\n\
         `mingji_pending_*`, `mingji_logout_deliveries_waiting`, `mingji_logout_delivery_*` and `mingji_*key*`.\n\n\
         | name | kind | labels | meaning |\n|---|---|---|---|\n",
    );
    for family in ALL {
        let labels: Vec<String> = family.labels.iter().map(shown).collect();
        let labels = if labels.is_empty() { String::from("none") } else { labels.join("; ") };
        text.push_str(&format!("| `{}` | {} | {labels} | {} |\n", family.name, family.kind, family.meaning));
    }
    text
}

fn shown(label: &Label) -> String {
    let values: Vec<String> = label.values.iter().map(|value| format!("`{value}`")).collect();
    if values.is_empty() { format!("`{}`", label.name) } else { format!("`{}`: {}", label.name, values.join(", ")) }
}

#[cfg(test)]
mod tests {
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a switch of the test, no setting")]
    fn the_page_in_the_tree_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/metrics.md");
        if std::env::var_os("MINGJI_TEST_BLESS").is_some() {
            std::fs::write(path, super::reference()).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap_or_default() == super::reference(),
            "deploy/metrics.md is not what the table of metrics says; print it anew with `just metrics-reference`"
        );
    }
}
