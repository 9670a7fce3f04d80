//! A workspace as rules that are ready to run. References are resolved here, so a reload reads them again.

use std::hash::Hasher;
use std::path::Path;

use headwater_govern::plan::Attached;
use headwater_govern::stages::{ConnectionRules, SourceRules};
use siphasher::sip128::{Hasher128, SipHasher24};

use crate::check::Workspace;
use crate::files::{DestinationKind, SourceFile, WarehouseKind};
use crate::finding::Findings;
use crate::id::{Id, Kind};
use crate::reference::resolve;

/// Everything a hub runs on.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The workspace's name.
    pub name: String,
    /// The same for the same content: what was decided under it names it.
    pub version: String,
    /// The sources.
    pub sources: Vec<CompiledSource>,
    /// The connections.
    pub connections: Vec<CompiledConnection>,
    /// The warehouses.
    pub warehouses: Vec<CompiledWarehouse>,
    /// The traits.
    pub traits: Vec<CompiledTrait>,
}

impl Compiled {
    /// Whether files and the values that they refer to are the same.
    #[must_use]
    pub fn same_as(&self, other: &Compiled) -> bool {
        let urls = |compiled: &Compiled| -> Vec<String> {
            compiled
                .connections
                .iter()
                .map(|connection| connection.destination.webhook.url.clone())
                .collect()
        };
        self.version == other.version && urls(self) == urls(other)
    }
}

/// One source.
#[derive(Clone, Debug)]
pub struct CompiledSource {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What its file says.
    pub file: SourceFile,
    /// The source stage.
    pub rules: SourceRules,
}

/// One connection.
#[derive(Clone, Debug)]
pub struct CompiledConnection {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Whose events.
    pub source: Id,
    /// Whether events are delivered; they pass by otherwise.
    pub enabled: bool,
    /// The connection stage.
    pub rules: ConnectionRules,
    /// To whom.
    pub destination: CompiledDestination,
}

/// One destination.
#[derive(Clone, Debug)]
pub struct CompiledDestination {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub webhook: Webhook,
}

/// A webhook.
#[derive(Clone)]
pub struct Webhook {
    /// Where events are posted.
    pub url: String,
    /// Whether that may be a private address.
    pub allow_private_network: bool,
}

/// Without the address: it often holds a token.
impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook")
            .field("allow_private_network", &self.allow_private_network)
            .finish_non_exhaustive()
    }
}

/// One warehouse. It takes the events of all sources.
#[derive(Clone, Debug)]
pub struct CompiledWarehouse {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Whether it is loaded.
    pub enabled: bool,
    /// The SQLite file, relative to the data folder.
    pub path: String,
    /// The connection stage.
    pub rules: ConnectionRules,
}

/// One trait: how many events of a name a user has sent.
#[derive(Clone, Debug)]
pub struct CompiledTrait {
    /// Its id.
    pub id: Id,
    /// Its name, and key in a profile's traits.
    pub name: String,
    /// The event's name.
    pub event: String,
}

pub(crate) fn compile(
    workspace: &Workspace,
    path: &Path,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<Compiled, Findings> {
    let files = &workspace.files;
    let folder = if path.is_dir() {
        path
    } else {
        workspace.folder()
    };
    let id = |kind: Kind, name: &str| {
        workspace
            .id(kind, name)
            .cloned()
            .unwrap_or_else(|| Id::derived(files.id.as_deref().unwrap_or(&files.name), kind, name))
    };
    let transforms = |kind: Kind, name: &String| {
        let known = workspace.transforms.get(&(kind, name.clone()));
        known.cloned().unwrap_or_default()
    };
    let mut findings = Vec::new();
    let sources = files
        .sources
        .iter()
        .map(|(name, file)| {
            let id = id(Kind::Source, name);
            let plan = file
                .plan
                .as_ref()
                .and_then(|plan| workspace.plans.get(plan));
            CompiledSource {
                name: name.clone(),
                file: file.clone(),
                rules: SourceRules {
                    transforms: transforms(Kind::Source, name),
                    schema: workspace.schemas.get(name).cloned(),
                    plan: plan.map(|plan| Attached {
                        plan: plan.clone(),
                        enforcement: file.enforcement.enforcement(),
                        source_id: id.as_str().to_owned(),
                    }),
                },
                id,
            }
        })
        .collect();
    let mut connections = Vec::new();
    for (name, file) in &files.connections {
        let Some(destination) = files.destinations.get(&file.destination) else {
            continue;
        };
        let DestinationKind::Webhook = destination.kind;
        let url = match resolve(&destination.settings.url, folder, variables) {
            Ok(url) if is_http(&url) => url,
            Ok(_) => {
                findings.push(workspace.places.finding(
                    Kind::Destination,
                    &file.destination,
                    "settings.url",
                    "must be an address that begins with http:// or https://",
                ));
                continue;
            }
            Err(problem) => {
                findings.push(workspace.places.finding(
                    Kind::Destination,
                    &file.destination,
                    "settings.url",
                    problem,
                ));
                continue;
            }
        };
        connections.push(CompiledConnection {
            id: id(Kind::Connection, name),
            name: name.clone(),
            source: id(Kind::Source, &file.source),
            enabled: file.enabled && destination.enabled,
            rules: ConnectionRules {
                keys: vec![
                    file.destination.clone(),
                    "Webhook".to_owned(),
                    "Webhooks".to_owned(),
                ],
                categories: destination.categories.clone(),
                storage: false,
                filters: workspace.filters.get(name).cloned().unwrap_or_default(),
                transforms: transforms(Kind::Connection, name),
            },
            destination: CompiledDestination {
                id: id(Kind::Destination, &file.destination),
                name: file.destination.clone(),
                webhook: Webhook {
                    url,
                    allow_private_network: destination.allow_private_network,
                },
            },
        });
    }
    let warehouses = files
        .warehouses
        .iter()
        .map(|(name, file)| {
            let WarehouseKind::Sqlite = file.kind;
            CompiledWarehouse {
                id: id(Kind::Warehouse, name),
                name: name.clone(),
                enabled: file.enabled,
                path: file.path.clone(),
                rules: ConnectionRules {
                    categories: file.categories.clone(),
                    storage: true,
                    ..ConnectionRules::default()
                },
            }
        })
        .collect();
    let traits = files
        .traits
        .iter()
        .map(|(name, file)| CompiledTrait {
            id: id(Kind::Trait, name),
            name: name.clone(),
            event: file.event.clone(),
        })
        .collect();
    if findings.is_empty() {
        Ok(Compiled {
            name: files.name.clone(),
            version: version(workspace),
            sources,
            connections,
            warehouses,
            traits,
        })
    } else {
        Err(Findings(findings))
    }
}

fn is_http(url: &str) -> bool {
    url.strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

/// A hash of the files' texts. References count as they are written, so no secret is in it.
fn version(workspace: &Workspace) -> String {
    let mut hasher = SipHasher24::new();
    for (place, text) in &workspace.texts {
        for part in [place, text] {
            hasher.write(part.as_bytes());
            hasher.write_u8(0xff);
        }
    }
    format!("{:032x}", hasher.finish128().as_u128())
}
