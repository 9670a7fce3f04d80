//! One pass over a body: is it JSON we take, where do its events lie, what is wrong with each.
//!
//! Nothing is copied and nothing is allocated for an event but its slot. Claims are made after the pass, because the
//! write key, and with it the source, may be the last thing in the body.

use std::borrow::Cow;
use std::ops::Range;

use headwater_model::event::EventType;
use headwater_model::json::{self, DuplicateKeys, ErrorKind, Kind, Limits, ParseError, Scanner};

use super::refusal::Refusal;
use crate::config::LimitsConfig;
use crate::log::{Claim, Reason, Slot, Verdict};

/// The longest messageId the spec allows, in bytes.
pub(super) const MAX_MESSAGE_ID: usize = 100;

/// What a body holds.
#[derive(Debug)]
pub(super) struct Scanned<'a> {
    /// The events, with verdicts that look at the event alone.
    pub(super) events: Vec<Slot>,
    /// Where each event's messageId lies, quotes included; empty without one.
    ids: Vec<Range<u32>>,
    /// Items of the batch beyond `max_events`: they are JSON, and nothing else is known of them.
    pub(super) beyond: u64,
    /// `writeKey` of the envelope or the single event.
    pub(super) write_key: Option<Cow<'a, str>>,
}

impl Scanned<'_> {
    /// Turns every accepted event's messageId into a claim.
    pub(super) fn claim(&mut self, body: &[u8], claim: impl Fn(&[u8]) -> Claim) {
        for (slot, range) in self.events.iter_mut().zip(&self.ids) {
            if slot.verdict == Verdict::Accepted {
                let raw = body
                    .get(range.start as usize..range.end as usize)
                    .unwrap_or_default();
                slot.claim = claim(&unquoted(raw));
            }
        }
    }

    /// Rejects everything for one reason.
    pub(super) fn reject_all(&mut self, reason: Reason) {
        for slot in &mut self.events {
            slot.verdict = Verdict::Rejected(reason);
        }
    }

    /// Where the messageIds lie, quotes included.
    pub(super) fn id_ranges(&self) -> impl Iterator<Item = Range<usize>> {
        self.ids
            .iter()
            .filter(|range| !range.is_empty())
            .map(|range| range.start as usize..range.end as usize)
    }

    /// The messageId of the event at `index`, if it has one.
    pub(super) fn message_id<'b>(&self, body: &'b [u8], index: usize) -> Option<Cow<'b, str>> {
        let range = self.ids.get(index)?;
        let raw = body
            .get(range.start as usize..range.end as usize)
            .filter(|raw| !raw.is_empty())?;
        Some(match unquoted(raw) {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        })
    }
}

/// What a messageId says: a string without its quotes and escapes, or a number's digits.
fn unquoted(raw: &[u8]) -> Cow<'_, [u8]> {
    let Some(inner) = raw
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
    else {
        return Cow::Borrowed(raw);
    };
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    // Escapes are rare, and this text was scanned: it parses.
    match json::parse(raw, &Limits::default()) {
        Ok(json::Value::String(text)) => Cow::Owned(text.into_bytes()),
        _ => Cow::Borrowed(inner),
    }
}

fn limits(config: &LimitsConfig, bytes: usize) -> Limits {
    Limits {
        max_bytes: bytes,
        max_depth: config.max_depth,
        ..Limits::default().with_duplicate_keys(DuplicateKeys::Reject)
    }
}

/// Scans the body of a single-event route.
pub(super) fn single<'a>(
    body: &'a [u8],
    kind: EventType,
    config: &LimitsConfig,
) -> Result<Scanned<'a>, Refusal> {
    let mut scanner = Scanner::new(body, &limits(config, body.len()))?;
    if scanner.kind()? != Kind::Object {
        return Err(Refusal::Shape("the body must be one event, an object"));
    }
    let mut write_key = None;
    let mut scanned = Scanned {
        events: Vec::with_capacity(1),
        ids: Vec::with_capacity(1),
        beyond: 0,
        write_key: None,
    };
    event(
        &mut scanner,
        Some(kind),
        usize::MAX,
        &mut scanned,
        &mut write_key,
    )?;
    scanner.finish()?;
    scanned.write_key = write_key;
    Ok(scanned)
}

/// Scans the body of a batch route.
pub(super) fn batch<'a>(body: &'a [u8], config: &LimitsConfig) -> Result<Scanned<'a>, Refusal> {
    let mut scanner = Scanner::new(body, &limits(config, body.len()))?;
    if scanner.kind()? != Kind::Object {
        return Err(Refusal::Shape(
            "the body must be an object with `batch`, an array of events",
        ));
    }
    // Guessed from the smallest events seen in the wild, so that one allocation is enough for most batches.
    let guess = (body.len() / 512).clamp(1, config.max_events);
    let mut scanned = Scanned {
        events: Vec::with_capacity(guess),
        ids: Vec::with_capacity(guess),
        beyond: 0,
        write_key: None,
    };
    let mut write_key = None;
    let mut found = false;
    let mut shared = 0;
    let mut is_endless = false;
    let read = scanner.object(|key, scanner| {
        match &*key.decode() {
            "batch" if scanner.kind()? == Kind::Array => {
                found = true;
                scanner.array(|index, scanner| {
                    if index >= crate::log::MAX_EVENTS {
                        is_endless = true;
                        return Err(ParseError {
                            kind: ErrorKind::ExpectedCommaOrBracket,
                            offset: scanner.position(),
                        });
                    }
                    if index >= config.max_events {
                        scanned.beyond += 1;
                        return scanner.skip();
                    }
                    if scanner.kind()? == Kind::Object {
                        event(
                            scanner,
                            None,
                            config.max_event_bytes,
                            &mut scanned,
                            &mut None,
                        )
                    } else {
                        let range = scanner.value()?.range();
                        scanned.push(&range, None, Verdict::Rejected(Reason::NotAnObject));
                        Ok(())
                    }
                })?;
            }
            "writeKey" => write_key = scanner.value()?.as_str(),
            // They become part of each event.
            "context" | "integrations" => shared += scanner.value()?.text().len(),
            _ => scanner.skip()?,
        }
        Ok(())
    });
    if is_endless {
        return Err(Refusal::Shape(
            "the batch has more than 65,536 items; send fewer",
        ));
    }
    read?;
    scanner.finish()?;
    if shared > config.max_event_bytes {
        scanned.reject_all(Reason::EventTooLarge);
    }
    if !found {
        return Err(Refusal::Shape(
            "`batch` must be an array of events; single events go to /v1/track and the like",
        ));
    }
    scanned.write_key = write_key;
    Ok(scanned)
}

impl Scanned<'_> {
    fn push(&mut self, range: &Range<usize>, id: Option<Range<usize>>, verdict: Verdict) {
        // Bodies are far below 4 GB: the configuration bounds them at 14 MiB.
        self.events.push(Slot {
            offset: range.start as u32,
            len: range.len() as u32,
            verdict,
            claim: Claim::default(),
        });
        let id = id.unwrap_or(0..0);
        self.ids.push(id.start as u32..id.end as u32);
    }
}

/// What the fields of an event say about it.
#[derive(Default)]
struct Seen {
    kind: Option<EventType>,
    user: bool,
    anonymous: bool,
    event: bool,
    group: bool,
    previous: bool,
    wrong_type: bool,
    id: Option<Range<usize>>,
    id_len: usize,
}

impl Seen {
    fn verdict(&self, kind: Option<EventType>, len: usize, max: usize) -> Verdict {
        let reason = match kind {
            _ if len > max => Reason::EventTooLarge,
            None => Reason::UnknownType,
            _ if self.id_len > MAX_MESSAGE_ID => Reason::MessageIdTooLong,
            _ if self.wrong_type => Reason::WrongType,
            Some(EventType::Alias) if self.ids() < 2 => Reason::NoAliasIds,
            Some(_) if !(self.user || self.anonymous) => Reason::NoUserOrAnonymousId,
            Some(EventType::Track) if !self.event => Reason::NoEventName,
            Some(EventType::Group) if !self.group => Reason::NoGroupId,
            Some(_) if self.id.is_some() => return Verdict::Accepted,
            Some(_) => return Verdict::AcceptedWithoutId,
        };
        Verdict::Rejected(reason)
    }

    /// How many of the ids that an alias joins are there.
    fn ids(&self) -> usize {
        [self.user, self.previous, self.anonymous]
            .into_iter()
            .filter(|is_there| *is_there)
            .count()
    }

    /// Whether an id is there: a string that is not empty, or a number; null is as good as absent.
    fn id(&mut self, scanner: &mut Scanner<'_>) -> Result<bool, ParseError> {
        let value = scanner.value()?;
        Ok(match value.kind() {
            Kind::String => value.text().len() > 2,
            Kind::Number => true,
            Kind::Null => false,
            Kind::Bool | Kind::Object | Kind::Array => {
                self.wrong_type = true;
                false
            }
        })
    }
}

fn event<'a>(
    scanner: &mut Scanner<'a>,
    implied: Option<EventType>,
    max: usize,
    scanned: &mut Scanned<'_>,
    write_key: &mut Option<Cow<'a, str>>,
) -> Result<(), ParseError> {
    let mut seen = Seen::default();
    let range = scanner.object(|key, scanner| {
        match &*key.decode() {
            "type" => {
                seen.kind = scanner
                    .value()?
                    .as_str()
                    .and_then(|name| EventType::parse(&name));
            }
            "messageId" => {
                let value = scanner.value()?;
                match value.kind() {
                    Kind::String if value.text().len() > 2 => {
                        seen.id_len = value.text().len() - 2;
                        if seen.id_len > MAX_MESSAGE_ID {
                            // Escapes make the text longer than what it says.
                            seen.id_len = value.as_str().map_or(0, |text| text.len());
                        }
                        seen.id = Some(value.range());
                    }
                    Kind::Number => {
                        seen.id_len = value.text().len();
                        seen.id = Some(value.range());
                    }
                    Kind::String | Kind::Null => {}
                    Kind::Bool | Kind::Object | Kind::Array => seen.wrong_type = true,
                }
            }
            "userId" => seen.user = seen.id(scanner)?,
            "anonymousId" => seen.anonymous = seen.id(scanner)?,
            "groupId" => seen.group = seen.id(scanner)?,
            "previousId" => seen.previous = seen.id(scanner)?,
            "event" => {
                let value = scanner.value()?;
                seen.event = value.kind() == Kind::String && value.text().len() > 2;
            }
            "properties" | "traits" | "context" | "integrations" => {
                if !matches!(scanner.kind()?, Kind::Object | Kind::Null) {
                    seen.wrong_type = true;
                }
                scanner.skip()?;
            }
            "writeKey" => *write_key = scanner.value()?.as_str(),
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let kind = implied.or(seen.kind);
    let verdict = seen.verdict(kind, range.len(), max);
    scanned.push(&range, seen.id, verdict);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(body: &str) -> Vec<Verdict> {
        batch(body.as_bytes(), &LimitsConfig::default())
            .unwrap()
            .events
            .iter()
            .map(|slot| slot.verdict)
            .collect()
    }

    #[test]
    fn each_event_is_judged_alone() {
        use Reason::*;
        let body = r#"{"batch":[
            {"type":"track","event":"A","userId":"u","messageId":"m"},
            {"type":"track","event":"A","anonymousId":"a"},
            {"type":"track","userId":"u"},
            {"type":"track","event":"A","userId":"","anonymousId":null},
            {"type":"group","userId":"u"},
            {"type":"alias","userId":"u"},
            {"type":"alias","userId":"u","previousId":"p","messageId":"m2"},
            {"type":"video","userId":"u"},
            {"userId":"u"},
            "text",
            {"type":"page","userId":7,"messageId":7},
            {"type":"page","userId":{}},
            {"type":"identify","userId":"u","traits":[]}
        ],"writeKey":"k"}"#;
        let rejected = Verdict::Rejected;
        assert_eq!(
            verdicts(body),
            [
                Verdict::Accepted,
                Verdict::AcceptedWithoutId,
                rejected(NoEventName),
                rejected(NoUserOrAnonymousId),
                rejected(NoGroupId),
                rejected(NoAliasIds),
                Verdict::Accepted,
                rejected(UnknownType),
                rejected(UnknownType),
                rejected(NotAnObject),
                Verdict::Accepted,
                rejected(WrongType),
                rejected(WrongType),
            ]
        );
    }

    #[test]
    fn long_ids_large_events_and_the_2501st_are_rejected() {
        let id = |len: usize| {
            format!(
                r#"{{"batch":[{{"type":"page","userId":"u","messageId":"{}"}}]}}"#,
                "x".repeat(len)
            )
        };
        assert_eq!(verdicts(&id(100)), [Verdict::Accepted]);
        assert_eq!(
            verdicts(&id(101)),
            [Verdict::Rejected(Reason::MessageIdTooLong)]
        );
        let large = format!(
            r#"{{"batch":[{{"type":"page","userId":"{}"}}]}}"#,
            "x".repeat(32 * 1024)
        );
        assert_eq!(verdicts(&large), [Verdict::Rejected(Reason::EventTooLarge)]);
        let many = vec![r#"{"type":"page","userId":"u"}"#; 2503].join(",");
        let many = format!(r#"{{"batch":[{many}]}}"#);
        let scanned = batch(many.as_bytes(), &LimitsConfig::default()).unwrap();
        assert_eq!((scanned.events.len(), scanned.beyond), (2500, 3));
        assert_eq!(scanned.events[2499].verdict, Verdict::AcceptedWithoutId);
        let number = |len: usize| {
            format!(
                r#"{{"batch":[{{"type":"page","userId":"u","messageId":{}}}]}}"#,
                "7".repeat(len)
            )
        };
        assert_eq!(verdicts(&number(100)), [Verdict::Accepted]);
        assert_eq!(
            verdicts(&number(101)),
            [Verdict::Rejected(Reason::MessageIdTooLong)]
        );
    }

    #[test]
    fn the_scan_ends_at_65536_items_whatever_follows() {
        let zeros = |count: usize| format!(r#"{{"batch":[0{}]}}"#, ",0".repeat(count - 1));
        let config = LimitsConfig::default();
        let text = zeros(65_536);
        let scanned = batch(text.as_bytes(), &config).unwrap();
        assert_eq!(scanned.events.len() as u64 + scanned.beyond, 65_536);
        let text = zeros(65_537).replace("]}", " and no JSON");
        assert!(matches!(
            batch(text.as_bytes(), &config),
            Err(Refusal::Shape(_))
        ));
    }

    #[test]
    fn an_escaped_id_is_the_same_id() {
        let body = br#"{"batch":[{"type":"page","userId":"u","messageId":"a\u0062c"}]}"#;
        let scanned = batch(body, &LimitsConfig::default()).unwrap();
        assert_eq!(scanned.message_id(body, 0).as_deref(), Some("abc"));
    }

    #[test]
    fn slots_lie_exactly_round_their_events() {
        let body = br#" { "batch" : [ {"type":"page","userId":"u"} , {"type":"page"} ] } "#;
        let scanned = batch(body, &LimitsConfig::default()).unwrap();
        let texts: Vec<&[u8]> = scanned
            .events
            .iter()
            .map(|slot| &body[slot.offset as usize..][..slot.len as usize])
            .collect();
        assert_eq!(
            texts,
            [
                &br#"{"type":"page","userId":"u"}"#[..],
                br#"{"type":"page"}"#
            ]
        );
    }
}
