//! How does a value look on one line?

use crate::api::types::{Kind, Variable, VariableFlags};
use crate::frontend::theme::Role;
use crate::tui::text::push_clean;
use crate::tui::words;

/// How deep the one line goes into values within values.
const DEPTH_MAX: usize = 3;
/// Characters after which the one line is cut: more than any screen shows.
const LEN_MAX: usize = 400;

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Decimal,
    Hex,
    Octal,
    Binary,
    Char,
}

impl Format {
    pub fn next(self) -> Format {
        match self {
            Format::Decimal => Format::Hex,
            Format::Hex => Format::Octal,
            Format::Octal => Format::Binary,
            Format::Binary => Format::Char,
            Format::Char => Format::Decimal,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Format::Decimal => "decimal",
            Format::Hex => "hexadecimal",
            Format::Octal => "octal",
            Format::Binary => "binary",
            Format::Char => "character",
        }
    }
}

/// A value on one line, cut where nobody would read on.
pub fn summary(variable: &Variable, format: Format) -> String {
    let mut text = String::new();
    write(&mut text, variable, format, 0);
    text
}

/// A value on one line as far as it was loaded.
pub fn full(variable: &Variable) -> String {
    summary(variable, Format::Decimal)
}

/// A value as a message: a text without quotes.
pub fn message(variable: &Variable) -> String {
    let mut it = variable;
    while let Some(inner) = target(it) {
        it = inner;
    }
    match it.kind {
        Kind::STRING if !it.value.is_empty() => {
            crate::tui::text::clean(&it.value).into_owned()
        }
        _ => full(variable),
    }
}

/// Lines of [`lines`]: a text to read, not a dump.
const LINES_MAX: usize = 2000;

/// A value on as many lines as it takes, nested ones indented.
pub fn lines(variable: &Variable) -> Vec<String> {
    let mut lines = Vec::new();
    push_lines(&mut lines, "", variable, 0);
    lines
}

fn push_lines(lines: &mut Vec<String>, name: &str, it: &Variable, depth: usize) {
    if lines.len() >= LINES_MAX {
        return;
    }
    let mut holder = it;
    while let Some(target) = target(holder)
        && !target.only_addr
    {
        holder = target;
    }
    let indent = "  ".repeat(depth);
    let children = holder.children.as_deref().unwrap_or_default();
    let whole = summary(it, Format::Decimal);
    let is_leaf = children.is_empty()
        || whole.chars().count() <= 60
        || !holder.value.is_empty()
        || matches!(holder.kind, Kind::CHAN | Kind::FUNC)
        || depth > 20;
    if is_leaf {
        let text = if holder.kind == Kind::STRING { long_string(holder) } else { whole };
        return lines.push(format!("{indent}{name}{text}"));
    }
    lines.push(format!("{indent}{name}{}", type_text(it)));
    if holder.kind == Kind::MAP {
        for pair in children.chunks_exact(2) {
            let key = format!("{}: ", summary(&pair[0], Format::Decimal));
            push_lines(lines, &key, &pair[1], depth + 1);
        }
    } else {
        for (at, child) in children.iter().enumerate() {
            let name = match holder.kind {
                Kind::SLICE | Kind::ARRAY => format!("[{at}] "),
                _ => format!("{}: ", child.name),
            };
            push_lines(lines, &name, child, depth + 1);
        }
    }
    let n = if holder.kind == Kind::MAP { children.len() / 2 } else { children.len() };
    let missing = holder.len - n as i64;
    if missing > 0 && holder.kind != Kind::FUNC {
        lines.push(format!("{indent}  ... {missing} more"));
    }
}

/// A string as a whole, as far as it was loaded.
fn long_string(it: &Variable) -> String {
    let mut text = String::from("\"");
    for c in it.value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            c => push_clean(&mut text, c),
        }
    }
    text.push('"');
    let missing = it.len - it.value.len() as i64;
    if missing > 0 && it.string_value_bytes.is_none() {
        text += &format!(" +{missing} bytes");
    }
    text
}

/// The value that a pointer or an interface leads to, if it was loaded.
pub fn target(variable: &Variable) -> Option<&Variable> {
    let child = variable.children.as_deref()?.first()?;
    match variable.kind {
        Kind::PTR if child.addr != 0 => Some(child),
        Kind::INTERFACE if child.kind != Kind::INVALID => Some(child),
        _ => None,
    }
}

/// The compiler left no place for it at this line: nothing is wrong.
pub fn is_optimized_out(it: &Variable) -> bool {
    it.unreadable.starts_with("optimized out")
}

pub fn is_nil(variable: &Variable) -> bool {
    match variable.kind {
        Kind::PTR | Kind::UNSAFE_POINTER => {
            let child = variable.children.as_deref().and_then(<[_]>::first);
            child.is_none_or(|it| it.addr == 0) && matches!(&*variable.value, "" | "0")
        }
        Kind::SLICE | Kind::MAP | Kind::CHAN | Kind::FUNC => variable.base == 0,
        Kind::INTERFACE => {
            let child = variable.children.as_deref().and_then(<[_]>::first);
            child.is_some_and(|it| it.kind == Kind::INVALID && it.addr == 0)
        }
        _ => false,
    }
}

fn write(out: &mut String, it: &Variable, format: Format, depth: usize) {
    if out.len() > LEN_MAX {
        return;
    }
    if is_optimized_out(it) {
        return out.push_str("<optimized out>");
    }
    if !it.unreadable.is_empty() {
        out.push_str("<unreadable: ");
        it.unreadable.chars().take(120).for_each(|c| push_clean(out, c));
        return out.push('>');
    }
    if is_nil(it) {
        return out.push_str("nil");
    }
    if format == Format::Decimal
        && let Some(words) = words::of(it)
    {
        return words.chars().for_each(|c| push_clean(out, c));
    }
    match it.kind {
        Kind::STRING => quote(out, it),
        Kind::INT | Kind::UINT => number(out, &it.value, format),
        Kind::PTR => pointer(out, it, format, depth),
        Kind::INTERFACE => interface(out, it, format, depth),
        Kind::STRUCT => fields(out, it, format, depth),
        Kind::SLICE | Kind::ARRAY => elements(out, it, format, depth),
        Kind::MAP => entries(out, it, format, depth),
        Kind::CHAN => channel(out, it),
        Kind::UNSAFE_POINTER => address(out, &it.value),
        Kind::COMPLEX64 | Kind::COMPLEX128 if it.value.is_empty() => out.push('?'),
        Kind::FUNC | Kind::INVALID if it.value.is_empty() => out.push_str("..."),
        Kind::FUNC => {
            let name = crate::tui::text::short_function(&it.value);
            name.chars().take(LEN_MAX).for_each(|c| push_clean(out, c));
        }
        _ => it.value.chars().take(LEN_MAX).for_each(|c| push_clean(out, c)),
    }
}

fn quote(out: &mut String, it: &Variable) {
    if it.only_addr && it.value.is_empty() && it.len > 0 {
        return out.push_str(&format!("\"...\" +{} bytes", it.len));
    }
    out.push('"');
    for c in it.value.chars().take(LEN_MAX) {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c => push_clean(out, c),
        }
    }
    out.push('"');
    let missing = it.len - it.value.len() as i64;
    if missing > 0 && it.string_value_bytes.is_none() {
        out.push_str(&format!(" +{missing} bytes"));
    }
}

fn number(out: &mut String, value: &str, format: Format) {
    // Constants have their name first: `Green (1)`.
    let plain = || value.parse::<i128>().ok();
    let Some(number) = plain().filter(|_| format != Format::Decimal) else {
        return value.chars().take(LEN_MAX).for_each(|c| push_clean(out, c));
    };
    let sign = if number < 0 { "-" } else { "" };
    let size = number.unsigned_abs();
    match format {
        Format::Hex => out.push_str(&format!("{sign}{size:#x}")),
        Format::Octal => out.push_str(&format!("{sign}0{size:o}")),
        Format::Binary => out.push_str(&format!("{sign}{size:#b}")),
        Format::Char | Format::Decimal => {
            let c = u32::try_from(number).ok().and_then(char::from_u32);
            out.push('\'');
            push_clean(out, c.unwrap_or('\u{fffd}'));
            out.push_str(&format!("' {number}"));
        }
    }
}

fn address(out: &mut String, decimal: &str) {
    match decimal.parse::<u64>() {
        Ok(address) => out.push_str(&format!("{address:#x}")),
        Err(_) => out.push('?'),
    }
}

fn pointer(out: &mut String, it: &Variable, format: Format, depth: usize) {
    match target(it) {
        Some(target) if !target.only_addr && depth < DEPTH_MAX => {
            // Words are no value to have the address of.
            if format != Format::Decimal || words::of(target).is_none() {
                out.push('&');
            }
            write(out, target, format, depth + 1);
        }
        Some(target) => out.push_str(&format!("{:#x}", target.addr)),
        None => address(out, &it.value),
    }
}

fn interface(out: &mut String, it: &Variable, format: Format, depth: usize) {
    let Some(data) = it.children.as_deref().and_then(<[_]>::first) else {
        return out.push_str("...");
    };
    if depth == 0 {
        // The dynamic type stands in the column of types.
    } else {
        out.push_str(&shorten_paths(&data.type_name));
        out.push(' ');
    }
    if it.only_addr || data.only_addr && data.children.is_none() {
        return out.push_str("{...}");
    }
    write(out, data, format, depth + 1);
}

fn fields(out: &mut String, it: &Variable, format: Format, depth: usize) {
    if !it.value.is_empty() {
        // The service knows a better text than the fields: a time.
        return it.value.chars().take(LEN_MAX).for_each(|c| push_clean(out, c));
    }
    let children = it.children.as_deref().unwrap_or_default();
    if children.is_empty() {
        return out.push_str(if it.len > 0 { "{...}" } else { "{}" });
    }
    if depth >= DEPTH_MAX {
        return out.push_str("{...}");
    }
    out.push('{');
    for (at, field) in children.iter().enumerate() {
        if out.len() > LEN_MAX {
            out.push_str(" ...");
            break;
        }
        if at > 0 {
            out.push(' ');
        }
        field.name.chars().for_each(|c| push_clean(out, c));
        out.push(':');
        write(out, field, format, depth + 1);
    }
    if it.len > children.len() as i64 {
        out.push_str(" ...");
    }
    out.push('}');
}

fn elements(out: &mut String, it: &Variable, format: Format, depth: usize) {
    let children = it.children.as_deref().unwrap_or_default();
    if it.kind == Kind::SLICE {
        out.push_str(&format!("len {} ", it.len));
    }
    if it.len == 0 {
        return out.push_str("[]");
    }
    if children.is_empty() || depth >= DEPTH_MAX {
        return out.push_str("[...]");
    }
    out.push('[');
    for (at, element) in children.iter().enumerate() {
        if out.len() > LEN_MAX {
            break;
        }
        if at > 0 {
            out.push(' ');
        }
        write(out, element, format, depth + 1);
    }
    if it.len > children.len() as i64 {
        out.push_str(" ...");
    }
    out.push(']');
}

fn entries(out: &mut String, it: &Variable, format: Format, depth: usize) {
    let children = it.children.as_deref().unwrap_or_default();
    out.push_str(&format!("len {} ", it.len));
    if it.len == 0 {
        return out.push_str("{}");
    }
    if children.is_empty() || depth >= DEPTH_MAX {
        return out.push_str("{...}");
    }
    out.push('{');
    for (at, pair) in children.chunks(2).enumerate() {
        let [key, value] = pair else { break };
        if out.len() > LEN_MAX {
            break;
        }
        if at > 0 {
            out.push(' ');
        }
        write(out, key, format, depth + 1);
        out.push(':');
        write(out, value, format, depth + 1);
    }
    if it.len > children.len() as i64 / 2 {
        out.push_str(" ...");
    }
    out.push('}');
}

fn channel(out: &mut String, it: &Variable) {
    let field = |name| {
        let children = it.children.as_deref().unwrap_or_default();
        children.iter().find(|it| it.name == name).map(|it| it.value.as_str())
    };
    match (field("qcount"), field("dataqsiz")) {
        (Some(count), Some(size)) => {
            out.push_str(&format!("{count}/{size}"));
            if field("closed").is_some_and(|it| it != "0") {
                out.push_str(" closed");
            }
        }
        _ => out.push_str(&format!("{:#x}", it.base)),
    }
}

/// The type to show: an interface shows what it holds.
pub fn type_text(it: &Variable) -> String {
    let mut text = shorten_paths(&it.type_name);
    if it.kind == Kind::INTERFACE
        && let Some(data) = target(it)
    {
        text.push_str(" = ");
        text.push_str(&shorten_paths(&data.type_name));
    }
    text
}

/// Takes the paths of packages out of a type's name.
fn shorten_paths(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut word = 0;
    for c in name.chars() {
        match c {
            '/' => text.truncate(word),
            c => {
                push_clean(&mut text, c);
                if !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '~' | '@')) {
                    word = text.len();
                }
            }
        }
    }
    text
}

/// The number behind the words or the name that a value is shown by.
pub fn raw_number(it: &Variable) -> Option<String> {
    let is_number = matches!(it.kind, Kind::INT | Kind::UINT);
    words::number(it).filter(|_| is_number).map(|it| it.to_string())
}

/// The role that a value is drawn in.
pub fn role(it: &Variable) -> Role {
    if is_optimized_out(it) {
        return Role::VarMeta;
    }
    if !it.unreadable.is_empty() {
        return Role::VarUnreadable;
    }
    if is_nil(it) {
        return Role::VarNil;
    }
    match it.kind {
        Kind::STRING => Role::VarString,
        Kind::BOOL => Role::VarBool,
        Kind::INT | Kind::UINT | Kind::FLOAT32 | Kind::FLOAT64 => Role::VarNumber,
        Kind::COMPLEX64 | Kind::COMPLEX128 => Role::VarNumber,
        Kind::UNSAFE_POINTER | Kind::FUNC => Role::VarAddress,
        Kind::PTR | Kind::INTERFACE => match target(it) {
            Some(target) if !target.only_addr => role(target),
            _ => Role::VarAddress,
        },
        _ => Role::VarValue,
    }
}

/// What there is to say of a variable beside its value.
pub fn remarks(it: &Variable) -> &'static str {
    if it.flags & VariableFlags::SHADOWED != 0 {
        "shadowed"
    } else if it.flags & VariableFlags::RETURN_ARGUMENT != 0 {
        "result"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(name: &str, value: &str) -> Variable {
        Variable {
            name: name.into(),
            kind: Kind::INT,
            value: value.into(),
            type_name: "int".into(),
            ..Default::default()
        }
    }

    fn with(kind: u32, len: i64, children: Vec<Variable>) -> Variable {
        let base = 1;
        Variable { kind, len, base, children: Some(children), ..Default::default() }
    }

    fn text(value: &str, len: i64) -> Variable {
        Variable { kind: Kind::STRING, value: value.into(), len, ..Default::default() }
    }

    #[test]
    fn values_look_as_go_would_write_them() {
        let point = with(Kind::STRUCT, 2, vec![int("X", "1"), int("Y", "2")]);
        let target = Variable { addr: 16, ..point.clone() };
        let nil = with(Kind::PTR, 1, vec![Variable::default()]);
        let cases = [
            (int("", "-7"), "-7"),
            (text("a\"b\x1b", 4), r#""a\"b\x1b""#),
            (text("abc", 10), "\"abc\" +7 bytes"),
            (point.clone(), "{X:1 Y:2}"),
            (with(Kind::PTR, 1, vec![target]), "&{X:1 Y:2}"),
            (nil, "nil"),
            (with(Kind::SLICE, 3, vec![int("", "1"), int("", "2")]), "len 3 [1 2 ...]"),
            (with(Kind::MAP, 1, vec![text("k", 1), int("", "1")]), "len 1 {\"k\":1}"),
            (Variable { kind: Kind::SLICE, ..Default::default() }, "nil"),
            (with(Kind::CHAN, 13, vec![int("qcount", "3"), int("dataqsiz", "8")]), "3/8"),
            (
                Variable { unreadable: "no such page".into(), ..int("", "") },
                "<unreadable: no such page>",
            ),
        ];
        for (variable, expected) in cases {
            assert_eq!(summary(&variable, Format::Decimal), expected);
        }
    }

    #[test]
    fn numbers_have_formats() {
        let cases = [
            (Format::Hex, "65", "0x41"),
            (Format::Hex, "-1", "-0x1"),
            (Format::Octal, "8", "010"),
            (Format::Binary, "5", "0b101"),
            (Format::Char, "65", "'A' 65"),
            (Format::Hex, "Green (1)", "Green (1)"),
        ];
        for (format, value, expected) in cases {
            assert_eq!(summary(&int("", value), format), expected);
        }
    }

    #[test]
    fn a_value_that_never_ends_is_cut() {
        let mut deep = int("x", "1");
        for _ in 0..1000 {
            deep = with(Kind::STRUCT, 1, vec![deep]);
        }
        assert!(summary(&deep, Format::Decimal).len() < 100);
        let wide = with(Kind::SLICE, 9999, vec![int("", "123456"); 9999]);
        assert!(summary(&wide, Format::Decimal).len() < LEN_MAX + 50);
    }

    #[test]
    fn types_lose_the_paths_of_their_packages() {
        let cases = [
            ("map[string]*github.com/a/b.Job", "map[string]*b.Job"),
            ("*net/http.Server", "*http.Server"),
            ("int", "int"),
            ("chan struct {}", "chan struct {}"),
        ];
        for (name, expected) in cases {
            assert_eq!(shorten_paths(name), expected);
        }
    }
}
