//! Does `next`, `step` and `stepOut` stop where the source says? The marks in the fixtures
//! are what a real Delve does.

use tinydbg::api::methods::command::{CONTINUE, NEXT, STEP, STEP_OUT};

use crate::support::debugged::{Debugged, place};
use crate::support::fixture::Fixture;

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

/// What there is to step through in the fixture `steps`.
const SCENARIOS: &[&str] = &[
    "defers",
    "recovers",
    "closures",
    "generics",
    "ranges",
    "selects",
    "starts",
    "recursion",
    "methods",
    "arguments",
    "branches",
];

#[test]
fn next_keeps_to_its_goroutine_and_frame() {
    in_each_scenario(NEXT);
}

#[test]
fn step_goes_into_each_call_of_the_program() {
    in_each_scenario(STEP);
}

fn in_each_scenario(command: &str) {
    let mut fixture = Fixture::build("steps");
    for scenario in SCENARIOS {
        let function = format!("main.{scenario}");
        let mut debugged = Debugged::at(&fixture, &[scenario], &function);
        let stops = debugged.lines_of(command, &fixture);
        fixture.check(&format!("{command}-{scenario}"), &stops);
    }
}

#[test]
fn a_stepped_program_ends_as_it_would_alone() {
    let fixture = Fixture::build("loop");
    let mut debugged = Debugged::at(&fixture, &[], "main.main");
    debugged.resume(NEXT);
    let state = debugged.resume(CONTINUE);
    assert_eq!((state.exited, state.exit_status), (true, 0));
}
