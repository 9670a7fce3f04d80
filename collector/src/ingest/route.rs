//! Which path is which call: every route that a Segment or RudderStack SDK uses, and the ways proxies mis-join them.
//!
//! ```text
//! [/v1]/{track,identify,page,screen,group,alias}   [/v1]/{t,i,p,s,g,a}      one event
//! [/v1]/{batch,b,import,batch/b}   /beacon/v1/batch                         an envelope
//! /api/s[/s2s]/{track,…,batch}                                              either, as Jitsu's SDK posts them
//! [/v1]/pixel/{type}   /pixel/v1/{type}                                     GET, one event in the query
//! [/v1]/m                                                                   an SDK's own telemetry
//! [/v1]/projects/KEY/settings   [/v1]/projects/projects/KEY/settings        settings
//! [/v1]/sourceConfig                                                        settings, RudderStack
//! ```
//! A trailing or doubled slash changes nothing, since a redirect would lose events: most SDKs take 3xx for delivered.

use headwater_model::event::EventType;

/// What a request is for, with what its path says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One event of this type.
    Single(EventType),
    /// An envelope of events.
    Batch,
    /// One event of this type in the query.
    Pixel(EventType),
    /// An SDK's telemetry about itself.
    Telemetry,
    /// The settings document of a write key; the query may hold the key when the path does not.
    Settings(Option<String>),
    /// RudderStack's settings document.
    SourceConfig,
}

/// Routes as metrics know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// One event.
    Single,
    /// An envelope.
    Batch,
    /// A pixel.
    Pixel,
    /// Telemetry.
    Telemetry,
    /// Either settings document.
    Settings,
    /// Nothing we know.
    Unknown,
}

impl Route {
    /// Names for labels, by [`number`](Self::number).
    pub const NAMES: [&'static str; 6] = [
        "single",
        "batch",
        "pixel",
        "telemetry",
        "settings",
        "unknown",
    ];

    /// Its place in [`NAMES`](Self::NAMES).
    #[must_use]
    pub fn number(self) -> usize {
        match self {
            Route::Single => 0,
            Route::Batch => 1,
            Route::Pixel => 2,
            Route::Telemetry => 3,
            Route::Settings => 4,
            Route::Unknown => 5,
        }
    }
}

impl Target {
    /// The target of a path; `None` for what is no route of the API.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let mut rest = path;
        let first = segment(&mut rest)?;
        let first = if first == "v1" {
            segment(&mut rest)?
        } else {
            first
        };
        let target = match first {
            "batch" => {
                let mut after = rest;
                if segment(&mut after) == Some("b") {
                    rest = after;
                }
                Self::Batch
            }
            "b" | "import" => Self::Batch,
            "api" => {
                if segment(&mut rest)? != "s" {
                    return None;
                }
                let name = segment(&mut rest)?;
                let name = if name == "s2s" {
                    segment(&mut rest)?
                } else {
                    name
                };
                match name {
                    "batch" => Self::Batch,
                    name => Self::Single(EventType::parse(name)?),
                }
            }
            "beacon" => match (segment(&mut rest), segment(&mut rest)) {
                (Some("v1"), Some("batch")) => Self::Batch,
                _ => return None,
            },
            "pixel" => {
                let name = segment(&mut rest)?;
                let name = if name == "v1" {
                    segment(&mut rest)?
                } else {
                    name
                };
                Self::Pixel(EventType::parse(name)?)
            }
            "m" => Self::Telemetry,
            "projects" => Self::Settings(match segment(&mut rest) {
                None => None,
                Some(mut key) => {
                    if key == "projects" {
                        key = segment(&mut rest)?;
                    }
                    if segment(&mut rest)? != "settings" {
                        return None;
                    }
                    Some(key.to_owned())
                }
            }),
            "sourceConfig" => Self::SourceConfig,
            name => Self::Single(EventType::parse(name).or_else(|| by_letter(name))?),
        };
        segment(&mut rest).is_none().then_some(target)
    }

    /// The target of a path that may lie below `prefix`, `/events` or nothing.
    #[must_use]
    pub fn under(prefix: &str, path: &str) -> Option<Self> {
        Self::of(path).or_else(|| {
            let (mut prefix, mut rest) = (prefix, path);
            let first = segment(&mut prefix)?;
            let mut wanted = Some(first);
            while let Some(name) = wanted {
                if segment(&mut rest)? != name {
                    return None;
                }
                wanted = segment(&mut prefix);
            }
            Self::of(rest)
        })
    }

    /// The route for metrics.
    #[must_use]
    pub fn route(&self) -> Route {
        match self {
            Self::Single(_) => Route::Single,
            Self::Batch => Route::Batch,
            Self::Pixel(_) => Route::Pixel,
            Self::Telemetry => Route::Telemetry,
            Self::Settings(_) | Self::SourceConfig => Route::Settings,
        }
    }

    /// Whether the path is fetched (GET) rather than posted to.
    #[must_use]
    pub fn is_fetched(&self) -> bool {
        matches!(
            self,
            Self::Pixel(_) | Self::Settings(_) | Self::SourceConfig
        )
    }
}

/// Takes the next part of a path, passing over empty ones.
fn segment<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let trimmed = rest.trim_start_matches('/');
    let (part, after) = trimmed.split_once('/').unwrap_or((trimmed, ""));
    *rest = after;
    (!part.is_empty()).then_some(part)
}

/// analytics.js posts to the first letter of the type.
fn by_letter(name: &str) -> Option<EventType> {
    match name {
        "t" => Some(EventType::Track),
        "i" => Some(EventType::Identify),
        "p" => Some(EventType::Page),
        "s" => Some(EventType::Screen),
        "g" => Some(EventType::Group),
        "a" => Some(EventType::Alias),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alias_of_the_batch_route_is_known() {
        for path in [
            "/v1/batch",
            "/v1/b",
            "/v1/batch/b",
            "/batch",
            "/batch/b",
            "/b",
            "/v1/import",
            "/import",
            "/v1/import/",
            "/beacon/v1/batch",
            "//v1//b/",
        ] {
            assert_eq!(Target::of(path), Some(Target::Batch), "{path}");
        }
    }

    #[test]
    fn types_are_known_by_name_and_by_letter() {
        for kind in EventType::ALL {
            let name = kind.as_str();
            for path in [
                format!("/v1/{name}"),
                format!("/{name}"),
                format!("/v1/{}", &name[..1]),
                format!("/{}/", &name[..1]),
            ] {
                assert_eq!(Target::of(&path), Some(Target::Single(kind)), "{path}");
            }
            for path in [
                format!("/v1/pixel/{name}"),
                format!("/pixel/v1/{name}"),
                format!("/pixel/{name}"),
            ] {
                assert_eq!(Target::of(&path), Some(Target::Pixel(kind)), "{path}");
            }
        }
    }

    #[test]
    fn settings_are_known_under_every_prefix() {
        for path in [
            "/v1/projects/k/settings",
            "/v1/projects/projects/k/settings",
            "/projects/k/settings",
            "/projects/projects/k/settings",
        ] {
            assert_eq!(
                Target::of(path),
                Some(Target::Settings(Some("k".into()))),
                "{path}"
            );
        }
        assert_eq!(Target::of("/v1/projects"), Some(Target::Settings(None)));
        assert_eq!(Target::of("/sourceConfig/"), Some(Target::SourceConfig));
    }

    #[test]
    fn what_is_no_route_is_none() {
        for path in [
            "/",
            "",
            "/v1",
            "/v1/",
            "/v1/x",
            "/v2/track",
            "/v1/track/x",
            "/pixel",
            "/beacon/batch",
            "/projects/k",
            "/v1/batch/c",
        ] {
            assert_eq!(Target::of(path), None, "{path}");
        }
    }
}
