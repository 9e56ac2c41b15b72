//! Values as text, on one line or on several, in the format of Delve's terminal.
//!
//! Source: what a real `dlv` prints for the values of `spec/rpc-captures/04-eval-kinds`
//! (the tests below are such prints).

use std::borrow::Cow;

use crate::api::base64;
use crate::api::types::{Kind, Variable};
use crate::frontend::text::Text;
use crate::frontend::text::quote::{quote, type_in_expression};
use crate::frontend::text::verb::{Format, Scalar};
use crate::frontend::theme::Role;

/// Strings longer than this put the struct or list around them on several lines.
const SHORT_STRING_LEN: usize = 7;

/// How values are to be shown.
#[derive(Clone, Debug, Default)]
pub struct Style {
    /// Larger values over several lines, and what pointers point to below them.
    pub multi_line: bool,
    /// How many tabs the lines after the first begin with.
    pub indent: usize,
    /// A verb for every value without parts.
    pub format: Option<Format>,
    /// Strings as they are, without quotes.
    pub raw_strings: bool,
}

/// A value on one line: `main.T {A: 1, B: "x"}`.
pub fn single_line(value: &Variable) -> String {
    render(value, &Style::default()).to_string()
}

/// A value in some style.
pub fn render(value: &Variable, style: &Style) -> Text {
    let mut printer = Printer { out: Text::new(), style };
    let how = How { top: true, typed: true, multi_line: style.multi_line };
    printer.value(value, how, style.indent);
    printer.out
}

/// How the value at hand is shown, given where it stands.
#[derive(Clone, Copy)]
struct How {
    /// Not within another value.
    top: bool,
    /// With its type.
    typed: bool,
    multi_line: bool,
}

struct Printer<'a> {
    out: Text,
    style: &'a Style,
}

impl Printer<'_> {
    fn value(&mut self, v: &Variable, how: How, indent: usize) {
        if !v.unreadable.is_empty() {
            let why = format!("(unreadable {})", v.unreadable);
            return self.out.push(Role::VarUnreadable, why);
        }
        if !how.top && v.addr == 0 && v.value.is_empty() {
            if how.typed && v.type_name != "void" {
                self.out.push(Role::VarType, format!("{} ", v.type_name));
            }
            return self.out.push(Role::VarNil, "nil");
        }
        match v.kind {
            Kind::SLICE => self.slice(v, how, indent),
            Kind::ARRAY => self.array(v, how, indent),
            Kind::PTR => self.pointer(v, how, indent),
            Kind::UNSAFE_POINTER => self.unsafe_pointer(v),
            Kind::CHAN => self.channel(v, how, indent),
            Kind::STRUCT => self.structure(v, how, indent),
            Kind::INTERFACE => self.interface(v, how, indent),
            Kind::MAP => self.map(v, how, indent),
            Kind::FUNC => self.function(v, how, indent),
            _ => self.scalar(v),
        }
    }

    fn type_name(&mut self, v: &Variable) {
        self.out.push(Role::VarType, &v.type_name);
    }

    fn punct(&mut self, text: &str) {
        self.out.push(Role::Text, text);
    }

    fn nil(&mut self) {
        self.out.push(Role::VarNil, "nil");
    }

    fn new_line(&mut self, indent: usize) {
        self.out.end_line();
        self.out.plain("\t".repeat(indent));
    }

    /// An expression that would load the value: `(*main.T)(0xc000010000)`.
    fn address(&mut self, open: &str, type_name: &str, close: &str, addr: u64) {
        self.out.push(Role::VarType, type_in_expression(open, type_name));
        self.out.push(Role::VarAddress, format!("{close}({addr:#x})"));
    }

    fn pointer(&mut self, v: &Variable, how: How, indent: usize) {
        let target = match v.children.as_deref() {
            Some([target, ..]) if !v.type_name.is_empty() => target,
            _ => return self.nil(),
        };
        if target.only_addr && target.addr != 0 {
            return self.address("(", &v.type_name, ")", target.addr);
        }
        if how.top && how.multi_line && target.addr != 0 {
            self.address("(", &v.type_name, ")", target.addr);
            self.out.end_line();
        }
        self.punct("*");
        self.value(target, How { top: false, ..how }, indent);
    }

    fn unsafe_pointer(&mut self, v: &Variable) {
        self.out.push(Role::VarType, "unsafe.Pointer");
        match children(v).first() {
            Some(target) => {
                self.out.push(Role::VarAddress, format!("({:#x})", target.addr))
            }
            None => self.out.push(Role::VarNil, "(nil)"),
        }
    }

    fn channel(&mut self, v: &Variable, how: How, indent: usize) {
        if how.multi_line {
            return self.fields(v, how, indent);
        }
        self.type_name(v);
        match children(v) {
            [count, size, ..] => {
                let text = format!(" {}/{}", count.value, size.value);
                self.out.push(Role::VarNumber, text);
            }
            _ => self.out.push(Role::VarNil, " nil"),
        }
    }

    fn structure(&mut self, v: &Variable, how: How, indent: usize) {
        if v.value.is_empty() {
            return self.fields(v, how, indent);
        }
        // A time, which the service has put in words.
        self.type_name(v);
        self.out.push(Role::VarValue, format!("({})", v.value));
        self.fields(v, How { typed: false, ..how }, indent);
    }

    fn interface(&mut self, v: &Variable, how: How, indent: usize) {
        let Some(data) = children(v).first().filter(|_| v.addr != 0) else {
            return self.nil();
        };
        if how.typed {
            self.type_name(v);
            if data.kind == Kind::INVALID {
                self.punct(" ");
                if data.addr == 0 {
                    return self.nil();
                }
            } else {
                self.out.push(Role::VarType, format!("({}) ", data.type_name));
            }
        }
        let inner = How { top: false, typed: !how.typed, ..how };
        if data.kind != Kind::PTR {
            if data.only_addr {
                return self.address("*(*", &v.type_name, ")", v.addr);
            }
            return self.value(data, inner, indent);
        }
        match children(data).first() {
            None => self.out.push(Role::VarMeta, "..."),
            Some(target) if target.addr == 0 => self.nil(),
            Some(target) if target.only_addr => {
                self.out.push(Role::VarAddress, format!("{:#x}", data.addr));
            }
            Some(_) => self.value(data, inner, indent),
        }
    }

    fn function(&mut self, v: &Variable, how: How, indent: usize) {
        if v.value.is_empty() {
            return self.nil();
        }
        self.out.push(Role::VarValue, &v.value);
        if !how.multi_line || children(v).is_empty() {
            return;
        }
        self.punct(" {");
        for captured in children(v) {
            self.new_line(indent + 1);
            self.out.push(Role::VarName, format!("{} ", captured.name));
            self.type_name(captured);
            self.punct(" = ");
            let inner = How { top: false, typed: false, ..how };
            self.value(captured, inner, indent + 1);
        }
        self.new_line(indent);
        self.punct("}");
    }

    fn scalar(&mut self, v: &Variable) {
        if v.value.is_empty() && v.kind != Kind::STRING {
            let what = format!("(unknown {})", kind_name(v.kind));
            return self.out.push(Role::VarMeta, what);
        }
        match &self.style.format {
            Some(format) => {
                let bytes = string_bytes(v);
                let shown = scalar_of(v, &bytes).map(|it| format.apply(it));
                self.out.push(role_of(v.kind), shown.unwrap_or_else(|| v.value.clone()));
            }
            None if v.kind == Kind::STRING => self.string(v),
            None => self.out.push(role_of(v.kind), plain_scalar(v)),
        }
    }

    fn string(&mut self, v: &Variable) {
        let mut bytes = string_bytes(v).into_owned();
        let n_more = missing(v.len, bytes.len());
        if n_more > 0 {
            bytes.extend_from_slice(format!("...+{n_more} more").as_bytes());
        }
        let shown = if self.style.raw_strings {
            String::from_utf8_lossy(&bytes).into_owned()
        } else {
            quote(&bytes)
        };
        self.out.push(Role::VarString, shown);
    }

    fn slice(&mut self, v: &Variable, how: How, indent: usize) {
        if how.typed {
            self.type_name(v);
            let size = format!(" len: {}, cap: {}, ", v.len, v.cap);
            self.out.push(Role::VarMeta, size);
        }
        if v.base == 0 && children(v).is_empty() {
            return self.nil();
        }
        self.elements(v, how, indent);
    }

    fn array(&mut self, v: &Variable, how: How, indent: usize) {
        if how.typed {
            self.type_name(v);
            self.punct(" ");
        }
        self.elements(v, how, indent);
    }

    fn elements(&mut self, v: &Variable, how: How, indent: usize) {
        let several = how.multi_line && elements_need_lines(v);
        let inner = How { top: false, typed: false, multi_line: several };
        self.punct("[");
        for (i, element) in children(v).iter().enumerate() {
            if several {
                self.new_line(indent + 1);
            }
            self.value(element, inner, indent + 1);
            if several || i + 1 != children(v).len() {
                self.punct(",");
            }
        }
        self.rest(missing(v.len, children(v).len()), children(v), several, indent);
        if several {
            self.new_line(indent);
        }
        self.punct("]");
    }

    /// Says how many elements of a list were not loaded.
    fn rest(&mut self, n_more: usize, shown: &[Variable], several: bool, indent: usize) {
        if n_more == 0 {
            return;
        }
        if shown.is_empty() {
            return self.out.push(Role::VarMeta, "...");
        }
        if several {
            self.new_line(indent + 1);
        } else {
            self.punct(",");
        }
        self.out.push(Role::VarMeta, format!("...+{n_more} more"));
    }

    fn fields(&mut self, v: &Variable, how: How, indent: usize) {
        let fields = children(v);
        let n_more = missing(v.len, fields.len());
        if n_more > 0 && fields.is_empty() {
            return self.address("(*", &v.type_name, ")", v.addr);
        }
        if how.typed {
            self.type_name(v);
            self.punct(" ");
        }
        let several = how.multi_line && fields.iter().any(field_needs_line);
        let inner = How { top: false, typed: true, multi_line: several };
        self.punct("{");
        for (i, field) in fields.iter().enumerate() {
            if several {
                self.new_line(indent + 1);
            }
            self.out.push(Role::VarName, &field.name);
            self.punct(": ");
            self.value(field, inner, indent + 1);
            if several {
                self.punct(",");
            } else if i + 1 != fields.len() {
                self.punct(", ");
            }
        }
        self.rest(n_more, fields, several, indent);
        self.punct("}");
    }

    fn map(&mut self, v: &Variable, how: How, indent: usize) {
        let entries = children(v);
        if how.typed {
            self.type_name(v);
            self.punct(" ");
        }
        if v.base == 0 && entries.is_empty() {
            return self.nil();
        }
        let several = how.multi_line && !entries.is_empty();
        let for_key = How { top: false, typed: false, multi_line: false };
        let for_value = How { top: false, typed: false, multi_line: several };
        self.punct("[");
        for (i, entry) in entries.chunks_exact(2).enumerate() {
            if several {
                self.new_line(indent + 1);
            }
            self.value(&entry[0], for_key, indent + 1);
            self.punct(": ");
            self.value(&entry[1], for_value, indent + 1);
            // The blank at the end of a line is Delve's.
            if several || 2 * i + 2 != entries.len() {
                self.punct(", ");
            }
        }
        self.rest(missing(v.len, entries.len() / 2), entries, several, indent);
        if several {
            self.new_line(indent);
        }
        self.punct("]");
    }
}

fn children(v: &Variable) -> &[Variable] {
    v.children.as_deref().unwrap_or_default()
}

/// How many of `len` are not there.
fn missing(len: i64, there: usize) -> usize {
    usize::try_from(len).unwrap_or(0).saturating_sub(there)
}

/// The bytes of a string: the value has U+FFFD for those that are no UTF-8.
fn string_bytes(v: &Variable) -> Cow<'_, [u8]> {
    match v.string_value_bytes.as_deref().and_then(base64::decode) {
        Some(bytes) => Cow::Owned(bytes),
        None => Cow::Borrowed(v.value.as_bytes()),
    }
}

fn plain_scalar(v: &Variable) -> String {
    match (v.kind, children(v)) {
        (Kind::COMPLEX64 | Kind::COMPLEX128, [re, im, ..]) => {
            format!("({} + {}i)", re.value, im.value)
        }
        _ => v.value.clone(),
    }
}

fn scalar_of<'a>(v: &Variable, bytes: &'a [u8]) -> Option<Scalar<'a>> {
    let float = |text: &str| text.parse::<f64>().ok();
    match v.kind {
        Kind::BOOL => Some(Scalar::Bool(v.value == "true")),
        2..=6 => number_of(&v.value).parse().ok().map(Scalar::Int),
        7..=12 => number_of(&v.value).parse().ok().map(Scalar::Uint),
        Kind::FLOAT32 | Kind::FLOAT64 => float(&v.value).map(Scalar::Float),
        Kind::COMPLEX64 | Kind::COMPLEX128 => match children(v) {
            [re, im, ..] => Some(Scalar::Complex(float(&re.value)?, float(&im.value)?)),
            _ => None,
        },
        Kind::STRING => Some(Scalar::Str(bytes)),
        _ => None,
    }
}

/// The number in `Green (1)`.
pub fn number_of(value: &str) -> &str {
    value
        .strip_suffix(')')
        .and_then(|it| it.rsplit_once('('))
        .map_or(value, |(_, number)| number)
}

fn role_of(kind: u32) -> Role {
    match kind {
        Kind::BOOL => Role::VarBool,
        Kind::STRING => Role::VarString,
        2..=16 => Role::VarNumber,
        _ => Role::VarValue,
    }
}

/// The kind of what a value is or points to, and whether there is a pointer between.
fn pointed_kind(v: &Variable) -> (u32, bool) {
    let mut it = v;
    let mut is_pointer = false;
    while it.kind == Kind::PTR {
        is_pointer = true;
        match children(it).first() {
            Some(target) => it = target,
            None => break,
        }
    }
    (it.kind, is_pointer)
}

fn is_large(kind: u32) -> bool {
    matches!(kind, Kind::SLICE | Kind::ARRAY | Kind::STRUCT | Kind::MAP | Kind::INTERFACE)
}

fn field_needs_line(field: &Variable) -> bool {
    let (kind, is_pointer) = pointed_kind(field);
    let is_long = is_pointer || field.value.len() > SHORT_STRING_LEN;
    is_large(kind) || (kind == Kind::STRING && is_long)
}

fn elements_need_lines(v: &Variable) -> bool {
    let Some(first) = children(v).first() else { return false };
    let (kind, is_pointer) = pointed_kind(first);
    let is_long = || children(v).iter().any(|it| it.value.len() > SHORT_STRING_LEN);
    is_large(kind) || (kind == Kind::STRING && (is_pointer || is_long()))
}

/// What Go's reflect calls a kind.
pub fn kind_name(kind: u32) -> &'static str {
    const NAMES: [&str; 27] = [
        "invalid",
        "bool",
        "int",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "uintptr",
        "float32",
        "float64",
        "complex64",
        "complex128",
        "array",
        "chan",
        "func",
        "interface",
        "map",
        "ptr",
        "slice",
        "string",
        "struct",
        "unsafe.Pointer",
    ];
    NAMES.get(kind as usize).copied().unwrap_or("invalid")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Style, render, single_line};
    use crate::api::lenient;
    use crate::api::types::Variable;
    use crate::frontend::text::verb::Format;

    fn variable(json: Value) -> Variable {
        lenient::from_value(json).unwrap()
    }

    fn int(name: &str, value: &str) -> Value {
        json!({"name": name, "type": "int", "kind": 2, "value": value, "addr": 16})
    }

    fn string(value: &str, len: usize) -> Value {
        json!({"type": "string", "kind": 24, "value": value, "len": len, "addr": 16})
    }

    fn point(name: &str, addr: u64) -> Value {
        let mut tag = string("k", 1);
        tag["name"] = json!("Tag");
        json!({"name": name, "type": "main.Point", "kind": 25, "len": 3, "addr": addr,
               "children": [int("X", "1"), int("Y", "2"), tag]})
    }

    fn pointer(type_name: &str, target: Value) -> Value {
        json!({"type": type_name, "kind": 22, "addr": 24, "len": 1, "value": "16",
               "children": [target]})
    }

    fn both(value: &Value) -> (String, String) {
        let value = variable(value.clone());
        let several = Style { multi_line: true, ..Style::default() };
        (single_line(&value), render(&value, &several).to_string())
    }

    #[test]
    fn values_without_parts_are_shown_as_delve_shows_them() {
        let cases = [
            (int("", "-5"), "-5"),
            (json!({"kind": 7, "value": "Green (1)", "addr": 1}), "Green (1)"),
            (string("hello", 5), r#""hello""#),
            (string("hel", 10), r#""hel...+7 more""#),
            (
                json!({"kind": 24, "value": "a\u{fffd}", "len": 2,
                    "StringValueBytes": "Yf8="}),
                r#""a\xff""#,
            ),
            (
                json!({"kind": 16, "children": [{"value": "3.25"}, {"value": "4.5"}],
                    "value": "(3.25 + 4.5i)"}),
                "(3.25 + 4.5i)",
            ),
            (json!({"kind": 19, "value": ""}), "nil"),
            (json!({"kind": 19, "value": "main.add", "addr": 1}), "main.add"),
            (json!({"kind": 26, "children": [{"addr": 255}]}), "unsafe.Pointer(0xff)"),
            (
                json!({"kind": 2, "unreadable": "no such address"}),
                "(unreadable no such address)",
            ),
            (
                json!({"kind": 18, "type": "chan int", "addr": 1,
                    "children": [int("qcount", "2"), int("dataqsiz", "5")], "len": 2}),
                "chan int 2/5",
            ),
            (json!({"kind": 18, "type": "chan int"}), "chan int nil"),
        ];
        for (value, expected) in cases {
            assert_eq!(single_line(&variable(value)), expected);
        }
    }

    #[test]
    fn lists_say_what_they_left_out() {
        let slice = |len, children: Value| {
            json!({"type": "[]int", "kind": 23, "len": len, "cap": len, "base": 8,
                   "children": children})
        };
        let cases = [
            (
                slice(2, json!([int("", "1"), int("", "2")])),
                "[]int len: 2, cap: 2, [1,2]",
            ),
            (slice(3, json!([int("", "1")])), "[]int len: 3, cap: 3, [1,...+2 more]"),
            (slice(3, json!([])), "[]int len: 3, cap: 3, [...]"),
            (json!({"type": "[]int", "kind": 23}), "[]int len: 0, cap: 0, nil"),
            (json!({"type": "map[string]bool", "kind": 21}), "map[string]bool nil"),
            (
                json!({"type": "map[string]int", "kind": 21, "len": 2, "base": 8,
                    "children": []}),
                "map[string]int [...]",
            ),
        ];
        for (value, expected) in cases {
            assert_eq!(both(&value), (expected.to_owned(), expected.to_owned()));
        }
    }

    #[test]
    fn larger_values_take_several_lines_where_they_may() {
        let small = both(&point("", 16));
        assert_eq!(small.0, r#"main.Point {X: 1, Y: 2, Tag: "k"}"#);
        assert_eq!(small.0, small.1, "all fields are short");
        let circle = json!({"type": "main.Circle", "kind": 25, "len": 2, "addr": 16,
            "children": [point("Center", 16), int("R", "9")]});
        assert_eq!(
            both(&circle).1,
            "main.Circle {\n\tCenter: main.Point {X: 1, Y: 2, Tag: \"k\"},\n\tR: 9,}"
        );
        let map = json!({"type": "map[main.Point]int", "kind": 21, "len": 2, "base": 8,
            "children": [point("", 16), int("", "5")]});
        assert_eq!(
            both(&map),
            (
                r#"map[main.Point]int [{X: 1, Y: 2, Tag: "k"}: 5,...+1 more]"#.to_owned(),
                "map[main.Point]int [\n\t{X: 1, Y: 2, Tag: \"k\"}: 5, \n\t...+1 more\n]"
                    .to_owned()
            )
        );
    }

    #[test]
    fn pointers_show_what_they_point_to_if_it_was_loaded() {
        let loaded = pointer("*main.Point", point("", 16));
        assert_eq!(
            both(&loaded),
            (
                r#"*main.Point {X: 1, Y: 2, Tag: "k"}"#.to_owned(),
                "(*main.Point)(0x10)\n*main.Point {X: 1, Y: 2, Tag: \"k\"}".to_owned()
            )
        );
        let address = |type_name| {
            pointer(type_name, json!({"onlyAddr": true, "addr": 16, "kind": 25}))
        };
        assert_eq!(both(&address("*main.Point")).0, "(*main.Point)(0x10)");
        assert_eq!(both(&address("*a/b.T")).0, r#"("*a/b.T")(0x10)"#);
        let nil = pointer("*main.Point", json!({"type": "main.Point", "kind": 25}));
        assert_eq!(both(&nil).1, "*main.Point nil");
    }

    #[test]
    fn interfaces_show_what_is_in_them() {
        let interface = |data: Value| json!({"type": "main.Shape", "kind": 20, "addr": 32, "children": [data]});
        let mut boxed = int("data", "42");
        assert_eq!(both(&interface(boxed.clone())).0, "main.Shape(int) 42");
        boxed["onlyAddr"] = json!(true);
        assert_eq!(both(&interface(boxed)).0, "main.Shape(int) *(*main.Shape)(0x20)");
        let nil = json!({"kind": 0, "type": "void"});
        assert_eq!(both(&interface(nil)).0, "main.Shape nil");
        let pointed = interface(pointer("*main.Point", point("", 16)));
        assert_eq!(
            both(&pointed).0,
            r#"main.Shape(*main.Point) *{X: 1, Y: 2, Tag: "k"}"#
        );
    }

    #[test]
    fn a_verb_applies_to_every_value_without_parts() {
        let style = Style { format: Some(Format::parse("%x")), ..Style::default() };
        let text = |value| render(&variable(value), &style).to_string();
        assert_eq!(text(int("", "255")), "ff");
        assert_eq!(text(point("", 16)), "main.Point {X: 1, Y: 2, Tag: 6b}");
        let color = json!({"kind": 7, "value": "Green (16)", "addr": 1});
        assert_eq!(text(color), "10");
    }
}
