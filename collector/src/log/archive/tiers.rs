//! The log's segments wherever they lie: hot under `log/`, or archived under `archive/`. Where both are, the hot one counts.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_model::time::Millis;
use headwater_store::disk::{Disk, DiskFile};
use headwater_store::frame::FileHeader;

use super::super::{Position, segments};
use super::file::Archived;
use super::{SUFFIX, folder, name};

/// A segment that is open for reading.
#[derive(Debug)]
pub(in super::super) struct Opened {
    pub(in super::super) file: Arc<dyn DiskFile>,
    pub(in super::super) header: FileHeader,
    pub(in super::super) path: PathBuf,
    /// Bytes of its archive file; `None` when it is hot.
    pub(in super::super) archived: Option<u64>,
    /// When its first and newest record were received, where its archive says so.
    pub(in super::super) times: Option<(Option<Millis>, Option<Millis>)>,
}

/// The positions at which segments begin, oldest first, of the log in the folder `log`.
pub(in super::super) fn list(disk: &dyn Disk, log: &Path) -> io::Result<Vec<Position>> {
    // The hot ones first: a segment that moves meanwhile is in one of the two lists at least.
    let mut bases = segments::list(disk, log)?;
    bases.extend(archived(disk, log)?);
    bases.sort_unstable();
    bases.dedup();
    Ok(bases)
}

/// The positions of the segments that are archived, in no order.
fn archived(disk: &dyn Disk, log: &Path) -> io::Result<Vec<Position>> {
    let names = match disk.list(&folder(log)) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    Ok(names
        .iter()
        .filter_map(|name| {
            let digits = name.strip_suffix(SUFFIX)?;
            (digits.len() == 20).then(|| digits.parse().ok()).flatten()
        })
        .map(Position)
        .collect())
}

/// Opens the segment at `base`, hot or archived; `NotFound` when it is neither.
pub(in super::super) fn open(disk: &dyn Disk, log: &Path, base: Position) -> io::Result<Opened> {
    let path = log.join(segments::name(base));
    match segments::open(disk, &path) {
        Ok((file, header)) => Ok(Opened {
            file,
            header,
            path,
            archived: None,
            times: None,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => open_archived(disk, log, base),
        Err(error) => Err(error),
    }
}

/// Opens the archive of the segment at `base`. The header is the segment's, unless the archive's says more.
pub(super) fn open_archived(disk: &dyn Disk, log: &Path, base: Position) -> io::Result<Opened> {
    let path = folder(log).join(name(base));
    open_at(disk, path, base)
}

pub(super) fn open_at(disk: &dyn Disk, path: PathBuf, base: Position) -> io::Result<Opened> {
    let file = disk.open(&path)?;
    let stored = file.len()?;
    let (archived, header) = Archived::open(file, base)?;
    let times = archived.times;
    let (file, header): (Arc<dyn DiskFile>, _) = match header {
        FileHeader::OtherVersion(_) => (Arc::new(archived), header),
        _ => segments::opened(Arc::new(archived))?,
    };
    Ok(Opened {
        file,
        header,
        path,
        archived: Some(stored),
        times,
    })
}

/// The names under which the segment at `base` is known, with their folders: hot and archived.
pub(in super::super) fn names(base: Position) -> (String, String) {
    (
        format!("log/{}", segments::name(base)),
        format!("archive/{}", name(base)),
    )
}

/// Where the archive of the segment at `base` lies.
pub(in super::super) fn stored_at(log: &Path, base: Position) -> PathBuf {
    folder(log).join(name(base))
}

/// Removes the archive of the segment at `base`, durably; one that is not there is as good as removed.
pub(in super::super) fn remove(disk: &dyn Disk, log: &Path, base: Position) -> io::Result<()> {
    match disk.remove(&stored_at(log, base)) {
        Ok(()) => disk.sync_dir(&folder(log)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
