//! May this destination have this event?
//!
//! Two rules, in this order. **Consent** (Segment, "Consent in Segment Connections"): a destination mapped to
//! categories needs *all* of them granted; a category that the event does not mention counts as denied; an event
//! without a consent object passes. **Integrations** (Segment, "Spec: Common fields"): a name set to `false` is
//! blocked, a name set to `true` or to options is wanted, and what is not named follows `All`. A wish in
//! `integrations` never overrides a denied consent.

use headwater_model::json::Object;

/// The hub's own name in `integrations` and in the settings document.
pub const HUB: &str = "Segment.io";

/// The event a change of consent sends. It is delivered whatever the categories say.
pub const CONSENT_EVENT: &str = "Segment Consent Preference Updated";

/// The answer for one event and one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may have the event.
    Deliver,
    /// A category it is mapped to is not granted.
    ByConsent,
    /// The event's `integrations` object leaves it out.
    ByIntegrations,
}

/// What is known of consent for one event.
#[derive(Clone, Debug)]
pub enum Consent {
    /// No consent object: nobody asked, everything passes.
    Absent,
    /// `categoryPreferences`: what is not in it counts as denied.
    Preferences(Object),
}

impl Consent {
    /// Reads `context.consent.categoryPreferences`. An empty `consent: {}` counts as absent; anything present but
    /// of the wrong type counts as "nothing granted", because a consent we cannot read is no consent.
    #[must_use]
    pub fn of_context(context: &Object) -> Consent {
        let Some(consent) = context.get("consent") else {
            return Consent::Absent;
        };
        match consent.to_object() {
            Some(consent) if consent.is_empty() => Consent::Absent,
            consent => Consent::Preferences(
                consent
                    .and_then(|mut consent| consent.take_object("categoryPreferences"))
                    .unwrap_or_default(),
            ),
        }
    }

    fn grants(&self, category: &str) -> bool {
        match self {
            Consent::Absent => true,
            Consent::Preferences(preferences) => preferences.flag(category) == Some(true),
        }
    }
}

/// Decides for one destination: `key` is its name in `integrations`, `categories` those it is mapped to.
#[must_use]
pub fn decide(
    key: &str,
    categories: &[String],
    consent: &Consent,
    integrations: &Object,
) -> Decision {
    if !categories.iter().all(|category| consent.grants(category)) {
        return Decision::ByConsent;
    }
    if !integrations_allow(integrations, key) {
        return Decision::ByIntegrations;
    }
    Decision::Deliver
}

/// Whether `integrations` lets a device-mode or cloud-mode destination through.
#[must_use]
pub fn integrations_allow(integrations: &Object, key: &str) -> bool {
    match integrations.get(key) {
        Some(entry) if !entry.is_null() => {
            // Options for the destination: naming it is wanting it.
            entry.as_bool() != Some(false)
        }
        _ => integrations.flag("All") != Some(false),
    }
}

/// Whether the event goes to the hub at all: only an explicit `"Segment.io": false` keeps it away, `All: false`
/// does not (analytics-next behaves so, and warehouses hang on the hub).
#[must_use]
pub fn hub_allowed(integrations: &Object) -> bool {
    integrations.flag(HUB) != Some(false)
}

/// Whether it keeps the event from anybody.
#[cfg(feature = "full")]
#[must_use]
pub fn blocks(integrations: &Object) -> bool {
    integrations
        .iter()
        .any(|(_, entry)| entry.as_bool() == Some(false))
}

/// What was off `before` a plugin saw the event is off `after` it, too, unless the plugin said a plain `true`: to set
/// options below a name (`integrations.Amplitude.session_id`) is no wish to have it.
#[cfg(feature = "full")]
pub fn keep_off(before: &Object, after: &mut Object) {
    after.retain(|name, entry| {
        let allowed = if name == HUB {
            hub_allowed(before)
        } else {
            integrations_allow(before, name)
        };
        if allowed || entry.as_bool().is_some() || entry.is_null() {
            return true;
        }
        *entry = false.into();
        before.contains_key(name)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_model::json::{Limits, parse};

    fn object(text: &str) -> Object {
        let value = parse(text.as_bytes(), &Limits::default()).unwrap();
        value.into_object().unwrap()
    }

    fn decide_text(context: &str, integrations: &str, categories: &[&str]) -> Decision {
        let categories: Vec<String> = categories.iter().map(ToString::to_string).collect();
        let context = object(context);
        decide(
            "Ads",
            &categories,
            &Consent::of_context(&context),
            &object(integrations),
        )
    }

    #[test]
    fn without_a_consent_object_everything_passes() {
        assert_eq!(decide_text("{}", "{}", &["ads"]), Decision::Deliver);
        assert_eq!(
            decide_text(r#"{"consent":{}}"#, "{}", &["ads"]),
            Decision::Deliver
        );
    }

    #[test]
    fn empty_preferences_deny_every_category_but_let_unmapped_destinations_through() {
        let context = r#"{"consent":{"categoryPreferences":{}}}"#;
        assert_eq!(decide_text(context, "{}", &["ads"]), Decision::ByConsent);
        assert_eq!(decide_text(context, "{}", &[]), Decision::Deliver);
    }

    #[test]
    fn every_category_of_a_destination_must_be_granted() {
        let context =
            r#"{"consent":{"categoryPreferences":{"ads":true,"analytics":false,"x":true}}}"#;
        assert_eq!(decide_text(context, "{}", &["ads"]), Decision::Deliver);
        assert_eq!(
            decide_text(context, "{}", &["ads", "analytics"]),
            Decision::ByConsent
        );
        assert_eq!(
            decide_text(context, "{}", &["ads", "unknown"]),
            Decision::ByConsent
        );
    }

    #[test]
    fn a_consent_that_cannot_be_read_fails_closed() {
        for context in [
            r#"{"consent":true}"#,
            r#"{"consent":{"categoryPreferences":"all"}}"#,
            r#"{"consent":{"categoryPreferences":{"ads":"yes"}}}"#,
        ] {
            assert_eq!(
                decide_text(context, "{}", &["ads"]),
                Decision::ByConsent,
                "{context}"
            );
        }
    }

    #[test]
    fn a_wish_in_integrations_does_not_override_a_denied_consent() {
        let context = r#"{"consent":{"categoryPreferences":{"ads":false}}}"#;
        assert_eq!(
            decide_text(context, r#"{"Ads":true}"#, &["ads"]),
            Decision::ByConsent
        );
    }

    #[test]
    fn an_explicit_name_beats_all() {
        assert_eq!(
            decide_text("{}", r#"{"All":false}"#, &[]),
            Decision::ByIntegrations
        );
        assert_eq!(
            decide_text("{}", r#"{"All":false,"Ads":true}"#, &[]),
            Decision::Deliver
        );
        assert_eq!(
            decide_text("{}", r#"{"All":false,"Ads":{"id":1}}"#, &[]),
            Decision::Deliver
        );
        assert_eq!(
            decide_text("{}", r#"{"All":true,"Ads":false}"#, &[]),
            Decision::ByIntegrations
        );
        assert_eq!(
            decide_text("{}", r#"{"Other":false}"#, &[]),
            Decision::Deliver
        );
    }

    #[test]
    fn only_its_own_name_keeps_an_event_from_the_hub() {
        assert!(hub_allowed(&object(r#"{"All":false}"#)));
        assert!(!hub_allowed(&object(r#"{"Segment.io":false}"#)));
    }
}
