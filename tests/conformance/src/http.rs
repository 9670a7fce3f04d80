//! Just enough HTTP/1.1 for a mock on the loopback: requests with a length or in chunks, keep-alive, gzip.

use std::io::{BufRead, Read, Write};
use std::time::Duration;

use flate2::read::GzDecoder;

/// The largest request body read, before and after decompression. Sixteen times what the tracking API takes.
const MAX_BODY: u64 = 8 << 20;
const MAX_LINE: u64 = 64 << 10;
const MAX_HEADERS: usize = 200;

/// A request as it came, the body decompressed.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`…
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// After decompression.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this (lower-case) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Reads one request; `None` when the connection ended or what came is no request.
    pub fn read(reader: &mut impl BufRead) -> Option<Request> {
        let line = read_line(reader)?;
        let mut words = line.split_whitespace();
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = Vec::new();
        loop {
            let line = read_line(reader)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':')?;
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            if headers.len() > MAX_HEADERS {
                return None;
            }
        }
        let mut request = Request {
            method,
            path,
            headers,
            body: Vec::new(),
        };
        request.body = request.read_body(reader)?;
        if request.header("content-encoding") == Some("gzip") {
            let mut plain = Vec::new();
            GzDecoder::new(request.body.as_slice())
                .take(MAX_BODY)
                .read_to_end(&mut plain)
                .ok()?;
            request.body = plain;
        }
        Some(request)
    }

    fn read_body(&self, reader: &mut impl BufRead) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        if self.header("transfer-encoding") == Some("chunked") {
            loop {
                let line = read_line(reader)?;
                let size = line.split(';').next()?.trim();
                let size = u64::from_str_radix(size, 16).ok()?;
                if size == 0 {
                    while !read_line(reader)?.is_empty() {}
                    return Some(body);
                }
                if body.len() as u64 + size > MAX_BODY {
                    return None;
                }
                read_exactly(reader, size, &mut body)?;
                read_line(reader)?;
            }
        }
        let length = match self.header("content-length") {
            Some(length) => length.parse().ok().filter(|length| *length <= MAX_BODY)?,
            None => 0,
        };
        read_exactly(reader, length, &mut body)?;
        Some(body)
    }
}

fn read_exactly(reader: &mut impl BufRead, length: u64, into: &mut Vec<u8>) -> Option<()> {
    let read = reader.take(length).read_to_end(into).ok()?;
    (read as u64 == length).then_some(())
}

fn read_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    let read = reader.take(MAX_LINE).read_until(b'\n', &mut line).ok()?;
    if read == 0 {
        return None;
    }
    let line = String::from_utf8(line).ok()?;
    Some(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Writes an answer; with `drip` the body comes byte group by byte group, spread over that time.
///
/// # Errors
/// When the client is gone.
pub fn write_answer(
    writer: &mut impl Write,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
    drip: Duration,
) -> std::io::Result<()> {
    // These have no body by definition (RFC 9110 §6.4.1).
    let bodiless = status == 204 || status == 304;
    let body = if bodiless { &[] } else { body };
    let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
    if !bodiless {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    writer.write_all(head.as_bytes())?;
    if drip.is_zero() || body.is_empty() {
        writer.write_all(body)?;
        return writer.flush();
    }
    writer.flush()?;
    const PIECES: usize = 10;
    for piece in body.chunks(body.len().div_ceil(PIECES)) {
        std::thread::sleep(drip / 10);
        writer.write_all(piece)?;
        writer.flush()?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_request_in_chunks_reads_as_one_with_a_length() {
        let chunked = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        let plain = b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde";
        for text in [chunked.as_slice(), plain.as_slice()] {
            let request = Request::read(&mut &*text).unwrap();
            assert_eq!(request.body, b"abcde");
        }
    }

    #[test]
    fn what_is_cut_short_or_endless_is_no_request() {
        for text in [
            "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc",
            "POST /a HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\nabc",
            "POST /a HTTP/1.1\r\nno colon\r\n\r\n",
            "",
        ] {
            assert!(Request::read(&mut text.as_bytes()).is_none(), "{text}");
        }
    }
}
