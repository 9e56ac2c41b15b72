//! Breakpoints, tracepoints and watchpoints as text, in the format of Delve's terminal.

use crate::api::types::{Breakpoint, LoadConfig};
use crate::frontend::config::PathStyle;

/// `breakpoint 1`, `tracepoint t`, `watchpoint 3 on [x]`.
pub fn name(bp: &Breakpoint) -> String {
    let thing = if !bp.watch_expr.is_empty() {
        "watchpoint"
    } else if bp.tracepoint {
        "tracepoint"
    } else {
        "breakpoint"
    };
    let id = label(bp);
    if bp.watch_expr.is_empty() || bp.watch_expr == bp.name {
        format!("{thing} {id}")
    } else {
        format!("{thing} {id} on [{}]", bp.watch_expr)
    }
}

/// The name at the beginning of a sentence: `Breakpoint 1`.
pub fn title(bp: &Breakpoint) -> String {
    let name = name(bp);
    format!("{}{}", name[..1].to_uppercase(), &name[1..])
}

/// What commands call it: its name, else its number.
pub fn label(bp: &Breakpoint) -> String {
    if bp.name.is_empty() { bp.id.to_string() } else { bp.name.clone() }
}

/// `0x4a2b3c for main.main() ./main.go:13`.
pub fn location(bp: &Breakpoint, paths: &PathStyle) -> String {
    let addrs = match bp.addrs.as_deref() {
        // Services before Delve 1.5 know one address only.
        None | Some([]) => format!("{:#x}", bp.addr),
        Some(addrs) => {
            addrs.iter().map(|it| format!("{it:#x}")).collect::<Vec<_>>().join(",")
        }
    };
    if !bp.watch_expr.is_empty() {
        return addrs;
    }
    let function = match bp.function_name.as_str() {
        "" => String::new(),
        name => format!("{name}() "),
    };
    format!("{addrs} for {function}{}:{}", paths.show(&bp.file), bp.line)
}

/// `Breakpoint 1 (enabled) at 0x4a2b3c for main.main() ./main.go:13 (0)`.
pub fn headline(bp: &Breakpoint, paths: &PathStyle) -> String {
    let state = if bp.disabled {
        "(disabled)"
    } else if !bp.expr_string.is_empty() {
        "(suspended)"
    } else {
        "(enabled)"
    };
    if bp.expr_string.is_empty() {
        let place = location(bp, paths);
        format!("{} {state} at {place} ({})", title(bp), bp.total_hit_count)
    } else {
        format!("{} {state} at {}", title(bp), bp.expr_string)
    }
}

/// What is done at the breakpoint, as the commands that `on` takes.
pub fn attributes(bp: &Breakpoint, with_trace: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if !bp.cond.is_empty() {
        lines.push(format!("cond {}", bp.cond));
    }
    if !bp.hit_cond.is_empty() {
        let flag = if bp.hit_cond_per_g { "-per-g-hitcount" } else { "-hitcount" };
        lines.push(format!("cond {flag} {}", bp.hit_cond));
    }
    if bp.stacktrace > 0 {
        lines.push(format!("stack {}", bp.stacktrace));
    }
    if bp.goroutine {
        lines.push("goroutine".to_owned());
    }
    for (what, config) in [("args", bp.load_args), ("locals", bp.load_locals)] {
        match config {
            Some(LoadConfig::FULL) => lines.push(format!("{what} -v")),
            Some(_) => lines.push(what.to_owned()),
            None => {}
        }
    }
    lines.extend(bp.variables.iter().flatten().map(|it| format!("print {it}")));
    if with_trace && bp.tracepoint {
        lines.push("trace".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{attributes, headline, location, title};
    use crate::api::types::{Breakpoint, LoadConfig};
    use crate::frontend::config::PathStyle;

    #[test]
    fn breakpoints_are_named_by_what_they_are() {
        let bp = |name: &str, tracepoint, watch: &str| Breakpoint {
            id: 3,
            name: name.into(),
            tracepoint,
            watch_expr: watch.into(),
            ..Breakpoint::default()
        };
        let cases = [
            (bp("", false, ""), "Breakpoint 3"),
            (bp("b", true, ""), "Tracepoint b"),
            (bp("x", false, "x"), "Watchpoint x"),
            (bp("", false, "x"), "Watchpoint 3 on [x]"),
        ];
        for (bp, expected) in cases {
            assert_eq!(title(&bp), expected);
        }
    }

    #[test]
    fn a_breakpoint_says_where_and_in_what_state_it_is() {
        let paths = PathStyle::new(&[], Some("/src"));
        let mut bp = Breakpoint {
            id: 1,
            addrs: Some(vec![16, 32]),
            file: "/src/main.go".into(),
            line: 13,
            function_name: "main.f".into(),
            total_hit_count: 2,
            ..Breakpoint::default()
        };
        assert_eq!(
            headline(&bp, &paths),
            "Breakpoint 1 (enabled) at 0x10,0x20 for main.f() ./main.go:13 (2)"
        );
        bp.expr_string = "main.f".into();
        assert_eq!(headline(&bp, &paths), "Breakpoint 1 (suspended) at main.f");
        bp.watch_expr = "x".into();
        assert_eq!(location(&bp, &paths), "0x10,0x20");
    }

    #[test]
    fn attributes_are_the_commands_that_make_them() {
        let bp = Breakpoint {
            cond: "i > 2".into(),
            hit_cond: "% 3".into(),
            stacktrace: 4,
            goroutine: true,
            load_args: Some(LoadConfig::SHORT),
            load_locals: Some(LoadConfig::FULL),
            variables: Some(vec!["x".into()]),
            tracepoint: true,
            ..Breakpoint::default()
        };
        assert_eq!(
            attributes(&bp, true),
            [
                "cond i > 2",
                "cond -hitcount % 3",
                "stack 4",
                "goroutine",
                "args",
                "locals -v",
                "print x",
                "trace"
            ]
        );
    }
}
