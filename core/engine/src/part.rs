//! What a build can do without.
//!
//! Most pages ask for no consent, keep no sessions, read no settings document and have no device-mode destinations: they
//! load an engine without the feature `full`. Each of these concepts is a [`Part`] of the engine; without the feature there
//! never is one, and the compiler drops what would be done with it.

/// Whether this build has them.
pub(crate) const FULL: bool = cfg!(feature = "full");

/// One concept of the feature `full`, where the application configured it. As an `Option`, that is always `None` without
/// the feature.
#[derive(Debug)]
pub(crate) struct Part<T>(Option<T>);

impl<T> Part<T> {
    #[inline(always)]
    pub(crate) fn new(value: impl FnOnce() -> Option<T>) -> Part<T> {
        Part(if FULL { value() } else { None })
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, value: T) {
        if FULL {
            self.0 = Some(value);
        }
    }

    #[inline(always)]
    pub(crate) fn as_ref(&self) -> Option<&T> {
        if FULL { self.0.as_ref() } else { None }
    }

    #[inline(always)]
    pub(crate) fn as_mut(&mut self) -> Option<&mut T> {
        if FULL { self.0.as_mut() } else { None }
    }

    #[inline(always)]
    pub(crate) fn is_some(&self) -> bool {
        self.as_ref().is_some()
    }
}
