#![doc = include_str!("../README.md")]

mod call;
mod client;
mod config;
mod destination;
mod error;
mod listener;
mod platform;
mod straight;
mod transport;
mod view;

pub use client::{Client, FlushCallback};
pub use config::{Configuration, Consent, ConsentModel, Durability, Header, Hold, Mode, Retry};
pub use destination::{Destination, DestinationInfo};
pub use error::{ForeignError, HeadwaterError};
pub use listener::{Change, Diagnostic, DropReport, Listener, Tried};
pub use platform::{Lifecycle, Platform};
pub use straight::headwater_call;
pub use transport::{Reply, Request, Transport};
pub use view::{Dropped, FlushReport, Identity, Outcome, Queue, Receipt};

uniffi::setup_scaffolding!("headwater");
