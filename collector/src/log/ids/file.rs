//! One file of ids: written sorted, asked by key.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use headwater_store::disk::{Disk, DiskFile};
use headwater_store::frame::{self, Decoded, FILE_HEADER};

use super::super::Position;
use super::{MAGIC, VERSION, damaged};

const ABOUT: u8 = 1;
const TRAILER: usize = 8;
const PAGE_BYTES: usize = 4096;
const ENTRY: usize = 16;
/// Base, number of the page, checksum.
const FOOT: usize = 16;
/// Entries in a page.
const PAGE: usize = (PAGE_BYTES - FOOT) / ENTRY;
/// Offsets in a segment take 48 bits.
const OFFSET_BITS: u32 = 48;

/// One event of a segment.
pub(super) fn entry(key: u64, offset: u64, index: u16) -> u128 {
    u128::from(key) << 64 | u128::from(offset & ((1 << OFFSET_BITS) - 1)) << 16 | u128::from(index)
}

/// Writes the file of the segment at `base` under `draft`, and then under its own name.
pub(super) fn write(
    disk: &dyn Disk,
    (draft, path): (&Path, &Path),
    base: Position,
    entries: &[u128],
    sources: &BTreeSet<String>,
) -> io::Result<()> {
    match disk.remove(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(draft)?;
    file.append(&frame::file_header(MAGIC, VERSION))?;
    let mut page = Vec::with_capacity(PAGE_BYTES);
    for (number, entries) in entries.chunks(PAGE).enumerate() {
        page.clear();
        for entry in entries {
            page.extend_from_slice(&entry.to_le_bytes());
        }
        page.resize(PAGE_BYTES - FOOT, 0);
        page.extend_from_slice(&base.0.to_le_bytes());
        page.extend_from_slice(&(number as u32).to_le_bytes());
        let crc = crc32fast::hash(&page);
        page.extend_from_slice(&crc.to_le_bytes());
        file.append(&page)?;
    }
    let mut about = Vec::new();
    about.extend_from_slice(&base.0.to_le_bytes());
    about.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    about.extend_from_slice(&(sources.len() as u32).to_le_bytes());
    for source in sources {
        // A record's name of a source has 255 bytes at most.
        about.push(source.len() as u8);
        about.extend_from_slice(source.as_bytes());
    }
    let mut end = Vec::new();
    frame::encode_into(&mut end, ABOUT, &[&about])
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let size = (end.len() as u32).to_le_bytes();
    end.extend_from_slice(&size);
    end.extend_from_slice(&crc32fast::hash(&size).to_le_bytes());
    file.append(&end)?;
    disk.rename(draft, path)
}

/// What a file holds, apart from its entries.
#[derive(Debug, Clone)]
pub(super) struct About {
    base: Position,
    count: u64,
    pub(super) sources: Vec<String>,
}

impl About {
    /// Reads the end of the file of the segment at `base`.
    pub(super) fn read(file: &dyn DiskFile, base: Position) -> io::Result<Self> {
        let end = file.len()?;
        let at = end.checked_sub(TRAILER as u64).ok_or_else(damaged)?;
        let mut trailer = [0; TRAILER];
        if file.read_at(at, &mut trailer)? < TRAILER {
            return Err(damaged());
        }
        let [s0, s1, s2, s3, crc @ ..] = trailer;
        let size = u32::from_le_bytes([s0, s1, s2, s3]);
        let start = at.checked_sub(u64::from(size)).ok_or_else(damaged)?;
        if crc32fast::hash(&[s0, s1, s2, s3]).to_le_bytes() != crc {
            return Err(damaged());
        }
        let mut bytes = vec![0; size as usize];
        let read = file.read_at(start, &mut bytes)?;
        let Decoded::Frame {
            kind: ABOUT, body, ..
        } = frame::decode(bytes.get(..read).unwrap_or_default())
        else {
            return Err(damaged());
        };
        let about = Self::decode(body).ok_or_else(damaged)?;
        let pages = about.count.div_ceil(PAGE as u64);
        if about.base != base || start != FILE_HEADER as u64 + pages * PAGE_BYTES as u64 {
            return Err(damaged());
        }
        Ok(about)
    }

    fn decode(body: &[u8]) -> Option<Self> {
        let (base, rest) = body.split_first_chunk::<8>()?;
        let (count, rest) = rest.split_first_chunk::<8>()?;
        let (names, mut rest) = rest.split_first_chunk::<4>()?;
        let mut sources = Vec::new();
        for _ in 0..u32::from_le_bytes(*names) {
            let (len, after) = rest.split_first()?;
            let (name, after) = after.split_at_checked(usize::from(*len))?;
            sources.push(std::str::from_utf8(name).ok()?.to_owned());
            rest = after;
        }
        Some(Self {
            base: Position(u64::from_le_bytes(*base)),
            count: u64::from_le_bytes(*count),
            sources,
        })
    }

    /// The positions of the records that hold an event with this key.
    pub(super) fn find(
        &self,
        file: &dyn DiskFile,
        key: u64,
        found: &mut Vec<Position>,
    ) -> io::Result<()> {
        let pages = self.count.div_ceil(PAGE as u64);
        // Where it lies when keys are spread evenly; from there on page by page to the first one that may hold it.
        let mut at = ((u128::from(key) * u128::from(pages)) >> 64) as u64;
        let mut page = [0; PAGE_BYTES];
        let mut back = true;
        while at < pages {
            let entries = self.page(file, at, &mut page)?;
            let keys = |entry: &[u8; ENTRY]| (u128::from_le_bytes(*entry) >> 64) as u64;
            let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
                return Err(damaged());
            };
            if back && at > 0 && keys(first) >= key {
                at -= 1;
                continue;
            }
            // Never back again: equal keys may go on in the next page.
            back = false;
            let from = entries.partition_point(|entry| keys(entry) < key);
            for entry in entries
                .iter()
                .skip(from)
                .take_while(|entry| keys(entry) == key)
            {
                let entry = u128::from_le_bytes(*entry);
                let offset = (entry >> 16) as u64 & ((1 << OFFSET_BITS) - 1);
                found.push(Position(self.base.0 + offset));
            }
            if keys(last) > key {
                return Ok(());
            }
            at += 1;
        }
        Ok(())
    }

    /// The entries of one page, if they are what was written there.
    fn page<'page>(
        &self,
        file: &dyn DiskFile,
        number: u64,
        page: &'page mut [u8; PAGE_BYTES],
    ) -> io::Result<&'page [[u8; ENTRY]]> {
        let at = FILE_HEADER as u64 + number * PAGE_BYTES as u64;
        if file.read_at(at, page)? < PAGE_BYTES {
            return Err(damaged());
        }
        let (body, crc) = page.split_at(PAGE_BYTES - 4);
        let mut foot = [0; 12];
        foot[..8].copy_from_slice(&self.base.0.to_le_bytes());
        foot[8..].copy_from_slice(&(number as u32).to_le_bytes());
        if crc32fast::hash(body).to_le_bytes() != *crc || !body.ends_with(&foot) {
            return Err(damaged());
        }
        let count = (self.count - number * PAGE as u64).min(PAGE as u64) as usize;
        let (entries, _) = body.as_chunks::<ENTRY>();
        Ok(entries.get(..count).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_store::disk::RealDisk;

    #[test]
    fn every_key_is_found_and_no_other_also_where_many_are_equal_or_uneven() {
        let dir = tempfile::tempdir().unwrap();
        let (draft, path) = (dir.path().join("draft"), dir.path().join("ids"));
        let spread = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let cases: [Vec<u64>; 4] = [
            Vec::new(),
            (0..3000).map(spread).collect(),
            (0..3000).map(|n| n / 700).collect(),
            (0..3000).map(|n| u64::MAX - n / 3).collect(),
        ];
        for keys in cases {
            let mut entries: Vec<u128> = (0..)
                .zip(&keys)
                .map(|(n, key)| entry(*key, 12 + n * 10, n as u16))
                .collect();
            entries.sort_unstable();
            let sources = BTreeSet::from(["web".to_owned(), String::new()]);
            write(
                &RealDisk,
                (&draft, &path),
                Position(1 << 40),
                &entries,
                &sources,
            )
            .unwrap();
            let file = RealDisk.open(&path).unwrap();
            let about = About::read(&*file, Position(1 << 40)).unwrap();
            assert_eq!(about.sources, ["", "web"]);
            for asked in keys.iter().copied().chain([1, 77_777_777, u64::MAX - 5000]) {
                let mut found = Vec::new();
                about.find(&*file, asked, &mut found).unwrap();
                let expected = (0..)
                    .zip(&keys)
                    .filter(|(_, key)| **key == asked)
                    .map(|(n, _): (u64, _)| Position((1 << 40) + 12 + n * 10));
                let mut expected: Vec<Position> = expected.collect();
                expected.sort_unstable();
                assert_eq!(found, expected, "{asked}");
            }
            assert!(About::read(&*file, Position(5)).is_err(), "another's file");
        }
    }

    #[test]
    fn a_damaged_file_is_an_error_and_never_a_wrong_answer() {
        let dir = tempfile::tempdir().unwrap();
        let (draft, path) = (dir.path().join("draft"), dir.path().join("ids"));
        let entries: Vec<u128> = (0..600).map(|n| entry(n << 54, n, 0)).collect();
        let sources = BTreeSet::from(["web".to_owned()]);
        write(&RealDisk, (&draft, &path), Position(0), &entries, &sources).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for at in (FILE_HEADER..whole.len()).step_by(61) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            let file = RealDisk.open(&path).unwrap();
            for n in [0_u64, 300, 599] {
                let mut found = Vec::new();
                let asked = About::read(&*file, Position(0))
                    .and_then(|about| about.find(&*file, n << 54, &mut found));
                assert!(
                    asked.is_err() || found == [Position(n)],
                    "byte {at}: {found:?}"
                );
            }
        }
    }
}
