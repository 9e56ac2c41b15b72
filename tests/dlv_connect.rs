//! Is a real `dlv connect` comfortable with our server? Delve's own terminal, in a
//! pseudo-terminal, types the commands that its users type.

use std::process::Command;

use crate::support::dlv;
use crate::support::fixture::{Fixture, scratch};
use crate::support::process::{Program, is_free};
use crate::support::pty::Terminal;
use crate::support::server::{Peer, Server};

fn connect(server: &Server) -> Terminal {
    let mut command = Command::new(dlv::executable());
    command.args(["connect", &server.address]);
    // No configuration of whoever runs the tests.
    command.env("XDG_CONFIG_HOME", scratch("dlv-config"));
    let mut terminal = Terminal::start(command, 200, 60);
    terminal.wait_for("(dlv)");
    terminal
}

/// The commands of a session on `steps recursion`, and what each must show.
const SESSION: &[(&str, &str)] = &[
    ("break main.factorial", "Breakpoint 1 set at"),
    ("continue", "> [Breakpoint 1] main.factorial()"),
    ("args", "n = 3"),
    ("next", "main.factorial()"),
    ("locals", "(no locals)"),
    ("print n * 2 + 1", "7"),
    ("whatis n", "int"),
    ("stack", "main.recursion"),
    ("breakpoints", "Breakpoint 1"),
    ("condition 1 n == 1", ""),
    ("continue", "hits goroutine(1):2"),
    ("print n", "1"),
    ("up", "Frame 1:"),
    ("print n", "2"),
    ("down", "Frame 0:"),
    ("clear 1", "Breakpoint 1 cleared"),
    ("stepout", "main.factorial()"),
    ("goroutines", "* Goroutine 1 - User:"),
    ("goroutine 1", "Switched from 1 to 1"),
    ("goroutine 99999", "Command failed: unknown goroutine 99999"),
    ("threads", "main.factorial"),
    ("list main.recursion", "steps/main.go:130"),
    ("funcs main.fact", "main.factorial"),
    ("sources steps/main", "main.go"),
    ("types main.square", "main.square"),
    ("vars main.sink", "main.sink = "),
    ("set main.sink = 40", ""),
    ("print main.sink", "40"),
    ("regs", "Rip = 0x"),
    ("disassemble", "main.factorial"),
    ("break nowhere.go:1", "Command failed: location \"nowhere.go:1\" not found"),
    ("print unknown", "Command failed: could not find symbol value for unknown"),
    ("step", "main."),
    ("continue", "has exited with status 0"),
];

#[test]
fn a_session_from_break_to_the_end() {
    let fixture = Fixture::build("steps");
    let mut server = Server::exec(Peer::chosen(), &fixture.executable, &["recursion"]);
    let mut client = connect(&server);
    for (command, wanted) in SESSION {
        client.types(command, wanted);
    }
    client.types("exit", "Would you like to kill the headless instance?");
    client.types("y", "");
    client.wait();
    assert!(server.wait().success());
}

#[test]
fn an_attached_server_is_looked_at_and_left_running() {
    let fixture = Fixture::build("server");
    let mut program = Program::until(&fixture.executable, &["2"], "http://");
    let mut server = Server::attach(Peer::chosen(), program.pid());
    let mut client = connect(&server);
    client.types("break main.answer", "Breakpoint 1 set at");
    client.types("continue", "> [Breakpoint 1] main.answer()");
    client.types("print visit.Path", "\"/visit\"");
    client.types("goroutines -group userloc", "main.");
    client.types("goroutines -with label path=/visit", "main.");
    client.types("goroutine 1", " to 1 (thread");
    client.types("stack", "main.main");
    client.types("clear 1", "cleared");
    // The server takes more than one client, so the terminal asks what to do with it.
    client.types("exit", "Would you like to kill the headless instance?");
    client.types("y", "Would you like to kill the process?");
    client.types("n", "");
    client.wait();
    assert!(server.wait().success());
    program.read_line();
    assert!(is_free(program.pid()));
}
