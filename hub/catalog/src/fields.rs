//! Fields: an event through the mappings, then types and formats, in Segment's order.

use headwater_govern::mapping::Shape;
use headwater_model::json::{Number, Value};
use headwater_model::time::parse_iso;

use crate::file::{FieldFile, FieldKind, Format, Invalid};

/// One field, ready.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) file: FieldFile,
    pub(crate) default: Option<Shape>,
}

impl Field {
    /// A mapped value as the field takes it: `None` leaves it out.
    ///
    /// # Errors
    /// Why the event is dropped.
    pub(crate) fn accept(&self, value: Option<Value>) -> Result<Option<Value>, String> {
        let file = &self.file;
        let value = match value {
            Some(Value::Null) if file.nullable => return Ok(Some(Value::Null)),
            Some(Value::Null) | None => None,
            // Segment drops an empty text, of whatever type.
            Some(Value::String(text)) if text.is_empty() => None,
            Some(value) => Some(value),
        };
        let Some(value) = value else {
            return if file.required {
                Err(format!("the field {} is needed", self.name))
            } else {
                Ok(None)
            };
        };
        let made = if file.multiple {
            let items = match value {
                Value::Array(items) => items,
                other => vec![other],
            };
            items
                .into_iter()
                .map(|item| self.fitted(item))
                .collect::<Result<Vec<Value>, _>>()
                .map(Value::Array)
        } else {
            self.fitted(value)
        };
        match made {
            Ok(value) => Ok(Some(value)),
            Err(_) if file.invalid == Invalid::Omit && !file.required => Ok(None),
            Err(problem) => Err(format!("the field {} {problem}", self.name)),
        }
    }

    fn fitted(&self, value: Value) -> Result<Value, String> {
        let value = coerced(self.file.kind, value)?;
        let Value::String(text) = &value else {
            return Ok(value);
        };
        match self.file.format {
            Some(Format::Email) if !is_email(text) => return Err("is no e-mail address".to_owned()),
            Some(Format::Uri) if !text.contains("://") => return Err("is no address".to_owned()),
            _ => {}
        }
        if let Some(most) = self.file.max_length
            && text.chars().count() > most
        {
            return Err(format!("has more than {most} characters"));
        }
        if !self.file.one_of.is_empty() && !self.file.one_of.contains(text) {
            return Err(format!("is none of {}", self.file.one_of.join(", ")));
        }
        Ok(value)
    }
}

/// Types as Segment coerces them: numbers and booleans from texts and back.
fn coerced(kind: FieldKind, value: Value) -> Result<Value, String> {
    let wrong = |what: &str| Err(format!("is no {what}"));
    match (kind, value) {
        (FieldKind::String, Value::String(text)) => Ok(Value::String(text)),
        (FieldKind::String, Value::Number(number)) => Ok(Value::String(number.to_string())),
        (FieldKind::String, Value::Bool(value)) => Ok(Value::String(value.to_string())),
        (FieldKind::String, _) => wrong("text"),
        (FieldKind::Number, value) => {
            number(value).map_or_else(|| wrong("number"), |number| Ok(number.into()))
        }
        (FieldKind::Integer, value) => match number(value) {
            Some(number) if number.as_i64().is_some() => Ok(number.into()),
            _ => wrong("whole number"),
        },
        (FieldKind::Boolean, Value::Bool(value)) => Ok(value.into()),
        (FieldKind::Boolean, Value::String(text)) if text == "true" || text == "false" => {
            Ok((text == "true").into())
        }
        (FieldKind::Boolean, Value::Number(number)) if matches!(number.as_i64(), Some(0 | 1)) => {
            Ok((number.as_i64() == Some(1)).into())
        }
        (FieldKind::Boolean, _) => wrong("boolean"),
        (FieldKind::Datetime, Value::Number(number)) => Ok(number.into()),
        (FieldKind::Datetime, Value::String(text))
            if parse_iso(text.trim()).is_some() || Number::parse(text.trim()).is_some() =>
        {
            Ok(Value::String(text))
        }
        (FieldKind::Datetime, _) => wrong("time"),
        (FieldKind::Object, Value::Object(object)) => Ok(object.into()),
        (FieldKind::Object, _) => wrong("object"),
    }
}

fn number(value: Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number),
        Value::String(text) => Number::parse(text.trim()),
        Value::Bool(value) => Some(Number::from_u64(u64::from(value))),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.contains('.')
            && !text.contains(char::is_whitespace)
            && !domain.contains('@')
    })
}
