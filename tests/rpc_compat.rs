//! Do our answers have the shapes and texts of a real Delve's? `testdata/rpc` holds
//! conversations with Delve 1.27.1 (and the programs that were debugged); each is held
//! again with our server, and what differs must be in [`KNOWN`], with the reason.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::debugged::Debugged;
use crate::support::fixture::{Build, Fixture, root};
use crate::support::process::Program;
use crate::support::replay::Renaming;
use crate::support::server::{Peer, Server};

/// The release that the recorded programs were built with: its runtime's line numbers are
/// in the recordings.
const TOOLCHAIN: &str = "go1.26.6";

/// How a recorded conversation began: the program and its argument, and the lines of its
/// source to which it was run before.
struct Session {
    files: &'static [&'static str],
    program: &'static str,
    args: &'static [&'static str],
    /// Breakpoints that were set on lines with these texts.
    breaks: &'static [&'static str],
    /// How often it was continued then.
    continues: usize,
    /// What was in its environment besides.
    env: &'static [(&'static str, &'static str)],
}

/// How often a program is launched until its goroutines are scheduled as recorded.
const LAUNCHES_MAX: usize = 30;

const AT_KINDS: &[&str] = &["// BP_DEFER", "// BP_KINDS"];

const SESSIONS: &[Session] = &[
    launched(&["01-startup"]),
    launched(&["02-breakpoints", "03-continue-breakpoint"]),
    stopped(&["04-eval-kinds"], AT_KINDS),
    stopped(&["05-eval-exprs"], AT_KINDS),
    stopped(&["06-eval-errors"], AT_KINDS),
    stopped(&["07-eval-shortloadconfig"], AT_KINDS),
    stopped(
        &[
            "08-locals-args",
            "09-stacktrace",
            "10-goroutines",
            "11-threads-registers",
            "12-disassemble",
            "13-memory",
        ],
        AT_KINDS,
    ),
    stopped(&["14-set"], AT_KINDS),
    stopped(&["15-lists"], AT_KINDS),
    launched(&["18-stepping", "19-after-exit"]),
    Session { args: &["trace"], program: "prog2", ..launched(&["26-tracepoints"]) },
    Session {
        args: &["hard"],
        program: "prog2",
        ..launched(&["28-hardcoded-breakpoint"])
    },
    Session {
        args: &["labels"],
        program: "prog2",
        ..stopped(&["29-labels"], &["// BP_LABELS"])
    },
    Session { args: &["deadlock"], ..launched(&["30-deadlock"]) },
    Session { args: &["mutexdead"], ..launched(&["30-mutexdead"]) },
    Session { args: &["panic"], ..launched(&["30-panic"]) },
    Session { args: &["panicstr"], ..launched(&["30-panicstr"]) },
    Session { args: &["throw"], ..launched(&["30-throw"]) },
    launched(&["31-breakpoint-info"]),
    launched(&["32-bad-condition"]),
    Session {
        env: &[("GODEBUG", "tracebackancestors=5")],
        ..stopped(&["37-ancestors"], &["for v := range in {"])
    },
    launched(&["21-detach"]),
];

const fn launched(files: &'static [&'static str]) -> Session {
    Session { files, program: "prog", args: &[], breaks: &[], continues: 0, env: &[] }
}

const fn stopped(
    files: &'static [&'static str],
    breaks: &'static [&'static str],
) -> Session {
    Session { breaks, continues: 1, ..launched(files) }
}

/// Where we differ on purpose: the file (none: any), the request's number in it (0: any),
/// a part of the difference, and why.
const KNOWN: &[(&str, usize, &str, &str)] = &[
    // What is not there yet.
    ("", 0, "(CreateWatchpoint)", "watchpoints come later"),
    // What is better so.
    ("09-stacktrace", 9, "/value", "the argument, not what was on the stack before it"),
    ("09-stacktrace", 10, "", "Delve does not get behind the prologue, where n is"),
    ("10-goroutines", 9, "/result/Goroutines/", "who came to wait first is chance"),
    ("12-disassemble", 2, r#"Text: "?""#, "the range's end cuts an instruction off"),
    (
        "12-disassemble",
        0,
        "Bytes",
        "the displacement of a variable in the rebuilt program",
    ),
    ("13-memory", 1, "", "the displacement of a variable in the rebuilt program"),
    ("13-memory", 5, "", "a plain error where Delve crashes inside"),
    ("01-startup", 2, "/result/", "we say our own version, and what Go we support"),
    ("01-startup", 14, "", "there is no directory to look for debug information in"),
    ("02-breakpoints", 7, "ambiguous", "the order of the names is that of a Go map"),
    ("02-breakpoints", 9, "pcs", "an address has its own list too"),
    ("02-breakpoints", 9, "pcpids", "and its process"),
    ("02-breakpoints", 0, "/Breakpoint/id", "a breakpoint that is refused uses up no id"),
    ("02-breakpoints", 23, "", "the text names the breakpoint that has the id"),
    ("02-breakpoints", 26, "cannot place a breakpoint at 0x1", "it says what failed"),
    ("02-breakpoints", 27, "", "it says what is wrong with the request"),
    ("02-breakpoints", 29, "", "no phantom is left of a breakpoint that was refused"),
    ("", 0, "struct struct {}", "the type is struct {}"),
    ("05-eval-exprs", 16, "", "the runtime's own counters and scratch fields"),
    ("05-eval-exprs", 27, "/value", "what the runtime has left in a register"),
    ("11-threads-registers", 4, "/result/Reg", "what code before it left in registers"),
    ("30-throw", 6, "", "another goroutine may run into the same error before the end"),
    ("05-eval-exprs", 33, "", "it says what could not be read, and shows no value"),
    ("06-eval-errors", 13, "", "a text and a number have no sum"),
    (
        "09-stacktrace",
        0,
        "FramePointerOffset",
        "the outermost frame has no frame pointer",
    ),
    ("11-threads-registers", 2, "/result/Thread/", "the thread is another one"),
    ("14-set", 11, "", "a plain error where Delve crashes inside"),
    ("15-lists", 0, "error parsing regexp", "the reason is in our own words"),
    ("15-lists", 10, "", "packages are listed by their own names"),
    ("18-stepping", 24, "", "the thread is another one"),
    ("18-stepping", 25, "", "the thread is another one"),
    ("18-stepping", 26, "", "the thread is another one"),
    ("19-after-exit", 0, "Internal debugger error", "a plain error where Delve crashes"),
    ("19-after-exit", 21, "", "the last place of several does not stand for all"),
    ("19-after-exit", 0, "ExprString", "it is kept, to set the breakpoint again by"),
    ("19-after-exit", 0, "/result/Funcs", "the file can still be asked"),
    ("19-after-exit", 0, "/result/Types", "the file can still be asked"),
    ("19-after-exit", 29, "", "the exit status is the real one"),
    ("19-after-exit", 31, "/result/", "our own version"),
    ("19-after-exit", 39, "", "packages are listed by their own names"),
    ("19-after-exit", 40, "", "a process that is gone is not dumped"),
    ("22-framing", 20, "1e+20", "a number that no field can hold is shown rounded"),
    ("26-tracepoints", 6, "arguments/2/value", "a result that is not set yet is garbage"),
    ("30-throw", 1, "", "which goroutine is caught is a race"),
];

#[test]
fn our_answers_are_those_that_were_recorded() {
    let mut differences = Vec::new();
    for session in SESSIONS {
        let fixture = build(session.program);
        let mut debugged = begin(session, &fixture);
        let mut names = renaming(session.program, &fixture);
        for file in session.files {
            replay(&mut debugged, file, &mut names, &mut differences);
        }
    }
    report(differences);
}

/// The program at the place where the recording was made. Which goroutines have come to
/// rest by then is chance, on a loaded machine above all: one that was scheduled otherwise
/// than the recorded one is launched again.
fn begin(session: &Session, fixture: &Fixture) -> Debugged {
    let mut launches = 0;
    loop {
        launches += 1;
        let mut debugged = Debugged::launch_with(fixture, session.args, session.env);
        for text in session.breaks {
            debugged.break_at(&fixture.at(text));
        }
        for _ in 0..session.continues {
            debugged.resume("continue");
        }
        if session.continues == 0
            || launches == LAUNCHES_MAX
            || session.files.iter().all(|file| is_scheduled_as(&mut debugged, file))
        {
            return debugged;
        }
    }
}

/// Whether the goroutines do what those of this recording did, in the same order.
fn is_scheduled_as(debugged: &mut Debugged, file: &str) -> bool {
    let doing = |result: &Value| -> Vec<[Value; 3]> {
        let goroutines = result["Goroutines"].as_array();
        let what = |it: &Value| ["id", "status", "waitReason"].map(|key| it[key].clone());
        goroutines.into_iter().flatten().map(what).collect()
    };
    recording(file).iter().all(|exchange| {
        let request = &exchange["request"];
        let recorded = doing(&exchange["response"]["result"]);
        // Who came to wait on a channel first is let differ.
        let on_channel = request["params"][0]["Filters"][0]["Kind"] == 8;
        let is_list = request["method"] == "RPCServer.ListGoroutines" && !on_channel;
        if !is_list || recorded.is_empty() {
            return true;
        }
        let ours = debugged.wire.call("ListGoroutines", request["params"][0].clone());
        ours.is_ok_and(|ours| doing(&ours) == recorded)
    })
}

#[test]
fn an_attached_program_answers_as_recorded() {
    let fixture = build("prog");
    let program = Program::start(&fixture.executable, &["spin"]);
    let mut debugged = Debugged::attach(&program);
    let mut differences = Vec::new();
    let mut names = renaming("prog", &fixture);
    replay(&mut debugged, "24-attach", &mut names, &mut differences);
    differences
        .retain(|it| !it.contains("/currentThread/") && !it.contains("currentGoroutine"));
    report(differences);
}

/// Odd bytes on the wire: each exchange on a connection of its own.
#[test]
fn odd_requests_are_answered_as_recorded() {
    let mut differences = Vec::new();
    for (file, breaks) in [("22-framing", false), ("35-decoding-leniency", true)] {
        let fixture = build("prog");
        let mut debugged = Debugged::launch(&fixture, &["spin"]);
        if breaks {
            debugged.break_at(&fixture.at("// BP_KINDS"));
            debugged.resume("continue");
        }
        let mut names = renaming("prog", &fixture);
        for (nth, exchange) in (1..).zip(recording(file)) {
            let note = exchange["note"].as_str().unwrap_or_default();
            if note == "short fixed array" || note.starts_with("Command ") {
                // They restart the program, or run it: other tests do.
                continue;
            }
            for difference in odd_exchange(&debugged.server, &exchange, &mut names) {
                differences.push(format!("{file} {nth} ({note}) {difference}"));
            }
        }
    }
    report(differences);
}

/// As of a script that pipes its requests to `nc`: its end is not the end of its answers.
#[test]
fn a_client_that_has_asked_everything_gets_every_answer() {
    let fixture = build("prog");
    let debugged = Debugged::launch(&fixture, &[]);
    let mut wire = debugged.server.connect();
    let asked = ["ListFunctions", "ListGoroutines", "ListSources", "State"];
    for method in asked {
        wire.send(method, json!({}));
    }
    wire.end_requests();
    let mut ids = Vec::new();
    while let Some(line) = wire.read_line() {
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["error"], Value::Null, "{line:.200}");
        ids.push(answer["id"].as_u64().unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, [0, 1, 2, 3]);
}

/// What a real `dlv connect` sends for each of its commands is known to us.
#[test]
fn no_method_that_delve_s_client_sends_is_unknown() {
    let fixture = build("prog");
    let mut debugged = Debugged::launch(&fixture, &[]);
    // These run the program, wait for an event, or write a file; other tests do it.
    let skipped = ["GetEvents", "Restart", "Command", "DumpStart"];
    let mut methods = BTreeSet::new();
    for line in recording("40-dlv-connect-methods") {
        let requests = line["requests"].as_array().unwrap().iter();
        let name =
            |it: &Value| it.as_str().unwrap().split('(').next().unwrap().to_owned();
        methods.extend(requests.map(name));
    }
    for method in methods.iter().filter(|it| !skipped.contains(&it.as_str())) {
        let answer = debugged.wire.call(method, json!({}));
        let is_unknown = answer.is_err_and(|it| it.starts_with("unknown method"));
        assert!(!is_unknown, "{method}");
    }
    assert!(methods.len() > 40);
}

fn odd_exchange(server: &Server, exchange: &Value, names: &mut Renaming) -> Vec<String> {
    let mut wire = server.connect();
    let sent = names.text(exchange["sent_raw"].as_str().unwrap());
    wire.send_bytes(sent.as_bytes());
    let mut differences = Vec::new();
    for line in exchange["received_raw"].as_array().unwrap() {
        let recorded = line.as_str().unwrap();
        let ours = wire.read_line();
        match (recorded, ours) {
            ("<<connection closed>>", None) => {}
            (_, Some(ours)) if !recorded.starts_with("<<") => {
                let recorded: Value = serde_json::from_str(recorded).unwrap();
                let ours: Value = serde_json::from_str(&ours).unwrap();
                differences.extend(names.differences(&recorded, &ours));
            }
            (_, ours) => differences.push(format!("{ours:?}, not {recorded:?}")),
        }
    }
    differences
}

fn build(program: &str) -> Fixture {
    let main = root().join("testdata/rpc/programs").join(program).join("main.go");
    let how = Build { toolchain: Some(TOOLCHAIN), package: true, ..Build::default() };
    Fixture::build_file(&main, program, how)
}

fn renaming(program: &str, fixture: &Fixture) -> Renaming {
    let mut go = Command::new("go");
    let goroot =
        go.args(["env", "GOROOT"]).env("GOTOOLCHAIN", TOOLCHAIN).output().unwrap();
    let goroot = String::from_utf8(goroot.stdout).unwrap().trim().to_owned();
    let executable = fixture.executable.to_str().unwrap().to_owned();
    let dir = fixture.main.parent().unwrap().to_str().unwrap().to_owned();
    Renaming::new(vec![
        (format!("/home/user/{program}.bin"), executable),
        (format!("/home/user/{program}"), dir),
        ("/usr/local/go".into(), goroot),
    ])
}

fn recording(file: &str) -> Vec<Value> {
    let path = root().join("testdata/rpc").join(format!("{file}.jsonl"));
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn replay(
    debugged: &mut Debugged,
    file: &str,
    names: &mut Renaming,
    out: &mut Vec<String>,
) {
    for (nth, exchange) in (1..).zip(recording(file)) {
        let request = &exchange["request"];
        let method = request["method"].as_str().unwrap().trim_start_matches("RPCServer.");
        let argument = names.request(&request["params"][0]);
        let ours = match debugged.wire.call(method, argument.clone()) {
            Ok(mut result) => {
                let groups = &exchange["response"]["result"]["Groups"];
                if let Some(groups) = groups.as_array() {
                    regroup(debugged, argument, groups, names, &mut result);
                }
                json!({"result": result, "error": null})
            }
            Err(text) => json!({"result": null, "error": text}),
        };
        let mut recorded = exchange["response"].clone();
        recorded.as_object_mut().unwrap().remove("id");
        for difference in names.differences(&recorded, &ours) {
            let what = match method {
                "Eval" => request["params"][0]["Expr"].to_string(),
                "Command" => request["params"][0]["name"].to_string(),
                _ => method.to_owned(),
            };
            out.push(format!("{file} {nth} ({what}) {difference}"));
        }
    }
}

/// Puts our groups of goroutines into the order of the recorded ones. They are sorted by
/// names that begin with paths, so that where the program was built decides which comes
/// first, and which one is left if only some are asked for: that one is taken from all.
fn regroup(
    debugged: &mut Debugged,
    mut argument: Value,
    recorded: &[Value],
    names: &Renaming,
    ours: &mut Value,
) {
    argument["MaxGroups"] = 0.into();
    let all = debugged.wire.call("ListGoroutines", argument).unwrap();
    let all_groups: Vec<_> = all["Groups"].as_array().unwrap().iter().collect();
    assert!(all_groups.is_sorted_by_key(|it| it["Name"].as_str()), "{all_groups:?}");
    let (mut groups, mut goroutines) = (Vec::new(), Vec::new());
    for theirs in recorded {
        let name = names.text(theirs["Name"].as_str().unwrap());
        let Some(group) = all_groups.iter().find(|it| it["Name"] == *name) else {
            return;
        };
        let range = ["Offset", "Count"].map(|it| group[it].as_u64().unwrap() as usize);
        let members = all["Goroutines"].as_array().unwrap().iter();
        let mut group = (*group).clone();
        group["Offset"] = goroutines.len().into();
        goroutines.extend(members.skip(range[0]).take(range[1]).cloned());
        groups.push(group);
    }
    if ours["Groups"].as_array().map(Vec::len) == Some(groups.len()) {
        ours["Groups"] = groups.into();
        ours["Goroutines"] = goroutines.into();
    }
}

fn report(differences: Vec<String>) {
    if Peer::chosen() == Peer::Delve {
        println!("{}", differences.join("\n"));
        return;
    }
    let is_known = |it: &String| {
        let (name, rest) = it.split_once(' ').unwrap_or((it, ""));
        KNOWN.iter().any(|(file, nth, part, _)| {
            (file.is_empty() || *file == name)
                && (*nth == 0 || rest.starts_with(&format!("{nth} ")))
                && it.contains(part)
        })
    };
    let unknown: Vec<String> =
        differences.into_iter().filter(|it| !is_known(it)).collect();
    assert!(unknown.is_empty(), "\n{}\n", unknown.join("\n"));
}
