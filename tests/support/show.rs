//! A value as one line of text: enough to compare with what is expected, and no more.

use tinydbg::api::types::{Kind, Variable};

/// `name type = value`.
pub fn declared(it: &Variable) -> String {
    format!("{} {} = {}", it.name, it.type_name, value(it))
}

/// What the value is, without its name.
pub fn value(it: &Variable) -> String {
    if !it.unreadable.is_empty() {
        return format!("(unreadable: {})", it.unreadable);
    }
    let children = it.children.as_deref().unwrap_or_default();
    match it.kind {
        Kind::STRING => format!("{:?}{}", it.value, more(it, it.value.len())),
        Kind::ARRAY | Kind::SLICE if it.kind == Kind::SLICE && it.base == 0 => {
            "nil".into()
        }
        Kind::ARRAY | Kind::SLICE => {
            format!("[{}{}]", list(children, value), more(it, children.len()))
        }
        Kind::STRUCT => {
            // Only of times is more to say than their fields.
            let text = if it.value.is_empty() { "" } else { " " };
            let fields = list(children, field);
            format!("{}{text}{{{fields}{}}}", it.value, more(it, children.len()))
        }
        Kind::MAP if it.base == 0 => "nil".into(),
        // Which of the entries of a big map are loaded, says nothing.
        Kind::MAP if it.len * 2 > children.len() as i64 => format!("map of {}", it.len),
        Kind::MAP => format!("map[{}]", entries(children)),
        Kind::PTR => match children {
            [target] if target.addr == 0 => "nil".into(),
            [target] if target.only_addr => "&...".into(),
            [target] => format!("&{}", value(target)),
            _ => "(no target)".into(),
        },
        Kind::INTERFACE => match children {
            [inner] if inner.kind == Kind::INVALID => "nil".into(),
            [inner] if inner.only_addr => format!("{}(...)", inner.type_name),
            [inner] => format!("{}({})", inner.type_name, value(inner)),
            _ => "(no dynamic value)".into(),
        },
        Kind::CHAN if it.base == 0 && children.is_empty() => "nil".into(),
        Kind::CHAN => format!("chan {}/{}", part(it, "qcount"), part(it, "dataqsiz")),
        Kind::FUNC if it.value.is_empty() => "nil".into(),
        _ => it.value.clone(),
    }
}

/// A field of the record that a channel is.
fn part(it: &Variable, name: &str) -> String {
    let children = it.children.as_deref().unwrap_or_default();
    children.iter().find(|it| it.name == name).map_or("?".into(), value)
}

fn field(it: &Variable) -> String {
    format!("{}: {}", it.name, value(it))
}

fn list(items: &[Variable], show: fn(&Variable) -> String) -> String {
    items.iter().map(show).collect::<Vec<_>>().join(", ")
}

/// Keys and values take turns; the order of a map says nothing.
fn entries(children: &[Variable]) -> String {
    let mut shown: Vec<String> = children
        .chunks(2)
        .map(|it| format!("{}: {}", value(&it[0]), it.get(1).map_or("?".into(), value)))
        .collect();
    shown.sort();
    shown.join(", ")
}

fn more(it: &Variable, shown: usize) -> String {
    match it.len - shown as i64 {
        0 => String::new(),
        more => format!(" +{more}"),
    }
}
