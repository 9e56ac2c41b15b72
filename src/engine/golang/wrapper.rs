//! Which function does this wrapper stand for?
//!
//! `go f(x)` starts a function without arguments that the compiler makes, `main.gowrap1`,
//! and `defer f(x)` defers a `main.deferwrap1` (Go ≥ 1.22; before, they have names like
//! closures, and Go's table says what they are). People who look at a list of goroutines
//! want to see `f`.

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};

use crate::engine::addr::{Addr, FileAddr};
use crate::engine::binary::{Binary, FunctionId};
use crate::engine::golang::Runtime;
use crate::engine::golang::goroutine::Goroutine;

/// Machine code of a wrapper that is looked at, in bytes: it only passes arguments on.
const WRAPPER_MAX: usize = 1024;

impl Runtime {
    /// The entry of the function that a goroutine was started for.
    pub fn start_pc(&self, goroutine: &Goroutine) -> Addr {
        self.unwrap_function(goroutine.start_pc)
    }

    /// Whether the compiler made the function at `entry`, to start or to defer another.
    pub fn is_wrapper_at(&self, entry: Addr) -> bool {
        let image = self.images().find(entry);
        let found = image.and_then(|it| Some((it, it.function_at(entry)?)));
        found.is_some_and(|(image, id)| {
            let function = image.binary.function(id);
            function.flags.wrapper || is_wrapper(function.name)
        })
    }

    /// The entry of the function that the wrapper at `entry` calls; `entry` itself if it
    /// is no wrapper, or if the function cannot be told.
    pub fn unwrap_function(&self, entry: Addr) -> Addr {
        let Some(image) = self.images().find(entry) else { return entry };
        let Some(id) = image.function_at(entry) else { return entry };
        if !self.is_wrapper_at(entry) {
            return entry;
        }
        let found = find_callee(&image.binary, id);
        found.map_or(entry, |it| image.bias.loaded(it))
    }
}

/// Whether the compiler made the function, to start or to defer another.
pub fn is_wrapper(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    let number = last.strip_prefix("gowrap").or_else(|| last.strip_prefix("deferwrap"));
    number.is_some_and(is_number)
}

/// The entry of the first function that a wrapper calls which is not the runtime's, be the
/// call inlined or not.
fn find_callee(binary: &Binary, id: FunctionId) -> Option<FileAddr> {
    let of = binary.function(id);
    let len = of.end.0.saturating_sub(of.entry.0) as usize;
    let code = binary.loadable_bytes(of.entry, len.min(WRAPPER_MAX))?;
    let mut decoder = Decoder::with_ip(64, code, of.entry.0, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        let at = FileAddr(instruction.ip());
        if let [.., inlined, _] = binary.inline_stack(at).as_slice() {
            let copies = binary.functions_named(inlined.function);
            return copies.first().map(|it| binary.function(*it).entry);
        }
        let is_near = instruction.is_call_near() || instruction.is_jmp_near();
        let leaves = instruction.flow_control() != FlowControl::Next && is_near;
        let to = FileAddr(instruction.near_branch_target());
        if !leaves || (of.entry..of.end).contains(&to) {
            continue;
        }
        let callee = binary.function(binary.function_at(to)?);
        if !is_inside_runtime(callee.name) {
            return Some(callee.entry);
        }
    }
    None
}

/// Whether a function is the runtime's own, not exported.
pub fn is_inside_runtime(name: &str) -> bool {
    let rest = name.strip_prefix("runtime.");
    rest.is_some_and(|it| !it.starts_with(|c: char| c.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_are_told_by_their_names() {
        let cases = [
            ("main.main.gowrap1", true),
            ("main.(*T).M.deferwrap12", true),
            ("main.gowrapper", false),
            ("main.main.func1", false),
            ("gowrap1", true),
        ];
        for (name, expected) in cases {
            assert_eq!(is_wrapper(name), expected, "{name}");
        }
    }
}
