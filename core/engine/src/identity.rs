//! Who the current user is, and what each call does to that.

use headwater_model::id::AnonymousId;
use headwater_model::json::{Limits, Object, Value, parse};

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
        let mut object = Object::new();
        object.insert("anonymousId", self.anonymous_id.as_str());
        if let Some(user_id) = &self.user_id {
            object.insert("userId", user_id.as_str());
        }
        object.insert("traits", Value::Object(self.traits.clone()));
        if let Some(group_id) = &self.group_id {
            object.insert("groupId", group_id.as_str());
            object.insert("groupTraits", Value::Object(self.group_traits.clone()));
        }
        let mut out = Vec::new();
        object.write(&mut out);
        out
    }

    /// Reads the saved form.
    #[must_use]
    pub fn from_json(text: &[u8]) -> Option<Identity> {
        let Ok(Value::Object(mut object)) =
            parse(text, &Limits::default().with_max_bytes(2 * MAX_BYTES))
        else {
            return None;
        };
        let anonymous_id = object.get("anonymousId").and_then(Value::as_str)?;
        Some(Identity {
            anonymous_id: AnonymousId::new(anonymous_id).ok()?,
            user_id: text_of(&object, "userId"),
            group_id: text_of(&object, "groupId"),
            traits: object_of(&mut object, "traits"),
            group_traits: object_of(&mut object, "groupTraits"),
        })
    }
}

fn text_of(object: &Object, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn object_of(object: &mut Object, key: &str) -> Object {
    match object.remove(key) {
        Some(Value::Object(inner)) => inner,
        _ => Object::new(),
    }
}
