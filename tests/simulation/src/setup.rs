//! How one life is set up: the application's configuration and how bad the weather is.

use headwater_engine::{
    Config, ConsentConfig, ConsentModel, DestinationConfig, Endpoint, Hold, Pace, SettingsConfig,
};
use headwater_model::id::WriteKey;

use crate::dice::Dice;
use crate::guard::{Place, Scrub};

/// The consent categories of every life.
pub(crate) const CATEGORIES: [&str; 2] = ["a", "b"];
/// The device-mode destinations: one that is mapped to a category and always on, one that waits for the settings.
pub(crate) const DESTINATIONS: [&str; 2] = ["Ads", "Crm"];

/// How this life is set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) sync: bool,
    pub(crate) consent: Consent,
    pub(crate) hold_in_memory: bool,
    pub(crate) quota_events: Option<usize>,
    pub(crate) batch_events: usize,
    pub(crate) batch_bytes: usize,
    pub(crate) max_retries: Option<u32>,
    pub(crate) sessions: bool,
    pub(crate) settings: bool,
    pub(crate) destinations: bool,
    /// Permille of effects at which the process dies.
    pub(crate) crashes: u64,
    /// Permille of requests that something happens to.
    pub(crate) weather: u64,
    pub(crate) rot: bool,
    /// A plugin that guards events, and permille of tries at which it fails.
    pub(crate) guard: Option<Place>,
    pub(crate) guard_fails: u64,
}

/// The rule before a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    NotAsked,
    OptIn,
    OptOut,
}

impl Setup {
    pub(crate) fn roll(dice: &mut Dice) -> Setup {
        let size = |n: u64| usize::try_from(n).unwrap_or(1);
        let count = |n: u64| u32::try_from(n).unwrap_or(1);
        Setup {
            sync: dice.chance(300),
            consent: dice
                .pick(&[
                    Consent::NotAsked,
                    Consent::NotAsked,
                    Consent::OptIn,
                    Consent::OptOut,
                ])
                .unwrap_or(Consent::NotAsked),
            hold_in_memory: dice.chance(300),
            quota_events: dice.chance(150).then(|| size(dice.range(5, 30))),
            batch_events: size(dice.range(1, 12)),
            batch_bytes: size(dice.range(1_024, 40_000)),
            max_retries: dice.chance(150).then(|| count(dice.range(1, 5))),
            sessions: dice.chance(300),
            settings: dice.chance(300),
            destinations: dice.chance(400),
            crashes: if dice.chance(600) {
                dice.range(1, 25)
            } else {
                0
            },
            weather: dice.range(0, 600),
            rot: dice.chance(80),
            guard: None,
            guard_fails: 0,
        }
    }

    /// From dice of its own, so that lives without a guard are what they were.
    pub(crate) fn roll_guard(&mut self, seed: u64) {
        let mut dice = Dice::new(!seed);
        let places = [None, None, Some(Place::Inside), Some(Place::Outside)];
        self.guard = dice.pick(&places).unwrap_or_default();
        self.guard_fails = dice.range(20, 700);
    }

    pub(crate) fn config(&self, scrub: &Scrub) -> Option<Config> {
        let mut config = Config::new(
            WriteKey::new("key").ok()?,
            Endpoint::new("https://hub.example").ok()?,
        );
        config.pace = Pace {
            events: 7,
            interval: Some(10_000),
            ..Pace::NEVER
        };
        if self.guard == Some(Place::Inside) {
            config.timeline.add(Box::new(scrub.clone()));
        }
        config.max_batch_events = self.batch_events;
        config.max_batch_bytes = self.batch_bytes;
        config.retry.max_retries = self.max_retries;
        if let Some(events) = self.quota_events {
            config.quota.events = events;
        }
        // Days pass in a storm; the clock jumps, too. Age is tested where time is calm.
        config.quota.age = 400 * 24 * 3_600_000;
        if self.sessions {
            config.session_timeout = Some(1_800_000);
        }
        if self.settings {
            config.settings = Some(SettingsConfig::new("https://hub.example/settings"));
        }
        let model = match self.consent {
            Consent::NotAsked => None,
            Consent::OptIn => Some(ConsentModel::OptIn),
            Consent::OptOut => Some(ConsentModel::OptOut),
        };
        config.consent = model.map(|model| ConsentConfig {
            model,
            categories: CATEGORIES.map(str::to_owned).to_vec(),
            hold: if self.hold_in_memory {
                Hold::Memory
            } else {
                Hold::Persist
            },
        });
        if self.destinations {
            let destination = |key: &str, categories: &[&str], needs_settings| DestinationConfig {
                key: key.to_owned(),
                categories: categories.iter().map(ToString::to_string).collect(),
                needs_settings,
            };
            config.destinations = vec![
                destination(DESTINATIONS[0], &["a"], false),
                destination(DESTINATIONS[1], &[], self.settings),
            ];
        }
        Some(config)
    }
}
