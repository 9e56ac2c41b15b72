//! Are stacks read through C, both ways, and through the libraries that it calls?

use tinydbg::api::methods::command::{CONTINUE, NEXT, STEP, STEP_OUT};
use tinydbg::api::methods::{
    EvalIn, ListDynamicLibrariesIn, ListFunctionsIn, ListSourcesIn, ListTypesIn,
};
use tinydbg::api::types::{EvalScope, Variable};

use crate::support::debugged::{Debugged, LOAD, functions, place};
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

/// `testdata/fixtures/native`, whose C is in a file of its own.
fn native(optimized: bool) -> Fixture {
    let flags: &[&str] = if optimized { &[] } else { &["-tags=unoptimized"] };
    Fixture::build_as("native", Build { package: true, flags, ..Build::default() })
}

/// The path of the file of C, and the one line of it that contains this text.
fn in_c(fixture: &Fixture, text: &str) -> (String, i64) {
    let path = fixture.main.with_file_name("native.c");
    let source = std::fs::read_to_string(&path).unwrap();
    let mut found = (1..).zip(source.lines()).filter(|it| it.1.contains(text));
    let (line, _) = found.next().unwrap_or_else(|| panic!("no line has {text:?}"));
    assert!(found.next().is_none(), "more than one line has {text:?}");
    (path.display().to_string(), line)
}

#[test]
fn functions_and_files_of_c_are_listed_and_found() {
    let fixture = native(false);
    let mut debugged = Debugged::launch(&fixture, &[]);
    let filter = ListFunctionsIn { filter: r"^C\.".into(), ..Default::default() };
    let names = debugged.wire.ask(filter).funcs.unwrap();
    for name in ["C.measure", "C.sum", "C.twice", "C.clamp", "C.in_preamble"] {
        assert!(names.iter().any(|it| it == name), "{name}: {names:?}");
    }
    let filter = ListSourcesIn { filter: r"native\.[ch]$".into() };
    assert_eq!(debugged.wire.ask(filter).sources.unwrap().len(), 2);
    let (file, line) = in_c(&fixture, "// first of sum");
    for spec in ["C.sum", "sum", "native.c:15", &format!("{file}:{line}")] {
        let found = debugged.find(spec);
        let [place] = found.as_slice() else { panic!("{spec}: {found:?}") };
        assert_eq!((place.file.as_str(), place.line), (file.as_str(), line), "{spec}");
    }
    let place = &debugged.find(&fixture.at("// in the preamble"))[0];
    assert_eq!(place.function.as_ref().unwrap().name, "C.in_preamble");
}

#[test]
fn one_steps_through_c_and_out_of_it() {
    let fixture = native(false);
    let mut debugged = Debugged::at(&fixture, &[], "C.sum");
    let mut lines = Vec::new();
    let names = [NEXT, NEXT, NEXT, NEXT, STEP, STEP_OUT, STEP_OUT, NEXT, STEP_OUT];
    for name in names {
        let (_, line, function) = place(&debugged.resume(name));
        lines.push((function, i64::from(line)));
    }
    let line = |text| in_c(&fixture, text).1;
    let (round, in_loop) = (line("for (int i"), line("// in the loop"));
    let call = line("// the call");
    let expected = [
        ("C.sum", round),
        ("C.sum", round + 1),
        ("C.sum", in_loop),
        ("C.sum", round),
        ("C.sum", round + 1),
        ("C.measure", call),
    ];
    for (found, expected) in lines.iter().zip(expected) {
        assert_eq!((found.0.as_str(), found.1), expected, "{lines:?}");
    }
    assert!(lines[6].0.starts_with("C._cgo_"), "{lines:?}");
}

#[test]
fn calls_that_c_has_inlined_are_frames_and_places() {
    let fixture = native(true);
    let mut debugged = Debugged::launch(&fixture, &[]);
    let inlined = debugged.find("C.clamp");
    debugged.break_at("C.clamp");
    debugged.resume(CONTINUE);
    let stack = debugged.stack(-1, 20);
    let names = functions(&stack);
    assert_eq!(names[..3], ["C.clamp", "C.sum", "C.measure"], "{inlined:?}");
    // Compilers differ in which line of it is first.
    let clamp = in_c(&fixture, "int clamp(").1..=in_c(&fixture, "// clamped").1;
    assert!(clamp.contains(&stack[0].line), "{stack:?}");
    assert_eq!(stack[1].line, in_c(&fixture, "// in the loop").1);
    assert_eq!(stack[2].line, in_c(&fixture, "// the call").1);
    let entry = |nth: usize| stack[nth].function.as_ref().unwrap().value;
    assert_eq!(entry(0), entry(1));
}

/// Value of the variable with this name.
fn value(all: &[Variable], name: &str) -> String {
    let found = all.iter().find(|it| it.name == name);
    let it = found.unwrap_or_else(|| panic!("{name} of {all:?}"));
    assert_eq!(it.unreadable, "", "{name}");
    it.value.clone()
}

#[test]
fn values_of_c_are_what_c_says_they_are() {
    let fixture = native(false);
    let (file, line) = in_c(&fixture, "// in the block");
    let mut debugged = Debugged::at(&fixture, &[], &format!("{file}:{line}"));
    let locals = debugged.locals(EvalScope::selected(0));
    let cases = [
        ("letter", "120"),
        ("byte", "200"),
        ("small", "-3"),
        ("big", "1099511627776"),
        ("fraction", "0.5"),
        ("yes", "true"),
        ("text", "some text"),
        ("added", "60"),
        ("inner", "378"),
    ];
    for (name, expected) in cases {
        assert_eq!(value(&locals, name), expected, "{name}");
    }
    let cases = [
        ("numbers[2]", "30", "int"),
        ("matrix[1]", "", "[3]int"),
        ("matrix[1][0]", "4", "int"),
        ("it.name[1]", "98", "char"),
        ("it.color", "GREEN (5)", "color"),
        ("it.low", "5", "unsigned int"),
        ("it.high", "17", "unsigned int"),
        ("it[0].weight", "2.5", "double"),
        ("it.at.next.x", "7", "int"),
        ("word.bytes[3]", "4", "unsigned char"),
        ("by_value.y", "4", "int"),
        ("factor", "1.5", "double"),
        ("*call", "C.twice", "func(int) int"),
        ("calls", "1", "int"),
        ("C.total", "100", "long long int"),
        ("greeting", "hello from C", "*const char"),
        ("C.GREEN", "5", "color"),
        ("it.color == GREEN", "true", ""),
        ("(*C.point_t)(chain).y", "2", "int"),
        ("chain", "", "*point_t"),
        ("it", "", "*struct everything"),
    ];
    for (expr, expected, ty) in cases {
        let found = debugged.eval(expr);
        assert_eq!(found.unreadable, "", "{expr}");
        assert_eq!(found.type_name, ty, "{expr}");
        if !expected.is_empty() {
            assert_eq!(found.value, expected, "{expr}");
        }
    }
    let args = debugged.arguments(EvalScope::selected(0));
    assert_eq!(value(&args, "color"), "BLUE (6)");
    let filter = ListTypesIn { filter: r"^C\.(point|point_t|everything)$".into() };
    assert_eq!(debugged.wire.ask(filter).types.unwrap().len(), 3);
}

#[test]
fn what_optimized_c_keeps_for_its_callers_is_known() {
    let fixture = native(true);
    // Everything of `measure` that is used again must be kept over this call.
    let mut debugged = Debugged::at(&fixture, &[], "C.sum");
    let args = debugged.arguments(EvalScope::selected(0));
    assert_eq!(value(&args, "n"), "3");
    let scope = EvalScope { frame: 1, ..EvalScope::selected(0) };
    let args = EvalIn { scope, expr: "it.weight".into(), cfg: Some(LOAD) };
    assert_eq!(debugged.wire.ask(args).variable.unwrap().value, "2.5");
    // It has forgotten how many there were; but the call says it.
    debugged.resume(NEXT);
    let stack = debugged.stack(-1, 5);
    let frame = functions(&stack).iter().position(|it| *it == "C.sum").unwrap();
    let args = debugged.arguments(EvalScope::selected(frame as i64));
    assert_eq!(value(&args, "n"), "3");
}
