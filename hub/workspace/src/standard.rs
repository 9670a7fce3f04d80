//! Segment's standard events as plans, to check against or to begin a plan of one's own with.

/// Name and text of each.
const PLANS: [(&str, &str); 6] = [
    ("b2b", include_str!("../plans/b2b.json")),
    ("ecommerce", include_str!("../plans/ecommerce.json")),
    ("email", include_str!("../plans/email.json")),
    ("live-chat", include_str!("../plans/live-chat.json")),
    ("mobile", include_str!("../plans/mobile.json")),
    ("video", include_str!("../plans/video.json")),
];

/// The names of the standard plans.
pub fn standard_plans() -> impl Iterator<Item = &'static str> {
    PLANS.iter().map(|(name, _)| *name)
}

/// A standard plan's text, in the Public API's format.
#[must_use]
pub fn standard_plan(name: &str) -> Option<&'static str> {
    let found = PLANS.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text)
}
