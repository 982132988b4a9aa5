//! A bounded map that keeps what was put into it lately.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

/// Keeps at least the last `most` and at most twice as many; older ones are forgotten by themselves, without a clock and
/// without a list that each look would have to change.
pub struct Lately<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    most: usize,
}

impl<K: Eq + Hash, V: Clone> Lately<K, V> {
    /// An empty one.
    pub fn new(most: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), most }
    }

    /// What is kept under a key.
    pub fn get(&self, key: &K) -> Option<V> {
        self.young.get(key).or_else(|| self.old.get(key)).cloned()
    }

    /// Keeps a value in place of the one before.
    pub fn keep(&mut self, key: K, value: V) {
        if self.young.len() >= self.most {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

/// What is kept may be a secret or somebody's record.
impl<K, V> fmt::Debug for Lately<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lately").field("kept", &(self.young.len() + self.old.len())).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The last `most` different keys are there, each with its last value, and never more than twice as many.
        #[test]
        fn the_last_are_kept(most in 1usize..8, keys in proptest::collection::vec(0u8..32, 0..200)) {
            let mut lately = Lately::new(most);
            for (value, key) in keys.iter().enumerate() {
                lately.keep(*key, value);
                prop_assert!(lately.young.len() + lately.old.len() <= 2 * most);
            }
            let mut seen = std::collections::HashSet::new();
            for (value, key) in keys.iter().enumerate().rev() {
                if seen.insert(*key) {
                    if seen.len() <= most {
                        prop_assert_eq!(lately.get(key), Some(value));
                    } else {
                        prop_assert!(lately.get(key).is_none_or(|found| found == value));
                    }
                }
            }
        }
    }
}
