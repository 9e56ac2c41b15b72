//! The amd64 registers of a thread, by their kernel, DWARF and assembler names.

use crate::engine::addr::Addr;

/// The general registers, as `struct user_regs_struct` has them (`sys/user.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    /// The number of the system call the thread is in, or -1.
    pub orig_rax: u64,
    pub rip: u64,
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
    pub fs_base: u64,
    pub gs_base: u64,
    pub ds: u64,
    pub es: u64,
    pub fs: u64,
    pub gs: u64,
}

impl Registers {
    pub fn pc(&self) -> Addr {
        Addr(self.rip)
    }

    pub fn sp(&self) -> Addr {
        Addr(self.rsp)
    }

    pub fn bp(&self) -> Addr {
        Addr(self.rbp)
    }

    /// The register that DWARF calls `number` (System V ABI amd64, figure 3.36).
    pub fn by_dwarf(&self, number: u16) -> Option<u64> {
        Some(match number {
            0 => self.rax,
            1 => self.rdx,
            2 => self.rcx,
            3 => self.rbx,
            4 => self.rsi,
            5 => self.rdi,
            6 => self.rbp,
            7 => self.rsp,
            8 => self.r8,
            9 => self.r9,
            10 => self.r10,
            11 => self.r11,
            12 => self.r12,
            13 => self.r13,
            14 => self.r14,
            15 => self.r15,
            16 => self.rip,
            _ => return None,
        })
    }

    /// Sets the register that DWARF calls `number`; `false` if there is none.
    pub fn set_by_dwarf(&mut self, number: u16, value: u64) -> bool {
        let register = match number {
            0 => &mut self.rax,
            1 => &mut self.rdx,
            2 => &mut self.rcx,
            3 => &mut self.rbx,
            4 => &mut self.rsi,
            5 => &mut self.rdi,
            6 => &mut self.rbp,
            7 => &mut self.rsp,
            8 => &mut self.r8,
            9 => &mut self.r9,
            10 => &mut self.r10,
            11 => &mut self.r11,
            12 => &mut self.r12,
            13 => &mut self.r13,
            14 => &mut self.r14,
            15 => &mut self.r15,
            16 => &mut self.rip,
            _ => return false,
        };
        *register = value;
        true
    }

    /// The register that assembler calls `name`, in capitals.
    pub fn by_name(&self, name: &str) -> Option<u64> {
        let mut copy = *self;
        copy.field(name).map(|it| *it)
    }

    /// Sets a register by its name in capitals; `false` if there is none.
    pub fn set_by_name(&mut self, name: &str, value: u64) -> bool {
        match self.field(name) {
            Some(field) => {
                *field = value;
                true
            }
            None => false,
        }
    }

    fn field(&mut self, name: &str) -> Option<&mut u64> {
        Some(match name {
            "R15" => &mut self.r15,
            "R14" => &mut self.r14,
            "R13" => &mut self.r13,
            "R12" => &mut self.r12,
            "RBP" => &mut self.rbp,
            "RBX" => &mut self.rbx,
            "R11" => &mut self.r11,
            "R10" => &mut self.r10,
            "R9" => &mut self.r9,
            "R8" => &mut self.r8,
            "RAX" => &mut self.rax,
            "RCX" => &mut self.rcx,
            "RDX" => &mut self.rdx,
            "RSI" => &mut self.rsi,
            "RDI" => &mut self.rdi,
            "ORIG_RAX" => &mut self.orig_rax,
            "RIP" => &mut self.rip,
            "CS" => &mut self.cs,
            "RFLAGS" => &mut self.rflags,
            "RSP" => &mut self.rsp,
            "SS" => &mut self.ss,
            "FS_BASE" => &mut self.fs_base,
            "GS_BASE" => &mut self.gs_base,
            "DS" => &mut self.ds,
            "ES" => &mut self.es,
            "FS" => &mut self.fs,
            "GS" => &mut self.gs,
            _ => return None,
        })
    }
}

/// The names of the registers that DWARF numbers from 0 on (System V ABI amd64,
/// figure 3.36); 16 is the return address, which is where a frame is.
pub const DWARF_NAMES: [&str; 17] = [
    "RAX", "RDX", "RCX", "RBX", "RSI", "RDI", "RBP", "RSP", "R8", "R9", "R10", "R11",
    "R12", "R13", "R14", "R15", "RIP",
];
