//! Stacks as text, in the format of Delve's `stack`.

use crate::api::types::{Defer, Location, Stackframe, Variable};
use crate::frontend::config::PathStyle;
use crate::frontend::text::Text;
use crate::frontend::text::variable::single_line;
use crate::frontend::theme::Role;

/// The name of a function, or what stands for one that is not known.
pub fn function_name(location: &Location) -> &str {
    location.function.as_ref().map_or("???", |it| &it.name)
}

/// The frames of a stack, innermost first, each line after `indent`.
pub fn frames(
    stack: &[Stackframe],
    indent: &str,
    offsets: bool,
    paths: &PathStyle,
) -> Text {
    let mut out = Text::new();
    let spaced = offsets || stack.iter().any(has_details);
    let n_digits = stack.len().saturating_sub(1).max(1).to_string().len();
    // The second line of a frame is further in by the indent itself; so Delve has it.
    let margin = format!("{indent}{}", " ".repeat(n_digits + 2 + indent.len()));
    for (i, frame) in stack.iter().enumerate() {
        if !frame.err.is_empty() {
            out.push(Role::VarUnreadable, format!("{margin}error: {}\n", frame.err));
            continue;
        }
        head(&mut out, frame, &format!("{indent}{i:n_digits$}  "), &margin, paths);
        if offsets {
            out.line(format!(
                "{margin}frame: {} frame pointer {}",
                signed_hex(frame.frame_offset),
                signed_hex(frame.frame_pointer_offset)
            ));
        }
        for (n, defer) in frame.defers.iter().enumerate() {
            deferred(&mut out, n + 1, defer, &margin, paths);
        }
        variables(&mut out, frame.arguments.as_deref(), &margin);
        variables(&mut out, frame.locals.as_deref(), &margin);
        if spaced {
            out.end_line();
        }
    }
    if stack.last().is_some_and(|it| !it.bottom) {
        out.push(Role::Dim, format!("{indent}(truncated)\n"));
    }
    out
}

fn has_details(frame: &Stackframe) -> bool {
    let any =
        |list: &Option<Vec<Variable>>| list.as_ref().is_some_and(|it| !it.is_empty());
    !frame.defers.is_empty() || any(&frame.arguments) || any(&frame.locals)
}

fn head(
    out: &mut Text,
    frame: &Stackframe,
    number: &str,
    margin: &str,
    paths: &PathStyle,
) {
    let name = frame.function.as_ref().map_or("???", |it| &it.name);
    out.plain(number);
    out.push(Role::VarAddress, format!("{:#018x}", frame.pc));
    out.plain(" in ");
    out.push(function_role(name), name);
    out.end_line();
    out.plain(format!("{margin}at "));
    let place = format!("{}:{}", paths.show(&frame.file), frame.line);
    out.push(Role::StackLocation, place);
    out.end_line();
}

/// Functions of the runtime are not the user's.
pub fn function_role(name: &str) -> Role {
    if name.starts_with("runtime.") { Role::FunctionRuntime } else { Role::FunctionUser }
}

fn deferred(out: &mut Text, n: usize, defer: &Defer, margin: &str, paths: &PathStyle) {
    let header = format!("{margin}    defer {n}: ");
    let below = " ".repeat(header.len());
    if !defer.unreadable.is_empty() {
        return out.line(format!("{header}(unreadable defer: {})", defer.unreadable));
    }
    let (to, at) = (&defer.deferred_loc, &defer.defer_loc);
    out.line(format!("{header}{:#018x} in {}", to.pc, function_name(to)));
    out.line(format!("{below}at {}:{}", paths.show(&to.file), to.line));
    out.line(format!(
        "{below}deferred by {} at {}:{}",
        function_name(at),
        paths.show(&at.file),
        at.line
    ));
}

fn variables(out: &mut Text, list: Option<&[Variable]>, margin: &str) {
    for variable in list.unwrap_or_default() {
        out.plain(format!("{margin}    "));
        out.push(Role::VarName, &variable.name);
        out.line(format!(" = {}", single_line(variable)));
    }
}

/// `+0x10`, `-0x2c8`.
fn signed_hex(value: i64) -> String {
    let sign = if value < 0 { '-' } else { '+' };
    format!("{sign}{:#x}", value.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::frames;
    use crate::api::types::{Defer, Function, Location, Stackframe, Variable};
    use crate::frontend::config::PathStyle;

    fn frame(pc: u64, name: &str, line: i64) -> Stackframe {
        let function = Function { name: name.to_owned(), ..Function::default() };
        Stackframe {
            pc,
            file: "/src/main.go".to_owned(),
            line,
            function: Some(function),
            ..Stackframe::default()
        }
    }

    #[test]
    fn a_stack_is_shown_as_delve_shows_it() {
        let paths = PathStyle::new(&[], Some("/src"));
        let stack =
            [frame(0x4d5c96, "main.kinds", 62), frame(0x4d8405, "main.main", 171)];
        assert_eq!(
            frames(&stack, "", false, &paths).to_string(),
            "0  0x00000000004d5c96 in main.kinds\n   at ./main.go:62\n\
             1  0x00000000004d8405 in main.main\n   at ./main.go:171\n(truncated)\n"
        );
        assert_eq!(
            frames(&stack[..1], "\t", false, &paths).to_string(),
            "\t0  0x00000000004d5c96 in main.kinds\n\t    at ./main.go:62\n\t(truncated)\n"
        );
    }

    #[test]
    fn details_put_space_between_frames() {
        let paths = PathStyle::new(&[], None);
        let mut top = frame(1, "f", 2);
        top.bottom = true;
        top.frame_offset = -0x2c8;
        top.frame_pointer_offset = 0x10;
        top.locals = Some(vec![Variable {
            name: "n".to_owned(),
            kind: 2,
            value: "5".to_owned(),
            ..Variable::default()
        }]);
        let to = Location { pc: 3, file: "a.go".into(), line: 4, ..Location::default() };
        top.defers =
            vec![Defer { deferred_loc: to.clone(), defer_loc: to, ..Defer::default() }];
        assert_eq!(
            frames(&[top], "", true, &paths).to_string(),
            "0  0x0000000000000001 in f\n   at /src/main.go:2\n   \
             frame: -0x2c8 frame pointer +0x10\n       \
             defer 1: 0x0000000000000003 in ???\n                \
             at a.go:4\n                deferred by ??? at a.go:4\n       n = 5\n\n"
        );
    }
}
