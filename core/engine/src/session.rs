//! Sessions: off by default; an id (unix seconds) and a mark on the first event of each.
//!
//! A session ends when no event came for the timeout (30 minutes unless configured), or when the clock went back
//! behind the last event, which can only be a changed clock. RudderStack's SDKs use the same two context keys,
//! `sessionId` and `sessionStart`.

use headwater_model::json::{Limits, Members, parse, write_bool, write_i64, write_u64};

use crate::input::SessionCommand;

/// How often a running session is saved at most, milliseconds: a crash may shorten it by that.
const SAVE_EVERY: i64 = 60_000;
/// A clock may step back by this (NTP does) without ending a session, milliseconds.
const STEP_BACK: i64 = 60_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    timeout: i64,
    id: Option<u64>,
    /// The last id given out.
    used: Option<u64>,
    last: i64,
    /// The next event is the first of the session.
    starting: bool,
    /// Ended by hand: none starts by itself.
    ended: bool,
    saved: i64,
}

impl Session {
    pub(crate) fn new(timeout: u64) -> Session {
        Session {
            timeout: i64::try_from(timeout).unwrap_or(i64::MAX),
            id: None,
            used: None,
            last: 0,
            starting: false,
            ended: false,
            saved: 0,
        }
    }

    /// An event is made. Answers its session and whether it is the first; `true` last when to save.
    pub(crate) fn touch(&mut self, wall: i64) -> Option<(u64, bool, bool)> {
        if self.ended {
            return None;
        }
        let over = self.id.is_none()
            || wall.saturating_sub(self.last) > self.timeout
            || wall < self.last.saturating_sub(STEP_BACK);
        if over {
            self.begin(None, wall);
        }
        let first = core::mem::take(&mut self.starting);
        self.last = wall;
        let save = first || wall.saturating_sub(self.saved) >= SAVE_EVERY;
        if save {
            self.saved = wall;
        }
        self.id.map(|id| (id, first, save))
    }

    pub(crate) fn command(&mut self, command: SessionCommand, wall: i64) {
        match command {
            SessionCommand::Start(id) => self.begin(id, wall),
            SessionCommand::End => {
                self.id = None;
                self.ended = true;
            }
        }
    }

    fn begin(&mut self, id: Option<u64>, wall: i64) {
        // Two sessions that start in one second, or after a clock went back, are still two.
        let fresh = u64::try_from(wall / 1_000).unwrap_or(0);
        let fresh = if self.used == Some(fresh) {
            fresh + 1
        } else {
            fresh
        };
        self.id = Some(id.unwrap_or(fresh));
        self.used = self.id;
        self.last = wall;
        self.starting = true;
        self.ended = false;
    }

    /// The first event of the session came to nothing; the next one is the first.
    pub(crate) fn untouch(&mut self) {
        self.starting = self.id.is_some();
    }

    /// A reset: the next event starts a new one.
    pub(crate) fn forget(&mut self) {
        self.id = None;
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut members = Members::default();
        if let Some(id) = self.id {
            write_u64(members.key("id"), id);
        }
        write_i64(members.key("last"), self.last);
        write_bool(members.key("ended"), self.ended);
        members.end()
    }

    pub(crate) fn restore(&mut self, text: &[u8]) -> Option<()> {
        let object = parse(text, &Limits::default()).ok()?.into_object()?;
        self.id = object.natural("id");
        self.used = self.id;
        self.last = object.integer("last")?;
        self.ended = object.flag("ended").unwrap_or(false);
        Some(())
    }
}
