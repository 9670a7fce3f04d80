//! Runs the official cases for draft-07 (`tests/draft7` of JSON-Schema-Test-Suite) through our validator.
//!
//! ```text
//! scripts/schema-suite.sh        fetches the cases and runs this
//! ```

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use headwater_govern::schema::Schema;
use headwater_model::json::{Limits, Value, parse};

/// Files that ask for what we leave out on purpose: draft-07 calls `contentEncoding` an annotation, names of
/// internationalised hosts are read loosely (no tables of IDNA), and a schema of another draft is refused.
const LEFT_OUT: [&str; 3] = ["content.json", "idn-hostname.json", "cross-draft.json"];

#[derive(Default)]
struct Counts {
    passed: u32,
    failed: u32,
    refused: u32,
}

fn say(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        say(format_args!("usage: schema_suite FOLDER"));
        return ExitCode::FAILURE;
    };
    let mut counts = Counts::default();
    let mut files = Vec::new();
    for folder in ["", "optional", "optional/format"] {
        let entries =
            std::fs::read_dir(Path::new(&std::env::args().nth(1).unwrap_or_default()).join(folder));
        for entry in entries.into_iter().flatten().flatten() {
            let left_out = LEFT_OUT.iter().any(|name| entry.path().ends_with(name));
            if !left_out
                && entry
                    .path()
                    .extension()
                    .is_some_and(|ending| ending == "json")
            {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    for file in &files {
        run(file, &folder, &mut counts);
    }
    say(format_args!(
        "schema-suite: files={} passed={} failed={} refused={}",
        files.len(),
        counts.passed,
        counts.failed,
        counts.refused
    ));
    if counts.failed == 0 && counts.passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn run(file: &Path, folder: &str, counts: &mut Counts) {
    let name = file
        .strip_prefix(folder)
        .unwrap_or(file)
        .display()
        .to_string();
    let Ok(bytes) = std::fs::read(file) else {
        counts.failed += 1;
        return;
    };
    let Ok(groups) = parse(&bytes, &Limits::default()) else {
        say(format_args!("{name}: is not read"));
        counts.failed += 1;
        return;
    };
    for group in groups.as_array().map_or(&[][..], Vec::as_slice) {
        let text = |value: &Value, key| {
            value
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let tests = group
            .get("tests")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let about = text(group, "description");
        let schema = match Schema::compile(group.get("schema").unwrap_or(&Value::Null)) {
            Ok(schema) => schema,
            Err(error) => {
                counts.refused += 1;
                // Nothing is fetched.
                if !error.problem.contains("nothing is fetched") {
                    say(format_args!("{name}: {about}: refused: {error}"));
                }
                continue;
            }
        };
        for test in tests {
            let data = test.get("data").unwrap_or(&Value::Null);
            let expected = test.get("valid").and_then(Value::as_bool);
            let report = schema.check(data);
            let held = report
                .as_ref()
                .is_ok_and(|report| report.failures.is_empty());
            let quick = schema.is_valid(data) == Ok(held);
            if expected == Some(held) && quick {
                counts.passed += 1;
            } else {
                counts.failed += 1;
                say(format_args!(
                    "{name}: {about}: {}: said {held}",
                    text(test, "description")
                ));
            }
        }
    }
}
