//! `headwater destinations`: the catalogue, and what it would send.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use headwater_catalog::{BUILTIN, Definition, builtin};
use headwater_collector::cli::Failure;
use headwater_govern::expression::TABLE;
use headwater_model::json::{Limits, Object, parse};

/// The largest file of an event or of settings, in bytes.
const MAX_FILE: u64 = 1 << 20;

#[derive(Debug, Subcommand)]
pub(crate) enum Destinations {
    /// The destinations of the catalogue.
    List,
    /// One of them: its settings, actions and presets.
    Show {
        /// Its id.
        name: String,
        /// The definition's text.
        #[arg(long)]
        yaml: bool,
    },
    /// Print the requests that an event would become. Nothing is sent; secrets are shown by their names.
    Test {
        /// Its id.
        name: String,
        /// A JSON file with the event; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        event: PathBuf,
        /// A JSON file with settings; those that are needed and missing are made up.
        #[arg(long, value_name = "FILE")]
        settings: Option<PathBuf>,
    },
    /// The functions that formulas have.
    Functions,
}

fn named(name: &str) -> Result<Arc<Definition>, Failure> {
    match builtin(name) {
        Ok(Some(definition)) => Ok(definition),
        Ok(None) => Err(Failure::Usage(format!(
            "there is no destination {name}; `headwater destinations list` has them"
        ))),
        Err(error) => Err(Failure::Usage(error.to_string())),
    }
}

fn object(path: &Path) -> Result<Object, Failure> {
    let failed = |problem: String| Failure::Usage(format!("{}: {problem}", path.display()));
    let mut text = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_FILE + 1).read_to_end(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut text))
    };
    read.map_err(|error| failed(format!("cannot be read: {error}")))?;
    parse(&text, &Limits::default())
        .map_err(|error| failed(error.to_string()))?
        .into_object()
        .ok_or_else(|| failed("is a JSON object".to_owned()))
}

impl Destinations {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        match self {
            Destinations::List => {
                for known in BUILTIN {
                    let definition = named(known.id)?;
                    let file = &definition.file;
                    let actions: Vec<&str> = file.actions.keys().map(String::as_str).collect();
                    writeln!(
                        out,
                        "{:22} {:26} {}",
                        file.id,
                        file.name,
                        actions.join(", ")
                    )?;
                }
            }
            Destinations::Show { name, yaml } => {
                let definition = named(&name)?;
                if yaml {
                    let text = BUILTIN
                        .iter()
                        .find(|known| known.id == name)
                        .map_or("", |known| known.text);
                    write!(out, "{text}")?;
                } else {
                    show(&definition, &mut out)?;
                }
            }
            Destinations::Test {
                name,
                event,
                settings,
            } => {
                let definition = named(&name)?;
                let event = object(&event)?;
                let given = settings
                    .as_deref()
                    .map(object)
                    .transpose()?
                    .unwrap_or_default();
                test(&definition, &event, &given, &mut out)?;
            }
            Destinations::Functions => {
                for entry in TABLE {
                    writeln!(
                        out,
                        "{}\n    {}\n    {} = {}",
                        entry.usage, entry.about, entry.example.0, entry.example.1
                    )?;
                }
            }
        }
        Ok(())
    }
}

fn show(definition: &Definition, out: &mut impl Write) -> std::io::Result<()> {
    let file = &definition.file;
    writeln!(
        out,
        "{} ({})\nverified: {:?}, by {}",
        file.name,
        file.id,
        file.verified,
        file.docs.join("; ")
    )?;
    writeln!(out, "\nsettings")?;
    for (name, setting) in &file.settings {
        let needed = if setting.optional || setting.default.is_some() {
            ""
        } else {
            ", needed"
        };
        let secret = if setting.secret { ", secret" } else { "" };
        let label = setting.label.as_deref().unwrap_or_default();
        let help = setting.help.as_deref().unwrap_or_default();
        writeln!(out, "  {name:20} {label}{needed}{secret}  {help}")?;
    }
    writeln!(out, "\nactions")?;
    for (name, action) in &file.actions {
        let title = action.title.as_deref().unwrap_or_default();
        let fields: Vec<&str> = action.fields.keys().map(String::as_str).collect();
        writeln!(
            out,
            "  {name:20} {title}\n  {:20} of {}",
            "",
            fields.join(", ")
        )?;
    }
    writeln!(out, "\npresets")?;
    for preset in &file.presets {
        let trigger = preset.trigger.as_deref().unwrap_or("as the action");
        writeln!(out, "  {:20} {}: {trigger}", preset.name, preset.action)?;
    }
    Ok(())
}

fn test(
    definition: &Definition,
    event: &Object,
    given: &Object,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let settings = definition
        .settings(&definition.sample_settings(given))
        .map_err(|wrong| {
            let lines: Vec<String> = wrong
                .iter()
                .map(|(name, problem)| format!("settings.{name}: {problem}"))
                .collect();
            Failure::Usage(lines.join("\n"))
        })?;
    let settings = definition.masked(&settings);
    let now = headwater_collector::app::system_now().0;
    let prepared = definition.prepare(&settings, event, now, now);
    if prepared.is_empty() {
        writeln!(out, "no preset takes this event")?;
    }
    for prepared in prepared {
        match prepared {
            Err(dropped) => writeln!(out, "{}: dropped: {}", dropped.preset, dropped.reason)?,
            Ok(prepared) => {
                writeln!(out, "{} ({})", prepared.preset, prepared.action)?;
                for note in &prepared.notes {
                    writeln!(
                        out,
                        "  note: {}: {}: {}",
                        note.field, note.function, note.problem
                    )?;
                }
                let Some(mut exchange) = definition.exchange(&settings, vec![prepared]) else {
                    continue;
                };
                match exchange.next(now, Some("<access token>")) {
                    Ok(Some(request)) => {
                        writeln!(out, "{} {}", request.method, request.url)?;
                        for (name, value) in &request.headers {
                            writeln!(out, "{name}: {value}")?;
                        }
                        writeln!(out, "\n{}\n", request.shown)?;
                    }
                    Ok(None) => writeln!(out, "  nothing is sent")?,
                    Err(error) => writeln!(out, "  {error}")?,
                }
            }
        }
    }
    Ok(())
}
