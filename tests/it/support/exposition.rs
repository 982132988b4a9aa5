//! The text that Prometheus reads, read here (exposition format 0.0.4).

use std::collections::BTreeMap;

use super::app::TestApp;

/// One scrape.
pub struct Scrape {
    pub text: String,
    /// Kind by name.
    pub kinds: BTreeMap<String, String>,
    pub samples: Vec<Sample>,
}

/// One line.
#[derive(Debug)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl TestApp {
    /// What the provider's listener for Prometheus says now.
    pub async fn scrape(&self) -> Scrape {
        let response = self.http.get(&self.metrics).send().await.unwrap();
        assert_eq!(response.status(), 200);
        Scrape::read(response.text().await.unwrap())
    }
}

impl Scrape {
    #[track_caller]
    pub fn read(text: String) -> Self {
        let mut kinds = BTreeMap::new();
        let mut samples = Vec::new();
        for line in text.lines() {
            if let Some(declared) = line.strip_prefix("# TYPE ") {
                let (name, kind) = declared.split_once(' ').unwrap();
                assert_eq!(kinds.insert(name.to_owned(), kind.to_owned()), None, "{name} comes twice");
            } else if !line.starts_with('#') {
                samples.push(Sample::read(line));
            }
        }
        Self { text, kinds, samples }
    }

    /// The value of a series; fails where there is none.
    #[track_caller]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.find(name, labels).unwrap_or_else(|| panic!("no {name} {labels:?} in\n{}", self.text))
    }

    /// The value of a series with exactly these labels, if it is there.
    pub fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let same = |sample: &&Sample| {
            sample.name == name
                && sample.labels.len() == labels.len()
                && labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|known| known == value))
        };
        self.samples.iter().find(same).map(|sample| sample.value)
    }
}

impl Sample {
    #[track_caller]
    fn read(line: &str) -> Self {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}').unwrap();
        let pairs = labels.split("\",").filter(|pair| !pair.is_empty());
        let labels = pairs
            .map(|pair| pair.split_once("=\"").unwrap())
            .map(|(label, value)| (label.to_owned(), value.trim_end_matches('"').to_owned()))
            .collect();
        Self { name: name.to_owned(), labels, value: value.parse().unwrap() }
    }

    /// The family that a line belongs to.
    pub fn family(&self) -> &str {
        family_of(&self.name)
    }
}

/// A histogram is several series.
pub fn family_of(name: &str) -> &str {
    ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}
