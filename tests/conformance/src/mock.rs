//! The mock of the tracking API and the settings endpoint: answers as scripted, records everything.

use std::collections::VecDeque;
use std::io::BufReader;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::answer::Answer;
use crate::http::{Request, write_answer};

/// A connection on which nothing comes for so long is closed.
const IDLE: Duration = Duration::from_secs(60);

/// What the mock answers.
#[derive(Clone, Debug)]
pub struct Script {
    /// To tracking requests whose body holds the text, before all others.
    pub when: Vec<(String, Answer)>,
    /// To tracking requests, in order.
    pub tracking: VecDeque<Answer>,
    /// To tracking requests after those.
    pub otherwise: Answer,
    /// The only paths at which there is anything; `None`: all. Other tracking requests are answered 404, as by a proxy
    /// that lets nothing else through.
    pub only: Option<Vec<String>>,
    /// To settings requests, in order.
    pub settings: VecDeque<Answer>,
    /// To settings requests after those.
    pub settings_otherwise: Answer,
}

impl Script {
    /// Takes everything; serves an empty settings document.
    #[must_use]
    pub fn open() -> Script {
        let mut settings = Answer::status(200);
        settings.body = br#"{"integrations":{"Segment.io":{}}}"#.to_vec();
        Script {
            when: Vec::new(),
            tracking: VecDeque::new(),
            otherwise: Answer::status(200),
            only: None,
            settings: VecDeque::new(),
            settings_otherwise: settings,
        }
    }

    /// Reads the `mock` of a scenario.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(value: &Value) -> Result<Script, String> {
        let mut script = Script::open();
        for (key, value) in value.as_object().into_iter().flatten() {
            match key.as_str() {
                "tracking" => script.tracking = Answer::read_all(Some(value))?,
                "settings" => script.settings = Answer::read_all(Some(value))?,
                "only" => {
                    let paths = value.as_array().into_iter().flatten();
                    let paths = paths.filter_map(Value::as_str).map(str::to_owned);
                    script.only = Some(paths.collect());
                }
                "otherwise" => script.otherwise = Answer::read(value)?.0,
                "settingsOtherwise" => script.settings_otherwise = Answer::read(value)?.0,
                "when" => {
                    for rule in value.as_array().into_iter().flatten() {
                        let text = rule.get("contains").and_then(Value::as_str);
                        let answer = rule.get("answer").unwrap_or(&Value::Null);
                        let text = text.ok_or("a rule of `when` needs `contains`")?;
                        script.when.push((text.to_owned(), Answer::read(answer)?.0));
                    }
                }
                other => return Err(format!("the mock has no field {other:?}")),
            }
        }
        Ok(script)
    }

    /// Puts the mock's own address where answers speak of it: `${host}`, and `${elsewhere}`, the same under another name,
    /// which is another origin.
    pub fn fill(&mut self, host: &str) {
        let port = host.rsplit(':').next().unwrap_or_default();
        let elsewhere = format!("localhost:{port}");
        let fill = |text: &str| {
            text.replace("${host}", host)
                .replace("${elsewhere}", &elsewhere)
        };
        let listed = self.tracking.iter_mut().chain(&mut self.settings);
        let ruled = self.when.iter_mut().map(|(_, answer)| answer);
        let rest = [&mut self.otherwise, &mut self.settings_otherwise];
        for answer in listed.chain(ruled).chain(rest) {
            answer.body = fill(&String::from_utf8_lossy(&answer.body)).into_bytes();
            for (_, value) in &mut answer.headers {
                *value = fill(value);
            }
        }
    }

    fn next(&mut self, request: &Request) -> Answer {
        if is_settings(request) {
            return self
                .settings
                .pop_front()
                .unwrap_or_else(|| self.settings_otherwise.clone());
        }
        if self
            .only
            .as_ref()
            .is_some_and(|only| !only.contains(&request.path))
        {
            return Answer::status(404);
        }
        let body = String::from_utf8_lossy(&request.body);
        if let Some((_, answer)) = self.when.iter().find(|(text, _)| body.contains(text)) {
            return answer.clone();
        }
        self.tracking
            .pop_front()
            .unwrap_or_else(|| self.otherwise.clone())
    }
}

/// Whether the request asks for the settings document.
#[must_use]
pub fn is_settings(request: &Request) -> bool {
    request.method == "GET"
}

/// A request and what became of it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// As it came.
    pub request: Request,
    /// What it was answered.
    pub answer: Answer,
    /// When it had been read.
    pub at: Instant,
    /// When its answer had been written, or the connection closed.
    pub answered: Option<Instant>,
    /// Whether the whole answer went out.
    pub written: bool,
}

impl Recorded {
    /// Whether the hub has what it brought.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.answer.accepts() && self.answered.is_some()
    }
}

#[derive(Debug)]
struct State {
    script: Mutex<Script>,
    seen: Mutex<Vec<Recorded>>,
    closing: AtomicBool,
}

/// A running mock; ends when it is dropped.
#[derive(Debug)]
pub struct Mock {
    address: SocketAddr,
    state: Arc<State>,
}

impl Mock {
    /// Starts one on a free port of the loopback.
    ///
    /// # Errors
    /// When there is none.
    pub fn start() -> std::io::Result<Mock> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            script: Mutex::new(Script::open()),
            seen: Mutex::default(),
            closing: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if theirs.closing.load(Ordering::Relaxed) {
                    return;
                }
                let state = Arc::clone(&theirs);
                thread::spawn(move || serve(&stream, &state));
            }
        });
        Ok(Mock { address, state })
    }

    /// Answers by this script from now on.
    pub fn play(&self, script: Script) {
        *lock(&self.state.script) = script;
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Everything seen so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Recorded> {
        lock(&self.state.seen).clone()
    }

    /// How many tracking requests were seen.
    #[must_use]
    pub fn tracking_count(&self) -> usize {
        lock(&self.state.seen)
            .iter()
            .filter(|seen| !is_settings(&seen.request))
            .count()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.state.closing.store(true, Ordering::Relaxed);
        // Wakes the listener, so that it sees the flag.
        drop(TcpStream::connect(self.address));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: &TcpStream, state: &State) {
    let _ = stream.set_read_timeout(Some(IDLE));
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader) {
        let answer = lock(&state.script).next(&request);
        let last = request
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let number = {
            let mut seen = lock(&state.seen);
            seen.push(Recorded {
                request,
                answer: answer.clone(),
                at: Instant::now(),
                answered: None,
                written: false,
            });
            seen.len() - 1
        };
        thread::sleep(answer.delay);
        // Counted as answered before the bytes go: a client that is quick must not be ahead of the record.
        let answered = |written: bool| {
            if let Some(recorded) = lock(&state.seen).get_mut(number) {
                recorded.answered = Some(Instant::now());
                recorded.written = written;
            }
        };
        answered(false);
        if answer.reset {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return;
        }
        let headers = answer.headers_at(SystemTime::now());
        let mut writer = stream;
        if write_answer(
            &mut writer,
            answer.status,
            &headers,
            &answer.body,
            answer.drip,
        )
        .is_err()
        {
            return;
        }
        if !answer.drip.is_zero() {
            answered(true);
        } else if let Some(recorded) = lock(&state.seen).get_mut(number) {
            recorded.written = true;
        }
        if last {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}
