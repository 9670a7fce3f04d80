//! Files to a workspace: names, ids and references between things.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_govern::filter::Filters;
use headwater_govern::plan::Plan;
use headwater_govern::schema_controls::SchemaControls;
use headwater_govern::transform::Transform;

use crate::FORMAT;
use crate::files::Files;
use crate::finding::{Finding, Findings};
use crate::id::{Id, Kind};
use crate::load::Loaded;
use crate::rules::RuleError;
use crate::transforms::SchemaFile;

/// A workspace whose parts fit together.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub(crate) files: Files,
    pub(crate) texts: BTreeMap<String, String>,
    pub(crate) ids: BTreeMap<(Kind, String), Id>,
    pub(crate) plans: BTreeMap<String, Arc<Plan>>,
    pub(crate) filters: BTreeMap<String, Filters>,
    pub(crate) transforms: BTreeMap<(Kind, String), Vec<Transform>>,
    pub(crate) schemas: BTreeMap<String, SchemaControls>,
    pub(crate) places: Places,
}

/// Which file a thing stands in.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    places: BTreeMap<(Kind, String), PathBuf>,
    root: PathBuf,
}

impl Places {
    /// A finding about `path` of the thing `name`: in its own file, or below its name in `workspace.yaml`.
    pub(crate) fn finding(
        &self,
        kind: Kind,
        name: &str,
        path: &str,
        problem: impl Into<String>,
    ) -> Finding {
        let (file, path) = match self.places.get(&(kind, name.to_owned())) {
            Some(file) => (file, path.to_owned()),
            None if path.is_empty() => (&self.root, format!("{}.{name}", kind.folder())),
            None => (&self.root, format!("{}.{name}.{path}", kind.folder())),
        };
        Finding {
            file: file.clone(),
            line: None,
            path,
            problem: problem.into(),
        }
    }
}

impl Workspace {
    /// The folder that relative paths of references start from.
    pub(crate) fn folder(&self) -> &Path {
        self.places.root.parent().unwrap_or(Path::new("."))
    }

    /// The id of a thing.
    #[must_use]
    pub fn id(&self, kind: Kind, name: &str) -> Option<&Id> {
        self.ids.get(&(kind, name.to_owned()))
    }

    /// The things of a kind: name and id.
    pub fn ids(&self, kind: Kind) -> impl Iterator<Item = (&str, &Id)> {
        self.ids
            .iter()
            .filter(move |((of, _), _)| *of == kind)
            .map(|((_, name), id)| (name.as_str(), id))
    }

    /// The files as they were read, by their path in the folder; the root file's is empty.
    #[must_use]
    pub fn texts(&self) -> &BTreeMap<String, String> {
        &self.texts
    }

    /// The workspace's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.files.name
    }

    pub(crate) fn check(loaded: Loaded) -> Result<Workspace, Findings> {
        let Loaded {
            files,
            texts,
            places,
            root,
        } = loaded;
        let places = Places { places, root };
        if files.version != FORMAT {
            return Err(Findings(vec![Finding {
                file: places.root.clone(),
                line: None,
                path: "version".to_owned(),
                problem: format!("is {}; this build reads version {FORMAT}", files.version),
            }]));
        }
        let mut check = Check {
            files: &files,
            places: &places,
            ids: BTreeMap::new(),
            findings: Vec::new(),
        };
        check.names();
        check.sources();
        let plans = check.plans();
        let filters = check.connections();
        let transforms = check.transforms();
        let schemas = check.schemas();
        check.warehouses();
        let Check { ids, findings, .. } = check;
        if !findings.is_empty() {
            return Err(Findings(findings));
        }
        Ok(Workspace {
            ids,
            plans,
            filters,
            transforms,
            schemas,
            places,
            files,
            texts,
        })
    }
}

struct Check<'a> {
    files: &'a Files,
    places: &'a Places,
    ids: BTreeMap<(Kind, String), Id>,
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn find(&mut self, kind: Kind, name: &str, path: &str, problem: impl Into<String>) {
        let finding = self.places.finding(kind, name, path, problem);
        self.findings.push(finding);
    }

    /// Every name is fit for an id, every id is there once.
    fn names(&mut self) {
        let files = self.files;
        let things = files
            .sources
            .iter()
            .map(|(name, file)| (Kind::Source, name, file.id.as_ref()))
            .chain(files.plans.keys().map(|name| (Kind::Plan, name, None)))
            .chain(
                files
                    .destinations
                    .iter()
                    .map(|(name, file)| (Kind::Destination, name, file.id.as_ref())),
            )
            .chain(
                files
                    .connections
                    .iter()
                    .map(|(name, file)| (Kind::Connection, name, file.id.as_ref())),
            )
            .chain(
                files
                    .warehouses
                    .iter()
                    .map(|(name, file)| (Kind::Warehouse, name, file.id.as_ref())),
            )
            .chain(
                files
                    .traits
                    .iter()
                    .map(|(name, file)| (Kind::Trait, name, file.id.as_ref())),
            );
        let of = files.id.as_deref().unwrap_or(&files.name);
        let mut seen: HashMap<Id, String> = HashMap::new();
        for (kind, name, given) in things {
            let fits =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
            if name.is_empty() || name.len() > 100 || !name.chars().all(fits) {
                self.find(
                    kind,
                    name,
                    "",
                    "a name has 1 to 100 of a-z, 0-9, `-` and `_`; rename it",
                );
                continue;
            }
            let id = match given.map(|given| Id::given(given)) {
                None => Id::derived(of, kind, name),
                Some(Ok(id)) => id,
                Some(Err(problem)) => {
                    self.find(kind, name, "id", problem);
                    continue;
                }
            };
            if let Some(other) = seen.insert(id.clone(), name.clone()) {
                self.find(
                    kind,
                    name,
                    "id",
                    format!("`{id}` is the id of `{other}` already; each id once"),
                );
            }
            self.ids.insert((kind, name.clone()), id);
        }
    }

    fn sources(&mut self) {
        let mut keys: HashMap<&str, &str> = HashMap::new();
        for (name, source) in &self.files.sources {
            if source.write_keys.is_empty() {
                self.find(
                    Kind::Source,
                    name,
                    "write_keys",
                    "is empty; give at least one key, or `enabled: false` and a key",
                );
            }
            for (index, key) in source.write_keys.iter().enumerate() {
                let path = format!("write_keys[{index}]");
                if key.is_empty()
                    || key.len() > 256
                    || key.contains(|c: char| c.is_control() || c == ':' || c == '/')
                {
                    self.find(
                        Kind::Source,
                        name,
                        &path,
                        "must have 1 to 256 characters, without `:` and `/`",
                    );
                }
                if let Some(other) = keys.insert(key, name) {
                    self.find(
                        Kind::Source,
                        name,
                        &path,
                        format!("is a key of `{other}` already; each key once"),
                    );
                }
            }
            for (index, origin) in source.allowed_origins.iter().enumerate() {
                let well_formed = origin
                    .split_once("://")
                    .is_some_and(|(_, host)| !host.is_empty() && !host.contains('/'));
                if !well_formed {
                    self.find(
                        Kind::Source,
                        name,
                        &format!("allowed_origins[{index}]"),
                        "must be like https://shop.example, without a path",
                    );
                }
            }
            if let Some(plan) = &source.plan
                && !self.files.plans.contains_key(plan)
            {
                self.find(
                    Kind::Source,
                    name,
                    "plan",
                    format!("there is no plan `{plan}`; {}", known(&self.files.plans)),
                );
            }
        }
    }

    fn plans(&mut self) -> BTreeMap<String, Arc<Plan>> {
        let mut plans = BTreeMap::new();
        for (name, plan) in &self.files.plans {
            let id = self.ids.get(&(Kind::Plan, name.clone()));
            let id = id.map_or(name.as_str(), Id::as_str);
            match Plan::parse(id, plan) {
                Ok(plan) => {
                    plans.insert(name.clone(), Arc::new(plan));
                }
                Err(error) => self.find(Kind::Plan, name, &error.path, error.problem),
            }
        }
        plans
    }

    /// Each warehouse has a file of its own, beside the hub's.
    fn warehouses(&mut self) {
        let mut paths: HashMap<&str, &str> = HashMap::new();
        for (name, warehouse) in &self.files.warehouses {
            let path = warehouse.path.as_str();
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if !path.ends_with(".sqlite")
                || path.starts_with('.')
                || !path.chars().all(fits)
                || path == "delivery.sqlite"
            {
                self.find(
                    Kind::Warehouse,
                    name,
                    "path",
                    "must be a file name that ends in .sqlite, without a folder, and not delivery.sqlite, which is the hub's own",
                );
            }
            if let Some(other) = paths.insert(path, name) {
                self.find(
                    Kind::Warehouse,
                    name,
                    "path",
                    format!("is the file of `{other}` already; each warehouse has its own"),
                );
            }
        }
    }

    fn connections(&mut self) -> BTreeMap<String, Filters> {
        let mut compiled = BTreeMap::new();
        for (name, connection) in &self.files.connections {
            if !self.files.sources.contains_key(&connection.source) {
                self.find(
                    Kind::Connection,
                    name,
                    "source",
                    format!(
                        "there is no source `{}`; {}",
                        connection.source,
                        known(&self.files.sources)
                    ),
                );
            }
            if !self
                .files
                .destinations
                .contains_key(&connection.destination)
            {
                self.find(
                    Kind::Connection,
                    name,
                    "destination",
                    format!(
                        "there is no destination `{}`; {}",
                        connection.destination,
                        known(&self.files.destinations)
                    ),
                );
            }
            let mut filters = Vec::new();
            for (index, filter) in connection.filters.iter().enumerate() {
                match filter.compile(index) {
                    Ok(filter) => filters.push(filter),
                    Err(RuleError { path, problem }) => self.find(
                        Kind::Connection,
                        name,
                        &format!("filters[{index}].{path}"),
                        problem,
                    ),
                }
            }
            compiled.insert(name.clone(), Filters::new(filters));
        }
        compiled
    }
}

impl Check<'_> {
    /// Those of sources and of connections.
    fn transforms(&mut self) -> BTreeMap<(Kind, String), Vec<Transform>> {
        let files = self.files;
        let sources = files.sources.iter();
        let sources = sources.map(|(name, file)| (Kind::Source, name, &file.transforms));
        let connections = files.connections.iter();
        let connections =
            connections.map(|(name, file)| (Kind::Connection, name, &file.transforms));
        let mut compiled = BTreeMap::new();
        for (kind, name, transforms) in sources.chain(connections) {
            let mut ready = Vec::new();
            for (index, transform) in transforms.iter().enumerate() {
                match transform.compile(index) {
                    Ok(transform) => ready.push(transform),
                    Err(RuleError { path, problem }) => {
                        self.find(kind, name, &format!("transforms[{index}].{path}"), problem);
                    }
                }
            }
            compiled.insert((kind, name.clone()), ready);
        }
        compiled
    }

    fn schemas(&mut self) -> BTreeMap<String, SchemaControls> {
        let mut compiled = BTreeMap::new();
        for (name, file) in &self.files.sources {
            match file.schema.as_ref().map(SchemaFile::compile) {
                None => {}
                Some(Ok(controls)) => {
                    compiled.insert(name.clone(), controls);
                }
                Some(Err(RuleError { path, problem })) => {
                    self.find(Kind::Source, name, &format!("schema.{path}"), problem);
                }
            }
        }
        compiled
    }
}

/// What could have been meant.
fn known<T>(things: &BTreeMap<String, T>) -> String {
    if things.is_empty() {
        return "there are none".to_owned();
    }
    let names: Vec<&str> = things.keys().map(String::as_str).take(20).collect();
    format!("there are {}", names.join(", "))
}
