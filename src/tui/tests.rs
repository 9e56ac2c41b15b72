//! Scripts against a service that answers from functions: what keys do, and what is seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;

use crate::api::methods::*;
use crate::api::types::*;
use crate::client::fake::FakeClient;
use crate::client::{Client, ClientError};
use crate::frontend::kept::{Kept, KeptBreakpoint};
use crate::tui::keymap::Key;
use crate::tui::script::Script;
use crate::tui::state::msg::{Effect, Mouse, Msg};
use crate::tui::state::{Run, Settings, State};

const MAIN: &str = "/src/app/main.go";
const SOURCE: &str = "package main

func main() {
\tfor i := 0; i < 3; i++ {
\t\tcount(i)
\t}
}

func count(i int) int {
\ttotal := i * 2
\ttotal++
\treturn total
}
";

fn function(name: &str) -> Option<Function> {
    Some(Function { name: name.into(), ..Default::default() })
}

fn location(name: &str, line: i64) -> Location {
    Location { file: MAIN.into(), line, function: function(name), ..Default::default() }
}

fn int(name: &str, value: i64, decl_line: i64) -> Variable {
    Variable {
        name: name.into(),
        kind: Kind::INT,
        type_name: "int".into(),
        value: value.to_string(),
        addr: 0xc000,
        decl_line,
        ..Default::default()
    }
}

fn goroutine(id: i64, line: i64) -> Goroutine {
    Goroutine {
        id,
        status: 4,
        wait_reason: 19,
        current_loc: location("main.count", line),
        user_current_loc: location("main.count", line),
        start_loc: location("main.main", 3),
        ..Default::default()
    }
}

/// A program that stops at line 10, and one line further with each step.
fn stop_at(line: i64) -> DebuggerState {
    let breakpoint =
        Breakpoint { id: 1, file: MAIN.into(), line: 10, ..Default::default() };
    DebuggerState {
        pid: 4242,
        command_line: "/src/app/app -v".into(),
        current_goroutine: Some(Goroutine {
            status: 2,
            thread_id: 4243,
            labels: Some([("req".to_owned(), "9f3a".to_owned())].into()),
            ..goroutine(7, line)
        }),
        current_thread: Some(Thread {
            id: 4243,
            file: MAIN.into(),
            line,
            function: function("main.count"),
            goroutine_id: 7,
            breakpoint: (line == 10).then_some(breakpoint),
            ..Default::default()
        }),
        threads: Some(vec![Thread { id: 4243, goroutine_id: 7, ..Default::default() }]),
        stop_reason: if line == 10 { "breakpoint" } else { "next finished" }.into(),
        ..Default::default()
    }
}

fn frames(line: i64) -> Vec<Stackframe> {
    let frame = |name: &str, line| Stackframe {
        file: MAIN.into(),
        line,
        function: function(name),
        ..Default::default()
    };
    vec![frame("main.count", line), frame("main.main", 5), frame("runtime.main", 283)]
}

/// A service with that program; `ours` answers while it runs.
fn service(ours: bool) -> Arc<FakeClient> {
    let fake = FakeClient::new();
    let build = if ours { "tinydbg" } else { "$Id$" };
    fake.always::<GetVersionIn>(GetVersionOut {
        delve_version: format!("Version: 1.27.1\nBuild: {build}"),
        target_go_version: "Go cmd/compile go1.26.6".into(),
        ..Default::default()
    });
    fake.always::<AttachedToExistingProcessIn>(AttachedToExistingProcessOut {
        answer: true,
    });
    fake.always::<StateIn>(StateOut { state: Some(stop_at(10)) });
    let line = Arc::new(AtomicI64::new(10));
    let now = Arc::clone(&line);
    fake.on::<StacktraceIn>(move |_| {
        Ok(StacktraceOut { locations: Some(frames(now.load(Ordering::Relaxed))) })
    });
    fake.always::<ListFunctionArgsIn>(ListFunctionArgsOut {
        args: Some(vec![int("i", 1, 9)]),
    });
    let mut total = 0;
    fake.on::<ListLocalVarsIn>(move |_| {
        total += 2;
        Ok(ListLocalVarsOut { variables: Some(vec![int("total", total, 10)]) })
    });
    let many = || (1..=5).map(|id| goroutine(id, 11)).collect();
    fake.on::<ListGoroutinesIn>(move |_| {
        Ok(ListGoroutinesOut {
            goroutines: Some(many()),
            nextg: -1,
            ..Default::default()
        })
    });
    fake.on::<ListStackGroupsIn>(move |_| {
        let group = StackGroup { count: 5, members: many(), frames: Vec::new() };
        Ok(ListStackGroupsOut { groups: vec![group], total: 5, ..Default::default() })
    });
    let breakpoint = Breakpoint {
        id: 1,
        file: MAIN.into(),
        line: 10,
        function_name: "main.count".into(),
        total_hit_count: 3,
        ..Default::default()
    };
    fake.always::<ListBreakpointsIn>(ListBreakpointsOut {
        breakpoints: Some(vec![breakpoint.clone()]),
    });
    fake.on::<CreateBreakpointIn>(|args| {
        if args.breakpoint.line == 7 {
            return Err(
                "could not find statement at /src/app/main.go:7, please use a line"
                    .into(),
            );
        }
        let breakpoint = Breakpoint { id: 2, ..args.breakpoint };
        Ok(CreateBreakpointOut { breakpoint })
    });
    fake.always::<ClearBreakpointIn>(ClearBreakpointOut { breakpoint: Some(breakpoint) });
    fake.always::<AmendBreakpointIn>(Empty {});
    fake.always::<DetachIn>(Empty {});
    fake.always::<ListFunctionsIn>(ListFunctionsOut {
        funcs: Some(vec!["main.main".into(), "main.count".into()]),
    });
    fake.always::<ListSourcesIn>(ListSourcesOut { sources: Some(vec![MAIN.into()]) });
    fake.on::<FindLocationIn>(|args| {
        let line = if args.loc == "main.main" { 3 } else { 9 };
        Ok(FindLocationOut {
            locations: Some(vec![location(&args.loc, line)]),
            ..Default::default()
        })
    });
    fake.on::<EvalIn>(|args| {
        if args.expr == "nosuch" {
            return Err("could not find symbol value for nosuch".into());
        }
        Ok(EvalOut { variable: Some(int(&args.expr, 42, 0)) })
    });
    fake.on::<Command>(move |args| {
        let now = match args.name.as_str() {
            command::NEXT | command::STEP => (line.load(Ordering::Relaxed) + 1).min(12),
            _ => line.load(Ordering::Relaxed),
        };
        line.store(now, Ordering::Relaxed);
        Ok(CommandOut { state: stop_at(now) })
    });
    Arc::new(fake)
}

fn script(ours: bool, size: (u16, u16)) -> (Script, Arc<FakeClient>) {
    let fake = service(ours);
    let client: Arc<dyn Client> = fake.clone();
    let settings = Settings { title: "app".into(), attached: true, ..Default::default() };
    let mut script = Script::new(State::new(settings), client, size).file(MAIN, SOURCE);
    script.start();
    (script, fake)
}

fn methods(fake: &FakeClient) -> Vec<&'static str> {
    fake.take_asked().iter().map(|it| it.method).collect()
}

#[test]
fn a_stop_shows_the_line_its_values_and_why() {
    let (script, _) = script(true, (80, 24));
    insta::assert_snapshot!(script.screen(), @r#"
     app 4242 │ STOPPED bp 1 │ g7 req=9f3a │ main.go:10 │ T4243 │ 5 g  held 0s │ #1
    ┏━ 1 Source ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ /src/app/main.go ━┓
    ┃   5           count(i)                                                       ┃
    ┃   6       }                                                                  ┃
    ┃   7   }                                                                      ┃
    ┃   8                                                                          ▐
    ┃   9   func count(i int) int {   ◂ i = 1                                      ▐
    ┃● 10▶      total := i * 2   ◂ i = 1                                           ▐
    ┃  11       total++                                                            ▐
    ┃  12       return total                                                       ▐
    ┃  13   }                                                                      ▐
    ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 10/13 ━┛
    ╭─ 2 Gor  3 Vars  4 Stack  5 Brk  6 Watch  7 Con ───────────────── main.count ─╮
    │  ▾ Arguments (1)                                                             │
    │      i     1                                                              int│
    │  ▾ Locals (1)                                                                │
    │      total 2                                                              int│
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    ╰──────────────────────────────────────────────────────────────────────────────╯
     n next  s step  o out  c cont  b break          Ctrl-P find  : command  ? keys
     stopped: breakpoint 1
    "#);
}

#[test]
fn the_smallest_screen_shows_the_line_and_the_variables() {
    let (script, _) = script(true, (40, 12));
    insta::assert_snapshot!(script.screen(), @r#"
     STOPPED bp 1 │ g7 req=9f3a     held 0s
       8
       9   func count(i int) int {
    ● 10▶      total := i * 2   ◂ i = 1
      11       total++
      12       return total
    ─ 2 Gor  3 Vars  4 Stack  5 Brk  6 Wat…─
      ▾ Arguments (1)
          i   1
      ▾ Locals (1)
     n next  s step  o out  c cont   ? keys
     stopped: breakpoint 1
    "#);
}

#[test]
fn two_columns_show_all_lists_at_once() {
    let (script, _) = script(true, (100, 30));
    insta::assert_snapshot!(script.screen(), @r#"
     app 4242 │ STOPPED breakpoint 1 │ g7 req=9f3a │ T4243 │ 5 goroutines              held 0s │ stop 1
    ┏━ 1 Source ━━━━━━━━━━━━━━━━━━━━━━━━━━━━ /src/app/main.go ━┓╭─ 2 Goroutines ────────── 5 by stack ─╮
    ┃   1   package main                                       ┃│▶ g7 running main.count main.go:10    │
    ┃   2                                                      ┃│▸     5 chan receive main.count main.…│
    ┃   3   func main() {                                      ┃│                                      │
    ┃   4       for i := 0; i < 3; i++ {                       ┃│                                      │
    ┃   5           count(i)                                   ┃│                                      │
    ┃   6       }                                              ┃│                                      │
    ┃   7   }                                                  ┃│                                      │
    ┃   8                                                      ┃╰──────────────────────────────────────╯
    ┃   9   func count(i int) int {   ◂ i = 1                  ┃╭─ 4 Stack ─────────────────────── g7 ─╮
    ┃● 10▶      total := i * 2   ◂ i = 1                       ┃│▶ 0 main.count main.go:10             │
    ┃  11       total++                                        ┃│  1 main.main main.go:5               │
    ┃  12       return total                                   ┃│  ▸ 1 runtime frame (Enter)           │
    ┃  13   }                                                  ┃│                                      │
    ┃                                                          ┃│                                      │
    ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 10/13 ━┛│                                      │
    ╭─ 3 Variables  7 Console ──────────────────── main.count ─╮│                                      │
    │  ▾ Arguments (1)                                         │╰──────────────────────────────────────╯
    │      i     1                                          int│╭─ 5 Brk  6 Watch ─────────────────────╮
    │  ▾ Locals (1)                                            ││▶●  1 main.go:10 main.count     3 hits│
    │      total 2                                          int││                                      │
    │                                                          ││                                      │
    │                                                          ││                                      │
    │                                                          ││                                      │
    │                                                          ││                                      │
    │                                                          ││                                      │
    ╰──────────────────────────────────────────────────────────╯╰──────────────────────────────────────╯
     n next  s step  o out  c cont  b break  t to cursor  p print        Ctrl-P find  : command  ? keys
     stopped: breakpoint 1
    "#);
}

#[test]
fn every_state_is_said_in_words_in_every_layout() {
    for size in [(40, 12), (80, 24), (100, 30), (120, 40), (200, 60), (80, 60)] {
        let (mut script, fake) = script(true, size);
        let says = |script: &Script, words: &str| {
            let screen = script.screen();
            assert!(screen.contains(words), "{words} at {size:?}\n{screen}");
        };
        says(&script, "STOPPED");
        says(&script, "total := i * 2");
        fake.hold::<Command>();
        script.keys("c");
        script.wait(5000);
        says(&script, "RUNNING 5s");
        let end = DebuggerState { exited: true, exit_status: 7, ..Default::default() };
        fake.release::<Command>(Ok(CommandOut { state: end }));
        script.pump();
        says(&script, "EXITED 7");
        let client: Arc<dyn Client> = fake;
        let loading = Script::new(State::new(Settings::default()), client, size);
        says(&loading, "LOADING");
    }
}

#[test]
fn a_stop_asks_for_what_is_seen_in_one_burst() {
    let (mut script, fake) = script(true, (200, 60));
    fake.take_asked();
    script.keys("n");
    let mut asked = methods(&fake);
    asked.sort_unstable();
    let expected = [
        "Command",
        "ListBreakpoints",
        "ListFunctionArgs",
        "ListLocalVars",
        "ListStackGroups",
        "Stacktrace",
    ];
    assert_eq!(asked, expected);
}

#[test]
fn a_pane_that_is_hidden_asks_when_it_is_shown() {
    let (mut script, fake) = script(true, (80, 24));
    // How many there are is said, and asked for when nothing else is being waited for.
    assert_eq!(methods(&fake).last(), Some(&"ListStackGroups"));
    script.state.goroutines.total = 100_000;
    script.keys("n");
    assert!(!methods(&fake).contains(&"ListStackGroups"), "so many are not counted");
    script.keys("2");
    assert_eq!(methods(&fake), ["ListStackGroups"]);
    script.keys("1 2");
    assert_eq!(methods(&fake), [""; 0], "asked already at this stop");
}

#[test]
fn what_changed_since_the_last_stop_is_marked_with_its_old_value() {
    let (mut script, _) = script(true, (100, 30));
    script.keys("n");
    let screen = script.screen();
    assert!(screen.contains("~     total 4  ← 2"), "{screen}");
    assert!(!screen.contains("│+ "), "nothing is new: {screen}");
}

#[test]
fn an_answer_of_an_earlier_stop_is_dropped() {
    let (mut script, fake) = script(true, (120, 40));
    fake.hold::<StacktraceIn>();
    script.keys("n n");
    let old = StacktraceOut { locations: Some(vec![Stackframe::default(); 9]) };
    assert!(fake.release::<StacktraceIn>(Ok(old)));
    script.pump();
    assert_eq!(script.state.frames().len(), 3, "the stack of the stop before stays");
    fake.release::<StacktraceIn>(Ok(StacktraceOut { locations: Some(frames(12)) }));
    script.pump();
    assert_eq!(script.state.frames()[0].line, 12);
}

#[test]
fn keys_work_while_answers_are_awaited() {
    let (mut script, fake) = script(true, (80, 24));
    fake.hold::<Command>();
    script.keys("c");
    assert!(script.state.is_running());
    assert!(script.screen().contains("STOPPED"), "too short to be seen yet");
    script.wait(100);
    assert!(script.screen().contains("RUNNING 0s"));
    script.wait(2900);
    assert!(script.screen().contains("RUNNING 3s"));
    script.keys("n");
    assert!(script.screen().contains("running: P pauses the program"));
    script.keys("gg");
    assert_eq!(script.state.source.cursor, 0);
    let mut now = stop_at(10);
    now.stop_reason = "manual".into();
    script.keys("P");
    assert!(fake.release::<Command>(Ok(CommandOut { state: now })));
    script.pump();
    assert_eq!(script.state.run, Run::Stopped);
    assert_eq!(script.state.source.cursor, 0, "the user is reading elsewhere");
    script.keys("gc");
    assert_eq!(script.state.source.cursor, 9);
}

#[test]
fn a_breakpoint_goes_on_and_off_with_one_key() {
    let (mut script, fake) = script(true, (80, 24));
    fake.take_asked();
    script.keys("j b");
    assert!(script.screen().contains("breakpoint 2 at main.go:11"));
    let asked = fake.take_asked();
    assert_eq!(asked[0].params["Breakpoint"]["line"], 11);
    script.keys("gc b");
    assert_eq!(fake.take_asked()[0].method, "ClearBreakpoint");
    assert!(script.screen().contains("breakpoint 1 deleted (U undoes)"));
    script.keys("U");
    let again = fake.take_asked();
    assert_eq!(again[0].method, "CreateBreakpoint");
    assert_eq!(again[0].params["Breakpoint"]["line"], 10);
}

#[test]
fn a_line_without_code_gives_its_breakpoint_to_the_next() {
    let (mut script, _) = script(true, (80, 24));
    script.keys("gg jjjjjj b");
    let screen = script.screen();
    assert!(screen.contains("line 7 has no code, line 8 is the next"), "{screen}");
}

#[test]
fn under_delve_a_running_program_is_held_for_a_moment_to_set_a_breakpoint() {
    let (mut script, fake) = script(false, (80, 24));
    fake.hold::<Command>();
    script.keys("c");
    fake.take_asked();
    script.keys("gg b");
    assert_eq!(methods(&fake), ["Command"], "a halt, and nothing that would wait");
    let mut now = stop_at(10);
    now.stop_reason = "manual".into();
    fake.release::<Command>(Ok(CommandOut { state: now }));
    script.pump();
    assert_eq!(methods(&fake), ["CreateBreakpoint", "Command"]);
    assert!(script.state.is_running(), "nobody saw a stop");
}

#[test]
fn steps_that_are_typed_ahead_follow_each_other() {
    let (mut script, fake) = script(true, (80, 24));
    fake.hold::<Command>();
    script.keys("n n s");
    fake.take_asked();
    let names = |fake: &FakeClient| -> Vec<String> {
        let asked = fake.take_asked();
        let commands = asked.iter().filter(|it| it.method == "Command");
        commands.map(|it| it.params["name"].as_str().unwrap().to_owned()).collect()
    };
    fake.release::<Command>(Ok(CommandOut { state: stop_at(11) }));
    script.pump();
    assert_eq!(names(&fake), ["next"]);
    fake.release::<Command>(Ok(CommandOut { state: stop_at(10) }));
    script.pump();
    assert_eq!(names(&fake), [""; 0], "a breakpoint ends what was typed ahead");
    assert!(script.state.is_stopped());
}

#[test]
fn frames_move_with_u_and_d_over_those_of_the_runtime() {
    let (mut script, _) = script(true, (120, 40));
    script.keys("u");
    assert_eq!((script.state.scope.frame, script.state.source.cursor), (1, 4));
    script.keys("u");
    assert_eq!(script.state.scope.frame, 1, "the runtime's frame is folded");
    assert!(script.screen().contains("this is the outermost frame"));
    script.keys("d");
    assert_eq!(script.state.scope.frame, 0);
    assert!(script.screen().contains("1 runtime frame"));
}

#[test]
fn the_palette_finds_a_function_and_goes_there() {
    let (mut script, _) = script(true, (120, 40));
    script.keys("<Ctrl-P>");
    script.text("main.ma");
    assert!(
        script.screen().contains("1 of 3 files and functions"),
        "{}",
        script.screen()
    );
    script.keys("<Enter>");
    assert_eq!(script.state.source.cursor, 2);
    script.keys("<Ctrl-O>");
    assert_eq!(script.state.source.cursor, 9);
}

#[test]
fn who_types_faster_than_names_are_found_gets_what_was_typed() {
    let (mut script, fake) = script(true, (120, 40));
    fake.hold::<ListFunctionsIn>();
    script.keys("<Ctrl-P>");
    script.text("main.ma");
    script.keys("<Enter>");
    assert_eq!(script.state.overlays.len(), 1, "there is nothing to choose from yet");
    let funcs = Some(vec!["main.count".into(), "main.main".into()]);
    fake.release::<ListFunctionsIn>(Ok(ListFunctionsOut { funcs }));
    script.pump();
    assert!(script.state.overlays.is_empty());
    assert_eq!(script.state.source.cursor, 2, "that is where main.main is");
    script.state.symbols = Default::default();
    script.keys("<Ctrl-P>");
    script.text("main.co");
    script.keys("<Ctrl-B>");
    fake.take_asked();
    let funcs = Some(vec!["main.count".into()]);
    fake.release::<ListFunctionsIn>(Ok(ListFunctionsOut { funcs }));
    script.pump();
    // A breakpoint begins with where it is to be.
    assert_eq!(methods(&fake), ["FindLocation"]);
    assert!(script.state.overlays.is_empty());
}

#[test]
fn keys_that_are_about_a_place_wait_for_it() {
    let (mut script, fake) = script(true, (120, 40));
    fake.hold::<FindLocationIn>();
    script.keys("<Ctrl-P>");
    script.text("main.main");
    script.keys("<Enter> b 3 j");
    fake.take_asked();
    let locations = Some(vec![location("main.main", 3)]);
    let answer = FindLocationOut { locations, ..Default::default() };
    fake.release::<FindLocationIn>(Ok(answer.clone()));
    script.pump();
    let asked = fake.take_asked();
    assert_eq!(asked[0].params["Breakpoint"]["line"], 3, "not where the cursor was");
    assert_eq!(script.state.focus(), crate::tui::pane::Pane::Variables);
    script.keys("1 <Ctrl-P>");
    script.text("main.main");
    script.keys("<Enter> b");
    fake.release::<FindLocationIn>(Err(ClientError::Service("nowhere".into())));
    script.pump();
    assert!(!methods(&fake).contains(&"ClearBreakpoint"), "the place did not come");
}

#[test]
fn the_command_line_completes_and_remembers() {
    let (mut script, fake) = script(true, (120, 40));
    fake.take_asked();
    script.keys(":");
    script.text("print tot");
    script.keys("<Tab><Enter>");
    assert_eq!(fake.take_asked()[0].params["Expr"], "total");
    assert!(script.screen().contains("total = 42"));
    script.keys(": <Up> <Enter>");
    assert_eq!(fake.take_asked()[0].params["Expr"], "total");
    script.keys(":");
    script.text("print nosuch");
    script.keys("<Enter>");
    assert!(script.screen().contains("could not find symbol value for nosuch"));
    script.keys(":");
    script.text("theme no");
    script.keys("<Enter>");
    assert!(script.screen().contains("no theme no; there are tinydbg-dark"));
}

#[test]
fn a_place_completes_from_the_functions_of_the_program() {
    let (mut script, fake) = script(true, (120, 40));
    script.keys(":");
    script.text("break cou");
    fake.take_asked();
    script.keys("<Tab>");
    assert_eq!(methods(&fake), ["ListSources", "ListFunctions"]);
    assert!(script.screen().contains(":break main.count"), "{}", script.screen());
}

#[test]
fn watches_are_pinned_edited_deleted_and_brought_back() {
    let (mut script, _) = script(true, (120, 40));
    script.keys("w");
    assert_eq!(script.state.watches.exprs, ["total"]);
    script.keys("a");
    script.text("i*2");
    script.keys("<Enter> 6");
    let screen = script.screen();
    assert!(screen.contains("total 42") && screen.contains("i*2   42"), "{screen}");
    script.keys("gg x");
    assert_eq!(script.state.watches.exprs, ["i*2"]);
    script.keys("U");
    assert_eq!(script.state.watches.exprs, ["total", "i*2"]);
}

#[test]
fn search_goes_to_matches_and_esc_goes_back() {
    let (mut script, _) = script(true, (80, 24));
    script.keys("/");
    script.text("count");
    assert_eq!(script.state.source.cursor, 4, "around the end of the file");
    script.keys("<Esc>");
    assert_eq!(script.state.source.cursor, 9);
    script.keys("/");
    script.text("total");
    script.keys("<Enter> .");
    assert_eq!(script.state.source.cursor, 10);
    script.keys(", ,");
    assert_eq!(script.state.source.cursor, 11);
}

#[test]
fn leaving_asks_once_and_lets_the_program_run() {
    let (mut script, fake) = script(true, (80, 24));
    script.keys("q");
    let screen = script.screen();
    assert!(
        screen.contains("leave it running, without our breakpoints (Enter)"),
        "{screen}"
    );
    script.keys("<Esc>");
    assert!(script.ended.is_none());
    fake.take_asked();
    script.keys(":q<Enter> <Enter>");
    let asked = fake.take_asked();
    assert_eq!((asked[0].method, &asked[0].params["Kill"]), ("Detach", &false.into()));
    assert_eq!(script.ended, Some(None));
}

#[test]
fn a_running_program_is_stopped_before_it_is_left() {
    let (mut script, fake) = script(true, (80, 24));
    fake.hold::<Command>();
    script.keys("c q <Enter>");
    assert!(!methods(&fake).contains(&"Detach"));
    fake.release::<Command>(Ok(CommandOut { state: stop_at(11) }));
    script.pump();
    assert!(methods(&fake).contains(&"Detach"));
    assert_eq!(script.ended, Some(None));
}

#[test]
fn the_end_of_the_program_and_of_the_service_are_said() {
    let (mut first, fake) = script(true, (80, 24));
    fake.hold::<Command>();
    first.keys("c");
    let end = DebuggerState { exited: true, exit_status: 3, ..Default::default() };
    fake.release::<Command>(Ok(CommandOut { state: end }));
    first.pump();
    assert!(first.screen().contains("EXITED 3"));
    first.keys("n");
    assert!(first.screen().contains("the program has exited: q leaves"));

    let (mut second, fake) = script(true, (80, 24));
    fake.hold::<Command>();
    second.keys("c");
    fake.release::<Command>(Err(ClientError::Disconnected));
    second.pump();
    assert!(second.screen().contains("DISCONNECTED"));
    second.keys("j j 4 1");
    assert!(second.ended.is_none(), "what was read stays to look at");
    second.keys("q");
    let why = "the debugging service is gone".to_owned();
    assert_eq!(second.ended, Some(Some(why)), "the shell gets the sentence");
}

#[test]
fn a_server_that_was_lost_is_connected_to_again() {
    let (mut script, fake) = script(true, (80, 24));
    script.state.settings.remote = true;
    script.send(Msg::Gone);
    let screen = script.screen();
    assert!(screen.contains("R connects again, q leaves"), "{screen}");
    script.keys("n");
    assert!(script.screen().contains("is gone: R connects again"));
    script.keys("R");
    assert!(script.screen().contains("LOADING connecting to app"));
    script.send(Msg::Started(Err("nothing listens there".into())));
    let screen = script.screen();
    assert!(screen.contains("DISCONNECTED"), "{screen}");
    assert!(screen.contains("nothing listens there; R connects again"), "{screen}");
    script.keys("gr");
    fake.take_asked();
    script.start();
    assert!(methods(&fake).contains(&"Stacktrace"), "everything is asked for again");
    assert!(script.screen().contains("STOPPED bp 1"));
}

#[test]
fn a_filter_starts_anew_and_a_value_gives_way_to_the_next_key() {
    let (mut script, fake) = script(true, (120, 40));
    script.keys("3 /");
    script.text("tot");
    script.keys("<Enter> /");
    script.text("tot");
    script.keys("<Enter>");
    assert_eq!(script.state.variables.filter, "tot");
    script.keys("<Esc> gg j <Enter>");
    assert_eq!(script.state.overlays.len(), 1, "{}", script.screen());
    script.keys("<Enter>");
    assert!(script.state.overlays.is_empty());
    script.keys("<Enter>");
    fake.take_asked();
    script.keys("n");
    assert!(script.state.overlays.is_empty(), "whoever steps on has read it");
    assert!(methods(&fake).contains(&"Command"));
    assert_eq!(script.state.focus(), crate::tui::pane::Pane::Variables, "it stays");
}

#[test]
fn what_the_program_writes_marks_its_tab_until_it_is_seen() {
    let (mut script, _) = script(true, (120, 40));
    script.send(Msg::Output(b"hello\n".to_vec()));
    assert!(script.screen().contains("7 Console +output"), "{}", script.screen());
    script.keys("7 7");
    let screen = script.screen();
    assert!(screen.contains("7 Output ") && screen.contains("hello"), "{screen}");
    assert!(!screen.contains("+output"));
}

#[test]
fn a_breakpoint_with_several_places_is_marked_at_each() {
    let (mut script, fake) = script(true, (120, 40));
    let many = Breakpoint {
        id: 4,
        file: "<multiple locations>".into(),
        function_name: "(multiple functions)".into(),
        addrs: Some(vec![0x10, 0x20, 0x30]),
        ..Default::default()
    };
    fake.always::<ListBreakpointsIn>(ListBreakpointsOut {
        breakpoints: Some(vec![many]),
    });
    fake.on::<FindLocationIn>(|args| {
        let line = match args.loc.as_str() {
            "*0x10" => 3,
            "*0x20" => 9,
            other => return Err(format!("{other} is nowhere")),
        };
        let locations = Some(vec![location("main.count", line)]);
        Ok(FindLocationOut { locations, ..Default::default() })
    });
    script.keys("5 r");
    let screen = script.screen();
    assert!(screen.contains("●  3   func main()"), "{screen}");
    assert!(screen.contains("●  9   func count("), "{screen}");
    assert!(screen.contains("4 3 places"), "{screen}");
    fake.take_asked();
    script.keys("r n");
    let asked = fake.take_asked();
    assert!(asked.iter().all(|it| it.method != "FindLocation"), "it is known");
    script.keys("1 gg jj b");
    assert!(methods(&fake).contains(&"ClearBreakpoint"));
}

#[test]
fn a_group_shows_the_labels_that_all_of_it_have() {
    let (mut script, fake) = script(true, (200, 60));
    fake.on::<ListStackGroupsIn>(|_| {
        let labelled = |id: i64| {
            let labels = [("pool", "a".to_owned()), ("worker", id.to_string())];
            let labels = labels.map(|(key, value)| (key.to_owned(), value));
            Goroutine { labels: Some(labels.into()), ..goroutine(id, 11) }
        };
        let members = vec![labelled(1), labelled(2)];
        let group = StackGroup { count: 2, members, frames: Vec::new() };
        Ok(ListStackGroupsOut { groups: vec![group], total: 2, ..Default::default() })
    });
    script.keys("2 r");
    let screen = script.screen();
    assert!(screen.contains("pool") && !screen.contains("worker="), "{screen}");
    script.keys("gg j <Enter>");
    assert!(script.screen().contains("worker=2"), "{}", script.screen());
}

#[test]
fn escape_gives_up_on_an_answer_that_does_not_come() {
    let (mut script, fake) = script(true, (120, 40));
    fake.hold::<StacktraceIn>();
    fake.hold::<EvalIn>();
    script.keys("n");
    script.keys(":");
    script.text("print slow");
    script.keys("<Enter>");
    script.wait(500);
    let screen = script.screen();
    assert!(screen.contains("waiting..."), "the pane says so: {screen}");
    script.wait(2000);
    let screen = script.screen();
    assert!(screen.contains("waiting... 2s, Esc gives up"), "{screen}");
    assert!(screen.contains("no answer for 2s, Esc"), "{screen}");
    script.keys("j <Esc>");
    let screen = script.screen();
    assert!(screen.contains("no longer waiting for the stack, slow"), "{screen}");
    assert!(screen.contains("no answer in 2s, given up (r asks"), "{screen}");
    let late = StacktraceOut { locations: Some(frames(11)) };
    assert!(fake.release::<StacktraceIn>(Ok(late)));
    script.pump();
    assert!(script.state.frames().is_empty(), "what comes late is not taken");
    fake.take_asked();
    script.keys("4 r");
    assert_eq!(methods(&fake), ["Stacktrace"]);
}

#[test]
fn escape_gives_up_on_a_command_that_does_not_end() {
    use crate::tui::update::update;
    let (mut script, _) = script(true, (120, 40));
    script.keys(":");
    script.text("sources");
    // Not carried out: nothing ends it.
    let out = update(
        &mut script.state,
        Msg::Key(crate::tui::keymap::parse_key("Enter").unwrap()),
    );
    assert!(out.iter().any(|it| matches!(it, Effect::RunCommand { .. })));
    script.wait(2000);
    assert!(script.screen().contains("no answer for 2s, Esc"), "{}", script.screen());
    let out = update(
        &mut script.state,
        Msg::Key(crate::tui::keymap::parse_key("Esc").unwrap()),
    );
    assert_eq!(out, [Effect::AbandonCommand]);
    assert!(script.screen().contains("no longer waiting for the command"));
}

#[test]
fn without_a_goroutine_that_stopped_one_is_shown_that_is_in_the_users_code() {
    let (_, fake) = script(true, (80, 24));
    let mut now = stop_at(10);
    now.current_goroutine = None;
    now.stop_reason = "attached".into();
    fake.always::<StateIn>(StateOut { state: Some(now) });
    fake.on::<ListStackGroupsIn>(|_| {
        let at = |id, name: &str, file: &str| {
            let mut it = goroutine(id, 5);
            it.user_current_loc.function = function(name);
            it.user_current_loc.file = file.into();
            it.current_loc.function = function("runtime.gopark");
            it.current_loc.file = "/go/src/runtime/proc.go".into();
            it
        };
        let members = vec![
            at(1, "net.(*netFD).accept", "/go/src/net/fd_unix.go"),
            at(5, "time.Sleep", "/go/src/runtime/time.go"),
            at(9, "main.main", MAIN),
        ];
        let group = StackGroup { count: 3, members, frames: Vec::new() };
        Ok(ListStackGroupsOut { groups: vec![group], total: 3, ..Default::default() })
    });
    let settings = Settings { title: "app".into(), attached: true, ..Default::default() };
    let client: Arc<dyn Client> = fake.clone();
    let state = State::new(settings);
    let mut script = Script::new(state, client, (80, 24)).file(MAIN, SOURCE);
    fake.take_asked();
    script.start();
    assert_eq!(script.state.scope.goroutine, 9);
    let asked = fake.take_asked();
    let stacks: Vec<_> = asked.iter().filter(|it| it.method == "Stacktrace").collect();
    assert_eq!((stacks.len(), &stacks[0].params["Id"]), (1, &9.into()));
    assert!(script.screen().contains("g9"), "{}", script.screen());
}

#[test]
fn source_that_is_newer_than_the_program_is_said_once_and_shown() {
    let (mut script, _) = script(true, (120, 40));
    let text = crate::tui::state::msg::FileText {
        modified: Some(std::time::SystemTime::now()),
        ..crate::tui::state::msg::FileText::new(SOURCE.into())
    };
    script.state.server.built = Some(std::time::UNIX_EPOCH);
    script.send(Msg::File { path: MAIN.into(), text: Ok(Arc::new(text)) });
    let screen = script.screen();
    assert!(screen.contains("main.go was changed after the program was built"));
    assert!(screen.contains("STALE SRC"), "{screen}");
    script.keys("j");
    assert!(!script.screen().contains("was changed after"));
}

#[test]
fn what_came_up_while_starting_is_said_at_the_first_stop_that_lasts() {
    let (_, fake) = script(true, (120, 40));
    let client: Arc<dyn Client> = fake;
    let mut state = State::new(Settings::default());
    state.notes.push("there is no theme nosuch".into());
    let mut script = Script::new(state, client, (120, 40)).file(MAIN, SOURCE);
    script.start();
    let last = |it: &Script| it.screen().lines().last().unwrap_or_default().to_owned();
    assert!(last(&script).contains("there is no theme nosuch"));
    script.keys("j");
    assert!(last(&script).contains("stopped: breakpoint 1"), "what stands is back");
}

#[test]
fn a_fatal_error_is_said_with_its_reason() {
    let (mut script, fake) = script(true, (120, 40));
    let mut now = stop_at(11);
    now.stop_reason = "breakpoint".into();
    let thread = now.current_thread.as_mut().unwrap();
    thread.breakpoint = Some(Breakpoint { id: -2, ..Default::default() });
    fake.on::<Command>(move |_| Ok(CommandOut { state: now.clone() }));
    fake.on::<EvalIn>(|args| {
        assert_eq!(args.expr, "s");
        let value = "all goroutines are asleep - deadlock!".into();
        let variable = Variable { kind: Kind::STRING, value, ..Default::default() };
        Ok(EvalOut { variable: Some(variable) })
    });
    script.keys("c");
    let screen = script.screen();
    let said = "STOPPED fatal error: all goroutines are asleep - deadlock!";
    assert!(screen.contains(said), "{screen}");
    script.keys("u u j");
    let last = script.screen().lines().last().unwrap_or_default().to_owned();
    assert!(last.contains("fatal error: all goroutines"), "it stands: {last}");
}

#[test]
fn a_key_that_the_service_refuses_makes_no_new_stop() {
    let (mut script, fake) = script(true, (120, 40));
    fake.take_asked();
    fake.on::<Command>(|_| Err("next while nexting".into()));
    script.keys("n");
    let screen = script.screen();
    assert!(screen.contains("next while nexting"), "{screen}");
    assert!(screen.contains("stop 1") && script.state.is_stopped(), "{screen}");
    assert!(!methods(&fake).contains(&"Stacktrace"), "nothing has changed");
}

#[test]
fn a_refused_start_ends_with_the_reason() {
    let fake = service(true);
    let client: Arc<dyn Client> = fake;
    let mut script = Script::new(State::new(Settings::default()), client, (80, 24));
    script.send(Msg::Started(Err("there is no process 1".into())));
    assert_eq!(script.ended, Some(Some("there is no process 1".into())));
}

#[test]
fn goroutines_are_grouped_filtered_and_chosen() {
    let (mut script, fake) = script(true, (120, 40));
    script.keys("2");
    assert!(script.screen().contains("5 chan receive main.count main.go:11"));
    script.keys("j<Enter>");
    assert!(script.screen().contains("g3 "), "{}", script.screen());
    script.keys("/");
    script.text("#3");
    script.keys("<Enter>");
    assert!(!script.screen().contains("g4 "));
    script.keys("<Esc>");
    script.keys("/");
    script.text("state:x");
    assert!(script.screen().contains("no key state"), "{}", script.screen());
    script.keys("<Esc>");
    fake.take_asked();
    script.keys("gg jjjj<Enter>");
    assert_eq!(script.state.scope.goroutine, 3);
    let asked = fake.take_asked();
    assert_eq!(asked[0].params["goroutineID"], 3);
    assert_eq!(asked[1].params["Id"], 3);
}

#[test]
fn copying_says_what_was_copied() {
    let (mut script, _) = script(true, (80, 24));
    script.keys("y Y 3 jjj y");
    assert_eq!(script.copied, ["total := i * 2", "/src/app/main.go:10", "2"]);
}

#[test]
fn the_mouse_chooses_and_breaks() {
    let (mut script, fake) = script(true, (80, 24));
    fake.take_asked();
    script.click(30, 4);
    assert_eq!(script.state.source.cursor, script.state.source.top + 2);
    assert!(fake.take_asked().is_empty());
    script.click(2, 5);
    assert_eq!(fake.take_asked()[0].method, "CreateBreakpoint");
}

#[test]
fn a_border_is_dragged_and_set_back() {
    let (mut script, _) = script(true, (120, 40));
    let width = |script: &Script| script.state.areas().slots[0].area.width;
    let before = width(&script);
    script.send(Msg::Mouse(Mouse::Press(before, 5)));
    script.send(Msg::Mouse(Mouse::Drag(before - 20, 9)));
    script.send(Msg::Mouse(Mouse::Drag(before - 13, 9)));
    assert_eq!(width(&script), before - 13);
    script.send(Msg::Mouse(Mouse::Release(before - 13, 9)));
    script.send(Msg::Mouse(Mouse::Drag(5, 5)));
    assert_eq!(width(&script), before - 13, "let go is let go");
    script.keys("=");
    assert_eq!(width(&script), before);
}

#[test]
fn every_overlay_closes_with_escape_and_gives_the_focus_back() {
    for keys in ["?", "q", "<Ctrl-P>", "<Ctrl-T>", "gl", "5e", "3jF"] {
        let (mut script, _) = script(true, (120, 40));
        script.keys(keys);
        assert!(!script.state.overlays.is_empty(), "{keys}");
        let focus = script.state.focus();
        script.keys("<Esc>");
        assert!(script.state.overlays.is_empty(), "{keys}");
        assert_eq!(script.state.focus(), focus);
    }
}

#[test]
fn a_theme_is_shown_while_it_is_chosen() {
    let (mut script, _) = script(true, (120, 40));
    script.keys("<Ctrl-T> j");
    assert_eq!(script.for_terminal, [Effect::Theme("tinydbg-light".into())]);
    script.keys("<Esc>");
    assert_eq!(script.state.theme, "tinydbg-dark");
}

#[test]
fn what_the_program_contains_cannot_break_the_frame() {
    let evil =
        "\x1b[2J\u{9b}31m\u{202e}\u{200b}世界\u{301}\u{1f468}\u{200d}\u{1f469}\t\0";
    let fake = service(true);
    let variable =
        Variable { value: evil.into(), len: 9, kind: Kind::STRING, ..int(evil, 0, 9) };
    let mut goroutine = goroutine(7, 10);
    goroutine.labels = Some([(evil.to_owned(), evil.to_owned())].into());
    goroutine.user_current_loc.function = function(evil);
    let mut state = stop_at(10);
    state.command_line = evil.into();
    state.current_goroutine = Some(goroutine);
    fake.always::<StateIn>(StateOut { state: Some(state) });
    fake.always::<ListFunctionArgsIn>(ListFunctionArgsOut { args: Some(vec![variable]) });
    fake.always::<ListSourcesIn>(ListSourcesOut { sources: Some(vec![evil.into()]) });
    let client: Arc<dyn Client> = fake;
    let source: String = SOURCE.lines().map(|it| format!("{evil}{it}{evil}\n")).collect();
    for size in [(40, 12), (80, 24), (200, 60)] {
        let state = State::new(Settings::default());
        let mut script =
            Script::new(state, Arc::clone(&client), size).file(MAIN, &source);
        script.start();
        script.send(Msg::Output(evil.as_bytes().to_vec()));
        script.send(Msg::Output(b"\n".to_vec()));
        for keys in ["1", "2", "3", "4", "5", "7", "7", "<Ctrl-P>"] {
            script.keys(keys);
            for cell in script.buffer().content {
                let symbol = cell.symbol();
                assert!(!symbol.chars().any(crate::tui::text::is_unsafe), "{symbol:?}");
            }
        }
    }
}

/// Something that may happen at any time.
#[derive(Clone, Debug)]
enum Event {
    Key(char),
    Named(&'static str),
    Size(u16, u16),
    Click(u16, u16),
    Wheel(u16, u16, i16),
    Wait,
}

fn event() -> impl Strategy<Value = Event> {
    const NAMED: [&str; 22] = [
        "Enter",
        "Esc",
        "Tab",
        "Shift-Tab",
        "Up",
        "Down",
        "Left",
        "Right",
        "PageUp",
        "PageDown",
        "Home",
        "End",
        "Backspace",
        "Delete",
        "Ctrl-P",
        "Ctrl-T",
        "Ctrl-U",
        "Ctrl-D",
        "Ctrl-O",
        "Ctrl-R",
        "Ctrl-W",
        "F1",
    ];
    prop_oneof![
        8 => proptest::char::range(' ', '~').prop_map(Event::Key),
        8 => (0..NAMED.len()).prop_map(|at| Event::Named(NAMED[at])),
        1 => any::<char>().prop_map(Event::Key),
        1 => (1u16..300, 1u16..100).prop_map(|(w, h)| Event::Size(w, h)),
        2 => (0u16..300, 0u16..100).prop_map(|(x, y)| Event::Click(x, y)),
        1 => (0u16..300, 0u16..100, -3i16..3).prop_map(|(x, y, n)| Event::Wheel(x, y, n)),
        1 => Just(Event::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_that_happens_in_any_order_and_size_is_too_much(
        ours in any::<bool>(),
        width in 1u16..300,
        height in 1u16..100,
        events in proptest::collection::vec(event(), 1..120),
    ) {
        let (mut script, _) = script(ours, (width, height));
        for event in events {
            match event {
                Event::Key(c) => script.key(Key::char(c)),
                Event::Named(name) => script.keys(&format!("<{name}>")),
                Event::Size(width, height) => script.send(Msg::Resize(width, height)),
                Event::Click(x, y) => script.click(x, y),
                Event::Wheel(x, y, n) => script.send(Msg::Mouse(Mouse::Wheel(x, y, n))),
                Event::Wait => script.wait(700),
            }
            script.buffer();
            if script.ended.is_some() {
                break;
            }
        }
    }
}

/// A session that begins with what the last one left; what it keeps itself goes into
/// `keeping.saved`.
fn script_with(kept: Kept) -> (Script, Arc<FakeClient>) {
    let fake = service(true);
    let client: Arc<dyn Client> = fake.clone();
    let settings = Settings { title: "app".into(), attached: true, ..Default::default() };
    let state = State::new(settings);
    let mut script = Script::new(state, client, (160, 45)).file(MAIN, SOURCE);
    script.send(Msg::Kept(Box::new(kept)));
    script.start();
    (script, fake)
}

fn kept_at(line: i64) -> KeptBreakpoint {
    let breakpoint = Breakpoint { file: MAIN.into(), line, ..Default::default() };
    KeptBreakpoint { breakpoint, ..Default::default() }
}

fn kept(breakpoints: Vec<KeptBreakpoint>) -> Kept {
    let watches = vec!["total".to_owned()];
    Kept { program: "/src/app/app".into(), breakpoints, watches }
}

#[test]
fn what_the_last_session_had_is_set_once_there_is_something_to_see() {
    let (script, fake) = script_with(kept(vec![kept_at(5), kept_at(7)]));
    let asked = methods(&fake);
    let at = |name| asked.iter().position(|it| *it == name);
    assert!(at("CreateBreakpoint") > at("Stacktrace"), "{asked:?}");
    let screen = script.screen();
    assert!(screen.contains("2 breakpoints and 1 watch of the last session"), "{screen}");
    assert!(screen.contains("what was main.go:7 is line 8 now"), "{screen}");
    assert!(screen.contains("total"), "{screen}");
}

#[test]
fn what_the_last_session_had_is_set_before_a_program_runs() {
    let fake = service(true);
    let launched = DebuggerState { stop_reason: "launched".into(), ..stop_at(3) };
    fake.always::<StateIn>(StateOut { state: Some(launched) });
    let client: Arc<dyn Client> = fake.clone();
    let state = State::new(Settings { title: "app".into(), ..Default::default() });
    let mut script = Script::new(state, client, (160, 45)).file(MAIN, SOURCE);
    script.send(Msg::Kept(Box::new(kept(vec![kept_at(5)]))));
    script.start();
    let asked = methods(&fake);
    let at = |name| asked.iter().position(|it| *it == name);
    assert!(at("CreateBreakpoint").is_some(), "{asked:?}");
    assert!(at("CreateBreakpoint") < at("Command"), "{asked:?}");
    let screen = script.screen();
    assert!(screen.contains("1 breakpoint and 1 watch of the last session"), "{screen}");
}

#[test]
fn a_breakpoint_that_is_not_in_this_program_is_shown_kept_and_can_be_dropped() {
    let gone = KeptBreakpoint { was_on: None, ..kept_at(99) };
    let fake = service(true);
    fake.on::<CreateBreakpointIn>(|_| Err("could not find file /src/app/main.go".into()));
    let client: Arc<dyn Client> = fake.clone();
    let settings = Settings { title: "app".into(), attached: true, ..Default::default() };
    let state = State::new(settings);
    let mut script = Script::new(state, client, (160, 45)).file(MAIN, SOURCE);
    script.send(Msg::Kept(Box::new(kept(vec![gone]))));
    script.start();
    let said = "1 of its breakpoints cannot be set (5 says why)";
    assert!(script.screen().contains(said), "{}", script.screen());
    assert!(script.screen().contains("main.go:99 could not find file"));
    // It is below the one that is there, and it is kept all the same.
    let lines = |script: &Script| -> Vec<i64> {
        let all = script.state.keeping.saved.breakpoints.iter();
        all.map(|it| it.breakpoint.line).collect()
    };
    assert_eq!(lines(&script), [10, 99]);
    script.keys("5 j <Enter>");
    assert!(script.screen().contains("Space tries again, x drops it"));
    let before = methods(&fake).len();
    script.keys("<Space>");
    assert!(before > 0 && methods(&fake).contains(&"CreateBreakpoint"));
    assert_eq!(lines(&script), [10, 99]);
    script.keys("j x");
    assert!(script.screen().contains("main.go:99 is dropped"), "{}", script.screen());
    assert_eq!(lines(&script), [10]);
    script.keys("U");
    assert_eq!(lines(&script), [10, 99]);
}

#[test]
fn the_stack_has_instructions_and_registers_behind_it() {
    let (mut script, fake) = script(true, (120, 40));
    let at = |pc: u64, line, text: &str| AsmInstruction {
        loc: Location { pc, ..location("main.count", line) },
        text: text.into(),
        at_pc: pc == 0x20,
        ..Default::default()
    };
    let list =
        vec![at(0x10, 9, "push rbp"), at(0x20, 10, "mov rax, 0x1"), at(0x28, 10, "ret")];
    fake.always::<DisassembleIn>(DisassembleOut { disassemble: Some(list) });
    let mut rax = 0;
    fake.on::<ListRegistersIn>(move |_| {
        rax += 1;
        let register = |name: &str, value: i32| Register {
            name: name.into(),
            value: format!("{value:#x}"),
            dwarf_number: 0,
        };
        let regs = Some(vec![register("Rax", rax), register("Rip", 0x20)]);
        Ok(ListRegistersOut { regs, ..Default::default() })
    });
    fake.on::<StacktraceIn>(|_| {
        let mut frames = frames(10);
        frames[0].pc = 0x20;
        frames[1].pc = 0x28;
        Ok(StacktraceOut { locations: Some(frames) })
    });
    script.keys("n 4 4");
    let screen = script.screen();
    let wanted =
        ["4 Instructions", "main.go:10 total := i * 2", "▶ 20 mov    rax, 0x1", "28 ret"];
    for wanted in wanted {
        assert!(screen.contains(wanted), "{wanted}:\n{screen}");
    }
    // The frame of the caller waits for the call before its PC.
    script.keys("u");
    assert!(script.screen().contains("▶ 20 mov"), "{}", script.screen());
    script.keys("k b");
    let asked = fake.take_asked();
    let set = asked.iter().find(|it| it.method == "FindLocation").unwrap();
    assert_eq!(set.params["Loc"], "*0x20");
    script.keys("d 4 n");
    let screen = script.screen();
    assert!(screen.contains("4 Registers"), "{screen}");
    assert!(screen.contains("~ Rax 0x2  ← 0x1"), "{screen}");
    assert!(screen.contains("Rip 0x20"), "{screen}");
    script.keys("4");
    assert!(script.screen().contains("main.main main.go:5"), "{}", script.screen());
}

#[test]
fn a_breakpoint_can_log_instead_of_stopping() {
    let (mut script, fake) = script(true, (120, 40));
    fake.take_asked();
    script.keys("5 e <Tab> <Tab>");
    script.text("i, f(i, 2)");
    assert!(script.screen().contains("expressions to log"), "{}", script.screen());
    script.keys("<Enter>");
    let asked = fake.take_asked();
    let amended = asked.iter().find(|it| it.method == "AmendBreakpoint").unwrap();
    let breakpoint = &amended.params["Breakpoint"];
    assert_eq!(breakpoint["continue"], true);
    assert_eq!(breakpoint["variables"], serde_json::json!(["i", "f(i, 2)"]));
    script.keys("e <Up> <Ctrl-U> <Enter>");
    let asked = fake.take_asked();
    let amended = asked.iter().find(|it| it.method == "AmendBreakpoint").unwrap();
    assert_eq!(amended.params["Breakpoint"]["continue"], false);
}

#[test]
fn a_stop_at_a_breakpoint_is_not_one_at_a_tracepoint_that_was_hit_too() {
    let (mut script, fake) = script(true, (160, 45));
    fake.on::<Command>(|_| {
        let mut now = stop_at(10);
        let stops = now.current_thread.clone().unwrap();
        let mut reports = Thread { id: 4250, goroutine_id: 3, ..stops.clone() };
        reports.breakpoint.as_mut().unwrap().tracepoint = true;
        now.current_goroutine = Some(Goroutine { thread_id: 4250, ..goroutine(3, 10) });
        now.current_thread = Some(reports.clone());
        now.threads = Some(vec![reports, stops]);
        Ok(CommandOut { state: now })
    });
    fake.take_asked();
    script.keys("c");
    assert_eq!(script.state.scope.goroutine, 7);
    assert!(script.screen().contains("STOPPED breakpoint 1 │ g7"), "{}", script.screen());
    let asked = fake.take_asked();
    let switch =
        |it: &&crate::client::fake::Asked| it.params["name"] == "switchGoroutine";
    assert_eq!(asked.iter().find(switch).unwrap().params["goroutineID"], 7);
}

#[test]
fn tracepoints_are_told_and_gone_past() {
    let (mut script, fake) = script(true, (160, 45));
    let mut hits = 0;
    fake.on::<Command>(move |_| {
        hits += 1;
        let mut now = stop_at(10);
        let thread = now.current_thread.as_mut().unwrap();
        let breakpoint = thread.breakpoint.as_mut().unwrap();
        breakpoint.tracepoint = hits < 3;
        now.threads = Some(vec![thread.clone()]);
        Ok(CommandOut { state: now })
    });
    let stop = script.state.stop.0;
    script.keys("c");
    let lines = script.state.console.lines.iter();
    let told = lines.filter(|it| it.to_string().contains("> goroutine(7): main.count("));
    assert_eq!(told.count(), 2);
    assert_eq!(script.state.stop.0, stop + 1, "only the breakpoint is a stop");
    // Whoever halts it at one wants it to stand still.
    fake.hold::<Command>();
    script.keys("c P");
    let mut now = stop_at(10);
    let thread = now.current_thread.as_mut().unwrap();
    thread.breakpoint.as_mut().unwrap().tracepoint = true;
    now.threads = Some(vec![thread.clone()]);
    fake.release::<Command>(Ok(CommandOut { state: now }));
    script.pump();
    assert!(script.state.is_stopped(), "{}", script.screen());
}

#[test]
fn what_is_kept_follows_what_the_user_does() {
    let (mut script, _) = script_with(Kept::default());
    let saved = |script: &Script| {
        let saved = &script.state.keeping.saved;
        let disabled = saved.breakpoints.first().map(|it| it.breakpoint.disabled);
        (saved.breakpoints.len(), disabled, saved.watches.clone())
    };
    assert_eq!(saved(&script), (1, Some(false), Vec::new()));
    script.keys(":");
    script.text("display i+1");
    script.keys("<Enter>");
    assert_eq!(saved(&script).2, ["i+1"]);
    // Muting is for now, and not for the next time.
    script.keys("M");
    assert_eq!(saved(&script).1, Some(false));
    let (without, _) = self::script(true, (160, 45));
    assert_eq!(without.state.keeping.saved, Kept::default());
}
