use std::fmt::{self, Display, Write as _};
use std::io::Write as _;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::error::Failure;
use super::key::KeyWriter;
use super::token::{Token, TokenText};
use crate::json::Limits;
use crate::json::float::{write_f32, write_f64};
use crate::json::string::decode;
use crate::json::write::{write_bool, write_escaped, write_i64, write_string, write_u64};

const MAX_DEPTH: usize = Limits::PAYLOAD_DEPTH;

/// Writes one value at the end of `out`.
pub(super) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    depth: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, depth: 0 }
    }

    /// Opens an array or object; `closing` is written when it ends.
    #[inline]
    fn nest(self, opening: u8, closing: &'static [u8], levels: usize) -> Result<Nest<'a>, Failure> {
        let depth = self.depth + levels;
        if depth > MAX_DEPTH {
            return Err(Failure::too_deep(MAX_DEPTH));
        }
        self.out.push(opening);
        Ok(Nest {
            out: self.out,
            depth,
            closing,
            count: 0,
            key_at: 0,
            token: None,
        })
    }

    /// Opens `{"variant":` before an enum's content.
    fn variant(&mut self, variant: &str) {
        self.out.push(b'{');
        write_string(self.out, variant);
        self.out.push(b':');
    }
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = Nest<'a>;
    type SerializeTuple = Nest<'a>;
    type SerializeTupleStruct = Nest<'a>;
    type SerializeTupleVariant = Nest<'a>;
    type SerializeMap = Nest<'a>;
    type SerializeStruct = Nest<'a>;
    type SerializeStructVariant = Nest<'a>;

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), Failure> {
        write_bool(self.out, value);
        Ok(())
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result<(), Failure> {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_i16(self, value: i16) -> Result<(), Failure> {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_i32(self, value: i32) -> Result<(), Failure> {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Result<(), Failure> {
        write_i64(self.out, value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), Failure> {
        // Writing into a Vec cannot fail.
        let _ = write!(self.out, "{value}");
        Ok(())
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), Failure> {
        self.serialize_u64(value.into())
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Result<(), Failure> {
        self.serialize_u64(value.into())
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Result<(), Failure> {
        self.serialize_u64(value.into())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<(), Failure> {
        write_u64(self.out, value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), Failure> {
        let _ = write!(self.out, "{value}");
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Failure> {
        if write_f32(self.out, value) {
            Ok(())
        } else {
            Err(Failure::not_finite())
        }
    }

    fn serialize_f64(self, value: f64) -> Result<(), Failure> {
        if write_f64(self.out, value) {
            Ok(())
        } else {
            Err(Failure::not_finite())
        }
    }

    fn serialize_char(self, value: char) -> Result<(), Failure> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), Failure> {
        write_string(self.out, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Failure> {
        let mut seq = self.nest(b'[', b"]", 1)?;
        for byte in value {
            SerializeSeq::serialize_element(&mut seq, byte)?;
        }
        SerializeSeq::end(seq)
    }

    fn serialize_none(self) -> Result<(), Failure> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Failure> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Failure> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Failure> {
        self.serialize_str(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        if self.depth == MAX_DEPTH {
            return Err(Failure::too_deep(MAX_DEPTH));
        }
        self.variant(variant);
        let inner = Writer {
            out: &mut *self.out,
            depth: self.depth + 1,
        };
        value
            .serialize(inner)
            .map_err(|failure| failure.under_key(variant))?;
        self.out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Nest<'a>, Failure> {
        self.nest(b'[', b"]", 1)
    }

    fn serialize_tuple(self, _len: usize) -> Result<Nest<'a>, Failure> {
        self.nest(b'[', b"]", 1)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Nest<'a>, Failure> {
        self.nest(b'[', b"]", 1)
    }

    fn serialize_tuple_variant(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Nest<'a>, Failure> {
        self.variant(variant);
        self.nest(b'[', b"]}", 2)
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Nest<'a>, Failure> {
        self.nest(b'{', b"}", 1)
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, _len: usize) -> Result<Nest<'a>, Failure> {
        if let Some(token) = Token::of(name) {
            return Ok(Nest {
                out: self.out,
                depth: self.depth,
                closing: b"",
                count: 0,
                key_at: 0,
                token: Some(token),
            });
        }
        self.nest(b'{', b"}", 1)
    }

    fn serialize_struct_variant(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Nest<'a>, Failure> {
        self.variant(variant);
        self.nest(b'{', b"}}", 2)
    }

    /// Written piece by piece: dates and ids need no string of their own.
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Failure> {
        self.out.push(b'"');
        if write!(Escaping(self.out), "{value}").is_err() {
            return Err(Failure::text("its Display implementation failed"));
        }
        self.out.push(b'"');
        Ok(())
    }
}

struct Escaping<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write_escaped(self.0, text);
        Ok(())
    }
}

/// An array or object being written.
pub(super) struct Nest<'a> {
    out: &'a mut Vec<u8>,
    depth: usize,
    closing: &'static [u8],
    count: usize,
    /// Where the current map key starts in `out`, to name it in an error.
    key_at: usize,
    token: Option<Token>,
}

impl Nest<'_> {
    #[inline]
    fn separate(&mut self) {
        if self.count > 0 {
            self.out.push(b',');
        }
        self.count += 1;
    }

    #[inline]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.separate();
        let index = self.count - 1;
        value
            .serialize(self.inner())
            .map_err(|failure| failure.under_index(index))
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        if let Some(token) = self.token {
            return value.serialize(TokenText {
                out: &mut *self.out,
                token,
            });
        }
        self.separate();
        write_string(self.out, key);
        self.out.push(b':');
        value
            .serialize(self.inner())
            .map_err(|failure| failure.under_key(key))
    }

    #[inline]
    fn inner(&mut self) -> Writer<'_> {
        Writer {
            out: &mut *self.out,
            depth: self.depth,
        }
    }

    #[inline]
    fn close(self) -> Result<(), Failure> {
        self.out.extend_from_slice(self.closing);
        Ok(())
    }

    /// The key last written, read back from `out`.
    #[cold]
    fn name(&self, failure: Failure, key_end: usize) -> Failure {
        let inner = self
            .out
            .get(self.key_at + 1..key_end.saturating_sub(1))
            .unwrap_or_default();
        failure.under_key(&decode(&String::from_utf8_lossy(inner), true))
    }
}

impl SerializeSeq for Nest<'_> {
    type Ok = ();
    type Error = Failure;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.item(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.close()
    }
}

impl SerializeTuple for Nest<'_> {
    type Ok = ();
    type Error = Failure;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.item(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.close()
    }
}

impl SerializeTupleStruct for Nest<'_> {
    type Ok = ();
    type Error = Failure;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.item(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.close()
    }
}

impl SerializeTupleVariant for Nest<'_> {
    type Ok = ();
    type Error = Failure;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.item(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.close()
    }
}

impl SerializeMap for Nest<'_> {
    type Ok = ();
    type Error = Failure;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failure> {
        self.separate();
        self.key_at = self.out.len();
        key.serialize(KeyWriter {
            out: &mut *self.out,
        })
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        let key_end = self.out.len();
        self.out.push(b':');
        value
            .serialize(self.inner())
            .map_err(|failure| self.name(failure, key_end))
    }

    fn end(self) -> Result<(), Failure> {
        self.close()
    }
}

impl SerializeStruct for Nest<'_> {
    type Ok = ();
    type Error = Failure;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        self.field(key, value)
    }

    #[inline]
    fn end(self) -> Result<(), Failure> {
        self.close()
    }
}

impl SerializeStructVariant for Nest<'_> {
    type Ok = ();
    type Error = Failure;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        self.field(key, value)
    }

    fn end(self) -> Result<(), Failure> {
        self.close()
    }
}
