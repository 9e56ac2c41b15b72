//! Is a running program taken hold of quickly, and left as if nobody had been there?

use tinydbg::api::methods::command::{CONTINUE, HALT, NEXT};
use tinydbg::api::methods::{AttachedToExistingProcessIn, DetachIn, RestartIn};
use tinydbg::api::types::{Breakpoint, EvalScope};

use crate::support::debugged::{Debugged, command_named, functions, place};
use crate::support::fixture::Fixture;
use crate::support::process::{Program, changed_code, is_free};

/// A server under its own load, which prints a line each 50 ms.
fn serving(fixture: &Fixture) -> Program {
    Program::until(&fixture.executable, &["4"], "http://")
}

/// It goes on as if nothing had been: it answers, is not traced, and its code is the file's.
#[track_caller]
pub fn assert_whole(program: &mut Program, fixture: &Fixture) {
    for _ in 0..2 {
        let line = program.read_line();
        assert!(!line.starts_with("wrong"), "{line}");
    }
    assert!(is_free(program.pid()), "nobody traces it");
    assert_eq!(changed_code(program.pid(), &fixture.executable), None);
}

#[test]
fn a_cycle_of_attach_look_step_and_detach_leaves_no_trace() {
    let fixture = Fixture::build("server");
    let mut program = serving(&fixture);
    for cycle in 0..20 {
        let mut debugged = Debugged::attach(&program);
        debugged.break_at("main.answer");
        let state = debugged.resume(CONTINUE);
        assert_eq!(place(&state).2, "main.answer", "cycle {cycle}");
        let visit = debugged.eval("visit.Path");
        assert_eq!(visit.value, "/visit");
        assert!(functions(&debugged.stack(-1, 50)).contains(&"main.handle"));
        // Or another goroutine that gets there would interrupt the steps.
        debugged.clear_breakpoint(1);
        for _ in 0..2 {
            debugged.resume(NEXT);
        }
        debugged.wire.ask(DetachIn { kill: false });
        let (status, output) = debugged.server.wait_output();
        assert!(status.success(), "cycle {cycle}: {output}");
        assert_whole(&mut program, &fixture);
    }
}

#[test]
fn an_optimised_server_is_left_whole_too() {
    let fixture = Fixture::optimized("server");
    let mut program = serving(&fixture);
    for _ in 0..5 {
        let mut debugged = Debugged::attach(&program);
        debugged.break_at("net/http.(*conn).serve");
        debugged.break_at("main.handle");
        let state = debugged.resume(CONTINUE);
        // Whichever comes first: a new connection, or a request over one that is there.
        let function = place(&state).2;
        let expected = ["main.handle", "net/http.(*conn).serve"];
        assert!(expected.contains(&function.as_str()), "{function}");
        assert!(!debugged.goroutines().is_empty());
        debugged.wire.ask(DetachIn { kill: false });
        drop(debugged);
        assert_whole(&mut program, &fixture);
    }
}

#[test]
fn attach_and_detach_alone_are_hardly_felt() {
    let fixture = Fixture::build("server");
    let mut program = serving(&fixture);
    for _ in 0..5 {
        let mut debugged = Debugged::attach(&program);
        debugged.wire.ask(DetachIn { kill: false });
        drop(debugged);
        assert_whole(&mut program, &fixture);
    }
}

#[test]
fn an_attached_program_is_known_as_such() {
    let fixture = Fixture::build("server");
    let mut program = serving(&fixture);
    let mut debugged = Debugged::attach(&program);
    assert!(debugged.wire.ask(AttachedToExistingProcessIn {}).answer);
    let state = debugged.state();
    assert_eq!((state.pid, state.running), (program.pid().into(), false));
    let text = debugged.wire.try_ask(RestartIn::default()).unwrap_err();
    assert_eq!(text, "cannot restart process Delve did not create");
    debugged.wire.ask(DetachIn { kill: false });
    drop(debugged);
    assert_whole(&mut program, &fixture);
}

#[test]
fn a_detach_with_kill_ends_the_program() {
    let fixture = Fixture::build("server");
    let mut program = serving(&fixture);
    let mut debugged = Debugged::attach(&program);
    debugged.wire.ask(DetachIn { kill: true });
    let (_, status) = program.finish();
    assert!(!status.success());
}

#[test]
fn a_breakpoint_that_is_never_true_does_no_harm() {
    let fixture = Fixture::build("server");
    let mut program = serving(&fixture);
    let mut debugged = Debugged::attach(&program);
    let cond = "visit.Count == -1".into();
    debugged.break_with("main.answer", Breakpoint { cond, ..Default::default() });
    let pending = debugged.resume_and_go();
    for _ in 0..10 {
        let line = program.read_line();
        assert!(!line.starts_with("wrong"), "{line}");
    }
    debugged.server.connect().ask(command_named(HALT));
    debugged.wire.reply(pending).unwrap();
    debugged.wire.ask(DetachIn { kill: false });
    drop(debugged);
    assert_whole(&mut program, &fixture);
}

#[test]
fn another_client_takes_over_where_the_first_one_left() {
    let fixture = Fixture::build("server");
    let mut program = serving(&fixture);
    let mut debugged = Debugged::attach(&program);
    debugged.break_at("main.answer");
    debugged.resume(CONTINUE);
    debugged.wire.close();
    debugged.wire = debugged.server.connect();
    assert_eq!(place(&debugged.state()).2, "main.answer");
    let arguments = debugged.arguments(EvalScope::selected(0));
    assert!(arguments.iter().any(|it| it.name == "visit"), "{arguments:?}");
    debugged.wire.ask(DetachIn { kill: false });
    drop(debugged);
    assert_whole(&mut program, &fixture);
}
