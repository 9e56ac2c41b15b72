//! The other sides of the stack pane: instructions between the lines that they are of, and
//! registers.

use ratatui::layout::Rect;

use crate::api::types::{AsmInstruction, Function};
use crate::frontend::theme::Role;
use crate::tui::state::code::CodeRow;
use crate::tui::state::{Run, State};
use crate::tui::text;
use crate::tui::update::code;
use crate::tui::view::canvas::{Canvas, selection};
use crate::tui::view::note;

/// What is said while there is nothing to show.
fn instead(state: &State, error: Option<&str>) -> (String, Role) {
    match (error, &state.run) {
        (Some(why), _) => (format!("{why} (r asks again)"), Role::Error),
        (None, Run::Stopped) => ("reading...".to_owned(), Role::Dim),
        (None, _) => ("read when the program is stopped".to_owned(), Role::Dim),
    }
}

pub fn instructions(state: &State, canvas: &mut Canvas<'_>, area: Rect, has_focus: bool) {
    let it = &state.code;
    let Some(list) = it.instructions.value() else {
        let (text, role) = instead(state, it.instructions.error());
        return note(canvas, area, &text, role);
    };
    let current = code::current(state);
    for row in 0..area.height {
        let index = it.at.top + usize::from(row);
        let line = Rect { y: area.y + row, height: 1, ..area };
        if index == it.at.cursor && index < it.rows.len() {
            canvas.row(area, line.y, selection(has_focus));
        }
        match it.rows.get(index) {
            None => return,
            Some(CodeRow::Line(at)) => {
                if let Some(it) = list.get(*at) {
                    source_line(state, canvas, line, it);
                }
            }
            Some(CodeRow::Instruction(at)) => {
                if let Some(it) = list.get(*at) {
                    instruction(canvas, line, it, current == Some(*at));
                }
            }
        }
    }
}

fn source_line(state: &State, canvas: &mut Canvas<'_>, area: Rect, it: &AsmInstruction) {
    let until = |x: u16| area.right().saturating_sub(x);
    let place = format!("{}:{}", text::file_name(&it.loc.file), it.loc.line);
    let x = area.x + 2;
    let place = text::clean(&place).into_owned();
    let x = canvas.put(x, area.y, until(x), &place, Role::StackLocation) + 1;
    let path = std::sync::Arc::from(it.loc.file.as_str());
    let line = usize::try_from(it.loc.line - 1).unwrap_or(usize::MAX);
    if let Some(file) = state.files.ready(&path) {
        let source = text::clean(file.text.line(line).trim()).into_owned();
        canvas.put(x, area.y, until(x), &source, Role::Dim);
    }
}

fn instruction(canvas: &mut Canvas<'_>, area: Rect, it: &AsmInstruction, is_next: bool) {
    let glyphs = canvas.glyphs;
    let until = |x: u16| area.right().saturating_sub(x);
    if it.breakpoint {
        canvas.put(area.x, area.y, 1, glyphs.breakpoint, Role::GutterBreakpoint);
    }
    if is_next {
        canvas.put(area.x + 1, area.y, 1, glyphs.pc, Role::GutterPc);
    }
    let x = area.x + 3;
    let address = format!("{:x}", it.loc.pc);
    let x = canvas.put(x, area.y, until(x), &address, Role::LineNumber) + 1;
    let (name, operands) = it.text.split_once(' ').unwrap_or((&it.text, ""));
    let role = if is_next { Role::Strong } else { Role::Text };
    let mut style = canvas.theme.style(role);
    style.bg = None;
    let name = format!("{:<6}", text::clean(name));
    let x = canvas.put_styled(x, area.y, until(x), &name, style) + 1;
    let x = canvas.put_styled(x, area.y, until(x), &text::clean(operands), style) + 1;
    let callee = it.dest_loc.as_ref().and_then(|it| it.function.as_ref());
    let own = it.loc.function.as_ref().map_or("", |it| it.name.as_str());
    let is_worth_saying =
        |it: &&Function| it.name != own && !operands.contains(it.name.as_str());
    if let Some(callee) = callee.filter(is_worth_saying) {
        let name = text::clean(text::short_function(&callee.name)).into_owned();
        canvas.put(x, area.y, until(x), &name, Role::FunctionUser);
    }
}

pub fn registers(state: &State, canvas: &mut Canvas<'_>, area: Rect, has_focus: bool) {
    let it = &state.code;
    let Some(list) = it.registers.value() else {
        let (text, role) = instead(state, it.registers.error());
        return note(canvas, area, &text, role);
    };
    let widest = list.iter().map(|it| it.name.len()).max().unwrap_or(0).min(12);
    for row in 0..area.height {
        let index = it.registers_at.top + usize::from(row);
        let Some(register) = list.get(index) else { return };
        let y = area.y + row;
        let until = |x: u16| area.right().saturating_sub(x);
        if index == it.registers_at.cursor {
            canvas.row(area, y, selection(has_focus));
        }
        let was = it.was.get(&register.name);
        if was.is_some() {
            canvas.put(area.x, y, 1, "~", Role::VarChanged);
        }
        let name = format!("{:<widest$}", text::clean(&register.name));
        let x = canvas.put(area.x + 2, y, until(area.x + 2), &name, Role::VarName) + 1;
        let role = if was.is_some() { Role::VarChanged } else { Role::VarNumber };
        let value = text::clean(&register.value).into_owned();
        let x = canvas.put(x, y, until(x), &value, role) + 2;
        if let Some(was) = was.filter(|it| text::width(it) < usize::from(until(x))) {
            let was = format!("{} {}", canvas.glyphs.was, text::clean(was));
            canvas.put(x, y, until(x), &was, Role::Dim);
        }
    }
}
