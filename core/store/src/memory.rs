//! The queue in memory: for hosts that must not write, and as the model that the other backends are tested against.

use std::collections::{BTreeMap, HashMap};

use crate::port::{
    EventStore, Opened, Recovery, Seq, Stats, StoreError, SyncPoint, check_key, check_size,
};

/// Events and states in memory; all gone with the process.
#[derive(Debug)]
pub struct MemoryStore {
    events: BTreeMap<Seq, Box<[u8]>>,
    bytes: u64,
    next_seq: Seq,
    states: HashMap<String, Vec<u8>>,
}

/// An empty store in memory.
#[must_use]
pub fn memory() -> Opened {
    let store = MemoryStore {
        events: BTreeMap::new(),
        bytes: 0,
        next_seq: 1,
        states: HashMap::new(),
    };
    Opened {
        store: Box::new(store),
        events: Vec::new(),
        next_seq: 1,
        recovery: Recovery::default(),
    }
}

impl EventStore for MemoryStore {
    fn append(&mut self, seq: Seq, _at_ms: i64, body: &[u8]) -> Result<(), StoreError> {
        if seq < self.next_seq {
            return Err(StoreError::OutOfOrder {
                seq,
                next: self.next_seq,
            });
        }
        check_size(body)?;
        self.events.insert(seq, body.into());
        self.bytes += body.len() as u64;
        self.next_seq = seq.saturating_add(1);
        Ok(())
    }

    fn read(&mut self, seq: Seq, out: &mut Vec<u8>) -> Result<bool, StoreError> {
        let body = self.events.get(&seq);
        out.extend_from_slice(body.map_or(&[], |body| body));
        Ok(body.is_some())
    }

    fn forget(&mut self, seqs: &[Seq]) -> Result<(), StoreError> {
        for seq in seqs {
            if let Some(body) = self.events.remove(seq) {
                self.bytes -= body.len() as u64;
            }
        }
        Ok(())
    }

    fn sync_point(&mut self) -> Result<SyncPoint, StoreError> {
        Ok(SyncPoint::done())
    }

    fn save_state(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        check_key(key)?;
        check_size(value)?;
        self.states.insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    fn load_state(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        check_key(key)?;
        Ok(self.states.get(key).cloned())
    }

    fn stats(&self) -> Stats {
        Stats {
            events: self.events.len() as u64,
            bytes: self.bytes,
            disk_bytes: 0,
        }
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.events.clear();
        self.bytes = 0;
        Ok(())
    }

    fn release(&mut self) -> Result<bool, StoreError> {
        Ok(true)
    }
}
