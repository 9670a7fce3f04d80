//! Calls from inside a call: a plugin, an enrichment or a flush policy that uses the client while the engine runs it.
//!
//! The engine is locked then, so what such code asks for waits until the call at hand is done, and is carried out right
//! after it, on the same thread, in order. The queue is the thread's and not the client's: were it otherwise, two plugins
//! of two clients that use each other would wait for each other for ever.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

use headwater_engine::{Call, Input, Plugin};
use headwater_model::event::Event;

use crate::destination::Station;
use crate::host::Shared;
use crate::worker::Work;

/// Calls that calls led to, at most: a plugin that answers each event with another would never end.
pub(crate) const MAX_DEPTH: u32 = 8;

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// A flush policy is asked for its deadline.
    static ASKING: Cell<bool> = const { Cell::new(false) };
    /// Whose callbacks or destination this thread runs.
    static HELPS: Cell<u64> = const { Cell::new(0) };
    static LATER: RefCell<VecDeque<(Arc<Shared>, u32, Job)>> = const { RefCell::new(VecDeque::new()) };
}

/// What waits for the call at hand.
pub(crate) enum Job {
    Call(Box<Call>),
    Input(Input),
    Work(Work),
    Submit(Box<Event>),
    Discard(Box<Event>, String),
    Hold(Box<Held>),
    AddDestination(Box<Station>),
    AddPlugin(Box<dyn Plugin>),
    RemovePlugin(String),
}

/// An event that a plugin outside of the client keeps back.
pub(crate) struct Held {
    pub(crate) event: Event,
    pub(crate) plugin: String,
    pub(crate) detail: String,
    pub(crate) guards: Vec<String>,
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

/// Runs `question`, from which nothing can be asked of a client.
pub(crate) fn asking<T>(question: impl FnOnce() -> T) -> T {
    struct Asked(bool);
    impl Drop for Asked {
        fn drop(&mut self) {
            let _ = ASKING.try_with(|asking| asking.set(self.0));
        }
    }
    let _asked = Asked(
        ASKING
            .try_with(|asking| asking.replace(true))
            .unwrap_or(false),
    );
    question()
}

/// From now on this thread runs the callbacks or a destination of the client with this number.
pub(crate) fn help(client: u64) {
    let _ = HELPS.try_with(|helps| helps.set(client));
}

/// Whether the client with this number waits for this thread when it is shut down.
pub(crate) fn helps(client: u64) -> bool {
    HELPS.try_with(Cell::get).unwrap_or(0) == client
}

/// Whether this thread runs an engine, whoever's.
pub(crate) fn is_inside() -> bool {
    RUNNING.try_with(Cell::get).unwrap_or(false)
}

/// Keeps `job` for later. What a flush policy asks for while it is only asked for its deadline is not done: that question
/// comes up after each job, and would never end.
pub(crate) fn defer(shared: &Arc<Shared>, job: Job) {
    if ASKING.try_with(Cell::get).unwrap_or(false) {
        return;
    }
    let depth = DEPTH.try_with(Cell::get).unwrap_or(0) + 1;
    let _ = LATER.try_with(|later| {
        later
            .borrow_mut()
            .push_back((Arc::clone(shared), depth, job));
    });
}

/// As [`defer`], for what may lead to more of its kind: the depth it would have when that is too deep.
pub(crate) fn defer_bounded(shared: &Arc<Shared>, job: Job) -> Result<(), u32> {
    let depth = DEPTH.try_with(Cell::get).unwrap_or(0) + 1;
    if depth > MAX_DEPTH || ASKING.try_with(Cell::get).unwrap_or(false) {
        return Err(depth);
    }
    defer(shared, job);
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
