//! Reading a log file back after whatever happened to it.
//!
//! Rule. A good frame is found ([`Found::Frame`]). Where none lies, the reader goes forward byte by byte to the first place
//! where a frame's checksum holds; the bytes before it are damage ([`Found::Damage`]). The length in a damaged header is
//! not followed: among records of one size a single flipped bit makes it point at a later, good frame, over the heads of
//! those in between. No body holds a frame (see [`frame`](super)), so the first one found is the next that was written. A
//! stretch of damage therefore costs the frames that it touches and none after, whatever their size.
//!
//! Bound. The search gives nothing up. A place is looked at closer when the fourth byte is 0, the kind is not, the frame
//! ends within the file and the log finds it possible ([`Shape::may_begin`]). Its checksum then costs no walk over its
//! body: the checksum of all bytes up to each [`BLOCK`] is kept ([`Sums`]), and the checksum of a stretch follows
//! from those at its two ends. So one scan checksums each byte about twice (as part of a good frame, and for the sums)
//! and `2 * BLOCK` bytes more for each place that was looked at closer, however many frames somebody pretends in there.
//!
//! Proof of an unfinished write. When nothing good follows up to the end of the file, the rest is an unfinished write
//! ([`Found::Torn`]) only if it has the shape of one, and damage otherwise, which nobody may cut off:
//! - nothing but zeros: the length had reached the disk and the contents had not;
//! - less than a header;
//! - a possible header whose frame reaches beyond the end of the file, or into zeros that reach there, where what is
//!   there of the body can be the beginning of it ([`Shape::may_be_cut`]), and the checksum does not hold up to the end
//!   of the file (then the frame is whole, and its length is what was damaged).
//!
//! A whole frame at the end of the file whose checksum is wrong is thus damage: it may have been acknowledged. What cannot
//! be told from an unfinished write is a file that was cut, or zeroed up to its end, within its last frame.

use std::io;

use super::{Decoded, HEADER, MAX_BODY, decode};
use crate::disk::DiskFile;

/// How much is read at once: a whole segment of a queue's default size, so that opening one costs one read a file. Larger
/// reads are no faster.
const CHUNK: usize = 256 * 1024;

/// How many bytes of a body [`Shape::may_begin`] sees at most.
pub const PEEK: usize = 32;

/// One sum, of four bytes, is kept for so many bytes of the file; a place that looks like a frame costs at most twice as
/// many bytes of checksum.
const BLOCK: usize = 256;

/// The sums begin anew after so many bytes, so that they take no more than about 1 MiB however large the file is. What a
/// frame can reach ahead, 16 MiB, is then summed once more.
const SUMMED: u64 = 64 << 20;

/// What a log knows about its own frames. The answers only have to be right about frames that it writes; each false one
/// that is turned away here saves some checksums.
pub trait Shape {
    /// Whether a frame of this kind, with a body of `len` bytes that begins with `start` (all of it, or [`PEEK`] bytes), can
    /// be one that the log wrote.
    fn may_begin(&self, kind: u8, len: usize, start: &[u8]) -> bool;

    /// Whether the first bytes of a body of `len`, and no more, can be what an unfinished write left. `part` is shorter
    /// than `len`.
    fn may_be_cut(&self, _kind: u8, _len: usize, _part: &[u8]) -> bool {
        true
    }
}

/// Frames of any kind and contents.
#[derive(Clone, Copy, Debug)]
pub struct AnyShape;

impl Shape for AnyShape {
    fn may_begin(&self, _kind: u8, _len: usize, _start: &[u8]) -> bool {
        true
    }
}

/// What lies at a place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A frame whose checksum holds.
    Frame {
        /// Where it begins.
        at: u64,
        /// The log's own kind.
        kind: u8,
        /// The record.
        body: &'a [u8],
    },
    /// Bytes that hold no whole frame: at least one record is lost, or foreign bytes were put in.
    Damage {
        /// Where they begin.
        from: u64,
        /// Where a good frame follows, or the file ends.
        to: u64,
    },
    /// The rest of the file is a write that was not finished.
    Torn {
        /// Where it begins.
        from: u64,
        /// Where the file ends.
        to: u64,
    },
    /// The file ends after a good frame.
    End,
}

/// What a scan found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Good frames visited.
    pub frames: u64,
    /// Where the last good frame ends (or where the scan began).
    pub good_len: u64,
    /// Stretches of damage.
    pub corrupt: u64,
    /// Bytes in those stretches.
    pub corrupt_bytes: u64,
    /// Bytes of an unfinished write at the end; they may be cut off.
    pub torn_bytes: u64,
}

/// Visits each good frame of `file` from offset `from` (just after the file's header) with its offset, kind and body.
///
/// Damage is no error; only the disk's own errors are.
pub fn scan(
    file: &dyn DiskFile,
    from: u64,
    shape: &dyn Shape,
    visit: &mut dyn FnMut(u64, u8, &[u8]),
) -> io::Result<Scan> {
    let mut scanner = Scanner::new(file, from, shape)?;
    let mut found = Scan {
        good_len: from,
        ..Scan::default()
    };
    loop {
        match scanner.advance()? {
            Found::Frame { at, kind, body } => {
                visit(at, kind, body);
                found.frames += 1;
                found.good_len = at + (HEADER + body.len()) as u64;
            }
            Found::Damage { from, to } => {
                found.corrupt += 1;
                found.corrupt_bytes += to - from;
            }
            Found::Torn { from, to } => found.torn_bytes = to - from,
            Found::End => return Ok(found),
        }
    }
}

/// Goes through a file, frame by frame.
#[derive(Debug)]
pub struct Scanner<'a> {
    window: Window<'a>,
    shape: &'a dyn Shape,
    at: u64,
    sums: Option<Sums<'a>>,
}

impl std::fmt::Debug for dyn Shape + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shape")
    }
}

impl<'a> Scanner<'a> {
    /// A scanner of what `file` holds now, from offset `from` on.
    ///
    /// # Errors
    /// The disk's own.
    pub fn new(file: &'a dyn DiskFile, from: u64, shape: &'a dyn Shape) -> io::Result<Self> {
        Ok(Self {
            window: Window {
                file,
                end: file.len()?,
                start: from,
                bytes: Vec::new(),
            },
            shape,
            at: from,
            sums: None,
        })
    }

    /// What comes next. After the file's end, [`Found::End`] for ever.
    ///
    /// # Errors
    /// The disk's own. Damage is none.
    pub fn advance(&mut self) -> io::Result<Found<'_>> {
        let from = self.at;
        if from >= self.window.end {
            return Ok(Found::End);
        }
        if let Decoded::Frame { size, .. } = self.window.frame(from)? {
            self.at = from + size as u64;
            // Decoded once more without its checksum: the borrow of the first time cannot leave the branch.
            let bytes = self.window.at(from, size)?;
            return Ok(Found::Frame {
                at: from,
                kind: bytes.get(HEADER - 1).copied().unwrap_or_default(),
                body: bytes.get(HEADER..size).unwrap_or_default(),
            });
        }
        // A frame's first bytes may be missing and the last ones before it the same: then it is whole all the same.
        let found = self.search(from.saturating_sub(HEADER as u64 - 1))?;
        let to = found.unwrap_or(self.window.end);
        self.at = to;
        if found.is_none() && self.is_unfinished(from)? {
            return Ok(Found::Torn { from, to });
        }
        let from = from.min(to);
        Ok(Found::Damage { from, to })
    }

    /// The first good frame at `from` or later.
    fn search(&mut self, from: u64) -> io::Result<Option<u64>> {
        let (file, mut at) = (self.window.file, from);
        if from < self.window.start {
            self.window.start = from;
            self.window.bytes.clear();
        }
        loop {
            let bytes = self.window.at(at, HEADER + PEEK)?;
            let places = bytes.windows(HEADER);
            let tried = places.len();
            if tried == 0 {
                return Ok(None);
            }
            let Some(skip) = bytes
                .windows(HEADER)
                .position(|head| head[3] == 0 && head[8] != 0)
            else {
                at += tried as u64;
                continue;
            };
            at += skip as u64;
            let bytes = self.window.at(at, HEADER + PEEK)?;
            if let Some(head) = Head::read(bytes, self.shape) {
                let end = at + head.size as u64;
                if end <= self.window.end {
                    if self
                        .sums
                        .as_ref()
                        .is_some_and(|sums| at - sums.start > SUMMED)
                    {
                        self.sums = None;
                    }
                    let sums = self.sums.get_or_insert_with(|| Sums::new(file, at));
                    // The kind is the first byte that the checksum covers.
                    if sums.hold(at + HEADER as u64 - 1, end, head.crc)? {
                        return Ok(Some(at));
                    }
                }
            }
            at += 1;
        }
    }

    /// Whether the bytes from `from` to the end, in which no good frame is, are what an unfinished write leaves.
    fn is_unfinished(&self, from: u64) -> io::Result<bool> {
        let (file, end) = (self.window.file, self.window.end);
        let written = end_of_contents(file, from, end)?;
        let length = usize::try_from(written - from).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length.min(HEADER + MAX_BODY)];
        let read = file.read_at(from, &mut bytes)?;
        bytes.truncate(read);
        if length < HEADER {
            // With zeros behind it, the kind is 0: nothing of a record is there.
            return Ok(written < end || bytes.get(3).is_none_or(|byte| *byte == 0));
        }
        let Some(head) = Head::read(&bytes, self.shape) else {
            return Ok(false);
        };
        if from + head.size as u64 <= written {
            return Ok(false);
        }
        let (kind, part) = bytes.split_at(HEADER);
        let kind = kind.last().copied().unwrap_or_default();
        let whole = written == end && crc32fast::hash(&bytes[HEADER - 1..]) == head.crc;
        Ok(!whole && self.shape.may_be_cut(kind, head.size - HEADER, part))
    }
}

/// A frame's header that can be one.
struct Head {
    /// Bytes of the frame, header included.
    size: usize,
    crc: u32,
}

impl Head {
    fn read(bytes: &[u8], shape: &dyn Shape) -> Option<Head> {
        let (head, rest) = bytes.split_first_chunk::<HEADER>()?;
        let [l0, l1, l2, l3, c0, c1, c2, c3, kind] = *head;
        let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let start = rest.get(..rest.len().min(len).min(PEEK))?;
        let fits = kind != 0 && len <= MAX_BODY && shape.may_begin(kind, len, start);
        fits.then_some(Head {
            size: HEADER + len,
            crc: u32::from_le_bytes([c0, c1, c2, c3]),
        })
    }
}

/// Where the zeros begin that reach to `end`, at the earliest at `from`.
fn end_of_contents(file: &dyn DiskFile, from: u64, end: u64) -> io::Result<u64> {
    let (mut buffer, mut at) = (vec![0; CHUNK], end);
    while at > from {
        let start = at.saturating_sub(CHUNK as u64).max(from);
        let want = usize::try_from(at - start).unwrap_or(CHUNK).min(CHUNK);
        let chunk = buffer.get_mut(..want).unwrap_or_default();
        let read = file.read_at(start, chunk)?;
        if let Some(last) = chunk.iter().take(read).rposition(|byte| *byte != 0) {
            return Ok(start + last as u64 + 1);
        }
        at = start;
    }
    Ok(from)
}

/// Checksums of a file's bytes from `start` to the end of each block: they tell the checksum of any stretch.
#[derive(Debug)]
struct Sums<'a> {
    file: &'a dyn DiskFile,
    start: u64,
    /// Of no block, of the first, of the first two, …
    sums: Vec<u32>,
}

impl<'a> Sums<'a> {
    fn new(file: &'a dyn DiskFile, start: u64) -> Self {
        Self {
            file,
            start,
            sums: vec![0],
        }
    }

    /// Whether the bytes from `from` to `to` have this checksum.
    fn hold(&mut self, from: u64, to: u64, crc: u32) -> io::Result<bool> {
        let (Some(mut before), Some(all)) = (self.upto(from)?, self.upto(to)?) else {
            return Ok(false);
        };
        before.combine(&crc32fast::Hasher::new_with_initial_len(crc, to - from));
        Ok(before.finalize() == all.finalize())
    }

    /// The checksum from the start up to `offset`; `None` where the file ended before.
    fn upto(&mut self, offset: u64) -> io::Result<Option<crc32fast::Hasher>> {
        let length = offset - self.start;
        let blocks = usize::try_from(length / BLOCK as u64).unwrap_or(usize::MAX);
        let mut buffer = Vec::new();
        while self.sums.len() <= blocks {
            buffer.resize(CHUNK, 0);
            let done = (self.sums.len() - 1) as u64 * BLOCK as u64;
            let read = self.file.read_at(self.start + done, &mut buffer)?;
            let (whole, _) = buffer.get(..read).unwrap_or_default().as_chunks::<BLOCK>();
            let mut sum =
                crc32fast::Hasher::new_with_initial(self.sums.last().copied().unwrap_or(0));
            for block in whole {
                sum.update(block);
                self.sums.push(sum.clone().finalize());
            }
            if whole.is_empty() {
                return Ok(None);
            }
        }
        let known = blocks as u64 * BLOCK as u64;
        let sum = self.sums.get(blocks).copied().unwrap_or(0);
        let mut sum = crc32fast::Hasher::new_with_initial_len(sum, known);
        let mut rest = [0; BLOCK];
        let rest = rest
            .get_mut(..(length - known) as usize)
            .unwrap_or_default();
        if self.file.read_at(self.start + known, rest)? < rest.len() {
            return Ok(None);
        }
        sum.update(rest);
        Ok(Some(sum))
    }
}

/// A buffered view of the file that moves forward.
#[derive(Debug)]
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
        let scan = scan(&*file, 0, &AnyShape, &mut |_, _, body| {
            seen.push(body.to_vec());
        })
        .unwrap();
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
    fn a_flipped_length_never_hides_the_good_frames_that_it_points_over() {
        // 64 bytes a frame: a flipped bit of the length is a jump over 1, 3, 7, … whole frames.
        let bodies: Vec<Vec<u8>> = (0..40u8)
            .map(|n| vec![b'a' + n % 26; 64 - HEADER])
            .collect();
        let (bytes, starts) = written(&bodies);
        for bit in 0..32 {
            let mut bad = bytes.clone();
            bad[starts[3] + bit / 8] ^= 1 << (bit % 8);
            assert_eq!(scanned(&bad).0.len(), 39, "bit {bit}");
        }
    }

    #[test]
    fn one_flipped_bit_in_the_largest_record_costs_that_record_alone() {
        let bodies = vec![
            vec![b'a'; 700],
            vec![b'b'; MAX_BODY],
            vec![b'c'; 700],
            vec![b'd'; 70],
        ];
        let (bytes, starts) = written(&bodies);
        for at in [
            0,
            1,
            2,
            3,
            4,
            8,
            9,
            100,
            MAX_BODY / 2,
            MAX_BODY + HEADER - 1,
        ] {
            let mut bad = bytes.clone();
            bad[starts[1] + at] ^= 0x10;
            let (seen, scan) = scanned(&bad);
            assert_eq!(seen.len(), 3, "byte {at}");
            assert_eq!((scan.corrupt, scan.torn_bytes), (1, 0));
        }
    }

    #[test]
    fn a_damaged_record_at_the_end_is_no_unfinished_write() {
        let bodies = bodies();
        let (bytes, starts) = written(&bodies[..5]);
        for at in starts[4]..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[at] ^= 1 << bit;
                let (seen, scan) = scanned(&bad);
                assert_eq!(seen.len(), 4);
                assert_eq!(
                    (scan.corrupt, scan.torn_bytes),
                    (1, 0),
                    "byte {at} bit {bit}"
                );
                assert_eq!(scan.good_len, starts[4] as u64);
            }
        }
    }

    #[test]
    fn what_a_power_cut_leaves_as_zeros_is_an_unfinished_write() {
        let bodies = bodies();
        let (bytes, starts) = written(&bodies[..5]);
        for from in starts[4]..bytes.len() {
            let mut bad = bytes.clone();
            bad[from..].fill(0);
            let (seen, scan) = scanned(&bad);
            assert_eq!(seen.len(), 4);
            assert_eq!(
                scan.torn_bytes,
                (bytes.len() - starts[4]) as u64,
                "from {from}"
            );
        }
    }

    #[test]
    fn a_frame_whose_first_byte_is_the_last_one_before_it_is_whole_without_it() {
        // Each body ends with the byte with which the next frame begins: its length.
        let bodies: Vec<Vec<u8>> = (0..5).map(|_| vec![200; 200]).collect();
        let (bytes, starts) = written(&bodies);
        let mut bad = bytes.clone();
        bad.remove(starts[2]);
        let (seen, scan) = scanned(&bad);
        assert_eq!(seen, bodies);
        assert_eq!(
            (scan.corrupt, scan.corrupt_bytes, scan.torn_bytes),
            (1, 0, 0)
        );
    }

    #[test]
    fn foreign_bytes_at_the_end_are_damage() {
        let bodies = bodies();
        let (mut bytes, _) = written(&bodies[..5]);
        bytes.extend_from_slice(b"# a line that somebody wrote to the wrong file");
        let (seen, scan) = scanned(&bytes);
        assert_eq!((seen.len(), scan.corrupt, scan.torn_bytes), (5, 1, 0));
    }

    #[test]
    fn the_sums_tell_the_checksum_of_every_stretch() {
        let (bytes, _) = written(&bodies());
        let dir = tempfile::tempdir().unwrap();
        let file = RealDisk.create(&dir.path().join("log")).unwrap();
        file.append(&bytes).unwrap();
        let mut sums = Sums::new(&*file, 5);
        for (from, to) in [(5, 6), (9, 300), (261, 517), (1000, bytes.len()), (7, 8000)] {
            let crc = crc32fast::hash(&bytes[from..to]);
            assert!(sums.hold(from as u64, to as u64, crc).unwrap());
            assert!(!sums.hold(from as u64, to as u64, crc ^ 1).unwrap());
        }
        let beyond = bytes.len() as u64 + 1;
        assert!(!sums.hold(5, beyond, 0).unwrap());
    }

    #[test]
    fn noise_and_near_frames_are_searched_to_their_end() {
        let mut noise = Vec::new();
        while noise.len() < 600_000 {
            // A header that claims almost everything that follows, again and again: the worst case for the search.
            noise.extend_from_slice(&[0xff, 0xff, 0x03, 0, 1, 2, 3, 4, 9]);
        }
        let (seen, scan) = scanned(&noise);
        assert!(seen.is_empty());
        assert_eq!(scan.corrupt_bytes + scan.torn_bytes, noise.len() as u64);
        let end = noise.len() as u64;
        encode_into(&mut noise, 1, &[b"behind it"]).unwrap();
        let (seen, scan) = scanned(&noise);
        assert_eq!(seen, [b"behind it"]);
        assert_eq!((scan.corrupt, scan.corrupt_bytes), (1, end));
    }
}
