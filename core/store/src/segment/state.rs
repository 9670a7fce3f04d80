//! The small named states: one file each, replaced as a whole.

use std::path::{Path, PathBuf};

use super::format::{STATE, STATE_END, STATE_MAGIC, TEMPORARY_END, VERSION};
use crate::disk::Disk;
use crate::frame::{self, Decoded, FILE_HEADER, FileHeader};
use crate::port::{StoreError, check_key, check_size};

/// What a state file holds.
pub(super) enum Found {
    Absent,
    Value(Vec<u8>),
    OtherVersion(u8),
    Damaged,
}

fn path_of(dir: &Path, key: &str) -> PathBuf {
    dir.join(format!("{key}{STATE_END}"))
}

/// Writes beside the old file, syncs, renames over it and syncs the name: a crash leaves the old state or the new one.
pub(super) fn save(disk: &dyn Disk, dir: &Path, key: &str, value: &[u8]) -> Result<(), StoreError> {
    check_key(key)?;
    check_size(value)?;
    let path = path_of(dir, key);
    let temporary = dir.join(format!("{key}{STATE_END}{TEMPORARY_END}"));
    let mut bytes = frame::file_header(STATE_MAGIC, VERSION).to_vec();
    frame::encode_into(&mut bytes, STATE, &[value]).map_err(|_| StoreError::TooLarge {
        size: value.len(),
        limit: frame::MAX_BODY,
    })?;
    let _ = disk.remove(&temporary);
    let file = disk
        .create(&temporary)
        .map_err(|error| StoreError::io("create", &temporary, error))?;
    let written = file
        .append(&bytes)
        .and_then(|()| file.sync_data())
        .and_then(|()| disk.rename(&temporary, &path));
    if let Err(error) = written {
        let _ = disk.remove(&temporary);
        return Err(StoreError::io("write", &path, error));
    }
    disk.sync_dir(dir)
        .map_err(|error| StoreError::io("sync", dir, error))
}

pub(super) fn load(disk: &dyn Disk, dir: &Path, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    check_key(key)?;
    match read(disk, &path_of(dir, key))? {
        Found::Absent => Ok(None),
        Found::Value(value) => Ok(Some(value)),
        Found::OtherVersion(_) | Found::Damaged => Err(StoreError::CorruptState {
            key: key.to_owned(),
        }),
    }
}

pub(super) fn read(disk: &dyn Disk, path: &Path) -> Result<Found, StoreError> {
    let file = match disk.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Absent),
        Err(error) => return Err(StoreError::io("open", path, error)),
    };
    let failed = |error| StoreError::io("read", path, error);
    let len = usize::try_from(file.len().map_err(failed)?).unwrap_or(usize::MAX);
    let mut bytes = vec![0; len.min(FILE_HEADER + frame::HEADER + frame::MAX_BODY)];
    let read = file.read_at(0, &mut bytes).map_err(failed)?;
    bytes.truncate(read);
    if let FileHeader::OtherVersion(version) =
        frame::check_file_header(&bytes, STATE_MAGIC, VERSION)
    {
        return Ok(Found::OtherVersion(version));
    }
    match frame::decode(bytes.get(FILE_HEADER..).unwrap_or_default()) {
        Decoded::Frame {
            kind: STATE, body, ..
        } => Ok(Found::Value(body.to_vec())),
        _ => Ok(Found::Damaged),
    }
}
