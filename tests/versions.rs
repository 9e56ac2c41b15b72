//! Is a program read right, whatever Go built it and however it was built?

use tinydbg::api::methods::command::{CONTINUE, NEXT, STEP_OUT};
use tinydbg::api::types::Goroutine;
use tinydbg::frontend::text::wait_reason::wait_reason;

use crate::stacks::check_stops;
use crate::support::debugged::{Debugged, functions, place};
use crate::support::fixture::{Build, Fixture};
use crate::support::server::Peer;
use crate::values::toolchains;

fn frames(toolchain: &str, flags: &[&str]) -> Fixture {
    let how = Build { toolchain: Some(toolchain), flags, ..Build::default() };
    Fixture::build_as("frames", how)
}

#[test]
fn stacks_and_deferred_calls_are_read_whatever_go_built_the_program() {
    if Peer::chosen() == Peer::Delve {
        return;
    }
    for toolchain in toolchains() {
        let fixture = frames(toolchain, &[]);
        let mut debugged = Debugged::launch(&fixture, &[]);
        check_stops(&mut debugged, toolchain);
    }
}

#[test]
fn steps_are_the_same_whatever_go_built_the_program() {
    for toolchain in toolchains() {
        let fixture = frames(toolchain, &[]);
        let mut debugged = Debugged::at(&fixture, &[], "main.count");
        let line = |text| fixture.line(text);
        let (head, body) =
            (line("for i := 0; i < n; i++ { // counted"), line("// the loop"));
        let wanted = [
            line("total := 0"),
            head,
            body,
            head,
            body,
            head,
            body,
            head,
            line("// behind the loop"),
        ];
        let mut lines = vec![];
        while lines.len() < wanted.len() {
            lines.push(place(&debugged.resume(NEXT)).1);
        }
        assert_eq!(lines, wanted, "{toolchain}");
        let state = debugged.resume(STEP_OUT);
        assert_eq!(place(&state).1, line("// counting"), "{toolchain}");
        let thread = state.current_thread.unwrap();
        let returned = thread.return_values.unwrap();
        assert_eq!(returned[0].value, "3", "{toolchain}");
    }
}

/// The goroutines of the fixture when all of them wait for ever: the runtime finds that
/// out, so that nothing is left to chance.
fn asleep(fixture: &Fixture) -> (Debugged, Vec<Goroutine>) {
    let mut debugged = Debugged::launch(fixture, &["for ever"]);
    let state = debugged.resume(CONTINUE);
    assert_eq!(state.stop_reason, "breakpoint", "{state:?}");
    let goroutines = debugged.goroutines();
    (debugged, goroutines)
}

/// Where a goroutine of the user's is, was started and by whom, and for what it waits.
fn described(it: &Goroutine, minor: u32) -> String {
    let name = |at: &tinydbg::api::types::Location| {
        at.function.as_ref().map_or(String::new(), |it| it.name.clone())
    };
    let at = &it.user_current_loc;
    let waits = wait_reason(minor, it.wait_reason);
    let (go, start) = (name(&it.go_statement_loc), name(&it.start_loc));
    format!("{}:{} go {go} start {start} [{waits}]", name(at), at.line)
}

fn check_asleep(fixture: &Fixture, toolchain: &str, which: &str) {
    let (mut debugged, goroutines) = asleep(fixture);
    let minor = toolchain.split('.').nth(1).unwrap().parse().unwrap();
    let mut found: Vec<String> = goroutines
        .iter()
        .map(|it| described(it, minor))
        .filter(|it| it.starts_with("main."))
        .collect();
    found.sort();
    let (main, waits) = (fixture.line("// for ever"), fixture.line("// it waits here"));
    let wanted = [
        format!(
            "main.main:{main} go runtime.newproc start runtime.main [select (no cases)]"
        ),
        format!(
            "main.parked:{waits} go main.child start main.child.func1 [chan receive]"
        ),
        format!("main.parked:{waits} go main.main start main.parked [chan receive]"),
    ];
    assert_eq!(found, wanted, "{which}");
    for it in &goroutines {
        let stack = debugged.stack(it.id, 50);
        let last = stack.last().unwrap();
        assert_eq!(last.err, "", "{which}: {:?}", functions(&stack));
        assert_eq!(functions(&stack).last(), Some(&"runtime.goexit"), "{which}");
    }
}

#[test]
fn goroutines_are_read_whatever_go_built_the_program() {
    for toolchain in toolchains() {
        check_asleep(&frames(toolchain, &[]), toolchain, toolchain);
    }
}

/// Go's own tables are enough for stacks, lines and goroutines.
#[test]
fn goroutines_are_read_without_symbols_and_debug_information() {
    if Peer::chosen() == Peer::Delve {
        return;
    }
    for toolchain in toolchains() {
        let fixture = frames(toolchain, &["-ldflags=-s"]);
        check_asleep(&fixture, toolchain, &format!("{toolchain}, stripped"));
    }
}

#[test]
fn goroutines_are_read_wherever_the_program_is_loaded() {
    for toolchain in toolchains() {
        let fixture = frames(toolchain, &["-buildmode=pie"]);
        check_asleep(&fixture, toolchain, &format!("{toolchain}, pie"));
    }
}

#[test]
fn paths_that_were_trimmed_are_as_the_program_says() {
    let fixture = frames("go1.24.13", &["-trimpath"]);
    let mut debugged = Debugged::at(&fixture, &[], "main.count");
    let (file, line, _) = place(&debugged.state());
    assert!(file.ends_with("main.go") && !file.starts_with("/"), "{file}");
    assert_eq!(line, fixture.line("func count(n int) int"));
    check_asleep(&fixture, "go1.24.13", "trimmed");
}

/// A fault is a signal: its handler runs on a stack of its own, which the kernel left the
/// goroutine's for.
#[test]
fn stacks_go_through_signal_handlers_whatever_go_built_the_program() {
    if Peer::chosen() == Peer::Delve {
        // It knows the return from a handler by the name that it had until Go 1.20.
        return;
    }
    for toolchain in toolchains() {
        let fixture = frames(toolchain, &[]);
        let mut debugged = Debugged::at(&fixture, &[], &fixture.at("// the fault"));
        debugged.break_at("runtime.sighandler");
        // The runtime sends signals to itself: the first need not be the fault.
        let names = loop {
            let state = debugged.resume(CONTINUE);
            assert!(!state.exited, "{toolchain}: the fault has no handler");
            let stack = debugged.stack(-1, 50);
            let names: Vec<String> =
                functions(&stack).iter().map(|it| (*it).to_owned()).collect();
            if names.iter().any(|it| it == "main.fail") {
                assert_eq!(stack.last().unwrap().err, "", "{toolchain}: {names:?}");
                break names;
            }
        };
        let at = |name: &str| names.iter().position(|it| it.starts_with(name));
        assert_eq!(at("runtime.sighandler"), Some(0), "{toolchain}: {names:?}");
        let order = ["runtime.sigtrampgo", "runtime.sigtramp", "runtime.sigreturn"];
        assert!(order.iter().all(|it| at(it).is_some()), "{toolchain}: {names:?}");
        let fault = at("main.fail").unwrap();
        assert_eq!(at("runtime.sigreturn"), Some(fault - 1), "{toolchain}: {names:?}");
        let rest = ["main.fail", "main.recovering", "main.main", "runtime.main"];
        assert_eq!(names[fault..fault + 4], rest, "{toolchain}");
    }
}
