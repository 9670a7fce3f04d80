//! What happened, by number.

use headwater_engine::{
    Connection, DeliveryOutcome, HttpOutcome, Identity, Input, Lifecycle, SessionCommand, StateKey,
    StoreFailure,
};
use headwater_model::id::Seq;

use crate::config::destination;
use crate::read::{array, entropy, object, pair, seqs, stored};
use crate::{FULL, int};

pub(crate) fn read(kind: u32, a: f64, b: f64, text: Option<String>) -> Option<Input> {
    let id = int(a);
    let seq = Seq(id);
    // Statuses and request ids are small; what is not is nobody's.
    let status = int(b) as u16;
    let http = |outcome| Input::Http {
        request: id as u32,
        outcome,
    };
    Some(match kind {
        0 => Input::Timer,
        1 => Input::Flush(id),
        2 => Input::Persisted(seq),
        3 if status == 0 => Input::StoreFailed(seq, StoreFailure::Io),
        3 => Input::StoreFailed(seq, StoreFailure::Full),
        4 => Input::Loaded(seq, text.map(String::into_bytes)),
        5 => http(HttpOutcome::Answered {
            status,
            retry_after: text,
        }),
        6 => http(HttpOutcome::NoAnswer),
        7 => http(HttpOutcome::Unreadable(seqs(&array(&text?)))),
        8 if FULL => Input::SettingsFetched(Some((status, text?.into_bytes()))),
        9 if FULL => Input::SettingsFetched(None),
        10 => Input::Lifecycle(match id {
            0 => Lifecycle::Foreground,
            1 => Lifecycle::Background,
            _ => Lifecycle::Terminating,
        }),
        11 if id == 0 => Input::Connection(Connection::Offline),
        11 => Input::Connection(Connection::Online),
        12 if FULL => {
            let text = text?;
            let mut preferences = Vec::new();
            for (category, granted) in object(text.get(32..)?)? {
                preferences.push((category, granted.as_bool() == Some(true)));
            }
            Input::SetConsent {
                preferences,
                entropy: entropy(&text),
            }
        }
        13 => Input::Context(object(&text?)?),
        14 => Input::Reset(entropy(&text?)),
        15 => Input::Import(Identity::from_json(text?.as_bytes())?),
        16 if FULL => Input::Session(SessionCommand::Start((a >= 0.0).then_some(id))),
        17 if FULL => Input::Session(SessionCommand::End),
        18 => Input::Purge,
        19 if FULL && status == 0 => Input::Delivered {
            delivery: id,
            outcome: DeliveryOutcome::Failed(text.unwrap_or_default()),
        },
        19 if FULL => Input::Delivered {
            delivery: id,
            outcome: DeliveryOutcome::Done,
        },
        20 => Input::Lead(id != 0),
        21 if FULL => Input::Destination(destination(object(&text?)?)?),
        22 => Input::End { volatile: false },
        23 => Input::Adopt(stored(&array(&text?))),
        24 => Input::GiveAway(seqs(&array(&text?))),
        25 => {
            let text = text?;
            let (key, text) = pair(&text)?;
            let key = StateKey::ALL
                .into_iter()
                .find(|known| known.as_str() == key)?;
            Input::Saved(key, text.as_bytes().to_vec())
        }
        _ => return None,
    })
}
