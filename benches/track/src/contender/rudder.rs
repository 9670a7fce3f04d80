//! rudderanalytics: `send` is one blocking POST; when it returns the event has arrived or has failed.

use measure::Failure;
use rudderanalytics::client::RudderAnalytics;
use rudderanalytics::message::{Message, Track};

use super::Contender;
use crate::event::{NAME, Order};

pub(crate) struct Rudder {
    client: RudderAnalytics,
}

impl Rudder {
    pub(crate) fn new(port: u16) -> Self {
        Self {
            client: RudderAnalytics::load("bench".to_owned(), format!("http://127.0.0.1:{port}")),
        }
    }
}

impl Contender for Rudder {
    fn track(&mut self, order: &Order) -> Result<(), Failure> {
        let track = Track {
            user_id: Some(order.user()),
            event: NAME.to_owned(),
            properties: Some(serde_json::to_value(order)?),
            ..Track::default()
        };
        self.client
            .send(&Message::Track(track))
            .map_err(|error| error.to_string().into())
    }

    fn finish(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}
