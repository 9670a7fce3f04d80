//! What can go wrong, by the moment at which it does: building a client, making a call.

use std::path::PathBuf;

use headwater_engine::CallError;
use headwater_model::id::IdError;
use headwater_model::json::SerializeError;
use headwater_store::StoreError;

/// Why a client could not be built. Nothing was started and nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The write key is empty, too long or holds blanks.
    #[error("the write key cannot be used: {0}")]
    WriteKey(#[from] IdError),
    /// No endpoint was given, and no settings document that would name one.
    #[error(
        "no endpoint was given: say where events go, as in .endpoint(\"https://hub.example/v1\"), \
         or for Segment's API .endpoint(\"api.segment.io/v1\")"
    )]
    NoEndpoint,
    /// An address is not usable.
    #[error(
        "the {what} must be a host, a host and a path, or an http:// or https:// address; {given:?} is not: {reason}"
    )]
    Address {
        /// Which: endpoint, settings address, proxy.
        what: &'static str,
        /// What was given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No directory was given and the environment names none.
    #[error(
        "there is no place for the queue: none of {looked_at} is set; \
         give one with .directory(\"/var/lib/my-service/headwater\"), or choose Durability::Memory"
    )]
    NoDirectory {
        /// The environment variables that were looked at.
        looked_at: &'static str,
    },
    /// Another client, in this process or another, has the directory open.
    #[error(
        "{} is in use by another client or process: share one client (it is cheap to clone), \
         or give each process its own .directory(…)",
        directory.display()
    )]
    DirectoryInUse {
        /// The directory.
        directory: PathBuf,
    },
    /// The queue could not be opened.
    #[error("the queue cannot be opened: {0}")]
    Storage(#[source] StoreError),
    /// A header's name or value is no HTTP header.
    #[error("{name:?} is no usable HTTP header: {reason}")]
    Header {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The context, the settings' defaults or other JSON given cannot be used.
    #[error("the {what} cannot be used: {source}")]
    Json {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        source: SerializeError,
    },
    /// Certificates could not be read, or the platform has none.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The HTTP client could not be built.
    #[error("the HTTP client cannot be set up: {0}")]
    Http(String),
    /// Built without the feature `http`, and no transport was given.
    #[error("nothing carries requests out: give a .transport(…), or build with the feature `http`")]
    NoTransport,
    /// A thread could not be started.
    #[error("a thread of the client cannot be started: {0}")]
    Thread(#[source] std::io::Error),
}

/// Why a call was refused. The network is never a reason.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrackError {
    /// The call cannot be an event: nobody named, too large, no name, a bad id, after shutdown.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Properties, traits, context or integrations have no JSON text, or are no object.
    #[error("the {what} cannot be sent: {source}")]
    Json {
        /// Which of the call's arguments.
        what: &'static str,
        /// Why, with the path of the value.
        source: SerializeError,
    },
    /// The disk did not take the event; it is not queued (and reported as `storage_failed`).
    #[error("the event could not be stored: {0}")]
    Storage(#[source] StoreError),
    /// [`Durability::Sync`](crate::Durability::Sync) only: the event is queued and will be delivered, but it is in the
    /// operating system's hands alone: a power cut now would take it.
    #[error("the event {message_id} is queued, but could not be synced to the disk: {source}")]
    NotSynced {
        /// The event's id.
        message_id: String,
        /// The disk's reason.
        source: StoreError,
    },
    /// [`stamp`](crate::CallBuilder::stamp) was called from inside a plugin, which runs while the client is busy with an event.
    #[error("a call cannot be stamped from inside a plugin; `send()` can be used there")]
    Inside,
    /// Plugins made calls from calls that plugins made, over and over.
    #[error(
        "a plugin's call led to another of its calls, {depth} levels deep: let it leave its own events alone"
    )]
    Recursion {
        /// How deep it went.
        depth: u32,
    },
}
