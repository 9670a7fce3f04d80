//! One event to the items of a request: trigger, fields, require and guards, item. Nothing is dropped without a reason.

use headwater_govern::expression::{Names, Note, Root, Run, Scope};
use headwater_govern::mapping::Stopped;
use headwater_model::json::{Object, Value};

use crate::definition::{Action, Definition, Preset};
use crate::settings::Settings;

/// An event that an action takes, ready to be sent.
#[derive(Clone, Debug)]
pub struct Prepared<'a> {
    /// The preset that took it.
    pub preset: &'a str,
    /// The action.
    pub action: &'a str,
    /// What the functions remarked.
    pub notes: Vec<Note>,
    pub(crate) event: &'a Object,
    pub(crate) fields: Object,
    pub(crate) items: Vec<Value>,
    pub(crate) now: i64,
    key: Vec<Option<Value>>,
    bytes: usize,
}

/// An event that a preset takes, and that is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped<'a> {
    /// The preset.
    pub preset: &'a str,
    /// Why.
    pub reason: String,
}

impl Prepared<'_> {
    /// Whether both may lie in one request.
    #[must_use]
    pub fn shares_with(&self, other: &Prepared<'_>) -> bool {
        self.preset == other.preset && self.key == other.key
    }

    /// How many items it gives, and about how many bytes they have.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.items.len(), self.bytes)
    }
}

impl Definition {
    /// What the automatic presets make of an event, received and sent at these milliseconds. A preset whose trigger does not
    /// hold is not in it.
    #[must_use]
    pub fn prepare<'a>(
        &'a self,
        settings: &Settings,
        event: &'a Object,
        now: i64,
        sent: i64,
    ) -> Vec<Result<Prepared<'a>, Dropped<'a>>> {
        self.presets
            .iter()
            .filter(|preset| preset.automatic)
            .filter_map(|preset| self.prepare_by(preset, settings, event, now, sent))
            .collect()
    }

    fn prepare_by<'a>(
        &'a self,
        preset: &'a Preset,
        settings: &Settings,
        event: &'a Object,
        now: i64,
        sent: i64,
    ) -> Option<Result<Prepared<'a>, Dropped<'a>>> {
        let action = self.actions.get(&preset.action)?;
        let names = Names {
            settings: Some(&settings.values),
            host: settings.host.as_deref(),
            tables: Some(&self.tables),
            now: Some(now),
            sent: Some(sent),
            ..Names::default()
        };
        let scope = Scope {
            root: Root::Object(event),
            names: &names,
            turn: None,
        };
        let dropped = |reason: String| {
            Some(Err(Dropped {
                preset: &preset.name,
                reason,
            }))
        };
        match preset.trigger.holds(&scope, &mut Run::default()) {
            Ok(true) => {}
            Ok(false) => return None,
            // Segment's rule: a condition that fails holds the event back.
            Err(error) => return dropped(error.to_string()),
        }
        match prepared(action, preset, &scope) {
            Ok((fields, items, key, notes)) => Some(Ok(Prepared {
                preset: &preset.name,
                action: &preset.action,
                bytes: items.iter().map(|item| item.to_string().len()).sum(),
                notes,
                event,
                fields,
                items,
                now,
                key,
            })),
            Err(reason) => dropped(reason),
        }
    }
}

type Parts = (Object, Vec<Value>, Vec<Option<Value>>, Vec<Note>);

fn prepared(action: &Action, preset: &Preset, scope: &Scope<'_>) -> Result<Parts, String> {
    let mut run = Run::default();
    let text = |stopped: Stopped| stopped.to_string();
    let mut fields: Vec<(&str, Value)> = Vec::with_capacity(action.fields.len());
    for field in &action.fields {
        let mapped = match preset.fields.get(&field.name).or(field.default.as_ref()) {
            Some(mapping) => mapping
                .make(scope, &mut run)
                .map_err(|stopped| format!("the field {}: {stopped}", field.name))?,
            None => None,
        };
        if let Some(value) = field.accept(mapped)? {
            fields.push((&field.name, value));
        }
    }
    let fields: Object = fields.into_iter().collect();
    let any = &action.file.require.any;
    if !any.is_empty() && !any.iter().any(|name| fields.contains_key(name)) {
        return Err(format!("one of {} is needed", any.join(", ")));
    }
    let names = Names {
        fields: Some(&fields),
        ..*scope.names
    };
    let scope = Scope {
        names: &names,
        ..*scope
    };
    for (drop_if, reason) in &action.guards {
        if drop_if
            .holds(&scope, &mut run)
            .map_err(|error| error.to_string())?
        {
            return Err(reason.clone());
        }
    }
    let items = match &action.item {
        None => Vec::new(),
        // The attempt's clock is not in items: a retry sends equal bytes.
        Some(item) => {
            let names = Names {
                sent: None,
                ..names
            };
            let scope = Scope {
                names: &names,
                ..scope
            };
            match item.make(&scope, &mut run).map_err(text)? {
                Some(Value::Array(items)) => items,
                Some(item) => vec![item],
                None => Vec::new(),
            }
        }
    };
    if action.item.is_some() && items.is_empty() {
        return Err("it gives no item".to_owned());
    }
    let mut key = Vec::with_capacity(action.key.len());
    for formula in &action.key {
        key.push(
            formula
                .evaluate(&scope, &mut run)
                .map_err(|error| error.to_string())?
                .into_value(),
        );
    }
    let notes = run.take_notes();
    Ok((fields, items, key, notes))
}
