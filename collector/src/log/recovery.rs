//! Opening a log that an earlier process left: which segments there are, where to go on, which claims hold.

use std::io;
use std::path::Path;
use std::sync::Arc;

use headwater_model::time::Millis;
use headwater_store::disk::Disk;
use headwater_store::frame::{self, FILE_HEADER, FileHeader};

use super::claims::ClaimIndex;
use super::committer::Active;
use super::segments::{self, Sealed, Witness};
use super::{Head, Position, RECORD_KIND, record};

/// Segments hold claims somewhat longer than the window: a record's time is its request's, a claim's that of its group.
const HOUR_MS: i64 = 3_600_000;

/// What was found when the folder was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments that are there.
    pub segments: usize,
    /// Claims that were rebuilt.
    pub claims: u64,
    /// Bytes of a torn tail that were cut off: a write that never was acknowledged.
    pub torn_bytes: u64,
    /// Damaged stretches that were passed over, in the segments that were read.
    pub corrupt: u64,
    /// Segments of another format version, left as they are.
    pub foreign: Vec<String>,
}

/// Reads what is there: heads of older segments, all of the last one.
///
/// Which segments hold claims within the window is told by the first records of all, and a record counts as no older than
/// those before it: a clock that was set back for a while forgets nothing. The window ends at the newest of these records
/// and not at `now`, which a clock that is wrong at start could put anywhere.
pub(super) fn recover(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    claims: &mut ClaimIndex,
    now: Millis,
) -> io::Result<(Vec<Sealed>, Active, Recovery)> {
    let bases = segments::list(&**disk, dir)?;
    let mut recovery = Recovery {
        segments: bases.len(),
        ..Recovery::default()
    };
    let mut sealed: Vec<Sealed> = Vec::new();
    let mut active = None;
    let window_ms = claims.window_ms();
    let mut firsts = Vec::with_capacity(bases.len());
    for base in &bases {
        let (file, _) = segments::open(&**disk, &dir.join(segments::name(*base)))?;
        firsts.push(segments::first_received(&*file)?);
    }
    let reference = firsts.iter().flatten().max().map_or(now, |at| now.min(*at));
    for (index, base) in bases.iter().copied().enumerate() {
        let path = dir.join(segments::name(base));
        let (file, header) = segments::open(&**disk, &path)?;
        let len = file.len()?;
        let last = index + 1 == bases.len();
        match header {
            FileHeader::OtherVersion(_) => {
                recovery.foreign.push(segments::name(base));
                sealed.push(Sealed {
                    base,
                    len,
                    newest: now,
                    witness: Witness::Nobody,
                });
                continue;
            }
            // The process ended while creating it: nothing can be in it.
            FileHeader::Short if last => {
                disk.remove(&path)?;
                active = Some(begin(disk, dir, base, now)?);
                continue;
            }
            FileHeader::Short | FileHeader::Good | FileHeader::Damaged => {}
        }
        let mut newest = Millis(i64::MIN);
        let mut take = |offset: u64, head: Head| {
            newest = newest.max(head.received);
            recovery.claims += claims.restore(Position(base.0 + offset), &head, reference);
        };
        if last {
            let scan = frame::scan(&*file, FILE_HEADER as u64, &mut |offset, kind, body| {
                if kind == RECORD_KIND
                    && let Ok((head, _)) = record::decode_head(body)
                {
                    take(offset, head);
                }
            })?;
            recovery.corrupt += scan.corrupt;
            recovery.torn_bytes += len - scan.good_len;
            if len > scan.good_len {
                file.truncate(scan.good_len)?;
                file.sync_data()?;
            }
            active = Some(Active {
                base,
                file,
                len: scan.good_len,
                newest: newest.max(Millis(0)),
                dirty: false,
            });
            continue;
        }
        let bound = bound(&firsts, index);
        let relevant =
            bound.is_none_or(|bound| reference.since(bound) <= window_ms.saturating_add(HOUR_MS));
        if relevant && !segments::visit_heads(&*file, &mut take)? {
            let scan = frame::scan(&*file, FILE_HEADER as u64, &mut |offset, kind, body| {
                if kind == RECORD_KIND
                    && let Ok((head, _)) = record::decode_head(body)
                {
                    take(offset, head);
                }
            })?;
            recovery.corrupt += scan.corrupt + u64::from(scan.torn_bytes > 0);
        }
        let witness = match (newest.0 != i64::MIN, relevant) {
            (true, _) => Witness::Itself,
            (false, false) => Witness::Others,
            (false, true) => Witness::Nobody,
        };
        if witness != Witness::Itself {
            newest = bound.unwrap_or(now);
        }
        sealed.push(Sealed {
            base,
            len,
            newest,
            witness,
        });
    }
    let active = match active {
        Some(active) => active,
        None => {
            let base = sealed
                .last()
                .map_or(0, |segment| segment.base.0 + segment.len);
            begin(disk, dir, Position(base), now)?
        }
    };
    claims.rotate(reference);
    Ok((sealed, active, recovery))
}

/// The latest time at which a record of segment `index` can have been received, by the first record of the next segment
/// that tells one.
fn bound(firsts: &[Option<Millis>], index: usize) -> Option<Millis> {
    let later = firsts.get(index + 1..)?.iter().position(Option::is_some)?;
    firsts
        .get(..index + 2 + later)?
        .iter()
        .flatten()
        .max()
        .copied()
}

fn begin(disk: &Arc<dyn Disk>, dir: &Path, base: Position, now: Millis) -> io::Result<Active> {
    let file = segments::create(&**disk, dir, base)?;
    Ok(Active {
        base,
        file,
        len: FILE_HEADER as u64,
        newest: now,
        dirty: false,
    })
}
