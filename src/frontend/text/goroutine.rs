//! Goroutines and threads as text, in the format of Delve's `goroutines`.

use crate::api::types::{Goroutine, Location, Thread};
use crate::frontend::config::PathStyle;
use crate::frontend::text::quote::quote;
use crate::frontend::text::stack::{function_name, function_role};
use crate::frontend::text::wait_reason::wait_reason;
use crate::frontend::text::{Line, Text};
use crate::frontend::theme::Role;

/// How many labels of a goroutine are shown.
const LABELS_MAX: usize = 5;

/// Which of a goroutine's places is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Where it is, in the runtime or not.
    Current,
    /// Where it is in the user's code.
    #[default]
    User,
    /// The `go` statement that made it.
    Go,
    /// The function that it began with.
    Start,
}

impl Place {
    pub fn of(self, g: &Goroutine) -> &Location {
        match self {
            Place::Current => &g.current_loc,
            Place::User => &g.user_current_loc,
            Place::Go => &g.go_statement_loc,
            Place::Start => &g.start_loc,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Place::Current => "Runtime",
            Place::User => "User",
            Place::Go => "Go",
            Place::Start => "Start",
        }
    }
}

/// `./main.go:13 main.main (0x49e2f3)`.
pub fn location(loc: &Location, paths: &PathStyle) -> Line {
    let mut line = Line::default();
    let place = format!("{}:{} ", paths.show(&loc.file), loc.line);
    line.push(Role::StackLocation, place);
    let name = function_name(loc);
    line.push(function_role(name), name);
    line.push(Role::VarAddress, format!(" ({:#x})", loc.pc));
    line
}

/// `1 - User: ./main.go:13 main.main (0x49e2f3) (thread 12) [chan receive]`.
pub fn one_line(g: &Goroutine, place: Place, go_minor: u32, paths: &PathStyle) -> Line {
    if !g.unreadable.is_empty() {
        return Line::of(Role::VarUnreadable, format!("(unreadable {})", g.unreadable));
    }
    let mut text = Text::new();
    text.push(Role::GoroutineId, g.id.to_string());
    text.plain(format!(" - {}: ", place.name()));
    text.append_line(location(place.of(g), paths));
    if g.thread_id != 0 {
        text.push(Role::GoroutineRunning, format!(" (thread {})", g.thread_id));
    }
    let waits = g.status == SYSCALL || g.status == WAITING;
    if waits && g.wait_reason != 0 {
        let since = match g.wait_since {
            ..=0 => String::new(),
            since => format!(" {since}"),
        };
        let why = wait_reason(go_minor, g.wait_reason);
        text.push(Role::GoroutineWaiting, format!(" [{why}{since}]"));
    }
    text.into_lines().pop().unwrap_or_default()
}

const SYSCALL: u64 = 3;
const WAITING: u64 = 4;

/// All the places of a goroutine, a line each, after `indent` tabs.
pub fn long(g: &Goroutine, indent: usize, paths: &PathStyle) -> Text {
    let mut out = Text::new();
    let margin = "\t".repeat(indent);
    out.plain(format!("{margin}Goroutine "));
    out.push(Role::GoroutineId, g.id.to_string());
    out.line(":");
    for place in [Place::Current, Place::User, Place::Go, Place::Start] {
        out.plain(format!("{margin}\t{}: ", place.name()));
        out.append_line(location(place.of(g), paths));
        out.end_line();
    }
    out.append(labels(g, indent + 1));
    out
}

/// The labels of a goroutine, if it has any.
pub fn labels(g: &Goroutine, indent: usize) -> Text {
    let mut out = Text::new();
    let Some(labels) = g.labels.as_ref().filter(|it| !it.is_empty()) else { return out };
    let shown: Vec<String> = labels
        .iter()
        .take(LABELS_MAX)
        .map(|(key, value)| {
            format!("{}:{}", quote(key.as_bytes()), quote(value.as_bytes()))
        })
        .collect();
    out.plain(format!("{}Labels: ", "\t".repeat(indent)));
    out.push(Role::GoroutineLabel, shown.join(", "));
    if labels.len() > LABELS_MAX {
        out.push(Role::Dim, format!("... ({} more)", labels.len() - LABELS_MAX));
    }
    out.end_line();
    out
}

/// `12 at ./main.go:13`.
pub fn thread(thread: &Thread, paths: &PathStyle) -> String {
    format!("{} at {}:{}", thread.id, paths.show(&thread.file), thread.line)
}

#[cfg(test)]
mod tests {
    use super::{Place, labels, long, one_line};
    use crate::api::types::{Function, Goroutine, Location};
    use crate::frontend::config::PathStyle;

    fn goroutine() -> Goroutine {
        let function = Function { name: "main.worker".into(), ..Function::default() };
        let at = Location {
            pc: 0x4d7d14,
            file: "/src/main.go".into(),
            line: 137,
            function: Some(function),
            ..Location::default()
        };
        Goroutine {
            id: 20,
            current_loc: at.clone(),
            user_current_loc: at.clone(),
            go_statement_loc: at.clone(),
            start_loc: at,
            status: 4,
            wait_reason: 19,
            ..Goroutine::default()
        }
    }

    #[test]
    fn a_goroutine_is_one_line() {
        let paths = PathStyle::new(&[], Some("/src"));
        let mut g = goroutine();
        let line = |g: &Goroutine| one_line(g, Place::User, 26, &paths).to_string();
        let base = "20 - User: ./main.go:137 main.worker (0x4d7d14)";
        assert_eq!(line(&g), format!("{base} [chan receive]"));
        g.wait_since = 7;
        assert_eq!(line(&g), format!("{base} [chan receive 7]"));
        g.status = 2;
        g.thread_id = 9;
        assert_eq!(line(&g), format!("{base} (thread 9)"));
        g.unreadable = "bad".into();
        assert_eq!(line(&g), "(unreadable bad)");
    }

    #[test]
    fn labels_are_quoted_and_five() {
        let mut g = goroutine();
        assert_eq!(labels(&g, 0).to_string(), "");
        let all = (1..=7).map(|n| (format!("k{n}"), "v".to_owned())).collect();
        g.labels = Some(all);
        assert_eq!(
            labels(&g, 1).to_string(),
            "\tLabels: \"k1\":\"v\", \"k2\":\"v\", \"k3\":\"v\", \"k4\":\"v\", \
             \"k5\":\"v\"... (2 more)\n"
        );
        let paths = PathStyle::new(&[], None);
        assert!(long(&g, 0, &paths).to_string().starts_with(
            "Goroutine 20:\n\tRuntime: /src/main.go:137 main.worker (0x4d7d14)\n\tUser: "
        ));
    }
}
