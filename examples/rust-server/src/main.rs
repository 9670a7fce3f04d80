//! A server that tracks what its users do, and loses nothing when it is stopped.
//!
//! ```sh
//! cargo run -p headwater-collector -- dev          # in another terminal
//! cargo run -p rust-server
//! curl -X POST http://127.0.0.1:3000/users/u1/orders/27.5
//! ```

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use headwater::Client;
use serde::Serialize;

#[derive(Serialize)]
struct OrderCompleted {
    order_id: String,
    total: f64,
    currency: &'static str,
}

async fn order(
    State(analytics): State<Client>,
    Path((user, total)): Path<(String, f64)>,
) -> StatusCode {
    let order = OrderCompleted {
        order_id: format!("order-of-{user}"),
        total,
        currency: "EUR",
    };
    // Returns at once; the network is no reason for an error. What is: a user id that is empty, a total that is NaN.
    match analytics
        .track("Order Completed", order)
        .user_id(user)
        .send()
    {
        Ok(_) => StatusCode::CREATED,
        Err(error) => {
            eprintln!("not tracked: {error}");
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint =
        std::env::var("HEADWATER_ENDPOINT").unwrap_or("http://127.0.0.1:8765".to_owned());
    let analytics = Client::builder("my-write-key")
        .endpoint(endpoint)
        .flush_interval(Duration::from_secs(5))
        .on_report(|report| {
            eprintln!(
                "{} events will not be delivered: {}",
                report.count, report.reason
            )
        })
        .build()?;

    let app = axum::Router::new()
        .route("/users/{user}/orders/{total}", post(order))
        .with_state(analytics.clone());
    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app)
        .with_graceful_shutdown(stopped())
        .await?;

    // What cannot be sent in ten seconds stays on the disk, and goes out when the server starts again.
    let last = analytics.shutdown(Duration::from_secs(10)).await;
    println!(
        "delivered {}, kept for the next start {}",
        last.delivered, last.pending
    );
    Ok(())
}

/// At Ctrl-C, and at the SIGTERM that service managers and containers send.
async fn stopped() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}
