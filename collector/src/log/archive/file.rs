//! An archive file, read as if it were the segment.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, PoisonError};

use headwater_model::time::Millis;
use headwater_store::disk::{DiskFile, Stat};
use headwater_store::frame::{self, Decoded, FILE_HEADER, FileHeader, Found, Scanner};

use super::super::Position;
use super::block::{self, Blocks, Entry, INDEX_KIND, Index, MAX_BLOCK, TRAILER};
use super::{MAGIC, VERSION};

/// Reads the segment's bytes out of its blocks; the last one stays in memory.
#[derive(Debug)]
pub(super) struct Archived {
    file: Arc<dyn DiskFile>,
    base: Position,
    len: u64,
    /// When the first and the newest record were received, if the index could be read.
    pub(super) times: Option<(Option<Millis>, Option<Millis>)>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Without gaps, in order.
    blocks: Vec<Entry>,
    /// The file was searched for blocks.
    searched: bool,
    /// The block at this offset, as it was read last.
    last: Option<(Entry, Vec<u8>)>,
}

impl Archived {
    /// The archive of the segment at `base`, and what its header says.
    pub(super) fn open(file: Arc<dyn DiskFile>, base: Position) -> io::Result<(Self, FileHeader)> {
        let mut bytes = [0; FILE_HEADER];
        let read = file.read_at(0, &mut bytes)?;
        let header =
            frame::check_file_header(bytes.get(..read).unwrap_or_default(), MAGIC, VERSION);
        let mut archived = Self {
            file,
            base,
            len: 0,
            times: None,
            state: Mutex::new(State {
                blocks: Vec::new(),
                searched: true,
                last: None,
            }),
        };
        if matches!(header, FileHeader::OtherVersion(_)) {
            return Ok((archived, header));
        }
        let state = match archived.index()? {
            Some(index) => {
                archived.times = Some((index.first, index.newest));
                archived.len = index.len;
                State {
                    blocks: index.blocks,
                    searched: false,
                    last: None,
                }
            }
            None => {
                let blocks = without_gaps(archived.search()?);
                archived.len = blocks.last().map_or(0, Entry::end);
                State {
                    blocks,
                    searched: true,
                    last: None,
                }
            }
        };
        archived.state = Mutex::new(state);
        Ok((archived, header))
    }

    fn index(&self) -> io::Result<Option<Index>> {
        let end = self.file.len()?;
        let mut trailer = [0; TRAILER];
        let Some(at) = end.checked_sub(TRAILER as u64) else {
            return Ok(None);
        };
        if self.file.read_at(at, &mut trailer)? < TRAILER {
            return Ok(None);
        }
        let Some(size) = block::index_size(trailer).filter(|size| u64::from(*size) <= at) else {
            return Ok(None);
        };
        let mut bytes = vec![0; size as usize];
        let read = self.file.read_at(at - u64::from(size), &mut bytes)?;
        let index = match frame::decode(bytes.get(..read).unwrap_or_default()) {
            Decoded::Frame {
                kind: INDEX_KIND,
                body,
                ..
            } => block::decode_index(body),
            _ => None,
        };
        Ok(index.filter(|index| index.base == self.base))
    }

    /// The blocks of this segment that are whole, wherever in the file they lie.
    fn search(&self) -> io::Result<Vec<Entry>> {
        let shape = Blocks(self.base);
        let mut scanner = Scanner::new(&*self.file, 0, &shape)?;
        let mut blocks = Vec::new();
        loop {
            match scanner.advance()? {
                Found::Frame { at, kind, body } => {
                    if kind == block::BLOCK_KIND
                        && let Some((base, offset, len)) = block::head(body)
                        && base == self.base
                    {
                        blocks.push(Entry {
                            offset,
                            at,
                            size: block::frame_size(body),
                            len,
                        });
                    }
                }
                Found::Damage { .. } | Found::Torn { .. } => {}
                Found::End => return Ok(blocks),
            }
        }
    }

    /// The bytes of a block, if they are what was written.
    fn read_block(&self, entry: &Entry) -> io::Result<Option<Vec<u8>>> {
        if entry.size == 0 {
            return Ok(None);
        }
        let mut bytes = vec![0; entry.size as usize];
        let read = self.file.read_at(entry.at, &mut bytes)?;
        let Decoded::Frame {
            kind: block::BLOCK_KIND,
            body,
            ..
        } = frame::decode(bytes.get(..read).unwrap_or_default())
        else {
            return Ok(None);
        };
        Ok(match block::head(body) {
            Some(head) if head == (self.base, entry.offset, entry.len) => {
                block::unpack(body, entry.len)
            }
            _ => None,
        })
    }

    /// The block that holds `offset`, with zeros for what cannot be read.
    fn hold<'state>(
        &self,
        state: &'state mut State,
        offset: u64,
    ) -> io::Result<Option<&'state (Entry, Vec<u8>)>> {
        let index = state
            .blocks
            .partition_point(|block| block.offset <= offset)
            .saturating_sub(1);
        let Some(mut entry) = state.blocks.get(index).copied() else {
            return Ok(None);
        };
        let is_last = |last: &(Entry, Vec<u8>)| last.0.offset == entry.offset;
        if !state.last.as_ref().is_some_and(is_last) {
            let mut bytes = self.read_block(&entry)?;
            if bytes.is_none() && !state.searched {
                tracing::error!(
                    archive = super::name(self.base),
                    from = entry.offset,
                    to = entry.end(),
                    "a block of the archive is damaged: what lies in it cannot be read, unless it is found elsewhere in the file"
                );
                state.searched = true;
                for found in self.search()? {
                    let known = state
                        .blocks
                        .binary_search_by_key(&found.offset, |block| block.offset);
                    if let Ok(known) = known
                        && let Some(known) = state.blocks.get_mut(known)
                        && known.len == found.len
                    {
                        *known = found;
                    }
                }
                entry = state.blocks.get(index).copied().unwrap_or(entry);
                bytes = self.read_block(&entry)?;
            }
            state.last = Some((entry, bytes.unwrap_or_else(|| vec![0; entry.len as usize])));
        }
        Ok(state.last.as_ref())
    }
}

/// The blocks in order, each once, with holes between them.
fn without_gaps(mut found: Vec<Entry>) -> Vec<Entry> {
    found.sort_unstable_by_key(|block| block.offset);
    let mut blocks: Vec<Entry> = Vec::with_capacity(found.len());
    let mut end = 0;
    for block in found {
        if block.offset < end {
            continue;
        }
        while end < block.offset {
            let len = (block.offset - end).min(MAX_BLOCK);
            blocks.push(Entry {
                offset: end,
                at: 0,
                size: 0,
                len: len as u32,
            });
            end += len;
        }
        end = block.end();
        blocks.push(block);
    }
    blocks
}

fn read_only() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "an archive file is not written to",
    )
}

impl DiskFile for Archived {
    fn append(&self, _bytes: &[u8]) -> io::Result<()> {
        Err(read_only())
    }

    fn append_vectored(&self, _parts: &[IoSlice<'_>]) -> io::Result<()> {
        Err(read_only())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut done = 0;
        while let at = offset.saturating_add(done as u64)
            && at < self.len
            && let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty())
            && let Some((entry, bytes)) = self.hold(&mut state, at)?
            && let Some(part) = bytes
                .get((at - entry.offset) as usize..)
                .filter(|part| !part.is_empty())
        {
            let count = part.len().min(rest.len());
            if let (Some(to), Some(from)) = (rest.get_mut(..count), part.get(..count)) {
                to.copy_from_slice(from);
            }
            done += count;
        }
        Ok(done)
    }

    fn stat(&self) -> io::Result<Stat> {
        Ok(Stat {
            len: self.len,
            ..self.file.stat()?
        })
    }

    fn truncate(&self, _length: u64) -> io::Result<()> {
        Err(read_only())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
}
