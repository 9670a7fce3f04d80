//! The link: a proxy on loopback, one request a connection, that meets each request with a fault from the plan.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use headwater::json::{self, Limits, Value};

use crate::fault::{Fault, Plan};
use crate::screen::Screen;

const LATE: Duration = Duration::from_millis(400);
/// No request or answer of the demo takes so long; a connection that does is given up.
const PATIENCE: Duration = Duration::from_secs(20);
const LONGEST_HEAD: usize = 64 << 10;
const LONGEST_BODY: usize = 8 << 20;
/// As far as an answer gets that is cut off.
const CUT_AT: usize = 20;

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("the endpoint must be http://HOST:PORT, without a path; it is {0}")]
    Endpoint(String),
    #[error("no port for the link: {0}")]
    Listen(#[source] io::Error),
    #[error("no collector answers at {endpoint}: {source}; start one with `headwater dev`")]
    NoCollector { endpoint: String, source: io::Error },
}

/// What went over the link.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) requests: usize,
    pub(crate) faults: usize,
    pub(crate) retries: usize,
    /// Events that the collector said it stored.
    pub(crate) stored: u64,
}

/// The proxy; it runs until the program ends.
#[derive(Debug)]
pub(crate) struct Link {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    collector: String,
    plan: Mutex<Plan>,
    tally: Mutex<Tally>,
    number: AtomicUsize,
    screen: Arc<Screen>,
}

impl Link {
    pub(crate) fn start(
        endpoint: &str,
        plan: Plan,
        screen: Arc<Screen>,
    ) -> Result<Self, LinkError> {
        let collector = host(endpoint).ok_or_else(|| LinkError::Endpoint(endpoint.to_owned()))?;
        TcpStream::connect(&collector).map_err(|source| LinkError::NoCollector {
            endpoint: endpoint.to_owned(),
            source,
        })?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(LinkError::Listen)?;
        let address = listener.local_addr().map_err(LinkError::Listen)?;
        let shared = Arc::new(Shared {
            collector,
            plan: Mutex::new(plan),
            tally: Mutex::default(),
            number: AtomicUsize::new(0),
            screen,
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // A connection that fails is what the link is for; the SDK deals with it.
                thread::spawn(move || shared.serve(connection));
            }
        });
        Ok(Self { address, shared })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn tally(&self) -> Tally {
        *self
            .shared
            .tally
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// `HOST:PORT` of a plain endpoint.
pub(crate) fn host(endpoint: &str) -> Option<String> {
    let host = endpoint.strip_prefix("http://")?.trim_end_matches('/');
    let (name, port) = host.rsplit_once(':')?;
    (!name.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok())
        .then(|| host.to_owned())
}

impl Shared {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_read_timeout(Some(PATIENCE))?;
        if client.peek(&mut [0])? == 0 {
            return Ok(());
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
        let fault = self
            .plan
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .draw();
        self.count(|tally| {
            tally.requests += 1;
            tally.faults += usize::from(fault != Fault::None);
        });
        if fault == Fault::Reset {
            self.tell(number, "connection reset", "nothing reached the collector");
            // Closing with the request unread is what makes it a reset.
            return Ok(());
        }
        let request = Request::read(&mut client)?;
        if request.retry > 0 {
            self.count(|tally| tally.retries += 1);
        }
        match fault {
            Fault::None | Fault::Delay | Fault::Reset => {
                if fault == Fault::Delay {
                    thread::sleep(LATE);
                }
                let answer = self.forward(&request)?;
                self.tell_passed(number, &request, fault, &answer);
                client.write_all(&answer)
            }
            Fault::Torn => {
                let mut collector = self.connect()?;
                collector.write_all(&request.head)?;
                collector.write_all(
                    request
                        .body
                        .get(..request.body.len() / 2)
                        .unwrap_or_default(),
                )?;
                self.tell(number, "request torn", "half of it reached the collector");
                Ok(())
            }
            Fault::Unavailable => {
                self.tell(
                    number,
                    "503, Retry-After 1",
                    "nothing reached the collector",
                );
                refuse(&mut client, "503 Service Unavailable")
            }
            Fault::TooMany => {
                self.tell(
                    number,
                    "429, Retry-After 1",
                    "nothing reached the collector",
                );
                refuse(&mut client, "429 Too Many Requests")
            }
            Fault::LostAnswer => {
                let answer = self.forward(&request)?;
                let stored = self.stored(&answer);
                self.tell(
                    number,
                    "answer cut off",
                    &format!("{stored}, and the SDK does not know"),
                );
                client.write_all(answer.get(..CUT_AT).unwrap_or_default())
            }
        }
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let collector = TcpStream::connect(&self.collector)?;
        collector.set_read_timeout(Some(PATIENCE))?;
        Ok(collector)
    }

    /// The collector's whole answer.
    fn forward(&self, request: &Request) -> io::Result<Vec<u8>> {
        let mut collector = self.connect()?;
        collector.write_all(&request.head)?;
        collector.write_all(&request.body)?;
        let mut answer = Vec::new();
        collector
            .take(LONGEST_BODY as u64)
            .read_to_end(&mut answer)?;
        if answer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer)
    }

    fn tell_passed(&self, number: usize, request: &Request, fault: Fault, answer: &[u8]) {
        let stored = self.stored(answer);
        let status = answer
            .get(9..12)
            .map(String::from_utf8_lossy)
            .unwrap_or_default();
        let how = match (fault, request.retry) {
            (Fault::Delay, _) => format!("{status}, {} ms late", LATE.as_millis()),
            (_, 0) if status == "200" => return,
            (_, retry) => format!("{status} at retry {retry}"),
        };
        self.tell(number, &how, &stored);
    }

    /// What the collector says it did with the events, from a strict answer.
    fn stored(&self, answer: &[u8]) -> String {
        let body = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .and_then(|end| answer.get(end + 4..));
        let document = body.and_then(|body| json::parse(body, &Limits::default()).ok());
        let number = |name| {
            document
                .as_ref()
                .and_then(|document| document.get(name))
                .and_then(Value::as_u64)
        };
        let (Some(new), Some(known)) = (number("accepted"), number("duplicates")) else {
            return "the collector has it".to_owned();
        };
        self.count(|tally| tally.stored += new);
        match (new, known) {
            (new, 0) => format!("{new} stored"),
            (0, known) => format!("{known} were there already, none stored twice"),
            (new, known) => format!("{new} stored, {known} were there already"),
        }
    }

    fn count(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn tell(&self, number: usize, what: &str, outcome: &str) {
        self.screen
            .line("link", &format!("#{number:<3} {what:<20} {outcome}"));
    }
}

fn refuse(client: &mut TcpStream, status: &str) -> io::Result<()> {
    write!(
        client,
        "HTTP/1.1 {status}\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

/// A request as it came, but for `Connection: close`, which ends the answer for us.
#[derive(Debug)]
struct Request {
    head: Vec<u8>,
    body: Vec<u8>,
    retry: u32,
}

impl Request {
    fn read(client: &mut TcpStream) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            let count = client.read(&mut piece)?;
            if count == 0 || bytes.len() > LONGEST_HEAD {
                return Err(io::ErrorKind::InvalidData.into());
            }
            bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
        };
        let mut body = bytes.split_off(end + 4);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let header = |name: &str| {
            let found = text.lines().find_map(|line| {
                line.split_once(':')
                    .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            });
            found.map_or("", |(_, value)| value.trim())
        };
        let length = header("content-length")
            .parse()
            .unwrap_or(0)
            .min(LONGEST_BODY);
        let missing = length.saturating_sub(body.len()) as u64;
        client.take(missing).read_to_end(&mut body)?;
        if body.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let kept = text.lines().filter(|line| {
            !line.is_empty() && !line.to_ascii_lowercase().starts_with("connection:")
        });
        let head: String = kept
            .flat_map(|line| [line, "\r\n"])
            .chain(["Connection: close\r\n\r\n"])
            .collect();
        Ok(Self {
            head: head.into_bytes(),
            body,
            retry: header("x-retry-count").parse().unwrap_or(0),
        })
    }
}
