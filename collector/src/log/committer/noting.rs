//! Control records: appended one at a time, durable before they are answered.

use std::io::IoSlice;

use headwater_store::frame::{self, FILE_HEADER};

use super::super::Position;
use super::super::clock::Moment;
use super::super::control::{self, CONTROL_KIND, MAX_CONTROL_TEXT, Note};
use super::{CommitError, Committer};

impl Committer {
    /// Appends a control record and makes it durable. The reserve of free space is no reason to refuse one: it takes some
    /// hundred bytes, and may be the request to delete something.
    ///
    /// # Errors
    /// [`CommitError`]; then it is not in the log.
    pub fn note(&mut self, now: impl Into<Moment>, note: &Note) -> Result<Position, CommitError> {
        let now = now.into();
        self.observe(now);
        if let Some(error) = &self.refusing {
            return Err((*error).into());
        }
        if note.text.len() > MAX_CONTROL_TEXT {
            let size = note.text.len();
            return Err(frame::FrameError::TooLarge { size }.into());
        }
        self.stand()?;
        let total = (frame::HEADER + control::FIXED + note.text.len()) as u64;
        if self.active.len > FILE_HEADER as u64
            && self.active.len + total > self.options.segment_bytes
        {
            self.roll()?;
        }
        let position = Position(self.active.base.0 + self.active.len);
        let head = control::encode(note.topic, now.wall, position);
        let header = frame::header(CONTROL_KIND, &[&head, &note.text])?;
        self.active.dirty = true;
        let parts = [&header[..], &head, &note.text].map(IoSlice::new);
        let written = self
            .active
            .file
            .append_vectored(&parts)
            .map_err(CommitError::from)
            .and_then(|()| self.persist(total));
        if let Err(error) = written {
            // If this fails, the next commit tries it first.
            let _ = self.stand();
            return Err(error);
        }
        self.active.newest = self.active.newest.max(now.wall);
        self.newest = self.newest.max(Some(now.wall));
        Ok(position)
    }
}
