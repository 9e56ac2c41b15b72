//! Where are the runtime's global variables?
//!
//! The symbol table says, or the DWARF. A stripped program (`-ldflags=-s`) has neither,
//! but its functions are still known by name from Go's line table, and the machine code
//! of a small function says which variables it uses: amd64 code names them relative to
//! RIP.

use std::collections::BTreeSet;

use iced_x86::{Decoder, DecoderOptions, Instruction};

use crate::engine::addr::{Addr, FileAddr};
use crate::engine::binary::{Binary, GoVersion};
use crate::engine::golang::Image;

/// The addresses of the variables we read; `None` for those that could not be found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Globals {
    /// `runtime.allgs`, a `[]*g`.
    pub allgs: Option<Addr>,
    /// `runtime.waitReasonStrings`, or what may be it, and how many strings it has at
    /// most: the second is "GC assist marking" in all versions.
    pub wait_reasons: Vec<(Addr, usize)>,
    /// `runtime.fingStatus` (Go ≥ 1.20).
    pub fing_status: Option<Addr>,
    /// `runtime.fingRunning` (Go 1.19).
    pub fing_running: Option<Addr>,
    /// `runtime.firstmoduledata`, or what may be it: the magic number that its first
    /// word points to tells.
    pub modules: Vec<Addr>,
}

/// Variables that are tried for one that is looked for.
const CANDIDATES_MAX: usize = 32;

/// Machine code decoded of a function, in bytes.
const CODE_MAX: usize = 4096;

impl Globals {
    pub fn find(image: &Image, version: GoVersion) -> Globals {
        let binary = &image.binary;
        let symbol = |name| binary.symbol(name);
        let addr = |name| symbol(name).map(|it| image.bias.loaded(it.addr));
        let fing = |exists: bool, name| exists.then(|| addr(name)).flatten();
        let loaded = |it: FileAddr| image.bias.loaded(it);
        Globals {
            allgs: addr("runtime.allgs").or_else(|| find_allgs(binary).map(loaded)),
            wait_reasons: match symbol("runtime.waitReasonStrings") {
                Some(it) => vec![(loaded(it.addr), (it.size / 16) as usize)],
                None => find_wait_reasons(binary).map(|it| (loaded(it), 0)).collect(),
            },
            // Only what there is: to find out that there is no such variable takes the
            // whole debug information.
            fing_status: fing(version.minor >= 20, "runtime.fingStatus"),
            fing_running: fing(version.minor < 20, "runtime.fingRunning"),
            modules: match addr("runtime.firstmoduledata") {
                Some(module) => vec![module],
                None => find_modules(binary).map(loaded).collect(),
            },
        }
    }
}

/// `runtime.allgadd` appends to the slice `allgs`: it is the one variable of which it uses
/// three words in a row.
fn find_allgs(binary: &Binary) -> Option<FileAddr> {
    let used = variables_used_by(binary, "runtime.allgadd");
    let is_slice =
        |it: &&FileAddr| used.contains(&it.offset(8)) && used.contains(&it.offset(16));
    used.iter().find(is_slice).copied()
}

/// `runtime.modulesinit` walks the list of modules, which begins at `firstmoduledata`.
fn find_modules(binary: &Binary) -> impl Iterator<Item = FileAddr> {
    let found = variables_used_by(binary, "runtime.modulesinit");
    found.into_iter().take(CANDIDATES_MAX)
}

/// The header of a goroutine in a traceback says why it waits.
fn find_wait_reasons(binary: &Binary) -> impl Iterator<Item = FileAddr> {
    let mut found = variables_used_by(binary, "runtime.waitReason.String");
    found.extend(variables_used_by(binary, "runtime.goroutineheader"));
    found.into_iter().take(CANDIDATES_MAX)
}

/// The addresses outside the program's code that a function's instructions refer to.
fn variables_used_by(binary: &Binary, function: &str) -> BTreeSet<FileAddr> {
    let mut used = BTreeSet::new();
    let text = binary.text_range();
    for id in binary.functions_named(function) {
        let function = binary.function(id);
        let len = function.end.0.saturating_sub(function.entry.0) as usize;
        let code = binary.loadable_bytes(function.entry, len.min(CODE_MAX));
        let Some(code) = code else { continue };
        let mut decoder =
            Decoder::with_ip(64, code, function.entry.0, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        while decoder.can_decode() {
            decoder.decode_out(&mut instruction);
            if instruction.is_ip_rel_memory_operand() {
                let at = FileAddr(instruction.ip_rel_memory_address());
                if !text.contains(&at) {
                    used.insert(at);
                }
            }
        }
    }
    used
}
