//! How blocks and the index lie in an archive file.

use std::io;

use headwater_model::time::Millis;
use headwater_store::frame::{self, HEADER, Shape};

use super::super::Position;

pub(super) const BLOCK_KIND: u8 = 1;
pub(super) const INDEX_KIND: u8 = 2;

/// Bytes of a block's head.
const HEAD: usize = 20;
/// Bytes of the index before its entries, and of an entry.
const INDEX_HEAD: usize = 36;
const ENTRY: usize = 24;
/// Bytes of the trailer.
pub(super) const TRAILER: usize = 8;

/// Bytes of the segment in a block: small enough that a lookup costs a millisecond and damage some hundred events, large
/// enough that JSON packs as well as in one piece.
pub(super) const BLOCK: u64 = 128 << 10;

/// The largest block. A record that is larger lies in several.
pub(super) const MAX_BLOCK: u64 = 4 << 20;

/// Further than any segment reaches.
const FURTHEST: u64 = 1 << 40;

/// The level of compression: more packs little better and takes far longer.
const LEVEL: i32 = 3;

/// No time is known.
const NEVER: i64 = i64::MIN;

/// Where a block lies, and what of the segment it holds. One of size 0 is a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) at: u64,
    pub(super) size: u32,
    pub(super) len: u32,
}

impl Entry {
    /// Where in the segment the block ends.
    pub(super) fn end(&self) -> u64 {
        self.offset + u64::from(self.len)
    }
}

/// What the end of an archive file says about all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) base: Position,
    pub(super) len: u64,
    pub(super) first: Option<Millis>,
    pub(super) newest: Option<Millis>,
    pub(super) blocks: Vec<Entry>,
}

/// Appends the frame of a block.
pub(super) fn encode(
    out: &mut Vec<u8>,
    base: Position,
    offset: u64,
    plain: &[u8],
    packer: &mut zstd::bulk::Compressor<'_>,
) -> io::Result<()> {
    let packed = packer.compress(plain)?;
    let head = [
        &base.0.to_le_bytes()[..],
        &offset.to_le_bytes()[..],
        &(plain.len() as u32).to_le_bytes()[..],
        &packed,
    ];
    frame::encode_into(out, BLOCK_KIND, &head)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

pub(super) fn packer() -> io::Result<zstd::bulk::Compressor<'static>> {
    zstd::bulk::Compressor::new(LEVEL)
}

/// The head of a block's body: base, offset, length.
pub(super) fn head(body: &[u8]) -> Option<(Position, u64, u32)> {
    let mut read = Read(body);
    let head = (Position(read.u64()?), read.u64()?, read.u32()?);
    let fits = (1..=MAX_BLOCK).contains(&u64::from(head.2)) && head.1 < FURTHEST;
    fits.then_some(head)
}

/// The bytes that a block holds.
pub(super) fn unpack(body: &[u8], len: u32) -> Option<Vec<u8>> {
    let plain = zstd::bulk::decompress(body.get(HEAD..)?, len as usize).ok()?;
    (plain.len() == len as usize).then_some(plain)
}

/// Appends the frame of the index, and the trailer.
pub(super) fn encode_index(out: &mut Vec<u8>, index: &Index) -> io::Result<()> {
    let time = |time: Option<Millis>| time.map_or(NEVER, |time| time.0).to_le_bytes();
    let mut body = Vec::with_capacity(INDEX_HEAD + index.blocks.len() * ENTRY);
    body.extend_from_slice(&index.base.0.to_le_bytes());
    body.extend_from_slice(&index.len.to_le_bytes());
    body.extend_from_slice(&time(index.first));
    body.extend_from_slice(&time(index.newest));
    body.extend_from_slice(&(index.blocks.len() as u32).to_le_bytes());
    for block in &index.blocks {
        body.extend_from_slice(&block.offset.to_le_bytes());
        body.extend_from_slice(&block.at.to_le_bytes());
        body.extend_from_slice(&block.size.to_le_bytes());
        body.extend_from_slice(&block.len.to_le_bytes());
    }
    let start = out.len();
    frame::encode_into(out, INDEX_KIND, &[&body])
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let size = ((out.len() - start) as u32).to_le_bytes();
    out.extend_from_slice(&size);
    out.extend_from_slice(&crc32fast::hash(&size).to_le_bytes());
    Ok(())
}

/// The size of the index's frame, as the trailer says.
pub(super) fn index_size(trailer: [u8; TRAILER]) -> Option<u32> {
    let mut read = Read(&trailer);
    let size = read.u32()?;
    (crc32fast::hash(&size.to_le_bytes()) == read.u32()?).then_some(size)
}

/// Reads the index; `None` when its entries do not add up.
pub(super) fn decode_index(body: &[u8]) -> Option<Index> {
    let mut read = Read(body);
    let time = |time: u64| Some(time as i64).filter(|time| *time != NEVER).map(Millis);
    let (base, len) = (Position(read.u64()?), read.u64()?);
    let (first, newest) = (time(read.u64()?), time(read.u64()?));
    let count = read.u32()? as usize;
    if read.0.len() != count.checked_mul(ENTRY)? {
        return None;
    }
    let mut blocks = Vec::with_capacity(count);
    let mut end = 0;
    for _ in 0..count {
        let block = Entry {
            offset: read.u64()?,
            at: read.u64()?,
            size: read.u32()?,
            len: read.u32()?,
        };
        if block.offset != end || block.len == 0 || u64::from(block.len) > MAX_BLOCK {
            return None;
        }
        end = block.end();
        blocks.push(block);
    }
    (end == len).then_some(Index {
        base,
        len,
        first,
        newest,
        blocks,
    })
}

struct Read<'a>(&'a [u8]);

impl Read<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

/// What the blocks of one segment look like, for the search behind damage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocks(pub(super) Position);

impl Shape for Blocks {
    fn may_begin(&self, kind: u8, len: usize, start: &[u8]) -> bool {
        kind == BLOCK_KIND && len > HEAD && head(start).is_some_and(|(base, ..)| base == self.0)
    }
}

/// Bytes of a frame whose body is this one.
pub(super) fn frame_size(body: &[u8]) -> u32 {
    (HEADER + body.len()) as u32
}
