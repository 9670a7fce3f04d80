//! Whether the settings document is fetched, and where: the part of a client's configuration that follows from others.

use std::time::Duration;

use headwater_engine::{DestinationConfig, Endpoint, SettingsConfig};
use headwater_model::id::WriteKey;
use headwater_model::json::{SerializeError, Value};

use crate::address::endpoint_of;
use crate::error::BuildError;

/// Whether the settings document is fetched.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) wanted: bool,
    pub(crate) url: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) defaults: Option<Result<Value, SerializeError>>,
    pub(crate) follow_api_host: bool,
    pub(crate) refresh: Option<Duration>,
}

impl Settings {
    /// Whether a document may name the hub's address.
    pub(crate) fn may_name_the_hub(&self) -> bool {
        self.url.is_some() || self.host.is_some() || self.defaults.is_some()
    }

    pub(crate) fn config(
        self,
        endpoint: Option<&Endpoint>,
        write_key: &WriteKey,
        destinations: &[DestinationConfig],
    ) -> Result<Option<SettingsConfig>, BuildError> {
        if !self.wanted && !destinations.iter().any(|each| each.needs_settings) {
            return Ok(None);
        }
        let given = |address: &str| endpoint_of("settings address", address);
        let url = match (&self.url, &self.host, endpoint) {
            (Some(url), _, _) => given(url)?.as_str().to_owned(),
            (None, Some(host), _) => given(host)?.settings_url(write_key.as_str()),
            (None, None, Some(endpoint)) => endpoint.settings_url(write_key.as_str()),
            // What the application itself says of settings counts, and nothing is fetched.
            (None, None, None) => String::new(),
        };
        let mut config = SettingsConfig::new(url);
        config.follow_api_host = self.follow_api_host;
        if let Some(refresh) = self.refresh {
            config.refresh = millis(refresh);
        }
        config.defaults = self
            .defaults
            .transpose()
            .map_err(|source| BuildError::Json {
                what: "settings' defaults",
                source,
            })?;
        Ok(Some(config))
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
