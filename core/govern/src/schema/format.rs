//! `format`: those of draft-07, each by the grammar of its RFC. The internationalised ones are read more loosely: they
//! accept what the ASCII form does, with letters of all scripts.

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    DateTime,
    Date,
    Time,
    Email,
    IdnEmail,
    Hostname,
    IdnHostname,
    Ipv4,
    Ipv6,
    Uri,
    UriReference,
    Iri,
    IriReference,
    UriTemplate,
    JsonPointer,
    RelativeJsonPointer,
    Regex,
    Uuid,
}

const NAMES: [(&str, Format, &str); 18] = [
    (
        "date-time",
        Format::DateTime,
        "a date and time like 2026-01-31T12:00:00Z",
    ),
    ("date", Format::Date, "a date like 2026-01-31"),
    ("time", Format::Time, "a time like 12:00:00Z"),
    ("email", Format::Email, "an e-mail address"),
    ("idn-email", Format::IdnEmail, "an e-mail address"),
    ("hostname", Format::Hostname, "a host name"),
    ("idn-hostname", Format::IdnHostname, "a host name"),
    ("ipv4", Format::Ipv4, "an IPv4 address"),
    ("ipv6", Format::Ipv6, "an IPv6 address"),
    ("uri", Format::Uri, "an absolute URI"),
    (
        "uri-reference",
        Format::UriReference,
        "a URI, absolute or relative",
    ),
    ("iri", Format::Iri, "an absolute IRI"),
    (
        "iri-reference",
        Format::IriReference,
        "an IRI, absolute or relative",
    ),
    ("uri-template", Format::UriTemplate, "a URI template"),
    ("json-pointer", Format::JsonPointer, "a JSON pointer"),
    (
        "relative-json-pointer",
        Format::RelativeJsonPointer,
        "a relative JSON pointer",
    ),
    ("regex", Format::Regex, "a regular expression"),
    ("uuid", Format::Uuid, "a UUID"),
];

impl Format {
    pub(super) fn named(name: &str) -> Option<Format> {
        let found = NAMES.iter().find(|(known, ..)| *known == name);
        found.map(|(_, format, _)| *format)
    }

    /// What it is, for a sentence.
    pub(super) fn sentence(self) -> &'static str {
        let found = NAMES.iter().find(|(_, format, _)| *format == self);
        found.map_or("", |(_, _, sentence)| sentence)
    }

    /// Whether a text has this format; `None`: not checked here.
    pub(super) fn holds(self, text: &str) -> Option<bool> {
        #[cfg(feature = "patterns")]
        let holds = Some(grammar::holds(self, text));
        #[cfg(not(feature = "patterns"))]
        let (holds, _) = (None, (self, text));
        holds
    }
}

#[cfg(feature = "patterns")]
mod grammar {
    use core::net::{Ipv4Addr, Ipv6Addr};

    use super::Format;

    pub(super) fn holds(format: Format, text: &str) -> bool {
        match format {
            Format::DateTime => text
                .split_once(['T', 't'])
                .is_some_and(|(day, hour)| date(day) && time(hour)),
            Format::Date => date(text),
            Format::Time => time(text),
            Format::Email => email(text, true),
            Format::IdnEmail => email(text, false),
            Format::Hostname => hostname(text, true),
            Format::IdnHostname => hostname(text, false),
            Format::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Format::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Format::Uri => uri(text, true) && scheme(text),
            Format::UriReference => uri(text, true),
            Format::Iri => uri(text, false) && scheme(text),
            Format::IriReference => uri(text, false),
            Format::UriTemplate => template(text),
            Format::JsonPointer => text.is_empty() || (text.starts_with('/') && tildes(text)),
            Format::RelativeJsonPointer => relative(text),
            Format::Regex => super::super::pattern::Pattern::parse(text).is_ok(),
            Format::Uuid => uuid(text),
        }
    }

    /// A number of exactly so many digits.
    fn number(text: &str, digits: usize) -> Option<u32> {
        (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse().ok())
            .flatten()
    }

    fn date(text: &str) -> bool {
        let mut parts = text.split('-');
        let (Some(year), Some(month), Some(day), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        let (Some(year), Some(month), Some(day)) =
            (number(year, 4), number(month, 2), number(day, 2))
        else {
            return false;
        };
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 => 28 + u32::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return false,
        };
        (1..=days).contains(&day)
    }

    fn time(text: &str) -> bool {
        let Some(at) = text.find(['Z', 'z', '+', '-']) else {
            return false;
        };
        let (clock, zone) = text.split_at(at);
        let Some((hour, minute, second)) = clock_of(clock) else {
            return false;
        };
        let offset = if matches!(zone, "Z" | "z") {
            0
        } else {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let Some((hours, minutes)) = zone.get(1..).and_then(|zone| zone.split_once(':')) else {
                return false;
            };
            match (number(hours, 2), number(minutes, 2)) {
                (Some(hours @ 0..=23), Some(minutes @ 0..=59)) => {
                    sign * i64::from(hours * 60 + minutes)
                }
                _ => return false,
            }
        };
        // A leap second comes at the end of a day of UTC.
        let minute_of_day = (i64::from(hour * 60 + minute) - offset).rem_euclid(1440);
        second < 60 || minute_of_day == 1439
    }

    fn clock_of(text: &str) -> Option<(u32, u32, u32)> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let mut parts = whole.split(':');
        let hour = number(parts.next()?, 2).filter(|hour| *hour < 24)?;
        let minute = number(parts.next()?, 2).filter(|minute| *minute < 60)?;
        let second = number(parts.next()?, 2).filter(|second| *second < 61)?;
        let digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
        (digits && parts.next().is_none()).then_some((hour, minute, second))
    }

    fn email(text: &str, ascii: bool) -> bool {
        let Some((local, domain)) = text.rsplit_once('@') else {
            return false;
        };
        let atom = |c: char| {
            c.is_ascii_alphanumeric()
                || "!#$%&'*+-/=?^_`{|}~".contains(c)
                || (!ascii && !c.is_ascii())
        };
        let plain = !local.is_empty()
            && local
                .split('.')
                .all(|part| !part.is_empty() && part.chars().all(atom));
        let quoted = local.len() >= 2
            && local.starts_with('"')
            && local.ends_with('"')
            && !local.chars().any(char::is_control);
        let address = domain
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let host = match address {
            Some(address) => match address.strip_prefix("IPv6:") {
                Some(address) => address.parse::<Ipv6Addr>().is_ok(),
                None => address.parse::<Ipv4Addr>().is_ok(),
            },
            None => hostname(domain, ascii),
        };
        (plain || quoted) && host
    }

    fn hostname(text: &str, ascii: bool) -> bool {
        let letter = |c: char| {
            c.is_ascii_alphanumeric()
                || c == '-'
                || (!ascii && !c.is_ascii() && !c.is_control() && !c.is_whitespace())
        };
        !text.is_empty()
            && text.len() <= 253
            && text.split(['.']).all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && label.chars().all(letter)
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            })
    }

    fn scheme(text: &str) -> bool {
        text.split_once(':').is_some_and(|(scheme, _)| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        })
    }

    /// The characters of a URI, percent signs with two digits, one `#`, brackets in the host alone.
    fn uri(text: &str, ascii: bool) -> bool {
        let mut hashes = 0;
        let (mut open, mut closed) = (0_u32, 0_u32);
        for (at, c) in text.char_indices() {
            let fits = match c {
                '%' => text
                    .get(at + 1..at + 3)
                    .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())),
                '#' => {
                    hashes += 1;
                    hashes == 1
                }
                '[' => {
                    open += 1;
                    text.get(..at)
                        .is_some_and(|before| before.ends_with("//") || before.ends_with('@'))
                }
                ']' => {
                    closed += 1;
                    true
                }
                _ if c.is_ascii() => c.is_ascii_alphanumeric() || "-._~:/?@!$&'()*+,;=".contains(c),
                _ => !ascii && !c.is_control() && !c.is_whitespace(),
            };
            if !fits {
                return false;
            }
        }
        // A first part with a colon would be a scheme.
        let first = text.split(['/', '?', '#']).next().unwrap_or_default();
        open == closed && open <= 1 && (!first.contains(':') || scheme(text)) && authority(text)
    }

    /// A port is digits; what stands in brackets is an address.
    fn authority(text: &str) -> bool {
        let Some((_, rest)) = text.split_once("//") else {
            return true;
        };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let (name, port) = match host.strip_prefix('[') {
            Some(rest) => match rest.split_once(']') {
                Some((address, port))
                    if address.parse::<Ipv6Addr>().is_ok() || address.starts_with('v') =>
                {
                    ("", port.strip_prefix(':').unwrap_or(port))
                }
                _ => return false,
            },
            None => host.split_once(':').unwrap_or((host, "")),
        };
        !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit())
    }

    fn template(text: &str) -> bool {
        let mut open = false;
        for c in text.chars() {
            let fits = match c {
                '{' => !core::mem::replace(&mut open, true),
                '}' => core::mem::replace(&mut open, false),
                '"' | '\'' | '<' | '>' | '\\' | '^' | '`' | ' ' => false,
                _ => !c.is_control(),
            };
            if !fits {
                return false;
            }
        }
        !open
    }

    /// Each `~` stands for something.
    fn tildes(text: &str) -> bool {
        text.split('~')
            .skip(1)
            .all(|rest| rest.starts_with(['0', '1']))
    }

    fn relative(text: &str) -> bool {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = text.split_at(digits);
        digits > 0
            && (digits == 1 || !number.starts_with('0'))
            && (rest.is_empty() || rest == "#" || (rest.starts_with('/') && tildes(rest)))
    }

    fn uuid(text: &str) -> bool {
        let lengths = [8, 4, 4, 4, 12];
        text.split('-').count() == lengths.len()
            && text.split('-').zip(lengths).all(|(part, length)| {
                part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
    }
}
