//! Who the current user is, and what each call does to that.

use headwater_model::id::AnonymousId;
use headwater_model::json::{Limits, Members, Object, parse, write_string};

/// The current user. Saved whenever it changes; stamped on each event at the call.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// The device's or visitor's id; there always is one in device mode.
    pub anonymous_id: AnonymousId,
    /// The known user, after an identify.
    pub user_id: Option<String>,
    /// What is known of the user.
    pub traits: Object,
    /// The user's account, after a group call.
    pub group_id: Option<String>,
    /// What is known of the account.
    pub group_traits: Object,
}

/// The most that is remembered of one user and account, as JSON: identifies add up, and what is saved must be readable
/// again at the next start.
pub(crate) const MAX_BYTES: usize = 512 * 1024;

impl Identity {
    /// Nobody known yet: a random anonymousId from this entropy.
    #[must_use]
    pub fn fresh(entropy: [u8; 16]) -> Identity {
        Identity {
            anonymous_id: AnonymousId::from_entropy(entropy),
            user_id: None,
            traits: Object::new(),
            group_id: None,
            group_traits: Object::new(),
        }
    }

    /// An identify call. Traits are merged while the user stays the same (or becomes known); another user starts
    /// with nothing: fresh traits, no group, and an anonymousId of its own, so that two people who share a device
    /// are not tied together (analytics-next does the same).
    pub(crate) fn identify(&mut self, user_id: Option<&str>, traits: Object, entropy: [u8; 16]) {
        if let Some(user_id) = user_id {
            if self
                .user_id
                .as_deref()
                .is_some_and(|current| current != user_id)
            {
                *self = Identity::fresh(entropy);
            }
            self.user_id = Some(user_id.to_owned());
        }
        for (key, value) in traits {
            self.traits.insert(key, value);
        }
    }

    /// A group call: the same rule for the account.
    pub(crate) fn group(&mut self, group_id: &str, traits: Object) {
        if self.group_id.as_deref() != Some(group_id) {
            self.group_traits = Object::new();
            self.group_id = Some(group_id.to_owned());
        }
        for (key, value) in traits {
            self.group_traits.insert(key, value);
        }
    }

    /// The saved form.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut members = Members::default();
        write_string(members.key("anonymousId"), self.anonymous_id.as_str());
        if let Some(user_id) = &self.user_id {
            write_string(members.key("userId"), user_id);
        }
        self.traits.write(members.key("traits"));
        if let Some(group_id) = &self.group_id {
            write_string(members.key("groupId"), group_id);
            self.group_traits.write(members.key("groupTraits"));
        }
        members.end()
    }

    /// Reads the saved form.
    #[must_use]
    pub fn from_json(text: &[u8]) -> Option<Identity> {
        let value = parse(text, &Limits::default().with_max_bytes(2 * MAX_BYTES)).ok()?;
        let mut object = value.into_object()?;
        Some(Identity {
            anonymous_id: AnonymousId::new(object.take_text("anonymousId")?).ok()?,
            user_id: object.take_text("userId"),
            group_id: object.take_text("groupId"),
            traits: object.take_object("traits").unwrap_or_default(),
            group_traits: object.take_object("groupTraits").unwrap_or_default(),
        })
    }
}
