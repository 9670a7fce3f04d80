//! The value functions: one table of names, and the calls.
//!
//! A function of nothing (missing or null) is missing without a word; one of a wrong type is missing with a note.

use std::borrow::Cow;

use headwater_model::json::{Number, Object, Value};

use super::evaluate::Exceeded;
use super::functions_number::Decimal;
use super::value::Evaluation;
use super::worth::Worth;
use super::{
    functions_data as data, functions_date as date, functions_hash as hash, functions_text as text,
};

/// One line of the table of functions.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name.
    pub name: &'static str,
    /// How it is called.
    pub usage: &'static str,
    /// What it gives.
    pub about: &'static str,
    /// An expression, and the JSON of its value; empty for missing. Tests run it.
    pub example: (&'static str, &'static str),
    least: usize,
    most: usize,
}

/// As many arguments as fit.
const MANY: usize = 255;

macro_rules! functions {
    ($($variant:ident $name:literal $usage:literal $least:literal..$most:ident $about:literal $example:literal => $gives:literal)*) => {
        /// A function that makes a value. [`TABLE`] describes them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ValueFunction {
            $(#[doc = $about] $variant,)*
        }

        /// All value functions, beside the documented ones of filters.
        pub const TABLE: &[Entry] = &[$(Entry {
            name: $name,
            usage: concat!($name, "(", $usage, ")"),
            about: $about,
            example: ($example, $gives),
            least: $least,
            most: $most,
        },)*];

        const ALL: &[ValueFunction] = &[$(ValueFunction::$variant,)*];
    };
}

const ONE: usize = 1;
const TWO: usize = 2;
const THREE: usize = 3;

functions! {
    Coalesce "coalesce" "a, b, …" 1..MANY "The first that is neither missing nor null." "coalesce(userId, null, 'x')" => "\"u1\""
    Filled "filled" "a, b, …" 1..MANY "The first that is not blank: no empty text, list or object either." "filled('', 'x')" => "\"x\""
    When "when" "condition, value, …, otherwise" 2..MANY "The value behind the first condition that holds, or the last, single one." "when(type = 'page', 1, type = 'track', 2, 3)" => "2"
    Exists "exists" "a" 1..ONE "Whether it is neither missing nor null." "exists(properties.nothing)" => "false"
    Blank "blank" "a" 1..ONE "Whether it is missing, null, or an empty text, list or object." "blank('')" => "true"
    Table "table" "table, value, otherwise" 2..THREE "What a table has for a value, trimmed and in small letters if it is not there as written. The table is an object, or 'currency' (ISO 4217 codes)." "table('currency', ' eur')" => "\"EUR\""
    Date "date" "time, form" 2..TWO "An instant (ISO, or seconds, milliseconds or microseconds since 1970, by size) as 's', 'ms', 'us', 'iso', 'iso_seconds' or a form of YYYY MM DD HH mm ss SSS." "date('2026-11-29T17:00:01.250Z', 'YYYY-MM-DD HH:mm:ss+00:00')" => "\"2026-11-29 17:00:01+00:00\""
    DeepDates "deepDates" "value, form" 2..TWO "The value with each ISO instant inside as `date` has it; dates without a time stay." "deepDates(['2026-11-29T17:00:01Z', '2026-11-29', 'x'], 's')" => "[1795971601,\"2026-11-29\",\"x\"]"
    Trim "trim" "text" 1..ONE "Without white space at both ends." "trim('  a b ')" => "\"a b\""
    Squeeze "squeeze" "text" 1..ONE "Without any white space." "squeeze(' a b ')" => "\"ab\""
    Digits "digits" "text" 1..ONE "Its digits 0 to 9 alone." "digits('+49 (30) 12')" => "\"493012\""
    Slug "slug" "text" 1..ONE "Its letters a to z, in small, and its digits alone." "slug('New York-2')" => "\"newyork2\""
    Truncate "truncate" "text, length" 2..TWO "At most so many characters." "truncate('abcdef', 3)" => "\"abc\""
    Concat "concat" "a, b, …" 1..MANY "Texts, numbers and booleans in a row; missing if one of them is." "concat(userId, '-', 2)" => "\"u1-2\""
    Split "split" "text, separator" 2..TWO "Its parts as a list." "split('a,b', ',')" => "[\"a\",\"b\"]"
    Join "join" "list, separator" 2..TWO "Texts, numbers and booleans of a list in a row; others are left out." "join(['a', 1], ';')" => "\"a;1\""
    Replace "replace" "text, part, by" 3..THREE "With each occurrence of a part replaced." "replace('a.b', '.', '_')" => "\"a_b\""
    StartsWith "startsWith" "text, part" 2..TWO "Whether it begins so." "startsWith('cio_1', 'cio_')" => "true"
    EndsWith "endsWith" "text, part" 2..TWO "Whether it ends so." "endsWith('a@b.c', '.c')" => "true"
    IsEmail "isEmail" "text" 1..ONE "Whether it looks like an e-mail address." "isEmail('ada@example.com')" => "true"
    Add "add" "a, b, …" 1..MANY "The sum of numbers, exact to 28 digits; texts that spell numbers count." "add(0.1, '0.2')" => "0.3"
    Mul "mul" "a, b, …" 1..MANY "The product of numbers, exact to 28 digits; texts that spell numbers count." "mul(19.99, 3)" => "59.97"
    Round "round" "number, places" 1..TWO "Rounded, half away from zero." "round(2.345, 2)" => "2.35"
    Integer "integer" "number" 1..ONE "Without its fraction." "integer('3.9')" => "3"
    Sum "sum" "list, key" 1..TWO "The sum of a list's numbers, or of what its objects have under a key." "sum(properties.products, 'price')" => "32.5"
    MinorUnits "minorUnits" "amount, currency" 2..TWO "An amount in the currency's smallest unit: cents, yen, fils." "minorUnits(12.34, 'KWD')" => "12340"
    Bool01 "bool01" "boolean" 1..ONE "1 or 0; texts 'true' and 'false' count." "bool01(true)" => "1"
    Hash "hash" "algorithm, value, normaliser" 2..THREE "'sha256', 'sha1' or 'md5' in hex, '…_base64' in base64; of a list each element. The normaliser is 'trim', 'lower' (trimmed, small), 'email', 'gmail' (no dots before gmail.com), 'digits' or 'slug'. A value that is such a hash already stays." "hash('md5', ' Ada@Example.com', 'email')" => "\"3e3417d7ef77d5932a6734b916515ed5\""
    E164 "e164" "number, code" 2..TWO "A telephone number as + and digits, with a calling code if it has none." "e164('030 12345678', '49')" => "\"+493012345678\""
    UrlParam "urlParam" "url, name" 2..TWO "A parameter of its query, decoded." "urlParam('https://a.b/?gclid=x%20y#z', 'gclid')" => "\"x y\""
    UrlHost "urlHost" "url" 1..ONE "Its host." "urlHost('https://a.b:80/c')" => "\"a.b\""
    UrlPath "urlPath" "url" 1..ONE "Its path." "urlPath('https://a.b/c/d?e')" => "\"/c/d\""
    UrlEncode "urlEncode" "text" 1..ONE "Percent-encoded, all but A to Z, a to z, 0 to 9 and - . _ ~" "urlEncode('a b/c')" => "\"a%20b%2Fc\""
    Base64 "base64" "text" 1..ONE "In base64." "base64('key:')" => "\"a2V5Og==\""
    Uuid5 "uuid5" "namespace, name" 2..TWO "The UUID, version 5, of a name in a namespace." "uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'example.org')" => "\"aad03681-8b63-5304-89e0-8ca8f49461b5\""
    Json "json" "value" 1..ONE "Its JSON text." "json(['a'])" => "\"[\\\"a\\\"]\""
    ParseJson "parseJson" "text" 1..ONE "What a JSON text says." "parseJson('[1]')" => "[1]"
    Get "get" "value, key" 2..TWO "What an object has under a key, a list at a place from 0." "get(split('en-GB', '-'), 1)" => "\"GB\""
    Merge "merge" "a, b, …" 1..MANY "Objects in one; later keys win." "merge(traits, null)" => "{\"vip\":true,\"free\":false}"
    Omit "omit" "object, keys" 2..TWO "Without these keys." "omit(traits, ['vip'])" => "{\"free\":false}"
    Pick "pick" "object, keys" 2..TWO "These keys alone." "pick(traits, ['vip'])" => "{\"vip\":true}"
    Flatten "flatten" "object, separator" 1..TWO "Its inner objects' keys joined to one level, with `.` or a separator; lists stay." "flatten(context)" => "{\"app.name\":\"Shop\"}"
    Keys "keys" "object" 1..ONE "Its keys." "keys(traits)" => "[\"vip\",\"free\"]"
    Values "values" "object" 1..ONE "Its values." "values(traits)" => "[true,false]"
    PartitionByBool "partitionByBool" "object" 1..ONE "The keys that are true and those that are false." "partitionByBool(traits)" => "{\"true\":[\"vip\"],\"false\":[\"free\"]}"
    Pluck "pluck" "list, key" 2..TWO "What each object of a list has under a key, where it has it." "pluck(properties.products, 'sku')" => "[\"a\",\"b\"]"
    First "first" "list" 1..ONE "Its first element." "first([1, 2])" => "1"
    Take "take" "list, count" 2..TWO "The first elements of a list, the first entries of an object." "take([1, 2, 3], 2)" => "[1,2]"
    Unique "unique" "list" 1..ONE "Each element once." "unique([1, 2, 1])" => "[1,2]"
    Flat "flat" "list" 1..ONE "With the elements of inner lists in their place." "flat([[1], 2, [3]])" => "[1,2,3]"
    Count "count" "list" 1..ONE "How many elements or keys." "count(properties.products)" => "2"
    AsList "asList" "value" 1..ONE "A list as it is, another value as a list of one, nothing as an empty one." "asList('a')" => "[\"a\"]"
}

impl ValueFunction {
    fn entry(self) -> &'static Entry {
        // As many entries as variants, in the same order.
        TABLE.get(self as usize).unwrap_or(&TABLE[0])
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    pub(super) fn usage(self) -> &'static str {
        self.entry().usage
    }

    pub(super) fn arguments(self) -> (usize, usize) {
        (self.entry().least, self.entry().most)
    }

    /// The function of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<ValueFunction> {
        let index = TABLE.iter().position(|entry| entry.name == name)?;
        ALL.get(index).copied()
    }
}

/// What a function could not make, and why.
pub(super) type Made<'a> = Result<Worth<'a>, &'static str>;

pub(super) fn call<'a>(
    evaluation: &mut Evaluation<'a, '_>,
    function: ValueFunction,
    arguments: &'a [u16],
) -> Result<Worth<'a>, Exceeded> {
    use ValueFunction as F;
    let lazy = match function {
        F::Coalesce | F::Filled => {
            for argument in arguments {
                let found = evaluation.worth(*argument)?;
                let passed = if function == F::Filled {
                    found.is_blank()
                } else {
                    found.is_nothing()
                };
                if !passed {
                    return Ok(found);
                }
            }
            return Ok(Worth::Missing);
        }
        F::When => {
            for pair in arguments.chunks(2) {
                match *pair {
                    [condition, value] => {
                        if matches!(evaluation.worth(condition)?, Worth::Bool(true)) {
                            return evaluation.worth(value);
                        }
                    }
                    [otherwise] => return evaluation.worth(otherwise),
                    _ => {}
                }
            }
            return Ok(Worth::Missing);
        }
        F::Concat | F::Add | F::Mul | F::Merge => many(evaluation, function, arguments)?,
        _ => {
            let mut worths = [Worth::Missing, Worth::Missing, Worth::Missing];
            for (slot, argument) in worths.iter_mut().zip(arguments) {
                *slot = evaluation.worth(*argument)?;
            }
            let [first, second, third] = worths;
            match function {
                F::Exists => Ok(Worth::Bool(!first.is_nothing())),
                F::Blank => Ok(Worth::Bool(first.is_blank())),
                F::AsList => Ok(data::as_list(first)),
                F::Hash if second.is_nothing() => Ok(Worth::Missing),
                F::Hash => hash::hash(&first, second, &third),
                F::Table => text::table(&first, &second, third),
                F::Unique => data::unique(evaluation, first)?,
                _ if first.is_nothing() => Ok(Worth::Missing),
                F::Replace | F::Join | F::Flatten => {
                    evaluation
                        .run
                        .made(multiplied(function, &first, &second, &third))?;
                    one(function, first, &second, &third)
                }
                _ => one(function, first, &second, &third),
            }
        }
    };
    let made = lazy.unwrap_or_else(|problem| {
        evaluation.run.note(function.name(), problem);
        Worth::Missing
    });
    evaluation.spend_made(&made)?;
    if let Worth::List(Cow::Owned(items)) = &made {
        evaluation.run.spend(items.len())?;
    }
    Ok(made)
}

/// The bytes that a function makes by writing one text many times, before it does.
fn multiplied(
    function: ValueFunction,
    first: &Worth<'_>,
    second: &Worth<'_>,
    third: &Worth<'_>,
) -> usize {
    let (times, text) = match (function, first, second, third) {
        (ValueFunction::Replace, Worth::Text(text), Worth::Text(part), Worth::Text(by))
            if !part.is_empty() =>
        {
            (text.matches(&**part).count(), by)
        }
        (ValueFunction::Join, Worth::List(items), Worth::Text(with), _) => (items.len(), with),
        (ValueFunction::Flatten, Worth::Object(object), Worth::Text(separator), _) => {
            (data::separators(object, 0), separator)
        }
        _ => return 0,
    };
    times.saturating_mul(text.len())
}

/// Functions of any number of arguments.
fn many<'a>(
    evaluation: &mut Evaluation<'a, '_>,
    function: ValueFunction,
    arguments: &'a [u16],
) -> Result<Made<'a>, Exceeded> {
    use ValueFunction as F;
    let mut joined = String::new();
    let mut number: Option<Decimal> = None;
    let mut object = Object::new();
    for argument in arguments {
        let worth = evaluation.worth(*argument)?;
        if function == F::Merge {
            match worth {
                Worth::Object(other) => object.extend(other.into_owned()),
                Worth::Missing | Worth::Null => {}
                _ => return Ok(Err("its arguments are objects")),
            }
            continue;
        }
        if worth.is_nothing() {
            return Ok(Ok(Worth::Missing));
        }
        if function == F::Concat {
            let Some(part) = text::as_text(&worth) else {
                return Ok(Err("its arguments are texts, numbers or booleans"));
            };
            evaluation.run.made(part.len())?;
            joined.push_str(&part);
            continue;
        }
        let Some(next) = decimal(&worth) else {
            return Ok(Err("its arguments are numbers of at most 28 digits"));
        };
        number = match number {
            None => Some(next),
            Some(sum) => match if function == F::Add {
                sum.plus(next)
            } else {
                sum.times(next)
            } {
                Some(made) => Some(made),
                None => return Ok(Err("the number has more than 28 digits")),
            },
        };
    }
    Ok(match function {
        F::Merge => Ok(Worth::Object(Cow::Owned(object))),
        F::Concat => Ok(Worth::text(joined)),
        _ => numbered(number),
    })
}

/// A number, or a text that spells one.
pub(super) fn decimal(worth: &Worth<'_>) -> Option<Decimal> {
    match worth {
        Worth::Number(number) => Decimal::of(number),
        Worth::Text(text) => Decimal::of(&Number::parse(text.trim())?),
        _ => None,
    }
}

fn numbered<'a>(decimal: Option<Decimal>) -> Made<'a> {
    decimal
        .and_then(Decimal::number)
        .map(|number| Worth::Number(Cow::Owned(number)))
        .ok_or("the number has more than 28 digits")
}

/// A whole number from 0.
pub(super) fn size(worth: &Worth<'_>) -> Option<usize> {
    usize::try_from(decimal(worth)?.whole()?).ok()
}

/// Functions of a first argument that is there.
fn one<'a>(
    function: ValueFunction,
    first: Worth<'a>,
    second: &Worth<'a>,
    third: &Worth<'a>,
) -> Made<'a> {
    use ValueFunction as F;
    const NUMBER: &str = "its argument is a number";
    match function {
        F::Round => {
            let places = if second.is_nothing() {
                Some(0)
            } else {
                size(second)
            };
            let places = places
                .and_then(|places| u32::try_from(places).ok())
                .ok_or("the places are a number from 0")?;
            numbered(Some(decimal(&first).ok_or(NUMBER)?.rounded(places)))
        }
        F::Integer => numbered(Some(decimal(&first).ok_or(NUMBER)?.cut())),
        F::Sum => {
            let Worth::List(items) = &first else {
                return Err("its argument is a list");
            };
            let mut sum = Decimal::ZERO;
            for item in items.iter() {
                let worth = match second {
                    Worth::Text(key) => item.get(key).map_or(Worth::Missing, Worth::of),
                    _ => Worth::of(item),
                };
                if let Some(number) = decimal(&worth) {
                    sum = sum
                        .plus(number)
                        .ok_or("the number has more than 28 digits")?;
                }
            }
            numbered(Some(sum))
        }
        F::MinorUnits => {
            let Worth::Text(currency) = second else {
                return Err("the currency is a text");
            };
            let places = text::exponent(currency).ok_or("there is no such currency")?;
            let amount = decimal(&first).ok_or(NUMBER)?;
            numbered(amount.shifted(places).map(|amount| amount.rounded(0)))
        }
        F::Bool01 => match &first {
            Worth::Bool(value) => Ok(Worth::count(usize::from(*value))),
            Worth::Text(text) if text == "true" => Ok(Worth::count(1)),
            Worth::Text(text) if text == "false" => Ok(Worth::count(0)),
            _ => Err("its argument is a boolean"),
        },
        F::Date => date::date(&first, second),
        F::DeepDates => {
            let Worth::Text(form) = second else {
                return Err("the form is a text");
            };
            let mut value = first.into_value().unwrap_or_default();
            date::deep_dates(&mut value, form)?;
            Ok(Worth::made(value))
        }
        F::Json => Ok(Worth::text(
            first
                .into_value()
                .as_ref()
                .map(Value::to_string)
                .unwrap_or_default(),
        )),
        F::Get
        | F::Omit
        | F::Pick
        | F::Flatten
        | F::Keys
        | F::Values
        | F::PartitionByBool
        | F::Pluck
        | F::First
        | F::Take
        | F::Flat
        | F::Count => data::call(function, first, second),
        _ => text::call(function, &first, second, third),
    }
}
