//! Does a core file show what its process would have shown? Whoever wrote it: we, a real
//! Delve, or the kernel.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tinydbg::api::methods::{DumpCancelIn, DumpStartIn, DumpWaitIn};
use tinydbg::api::types::{DebuggerState, EvalScope, Goroutine};

use crate::support::corefile::CoreFile;
use crate::support::debugged::Debugged;
use crate::support::fixture::{Build, Fixture, root, scratch};
use crate::support::process::{Program, is_free, run};
use crate::support::pty::Terminal;
use crate::support::replay::Renaming;
use crate::support::server::{Peer, Server, ours};
use crate::support::show;

/// A session over a core file.
fn open(peer: Peer, fixture: &Fixture, core: &CoreFile) -> Debugged {
    let mut command = Server::command(peer, "core");
    command.arg(&fixture.executable).arg(core.path());
    let server = Server::start(command);
    Debugged { wire: server.connect(), server }
}

/// Goroutines with their stacks.
fn goroutines(debugged: &mut Debugged) -> Vec<String> {
    let all = debugged.goroutines();
    stacks(debugged, &all)
}

/// Those of the program that wait, and the one that stands at the breakpoint: all
/// debuggers agree on what they do.
fn agreed(debugged: &mut Debugged) -> Vec<String> {
    const WAITING: u64 = 4;
    let mut all = debugged.goroutines();
    all.retain(|it| {
        let start = it.start_loc.function.as_ref().map_or("", |it| &it.name);
        it.id == 1 || start.starts_with("main.") && it.status == WAITING
    });
    stacks(debugged, &all)
}

fn stacks(debugged: &mut Debugged, all: &[Goroutine]) -> Vec<String> {
    let mut lines = Vec::new();
    for it in all {
        let at = &it.user_current_loc;
        let at = at.function.as_ref().map_or("", |function| &function.name);
        lines.push(format!("goroutine {} status {} in {at}", it.id, it.status));
        for frame in debugged.stack(it.id, 50) {
            let name = frame.function.as_ref().map_or("", |it| &it.name);
            lines.push(format!("    {name} {}:{}", frame.file, frame.line));
        }
    }
    assert!(all.len() > 3, "{lines:?}");
    lines
}

/// What else is to be seen of a stopped program.
fn details(debugged: &mut Debugged) -> Vec<String> {
    let state = debugged.state();
    let mut threads: Vec<String> = state
        .threads
        .iter()
        .flatten()
        .map(|it| {
            format!("thread {} at {:#x} goroutine {}", it.id, it.pc, it.goroutine_id)
        })
        .collect();
    threads.sort();
    let mut lines = threads;
    for frame in 0..2 {
        let scope = EvalScope { frame, ..EvalScope::selected(0) };
        let arguments = debugged.arguments(scope.clone());
        let locals = debugged.locals(scope);
        lines.extend(arguments.iter().chain(&locals).map(show::declared));
    }
    let thread = state.current_thread.expect("a thread is selected");
    let registers = json!({"ThreadID": thread.id, "IncludeFp": true});
    let registers = debugged.wire.call("ListRegisters", registers).unwrap();
    lines.push(registers["Registers"].to_string());
    let scope = json!({"GoroutineID": -1});
    let code = json!({"Scope": scope, "StartPC": thread.pc, "EndPC": thread.pc + 64});
    let code = debugged.wire.call("Disassemble", code).unwrap();
    let code = code["Disassemble"].as_array().unwrap();
    lines.extend(code.iter().map(|it| it["Text"].to_string()));
    lines
}

/// Compares line by line: the first that differs says more than all of them.
#[track_caller]
fn assert_same(found: &[String], wanted: &[String]) {
    for (nth, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert_eq!(found, wanted, "line {nth}");
    }
    assert_eq!(found.len(), wanted.len());
}

fn parked(fixture: &Fixture) -> Debugged {
    Debugged::at(fixture, &["20"], "main.here")
}

#[test]
fn our_dump_shows_what_the_process_showed_to_us_and_to_delve() {
    let fixture = Fixture::build("many");
    let mut live = parked(&fixture);
    let (all, one) = (goroutines(&mut live), details(&mut live));
    let some = agreed(&mut live);
    let core = CoreFile::dump(&mut live, "ours");
    let mode = fs::metadata(core.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds all that the program knows");
    drop(live);
    let mut ours = open(Peer::Ours, &fixture, &core);
    assert_same(&goroutines(&mut ours), &all);
    assert_same(&details(&mut ours), &one);
    assert_eq!(ours.state().stop_reason, "core");
    let mut delves = open(Peer::Delve, &fixture, &core);
    assert_same(&agreed(&mut delves), &some);
}

#[test]
fn delves_dump_shows_what_the_process_showed_to_delve() {
    let fixture = Fixture::build("many");
    let mut live = Debugged::launch_on(Peer::Delve, &fixture.executable, &["20"]);
    live.break_at("main.here");
    live.resume("continue");
    let all = agreed(&mut live);
    let core = CoreFile::dump(&mut live, "delves");
    drop(live);
    let mut core = open(Peer::Ours, &fixture, &core);
    assert_same(&agreed(&mut core), &all);
    let state = core.state();
    let goroutine = state.current_goroutine.expect("that of the breakpoint");
    assert_eq!(goroutine.id, 1);
}

/// The kernel leaves out what is in files.
#[test]
fn what_the_kernel_leaves_out_is_taken_from_files() {
    for flags in [&[][..], &["-buildmode=pie"]] {
        let fixture = Fixture::build_as("many", Build { flags, ..Build::default() });
        let mut live = parked(&fixture);
        let (all, one) = (goroutines(&mut live), details(&mut live));
        let name = format!("kernel{}", flags.len());
        let core = CoreFile::dump(&mut live, &name).as_of_kernel(11);
        drop(live);
        let mut core = open(Peer::Ours, &fixture, &core);
        assert_same(&goroutines(&mut core), &all);
        assert_same(&details(&mut core), &one);
        assert_eq!(core.state().stop_reason, "core: SIGSEGV at 0x10", "{flags:?}");
    }
}

/// One that the kernel has written indeed, where it may write into our directory.
#[test]
fn a_core_of_the_kernel() {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    if pattern.trim().is_empty() || pattern.contains(['|', '/']) {
        return println!("the kernel gives core files to {pattern:?}, and not to us");
    }
    let fixture = Fixture::build("endings");
    let dir = scratch("cores").join(format!("kernel-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let script = "ulimit -c unlimited || exit 3; exec \"$0\" nil";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(&fixture.executable);
    command.env("GOTRACEBACK", "crash").current_dir(&dir);
    let (status, output) = run(command);
    let core = fs::read_dir(&dir).unwrap().next().map(|it| it.unwrap().path());
    let Some(core) = core else {
        fs::remove_dir_all(&dir).unwrap();
        return println!("no core file: {status}, {output}");
    };
    let core = CoreFile(core);
    let mut debugged = open(Peer::Ours, &fixture, &core);
    let state = debugged.state();
    assert_eq!(state.stop_reason, "core: SIGABRT");
    assert_eq!(state.current_goroutine.as_ref().map(|it| it.id), Some(1));
    let stack = debugged.stack(-1, 50);
    let names: Vec<&str> = crate::support::debugged::functions(&stack);
    assert!(names.contains(&"main.main"), "{names:?}");
    let mut command = Command::new(ours());
    command.args(["core", "--allow-non-terminal-interactive"]);
    let (_, said) = run({
        command.arg(&fixture.executable).arg(core.path());
        command
    });
    assert!(said.contains("panic: runtime error: invalid memory address"), "{said}");
    drop(debugged);
    drop(core);
    fs::remove_dir(&dir).unwrap();
}

/// In Delve's words, which its clients know.
#[test]
fn what_only_a_process_can_do_is_refused_in_words() {
    let fixture = Fixture::build("many");
    let mut live = parked(&fixture);
    let core = CoreFile::dump(&mut live, "refusals");
    drop(live);
    const RUN: &str = "can not continue execution of core process";
    let named = |name: &str| json!({"name": name});
    let scope = json!({"GoroutineID": -1, "Frame": 1});
    let cases = [
        ("Command", named("continue"), RUN),
        ("Command", named("next"), RUN),
        ("Command", named("step"), RUN),
        ("Command", named("stepOut"), RUN),
        ("Command", named("stepInstruction"), RUN),
        ("Command", named("nextInstruction"), RUN),
        ("Restart", json!({}), RUN),
        (
            "CreateBreakpoint",
            json!({"Breakpoint": {"functionName": "main.here"}}),
            "cannot write a breakpoint to a core file",
        ),
        (
            "Set",
            json!({"Scope": scope, "Symbol": "n", "Value": "1"}),
            "can not write to core process",
        ),
        ("DumpStart", json!({"Destination": "/nosuch/x"}), "core dumping not supported"),
        ("ClearBreakpoint", json!({"Id": 1}), "no breakpoint with id 1"),
    ];
    let mut ours = open(Peer::Ours, &fixture, &core);
    let mut delves = open(Peer::Delve, &fixture, &core);
    for (method, argument, why) in cases {
        let said = ours.wire.call(method, argument.clone());
        assert_eq!(said, Err(why.to_owned()), "{method} {argument}");
        let said = delves.wire.call(method, argument.clone());
        assert_eq!(said, Err(why.to_owned()), "Delve's {method} {argument}");
    }
    for peer in [&mut ours, &mut delves] {
        let list = peer.wire.call("ListBreakpoints", json!({"All": true})).unwrap();
        assert_eq!(list, json!({"Breakpoints": []}));
        let version = peer.wire.call("GetVersion", json!({})).unwrap();
        assert_eq!(version["Backend"], "core");
        assert_eq!(peer.wire.call("CancelNext", json!({})), Ok(json!({})));
        assert!(!peer.resume("halt").exited);
        assert_eq!(peer.wire.call("Detach", json!({"Kill": true})), Ok(json!({})));
        assert!(peer.server.wait().success());
    }
}

/// Leaves out the first page of the executable, as the kernel does if it is told to.
fn forget_build_id(core: &mut [u8]) {
    let count = usize::from(u16::from_le_bytes([core[56], core[57]]));
    // The mappings are in order, and the executable is the lowest.
    let mut headers = (0..count).map(|nth| 64 + 56 * nth);
    let at = headers.find(|at| core[*at] == 1).unwrap();
    core[at + 32..at + 40].fill(0);
}

#[test]
fn files_that_do_not_go_together_are_refused_in_a_sentence() {
    let many = Fixture::build("many");
    let steps = Fixture::build("steps");
    let mut live = parked(&many);
    let core = CoreFile::dump(&mut live, "mismatches");
    drop(live);
    // The same code; only what is known of its making differs.
    let flags = &["-ldflags=-X main.nothing=1"];
    let rebuilt = Fixture::build_as("many", Build { flags, ..Build::default() });
    let rebuilt = rebuilt.executable.to_str().unwrap();
    let no_id = core.copy("no-id", |it| forget_build_id(it));
    let arm = core.copy("arm", |it| it[18] = 183);
    let cut = core.copy("cut", |it| it.truncate(100_000));
    let path = |it: &CoreFile| it.path().to_str().unwrap().to_owned();
    let exe = many.executable.to_str().unwrap();
    let other = steps.executable.to_str().unwrap();
    let cases = [
        (other, path(&core), "is not a core file of"),
        (rebuilt, path(&core), "it is of another build"),
        (rebuilt, path(&no_id), "it was built otherwise"),
        (exe, exe.to_owned(), "not a core file but a program"),
        (exe, many.main.to_str().unwrap().to_owned(), "not a core file"),
        (exe, "/nosuch/core".to_owned(), "No such file or directory"),
        ("/nosuch/exe", path(&core), "No such file or directory"),
        ("/bin/sh", path(&core), "not a Go program"),
        (exe, path(&arm), "arm64"),
        (exe, path(&cut), "the core file is truncated"),
    ];
    for (exe, core, why) in cases {
        for how in ["--allow-non-terminal-interactive", "--headless"] {
            let mut command = Command::new(ours());
            command.args(["core", exe, &core, how]);
            let (status, text) = run(command);
            assert_eq!(status.code(), Some(1), "{exe} {core}: {text}");
            assert!(text.contains(why), "{exe} {core}: {text}");
            let said = text.lines().filter(|it| !it.starts_with("API server"));
            assert_eq!(said.count(), 1, "{exe} {core}: {text}");
        }
        let mut command = Command::new(ours());
        command.args(["tui", "core", exe, &core]);
        let mut screen = Terminal::start(command, 100, 30);
        assert_eq!(screen.wait().code(), Some(1), "{exe} {core}");
        assert!(screen.is_restored());
    }
}

#[test]
fn line_mode_and_the_screen_say_that_it_is_a_core() {
    let fixture = Fixture::build("many");
    let mut live = parked(&fixture);
    let core = CoreFile::dump(&mut live, "screens").as_of_kernel(11);
    drop(live);
    let mut command = Command::new(ours());
    command.arg("core").arg(&fixture.executable).arg(core.path());
    let mut line = Terminal::start(command, 120, 40);
    line.wait_for("ended by SIGSEGV at 0x10");
    line.wait_for("(tinydbg)");
    types(&mut line, "continue", "can not continue execution of core process");
    types(&mut line, "print n", "20");
    line.keys("exit\r");
    assert!(line.wait().success(), "there is nothing to ask about");

    let mut command = Command::new(ours());
    command.args(["tui", "core"]).arg(&fixture.executable).arg(core.path());
    let mut screen = Terminal::start(command, 120, 40);
    screen.wait_for("STOPPED core: SIGSEGV at 0x10");
    screen.wait_for("func here(n int)");
    assert!(!screen.screen().contains("cont  "), "{}", screen.screen());
    screen.keys("c");
    screen
        .wait_for("a core file does not run; tinydbg tui exec starts the program itself");
    screen.keys("b");
    screen.wait_for("a core file gets to no breakpoint");
    screen.keys("q");
    assert!(screen.wait().success());
}

#[test]
fn a_dump_is_asked_for_in_line_mode_and_on_the_screen() {
    let fixture = Fixture::build("many");
    let program = Program::until(&fixture.executable, &["20"], "ready");
    let core = CoreFile::named("asked-for");
    let path = core.path().to_str().unwrap();
    let pid = program.pid().to_string();
    let mut command = Command::new(ours());
    command.args(["attach", &pid]);
    let mut line = Terminal::start(command, 200, 40);
    line.wait_for("(tinydbg)");
    types(&mut line, &format!("dump {path}"), "Core dump written to");
    types(&mut line, &format!("dump {path}"), "file exists");
    line.keys("exit\r");
    line.wait_for("Would you like to kill the process?");
    line.keys("n\r");
    assert!(line.wait().success());
    fs::remove_file(path).unwrap();

    let mut command = Command::new(ours());
    command.args(["tui", "attach", &pid]);
    let mut screen = Terminal::start(command, 200, 40);
    screen.wait_for("STOPPED");
    screen.keys(&format!(":dump {path}\r"));
    screen.wait_for("Core dump written to");
    screen.keys("qd");
    assert!(screen.wait().success());
    assert!(core.path().exists() && is_free(program.pid()));
}

/// Types a command; waits for this text, and the next prompt.
#[track_caller]
fn types(line: &mut Terminal, command: &str, wanted: &str) {
    let start = line.bytes.len();
    line.keys(&format!("{command}\r"));
    line.wait_until(wanted, |it| {
        let said = it.said_since(start);
        said.contains(wanted) && said.trim_end().ends_with("(tinydbg)")
    });
}

#[test]
fn the_recorded_conversation_about_a_dump() {
    let mut live = parked(&Fixture::build("many"));
    let core = CoreFile::named("recorded");
    let ours = core.path().to_str().unwrap().to_owned();
    let mut names = Renaming::new(vec![("/home/user/core1".into(), ours)]);
    let text = fs::read_to_string(root().join("testdata/rpc/34-dump.jsonl")).unwrap();
    for line in text.lines() {
        let recorded: Value = serde_json::from_str(line).unwrap();
        let request = &recorded["request"];
        let method = request["method"].as_str().unwrap();
        let method = method.strip_prefix("RPCServer.").unwrap();
        let mut argument = names.request(&request["params"][0]);
        if argument["Wait"].as_i64().is_some_and(|it| it > 0) {
            // On a busy machine it may take longer than on the one that recorded.
            argument["Wait"] = 60_000.into();
        }
        let answer = match live.wire.call(method, argument) {
            Ok(result) => json!({"result": result, "error": null}),
            Err(why) => json!({"result": null, "error": why}),
        };
        let mut wanted = recorded["response"].clone();
        wanted.as_object_mut().unwrap().remove("id");
        let mut differences = names.differences(&wanted, &answer);
        // How many threads Go has is its own affair.
        differences.retain(|it| !it.contains("/Threads"));
        assert!(differences.is_empty(), "{line}: {differences:?}");
    }
}

#[test]
fn a_dump_goes_where_it_can_and_says_why_it_cannot() {
    let mut live = parked(&Fixture::build("many"));
    let core = CoreFile::dump(&mut live, "twice");
    let there = core.path().to_str().unwrap();
    let dir = scratch("cores");
    let cases = [
        (there, "file exists"),
        ("/nosuch/dir/x", "no such file or directory"),
        (dir.to_str().unwrap(), "file exists"),
        ("", "no such file or directory"),
    ];
    for (path, why) in cases {
        let destination = path.to_owned();
        let said = live.wire.try_ask(DumpStartIn { destination });
        assert_eq!(said.unwrap_err(), format!("open {path}: {why}"));
    }
}

/// A client that is in the middle of a dump is answered, and told if it has to wait.
#[test]
fn others_are_served_while_a_dump_is_written() {
    let mut live = parked(&Fixture::build("many"));
    let core = CoreFile::named("served");
    let path = core.path().to_str().unwrap();
    // Sent at once: they are in the queue before the dump can be at its end.
    let start = live.wire.send("DumpStart", json!({"Destination": path}));
    let again = live.wire.send("DumpStart", json!({"Destination": path}));
    let state = live.wire.send("State", json!({"NonBlocking": true}));
    let stack = live.wire.send("Stacktrace", json!({"Id": 1, "Depth": 5}));
    assert_eq!(live.wire.reply(start).unwrap()["State"]["Dumping"], true);
    let again = live.wire.reply(again).unwrap_err();
    assert!(
        again == "core dump in progress" || again.ends_with("file exists"),
        "{again}"
    );
    let state = live.wire.reply(state).unwrap();
    let state: DebuggerState = serde_json::from_value(state["State"].clone()).unwrap();
    assert!(state.current_thread.is_some(), "{state:?}");
    assert!(live.wire.reply(stack).unwrap()["Locations"][0].is_object());
    live.wire.ask(DumpCancelIn {});
    let ended = live.wire.ask(DumpWaitIn { wait: 60_000 }).state;
    assert!(!ended.dumping && ended.err.is_empty(), "{ended:?}");
    assert_eq!(ended.all_done, core.path().exists(), "what is given up is removed");
    assert!(!live.resume("continue").exited);
}

/// gdb, where there is one, reads our dump too.
#[test]
fn gdb_reads_our_dump() {
    let fixture = Fixture::build("many");
    let mut live = parked(&fixture);
    let core = CoreFile::dump(&mut live, "gdb");
    drop(live);
    if Command::new("gdb").arg("--version").output().is_err() {
        return println!("there is no gdb");
    }
    let said = gdb(&fixture.executable, core.path());
    assert!(said.contains("main.here (n=20)"), "{said}");
    assert!(said.contains("in main.main ()"), "{said}");
}

fn gdb(executable: &Path, core: &Path) -> String {
    let mut command = Command::new("gdb");
    command.args(["-nx", "-batch", "-ex", "bt"]).arg(executable).arg(core);
    run(command).1
}
