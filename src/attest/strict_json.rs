//! Strict JSON: no duplicate names in an object, and nothing after the document.
//!
//! If an object has a name twice, parsers differ in which value they use. A signed document must
//! not have two meanings, so such a document is rejected.
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;
use trailproof_core::bytes::json_size::exceeds_values;
use trailproof_core::vocab::budget::JSON_VALUES;

/// Reads one JSON value, with nothing but white space around it, and with no more values in it than
/// [`JSON_VALUES`].
///
/// # Errors
///
/// Returns what is wrong with it, in words that are safe to show.
pub fn parse(bytes: &[u8]) -> Result<Value, String> {
    if exceeds_values(bytes, JSON_VALUES) {
        return Err(format!("it has more than {JSON_VALUES} values"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = Strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    // serde_json reports line and column. Names from the document are only in our own errors.
    read.map_err(|error| trailproof_core::vocab::location::excerpt(&error.to_string(), 200))
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(Name(name)) = entries.next_key()? {
            let value = entries.next_value_seed(Strict)?;
            if object.contains_key(&name) {
                let shown = trailproof_core::vocab::location::excerpt(&name, 60);
                return Err(serde::de::Error::custom(format!("`{shown}` stands twice")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unambiguous_json_is_read() {
        let text = br#" {"a":[1,-2,1.5,true,null,"x"],"b":{"a":{}}} "#;
        let read = parse(text).map_err(drop);
        assert_eq!(read, Ok(json!({"a": [1, -2, 1.5, true, null, "x"], "b": {"a": {}}})));
    }

    #[test]
    fn ambiguous_json_is_rejected() {
        let deep = "[".repeat(10_000);
        for wrong in [
            r#"{"a":1,"a":1}"#,
            r#"{"b":{"a":1,"\u0061":2}}"#,
            "{} {}",
            "{",
            "",
            "\u{feff}{}",
            &deep,
        ] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong:.40}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }
}
