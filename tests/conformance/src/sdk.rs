//! Which command drives an SDK, and what it does not claim.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value};

/// An SDK's CLI.
#[derive(Clone, Debug)]
pub struct Sdk {
    /// For the output.
    pub name: String,
    /// Program and arguments, before `--input`.
    pub command: Vec<String>,
    /// Cases whose name holds the key are left out, for the reason given.
    pub skip: Vec<(String, String)>,
}

impl Sdk {
    /// Any CLI with the contract.
    #[must_use]
    pub fn of_command(line: &str) -> Sdk {
        Sdk {
            name: line.to_owned(),
            command: crate::process::words(line),
            skip: Vec::new(),
        }
    }

    /// An SDK of `sdks.json`; runs its `build` command in the repository's root first. In both commands `${bin}` is
    /// the folder of this program, where cargo puts its neighbours.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be built.
    pub fn named(name: &str) -> Result<Sdk, String> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.join("../..");
        let text = std::fs::read(here.join("sdks.json")).map_err(|error| error.to_string())?;
        let mut all: Value =
            serde_json::from_slice(&text).map_err(|error| format!("sdks.json: {error}"))?;
        let variables: Map<String, Value> = [
            ("bin", bin().display().to_string()),
            ("root", root.display().to_string()),
        ]
        .map(|(name, path)| (name.to_owned(), Value::from(path)))
        .into_iter()
        .collect();
        crate::template::fill(&mut all, &variables);
        let entry = all.get(name).ok_or_else(|| {
            let known: Vec<&str> = all
                .as_object()
                .map(|all| all.keys().map(String::as_str).collect())
                .unwrap_or_default();
            format!(
                "there is no SDK {name:?} in sdks.json: {}",
                known.join(", ")
            )
        })?;
        if let Some(build) = entry.get("build").and_then(Value::as_str) {
            let words = crate::process::words(build);
            let (program, arguments) = words.split_first().ok_or("`build` is empty")?;
            let status = Command::new(program)
                .args(arguments)
                .current_dir(&root)
                .stdin(Stdio::null())
                .status()
                .map_err(|error| format!("{build}: {error}"))?;
            if !status.success() {
                return Err(format!("{build}: {status}"));
            }
        }
        let cli = entry.get("cli").and_then(Value::as_str);
        let skip = entry.get("skip").and_then(Value::as_object);
        Ok(Sdk {
            name: name.to_owned(),
            command: crate::process::words(cli.ok_or("the entry has no `cli`")?),
            skip: skip
                .into_iter()
                .flatten()
                .map(|(case, why)| (case.clone(), why.as_str().unwrap_or_default().to_owned()))
                .collect(),
        })
    }
}

fn bin() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|path| path.parent().map(Path::to_path_buf))
        .unwrap_or_default()
}
