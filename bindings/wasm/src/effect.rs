//! An effect, taken apart into numbers and texts.

use headwater_engine::{Diagnostic, Effect, Engine, FlushReport, Report};
use headwater_model::id::Seq;
use headwater_model::json::{decimal, write_string};

use crate::read::string;

/// What `num`, `text` and `seqs` read.
#[derive(Debug, Default)]
pub(crate) struct Current {
    pub(crate) kind: u32,
    pub(crate) nums: [f64; 5],
    pub(crate) texts: [String; 4],
    pub(crate) seqs: Vec<Seq>,
}

pub(crate) fn next(engine: &mut Engine) -> Current {
    let mut to = Current::default();
    while to.kind == 0 {
        let Some(effect) = engine.poll_effect() else {
            break;
        };
        to.fill(effect);
    }
    to
}

impl Current {
    fn fill(&mut self, effect: Effect) {
        let Current {
            kind,
            nums,
            texts,
            seqs,
        } = self;
        *kind = match effect {
            Effect::Persist {
                seq,
                at,
                body,
                unstamped,
            } => {
                nums[0] = seq.0 as f64;
                nums[1] = at.0 as f64;
                nums[2] = f64::from(u8::from(unstamped));
                texts[0] = string(body);
                1
            }
            Effect::Forget(gone) => {
                *seqs = gone;
                2
            }
            Effect::Save { key, value } => {
                texts[0] = key.as_str().to_owned();
                texts[1] = string(value);
                3
            }
            Effect::Load(wanted) => {
                *seqs = wanted;
                4
            }
            Effect::Sync => 5,
            Effect::Upload(upload) => {
                nums[0] = f64::from(upload.request);
                nums[1] = upload.timeout as f64;
                nums[2] = f64::from(u8::from(upload.gzip));
                *texts = [
                    upload.url,
                    string(upload.prefix),
                    string(upload.suffix),
                    pairs(&upload.headers),
                ];
                *seqs = upload.seqs;
                6
            }
            Effect::Cancel(request) => {
                nums[0] = f64::from(request);
                7
            }
            Effect::FetchSettings { url } => {
                texts[0] = url;
                8
            }
            Effect::Deliver {
                delivery,
                destination,
                event,
            } => {
                nums[0] = delivery as f64;
                nums[1] = destination as f64;
                let mut text = Vec::new();
                event.write(&mut text);
                texts[0] = string(text);
                9
            }
            Effect::CancelDeliveries => 10,
            Effect::Configure {
                destination,
                settings,
            } => {
                nums[0] = destination as f64;
                texts[0] = string(settings.to_vec());
                11
            }
            Effect::Signal { reset } => {
                nums[0] = f64::from(u8::from(reset));
                12
            }
            Effect::Report(Report {
                reason,
                count,
                message_id,
                status,
                destination,
                detail,
            }) => {
                nums[0] = count as f64;
                nums[1] = f64::from(status.unwrap_or(0));
                *texts = [
                    reason.as_str().to_owned(),
                    message_id.unwrap_or_default(),
                    destination.unwrap_or_default(),
                    detail,
                ];
                13
            }
            Effect::FlushDone { id, report } => {
                let FlushReport {
                    delivered,
                    dropped,
                    pending,
                    waiting_for,
                    retry_in,
                } = report;
                *nums = [
                    id as f64,
                    delivered as f64,
                    dropped as f64,
                    pending as f64,
                    retry_in.map_or(-1.0, |wait| wait as f64),
                ];
                texts[0] = waiting_for.unwrap_or_default();
                14
            }
            Effect::Diagnostic(diagnostic) => {
                let (name, detail, number) = explain(diagnostic);
                texts[0] = name.to_owned();
                texts[1] = detail;
                nums[0] = number;
                15
            }
            // None that a page's engine has.
            _ => 0,
        };
    }
}

/// A diagnostic's name, detail and number.
fn explain(diagnostic: Diagnostic) -> (&'static str, String, f64) {
    let none = String::new();
    match diagnostic {
        Diagnostic::BatchDelivered { events } => ("batch_delivered", none, events as f64),
        Diagnostic::UploadFailed {
            status, retry_in, ..
        } => {
            let status = status.map_or(none, |status| decimal(status.into()));
            ("upload_failed", status, retry_in as f64)
        }
        Diagnostic::SettingsFailed { detail } => ("settings_failed", detail, 0.0),
        Diagnostic::StateUnreadable(key) => ("state_unreadable", key.as_str().to_owned(), 0.0),
        Diagnostic::PluginFailed { plugin, detail } => {
            ("plugin_failed", [&plugin, ": ", &detail].concat(), 0.0)
        }
        // What only hosts of another kind can meet.
        _ => ("other", none, 0.0),
    }
}

/// `[[name, value], …]`.
fn pairs(pairs: &[(String, String)]) -> String {
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
    string(out)
}
