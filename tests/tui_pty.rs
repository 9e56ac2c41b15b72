//! Does the full-screen UI work, as the real executable in a real terminal? Against
//! programs with one thread, with many, and with threads that come and go.

use std::process::Command;

use nix::sys::signal::Signal;

use crate::attach::assert_whole;
use crate::support::dlv;
use crate::support::fixture::Fixture;
use crate::support::process::{Program, changed_code, is_free};
use crate::support::pty::{Terminal, new_state_dir};
use crate::support::server::{Peer, Server, ours};

const ENTER: &str = "\r";
const CTRL_P: &str = "\x10";
const CTRL_C: &str = "\x03";

fn tui(args: &[&str], columns: u16, rows: u16) -> Terminal {
    let mut command = Command::new(ours());
    command.arg("tui").args(args);
    Terminal::start(command, columns, rows)
}

fn exec(fixture: &Fixture, args: &[&str], columns: u16, rows: u16) -> Terminal {
    let program = fixture.executable.to_str().unwrap();
    tui(&[&["exec", program, "--"], args].concat(), columns, rows)
}

fn attach(program: &Program, columns: u16, rows: u16) -> Terminal {
    tui(&["attach", &program.pid().to_string()], columns, rows)
}

/// Waits until the program can be looked at: where it was found, or at its `main`.
fn ready(terminal: &mut Terminal) {
    terminal.wait_until("a stop", |it| {
        ["STOPPED attached", "STOPPED at main"]
            .iter()
            .any(|stop| it.screen().contains(stop))
    });
}

/// Sets a breakpoint by the command line and runs to it.
fn run_to(terminal: &mut Terminal, location: &str, wanted: &str) {
    ready(terminal);
    break_at(terminal, location);
    terminal.keys("c");
    terminal.wait_for(wanted);
}

/// Sets a breakpoint by the command line, and waits until it is there.
fn break_at(terminal: &mut Terminal, location: &str) {
    terminal.keys(&format!(":break {location}{ENTER}"));
    terminal.wait_until("a new breakpoint", |it| {
        let screen = it.screen();
        let last = screen.trim_end().lines().last().unwrap_or_default();
        last.contains("breakpoint") && last.contains(" at ")
    });
}

/// Leaves by the question's first answer: the program goes on.
fn quit(terminal: &mut Terminal) {
    terminal.keys(":q\r");
    terminal.wait_for("leave it running");
    terminal.keys(ENTER);
    assert!(terminal.wait().success());
    assert!(terminal.is_restored());
}

#[test]
fn a_launched_program_is_stepped_through_to_its_end() {
    let fixture = Fixture::build("steps");
    let mut terminal = exec(&fixture, &["recursion"], 120, 40);
    run_to(&mut terminal, "main.recursion", "sink = factorial(3)");
    terminal.keys("n");
    terminal.wait_for("STOPPED next");
    terminal.keys("c");
    terminal.wait_for("EXITED");
    terminal.keys("q");
    terminal.keys(ENTER);
    terminal.wait();
    assert!(terminal.is_restored());
}

/// What was set in one session is there in the next one, and can be dropped.
#[test]
fn breakpoints_and_watches_are_there_the_next_time() {
    let fixture = Fixture::build("steps");
    let program = fixture.executable.to_str().unwrap();
    let state = new_state_dir();
    let start = || {
        let mut command = Command::new(ours());
        command.args(["tui", "exec", program, "--", "recursion"]);
        command.env("XDG_STATE_HOME", &state);
        let mut terminal = Terminal::start(command, 160, 45);
        ready(&mut terminal);
        terminal
    };
    let kill = |mut terminal: Terminal| {
        terminal.keys(":q\r");
        terminal.wait_for("kill it");
        terminal.keys(ENTER);
        assert!(terminal.wait().success());
    };
    let mut terminal = start();
    break_at(&mut terminal, "main.factorial if n == 2");
    terminal.keys(&format!(":display n + 40{ENTER}"));
    terminal.wait_for("watching n + 40");
    // Nothing is waited for: what was answered is kept.
    kill(terminal);
    let mut terminal = start();
    terminal.wait_for("1 breakpoint and 1 watch of the last session");
    terminal.wait_for("if n == 2");
    terminal.keys("c");
    terminal.wait_for("STOPPED breakpoint");
    terminal.wait_for("42");
    terminal.keys("5x");
    terminal.wait_for("deleted (U undoes)");
    terminal.keys("6x");
    terminal.wait_for("no longer watched");
    kill(terminal);
    let mut terminal = start();
    terminal.wait_for("b sets one on the line");
    assert!(!terminal.screen().contains("last session"), "{}", terminal.screen());
    kill(terminal);
}

/// The session of the issue, key by key.
#[test]
fn the_session_of_a_user_who_looks_at_a_request() {
    let fixture = Fixture::build("server");
    let mut program = Program::until(&fixture.executable, &["2"], "http://");
    let mut terminal = attach(&program, 160, 45);
    terminal.wait_for("STOPPED");
    terminal.wait_for(&program.pid().to_string());
    // 2. A function is found by part of its name, and gets a breakpoint.
    terminal.keys(CTRL_P);
    terminal.keys("main.answ");
    terminal.wait_for("main.answer");
    terminal.keys(ENTER);
    terminal.wait_for("square := visit.Count");
    terminal.keys("b");
    terminal
        .wait_until("a breakpoint in the list", |it| it.screen().contains("main.answer"));
    terminal.keys("c");
    // 3. A request comes in.
    terminal.wait_for("breakpoint 1");
    terminal.wait_for("/visit");
    terminal.wait_for("main.handle");
    // 4. Stepping; frames. Without the breakpoint nobody else interrupts the steps.
    terminal.keys(":clear 1\r");
    terminal.wait_gone("●");
    terminal.keys("n");
    terminal.wait_for("STOPPED next");
    terminal.keys("u");
    terminal.keys("d");
    terminal.keys(":print visit.Count * 0 + 4700 + 11\r");
    terminal.wait_for("4711");
    terminal.escape();
    // 5. It goes on as if nobody had been there.
    quit(&mut terminal);
    assert_whole(&mut program, &fixture);
}

#[test]
fn every_size_shows_where_the_program_is() {
    let fixture = Fixture::build("loop");
    for (columns, rows) in
        [(40, 12), (80, 24), (100, 30), (120, 40), (160, 45), (200, 60)]
    {
        let mut terminal = exec(&fixture, &[], columns, rows);
        run_to(&mut terminal, "main.sum", "total := 0");
        terminal.keys("n");
        terminal.keys("n");
        terminal.wait_for("total += x");
        terminal.signal(Signal::SIGTERM);
        terminal.wait();
        assert!(terminal.is_restored(), "at {columns}x{rows}");
    }
}

#[test]
fn a_terminal_that_is_too_small_may_grow() {
    let fixture = Fixture::build("loop");
    let mut terminal = exec(&fixture, &[], 12, 3);
    terminal.wait_until("something", |it| !it.screen().trim().is_empty());
    terminal.resize(120, 40);
    run_to(&mut terminal, "main.sum", "STOPPED breakpoint 2");
    terminal.resize(60, 16);
    terminal.wait_for("STOPPED bp 2");
    terminal.resize(1, 1);
    terminal.resize(200, 60);
    terminal.wait_for("total := 0");
}

#[test]
fn a_running_program_is_halted_and_the_screen_works_meanwhile() {
    let fixture = Fixture::build("busy");
    let mut terminal = exec(&fixture, &["8", "0"], 120, 40);
    ready(&mut terminal);
    terminal.keys("c");
    terminal.wait_for("RUNNING");
    terminal.keys("?");
    terminal.wait_for("type to filter");
    terminal.escape();
    terminal.keys(":break main.work\r");
    // It is set without a stop, and hit at once.
    terminal.wait_for("STOPPED");
    terminal.wait_for("main.work");
}

#[test]
fn threads_that_come_and_go_are_held_and_let_go() {
    let fixture = Fixture::build("churn");
    let mut program = Program::until(&fixture.executable, &["4"], "ready");
    for _ in 0..3 {
        let mut terminal = attach(&program, 120, 40);
        run_to(&mut terminal, "main.mark", "last = id");
        terminal.keys("c");
        terminal.keys(":clear 1\r");
        quit(&mut terminal);
        assert_whole(&mut program, &fixture);
    }
}

#[test]
fn signals_restore_the_terminal_and_the_target() {
    let fixture = Fixture::build("server");
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let mut program = Program::until(&fixture.executable, &["2"], "http://");
        let mut terminal = attach(&program, 120, 40);
        run_to(&mut terminal, "main.answer", "breakpoint 1");
        terminal.signal(signal);
        terminal.wait();
        assert!(terminal.is_restored(), "after {signal}");
        assert_whole(&mut program, &fixture);
    }
}

#[test]
fn ctrl_c_halts_and_does_not_end_the_debugger() {
    let fixture = Fixture::build("busy");
    let mut terminal = exec(&fixture, &["2", "0"], 120, 40);
    ready(&mut terminal);
    terminal.keys("c");
    terminal.wait_for("RUNNING");
    terminal.keys(CTRL_C);
    terminal.wait_for("STOPPED");
}

fn connected(peer: Peer) {
    let fixture = Fixture::build("server");
    let mut program = Program::until(&fixture.executable, &["2"], "http://");
    let mut server = Server::attach(peer, program.pid());
    let mut terminal = tui(&["connect", &server.address], 160, 45);
    run_to(&mut terminal, "main.answer", "breakpoint 1");
    terminal.wait_for("/visit");
    terminal.keys("n");
    terminal.wait_for("square");
    // The way out asks; the program is let go with the server.
    terminal.keys(":clear 1\r");
    terminal.keys(":q\r");
    terminal.wait_for("leave it running");
    terminal.keys(ENTER);
    terminal.wait();
    assert!(terminal.is_restored());
    server.signal(Signal::SIGTERM);
    server.wait();
    // What becomes of the program is the server's doing, and a real Delve's detach kills
    // its own in one of ten cases (`spec/trust.md` §1): only ours is held to it.
    if peer == Peer::Delve {
        return;
    }
    assert!(is_free(program.pid()));
    assert_eq!(changed_code(program.pid(), &fixture.executable), None);
    program.read_line();
}

#[test]
fn the_same_screen_over_our_own_server() {
    connected(Peer::Ours);
}

#[test]
fn the_same_screen_over_a_real_delve() {
    assert!(dlv::executable().exists());
    connected(Peer::Delve);
}

#[test]
fn a_server_that_goes_away_is_named_and_the_screen_can_be_left() {
    let fixture = Fixture::build("busy");
    let mut server = Server::exec(Peer::Ours, &fixture.executable, &["1", "0"]);
    let mut terminal = tui(&["connect", &server.address], 120, 40);
    terminal.wait_for("STOPPED");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    terminal.wait_for("gone");
    terminal.keys("q");
    terminal.keys(ENTER);
    terminal.wait();
    assert!(terminal.is_restored());
}

#[test]
fn the_example_program_is_one_command_away() {
    let mut terminal = tui(&["demo"], 120, 40);
    ready(&mut terminal);
    terminal.keys("c");
    terminal.wait_for("RUNNING");
    terminal.keys("P");
    terminal.wait_for("STOPPED");
}

/// Terminals tell of a new size by a signal, which may come together with a key.
#[test]
fn every_resize_is_seen_also_together_with_a_key() {
    let fixture = Fixture::build("loop");
    let mut terminal = exec(&fixture, &[], 100, 30);
    ready(&mut terminal);
    for (columns, rows) in [(90u16, 26u16), (100, 30), (120, 40), (80, 24)].repeat(3) {
        terminal.keys("j");
        terminal.resize(columns, rows);
        terminal.wait_until("hints in the last line but one", |it| {
            let screen = it.screen();
            let hints = screen.lines().nth(usize::from(rows) - 2);
            hints.is_some_and(|it| it.trim_end().ends_with("? keys"))
        });
    }
}
