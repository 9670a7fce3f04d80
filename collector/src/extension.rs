//! What a program adds to the collector: the hub behind the log. The collector alone has none.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;

use crate::app::App;
use crate::sources::Sources;

/// What runs behind the log, in the same process.
pub trait Extension: Send {
    /// The sources, from what the configuration has.
    fn sources(&self, configured: Sources) -> Sources;

    /// Starts behind the log, whose data folder is `dir`. Returns further routes of the administration; they are behind the
    /// same guard as the others.
    ///
    /// # Errors
    /// Why it cannot start, in a sentence for the operator.
    fn start(&mut self, app: &Arc<App>, dir: &Path) -> Result<Router<Arc<App>>, String>;

    /// Whether `GET /admin/v1/events/{messageId}` is among its routes and says where an event is; the live page then asks it.
    fn explains_events(&self) -> bool {
        true
    }

    /// Stops. The log is closed after it.
    fn stop(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// No extension.
#[derive(Debug)]
pub struct Nothing;

impl Extension for Nothing {
    fn sources(&self, configured: Sources) -> Sources {
        configured
    }

    fn start(&mut self, _app: &Arc<App>, _dir: &Path) -> Result<Router<Arc<App>>, String> {
        Ok(Router::new())
    }

    fn explains_events(&self) -> bool {
        false
    }

    fn stop(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}
