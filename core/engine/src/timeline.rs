//! The plugin timeline: before → enrichment → (the call's own enrichment) → after.
//!
//! The engine has one for all events; each device-mode destination has one of its own, run by the host with this
//! same type. An enrichment that fails or panics costs its own work: the event goes on as it was before it. A plugin that
//! must not be left out (each of the stage `before`, and whichever says so itself) stops the event: see `guard`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use headwater_govern::gate::{blocks, keep_off};
use headwater_model::event::Event;

use crate::call::{Enrichment, Receipt};
use crate::clock::Now;
use crate::effect::Diagnostic;
use crate::engine::Engine;

/// Where in the timeline a plugin stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// First: sees the stamped event before anything else.
    Before,
    /// Adds to the event.
    Enrichment,
    /// Last: sees the event as it was sent. What it answers is ignored.
    After,
    /// Never called by the timeline; found by its name and used on demand.
    Utility,
}

/// A plugin failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PluginError(pub String);

/// Sees every event, may change it, may drop it.
///
/// Runs on the thread of the call, in the order of registration within a stage; it should be quick and must not wait.
pub trait Plugin: Send {
    /// Its name, for diagnostics and for finding it.
    fn name(&self) -> &str;
    /// Where it stands.
    fn stage(&self) -> Stage;
    /// Whether no event may go on without it: where it fails, the event is kept back, tried again after one and after ten more
    /// seconds (all plugins see it again then, as it was stamped), and reported as `plugin_failed` when that failed, too. Default:
    /// a plugin of the stage `before` is required, an enrichment is not. For the other stages this means nothing.
    fn required(&self) -> bool {
        self.stage() == Stage::Before
    }
    /// Sees one event. `Ok(None)` drops it (reported as `plugin`).
    ///
    /// # Errors
    /// Whatever went wrong. The event goes on unchanged or, where the plugin is [`required`](Plugin::required), is kept back.
    /// A panic is taken for an error.
    fn process(&mut self, event: Event) -> Result<Option<Event>, PluginError>;
}

/// Plugins in their order.
#[derive(Default)]
pub struct Timeline {
    plugins: Vec<Box<dyn Plugin>>,
}

impl core::fmt::Debug for Timeline {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list()
            .entries(self.plugins.iter().map(|plugin| plugin.name()))
            .finish()
    }
}

impl Timeline {
    /// Adds a plugin at the end of its stage.
    pub fn add(&mut self, plugin: Box<dyn Plugin>) {
        self.plugins.push(plugin);
    }

    /// Removes the plugins of this name; how many there were.
    pub fn remove(&mut self, name: &str) -> usize {
        let before = self.plugins.len();
        self.plugins.retain(|plugin| plugin.name() != name);
        before - self.plugins.len()
    }

    /// The plugin of this name, utilities included.
    pub fn find(&mut self, name: &str) -> Option<&mut Box<dyn Plugin>> {
        self.plugins.iter_mut().find(|plugin| plugin.name() == name)
    }

    /// Whether no plugin would see an event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plugins
            .iter()
            .all(|plugin| plugin.stage() == Stage::Utility)
    }

    /// The names of the plugins that every event must pass.
    #[must_use]
    pub fn guards(&self) -> Vec<String> {
        let guards = self.plugins.iter().filter(|plugin| is_guard(&***plugin));
        guards.map(|plugin| plugin.name().to_owned()).collect()
    }

    fn is_guarded(&self) -> bool {
        self.plugins.iter().any(|plugin| is_guard(&**plugin))
    }

    /// Whether all of these guards are here, and any is.
    pub(crate) fn has_all(&self, guards: &[String]) -> bool {
        let here = self.guards();
        !guards.is_empty() && guards.iter().all(|guard| here.contains(guard))
    }

    /// Runs the stages up to the destinations. `own`, the call's own enrichment, is taken when its turn comes.
    ///
    /// # Errors
    /// A plugin dropped the event, or a guard failed.
    pub fn run(
        &mut self,
        event: Event,
        own: &mut Option<Enrichment>,
        diagnostics: &mut dyn FnMut(Diagnostic),
    ) -> Result<Event, Stop> {
        let event = self.stage(Stage::Before, event, diagnostics)?;
        let mut event = self.stage(Stage::Enrichment, event, diagnostics)?;
        if let Some(own) = own.take() {
            let copy = event.clone();
            match catch_unwind(AssertUnwindSafe(move || own(copy))) {
                Ok(Some(changed)) => event = changed,
                Ok(None) => return Err(Stop::Dropped("the call's enrichment".to_owned())),
                Err(panic) => diagnostics(failed("the call's enrichment", &panic_text(&*panic))),
            }
        }
        Ok(event)
    }

    /// Runs the last stage.
    pub fn after(&mut self, event: &Event, diagnostics: &mut dyn FnMut(Diagnostic)) {
        if self
            .plugins
            .iter()
            .any(|plugin| plugin.stage() == Stage::After)
        {
            let _ = self.stage(Stage::After, event.clone(), diagnostics);
        }
    }

    fn stage(
        &mut self,
        stage: Stage,
        mut event: Event,
        diagnostics: &mut dyn FnMut(Diagnostic),
    ) -> Result<Event, Stop> {
        for plugin in self
            .plugins
            .iter_mut()
            .filter(|plugin| plugin.stage() == stage)
        {
            let copy = event.clone();
            let detail = match catch_unwind(AssertUnwindSafe(|| plugin.process(copy))) {
                Ok(Ok(Some(changed))) => {
                    event = changed;
                    continue;
                }
                Ok(Ok(None)) if stage == Stage::After => continue,
                Ok(Ok(None)) => return Err(Stop::Dropped(plugin.name().to_owned())),
                Ok(Err(error)) => error.0,
                Err(panic) => panic_text(&*panic),
            };
            if is_guard(&**plugin) {
                let plugin = plugin.name().to_owned();
                return Err(Stop::Failed { plugin, detail });
            }
            diagnostics(failed(plugin.name(), &detail));
        }
        Ok(event)
    }
}

/// Whether a failure of this plugin stops the event.
fn is_guard(plugin: &dyn Plugin) -> bool {
    matches!(plugin.stage(), Stage::Before | Stage::Enrichment)
        && catch_unwind(AssertUnwindSafe(|| plugin.required())).unwrap_or(true)
}

/// Why an event goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The plugin of this name dropped it.
    Dropped(String),
    /// A guard failed: the event must not go on as it is.
    Failed {
        /// Its name.
        plugin: String,
        /// What it said.
        detail: String,
    },
}

impl Engine {
    /// The stages before the store, for an event that comes for the first time; what the caller is told where it goes no further.
    pub(crate) fn pass_plugins(
        &mut self,
        now: Now,
        event: Event,
        own: &mut Option<Enrichment>,
        first: bool,
    ) -> Result<Event, Receipt> {
        // A plugin may give the event another id.
        let message_id = event.message_id.as_str().to_owned();
        let guarded = self.config.timeline.is_guarded();
        let stamped = guarded.then(|| event.clone());
        match (self.run_plugins(event, own), stamped) {
            (Ok(event), _) => Ok(event),
            (Err(Stop::Failed { plugin, detail }), Some(stamped)) => {
                let guards = self.config.timeline.guards();
                Err(self.keep_back(now, stamped, (&plugin, &detail), guards, own.take()))
            }
            (Err(Stop::Dropped(plugin) | Stop::Failed { plugin, .. }), _) => {
                self.refused(message_id.clone(), first, &plugin);
                Err(Receipt::Dropped(message_id))
            }
        }
    }

    /// The stages before the store.
    pub(crate) fn run_plugins(
        &mut self,
        event: Event,
        own: &mut Option<Enrichment>,
    ) -> Result<Event, Stop> {
        let off = blocks(&event.integrations).then(|| event.integrations.clone());
        let mut diagnostics = Vec::new();
        let run = self.config.timeline.run(event, own, &mut |diagnostic| {
            diagnostics.push(diagnostic);
        });
        for diagnostic in diagnostics {
            self.diagnose(diagnostic);
        }
        let mut event = run?;
        if let Some(off) = off {
            keep_off(&off, &mut event.integrations);
        }
        Ok(event)
    }

    /// The stage after it.
    pub(crate) fn run_after_plugins(&mut self, event: &Event) {
        let mut diagnostics = Vec::new();
        self.config
            .timeline
            .after(event, &mut |diagnostic| diagnostics.push(diagnostic));
        for diagnostic in diagnostics {
            self.diagnose(diagnostic);
        }
    }
}

fn failed(plugin: &str, detail: &str) -> Diagnostic {
    Diagnostic::PluginFailed {
        plugin: plugin.to_owned(),
        detail: detail.to_owned(),
    }
}

/// What a panic said, where it said something readable.
pub(crate) fn panic_text(panic: &(dyn core::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    match text {
        Some(text) => ["it panicked: ", &text].concat(),
        None => "it panicked".to_owned(),
    }
}
