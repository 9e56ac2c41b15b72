//! From variables to the rows of a tree: what has children, what they are called, and how
//! to ask for those that were not loaded.

use crate::api::types::{Kind, Variable, VariableFlags};
use crate::frontend::theme::Role;
use crate::tui::state::variables::Tree;
use crate::tui::text;
use crate::tui::value;

/// Children that are asked for at once.
pub const WINDOW: i64 = 64;
/// Rows of a tree: a limit for cycles that somebody keeps opening.
const ROWS_MAX: usize = 50_000;
const DEPTH_MAX: usize = 60;

/// How a value differs from the one at the stop before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change {
    #[default]
    None,
    New,
    Was(String),
}

/// What a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// `Arguments`, `Locals`.
    Section,
    Value,
    /// There are more children than are shown.
    More {
        parent: String,
        shown: usize,
        missing: i64,
    },
    /// Children are being waited for, or could not be had.
    Note {
        is_error: bool,
    },
}

/// A row of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub kind: RowKind,
    /// What identifies the row from stop to stop.
    pub path: String,
    /// An expression that means it, for the user and for `print`.
    pub expr: String,
    /// An expression that loads it, by address where there is one.
    pub reload: String,
    pub depth: usize,
    pub name: String,
    pub type_name: String,
    pub value: String,
    /// What to edit, if that is not what is shown.
    pub raw: Option<String>,
    pub role: Role,
    pub remark: &'static str,
    /// `None` if it has no children.
    pub is_open: Option<bool>,
    /// Children are there but were not loaded.
    pub needs_load: bool,
    pub change: Change,
}

impl Row {
    pub fn is_value(&self) -> bool {
        self.kind == RowKind::Value
    }

    fn new(kind: RowKind, path: String, depth: usize, name: String) -> Row {
        Row {
            kind,
            expr: String::new(),
            reload: String::new(),
            path,
            depth,
            name,
            type_name: String::new(),
            value: String::new(),
            raw: None,
            role: Role::VarMeta,
            remark: "",
            is_open: None,
            needs_load: false,
            change: Change::None,
        }
    }
}

/// The rows of all sections. A section without a name has no row of its own.
pub fn rows(tree: &Tree, sections: &[(&'static str, &[Variable])]) -> Vec<Row> {
    let mut out = Builder { tree, rows: Vec::new() };
    for (title, variables) in sections {
        if variables.is_empty() {
            continue;
        }
        let mut depth = 0;
        if !title.is_empty() {
            let path = format!("§{title}");
            let is_open = !tree.open.contains(&path);
            let mut row = Row::new(RowKind::Section, path, 0, (*title).to_owned());
            row.is_open = Some(is_open);
            row.value = format!("{}", variables.len());
            out.rows.push(row);
            if !is_open {
                continue;
            }
            depth = 1;
        }
        let mut seen: Vec<&str> = Vec::new();
        for it in *variables {
            // Shadowed variables have the same name: they need paths of their own.
            let n = seen.iter().filter(|name| **name == it.name).count();
            seen.push(&it.name);
            let path = if n == 0 { it.name.clone() } else { format!("{}#{n}", it.name) };
            out.value(it, path, it.name.clone(), it.name.clone(), depth);
        }
    }
    out.rows
}

/// Leaves the rows that match, and those that lead to them.
pub fn keep_matching(rows: &mut Vec<Row>, filter: &str) {
    let matches = |row: &Row| match filter {
        "changed" => row.change != Change::None,
        _ => {
            text::contains(&row.name, filter)
                || text::contains(&row.value, filter)
                || text::contains(&row.type_name, filter)
        }
    };
    let mut keep = vec![false; rows.len()];
    let mut needed = 0;
    for (at, row) in rows.iter().enumerate().rev() {
        let is_parent = row.depth < needed;
        if is_parent || row.is_value() && matches(row) {
            keep[at] = true;
            needed = row.depth;
        } else if row.depth == 0 {
            needed = 0;
        }
    }
    let mut keep = keep.into_iter();
    rows.retain(|_| keep.next().unwrap_or(false));
}

struct Builder<'a> {
    tree: &'a Tree,
    rows: Vec<Row>,
}

impl Builder<'_> {
    fn value(
        &mut self,
        it: &Variable,
        path: String,
        name: String,
        expr: String,
        depth: usize,
    ) {
        if self.rows.len() >= ROWS_MAX || depth > DEPTH_MAX {
            return;
        }
        let loaded = self.tree.loaded.get(&path);
        let children = children_of(it);
        let has_children = !children.is_leaf;
        let is_open = has_children && self.tree.open.contains(&path);
        let mut row = Row::new(RowKind::Value, path.clone(), depth, name);
        row.expr = expr;
        row.reload = reload_expr(children.holder, &row.expr);
        row.type_name = value::type_text(it);
        row.value = value::summary(it, self.tree.format_of(&path));
        row.raw = value::raw_number(it);
        row.role = value::role(it);
        row.remark = value::remarks(it);
        row.is_open = has_children.then_some(is_open);
        row.needs_load =
            has_children && children.is_partial && !self.tree.fresh.contains(&path);
        let (expr, reload) = (row.expr.clone(), row.reload.clone());
        self.rows.push(row);
        if !is_open {
            return;
        }
        let holder = match loaded {
            Some(it) if children.is_partial || self.tree.shown.contains_key(&path) => {
                children_of(it).holder
            }
            _ => children.holder,
        };
        self.children(holder, &path, &expr, &reload, depth + 1);
        let note = match self.tree.failed.get(&path) {
            Some(why) => Some((why.clone(), true)),
            None if self.tree.waiting.contains(&path) && loaded.is_none() => {
                Some(("loading...".to_owned(), false))
            }
            None => None,
        };
        if let Some((note, is_error)) = note {
            let kind = RowKind::Note { is_error };
            let mut row = Row::new(kind, format!("{path}§note"), depth + 1, note);
            row.reload = reload;
            self.rows.push(row);
        }
    }

    /// The rows of a value's children, and one that offers those that were not loaded.
    fn children(
        &mut self,
        holder: &Variable,
        path: &str,
        expr: &str,
        reload: &str,
        depth: usize,
    ) {
        let n = self.loaded_children(holder, path, expr, depth);
        let missing = match holder.kind {
            Kind::SLICE | Kind::ARRAY | Kind::MAP => holder.len - n as i64,
            _ => 0,
        };
        // With nothing there yet, the loading is on its way.
        if missing > 0 && n > 0 {
            let kind = RowKind::More { parent: path.to_owned(), shown: n, missing };
            let name = format!("{} more", text::thousands(missing));
            let mut row = Row::new(kind, format!("{path}§more"), depth, name);
            row.reload = reload.to_owned();
            self.rows.push(row);
        }
    }

    /// The children that are there; says how many they are.
    fn loaded_children(
        &mut self,
        holder: &Variable,
        path: &str,
        expr: &str,
        depth: usize,
    ) -> usize {
        let children = holder.children.as_deref().unwrap_or_default();
        match holder.kind {
            Kind::MAP => {
                let mut n = 0;
                for pair in children.chunks_exact(2) {
                    let key = value::summary(&pair[0], value::Format::Decimal);
                    let inner = format!("{path}[{key}]");
                    let expr = format!("{expr}[{key}]");
                    self.value(&pair[1], inner, key, expr, depth);
                    n += 1;
                }
                n
            }
            Kind::SLICE | Kind::ARRAY => {
                for (at, it) in children.iter().enumerate() {
                    let index = format!("[{at}]");
                    let inner = format!("{path}{index}");
                    let expr = format!("{expr}{index}");
                    self.value(it, inner, index, expr, depth);
                }
                children.len()
            }
            Kind::PTR | Kind::INTERFACE => {
                for it in children {
                    let (name, inner) = match holder.kind {
                        Kind::PTR => ("*".to_owned(), format!("*{path}")),
                        _ => ("data".to_owned(), format!("{path}.data")),
                    };
                    let expr = match holder.kind {
                        Kind::PTR => format!("*{expr}"),
                        _ => format!("{expr}.(data)"),
                    };
                    self.value(it, inner, name, expr, depth);
                }
                children.len()
            }
            _ => {
                for it in children {
                    let inner = format!("{path}.{}", it.name);
                    let expr = format!("{expr}.{}", it.name);
                    self.value(it, inner, it.name.clone(), expr, depth);
                }
                children.len()
            }
        }
    }
}

/// What opening a value shows.
struct Children<'a> {
    /// The value whose children are shown: behind pointers and interfaces.
    holder: &'a Variable,
    is_leaf: bool,
    /// Not all that a first look should show has been loaded.
    is_partial: bool,
}

fn children_of(it: &Variable) -> Children<'_> {
    let mut holder = it;
    // A pointer to a struct opens to its fields, as in Go's own syntax.
    for _ in 0..4 {
        let Some(target) = value::target(holder) else { break };
        if holder.only_addr || target.only_addr {
            break;
        }
        match (holder.kind, target.kind) {
            (Kind::PTR, Kind::STRUCT | Kind::MAP | Kind::SLICE | Kind::ARRAY)
            | (Kind::INTERFACE, _) => holder = target,
            _ => break,
        }
    }
    let n = holder.children.as_ref().map_or(0, |it| it.len() as i64);
    let (is_leaf, is_partial) = match holder.kind {
        _ if !holder.unreadable.is_empty() || value::is_nil(holder) => (true, false),
        Kind::STRUCT => (holder.len == 0, n < holder.len),
        Kind::SLICE | Kind::ARRAY => (holder.len == 0, n < holder.len.min(WINDOW)),
        Kind::MAP => (holder.len == 0, n / 2 < holder.len.min(WINDOW)),
        Kind::PTR | Kind::INTERFACE => {
            let child = holder.children.as_deref().and_then(<[_]>::first);
            let only_addr = child.is_none_or(|it| it.only_addr);
            let is_void = child.is_some_and(|it| it.type_name == "void");
            (is_void, holder.only_addr || only_addr)
        }
        Kind::CHAN | Kind::FUNC => (n == 0, false),
        _ => (true, false),
    };
    Children { holder, is_leaf, is_partial }
}

/// Addresses that the service made up, for values in registers: not to be read.
const FAKE_ADDRESSES: u64 = 0xbeed_0000_0000_0000;

/// An expression that loads a value: its address and type, or else how one would say it.
fn reload_expr(it: &Variable, expr: &str) -> String {
    let is_fake = it.flags & VariableFlags::FAKE_ADDRESS != 0
        || it.addr >= FAKE_ADDRESSES
        || it.addr == 0;
    if let (Kind::PTR, Some(target)) = (it.kind, value::target(it))
        && target.only_addr
        && target.addr != 0
        && target.addr < FAKE_ADDRESSES
        && !target.type_name.is_empty()
    {
        return format!("*(*\"{}\")({:#x})", target.type_name, target.addr);
    }
    if is_fake || it.type_name.is_empty() {
        return expr.to_owned();
    }
    format!("*(*\"{}\")({:#x})", it.type_name, it.addr)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(name: &str, value: &str) -> Variable {
        Variable {
            name: name.into(),
            kind: Kind::INT,
            type_name: "int".into(),
            value: value.into(),
            addr: 8,
            ..Default::default()
        }
    }

    fn tree_text(tree: &Tree, variables: &[Variable]) -> Vec<String> {
        let rows = rows(tree, &[("", variables)]);
        rows.iter()
            .map(|it| format!("{}{} = {}", " ".repeat(it.depth), it.name, it.value))
            .collect()
    }

    fn map(len: i64, n: i64) -> Variable {
        let pairs = (0..n).flat_map(|i| [int("", &i.to_string()), int("", "0")]);
        Variable {
            name: "m".into(),
            kind: Kind::MAP,
            type_name: "map[int]int".into(),
            base: 1,
            addr: 0xc000,
            len,
            children: Some(pairs.collect()),
            ..Default::default()
        }
    }

    #[test]
    fn a_large_map_opens_to_a_window_and_offers_more() {
        let mut tree = Tree::default();
        let variables = [map(10_000, 8)];
        let closed = rows(&tree, &[("", &variables)]);
        assert!(closed[0].needs_load);
        assert_eq!(closed[0].reload, "*(*\"map[int]int\")(0xc000)");
        tree.open.insert("m".into());
        tree.loaded.insert("m".into(), map(10_000, 64));
        let open = rows(&tree, &[("", &variables)]);
        assert_eq!(open.len(), 66);
        assert_eq!(open[65].name, "9,936 more");
        assert_eq!(open[65].reload, "*(*\"map[int]int\")(0xc000)");
        tree.loaded.insert("m".into(), map(10_000, 128));
        let more = rows(&tree, &[("", &variables)]);
        assert_eq!(more.len(), 130);
        assert_eq!(more[129].name, "9,872 more");
    }

    #[test]
    fn a_pointer_to_a_struct_opens_to_its_fields() {
        let target = Variable {
            kind: Kind::STRUCT,
            type_name: "main.T".into(),
            addr: 0xc010,
            len: 1,
            children: Some(vec![int("X", "1")]),
            ..Default::default()
        };
        let pointer = Variable {
            name: "p".into(),
            kind: Kind::PTR,
            type_name: "*main.T".into(),
            value: "49168".into(),
            addr: 0xc020,
            len: 1,
            children: Some(vec![target]),
            ..Default::default()
        };
        let mut tree = Tree::default();
        tree.open.insert("p".into());
        assert_eq!(tree_text(&tree, &[pointer]), ["p = &{X:1}", " X = 1"]);
    }

    #[test]
    fn a_pointer_that_was_not_followed_is_loaded_by_its_target() {
        let target = Variable {
            kind: Kind::STRUCT,
            type_name: "main.T".into(),
            addr: 0xc010,
            only_addr: true,
            ..Default::default()
        };
        let pointer = Variable {
            name: "p".into(),
            kind: Kind::PTR,
            value: "49168".into(),
            addr: 0xc020,
            children: Some(vec![target]),
            ..Default::default()
        };
        let row = &rows(&Tree::default(), &[("", &[pointer])])[0];
        assert_eq!((row.is_open, row.needs_load), (Some(false), true));
        assert_eq!(row.reload, "*(*\"main.T\")(0xc010)");
    }

    #[test]
    fn shadowed_variables_have_paths_of_their_own() {
        let rows = rows(&Tree::default(), &[("", &[int("x", "1"), int("x", "2")])]);
        assert_eq!(rows[0].path, "x");
        assert_eq!(rows[1].path, "x#1");
    }

    #[test]
    fn a_filter_keeps_what_leads_to_a_match() {
        let mut tree = Tree::default();
        tree.open.insert("s".into());
        let s = Variable {
            name: "s".into(),
            kind: Kind::STRUCT,
            len: 2,
            children: Some(vec![int("count", "1"), int("size", "2")]),
            ..Default::default()
        };
        let mut rows = rows(&tree, &[("", &[int("a", "1"), s, int("z", "1")])]);
        for row in &mut rows {
            row.type_name.clear();
        }
        rows[1].value.clear();
        keep_matching(&mut rows, "size");
        let names: Vec<_> = rows.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["s", "size"]);
    }
}
