#![doc = include_str!("../README.md")]

/// The snippets of the project's front page are run as tests, too.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod front_page {}

mod address;
mod answer;
mod builder;
mod call;
mod callbacks;
mod client;
mod commit;
mod destination;
mod directory;
mod durability;
mod effects;
mod error;
mod guarded;
mod halves;
mod host;
#[cfg(feature = "http")]
mod http;
mod inside;
mod settings;
#[cfg(feature = "http")]
mod tls;
mod transport;
mod tries;
mod upload;
mod view;
mod wait;
mod worker;

pub use builder::Builder;
pub use call::CallBuilder;
pub use client::Client;
pub use destination::{Destination, NotDelivered};
pub use durability::{Backend, Durability};
pub use error::{BuildError, TrackError};
pub use transport::{Reply, Request, Response, Transport};
pub use tries::Try;
pub use view::Change;
pub use wait::block_on;

pub use headwater_engine::{
    CallError, CallKind, CallOptions, ConsentConfig, ConsentModel, Diagnostic, DropReason,
    Enrichment, FlushPolicy, FlushReport, Hold, Identity, Lifecycle, Mode, Now, Plugin,
    PluginError, Queue, Quota, Receipt, Report, RetryConfig, Settings, Stage, StateKey, Timeline,
};
pub use headwater_model::event::{Event, EventError, EventType, Payload};
pub use headwater_model::id::{AnonymousId, IdError, MessageId, WriteKey};
pub use headwater_model::json;
pub use headwater_model::time::{Millis, parse_iso};
pub use headwater_store::StoreError;
