//! What a build can do without.
//!
//! Most pages ask for no consent, keep no sessions, read no settings document and have no device-mode destinations: they
//! load an engine without the feature `full`. Each of these concepts is a [`Part`] of the engine; without the feature there
//! never is one, and the compiler drops what would be done with it.

#[cfg(feature = "full")]
use crate::{
    clock::Now, consent::Consent, destinations::Destinations, engine::Engine, guard::Guards,
    release::Held, session::Session, settings::Fetcher,
};

/// Whether this build has them.
pub(crate) const FULL: bool = cfg!(feature = "full");

/// One concept of the feature `full`, where the application configured it. Without the feature it takes no room, and
/// there never is one.
#[derive(Debug)]
pub(crate) struct Part<T>(Slot<T>);

#[cfg(feature = "full")]
type Slot<T> = Option<T>;
#[cfg(not(feature = "full"))]
type Slot<T> = core::marker::PhantomData<T>;

impl<T> Default for Part<T> {
    fn default() -> Part<T> {
        Part(Slot::default())
    }
}

#[cfg(feature = "full")]
impl<T> Part<T> {
    pub(crate) fn from(value: Option<T>) -> Part<T> {
        Part(value)
    }

    pub(crate) fn set(&mut self, value: T) {
        self.0 = Some(value);
    }

    pub(crate) fn take(&mut self) -> Option<T> {
        self.0.take()
    }

    pub(crate) fn as_ref(&self) -> Option<&T> {
        self.0.as_ref()
    }

    pub(crate) fn as_mut(&mut self) -> Option<&mut T> {
        self.0.as_mut()
    }
}

#[cfg(not(feature = "full"))]
#[expect(clippy::unused_self, reason = "as with the feature")]
impl<T> Part<T> {
    #[inline(always)]
    pub(crate) fn set(&mut self, _: T) {}

    #[inline(always)]
    pub(crate) fn take(&mut self) -> Option<T> {
        None
    }

    #[inline(always)]
    pub(crate) fn as_ref(&self) -> Option<&T> {
        None
    }

    #[inline(always)]
    pub(crate) fn as_mut(&mut self) -> Option<&mut T> {
        None
    }
}

impl<T> Part<T> {
    #[inline(always)]
    pub(crate) fn is_some(&self) -> bool {
        self.as_ref().is_some()
    }
}

#[cfg(feature = "full")]
impl Engine {
    /// What of this the application configured.
    pub(crate) fn equip(&mut self, now: Now) {
        let config = &mut self.config;
        self.session = Part::from(config.session_timeout.map(Session::new));
        self.consent = Part::from(config.consent.take().map(Consent::new));
        let settings = config.settings.clone();
        self.fetcher = Part::from(settings.map(|settings| Fetcher::new(settings, now)));
        let destinations = core::mem::take(&mut config.destinations);
        self.destinations = Part::from(Some(Destinations::new(destinations)));
        self.held = Part::from(Some(Held::default()));
        self.guards = Part::from(Some(Guards::default()));
    }
}
