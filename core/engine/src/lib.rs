//! The engine: everything Headwater decides, and nothing it does.
//!
//! # Contract
//! The engine reads no clock, draws no randomness, opens no file and no socket, starts no thread. Its host tells it
//! what happened and carries out what it asks for:
//!
//! 1. one input: [`Engine::call`] for an event, [`Engine::handle`] for everything else, each with the time ([`Now`]);
//! 2. then [`Engine::poll_effect`] until it answers `None`, carrying out each [`Effect`];
//! 3. then sleep until the next input, or until [`Engine::next_deadline`] and hand in [`Input::Timer`].
//!
//! `handle` never fails: an event that cannot be sent becomes an [`Effect::Report`], a mistake of the host an
//! [`Effect::Diagnostic`]. Every effect that carries an id gets exactly one answer; one that never comes runs into a
//! deadline of the engine's. Answers to ids it does not know any more are ignored.
//!
//! # Promises
//! Events leave in the order of their calls. What was stamped at the call (message id, time, identity, context,
//! consent) is written once and never looked up again. An event leaves the store only when the hub answered 2xx,
//! when it was reported with a reason, or when consent was withdrawn (which is reported, too).
//!
//! ```text
//!  call ─► identity ─► session ─► timeline ─► bytes ─► gate ─┬─ open ──► Persist ─► ledger ─► batch ─► Upload
//!                                                 │          ├─ held ──► Persist or memory, until a decision
//!                                                 │          └─ closed ► Report
//!                                                 └─► device-mode destinations (Deliver)
//! ```

#![cfg_attr(
    not(feature = "full"),
    allow(
        dead_code,
        reason = "nothing makes the parts that such a build is without"
    )
)]

#[cfg(not(feature = "full"))]
mod absent;
mod batch;
mod call;
mod clock;
mod config;
mod consent;
#[cfg(feature = "full")]
mod destinations;
#[cfg(feature = "full")]
mod document;
mod effect;
mod endpoint;
mod engine;
mod flush;
#[cfg(feature = "full")]
mod guard;
#[cfg(feature = "full")]
mod halves;
mod identity;
mod input;
mod ledger;
mod part;
mod redirect;
mod release;
mod restore;
mod retry;
mod session;
mod settings;
mod share;
mod stamp;
mod text;
#[cfg(feature = "plugins")]
mod timeline;
mod uploader;

#[cfg(not(feature = "full"))]
pub use absent::Settings;
pub use batch::{Envelope, cut};
pub use call::{Call, CallError, CallKind, CallOptions, Enrichment, Receipt, Said};
pub use clock::Now;
pub use config::{
    Config, ConsentConfig, ConsentModel, DestinationConfig, Hold, Mode, Quota, SettingsConfig,
};
#[cfg(feature = "full")]
pub use document::Settings;
pub use effect::{Diagnostic, DropReason, Effect, FlushReport, Report, StateKey, Upload};
pub use endpoint::{ConfigError, Endpoint};
pub use engine::{Engine, Start, Stored};
#[cfg(feature = "plugins")]
pub use flush::FlushPolicy;
pub use flush::{Pace, Queue};
#[cfg(feature = "full")]
pub use guard::{WAITS, wait_after};
pub use identity::Identity;
pub use input::{
    Connection, DeliveryOutcome, HttpOutcome, Input, Lifecycle, SessionCommand, StoreFailure,
    TryOutcome,
};
#[cfg(feature = "native")]
pub use redirect::follows;
pub use retry::{Failure, RetryConfig, Verdict, backoff, classify, retry_after};
#[cfg(feature = "plugins")]
pub use timeline::{Plugin, PluginError, Stage, Stop, Timeline};
