//! Randomness as an argument: whoever needs it is handed a generator, so that nothing draws on an
//! ambient one and a test can say what came out.

/// A source of cryptographically secure random bytes.
pub trait Random: Send + Sync {
    /// Fills the whole slice. A generator that cannot must not return (the process is not safe to run).
    fn fill(&self, bytes: &mut [u8]);
}

/// An array of random bytes.
pub fn bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut out = [0u8; N];
    random.fill(&mut out);
    out
}
