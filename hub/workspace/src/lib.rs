//! A workspace: what a hub is told to do.
//!
//! ```text
//! folder or one file ──load──▶ Files ──check──▶ Workspace ──compile──▶ Compiled (rules, ready to run)
//! ```
//!
//! The same types serve files that git keeps and, later, an API. Loading is all or nothing: a mistake anywhere rejects the
//! whole and names the file, the path in it and what to write ([`Finding`]); a hub that runs keeps what it has.
//!
//! A folder has `workspace.yaml` and, each file one thing named by the file's name:
//!
//! ```text
//! workspace.yaml              version: 1, name: Shop
//! sources/web.yaml            write_keys: [wk_1], plan: checkout
//! plans/checkout.json         a tracking plan, as Segment's Public API has it
//! destinations/hook.yaml      type: webhook, settings: {url: https://…}
//! connections/web-hook.yaml   source: web, destination: hook
//! warehouses/local.yaml       type: sqlite
//! traits/orders.yaml          event: Order Completed, count: true
//! ```
//! Or `workspace.yaml` has it all, under the folders' names. YAML 1.2; JSON is YAML, too.

mod check;
mod compile;
mod files;
mod finding;
mod id;
mod load;
mod reference;

pub use check::Workspace;
pub use compile::{
    Compiled, CompiledConnection, CompiledDestination, CompiledSource, CompiledTrait,
    CompiledWarehouse, Webhook,
};
pub use files::{
    ConnectionFile, DestinationFile, DestinationKind, EnforcementFile, Files, FilterAction,
    FilterFile, Platform, SourceFile, TrackEnforcement, TraitFile, WarehouseFile, WarehouseKind,
    WebhookSettings,
};
pub use finding::{Finding, Findings};
pub use id::{Id, Kind};
pub use load::{MAX_FILE, MAX_FILES, MAX_PLAN};

use std::path::Path;

/// The version of the folder's format that this build reads.
pub const FORMAT: u32 = 1;

/// Loads, checks and compiles a workspace from a folder or one file. `variables` answers `${env:NAME}`.
///
/// # Errors
/// [`Findings`], all of them.
pub fn open(
    path: &Path,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<(Workspace, Compiled), Findings> {
    let workspace = Workspace::check(load::load(path)?)?;
    let compiled = compile::compile(&workspace, path, variables)?;
    Ok((workspace, compiled))
}

/// The JSON Schema of the one-file form; a folder's files are the schemas of its parts.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Files).to_value()
}
