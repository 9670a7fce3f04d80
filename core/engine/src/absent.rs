//! What stands in a build without the feature `full` where others have destinations and a settings document: types of
//! which there is no value, so that the compiler knows that nothing of theirs ever happens.

use core::convert::Infallible;
use std::sync::Arc;

use headwater_model::event::Event;
use headwater_model::json::Object;

use crate::config::DestinationConfig;
use crate::effect::Effect;
use crate::input::DeliveryOutcome;
use crate::retry::RetryConfig;

/// The settings document that there is not.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings(Infallible);

impl Settings {
    pub(crate) fn parse(_: &[u8]) -> Result<Settings, String> {
        Err(String::new())
    }

    pub(crate) fn api_host(&self) -> Option<String> {
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

    pub(crate) fn delivered(&mut self, _: u64, _: DeliveryOutcome, _: &mut Vec<Effect>) {
        match self.0 {}
    }

    pub(crate) fn purge(&mut self, _: &mut Vec<Effect>) {
        match self.0 {}
    }
}
