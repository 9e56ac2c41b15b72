//! Which part of a source line is a keyword, a string, a comment?
//!
//! syntect's grammars say; here its scopes become roles, so that a theme colours source
//! like everything else. Lines depend on the ones before them (comments, raw strings), so
//! a file is styled from its beginning; [`Highlighter::guess`] styles a part at once,
//! from a state that is right unless the part begins within a comment or a string.

use std::collections::HashMap;
use std::ops::Range;

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxSet};

use crate::frontend::theme::Role;

/// A run of bytes in one role. What no run covers is plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StyledRun {
    pub start: u16,
    pub end: u16,
    pub role: Role,
}

/// The runs of a line, in order.
pub type StyledLine = Box<[StyledRun]>;

/// Longer lines stay plain: generated code, data.
const LINE_LEN_MAX: usize = 2000;

/// Styles the lines of files.
pub struct Highlighter {
    syntaxes: SyntaxSet,
    roles: HashMap<Scope, Option<Role>>,
}

/// Where the styling of a file is.
pub struct FileStyler {
    state: ParseState,
    stack: ScopeStack,
}

impl Highlighter {
    pub fn new() -> Highlighter {
        Highlighter {
            syntaxes: SyntaxSet::load_defaults_newlines(),
            roles: HashMap::new(),
        }
    }

    /// Begins a file, or a part of one; `None` if its language is unknown.
    pub fn start(&self, path: &str) -> Option<FileStyler> {
        let extension = path.rsplit_once('.').map_or("", |(_, it)| it);
        let syntax = match extension {
            "go" => self.syntaxes.find_syntax_by_extension("go"),
            "s" | "S" => self.syntaxes.find_syntax_by_extension("asm"),
            "h" | "c" => self.syntaxes.find_syntax_by_extension("c"),
            _ => None,
        }?;
        Some(FileStyler { state: ParseState::new(syntax), stack: ScopeStack::new() })
    }

    /// Styles the next line of a file; `line` ends with its newline.
    pub fn line(&mut self, styler: &mut FileStyler, line: &str) -> StyledLine {
        if line.len() > LINE_LEN_MAX {
            return StyledLine::default();
        }
        let Ok(parsed) = styler.state.parse_line(line, &self.syntaxes) else {
            return StyledLine::default();
        };
        let mut runs: Vec<StyledRun> = Vec::new();
        let mut from = 0;
        for (at, op) in &parsed {
            self.push(&mut runs, &styler.stack, line, from..*at);
            from = *at;
            if styler.stack.apply(op).is_err() {
                return runs.into_boxed_slice();
            }
        }
        self.push(&mut runs, &styler.stack, line, from..line.len());
        runs.into_boxed_slice()
    }

    fn push(
        &mut self,
        runs: &mut Vec<StyledRun>,
        stack: &ScopeStack,
        line: &str,
        at: Range<usize>,
    ) {
        if at.is_empty() {
            return;
        }
        let Some(mut role) = self.role(stack) else { return };
        let text = line.get(at.clone()).unwrap_or_default().trim();
        if role == Role::SyntaxType && TYPE_WORDS.contains(&text) {
            role = Role::SyntaxKeyword;
        }
        let (start, end) = (at.start as u16, at.end as u16);
        match runs.last_mut() {
            Some(last) if last.end == start && last.role == role => last.end = end,
            _ => runs.push(StyledRun { start, end, role }),
        }
    }

    /// The role of the innermost scope that has one.
    fn role(&mut self, stack: &ScopeStack) -> Option<Role> {
        let role_of = |it: &Scope| {
            *self.roles.entry(*it).or_insert_with(|| role_of_scope(&it.build_string()))
        };
        stack.scopes.iter().rev().find_map(role_of)
    }
}

impl Default for Highlighter {
    fn default() -> Highlighter {
        Highlighter::new()
    }
}

/// The grammar gives these the scope of types, but they are Go's keywords.
const TYPE_WORDS: &[&str] = &["func", "type", "struct", "interface", "map", "chan"];

fn role_of_scope(scope: &str) -> Option<Role> {
    const ROLES: &[(&str, Role)] = &[
        ("comment", Role::SyntaxComment),
        ("punctuation.definition.comment", Role::SyntaxComment),
        ("string", Role::SyntaxString),
        ("punctuation.definition.string", Role::SyntaxString),
        ("constant.numeric", Role::SyntaxNumber),
        ("constant.character", Role::SyntaxString),
        ("constant.language", Role::SyntaxConstant),
        ("keyword.operator", Role::SyntaxOperator),
        ("keyword", Role::SyntaxKeyword),
        ("storage.type", Role::SyntaxType),
        ("storage", Role::SyntaxKeyword),
        ("support.type", Role::SyntaxType),
        ("entity.name.type", Role::SyntaxType),
        ("entity.name.function", Role::SyntaxFunction),
        ("entity.name.tag", Role::SyntaxFunction),
        ("variable.function", Role::SyntaxFunction),
        ("support.function", Role::SyntaxFunction),
    ];
    let is_under = |prefix: &str| {
        scope.strip_prefix(prefix).is_some_and(|it| it.is_empty() || it.starts_with('.'))
    };
    ROLES.iter().find(|(prefix, _)| is_under(prefix)).map(|(_, role)| *role)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn styled(path: &str, lines: &[&str]) -> Vec<String> {
        let mut highlighter = Highlighter::new();
        let mut styler = highlighter.start(path).unwrap();
        let mut found = Vec::new();
        for line in lines {
            let runs = highlighter.line(&mut styler, line);
            found.extend(runs.iter().map(|it| {
                let text = &line[it.start as usize..it.end as usize];
                format!("{} {:?}", text.trim(), it.role)
            }));
        }
        found
    }

    #[test]
    fn go_has_its_colours() {
        let lines = ["func add(a int) string { // sum\n", "\treturn \"x\" + f(12)\n"];
        let found = styled("a.go", &lines);
        for expected in [
            "func SyntaxKeyword",
            "add SyntaxFunction",
            "int SyntaxType",
            "// sum SyntaxComment",
            "return SyntaxKeyword",
            "\"x\" SyntaxString",
            "12 SyntaxNumber",
        ] {
            assert!(found.iter().any(|it| it == expected), "{expected} in {found:?}");
        }
    }

    #[test]
    fn a_comment_goes_on_over_lines() {
        let found = styled("a.go", &["/* one\n", "two */ var x\n"]);
        assert!(found.iter().any(|it| it.starts_with("two */")), "{found:?}");
    }
}
