//! Are stacks read through C, both ways, and through the libraries that it calls?

use tinydbg::api::methods::ListDynamicLibrariesIn;
use tinydbg::api::methods::command::CONTINUE;

use crate::support::debugged::{Debugged, functions};
use crate::support::fixture::{Build, Fixture};
use crate::support::server::Peer;
use crate::values::toolchains;

/// From the Go that C called to the Go that called C.
const INTO_C: &[&str] = &["crosscall2", "C.called", "C.c_inner", "C.c_outer"];
const OUT_OF_C: &[&str] =
    &["runtime.asmcgocall", "runtime.cgocall", "main._Cfunc_c_outer"];

fn build(toolchain: Option<&str>) -> Fixture {
    let how = Build { toolchain, package: false, ..Build::default() };
    Fixture::build_as("cgo", how)
}

/// Whether `part` is in `all`, one right behind the other, but for what C's compiler has
/// inlined or turned into jumps.
fn contains_in_order(all: &[&str], part: &[&str]) -> bool {
    let mut wanted = part.iter().filter(|it| !it.starts_with("C.c_inner")).peekable();
    for name in all {
        wanted.next_if(|it| *it == name);
    }
    wanted.next().is_none()
}

#[test]
fn stacks_go_through_c_both_ways_whatever_go_built_the_program() {
    if Peer::chosen() == Peer::Delve {
        // It does not find the way back from C since Go 1.22.
        return;
    }
    for toolchain in toolchains() {
        let fixture = build(Some(toolchain));
        let mut debugged = Debugged::at(&fixture, &[], "main.here");
        let stack = debugged.stack(-1, 100);
        let names = functions(&stack);
        let times = names.iter().filter(|it| **it == "C.c_outer").count();
        assert_eq!(times, 2, "{toolchain}: {names:?}");
        let last = stack.last().unwrap();
        assert_eq!(last.err, "", "{toolchain}: {names:?}");
        assert!(names.ends_with(&["main.main", "runtime.main", "runtime.goexit"]));
        let way = [INTO_C, OUT_OF_C].concat();
        let twice = [way.as_slice(), way.as_slice()].concat();
        assert!(contains_in_order(&names, &twice), "{toolchain}: {names:?}");
        assert!(names.iter().all(|it| !it.is_empty()), "{toolchain}: {names:?}");
    }
}

#[test]
fn code_of_c_has_lines_and_threads_of_c_have_an_end() {
    if Peer::chosen() == Peer::Delve {
        return;
    }
    let fixture = build(None);
    let mut debugged = Debugged::at(&fixture, &[], "main.here");
    let stack = debugged.stack(-1, 100);
    let name = |it: &&tinydbg::api::types::Stackframe| {
        it.function.as_ref().is_some_and(|it| it.name == "C.c_outer")
    };
    let outer = stack.iter().find(name).unwrap();
    assert_eq!(outer.file, fixture.main.to_str().unwrap());
    assert!(outer.line >= i64::from(fixture.line("// in C")), "{}", outer.line);
    // On a thread that C has made, the stack ends in the C library.
    debugged.resume(CONTINUE);
    let stack = debugged.stack(-1, 100);
    let names = functions(&stack);
    let last = stack.last().unwrap();
    assert!(names.contains(&"C.thread"), "{names:?}");
    assert!(last.err.is_empty() && last.bottom, "{names:?}: {}", last.err);
    // A signal handler made this one.
    debugged.resume(CONTINUE);
    let stack = debugged.stack(-1, 100);
    let names = functions(&stack);
    let fault = names.iter().position(|it| *it == "runtime.sigpanic").unwrap();
    assert_eq!(names[fault + 1], "main.main");
    assert_eq!(stack[fault + 1].line, i64::from(fixture.line("// the fault")));
}

#[test]
fn libraries_are_listed() {
    let fixture = build(None);
    let mut debugged = Debugged::at(&fixture, &[], "main.here");
    let found = debugged.wire.ask(ListDynamicLibrariesIn {}).list.unwrap();
    let c = found.iter().find(|it| it.path.contains("/libc.so")).unwrap();
    assert!(c.address != 0 && c.load_error.is_empty(), "{found:?}");
    assert!(found.iter().all(|it| it.path.starts_with('/')), "{found:?}");
}
