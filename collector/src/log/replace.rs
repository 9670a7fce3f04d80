//! Small files that are written whole.

use std::io;
use std::path::Path;

use headwater_store::disk::Disk;

/// Replaces the file `name` in `dir` durably: whoever reads it finds the old one or the new one, also after a power cut. The
/// draft is `name` with `.tmp`; what an earlier try left of it goes.
///
/// # Errors
/// The disk's own; the old file stands then.
pub(crate) fn replace(disk: &dyn Disk, dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let draft = dir.join(format!("{name}.tmp"));
    match disk.remove(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(&draft)?;
    file.append(bytes)?;
    file.sync_data()?;
    disk.rename(&draft, &dir.join(name))?;
    disk.sync_dir(dir)
}
