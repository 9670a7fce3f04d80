//! What a plan does to events that it does not have, or that violate it. The names are those of Segment's Public API.

/// A source's settings for its plan. The default lets everything pass, marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enforcement {
    /// For track events.
    pub track: TrackEnforcement,
    /// For identify events.
    pub identify: TraitsEnforcement,
    /// For group events.
    pub group: TraitsEnforcement,
}

/// For track events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackEnforcement {
    /// Whether an event that no rule names passes. Default true.
    pub allow_unplanned_events: bool,
    /// Whether properties that its rule does not name stay in an event. Default true.
    pub allow_unplanned_event_properties: bool,
    /// Whether an event with violations of its rule passes. Default true.
    pub allow_event_on_violations: bool,
    /// Whether properties that violate its rule stay in an event. Default true.
    pub allow_properties_on_violations: bool,
    /// What violations of the common rule do. Default: nothing.
    pub common_event_on_violations: OnViolations,
}

impl Default for TrackEnforcement {
    fn default() -> TrackEnforcement {
        TrackEnforcement {
            allow_unplanned_events: true,
            allow_unplanned_event_properties: true,
            allow_event_on_violations: true,
            allow_properties_on_violations: true,
            common_event_on_violations: OnViolations::Allow,
        }
    }
}

/// For identify or group events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraitsEnforcement {
    /// Whether traits that the rule does not name stay in an event. Default true.
    pub allow_unplanned_traits: bool,
    /// Whether traits that violate the rule stay in an event. Default true.
    pub allow_traits_on_violations: bool,
    /// What violations of the common rule do. Default: nothing.
    pub common_event_on_violations: OnViolations,
}

impl Default for TraitsEnforcement {
    fn default() -> TraitsEnforcement {
        TraitsEnforcement {
            allow_unplanned_traits: true,
            allow_traits_on_violations: true,
            common_event_on_violations: OnViolations::Allow,
        }
    }
}

/// What violations of the common rule do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnViolations {
    /// The event passes, marked.
    #[default]
    Allow,
    /// What violates is left out.
    Omit,
    /// The event is blocked.
    Block,
}
