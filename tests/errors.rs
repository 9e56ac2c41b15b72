//! What does bad input get? One clear sentence, exit status 1, and nothing is changed: not
//! the target, not the terminal.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::debugged::{Debugged, place};
use crate::support::fixture::{Build, Fixture, scratch};
use crate::support::process::{Program, is_free, run};
use crate::support::pty::Terminal;
use crate::support::server::ours;

/// Line mode asks for a terminal unless it is told not to.
const NO_TERMINAL: &str = "--allow-non-terminal-interactive";

/// Runs us with these arguments; it must fail as it should, with these words.
#[track_caller]
fn refused(args: &[&str], wanted: &[&str]) {
    let mut command = Command::new(ours());
    command.args(args);
    if !args.contains(&"--headless") {
        command.arg(NO_TERMINAL);
    }
    refused_command(command, wanted);
}

#[track_caller]
fn refused_command(command: Command, wanted: &[&str]) {
    let shown = format!("{command:?}");
    let (status, text) = run(command);
    assert_eq!(status.code(), Some(1), "{shown}: {text}");
    let said: Vec<&str> =
        text.lines().filter(|it| !it.starts_with("API server")).collect();
    assert!(said.len() <= 2 && !said.is_empty(), "{shown}: one sentence, not\n{text}");
    assert!(text.len() < 500, "{shown}: {text}");
    assert!(!text.contains("panicked") && !text.contains('\x1b'), "{shown}: {text}");
    for part in wanted {
        assert!(text.contains(part), "{shown}: {part:?} is not in\n{text}");
    }
}

/// The same in line mode, full screen and as a server: none may touch the terminal first.
#[track_caller]
fn refused_everywhere(args: &[&str], wanted: &[&str]) {
    refused(args, wanted);
    refused(&[args, &["--headless"]].concat(), wanted);
    let mut command = Command::new(ours());
    command.arg("tui").args(args);
    let mut terminal = Terminal::start(command, 100, 30);
    let status = terminal.wait();
    assert_eq!(status.code(), Some(1), "tui {args:?}: {}", terminal.screen());
    assert!(terminal.is_restored(), "tui {args:?}");
    let text = String::from_utf8_lossy(&terminal.bytes).replace("\r\n", " ");
    for part in wanted {
        assert!(text.contains(part), "tui {args:?}: {part:?} is not in\n{text}");
    }
}

#[test]
fn a_process_that_does_not_exist() {
    refused_everywhere(
        &["attach", "4194304"],
        &["could not attach to pid 4194304", "no such process"],
    );
}

#[test]
fn a_pid_that_is_no_number() {
    refused(&["attach", "one"], &["one"]);
}

#[test]
fn a_process_that_is_not_go() {
    let mut sleeper = Command::new("sleep").arg("1000").spawn().unwrap();
    let pid = sleeper.id().to_string();
    refused_everywhere(&["attach", &pid], &["attach to pid", "Go"]);
    assert!(is_free(sleeper.id()));
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
}

#[test]
fn a_process_that_is_traced_already() {
    let fixture = Fixture::build("server");
    let mut program = Program::until(&fixture.executable, &["1"], "http://");
    let mut first = Debugged::attach(&program);
    // A server says where it listens before it has attached; its answer comes after.
    assert_eq!(first.state().pid, i64::from(program.pid()));
    let pid = program.pid().to_string();
    let by = format!("already being debugged by pid {}", first.server.child.id());
    refused_everywhere(&["attach", &pid], &[&by]);
    drop(first);
    program.read_line();
    assert!(is_free(program.pid()));
}

#[test]
fn a_process_of_somebody_else() {
    let wanted = ["current user does not own the process"];
    if !nix::unistd::geteuid().is_root() {
        return refused(&["attach", "1"], &wanted);
    }
    // Another user needs our executable where it may read it.
    let fixture = Fixture::build("server");
    let mut program = Program::until(&fixture.executable, &["1"], "http://");
    let dir = std::env::temp_dir().join(format!("tinydbg-tests-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
    let copy = dir.join("tinydbg");
    fs::copy(ours(), &copy).unwrap();
    let mut command = Command::new(&copy);
    command.args(["attach", &program.pid().to_string(), NO_TERMINAL]);
    command.uid(65534).gid(65534);
    refused_command(command, &wanted);
    fs::remove_dir_all(&dir).unwrap();
    program.read_line();
    assert!(is_free(program.pid()));
}

/// Files that are no Go programs to debug, each made for the purpose.
fn bad_files() -> Vec<(&'static str, PathBuf)> {
    let dir = scratch("bad");
    let good = fs::read(Fixture::build("loop").executable).unwrap();
    let make = |name: &str, bytes: &[u8], mode: u32| -> PathBuf {
        let path = dir.join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let mut headless = good.clone();
    headless[0x20..0x40].fill(0xff);
    let mut garbled = good.clone();
    let middle = good.len() / 2;
    garbled[middle..].iter_mut().for_each(|it| *it ^= 0x5a);
    vec![
        ("nothing in it", make("empty", b"", 0o755)),
        ("a text", make("text", b"hello, this is no program\n", 0o755)),
        ("cut off", make("cut", &good[..good.len() / 3], 0o755)),
        ("a broken header", make("headless", &headless, 0o755)),
        ("not executable", make("plain", &good, 0o644)),
        ("of another machine", make("arm", &with_machine(&good, 183), 0o755)),
        ("garbled in the middle", make("garbled", &garbled, 0o755)),
        ("a directory", dir),
        ("not there", Path::new("/nowhere/at/all").into()),
        ("a C program", Path::new("/bin/true").into()),
    ]
}

fn with_machine(elf: &[u8], machine: u16) -> Vec<u8> {
    let mut elf = elf.to_vec();
    elf[18..20].copy_from_slice(&machine.to_le_bytes());
    elf
}

#[test]
fn a_file_that_is_no_go_program() {
    for (what, path) in bad_files() {
        println!("{what}");
        let wanted: &[&str] = match what {
            "cut off" => &["cut off or damaged", "build or copy it again"],
            "garbled in the middle" => &["damaged"],
            _ => &[],
        };
        refused_everywhere(&["exec", path.to_str().unwrap()], wanted);
    }
}

/// Better than a refusal: what Go keeps for itself tells functions, lines and goroutines.
#[test]
fn a_stripped_program_is_debugged_as_far_as_go_itself_knows_it() {
    let how = Build { flags: &["-ldflags=-s -w"], ..Build::default() };
    let fixture = Fixture::build_as("server", how);
    let mut program = Program::until(&fixture.executable, &["1"], "http://");
    let mut session = Debugged::attach(&program);
    session.break_at("main.answer");
    let state = session.resume("continue");
    let (_, line, function) = place(&state);
    assert_eq!(function, "main.answer");
    assert!(line > 0, "{state:?}");
    assert!(!session.goroutines().is_empty());
    let why = session.try_eval("nosuch").unwrap_err();
    assert!(why.contains("nosuch"), "{why}");
    drop(session);
    program.read_line();
    assert!(is_free(program.pid()));
}

#[test]
fn a_server_that_is_not_there() {
    refused(&["connect", "127.0.0.1:1"], &["127.0.0.1:1", "nothing listens there"]);
    refused(&["tui", "connect", "127.0.0.1:1"], &[]);
    refused(&["connect", "unix:/nowhere/socket"], &["/nowhere/socket"]);
    refused(&["connect", "no address"], &["no address"]);
}

#[test]
fn an_address_that_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let fixture = Fixture::build("loop");
    let program = fixture.executable.to_str().unwrap();
    let wanted = [address.as_str(), "in use"];
    refused(&["exec", program, "--headless", "--listen", &address], &wanted);
}

#[test]
fn full_screen_without_a_terminal() {
    let fixture = Fixture::build("loop");
    let program = fixture.executable.to_str().unwrap();
    refused(&["tui", "exec", program], &["terminal"]);
    refused(&["tui", "demo"], &["terminal"]);
}

#[test]
fn a_package_that_does_not_compile() {
    let dir = scratch("uncompilable");
    fs::write(dir.join("go.mod"), "module wrong\n").unwrap();
    fs::write(dir.join("main.go"), "package main\n\nfunc main() { undefined() }\n")
        .unwrap();
    let mut command = Command::new(ours());
    command.args(["debug", NO_TERMINAL]).current_dir(&dir);
    let (status, text) = run(command);
    assert_eq!(status.code(), Some(1));
    assert!(text.contains("undefined: undefined"), "Go's own words: {text}");
}
