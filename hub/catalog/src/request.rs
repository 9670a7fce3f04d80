//! Requests as they go out.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use headwater_govern::expression::{Run, Scope};
use headwater_govern::mapping::Shape;
use headwater_model::json::{Object, Value};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::definition::{Auth, Definition, Request};
use crate::file::Encoding;

/// A request.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: String,
    /// The address.
    pub url: String,
    /// Names, small, and values.
    pub headers: Vec<(String, String)>,
    /// The bytes; compressed when `content-encoding` says so.
    pub body: Vec<u8>,
    /// The body before it was compressed, as text, to be shown.
    pub shown: String,
}

/// Without what is in it: it holds secrets. Render with masked settings to show it.
impl std::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// Why there is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A shape did not come to an end.
    #[error("{0}")]
    Shape(String),
    /// A part is missing or of a wrong type.
    #[error("the request's {0} is missing or no text: check the settings and the event's fields")]
    Part(&'static str),
    /// The access token is not there.
    #[error("an access token is needed: this destination uses OAuth")]
    Token,
}

impl Definition {
    /// Renders a request; `token` is the access token where the definition uses OAuth.
    pub(crate) fn request(
        &self,
        request: &Request,
        scope: &Scope<'_>,
        token: Option<&str>,
    ) -> Result<HttpRequest, RequestError> {
        let mut run = Run::default();
        let method = text(&request.method, scope, &mut run, "method")?;
        let mut url = text(&request.url, scope, &mut run, "address")?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(RequestError::Part("address"));
        }
        for (name, shape) in &request.query {
            if let Some(value) = plain(made(shape, scope, &mut run)?) {
                append(&mut url, name, &value);
            }
        }
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, shape) in &self.headers {
            if let Some(value) = plain(made(shape, scope, &mut run)?) {
                set(&mut headers, name, value);
            }
        }
        if let Some(shape) = &request.headers
            && let Some(Value::Object(own)) = made(shape, scope, &mut run)?
        {
            for (name, value) in own {
                if let Some(value) = plain(Some(value)) {
                    set(&mut headers, &name, value);
                }
            }
        }
        match &self.auth {
            Auth::None | Auth::Hmac(..) => {}
            Auth::Header(name, value) => set(
                &mut headers,
                name,
                text(value, scope, &mut run, "authentication")?,
            ),
            Auth::Query(name, value) => append(
                &mut url,
                name,
                &text(value, scope, &mut run, "authentication")?,
            ),
            Auth::Basic(user, password) => {
                let user = text(user, scope, &mut run, "authentication")?;
                let password = plain(made(password, scope, &mut run)?).unwrap_or_default();
                let both = STANDARD.encode(format!("{user}:{password}"));
                set(&mut headers, "authorization", format!("Basic {both}"));
            }
            Auth::Bearer(token) => {
                let token = text(token, scope, &mut run, "authentication")?;
                set(&mut headers, "authorization", format!("Bearer {token}"));
            }
            Auth::Token(_) => {
                let token = token.ok_or(RequestError::Token)?;
                set(&mut headers, "authorization", format!("Bearer {token}"));
            }
        }
        let value = match &request.body {
            Some(shape) => made(shape, scope, &mut run)?,
            None => None,
        };
        let (kind, mut body) = match value {
            Some(value) => written(request.encoding, value),
            None => ("", Vec::new()),
        };
        if !kind.is_empty() && !headers.iter().any(|(name, _)| name == "content-type") {
            set(&mut headers, "content-type", kind.to_owned());
        }
        let shown = String::from_utf8_lossy(&body).into_owned();
        if request.gzip && !body.is_empty() {
            body = compressed(&body);
            set(&mut headers, "content-encoding", "gzip".to_owned());
        }
        // Over the exact bytes that go out.
        if let Auth::Hmac(name, secret) = &self.auth
            && let Some(secret) = plain(made(secret, scope, &mut run)?)
            && let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        {
            mac.update(&body);
            let signature = mac.finalize().into_bytes();
            set(
                &mut headers,
                name,
                signature.iter().map(|byte| format!("{byte:02x}")).collect(),
            );
        }
        Ok(HttpRequest {
            method,
            url,
            headers,
            body,
            shown,
        })
    }

    /// The request for an access token, where the definition uses OAuth: the answer's `access_token`, for `expires_in` seconds.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn token_request(&self, scope: &Scope<'_>) -> Result<Option<HttpRequest>, RequestError> {
        let Auth::Token(token) = &self.auth else {
            return Ok(None);
        };
        let mut run = Run::default();
        let refresh = match &token.refresh_token {
            Some(shape) => plain(made(shape, scope, &mut run)?),
            None => None,
        };
        let mut form: Vec<(&str, String)> = vec![
            (
                "grant_type",
                if refresh.is_some() {
                    "refresh_token"
                } else {
                    "client_credentials"
                }
                .to_owned(),
            ),
            (
                "client_id",
                text(&token.client_id, scope, &mut run, "client")?,
            ),
            (
                "client_secret",
                text(&token.client_secret, scope, &mut run, "client's secret")?,
            ),
        ];
        form.extend(refresh.map(|refresh| ("refresh_token", refresh)));
        if let Some(shape) = &token.scope {
            form.extend(plain(made(shape, scope, &mut run)?).map(|scope| ("scope", scope)));
        }
        let form: Object = form.into_iter().collect();
        let (kind, body) = written(Encoding::Form, Value::Object(form));
        Ok(Some(HttpRequest {
            method: "POST".to_owned(),
            url: text(&token.url, scope, &mut run, "address")?,
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            shown: String::from_utf8_lossy(&body).into_owned(),
            body,
        }))
    }
}

fn made(shape: &Shape, scope: &Scope<'_>, run: &mut Run) -> Result<Option<Value>, RequestError> {
    shape
        .make(scope, run)
        .map_err(|stopped| RequestError::Shape(stopped.to_string()))
}

fn text(
    shape: &Shape,
    scope: &Scope<'_>,
    run: &mut Run,
    part: &'static str,
) -> Result<String, RequestError> {
    plain(made(shape, scope, run)?)
        .filter(|text| !text.is_empty())
        .ok_or(RequestError::Part(part))
}

/// A text, number or boolean as text.
fn plain(value: Option<Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Sets a header. What no header can hold is percent-encoded, so that no value begins another one.
fn set(headers: &mut Vec<(String, String)>, name: &str, value: String) {
    let name = name.to_ascii_lowercase();
    let clean = if value
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic())
    {
        value
    } else {
        value.bytes().fold(String::new(), |mut out, byte| {
            if byte == b' ' || byte.is_ascii_graphic() {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
            out
        })
    };
    match headers.iter_mut().find(|(known, _)| *known == name) {
        Some((_, held)) => *held = clean,
        None => headers.push((name, clean)),
    }
}

fn append(url: &mut String, name: &str, value: &str) {
    url.push(if url.contains('?') { '&' } else { '?' });
    encode(name, url);
    url.push('=');
    encode(value, url);
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// The content type and the bytes.
fn written(encoding: Encoding, value: Value) -> (&'static str, Vec<u8>) {
    match encoding {
        Encoding::Json => ("application/json", value.to_vec()),
        Encoding::Form => {
            let mut out = String::new();
            for (name, value) in value.into_object().unwrap_or_default() {
                let text = match value {
                    Value::Array(_) | Value::Object(_) => Some(value.to_string()),
                    other => plain(Some(other)),
                };
                if let Some(text) = text {
                    if !out.is_empty() {
                        out.push('&');
                    }
                    encode(&name, &mut out);
                    out.push('=');
                    encode(&text, &mut out);
                }
            }
            ("application/x-www-form-urlencoded", out.into_bytes())
        }
        Encoding::Ndjson => {
            let mut out = Vec::new();
            let lines = match value {
                Value::Array(lines) => lines,
                other => vec![other],
            };
            for line in lines {
                line.write(&mut out);
                out.push(b'\n');
            }
            ("application/x-ndjson", out)
        }
        Encoding::Text => (
            "text/plain; charset=utf-8",
            plain(Some(value)).unwrap_or_default().into_bytes(),
        ),
    }
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // A vector takes all bytes.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
