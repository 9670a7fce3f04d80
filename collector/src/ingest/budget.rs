//! How many bytes of bodies are held at one time, over all connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bound.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicUsize,
    max: usize,
}

/// What one request holds; given back when dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Arc<Budget>,
    held: usize,
}

impl Budget {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicUsize::new(0),
            max,
        })
    }

    /// A charge of nothing yet.
    pub(crate) fn open(self: &Arc<Self>) -> Charge {
        Charge {
            budget: Arc::clone(self),
            held: 0,
        }
    }
}

impl Charge {
    /// Holds `bytes` in all, if they are to be had; never fewer than before.
    #[must_use]
    pub(crate) fn hold(&mut self, bytes: usize) -> bool {
        let Some(more) = bytes.checked_sub(self.held).filter(|more| *more > 0) else {
            return true;
        };
        let before = self.budget.used.fetch_add(more, Ordering::Relaxed);
        if before + more > self.budget.max {
            self.budget.used.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.held = bytes;
        true
    }

    /// Holds `bytes` on top of what is held.
    #[must_use]
    pub(crate) fn add(&mut self, bytes: usize) -> bool {
        self.hold(self.held + bytes)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_the_bound_is_refused_and_what_is_dropped_is_free_again() {
        let budget = Budget::new(100);
        let mut first = budget.open();
        assert!(first.hold(60) && first.hold(40));
        let mut second = budget.open();
        assert!(!second.hold(41) && second.add(40));
        drop(first);
        assert!(second.hold(100));
    }
}
