//! How one record lies in a file: one framing for every log of the project.
//!
//! ```text
//! file   = header frame*
//! header = magic [7]   what kind of file this is, chosen by the log
//!          version u8  of the bodies' format
//!          crc32   u32 little endian, over the eight bytes before
//! frame  = len     u32 little endian, bytes in body, at most MAX_BODY
//!          crc32   u32 little endian (IEEE), over kind and body
//!          kind    u8  never 0; its meaning is the log's
//!          body    [len]
//! ```
//!
//! Invariants. A run of zeros is no frame (kind 0 is never written). The fourth byte of every frame is 0, because
//! `MAX_BODY` is below 2^24; JSON text holds no zero byte, so nothing that a user types into an event can be taken for a
//! frame when a damaged file is searched ([`scan`]).

mod scan;

pub use scan::{AnyShape, Found, PEEK, Scan, Scanner, Shape, scan};

/// Bytes before the body of a frame.
pub const HEADER: usize = 9;

/// The largest body a frame holds, in bytes (16 MiB less one).
pub const MAX_BODY: usize = (1 << 24) - 1;

/// Bytes of a file's header.
pub const FILE_HEADER: usize = 12;

/// Why a frame cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The body is longer than [`MAX_BODY`].
    #[error(
        "a record of {size} bytes is over the limit of {MAX_BODY}; split it or reject it before it is stored"
    )]
    TooLarge {
        /// Bytes of the body.
        size: usize,
    },
    /// Kind 0 is reserved, so that zeroed disk blocks are never taken for frames.
    #[error("frame kind 0 is reserved; use 1 to 255")]
    Kind,
}

/// What lies at the start of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A whole frame whose checksum holds.
    Frame {
        /// The log's own kind, 1 to 255.
        kind: u8,
        /// The record.
        body: &'a [u8],
        /// Bytes of the frame, header included: where the next one starts.
        size: usize,
    },
    /// The bytes end before the frame does.
    NeedMore {
        /// Bytes that are needed from the start of the frame to decide.
        size: usize,
    },
    /// No frame starts here, or a damaged one.
    Corrupt {
        /// The size that the header claims, when it is a possible one; it may be wrong.
        claimed: Option<usize>,
    },
}

/// The header of a frame whose body is `parts` one after the other, for writing it vectored, without a copy.
pub fn header(kind: u8, parts: &[&[u8]]) -> Result<[u8; HEADER], FrameError> {
    let mut header = without_crc(kind, parts)?;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[kind]);
    for part in parts {
        crc.update(part);
    }
    header[CRC].copy_from_slice(&crc.finalize().to_le_bytes());
    Ok(header)
}

/// Where the checksum stands in a header. What it is over follows it.
const CRC: core::ops::Range<usize> = 4..8;

fn without_crc(kind: u8, parts: &[&[u8]]) -> Result<[u8; HEADER], FrameError> {
    if kind == 0 {
        return Err(FrameError::Kind);
    }
    let size: usize = parts.iter().map(|part| part.len()).sum();
    let len = u32::try_from(size)
        .ok()
        .filter(|_| size <= MAX_BODY)
        .ok_or(FrameError::TooLarge { size })?;
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&len.to_le_bytes());
    header[8] = kind;
    Ok(header)
}

/// Appends a whole frame to `out`; on an error `out` is as it was.
pub fn encode_into(out: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&without_crc(kind, parts)?);
    for part in parts {
        out.extend_from_slice(part);
    }
    // In one piece: a checksum over bytes that lie together takes half of the time of one over parts.
    if let Some((head, rest)) = out
        .get_mut(start..)
        .and_then(|out| out.split_at_mut_checked(CRC.end))
    {
        head[CRC].copy_from_slice(&crc32fast::hash(rest).to_le_bytes());
    }
    Ok(())
}

/// What lies at the start of `bytes`.
#[must_use]
pub fn decode(bytes: &[u8]) -> Decoded<'_> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Decoded::NeedMore { size: HEADER };
    };
    let [l0, l1, l2, l3, c0, c1, c2, c3, kind] = *head;
    if l3 != 0 || kind == 0 {
        return Decoded::Corrupt { claimed: None };
    }
    let len = u32::from_le_bytes([l0, l1, l2, 0]) as usize;
    let size = HEADER + len;
    let Some(body) = rest.get(..len) else {
        return Decoded::NeedMore { size };
    };
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[kind]);
    crc.update(body);
    if crc.finalize() == u32::from_le_bytes([c0, c1, c2, c3]) {
        Decoded::Frame { kind, body, size }
    } else {
        Decoded::Corrupt {
            claimed: Some(size),
        }
    }
}

/// What the first bytes of a file say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileHeader {
    /// Ours, in the version that was asked for: frames follow.
    Good,
    /// Ours, in another version: set the file aside, never delete it and never guess at its frames.
    OtherVersion(u8),
    /// Shorter than a header: the process or the machine stopped while creating it. No frame can be in it.
    Short,
    /// The header's checksum or magic is wrong. Frames after it carry their own checksums and may be scanned; a file
    /// without any good frame is not ours and is set aside.
    Damaged,
}

/// The first bytes of a file of kind `magic` in format `version`.
#[must_use]
pub fn file_header(magic: [u8; 7], version: u8) -> [u8; FILE_HEADER] {
    let mut header = [0; FILE_HEADER];
    header[..7].copy_from_slice(&magic);
    header[7] = version;
    let crc = crc32fast::hash(&header[..8]);
    header[8..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// Reads the header at the start of `bytes`, expecting `magic` and `version`.
#[must_use]
pub fn check_file_header(bytes: &[u8], magic: [u8; 7], version: u8) -> FileHeader {
    let Some(head) = bytes.first_chunk::<FILE_HEADER>() else {
        return FileHeader::Short;
    };
    let found = head[7];
    if *head != file_header(magic, found) {
        FileHeader::Damaged
    } else if found == version {
        FileHeader::Good
    } else {
        FileHeader::OtherVersion(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_back_as_written() {
        let mut out = Vec::new();
        encode_into(&mut out, 7, &[b"ab", b"", b"cde"]).unwrap();
        assert_eq!(
            decode(&out),
            Decoded::Frame {
                kind: 7,
                body: b"abcde",
                size: HEADER + 5
            }
        );
        for cut in 0..out.len() {
            assert!(
                matches!(decode(&out[..cut]), Decoded::NeedMore { .. }),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let mut out = Vec::new();
        encode_into(&mut out, 1, &[b"{\"event\":\"Order Completed\"}"]).unwrap();
        for bit in 0..out.len() * 8 {
            let mut bad = out.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(decode(&bad), Decoded::Frame { .. }), "bit {bit}");
        }
    }

    #[test]
    fn zeros_are_no_frame() {
        assert_eq!(decode(&[0; 64]), Decoded::Corrupt { claimed: None });
    }

    #[test]
    fn what_cannot_be_framed_is_refused() {
        assert_eq!(header(0, &[]), Err(FrameError::Kind));
        let big = vec![0; MAX_BODY + 1];
        assert_eq!(
            header(1, &[&big]),
            Err(FrameError::TooLarge { size: MAX_BODY + 1 })
        );
    }

    #[test]
    fn a_file_header_tells_its_version_from_damage() {
        let magic = *b"HWTTEST";
        let good = file_header(magic, 3);
        assert_eq!(check_file_header(&good, magic, 3), FileHeader::Good);
        assert_eq!(
            check_file_header(&good, magic, 1),
            FileHeader::OtherVersion(3)
        );
        assert_eq!(check_file_header(&good[..5], magic, 3), FileHeader::Short);
        assert_eq!(
            check_file_header(&good, *b"OTHERXX", 3),
            FileHeader::Damaged
        );
        let mut flipped = good;
        flipped[7] ^= 8;
        assert_eq!(check_file_header(&flipped, magic, 3), FileHeader::Damaged);
    }
}
