//! Reading a log file back after whatever happened to it.
//!
//! Rule. A good frame is visited. At a damaged one the reader finds the next good frame so: it trusts the length in the
//! damaged header if a good frame (or exactly the end of the file) follows there; else it searches forward, byte by byte,
//! for the first place where a frame's checksum holds. One stretch of damage in the middle therefore costs the frames it
//! touches and none after. When nothing good follows, the rest is a torn tail: the caller truncates to
//! [`Scan::good_len`] before it appends again.

use std::io;

use super::{Decoded, HEADER, decode};
use crate::disk::DiskFile;

/// How much is read at once: a whole segment of the default size, so that opening costs one read a file.
const CHUNK: usize = 256 * 1024;

/// Bytes that one search for the next good frame may checksum before it gives the rest up. Text never comes near it
/// (see the invariant of [`frame`](super)); it bounds the time that a file built to deceive can take, to about 0.2 s.
const SEARCH_BUDGET: usize = 256 * 1024 * 1024;

/// What a scan found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Good frames visited.
    pub frames: u64,
    /// Where the last good frame ends (or where the scan began): append from here.
    pub good_len: u64,
    /// Stretches of damage between good frames, or a whole damaged frame at the end: at least one record each.
    pub corrupt: u64,
    /// Bytes in those stretches.
    pub corrupt_bytes: u64,
    /// Bytes of the torn tail, 0 when the file ends well.
    pub torn_bytes: u64,
}

/// Visits each good frame of `file` from offset `from` (just after the file's header) with its offset, kind and body.
///
/// Damage is no error; only the disk's own errors are.
pub fn scan(
    file: &dyn DiskFile,
    from: u64,
    visit: &mut dyn FnMut(u64, u8, &[u8]),
) -> io::Result<Scan> {
    let mut window = Window {
        file,
        end: file.len()?,
        start: from,
        bytes: Vec::new(),
    };
    let mut found = Scan {
        good_len: from,
        ..Scan::default()
    };
    let mut at = from;
    while at < window.end {
        let claimed = match window.frame(at)? {
            Decoded::Frame { kind, body, size } => {
                visit(at, kind, body);
                at += size as u64;
                found.frames += 1;
                found.good_len = at;
                continue;
            }
            Decoded::NeedMore { .. } => None,
            Decoded::Corrupt { claimed } => claimed,
        };
        let Some(next) = window.next_good(at, claimed)? else {
            break;
        };
        found.corrupt += 1;
        found.corrupt_bytes += next - at;
        at = next;
    }
    found.torn_bytes = window.end.saturating_sub(at);
    Ok(found)
}

/// A buffered view of the file that moves forward.
struct Window<'a> {
    file: &'a dyn DiskFile,
    end: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// What is buffered from `offset`: at least `want` bytes, unless the file ends before.
    fn at(&mut self, offset: u64, want: usize) -> io::Result<&[u8]> {
        let have = self.bytes.len();
        let skip = usize::try_from(offset - self.start)
            .unwrap_or(usize::MAX)
            .min(have);
        if have - skip < want && self.start + (have as u64) < self.end {
            self.bytes.drain(..skip);
            self.start = offset;
            let kept = self.bytes.len();
            let left = usize::try_from(self.end - offset).unwrap_or(usize::MAX);
            self.bytes.resize(want.max(CHUNK).min(left), 0);
            let read = self
                .file
                .read_at(offset + kept as u64, &mut self.bytes[kept..])?;
            self.bytes.truncate(kept + read);
            if kept + read < want.min(left) {
                self.end = offset + (kept + read) as u64;
            }
            return Ok(&self.bytes);
        }
        Ok(&self.bytes[skip..])
    }

    fn frame(&mut self, at: u64) -> io::Result<Decoded<'_>> {
        let left = self.end - at;
        let size = match decode(self.at(at, HEADER)?) {
            Decoded::NeedMore { size } if size as u64 > left => {
                return Ok(Decoded::NeedMore { size });
            }
            Decoded::Corrupt { claimed } => return Ok(Decoded::Corrupt { claimed }),
            Decoded::NeedMore { size } | Decoded::Frame { size, .. } => size,
        };
        Ok(decode(self.at(at, size)?))
    }

    fn is_good(&mut self, at: u64) -> io::Result<bool> {
        Ok(matches!(self.frame(at)?, Decoded::Frame { .. }))
    }

    fn next_good(&mut self, damaged: u64, claimed: Option<usize>) -> io::Result<Option<u64>> {
        if let Some(size) = claimed {
            let next = damaged + size as u64;
            // The window only moves forward, so a wrong guess far ahead must not be followed by a search from here.
            if next == self.end || (size <= CHUNK && self.peek_is_good(next)?) {
                return Ok(Some(next));
            }
        }
        self.search(damaged + 1)
    }

    /// As [`is_good`](Self::is_good), with a view of its own, so that this one does not move.
    fn peek_is_good(&self, at: u64) -> io::Result<bool> {
        if at >= self.end {
            return Ok(false);
        }
        Window {
            file: self.file,
            end: self.end,
            start: at,
            bytes: Vec::new(),
        }
        .is_good(at)
    }

    fn search(&mut self, from: u64) -> io::Result<Option<u64>> {
        let mut at = from;
        let mut budget = SEARCH_BUDGET;
        loop {
            let bytes = self.at(at, HEADER)?;
            if bytes.len() < HEADER {
                return Ok(None);
            }
            let Some(skip) = bytes
                .windows(HEADER)
                .position(|head| head[3] == 0 && head[8] != 0)
            else {
                at += (bytes.len() - HEADER + 1) as u64;
                continue;
            };
            at += skip as u64;
            let cost = match self.frame(at)? {
                Decoded::Frame { .. } => return Ok(Some(at)),
                Decoded::Corrupt { claimed } => claimed.unwrap_or(HEADER),
                Decoded::NeedMore { .. } => HEADER,
            };
            let Some(left) = budget.checked_sub(cost) else {
                return Ok(None);
            };
            budget = left;
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, RealDisk};
    use crate::frame::encode_into;

    fn bodies() -> Vec<Vec<u8>> {
        (0..200u32)
            .map(|n| {
                format!(
                    "{{\"n\":{n},\"pad\":\"{}\"}}",
                    "x".repeat((n * 37 % 900) as usize)
                )
                .into_bytes()
            })
            .collect()
    }

    fn written(bodies: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let (mut out, mut starts) = (Vec::new(), Vec::new());
        for body in bodies {
            starts.push(out.len());
            encode_into(&mut out, 1, &[body]).unwrap();
        }
        (out, starts)
    }

    fn scanned(bytes: &[u8]) -> (Vec<Vec<u8>>, Scan) {
        let dir = tempfile::tempdir().unwrap();
        let file = RealDisk.create(&dir.path().join("log")).unwrap();
        file.append(bytes).unwrap();
        let mut seen = Vec::new();
        let scan = scan(&*file, 0, &mut |_, _, body| seen.push(body.to_vec())).unwrap();
        (seen, scan)
    }

    #[test]
    fn a_whole_file_is_visited_in_order() {
        let bodies = bodies();
        let (bytes, _) = written(&bodies);
        let (seen, scan) = scanned(&bytes);
        assert_eq!(seen, bodies);
        assert_eq!(
            scan,
            Scan {
                frames: 200,
                good_len: bytes.len() as u64,
                ..Scan::default()
            }
        );
    }

    #[test]
    fn a_cut_anywhere_costs_the_last_frame_alone() {
        let bodies = bodies();
        let (bytes, starts) = written(&bodies[..5]);
        for cut in starts[4] + 1..bytes.len() {
            let (seen, scan) = scanned(&bytes[..cut]);
            assert_eq!(seen, bodies[..4]);
            assert_eq!(scan.good_len, starts[4] as u64);
            assert_eq!(scan.torn_bytes, (cut - starts[4]) as u64);
        }
    }

    #[test]
    fn a_flipped_byte_costs_that_frame_alone_wherever_it_is() {
        let bodies = bodies();
        let (bytes, starts) = written(&bodies[..6]);
        for at in starts[2]..starts[3] {
            let mut bad = bytes.clone();
            bad[at] ^= 0xa5;
            let (seen, scan) = scanned(&bad);
            assert_eq!(seen.len(), 5, "byte {at}");
            assert!(!seen.contains(&bodies[2]));
            assert_eq!((scan.corrupt, scan.torn_bytes), (1, 0));
            assert_eq!(scan.corrupt_bytes, (starts[3] - starts[2]) as u64);
        }
    }

    #[test]
    fn a_zeroed_block_in_the_middle_costs_the_frames_it_touches() {
        let bodies = bodies();
        let (mut bytes, starts) = written(&bodies);
        bytes[starts[50] + 3..starts[60] + 3].fill(0);
        let (seen, scan) = scanned(&bytes);
        assert_eq!(seen.len(), 200 - 11);
        assert_eq!(scan.corrupt, 1);
    }

    #[test]
    fn a_zeroed_tail_is_torn_off() {
        let bodies = bodies();
        let (mut bytes, _) = written(&bodies);
        let from = bytes.len() - 4096;
        bytes[from..].fill(0);
        let (seen, scan) = scanned(&bytes);
        assert_eq!(seen, bodies[..seen.len()]);
        assert!(scan.torn_bytes >= 4096);
        assert_eq!(scan.good_len + scan.torn_bytes, bytes.len() as u64);
    }

    #[test]
    fn frames_larger_than_the_read_chunk_are_read() {
        let bodies = vec![vec![b'a'; 10], vec![b'b'; 3 * CHUNK + 5], vec![b'c'; CHUNK]];
        let (mut bytes, starts) = written(&bodies);
        assert_eq!(scanned(&bytes).0, bodies);
        bytes[starts[1] + 100] ^= 1;
        let (seen, scan) = scanned(&bytes);
        assert_eq!(seen.len(), 2);
        assert_eq!(scan.corrupt, 1);
    }

    #[test]
    fn noise_and_near_frames_end_in_bounded_time() {
        let mut noise = Vec::new();
        while noise.len() < 600_000 {
            // A header that claims almost everything that follows, again and again: the worst case for the search.
            noise.extend_from_slice(&[0xff, 0xff, 0x03, 0, 1, 2, 3, 4, 9]);
        }
        let (seen, scan) = scanned(&noise);
        assert!(seen.is_empty());
        assert_eq!(scan.torn_bytes, noise.len() as u64);
    }
}
