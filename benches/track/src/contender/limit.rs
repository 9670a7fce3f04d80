//! No SDK at all: the floor under memory, and the least a call can cost that leaves the event with the system.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use measure::Failure;
use serde::Serialize;

use super::Contender;
use crate::event::{NAME, Order};

/// Does nothing: what the harness itself weighs.
pub(crate) struct Idle;

impl Contender for Idle {
    fn track(&mut self, _: &Order) -> Result<(), Failure> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

/// One `write` of as many bytes as an event of headwater has in its log, and nothing else: what leaving an event with the
/// system costs in system calls.
pub(crate) struct BareWrite {
    log: File,
    line: Vec<u8>,
}

/// Bytes of an event in headwater's log.
const LOGGED: usize = 730;

impl BareWrite {
    pub(crate) fn new(folder: &Path) -> Result<Self, Failure> {
        Ok(Self {
            log: log(folder)?,
            line: vec![b'x'; LOGGED],
        })
    }
}

impl Contender for BareWrite {
    fn track(&mut self, _: &Order) -> Result<(), Failure> {
        Ok(self.log.write_all(&self.line)?)
    }

    fn finish(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

fn log(folder: &Path) -> Result<File, Failure> {
    Ok(File::options()
        .create(true)
        .append(true)
        .open(folder.join("events"))?)
}

/// Serialises with serde_json into a buffer that is reused, writes it to a file, and syncs it or not.
pub(crate) struct Written {
    log: File,
    line: Vec<u8>,
    sync: bool,
}

/// As many bytes as an SDK writes, without its work: the ids and the context are constants.
#[derive(Serialize)]
struct Line<'a> {
    r#type: &'static str,
    event: &'static str,
    #[serde(rename = "userId")]
    user: String,
    #[serde(rename = "messageId")]
    id: &'static str,
    timestamp: &'static str,
    properties: &'a Order,
    context: Context,
}

#[derive(Serialize)]
struct Context {
    library: Library,
}

#[derive(Serialize)]
struct Library {
    name: &'static str,
    version: &'static str,
}

impl Written {
    pub(crate) fn new(folder: &Path, sync: bool) -> Result<Self, Failure> {
        Ok(Self {
            log: log(folder)?,
            line: Vec::with_capacity(4096),
            sync,
        })
    }
}

impl Contender for Written {
    fn track(&mut self, order: &Order) -> Result<(), Failure> {
        self.line.clear();
        let line = Line {
            r#type: "track",
            event: NAME,
            user: order.user(),
            id: "50314b8e-9bcf-4000-8000-000000000000",
            timestamp: "2026-01-01T00:00:00.000Z",
            properties: order,
            context: Context {
                library: Library {
                    name: "write",
                    version: "1.0.0",
                },
            },
        };
        serde_json::to_writer(&mut self.line, &line)?;
        self.log.write_all(&self.line)?;
        if self.sync {
            self.log.sync_data()?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}
