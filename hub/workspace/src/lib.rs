#![doc = include_str!("../README.md")]

mod check;
mod compile;
mod enforcement;
mod files;
mod finding;
mod id;
mod load;
mod preview;
mod reference;
mod rules;
mod standard;
mod transforms;

pub use check::Workspace;
pub use compile::{
    Compiled, CompiledConnection, CompiledDestination, CompiledSource, CompiledTrait,
    CompiledWarehouse, Webhook,
};
pub use enforcement::{
    EnforcementFile, OnTrackViolations, OnTraitsViolations, TrackEnforcement, TraitsEnforcement,
};
pub use files::{
    ConnectionFile, DestinationFile, DestinationKind, Files, Platform, SourceFile, TraitFile,
    WarehouseFile, WarehouseKind, WebhookSettings,
};
pub use finding::{Finding, Findings};
pub use id::{Id, Kind};
pub use load::{MAX_FILE, MAX_FILES, MAX_PLAN};
pub use preview::{PreviewError, preview};
pub use rules::{FilterAction, FilterFile, RuleError, rule_from_json};
pub use standard::{standard_plan, standard_plans};
pub use transforms::{ControlFile, SchemaFile, TransformFile};

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
