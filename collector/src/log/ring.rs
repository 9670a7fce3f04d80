//! A small log beside the log, which forgets by itself: what strangers sent.
//!
//! Two files of at most [`HALF`] in the log's own format, under `strangers/`, so that [`LogReader`](super::LogReader)
//! reads it. When the newer one is full the older one goes. Nothing in it was acknowledged, so nothing is synced, and
//! nothing of the event log is ever touched by it.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_store::disk::{Disk, DiskFile};
use headwater_store::frame::{self, FILE_HEADER};

use super::{Entry, Position, RECORD_KIND, record, segments};

/// Bytes of one file: a thousand small requests, or the sample of eight seconds in which somebody sends as much as he can.
const HALF: u64 = 512 * 1024;

/// The folder in a data folder that holds the ring; [`LogReader`](super::LogReader) reads it like a data folder.
#[must_use]
pub fn strangers_dir(data: &Path) -> PathBuf {
    data.join("strangers")
}

/// The one writer.
#[derive(Debug)]
pub struct Ring {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    active: Option<Active>,
}

#[derive(Debug)]
struct Active {
    base: Position,
    file: Arc<dyn DiskFile>,
    len: u64,
}

impl Ring {
    /// The ring of the data folder `data`. Nothing is created before there is something to write.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, data: &Path) -> Self {
        Self {
            disk,
            dir: strangers_dir(data).join("log"),
            active: None,
        }
    }

    /// Writes one entry. After an error the next one begins a new file.
    ///
    /// # Errors
    /// The disk's own.
    pub fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let bound = (frame::HEADER + record::head_bound(entry) + entry.body.len()) as u64;
        let mut active = match self.active.take() {
            Some(active) if active.len + bound <= HALF => active,
            _ => self.begin()?,
        };
        let mut head = Vec::with_capacity(256);
        let position = Position(active.base.0 + active.len);
        // Nothing in it is accepted, so nothing gets an id of it.
        record::encode_head(&mut head, entry, position, 0);
        let header = frame::header(RECORD_KIND, &[&head, &entry.body])
            .map_err(|error| io::Error::other(error.to_string()))?;
        let size = (header.len() + head.len() + entry.body.len()) as u64;
        active
            .file
            .append_vectored(&[&header[..], &head, &entry.body].map(IoSlice::new))?;
        active.len += size;
        self.active = Some(active);
        Ok(())
    }

    /// Begins a file behind the newest, and removes all before that.
    fn begin(&self) -> io::Result<Active> {
        self.disk.create_dir_all(&self.dir)?;
        let mut bases = segments::list(&*self.disk, &self.dir)?;
        let base = match bases.pop() {
            None => Position::default(),
            Some(newest) => {
                let len = self
                    .disk
                    .open(&self.dir.join(segments::name(newest)))?
                    .len()?;
                Position(newest.0 + len)
            }
        };
        for older in bases {
            self.disk.remove(&self.dir.join(segments::name(older)))?;
        }
        let file = segments::create(&*self.disk, &self.dir, base)?;
        Ok(Active {
            base,
            file,
            len: FILE_HEADER as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use headwater_model::time::Millis;
    use headwater_store::disk::FaultyDisk;

    use super::*;
    use crate::config::Platform;
    use crate::log::{Claim, LogReader, Next, Reason, Slot, Verdict};
    use crate::sources::KeyTag;

    fn entry(n: u64, bytes: usize) -> Entry {
        let body = format!(r#"{{"n":{n},"pad":"{}"}}"#, "x".repeat(bytes));
        Entry {
            received: Millis(n as i64),
            source: "".into(),
            hops: 0,
            key: KeyTag(7),
            platform: Platform::Auto,
            ip: None,
            implied: None,
            events: vec![Slot {
                offset: 0,
                len: body.len() as u32,
                verdict: Verdict::Rejected(Reason::UnknownWriteKey),
                claim: Claim::default(),
            }],
            body: Bytes::from(body),
        }
    }

    fn read(disk: &FaultyDisk) -> Vec<i64> {
        let data = Path::new("/data");
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        let mut reader = LogReader::new(disk, &strangers_dir(data), Position::default());
        let mut found = Vec::new();
        loop {
            match reader.advance().unwrap() {
                Next::Record(stored) => found.push(stored.head.received.0),
                Next::Control(_) | Next::Skipped { .. } => {}
                Next::End => return found,
            }
        }
    }

    #[test]
    fn the_ring_holds_the_newest_and_never_more_than_two_files() {
        let disk = FaultyDisk::new();
        let open = || Ring::new(Arc::new(disk.clone()), Path::new("/data"));
        let mut ring = open();
        for n in 0..200 {
            ring.append(&entry(n, 10_000)).unwrap();
        }
        let found = read(&disk);
        assert!(found.len() >= 50 && found.len() <= 110, "{}", found.len());
        assert_eq!(*found.last().unwrap(), 199);
        assert!(found.windows(2).all(|pair| pair[1] == pair[0] + 1));
        // A restart goes on behind it.
        let before = disk.files();
        open().append(&entry(200, 10)).unwrap();
        assert!(disk.files().last() > before.last());
        assert_eq!(disk.files().len(), 2);
        assert_eq!(read(&disk).last(), Some(&200));
        assert!(read(&disk).len() > 10);
    }
}
