//! Where are the fields of the runtime's structs? Everything that tinydbg depends on in
//! the Go runtime's memory is in this file.
//!
//! Offsets come from the program's own DWARF. [`FIELDS`] says what to look for, and has
//! the offsets of each release for programs without DWARF (`-ldflags=-s`). A test compares
//! the two. The structs are in `$GOROOT/src/runtime/runtime2.go` unless said otherwise.

use crate::engine::binary::{Binary, GoType, GoVersion, TypeKind};
use std::sync::Arc;

/// The oldest Go release whose runtime we know.
pub const OLDEST: GoVersion = GoVersion { major: 1, minor: 19 };

/// The newest Go release whose runtime we know; taken for programs that do not say.
pub const NEWEST: GoVersion = GoVersion { major: 1, minor: 27 };

/// The states of a goroutine: `g.atomicstatus` (`_Gidle` and so on).
pub mod status {
    pub const IDLE: u32 = 0;
    pub const RUNNABLE: u32 = 1;
    pub const RUNNING: u32 = 2;
    pub const SYSCALL: u32 = 3;
    pub const WAITING: u32 = 4;
    pub const DEAD: u32 = 6;
    /// The stack is being moved: it must not be unwound.
    pub const COPYSTACK: u32 = 8;
    pub const PREEMPTED: u32 = 9;
    /// Go ≥ 1.26: waits for something that nobody can give it any more.
    pub const LEAKED: u32 = 10;
    /// Go ≥ 1.26: made in advance for a thread of C, not in use.
    pub const DEAD_EXTRA: u32 = 11;
    /// Added while the garbage collector scans the stack (`_Gscan`).
    pub const SCAN: u32 = 0x1000;
}

/// Functions of the runtime that mean something to an unwinder, by name.
pub mod function {
    pub const GOEXIT: &str = "runtime.goexit";
    pub const MCALL: &str = "runtime.mcall";
    pub const MSTART: &str = "runtime.mstart";
    pub const SYSTEMSTACK: &str = "runtime.systemstack";
    pub const SYSTEMSTACK_SWITCH: &str = "runtime.systemstack_switch";
    pub const NEWSTACK: &str = "runtime.newstack";
    pub const MORESTACK: &str = "runtime.morestack";
    pub const ASMCGOCALL: &str = "runtime.asmcgocall";
    pub const CGOCALLBACK: &str = "runtime.cgocallback";
    pub const SIGTRAMP: &str = "runtime.sigtramp";
    pub const CRASH_STACK: &str = "runtime.switchToCrashStack0";

    /// These seem to be called by the function that was interrupted: what looks like a
    /// return address is the PC itself (`unwinder.next` in `runtime/traceback.go`).
    pub const INTERRUPTERS: &[&str] =
        &["runtime.sigpanic", "runtime.asyncPreempt", "runtime.debugCallV2"];

    /// Return to the kernel from a signal handler; the older names are of Go ≤ 1.20.
    pub const SIGRETURN: &[&str] = &["runtime.sigreturn__sigaction", "runtime.sigreturn"];
}

/// `mov rax, SYS_rt_sigreturn; syscall`: how Go and the C libraries alike return from a
/// signal handler, and how to tell a signal frame without a name.
pub const SIGRETURN_CODE: [u8; 9] = [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05];

/// Where `gregs` begins in `ucontext_t` (`sys/ucontext.h`), in bytes.
pub const UCONTEXT_GREGS: i64 = 40;

/// `FUNCDATA_OpenCodedDeferInfo` in `internal/abi/symtab.go`.
pub const FUNCDATA_OPEN_CODED_DEFER_INFO: u32 = 4;

/// `fingRunningFinalizer` in `runtime/mfinal.go`; Go 1.19 has the variable `fingRunning`.
pub const FING_RUNNING_FINALIZER: u32 = 2;

/// Fields of `abi.Type` and its tails: the same in all versions, so not looked up.
pub mod abi_type {
    pub const SIZE: usize = 0;
    pub const TFLAG: usize = 20;
    pub const KIND: usize = 23;
    pub const STR: usize = 40;
    /// Bytes of the part that all types have.
    pub const LEN: usize = 48;
    pub const KIND_MASK: u8 = 0x1f;
    /// In `kind`, Go ≤ 1.25: the value is in the interface itself (`KindDirectIface`).
    pub const KIND_DIRECT: u8 = 0x20;
    /// In `tflag`, Go ≥ 1.26: the same (`TFlagDirectIface`).
    pub const TFLAG_DIRECT: u8 = 0x20;
    /// The name has a `*` too many in front (`TFlagExtraStar`).
    pub const TFLAG_EXTRA_STAR: u8 = 2;
    /// `itab.Type`, behind `itab.Inter`.
    pub const ITAB_TYPE: i64 = 8;
}

macro_rules! fields {
    ($($name:ident : $of:literal . $path:literal [$($from:literal => $offset:expr),*];)*) => {
        /// A field of a struct of the runtime.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Field { $($name),* }

        /// The struct and path of every [`Field`], with its offset from the release named
        /// on: `OFF` where there is no such field.
        pub const FIELDS: &[FieldRow] = &[
            $(FieldRow {
                field: Field::$name,
                of: $of,
                path: $path,
                offsets: &[$(($from, $offset)),*],
            }),*
        ];
    };
}

/// No such field in that release.
const OFF: u16 = u16::MAX;

/// A row of [`FIELDS`].
#[derive(Debug)]
pub struct FieldRow {
    pub field: Field,
    pub of: &'static str,
    pub path: &'static str,
    /// Minor version of Go, and the offset from that version on.
    pub offsets: &'static [(u32, u16)],
}

fields! {
    GStackLo: "runtime.g"."stack.lo" [19 => 0];
    GStackHi: "runtime.g"."stack.hi" [19 => 8];
    GPanic: "runtime.g"."_panic" [19 => 32];
    GDefer: "runtime.g"."_defer" [19 => 40];
    GM: "runtime.g"."m" [19 => 48];
    GSchedSp: "runtime.g"."sched.sp" [19 => 56];
    GSchedPc: "runtime.g"."sched.pc" [19 => 64];
    GSchedBp: "runtime.g"."sched.bp" [19 => 104, 25 => 96];
    GSyscallSp: "runtime.g"."syscallsp" [19 => 112, 25 => 104];
    GSyscallPc: "runtime.g"."syscallpc" [19 => 120, 25 => 112];
    GSyscallBp: "runtime.g"."syscallbp" [19 => OFF, 23 => 128, 25 => 120];
    GParam: "runtime.g"."param" [19 => 136, 23 => 144, 25 => 136];
    GStatus: "runtime.g"."atomicstatus" [19 => 144, 23 => 152, 25 => 144];
    GId: "runtime.g"."goid" [19 => 152, 23 => 160, 25 => 152];
    GWaitSince: "runtime.g"."waitsince" [19 => 168, 23 => 176, 25 => 168];
    GWaitReason: "runtime.g"."waitreason" [19 => 176, 23 => 184, 25 => 176];
    GLockedM: "runtime.g"."lockedm" [19 => 232, 21 => 208, 23 => 216, 25 => 208];
    GParentId: "runtime.g"."parentGoid"
        [19 => OFF, 21 => 272, 23 => 280, 25 => 272, 26 => 280];
    GGoPc: "runtime.g"."gopc" [19 => 296, 21 => 280, 23 => 288, 25 => 280, 26 => 288];
    GAncestors: "runtime.g"."ancestors"
        [19 => 304, 21 => 288, 23 => 296, 25 => 288, 26 => 296];
    GStartPc: "runtime.g"."startpc"
        [19 => 312, 21 => 296, 23 => 304, 25 => 296, 26 => 304];
    GWaiting: "runtime.g"."waiting"
        [19 => 328, 21 => 312, 23 => 320, 25 => 312, 26 => 320];
    GLabels: "runtime.g"."labels" [19 => 360, 21 => 344, 23 => 352, 25 => 344, 26 => 352];
    GRunningCleanups: "runtime.g"."runningCleanups" [19 => OFF, 25 => 218, 26 => 220];

    MG0: "runtime.m"."g0" [19 => 0];
    MProcId: "runtime.m"."procid" [19 => 72, 25 => 64];
    MGsignal: "runtime.m"."gsignal" [19 => 80, 25 => 72];
    MCurg: "runtime.m"."curg" [19 => 192, 25 => 184];
    MVdsoSp: "runtime.m"."vdsoSP"
        [19 => 800, 21 => 808, 22 => 1120, 23 => 880, 24 => 904, 25 => 896];
    MVdsoPc: "runtime.m"."vdsoPC"
        [19 => 808, 21 => 816, 22 => 1128, 23 => 888, 24 => 912, 25 => 904];

    DeferHeap: "runtime._defer"."heap" [19 => 1, 22 => 0];
    DeferOpen: "runtime._defer"."openDefer" [19 => 2, 22 => OFF];
    DeferRangefunc: "runtime._defer"."rangefunc" [19 => OFF, 22 => 1];
    DeferSp: "runtime._defer"."sp" [19 => 8];
    DeferPc: "runtime._defer"."pc" [19 => 16];
    DeferFn: "runtime._defer"."fn" [19 => 24];
    DeferLink: "runtime._defer"."link" [19 => 40, 22 => 32];
    DeferHead: "runtime._defer"."head" [19 => OFF, 22 => 40];

    PanicArg: "runtime._panic"."arg" [19 => 8, 26 => 0];
    PanicLink: "runtime._panic"."link" [19 => 24, 26 => 16];
    PanicRecovered: "runtime._panic"."recovered" [19 => 48, 22 => 96, 26 => 88];
    PanicGoexit: "runtime._panic"."goexit" [19 => 50, 22 => 97, 25 => 98, 26 => 90];

    SudogG: "runtime.sudog"."g" [19 => 0];
    SudogNext: "runtime.sudog"."next" [19 => 8];

    RecvFirst: "runtime.hchan"."recvq.first" [19 => 56, 23 => 64];
    SendFirst: "runtime.hchan"."sendq.first" [19 => 72, 23 => 80];

    AncestorPcs: "runtime.ancestorInfo"."pcs" [19 => 0];
    AncestorId: "runtime.ancestorInfo"."goid" [19 => 24];
    AncestorGoPc: "runtime.ancestorInfo"."gopc" [19 => 32];

    ModuleTypes: "runtime.moduledata"."types" [19 => 280, 20 => 296];
    ModuleEtypes: "runtime.moduledata"."etypes" [19 => 288, 20 => 304, 27 => 312];
    ModuleNext: "runtime.moduledata"."next"
        [19 => 544, 20 => 560, 21 => 584, 23 => 576, 26 => 584, 27 => 560];
}

/// The offsets of all [`FIELDS`] in one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    offsets: Vec<u16>,
}

impl Layout {
    /// What [`FIELDS`] says of a release that it is known to be right for; else asks the
    /// binary's DWARF, which on a large binary takes longer than everything else that the
    /// first look at a process needs.
    pub fn find(binary: &Binary, version: GoVersion) -> Layout {
        let known = Layout::of_version(version);
        if is_plain_release(&binary.build_info().go_version, version) {
            return known;
        }
        Layout::of_dwarf(binary, &known).unwrap_or(known)
    }

    /// What the binary's DWARF says, and `known` for the structs that it leaves out;
    /// `None` if it does not even have `runtime.g`.
    fn of_dwarf(binary: &Binary, known: &Layout) -> Option<Layout> {
        if !binary.has_dwarf() {
            return None;
        }
        binary.struct_layout("runtime.g")?;
        let offsets = FIELDS.iter().zip(&known.offsets).map(|(row, &known)| match binary
            .struct_layout(row.of)
        {
            Some(of) => field_offset(binary, &of, row.path).unwrap_or(OFF),
            None => known,
        });
        Some(Layout { offsets: offsets.collect() })
    }

    /// What [`FIELDS`] says of a release.
    pub fn of_version(version: GoVersion) -> Layout {
        let minor = if version.major == 1 { version.minor } else { NEWEST.minor };
        let offset_in = |row: &FieldRow| {
            let found = row.offsets.iter().rev().find(|it| it.0 <= minor);
            found.or(row.offsets.first()).map_or(OFF, |it| it.1)
        };
        Layout { offsets: FIELDS.iter().map(offset_in).collect() }
    }

    /// The offset of a field in bytes; `None` if this Go has no such field.
    pub fn find_offset(&self, field: Field) -> Option<i64> {
        let offset = self.offsets.get(field as usize).copied().unwrap_or(OFF);
        (offset != OFF).then_some(i64::from(offset))
    }

    /// The offset of a field that every Go has. Should one lack it after all, the offset
    /// is of the last word that a struct could have: what is read there is not believed.
    pub fn offset(&self, field: Field) -> i64 {
        self.find_offset(field).unwrap_or(i64::from(OFF - 7))
    }
}

/// Whether a toolchain calls itself a release whose layout [`FIELDS`] was checked for, and
/// not a development version or one with experiments: `go1.26.8`, not
/// `go1.26.8-X:nodwarf5`.
fn is_plain_release(name: &str, version: GoVersion) -> bool {
    let plain = name
        .strip_prefix("go1.")
        .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
    plain && version.major == 1 && (OLDEST.minor..=NEWEST.minor).contains(&version.minor)
}

/// The offset of a field of `of`, by its name, or by names joined with dots.
fn field_offset(binary: &Binary, of: &Arc<GoType>, path: &str) -> Option<u16> {
    let mut of = Arc::clone(of);
    let mut offset = 0;
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let field = of.field(name)?;
        offset += field.offset;
        if names.peek().is_some() {
            let ty = field.ty;
            of = underlying(binary, binary.type_of(ty));
        }
    }
    u16::try_from(offset).ok()
}

/// How many names for names of types are followed.
const NAMED_HOPS_MAX: usize = 16;

fn underlying(binary: &Binary, mut ty: Arc<GoType>) -> Arc<GoType> {
    for _ in 0..NAMED_HOPS_MAX {
        let TypeKind::Named { underlying } = ty.kind else { break };
        ty = binary.type_of(underlying);
    }
    ty
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::golang::testing;

    #[test]
    fn rows_are_in_the_order_of_the_enum_and_of_the_releases() {
        for (row, index) in FIELDS.iter().zip(0..) {
            assert_eq!(row.field as usize, index, "{row:?}");
            assert!(row.offsets.is_sorted_by_key(|it| it.0), "{row:?}");
            assert_eq!(row.offsets.first().map(|it| it.0), Some(OLDEST.minor), "{row:?}");
        }
    }

    #[test]
    fn the_table_says_what_the_debug_information_says() {
        let binary = testing::open(testing::PARKED, &[]);
        let version = binary.go_version().unwrap();
        let of_dwarf = Layout::of_dwarf(&binary, &Layout::of_version(OLDEST));
        assert_eq!(of_dwarf, Some(Layout::of_version(version)));
    }

    /// The oldest release, the last with old maps, the first with new ones, the newest;
    /// with `TINYDBG_ALL_GO=1` those between them too.
    #[test]
    fn the_table_is_right_for_every_release() {
        const SOURCE: &str = r#"package main

func main() {
	c := make(chan int, 1)
	defer func() { println(recover() != nil) }()
	select {
	case c <- 1:
		panic(<-c)
	case <-c:
	}
}
"#;
        let mut toolchains = vec!["go1.19.13", "go1.23.12", "go1.24.13", "go1.27.0"];
        if std::env::var_os("TINYDBG_ALL_GO").is_some() {
            toolchains.extend(["go1.20.14", "go1.21.13", "go1.22.12", "go1.25.5"]);
        }
        for toolchain in toolchains {
            let binary = testing::open_built_by(toolchain, SOURCE);
            let of_version = Layout::of_version(binary.go_version().unwrap());
            let of_dwarf =
                Layout::of_dwarf(&binary, &Layout::of_version(OLDEST)).unwrap();
            for row in FIELDS {
                let (said, is) =
                    (of_version.find_offset(row.field), of_dwarf.find_offset(row.field));
                assert_eq!(said, is, "{toolchain}: {:?}", row.field);
            }
        }
    }

    #[test]
    fn an_unknown_release_is_taken_for_the_newest() {
        let newer = GoVersion { major: 1, minor: 99 };
        assert_eq!(Layout::of_version(newer), Layout::of_version(NEWEST));
    }
}
