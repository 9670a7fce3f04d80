//! Around any runtime, and around none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod hub;

use std::time::Duration;

use headwater::{Client, Durability};
use hub::Hub;

fn memory(hub: &Hub) -> Client {
    Client::builder("test-key")
        .endpoint(hub.url())
        .durability(Durability::Memory)
        .no_proxy()
        // These tests ask for what is sent.
        .flush_interval(std::time::Duration::from_secs(30))
        .build()
        .unwrap()
}

async fn use_it(hub: &Hub) {
    let client = memory(hub);
    client.track("a", ()).user_id("u").send().unwrap();
    assert_eq!(client.flush().await.delivered, 1);
    client.track("b", ()).user_id("u").send().unwrap();
    // The blocking ways wait, they do not panic, wherever they are called.
    assert_eq!(client.flush_blocking().delivered, 1);
    client.track("c", ()).user_id("u").send().unwrap();
    assert_eq!(client.shutdown(Duration::from_secs(5)).await.delivered, 1);
    drop(client);
    // A client that nobody shut down goes without a panic, too.
    memory(hub).track("d", ()).user_id("u").send().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_works_in_a_runtime_of_many_threads() {
    use_it(&Hub::open()).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_client_works_in_a_runtime_of_one_thread() {
    use_it(&Hub::open()).await;
}

#[test]
fn a_client_works_without_a_runtime() {
    let hub = Hub::open();
    let client = memory(&hub);
    client.track("a", ()).user_id("u").send().unwrap();
    assert_eq!(client.flush_blocking().delivered, 1);
    assert_eq!(client.shutdown_blocking(Duration::from_secs(5)).pending, 0);
}

#[test]
fn a_client_can_be_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Client>();
}
