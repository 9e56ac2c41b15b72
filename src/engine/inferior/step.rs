//! One instruction of one thread.

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::inferior::judge::{Hit, Judge, RunEnd, RunningView, Verdict};
use crate::engine::inferior::live::Live;
use crate::engine::inferior::remote::{SIGTRAP, Stepped};
use crate::engine::inferior::run::Causes;
use crate::engine::inferior::site::{Code, Owner};
use crate::engine::os::ptrace::Tid;
use iced_x86::Mnemonic;

/// The site behind a system call that is being stepped over; no user of the engine uses
/// this number.
const BEHIND_SYSCALL: Owner = Owner::Runtime(u32::MAX);

impl Live {
    /// Executes one instruction of one thread while the others stand still. An
    /// instruction that may wait for them (`syscall`) is run with all of them, which is
    /// why a judge is needed.
    ///
    /// Signals that arrive meanwhile are kept for the next run, but for faults of the
    /// instruction itself, which end in [`RunEnd::Signaled`].
    pub fn step_instruction(
        &mut self,
        tid: Tid,
        judge: &mut dyn Judge,
    ) -> Result<RunEnd> {
        let registers = self.registers(tid)?;
        let code = Code::read(&self.memory, registers.rip);
        if let Some(code) = code {
            if code.instruction.mnemonic() == Mnemonic::Syscall {
                return self.step_syscall(tid, code.instruction.next_ip(), judge);
            }
            if self.emulate(tid, &code.instruction, registers) {
                self.write_back(tid).map_err(|_| Error::ThreadGone { tid: tid.0 })?;
                self.set_arrived(tid)?;
                return Ok(RunEnd::Stepped { tid });
            }
        }
        self.step_natively(tid)
    }

    pub(super) fn step_natively(&mut self, tid: Tid) -> Result<RunEnd> {
        match self.step_without_site(tid) {
            Ok(Stepped::Done) => {
                self.make_harmless(&Causes::default());
                self.set_arrived(tid)?;
                Ok(RunEnd::Stepped { tid })
            }
            Ok(Stepped::Faulted(info)) if info.signal() == SIGTRAP => {
                // An int3 of the program's own.
                let pc = self.registers(tid)?.pc();
                Ok(RunEnd::Trapped { tid, pc, watch: None })
            }
            Ok(Stepped::Faulted(info)) => {
                let signal = info.signal();
                self.deliver(tid, info);
                Ok(RunEnd::Signaled { tid, signal })
            }
            Ok(Stepped::Gone) | Err(_) => Err(Error::ThreadGone { tid: tid.0 }),
        }
    }

    /// Runs all threads until `tid` has returned from its system call.
    fn step_syscall(
        &mut self,
        tid: Tid,
        behind: u64,
        judge: &mut dyn Judge,
    ) -> Result<RunEnd> {
        self.set_arrived(tid)?;
        self.place(Addr(behind), BEHIND_SYSCALL)?;
        let end = self.run(&mut Returned { tid, judge });
        let lifted =
            if self.is_gone() { Ok(()) } else { self.lift(Addr(behind), BEHIND_SYSCALL) };
        let end = end?;
        lifted?;
        match end {
            RunEnd::Stopped { mut hits } => {
                hits.retain(|it| *it != (tid, Addr(behind)));
                Ok(match hits.is_empty() {
                    true => RunEnd::Stepped { tid },
                    false => RunEnd::Stopped { hits },
                })
            }
            end => Ok(end),
        }
    }
}

/// Stops when a thread is behind its system call; leaves everything else to `judge`.
struct Returned<'a> {
    tid: Tid,
    judge: &'a mut dyn Judge,
}

impl Judge for Returned<'_> {
    fn hit(&mut self, hit: &mut Hit<'_>) -> Verdict {
        if !hit.owners.contains(&BEHIND_SYSCALL) {
            return self.judge.hit(hit);
        }
        if hit.tid == self.tid {
            return Verdict::Stop;
        }
        let others: Vec<Owner> =
            hit.owners.iter().copied().filter(|it| *it != BEHIND_SYSCALL).collect();
        if others.is_empty() {
            return Verdict::Resume;
        }
        let mut inner = Hit {
            tid: hit.tid,
            addr: hit.addr,
            owners: &others,
            registers: hit.registers,
            memory: hit.memory,
            watch: hit.watch,
            requests: Vec::new(),
        };
        let verdict = self.judge.hit(&mut inner);
        hit.requests = inner.requests;
        verdict
    }

    fn trapped(&mut self, trap: &mut Hit<'_>) -> Verdict {
        self.judge.trapped(trap)
    }

    fn woken(&mut self, live: &mut RunningView<'_>) -> Verdict {
        self.judge.woken(live)
    }

    fn signaled(&mut self, tid: Tid, signal: i32) -> Verdict {
        self.judge.signaled(tid, signal)
    }

    fn thread_started(&mut self, tid: Tid) {
        self.judge.thread_started(tid);
    }

    fn thread_exited(&mut self, tid: Tid) {
        self.judge.thread_exited(tid);
    }
}
