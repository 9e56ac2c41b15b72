//! The large answers, written as JSON without building them first.
//!
//! A list of 100,000 goroutines is 70 MB of JSON, and a slice of 10,000 structs is 40,000
//! variables. Through the wire's records each would be allocated field by field, only to
//! be written and dropped. Here they go from the engine's types to bytes; that the bytes
//! are those of the records is what the tests say.

use rustc_hash::FxHashMap;

use crate::api::types;
use crate::engine::eval::Variable;
use crate::engine::eval::emit::{Face, Plain, Sink, Text};
use crate::engine::golang::Location;
use crate::engine::session::goroutines::GoroutineView;
use crate::engine::session::program::Program;
use crate::service::convert;
use crate::service::reply::{PIECE_LEN, Pieces};

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

/// Bytes of JSON, sent while they are written if they are an answer.
#[derive(Default)]
pub struct Json {
    bytes: Vec<u8>,
    sent_by: Option<Pieces>,
}

impl Json {
    /// The result of an answer.
    pub fn sent_by(pieces: Pieces) -> Json {
        Json { bytes: pieces.buffer(), sent_by: Some(pieces) }
    }

    /// Sends the rest of an answer, or says why there is none.
    pub fn finish(self, outcome: std::result::Result<(), String>) {
        let Some(pieces) = self.sent_by else { return };
        match outcome {
            Ok(()) => pieces.finish(self.bytes),
            Err(why) => pieces.fail(why),
        }
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Sends what there is if that is enough for a piece.
    fn send_if_long(&mut self) {
        if self.bytes.len() >= PIECE_LEN
            && let Some(pieces) = &mut self.sent_by
        {
            pieces.push(&mut self.bytes);
        }
    }

    /// Text that is JSON already.
    pub fn raw(&mut self, text: &str) -> &mut Json {
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    pub fn int(&mut self, number: i64) -> &mut Json {
        if number < 0 {
            self.bytes.push(b'-');
        }
        self.uint(number.unsigned_abs())
    }

    pub fn uint(&mut self, number: u64) -> &mut Json {
        if number < 10 {
            self.bytes.push(b'0' + number as u8);
            return self;
        }
        // A large answer is mostly numbers: four digits at a time, and of one length
        // until all are there.
        let n_digits = number.ilog10() as usize + 1;
        let mut digits = [0; 20];
        let (mut at, mut rest) = (n_digits, number);
        while rest >= 10_000 {
            let four = (rest % 10_000) as usize;
            rest /= 10_000;
            at -= 4;
            digits[at..at + 2].copy_from_slice(&PAIRS[four / 100]);
            digits[at + 2..at + 4].copy_from_slice(&PAIRS[four % 100]);
        }
        let mut rest = rest as usize;
        if rest >= 100 {
            at -= 2;
            digits[at..at + 2].copy_from_slice(&PAIRS[rest % 100]);
            rest /= 100;
        }
        match rest {
            0..10 => digits[0] = b'0' + rest as u8,
            _ => digits[..2].copy_from_slice(&PAIRS[rest]),
        }
        let end = self.bytes.len() + n_digits;
        self.bytes.extend_from_slice(&digits);
        self.bytes.truncate(end);
        self
    }

    pub fn bool(&mut self, value: bool) -> &mut Json {
        self.raw(if value { "true" } else { "false" })
    }

    pub fn text(&mut self, text: &str) -> &mut Json {
        self.bytes.push(b'"');
        self.inner_text(text);
        self.bytes.push(b'"');
        self
    }

    /// A text without its quotes.
    fn inner_text(&mut self, text: &str) -> &mut Json {
        let plain = |it: &u8| *it >= 0x20 && *it != b'"' && *it != b'\\';
        if text.as_bytes().iter().all(plain) {
            self.bytes.extend_from_slice(text.as_bytes());
            return self;
        }
        let before = self.bytes.len();
        self.value(&text);
        self.bytes.pop();
        if self.bytes.len() > before {
            self.bytes.remove(before);
        }
        self
    }

    /// Anything that has a record of its own.
    pub fn value<T: serde::Serialize>(&mut self, value: &T) -> &mut Json {
        let before = self.bytes.len();
        if let Err(err) = serde_json::to_writer(&mut self.bytes, value) {
            tracing::error!(target: "rpc", "cannot encode a value: {err}");
            self.bytes.truncate(before);
            self.raw("null");
        }
        self
    }

    /// A list, each element written by `write`.
    pub fn list<T>(
        &mut self,
        all: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Json, T),
    ) -> &mut Json {
        let mut list = self.begin_list();
        for it in all {
            write(list.element(), it);
        }
        list.end()
    }

    /// A list whose elements come one after another.
    pub fn begin_list(&mut self) -> List<'_> {
        self.bytes.push(b'[');
        List { json: self, is_empty: true }
    }

    pub fn variables(&mut self, all: &[Variable]) -> &mut Json {
        self.list(all, |json, it| {
            json.variable(it);
        })
    }

    /// [`types::Variable`]. Loading bounds the depth of a value, so this recursion is
    /// bounded too.
    pub fn variable(&mut self, it: &Variable) -> &mut Json {
        self.raw(r#"{"name":"#).text(&it.name);
        self.raw(r#","addr":"#).uint(it.addr.0);
        self.raw(r#","onlyAddr":"#).bool(it.only_addr);
        self.raw(r#","type":"#).text(&it.type_name);
        self.raw(r#","realType":"#).text(&it.real_type);
        self.raw(r#","flags":"#).uint(it.flags.0.into());
        self.raw(r#","kind":"#).uint(it.kind.number().into());
        self.raw(r#","value":"#).text(&it.value);
        self.raw(r#","StringValueBytes":"#);
        match &it.string_bytes {
            Some(bytes) => self.text(&convert::base64(bytes)),
            None => self.raw("null"),
        };
        self.raw(r#","len":"#).int(it.len);
        self.raw(r#","cap":"#).int(it.cap);
        self.raw(r#","children":"#);
        match &it.children {
            Some(children) => self.variables(children),
            None => self.raw("null"),
        };
        self.raw(r#","base":"#).uint(it.base.0);
        self.raw(r#","unreadable":"#).text(it.unreadable.as_deref().unwrap_or_default());
        self.raw(r#","LocationExpr":"#).text(&it.location);
        self.raw(r#","DeclLine":"#).int(it.decl_line);
        self.raw("}")
    }

    /// [`types::Function`].
    fn function(&mut self, it: &types::Function) -> &mut Json {
        self.raw(r#"{"name":"#).text(&it.name);
        self.raw(r#","value":"#).uint(it.value);
        self.raw(r#","type":"#).uint(it.kind.into());
        self.raw(r#","goType":"#).uint(it.go_type);
        self.raw(r#","optimized":"#).bool(it.optimized).raw("}")
    }

    /// [`types::Stackframe`] up to its variables.
    pub fn frame_start(&mut self, it: &types::Stackframe) -> &mut Json {
        self.raw(r#"{"pc":"#).uint(it.pc);
        self.raw(r#","file":"#).text(&it.file);
        self.raw(r#","line":"#).int(it.line);
        if let Some(function) = &it.function {
            self.raw(r#","function":"#).function(function);
        }
        self.raw(",")
    }

    /// What follows its variables.
    pub fn frame_end(&mut self, it: &types::Stackframe) -> &mut Json {
        self.raw(r#","FrameOffset":"#).int(it.frame_offset);
        self.raw(r#","FramePointerOffset":"#).int(it.frame_pointer_offset);
        match it.defers.as_slice() {
            [] => self.raw(r#","Defers":[]"#),
            some => self.raw(r#","Defers":"#).value(&some),
        };
        if it.bottom {
            self.raw(r#","Bottom":true"#);
        }
        self.raw(r#","Err":"#).text(&it.err).raw("}")
    }
}

/// A list that is being written. [`end`](List::end) closes it.
pub struct List<'a> {
    json: &'a mut Json,
    is_empty: bool,
}

impl<'a> List<'a> {
    /// Where the next element is to be written.
    pub fn element(&mut self) -> &mut Json {
        self.json.send_if_long();
        if !std::mem::take(&mut self.is_empty) {
            self.json.bytes.push(b',');
        }
        self.json
    }

    pub fn end(self) -> &'a mut Json {
        self.json.bytes.push(b']');
        self.json
    }
}

/// Writes variables as they are loaded, one after another into a list.
pub struct Variables<'a> {
    json: &'a mut Json,
    is_first: bool,
    /// What is the same for all values with one face.
    forms: Vec<Option<Form>>,
}

/// The text around what differs from value to value: `{"name":…,"addr":`, then
/// `,"onlyAddr":false,"type":…,"value":"`, then all that follows the value of one that has
/// no length and no children.
struct Form {
    text: Vec<u8>,
    middle: usize,
    scalar_end: usize,
    /// The end of every value: `,"unreadable":"","LocationExpr":…,"DeclLine":…}`
    end: usize,
}

impl<'a> Variables<'a> {
    pub fn new(json: &'a mut Json) -> Variables<'a> {
        Variables { json, is_first: true, forms: Vec::new() }
    }

    pub fn json(&mut self) -> &mut Json {
        self.json
    }

    /// Begins a list of variables under a key, given with its quotes.
    pub fn begin_list(&mut self, key: &str) {
        self.json.raw(key).raw(":[");
        self.is_first = true;
    }

    pub fn end_list(&mut self) -> &mut Json {
        self.json.raw("]")
    }

    fn begin_element(&mut self) {
        self.json.send_if_long();
        if !std::mem::take(&mut self.is_first) {
            self.json.bytes.push(b',');
        }
    }

    /// Up to the value, whose end is still to be written.
    fn begin(&mut self, face: &Face, it: &Plain<'_>) -> (&mut Json, &Form) {
        self.begin_element();
        if self.forms.len() <= face.id {
            self.forms.resize_with(face.id + 1, || None);
        }
        let form = self.forms[face.id].get_or_insert_with(|| Form::of(face));
        let json = &mut *self.json;
        json.bytes.extend_from_slice(form.start());
        json.uint(it.addr.0);
        json.bytes.extend_from_slice(form.middle());
        match it.text {
            Text::Empty => &mut *json,
            Text::Int(number) => json.int(number),
            Text::Uint(number) => json.uint(number),
            Text::Str(text) => json.inner_text(text),
        };
        (json, form)
    }

    /// From the end of the children on.
    fn end(&mut self, face: &Face, it: &Plain<'_>) {
        let json = &mut *self.json;
        json.raw(r#"],"base":"#).uint(it.base.0);
        if let Some(Some(form)) = self.forms.get(face.id) {
            json.bytes.extend_from_slice(form.end());
        }
    }
}

impl Form {
    /// Most are as long at most.
    const LEN: usize = 448;

    fn of(face: &Face) -> Form {
        let mut json = Json { bytes: Vec::with_capacity(Form::LEN), sent_by: None };
        json.raw(r#"{"name":"#).text(&face.name).raw(r#","addr":"#);
        let middle = json.bytes.len();
        json.raw(r#","onlyAddr":false,"type":"#).text(&face.type_name);
        json.raw(r#","realType":"#).text(&face.real_type);
        json.raw(r#","flags":"#).uint(face.flags.0.into());
        json.raw(r#","kind":"#).uint(face.kind.number().into());
        json.raw(r#","value":""#);
        let scalar_end = json.bytes.len();
        json.raw(r#"","StringValueBytes":null,"len":0,"cap":0,"children":[],"base":0"#);
        let end = json.bytes.len();
        json.raw(r#","unreadable":"","LocationExpr":"#).text(&face.location);
        json.raw(r#","DeclLine":"#).int(face.decl_line).raw("}");
        Form { text: json.bytes, middle, scalar_end, end }
    }

    fn start(&self) -> &[u8] {
        &self.text[..self.middle]
    }

    fn middle(&self) -> &[u8] {
        &self.text[self.middle..self.scalar_end]
    }

    fn scalar_end(&self) -> &[u8] {
        &self.text[self.scalar_end..]
    }

    fn end(&self) -> &[u8] {
        &self.text[self.end..]
    }
}

impl Sink for Variables<'_> {
    fn whole(&mut self, value: &Variable) {
        self.begin_element();
        self.json.variable(value);
    }

    fn plain(&mut self, face: &Face, it: &Plain<'_>) {
        let (json, form) = self.begin(face, it);
        if it.len == 0 && it.cap == 0 && it.base.0 == 0 {
            json.bytes.extend_from_slice(form.scalar_end());
            return;
        }
        json.raw(r#"","StringValueBytes":null,"len":"#).int(it.len);
        json.raw(r#","cap":"#).int(it.cap).raw(r#","children":["#);
        self.end(face, it);
    }

    fn open(&mut self, face: &Face, it: &Plain<'_>) {
        let (json, _) = self.begin(face, it);
        json.raw(r#"","StringValueBytes":null,"len":"#).int(it.len);
        json.raw(r#","cap":"#).int(it.cap).raw(r#","children":["#);
        self.is_first = true;
    }

    fn close(&mut self, face: &Face, it: &Plain<'_>) {
        self.is_first = false;
        self.end(face, it);
    }
}

/// Writes goroutines; a place that many of them share is put into JSON once.
pub struct Goroutines<'a> {
    program: &'a Program,
    places: FxHashMap<*const Location, String>,
}

impl<'a> Goroutines<'a> {
    pub fn new(program: &'a Program) -> Goroutines<'a> {
        Goroutines { program, places: FxHashMap::default() }
    }

    /// [`types::Goroutine`].
    pub fn write(&mut self, json: &mut Json, it: &GoroutineView) {
        let g = &it.goroutine;
        if g.unreadable {
            json.value(&convert::goroutine(it, self.program));
            return;
        }
        json.raw(r#"{"id":"#).int(g.id);
        json.raw(r#","currentLoc":"#);
        self.place(json, &it.current);
        json.raw(r#","userCurrentLoc":"#);
        self.place(json, &it.user);
        json.raw(r#","goStatementLoc":"#);
        self.place(json, &it.go_statement);
        json.raw(r#","startLoc":"#);
        self.place(json, &it.start);
        json.raw(r#","threadID":"#).int(g.thread.unwrap_or(0).into());
        json.raw(r#","status":"#).uint(g.status.into());
        json.raw(r#","waitSince":"#).int(g.wait_since);
        json.raw(r#","waitReason":"#).uint(g.wait_reason.into());
        json.raw(r#","unreadable":"""#);
        if !it.labels.is_empty() {
            json.raw(r#","labels":{"#);
            for (n, (key, value)) in it.labels.iter().enumerate() {
                json.raw(if n > 0 { "," } else { "" }).text(key).raw(":").text(value);
            }
            json.raw("}");
        }
        json.raw("}");
    }

    /// The views of one request share their places, so an address stands for a place as
    /// long as they live.
    fn place(&mut self, json: &mut Json, at: &std::sync::Arc<Location>) {
        let program = self.program;
        let text = self.places.entry(std::sync::Arc::as_ptr(at)).or_insert_with(|| {
            let mut json = Json::default();
            json.value(&convert::location(at, program));
            String::from_utf8(json.into_bytes()).unwrap_or_default()
        });
        json.raw(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::addr::Addr;
    use crate::engine::eval::{Flags, Kind};

    #[test]
    fn numbers_are_written_to_the_digit() {
        let cases = [
            (0, "0"),
            (-1, "-1"),
            (7, "7"),
            (10, "10"),
            (105, "105"),
            (100, "100"),
            (9_999, "9999"),
            (10_000, "10000"),
            (100_009, "100009"),
            (1_020_304, "1020304"),
            (1234567890, "1234567890"),
            (i64::MAX, "9223372036854775807"),
            (i64::MIN, "-9223372036854775808"),
        ];
        for (number, text) in cases {
            let mut json = Json::default();
            json.int(number);
            assert_eq!(json.into_bytes(), text.as_bytes());
        }
        let mut json = Json::default();
        json.uint(u64::MAX);
        assert_eq!(json.into_bytes(), b"18446744073709551615");
    }

    #[test]
    fn a_variable_is_written_as_its_record_is() {
        let mut child = Variable::empty();
        child.name = "a \"quoted\" näme\n".into();
        child.kind = Kind::String;
        child.value = "x\\y\u{1}\u{fffd}".into();
        child.string_bytes = Some(vec![0xff, b'y']);
        child.children = None;
        let mut parent = Variable::empty();
        parent.addr = Addr(u64::MAX);
        parent.type_name = "struct { A int }".into();
        parent.flags = Flags::ARGUMENT;
        parent.len = -3;
        parent.unreadable = Some("why".into());
        parent.children = Some(vec![child.clone(), child]);
        parent.decl_line = 12;
        let mut json = Json::default();
        json.variable(&parent);
        let record = serde_json::to_vec(&convert::variable(parent)).unwrap();
        assert_eq!(
            String::from_utf8(json.into_bytes()).unwrap(),
            String::from_utf8(record).unwrap()
        );
    }

    #[test]
    fn plain_values_are_written_as_their_records_are() {
        let face = |id, name: &str, kind| Face {
            id,
            name: name.into(),
            type_name: "main.\"T\"".into(),
            real_type: "struct {}".into(),
            kind,
            flags: Flags::ARGUMENT,
            location: "[block] DW_OP_fbreg 0x10".into(),
            decl_line: 7,
        };
        let (outer, inner) = (face(3, "o", Kind::Slice), face(0, "", Kind::Int));
        let it = |text| Plain { addr: Addr(1 << 40), text, ..Plain::default() };
        let slice = Plain { len: 3, cap: 9, base: Addr(77), ..it(Text::Empty) };
        let mut json = Json::default();
        let mut values = Variables::new(&mut json);
        values.begin_list(r#""L""#);
        values.open(&outer, &slice);
        let texts = [Text::Int(-5), Text::Uint(5), Text::Str("a\"b"), Text::Empty];
        texts.iter().for_each(|text| values.plain(&inner, &it(*text)));
        values.close(&outer, &slice);
        values.whole(&Variable::empty());
        values.end_list();

        let variable = |face: &Face, value: &str| {
            let mut v = Variable::empty();
            (v.name, v.addr) = (face.name.clone(), Addr(1 << 40));
            (v.type_name, v.real_type) = (face.type_name.clone(), face.real_type.clone());
            (v.kind, v.flags, v.decl_line) = (face.kind, face.flags, face.decl_line);
            (v.value, v.location) = (value.into(), face.location.clone());
            v
        };
        let mut parent = variable(&outer, "");
        (parent.len, parent.cap, parent.base) = (3, 9, Addr(77));
        parent.children =
            Some(["-5", "5", "a\"b", ""].map(|it| variable(&inner, it)).into());
        let records = convert::variables(vec![parent, Variable::empty()]);
        let records = serde_json::to_string(&records).unwrap();
        let written = String::from_utf8(json.into_bytes()).unwrap();
        assert_eq!(written, format!(r#""L":{records}"#));
    }

    #[test]
    fn a_frame_is_written_as_its_record_is() {
        let variable = Variable::empty();
        let frame = types::Stackframe {
            pc: 7,
            file: "/a b/c.go".into(),
            line: 3,
            function: Some(types::Function { name: "f".into(), ..Default::default() }),
            frame_offset: -8,
            bottom: true,
            ..Default::default()
        };
        let with = (vec![variable.clone()], vec![variable.clone(), variable.clone()]);
        for variables in [None, Some(&with)] {
            let mut json = Json::default();
            json.frame_start(&frame);
            match variables {
                None => json.raw(r#""Locals":null,"Arguments":null"#),
                Some((arguments, locals)) => {
                    json.raw(r#""Locals":"#).variables(locals);
                    json.raw(r#","Arguments":"#).variables(arguments)
                }
            };
            json.frame_end(&frame);
            let record = types::Stackframe {
                arguments: variables.map(|it| convert::variables(it.0.clone())),
                locals: variables.map(|it| convert::variables(it.1.clone())),
                ..frame.clone()
            };
            let record = serde_json::to_string(&record).unwrap();
            assert_eq!(String::from_utf8(json.into_bytes()).unwrap(), record);
        }
    }
}
