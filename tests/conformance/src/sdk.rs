//! Which command drives an SDK, what it offers beyond the contract, and what it does not claim.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value};

use crate::case::{Case, known};

/// An SDK's CLI: one entry of `sdks.json`.
#[derive(Clone, Debug)]
pub struct Sdk {
    /// For the output.
    pub name: String,
    /// Makes the CLI, in the repository's root; `None` when there is nothing to make.
    pub build: Option<Vec<String>>,
    /// Program and arguments, before `--input`.
    pub command: Vec<String>,
    /// Cases whose name holds the key are left out, for the reason given. `crash/` leaves out a suite.
    pub skip: Vec<(String, String)>,
    /// Whether it knows all that this repository adds to the contract. Our own SDKs do; another's CLI is neither asked
    /// for what it does not know nor judged by it.
    pub ours: bool,
    /// Its process opens a browser's page first: it may take as long as another's CLI, between two runs, too.
    pub slow: bool,
}

impl Sdk {
    /// Any CLI with the contract.
    #[must_use]
    pub fn of_command(line: &str) -> Sdk {
        Sdk {
            name: line.to_owned(),
            build: None,
            command: crate::process::words(line),
            skip: Vec::new(),
            ours: false,
            slow: false,
        }
    }

    /// An SDK of `sdks.json`. In its commands `${bin}` is the folder of this program, where cargo puts its neighbours,
    /// and `${root}` the repository.
    ///
    /// # Errors
    /// When there is none of that name, or its entry is not complete.
    pub fn named(name: &str) -> Result<Sdk, String> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read(here.join("sdks.json")).map_err(|error| error.to_string())?;
        let mut all: Value =
            serde_json::from_slice(&text).map_err(|error| format!("sdks.json: {error}"))?;
        let variables: Map<String, Value> = [
            ("bin", bin().display().to_string()),
            ("root", root().display().to_string()),
        ]
        .map(|(name, path)| (name.to_owned(), Value::from(path)))
        .into_iter()
        .collect();
        crate::template::fill(&mut all, &variables);
        let names = all.as_object().map(|all| all.keys().cloned().collect());
        let names: Vec<String> = names.unwrap_or_default();
        let entry = all.get(name).ok_or_else(|| {
            let names = names.join(", ");
            format!("there is no SDK {name:?} in sdks.json: {names}")
        })?;
        Sdk::read(name, entry).map_err(|problem| format!("sdks.json, {name}: {problem}"))
    }

    fn read(name: &str, entry: &Value) -> Result<Sdk, String> {
        known(entry, &["build", "cli", "skip", "peer", "slow"])?;
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        let command = crate::process::words(text("cli").ok_or("`cli` is missing")?);
        let mut skip = Vec::new();
        for (case, why) in entry
            .get("skip")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let why = why.as_str().filter(|why| !why.is_empty());
            let why = why.ok_or_else(|| format!("no reason is given to skip {case:?}"))?;
            skip.push((case.clone(), why.to_owned()));
        }
        Ok(Sdk {
            name: name.to_owned(),
            build: text("build").map(crate::process::words),
            command,
            skip,
            ours: entry.get("peer") != Some(&Value::Bool(true)),
            slow: entry.get("slow") == Some(&Value::Bool(true)),
        })
    }

    /// Makes the CLI.
    ///
    /// # Errors
    /// When its command fails.
    pub fn make(&self) -> Result<(), String> {
        let Some((program, arguments)) = self.build.as_ref().and_then(|words| words.split_first())
        else {
            return Ok(());
        };
        let status = Command::new(program)
            .args(arguments)
            .current_dir(root())
            .stdin(Stdio::null())
            .status()
            .map_err(|error| format!("{program}: {error}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("{}'s build: {status}", self.name))
        }
    }

    /// Why this SDK does not run the case, if it does not.
    #[must_use]
    pub fn skips(&self, case: &Case) -> Option<String> {
        if let Some((_, why)) = self.skip.iter().find(|(text, _)| case.id.contains(text)) {
            return Some(why.clone());
        }
        (!self.ours && !case.needs.is_empty())
            .then(|| format!("not offered: {}", case.needs.join(", ")))
    }

    /// A skip that no case answers to: the case was renamed, or is no more.
    ///
    /// # Errors
    /// Which.
    pub fn check_skips(&self, cases: &[Case]) -> Result<(), String> {
        let idle = |text: &String| !cases.iter().any(|case| case.id.contains(text));
        match self.skip.iter().find(|(text, _)| idle(text)) {
            Some((text, _)) => Err(format!(
                "{} skips {text:?}, and no case is so called",
                self.name
            )),
            None => Ok(()),
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn bin() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|path| path.parent().map(Path::to_path_buf))
        .unwrap_or_default()
}
