//! Instructions as text, in the format of Delve's `disassemble`.

use crate::api::base64;
use crate::api::types::AsmInstruction;
use crate::frontend::text::stack::function_name;
use crate::frontend::text::table::align_with_tabs;
use crate::frontend::text::{Line, Text};
use crate::frontend::theme::Role;

/// The instructions, under the name of their function if `with_header`.
pub fn instructions(list: &[AsmInstruction], with_header: bool) -> Text {
    let mut out = Text::new();
    if let Some(first) =
        list.first().filter(|it| with_header && it.loc.function.is_some())
    {
        let name = function_name(&first.loc);
        out.push(Role::FunctionUser, format!("TEXT {name}(SB) {}\n", first.loc.file));
    }
    let rows: Vec<Vec<String>> = list.iter().map(cells).collect();
    for (instruction, line) in list.iter().zip(align_with_tabs(&rows)) {
        let role = if instruction.at_pc { Role::CurrentLine } else { Role::Text };
        out.append_line(Line::of(role, line));
        out.end_line();
    }
    out
}

fn cells(it: &AsmInstruction) -> Vec<String> {
    let file = it.loc.file.rsplit('/').next().unwrap_or_default();
    let file = if file.is_empty() { "." } else { file };
    let bytes = base64::decode(&it.bytes).unwrap_or_default();
    vec![
        if it.at_pc { "=>".to_owned() } else { String::new() },
        format!("{file}:{}", it.loc.line),
        format!("{:#x}{}", it.loc.pc, if it.breakpoint { "*" } else { "" }),
        bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        it.text.clone(),
    ]
}

/// The instructions around the one at the PC, `n_around` on each side; whether the first
/// is there.
pub fn around_pc(list: &[AsmInstruction], n_around: usize) -> (&[AsmInstruction], bool) {
    let Some(at) = list.iter().position(|it| it.at_pc) else { return (list, true) };
    let begin = at.saturating_sub(n_around);
    let end = (at + n_around + 1).min(list.len());
    (&list[begin..end], begin == 0)
}

#[cfg(test)]
mod tests {
    use super::{around_pc, instructions};
    use crate::api::types::{AsmInstruction, Function, Location};

    fn at(pc: u64, text: &str) -> AsmInstruction {
        let function = Function { name: "main.f".into(), ..Function::default() };
        AsmInstruction {
            loc: Location {
                pc,
                file: "/src/main.go".into(),
                line: 9,
                function: Some(function),
                ..Location::default()
            },
            text: text.into(),
            bytes: "kA==".into(),
            ..AsmInstruction::default()
        }
    }

    #[test]
    fn instructions_line_up_under_their_function() {
        let mut list = vec![at(0x10, "nop"), at(0x11, "ret")];
        list[1].at_pc = true;
        list[1].breakpoint = true;
        assert_eq!(
            instructions(&list, true).to_string(),
            "TEXT main.f(SB) /src/main.go\n\tmain.go:9\t0x10\t90\tnop\n\
             =>\tmain.go:9\t0x11*\t90\tret\n"
        );
        assert_eq!(around_pc(&list, 0), (&list[1..], false));
        assert_eq!(around_pc(&list, 5), (&list[..], true));
    }
}
