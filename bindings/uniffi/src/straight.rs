//! The call that hosts make most, past UniFFI: one function of plain numbers, for the JVM.
//!
//! By UniFFI a call from Kotlin is seven crossings of JNA that build structures, about 20 µs; this is one with numbers
//! alone.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use crate::client::Client;
use crate::error::HeadwaterError;
use crate::view::Outcome;

/// What an answer below zero means: ask [`Client::take_error`] on the same thread.
const ERROR: i32 = -1;

static LAST: AtomicI64 = AtomicI64::new(0);
static CLIENTS: RwLock<Vec<(i64, Weak<Client>)>> = RwLock::new(Vec::new());

thread_local! {
    static FAILED: RefCell<Option<HeadwaterError>> = const { RefCell::new(None) };
}

#[uniffi::export]
impl Client {
    /// This client's number for the straight call: `headwater_call(number, address,
    /// length)` does what `call` does with the UTF-8 text at that address, and answers 0 (queued), 1 (held), 2 (local only),
    /// 3 (dropped) or -1 (an error: [`take_error`](Client::take_error) throws it). Ask once.
    pub fn number(self: Arc<Self>) -> i64 {
        let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let mut clients = CLIENTS.write().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|(_, client)| client.strong_count() > 0);
        clients.push((number, Arc::downgrade(&self)));
        number
    }

    /// Throws what the last straight call of this thread failed with; nothing where it did not.
    ///
    /// # Errors
    /// Those of `call`.
    pub fn take_error(&self) -> Result<(), HeadwaterError> {
        FAILED.take().map_or(Ok(()), Err)
    }
}

/// # Safety
/// `address` is that of `length` bytes which nobody changes meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn headwater_call(number: i64, address: i64, length: i32) -> i32 {
    let text = match (usize::try_from(address), usize::try_from(length)) {
        // SAFETY: as promised by the caller; a length is never over `i32::MAX`.
        (Ok(address), Ok(length)) if address != 0 => unsafe {
            slice::from_raw_parts(address as *const u8, length)
        },
        _ => &[],
    };
    let called = catch_unwind(AssertUnwindSafe(|| call(number, text)));
    match called {
        Ok(Ok(outcome)) => match outcome {
            Outcome::Queued => 0,
            Outcome::Held => 1,
            Outcome::LocalOnly => 2,
            Outcome::Dropped => 3,
        },
        Ok(Err(error)) => failed(error),
        Err(_) => failed(HeadwaterError::Invalid(
            "the call met a defect of the library; nothing was queued".to_owned(),
        )),
    }
}

fn call(number: i64, text: &[u8]) -> Result<Outcome, HeadwaterError> {
    let clients = CLIENTS.read().unwrap_or_else(PoisonError::into_inner);
    let known = clients.iter().find(|(known, _)| *known == number);
    let client = known.and_then(|(_, client)| client.upgrade());
    drop(clients);
    let client =
        client.ok_or_else(|| HeadwaterError::Closed("a client: this one is gone".to_owned()))?;
    let text = std::str::from_utf8(text)
        .map_err(|error| HeadwaterError::Invalid(format!("the event is not UTF-8: {error}")))?;
    Ok(client.call(text)?.outcome)
}

fn failed(error: HeadwaterError) -> i32 {
    FAILED.set(Some(error));
    ERROR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_call_to_nobody_is_an_error() {
        let text = r#"{"type":"track","event":"a"}"#;
        assert!(matches!(
            call(-5, text.as_bytes()),
            Err(HeadwaterError::Closed(_))
        ));
    }
}
