//! The user's decision, and what it opens.
//!
//! ```text
//!            undecided ──(opt-in)──► Held ──any granted──► Open ◄──► Closed
//!                └──────(opt-out)──► Open        └──all denied──► Closed ┘
//! ```
//! A saved decision that cannot be read holds everything back until there is a new one, under either model (fails closed).
//! Events that were made before the decision carry the decision that released them, in the envelope's context; all
//! others carry the preferences as of their call.

use headwater_model::id::Seq;
use headwater_model::json::{Limits, Members, Object, parse, write_u64};

use crate::config::{ConsentConfig, ConsentModel};

/// Whether events may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    Held,
    Closed,
}

#[derive(Debug)]
pub(crate) struct Consent {
    pub(crate) config: ConsentConfig,
    preferences: Option<Object>,
    /// There was a decision, and it cannot be read: nothing flows until there is one again, under either model.
    unreadable: bool,
    /// Events up to here were made before the decision; they go out under these preferences.
    released: Option<(Seq, Object)>,
}

impl Consent {
    pub(crate) fn new(config: ConsentConfig) -> Consent {
        Consent {
            config,
            preferences: None,
            unreadable: false,
            released: None,
        }
    }

    pub(crate) fn gate(&self) -> Gate {
        match (&self.preferences, self.config.model) {
            (None, ConsentModel::OptIn) => Gate::Held,
            (None, ConsentModel::OptOut) if self.unreadable => Gate::Held,
            (None, ConsentModel::OptOut) => Gate::Open,
            (Some(preferences), _) => {
                let any = preferences
                    .iter()
                    .any(|(_, granted)| granted.as_bool() == Some(true));
                if any { Gate::Open } else { Gate::Closed }
            }
        }
    }

    pub(crate) fn preferences(&self) -> Option<&Object> {
        self.preferences.as_ref()
    }

    /// What an event made now is stamped with.
    pub(crate) fn stamp(&self) -> Option<Object> {
        match (&self.preferences, self.config.model) {
            (Some(preferences), _) => Some(preferences.clone()),
            (None, ConsentModel::OptOut) if !self.unreadable => {
                let mut all = Object::new();
                for id in &self.config.categories {
                    all.insert(id.as_str(), true);
                }
                Some(all)
            }
            (None, _) => None,
        }
    }

    /// A saved decision could not be read.
    pub(crate) fn lost(&mut self) {
        self.preferences = None;
        self.unreadable = true;
    }

    /// Takes a decision; `false` when it changes nothing. Only configured categories count (all, when none are
    /// configured); one that is missing is denied.
    pub(crate) fn decide(&mut self, given: &[(String, bool)]) -> bool {
        let mut preferences = Object::new();
        for id in &self.config.categories {
            preferences.insert(id.as_str(), false);
        }
        for (id, granted) in given {
            if self.config.categories.is_empty() || preferences.contains_key(id) {
                preferences.insert(id.as_str(), *granted);
            }
        }
        if self.preferences.as_ref() == Some(&preferences) {
            return false;
        }
        self.preferences = Some(preferences);
        true
    }

    /// Events up to `until` were held; they go out under the decision just taken.
    pub(crate) fn release(&mut self, until: Seq) {
        if let Some(preferences) = &self.preferences {
            self.released = Some((until, preferences.clone()));
        }
    }

    /// What the envelope of a batch that starts at `first` must add, where that event was released by a decision.
    pub(crate) fn envelope(&self, first: Seq) -> Option<Object> {
        let (until, preferences) = self.released.as_ref()?;
        (first <= *until).then(|| wrap(preferences.clone()))
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut members = Members::default();
        if let Some(preferences) = &self.preferences {
            preferences.write(members.key("preferences"));
        }
        if let Some((until, preferences)) = &self.released {
            write_u64(members.key("releasedUntil"), until.0);
            preferences.write(members.key("releasedUnder"));
        }
        members.end()
    }

    /// A decision that another client took. What was released under an earlier one is this client's own to know.
    /// Answers whether it changes anything.
    pub(crate) fn take_over(&mut self, text: &[u8]) -> bool {
        let (released, before) = (self.released.take(), self.preferences.clone());
        let read = self.restore(text).is_some();
        self.released = released;
        if read {
            self.unreadable = false;
        }
        read && self.preferences != before
    }

    pub(crate) fn restore(&mut self, text: &[u8]) -> Option<()> {
        let mut object = parse(text, &Limits::default()).ok()?.into_object()?;
        let preferences = object.take_object("preferences")?;
        if !preferences
            .iter()
            .all(|(_, granted)| granted.as_bool().is_some())
        {
            return None;
        }
        self.preferences = Some(preferences);
        let until = object.natural("releasedUntil");
        if let (Some(until), Some(under)) = (until, object.take_object("releasedUnder")) {
            self.released = Some((Seq(until), under));
        }
        Some(())
    }
}

/// `{"consent":{"categoryPreferences":…}}`.
pub(crate) fn wrap(preferences: Object) -> Object {
    let mut consent = Object::new();
    consent.insert("categoryPreferences", preferences);
    let mut context = Object::new();
    context.insert("consent", consent);
    context
}
