//! What the collector is told in its TOML file, checked before anything starts.
//!
//! Every field has a default that is safe to run with, an unknown field is an error, and an error names the line and
//! says what to write instead. [`Config::parse`] is the only way in, so a `Config` that exists is valid.

mod error;
mod limits;
mod network;
mod public_url;
mod retain;
mod source;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

pub use error::ConfigError;
pub use limits::LimitsConfig;
pub use network::Network;
pub use public_url::PublicUrl;
pub(crate) use public_url::{is_address, is_authority, is_loopback};
pub use retain::RetainBytes;
pub use source::{Platform, SourceConfig};

use error::Finding;

/// All of the configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen and whom to believe.
    pub server: ServerConfig,
    /// Where events are kept, and for how long.
    pub storage: StorageConfig,
    /// The sizes and times beyond which a request is refused.
    pub limits: LimitsConfig,
    /// Who may read events over HTTP.
    pub admin: AdminConfig,
    /// Where events come from; each has its write keys.
    pub sources: Vec<Spanned<SourceConfig>>,
}

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port. Default `127.0.0.1:8765`; port 0 takes a free one.
    pub listen: String,
    /// Peers whose `X-Forwarded-For` is believed: addresses or CIDR networks. Default none.
    pub trusted_proxies: Vec<Network>,
    /// The address under which senders reach the collector, `https://hub.example`, with a path if a proxy has one for it.
    /// Settings documents lead there. Default none: they lead to the host of each request.
    pub public_url: Option<PublicUrl>,
    /// Connections served at one time; without room, those without a request give way. Default 4,096.
    pub max_connections: usize,
    /// How much a sender is told. Default `segment`.
    pub mode: Mode,
}

/// How much a sender is told about what was refused. Any request can ask for `strict` by `?strict=1` or the header
/// `X-Collector-Strict: 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// As Segment: 200 and `{"success":true}`, also for an unknown write key or events that break a rule; both are
    /// recorded as rejected.
    #[default]
    Segment,
    /// 200 with what became of each event; 401 for an unknown key or a disabled source and 403 for a foreign origin,
    /// on which SDKs drop events for good: what one wants for a revoked key.
    Strict,
}

/// `[storage]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    /// The data folder; one collector at a time. Default `headwater-data`.
    pub dir: PathBuf,
    /// Size at which a new log segment begins. Default 64 MiB; retention removes whole segments.
    pub segment_bytes: u64,
    /// Hours after which a full segment is compressed into the archive. Default 48. At most [`MAX_HOURS`].
    pub hot_hours: u64,
    /// Days after which events are removed; 0 for no archive, then they go after a week. Default 400. At most 36,500.
    pub archive_days: u64,
    /// Hours after which events are removed, hot or archived, in place of [`archive_days`](Self::archive_days); 0 keeps
    /// all. Default none. Not below [`dedupe_hours`](Self::dedupe_hours): after a restart the claims are those of the log.
    /// At most [`MAX_HOURS`].
    pub retain_hours: Option<u64>,
    /// Bytes of log above which the oldest segments are removed. Default half of the disk.
    pub retain_bytes: RetainBytes,
    /// Free bytes below which events are refused with 503. Default 256 MiB.
    pub min_free_bytes: u64,
    /// Hours in which a messageId is accepted once per source. Default 24, what Segment promises; at most
    /// [`MAX_HOURS`].
    pub dedupe_hours: u64,
    /// messageIds remembered in memory; beyond that they move to disk. Default 1,800,000 (about 70 MB).
    pub dedupe_memory: usize,
}

/// The most that [`StorageConfig::retain_hours`] and [`StorageConfig::dedupe_hours`] take: a hundred years. Times are
/// milliseconds in 64 bits, so sums of this and of any date we can be sent do not overflow.
pub const MAX_HOURS: u64 = 100 * 365 * 24;

/// `[admin]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// Bearer token for the live page, `/_inspect` and `/_events`; without it they are off. At least 16 characters.
    pub token: Option<String>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8765".to_owned(),
            trusted_proxies: Vec::new(),
            public_url: None,
            max_connections: 4096,
            mode: Mode::default(),
        }
    }
}

impl ServerConfig {
    /// What of [`public_url`](Self::public_url) may surprise.
    fn warning(&self) -> Option<&'static str> {
        match &self.public_url {
            None => Some(
                "server.public_url is not set: settings documents lead SDKs to the host that each request was sent to, \
                 which behind a proxy may be another than senders can reach; write public_url = \"https://hub.example\"",
            ),
            Some(url) if url.is_exposed() => Some(
                "server.public_url is http: browsers do not send there from pages on https, nor phones at all",
            ),
            Some(_) => None,
        }
    }
}

/// Hours after which events are removed where nothing says another age and there is no archive: a week.
const WEEK: u64 = 7 * 24;

impl StorageConfig {
    /// Hours after which events are removed; `None` keeps them.
    #[must_use]
    pub fn age_hours(&self) -> Option<u64> {
        match (self.retain_hours, self.archive_days) {
            (Some(0), _) => None,
            (Some(hours), _) => Some(hours),
            (None, 0) => Some(WEEK),
            (None, days) => Some(days.saturating_mul(24)),
        }
    }

    /// Hours after which segments are archived; `None` where there is no archive.
    #[must_use]
    pub fn archive_hours(&self) -> Option<u64> {
        (self.archive_days > 0).then_some(self.hot_hours)
    }
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("headwater-data"),
            segment_bytes: 64 << 20,
            hot_hours: 48,
            archive_days: 400,
            retain_hours: None,
            retain_bytes: RetainBytes::default(),
            min_free_bytes: 256 << 20,
            dedupe_hours: 24,
            dedupe_memory: 1_800_000,
        }
    }
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// When the file cannot be read, is no TOML, or says something the collector cannot do; all findings at once.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Reads and checks a configuration text.
    ///
    /// # Errors
    /// As for [`Config::load`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self =
            toml::from_str(text).map_err(|error| ConfigError::syntax(text, &error))?;
        let mut findings = Vec::new();
        config.check_numbers(&mut findings);
        source::check(&config.sources, text, &mut findings);
        if findings.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Invalid(findings))
        }
    }

    /// What is allowed and may surprise.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.sources.is_empty() {
            warnings.push("without [[sources]] no write key is known".to_owned());
        }
        warnings.extend(self.server.warning().map(str::to_owned));
        let storage = &self.storage;
        if let RetainBytes::Most(most) = storage.retain_bytes {
            warnings.push(format!(
                "storage.retain_bytes: should {most} bytes arrive in less than the {} hours of storage.dedupe_hours, the \
                 oldest events are removed before that, and after a restart a retry of one of them is stored again",
                storage.dedupe_hours
            ));
        }
        if matches!(storage.retain_bytes, RetainBytes::Most(most) if most < storage.segment_bytes) {
            warnings.push(
                "storage.retain_bytes is below storage.segment_bytes: the segment that is being written always stays, \
                 so the log grows to that size"
                    .to_owned(),
            );
        }
        let never = |age: u64| storage.archive_hours().is_some_and(|hot| hot >= age);
        if storage.age_hours().is_some_and(never) {
            warnings.push(
                "storage.hot_hours is not below the age at which events are removed (storage.retain_hours, or \
                 storage.archive_days): nothing is archived"
                    .to_owned(),
            );
        }
        warnings.extend(network::warnings(
            &self.server.listen,
            &self.server.trusted_proxies,
        ));
        warnings
    }

    fn check_numbers(&self, findings: &mut Vec<Finding>) {
        let mut require = |holds: bool, field: &'static str, hint: &str| {
            if !holds {
                findings.push(Finding {
                    line: None,
                    field: field.to_owned(),
                    hint: hint.to_owned(),
                });
            }
        };
        let limits = &self.limits;
        require(
            self.server.max_connections > 0,
            "server.max_connections",
            "must be at least 1",
        );
        require(
            self.storage.segment_bytes >= 4 * limits.max_batch_bytes as u64,
            "storage.segment_bytes",
            "must be at least four times limits.max_batch_bytes",
        );
        let storage = &self.storage;
        require(
            storage
                .age_hours()
                .is_none_or(|hours| hours >= storage.dedupe_hours),
            match storage.retain_hours {
                Some(_) => "storage.retain_hours",
                None => "storage.archive_days",
            },
            "must be at least storage.dedupe_hours, or retain_hours 0 to keep all: a messageId whose event was removed is not known \
             any more after a restart, and its retry would be stored again",
        );
        for (hours, field) in [
            (
                storage.retain_hours.unwrap_or_default(),
                "storage.retain_hours",
            ),
            (
                storage.archive_days.saturating_mul(24),
                "storage.archive_days",
            ),
            (storage.hot_hours, "storage.hot_hours"),
            (storage.dedupe_hours, "storage.dedupe_hours"),
        ] {
            require(
                hours <= MAX_HOURS,
                field,
                "must be at most 876000 hours or 36500 days (a hundred years)",
            );
        }
        limits.check(&mut require);
        require(
            self.admin
                .token
                .as_ref()
                .is_none_or(|token| token.len() >= 16),
            "admin.token",
            "must have at least 16 characters; make one with `openssl rand -hex 24`",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_a_valid_configuration_without_sources() {
        let config = Config::parse("").unwrap();
        assert_eq!(config.limits.max_events, 2500);
        assert!(config.sources.is_empty());
    }

    const EXAMPLE: &str = include_str!("../../headwater.example.toml");

    /// Every `key: type` of the structs above and of a source, as `section.key`.
    fn declared() -> Vec<String> {
        let sections = [
            ("ServerConfig", "server"),
            ("StorageConfig", "storage"),
            ("LimitsConfig", "limits"),
            ("AdminConfig", "admin"),
            ("SourceConfig", "sources"),
        ];
        let code = concat!(
            include_str!("mod.rs"),
            include_str!("limits.rs"),
            include_str!("source.rs")
        );
        let mut keys = Vec::new();
        for (name, section) in sections {
            let (_, body) = code.split_once(&format!("pub struct {name} {{")).unwrap();
            let (body, _) = body.split_once("\n}").unwrap();
            keys.extend(
                body.lines()
                    .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'))
                    .map(|(key, _)| format!("{section}.{key}")),
            );
        }
        keys
    }

    #[test]
    fn the_example_parses_and_names_every_key_that_there_is() {
        let config = Config::parse(EXAMPLE).unwrap();
        assert!(config.warnings().is_empty());
        let document: toml::Table = toml::from_str(EXAMPLE).unwrap();
        let keys = declared();
        assert!(keys.len() > 25, "{keys:?}");
        for key in keys {
            let (section, name) = key.split_once('.').unwrap();
            let table = match &document[section] {
                toml::Value::Array(tables) => &tables[0],
                table => table,
            };
            assert!(table.get(name).is_some(), "{key} is not in the example");
        }
    }

    #[test]
    fn the_example_shows_the_defaults() {
        let mut shown = Config::parse(EXAMPLE).unwrap();
        // These have no default that one could show.
        shown.server.trusted_proxies.clear();
        shown.server.public_url = None;
        shown.admin.token = None;
        shown.storage.retain_hours = None;
        shown.sources.clear();
        assert_eq!(format!("{shown:?}"), format!("{:?}", Config::default()));
        let minimal = "[[sources]]\nname = \"a\"\nwrite_keys = [\"k\"]\n";
        let (shown, minimal) = (
            Config::parse(EXAMPLE).unwrap(),
            Config::parse(minimal).unwrap(),
        );
        let (shown, minimal) = (shown.sources[0].get_ref(), minimal.sources[0].get_ref());
        assert_eq!(
            (shown.enabled, shown.platform, shown.keep_ip),
            (minimal.enabled, minimal.platform, minimal.keep_ip)
        );
    }

    #[test]
    fn the_readme_names_every_key_code_and_series() {
        let readme = include_str!("../../README.md");
        for key in declared() {
            let name = key.rsplit('.').next().unwrap();
            assert!(
                readme.contains(&format!("`{name}`")),
                "{key} is not in README.md"
            );
        }
        for reason in crate::log::Reason::ALL {
            assert!(
                readme.contains(&format!("`{}`", reason.code())),
                "{}",
                reason.code()
            );
        }
        let series = include_str!("../metrics/exposition.rs")
            .split('"')
            .filter(|text| text.starts_with("headwater_") && !text.contains(['{', ' ']));
        for name in series {
            assert!(readme.contains(&format!("`{name}`")), "{name}");
        }
        let codes = include_str!("../ingest/refusal.rs")
            .split("=> \"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        for code in codes {
            assert!(readme.contains(&format!("`{code}`")), "{code}");
        }
    }

    #[test]
    fn an_unknown_field_is_named_with_its_line() {
        let error = Config::parse("[server]\nlisten = \"127.0.0.1:1\"\nlisteen = 3\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 3") && error.contains("listeen"),
            "{error}"
        );
    }

    #[test]
    fn retention_below_the_dedupe_window_is_an_error_by_hours_and_a_warning_by_bytes() {
        let error = Config::parse("[storage]\nretain_hours = 23\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("storage.retain_hours") && error.contains("stored again"),
            "{error}"
        );
        let parse = |text: &str| Config::parse(text).unwrap();
        parse("[storage]\nretain_hours = 24\n");
        parse("[storage]\nretain_hours = 0\n");
        parse("[storage]\nretain_hours = 2\ndedupe_hours = 2\n");
        let usual = "[[sources]]\nname = \"a\"\nwrite_keys = [\"k\"]\n[server]\npublic_url = \"https://hub.example\"\n";
        assert!(parse(usual).warnings().is_empty());
        let bounded = parse(&format!("[storage]\nretain_bytes = 1000000000\n{usual}"));
        let warnings = bounded.warnings();
        assert!(
            warnings.len() == 1 && warnings[0].contains("stored again"),
            "{warnings:?}"
        );
        assert_eq!(
            parse(&format!("[storage]\nretain_bytes = 1000\n{usual}"))
                .warnings()
                .len(),
            2
        );
    }

    #[test]
    fn hours_beyond_a_hundred_years_are_an_error() {
        for field in ["retain_hours", "dedupe_hours"] {
            let parse = |hours: u64| {
                let other = format!("[storage]\n{field} = {hours}\n");
                let text = if field == "dedupe_hours" {
                    format!("{other}retain_hours = 0\n")
                } else {
                    other
                };
                Config::parse(&text)
            };
            assert!(parse(MAX_HOURS).is_ok());
            for hours in [MAX_HOURS + 1, i64::MAX as u64] {
                let error = parse(hours).unwrap_err().to_string();
                assert!(error.contains(&format!("storage.{field}")), "{error}");
            }
        }
    }

    #[test]
    fn every_finding_is_told_at_once_with_its_line() {
        let text = "[limits]\nmax_depth = 1\n[[sources]]\nname = \"a\"\nwrite_keys = []\n[[sources]]\nname = \"a\"\nwrite_keys = [\"k\"]\n";
        let error = Config::parse(text).unwrap_err().to_string();
        assert!(error.contains("limits.max_depth"), "{error}");
        assert!(
            error.contains("line 3") && error.contains("write_keys"),
            "{error}"
        );
        assert!(error.contains("line 6") && error.contains("`a`"), "{error}");
    }
}
