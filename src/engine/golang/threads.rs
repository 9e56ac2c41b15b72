//! Which goroutine is this thread on?
//!
//! A thread of a Go program (an M) runs on one of three stacks: a goroutine's, the
//! thread's own ("g0", where the scheduler and C code run), or the one for signals. Each
//! has a `g`, and the `g` in use is in thread-local storage, on amd64 usually just below
//! the FS base, and while Go code runs also in R14. From any of them, `g.m.curg` is the
//! goroutine that the thread belongs to.
//!
//! Neither place is always right: a new thread runs a few instructions with its parent's
//! FS base, C code uses R14 for itself. So what is found is checked against the M.

use crate::engine::addr::Addr;
use crate::engine::golang::Runtime;
use crate::engine::golang::goroutine::Goroutine;
use crate::engine::golang::layout::Field;
use crate::engine::memory::{Memory, ReadPart};
use crate::engine::registers::Registers;

/// A stopped thread.
#[derive(Clone, Copy, Debug)]
pub struct ThreadState {
    pub tid: i32,
    pub registers: Registers,
}

/// What a thread is to the Go runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadGoroutine {
    /// The `g` that is in use: of a goroutine, or of the thread's own stacks.
    pub g: Addr,
    pub m: Addr,
    pub g0: Addr,
    pub gsignal: Addr,
    /// The goroutine that the thread runs; zero if it has none at the moment.
    pub curg: Addr,
}

/// Where `g` is in thread-local storage, from the FS base, unless C code has
/// thread-local variables of its own in the executable.
const TLS_G: i64 = -8;

/// How many words below the FS base are searched for `g` then.
const TLS_WORDS_MAX: usize = 64;

impl ThreadGoroutine {
    /// Whether the thread is on a stack of its own, for the scheduler, C or signals.
    pub fn on_system_stack(&self) -> bool {
        self.g != self.curg
    }
}

impl Runtime {
    /// What each of `threads` is to the runtime; `None` for those that Go does not know.
    pub fn thread_goroutines(
        &self,
        mem: &dyn Memory,
        threads: &[ThreadState],
    ) -> Vec<Option<ThreadGoroutine>> {
        threads.iter().map(|it| self.thread_goroutine(mem, it)).collect()
    }

    /// What a thread is to the runtime.
    pub fn thread_goroutine(
        &self,
        mem: &dyn Memory,
        thread: &ThreadState,
    ) -> Option<ThreadGoroutine> {
        let registers = &thread.registers;
        let tls = Addr(registers.fs_base).offset(TLS_G);
        let in_tls = mem.read_word(tls).unwrap_or(0);
        let found = self.check_g(mem, Addr(in_tls), thread);
        found.or_else(|| self.check_g(mem, Addr(registers.r14), thread)).or_else(|| {
            let mut words = [0; 8 * TLS_WORDS_MAX];
            let from = Addr(registers.fs_base).offset(-(words.len() as i64));
            mem.read(from, &mut words).ok()?;
            let (words, _) = words.as_chunks::<8>();
            let mut words = words.iter().rev().map(|it| u64::from_le_bytes(*it));
            words.find_map(|it| self.check_g(mem, Addr(it), thread))
        })
    }

    /// Whether `g` is one of the thread's: its M must say so too.
    fn check_g(
        &self,
        mem: &dyn Memory,
        g: Addr,
        thread: &ThreadState,
    ) -> Option<ThreadGoroutine> {
        let layout = self.layout();
        let plausible = |at: Addr| at.0 >= 4096 && at.0.is_multiple_of(8);
        let word = |of: Addr, field| mem.read_word(of.offset(layout.offset(field))).ok();
        let m = plausible(g).then(|| word(g, Field::GM))??;
        let m = Some(Addr(m)).filter(|it| plausible(*it))?;
        let found = ThreadGoroutine {
            g,
            m,
            g0: Addr(word(m, Field::MG0)?),
            gsignal: Addr(word(m, Field::MGsignal)?),
            curg: Addr(word(m, Field::MCurg)?),
        };
        if ![found.g0, found.gsignal, found.curg].contains(&g) {
            return None;
        }
        // A new thread may still have its parent's `g`. But a thread in a container has
        // another id there, and one that C made has none before it calls Go.
        let procid = word(m, Field::MProcId)?;
        let on_stack = || {
            let (lo, hi) = (word(g, Field::GStackLo), word(g, Field::GStackHi));
            let sp = thread.registers.rsp;
            lo.is_some_and(|lo| lo <= sp) && hi.is_some_and(|hi| sp <= hi)
        };
        (procid == 0 || procid == thread.tid as u64 || on_stack()).then_some(found)
    }

    /// The goroutine that a thread runs, also while the thread is on its own stack.
    pub fn goroutine_on(
        &self,
        mem: &dyn Memory,
        thread: &ThreadState,
    ) -> Option<Goroutine> {
        let found = self.thread_goroutine(mem, thread)?;
        if found.curg.0 == 0 {
            return None;
        }
        let mut goroutine = self.goroutine_at(mem, found.curg)?;
        goroutine.place_on(thread);
        Some(goroutine)
    }

    /// The id of the goroutine that runs with these registers: for conditions of
    /// breakpoints in Go code. Where thread-local storage and R14 agree, as they do there,
    /// it takes one call of `read_many`.
    pub fn goroutine_id_fast(
        &self,
        mem: &dyn Memory,
        registers: &Registers,
    ) -> Option<i64> {
        let (mut g, mut id) = ([0; 8], [0; 8]);
        let tls = Addr(registers.fs_base).offset(TLS_G);
        let at_id = self.layout().offset(Field::GId);
        let mut parts = [
            ReadPart { addr: tls, buf: &mut g, ok: false },
            ReadPart { addr: Addr(registers.r14).offset(at_id), buf: &mut id, ok: false },
        ];
        mem.read_many(&mut parts);
        let is_read = parts.iter().all(|it| it.ok);
        let id = i64::from_le_bytes(id);
        if is_read && u64::from_le_bytes(g) == registers.r14 && id > 0 {
            return Some(id);
        }
        // On a stack of the thread, or in C code.
        let thread = ThreadState { tid: 0, registers: *registers };
        let curg = self.thread_goroutine(mem, &thread)?.curg;
        let id = mem.read_word(curg.offset(at_id)).ok()? as i64;
        (id > 0).then_some(id)
    }
}
