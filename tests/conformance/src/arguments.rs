//! The runner's command line.

/// What `--help` says.
pub const HELP: &str = "\
conformance: drives an SDK's e2e CLI against a scripted mock of the tracking API and judges what arrived

  conformance --sdk NAME            an SDK of tests/conformance/sdks.json (default: rust); built first
  conformance --cli \"node cli.js\"   any CLI with the contract: CLI --input '<json>' → {success, sentBatches, error?}

  --suite A,B     only these suites: basic, settings, retry, retry-settings, consent, limits, crash, order
  --case TEXT     only cases whose name holds the text
  --list          names the cases and ends
  --jobs N        so many cases at a time (default 8: they mostly wait)
  --verbose       the requests of passed cases, too

Every case has a mock on a port of its own on the loopback and a directory of its own. The last line is
'N passed, N failed'; exit code 0 when none failed. How to add a scenario or an SDK: tests/conformance/README.md";

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// `--sdk`.
    pub sdk: Option<String>,
    /// `--cli`.
    pub cli: Option<String>,
    /// `--suite`, split at commas.
    pub suites: Vec<String>,
    /// `--case`.
    pub case: Option<String>,
    /// `--list`.
    pub list: bool,
    /// `--help`.
    pub help: bool,
    /// `--verbose`.
    pub verbose: bool,
    /// `--jobs`.
    pub jobs: Option<usize>,
}

impl Arguments {
    /// Reads the command line, without the program's name. `--name value` and `--name=value` are the same.
    ///
    /// # Errors
    /// An argument that is not known or lacks its value.
    pub fn read(words: impl IntoIterator<Item = String>) -> Result<Arguments, String> {
        let mut read = Arguments::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word, None),
            };
            let mut value = || {
                inline
                    .clone()
                    .or_else(|| words.next())
                    .ok_or_else(|| format!("{name} needs a value"))
            };
            match name.as_str() {
                "--sdk" => read.sdk = Some(value()?),
                "--cli" => read.cli = Some(value()?),
                "--case" => read.case = Some(value()?),
                "--suite" => read
                    .suites
                    .extend(value()?.split(',').map(|suite| suite.trim().to_owned())),
                "--jobs" => {
                    let jobs = value()?;
                    let jobs = jobs.parse().ok().filter(|jobs| (1..=256).contains(jobs));
                    read.jobs = Some(jobs.ok_or("--jobs needs a number from 1 to 256")?);
                }
                "--list" => read.list = true,
                "--verbose" => read.verbose = true,
                "--help" | "-h" => read.help = true,
                other => return Err(format!("unknown argument {other:?}; see --help")),
            }
        }
        for suite in &read.suites {
            if !crate::scenario::SUITES.contains(&suite.as_str()) {
                let all = crate::scenario::SUITES.join(", ");
                return Err(format!("there is no suite {suite:?}: {all}"));
            }
        }
        if read.sdk.is_some() && read.cli.is_some() {
            return Err("--sdk and --cli exclude each other".to_owned());
        }
        Ok(read)
    }
}
