//! One thing that is shown: its JSON, cut to a few kilobytes, and beside it what it is filtered by.

use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use headwater_model::event::EventType;
use headwater_model::json::{Kind, Limits, Scanner, write_string};
use headwater_model::time::Millis;

use super::Sort;

/// Bytes of an event that is shown whole: the largest one that a batch takes by default (32 KiB), with what is filled in
/// when it is read. A rejected one may have 14 MiB.
pub(super) const WHOLE_BYTES: usize = 48 << 10;
/// Bytes of its beginning that are shown of a larger one.
const HEAD_BYTES: usize = 8 << 10;
/// Bytes of a field that is shown beside the beginning.
const FIELD_BYTES: usize = 256;
/// The fields that lists are filtered by.
const FILTERED: [&str; 4] = ["event", "messageId", "userId", "anonymousId"];
/// The fields that are shown beside the beginning: what tells which event it is.
const NAMING: [&str; 9] = [
    "type",
    "event",
    "name",
    "messageId",
    "userId",
    "anonymousId",
    "groupId",
    "previousId",
    "timestamp",
];

/// Something to show.
#[derive(Debug)]
pub(crate) struct Shown {
    /// Counts up; never used twice.
    pub(crate) id: u64,
    /// What became of it.
    pub(crate) sort: Sort,
    /// The JSON text of all of it, without a line break.
    pub(crate) json: Bytes,
    source: String,
    kind: Option<EventType>,
    /// Hashes of [`FILTERED`], so that the longest id costs as little as the shortest.
    fields: [Option<u64>; FILTERED.len()],
}

/// What there is to tell, before it has its place in the order.
#[derive(Debug)]
pub(crate) struct Told {
    pub(super) sort: Sort,
    pub(super) received: Millis,
    pub(super) source: String,
    pub(super) kind: Option<EventType>,
    /// The code and the sentence of a rejection.
    pub(super) reason: Option<(&'static str, String)>,
    /// The JSON of the event, if it is one.
    pub(super) event: Option<Vec<u8>>,
}

/// What is left of it until it has its number.
#[derive(Debug)]
pub(super) struct Draft {
    shown: Shown,
    /// The text behind the number.
    rest: Vec<u8>,
}

impl Draft {
    /// Cuts, writes and reads what is needed, so that nothing is left to do while others wait.
    pub(super) fn of(told: Told, hasher: &RandomState) -> Self {
        let text = told.event.as_deref();
        let glance = text.map(|text| Glance::at(text, hasher));
        let kind = told.kind.or(glance.as_ref().and_then(|seen| seen.kind));
        let mut rest = Vec::with_capacity(text.map_or(0, <[u8]>::len).min(WHOLE_BYTES) + 256);
        rest.extend_from_slice(b",\"kind\":");
        write_string(&mut rest, told.sort.name());
        rest.extend_from_slice(b",\"receivedAt\":");
        write_string(&mut rest, &told.received.to_string());
        rest.extend_from_slice(b",\"source\":");
        write_string(&mut rest, &told.source);
        rest.extend_from_slice(b",\"type\":");
        match kind {
            Some(kind) => write_string(&mut rest, kind.as_str()),
            None => rest.extend_from_slice(b"null"),
        }
        if let Some((code, message)) = &told.reason {
            rest.extend_from_slice(b",\"code\":");
            write_string(&mut rest, code);
            rest.extend_from_slice(b",\"message\":");
            write_string(&mut rest, message);
        }
        match (text, &glance) {
            (Some(text), Some(glance)) if text.len() > WHOLE_BYTES => {
                write_cut(&mut rest, text, &glance.naming);
            }
            (Some(text), _) => {
                rest.extend_from_slice(b",\"event\":");
                rest.extend(text.iter().map(|byte| blank(*byte)));
            }
            _ => {}
        }
        rest.push(b'}');
        Self {
            shown: Shown {
                id: 0,
                sort: told.sort,
                json: Bytes::new(),
                source: told.source,
                kind,
                fields: glance.map(|seen| seen.fields).unwrap_or_default(),
            },
            rest,
        }
    }

    pub(super) fn numbered(self, id: u64) -> Shown {
        let number = format!("{{\"id\":{id}");
        let mut json = Vec::with_capacity(number.len() + self.rest.len());
        json.extend_from_slice(number.as_bytes());
        json.extend_from_slice(&self.rest);
        Shown {
            id,
            json: json.into(),
            ..self.shown
        }
    }
}

impl Shown {
    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.json.len() + self.source.len() + size_of::<Self>() + 2 * size_of::<usize>()
    }
}

/// Line breaks stand between the tokens of JSON only, where a blank is as good; a line of its own would end the message.
fn blank(byte: u8) -> u8 {
    if matches!(byte, b'\n' | b'\r') {
        b' '
    } else {
        byte
    }
}

/// `cut` says how large it is and how it begins; `event` has what names it.
fn write_cut(out: &mut Vec<u8>, text: &[u8], naming: &[(&'static str, &[u8])]) {
    let mut end = HEAD_BYTES;
    while end > 0 && text.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
        end -= 1;
    }
    let head = String::from_utf8_lossy(text.get(..end).unwrap_or_default());
    out.extend_from_slice(format!(",\"cut\":{{\"bytes\":{},\"head\":", text.len()).as_bytes());
    write_string(out, &head);
    out.extend_from_slice(b"},\"event\":{");
    for (index, (name, value)) in naming.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(out, name);
        out.push(b':');
        out.extend_from_slice(value);
    }
    out.push(b'}');
}

/// What one pass over an event's text finds.
struct Glance<'a> {
    kind: Option<EventType>,
    fields: [Option<u64>; FILTERED.len()],
    naming: Vec<(&'static str, &'a [u8])>,
}

impl<'a> Glance<'a> {
    fn at(text: &'a [u8], hasher: &RandomState) -> Self {
        let mut seen = Self {
            kind: None,
            fields: Default::default(),
            naming: Vec::new(),
        };
        let limits = Limits::default()
            .with_max_bytes(text.len())
            .with_max_depth(Limits::DEPTH_CEILING);
        // It was scanned when it came. What is no object has no fields.
        if let Ok(mut scanner) = Scanner::new(text, &limits)
            && scanner.kind().is_ok_and(|kind| kind == Kind::Object)
        {
            let _ = scanner.object(|key, scanner| {
                let value = scanner.value()?;
                if !matches!(value.kind(), Kind::String | Kind::Number) {
                    return Ok(());
                }
                let key = key.decode();
                if let Some(place) = FILTERED.iter().position(|name| *name == key) {
                    let says = value.as_str().unwrap_or_else(|| value.text().into());
                    if let Some(field) = seen.fields.get_mut(place) {
                        *field = Some(hasher.hash_one(&*says));
                    }
                }
                if key == "type" {
                    seen.kind = value.as_str().and_then(|name| EventType::parse(&name));
                }
                if let Some(name) = NAMING.iter().find(|name| **name == key)
                    && value.bytes().len() <= FIELD_BYTES
                {
                    seen.naming.retain(|(known, _)| known != name);
                    seen.naming.push((name, value.bytes()));
                }
                Ok(())
            });
        }
        seen
    }
}

/// What a list is to hold.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(super) sort: Sort,
    source: Option<String>,
    kind: Option<String>,
    fields: [Option<u64>; FILTERED.len()],
}

impl Wanted {
    pub(super) fn of<'a>(
        sort: Sort,
        get: impl Fn(&str) -> Option<&'a str>,
        hasher: &RandomState,
    ) -> Self {
        Self {
            sort,
            source: get("source").map(str::to_owned),
            kind: get("type").map(str::to_owned),
            fields: FILTERED.map(|name| get(name).map(|value| hasher.hash_one(value))),
        }
    }

    pub(super) fn fits(&self, shown: &Shown) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == found
        };
        let mut fields = self.fields.iter().zip(&shown.fields);
        shown.sort == self.sort
            && is(&self.source, Some(&shown.source))
            && is(&self.kind, shown.kind.map(EventType::as_str))
            && fields.all(|(wanted, found)| wanted.is_none() || wanted == found)
    }
}
