//! Opening a log that an earlier process left: which segments there are, where to go on, which claims hold.

use std::io;
use std::path::Path;
use std::sync::Arc;

use headwater_model::time::Millis;
use headwater_store::disk::Disk;
use headwater_store::frame::{self, FILE_HEADER, FileHeader};

use super::claims::ClaimIndex;
use super::committer::Active;
use super::segments::{self, Sealed};
use super::{Position, RECORD_KIND, Verdict, record};

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
        let mut take = |head: super::Head| {
            newest = newest.max(head.received);
            for slot in &head.events {
                if slot.verdict == Verdict::Accepted
                    && claims.restore(slot.claim, head.received, now)
                {
                    recovery.claims += 1;
                }
            }
            while let Some(job) = claims.spill_job() {
                if claims.adopt(job.run()).is_err() {
                    break;
                }
            }
        };
        if last {
            let scan = frame::scan(&*file, FILE_HEADER as u64, &mut |_, kind, body| {
                if kind == RECORD_KIND
                    && let Ok((head, _)) = record::decode_head(body)
                {
                    take(head);
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
        let following = bases
            .get(index + 1)
            .map(|next| dir.join(segments::name(*next)));
        let bound = match following {
            Some(path) => segments::first_received(&*segments::open(&**disk, &path)?.0)?,
            None => None,
        };
        let relevant =
            bound.is_none_or(|bound| now.since(bound) <= window_ms.saturating_add(3_600_000));
        if relevant && !segments::visit_heads(&*file, &mut take)? {
            let scan = frame::scan(&*file, FILE_HEADER as u64, &mut |_, kind, body| {
                if kind == RECORD_KIND
                    && let Ok((head, _)) = record::decode_head(body)
                {
                    take(head);
                }
            })?;
            recovery.corrupt += scan.corrupt + u64::from(scan.torn_bytes > 0);
        }
        if newest.0 == i64::MIN {
            newest = bound.unwrap_or(now);
        }
        sealed.push(Sealed { base, len, newest });
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
    claims.rotate(now);
    Ok((sealed, active, recovery))
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
