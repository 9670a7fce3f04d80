//! A batch without a request round it: the same scan, key and claims as over HTTP, for simulations and tools that hold a
//! body in their hands.

use std::sync::Arc;

use bytes::Bytes;
use headwater_model::time::Millis;

use super::{Refusal, scan};
use crate::config::LimitsConfig;
use crate::log::{Entry, Fingerprinter};
use crate::sources::{KeyTag, Sources};

/// Makes a log entry of a batch body; the write key comes from the body.
///
/// # Errors
/// [`Refusal`], as over HTTP in strict mode.
pub fn batch(
    body: &Bytes,
    sources: &Sources,
    limits: &LimitsConfig,
    fingerprinter: &Fingerprinter,
    received: Millis,
) -> Result<Entry, Refusal> {
    let mut scanned = scan::batch(body, limits)?;
    let key = scanned.write_key.take().ok_or(Refusal::NoWriteKey)?;
    let source = sources.open(&key).ok_or(Refusal::UnknownWriteKey)?;
    if !source.enabled {
        return Err(Refusal::SourceDisabled);
    }
    let fingerprinter = fingerprinter.source(&source.id);
    scanned.claim(body, |id| fingerprinter.claim(id));
    Ok(Entry {
        received,
        source: Arc::clone(&source.id),
        hops: 0,
        key: KeyTag::of(&key),
        platform: source.platform,
        ip: None,
        implied: None,
        events: std::mem::take(&mut scanned.events),
        body: body.clone(),
    })
}
