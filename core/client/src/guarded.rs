//! Flush policies of the application, held at arm's length: one that panics is asked no more.

use std::panic::{AssertUnwindSafe, catch_unwind};

use headwater_engine::{FlushPolicy, Lifecycle, Now, Queue};

use crate::inside;

#[derive(Debug)]
pub(crate) struct Guarded(Option<Box<dyn FlushPolicy>>);

impl Guarded {
    pub(crate) fn new(policy: Box<dyn FlushPolicy>) -> Guarded {
        Guarded(Some(policy))
    }

    fn ask<T>(&mut self, otherwise: T, ask: impl FnOnce(&mut dyn FlushPolicy) -> T) -> T {
        let Some(policy) = &mut self.0 else {
            return otherwise;
        };
        match catch_unwind(AssertUnwindSafe(|| ask(&mut **policy))) {
            Ok(answer) => answer,
            Err(_) => {
                self.0 = None;
                otherwise
            }
        }
    }
}

impl FlushPolicy for Guarded {
    fn on_event(&mut self, now: Now, queue: Queue) -> bool {
        self.ask(false, |policy| policy.on_event(now, queue))
    }

    fn on_lifecycle(&mut self, state: Lifecycle) -> bool {
        self.ask(false, |policy| policy.on_lifecycle(state))
    }

    fn deadline(&self) -> Option<u64> {
        let policy = self.0.as_ref()?;
        catch_unwind(AssertUnwindSafe(|| inside::asking(|| policy.deadline()))).unwrap_or(None)
    }

    fn on_flush(&mut self) {
        self.ask((), |policy| policy.on_flush());
    }
}
