//! A batch without a request round it: the same scan, key and claims as over HTTP, for simulations and tools that hold a
//! body in their hands.

use std::sync::Arc;

use bytes::Bytes;
use headwater_model::time::Millis;

use super::{Refusal, scan};
use crate::config::LimitsConfig;
use crate::log::{Entry, Fingerprinter, Reason};
use crate::sources::{KeyTag, Sources};

/// Makes a log entry of a batch body; the write key comes from the body.
///
/// # Errors
/// [`Refusal`], as over HTTP.
pub fn batch(
    body: &Bytes,
    sources: &Sources,
    limits: &LimitsConfig,
    fingerprinter: &Fingerprinter,
    received: Millis,
) -> Result<Entry, Refusal> {
    let mut scanned = scan::batch(body, limits)?;
    let key = scanned.write_key.take().ok_or(Refusal::NoWriteKey)?;
    let source = sources.open(&key);
    match source {
        Some(source) => {
            let fingerprinter = fingerprinter.source(&source.name);
            scanned.claim(body, |id| fingerprinter.claim(id));
        }
        None => scanned.reject_all(Reason::UnknownWriteKey),
    }
    Ok(Entry {
        received,
        source: source.map_or_else(|| "".into(), |source| Arc::clone(&source.name)),
        key: KeyTag::of(&key),
        platform: source.map(|source| source.platform).unwrap_or_default(),
        ip: None,
        implied: None,
        events: std::mem::take(&mut scanned.events),
        body: body.clone(),
    })
}
