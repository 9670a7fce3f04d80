//! A destination's settings, checked against its definition.

use headwater_model::json::{Object, Value};

use crate::definition::Definition;
use crate::file::SettingKind;

/// Settings that fit their definition.
#[derive(Clone)]
pub struct Settings {
    pub(crate) values: Value,
    pub(crate) host: Option<String>,
}

/// Without the values: some are secret.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

impl Definition {
    /// Checks settings and fills in defaults.
    ///
    /// # Errors
    /// Each mistake: the setting's name, and what is wrong. No value is in it.
    pub fn settings(&self, given: &Object) -> Result<Settings, Vec<(String, String)>> {
        let mut wrong = Vec::new();
        for name in given.keys() {
            if !self.file.settings.contains_key(name) {
                let names: Vec<&str> = self.file.settings.keys().map(String::as_str).collect();
                wrong.push((
                    name.to_owned(),
                    format!(
                        "{} has no such setting; there are {}",
                        self.file.name,
                        names.join(", ")
                    ),
                ));
            }
        }
        let mut values = Object::new();
        for (name, setting) in &self.file.settings {
            let value = given
                .get(name)
                .filter(|value| !value.is_null())
                .or(setting.default.as_ref());
            let Some(value) = value else {
                if !setting.optional {
                    wrong.push((name.clone(), "is needed".to_owned()));
                }
                continue;
            };
            let problem = match (setting.kind, value) {
                (SettingKind::String, Value::String(text)) => {
                    if !setting.one_of.is_empty() && !setting.one_of.contains(text) {
                        Some(format!("is one of {}", setting.one_of.join(", ")))
                    } else if text.chars().count() < setting.min_length {
                        Some(format!("has at least {} characters", setting.min_length))
                    } else {
                        None
                    }
                }
                (SettingKind::Number, Value::Number(_))
                | (SettingKind::Boolean, Value::Bool(_)) => None,
                (SettingKind::String, _) => Some("is a text".to_owned()),
                (SettingKind::Number, _) => Some("is a number".to_owned()),
                (SettingKind::Boolean, _) => Some("is true or false".to_owned()),
            };
            match problem {
                Some(problem) => wrong.push((name.clone(), problem)),
                None => drop(values.insert(name.as_str(), value.clone())),
            }
        }
        if wrong.is_empty() {
            let host = self.host(&values);
            Ok(Settings {
                values: Value::Object(values),
                host,
            })
        } else {
            Err(wrong)
        }
    }

    /// Settings for a look at what would be sent: what is missing is its name in angle brackets.
    #[must_use]
    pub fn sample_settings(&self, given: &Object) -> Object {
        let mut filled = given.clone();
        for (name, setting) in &self.file.settings {
            if !setting.optional && setting.default.is_none() && !filled.contains_key(name) {
                let value = match setting.kind {
                    SettingKind::String => match setting.one_of.first() {
                        Some(first) => Value::from(first.as_str()),
                        None => Value::from(format!("<{name}>")),
                    },
                    SettingKind::Number => Value::from(1_i64),
                    SettingKind::Boolean => Value::from(false),
                };
                filled.insert(name.as_str(), value);
            }
        }
        filled
    }

    /// The same settings with secrets replaced by their names: what is rendered with them may be shown.
    #[must_use]
    pub fn masked(&self, settings: &Settings) -> Settings {
        let mut values = settings.values.to_object().unwrap_or_default();
        for (name, setting) in &self.file.settings {
            if setting.secret && values.contains_key(name) {
                values.insert(name.as_str(), format!("<{name}>"));
            }
        }
        Settings {
            values: Value::Object(values),
            host: settings.host.clone(),
        }
    }

    fn host(&self, values: &Object) -> Option<String> {
        let region = values.get("region").and_then(Value::as_str);
        let hosts = &self.file.hosts;
        region
            .and_then(|region| hosts.get(region))
            .or_else(|| hosts.values().next().filter(|_| hosts.len() == 1))
            .cloned()
    }
}
