//! Building the ids of one segment.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use headwater_store::disk::Disk;

use super::super::{Position, archive, segments};
use super::{file, folder, keys, path};

/// Reads a sealed segment and writes where its ids lie. Any thread may run it.
#[derive(Debug)]
pub struct IdsJob {
    pub(in super::super) disk: Arc<dyn Disk>,
    /// The log's folder.
    pub(in super::super) log: PathBuf,
    pub(in super::super) base: Position,
    /// Where the next segment begins.
    pub(in super::super) next: Position,
}

/// What an [`IdsJob`] came to.
#[derive(Debug)]
pub struct Indexed {
    pub(in super::super) base: Position,
    pub(in super::super) outcome: io::Result<()>,
}

impl Indexed {
    /// A job that could not be started.
    pub(in super::super) fn failed(base: Position, error: io::Error) -> Self {
        Self {
            base,
            outcome: Err(error),
        }
    }
}

impl IdsJob {
    /// Where the segment begins.
    #[must_use]
    pub fn base(&self) -> Position {
        self.base
    }

    /// Does the work.
    #[must_use]
    pub fn run(self) -> Indexed {
        Indexed {
            base: self.base,
            outcome: self.build(),
        }
    }

    fn build(&self) -> io::Result<()> {
        let opened = archive::open(&*self.disk, &self.log, self.base)?;
        let (mut entries, mut sources) = (Vec::new(), BTreeSet::new());
        segments::visit_readable(
            &*opened.file,
            self.base,
            Some(self.next),
            &mut |home, head| {
                entries.extend(keys(&head).map(|(key, index)| file::entry(key, home, index)));
                if !sources.contains(&head.source) {
                    sources.insert(head.source);
                }
            },
        )?;
        entries.sort_unstable();
        self.disk.create_dir_all(&folder(&self.log))?;
        let path = path(&self.log, self.base);
        let draft = path.with_extension("tmp");
        file::write(&*self.disk, (&draft, &path), self.base, &entries, &sources)
    }
}
