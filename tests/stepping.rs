//! Does `next`, `step` and `stepOut` stop where the source says? The marks in the fixtures
//! are what a real Delve does.

use tinydbg::api::methods::command::{CONTINUE, NEXT, STEP, STEP_OUT};

use crate::support::debugged::{Debugged, place};
use crate::support::fixture::Fixture;
use crate::support::server::Peer;

#[test]
fn next_follows_the_source() {
    let mut fixture = Fixture::build("loop");
    let mut debugged = Debugged::at(&fixture, &[], "main.sum");
    let stops = debugged.lines_of(NEXT, &fixture);
    fixture.check("next", &stops);
}

#[test]
fn step_enters_what_is_called() {
    let mut fixture = Fixture::build("loop");
    let mut debugged = Debugged::at(&fixture, &[], "main.main");
    let stops: Vec<u32> = (0..3).map(|_| place(&debugged.resume(STEP)).1).collect();
    fixture.check("step", &stops);
}

#[test]
fn step_out_ends_behind_the_call() {
    let mut fixture = Fixture::build("loop");
    let mut debugged = Debugged::at(&fixture, &[], "main.sum");
    let stops = debugged.lines_of(STEP_OUT, &fixture);
    fixture.check("stepOut", &stops);
}

/// What there is to step through in the fixture `steps`: the argument, and the function in
/// which to begin.
const SCENARIOS: &[(&str, &str)] = &[
    ("defers", "main.defers"),
    ("recovers", "main.recovers"),
    ("closures", "main.closures"),
    ("generics", "main.generics"),
    ("ranges", "main.ranges"),
    ("selects", "main.selects"),
    ("starts", "main.starts"),
    ("recursion", "main.recursion"),
    ("methods", "main.methods"),
    ("arguments", "main.arguments"),
    ("branches", "main.branches"),
];

/// Beginnings that are deeper than that.
const DEEPER: &[(&str, &str)] = &[
    ("recovers", "main.guarded"),
    ("recovers", "main.fails"),
    ("recursion", "main.factorial"),
    ("defers", "main.defers.func1"),
    ("ranges", "main.ranges-range1"),
    ("closures", "main.closures.func1"),
    ("methods", "main.square.area"),
];

#[test]
fn next_keeps_to_its_goroutine_and_frame() {
    in_each(NEXT, SCENARIOS);
    in_each(NEXT, DEEPER);
}

#[test]
fn step_goes_into_each_call_of_the_program() {
    in_each(STEP, SCENARIOS);
}

#[test]
fn step_out_goes_up_one_frame_at_a_time() {
    in_each(STEP_OUT, DEEPER);
}

/// Where we stop elsewhere than Delve, on purpose: the marks are called `ours-…` there.
const OURS: &[(&str, &str)] = &[
    ("step-defers", "deferred calls that run on return are entered like other calls"),
    ("next-ranges", "the iterator is not shown between two rounds of the body"),
    ("step-ranges", "the same"),
    ("step-methods", "Delve misses the last line behind the call of a method value"),
];

fn in_each(command: &str, scenarios: &[(&str, &str)]) {
    let mut fixture = Fixture::build("steps");
    let mut wrong = Vec::new();
    for (scenario, function) in scenarios {
        let mut debugged = Debugged::at(&fixture, &[scenario], function);
        let stops = debugged.lines_of(command, &fixture);
        let mut mark = format!("{command}-{}", function.trim_start_matches("main."));
        if Peer::chosen() == Peer::Ours && OURS.iter().any(|it| it.0 == mark) {
            mark.insert_str(0, "ours-");
        }
        wrong.extend(fixture.differs(&mark, &stops));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_stepped_program_ends_as_it_would_alone() {
    let fixture = Fixture::build("loop");
    let mut debugged = Debugged::at(&fixture, &[], "main.main");
    debugged.resume(NEXT);
    let state = debugged.resume(CONTINUE);
    assert_eq!((state.exited, state.exit_status), (true, 0));
}
