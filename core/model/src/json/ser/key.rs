use serde::ser::{Impossible, Serialize, Serializer};

use super::error::Failure;
use super::writer::Writer;

/// Writes a map key: strings as they are; numbers and booleans in quotes, as serde_json does; nothing else.
pub(super) struct KeyWriter<'a> {
    pub(super) out: &'a mut Vec<u8>,
}

impl KeyWriter<'_> {
    fn quoted(self, write: impl FnOnce(Writer<'_>) -> Result<(), Failure>) -> Result<(), Failure> {
        self.out.push(b'"');
        write(Writer::new(&mut *self.out))?;
        self.out.push(b'"');
        Ok(())
    }
}

macro_rules! quoted {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(self, value: $type) -> Result<(), Failure> {
            self.quoted(|writer| writer.$method(value))
        }
    )*};
}

impl Serializer for KeyWriter<'_> {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = Impossible<(), Failure>;
    type SerializeTuple = Impossible<(), Failure>;
    type SerializeTupleStruct = Impossible<(), Failure>;
    type SerializeTupleVariant = Impossible<(), Failure>;
    type SerializeMap = Impossible<(), Failure>;
    type SerializeStruct = Impossible<(), Failure>;
    type SerializeStructVariant = Impossible<(), Failure>;

    quoted! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
    }

    fn serialize_f32(self, value: f32) -> Result<(), Failure> {
        if !value.is_finite() {
            return Err(Failure::key("NaN or infinite"));
        }
        self.quoted(|writer| writer.serialize_f32(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), Failure> {
        if !value.is_finite() {
            return Err(Failure::key("NaN or infinite"));
        }
        self.quoted(|writer| writer.serialize_f64(value))
    }

    fn serialize_char(self, value: char) -> Result<(), Failure> {
        Writer::new(self.out).serialize_char(value)
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), Failure> {
        Writer::new(self.out).serialize_str(value)
    }

    fn serialize_bytes(self, _value: &[u8]) -> Result<(), Failure> {
        Err(Failure::key("a byte array"))
    }

    fn serialize_none(self) -> Result<(), Failure> {
        Err(Failure::key("none"))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Failure> {
        Err(Failure::key("the unit value"))
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Failure> {
        Err(Failure::key("the unit value"))
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Failure> {
        self.serialize_str(variant)
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
        Err(Failure::key("an enum with content"))
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Self::SerializeSeq, Failure> {
        Err(Failure::key("an array"))
    }

    fn serialize_tuple(self, _len: usize) -> Result<Self::SerializeTuple, Failure> {
        Err(Failure::key("a tuple"))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleStruct, Failure> {
        Err(Failure::key("a tuple"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleVariant, Failure> {
        Err(Failure::key("an enum with content"))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Self::SerializeMap, Failure> {
        Err(Failure::key("a map"))
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStruct, Failure> {
        Err(Failure::key("a struct"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStructVariant, Failure> {
        Err(Failure::key("an enum with content"))
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<(), Failure> {
        Writer::new(self.out).collect_str(value)
    }
}
