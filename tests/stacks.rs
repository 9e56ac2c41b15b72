//! Do stacks say what calls are on them, and what these will call when they return?

use tinydbg::api::methods::command::CONTINUE;
use tinydbg::api::methods::{
    AncestorsIn, EvalIn, ListFunctionArgsIn, ListLocalVarsIn, StacktraceIn,
};
use tinydbg::api::types::{Defer, EvalScope, Stackframe, Variable};

use crate::support::debugged::{Debugged, LOAD, functions};
use crate::support::fixture::Fixture;
use crate::support::server::Peer;
use crate::support::show;

/// A stop in `main.here`: the functions above it, and what each has deferred.
pub struct Stop {
    pub callers: &'static [&'static str],
    /// The frame that has deferred calls; none if it is 0.
    pub frame: usize,
    /// The deferred functions, the next to run first, each with what is known of its
    /// arguments and of what it captured.
    pub deferred: &'static [(&'static str, &'static [&'static str])],
}

/// The first stops of the fixture `frames` in `main.here`.
pub const STOPS: &[Stop] = &[
    Stop {
        callers: &["main.looping", "main.main", "runtime.main", "runtime.goexit"],
        frame: 1,
        deferred: &[
            ("main.(*account).close", &["a: &{n: 3}", r#"why: "loop 2""#, "part: 0.5"]),
            ("main.(*account).close", &["a: &{n: 3}", r#"why: "loop 1""#, "part: 0.5"]),
            ("main.(*account).close", &["a: &{n: 3}", r#"why: "loop 0""#, "part: 0.5"]),
        ],
    },
    Stop {
        callers: &["main.coded", "main.main", "runtime.main", "runtime.goexit"],
        frame: 1,
        deferred: &[
            ("main.coded.func", &["n: 4", r#"name: "nm""#]),
            ("fmt.Fprintln", &[r#"a: [string("one"), int(4), string("nm")]"#]),
        ],
    },
    Stop {
        callers: &[
            "main.recovering.func2",
            "runtime.gopanic",
            "runtime.panicmem",
            "runtime.sigpanic",
            "main.fail",
            "main.recovering",
            "main.main",
            "runtime.main",
            "runtime.goexit",
        ],
        frame: 0,
        deferred: &[],
    },
    Stop {
        callers: &[
            "main.recovering.func1",
            "runtime.gopanic",
            "runtime.panicmem",
            "runtime.sigpanic",
            "main.fail",
            "main.recovering",
            "main.main",
            "runtime.main",
            "runtime.goexit",
        ],
        frame: 0,
        deferred: &[],
    },
    Stop {
        callers: &[
            "main.nested.func1.1",
            "runtime.gopanic",
            "main.nested.func1",
            "runtime.gopanic",
            "main.nested",
        ],
        frame: 0,
        deferred: &[],
    },
];

pub fn with_defers(debugged: &mut Debugged) -> Vec<Stackframe> {
    let args = StacktraceIn { id: -1, depth: 30, defers: true, ..Default::default() };
    debugged.wire.ask(args).locations.unwrap()
}

/// The names of the functions that a frame has deferred.
pub fn deferred(frame: &Stackframe) -> Vec<String> {
    let name = |it: &Defer| {
        assert_eq!(it.unreadable, "");
        it.deferred_loc.function.as_ref().map(|it| it.name.clone()).unwrap_or_default()
    };
    frame.defers.iter().map(name).collect()
}

/// What can be seen of a deferred call: its arguments, and what it captured.
fn seen(debugged: &mut Debugged, frame: usize, nth: usize) -> String {
    let (frame, deferred_call) = (frame as i64, nth as i64);
    let scope = EvalScope { goroutine_id: -1, frame, deferred_call };
    let args = ListFunctionArgsIn { scope: scope.clone(), cfg: LOAD };
    let mut all = debugged.wire.ask(args).args.unwrap();
    let locals = ListLocalVarsIn { scope, cfg: LOAD };
    all.extend(debugged.wire.ask(locals).variables.unwrap());
    let one = |it: &Variable| format!("{}: {}", it.name, show::value(it));
    all.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Goes through the stops of the fixture `frames`, which is at its start.
pub fn check_stops(debugged: &mut Debugged, which: &str) {
    debugged.break_at("main.here");
    for (nth, wanted) in STOPS.iter().enumerate() {
        debugged.resume(CONTINUE);
        let stack = with_defers(debugged);
        let names = functions(&stack);
        assert_eq!(names[0], "main.here", "{which}, stop {nth}");
        assert!(names[1..].starts_with(wanted.callers), "{which}, stop {nth}: {names:?}");
        let last = stack.last().unwrap();
        assert!(last.bottom && last.err.is_empty(), "{which}, stop {nth}: {last:?}");
        if wanted.frame == 0 {
            continue;
        }
        let found = deferred(&stack[wanted.frame]);
        assert_eq!(found.len(), wanted.deferred.len(), "{which}: {found:?}");
        for (n, (name, values)) in wanted.deferred.iter().enumerate() {
            assert!(found[n].starts_with(name), "{which}, stop {nth}: {found:?}");
            let seen = seen(debugged, wanted.frame, n + 1);
            for value in *values {
                assert!(seen.contains(value), "{which}, {name}: {value} in {seen}");
            }
        }
    }
}

#[test]
fn deferred_calls_are_seen_with_their_arguments() {
    if Peer::chosen() == Peer::Delve {
        // It shows what is in the frame before the arguments are.
        return;
    }
    let fixture = Fixture::build("frames");
    let mut debugged = Debugged::launch(&fixture, &[]);
    check_stops(&mut debugged, "the installed Go");
    let scope = EvalScope { goroutine_id: -1, frame: 1, deferred_call: 9 };
    let args = EvalIn { scope, expr: "n".into(), cfg: None };
    let text = debugged.wire.try_ask(args).unwrap_err();
    assert_eq!(text, "Frame 1 only has 0 deferred calls");
}

#[test]
fn calls_that_the_compiler_coded_into_returns_are_deferred_ones() {
    if Peer::chosen() == Peer::Delve {
        // It knows only of those that are on the goroutine's list.
        return;
    }
    let fixture = Fixture::optimized("frames");
    let mut debugged = Debugged::launch(&fixture, &[]);
    debugged.break_at("main.here");
    debugged.resume(CONTINUE);
    debugged.resume(CONTINUE);
    let stack = with_defers(&mut debugged);
    let coded = stack
        .iter()
        .find(|it| it.function.as_ref().is_some_and(|it| it.name == "main.coded"));
    let coded = coded.unwrap();
    assert_eq!(deferred(coded), ["main.coded.func1", "fmt.Fprintln"]);
    let lines: Vec<i64> = coded.defers.iter().map(|it| it.defer_loc.line).collect();
    let wanted = ["// a closure", "// the last to run"];
    assert_eq!(lines, wanted.map(|it| i64::from(fixture.line(it))));
}

#[test]
fn calls_deferred_in_the_bodies_of_loops_are_of_the_function_around() {
    let fixture = Fixture::build("bodies");
    let mut debugged = Debugged::at(&fixture, &[], "main.here");
    debugged.resume(CONTINUE);
    debugged.resume(CONTINUE);
    let stack = with_defers(&mut debugged);
    let names = functions(&stack);
    let ranger = names.iter().position(|it| *it == "main.ranger").unwrap();
    let bodies = names[..ranger].iter().filter(|it| it.contains("-range")).count();
    assert_eq!(bodies, 2, "{names:?}");
    assert_eq!(deferred(&stack[ranger]).len(), 3, "one for each time");
    if Peer::chosen() == Peer::Ours {
        for (nth, k) in [(1, 10), (2, 1), (3, 0)] {
            assert_eq!(seen(&mut debugged, ranger, nth), format!("k: {k}"));
        }
    }
}

#[test]
fn a_stack_is_cut_and_begun_as_asked() {
    let fixture = Fixture::build("frames");
    let mut debugged = Debugged::at(&fixture, &[], "main.here");
    let whole = debugged.stack(-1, 50);
    let ask = |debugged: &mut Debugged, depth, skip, opts| {
        let args = StacktraceIn { id: -1, depth, skip, opts, ..Default::default() };
        debugged.wire.ask(args).locations.unwrap()
    };
    assert_eq!(ask(&mut debugged, 1, 0, 0), whole[..2]);
    assert_eq!(ask(&mut debugged, 2, 1, 0), whole[1..3]);
    assert_eq!(ask(&mut debugged, 2, 9, 0), []);
    assert_eq!(ask(&mut debugged, 50, 0, 2), whole, "it is on its own stack");
}

/// The system's own stack is left for the goroutine's, and is not if that is not wanted.
#[test]
fn a_stack_goes_on_on_the_stack_that_it_came_from() {
    let fixture = Fixture::build("frames");
    let mut debugged = Debugged::at(&fixture, &[], "main.main");
    debugged.break_at("runtime.newproc1");
    debugged.resume(CONTINUE);
    let whole = debugged.stack(-1, 50);
    let names = functions(&whole);
    assert!(names.contains(&"runtime.systemstack"), "{names:?}");
    assert!(names.ends_with(&["runtime.goexit"]), "{names:?}");
    let args = StacktraceIn { id: -1, depth: 50, opts: 2, ..Default::default() };
    let one = debugged.wire.ask(args).locations.unwrap();
    assert!(one.len() < whole.len(), "{:?}", functions(&one));
}

/// With `GODEBUG=tracebackancestors=N` the runtime keeps where goroutines were started.
#[test]
fn ancestors_are_shown_where_the_runtime_keeps_them() {
    let fixture = Fixture::build("frames");
    let ask = |debugged: &mut Debugged| {
        debugged.break_at(&fixture.at("// the grandchild"));
        debugged.resume(CONTINUE);
        let grandchild = debugged.break_at(&fixture.at("got := <-ch"));
        debugged.clear_breakpoint(1);
        loop {
            let state = debugged.resume(CONTINUE);
            let started_by = &state.current_goroutine.as_ref().unwrap().go_statement_loc;
            let function = started_by.function.as_ref().unwrap();
            if function.name == "main.child" {
                break;
            }
            assert!(!state.exited, "{grandchild:?}");
        }
        let args = AncestorsIn { goroutine_id: -1, num_ancestors: 10, depth: 10 };
        debugged.wire.try_ask(args)
    };
    let env = [("GODEBUG", "tracebackancestors=5")];
    let mut debugged = Debugged::launch_with(&fixture, &[], &env);
    let found = ask(&mut debugged).unwrap().ancestors.unwrap();
    let stacks: Vec<Vec<Stackframe>> =
        found.iter().map(|it| it.stack.clone().unwrap()).collect();
    let users: Vec<(&str, i64)> = stacks
        .iter()
        .map(|stack| {
            let user = stack.iter().find(|it| it.file.ends_with("frames/main.go"));
            let user = user.unwrap();
            (user.function.as_ref().unwrap().name.as_str(), user.line)
        })
        .collect();
    let line = |text| i64::from(fixture.line(text));
    let wanted = [
        ("main.child", line("// the grandchild")),
        ("main.main", line("go child(ready, ch, &wg)")),
    ];
    assert_eq!(users, wanted);
    let mut debugged = Debugged::launch(&fixture, &[]);
    let text = ask(&mut debugged).unwrap_err();
    assert_eq!(text, "tracebackancestors is disabled");
}

/// The variables of frames at the same code are read by where those of the first are.
#[test]
fn each_frame_of_a_recursion_has_its_own_variables() {
    let fixture = Fixture::build("deep");
    let mut debugged = Debugged::at(&fixture, &[], "main.bottom");
    let cfg = Some(LOAD);
    let args = StacktraceIn { id: -1, depth: 60, cfg, ..Default::default() };
    let frames = debugged.wire.ask(args).locations.unwrap();
    let is_descent = |it: &(&Stackframe, i64)| {
        functions(std::slice::from_ref(it.0)) == ["main.descend"]
    };
    let descents = frames.iter().zip(0..).filter(is_descent);
    let mut depths = Vec::new();
    for (frame, nth) in descents {
        let all = frame.locals.iter().flatten().chain(frame.arguments.iter().flatten());
        // A result without a name cannot be asked for.
        for found in all.filter(|it| !it.name.starts_with('~')) {
            let scope = EvalScope::selected(nth);
            let expr = found.name.clone();
            let args = EvalIn { scope, expr, cfg: Some(LOAD) };
            let alone = debugged.wire.ask(args).variable.expect("a value");
            let of = |it: &Variable| (it.addr, it.value.clone(), it.children.clone());
            assert_eq!(of(found), of(&alone), "frame {nth}: {}", found.name);
        }
        let depth = frame.arguments.iter().flatten().find(|it| it.name == "depth");
        depths.push(depth.unwrap().value.clone());
    }
    let expected: Vec<_> = (0..depths.len()).map(|it| it.to_string()).collect();
    assert_eq!(depths, expected);
    assert!(depths.len() > 50);
}

#[test]
fn arguments_of_deferred_calls_that_were_inlined_are_named_and_those_kept_are_seen() {
    if Peer::chosen() == Peer::Delve {
        return;
    }
    let fixture = Fixture::optimized("deferred");
    let mut debugged = Debugged::at(&fixture, &[], "main.here");
    let stack = with_defers(&mut debugged);
    assert_eq!(deferred(&stack[1]), ["main.book", "main.book", "main.(*account).close"]);
    for (nth, n) in [(1, "4"), (2, "3")] {
        let scope = EvalScope { goroutine_id: -1, frame: 1, deferred_call: nth };
        let args = debugged.arguments(scope);
        let mut names: Vec<&str> = args.iter().map(|it| it.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["n", "name", "to", "weight"]);
        let value = |name: &str| args.iter().find(|it| it.name == name).unwrap();
        assert_eq!(value("n").value, n);
        assert_eq!(value("to").type_name, "*main.account");
        for it in args.iter().filter(|it| !["n", "to"].contains(&it.name.as_str())) {
            assert!(it.unreadable.starts_with("optimized out"), "{it:?}");
        }
    }
}
