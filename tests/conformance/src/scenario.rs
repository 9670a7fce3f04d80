//! Finding the scenarios and making cases of them.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::case::Case;

/// The suites, in the order in which they run.
pub const SUITES: [&str; 8] = [
    "basic",
    "settings",
    "retry",
    "retry-settings",
    "consent",
    "limits",
    "crash",
    "order",
];

/// Where the scenarios lie.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// All cases of all suites: by suite, then file name, then place in the file.
///
/// # Errors
/// A file that cannot be read, with its name and what is wrong with it.
pub fn load(folder: &Path) -> Result<Vec<Case>, String> {
    let mut cases: Vec<Case> = Vec::new();
    for suite in SUITES {
        let Ok(entries) = std::fs::read_dir(folder.join(suite)) else {
            continue;
        };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|end| end == "json"));
        files.sort();
        for file in files {
            let failed = |reason: String| format!("{}: {reason}", file.display());
            let text = std::fs::read(&file).map_err(|error| failed(error.to_string()))?;
            let value: Value =
                serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))?;
            let stem = file.file_stem().and_then(|stem| stem.to_str());
            for scenario in value.as_array().unwrap_or(&vec![value.clone()]) {
                cases.extend(expand(suite, stem.unwrap_or_default(), scenario).map_err(failed)?);
            }
        }
    }
    for (at, case) in cases.iter().enumerate() {
        if cases.iter().skip(at + 1).any(|other| other.id == case.id) {
            return Err(format!("two cases are called {:?}", case.id));
        }
    }
    Ok(cases)
}

/// A scenario with `each` is one case for each of its sets of variables.
fn expand(suite: &str, stem: &str, scenario: &Value) -> Result<Vec<Case>, String> {
    let none = vec![Value::Object(Map::new())];
    let each = scenario.get("each").and_then(Value::as_array);
    each.unwrap_or(&none)
        .iter()
        .map(|variables| {
            let variables = variables.as_object().ok_or("`each` is a list of objects")?;
            let mut scenario = scenario.clone();
            crate::template::fill(&mut scenario, variables);
            crate::template::expand(&mut scenario);
            Case::read(suite, stem, &scenario)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_in_the_repository_can_be_read_and_every_suite_has_some() {
        let cases = load(&folder());
        assert_eq!(cases.as_ref().err(), None);
        let cases = cases.unwrap_or_default();
        for suite in SUITES {
            assert!(cases.iter().any(|case| case.suite == suite), "{suite}");
        }
    }
}
