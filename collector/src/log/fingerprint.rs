//! How (source, messageId) becomes a claim: 128 bits of a keyed hash.
//!
//! At 10^9 claims in the window two different ids meet with a chance of 10^-21: exact for every purpose. The key is
//! made when the data folder is, so nobody outside can build ids that collide.

use std::hash::Hasher;
use std::io;
use std::path::Path;

use headwater_store::disk::RealDisk;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::{Subject, folder};

/// The fingerprint of a source and a messageId.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Claim(pub u128);

/// Makes claims; keyed by the data folder.
#[derive(Debug, Clone)]
pub struct Fingerprinter {
    key: [u8; 16],
}

/// Makes the claims of one source.
#[derive(Debug, Clone)]
pub struct SourceFingerprinter(SipHasher13);

impl Fingerprinter {
    /// A fingerprinter with this key; the same key gives the same claims on every machine and version.
    #[must_use]
    pub fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// The fingerprinter of one source.
    #[must_use]
    pub fn source(&self, name: &str) -> SourceFingerprinter {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hasher.write(&(name.len() as u64).to_le_bytes());
        hasher.write(name.as_bytes());
        SourceFingerprinter(hasher)
    }
}

impl Fingerprinter {
    /// The fingerprinter of a data folder, of which no lock is taken.
    ///
    /// # Errors
    /// The folder has no key, or a damaged one.
    pub fn of_folder(dir: &Path) -> io::Result<Self> {
        let key = folder::read_key(&RealDisk, dir)?;
        key.map(Self::new)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the file `key` is damaged"))
    }

    /// The subject that this userId is.
    #[must_use]
    pub fn subject(&self, user: &str) -> Subject {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        // No source's name is so long: a subject is no claim.
        hasher.write(&u64::MAX.to_le_bytes());
        hasher.write(user.as_bytes());
        Subject(hasher.finish128().as_u128())
    }
}

impl SourceFingerprinter {
    /// The claim on one messageId.
    #[must_use]
    pub fn claim(&self, message_id: &[u8]) -> Claim {
        let mut hasher = self.0;
        hasher.write(message_id);
        Claim(hasher.finish128().as_u128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_differ_by_source_by_id_and_by_key() {
        let maker = Fingerprinter::new([1; 16]);
        let claim = maker.source("web").claim(b"m-1");
        assert_eq!(claim, maker.source("web").claim(b"m-1"));
        assert_ne!(claim, maker.source("we").claim(b"bm-1"));
        assert_ne!(claim, maker.source("web").claim(b"m-2"));
        assert_ne!(
            claim,
            Fingerprinter::new([2; 16]).source("web").claim(b"m-1")
        );
    }
}
