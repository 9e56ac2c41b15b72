//! Do breakpoints stop where, when and as often as they should, and only then?

use tinydbg::api::methods::command::{CONTINUE, HALT, NEXT, STEP_OUT};
use tinydbg::api::methods::{
    AmendBreakpointIn, CancelNextIn, ClearBreakpointIn, CreateBreakpointIn, DetachIn,
    GetBreakpointIn, ListBreakpointsIn, StateIn, ToggleBreakpointIn,
};
use tinydbg::api::types::Breakpoint;

use crate::support::debugged::{Debugged, command_named, functions, place};
use crate::support::fixture::Fixture;
use crate::support::show;

/// Location specs, and the lines of `loop` to which they lead; none if they are refused
/// with this text.
const LOCATIONS: &[(&str, Result<&str, &str>)] = &[
    ("main.sum", Ok("func sum")),
    ("sum", Ok("func sum")),
    ("main.go:9", Ok("total += x")),
    ("loop/main.go:9", Ok("total += x")),
    ("sum:2", Ok("for _, x")),
    ("/main\\.s.m/", Ok("func sum")),
    ("main.go:3", Err("could not find statement at")),
    ("nowhere.go:1", Err("not found")),
    ("main.nothing", Err("location \"main.nothing\" not found")),
    ("", Err("Malformed breakpoint location \"\" at 0: empty string")),
    ("/[/", Err("regular expression")),
    ("/^nothing$/", Err("location \"/^nothing$/\" not found")),
];

#[test]
fn a_location_is_named_in_many_ways() {
    let fixture = Fixture::build("loop");
    let mut debugged = Debugged::launch(&fixture, &[]);
    for (location, wanted) in LOCATIONS {
        let scope = tinydbg::api::types::EvalScope::selected(0);
        let args = tinydbg::api::methods::FindLocationIn {
            scope,
            loc: (*location).into(),
            ..Default::default()
        };
        let found = debugged.wire.try_ask(args).map(|it| it.locations.unwrap());
        match (wanted, found) {
            (Ok(text), Ok(found)) => {
                assert_eq!(found[0].line as u32, fixture.line(text), "{location}")
            }
            (Err(text), Err(found)) => {
                assert!(found.contains(text), "{location}: {found}")
            }
            (wanted, found) => panic!("{location}: {found:?}, not {wanted:?}"),
        }
    }
}

#[test]
fn a_place_relative_to_the_current_line_or_at_an_address_is_found() {
    let fixture = Fixture::build("loop");
    let mut debugged = Debugged::at(&fixture, &[], "main.sum");
    let line = debugged.find("+1")[0].line as u32;
    assert_eq!(line, fixture.line("total := 0"));
    let pc = debugged.find(&fixture.at("return total"))[0].pc;
    let found = debugged.find(&format!("*{pc:#x}"));
    assert_eq!((found[0].pc, found[0].line as u32), (pc, fixture.line("return total")));
}

#[test]
fn a_breakpoint_is_hit_each_time_and_counts() {
    let fixture = Fixture::build("busy");
    let mut debugged = Debugged::launch(&fixture, &["1", "5"]);
    let breakpoint = debugged.break_at("main.work");
    for nth in 1..=5 {
        let state = debugged.resume(CONTINUE);
        let thread = state.current_thread.unwrap();
        assert_eq!(thread.breakpoint.unwrap().total_hit_count, nth);
        assert_eq!(show::value(&debugged.eval("round")), (nth - 1).to_string());
    }
    let state = debugged.resume(CONTINUE);
    assert_eq!((state.exited, state.exit_status), (true, 0));
    assert_eq!(breakpoint.id, 1);
    debugged.wire.ask(DetachIn { kill: true });
    let (_, output) = debugged.server.wait_output();
    assert!(output.contains("right"), "the sums are right: {output}");
}

#[test]
fn every_hit_of_eight_goroutines_is_counted() {
    let fixture = Fixture::build("busy");
    let mut debugged = Debugged::launch(&fixture, &["8", "25"]);
    debugged.break_at("main.work");
    let mut hits = 0;
    loop {
        let state = debugged.resume(CONTINUE);
        if state.exited {
            assert_eq!(state.exit_status, 0, "the sums are right");
            break;
        }
        // Threads that run into it at once are in one answer.
        let threads = state.threads.unwrap_or_default();
        hits += threads.iter().filter(|it| it.breakpoint.is_some()).count();
    }
    assert_eq!(hits, 8 * 25);
}

/// Conditions on `main.work` of `busy 4 10`, and how often each is true.
const CONDITIONS: &[(&str, usize)] = &[
    ("id == 2", 10),
    ("round == 3", 4),
    ("id == 1 && round > 6", 3),
    ("id + round == 12", 1),
    ("round % 5 == 4", 8),
    ("id == -1", 0),
    ("round >= 9 || round < 1", 8),
];

#[test]
fn a_condition_decides_who_stops() {
    let fixture = Fixture::build("busy");
    for (cond, wanted) in CONDITIONS {
        let mut debugged = Debugged::launch(&fixture, &["4", "10"]);
        let with = Breakpoint { cond: (*cond).into(), ..Default::default() };
        debugged.break_with("main.work", with);
        let mut hits = 0;
        loop {
            let state = debugged.resume(CONTINUE);
            if state.exited {
                assert_eq!(state.exit_status, 0, "{cond}: the sums are right");
                break;
            }
            let threads = state.threads.unwrap_or_default();
            hits += threads.iter().filter(|it| it.breakpoint.is_some()).count();
        }
        assert_eq!(hits, *wanted, "{cond}");
    }
}

/// Hit conditions on `main.work` of `busy 1 10`, and the rounds in which they stop.
const HIT_CONDITIONS: &[(&str, &[u32])] = &[
    ("== 3", &[2]),
    ("3", &[2]),
    ("> 8", &[8, 9]),
    (">= 9", &[8, 9]),
    ("< 3", &[0, 1]),
    ("% 4", &[3, 7]),
    ("!= 1", &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
];

#[test]
fn a_hit_condition_counts() {
    let fixture = Fixture::build("busy");
    for (hit_cond, wanted) in HIT_CONDITIONS {
        let mut debugged = Debugged::launch(&fixture, &["1", "10"]);
        let with = Breakpoint { hit_cond: (*hit_cond).into(), ..Default::default() };
        debugged.break_with("main.work", with);
        let mut rounds = Vec::new();
        while !debugged.resume(CONTINUE).exited {
            rounds.push(debugged.eval("round").value.parse::<u32>().unwrap());
        }
        assert_eq!(rounds, *wanted, "{hit_cond}");
    }
}

#[test]
fn a_condition_that_cannot_be_evaluated_stops_and_says_so() {
    let fixture = Fixture::build("busy");
    let mut debugged = Debugged::launch(&fixture, &["1", "5"]);
    let cond = "nothing == 1".into();
    debugged.break_with("main.work", Breakpoint { cond, ..Default::default() });
    let text = debugged.try_resume(CONTINUE).unwrap_err();
    let wanted = "error evaluating expression: could not find symbol value for nothing";
    assert_eq!(text, wanted);
    let thread = debugged.state().current_thread.unwrap();
    assert_eq!(thread.function.unwrap().name, "main.work");
    // One that could be compiled says it in the same words.
    let fixture = Fixture::build("kinds");
    let mut debugged = Debugged::launch(&fixture, &[]);
    let cond = "nothing.X == 1".into();
    let place = fixture.at("// AT composites");
    debugged.break_with(&place, Breakpoint { cond, ..Default::default() });
    let text = debugged.try_resume(CONTINUE).unwrap_err();
    assert_eq!(text, "error evaluating expression: nothing is nil");
}

#[test]
fn breakpoints_change_while_they_are_set() {
    let fixture = Fixture::build("busy");
    let mut debugged = Debugged::at(&fixture, &["1", "20"], "main.work");
    let named = |id| GetBreakpointIn { id, ..Default::default() };
    let breakpoint = debugged.wire.ask(named(1)).breakpoint;

    let cond = "round == 4".to_owned();
    let amended = Breakpoint { cond, ..breakpoint.clone() };
    debugged.wire.ask(AmendBreakpointIn { breakpoint: amended });
    debugged.resume(CONTINUE);
    assert_eq!(debugged.eval("round").value, "4");

    debugged.wire.ask(AmendBreakpointIn { breakpoint });
    debugged.wire.ask(ToggleBreakpointIn { id: 1, ..Default::default() });
    assert!(debugged.wire.ask(named(1)).breakpoint.disabled);
    let other = debugged.break_at(&fixture.at("return c - id"));
    debugged.resume(CONTINUE);
    debugged.resume(CONTINUE);
    assert_eq!(debugged.eval("round").value, "5", "only the other one stops");

    debugged.wire.ask(ToggleBreakpointIn { id: 1, ..Default::default() });
    debugged.wire.ask(ClearBreakpointIn { id: other.id, ..Default::default() });
    let state = debugged.resume(CONTINUE);
    assert_eq!(place(&state).1, fixture.line("func work"));
    let all = debugged.wire.ask(ListBreakpointsIn::default()).breakpoints.unwrap();
    let ids: Vec<i64> = all.iter().map(|it| it.id).filter(|it| *it > 0).collect();
    assert_eq!(ids, [1]);
}

#[test]
fn the_program_runs_while_breakpoints_are_set() {
    let fixture = Fixture::build("busy");
    let mut debugged = Debugged::launch(&fixture, &["2", "0"]);
    let pending = debugged.resume_and_go();
    // A real Delve would keep us waiting here until the program stops.
    let mut other = debugged.server.connect();
    let breakpoint = Breakpoint {
        function_name: "main.work".into(),
        line: -1,
        cond: "id == 1".into(),
        ..Default::default()
    };
    let id = other.send(
        "CreateBreakpoint",
        serde_json::to_value(CreateBreakpointIn { breakpoint, ..Default::default() })
            .unwrap(),
    );
    if crate::support::server::Peer::chosen() == crate::support::server::Peer::Delve {
        debugged.server.connect().ask(command_named(HALT));
    }
    other.reply(id).expect("it is set");
    debugged.wire.reply(pending).expect("and it stops the program");
}

#[test]
fn halt_stops_a_running_program_and_both_calls_are_answered() {
    let fixture = Fixture::build("busy");
    let mut debugged = Debugged::launch(&fixture, &["4", "0"]);
    for _ in 0..10 {
        let pending = debugged.resume_and_go();
        let mut other = debugged.server.connect();
        while !other.ask(StateIn { non_blocking: true }).state.unwrap().running {}
        let halted = other.ask(command_named(HALT)).state;
        assert_eq!(halted.stop_reason, "manual");
        let state = debugged.wire.reply(pending).unwrap();
        assert_eq!(state["State"]["stopReason"], "manual");
    }
}

#[test]
fn a_step_that_meets_a_breakpoint_elsewhere_can_go_on_or_be_dropped() {
    let fixture = Fixture::build("busy");
    let mut debugged = Debugged::launch(&fixture, &["2", "0"]);
    let cond = "id == 0".into();
    debugged.break_with("main.loop", Breakpoint { cond, ..Default::default() });
    debugged.resume(CONTINUE);
    let cond = "id == 1".into();
    debugged.break_with("main.work", Breakpoint { cond, ..Default::default() });
    // The other goroutine gets there during one of the steps.
    let mut state = debugged.resume(NEXT);
    for _ in 0..1000 {
        if state.next_in_progress {
            break;
        }
        state = debugged.resume(NEXT);
    }
    assert!(state.next_in_progress, "{state:?}");
    assert_eq!(debugged.try_resume(NEXT).unwrap_err(), "next while nexting");
    debugged.wire.ask(CancelNextIn {});
    assert!(!debugged.state().next_in_progress);
    let state = debugged.resume(STEP_OUT);
    assert!(!state.exited);
}

/// How programs end, what stops them on the way, and the exit status.
const ENDINGS: &[(&str, Option<&str>, i64)] = &[
    ("return", None, 0),
    ("exit", None, 7),
    ("panic", Some("unrecovered-panic"), 2),
    ("panic-value", Some("unrecovered-panic"), 2),
    ("nil", Some("unrecovered-panic"), 2),
    ("goroutine", Some("unrecovered-panic"), 2),
    ("deadlock", Some("runtime-fatal-throw"), 2),
    ("map", Some("runtime-fatal-throw"), 2),
];

#[test]
fn an_ending_is_reported_as_what_it_is() {
    let fixture = Fixture::build("endings");
    for (ending, stop, status) in ENDINGS {
        let mut debugged = Debugged::launch(&fixture, &[ending]);
        let mut state = debugged.resume(CONTINUE);
        if let Some(name) = stop {
            let thread = state.current_thread.unwrap();
            assert_eq!(thread.breakpoint.unwrap().name, *name, "{ending}");
            state = debugged.resume(CONTINUE);
            // Several goroutines may find the same fault before the program is gone.
            for _ in 0..8 {
                if !state.exited && *ending == "map" {
                    state = debugged.resume(CONTINUE);
                }
            }
        }
        assert!(state.exited, "{ending}: {state:?}");
        assert_eq!(state.exit_status, *status, "{ending}");
        let pid = state.pid;
        let text = debugged.wire.try_ask(StateIn::default()).unwrap_err();
        assert_eq!(text, format!("Process {pid} has exited with status {status}"));
    }
}

#[test]
fn a_panic_shows_its_value_and_the_line_of_the_user() {
    let fixture = Fixture::build("endings");
    let mut debugged = Debugged::launch(&fixture, &["panic-value"]);
    let state = debugged.resume(CONTINUE);
    let user = state.current_goroutine.unwrap().user_current_loc;
    assert_eq!(user.line as u32, fixture.line("panic(failure{3"));
    let value = debugged.eval("runtime.curg._panic.arg");
    assert_eq!(show::value(&value), "main.failure({Code: 3, Text: \"a value\"})");
}

#[test]
fn a_killed_program_is_reported_as_ended() {
    let fixture = Fixture::build("endings");
    let mut debugged = Debugged::launch(&fixture, &["signal"]);
    let state = debugged.resume(CONTINUE);
    assert!(state.exited, "{state:?}");
}

#[test]
fn an_optimised_program_stops_too() {
    let fixture = Fixture::optimized("endings");
    let mut debugged = Debugged::at(&fixture, &["return"], "main.main");
    let stack = debugged.stack(-1, 10);
    assert_eq!(functions(&stack)[..2], ["main.main", "runtime.main"]);
    assert!(debugged.resume(CONTINUE).exited);
}
