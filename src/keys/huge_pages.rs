//! Huge pages (Linux) for the memory of password hashes, and for nothing else.
//!
//! A hash goes through its 19 MiB at random and is faster by a third and more where they are ten pages. The rest of a server
//! lies all over its heap, a little on each page: with huge ones it holds twice the memory that it uses.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many hash now; nothing where huge pages are left as the system has them.
static HASHING: Mutex<Option<usize>> = Mutex::new(None);

fn hashing() -> MutexGuard<'static, Option<usize>> {
    HASHING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on the process gets huge pages while it hashes, and at no other time. A system that has no such thing has no huge
/// pages to be saved from.
pub fn only_for_hashes() {
    let mut many = hashing();
    if many.is_none() {
        *many = Some(0);
        allow(false);
    }
}

/// Somebody hashes.
#[must_use = "huge pages are given back with it"]
pub(super) struct HugePages(());

impl HugePages {
    /// To be had before the memory is.
    pub(super) fn lent() -> Self {
        if let Some(many) = &mut *hashing() {
            *many += 1;
            if *many == 1 {
                allow(true);
            }
        }
        Self(())
    }
}

impl Drop for HugePages {
    fn drop(&mut self) {
        if let Some(many) = &mut *hashing() {
            *many = many.saturating_sub(1);
            if *many == 0 {
                allow(false);
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn allow(huge: bool) {
    // Fails on a kernel without them only.
    let _ = rustix::thread::disable_transparent_huge_pages(!huge);
}

#[cfg(not(target_os = "linux"))]
const fn allow(_huge: bool) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn they_are_there_while_anybody_hashes() {
        let are_there = || !rustix::thread::transparent_huge_pages_are_disabled().unwrap();
        only_for_hashes();
        let (first, second) = (HugePages::lent(), HugePages::lent());
        assert!(are_there());
        drop(first);
        assert!(are_there(), "another one hashes");
        only_for_hashes();
        assert!(are_there(), "said twice, it takes nobody's away");
        drop(second);
    }
}
