//! What stands in a build without the feature `full` where others have destinations and a settings document: types of
//! which there is no value, so that the compiler knows that nothing of theirs ever happens.

use core::convert::Infallible;
use std::sync::Arc;

use headwater_model::event::Event;
use headwater_model::id::Seq;
use headwater_model::json::Object;

use crate::clock::Now;
use crate::config::DestinationConfig;
use crate::effect::{DropReason, Effect};
use crate::endpoint::Endpoint;
use crate::engine::Engine;
use crate::input::{DeliveryOutcome, TryOutcome};
use crate::retry::RetryConfig;

/// The settings document that there is not.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings(Infallible);

impl Settings {
    pub(crate) fn parse(_: &[u8]) -> Result<Settings, String> {
        Err(String::new())
    }

    pub(crate) fn api_host(&self) -> Option<Endpoint> {
        match self.0 {}
    }

    pub(crate) fn plan(&self, _: &mut Event) {
        match self.0 {}
    }

    pub(crate) fn retry(&self, _: &RetryConfig) -> RetryConfig {
        match self.0 {}
    }
}

/// The destinations that there are not.
#[derive(Debug)]
pub(crate) struct Destinations(Infallible);

impl Destinations {
    pub(crate) fn is_empty(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn add(&mut self, _: DestinationConfig) {
        match self.0 {}
    }

    pub(crate) fn configure(&mut self, _: &Settings, _: &mut Vec<Effect>) {
        match self.0 {}
    }

    pub(crate) fn configure_last(&mut self, _: &Settings, _: &mut Vec<Effect>) {
        match self.0 {}
    }

    pub(crate) fn offer(
        &mut self,
        _: &Arc<Event>,
        _: Option<&Settings>,
        _: Option<&Object>,
        _: &mut Vec<Effect>,
    ) {
        match self.0 {}
    }

    pub(crate) fn regate(&mut self, _: Option<&Settings>, _: Option<&Object>, _: &mut Vec<Effect>) {
        match self.0 {}
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        match self.0 {}
    }

    pub(crate) fn try_again(
        &mut self,
        _: Now,
        _: Option<&Settings>,
        _: Option<&Object>,
        _: &mut Vec<Effect>,
    ) {
        match self.0 {}
    }

    pub(crate) fn delivered(&mut self, _: Now, _: u64, _: DeliveryOutcome, _: &mut Vec<Effect>) {
        match self.0 {}
    }

    pub(crate) fn purge(&mut self, _: &mut Vec<Effect>) {
        match self.0 {}
    }

    pub(crate) fn end(&mut self, _: &mut Vec<Effect>) {
        match self.0 {}
    }
}

/// What guards keep back: nothing.
#[derive(Debug)]
pub(crate) struct Guards(Infallible);

impl Guards {
    pub(crate) fn deadline(&self) -> Option<u64> {
        match self.0 {}
    }

    pub(crate) fn take_unwritten(&mut self, _: bool) -> usize {
        match self.0 {}
    }
}

/// A record of an event that a guard keeps back stays in the store, for an engine that has plugins.
#[expect(clippy::unused_self, reason = "as with the feature")]
impl Engine {
    #[inline(always)]
    pub(crate) fn inherit_kept(&mut self, _: Seq) {}

    #[inline(always)]
    pub(crate) fn kept_loaded(&mut self, _: Now, _: Seq, _: Option<&[u8]>) {}

    #[inline(always)]
    pub(crate) fn kept_not_stored(&mut self, _: Seq) -> bool {
        false
    }

    #[inline(always)]
    pub(crate) fn give_kept_away(&mut self, _: Seq) -> bool {
        false
    }

    #[inline(always)]
    pub(crate) fn write_all_kept(&mut self, _: Now) {}

    #[inline(always)]
    pub(crate) fn records_synced(&mut self) {}

    #[inline(always)]
    pub(crate) fn record_is_over(&mut self, _: Seq) {}

    #[inline(always)]
    pub(crate) fn kept_back(&self) -> usize {
        0
    }

    #[inline(always)]
    pub(crate) fn next_try(&self, _: Now) -> Option<u64> {
        None
    }

    #[inline(always)]
    pub(crate) fn try_again(&mut self, _: Now) {}

    #[inline(always)]
    pub(crate) fn tried(&mut self, _: Now, _: u64, _: TryOutcome) {}

    #[inline(always)]
    pub(crate) fn purge_kept(&mut self, _: DropReason, _: &str) {}
}
