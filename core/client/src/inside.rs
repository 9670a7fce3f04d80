//! Calls from inside a call: a plugin, an enrichment or a flush policy that uses the client while the engine runs it.
//!
//! The engine is locked then, so what such code asks for waits until the call at hand is done, and is carried out right
//! after it, on the same thread, in order. The queue is the thread's and not the client's: were it otherwise, two plugins
//! of two clients that use each other would wait for each other for ever.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

use headwater_engine::{Call, Input, Plugin};

use crate::host::Shared;
use crate::worker::Work;

/// Calls that calls led to, at most: a plugin that answers each event with another would never end.
pub(crate) const MAX_DEPTH: u32 = 8;

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static LATER: RefCell<VecDeque<(Arc<Shared>, u32, Job)>> = const { RefCell::new(VecDeque::new()) };
}

/// What waits for the call at hand.
pub(crate) enum Job {
    Call(Box<Call>),
    Input(Input),
    Work(Work),
    AddPlugin(Box<dyn Plugin>),
    RemovePlugin(String),
}

/// While this lives, the thread runs an engine.
pub(crate) struct Running(());

impl Running {
    pub(crate) fn enter() -> Running {
        let _ = RUNNING.try_with(|running| running.set(true));
        Running(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = RUNNING.try_with(|running| running.set(false));
    }
}

/// Whether this thread runs an engine, whoever's.
pub(crate) fn is_inside() -> bool {
    RUNNING.try_with(Cell::get).unwrap_or(false)
}

/// Keeps `job` for later; the depth it would have when that is too deep.
pub(crate) fn defer(shared: &Arc<Shared>, job: Job) -> Result<(), u32> {
    let depth = DEPTH.try_with(Cell::get).unwrap_or(0) + 1;
    if depth > MAX_DEPTH {
        return Err(depth);
    }
    let _ = LATER.try_with(|later| {
        later
            .borrow_mut()
            .push_back((Arc::clone(shared), depth, job));
    });
    Ok(())
}

/// Carries out what waits. Called after each run of an engine.
pub(crate) fn run_deferred() {
    if is_inside() || DEPTH.try_with(Cell::get).unwrap_or(0) > 0 {
        return;
    }
    while let Ok(Some((shared, depth, job))) =
        LATER.try_with(|later| later.borrow_mut().pop_front())
    {
        let _ = DEPTH.try_with(|current| current.set(depth));
        shared.run_job(job);
        let _ = DEPTH.try_with(|current| current.set(0));
    }
}
