//! `headwater backup` and `headwater restore`.
//!
//! ```text
//! BACKUP/*.sqlite    cursors, retries, dead letters; embedded warehouses      copied first, each in one transaction
//! BACKUP/key …       the other files of the data folder
//! BACKUP/log/ archive/   the log, oldest segment first                        copied last: it reaches beyond every cursor
//! BACKUP/backup.json     what belongs to it, with checksums                   written when all else is durable
//! ```
//!
//! What is a view of the log (claims, ids, profiles) is left out: it is made again. A restored log has a new id, so that
//! nobody takes progress on the lost one for progress on this one; connections go on from their cursors, warehouses load the
//! log again and recognise their rows.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use headwater_collector::cli::Failure;
use headwater_collector::log::renew;
use headwater_model::json::{Limits, Object, Value, parse};
use headwater_store::disk::RealDisk;
use rusqlite::{Connection, OpenFlags};

/// The version of what this writes.
const VERSION: i64 = 1;
const MANIFEST: &str = "backup.json";
/// The log's folders, in the order in which they are looked through for a segment.
const LOG: [&str; 2] = ["log", "archive"];
/// Files of the data folder that a backup has no use for.
const LEFT_OUT: [&str; 2] = ["lock", "log-id"];
/// How much is copied at once.
const CHUNK: usize = 256 * 1024;
/// The largest manifest: some ten million segments.
const MAX_MANIFEST: usize = 1 << 30;

/// Arguments of `headwater backup`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headwater backup /backups/2026-11-29 --data /var/lib/headwater
  headwater restore /backups/2026-11-29 --data /var/lib/headwater

It may run while the hub does. The folder holds what people did, and the key that tells retries: keep it as safe as the
data folder. It is complete once the command says so; `backup.json` is written last.")]
pub(crate) struct Backup {
    /// Where the backup goes: a folder that is not there yet, or empty.
    to: PathBuf,
    /// The data folder.
    #[arg(long, short, value_name = "DIR", default_value = ".headwater")]
    data: PathBuf,
    /// Leave out the archive: only what is still hot can be delivered, replayed and looked up then.
    #[arg(long)]
    without_archive: bool,
}

/// Arguments of `headwater restore`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The data folder must not be there yet, or be empty: nothing is ever restored over something. Then start the hub on it. \
Connections go on from where they were at the backup: what was delivered after it is delivered once more, under the same \
messageId. Warehouses load the log again and recognise their rows by messageId. Profiles are computed again from the log.")]
pub(crate) struct Restore {
    /// The backup's folder.
    from: PathBuf,
    /// The data folder that is made of it.
    #[arg(long, short, value_name = "DIR", default_value = ".headwater")]
    data: PathBuf,
}

/// One file of a backup.
#[derive(Debug)]
struct Kept {
    /// Its path in the backup.
    name: String,
    bytes: u64,
    crc: u32,
}

fn at(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::Usage(format!("{}: {error}", path.display()))
}

/// Fails unless nothing is there, or an empty folder.
fn must_be_free(path: &Path) -> Result<(), Failure> {
    match fs::read_dir(path) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(at(
                path,
                "is not empty; name a folder that is not there yet",
            )),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(at(path, error)),
    }
}

/// Makes a folder for this user alone.
fn make_private(path: &Path) -> Result<(), Failure> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| at(parent, error))?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(at(path, error)),
        _ => Ok(()),
    }
}

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Copies what `from` holds now to `to`, durably.
fn copy(from: &Path, to: &Path, name: &str) -> io::Result<Kept> {
    let source = File::open(from)?;
    let mut target = private(to)?;
    let kept = summed(source, name, |part| target.write_all(part))?;
    target.sync_all()?;
    Ok(kept)
}

/// Hands a file's bytes on, and says how many they are and what their checksum is.
fn summed(
    mut source: File,
    name: &str,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Kept> {
    let mut kept = Kept {
        name: name.to_owned(),
        bytes: 0,
        crc: 0,
    };
    let mut crc = crc32fast::Hasher::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = source.read(&mut buffer)?;
        let part = buffer.get(..read).unwrap_or_default();
        if part.is_empty() {
            break;
        }
        crc.update(part);
        each(part)?;
        kept.bytes += read as u64;
    }
    kept.crc = crc.finalize();
    Ok(kept)
}

fn private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// The names of the files in a folder; none where there is no folder.
fn files(folder: &Path) -> Result<Vec<String>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(at(folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| at(folder, error))?;
        if entry.path().is_file()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

impl Backup {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let data = &self.data;
        if !data.join("key").is_file() || !data.join("log").is_dir() {
            return Err(at(data, "is no data folder: it has no `key` and no `log`"));
        }
        must_be_free(&self.to)?;
        make_private(&self.to)?;
        let mut kept = Vec::new();
        let top = files(data)?;
        for name in top.iter().filter(|name| is_database(name)) {
            kept.push(self.database(name)?);
        }
        for name in &top {
            let other = name.contains(".sqlite")
                || Path::new(name).extension().is_some_and(|end| end == "tmp");
            if !other && !LEFT_OUT.contains(&name.as_str()) {
                let (from, to) = (data.join(name), self.to.join(name));
                kept.push(copy(&from, &to, name).map_err(|error| at(&from, error))?);
            }
        }
        self.log(&mut kept)?;
        let bytes: u64 = kept.iter().map(|file| file.bytes).sum();
        self.finish(&kept)?;
        writeln!(
            io::stdout(),
            "{}: {} files, {bytes} bytes",
            self.to.display(),
            kept.len()
        )?;
        Ok(())
    }

    /// A copy of a database as it is in one moment, whoever writes to it.
    fn database(&self, name: &str) -> Result<Kept, Failure> {
        let (from, to) = (self.data.join(name), self.to.join(name));
        let copied = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let db = Connection::open_with_flags(&from, flags)?;
            db.busy_timeout(std::time::Duration::from_secs(60))?;
            // The file must be there for its owner alone before anything is in it.
            drop(
                private(&to)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?,
            );
            db.execute("VACUUM INTO ?", [to.to_string_lossy()])?;
            Ok::<(), rusqlite::Error>(())
        };
        copied().map_err(|error| at(&from, error))?;
        let kept = || {
            let file = File::open(&to)?;
            file.sync_all()?;
            summed(file, name, |_| Ok(()))
        };
        kept().map_err(|error| at(&to, error))
    }

    /// The log, oldest segment first, wherever each lies: one may move into the archive, or go, meanwhile.
    fn log(&self, kept: &mut Vec<Kept>) -> Result<(), Failure> {
        let folders = if self.without_archive {
            &LOG[..1]
        } else {
            &LOG[..]
        };
        let mut names = Vec::new();
        for folder in folders {
            make_private(&self.to.join(folder))?;
            for name in files(&self.data.join(folder))? {
                match name.split_once('.') {
                    Some((base, "log" | "hwa")) => names.push(base.to_owned()),
                    // What damage was set aside, for whoever looks into it.
                    Some((_, end)) if !end.ends_with("tmp") => {
                        let path = format!("{folder}/{name}");
                        let (from, to) = (self.data.join(&path), self.to.join(&path));
                        kept.push(copy(&from, &to, &path).map_err(|error| at(&from, error))?);
                    }
                    _ => {}
                }
            }
        }
        names.sort_unstable();
        names.dedup();
        for base in names {
            for (folder, end) in [("log", "log"), ("archive", "hwa")] {
                if folder == "archive" && self.without_archive {
                    continue;
                }
                let path = format!("{folder}/{base}.{end}");
                let (from, to) = (self.data.join(&path), self.to.join(&path));
                match copy(&from, &to, &path) {
                    Ok(file) => {
                        kept.push(file);
                        break;
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(at(&from, error)),
                }
            }
        }
        for folder in folders {
            sync_dir(&self.to.join(folder))?;
        }
        Ok(())
    }

    fn finish(&self, kept: &[Kept]) -> Result<(), Failure> {
        let files: Value = kept
            .iter()
            .map(|file| {
                let mut one = Object::new();
                one.insert("name", file.name.as_str());
                one.insert("bytes", file.bytes);
                one.insert("crc32", u64::from(file.crc));
                Value::Object(one)
            })
            .collect();
        let mut manifest = Object::new();
        manifest.insert("version", VERSION);
        manifest.insert("made", headwater_collector::app::system_now().to_string());
        manifest.insert("files", files);
        let path = self.to.join(MANIFEST);
        let written = || {
            let mut file = private(&path)?;
            file.write_all(&Value::Object(manifest).to_vec())?;
            file.sync_all()?;
            sync_dir(&self.to)
        };
        written().map_err(|error| at(&path, error))
    }
}

fn is_database(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|end| end == "sqlite")
}

/// What a backup says of itself.
fn manifest(from: &Path) -> Result<Vec<Kept>, Failure> {
    let path = from.join(MANIFEST);
    let text = fs::read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => at(
            from,
            "is no whole backup: it has no backup.json, which is written last; take another one",
        ),
        _ => at(&path, error),
    })?;
    let limits = Limits::default().with_max_bytes(MAX_MANIFEST);
    let damaged = || at(&path, "is damaged; take another backup");
    let manifest = parse(&text, &limits).map_err(|_| damaged())?;
    let version = manifest
        .get("version")
        .and_then(natural)
        .ok_or_else(damaged)?;
    if i64::try_from(version) != Ok(VERSION) {
        return Err(at(
            from,
            format!(
                "was written in version {version}, this build reads version {VERSION}; restore with the build that wrote it"
            ),
        ));
    }
    let files = manifest
        .get("files")
        .and_then(Value::as_array)
        .ok_or_else(damaged)?;
    files
        .iter()
        .map(|file| {
            let name = file.get("name").and_then(Value::as_str)?;
            let crc = file.get("crc32").and_then(natural)?;
            is_plain(name).then_some(Kept {
                name: name.to_owned(),
                bytes: file.get("bytes").and_then(natural)?,
                crc: u32::try_from(crc).ok()?,
            })
        })
        .collect::<Option<Vec<Kept>>>()
        .ok_or_else(damaged)
}

fn natural(value: &Value) -> Option<u64> {
    value.as_number()?.as_str().parse().ok()
}

/// Whether a name of a manifest leads to a file of the folder, or of one of the log's.
fn is_plain(name: &str) -> bool {
    let (folder, file) = name.split_once('/').unwrap_or(("log", name));
    LOG.contains(&folder) && !file.is_empty() && !file.contains('/') && file != "." && file != ".."
}

impl Restore {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let files = manifest(&self.from)?;
        must_be_free(&self.data)?;
        let data = std::path::absolute(&self.data).map_err(|error| at(&self.data, error))?;
        let mut draft = data.clone().into_os_string();
        draft.push(".restoring");
        let draft = PathBuf::from(draft);
        match fs::remove_dir_all(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&draft, error)),
            _ => {}
        }
        make_private(&draft)?;
        for folder in LOG {
            make_private(&draft.join(folder))?;
        }
        for file in &files {
            let (from, to) = (self.from.join(&file.name), draft.join(&file.name));
            let copied = copy(&from, &to, &file.name).map_err(|error| at(&from, error))?;
            if (copied.bytes, copied.crc) != (file.bytes, file.crc) {
                return Err(at(
                    &from,
                    "is not what was written there; nothing was restored. Take another backup",
                ));
            }
        }
        let id = renew(&RealDisk, &draft, uuid::Uuid::new_v4().into_bytes())
            .map_err(|error| at(&draft, error))?;
        let placed = || {
            for folder in LOG {
                sync_dir(&draft.join(folder))?;
            }
            sync_dir(&draft)?;
            match fs::remove_dir(&data) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            fs::rename(&draft, &data)?;
            data.parent().map_or(Ok(()), sync_dir)
        };
        placed().map_err(|error| at(&data, error))?;
        writeln!(
            io::stdout(),
            "{}: {} files, the log's id is {id} now; start the hub on it",
            data.display(),
            files.len()
        )?;
        Ok(())
    }
}
