//! From a frame to its caller's.
//!
//! In Go code the compiler's table says how large a frame is at each PC
//! ([`Binary::sp_delta`]), so the canonical frame address (CFA) is SP plus that, the return
//! address is the word below the CFA, and the caller's RBP the word below that
//! (`$GOROOT/src/runtime/traceback.go`, `unwinder.next`). This is exact in every
//! instruction, needs no DWARF, and never loops: the CFA is always above SP.
//!
//! In C code the rules are in `.eh_frame`. Without them there are guesses, best first.
//!
//! A walk ends at a function that says it is the outermost, or in a frame whose
//! [`err`](Frame::err) says why it could not go on.

use crate::engine::addr::Addr;
use crate::engine::binary::expression::{self, Found, Surroundings};
use crate::engine::binary::frames::{CfaRule, CfiRow, SavedAt};
use crate::engine::binary::{Binary, Function};
use crate::engine::golang::layout::{self, function};
use crate::engine::golang::stack::{
    FRAMES_MAX, Frame, KeptRegisters, Stack, UnwindFrom, UnwindLimits,
};
use crate::engine::golang::switch::Stacks;
use crate::engine::golang::window::Window;
use crate::engine::golang::{FunctionName, Image, Location, Runtime};
use crate::engine::memory::Memory;
use crate::engine::registers::Registers;

/// DWARF's numbers of RSP and RIP.
const RSP: u16 = 7;
const RIP: u16 = 16;

/// A walk along a stack, outward.
pub(super) struct Walk<'a> {
    pub runtime: &'a Runtime,
    pub window: Window<'a>,
    pub stacks: Stacks,
    /// The registers in the frame that is next to be added; RIP is its PC.
    pub registers: Registers,
    /// RIP is where execution is, not a return address.
    pub is_exact: bool,
    /// Which registers are known: bit N for the one that DWARF calls N.
    pub known: u32,
    pub on_system_stack: bool,
    frames: Vec<Frame>,
    depth_max: usize,
    one_stack: bool,
    /// The list of shared libraries has been read anew for this walk.
    has_looked: bool,
}

/// The registers that DWARF numbers from 0: all, and RBP, RSP and RIP, which every walk
/// keeps.
pub(super) const ALL: u32 = (1 << 17) - 1;
pub(super) const FEW: u32 = 1 << 6 | 1 << 7 | 1 << 16;
/// Those that a function of C hands back as they were: RBX, RBP, R12 to R15 (System V ABI
/// amd64, figure 3.4).
const PRESERVED: u32 = 1 << 3 | 1 << 6 | 0xf << 12;

/// What comes after a frame.
pub(super) enum Next {
    /// The registers are now the caller's.
    Caller,
    /// The frame was the outermost.
    End,
    Broken(String),
}

impl<'a> Walk<'a> {
    pub fn begin(
        runtime: &'a Runtime,
        mem: &'a dyn Memory,
        from: &UnwindFrom<'_>,
        limits: UnwindLimits,
    ) -> Walk<'a> {
        let (stacks, registers) = Stacks::find(runtime, mem, from);
        Walk {
            runtime,
            window: Window::new(mem),
            on_system_stack: !stacks.goroutine_contains(registers.sp()),
            known: if matches!(from, UnwindFrom::Thread(_)) { ALL } else { FEW },
            stacks,
            registers,
            is_exact: true,
            frames: Vec::new(),
            depth_max: limits.depth_max.min(FRAMES_MAX),
            one_stack: limits.one_stack,
            has_looked: false,
        }
    }

    /// The stack that is only a frame that says why.
    pub fn refuse(mut self, why: &str) -> Stack {
        self.push_broken(why.to_owned());
        Stack { frames: self.frames, truncated: None }
    }

    pub fn run(mut self) -> Stack {
        while self.frames.len() < self.depth_max {
            match self.step() {
                Next::Caller => {}
                Next::End => {
                    self.frames.truncate(self.depth_max);
                    if let Some(last) = self.frames.last_mut() {
                        last.bottom = true;
                    }
                    return Stack { frames: self.frames, truncated: None };
                }
                Next::Broken(why) => {
                    self.push_broken(why);
                    self.frames.truncate(self.depth_max);
                    return Stack { frames: self.frames, truncated: None };
                }
            }
        }
        self.frames.truncate(self.depth_max);
        let why = format!("only the innermost {} frames were read", self.depth_max);
        Stack { frames: self.frames, truncated: Some(why) }
    }

    /// Adds the frame that the registers are in, and goes to its caller.
    fn step(&mut self) -> Next {
        let pc = self.registers.pc();
        let found = self.runtime.images().find(pc);
        let found = found.and_then(|image| Some((image, image.function_at(pc)?)));
        let Some((image, id)) = found else { return self.step_foreign() };
        let at_pc = image.binary.function(id);
        let lookup = self.lookup_pc(image, &at_pc);
        let id = image.function_at(lookup).unwrap_or(id);
        self.step_go(image, &image.binary.function(id), lookup)
    }

    /// What to look up for the PC: the call before a return address. Below a preemption
    /// there is none, and the PC itself counts (`unwindTrap` in
    /// `$GOROOT/src/runtime/traceback.go`); Delve takes the instruction before it there,
    /// which may be of another inlined call, and loses the caller of a function that was
    /// preempted in its prologue.
    fn lookup_pc(&self, image: &Image, function: &Function<'_>) -> Addr {
        let pc = self.registers.pc();
        // The runtime makes frames of these without a call.
        let is_made_up = image.bias.loaded(function.entry) == pc
            || [function::MSTART, function::SYSTEMSTACK_SWITCH].contains(&function.name);
        if self.is_exact || is_made_up { pc } else { pc.offset(-1) }
    }

    fn step_go(&mut self, image: &Image, of: &Function<'_>, lookup: Addr) -> Next {
        let stated = image.bias.stated(lookup);
        let Some(delta) = image.binary.sp_delta(stated) else {
            self.push_known(image, lookup, self.registers.sp());
            return Next::Broken(format!(
                "the size of the frame of {} is unknown",
                of.name
            ));
        };
        let was_on_system_stack = self.on_system_stack;
        if let Some(next) = self.leave_stack(image, of.name, lookup, delta) {
            let has_left = self.on_system_stack != was_on_system_stack;
            return if self.one_stack && has_left { Next::End } else { next };
        }
        let Some(cfa) = self.registers.rsp.checked_add(delta.saturating_add(8)) else {
            return Next::Broken(format!("SP is {}", self.registers.sp()));
        };
        let cfa = Addr(cfa);
        self.push_known(image, lookup, cfa);
        if of.flags.top_frame && of.name != function::SIGTRAMP {
            return Next::End;
        }
        self.return_to_caller(of, cfa, delta)
    }

    /// Makes the registers the caller's, for a Go function with this CFA.
    pub fn return_to_caller(&mut self, of: &Function<'_>, cfa: Addr, delta: u64) -> Next {
        let return_pc = match self.window.addr(cfa.offset(-8)) {
            Ok(return_pc) => return_pc,
            Err(fault) => {
                let text = format!("the return address of {} is lost: {fault}", of.name);
                return Next::Broken(text);
            }
        };
        let saved_bp = cfa.offset(-16);
        // A frame has RBP saved below its return address; but the innermost may not have
        // saved it yet, and assembly code may not save it at all.
        let keeps_bp = (self.is_exact || of.flags.asm) && self.registers.bp() != saved_bp;
        if delta > 0 && !keeps_bp {
            self.registers.rbp = self.window.word(saved_bp).unwrap_or(0);
        }
        self.note_return(cfa, return_pc);
        self.registers.rsp = cfa.0;
        self.registers.rip = return_pc.0;
        self.is_exact = function::INTERRUPTERS.contains(&of.name);
        self.known = FEW;
        if return_pc.0 == 0 { Next::End } else { Next::Caller }
    }

    /// Goes on in code that is not Go's: C, the kernel's vDSO, or none at all.
    fn step_foreign(&mut self) -> Next {
        let sp = self.registers.sp();
        if !self.is_exact && self.is_signal_return() {
            self.push_foreign(sp);
            return self.leave_signal();
        }
        if let Some(row) = self.find_c_rules() {
            return self.step_c(&row);
        }
        self.push_foreign(sp);
        if let Some(next) = self.leave_vdso() {
            return next;
        }
        if self.frames.len() == 1 && self.returns_to_go(sp) {
            // A call of a nil func, or a function's first instruction.
            return self.pop_return(sp);
        }
        if let Some(next) = self.leave_c() {
            return next;
        }
        let bp = self.registers.bp();
        if bp >= sp && self.stacks.same_stack(sp, bp) && bp.0.is_multiple_of(8) {
            self.registers.rbp = self.window.word(bp).unwrap_or(0);
            return self.pop_return(bp.offset(8));
        }
        let pc = self.registers.pc();
        Next::Broken(format!("nothing is known of the code at {pc}"))
    }

    /// Takes the word at `at` for the return address.
    fn pop_return(&mut self, at: Addr) -> Next {
        let return_pc = match self.window.addr(at) {
            Ok(return_pc) => return_pc,
            Err(fault) => return Next::Broken(format!("no return address: {fault}")),
        };
        self.note_return(at.offset(8), return_pc);
        self.registers.rip = return_pc.0;
        self.registers.rsp = at.0.wrapping_add(8);
        (self.is_exact, self.known) = (false, FEW);
        if return_pc.0 == 0 { Next::End } else { Next::Caller }
    }

    fn returns_to_go(&mut self, sp: Addr) -> bool {
        let return_pc = self.window.addr(sp).unwrap_or_default();
        self.runtime.images().find(return_pc).is_some()
    }

    /// Whether the PC is of the instructions that end a signal handler.
    fn is_signal_return(&self) -> bool {
        let mut code = [0; layout::SIGRETURN_CODE.len()];
        let read = self.window.memory().read(self.registers.pc(), &mut code);
        read.is_ok() && code == layout::SIGRETURN_CODE
    }

    fn find_c_rules(&mut self) -> Option<CfiRow> {
        let pc = self.registers.pc();
        let lookup = if self.is_exact { pc } else { pc.offset(-1) };
        let mut images = self.runtime.images().iter();
        let of_program = images.find_map(|it| it.binary.c_unwind(it.bias.stated(lookup)));
        if of_program.is_some() || self.runtime.image().binary.dynamic_section().is_none()
        {
            return of_program;
        }
        let look_again = !std::mem::replace(&mut self.has_looked, true);
        self.runtime.unwind_library(self.window.memory(), lookup, look_again)
    }

    /// Goes to the caller of a C function by the rules of its `.eh_frame`.
    fn step_c(&mut self, row: &CfiRow) -> Next {
        let cfa = match &row.cfa {
            CfaRule::RegisterOffset { register, offset } => {
                self.known_register(*register).map(|it| Addr(it).offset(*offset))
            }
            CfaRule::Expression(bytes) => self.run_rule(bytes, None).map(Addr),
        };
        let Some(cfa) = cfa else {
            self.push_foreign(self.registers.sp());
            let why = "the frame of this C code is computed from what is not known";
            return self.leave_c().unwrap_or_else(|| Next::Broken(why.into()));
        };
        self.push_foreign(cfa);
        if cfa <= self.registers.sp() && !row.signal_frame {
            return Next::Broken(format!("the frame of this C code ends at {cfa}"));
        }
        let mut caller = self.registers;
        let mut known = self.known & if row.signal_frame { ALL } else { PRESERVED };
        for (register, saved) in &row.rules {
            let bit = 1_u32.checked_shl((*register).into()).unwrap_or(0) & ALL;
            let value = match saved {
                SavedAt::Undefined => None,
                SavedAt::Unchanged => self.known_register(*register),
                SavedAt::CfaOffset(offset) => self.window.word(cfa.offset(*offset)).ok(),
                SavedAt::CfaValue(offset) => Some(cfa.offset(*offset).0),
                SavedAt::Register(other) => self.known_register(*other),
                SavedAt::Expression(bytes) => {
                    let at = self.run_rule(bytes, Some(cfa));
                    at.and_then(|it| self.window.word(Addr(it)).ok())
                }
                SavedAt::ExpressionValue(bytes) => self.run_rule(bytes, Some(cfa)),
            };
            caller.set_by_dwarf(*register, value.unwrap_or(0));
            known = if value.is_some() { known | bit } else { known & !bit };
        }
        let return_pc = self.return_of(row, &caller, known);
        let has_sp = row.rules.iter().any(|it| it.0 == RSP);
        let sp = if has_sp && row.signal_frame { caller.rsp } else { cfa.0 };
        (caller.rsp, caller.rip) = (sp, return_pc.unwrap_or(0));
        let Some(return_pc) = return_pc else {
            return Next::Broken("the caller of this C code cannot be read".into());
        };
        self.note_return(cfa, Addr(return_pc));
        self.registers = caller;
        (self.is_exact, self.known) = (row.signal_frame, known | 1 << RSP | 1 << RIP);
        if return_pc == 0 { Next::End } else { Next::Caller }
    }

    /// The return address by the rules of C code: 0 where they say that there is none.
    fn return_of(&self, row: &CfiRow, caller: &Registers, known: u32) -> Option<u64> {
        let rule = row.rules.iter().find(|it| it.0 == RIP).map(|it| &it.1);
        match rule {
            None | Some(SavedAt::Undefined) => Some(0),
            Some(_) => (known & 1 << RIP != 0).then_some(caller.rip),
        }
    }

    fn known_register(&self, number: u16) -> Option<u64> {
        KeptRegisters { registers: self.registers, known: self.known }.by_dwarf(number)
    }

    /// What a rule computes, with the CFA on its stack if that is known.
    fn run_rule(&self, rule: &[u8], cfa: Option<Addr>) -> Option<u64> {
        let first: Vec<u64> = cfa.iter().map(|it| it.0).collect();
        let at = RuleSurroundings { walk: self, cfa: cfa.unwrap_or_default() };
        match expression::run(rule, &first, &at)? {
            Found::At(at) => Some(at.0),
            Found::Value(value) => Some(value),
        }
    }

    /// Adds the frames of a function: its own and those of inlined calls.
    pub fn push_known(&mut self, image: &Image, lookup: Addr, cfa: Addr) {
        if self.push_again(lookup, cfa) {
            return;
        }
        let stated = image.bias.stated(lookup);
        let Some(id) = image.binary.function_at(stated) else { return };
        for (depth, of) in inline_stack(&image.binary, lookup, image).enumerate() {
            let function = FunctionName {
                name: of.function.to_owned(),
                entry: image.bias.loaded(of.entry),
                id: Some(id),
                inlined: of.inlined,
                start_line: of.start_line,
            };
            let file = of.file.to_owned();
            let frame = Frame {
                file,
                line: of.line,
                function: Some(function),
                inline_depth: depth,
                lookup_pc: lookup,
                ..self.frame(cfa)
            };
            self.frames.push(frame);
        }
    }

    /// Adds the frames of a function that has called itself: they are those that were
    /// added last, further out. False if they are not.
    fn push_again(&mut self, lookup: Addr, cfa: Addr) -> bool {
        let is_same = |it: &&Frame| it.lookup_pc == lookup && it.err.is_none();
        let Some(last) = self.frames.last().filter(is_same) else { return false };
        let Some(first) = self.frames.len().checked_sub(last.inline_depth + 1) else {
            return false;
        };
        for nth in first..self.frames.len() {
            let Frame { file, line, function, inline_depth, lookup_pc, .. } =
                self.frames[nth].clone();
            let of_function = Frame { file, line, function, ..self.frame(cfa) };
            self.frames.push(Frame { inline_depth, lookup_pc, ..of_function });
        }
        true
    }

    fn push_foreign(&mut self, cfa: Addr) {
        let frame = self.frame(cfa);
        let lookup = frame.lookup_pc;
        if let Some((image, _)) = self.runtime.images().find_function(lookup) {
            return self.push_known(image, lookup, cfa);
        }
        let Location { file, line, function, .. } = self.runtime.locate_symbol(lookup);
        self.frames.push(Frame { file, line, function, ..frame });
    }

    fn push_broken(&mut self, why: String) {
        let frame = Frame { err: Some(why), bottom: true, ..self.frame(Addr(0)) };
        self.frames.push(Frame { registers: None, ..frame });
    }

    /// The part of a frame that inlined calls share.
    fn frame(&self, cfa: Addr) -> Frame {
        let pc = self.registers.pc();
        Frame {
            pc,
            lookup_pc: if self.is_exact { pc } else { pc.offset(-1) },
            cfa,
            sp: self.registers.sp(),
            bp: self.registers.bp(),
            registers: (self.known == ALL).then_some(self.registers),
            kept: (self.known != ALL && self.known != FEW).then(|| {
                let (registers, known) = (self.registers, self.known);
                Box::new(KeptRegisters { registers, known })
            }),
            stack_hi: self.stacks.end_of(self.on_system_stack, self.registers.sp()),
            system_stack: self.on_system_stack,
            ..Frame::default()
        }
    }

    /// Tells the frames that were added last where they return to.
    pub fn note_return(&mut self, cfa: Addr, return_pc: Addr) {
        let mut last = self.frames.iter_mut().rev();
        let Some(first) = last.next() else { return };
        let pc = first.pc;
        (first.return_addr, first.return_pc) = (cfa.offset(-8), return_pc);
        for frame in last.take_while(|it| it.pc == pc && it.cfa == cfa) {
            (frame.return_addr, frame.return_pc) = (cfa.offset(-8), return_pc);
        }
    }
}

/// What rules of C code may ask for.
struct RuleSurroundings<'w, 'a> {
    walk: &'w Walk<'a>,
    cfa: Addr,
}

impl Surroundings for RuleSurroundings<'_, '_> {
    fn register(&self, number: u16) -> Option<u64> {
        self.walk.known_register(number)
    }

    fn cfa(&self) -> u64 {
        self.cfa.0
    }

    fn read_word(&self, at: Addr) -> Option<u64> {
        self.walk.window.memory().read_word(at).ok()
    }

    /// Rules of libraries have no addresses in them, nor have those that gcc makes.
    fn loaded(&self, stated: u64) -> u64 {
        stated
    }
}

fn inline_stack<'b>(
    binary: &'b Binary,
    lookup: Addr,
    image: &Image,
) -> impl Iterator<Item = crate::engine::binary::InlineFrame<'b>> {
    binary.inline_stack(image.bias.stated(lookup)).into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::golang::testing::{self, Noise, Program};
    use crate::engine::golang::threads::ThreadState;

    fn functions(stack: &Stack) -> Vec<&str> {
        stack.frames.iter().map(testing::name).collect()
    }

    #[test]
    fn a_parked_goroutine_is_unwound_to_its_start() {
        let program = Program::start(testing::PARKED, &[]);
        let stack = program.unwind(&program.goroutine_in("main.coded"));
        assert_eq!(
            functions(&stack),
            [
                "runtime.gopark",
                "runtime.chanrecv",
                "runtime.chanrecv1",
                "main.inlined",
                "main.coded",
                "main.main.func1",
                "runtime/pprof.Do",
                "main.main.gowrap1",
                "runtime.goexit",
            ]
        );
        let [inlined, coded] = &stack.frames[3..5] else { panic!() };
        assert_eq!((inlined.cfa, inlined.pc), (coded.cfa, coded.pc));
        assert_eq!((inlined.inline_depth, coded.inline_depth), (0, 1));
        assert!(stack.frames.last().unwrap().bottom);
        assert!(stack.frames.iter().all(|it| it.cfa_offset() < 0 && it.err.is_none()));
    }

    #[test]
    fn below_a_fault_the_pc_is_where_it_happened() {
        let program = Program::start(testing::PARKED, &[]);
        let stack = program.unwind(&program.goroutine_in("main.recovering.func1"));
        let at = functions(&stack).iter().position(|it| *it == "runtime.sigpanic");
        let frame = &stack.frames[at.unwrap() + 1];
        assert_eq!(testing::name(frame), "main.recovering");
        assert_eq!(frame.lookup_pc, frame.pc);
    }

    #[test]
    fn a_stack_is_cut_where_it_is_asked_to_be() {
        let program = Program::start(testing::PARKED, &[]);
        let goroutine = program.goroutine_in("main.deep");
        let limits = UnwindLimits::frames(50);
        let from = UnwindFrom::Parked(&goroutine);
        let stack = program.runtime.unwind(&program.memory, &from, limits);
        assert_eq!(stack.frames.len(), 50);
        assert!(stack.truncated.is_some());
        let whole = program.unwind(&goroutine);
        assert!(whole.frames.len() > 1000 && whole.truncated.is_none());
        assert_eq!(testing::name(whole.frames.last().unwrap()), "runtime.goexit");
    }

    #[test]
    fn garbage_is_unwound_to_an_end() {
        let program = Program::start(testing::PARKED, &[]);
        let limits = UnwindLimits::frames(500);
        for seed in 0..300 {
            let noise = Noise::new(&program, seed);
            let registers = Registers {
                rip: noise.word(1),
                rsp: noise.word(2),
                rbp: noise.word(3),
                r14: noise.word(4),
                fs_base: noise.word(5),
                ..Registers::default()
            };
            let thread = ThreadState { tid: 1, registers };
            let from = UnwindFrom::Thread(&thread);
            let stack = program.runtime.unwind(&noise, &from, limits);
            assert!(!stack.frames.is_empty() && stack.frames.len() <= 500);
            program.runtime.goroutine_id_fast(&noise, &registers);
        }
    }

    #[test]
    fn goroutines_of_a_damaged_program_are_read_to_an_end() {
        let program = Program::start(testing::PARKED, &[]);
        for seed in 0..40 {
            let noise = Noise::over(&program, seed);
            let Ok(table) = program.runtime.goroutines(&noise, &[]) else { continue };
            for it in table.iter().take(100) {
                let from = UnwindFrom::Parked(it);
                let limits = UnwindLimits::frames(100);
                program.runtime.unwind(&noise, &from, limits);
                program.runtime.defers(&noise, it);
                program.runtime.panics(&noise, it);
                program.runtime.labels(&noise, it);
                let _ = program.runtime.ancestors(&noise, it);
                program.runtime.channel_waiters(&noise, it.addr);
                program.runtime.runtime_type(&noise, it.start_pc);
            }
            program.runtime.summarize(
                &noise,
                table.as_slice(),
                &[],
                crate::engine::golang::Reach::Far,
            );
        }
    }
}
