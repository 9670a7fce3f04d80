//! `headwater tail`: the latest events, from a data folder or a running collector.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use headwater_model::event::EventType;
use headwater_model::json::{self, Limits, Value};
use headwater_store::disk::RealDisk;

use super::Failure;
use super::filter::{Filter, write_item, write_line};
use super::terminal;
use crate::log::{LogReader, Next, Position, Reason, Stored, Verdict, strangers_dir};
use crate::read::Item;

/// Arguments of `headwater tail`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headwater tail                              the last 20 events of .headwater
  headwater tail -f --type track              and those to come, track only
  headwater tail -f --url http://127.0.0.1:8765 --json
  headwater tail -f --url http://hub.internal:8765 --token $TOKEN")]
pub struct Tail {
    /// The data folder to read.
    #[arg(
        long,
        short,
        value_name = "DIR",
        default_value = ".headwater",
        conflicts_with = "url"
    )]
    data: PathBuf,
    /// Ask a running collector instead (http only).
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The collector's admin token, with --url.
    #[arg(
        long,
        env = "HEADWATER_ADMIN_TOKEN",
        hide_env_values = true,
        requires = "url"
    )]
    token: Option<String>,
    #[command(flatten)]
    filter: Filter,
    /// Whole events, one JSON object a line.
    #[arg(long)]
    json: bool,
    /// How many of the latest events to show first.
    #[arg(short = 'n', value_name = "N", default_value_t = 20)]
    count: usize,
    /// Go on with events as they come.
    #[arg(short, long)]
    follow: bool,
}

impl Tail {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.url.clone() {
            Some(url) => self.show_stream(&url),
            None => self.show_folder(&self.data),
        }
    }

    fn show(&self, source: &str, item: Item) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        if self.json {
            let on_terminal = out.is_terminal();
            write_item(&mut out, item, on_terminal)?;
        } else {
            write_line(&mut out, source, &item)?;
        }
        out.flush()?;
        Ok(())
    }

    fn show_folder(&self, dir: &Path) -> Result<(), Failure> {
        if !self.follow && !dir.join("log").is_dir() {
            return Err(Failure::Usage(format!(
                "{} holds no events; give the collector's folder with --data, or its address with --url",
                dir.display()
            )));
        }
        let log = |dir: &Path| LogReader::new(Arc::new(RealDisk), dir, Position::default());
        let mut readers = vec![log(dir)];
        if self.filter.rejected {
            readers.push(log(&strangers_dir(dir)));
        }
        let mut latest = Vec::new();
        for reader in &mut readers {
            let mut own = VecDeque::new();
            self.read_on(reader, |stored, item| {
                own.push_back((stored.head.received, stored.head.source.clone(), item));
                if own.len() > self.count {
                    own.pop_front();
                }
                Ok(())
            })?;
            latest.extend(own);
        }
        latest.sort_by_key(|(received, _, _)| *received);
        let more = latest.len().saturating_sub(self.count);
        for (_, source, item) in latest.drain(..).skip(more) {
            self.show(&source, item)?;
        }
        if !self.follow {
            return Ok(());
        }
        loop {
            std::thread::sleep(Duration::from_millis(100));
            for reader in &mut readers {
                self.read_on(reader, |stored, item| self.show(&stored.head.source, item))?;
            }
        }
    }

    /// Gives `take` every wanted event up to the log's present end.
    fn read_on(
        &self,
        reader: &mut LogReader,
        mut take: impl FnMut(&Stored, Item) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        loop {
            match reader.advance()? {
                Next::Record(stored) => {
                    for item in self.filter.of(&stored) {
                        take(&stored, item)?;
                    }
                }
                Next::Control(_) => {}
                Next::Skipped { from, to } => {
                    tracing::warn!(%from, %to, "passed over bytes that hold no readable record");
                }
                Next::End => return Ok(()),
            }
        }
    }

    /// HTTP/1.0 by hand: one GET whose answer is a stream of lines needs no client library.
    fn show_stream(&self, url: &str) -> Result<(), Failure> {
        let host = url
            .strip_prefix("http://")
            .map(|rest| rest.split('/').next().unwrap_or(rest));
        let host = host.filter(|host| {
            !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control())
        });
        let host = host
            .ok_or_else(|| Failure::Usage(format!("`{url}` must be like http://127.0.0.1:8765")))?;
        let address = if host
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
        {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let mut stream = TcpStream::connect(&address).map_err(|error| {
            Failure::Usage(format!(
                "cannot reach {address}: {error}; is the collector running?"
            ))
        })?;
        let token = match &self.token {
            Some(token) if token.contains(char::is_control) => {
                return Err(Failure::Usage(
                    "the token must not hold control characters".to_owned(),
                ));
            }
            Some(token) => format!("Authorization: Bearer {token}\r\n"),
            None => String::new(),
        };
        write!(
            stream,
            "GET /_events?recent={} HTTP/1.0\r\nHost: {host}\r\n{token}\r\n",
            self.count
        )?;
        let mut lines = BufReader::new(stream).lines();
        let status = lines.next().transpose()?.unwrap_or_default();
        if !status.contains(" 200 ") {
            return Err(Failure::Usage(format!(
                "the collector answered `{}`; in production it needs [admin] token, and --token here",
                terminal::line(&status)
            )));
        }
        for line in lines {
            let line = line?;
            if let Some(data) = line.strip_prefix("data: ")
                && let Ok(shown) = json::parse(data.as_bytes(), &Limits::default())
            {
                if let Some((source, item)) = self.wanted(&shown) {
                    self.show(&source, item)?;
                } else if !self.follow && shown.get("accepted").is_some() {
                    // Statistics come after the recent events: all of them were shown.
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn wanted(&self, shown: &Value) -> Option<(String, Item)> {
        let text = |key: &str| shown.get(key).and_then(Value::as_str);
        let verdict = match text("kind")? {
            "good" => Verdict::Accepted,
            "bad" if self.filter.rejected => Verdict::Rejected(
                *Reason::ALL
                    .iter()
                    .find(|reason| Some(reason.code()) == text("code"))?,
            ),
            _ => return None,
        };
        let kind = text("type").and_then(EventType::parse);
        let source = text("source").unwrap_or_default();
        let fits = self
            .filter
            .source
            .as_ref()
            .is_none_or(|wanted| wanted == source)
            && self.filter.kind.is_none_or(|wanted| Some(wanted) == kind);
        if fits && shown.get("cut").is_some() {
            tracing::warn!("the next event is too large to be shown whole; see `headwater export`");
        }
        fits.then(|| {
            let event = shown.get("event").cloned().unwrap_or(Value::Null);
            (
                source.to_owned(),
                Item {
                    index: 0,
                    verdict,
                    kind,
                    event,
                },
            )
        })
    }
}
