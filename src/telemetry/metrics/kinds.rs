//! The kinds of metric, over the vectors of the library. They live inside [`super::Metrics`], whose verbs choose the
//! labels: nothing outside this module can make a label of something that a person typed.

use prometheus::core::Collector;
use prometheus::{CounterVec, GaugeVec, HistogramOpts, HistogramVec, Opts, Registry};

use super::families::{Family, Label};

/// What only grows. A family that cannot be declared counts nothing; the test over all families finds it.
pub(super) struct Counter(Option<CounterVec>);

/// What goes up and down.
pub(super) struct Gauge(Option<GaugeVec>);

/// How long things took, in seconds.
pub(super) struct Histogram(Option<HistogramVec>);

impl Counter {
    pub(super) const KIND: &'static str = "counter";

    pub(super) fn declare(registry: &Registry, family: &Family) -> Self {
        let counter = Self(registered(registry, CounterVec::new(options(family), &names(family))));
        // From zero on, or the first failure after a start would be no increase.
        for labels in combinations(family.labels) {
            counter.add(&labels, 0);
        }
        counter
    }

    pub(super) fn add(&self, labels: &[&str], many: u64) {
        if let Some(counter) = self.0.as_ref().and_then(|vector| vector.get_metric_with_label_values(labels).ok()) {
            counter.inc_by(float(many));
        }
    }

    /// Catches up with a total that is counted elsewhere.
    pub(super) fn raise_to(&self, labels: &[&str], total: f64) {
        if let Some(counter) = self.0.as_ref().and_then(|vector| vector.get_metric_with_label_values(labels).ok()) {
            counter.inc_by((total - counter.get()).max(0.0));
        }
    }
}

impl Gauge {
    pub(super) const KIND: &'static str = "gauge";

    pub(super) fn declare(registry: &Registry, family: &Family) -> Self {
        Self(registered(registry, GaugeVec::new(options(family), &names(family))))
    }

    pub(super) fn set(&self, labels: &[&str], value: f64) {
        if let Some(gauge) = self.0.as_ref().and_then(|vector| vector.get_metric_with_label_values(labels).ok()) {
            gauge.set(value);
        }
    }

    pub(super) fn add(&self, labels: &[&str], difference: f64) {
        if let Some(gauge) = self.0.as_ref().and_then(|vector| vector.get_metric_with_label_values(labels).ok()) {
            gauge.add(difference);
        }
    }

    /// What is not known now is not shown, rather than what was true once.
    pub(super) fn forget(&self) {
        if let Some(vector) = &self.0 {
            vector.reset();
        }
    }
}

impl Histogram {
    pub(super) const KIND: &'static str = "histogram";

    pub(super) fn declare(registry: &Registry, family: &Family) -> Self {
        let options = HistogramOpts::from(options(family)).buckets(family.buckets.to_vec());
        let histogram = Self(registered(registry, HistogramVec::new(options, &names(family))));
        if family.labels.is_empty()
            && let Some(vector) = &histogram.0
        {
            // Shown before the first observation.
            let _ = vector.get_metric_with_label_values::<&str>(&[]);
        }
        histogram
    }

    pub(super) fn observe(&self, labels: &[&str], seconds: f64) {
        if let Some(histogram) = self.0.as_ref().and_then(|vector| vector.get_metric_with_label_values(labels).ok()) {
            histogram.observe(seconds);
        }
    }
}

fn options(family: &Family) -> Opts {
    Opts::new(family.name, family.meaning)
}

fn names(family: &Family) -> Vec<&'static str> {
    family.labels.iter().map(|label| label.name).collect()
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<C>) -> Option<C> {
    let vector = made.ok()?;
    registry.register(Box::new(vector.clone())).ok()?;
    Some(vector)
}

/// Every combination of values, where all labels have a closed list; one empty combination where there is no label.
fn combinations(labels: &[Label]) -> Vec<Vec<&'static str>> {
    labels.iter().fold(vec![Vec::new()], |begun, label| {
        begun
            .iter()
            .flat_map(|so_far| label.values.iter().map(move |value| [so_far.as_slice(), &[*value]].concat()))
            .collect()
    })
}

/// Counts beyond 2^53 lose their last digit, which no graph shows.
#[allow(clippy::cast_precision_loss, reason = "Prometheus knows only floating-point numbers")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}
