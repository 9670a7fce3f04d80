//! An effect as text: its kind and numbers, each after the first behind a NUL, then its texts, each behind a U+0001.
//! Sequence numbers are one text, with commas. JSON holds neither character.

use headwater_engine::{Diagnostic, Effect, Engine};
use headwater_model::id::Seq;
use headwater_model::json::{write_i64, write_string, write_u64};

use crate::FULL;

/// The next effect; empty when there is none.
#[inline(never)]
pub(crate) fn next(engine: &mut Engine) -> Vec<u8> {
    let mut out = Out(Vec::new());
    while out.0.is_empty() {
        let Some(effect) = engine.next_effect() else {
            break;
        };
        write(&mut out, effect);
    }
    out.0
}

struct Out(Vec<u8>);

impl Out {
    fn kind(&mut self, kind: u8) -> &mut Out {
        write_u64(&mut self.0, kind.into());
        self
    }

    fn number(&mut self, number: u64) -> &mut Out {
        self.signed(i64::try_from(number).unwrap_or(i64::MAX))
    }

    fn signed(&mut self, number: i64) -> &mut Out {
        self.0.push(0);
        write_i64(&mut self.0, number);
        self
    }

    fn text(&mut self, text: &[u8]) -> &mut Out {
        self.0.push(1);
        self.0.extend_from_slice(text);
        self
    }

    fn seqs(&mut self, seqs: &[Seq]) {
        let mut separator = 1;
        for seq in seqs {
            self.0.push(separator);
            write_u64(&mut self.0, seq.0);
            separator = b',';
        }
    }
}

fn write(out: &mut Out, effect: &Effect) {
    match effect {
        Effect::Persist {
            seq,
            at,
            body,
            unstamped,
        } => {
            out.kind(1)
                .number(seq.0)
                .signed(at.0)
                .number((*unstamped).into())
                .text(body);
        }
        Effect::Forget(seqs) => out.kind(2).seqs(seqs),
        Effect::Save { key, value } => {
            out.kind(3).text(key.as_str().as_bytes()).text(value);
        }
        Effect::Load(seqs) => out.kind(4).seqs(seqs),
        Effect::Sync => {
            out.kind(5);
        }
        Effect::Upload(upload) => {
            out.kind(6)
                .number(upload.request.into())
                .number(upload.timeout)
                .number(upload.gzip.into())
                .text(upload.url.as_bytes())
                .text(&upload.prefix)
                .text(&upload.suffix)
                .text(&pairs(&upload.headers))
                .seqs(&upload.seqs);
        }
        Effect::Cancel(request) => {
            out.kind(7).number((*request).into());
        }
        Effect::FetchSettings { url } if FULL => {
            out.kind(8).text(url.as_bytes());
        }
        #[cfg(feature = "full")]
        Effect::Deliver {
            delivery,
            destination,
            event,
        } => {
            out.kind(9)
                .number(*delivery)
                .number(*destination as u64)
                .text(&[]);
            event.write(&mut out.0);
        }
        #[cfg(feature = "full")]
        Effect::CancelDeliveries => {
            out.kind(10);
        }
        #[cfg(feature = "full")]
        Effect::Configure {
            destination,
            settings,
        } => {
            out.kind(11).number(*destination as u64).text(&[]);
            settings.write(&mut out.0);
        }
        #[cfg(feature = "full")]
        Effect::TryAgain { id, event, guards } => {
            out.kind(16).number(*id).text(&[]);
            event.write(&mut out.0);
            for guard in guards {
                out.text(guard.as_bytes());
            }
        }
        Effect::Signal { reset } => {
            out.kind(12).number((*reset).into());
        }
        Effect::Report(report) => {
            out.kind(13)
                .number(report.count)
                .number(report.status.unwrap_or(0).into())
                .text(report.reason.as_str().as_bytes())
                .text(bytes(report.message_id.as_ref()))
                .text(bytes(report.destination.as_ref()))
                .text(report.detail.as_bytes());
        }
        Effect::FlushDone { id, report } => {
            out.kind(14)
                .number(*id)
                .number(report.delivered)
                .number(report.dropped)
                .number(report.pending)
                .signed(
                    report
                        .retry_in
                        .map_or(-1, |wait| wait.try_into().unwrap_or(i64::MAX)),
                )
                .text(bytes(report.waiting_for.as_ref()));
        }
        Effect::Diagnostic(diagnostic) => explain(out.kind(15), diagnostic),
        // None that a page's engine has.
        _ => {}
    }
}

/// A diagnostic's number, name and detail.
fn explain(out: &mut Out, diagnostic: &Diagnostic) {
    match diagnostic {
        Diagnostic::BatchDelivered { events } => {
            out.number(*events).text(b"batch_delivered");
        }
        Diagnostic::UploadFailed {
            status, retry_in, ..
        } => {
            out.number(*retry_in).text(b"upload_failed").text(&[]);
            if let Some(status) = status {
                write_u64(&mut out.0, u64::from(*status));
            }
        }
        Diagnostic::Redirected { status, .. } => {
            out.number((*status).into()).text(b"redirected");
        }
        Diagnostic::NotFound { url } => {
            out.number(404).text(b"not_found").text(url.as_bytes());
        }
        Diagnostic::NoEndpoint => {
            out.number(0).text(b"no_endpoint");
        }
        Diagnostic::SettingsFailed { detail } if FULL => {
            out.number(0)
                .text(b"settings_failed")
                .text(detail.as_bytes());
        }
        Diagnostic::StateUnreadable(key) => {
            out.number(0)
                .text(b"state_unreadable")
                .text(key.as_str().as_bytes());
        }
        Diagnostic::PluginFailed { plugin, detail } if FULL => {
            out.number(0).text(b"plugin_failed").text(plugin.as_bytes());
            out.0.extend_from_slice(b": ");
            out.0.extend_from_slice(detail.as_bytes());
        }
        // What only hosts of another kind can meet.
        _ => {
            out.number(0).text(b"other");
        }
    }
}

fn bytes(text: Option<&String>) -> &[u8] {
    text.map_or(&[], String::as_bytes)
}

/// `[[name, value], …]`.
fn pairs(pairs: &[(String, String)]) -> Vec<u8> {
    let mut out = vec![b'['];
    for (name, value) in pairs {
        if out.len() > 1 {
            out.push(b',');
        }
        out.push(b'[');
        write_string(&mut out, name);
        out.push(b',');
        write_string(&mut out, value);
        out.push(b']');
    }
    out.push(b']');
    out
}
