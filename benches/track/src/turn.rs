//! One contender's turn: its process is started, the hub does what the case says while the calls are made, and what the
//! process and the sink tell is put together.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use measure::{Failure, Served};

use crate::case::{Case, Hub, Pace};
use crate::measured::{CALLED, READY, Told, WARM_UP};
use crate::sink::{self, Tally};

/// What is left of the warm-up arrives meanwhile, and is not the measured calls' doing. Seconds matter to a paced case only.
const SETTLE: Duration = Duration::from_millis(1_500);

/// The sink and the port it listens on; it goes and comes back where a case wants that.
pub(crate) struct Sink {
    served: Option<Served>,
    port: u16,
}

impl Sink {
    pub(crate) fn start(port: u16) -> Result<Sink, Failure> {
        let mut sink = Sink { served: None, port };
        sink.listen()?;
        Ok(sink)
    }

    fn listen(&mut self) -> Result<(), Failure> {
        let served = Served::start(
            Command::new(env::current_exe()?).args(["sink", &self.port.to_string()]),
            self.port,
        )?;
        self.served = Some(served);
        Ok(())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn become_what(&mut self, hub: Hub) -> Result<(), Failure> {
        match hub {
            Hub::Up => {}
            Hub::Refuses => self.served = None,
            Hub::Fails => sink::fail(self.port, true)?,
        }
        Ok(())
    }

    fn recover(&mut self, hub: Hub) -> Result<(), Failure> {
        match hub {
            Hub::Up => Ok(()),
            Hub::Refuses => self.listen(),
            Hub::Fails => Ok(sink::fail(self.port, false)?),
        }
    }
}

/// A child that measures; ended with this value, whatever happens.
struct Measuring {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Drop for Measuring {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Measuring {
    fn start(case: &Case, folder: &Path, port: u16) -> Result<Self, Failure> {
        let mut child = Command::new(env::current_exe()?)
            .args(["measure", case.name])
            .args([case.pace.to_string(), case.calls.to_string()])
            .arg(folder)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let says = child.stdout.take().ok_or("a child without an output")?;
        Ok(Self {
            child,
            says: BufReader::new(says),
        })
    }

    fn hear(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        self.says.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    fn expect(&mut self, word: &str) -> Result<(), Failure> {
        match self.hear()? {
            said if said == word => Ok(()),
            said => Err(format!("a child said {said:?} instead of {word:?}").into()),
        }
    }

    fn go_on(&mut self) -> Result<(), Failure> {
        let input = self
            .child
            .stdin
            .as_mut()
            .ok_or("a child without an input")?;
        Ok(input.write_all(b"go on\n")?)
    }
}

/// Runs a case once.
pub(crate) fn take(case: &Case, folder: &Path, sink: &mut Sink) -> Result<(Told, Tally), Failure> {
    let mut child = Measuring::start(case, folder, sink.port())?;
    child.expect(READY)?;
    if case.pace == Pace::Even {
        sleep(SETTLE);
    }
    // Requests so far are the warm-up's.
    sink::take(sink.port(), WARM_UP)?;
    sink.become_what(case.hub)?;
    child.go_on()?;
    child.expect(CALLED)?;
    sink.recover(case.hub)?;
    child.go_on()?;
    let told = child.hear()?;
    let status = child.child.wait()?;
    if !status.success() {
        return Err(format!("{} did not finish: {status}", case.name).into());
    }
    Ok((
        serde_json::from_str(&told)?,
        sink::take(sink.port(), WARM_UP)?,
    ))
}
