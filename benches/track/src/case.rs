//! One case: whose calls are measured, how many, how fast they come, and what the hub does meanwhile.

use std::fmt;
use std::str::FromStr;

use measure::Failure;

/// Calls a second of the paced cases: a busy server's, at which nobody is short of processor time.
pub(crate) const RATE: u32 = 2_000;

/// How calls follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Without a pause.
    Burst,
    /// [`RATE`] a second, each at its own time.
    Even,
}

/// What the hub does while the measured calls are made. Before and after it takes everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hub {
    /// It takes everything.
    Up,
    /// Nobody listens on its port.
    Refuses,
    /// It answers 500.
    Fails,
}

/// What one row of the tables is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// The contender.
    pub(crate) name: &'static str,
    /// Measured calls of a round.
    pub(crate) calls: u32,
    pub(crate) pace: Pace,
    pub(crate) hub: Hub,
}

impl Case {
    /// Whether the contender delivers at all; the limits do not.
    pub(crate) fn delivers(&self) -> bool {
        !matches!(self.name, "idle" | "write(2)" | "write" | "write+fdatasync")
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pace::Burst => "burst",
            Pace::Even => "even",
        })
    }
}

impl FromStr for Pace {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        match text {
            "burst" => Ok(Pace::Burst),
            "even" => Ok(Pace::Even),
            _ => Err(format!("no pace is called {text}").into()),
        }
    }
}
