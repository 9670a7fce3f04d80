//! The pixel: one event in a query string, a picture for an answer.

use bytes::Bytes;
use headwater_model::json::{Object, Value};

use super::auth;

/// A transparent 1×1 GIF, the answer to everything: a broken picture would show on the page.
pub(super) const GIF: &[u8] = &[
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00,
    0xff, 0xff, 0xff, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3b,
];

/// Deepest path of a dotted parameter.
const MAX_PARTS: usize = 8;

/// The event of a pixel: `data` (base64 of its JSON), or dotted parameters (`properties.subject=…`), whose values stay
/// strings. `None` when there is neither.
pub(super) fn event(query: &str) -> Option<Bytes> {
    let pairs = auth::pairs(query);
    if let Some((_, data)) = pairs.iter().find(|(name, _)| name == "data") {
        // `+` in an unescaped query means a blank; in base64 it can only have been a plus.
        return auth::decode_base64(&data.replace(' ', "+")).map(Bytes::from);
    }
    let mut event = Object::new();
    for (name, value) in pairs {
        let parts: Vec<&str> = name.split('.').collect();
        if parts.len() <= MAX_PARTS && !parts.iter().any(|part| part.is_empty()) && name != "strict"
        {
            place(&mut event, &parts, value);
        }
    }
    if event.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    event.write(&mut out);
    Some(out.into())
}

/// Sets the value at a path; a parameter that contradicts an earlier one (`a=1&a.b=2`) is left out.
fn place(object: &mut Object, parts: &[&str], value: String) {
    match parts {
        [] => {}
        [name] => {
            if !object.contains_key(name) {
                object.insert(*name, Value::String(value));
            }
        }
        [name, rest @ ..] => {
            if !object.contains_key(name) {
                object.insert(*name, Value::Object(Object::new()));
            }
            if let Some(Value::Object(inner)) = object.get_mut(name) {
                place(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_parameters_make_an_event() {
        let body = event("writeKey=k&event=Email+Opened&userId=u&properties.subject=Hi%21&properties.a.b=1&a..b=2").unwrap();
        assert_eq!(
            std::str::from_utf8(&body).unwrap(),
            r#"{"writeKey":"k","event":"Email Opened","userId":"u","properties":{"subject":"Hi!","a":{"b":"1"}}}"#
        );
    }

    #[test]
    fn data_is_base64_of_either_alphabet() {
        assert_eq!(
            event("data=eyJ1c2VySWQiOiJ-In0").unwrap(),
            event("data=eyJ1c2VySWQiOiJ+In0=").unwrap()
        );
        assert_eq!(event("data=%%%"), None);
        assert_eq!(event(""), None);
    }
}
