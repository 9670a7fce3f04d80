//! serde has no call for "this text is a number": serde_json passes such text (its `arbitrary_precision` and
//! `raw_value` features) as a struct of a reserved name with one string field. Understood here, so that its values go
//! through with every digit.

use serde::ser::{Impossible, Serialize, Serializer};

use super::error::Failure;
use crate::json::number::number_end;
use crate::json::{Limits, validate};

/// What the text in a reserved struct is.
#[derive(Clone, Copy)]
pub(super) enum Token {
    Number,
    Json,
}

/// The name serde_json gives its number struct and the field in it.
pub(in crate::json) const NUMBER: &str = "$serde_json::private::Number";
const JSON: &str = "$serde_json::private::RawValue";

impl Token {
    #[inline]
    pub(super) fn of(name: &str) -> Option<Self> {
        if !name.starts_with('$') {
            return None;
        }
        match name {
            NUMBER => Some(Self::Number),
            JSON => Some(Self::Json),
            _ => None,
        }
    }
}

/// Takes the string in the struct, checks it and writes it as it is.
pub(super) struct TokenText<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) token: Token,
}

macro_rules! no_text {
    ($($method:ident($($type:ty),*);)*) => {$(
        fn $method(self, $(_: $type),*) -> Result<(), Failure> {
            Err(no_text())
        }
    )*};
}

macro_rules! no_nest {
    ($($method:ident($($type:ty),*) -> $nest:ident;)*) => {$(
        fn $method(self, $(_: $type),*) -> Result<Self::$nest, Failure> {
            Err(no_text())
        }
    )*};
}

#[cold]
fn no_text() -> Failure {
    Failure::text("a number or raw JSON must be given as text")
}

impl Serializer for TokenText<'_> {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = Impossible<(), Failure>;
    type SerializeTuple = Impossible<(), Failure>;
    type SerializeTupleStruct = Impossible<(), Failure>;
    type SerializeTupleVariant = Impossible<(), Failure>;
    type SerializeMap = Impossible<(), Failure>;
    type SerializeStruct = Impossible<(), Failure>;
    type SerializeStructVariant = Impossible<(), Failure>;

    fn serialize_str(self, text: &str) -> Result<(), Failure> {
        let good = match self.token {
            Token::Number => number_end(text.as_bytes(), 0) == Ok(text.len()),
            Token::Json => validate(
                text.as_bytes(),
                &Limits {
                    max_bytes: usize::MAX,
                    ..Limits::default()
                },
            )
            .is_ok(),
        };
        if !good {
            return Err(Failure::text("the text is not JSON"));
        }
        self.out.extend_from_slice(text.trim_ascii().as_bytes());
        Ok(())
    }

    no_text! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    no_nest! {
        serialize_seq(Option<usize>) -> SerializeSeq;
        serialize_tuple(usize) -> SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant;
        serialize_map(Option<usize>) -> SerializeMap;
        serialize_struct(&'static str, usize) -> SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<(), Failure> {
        Err(no_text())
    }
}
