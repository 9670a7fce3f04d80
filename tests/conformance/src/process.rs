//! Running an SDK's CLI: bounded in time and in output.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The most of stdout and of stderr that is kept.
const MAX_OUTPUT: u64 = 1 << 20;
/// The longest argument given inline; Linux takes 128 KiB.
const MAX_INLINE: usize = 100_000;
const LOOK: Duration = Duration::from_millis(2);

/// What a process left.
#[derive(Clone, Debug)]
pub struct Finished {
    /// `None` when it did not end in time and was killed for it.
    pub status: Option<ExitStatus>,
    /// Whether the case killed it, as it wanted to.
    pub killed: bool,
    /// Its stdout.
    pub stdout: String,
    /// Its stderr.
    pub stderr: String,
    /// From start to end.
    pub took: Duration,
}

/// Runs `command --input …`; kills it as soon as `kill` says so, or after `limit`.
///
/// # Errors
/// When it cannot be started.
pub fn run(
    command: &[String],
    input: &str,
    directory: &std::path::Path,
    limit: Duration,
    kill: impl Fn() -> bool,
) -> Result<Finished, String> {
    let (program, arguments) = command.split_first().ok_or("the command is empty")?;
    let input = if input.len() > MAX_INLINE {
        let file = directory.join("input.json");
        std::fs::write(&file, input).map_err(|error| error.to_string())?;
        format!("@{}", file.display())
    } else {
        input.to_owned()
    };
    let begun = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .args(["--input", &input])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{program} cannot be started: {error}"))?;
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let (status, killed) = wait(&mut child, begun + limit, kill);
    Ok(Finished {
        status,
        killed,
        took: begun.elapsed(),
        stdout: stdout.join().unwrap_or_default(),
        stderr: stderr.join().unwrap_or_default(),
    })
}

fn wait(child: &mut Child, until: Instant, kill: impl Fn() -> bool) -> (Option<ExitStatus>, bool) {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return (Some(status), false),
            Err(_) => return (None, false),
            Ok(None) => {}
        }
        let wanted = kill();
        if wanted || Instant::now() > until {
            let _ = child.kill();
            let status = child.wait().ok();
            return (status.filter(|_| wanted), wanted);
        }
        thread::sleep(LOOK);
    }
}

fn collect(stream: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = (&mut stream).take(MAX_OUTPUT).read_to_end(&mut bytes);
            // The rest is read all the same, so that the process is not held up.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Splits a command line at blanks; quotes, single or double, hold together.
#[must_use]
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for sign in line.chars() {
        match (quote, sign) {
            (Some(open), _) if sign == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(sign);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(sign),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_splits_at_blanks_and_quotes_hold_together() {
        assert_eq!(
            words("node  'my cli.js' --x=\"a b\" ''"),
            ["node", "my cli.js", "--x=a b", ""]
        );
    }
}
