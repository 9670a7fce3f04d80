//! The files' shapes, as serde reads them and the JSON Schema describes them.

use std::collections::BTreeMap;

use headwater_model::json::Value;

use crate::rules::FilterFile;
use crate::transforms::{SchemaFile, TransformFile};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::enforcement::EnforcementFile;

/// A whole workspace: `workspace.yaml`, with what lies in the folders beside it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// The version of this format: 1.
    pub version: u32,
    /// The workspace's name. Ids derive from it: give `id` before you rename it.
    pub name: String,
    /// What ids derive from instead of the name.
    #[serde(default)]
    pub id: Option<String>,
    /// Where events come from, by name.
    #[serde(default)]
    pub sources: BTreeMap<String, SourceFile>,
    /// Tracking plans, by name, as Segment's Public API has them.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub plans: BTreeMap<String, Value>,
    /// Where events go, by name.
    #[serde(default)]
    pub destinations: BTreeMap<String, DestinationFile>,
    /// Which source goes to which destination, by name.
    #[serde(default)]
    pub connections: BTreeMap<String, ConnectionFile>,
    /// Where events become rows, by name.
    #[serde(default)]
    pub warehouses: BTreeMap<String, WarehouseFile>,
    /// What profiles know, computed from events, by name.
    #[serde(default)]
    pub traits: BTreeMap<String, TraitFile>,
}

/// `sources/NAME.yaml`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// Instead of the id that derives from the name.
    #[serde(default)]
    pub id: Option<String>,
    /// Any of these opens the source; several allow a key to be replaced without a gap.
    pub write_keys: Vec<String>,
    /// `false` refuses events without forgetting the source.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Browser origins (`https://shop.example`) that may send; empty means all.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// Whether events come from people's devices, which decides if `context.ip` is filled.
    #[serde(default)]
    pub platform: Platform,
    /// Whether the sender's address is stored.
    #[serde(default = "yes")]
    pub keep_ip: bool,
    /// Laid over the settings document that SDKs fetch, key by key.
    #[serde(default)]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub settings: headwater_model::json::Object,
    /// Transformations of its events, in order; they run before the plan.
    #[serde(default)]
    pub transforms: Vec<TransformFile>,
    /// What is kept out without a plan: events by name, values of events.
    #[serde(default)]
    pub schema: Option<SchemaFile>,
    /// The tracking plan, by name.
    #[serde(default)]
    pub plan: Option<String>,
    /// What the plan does to events that it does not have, or that violate it.
    #[serde(default)]
    pub enforcement: EnforcementFile,
}

fn yes() -> bool {
    true
}

/// Where a source's events are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Seen from the request and the event.
    #[default]
    Auto,
    /// Browsers, phones, desktops.
    Client,
    /// Servers.
    Server,
}

/// `destinations/NAME.yaml`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DestinationFile {
    /// Instead of the id that derives from the name.
    #[serde(default)]
    pub id: Option<String>,
    /// Which destination of the catalogue.
    #[serde(rename = "type")]
    pub kind: DestinationKind,
    /// Its settings. A text may be `${env:NAME}` or `${file:PATH}`.
    pub settings: WebhookSettings,
    /// Consent categories: all must be granted by the user of an event.
    #[serde(default)]
    pub categories: Vec<String>,
    /// `false` stops deliveries to it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether its address may be a private, loopback or link-local one.
    #[serde(default)]
    pub allow_private_network: bool,
}

/// Destinations that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DestinationKind {
    /// Each event as one POST.
    Webhook,
}

/// Settings of a webhook.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where events are posted.
    pub url: String,
}

/// Without the address: it often holds a token.
impl std::fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSettings").finish_non_exhaustive()
    }
}

/// `connections/NAME.yaml`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionFile {
    /// Instead of the id that derives from the name.
    #[serde(default)]
    pub id: Option<String>,
    /// The source, by name.
    pub source: String,
    /// The destination, by name.
    pub destination: String,
    /// `false`: events pass by, and are counted as `disabled`.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Which events the destination does not get, and what of them.
    #[serde(default)]
    pub filters: Vec<FilterFile>,
    /// Transformations of what the destination gets, in order; they run after the filters.
    #[serde(default)]
    pub transforms: Vec<TransformFile>,
}

/// `warehouses/NAME.yaml`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarehouseFile {
    /// Instead of the id that derives from the name.
    #[serde(default)]
    pub id: Option<String>,
    /// Which kind.
    #[serde(rename = "type")]
    pub kind: WarehouseKind,
    /// The file's name, in the data folder.
    #[serde(default = "warehouse_path")]
    pub path: String,
    /// Consent categories: all must be granted by the user of an event.
    #[serde(default)]
    pub categories: Vec<String>,
    /// `false` stops loading.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn warehouse_path() -> String {
    "warehouse.sqlite".to_owned()
}

/// Warehouses that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WarehouseKind {
    /// A SQLite file.
    Sqlite,
}

/// `traits/NAME.yaml`: how many events of one name a user has sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TraitFile {
    /// Instead of the id that derives from the name.
    #[serde(default)]
    pub id: Option<String>,
    /// The event's name.
    pub event: String,
}
