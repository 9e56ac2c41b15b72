//! Which variables can be seen in a frame, and where are they now?

use rustc_hash::FxHashMap;

use crate::engine::addr::{Addr, FileAddr};
use crate::engine::binary::expression::{self, Found};
use crate::engine::binary::{Location, Piece, PieceAt, VariableInfo, VariableKind};
use crate::engine::error::{Error, Result};
use crate::engine::eval::EvalScope;
use crate::engine::eval::bare;
use crate::engine::eval::cpu::RegisterPlace;
use crate::engine::eval::load::{Cx, Origin, OriginPlace};
use crate::engine::eval::native::constant;
use crate::engine::eval::operand::{Data, Operand};
use crate::engine::eval::placed::Code;
use crate::engine::eval::reader::explain;
use crate::engine::eval::types::Type;
use crate::engine::eval::value::{Flags, Kind};
use crate::engine::golang::Frame;
use crate::engine::memory::Memory;
use crate::engine::registers::Registers;

/// The largest value that may be put together from pieces, in bytes. The Go compiler
/// keeps values of up to four words apart.
const PIECES_LEN_MAX: u64 = 4096;
/// DWARF's number of RDX, in which Go passes the closure object (Go's `abi-internal.md`).
const DWARF_RDX: u16 = 1;

/// How many range-over-func bodies may be around another.
const BODIES_MAX: usize = 64;

/// The variables of a frame, arguments first, then by depth and declaration; those that
/// later ones hide are flagged.
///
/// The body of a loop over a function is a function of its own, and its loop's function a
/// caller of it, further out on the stack. To the user they are one: the variables of the
/// frames around come first.
pub(crate) fn variables(
    cx: &Cx<'_>,
    scope: &EvalScope<'_>,
    frame_index: usize,
) -> Result<Vec<Operand>> {
    let around = frames_around(scope.frames, frame_index);
    let mut all = Vec::new();
    for index in around.iter().rev() {
        all.extend(variables_of_frame(cx, scope, *index, !around.is_empty())?);
    }
    all.extend(variables_of_frame(cx, scope, frame_index, !around.is_empty())?);
    flag_hidden(&mut all);
    Ok(all)
}

fn flag_hidden(all: &mut [Operand]) {
    /// Among so few, looking at all the others is faster than a table.
    const FEW: usize = 24;
    if all.len() <= FEW {
        for i in 1..all.len() {
            let (before, from) = all.split_at_mut(i);
            let same = before.iter_mut().filter(|it| it.name == from[0].name);
            same.for_each(|it| it.flags |= Flags::SHADOWED);
        }
        return;
    }
    let mut last_named: FxHashMap<&str, usize> = FxHashMap::default();
    let named = all.iter().map(|it| &*it.name).zip(0..);
    let hidden: Vec<usize> =
        named.filter_map(|(name, i)| last_named.insert(name, i)).collect();
    for i in hidden {
        all[i].flags |= Flags::SHADOWED;
    }
}

/// The variables of one frame alone. `with_outer`: what it captured is found in the
/// frames around it.
fn variables_of_frame(
    cx: &Cx<'_>,
    scope: &EvalScope<'_>,
    frame_index: usize,
    with_outer: bool,
) -> Result<Vec<Operand>> {
    let (frame, function) = scope
        .frames
        .get(frame_index)
        .and_then(|it| Some((it, it.function.as_ref()?)))
        .ok_or_else(|| Error::message("unable to find function context"))?;
    let pc = cx.bias.stated(frame.lookup_pc);
    let found = match cx.scope_of(frame) {
        Ok(found) => found,
        Err(why) => return fatal_text(cx, scope, frame).ok_or(why),
    };
    let place = Place::new(cx, scope, frame, &found.hidden);
    let is_body = is_range_body(&function.name);
    let wanted = |it: &&VariableInfo| {
        let is_captured = it.closure_offset.is_some();
        !(is_body && (it.name.starts_with('~') || is_captured && with_outer))
    };
    // An escaped parameter of a generic function is described once as what was passed,
    // with its real type, and once as where it lives, with the shape.
    let passed = |it: &VariableInfo| {
        let same = |other: &&VariableInfo| {
            other.name == it.name && other.dict_index.is_some() && !other.escaped
        };
        if it.escaped { found.variables.iter().find(same) } else { None }
    };
    let mut all: Vec<Operand> = found
        .variables
        .iter()
        .filter(wanted)
        .map(|it| place.variable(it, passed(it)))
        .collect();
    if scope.all_parameters {
        let mut parameters = cx.types.binary.inlined_parameters(pc, frame.inline_depth);
        parameters.retain(|it| all.iter().all(|known| *known.name != *it.0));
        all.extend(parameters.into_iter().map(|(name, ty)| {
            let mut it = place.operand(cx.types.of(ty), &Location::OptimizedOut);
            (it.name, it.flags) = (name.into(), Flags::ARGUMENT);
            it
        }));
    }
    if is_body {
        // What is passed to the body are the variables of the loop.
        for it in &mut all {
            it.flags = Flags(it.flags.0 & !(Flags::ARGUMENT | Flags::RESULT).0);
        }
    }
    Ok(all)
}

/// The code that the frame is at, and its CFA, if its variables are described and there
/// is nothing about this frame that other frames at the same code have not: registers, or
/// frames around it whose variables are its too.
pub(super) fn shared_code(cx: &Cx<'_>, scope: &EvalScope<'_>) -> Option<(Code, Addr)> {
    let frame = scope.frame()?;
    let function = frame.function.as_ref()?;
    if frame.registers.is_some() || is_range_body(&function.name) {
        return None;
    }
    let code = (cx.bias.stated(frame.lookup_pc), frame.inline_depth);
    cx.scope_at(code.0, code.1).ok()?;
    Some((code, frame.cfa))
}

/// Whether the variables of each frame at this code are in memory, at fixed distances
/// from the CFA.
pub(super) fn has_fixed_places(cx: &Cx<'_>, (pc, inline_depth): Code) -> bool {
    let is_fixed = |it: &VariableInfo| {
        let is_from_cfa = match &it.location {
            Location::Pieces(pieces) => {
                let piece = pieces.as_slice();
                matches!(piece, [Piece { size: None, at: PieceAt::CfaOffset(_) }])
            }
            _ => false,
        };
        is_from_cfa && !it.escaped && it.dict_index.is_none() && it.constant.is_none()
    };
    cx.scope_at(pc, inline_depth).is_ok_and(|it| it.variables.iter().all(is_fixed))
}

/// The text of a fatal error, where the program has no debug information.
fn fatal_text(cx: &Cx<'_>, scope: &EvalScope<'_>, frame: &Frame) -> Option<Vec<Operand>> {
    let (ty, location) = bare::fatal_text(cx, frame)?;
    let mut text = Place::new(cx, scope, frame, &[]).operand(ty, &location).named("s");
    text.flags |= Flags::ARGUMENT;
    Some(vec![text])
}

/// Whether a function is the body of a loop over a function: `F-range1`.
fn is_range_body(name: &str) -> bool {
    name.rsplit_once("-range")
        .is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The function that a range-over-func body was written in, through all bodies around it.
fn written_in(name: &str) -> &str {
    let mut name = name;
    while is_range_body(name) {
        name = name.rsplit_once("-range").map_or(name, |(outer, _)| outer);
    }
    name
}

/// The frames of the loops around a range-over-func body, and of the function that they
/// are in, innermost first; empty if the frame is not of such a body, or if they are not
/// all there.
fn frames_around(frames: &[Frame], index: usize) -> Vec<usize> {
    let name_of = |it: &Frame| it.function.as_ref().map(|it| it.name.clone());
    let Some(name) = frames.get(index).and_then(name_of) else { return Vec::new() };
    if !is_range_body(&name) {
        return Vec::new();
    }
    let root = written_in(&name);
    let mut around = Vec::new();
    for (i, frame) in frames.iter().enumerate().skip(index + 1) {
        let Some(name) = name_of(frame) else { continue };
        if name == root {
            around.push(i);
            return around;
        }
        if written_in(&name) == root && around.len() < BODIES_MAX {
            around.push(i);
        }
    }
    Vec::new()
}

/// Where the frame of the function around a range-over-func body is, as
/// `runtime.frameoff` counts; 0 for any other code.
pub(crate) fn parent_offset(scope: &EvalScope<'_>) -> i64 {
    let around = frames_around(scope.frames, scope.frame_index);
    let parent = around.last().and_then(|it| scope.frames.get(*it));
    parent.map_or(0, Frame::cfa_offset)
}

/// By this variables are sorted into the order in which they hide each other: arguments,
/// then by depth and by declaration.
pub(crate) fn hiding_order(it: &VariableInfo) -> (u32, u32) {
    let is_formal = matches!(it.kind, VariableKind::Argument | VariableKind::Result);
    let depth = if is_formal && it.depth == 0 { 0 } else { it.depth.saturating_add(1) };
    (depth, it.decl_line)
}

/// What locations are relative to.
struct Place<'p, 'a> {
    cx: &'p Cx<'a>,
    frame: &'p Frame,
    /// The frame that has called it, if that is known.
    caller: Option<&'p Frame>,
    xsave: Option<&'p [u8]>,
    /// The dictionary of a generic function, if it can still be found.
    dictionary: Option<Addr>,
    /// The closure object, in the prologue of a closure.
    closure: Option<Addr>,
}

impl expression::Surroundings for Place<'_, '_> {
    fn register(&self, number: u16) -> Option<u64> {
        Place::register(self, number)
    }

    fn cfa(&self) -> u64 {
        self.frame.cfa.0
    }

    fn read_word(&self, at: Addr) -> Option<u64> {
        let bytes = self.cx.reader.read_bytes(at, 8).ok()?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    fn loaded(&self, stated: u64) -> u64 {
        self.cx.bias.loaded(FileAddr(stated)).0
    }

    fn at_entry(&self, number: u16) -> Option<u64> {
        let return_to = self.cx.bias.stated(self.frame.return_pc);
        let frame = self.caller?;
        let callee = self.frame.function.as_ref()?.id?;
        let passed = self.cx.types.binary.passed_in(callee, return_to, number)?;
        let caller =
            Place { frame, caller: None, dictionary: None, closure: None, ..*self };
        match expression::run(passed, &[], &caller)? {
            Found::At(Addr(value)) | Found::Value(value) => Some(value),
        }
    }
}

impl<'p, 'a> Place<'p, 'a> {
    fn new(
        cx: &'p Cx<'a>,
        scope: &EvalScope<'p>,
        frame: &'p Frame,
        hidden: &[VariableInfo],
    ) -> Place<'p, 'a> {
        let is_caller = |it: &&Frame| it.pc == frame.return_pc && it.cfa > frame.cfa;
        let mut place = Place {
            cx,
            frame,
            caller: None,
            xsave: scope.xsave,
            dictionary: None,
            closure: None,
        };
        if frame.function.as_ref().is_some_and(|it| it.name.starts_with("C.")) {
            place.caller = scope.frames.iter().find(is_caller);
        }
        place.closure = place.find_closure();
        place.dictionary = hidden
            .iter()
            .find(|it| &*it.name == ".dict")
            .and_then(|it| place.bytes_at(&it.location, 8).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .map(|bytes| Addr(u64::from_le_bytes(bytes)))
            .filter(|it| it.0 != 0);
        place
    }

    /// Before the end of its prologue a closure has not yet put the variables it captured
    /// where the debug information says; they are found through RDX.
    fn find_closure(&self) -> Option<Addr> {
        let registers = self.frame.registers.as_ref()?;
        let function = self.frame.function.as_ref().filter(|it| !it.inlined)?;
        let end = self.cx.types.binary.prologue_end(function.id?);
        let in_prologue =
            (function.entry..=self.cx.bias.loaded(end)).contains(&self.frame.lookup_pc);
        if !in_prologue {
            return None;
        }
        registers.by_dwarf(DWARF_RDX).map(Addr)
    }

    /// `passed`: the parameter that an escaped variable was.
    fn variable(&self, info: &VariableInfo, passed: Option<&VariableInfo>) -> Operand {
        let ty = match passed {
            Some(passed) => self.cx.types.pointer_to(&self.type_of(passed)),
            None => self.type_of(info),
        };
        let mut it = match (self.closure, info.closure_offset, info.constant) {
            (Some(closure), Some(offset), _) => {
                Operand::at(ty, closure.offset(offset.cast_signed()))
            }
            (_, _, Some(value)) => constant(ty, value),
            _ => self.operand(ty, &info.location),
        };
        it.location.clone_from(&info.location_text);
        if let Some((closure, held)) = self.held_by_closure(info) {
            it = Operand::at(held, closure);
            it.flags = Flags::ESCAPED;
            it.location.clone_from(&info.location_text);
        } else if info.escaped {
            it = self.target_of(it);
            it.location.clone_from(&info.location_text);
        }
        it.name.clone_from(&info.name);
        it.decl_line = info.decl_line.into();
        it.flags |= match info.kind {
            VariableKind::Argument => Flags::ARGUMENT,
            VariableKind::Result => Flags::RESULT,
            VariableKind::Local | VariableKind::Captured => Flags::default(),
        };
        it
    }

    /// Where a closure that has not put its variables anywhere yet has the value itself,
    /// although it gets at it by address, and the value's type.
    fn held_by_closure(&self, info: &VariableInfo) -> Option<(Addr, Type)> {
        let (closure, offset) = (self.closure?, info.closure_offset?);
        let entry = self.frame.function.as_ref()?.entry;
        let captured = self.cx.captured_by(entry);
        let it = captured.iter().find(|it| it.offset == offset)?;
        let is_value = info.escaped && !it.escaped;
        let at = closure.offset(offset.cast_signed());
        is_value.then(|| (at, self.cx.types.of(it.ty)))
    }

    /// The variable's type: for a variable of a generic function, what its dictionary
    /// says, else the shape that the code was compiled for.
    fn type_of(&self, info: &VariableInfo) -> Type {
        let types = &self.cx.types;
        let real = info.dict_index.and_then(|index| {
            let word = self.dictionary?.offset((index.min(1 << 16) * 8).cast_signed());
            let descriptor = Addr(self.cx.reader.read_word(word).ok()?);
            self.cx.runtime.runtime_type(&self.cx.reader, descriptor)?.ty
        });
        types.of(real.unwrap_or(info.ty))
    }

    /// The variable that an escaped variable's slot points to.
    fn target_of(&self, slot: Operand) -> Operand {
        let target = slot.ty.as_ref().and_then(|ty| self.cx.types.elem_of(ty));
        let Some(target) = target else { return slot };
        let mut it = Operand::at(target, Addr(0));
        it.flags = Flags::ESCAPED;
        if slot.unreadable.is_some() {
            it.unreadable = slot.unreadable;
            return it;
        }
        let word = slot.addr().map(|at| self.cx.reader.read_word(at));
        match word {
            Some(Ok(0)) | None => {
                it.unreadable = Some("no address for escaped variable".into());
            }
            Some(Ok(word)) => it.data = Data::At(Addr(word)),
            Some(Err(fault)) => it.unreadable = Some(explain(fault)),
        }
        it
    }

    fn operand(&self, ty: Type, location: &Location) -> Operand {
        let size = ty.size();
        let kind = ty.kind();
        let mut it = Operand::at(ty, Addr(0));
        match location {
            Location::OptimizedOut => {
                it.unreadable = Some("optimized out: it is kept nowhere".into());
            }
            Location::NotLive => {
                it.unreadable =
                    Some("not available at this point of the function".into());
            }
            Location::Pieces(pieces) => {
                if let Some(at) = self.single_address(pieces) {
                    it.data = Data::At(at);
                    return it;
                }
                match self.put_together(pieces, size, kind) {
                    Ok(at) => {
                        it.data = Data::At(at);
                        it.flags |= Flags::FAKE_ADDRESS;
                    }
                    Err(why) => it.unreadable = Some(why),
                }
            }
        }
        it
    }

    /// The address of a value that is in memory, in one piece.
    fn single_address(&self, pieces: &[Piece]) -> Option<Addr> {
        match pieces {
            [Piece { size: None, at }] => self.address(at),
            _ => None,
        }
    }

    fn address(&self, at: &PieceAt) -> Option<Addr> {
        match at {
            PieceAt::CfaOffset(offset) => Some(self.frame.cfa.offset(*offset)),
            PieceAt::RegisterOffset { register, offset } => {
                Some(Addr(self.register(*register)?).offset(*offset))
            }
            PieceAt::Addr(at) => Some(self.cx.bias.loaded(*at)),
            PieceAt::Computed(expression) => {
                match expression::run(expression, &[], self)? {
                    Found::At(at) => Some(at),
                    Found::Value(_) => None,
                }
            }
            PieceAt::Register(_) | PieceAt::Value(_) | PieceAt::Unavailable => None,
        }
    }

    /// A general register as it is in this frame. In callers only those are known that
    /// unwinding restores.
    fn register(&self, number: u16) -> Option<u64> {
        if let Some(kept) = &self.frame.kept {
            return kept.by_dwarf(number);
        }
        let Some(registers) = &self.frame.registers else {
            let known = Registers {
                rip: self.frame.pc.0,
                rsp: self.frame.sp.0,
                rbp: self.frame.bp.0,
                ..Registers::default()
            };
            return matches!(number, 6 | 7 | 16).then(|| known.by_dwarf(number))?;
        };
        registers.by_dwarf(number)
    }

    /// Lays the pieces of a value out where it can be read like any other.
    fn put_together(
        &self,
        pieces: &[Piece],
        size: u64,
        kind: Kind,
    ) -> std::result::Result<Addr, String> {
        if size > PIECES_LEN_MAX {
            return Err(format!("a value of {size} bytes is not kept in pieces"));
        }
        let mut parts = Vec::new();
        let mut offset = 0;
        let mut reason = None;
        for piece in pieces {
            let left = size.saturating_sub(offset);
            let len = piece.size.unwrap_or(left).min(left);
            let bytes = match self.piece_bytes(&piece.at, len) {
                Ok(bytes) => Some(bytes),
                Err(why) => {
                    reason = reason.or(Some(why));
                    None
                }
            };
            parts.push((offset, bytes));
            offset += len;
        }
        let lens: Vec<_> = parts
            .iter()
            .map(|(at, bytes)| (*at, bytes.as_ref().map_or(0, Vec::len)))
            .collect();
        let some = parts.iter().any(|(_, bytes)| bytes.is_some());
        // Parts of these mean something by themselves; half a number does not.
        let divisible = matches!(
            kind,
            Kind::String | Kind::Slice | Kind::Struct | Kind::Array | Kind::Interface
        );
        match reason {
            Some(why) if !some || !divisible => Err(why),
            _ => {
                let at = self.cx.reader.place_pieces(size, &parts);
                self.note_origins(at, pieces, &lens);
                Ok(at)
            }
        }
    }

    /// Keeps where the pieces of a value came from, so that it can be changed there.
    fn note_origins(&self, at: Addr, pieces: &[Piece], lens: &[(u64, usize)]) {
        let mut origins = self.cx.origins.borrow_mut();
        for (piece, &(offset, len)) in pieces.iter().zip(lens) {
            let from = match &piece.at {
                PieceAt::Register(number) if self.frame.registers.is_some() => {
                    RegisterPlace::of_dwarf(*number).map(OriginPlace::Register)
                }
                other => self.address(other).map(OriginPlace::Memory),
            };
            if let (Some(from), true) = (from, len > 0) {
                origins.push(Origin { at: at.offset(offset.cast_signed()), len, from });
            }
        }
    }

    fn piece_bytes(
        &self,
        at: &PieceAt,
        len: u64,
    ) -> std::result::Result<Vec<u8>, String> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let mut bytes = match at {
            PieceAt::Register(number) => {
                let bytes = self.register_bytes(*number)?;
                if bytes.len() < len {
                    // Of a string of which it needs no more, the compiler keeps the length
                    // or the pointer, and does not say which.
                    return Err("optimized out: only a part of it is kept".into());
                }
                bytes
            }
            PieceAt::Value(bytes) => bytes.clone(),
            PieceAt::Unavailable => {
                return Err("optimized out: part of it is kept nowhere".into());
            }
            PieceAt::Computed(expression)
                if let Some(Found::Value(value)) =
                    expression::run(expression, &[], self) =>
            {
                value.to_le_bytes().to_vec()
            }
            PieceAt::CfaOffset(_)
            | PieceAt::RegisterOffset { .. }
            | PieceAt::Computed(_)
            | PieceAt::Addr(_) => {
                let at = self.address(at).ok_or_else(|| match at {
                    PieceAt::Computed(_) => String::from(
                        "optimized out: what it is computed from is not known here",
                    ),
                    _ => "it is relative to a register that is not known here".to_owned(),
                })?;
                self.cx.reader.read_bytes(at, len).map_err(explain)?
            }
        };
        bytes.resize(len, 0);
        Ok(bytes)
    }

    fn register_bytes(&self, number: u16) -> std::result::Result<Vec<u8>, String> {
        if let Some(value) = self.register(number) {
            return Ok(value.to_le_bytes().to_vec());
        }
        let unknown = || {
            String::from(
                "not available: it was in a register that a call has overwritten",
            )
        };
        if self.frame.registers.is_none() {
            return Err(unknown());
        }
        let place = RegisterPlace::of_dwarf(number).ok_or_else(unknown)?;
        place.read(None, self.xsave).ok_or_else(|| {
            String::from(
                "not available: it is in a vector register that is not known here",
            )
        })
    }

    fn bytes_at(
        &self,
        location: &Location,
        len: u64,
    ) -> std::result::Result<Vec<u8>, String> {
        let Location::Pieces(pieces) = location else {
            return Err("not available".into());
        };
        match pieces.as_slice() {
            [piece] => self.piece_bytes(&piece.at, len),
            _ => Err("not available".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_around_a_loop_s_body_is_found_by_its_name() {
        let cases = [
            ("main.F-range1", "main.F"),
            ("main.F-range1-range2", "main.F"),
            ("main.(*T).M-range12", "main.(*T).M"),
            ("main.F.func1-range1", "main.F.func1"),
            ("main.F", "main.F"),
            ("main.F-range", "main.F-range"),
            ("main.F-rangex", "main.F-rangex"),
        ];
        for (name, function) in cases {
            assert_eq!(written_in(name), function);
        }
    }
}
