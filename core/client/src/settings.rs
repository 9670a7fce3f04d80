//! Whether the settings document is fetched, and where: the part of a client's configuration that follows from others.

use std::time::Duration;

use headwater_engine::{DestinationConfig, SettingsConfig};
use headwater_model::id::WriteKey;
use headwater_model::json::{SerializeError, Value};

use crate::address::check_url;
use crate::error::BuildError;

/// Whether the settings document is fetched.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) wanted: bool,
    pub(crate) url: Option<String>,
    pub(crate) defaults: Option<Result<Value, SerializeError>>,
    pub(crate) follow_api_host: bool,
    pub(crate) refresh: Option<Duration>,
}

impl Settings {
    pub(crate) fn config(
        self,
        endpoint: &str,
        write_key: &WriteKey,
        destinations: &[DestinationConfig],
    ) -> Result<Option<SettingsConfig>, BuildError> {
        if !self.wanted && !destinations.iter().any(|each| each.needs_settings) {
            return Ok(None);
        }
        let url = match self.url {
            Some(url) => url,
            None => {
                let base = endpoint.trim_end_matches('/');
                let base = ["/batch", "/b", "/v1"]
                    .iter()
                    .fold(base, |base, end| base.strip_suffix(end).unwrap_or(base));
                [base, "/v1/projects/", write_key.as_str(), "/settings"].concat()
            }
        };
        check_url("settings address", &url)?;
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
