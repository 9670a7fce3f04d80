//! The plugin timeline: before → enrichment → (the call's own enrichment) → after.
//!
//! The engine has one for all events; each device-mode destination has one of its own, run by the host with this
//! same type. A plugin that fails or panics costs nothing: the event goes on as it was before that plugin.

use std::panic::{AssertUnwindSafe, catch_unwind};

use headwater_model::event::Event;

use crate::call::Enrichment;
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
    /// Sees one event. `Ok(None)` drops it (reported as `plugin`).
    ///
    /// # Errors
    /// Whatever went wrong; the event goes on unchanged.
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

    /// Runs the stages up to the destinations. `None`: a plugin dropped the event, its name comes with it.
    ///
    /// # Errors
    /// The name of the plugin that dropped the event.
    pub fn run(
        &mut self,
        event: Event,
        own: Option<Enrichment>,
        diagnostics: &mut dyn FnMut(Diagnostic),
    ) -> Result<Event, String> {
        let event = self.stage(Stage::Before, event, diagnostics)?;
        let mut event = self.stage(Stage::Enrichment, event, diagnostics)?;
        if let Some(own) = own {
            let copy = event.clone();
            match catch_unwind(AssertUnwindSafe(move || own(copy))) {
                Ok(Some(changed)) => event = changed,
                Ok(None) => return Err("the call's enrichment".to_owned()),
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
    ) -> Result<Event, String> {
        for plugin in self
            .plugins
            .iter_mut()
            .filter(|plugin| plugin.stage() == stage)
        {
            let copy = event.clone();
            match catch_unwind(AssertUnwindSafe(|| plugin.process(copy))) {
                Ok(Ok(Some(changed))) => event = changed,
                Ok(Ok(None)) if stage == Stage::After => {}
                Ok(Ok(None)) => return Err(plugin.name().to_owned()),
                Ok(Err(error)) => diagnostics(failed(plugin.name(), &error.0)),
                Err(panic) => diagnostics(failed(plugin.name(), &panic_text(&*panic))),
            }
        }
        Ok(event)
    }
}

/// A plugin dropped an event.
pub(crate) struct Refused {
    pub(crate) message_id: String,
    /// Its name.
    pub(crate) plugin: String,
}

impl Engine {
    /// The stages before the store. A plugin may give the event another id.
    pub(crate) fn run_plugins(
        &mut self,
        event: Event,
        own: Option<Enrichment>,
    ) -> Result<Event, Refused> {
        let message_id = event.message_id.as_str().to_owned();
        let mut diagnostics = Vec::new();
        let run = self.config.timeline.run(event, own, &mut |diagnostic| {
            diagnostics.push(diagnostic);
        });
        for diagnostic in diagnostics {
            self.diagnose(diagnostic);
        }
        run.map_err(|plugin| Refused { message_id, plugin })
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
