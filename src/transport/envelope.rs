//! What surrounds a request and an answer: JSON-RPC 1.0 as Go's `net/rpc/jsonrpc` has it.
//!
//! Decoding is as lenient as Go's, and the texts of what is refused are the peer's
//! (`spec/rpc.md` §1.2, captures 22 and 35).

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// A request as it arrived.
#[derive(Debug)]
pub struct Request {
    /// With its prefix; empty if there was none.
    pub method: String,
    /// `None` if missing or `null`.
    params: Option<Value>,
    /// Any JSON value, as it was spelled, to be echoed.
    pub id: Box<RawValue>,
}

/// The envelope itself cannot be understood: the peer closes the connection then.
#[derive(Debug, thiserror::Error)]
#[error("not a request: {0}")]
pub struct NotARequest(String);

impl Request {
    /// Takes apart one message. Bytes that are no UTF-8 become U+FFFD.
    pub fn decode(message: &[u8]) -> Result<Request, NotARequest> {
        let text = String::from_utf8_lossy(message);
        let fields = ordered_fields(&text)?;
        let mut request = Request { method: String::new(), params: None, id: null() };
        for (name, value) in fields.unwrap_or_default() {
            if name.eq_ignore_ascii_case("method") {
                let method: Option<String> = parse(&value)?;
                request.method = method.unwrap_or_default();
            } else if name.eq_ignore_ascii_case("params") {
                request.params = parse(&value)?;
            } else if name.eq_ignore_ascii_case("id") {
                request.id = value;
            }
        }
        Ok(request)
    }

    /// The one argument. An empty list and `[null]` are the zero argument (`Null`).
    pub fn into_argument(self) -> (Box<RawValue>, Result<Value, String>) {
        let argument = match self.params {
            None => {
                Err("malformed request body: jsonrpc: request body missing params"
                    .to_owned())
            }
            Some(Value::Array(list)) => {
                Ok(list.into_iter().next().unwrap_or(Value::Null))
            }
            Some(other) => Err(format!(
                "malformed request body: json: cannot unmarshal {} into Go value of \
                 type [1]interface {{}}",
                go_kind(&other)
            )),
        };
        (self.id, argument)
    }
}

fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

fn parse<T: serde::de::DeserializeOwned>(value: &RawValue) -> Result<T, NotARequest> {
    serde_json::from_str(value.get()).map_err(|err| NotARequest(err.to_string()))
}

/// The fields of an object, in their order, duplicates included.
type OrderedFields = Vec<(String, Box<RawValue>)>;

/// Takes an object apart; `None` for `null`.
fn ordered_fields(text: &str) -> Result<Option<OrderedFields>, NotARequest> {
    struct Fields;
    impl<'de> serde::de::Visitor<'de> for Fields {
        type Value = Option<OrderedFields>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Self::Value, A::Error> {
            let mut fields = Vec::new();
            while let Some(field) = map.next_entry()? {
                fields.push(field);
            }
            Ok(Some(fields))
        }
    }
    let mut source = serde_json::Deserializer::from_str(text);
    serde::Deserializer::deserialize_any(&mut source, Fields)
        .map_err(|err| NotARequest(err.to_string()))
}

/// What Go's decoder calls a value that it did not want.
fn go_kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(number) => format!("number {number}"),
        Value::String(_) => "string".to_owned(),
        Value::Array(_) => "array".to_owned(),
        Value::Object(_) => "object".to_owned(),
    }
}

/// The bytes of an answer, without the end of the line. A failure has a `null` result;
/// a success must not, or Go's client gives the connection up.
pub fn encode_answer<T: Serialize>(
    id: &RawValue,
    outcome: &Result<T, String>,
) -> serde_json::Result<Vec<u8>> {
    #[derive(Serialize)]
    struct Answer<'a, T> {
        id: &'a RawValue,
        result: Option<&'a T>,
        error: Option<&'a str>,
    }
    let (result, error) = match outcome {
        Ok(result) => (Some(result), None),
        Err(text) => (None, Some(text.as_str())),
    };
    serde_json::to_vec(&Answer { id, result, error })
}

/// The same of a success whose result is JSON already.
pub fn encode_success(id: &RawValue, result: &[u8]) -> Vec<u8> {
    let mut bytes = success_start(id);
    bytes.reserve(result.len() + SUCCESS_END.len() + 1);
    bytes.extend_from_slice(result);
    bytes.extend_from_slice(SUCCESS_END);
    bytes
}

/// What comes before the result of a success.
pub fn success_start(id: &RawValue) -> Vec<u8> {
    format!("{{\"id\":{},\"result\":", id.get()).into_bytes()
}

/// What comes after the result of a success.
pub const SUCCESS_END: &[u8] = b",\"error\":null}";

/// The bytes of a request, without the end of the line.
pub fn encode_request(method: &str, params: &Value, id: u64) -> Vec<u8> {
    json!({ "method": method, "params": [params], "id": id }).to_string().into_bytes()
}

/// An answer as it arrived.
#[derive(Debug)]
pub struct Answer {
    pub id: u64,
    /// The result, or the service's text.
    pub outcome: Result<Box<RawValue>, String>,
}

impl Answer {
    /// Takes apart one message; `None` if it answers nothing of ours.
    pub fn decode(message: &[u8]) -> Result<Option<Answer>, NotARequest> {
        #[derive(serde::Deserialize)]
        #[serde(default)]
        #[derive(Default)]
        struct Wire {
            id: Value,
            result: Option<Box<RawValue>>,
            error: Value,
        }
        let text = String::from_utf8_lossy(message);
        let wire: Wire =
            serde_json::from_str(&text).map_err(|err| NotARequest(err.to_string()))?;
        let Some(id) = wire.id.as_u64() else { return Ok(None) };
        let outcome = match wire.error {
            Value::Null => Ok(wire.result.unwrap_or_else(null)),
            Value::String(text) => Err(text),
            other => Err(other.to_string()),
        };
        Ok(Some(Answer { id, outcome }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Answer, Request, encode_answer};

    #[test]
    fn a_request_is_taken_apart_as_go_does() {
        let cases = [
            (r#"{"method":"M","params":[{"a":1}],"id":7}"#, "M", "7", Ok(json!({"a":1}))),
            (r#"{"METHOD":"M","Params":[],"ID":1.50}"#, "M", "1.50", Ok(Value::Null)),
            (r#"{"method":"M","params":[1,2],"id":"x"}"#, "M", "\"x\"", Ok(json!(1))),
            (r#"{"method":null,"params":[null]}"#, "", "null", Ok(Value::Null)),
            (
                "null",
                "",
                "null",
                Err("malformed request body: jsonrpc: request body missing params"),
            ),
            (
                r#"{"method":"M","params":null,"id":{"a":1}}"#,
                "M",
                r#"{"a":1}"#,
                Err("malformed request body: jsonrpc: request body missing params"),
            ),
            (
                r#"{"method":"M","params":{},"id":1}"#,
                "M",
                "1",
                Err("malformed request body: json: cannot unmarshal object into Go \
                     value of type [1]interface {}"),
            ),
        ];
        for (text, method, id, argument) in cases {
            let request = Request::decode(text.as_bytes()).unwrap();
            assert_eq!(request.method, method, "{text}");
            let (echoed, found) = request.into_argument();
            assert_eq!(echoed.get(), id, "{text}");
            assert_eq!(found, argument.map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn an_envelope_of_the_wrong_shape_is_no_request() {
        for text in [r#"{"method":5}"#, "[{}]", r#"{"method":"#, r#"{"a" 1}"#] {
            assert!(Request::decode(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let request =
            Request::decode(b"{\"method\":\"\xff\",\"params\":[],\"id\":1}").unwrap();
        assert_eq!(request.method, "\u{fffd}");
    }

    #[test]
    fn an_answer_is_a_compact_line_with_its_keys_in_order() {
        let (id, _) = Request::decode(br#"{"id":0}"#).unwrap().into_argument();
        let good = encode_answer(&id, &Ok(json!({}))).unwrap();
        assert_eq!(good, br#"{"id":0,"result":{},"error":null}"#);
        let bad = encode_answer::<Value>(&id, &Err("no".to_owned())).unwrap();
        assert_eq!(bad, br#"{"id":0,"result":null,"error":"no"}"#);
    }

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = Answer::decode(br#"{"id":3,"result":{"a":1},"error":null}"#)
            .unwrap()
            .unwrap();
        assert_eq!((answer.id, answer.outcome.unwrap().get()), (3, r#"{"a":1}"#));
        let answer =
            Answer::decode(br#"{"id":3,"result":null,"error":"no"}"#).unwrap().unwrap();
        assert_eq!(answer.outcome.unwrap_err(), "no");
        assert!(Answer::decode(br#"{"id":"x"}"#).unwrap().is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_message_is_too_strange(text in r#"[{}\[\]":,a-zA-Z0-9\\ ]{0,80}"#) {
            if let Ok(request) = Request::decode(text.as_bytes()) {
                let _argument = request.into_argument();
            }
            let _answer = Answer::decode(text.as_bytes());
        }
    }
}
