//! Value functions of texts: addresses, numbers of telephones, tables.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headwater_model::json::{Limits, Value, parse};

use super::functions_hash::uuid5;
use super::functions_value::{Made, ValueFunction, size};
use super::worth::Worth;

const TEXT: &str = "its argument is a text";

/// A text, number or boolean as text.
pub(super) fn as_text<'w>(worth: &'w Worth<'_>) -> Option<Cow<'w, str>> {
    Some(match worth {
        Worth::Text(text) => Cow::Borrowed(&**text),
        Worth::Number(number) => Cow::Borrowed(number.as_str()),
        Worth::Bool(true) => Cow::Borrowed("true"),
        Worth::Bool(false) => Cow::Borrowed("false"),
        _ => return None,
    })
}

pub(super) fn call<'a>(
    function: ValueFunction,
    first: &Worth<'a>,
    second: &Worth<'a>,
    third: &Worth<'a>,
) -> Made<'a> {
    use ValueFunction as F;
    let second_text = || match second {
        Worth::Text(text) => Ok(&**text),
        _ => Err("its second argument is a text"),
    };
    if function == F::Join {
        let (Worth::List(items), with) = (first, second_text()?) else {
            return Err("its argument is a list");
        };
        let parts: Vec<String> = items
            .iter()
            .filter_map(|item| as_text(&Worth::of(item)).map(Cow::into_owned))
            .collect();
        return Ok(Worth::text(parts.join(with)));
    }
    if matches!(
        function,
        F::Digits | F::E164 | F::UrlEncode | F::Base64 | F::Truncate
    ) {
        let text = as_text(first).ok_or(TEXT)?;
        return match function {
            F::Digits => Ok(Worth::text(digits(&text))),
            F::E164 => e164(&text, &as_text(second).ok_or("the calling code is a text")?),
            F::UrlEncode => Ok(Worth::text(percent_encoded(&text))),
            F::Base64 => Ok(Worth::text(STANDARD.encode(text.as_bytes()))),
            _ => {
                let length = size(second).ok_or("the length is a number from 0")?;
                Ok(Worth::text(text.chars().take(length).collect::<String>()))
            }
        };
    }
    let Worth::Text(text) = first else {
        return Err(TEXT);
    };
    Ok(match function {
        F::Trim => Worth::text(text.trim()),
        F::Squeeze => Worth::text(text.split_whitespace().collect::<String>()),
        F::Slug => Worth::text(slug(text)),
        F::Split => {
            let separator = second_text()?;
            if separator.is_empty() {
                return Err("the separator is not empty");
            }
            Worth::List(
                text.split(separator)
                    .map(Value::from)
                    .collect::<Vec<_>>()
                    .into(),
            )
        }
        F::Replace => {
            let part = second_text()?;
            let Worth::Text(by) = third else {
                return Err("its third argument is a text");
            };
            if part.is_empty() {
                return Err("the part is not empty");
            }
            Worth::text(text.replace(part, by))
        }
        F::StartsWith => Worth::Bool(text.starts_with(second_text()?)),
        F::EndsWith => Worth::Bool(text.ends_with(second_text()?)),
        F::IsEmail => Worth::Bool(is_email(text)),
        F::UrlParam => url_parameter(text, second_text()?).map_or(Worth::Missing, Worth::text),
        F::UrlHost => authority(text)
            .map(|(host, _)| host)
            .filter(|host| !host.is_empty())
            .map_or(Worth::Missing, Worth::text),
        F::UrlPath => authority(text).map_or(Worth::Missing, |(_, rest)| {
            Worth::text(rest.split(['?', '#']).next().unwrap_or_default())
        }),
        F::ParseJson => {
            let limits = Limits::default().with_max_depth(Limits::PAYLOAD_DEPTH);
            Worth::made(parse(text.as_bytes(), &limits).map_err(|_| "the text is no JSON")?)
        }
        F::Uuid5 => Worth::text(uuid5(text, second_text()?).ok_or("the namespace is a UUID")?),
        _ => return Err("it is no function of texts"),
    })
}

pub(super) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

pub(super) fn slug(text: &str) -> String {
    text.chars()
        .map(|c| c.to_ascii_lowercase())
        .filter(char::is_ascii_alphanumeric)
        .collect()
}

/// One `@`, something before it, a domain with a dot, no white space.
pub(super) fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.contains('@')
            && domain.split('.').count() > 1
            && domain.split('.').all(|part| !part.is_empty())
            && !text.contains(char::is_whitespace)
    })
}

/// A number begins with `+` or 00 and its calling code, or with the trunk prefix 0, or with neither. ITU-T E.164 has at
/// most 15 digits; none in use has fewer than 7.
fn e164<'a>(text: &str, code: &str) -> Made<'a> {
    let international = text.trim_start().starts_with('+');
    let (number, code) = (digits(text), digits(code));
    let number = if international {
        number
    } else if let Some(number) = number.strip_prefix("00") {
        number.to_owned()
    } else if let Some(number) = number.strip_prefix('0') {
        format!("{code}{number}")
    } else if !code.is_empty() && number.starts_with(&code) && number.len() > 10 {
        number
    } else {
        format!("{code}{number}")
    };
    if (7..=15).contains(&number.len()) {
        Ok(Worth::text(format!("+{number}")))
    } else {
        Err("this is no telephone number: it has 7 to 15 digits")
    }
}

/// Host and what follows it.
fn authority(url: &str) -> Option<(&str, &str)> {
    let rest = url.split_once("://")?.1;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => host.split(':').next().unwrap_or(host),
    };
    Some((host, rest))
}

fn url_parameter(url: &str, name: &str) -> Option<String> {
    let query = url.split('#').next()?.split_once('?')?.1;
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decoded(key) == name).then(|| percent_decoded(value))
    })
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = bytes
            .get(at + 1..at + 3)
            .filter(|hex| byte == b'%' && hex.iter().all(u8::is_ascii_hexdigit))
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        at += if hex.is_some() { 3 } else { 1 };
        out.push(hex.unwrap_or(if byte == b'+' { b' ' } else { byte }));
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn percent_encoded(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

pub(super) fn table<'a>(table: &Worth<'a>, value: &Worth<'a>, otherwise: Worth<'a>) -> Made<'a> {
    let Some(text) = as_text(value) else {
        return Ok(otherwise);
    };
    let trimmed = text.trim();
    let found = match table {
        Worth::Text(name) if name == "currency" => {
            let code = trimmed.to_ascii_uppercase();
            exponent(&code).map(|_| Worth::text(code))
        }
        Worth::Object(object) => object
            .get(&text)
            .or_else(|| object.get(&trimmed.to_lowercase()))
            .cloned()
            .map(Worth::made),
        _ => return Err("the table is an object, or 'currency'"),
    };
    Ok(found.unwrap_or(otherwise))
}

/// ISO 4217 codes in use with two decimals.
const CENTS: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF \
CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR \
ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD \
NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB \
TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";
/// Without decimals.
const WHOLE: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
/// With three.
const MILLS: &str = "BHD IQD JOD KWD LYD OMR TND";
/// With four.
const TENTHS_OF_MILLS: &str = "CLF UYW";

/// How many decimals a currency has; `None` when there is no such currency.
pub(super) fn exponent(currency: &str) -> Option<u32> {
    let code = currency.trim().to_ascii_uppercase();
    let has =
        |list: &str| code.len() == 3 && list.split_ascii_whitespace().any(|known| known == code);
    [(CENTS, 2), (WHOLE, 0), (MILLS, 3), (TENTHS_OF_MILLS, 4)]
        .into_iter()
        .find_map(|(list, exponent)| has(list).then_some(exponent))
}
