//! posthog-rs: `capture()` puts the event into a queue in memory; one worker thread serialises and sends it.
//!
//! Its queue holds 10,000 events by default and drops what comes beyond, with one warning in the log. Dropping is
//! quick, so its defaults would be measured at doing nothing: the side-by-side figures are taken with room for every
//! call, and the defaults are a row of their own that says what was lost.

use measure::Failure;
use posthog_rs::{Client, ClientOptionsBuilder, Event, client};

use super::Contender;
use crate::event::{NAME, Order};

pub(crate) struct Posthog {
    client: Client,
}

impl Posthog {
    /// A queue in which every call has room, and time to drain it.
    pub(crate) fn with_room(port: u16, calls: usize) -> Result<Self, Failure> {
        Self::start(
            ClientOptionsBuilder::default()
                .max_queue_size(calls)
                .shutdown_timeout_ms(120_000),
            port,
        )
    }

    /// As it comes.
    pub(crate) fn with_defaults(port: u16) -> Result<Self, Failure> {
        Self::start(&mut ClientOptionsBuilder::default(), port)
    }

    fn start(options: &mut ClientOptionsBuilder, port: u16) -> Result<Self, Failure> {
        let options = options
            .api_key("phc_bench".to_owned())
            .host(format!("http://127.0.0.1:{port}"))
            .build();
        Ok(Self {
            client: client(options.map_err(|error| error.to_string())?),
        })
    }
}

impl Contender for Posthog {
    fn track(&mut self, order: &Order) -> Result<(), Failure> {
        let mut event = Event::new(NAME.to_owned(), order.user());
        event.insert_prop("seq", order.seq)?;
        event.insert_prop("order_id", &order.order_id)?;
        event.insert_prop("product_id", &order.product_id)?;
        event.insert_prop("name", &order.name)?;
        event.insert_prop("category", &order.category)?;
        event.insert_prop("brand", order.brand)?;
        event.insert_prop("price", order.price)?;
        event.insert_prop("quantity", order.quantity)?;
        event.insert_prop("currency", order.currency)?;
        event.insert_prop("in_stock", order.in_stock)?;
        event.insert_prop("url", &order.url)?;
        event.insert_prop("coupon", &order.coupon)?;
        self.client.capture(event);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Failure> {
        self.client.flush();
        self.client.shutdown();
        Ok(())
    }
}
