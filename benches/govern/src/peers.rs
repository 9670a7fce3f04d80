//! Segment's libraries in Node, each a process of its own for each round.

use std::collections::BTreeMap;
use std::process::Command;

use crate::event::FILTER;

/// What the peers took.
pub(crate) struct Peers {
    folder: String,
    figures: BTreeMap<String, Vec<f64>>,
}

impl Peers {
    pub(crate) fn new(folder: &str) -> Peers {
        Peers {
            folder: folder.to_owned(),
            figures: BTreeMap::new(),
        }
    }

    /// Runs `node bench.mjs FILTER`, which prints lines of a peer's name and its microseconds.
    pub(crate) fn round(&mut self) -> Result<(), String> {
        let output = Command::new("node")
            .args(["bench.mjs", FILTER])
            .current_dir(&self.folder)
            .output()
            .map_err(|error| format!("node: {error}; the peers need it"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let figure = line
                .split_once(' ')
                .and_then(|(peer, figure)| Some((peer, figure.parse().ok()?)));
            let (peer, figure) = figure.ok_or_else(|| format!("what bench.mjs says: {line}"))?;
            let figures = self.figures.entry(peer.to_owned()).or_default();
            figures.push(figure);
        }
        Ok(())
    }

    pub(crate) fn medians(&self) -> Vec<(String, f64)> {
        self.figures
            .iter()
            .map(|(peer, figures)| (peer.clone(), measure::median(figures)))
            .collect()
    }
}
