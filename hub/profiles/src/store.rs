//! Keys and values: the port, and its two backends.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Why the store could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the profile store: {0}")]
pub struct StoreError(pub String);

/// The port.
pub trait KeyedStore: Send {
    /// The value of a key.
    ///
    /// # Errors
    /// [`StoreError`].
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Writes all of it or nothing. It need not be durable.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing of it is there.
    fn put(&mut self, batch: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), StoreError>;

    /// Forgets everything.
    ///
    /// # Errors
    /// [`StoreError`].
    fn clear(&mut self) -> Result<(), StoreError>;
}

/// In memory; clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>);

impl MemoryStore {
    fn with<T>(&self, run: impl FnOnce(&mut BTreeMap<Vec<u8>, Vec<u8>>) -> T) -> T {
        run(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl KeyedStore for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.with(|pairs| pairs.get(key).cloned()))
    }

    fn put(&mut self, batch: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), StoreError> {
        self.with(|pairs| pairs.extend(batch));
        Ok(())
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.with(BTreeMap::clear);
        Ok(())
    }
}

/// In a folder, by fjall.
#[derive(Clone)]
pub struct FjallStore {
    db: fjall::Database,
    pairs: fjall::Keyspace,
}

impl std::fmt::Debug for FjallStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FjallStore").finish_non_exhaustive()
    }
}

impl From<fjall::Error> for StoreError {
    fn from(error: fjall::Error) -> StoreError {
        StoreError(error.to_string())
    }
}

/// The one keyspace.
const PAIRS: &str = "pairs";

impl FjallStore {
    /// Opens the folder, creating it if need be.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(dir: &Path) -> Result<FjallStore, StoreError> {
        let db = fjall::Database::builder(dir).open()?;
        let pairs = db.keyspace(PAIRS, fjall::KeyspaceCreateOptions::default)?;
        Ok(FjallStore { db, pairs })
    }
}

impl KeyedStore for FjallStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.pairs.get(key)?.map(|value| value.to_vec()))
    }

    fn put(&mut self, batch: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), StoreError> {
        let mut write = self.db.batch();
        for (key, value) in batch {
            write.insert(&self.pairs, key, value);
        }
        Ok(write.commit()?)
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        Ok(self.pairs.clear()?)
    }
}
