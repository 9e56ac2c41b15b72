//! Instructions and registers: what they are fetched for, and moving among them.

use crate::api::types::{AsmInstruction, Breakpoint, Register};
use crate::frontend::theme::Role;
use crate::tui::pane::Pane;
use crate::tui::state::State;
use crate::tui::state::code::{CodeRow, Face};
use crate::tui::state::msg::{Ask, Effect};
use crate::tui::state::variables::ScopeKey;
use crate::tui::update::{breakpoints, lists, source};

/// Instructions that are kept of a function: the longest of caddy's has 30,000.
const INSTRUCTIONS_MAX: usize = 100_000;

/// Asks for what the side of the pane that is seen lacks.
pub fn wants(state: &mut State, out: &mut Vec<Effect>) {
    let key = (state.stop, state.scope.goroutine, state.scope.frame);
    let Some(pc) = state.frame().map(|it| it.pc) else { return };
    match state.code.face {
        Face::Instructions if state.code.instructions.ask(key) => {
            let flavour = state.settings.flavour;
            out.push(Effect::Ask(Ask::Instructions { key, pc, flavour }));
        }
        Face::Registers if state.code.registers.ask(key) => {
            out.push(Effect::Ask(Ask::Registers { key }));
        }
        Face::Frames | Face::Instructions | Face::Registers => {}
    }
}

/// The instructions have come: the one that comes next is shown.
pub fn on_instructions(
    state: &mut State,
    key: ScopeKey,
    answer: Result<Vec<AsmInstruction>, String>,
) {
    let answer = answer.map(|mut list| {
        list.truncate(INSTRUCTIONS_MAX);
        list
    });
    if !state.code.instructions.accept(key, answer) {
        return;
    }
    let list = state.code.instructions.value().map_or(&[][..], Vec::as_slice);
    let mut rows = Vec::with_capacity(list.len() * 2);
    let mut line = ("", 0);
    for (at, it) in list.iter().enumerate() {
        let now = (it.loc.file.as_str(), it.loc.line);
        if now != line {
            line = now;
            rows.push(CodeRow::Line(at));
        }
        rows.push(CodeRow::Instruction(at));
    }
    state.code.rows = rows;
    let height = lists::height(state, Pane::Stack);
    let Some(current) = current(state) else { return };
    let row = state.code.rows.iter().position(|it| *it == CodeRow::Instruction(current));
    let at = &mut state.code.at;
    at.cursor = row.unwrap_or(0);
    if !(at.top..at.top + height).contains(&at.cursor) {
        at.top = at.cursor.saturating_sub(height / 2);
    }
}

/// The instruction that the frame is at: the next one, or the call that it waits for.
pub fn current(state: &State) -> Option<usize> {
    let pc = state.frame()?.pc;
    let list = state.code.instructions.value()?;
    match state.scope.frame {
        0 => list.iter().position(|it| it.loc.pc == pc),
        _ => list.iter().rposition(|it| it.loc.pc < pc),
    }
}

/// The registers have come: those that are not what they were are marked.
pub fn on_registers(
    state: &mut State,
    key: ScopeKey,
    answer: Result<Vec<Register>, String>,
) {
    let before = state.code.registers.value().cloned().unwrap_or_default();
    if !state.code.registers.accept(key, answer) {
        return;
    }
    let now = state.code.registers.value().map_or(&[][..], Vec::as_slice);
    let changed = before
        .iter()
        .filter(|old| now.iter().any(|it| it.name == old.name && it.value != old.value));
    state.code.was = changed.map(|it| (it.name.clone(), it.value.clone())).collect();
}

/// The instruction under the cursor, if that is where the focus is.
fn chosen(state: &State) -> Option<&AsmInstruction> {
    let has_focus = state.focus() == Pane::Stack && state.code.face == Face::Instructions;
    let row = state.code.rows.get(state.code.at.cursor).filter(|_| has_focus)?;
    let (CodeRow::Line(at) | CodeRow::Instruction(at)) = row;
    state.code.instructions.value()?.get(*at)
}

/// Shows the line of the instruction under the cursor.
pub fn enter(state: &mut State) {
    let Some(it) = chosen(state) else { return };
    match lists::place_of(&it.loc.file, it.loc.line) {
        Some(place) => source::jump(state, place),
        None => state.say(Role::Info, "this instruction is of no line"),
    }
}

/// Sets a breakpoint on the instruction under the cursor, or deletes it. Says whether
/// there is one under it.
pub fn toggle_breakpoint(state: &mut State, out: &mut Vec<Effect>) -> bool {
    let Some(pc) = chosen(state).map(|it| it.loc.pc) else { return false };
    let has_it = |it: &&Breakpoint| {
        it.addr == pc || it.addrs.as_ref().is_some_and(|it| it.contains(&pc))
    };
    let there = state.user_breakpoints().find(has_it).map(|it| it.id);
    match there {
        Some(id) => breakpoints::clear(state, id, out),
        None => breakpoints::set_at_spec(state, &format!("*{pc:#x}"), "", out),
    }
    true
}

/// What is under the cursor, as text.
pub fn text_to_copy(state: &State, expression: bool) -> Option<String> {
    match state.code.face {
        Face::Registers => {
            let list = state.code.registers.value()?;
            let it = list.get(state.code.registers_at.cursor)?;
            Some(if expression { it.name.clone() } else { it.value.clone() })
        }
        Face::Frames | Face::Instructions => {
            let it = chosen(state)?;
            let pc = format!("*{:#x}", it.loc.pc);
            Some(if expression { pc } else { it.text.clone() })
        }
    }
}
