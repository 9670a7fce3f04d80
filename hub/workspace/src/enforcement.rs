//! What a source's plan may do, by the names of Segment's Public API.

use headwater_govern::plan;
use schemars::JsonSchema;
use serde::Deserialize;

/// A source's settings for its plan. Without any, events pass and what is wrong with them is marked.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnforcementFile {
    /// For track events.
    #[serde(default)]
    pub track: TrackEnforcement,
    /// For identify events.
    #[serde(default)]
    pub identify: TraitsEnforcement,
    /// For group events.
    #[serde(default)]
    pub group: TraitsEnforcement,
}

/// For track events.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct TrackEnforcement {
    /// Whether events that no rule names pass.
    pub allow_unplanned_events: bool,
    /// Whether properties that an event's rule does not name stay in it.
    pub allow_unplanned_event_properties: bool,
    /// Whether events with violations of their rule pass.
    pub allow_event_on_violations: bool,
    /// Whether properties that violate an event's rule stay in it.
    pub allow_properties_on_violations: bool,
    /// What violations of the rule for all events do.
    pub common_event_on_violations: OnTrackViolations,
}

impl Default for TrackEnforcement {
    fn default() -> TrackEnforcement {
        TrackEnforcement {
            allow_unplanned_events: true,
            allow_unplanned_event_properties: true,
            allow_event_on_violations: true,
            allow_properties_on_violations: true,
            common_event_on_violations: OnTrackViolations::Allow,
        }
    }
}

/// What violations of the rule for all events do to a track event.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OnTrackViolations {
    /// It passes, marked.
    Allow,
    /// The properties that violate are left out.
    OmitProperties,
    /// It is blocked.
    Block,
}

/// For identify or group events.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct TraitsEnforcement {
    /// Whether traits that the rule does not name stay in an event.
    pub allow_unplanned_traits: bool,
    /// Whether traits that violate the rule stay in an event.
    pub allow_traits_on_violations: bool,
    /// What violations of the rule for all events do.
    pub common_event_on_violations: OnTraitsViolations,
}

impl Default for TraitsEnforcement {
    fn default() -> TraitsEnforcement {
        TraitsEnforcement {
            allow_unplanned_traits: true,
            allow_traits_on_violations: true,
            common_event_on_violations: OnTraitsViolations::Allow,
        }
    }
}

/// What violations of the rule for all events do to an identify or group event.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OnTraitsViolations {
    /// It passes, marked.
    Allow,
    /// The traits that violate are left out.
    OmitTraits,
    /// It is blocked.
    Block,
}

impl EnforcementFile {
    pub(crate) fn enforcement(self) -> plan::Enforcement {
        let track = self.track;
        plan::Enforcement {
            track: plan::TrackEnforcement {
                allow_unplanned_events: track.allow_unplanned_events,
                allow_unplanned_event_properties: track.allow_unplanned_event_properties,
                allow_event_on_violations: track.allow_event_on_violations,
                allow_properties_on_violations: track.allow_properties_on_violations,
                common_event_on_violations: match track.common_event_on_violations {
                    OnTrackViolations::Allow => plan::OnViolations::Allow,
                    OnTrackViolations::OmitProperties => plan::OnViolations::Omit,
                    OnTrackViolations::Block => plan::OnViolations::Block,
                },
            },
            identify: self.identify.enforcement(),
            group: self.group.enforcement(),
        }
    }
}

impl TraitsEnforcement {
    fn enforcement(self) -> plan::TraitsEnforcement {
        plan::TraitsEnforcement {
            allow_unplanned_traits: self.allow_unplanned_traits,
            allow_traits_on_violations: self.allow_traits_on_violations,
            common_event_on_violations: match self.common_event_on_violations {
                OnTraitsViolations::Allow => plan::OnViolations::Allow,
                OnTraitsViolations::OmitTraits => plan::OnViolations::Omit,
                OnTraitsViolations::Block => plan::OnViolations::Block,
            },
        }
    }
}
