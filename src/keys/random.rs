//! The one generator: the operating system's, through ring.

use std::sync::LazyLock;

use ring::rand::SecureRandom as _;

use crate::domain::random::Random;

/// The operating system's generator.
#[derive(Clone, Debug)]
pub struct SystemRandom(ring::rand::SystemRandom);

impl SystemRandom {
    /// A handle to it.
    #[allow(
        clippy::disallowed_methods,
        clippy::new_without_default,
        reason = "the one place that makes the injected generator, and makes it visibly"
    )]
    pub fn new() -> Self {
        Self(ring::rand::SystemRandom::new())
    }
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness nothing here is safe to run; the trait says that it must not return.
        #[allow(clippy::panic, reason = "a process without randomness must not go on")]
        if self.0.fill(bytes).is_err() {
            panic!("the operating system gives no randomness");
        }
    }
}

/// The generator for ring's own calls, which take no other: their trait is sealed. Signature nonces and P-256
/// scalars come from here.
pub(super) fn ring_generator() -> &'static ring::rand::SystemRandom {
    static GENERATOR: LazyLock<ring::rand::SystemRandom> = LazyLock::new(|| SystemRandom::new().0);
    &GENERATOR
}
