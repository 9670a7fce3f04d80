//! What happened, by number.

use headwater_engine::{
    Connection, DeliveryOutcome, Engine, HttpOutcome, Identity, Input, Lifecycle, Now,
    SessionCommand, StateKey, StoreFailure,
};
use headwater_model::id::Seq;

use crate::read::{entropy, object, pair, seqs, stored};
use crate::{FULL, int};

/// Hands in what happened. Each arm names the engine's input, so that the compiler carries out each at once instead of
/// asking twice what it is.
#[inline(never)]
pub(crate) fn handle(
    engine: &mut Engine,
    now: Now,
    (kind, a, b): (u32, f64, f64),
    text: Option<String>,
) -> Option<()> {
    let id = int(a);
    let seq = Seq(id);
    // Statuses and request ids are small; what is not is nobody's.
    let status = int(b) as u16;
    let request = id as u32;
    match kind {
        0 => engine.handle(now, Input::Timer),
        1 => engine.handle(now, Input::Flush(id)),
        2 => engine.handle(now, Input::Persisted(seq)),
        3 => {
            let failure = if status == 0 {
                StoreFailure::Io
            } else {
                StoreFailure::Full
            };
            engine.handle(now, Input::StoreFailed(seq, failure));
        }
        4 => engine.handle(now, Input::Loaded(seq, text.map(String::into_bytes))),
        5..=7 => {
            let outcome = match kind {
                5 => HttpOutcome::answered(status, text),
                6 => HttpOutcome::NoAnswer,
                _ => HttpOutcome::Unreadable(seqs(&text?)),
            };
            engine.handle(now, Input::Http { request, outcome });
        }
        8 if FULL => {
            let answer = Some((status, text?.into_bytes()));
            engine.handle(now, Input::SettingsFetched(answer));
        }
        9 if FULL => engine.handle(now, Input::SettingsFetched(None)),
        10 => {
            let state = match id {
                0 => Lifecycle::Foreground,
                1 => Lifecycle::Background,
                _ => Lifecycle::Terminating,
            };
            engine.handle(now, Input::Lifecycle(state));
        }
        11 => {
            let connection = if id == 0 {
                Connection::Offline
            } else {
                Connection::Online
            };
            engine.handle(now, Input::Connection(connection));
        }
        12 if FULL => {
            let text = text?;
            let mut preferences = Vec::new();
            for (category, granted) in object(text.get(32..)?)? {
                preferences.push((category, granted.as_bool() == Some(true)));
            }
            let entropy = entropy(&text);
            engine.handle(
                now,
                Input::SetConsent {
                    preferences,
                    entropy,
                },
            );
        }
        13 => engine.handle(now, Input::Context(object(&text?)?)),
        14 => engine.handle(now, Input::Reset(entropy(&text?))),
        15 => {
            let identity = Identity::from_json(text?.as_bytes())?;
            engine.handle(now, Input::Import(identity));
        }
        16 if FULL => {
            let command = SessionCommand::Start((a >= 0.0).then_some(id));
            engine.handle(now, Input::Session(command));
        }
        17 if FULL => engine.handle(now, Input::Session(SessionCommand::End)),
        18 => engine.handle(now, Input::Purge),
        19 if FULL => {
            let text = text.unwrap_or_default();
            let outcome = match status {
                0 => DeliveryOutcome::Failed(text),
                2 => DeliveryOutcome::Guard(text),
                _ => DeliveryOutcome::Done,
            };
            let delivery = id;
            engine.handle(now, Input::Delivered { delivery, outcome });
        }
        20 => engine.handle(now, Input::Lead(id != 0)),
        #[cfg(feature = "full")]
        21 => {
            let destination = crate::full::destination(object(&text?)?)?;
            engine.handle(now, Input::Destination(destination));
        }
        22 => engine.handle(now, Input::End { volatile: false }),
        23 => engine.handle(now, Input::Adopt(stored(&text?))),
        24 => engine.handle(now, Input::GiveAway(seqs(&text?))),
        25 => {
            let text = text?;
            let (key, text) = pair(&text)?;
            let key = StateKey::ALL
                .into_iter()
                .find(|known| known.as_str() == key)?;
            engine.handle(now, Input::Saved(key, text.as_bytes().to_vec()));
        }
        #[cfg(feature = "full")]
        26 => {
            let outcome = crate::full::outcome(status, &text?)?;
            engine.handle(now, Input::Tried { id, outcome });
        }
        _ => {}
    }
    None
}
