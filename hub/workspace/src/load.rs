//! Files from the disk, bounded before they are parsed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::files::Files;
use crate::finding::{Finding, Findings};
use crate::id::Kind;

/// The largest file but a plan, in bytes: settings and filters have some kilobytes.
pub const MAX_FILE: u64 = 1 << 20;

/// The largest plan, in bytes. Segment imports plans of up to 15 MB.
pub const MAX_PLAN: u64 = 16 << 20;

/// The most files of one folder.
pub const MAX_FILES: usize = 10_000;

/// What was read, and where each thing stands.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) files: Files,
    /// The text of each file, by its path in the folder.
    pub(crate) texts: BTreeMap<String, String>,
    /// The file of each thing that has one of its own.
    pub(crate) places: BTreeMap<(Kind, String), PathBuf>,
    /// `workspace.yaml`.
    pub(crate) root: PathBuf,
}

/// Reads a folder or one file.
pub(crate) fn load(path: &Path) -> Result<Loaded, Findings> {
    let folder = path.is_dir();
    let root = if folder {
        root_file(path)?
    } else {
        path.to_owned()
    };
    let (files, text) = read(&root, MAX_PLAN).map_err(|finding| Findings(vec![finding]))?;
    let mut loaded = Loaded {
        files,
        texts: BTreeMap::from([(String::new(), text)]),
        places: BTreeMap::new(),
        root,
    };
    if !folder {
        return Ok(loaded);
    }
    let mut findings = Vec::new();
    let Loaded {
        files,
        texts,
        places,
        ..
    } = &mut loaded;
    let mut folder = Folder {
        path,
        texts,
        places,
        findings: &mut findings,
    };
    folder.add(Kind::Source, MAX_FILE, &mut files.sources);
    folder.add(Kind::Plan, MAX_PLAN, &mut files.plans);
    folder.add(Kind::Destination, MAX_FILE, &mut files.destinations);
    folder.add(Kind::Connection, MAX_FILE, &mut files.connections);
    folder.add(Kind::Warehouse, MAX_FILE, &mut files.warehouses);
    folder.add(Kind::Trait, MAX_FILE, &mut files.traits);
    folder.strangers();
    if findings.is_empty() {
        Ok(loaded)
    } else {
        Err(Findings(findings))
    }
}

fn root_file(folder: &Path) -> Result<PathBuf, Findings> {
    let found: Vec<PathBuf> = ENDINGS
        .iter()
        .map(|ending| folder.join(format!("workspace.{ending}")))
        .filter(|file| file.exists())
        .collect();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Findings(vec![finding(
            folder,
            "there is no workspace.yaml; write one with `version: 1` and `name: …`",
        )])),
        _ => Err(Findings(vec![finding(
            folder,
            "there is more than one workspace file; keep one of workspace.yaml, .yml and .json",
        )])),
    }
}

const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

fn finding(file: &Path, problem: impl Into<String>) -> Finding {
    Finding {
        file: file.to_owned(),
        line: None,
        path: String::new(),
        problem: problem.into(),
    }
}

struct Folder<'a> {
    path: &'a Path,
    texts: &'a mut BTreeMap<String, String>,
    places: &'a mut BTreeMap<(Kind, String), PathBuf>,
    findings: &'a mut Vec<Finding>,
}

impl Folder<'_> {
    /// Adds what lies in the folder of `kind`.
    fn add<T: DeserializeOwned>(&mut self, kind: Kind, most: u64, into: &mut BTreeMap<String, T>) {
        for file in self.list(&self.path.join(kind.folder())) {
            let stem = file.file_stem().and_then(|stem| stem.to_str());
            let ending = file.extension().and_then(|ending| ending.to_str());
            let (Some(name), Some(ending)) = (stem, ending) else {
                continue;
            };
            // Editors leave files that begin with a dot or end in `~`.
            if name.starts_with('.') || ending.ends_with('~') {
                continue;
            }
            if !ENDINGS.contains(&ending) {
                self.findings.push(finding(
                    &file,
                    "is not read: it must end in .yaml, .yml or .json; move it elsewhere",
                ));
                continue;
            }
            if into.contains_key(name) {
                self.findings.push(finding(
                    &file,
                    format!("`{name}` is there already, in another file or in workspace.yaml"),
                ));
                continue;
            }
            match read(&file, most) {
                Ok((value, text)) => {
                    into.insert(name.to_owned(), value);
                    let place = format!("{}/{name}.{ending}", kind.folder());
                    self.texts.insert(place, text);
                    self.places.insert((kind, name.to_owned()), file);
                }
                Err(finding) => self.findings.push(finding),
            }
        }
    }

    /// Folders that nothing reads: a name that is written wrong would otherwise be passed over.
    fn strangers(&mut self) {
        let known = [
            Kind::Source,
            Kind::Plan,
            Kind::Destination,
            Kind::Connection,
            Kind::Warehouse,
            Kind::Trait,
        ];
        for entry in self.list(self.path) {
            let name = entry.file_name().and_then(|name| name.to_str());
            let Some(name) = name.filter(|name| !name.starts_with('.')) else {
                continue;
            };
            if entry.is_dir() && !known.iter().any(|kind| kind.folder() == name) {
                let names: Vec<&str> = known.iter().map(|kind| kind.folder()).collect();
                self.findings.push(finding(
                    &entry,
                    format!(
                        "no folder of a workspace has this name; there are {}",
                        names.join(", ")
                    ),
                ));
            }
        }
    }

    fn list(&mut self, folder: &Path) -> Vec<PathBuf> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.findings
                    .push(finding(folder, format!("cannot be listed: {error}")));
                return Vec::new();
            }
        };
        let mut files = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => files.push(entry.path()),
                Err(error) => self
                    .findings
                    .push(finding(folder, format!("cannot be listed: {error}"))),
            }
            if files.len() > MAX_FILES {
                self.findings.push(finding(
                    folder,
                    format!("holds more than {MAX_FILES} files"),
                ));
                return Vec::new();
            }
        }
        files.sort();
        files
    }
}

/// One file as a value, and its text.
fn read<T: DeserializeOwned>(file: &Path, most: u64) -> Result<(T, String), Finding> {
    let mut text = String::new();
    fs::File::open(file)
        .and_then(|open| open.take(most + 1).read_to_string(&mut text))
        .map_err(|error| finding(file, format!("cannot be read: {error}")))?;
    if text.len() as u64 > most {
        return Err(finding(file, format!("is larger than {most} bytes")));
    }
    Ok((parse(file, &text)?, text))
}

fn parse<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, Finding> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| Finding {
        file: file.to_owned(),
        line: error.location().map(|location| location.line()),
        path: String::new(),
        problem: error.without_snippet().to_string(),
    })
}
