//! The settings document: what it says, to whom.

use headwater_govern::switches::{Switches, switches};
use headwater_model::event::{Event, EventType};
use headwater_model::json::{Limits, Object, Value, parse};

use crate::endpoint::Endpoint;
use crate::retry::RetryConfig;
use crate::text::{joined, words};

/// The largest document read, bytes. Real ones are tens of kilobytes; Segment's largest fixtures stay under 500.
const MAX_BYTES: usize = 1 << 20;

/// A settings document, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    document: Object,
}

impl Settings {
    /// Reads a document: a JSON object of at most 1 MiB.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &[u8]) -> Result<Settings, String> {
        let limits = Limits {
            max_bytes: MAX_BYTES,
            ..Limits::default()
        };
        match parse(text, &limits) {
            Ok(value) => match value.into_object() {
                Some(document) => Ok(Settings { document }),
                None => Err(words!("the settings document is no JSON object").to_owned()),
            },
            #[cfg(feature = "words")]
            Err(error) => Err(["the settings document is no JSON: ", &error.to_string()].concat()),
            #[cfg(not(feature = "words"))]
            Err(_) => Err(String::new()),
        }
    }

    /// The whole document.
    #[must_use]
    pub fn document(&self) -> &Object {
        &self.document
    }

    /// A destination's entry in `integrations`.
    #[must_use]
    pub fn integration(&self, key: &str) -> Option<&Value> {
        self.document.object("integrations")?.get(key)
    }

    /// Adds a destination's consent categories.
    pub(crate) fn add_categories(&self, key: &str, to: &mut Vec<String>) {
        let categories = self
            .integration(key)
            .and_then(|entry| entry.get("consentSettings"))
            .and_then(|consent| consent.get("categories"))
            .and_then(Value::as_array);
        for category in categories.map_or(&[][..], Vec::as_slice) {
            if let Some(category) = category.as_str() {
                to.push(category.to_owned());
            }
        }
    }

    /// What the document switches off for a track event.
    fn switches(&self, event: &Event) -> Option<Switches<'_>> {
        let name = event.event.as_deref()?;
        if event.kind != EventType::Track {
            return None;
        }
        switches(self.document.get("plan")?.get("track")?, name)
    }

    /// Whether the tracking plan lets an event reach a device-mode destination.
    pub(crate) fn plan_allows(&self, event: &Event, destination: &str) -> bool {
        self.switches(event)
            .is_none_or(|switches| switches.allows(destination))
    }

    /// Writes what the tracking plan blocks into an event's `integrations`: for the hub and for everybody behind it. Of a
    /// destination that is blocked, its actions are blocked by their own names, too (`Fullstory (Actions) trackEvent`).
    pub(crate) fn plan(&self, event: &mut Event) {
        let Some(switches) = self.switches(event) else {
            return;
        };
        let mut integrations = core::mem::take(&mut event.integrations);
        switches.apply(&mut integrations);
        let remote = self.document.get("remotePlugins").and_then(Value::as_array);
        for plugin in remote.map_or(&[][..], Vec::as_slice) {
            let text = |key| plugin.get(key).and_then(Value::as_str);
            let actions = plugin
                .get("settings")
                .and_then(|settings| settings.get("subscriptions"))
                .and_then(Value::as_array);
            if let (Some(name), Some(creation), Some(actions)) =
                (text("name"), text("creationName"), actions)
                && switches.enabled
                && switches.blocks(creation)
            {
                for action in actions {
                    if let Some(action) = action.get("partnerAction").and_then(Value::as_str) {
                        integrations.insert([name, " ", action].concat(), false);
                    }
                }
            }
        }
        event.integrations = integrations;
    }

    /// The hub's address for uploads, where the document names it: `apiHost` with `protocol`.
    pub(crate) fn api_host(&self) -> Option<Endpoint> {
        let hub = self.integration(headwater_govern::gate::HUB)?;
        // One that is no address would keep every event from arriving.
        let host = hub
            .get("apiHost")
            .and_then(Value::as_str)
            .filter(|host| host.bytes().any(|byte| byte.is_ascii_alphanumeric()))
            .filter(|host| {
                host.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&byte))
            })?;
        let address = match hub.get("protocol").and_then(Value::as_str) {
            Some("http") if !host.contains("://") => joined("http://", host),
            Some("https") if !host.contains("://") => joined("https://", host),
            _ => host.to_owned(),
        };
        Endpoint::new(address).ok()
    }

    /// The retry numbers, where the document changes them.
    pub(crate) fn retry(&self, config: &RetryConfig) -> RetryConfig {
        let http = self
            .integration(headwater_govern::gate::HUB)
            .and_then(|hub| hub.get("httpConfig"));
        match http.and_then(Value::as_object) {
            Some(http) => config.clone().with_http_config(http),
            None => config.clone(),
        }
    }
}
