//! The default transport: reqwest, on a thread with a small async runtime of its own, so that the client works with any
//! runtime around it and with none.

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{LOCATION, RETRY_AFTER};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

use crate::error::BuildError;
use crate::transport::{Reply, Request, Response, Transport};

/// Answers are read to their end, so that the connection can be used again, but not past this.
const ANSWER_READ: usize = 64 * 1024;
/// Nor for longer than this: the status says all, and a batch that the hub took must not be sent again because the rest
/// of its answer dawdles.
const ANSWER_TIME: Duration = Duration::from_secs(1);

enum Order {
    Send(Request, Reply),
    Cancel(u64),
}

/// Its thread ends with it; requests under way then count as unanswered.
#[derive(Debug)]
pub(crate) struct Http {
    orders: UnboundedSender<Order>,
}

impl Http {
    pub(crate) fn start(client: reqwest::Client) -> Result<Http, BuildError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(BuildError::Thread)?;
        let (orders, received) = unbounded_channel();
        thread::Builder::new()
            .name("headwater-http".to_owned())
            .spawn(move || runtime.block_on(run(client, received)))
            .map_err(BuildError::Thread)?;
        Ok(Http { orders })
    }
}

impl Transport for Http {
    fn send(&self, request: Request, reply: Reply) {
        // Its thread ends only with it; an order that fails drops the reply, which is an answer.
        let _ = self.orders.send(Order::Send(request, reply));
    }

    fn cancel(&self, id: u64) {
        let _ = self.orders.send(Order::Cancel(id));
    }
}

async fn run(client: reqwest::Client, mut orders: UnboundedReceiver<Order>) {
    let mut tasks: HashMap<u64, AbortHandle> = HashMap::new();
    while let Some(order) = orders.recv().await {
        match order {
            Order::Send(request, reply) => {
                tasks.retain(|_, task| !task.is_finished());
                let id = request.id;
                let client = client.clone();
                let task = tokio::spawn(async move {
                    match carry_out(&client, request).await {
                        Some(response) => reply.answer(response),
                        None => reply.no_answer(),
                    }
                });
                tasks.insert(id, task.abort_handle());
            }
            Order::Cancel(id) => {
                if let Some(task) = tasks.remove(&id) {
                    task.abort();
                }
            }
        }
    }
}

async fn carry_out(client: &reqwest::Client, request: Request) -> Option<Response> {
    let method = Method::from_bytes(request.method.as_bytes()).ok()?;
    let mut builder = client.request(method, &request.url);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    if !request.body.is_empty() {
        builder = builder.body(request.body);
    }
    let ends = tokio::time::Instant::now() + request.timeout;
    let mut answer = tokio::time::timeout_at(ends, builder.send())
        .await
        .ok()?
        .ok()?;
    let header = |name| {
        let value = answer.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let mut response = Response {
        status: answer.status().as_u16(),
        retry_after: header(RETRY_AFTER),
        location: header(LOCATION),
        body: Vec::new(),
    };
    if request.answer_limit > 0 {
        let read = read(&mut answer, request.answer_limit);
        response.body = tokio::time::timeout_at(ends, read).await.ok()??;
        return Some(response);
    }
    let limit = ANSWER_TIME.min(request.timeout);
    let _ = tokio::time::timeout(limit, read(&mut answer, ANSWER_READ)).await;
    Some(response)
}

async fn read(answer: &mut reqwest::Response, limit: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() >= limit {
            break;
        }
    }
    Some(body)
}
