//! A command line program with one user, whose calls survive being offline: the next run sends what this one could not.
//!
//! ```sh
//! cargo run -p rust-cli -- convert photo.png
//! cargo run -p rust-cli -- login ada@example.com
//! ```

use std::time::Duration;

use headwater::Client;
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or("help".to_owned());
    let endpoint =
        std::env::var("HEADWATER_ENDPOINT").unwrap_or("http://127.0.0.1:8765".to_owned());
    // Device mode: the anonymousId is made at the first run and kept; `identify` is remembered, too.
    let mut builder = Client::builder("my-write-key").device().endpoint(endpoint);
    if let Ok(directory) = std::env::var("HEADWATER_DIRECTORY") {
        builder = builder.directory(directory);
    }
    let analytics = builder.build()?;

    if command == "login" {
        let email = arguments.next().ok_or("login needs an e-mail address")?;
        analytics
            .identify(email.clone(), json!({ "email": email }))
            .send()?;
    }
    analytics
        .track(
            "Command Run",
            json!({ "command": command, "arguments": arguments.count() }),
        )
        .send()?;

    // A program that ends soon gives the network a moment, not more: what is left is on the disk.
    let last = analytics.shutdown_blocking(Duration::from_secs(2));
    println!(
        "delivered {}, kept for the next run {}",
        last.delivered, last.pending
    );
    Ok(())
}
