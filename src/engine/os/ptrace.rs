//! The ptrace requests, one safe function each.
//!
//! This is the only module that calls `ptrace(2)`. Every function takes a [`Tracer`], so
//! none can be called from the wrong thread.
//!
//! All of them answer `ESRCH` when the tracee is gone, or is not stopped, which for a
//! tracee that was stopped a moment ago means that it has been killed.
#![allow(unsafe_code, reason = "ptrace(2) takes pointers; see each SAFETY")]

use crate::engine::registers::Registers;
use std::fmt;
use std::io;
use std::marker::PhantomData;

/// A thread of the inferior, by its kernel id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tid(pub i32);

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Proof that the running thread is the tracer.
///
/// The kernel takes ptrace requests for a tracee from one thread only, the one that
/// attached to it or forked it, and answers `ESRCH` to any other. A `Tracer` is made on
/// that thread and cannot leave it: it is neither `Send` nor `Clone`.
#[derive(Debug)]
pub struct Tracer(PhantomData<*const ()>);

impl Tracer {
    /// Makes the calling thread the tracer of what it will attach to or launch.
    pub fn for_this_thread() -> Tracer {
        Tracer(PhantomData)
    }
}

/// What a tracee reports from the moment it is seized, and its descendants after it.
const OPTIONS: i32 = libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACEVFORKDONE
    | libc::PTRACE_O_TRACEEXEC;

/// What becomes of tracees when the tracer dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orphans {
    RunOn,
    /// They are killed (`PTRACE_O_EXITKILL`).
    Die,
}

impl Orphans {
    fn options(self) -> i32 {
        match self {
            Orphans::RunOn => OPTIONS,
            Orphans::Die => OPTIONS | libc::PTRACE_O_EXITKILL,
        }
    }
}

/// Traces `tid` from now on, without stopping it (`PTRACE_SEIZE`).
pub fn seize(_: &Tracer, tid: Tid, orphans: Orphans) -> io::Result<()> {
    request(libc::PTRACE_SEIZE, tid, 0, orphans.options() as usize)
}

/// Has the filters of seccomp(2) not apply to a stopped tracee, or apply again. Needs
/// `CAP_SYS_ADMIN`, and a tracer that has no filters itself.
pub fn suspend_filters(
    _: &Tracer,
    tid: Tid,
    orphans: Orphans,
    suspended: bool,
) -> io::Result<()> {
    let more = if suspended { PTRACE_O_SUSPEND_SECCOMP } else { 0 };
    let options = (orphans.options() | more) as usize;
    request(libc::PTRACE_SETOPTIONS, tid, 0, options)
}

/// `libc` lacks it for this target (`linux/ptrace.h`).
const PTRACE_O_SUSPEND_SECCOMP: i32 = 1 << 21;

/// Has `tid` stop with an event, wherever it is (`PTRACE_INTERRUPT`). Not a signal:
/// nothing stays behind in the process if it stops for another reason first.
pub fn interrupt(_: &Tracer, tid: Tid) -> io::Result<()> {
    request(libc::PTRACE_INTERRUPT, tid, 0, 0)
}

/// Resumes `tid`. A `signal` other than 0 is delivered, if the stop was for a signal.
pub fn cont(_: &Tracer, tid: Tid, signal: i32) -> io::Result<()> {
    request(libc::PTRACE_CONT, tid, 0, signal as usize)
}

/// Resumes `tid` for one instruction.
pub fn single_step(_: &Tracer, tid: Tid, signal: i32) -> io::Result<()> {
    request(libc::PTRACE_SINGLESTEP, tid, 0, signal as usize)
}

/// Leaves `tid` stopped as the process is (group-stop), but waiting for SIGCONT
/// (`PTRACE_LISTEN`).
pub fn listen(_: &Tracer, tid: Tid) -> io::Result<()> {
    request(libc::PTRACE_LISTEN, tid, 0, 0)
}

/// Lets go of a stopped tracee, delivering `signal` unless it is 0.
pub fn detach(_: &Tracer, tid: Tid, signal: i32) -> io::Result<()> {
    request(libc::PTRACE_DETACH, tid, 0, signal as usize)
}

/// The number that came with the last event: a new tid, the former tid.
pub fn event_message(_: &Tracer, tid: Tid) -> io::Result<u64> {
    let mut message: libc::c_ulong = 0;
    // SAFETY: the kernel stores one unsigned long through the pointer and keeps it not.
    unsafe { raw(libc::PTRACE_GETEVENTMSG, tid, 0, (&raw mut message) as usize) }?;
    Ok(message)
}

/// The general registers of a stopped tracee.
pub fn registers(_: &Tracer, tid: Tid) -> io::Result<Registers> {
    // SAFETY: a structure of integers, for which all zeroes is a value.
    let mut regs: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel stores one `user_regs_struct` through the pointer.
    unsafe { raw(libc::PTRACE_GETREGS, tid, 0, (&raw mut regs) as usize) }?;
    Ok(from_kernel(&regs))
}

pub fn set_registers(_: &Tracer, tid: Tid, registers: &Registers) -> io::Result<()> {
    let regs = to_kernel(registers);
    // SAFETY: the kernel reads one `user_regs_struct` through the pointer.
    unsafe { raw(libc::PTRACE_SETREGS, tid, 0, (&raw const regs) as usize) }?;
    Ok(())
}

/// Where the program counter is in `struct user` (`sys/user.h`).
const USER_RIP: usize = std::mem::offset_of!(libc::user, regs)
    + std::mem::offset_of!(libc::user_regs_struct, rip);

/// The program counter alone; half the price of all registers.
pub fn program_counter(_: &Tracer, tid: Tid) -> io::Result<u64> {
    peek_user(tid, USER_RIP)
}

pub fn set_program_counter(_: &Tracer, tid: Tid, pc: u64) -> io::Result<()> {
    request(libc::PTRACE_POKEUSER, tid, USER_RIP, pc as usize)
}

/// A debug register of a tracee (Intel SDM vol. 3, §19.2).
pub fn debug_register(_: &Tracer, tid: Tid, index: usize) -> io::Result<u64> {
    peek_user(tid, debug_register_offset(index))
}

pub fn set_debug_register(
    _: &Tracer,
    tid: Tid,
    index: usize,
    value: u64,
) -> io::Result<()> {
    request(libc::PTRACE_POKEUSER, tid, debug_register_offset(index), value as usize)
}

fn debug_register_offset(index: usize) -> usize {
    std::mem::offset_of!(libc::user, u_debugreg) + 8 * index
}

/// Reads a word of `struct user`. The C library returns the word itself, so that only
/// `errno` can tell an error from a word of ones.
fn peek_user(tid: Tid, offset: usize) -> io::Result<u64> {
    nix::errno::Errno::clear();
    // SAFETY: the C library passes a pointer of its own for the answer.
    let word = unsafe { libc::ptrace(libc::PTRACE_PEEKUSER, tid.0, offset, 0) };
    let failed = word == -1 && nix::errno::Errno::last_raw() != 0;
    if failed { Err(io::Error::last_os_error()) } else { Ok(word as u64) }
}

/// The register set to ask for; `libc` lacks it (`linux/include/uapi/linux/elf.h`).
const NT_X86_XSTATE: usize = 0x202;

/// The size of the largest XSAVE area Linux hands out today, in bytes, with room.
const XSAVE_AREA_MAX: usize = 16 * 1024;

/// The floating-point and vector registers of a stopped tracee, as the raw XSAVE area
/// (Intel SDM vol. 1, §13.4; `NT_X86_XSTATE` in ptrace(2)).
pub fn xsave_area(_: &Tracer, tid: Tid) -> io::Result<Vec<u8>> {
    let mut area = vec![0; XSAVE_AREA_MAX];
    let mut iov = libc::iovec { iov_base: area.as_mut_ptr().cast(), iov_len: area.len() };
    let iov_at = (&raw mut iov) as usize;
    // SAFETY: the kernel writes at most `iov_len` bytes at `iov_base`, which is all of
    // `area`, then stores in `iov_len` how many it wrote. Both outlive the call.
    unsafe { raw(libc::PTRACE_GETREGSET, tid, NT_X86_XSTATE, iov_at) }?;
    area.truncate(iov.iov_len);
    Ok(area)
}

pub fn set_xsave_area(_: &Tracer, tid: Tid, area: &[u8]) -> io::Result<()> {
    let iov =
        libc::iovec { iov_base: area.as_ptr().cast_mut().cast(), iov_len: area.len() };
    let iov_at = (&raw const iov) as usize;
    // SAFETY: the kernel reads `iov_len` bytes at `iov_base`, which is all of `area`.
    unsafe { raw(libc::PTRACE_SETREGSET, tid, NT_X86_XSTATE, iov_at) }?;
    Ok(())
}

/// The set of signals that a tracee blocks, a bit for each, signal 1 being bit 0.
pub fn signal_mask(_: &Tracer, tid: Tid) -> io::Result<u64> {
    let mut mask = 0u64;
    let mask_at = (&raw mut mask) as usize;
    // SAFETY: the kernel stores a signal set of the 8 bytes announced.
    unsafe { raw(libc::PTRACE_GETSIGMASK, tid, 8, mask_at) }?;
    Ok(mask)
}

pub fn set_signal_mask(_: &Tracer, tid: Tid, mask: u64) -> io::Result<()> {
    let mask_at = (&raw const mask) as usize;
    // SAFETY: the kernel reads a signal set of the 8 bytes announced.
    unsafe { raw(libc::PTRACE_SETSIGMASK, tid, 8, mask_at) }?;
    Ok(())
}

/// Everything the kernel tells about a signal (`siginfo_t`), kept as it came so that it
/// can be handed on.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub struct SignalInfo([u8; 128]);

impl SignalInfo {
    fn int(&self, at: usize) -> i32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.0[at..at + 4]);
        i32::from_le_bytes(bytes)
    }

    pub fn signal(&self) -> i32 {
        self.int(0)
    }

    /// `si_code`: who sent it, and why.
    pub fn code(&self) -> i32 {
        self.int(8)
    }

    /// `si_addr`, of a fault.
    pub fn fault_addr(&self) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.0[16..24]);
        u64::from_le_bytes(bytes)
    }

    pub fn set_fault_addr(&mut self, addr: u64) {
        self.0[16..24].copy_from_slice(&addr.to_le_bytes());
    }
}

impl fmt::Debug for SignalInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signal {} code {}", self.signal(), self.code())
    }
}

/// `si_code` of an `int3` (`force_sig` in the kernel's `do_int3`).
pub const SI_KERNEL: i32 = 0x80;
/// `si_code` of a single step.
pub const TRAP_TRACE: i32 = 2;
/// `si_code` of a debug register.
pub const TRAP_HWBKPT: i32 = 4;

/// Which signal a tracee is stopped for.
pub fn signal_info(_: &Tracer, tid: Tid) -> io::Result<SignalInfo> {
    let mut info = SignalInfo([0; 128]);
    // SAFETY: the kernel stores one `siginfo_t`, 128 bytes on amd64.
    unsafe { raw(libc::PTRACE_GETSIGINFO, tid, 0, (&raw mut info) as usize) }?;
    Ok(info)
}

/// Changes what will be told about the signal that is delivered when `tid` is resumed.
pub fn set_signal_info(_: &Tracer, tid: Tid, info: &SignalInfo) -> io::Result<()> {
    let info_at = std::ptr::from_ref(info) as usize;
    // SAFETY: the kernel reads one `siginfo_t`, 128 bytes on amd64.
    unsafe { raw(libc::PTRACE_SETSIGINFO, tid, 0, info_at) }?;
    Ok(())
}

/// How many pending signals are looked at; more than a thread has in practice, as
/// ordinary signals do not queue.
const PENDING_MAX: usize = 64;

/// `struct ptrace_peeksiginfo_args` (`linux/ptrace.h`).
#[repr(C)]
struct PeekSignals {
    offset: u64,
    flags: u32,
    count: i32,
}

/// Which signals are asked for: those that wait for one thread, or for any of its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    OfThread,
    OfProcess,
}

/// `PTRACE_PEEKSIGINFO_SHARED` (`linux/ptrace.h`).
const PEEK_SHARED: u32 = 1;

/// The signals that are waiting, oldest first.
pub fn pending_signals(
    _: &Tracer,
    tid: Tid,
    queue: Queue,
) -> io::Result<Vec<SignalInfo>> {
    let mut infos = vec![SignalInfo([0; 128]); PENDING_MAX];
    let flags = if queue == Queue::OfProcess { PEEK_SHARED } else { 0 };
    let args = PeekSignals { offset: 0, flags, count: PENDING_MAX as i32 };
    let args_at = (&raw const args) as usize;
    let infos_at = infos.as_mut_ptr() as usize;
    // SAFETY: the kernel reads `args` and stores at most `count` structures, for which
    // `infos` has room.
    let n = unsafe { raw(libc::PTRACE_PEEKSIGINFO, tid, args_at, infos_at) }?;
    infos.truncate(usize::try_from(n).unwrap_or(0));
    Ok(infos)
}

fn request(request: libc::c_uint, tid: Tid, addr: usize, data: usize) -> io::Result<()> {
    // SAFETY: the requests passed here take numbers, not pointers.
    unsafe { raw(request, tid, addr, data) }.map(drop)
}

/// # Safety
///
/// `addr` and `data` are what the request asks for; pointers among them are valid.
unsafe fn raw(
    request: libc::c_uint,
    tid: Tid,
    addr: usize,
    data: usize,
) -> io::Result<libc::c_long> {
    // SAFETY: by the contract of this function.
    let result = unsafe { libc::ptrace(request, tid.0, addr, data) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn from_kernel(regs: &libc::user_regs_struct) -> Registers {
    Registers {
        r15: regs.r15,
        r14: regs.r14,
        r13: regs.r13,
        r12: regs.r12,
        rbp: regs.rbp,
        rbx: regs.rbx,
        r11: regs.r11,
        r10: regs.r10,
        r9: regs.r9,
        r8: regs.r8,
        rax: regs.rax,
        rcx: regs.rcx,
        rdx: regs.rdx,
        rsi: regs.rsi,
        rdi: regs.rdi,
        orig_rax: regs.orig_rax,
        rip: regs.rip,
        cs: regs.cs,
        rflags: regs.eflags,
        rsp: regs.rsp,
        ss: regs.ss,
        fs_base: regs.fs_base,
        gs_base: regs.gs_base,
        ds: regs.ds,
        es: regs.es,
        fs: regs.fs,
        gs: regs.gs,
    }
}

fn to_kernel(registers: &Registers) -> libc::user_regs_struct {
    libc::user_regs_struct {
        r15: registers.r15,
        r14: registers.r14,
        r13: registers.r13,
        r12: registers.r12,
        rbp: registers.rbp,
        rbx: registers.rbx,
        r11: registers.r11,
        r10: registers.r10,
        r9: registers.r9,
        r8: registers.r8,
        rax: registers.rax,
        rcx: registers.rcx,
        rdx: registers.rdx,
        rsi: registers.rsi,
        rdi: registers.rdi,
        orig_rax: registers.orig_rax,
        rip: registers.rip,
        cs: registers.cs,
        eflags: registers.rflags,
        rsp: registers.rsp,
        ss: registers.ss,
        fs_base: registers.fs_base,
        gs_base: registers.gs_base,
        ds: registers.ds,
        es: registers.es,
        fs: registers.fs,
        gs: registers.gs,
    }
}
