//! Does the line-mode session work, in a real terminal?

use std::process::Command;

use crate::support::fixture::{Fixture, scratch};
use crate::support::process::{Program, is_free};
use crate::support::pty::Terminal;
use crate::support::server::ours;

fn start(args: &[&str]) -> Terminal {
    let mut command = Command::new(ours());
    command.args(args).env("XDG_CONFIG_HOME", scratch("line-config"));
    command.env("NO_COLOR", "1");
    let mut terminal = Terminal::start(command, 160, 50);
    terminal.wait_for("(tinydbg)");
    terminal
}

#[test]
fn a_program_is_run_looked_at_and_ends() {
    let fixture = Fixture::build("steps");
    let program = fixture.executable.to_str().unwrap();
    let mut session = start(&["exec", program, "--", "recursion"]);
    session.types("break main.factorial", "Breakpoint 1 set at");
    session.types("continue", "main.factorial()");
    session.types("args", "n = 3");
    session.types("print n * 2 + 1", "7");
    session.types("next", "main.factorial()");
    session.types("stack", "main.recursion");
    session.types("goroutines", "Goroutine 1");
    session.types("print unknown", "could not find symbol value for unknown");
    session.types("clear 1", "Breakpoint 1 cleared");
    session.types("continue", "has exited with status 0");
    session.types("exit", "");
    session.wait();
    assert!(session.is_restored());
}

#[test]
fn an_attached_server_goes_on_when_the_session_ends() {
    let fixture = Fixture::build("server");
    let mut program = Program::until(&fixture.executable, &["2"], "http://");
    let mut session = start(&["attach", &program.pid().to_string()]);
    session.types("break main.answer", "Breakpoint 1 set at");
    session.types("continue", "main.answer()");
    session.types("locals", "(no locals)");
    session.types("print visit.Path", "\"/visit\"");
    session.types("exit", "kill the process");
    session.types("n", "");
    session.wait();
    program.read_line();
    assert!(is_free(program.pid()));
}

/// What the terminal puts around what is pasted.
const PASTE: [&str; 2] = ["\x1b[200~", "\x1b[201~"];

#[test]
fn lines_that_come_together_are_all_run() {
    let fixture = Fixture::build("steps");
    let program = fixture.executable.to_str().unwrap();
    let mut session = start(&["exec", program, "--", "recursion"]);
    // More than the editor reads at once, some of it before there is a prompt for it.
    let mut keys = String::from("break main.factorial\rcontinue\r");
    for n in 0..200 {
        keys.push_str(&format!("print {n} * 10007\r"));
    }
    session.types(&keys, &format!("\n{}", 199 * 10007));
    let said = session.said_since(0);
    let missing = (0..200).find(|n| !said.contains(&format!("\n{}\r", n * 10007)));
    assert_eq!(missing, None);
    // Pasted, they are one thing to the editor; blank lines do not repeat the last one.
    let lines = "print 3 * 1009\r\nprint 5 * 1009\r\n\r\n";
    let pasted = format!("{}{lines}{}", PASTE[0], PASTE[1]);
    session.types(&pasted, "\n5045");
    let said = session.said_since(0);
    assert_eq!(said.matches("\n3027").count(), 1, "{said}");
    session.types("print 7 * 1009", "7063");
    let said = session.said_since(0);
    assert_eq!(said.matches("\n5045").count(), 1, "{said}");
    session.types("exit", "");
    session.wait();
    assert!(session.is_restored());
}

#[test]
fn what_is_typed_before_its_prompt_is_not_lost() {
    let fixture = Fixture::build("steps");
    let mut command = Command::new(ours());
    command.args(["exec", fixture.executable.to_str().unwrap(), "--", "recursion"]);
    command.env("XDG_CONFIG_HOME", scratch("line-config")).env("NO_COLOR", "1");
    let keys = "print 41 + 1\rprint 4 * 1177\rprint 40 + ";
    let mut terminal = Terminal::start_typed(command, 160, 50, keys);
    terminal.wait_until("both answers, and the rest", |it| {
        let said = it.said_since(0);
        let at = said.find("\r\n42\r\n").unwrap_or(said.len());
        said[at..].contains("\r\n4708\r\n") && said[at..].contains("print 40 + ")
    });
    terminal.types("13", "53");
    terminal.types("exit", "");
    terminal.wait();
    assert!(terminal.is_restored());
}
