//! How large the log may grow before its oldest segments go.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// `retain_bytes`: a number of bytes, 0 for no bound, or `"half-disk"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetainBytes {
    /// Half of the disk that the data folder lies on, as it is when the collector starts. Half, because the other half
    /// holds what else is there, `min_free_bytes`, and the growth between two sweeps; a fixed number would take events
    /// away early on a large disk and never on a small one.
    #[default]
    HalfDisk,
    /// At most so many.
    Most(u64),
    /// No bound: only `retain_hours` removes anything.
    Unbounded,
}

impl RetainBytes {
    /// The bound in bytes on a disk of this size; `None` for no bound, or when the size cannot be told.
    #[must_use]
    pub fn on_disk_of(self, size: Option<u64>) -> Option<u64> {
        match self {
            Self::HalfDisk => size.map(|size| size / 2),
            Self::Most(most) => Some(most),
            Self::Unbounded => None,
        }
    }
}

impl<'de> Deserialize<'de> for RetainBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read)
    }
}

struct Read;

impl Visitor<'_> for Read {
    type Value = RetainBytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes, 0 for no bound, or \"half-disk\"")
    }

    fn visit_i64<E: Error>(self, bytes: i64) -> Result<RetainBytes, E> {
        match u64::try_from(bytes) {
            Ok(0) => Ok(RetainBytes::Unbounded),
            Ok(most) => Ok(RetainBytes::Most(most)),
            Err(_) => Err(E::custom(
                "retain_bytes must not be negative; write 0 for no bound",
            )),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RetainBytes, E> {
        match text {
            "half-disk" => Ok(RetainBytes::HalfDisk),
            other => Err(E::custom(format!(
                "retain_bytes is `{other}`; write bytes, 0 for no bound, or \"half-disk\""
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RetainBytes;
    use crate::config::Config;

    #[test]
    fn bytes_zero_and_half_the_disk_are_told_apart_and_all_else_is_an_error() {
        let read = |value: &str| {
            Config::parse(&format!("[storage]\nretain_bytes = {value}\n"))
                .map(|config| config.storage.retain_bytes)
        };
        assert_eq!(read("0").unwrap(), RetainBytes::Unbounded);
        assert_eq!(read("7").unwrap(), RetainBytes::Most(7));
        assert_eq!(read("\"half-disk\"").unwrap(), RetainBytes::HalfDisk);
        for wrong in ["-1", "\"10 GiB\"", "1.5", "true"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("no bound"), "{wrong}: {error}");
        }
        assert_eq!(RetainBytes::HalfDisk.on_disk_of(Some(100)), Some(50));
        assert_eq!(RetainBytes::HalfDisk.on_disk_of(None), None);
        assert_eq!(RetainBytes::Unbounded.on_disk_of(Some(100)), None);
    }
}
