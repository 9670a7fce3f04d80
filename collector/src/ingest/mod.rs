//! From a request to a durable entry in the log, and the answer.
//!
//! ```text
//! route ─▶ read (bounded) ─▶ inflate (bounded) ─▶ scan once ─▶ write key ─▶ source ─▶ log ─▶ answer
//! ```
//! Everything before the write key is bounded, because mobile SDKs put the key at the end of a compressed body: until
//! all of it was read nobody knows who is asking.

mod answer;
mod auth;
mod body;
mod budget;
mod cors;
pub mod direct;
mod hops;
mod pixel;
mod public;
mod refusal;
mod route;
mod scan;
mod settings;
mod strangers;
mod surrogates;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::ORIGIN;
use axum::http::request::Parts;
use axum::http::{Method, Response};
use bytes::Bytes;
use headwater_model::event::EventType;
use headwater_model::json::ErrorKind;

pub(crate) use answer::error_text;
pub(crate) use auth::parameter;
pub(crate) use budget::Budget;
use hops::hops;
pub use hops::{HOPS, MAX_HOPS};
pub(crate) use public::Public;
pub use refusal::Refusal;
pub use route::{Route, Target};
pub(crate) use strangers::Strangers;

use crate::app::{App, Peer};
use crate::config::{Mode, Platform};
use crate::live::Notice;
use crate::log::{Entry, EventLog, Reason, Slot, Verdict, emptied};
use crate::peer::PeerNetwork;
use crate::sources::{KeyTag, Source};
use crate::suppression;
use scan::Scanned;

/// How often this was sent before, as Segment's SDKs say it and as RudderStack's do.
const RETRIES: [&str; 2] = ["x-retry-count", "rsa-retry-attempt"];

/// What it costs to show a refused request: its code and a sentence.
const REFUSED_BYTES: usize = 512;

/// Answers every request that is not for the administration.
pub(crate) async fn handle(State(app): State<Arc<App>>, request: Request) -> Response<Body> {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return cors::preflight(&parts.headers);
    }
    app.public
        .notice_proxy(&parts, |ip| app.is_trusted_proxy(ip));
    let target = Target::under(app.public.path(), parts.uri.path());
    let route = target.as_ref().map_or(Route::Unknown, Target::route);
    if RETRIES
        .iter()
        .any(|name| parts.headers.get(*name).is_some_and(|count| count != "0"))
    {
        app.metrics.retries.fetch_add(1, Ordering::Relaxed);
    }
    let mut response = match target {
        Some(target) => match dispatch(&app, target, &parts, body).await {
            Ok(response) => response,
            Err(refusal) => {
                tracing::debug!(code = refusal.code(), "request refused");
                if app.live.is_some() && strangers::admit(&app, REFUSED_BYTES).is_some() {
                    app.notice(|| Notice::refused(&refusal, (app.now)()));
                }
                if route == Route::Pixel {
                    answer::gif()
                } else {
                    answer::refusal(&refusal)
                }
            }
        },
        None => answer::refusal(&Refusal::NoRoute),
    };
    cors::allow(parts.headers.get(ORIGIN), response.headers_mut());
    app.metrics.answered(route, response.status().as_u16());
    if matches!(route, Route::Single | Route::Batch | Route::Pixel) {
        app.metrics
            .ingest_seconds
            .observe(started.elapsed().as_secs_f64());
    }
    response
}

async fn dispatch(
    app: &Arc<App>,
    target: Target,
    parts: &Parts,
    body: Body,
) -> Result<Response<Body>, Refusal> {
    let fetched = matches!(parts.method, Method::GET | Method::HEAD);
    if target.is_fetched() != fetched || (!fetched && parts.method != Method::POST) {
        return Err(Refusal::Method(if target.is_fetched() {
            "GET, HEAD, OPTIONS"
        } else {
            "POST, OPTIONS"
        }));
    }
    let limits = &app.limits;
    let mut charge = app.budget.open(payer(app, parts)).ok_or(Refusal::Busy)?;
    let most = match target {
        Target::Batch => limits.max_batch_bytes,
        _ => limits.max_single_bytes,
    };
    let (kind, text) = match target {
        Target::Settings(key) => return settings_document(app, parts, key, false),
        Target::SourceConfig => return settings_document(app, parts, None, true),
        // Whoever asks for the head alone (a link checker, a proxy) has not looked at the picture.
        Target::Pixel(_) if parts.method == Method::HEAD => return Ok(answer::gif()),
        Target::Pixel(kind) => {
            let text = pixel::event(parts.uri.query().unwrap_or_default()).ok_or(
                Refusal::Shape("the query needs `data`, base64 of an event, or dotted parameters"),
            )?;
            if text.len() > most {
                return Err(Refusal::TooLarge { limit: most });
            }
            if !charge.add(text.len()) {
                return Err(Refusal::Busy);
            }
            (Some(kind), text)
        }
        Target::Telemetry => {
            body::read(
                &parts.headers,
                body,
                limits.max_batch_bytes,
                limits,
                &mut charge,
            )
            .await?;
            return Ok(answer::success());
        }
        Target::Single(_) | Target::Batch => {
            let raw = body::read(&parts.headers, body, most, limits, &mut charge).await?;
            app.metrics
                .wire_bytes
                .fetch_add(raw.len() as u64, Ordering::Relaxed);
            let text = body::inflate(
                &parts.headers,
                raw,
                most,
                limits.max_inflation_ratio,
                &mut charge,
            )?;
            (
                if let Target::Single(kind) = target {
                    Some(kind)
                } else {
                    None
                },
                text,
            )
        }
    };
    app.metrics
        .body_bytes
        .fetch_add(text.len() as u64, Ordering::Relaxed);
    accept(app, parts, kind, text, matches!(target, Target::Pixel(_))).await
}

/// Duplicates of one request that live readers see; the counts have all of them.
const SHOWN_DUPLICATES: usize = 50;

/// Whether this sender wants to know all.
fn is_strict(app: &App, parts: &Parts) -> bool {
    let on = |value: &str| matches!(value, "1" | "true" | "");
    app.mode == Mode::Strict
        || parts
            .headers
            .get("x-collector-strict")
            .is_some_and(|value| value.to_str().is_ok_and(on))
        || parts.uri.query().is_some_and(|query| {
            auth::parameter(query, &["strict"]).is_some_and(|value| on(&value))
        })
}

async fn accept(
    app: &Arc<App>,
    parts: &Parts,
    kind: Option<EventType>,
    text: Bytes,
    is_pixel: bool,
) -> Result<Response<Body>, Refusal> {
    fn scan<'a>(
        app: &App,
        kind: Option<EventType>,
        text: &'a [u8],
    ) -> Result<Scanned<'a>, Refusal> {
        match kind {
            Some(kind) => scan::single(text, kind, &app.limits),
            None => scan::batch(text, &app.limits),
        }
    }
    let repaired;
    let (text, mut scanned) = match scan(app, kind, &text) {
        Err(Refusal::Json(error)) if error.kind == ErrorKind::LoneSurrogate => {
            let mut replaced = surrogates::replace(&text);
            let ids: Vec<_> = scan(app, kind, &replaced)?.id_ranges().collect();
            for id in ids {
                surrogates::keep_apart(&text, &mut replaced, id);
            }
            repaired = Bytes::from(replaced);
            (&repaired, scan(app, kind, &repaired)?)
        }
        scanned => (&text, scanned?),
    };
    let key = auth::write_key(&parts.headers, parts.uri.query(), scanned.write_key.take())
        .ok_or(Refusal::NoWriteKey)?;
    let strict = is_strict(app, parts);
    let origin = parts
        .headers
        .get(ORIGIN)
        .and_then(|origin| origin.to_str().ok());
    let sources = app.sources();
    let opened = sources.open(&key);
    let barred = match opened {
        None => Some((Reason::UnknownWriteKey, Refusal::UnknownWriteKey)),
        Some(source) if !source.enabled => Some((Reason::SourceDisabled, Refusal::SourceDisabled)),
        Some(source) if !source.allows_origin(origin) => {
            Some((Reason::OriginNotAllowed, Refusal::OriginNotAllowed))
        }
        Some(_) => None,
    };
    let tag = KeyTag::of(&key);
    let from_page = is_pixel || origin.is_some();
    let entry = |events: Vec<Slot>, body: Bytes| {
        entry(app, parts, opened, tag, kind, events, body, from_page)
    };
    let cut = |body: &[u8], events: &mut [Slot]| {
        let suppressed = app.suppressions.now();
        suppression::cut(&suppressed, app.log.fingerprinter(), body, events)
    };
    if let Some((reason, refusal)) = barred {
        scanned.reject_all(reason);
        app.metrics.decided(&scanned.events);
        app.metrics.rejected(reason, scanned.beyond);
        if strict {
            return Err(refusal);
        }
        let cut = cut(text, &mut scanned.events);
        let text = cut.as_deref().unwrap_or(text);
        strangers::remember(app, &scanned, reason, text, kind.is_some(), entry);
        return if is_pixel {
            Ok(answer::gif())
        } else {
            Ok(answer::success())
        };
    }
    if hops(parts) > MAX_HOPS {
        scanned.reject_all(Reason::TooManyHops);
    }
    let mut cut = cut(text, &mut scanned.events);
    if let Some(source) = opened {
        let fingerprinter = app.log.fingerprinter().source(&source.id);
        scanned.claim(text, |id| fingerprinter.claim(id));
    }
    if scanned.events.is_empty() {
        return Ok(answer::success());
    }
    // What stands around the events of one user is the same user's: the envelope's context, the sender's address.
    let all = |slot: &Slot| slot.verdict == Verdict::Suppressed;
    let nothing_left = scanned.events.iter().all(all);
    if let Some(cut) = cut.as_mut().filter(|_| nothing_left) {
        emptied(cut, &scanned.events, kind.is_none());
    }
    let stored = cut.map_or_else(|| text.clone(), Bytes::from);
    let mut entry = entry(std::mem::take(&mut scanned.events), stored);
    if nothing_left {
        entry.ip = None;
    }
    let receipt = app.log.append(entry).await?;
    app.metrics.decided(&receipt.events);
    app.metrics.rejected(Reason::TooManyEvents, scanned.beyond);
    if app.live.is_some() {
        let duplicates = receipt
            .events
            .iter()
            .filter(|slot| slot.verdict == Verdict::Duplicate);
        for slot in duplicates.take(SHOWN_DUPLICATES) {
            let event = text
                .get(slot.offset as usize..(slot.offset + slot.len) as usize)
                .unwrap_or_default();
            app.notice(|| {
                Notice::duplicate(
                    opened.map_or("", |source| &*source.id),
                    kind,
                    event,
                    (app.now)(),
                )
            });
        }
    }
    if is_pixel {
        Ok(answer::gif())
    } else if strict {
        Ok(answer::tally(&receipt, &scanned, text))
    } else {
        Ok(answer::success())
    }
}

#[allow(clippy::too_many_arguments)]
fn entry(
    app: &App,
    parts: &Parts,
    source: Option<&Arc<Source>>,
    key: KeyTag,
    implied: Option<EventType>,
    events: Vec<Slot>,
    body: Bytes,
    from_page: bool,
) -> Entry {
    let platform = match source.map(|source| source.platform) {
        Some(Platform::Auto) if from_page => Platform::Client,
        Some(platform) => platform,
        None => Platform::Auto,
    };
    let keep_ip = source.is_none_or(|source| source.keep_ip) && platform != Platform::Server;
    Entry {
        received: (app.now)(),
        source: source.map_or_else(|| "".into(), |source| Arc::clone(&source.id)),
        hops: hops(parts),
        key,
        platform,
        ip: if keep_ip { client_ip(app, parts) } else { None },
        implied,
        events,
        body,
    }
}

/// Whose share of the bytes in hand a request takes: its sender's. A trusted proxy that does not say whom it speaks for
/// has none of its own.
fn payer(app: &App, parts: &Parts) -> Option<PeerNetwork> {
    client_ip(app, parts)
        .filter(|ip| !app.is_trusted_proxy(*ip))
        .map(PeerNetwork::of)
}

/// The sender's address: the peer, or what a trusted proxy says it was, read from the right up to the first hop that is
/// not trusted itself.
pub(crate) fn client_ip(app: &App, parts: &Parts) -> Option<IpAddr> {
    let peer = parts.extensions.get::<Peer>()?.0.ip().to_canonical();
    let trusted = |ip: IpAddr| app.is_trusted_proxy(ip);
    if !trusted(peer) {
        return Some(peer);
    }
    let mut nearest = peer;
    for header in parts.headers.get_all("x-forwarded-for").iter().rev() {
        for hop in header.to_str().unwrap_or_default().rsplit(',') {
            let Ok(ip) = hop.trim().parse::<IpAddr>() else {
                return Some(nearest);
            };
            nearest = ip.to_canonical();
            if !trusted(nearest) {
                return Some(nearest);
            }
        }
    }
    Some(nearest)
}

fn settings_document(
    app: &App,
    parts: &Parts,
    key: Option<String>,
    rudder: bool,
) -> Result<Response<Body>, Refusal> {
    let in_path = key.is_some();
    let key = match key {
        Some(key) => key,
        None => auth::write_key(&parts.headers, parts.uri.query(), None)
            .ok_or(Refusal::NoWriteKey)?
            .into_owned(),
    };
    let sources = app.sources();
    let source = sources.open(&key).ok_or(Refusal::NoSettings)?;
    let (document, is_guess) = if rudder {
        (settings::rudder(source, &key), false)
    } else {
        let trusted = public::peer(parts).is_some_and(|ip| app.is_trusted_proxy(ip));
        let address = app.public.address(parts, trusted)?;
        (settings::segment(source, &key, &address), address.is_guess)
    };
    let asked = answer::Asked {
        by_header: !in_path && auth::write_key(&parts.headers, None, None).is_some(),
        by_address: in_path,
        by_host: is_guess,
    };
    Ok(answer::document(&parts.headers, &document, asked))
}
