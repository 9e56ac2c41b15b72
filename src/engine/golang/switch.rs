//! Where does a stack go on that ends in the middle?
//!
//! A thread of a Go program changes stacks: from a goroutine's to its own ("g0") for the
//! scheduler, for growing the goroutine's stack and for C code, back when C calls Go, and
//! to the signal stack. What the runtime writes down when it changes, in
//! `$GOROOT/src/runtime/asm_amd64.s`, leads back:
//!
//! | the caller of            | is where                                     |
//! |--------------------------|----------------------------------------------|
//! | `systemstack`, `mcall`, `newstack` on g0 | `curg.sched` says            |
//! | `asmcgocall` on g0       | its slots say: distance from the stack's end |
//! | `cgocallback` on the goroutine | `g0.sched.sp` says                     |
//! | `sigreturn`              | the kernel's `ucontext_t` says               |
//! | the vDSO                 | `m.vdsoPC` and `m.vdsoSP` say                |

use crate::engine::addr::Addr;
use crate::engine::golang::goroutine::Goroutine;
use crate::engine::golang::layout::{self, Field, function};
use crate::engine::golang::stack::UnwindFrom;
use crate::engine::golang::threads::ThreadState;
use crate::engine::golang::unwind::{ALL, FEW, Next, Walk};
use crate::engine::golang::{Image, Runtime};
use crate::engine::memory::Memory;
use crate::engine::registers::Registers;

/// Where a stack is, and where its `g` says it was left.
#[derive(Clone, Copy, Debug, Default)]
struct Saved {
    g: Addr,
    lo: Addr,
    hi: Addr,
    pc: Addr,
    sp: Addr,
    bp: Addr,
}

impl Saved {
    fn contains(&self, sp: Addr) -> bool {
        self.lo < sp && sp <= self.hi
    }
}

/// The stacks that a walk may visit.
#[derive(Clone, Debug, Default)]
pub(super) struct Stacks {
    goroutine: Saved,
    g0: Saved,
    signal: Saved,
    /// The PC and SP of the caller, while the vDSO runs.
    vdso: (Addr, Addr),
    /// How far up each stack the walk has come: it never goes down again.
    reached: (Addr, Addr),
    signals_left: usize,
    /// `goroutine.sched` was used: what lies further out is in other places.
    left_by_sched: bool,
}

/// Handlers of signals that interrupt each other.
const SIGNALS_MAX: usize = 16;

/// The functions that call the vDSO, which the kernel puts into every process.
const ASK_VDSO: &[&str] = &["runtime.nanotime1", "runtime.walltime", "time.now"];

/// How much of a thread's stack the vDSO may have used, in bytes.
const VDSO_STACK_MAX: i64 = 1024;

/// How much of a thread's stack is searched for the end of C code, in bytes.
const C_STACK_MAX: i64 = 256 * 1024;

impl Stacks {
    /// The stacks of a goroutine or of a thread, and the registers to begin with.
    pub fn find(
        runtime: &Runtime,
        mem: &dyn Memory,
        from: &UnwindFrom<'_>,
    ) -> (Stacks, Registers) {
        match from {
            UnwindFrom::Thread(thread) => {
                (Stacks::of_thread(runtime, mem, thread), thread.registers)
            }
            UnwindFrom::Parked(goroutine) => {
                let stacks = Stacks::of_goroutine(runtime, mem, goroutine);
                (stacks, registers_at(goroutine.pc, goroutine.sp, goroutine.bp))
            }
            UnwindFrom::Saved(goroutine) => {
                let stacks = Stacks::of_goroutine(runtime, mem, goroutine);
                let Saved { pc, sp, bp, .. } = stacks.goroutine;
                (stacks, registers_at(pc, sp, bp))
            }
        }
    }

    fn of_thread(runtime: &Runtime, mem: &dyn Memory, thread: &ThreadState) -> Stacks {
        let signals_left = SIGNALS_MAX;
        let Some(found) = runtime.thread_goroutine(mem, thread) else {
            return Stacks { signals_left, ..Stacks::default() };
        };
        Stacks {
            goroutine: runtime.read_saved(mem, found.curg),
            g0: runtime.read_saved(mem, found.g0),
            signal: runtime.read_saved(mem, found.gsignal),
            vdso: runtime.read_vdso(mem, found.m),
            signals_left,
            ..Stacks::default()
        }
    }

    fn of_goroutine(runtime: &Runtime, mem: &dyn Memory, of: &Goroutine) -> Stacks {
        let word = |at: Addr, field| {
            let offset = runtime.layout().offset(field);
            Addr(if at.0 == 0 {
                0
            } else {
                mem.read_word(at.offset(offset)).unwrap_or(0)
            })
        };
        // C that called Go waits on the stack of the thread the goroutine is locked to.
        let m = if of.m_addr.0 != 0 { of.m_addr } else { word(of.addr, Field::GLockedM) };
        Stacks {
            goroutine: runtime.read_saved(mem, of.addr),
            g0: runtime.read_saved(mem, word(m, Field::MG0)),
            signals_left: SIGNALS_MAX,
            ..Stacks::default()
        }
    }

    pub fn goroutine_contains(&self, sp: Addr) -> bool {
        self.goroutine.contains(sp)
    }

    /// The end of the stack that `sp` is on.
    pub fn end_of(&self, on_system_stack: bool, sp: Addr) -> Addr {
        if !on_system_stack {
            return self.goroutine.hi;
        }
        if self.signal.contains(sp) { self.signal.hi } else { self.g0.hi }
    }

    /// Whether two addresses are on one of the stacks.
    pub fn same_stack(&self, a: Addr, b: Addr) -> bool {
        let stacks = [&self.goroutine, &self.g0, &self.signal];
        stacks.iter().any(|it| it.contains(a) && it.contains(b))
    }
}

fn registers_at(pc: Addr, sp: Addr, bp: Addr) -> Registers {
    Registers { rip: pc.0, rsp: sp.0, rbp: bp.0, ..Registers::default() }
}

impl Runtime {
    fn read_saved(&self, mem: &dyn Memory, g: Addr) -> Saved {
        if g.0 == 0 {
            return Saved::default();
        }
        let word = |field| {
            let at = g.offset(self.layout().offset(field));
            Addr(mem.read_word(at).unwrap_or(0))
        };
        Saved {
            g,
            lo: word(Field::GStackLo),
            hi: word(Field::GStackHi),
            pc: word(Field::GSchedPc),
            sp: word(Field::GSchedSp),
            bp: word(Field::GSchedBp),
        }
    }

    fn read_vdso(&self, mem: &dyn Memory, m: Addr) -> (Addr, Addr) {
        let word = |field| {
            let at = m.offset(self.layout().find_offset(field)?);
            mem.read_word(at).ok().map(Addr)
        };
        let found = word(Field::MVdsoPc).zip(word(Field::MVdsoSp));
        found.unwrap_or_default()
    }
}

impl Walk<'_> {
    /// If the function `name` changes stacks, adds its frame and goes to its caller on the
    /// other stack.
    pub fn leave_stack(
        &mut self,
        image: &Image,
        name: &str,
        lookup: Addr,
        delta: u64,
    ) -> Option<Next> {
        if function::SIGRETURN.contains(&name) && !self.is_exact {
            self.push_known(image, lookup, self.registers.sp());
            return Some(self.leave_signal());
        }
        match (name, self.on_system_stack) {
            (
                function::SYSTEMSTACK
                | function::MCALL
                | function::NEWSTACK
                | function::MORESTACK
                | function::CRASH_STACK,
                true,
            ) => {
                let cfa = Addr(self.registers.rsp.wrapping_add(delta).wrapping_add(8));
                self.push_known(image, lookup, cfa);
                Some(self.go_to_sched())
            }
            (function::ASMCGOCALL, true) => self.leave_asmcgocall(image, lookup, delta),
            (function::CGOCALLBACK, false) if !self.is_exact => {
                self.leave_cgocallback(image, lookup, delta)
            }
            _ => self.leave_nanotime(image, lookup),
        }
    }

    /// Goes on where the goroutine was saved.
    fn go_to_sched(&mut self) -> Next {
        let Saved { g, pc, sp, bp, .. } = self.stacks.goroutine;
        if g.0 == 0 || sp.0 == 0 || self.stacks.left_by_sched {
            return Next::End;
        }
        self.stacks.left_by_sched = true;
        self.go_to(pc, sp, bp, false)
    }

    fn go_to(&mut self, pc: Addr, sp: Addr, bp: Addr, on_system_stack: bool) -> Next {
        let Stacks { reached, .. } = &mut self.stacks;
        let reached = if on_system_stack { &mut reached.1 } else { &mut reached.0 };
        if sp <= *reached {
            return Next::Broken("the stacks of the thread lead in a circle".into());
        }
        *reached = sp;
        self.registers = registers_at(pc, sp, bp);
        self.on_system_stack = on_system_stack;
        (self.is_exact, self.known) = (false, FEW);
        if pc.0 == 0 { Next::End } else { Next::Caller }
    }

    /// From `asmcgocall`, which called C on g0, to its frame on the goroutine's stack, and
    /// to the caller of that.
    fn leave_asmcgocall(
        &mut self,
        image: &Image,
        lookup: Addr,
        delta: u64,
    ) -> Option<Next> {
        let sp = self.registers.sp();
        let (at_depth, at_g) =
            if self.runtime.version().minor >= 22 { (0, 8) } else { (40, 48) };
        let depth = self.window.word(sp.offset(at_depth)).ok()?;
        let g = self.window.addr(sp.offset(at_g)).ok()?;
        let goroutine = self.stacks.goroutine;
        let was_on_goroutine = g.0 != 0;
        if was_on_goroutine && g != goroutine.g {
            return None;
        }
        let sp =
            if was_on_goroutine { goroutine.hi.0.checked_sub(depth)? } else { depth };
        let cfa = Addr(sp).offset(delta as i64 + 8);
        let bp = if sp == goroutine.sp.0 { goroutine.bp } else { self.registers.bp() };
        let bp = if delta > 0 { self.window.addr(cfa.offset(-16)).ok()? } else { bp };
        let return_pc = self.window.addr(cfa.offset(-8)).ok()?;
        self.on_system_stack = !was_on_goroutine;
        self.registers.rsp = sp;
        self.push_known(image, lookup, cfa);
        self.note_return(cfa, return_pc);
        Some(self.go_to(return_pc, cfa, bp, !was_on_goroutine))
    }

    /// From `cgocallback`, by which C called Go, to its frame on g0 and to the C code that
    /// called that. Both frames are of the same size.
    fn leave_cgocallback(
        &mut self,
        image: &Image,
        lookup: Addr,
        delta: u64,
    ) -> Option<Next> {
        let sp = self.stacks.g0.sp;
        let before = self.window.addr(sp).ok()?;
        let cfa = sp.offset(delta as i64 + 8);
        let return_pc = self.window.addr(cfa.offset(-8)).ok()?;
        let bp = self.window.addr(cfa.offset(-16)).ok()?;
        if sp.0 == 0 || self.runtime.images().find(return_pc).is_none() {
            return None;
        }
        self.stacks.g0.sp = before;
        self.push_known(image, lookup, self.registers.sp().offset(delta as i64 + 8));
        self.note_return(self.registers.sp().offset(delta as i64 + 8), return_pc);
        Some(self.go_to(return_pc, cfa, bp, true))
    }

    /// From the return of a signal handler to what the signal interrupted. SP is at the
    /// `ucontext_t` then.
    pub fn leave_signal(&mut self) -> Next {
        if self.stacks.signals_left == 0 {
            return Next::Broken("too many signal handlers".into());
        }
        self.stacks.signals_left -= 1;
        let gregs = self.registers.sp().offset(layout::UCONTEXT_GREGS);
        let mut words = [0; 18];
        for (word, index) in words.iter_mut().zip(0..) {
            match self.window.word(gregs.offset(8 * index)) {
                Ok(value) => *word = value,
                Err(fault) => return Next::Broken(format!("a signal frame: {fault}")),
            }
        }
        self.registers = Registers {
            r8: words[0],
            r9: words[1],
            r10: words[2],
            r11: words[3],
            r12: words[4],
            r13: words[5],
            r14: words[6],
            r15: words[7],
            rdi: words[8],
            rsi: words[9],
            rbp: words[10],
            rbx: words[11],
            rdx: words[12],
            rax: words[13],
            rcx: words[14],
            rsp: words[15],
            rip: words[16],
            rflags: words[17],
            ..self.registers
        };
        self.on_system_stack = !self.stacks.goroutine_contains(self.registers.sp());
        (self.is_exact, self.known) = (true, ALL);
        Next::Caller
    }

    /// From the vDSO to the function that asked for the time, and to its caller, of which
    /// alone the runtime takes note.
    pub fn leave_vdso(&mut self) -> Option<Next> {
        if self.stacks.vdso.1.0 != 0 {
            self.push_vdso_caller();
        }
        self.leave_for_vdso_caller()
    }

    /// Adds the frame of the function that called the vDSO. It is found by its return
    /// address on the thread's stack.
    fn push_vdso_caller(&mut self) {
        let sp = self.registers.sp();
        for offset in (0..VDSO_STACK_MAX).step_by(8) {
            let Ok(pc) = self.window.addr(sp.offset(offset)) else { return };
            let call = pc.offset(-1);
            let Some(image) = self.runtime.images().find(call) else { continue };
            let Some(id) = image.function_at(call) else { continue };
            if ASK_VDSO.contains(&image.binary.function(id).name) {
                let cfa = self.stacks.vdso.1;
                self.registers = registers_at(pc, sp.offset(offset + 8), Addr(0));
                (self.is_exact, self.known) = (false, FEW);
                // The frame is where it was called from; only its SP has gone elsewhere.
                self.on_system_stack = !self.stacks.goroutine_contains(cfa);
                return self.push_known(image, call, cfa);
            }
        }
    }

    fn leave_for_vdso_caller(&mut self) -> Option<Next> {
        let (pc, sp) = std::mem::take(&mut self.stacks.vdso);
        if sp.0 == 0 || self.runtime.images().find(pc).is_none() {
            return None;
        }
        let bp = self.window.addr(sp.offset(-16)).unwrap_or_default();
        let on_system_stack = !self.stacks.goroutine_contains(sp);
        Some(self.go_to(pc, sp, bp, on_system_stack))
    }

    /// `runtime.nanotime1` and `walltime` move SP to g0 to call the vDSO: while it is
    /// there, the size of their frames says nothing.
    fn leave_nanotime(&mut self, image: &Image, lookup: Addr) -> Option<Next> {
        if self.stacks.vdso.1.0 == 0 || !self.on_system_stack {
            return None;
        }
        let id = image.function_at(lookup)?;
        if !ASK_VDSO.contains(&image.binary.function(id).name) {
            return None;
        }
        let cfa = self.stacks.vdso.1;
        self.on_system_stack = !self.stacks.goroutine_contains(cfa);
        self.push_known(image, lookup, cfa);
        self.leave_for_vdso_caller()
    }

    /// From code without rules, as that of a C library, to the nearest caller that is
    /// known: C code of the program, or the `asmcgocall` that called C. It is found by its
    /// return address on the thread's stack.
    pub fn leave_c(&mut self) -> Option<Next> {
        if !self.on_system_stack || self.stacks.goroutine.g.0 == 0 {
            return None;
        }
        let sp = self.registers.sp();
        for offset in (0..C_STACK_MAX).step_by(8) {
            let at = sp.offset(offset);
            let pc = self.window.addr(at).ok()?;
            let call = pc.offset(-1);
            let is_caller = match self.runtime.images().find(call) {
                Some(_) => self.runtime.function_name(call) == function::ASMCGOCALL,
                None => self.is_c_code(call) && self.is_behind_call(pc),
            };
            if is_caller {
                let bp = self.registers.bp();
                return Some(self.go_to(pc, at.offset(8), bp, true));
            }
        }
        None
    }

    fn is_c_code(&self, pc: Addr) -> bool {
        let mut images = self.runtime.images().iter();
        images.any(|it| it.binary.c_unwind(it.bias.stated(pc)).is_some())
    }

    /// Whether the instruction before `pc` is a call: `call rel32`, or `call r/m64` with
    /// an operand of one to six bytes (Intel SDM vol. 2, "CALL").
    fn is_behind_call(&self, pc: Addr) -> bool {
        let mut code = [0; 7];
        if self.window.memory().read(pc.offset(-7), &mut code).is_err() {
            return false;
        }
        let is_indirect = |at: usize| code[at] == 0xff && code[at + 1] & 0x38 == 0x10;
        code[2] == 0xe8 || (0..6).any(is_indirect)
    }
}
