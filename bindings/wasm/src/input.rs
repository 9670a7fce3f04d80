//! What happened, by number.

use headwater_engine::{
    Connection, DeliveryOutcome, HttpOutcome, Identity, Input, Lifecycle, SessionCommand,
    StoreFailure,
};
use headwater_model::id::Seq;
use headwater_model::json::{Limits, Value, parse};

use crate::config::destination;
use crate::int;
use crate::read::object;

pub(crate) fn read(
    kind: u32,
    a: f64,
    b: f64,
    text: Option<String>,
    entropy: [u8; 16],
) -> Option<Input> {
    let id = int(a);
    let seq = Seq(id);
    // Statuses and request ids are small; what is not is nobody's.
    let small = |number: f64| int(number) as u32;
    let http = |outcome| Input::Http {
        request: small(a),
        outcome,
    };
    Some(match kind {
        0 => Input::Timer,
        1 => Input::Flush(id),
        2 => Input::Persisted(seq),
        3 if b == 0.0 => Input::StoreFailed(seq, StoreFailure::Io),
        3 => Input::StoreFailed(seq, StoreFailure::Full),
        4 => Input::Loaded(seq, text.map(String::into_bytes)),
        5 => http(HttpOutcome::Answered {
            status: small(b) as u16,
            retry_after: text,
        }),
        6 => http(HttpOutcome::NoAnswer),
        7 => http(HttpOutcome::Unreadable(seqs(&text?))),
        8 => Input::SettingsFetched(Some((
            small(b) as u16,
            text.unwrap_or_default().into_bytes(),
        ))),
        9 => Input::SettingsFetched(None),
        10 => Input::Lifecycle(match id {
            0 => Lifecycle::Foreground,
            1 => Lifecycle::Background,
            _ => Lifecycle::Terminating,
        }),
        11 if id == 0 => Input::Connection(Connection::Offline),
        11 => Input::Connection(Connection::Online),
        12 => Input::SetConsent {
            preferences: object(&text?)?
                .into_iter()
                .map(|(category, granted)| (category, granted.as_bool() == Some(true)))
                .collect(),
            entropy,
        },
        13 => Input::Context(object(&text?)?),
        14 => Input::Reset(entropy),
        15 => Input::Import(Identity::from_json(text?.as_bytes())?),
        16 => Input::Session(SessionCommand::Start((a >= 0.0).then_some(id))),
        17 => Input::Session(SessionCommand::End),
        18 => Input::Purge,
        19 => Input::Delivered {
            delivery: id,
            outcome: if b == 0.0 {
                DeliveryOutcome::Failed(text.unwrap_or_default())
            } else {
                DeliveryOutcome::Done
            },
        },
        20 => Input::Lead(id != 0),
        21 => Input::Destination(destination(object(&text?)?)?),
        22 => Input::End { volatile: false },
        _ => return None,
    })
}

/// A JSON array of sequence numbers.
fn seqs(text: &str) -> Vec<Seq> {
    match parse(text.as_bytes(), &Limits::default()) {
        Ok(Value::Array(items)) => items.iter().filter_map(Value::as_u64).map(Seq).collect(),
        _ => Vec::new(),
    }
}
