//! Where the queue lies when the application does not say: the platform's place for a program's state, one folder a
//! source.

use std::env;
use std::path::PathBuf;

use headwater_model::id::WriteKey;

#[cfg(target_os = "windows")]
pub(crate) const LOOKED_AT: &str = "LOCALAPPDATA, USERPROFILE";
#[cfg(not(target_os = "windows"))]
pub(crate) const LOOKED_AT: &str = "XDG_STATE_HOME, HOME";

/// The default folder for this source; `None` where the environment names no place.
///
/// | system | folder |
/// |---|---|
/// | Windows | `%LOCALAPPDATA%\headwater\<source>` |
/// | macOS | `~/Library/Application Support/headwater/<source>` |
/// | others | `$XDG_STATE_HOME/headwater/<source>`, else `~/.local/state/headwater/<source>` |
pub(crate) fn default_for(key: &WriteKey) -> Option<PathBuf> {
    base().map(|base| base.join("headwater").join(source_name(key)))
}

#[cfg(target_os = "windows")]
fn base() -> Option<PathBuf> {
    absolute("LOCALAPPDATA")
        .or_else(|| absolute("USERPROFILE").map(|home| home.join("AppData").join("Local")))
}

#[cfg(target_os = "macos")]
fn base() -> Option<PathBuf> {
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join("Library").join("Application Support")))
}

#[cfg(not(any(target_os = "windows", target_os = "macos")))]
fn base() -> Option<PathBuf> {
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local").join("state")))
}

/// A relative path here would depend on where the process was started (the XDG rules say to ignore one, too).
fn absolute(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

/// A file name that tells sources apart and does not show the key (64-bit FNV-1a).
fn source_name(key: &WriteKey) -> String {
    let hash = key
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_source_does_not_show_its_key() {
        let key = WriteKey::new("secret-key").unwrap();
        let other = WriteKey::new("secret-kez").unwrap();
        assert!(!source_name(&key).contains("secret"));
        assert_ne!(source_name(&key), source_name(&other));
        assert_eq!(source_name(&key), source_name(&key));
    }
}
