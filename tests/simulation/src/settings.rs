//! Settings documents that come, change what is in force in mid-life, or do not come.

use headwater_model::json::{Limits, Value, parse};

use crate::life::Life;
use crate::network::Message;
use crate::table::Table;

/// A settings document, and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) table: Table,
    /// Categories that the first destination is mapped to beside its own.
    pub(crate) categories: Vec<String>,
    /// Whether the second destination has an entry.
    pub(crate) second: bool,
}

impl Life {
    pub(crate) fn fetch_settings(&mut self) {
        let epoch = self.epoch;
        let answer = match self.dice.roll(if self.stormy { 5 } else { 1 }) {
            0 => Some((200, self.write_document())),
            1 => Some((500, Vec::new())),
            2 => Some((200, b"<html>".to_vec())),
            3 => None,
            _ => return,
        };
        let delay = self.dice.range(1, 20_000);
        self.post(delay, Message::Settings { epoch, answer });
    }

    /// A document nobody has seen before. Its member `n` says which one it is.
    fn write_document(&mut self) -> Vec<u8> {
        let dice = &mut self.dice;
        let http = if dice.chance(600) {
            let mut sections = Vec::new();
            if dice.chance(600) {
                let statuses = match dice.roll(3) {
                    0 => r#""404":"retry","502":"drop""#,
                    1 => r#""500":"drop","501":"retry","429":"drop""#,
                    _ => "",
                };
                sections.push(format!(
                    r#""backoffConfig":{{"enabled":{},"maxRetryCount":{},"baseBackoffInterval":{},"maxBackoffInterval":{},"maxTotalBackoffDuration":{},"jitterPercent":{},"statusCodeOverrides":{{{statuses}}}}}"#,
                    dice.chance(850),
                    dice.range(0, 9),
                    dice.range(0, 5),
                    dice.range(0, 290),
                    dice.range(100, 9_000),
                    dice.range(0, 120),
                ));
            }
            if dice.chance(600) {
                sections.push(format!(
                    r#""rateLimitConfig":{{"enabled":{},"maxRetryCount":{},"maxRetryInterval":{}}}"#,
                    dice.chance(850),
                    dice.range(0, 9),
                    dice.range(0, 400),
                ));
            }
            format!("{{{}}}", sections.join(","))
        } else {
            "{}".to_owned()
        };
        let categories = if dice.chance(300) { r#""b""# } else { "" };
        let second = dice.chance(700);
        let crm = if second { r#","Crm":{"id":1}"# } else { "" };
        let text = format!(
            r#"{{"n":{},"integrations":{{"Segment.io":{{"httpConfig":{http}}},"Ads":{{"consentSettings":{{"categories":[{categories}]}}}}{crm}}}}}"#,
            self.documents.len()
        );
        let usual = Table::new(self.setup.max_retries);
        let table = match parse(http.as_bytes(), &Limits::default()) {
            Ok(http) => usual.with(&http),
            Err(_) => usual,
        };
        self.documents.push(Document {
            table,
            categories: if categories.is_empty() {
                Vec::new()
            } else {
                vec!["b".to_owned()]
            },
            second,
        });
        text.into_bytes()
    }

    /// This text is the settings document now, if it is one.
    pub(crate) fn take_document(&mut self, text: &[u8]) {
        let Ok(document) = parse(text, &Limits::default()) else {
            return;
        };
        self.document = document
            .get("n")
            .and_then(Value::as_i64)
            .and_then(|n| usize::try_from(n).ok());
        self.pace.table = self.table();
        self.note(|life| format!("settings {:?}: {:?}", life.document, life.pace.table));
    }

    pub(crate) fn document(&self) -> Option<&Document> {
        self.document.and_then(|n| self.documents.get(n))
    }

    /// The retry table in force.
    pub(crate) fn table(&self) -> Table {
        self.document().map_or_else(
            || Table::new(self.setup.max_retries),
            |document| document.table.clone(),
        )
    }
}
