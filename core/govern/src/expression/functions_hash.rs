//! Value functions that hash.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headwater_model::json::Value;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::functions_text::{as_text, digits, is_email, slug};
use super::functions_value::Made;
use super::worth::Worth;

/// RFC 9562, section 5.5.
pub(super) fn uuid5(namespace: &str, name: &str) -> Option<String> {
    let hex: String = namespace.chars().filter(|c| *c != '-').collect();
    if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut hasher = Sha1::new();
    for at in (0..32).step_by(2) {
        hasher.update([u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?]);
    }
    hasher.update(name.as_bytes());
    let mut bytes: [u8; 16] = hasher.finalize().get(..16)?.try_into().ok()?;
    bytes[6] = (bytes[6] & 0x0f) | 0x50;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = hexed(&bytes);
    Some(format!(
        "{}-{}-{}-{}-{}",
        text.get(..8)?,
        text.get(8..12)?,
        text.get(12..16)?,
        text.get(16..20)?,
        text.get(20..)?
    ))
}

fn hexed(bytes: &[u8]) -> String {
    use core::fmt::Write;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// How a value is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// SHA-256
    Sha256,
    /// SHA-1
    Sha1,
    /// MD5
    Md5,
}

impl HashAlgorithm {
    /// `sha256`, `sha1`, `md5`
    #[must_use]
    pub fn named(name: &str) -> Option<HashAlgorithm> {
        Some(match name {
            "sha256" => HashAlgorithm::Sha256,
            "sha1" => HashAlgorithm::Sha1,
            "md5" => HashAlgorithm::Md5,
            _ => return None,
        })
    }

    fn digest(self, text: &str) -> Vec<u8> {
        match self {
            HashAlgorithm::Sha256 => Sha256::digest(text).to_vec(),
            HashAlgorithm::Sha1 => Sha1::digest(text).to_vec(),
            HashAlgorithm::Md5 => Md5::digest(text).to_vec(),
        }
    }

    fn hex_digits(self) -> usize {
        match self {
            HashAlgorithm::Sha256 => 64,
            HashAlgorithm::Sha1 => 40,
            HashAlgorithm::Md5 => 32,
        }
    }
}

/// What a value is made like before it is hashed, so that equal things hash equally.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Normaliser {
    /// As it is.
    #[default]
    None,
    /// Without white space at both ends.
    Trim,
    /// Trimmed, in small letters.
    Lower,
    /// As lower; what is no e-mail address is not hashed.
    Email,
    /// As e-mail; the dots before `@gmail.com` and `@googlemail.com` go.
    Gmail,
    /// Digits alone.
    Digits,
    /// Small letters a to z and digits alone.
    Slug,
}

impl Normaliser {
    /// `trim`, `lower`, `email`, `gmail`, `digits`, `slug`
    #[must_use]
    pub fn named(name: &str) -> Option<Normaliser> {
        Some(match name {
            "trim" => Normaliser::Trim,
            "lower" => Normaliser::Lower,
            "email" => Normaliser::Email,
            "gmail" => Normaliser::Gmail,
            "digits" => Normaliser::Digits,
            "slug" => Normaliser::Slug,
            _ => return None,
        })
    }

    /// The value as it is hashed; `None` when nothing is left or it is not what the normaliser is for.
    #[must_use]
    pub fn normalised(self, text: &str) -> Option<String> {
        let email = || Some(text.trim().to_lowercase()).filter(|email| is_email(email));
        Some(match self {
            Normaliser::None => text.to_owned(),
            Normaliser::Trim => text.trim().to_owned(),
            Normaliser::Lower => text.trim().to_lowercase(),
            Normaliser::Email => email()?,
            Normaliser::Gmail => {
                let email = email()?;
                match email.split_once('@') {
                    Some((local, domain @ ("gmail.com" | "googlemail.com"))) => {
                        format!("{}@{domain}", local.replace('.', ""))
                    }
                    _ => email,
                }
            }
            Normaliser::Digits => digits(text),
            Normaliser::Slug => slug(text),
        })
        .filter(|text| !text.is_empty())
    }
}

/// A text's hash in hex; one that is such a hash already, in small letters. `None` as [`Normaliser::normalised`].
#[must_use]
pub fn hashed(algorithm: HashAlgorithm, text: &str, normaliser: Normaliser) -> Option<String> {
    let trimmed = text.trim();
    if trimmed.len() == algorithm.hex_digits()
        && trimmed.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return Some(trimmed.to_ascii_lowercase());
    }
    Some(hexed(&algorithm.digest(&normaliser.normalised(text)?)))
}

pub(super) fn hash<'a>(
    algorithm: &Worth<'_>,
    value: Worth<'a>,
    normaliser: &Worth<'_>,
) -> Made<'a> {
    let Worth::Text(name) = algorithm else {
        return Err("the algorithm is a text");
    };
    let (name, base64) = match name.strip_suffix("_base64") {
        Some(name) => (name, true),
        None => (&**name, false),
    };
    let algorithm = HashAlgorithm::named(name).ok_or("there are sha256, sha1 and md5")?;
    let normaliser = match normaliser {
        Worth::Missing => Normaliser::None,
        Worth::Text(name) => Normaliser::named(name).ok_or("there is no such normaliser")?,
        _ => return Err("the normaliser is a text"),
    };
    let one = |text: &str| -> Option<String> {
        if base64 {
            Some(STANDARD.encode(algorithm.digest(&normaliser.normalised(text)?)))
        } else {
            hashed(algorithm, text, normaliser)
        }
    };
    match value {
        Worth::List(items) => Ok(Worth::List(Cow::Owned(
            items
                .iter()
                .filter_map(|item| one(&as_text(&Worth::of(item))?))
                .map(Value::from)
                .collect(),
        ))),
        other => match as_text(&other) {
            Some(text) if text.is_empty() => Ok(Worth::Missing),
            Some(text) => one(&text)
                .map(Worth::text)
                .ok_or("the value is not what its normaliser is for"),
            None => Err("its value is a text, a number or a list of them"),
        },
    }
}
