//! The ways in which a debugger hurts its target, each provoked: `spec/trust.md` §1. The
//! target must not notice.

use std::process::Command;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tinydbg::api::methods::command::{CONTINUE, HALT, NEXT};
use tinydbg::api::methods::{ClearBreakpointIn, DetachIn, StateIn};
use tinydbg::api::types::Breakpoint;

use crate::attach::assert_whole;
use crate::support::PATIENCE;
use crate::support::debugged::{Debugged, command_named, place};
use crate::support::fixture::Fixture;
use crate::support::process::{Program, changed_code, is_free, run, status};
use crate::support::server::{Peer, Server};

fn send(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid as i32), signal).expect("it is alive");
}

/// Waits for something to become so.
#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        nix::poll::poll(&mut [], 2u16).unwrap();
    }
}

#[test]
fn threads_that_come_and_go_are_attached_to_and_let_go() {
    let fixture = Fixture::build("churn");
    let mut program = Program::until(&fixture.executable, &["4"], "ready");
    for _ in 0..10 {
        let mut debugged = Debugged::attach(&program);
        debugged.break_at("main.mark");
        let state = debugged.resume(CONTINUE);
        assert_eq!(place(&state).2, "main.mark");
        debugged.clear_breakpoint(1);
        for _ in 0..2 {
            assert!(!debugged.resume(NEXT).exited);
        }
        debugged.wire.ask(DetachIn { kill: false });
        drop(debugged);
        assert_whole(&mut program, &fixture);
    }
}

#[test]
fn each_signal_arrives_while_its_receiver_is_stepped() {
    let fixture = Fixture::build("forks");
    let mut debugged = Debugged::launch(&fixture, &["signals"]);
    // The program sends itself 200 signals and waits for each: one that is lost, is missed.
    debugged.break_at("main.count");
    for _ in 0..20 {
        assert_eq!(debugged.resume(CONTINUE).stop_reason, "breakpoint");
        for _ in 0..4 {
            assert!(!debugged.resume(NEXT).exited);
        }
    }
    debugged.wire.ask(ClearBreakpointIn { id: 1, ..Default::default() });
    let state = debugged.resume(CONTINUE);
    assert_eq!((state.exited, state.exit_status), (true, 0));
    wait_until("the program's last words", || debugged.server.output().contains("right"));
}

#[test]
fn children_are_not_hurt_by_breakpoints_on_their_way() {
    let fixture = Fixture::build("forks");
    let mut debugged = Debugged::launch(&fixture, &["children"]);
    // What a child runs between fork and exec.
    for function in ["syscall.RawSyscall", "syscall.rawSyscallNoError"] {
        let hit_cond = "== 1000000".into();
        debugged.break_with(function, Breakpoint { hit_cond, ..Default::default() });
    }
    debugged.break_at("main.child");
    for _ in 0..20 {
        assert_eq!(debugged.resume(CONTINUE).stop_reason, "breakpoint");
    }
    let state = debugged.resume(CONTINUE);
    assert_eq!((state.exited, state.exit_status), (true, 0));
}

#[test]
fn a_program_that_becomes_another_from_a_thread_runs_to_its_end() {
    let fixture = Fixture::build("forks");
    let mut debugged = Debugged::at(&fixture, &["exec"], "main.count");
    // We may stop at its beginning, or say that it is none of ours; it gets to its end.
    while debugged.try_resume(CONTINUE).is_ok_and(|it| !it.exited) {}
    wait_until("the new program's words", || {
        debugged.server.output().contains("replaced")
    });
}

#[test]
fn a_stop_signal_from_outside_stops_and_sigcont_continues() {
    let fixture = Fixture::build("server");
    let mut program = Program::until(&fixture.executable, &["2"], "http://");
    let mut debugged = Debugged::attach(&program);
    let pending = debugged.resume_and_go();
    program.read_line();
    send(program.pid(), Signal::SIGSTOP);
    wait_until("it is stopped", || {
        status(program.pid(), "State").starts_with(['T', 't'])
    });
    let state = debugged.server.connect().ask(StateIn { non_blocking: true }).state;
    assert!(state.unwrap().running, "to us it is running: nothing of ours stopped it");
    send(program.pid(), Signal::SIGCONT);
    for _ in 0..5 {
        program.read_line();
    }
    debugged.server.connect().ask(command_named(HALT));
    debugged.wire.reply(pending).unwrap();
    debugged.wire.ask(DetachIn { kill: false });
    drop(debugged);
    assert_whole(&mut program, &fixture);
}

#[test]
fn a_hundred_threads_are_halted_and_continued_again_and_again() {
    let fixture = Fixture::build("busy");
    let mut command = Server::command(Peer::chosen(), "exec");
    command.env("GOMAXPROCS", "100");
    command.arg(&fixture.executable).args(["--", "100", "0"]);
    let server = Server::start(command);
    let mut debugged = Debugged { wire: server.connect(), server };
    let mut other = debugged.server.connect();
    for _ in 0..50 {
        let pending = debugged.resume_and_go();
        while !other.ask(StateIn { non_blocking: true }).state.unwrap().running {}
        let state = other.ask(command_named(HALT)).state;
        assert!(!state.exited);
        debugged.wire.reply(pending).unwrap();
    }
}

#[test]
fn a_program_that_is_killed_under_a_condition_is_reported_as_ended() {
    let fixture = Fixture::build("busy");
    let mut debugged = Debugged::launch(&fixture, &["4", "0"]);
    let cond = "round == -1".into();
    debugged.break_with("main.work", Breakpoint { cond, ..Default::default() });
    let pid = debugged.state().pid as u32;
    let pending = debugged.resume_and_go();
    wait_until("it runs", || debugged.server.output().contains("ready"));
    send(pid, Signal::SIGKILL);
    let state = debugged.wire.reply(pending).expect("an exit is no error");
    assert_eq!(state["State"]["exited"], true, "{state}");
    let text = debugged.wire.try_ask(StateIn::default()).unwrap_err();
    assert!(text.starts_with(&format!("Process {pid} has exited with status")), "{text}");
}

/// A debugger that is told to end lets go of what it attached to.
#[test]
fn a_signal_to_the_debugger_lets_go_of_the_program() {
    let fixture = Fixture::build("server");
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        for running in [false, true] {
            let mut program = Program::until(&fixture.executable, &["2"], "http://");
            let mut debugged = Debugged::attach(&program);
            let cond = "visit.Count == -1".into();
            debugged.break_with("main.answer", Breakpoint { cond, ..Default::default() });
            if running {
                debugged.resume_and_go();
                program.read_line();
            }
            debugged.server.signal(signal);
            debugged.server.wait();
            wait_until("nobody traces it", || is_free(program.pid()));
            assert_whole(&mut program, &fixture);
        }
    }
}

#[test]
fn a_launched_program_ends_with_its_debugger() {
    let fixture = Fixture::build("busy");
    let mut debugged = Debugged::launch(&fixture, &["2", "0"]);
    let pid = debugged.state().pid;
    debugged.resume_and_go();
    wait_until("it runs", || debugged.server.output().contains("ready"));
    debugged.server.signal(Signal::SIGTERM);
    debugged.server.wait();
    let path = format!("/proc/{pid}/status");
    wait_until("it is gone", || {
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        status.is_empty() || status.contains("State:\tZ")
    });
}

#[test]
fn a_program_that_is_not_go_is_refused_untouched() {
    let mut sleeper = Command::new("sleep").arg("1000").spawn().unwrap();
    let mut command = Command::new(Peer::chosen().executable());
    command.args(["attach", &sleeper.id().to_string(), "--headless"]);
    let (status, text) = run(command);
    assert_eq!(status.code(), Some(1), "{text}");
    assert!(is_free(sleeper.id()), "it is as it was");
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
}

#[test]
fn a_halt_of_a_stopped_program_does_no_harm_later() {
    let fixture = Fixture::build("server");
    let mut program = Program::until(&fixture.executable, &["2"], "http://");
    for _ in 0..3 {
        let mut debugged = Debugged::attach(&program);
        debugged.break_at("main.answer");
        debugged.resume(CONTINUE);
        for _ in 0..3 {
            debugged.resume(HALT);
        }
        debugged.wire.ask(DetachIn { kill: false });
        drop(debugged);
        assert_whole(&mut program, &fixture);
    }
}

#[test]
fn the_end_of_the_only_client_is_the_end_of_the_server() {
    let fixture = Fixture::build("server");
    let mut program = Program::until(&fixture.executable, &["2"], "http://");
    let mut command = Command::new(Peer::chosen().executable());
    command.args(["attach", &program.pid().to_string(), "--headless"]);
    let mut server = Server::start(command);
    let mut wire = server.connect();
    if Peer::chosen() == Peer::Delve {
        // A real Delve never ends if its client leaves without a word.
        wire.ask(StateIn::default());
    }
    wire.close();
    assert!(server.wait().success());
    assert_eq!(changed_code(program.pid(), &fixture.executable), None);
    assert_whole(&mut program, &fixture);
}
