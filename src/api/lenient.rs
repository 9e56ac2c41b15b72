//! Decoding the wire's types as leniently as Go does.
//!
//! Clients rely on it: VS Code's adapter spells field names in lower case, and any client
//! may send `null` for anything. So: names of fields match whatever their case, an exact
//! match winning; `null` is the zero value of every type; unknown fields are ignored; a
//! fixed list may be too short or too long. What stays an error is a value of another
//! kind, in the words of Go's `encoding/json` (`UnmarshalTypeError`); `spec/rpc.md` §0.3
//! and §1.2, captures 22 and 35.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// Decodes a value of the wire.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    T::deserialize(Lenient { value, place: Place::Root })
}

/// What did not fit where.
#[derive(Debug, PartialEq, Eq)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error(message.to_string())
    }
}

/// Where in the whole a value is: what Go's error texts name.
#[derive(Clone, Copy)]
enum Place<'a> {
    Root,
    Field { of: &'static str, name: &'static str, within: &'a Place<'a> },
}

impl Place<'_> {
    /// The names of the fields on the way here, with dots between them.
    fn path(&self) -> String {
        match self {
            Place::Root => String::new(),
            Place::Field { name, within: Place::Root, .. } => (*name).to_owned(),
            Place::Field { name, within, .. } => format!("{}.{name}", within.path()),
        }
    }

    /// The complaint about `value`, where Go wanted its `type_name`.
    fn refuse(&self, value: &Value, type_name: &str) -> Error {
        let kind = match value {
            Value::Null => "null".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(number) => format!("number {number}"),
            Value::String(_) => "string".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::Object(_) => "object".to_owned(),
        };
        Error(match self {
            Place::Root => {
                format!("json: cannot unmarshal {kind} into Go value of type {type_name}")
            }
            Place::Field { of, .. } => format!(
                "json: cannot unmarshal {kind} into Go struct field {of}.{} of type \
                 {type_name}",
                self.path()
            ),
        })
    }
}

/// What Go calls one of our records: `rpc2` has the arguments and answers of methods,
/// `api` the rest.
fn go_type_name(name: &str) -> String {
    match name {
        "Command" => "api.DebuggerCommand".to_owned(),
        _ if name.ends_with("In") || name.ends_with("Out") => format!("rpc2.{name}"),
        _ => format!("api.{name}"),
    }
}

/// A value that is about to become a Rust type.
struct Lenient<'a> {
    value: Value,
    place: Place<'a>,
}

/// Integers: `null` is zero, and a number must be whole and in range, as for Go.
macro_rules! integer {
    ($($deserialize:ident $visit:ident $as_wide:ident $T:ty, $go:literal;)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let whole = match &self.value {
                Value::Null => Some(0),
                Value::Number(number) => {
                    number.$as_wide().and_then(|wide| <$T>::try_from(wide).ok())
                }
                _ => None,
            };
            match whole {
                Some(whole) => visitor.$visit(whole),
                None => Err(self.place.refuse(&self.value, $go)),
            }
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Lenient<'_> {
    type Error = Error;

    integer! {
        deserialize_i8 visit_i8 as_i64 i8, "int8";
        deserialize_i16 visit_i16 as_i64 i16, "int16";
        deserialize_i32 visit_i32 as_i64 i32, "int32";
        deserialize_i64 visit_i64 as_i64 i64, "int";
        deserialize_u8 visit_u8 as_u64 u8, "uint8";
        deserialize_u16 visit_u16 as_u64 u16, "uint16";
        deserialize_u32 visit_u32 as_u64 u32, "uint32";
        deserialize_u64 visit_u64 as_u64 u64, "uint64";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.value.deserialize_any(visitor).map_err(|err| Error(err.to_string()))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_bool(false),
            Value::Bool(it) => visitor.visit_bool(it),
            other => Err(self.place.refuse(&other, "bool")),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let number = match &self.value {
            Value::Null => Some(0.0),
            Value::Number(number) => number.as_f64(),
            _ => None,
        };
        match number {
            Some(number) => visitor.visit_f64(number),
            None => Err(self.place.refuse(&self.value, "float64")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_string(String::new()),
            Value::String(text) => visitor.visit_string(text),
            other => Err(self.place.refuse(&other, "string")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let list = self.into_list()?;
        visitor.visit_seq(Elements { list: list.0.into_iter(), place: list.1, pad: 0 })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let (mut list, place) = self.into_list()?;
        list.truncate(len);
        let pad = len - list.len();
        visitor.visit_seq(Elements { list: list.into_iter(), place, pad })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_map(Entries::new(Map::new(), self.place)),
            Value::Object(map) => visitor.visit_map(Entries::new(map, self.place)),
            other => Err(self.place.refuse(&other, "map")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let map = match self.value {
            Value::Null => Map::new(),
            Value::Object(map) => map,
            other => return Err(self.place.refuse(&other, &go_type_name(name))),
        };
        visitor.visit_map(Fields {
            of: name,
            left: match_fields(map, fields).into_iter(),
            next: None,
            within: self.place,
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(
        self,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 f32 char bytes byte_buf unit unit_struct tuple_struct enum identifier
    }
}

impl<'a> Lenient<'a> {
    fn into_list(self) -> Result<(Vec<Value>, Place<'a>), Error> {
        match self.value {
            Value::Null => Ok((Vec::new(), self.place)),
            Value::Array(list) => Ok((list, self.place)),
            other => Err(self.place.refuse(&other, "[]")),
        }
    }
}

/// The values of those `fields` that are there, each once: an exact match of the name
/// wins over one that differs in case, and a later one over an earlier.
fn match_fields(
    map: Map<String, Value>,
    fields: &'static [&'static str],
) -> Vec<(&'static str, Value)> {
    let mut found: Vec<(&'static str, Value, bool)> = Vec::with_capacity(map.len());
    for (name, value) in map {
        let exact = fields.iter().find(|field| **field == name);
        let field = exact
            .or_else(|| fields.iter().find(|field| field.eq_ignore_ascii_case(&name)));
        // `null` leaves the field at its zero value, which the records supply.
        let (Some(field), false) = (field, value.is_null()) else { continue };
        let is_exact = exact.is_some();
        match found.iter_mut().find(|(taken, ..)| taken == field) {
            Some(taken) if is_exact || !taken.2 => *taken = (field, value, is_exact),
            Some(_) => {}
            None => found.push((field, value, is_exact)),
        }
    }
    found.into_iter().map(|(field, value, _)| (field, value)).collect()
}

/// The fields of a record.
struct Fields<'a> {
    of: &'static str,
    left: std::vec::IntoIter<(&'static str, Value)>,
    next: Option<(&'static str, Value)>,
    within: Place<'a>,
}

impl<'de> de::MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.next = self.left.next();
        let Some((name, _)) = self.next else { return Ok(None) };
        let name: StrDeserializer<'_, Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, Error> {
        let (name, value) = self.next.take().unwrap_or(("", Value::Null));
        let place = Place::Field { of: self.of, name, within: &self.within };
        seed.deserialize(Lenient { value, place })
    }
}

/// The entries of a map whose keys are data.
struct Entries<'a> {
    left: serde_json::map::IntoIter,
    next: Value,
    place: Place<'a>,
}

impl<'a> Entries<'a> {
    fn new(map: Map<String, Value>, place: Place<'a>) -> Entries<'a> {
        Entries { left: map.into_iter(), next: Value::Null, place }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.left.next() else { return Ok(None) };
        self.next = value;
        let key = Lenient { value: Value::String(key), place: self.place };
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, Error> {
        seed.deserialize(Lenient { value: self.next.take(), place: self.place })
    }
}

/// The elements of a list, and `pad` zero values after them.
struct Elements<'a> {
    list: std::vec::IntoIter<Value>,
    place: Place<'a>,
    pad: usize,
}

impl<'de> de::SeqAccess<'de> for Elements<'_> {
    type Error = Error;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let value = match self.list.next() {
            Some(value) => value,
            None if self.pad > 0 => {
                self.pad -= 1;
                Value::Null
            }
            None => return Ok(None),
        };
        seed.deserialize(Lenient { value, place: self.place }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.list.len() + self.pad)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::from_value;
    use crate::api::methods::*;
    use crate::api::types::*;

    #[test]
    fn names_of_fields_match_whatever_their_case() {
        let args: ListLocalVarsIn = from_value(json!({
            "scope": {"goroutineID": 1, "frame": 2},
            "cfg": {"followPointers": true, "maxStructFields": -1},
            "nosuch": [1],
        }))
        .unwrap();
        assert_eq!(args.scope.goroutine_id, 1);
        assert_eq!(args.scope.frame, 2);
        assert!(args.cfg.follow_pointers);
        assert_eq!(args.cfg.max_struct_fields, -1);
        let id: GetBreakpointIn = from_value(json!({"iD": 5, "Id": 7})).unwrap();
        assert_eq!(id.id, 7, "the exact name wins");
    }

    #[test]
    fn null_is_the_zero_value_of_everything() {
        let zero = ListGoroutinesIn::default();
        for value in [
            json!(null),
            json!({}),
            json!({"Start": null, "Count": null, "Filters": null, "GroupByKey": null,
                   "EvalScope": null}),
        ] {
            assert_eq!(from_value::<ListGoroutinesIn>(value).unwrap(), zero);
        }
        let locals: ListLocalVarsOut =
            from_value(json!({"Variables": [null, {"name": "x"}]})).unwrap();
        let names: Vec<String> =
            locals.variables.unwrap().into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["", "x"]);
        let bp: Breakpoint =
            from_value(json!({"hitCount": {"1": null, "7": 3}})).unwrap();
        assert_eq!(bp.hit_count.unwrap()["7"], 3);
    }

    #[test]
    fn a_fixed_list_may_be_too_short_or_too_long() {
        let rules = |list| {
            let args: FindLocationIn =
                from_value(json!({"SubstitutePathRules": list})).unwrap();
            args.substitute_path_rules.unwrap()
        };
        let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(
            rules(json!([["a"], ["b", "c", "d"], []])),
            [pair("a", ""), pair("b", "c"), pair("", "")]
        );
    }

    #[test]
    fn a_value_of_another_kind_is_refused_in_gos_words() {
        let id = |value| from_value::<GetBreakpointIn>(json!({"Id": value}));
        let cases = [
            (
                id(json!("x")),
                "string into Go struct field GetBreakpointIn.Id of type int",
            ),
            (
                id(json!(1.0)),
                "number 1.0 into Go struct field GetBreakpointIn.Id of type int",
            ),
            (from_value(json!("x")), "string into Go value of type rpc2.GetBreakpointIn"),
        ];
        for (found, expected) in cases {
            let expected = format!("json: cannot unmarshal {expected}");
            assert_eq!(found.unwrap_err().to_string(), expected);
        }
        let address = from_value::<ExamineMemoryIn>(json!({"Address": -1}));
        assert_eq!(
            address.unwrap_err().to_string(),
            "json: cannot unmarshal number -1 into Go struct field \
             ExamineMemoryIn.Address of type uint64"
        );
        let nested =
            from_value::<CreateBreakpointIn>(json!({"breakpoint": {"Line": "x"}}));
        assert_eq!(
            nested.unwrap_err().to_string(),
            "json: cannot unmarshal string into Go struct field \
             Breakpoint.Breakpoint.line of type int"
        );
    }

    #[test]
    fn what_we_encode_we_decode() {
        let bp = Breakpoint {
            id: 3,
            addrs: Some(vec![u64::MAX]),
            cond: "i == 2".to_owned(),
            load_args: Some(LoadConfig::SHORT),
            ..Breakpoint::default()
        };
        let value = serde_json::to_value(&bp).unwrap();
        assert_eq!(from_value::<Breakpoint>(value).unwrap(), bp);
    }

    proptest::proptest! {
        #[test]
        fn no_value_is_too_strange(
            name in "(?i)(id|name|addr|addrs|line|hitcount|breakpoint|loadargs)",
            value in r#"(null|1|-1|1\.5|"x"|true|\[\]|\{\}|\[null\]|\[\[\]\]|\{"a":null\})"#,
        ) {
            let json: serde_json::Value =
                serde_json::from_str(&format!(r#"{{"{name}":{value}}}"#)).unwrap();
            let _breakpoint = from_value::<Breakpoint>(json.clone());
            let _thread = from_value::<Thread>(json.clone());
            let _args = from_value::<CreateBreakpointIn>(json);
        }
    }
}
