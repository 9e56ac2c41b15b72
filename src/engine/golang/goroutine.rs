//! Which goroutines are there, and what is each of them doing?
//!
//! Start reading at [`Runtime::goroutines`]; how the memory is read fast is in
//! [`allgs`](super::allgs).

use rustc_hash::FxHashMap;

use crate::engine::addr::Addr;
use crate::engine::error::Result;
use crate::engine::golang::layout::{self, Field, status};
use crate::engine::golang::threads::ThreadState;
use crate::engine::golang::{Runtime, Spot};
use crate::engine::memory::Memory;

/// A goroutine, as its `g` describes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Goroutine {
    /// Of its `g`.
    pub addr: Addr,
    /// Its place in `runtime.allgs`.
    pub index: u32,
    /// Nothing but `addr` and `index` is known: its `g` cannot be read.
    pub unreadable: bool,
    /// Started by the runtime for itself.
    pub system: bool,
    pub id: i64,
    /// One of [`layout::status`], without the scan bit.
    pub status: u32,
    /// Index into the runtime's texts; stale unless [`is_waiting`](Self::is_waiting).
    pub wait_reason: u8,
    /// `runtime.nanotime` when it began to wait, roughly; 0 if not known.
    pub wait_since: i64,
    /// The thread that runs it.
    pub thread: Option<i32>,
    /// Where it will go on, or of its thread if it has one.
    pub pc: Addr,
    pub sp: Addr,
    pub bp: Addr,
    /// The return address of its `go` statement.
    pub go_pc: Addr,
    /// The entry of its first function.
    pub start_pc: Addr,
    pub stack_lo: Addr,
    pub stack_hi: Addr,
    /// Of the profiler labels; zero if it has none.
    pub labels_addr: Addr,
    /// The goroutine that started it; 0 if not known (Go ≤ 1.20).
    pub parent_id: i64,
    pub ancestors_addr: Addr,
    pub m_addr: Addr,
    pub defer_addr: Addr,
    pub panic_addr: Addr,
    /// The first `sudog` it waits with; zero if it waits for no channel.
    pub waiting_addr: Addr,
}

impl Goroutine {
    /// Whether it waits for something, so that its wait reason says for what.
    pub fn is_waiting(&self) -> bool {
        matches!(self.status, status::WAITING | status::PREEMPTED | status::LEAKED)
    }

    /// Whether the program still has it: not a `g` kept for the next goroutine.
    pub fn is_alive(&self) -> bool {
        !matches!(self.status, status::IDLE | status::DEAD | status::DEAD_EXTRA)
    }

    /// Where it is: the innermost frame, of the runtime or not.
    pub fn spot(&self) -> Spot {
        Spot { pc: self.pc, lookup_pc: self.pc, inline_depth: 0 }
    }

    /// Its `go` statement.
    pub fn go_spot(&self) -> Spot {
        let lookup_pc = Addr(self.go_pc.0.saturating_sub(1));
        Spot { pc: self.go_pc, lookup_pc, inline_depth: 0 }
    }

    pub(super) fn place_on(&mut self, thread: &ThreadState) {
        self.thread = Some(thread.tid);
        self.pc = thread.registers.pc();
        self.sp = thread.registers.sp();
        self.bp = thread.registers.bp();
    }
}

/// The goroutines of a stopped program, in the order of `runtime.allgs`.
#[derive(Clone, Debug, Default)]
pub struct GoroutineTable {
    goroutines: Vec<Goroutine>,
    /// How many the runtime has a `g` for, dead ones included.
    pub allgs_len: usize,
    /// Why there are fewer than the program has.
    pub truncated: Option<String>,
}

impl GoroutineTable {
    pub fn as_slice(&self) -> &[Goroutine] {
        &self.goroutines
    }

    pub fn len(&self) -> usize {
        self.goroutines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.goroutines.is_empty()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Goroutine> {
        self.goroutines.iter()
    }

    pub fn by_id(&self, id: i64) -> Option<&Goroutine> {
        self.goroutines.iter().find(|it| it.id == id && !it.unreadable)
    }

    pub fn by_addr(&self, addr: Addr) -> Option<&Goroutine> {
        self.goroutines.iter().find(|it| it.addr == addr)
    }

    pub fn on_thread(&self, tid: i32) -> Option<&Goroutine> {
        self.goroutines.iter().find(|it| it.thread == Some(tid))
    }
}

impl Runtime {
    /// Reads all goroutines that are alive, and says which of them run on `threads`.
    ///
    /// An empty table if the runtime has not started yet. A `g` that cannot be read
    /// becomes a row that says so.
    pub fn goroutines(
        &self,
        mem: &dyn Memory,
        threads: &[ThreadState],
    ) -> Result<GoroutineTable> {
        let (pointers, truncated) = self.read_allgs(mem)?;
        let allgs_len = pointers.len();
        let mut goroutines = self.read_gs(mem, &pointers);
        goroutines.retain(Goroutine::is_alive);
        self.mark_system(mem, &mut goroutines);
        self.place_on_threads(mem, &mut goroutines, threads);
        Ok(GoroutineTable { goroutines, allgs_len, truncated })
    }

    /// Reads the goroutine whose `g` is at `addr`. It is not put on a thread.
    pub fn goroutine_at(&self, mem: &dyn Memory, addr: Addr) -> Option<Goroutine> {
        let mut found = self.read_gs(mem, &[addr]);
        self.mark_system(mem, &mut found);
        found.pop().filter(|it| !it.unreadable)
    }

    /// Says which goroutines the runtime started for itself, as
    /// `runtime.isSystemGoroutine` does.
    fn mark_system(&self, mem: &dyn Memory, goroutines: &mut [Goroutine]) {
        let mut known: FxHashMap<Addr, bool> = FxHashMap::default();
        let cleanups = self.layout().find_offset(Field::GRunningCleanups);
        for it in goroutines {
            it.system = *known
                .entry(it.start_pc)
                .or_insert_with(|| self.starts_system(mem, it.start_pc));
            if it.system && self.function_name(it.start_pc) == "runtime.runCleanups" {
                let mut running = [0];
                let at = it.addr.offset(cleanups.unwrap_or(0));
                let read = mem.read(at, &mut running).is_ok() && cleanups.is_some();
                it.system = !(read && running[0] != 0);
            }
        }
    }

    fn starts_system(&self, mem: &dyn Memory, start_pc: Addr) -> bool {
        match self.function_name(start_pc) {
            "runtime.main" | "runtime.handleAsyncEvent" | "runtime.corostart" => false,
            "runtime.runFinalizers" | "runtime.runfinq" => !self.runs_finalizer(mem),
            name => name.starts_with("runtime."),
        }
    }

    /// Whether the goroutine for finalizers is in one: then it is the user's.
    fn runs_finalizer(&self, mem: &dyn Memory) -> bool {
        let (status, running) = (self.globals().fing_status, self.globals().fing_running);
        let mut word = [0; 4];
        if let Some(at) = status {
            let ok = mem.read(at, &mut word).is_ok();
            return ok && u32::from_le_bytes(word) & layout::FING_RUNNING_FINALIZER != 0;
        }
        running.is_some_and(|at| mem.read(at, &mut word[..1]).is_ok() && word[0] != 0)
    }

    fn place_on_threads(
        &self,
        mem: &dyn Memory,
        goroutines: &mut [Goroutine],
        threads: &[ThreadState],
    ) {
        let mut thread_of: FxHashMap<Addr, &ThreadState> = FxHashMap::default();
        for (thread, found) in threads.iter().zip(self.thread_goroutines(mem, threads)) {
            if let Some(found) = found.filter(|it| it.curg.0 != 0) {
                thread_of.entry(found.curg).or_insert(thread);
            }
        }
        if thread_of.is_empty() {
            return;
        }
        for it in goroutines {
            if let Some(thread) = thread_of.get(&it.addr) {
                it.place_on(thread);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::golang::testing::{self, Program};

    fn check_list(program: &Program) {
        let Program { runtime, memory, .. } = program;
        let cases = [
            ("main.looping", "chan receive"),
            ("main.selecting", "select"),
            ("time.Sleep", "sleep"),
        ];
        for (function, reason) in cases {
            let it = program.goroutine_in(function);
            assert!(it.is_waiting() && !it.system, "{function}: {it:?}");
            assert_eq!(runtime.wait_reason_text(memory, it.wait_reason), reason);
            assert_eq!(it.parent_id, 1, "{function}");
            let started = runtime.locate(it.go_spot());
            assert_eq!(started.function.unwrap().name, "main.main");
        }
        let table = runtime.goroutines(memory, &[]).unwrap();
        assert!(table.iter().any(|it| it.system), "{table:?}");
        assert_eq!(table.by_id(1).map(|it| it.system), Some(false));
        let labelled = program.goroutine_in("main.coded");
        let labels = runtime.labels(memory, &labelled);
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(labels, [label("job", "7"), label("user", "ann")]);
    }

    #[test]
    fn goroutines_are_listed_with_what_they_wait_for() {
        check_list(&Program::start(testing::PARKED, &[]));
    }

    #[test]
    fn a_stripped_program_has_the_same_goroutines() {
        check_list(&Program::start(testing::PARKED, &["-ldflags=-s"]));
    }

    #[test]
    fn a_position_independent_program_has_the_same_goroutines() {
        check_list(&Program::start(testing::PARKED, &["-buildmode=pie"]));
    }
}
