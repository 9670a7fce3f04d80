//! How far each warehouse, and each other consumer of all events, is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use headwater_collector::log::Place;

use crate::sinks::Loaded;

/// How far one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stand {
    /// Everything before it is loaded.
    pub progress: Place,
    /// What all loads brought.
    pub totals: Loaded,
    /// When the last load of this process ended, in milliseconds.
    pub loaded_at: Option<i64>,
    /// Loads and openings that failed in this process.
    pub failures: u64,
    /// Why the last one failed, until one succeeds.
    pub failing: Option<String>,
}

/// All of them, by id or name.
#[derive(Clone, Debug, Default)]
pub struct Stands(Arc<Mutex<BTreeMap<String, Stand>>>);

impl Stands {
    /// How far `name` is; `None` where it does not run.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<Stand> {
        let stands = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stands.get(name).cloned()
    }

    /// One that begins.
    pub(super) fn begin(&self, name: &str) -> Standing {
        let standing = Standing {
            stands: self.clone(),
            name: name.to_owned(),
        };
        standing.change(|stand| *stand = Stand::default());
        standing
    }
}

/// The place where one says how far it is.
#[derive(Debug)]
pub(super) struct Standing {
    stands: Stands,
    name: String,
}

impl Standing {
    pub(super) fn change(&self, change: impl FnOnce(&mut Stand)) {
        let mut stands = self.stands.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(stands.entry(self.name.clone()).or_default());
    }
}
