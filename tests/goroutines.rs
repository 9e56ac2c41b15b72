//! Are goroutines listed, grouped, filtered and chosen as they are in the program?

use std::collections::BTreeMap;

use tinydbg::api::methods::command::{CONTINUE, NEXT, SWITCH_GOROUTINE};
use tinydbg::api::methods::{Command, ListGoroutinesIn, StacktraceIn};
use tinydbg::api::types::{Breakpoint, EvalScope, GoroutineFilter};

use crate::support::debugged::{Debugged, functions, place};
use crate::support::fixture::Fixture;
use crate::support::show;

const PARKED: i64 = 70;

fn parked() -> Debugged {
    let fixture = Fixture::build("many");
    Debugged::at(&fixture, &[&PARKED.to_string()], "main.here")
}

/// What the goroutines of the program run, and how many run each.
const PLACES: &[(&str, usize)] = &[
    ("main.locks", 10),
    ("main.receives", 30),
    ("main.selects", 10),
    ("main.sends", 10),
    ("main.sleeps", 10),
];

#[test]
fn every_goroutine_is_where_its_code_is() {
    let mut debugged = parked();
    let mut places = BTreeMap::new();
    for goroutine in debugged.goroutines() {
        let stack = debugged.stack(goroutine.id, 20);
        let functions = functions(&stack);
        let Some((name, _)) = PLACES.iter().find(|it| functions.contains(&it.0)) else {
            continue;
        };
        let user = goroutine.user_current_loc.function.unwrap_or_default().name;
        assert!(!user.starts_with("runtime."), "{user} is not the user's");
        *places.entry((*name).to_owned()).or_insert(0) += 1;
    }
    let wanted = PLACES.iter().map(|(name, count)| ((*name).to_owned(), *count));
    assert_eq!(places, wanted.collect());
}

#[test]
fn each_one_has_a_stack_with_arguments() {
    let mut debugged = parked();
    for goroutine in debugged.goroutines() {
        let name = goroutine.user_current_loc.function.unwrap_or_default().name;
        if !name.starts_with("main.") || name == "main.here" {
            continue;
        }
        let args = StacktraceIn {
            id: goroutine.id,
            depth: 20,
            full: true,
            ..Default::default()
        };
        let stack = debugged.wire.ask(args).locations.unwrap();
        let frame = stack.iter().find(|it| it.function.as_ref().unwrap().name == name);
        let arguments = frame.unwrap().arguments.as_ref().unwrap();
        let n: i64 = arguments[0].value.parse().unwrap();
        assert!((0..PARKED).contains(&n), "{name}: n is {n}");
        assert!(functions(&stack).contains(&"runtime.goexit"), "{:?}", functions(&stack));
    }
}

fn listed(debugged: &mut Debugged, filters: &[(i64, &str, bool)]) -> usize {
    let filters = filters.iter().map(|(kind, arg, negated)| GoroutineFilter {
        kind: *kind,
        arg: (*arg).into(),
        negated: *negated,
    });
    let args = ListGoroutinesIn {
        count: 1000,
        filters: Some(filters.collect()),
        ..Default::default()
    };
    debugged.wire.ask(args).goroutines.unwrap_or_default().len()
}

#[test]
fn goroutines_are_filtered() {
    let mut debugged = parked();
    let all = debugged.goroutines().len();
    assert_eq!(
        listed(&mut debugged, &[(7, "", false)]),
        PARKED as usize + 1,
        "the user's"
    );
    assert_eq!(listed(&mut debugged, &[(2, "receives", false)]), 30, "by location");
    assert_eq!(listed(&mut debugged, &[(2, "receives", true)]), all - 30, "negated");
    assert_eq!(listed(&mut debugged, &[(5, "shard=1", false)]), 18, "by label");
    let both = [(5, "shard=1", false), (2, "main.", false), (2, "sends", true)];
    assert!(listed(&mut debugged, &both) < 18, "all of them at once");
}

#[test]
fn goroutines_are_grouped() {
    let mut debugged = parked();
    let args = ListGoroutinesIn {
        count: 1000,
        group_by: 5,
        group_by_key: "shard".into(),
        max_group_members: 2,
        max_groups: 10,
        ..Default::default()
    };
    let answer = debugged.wire.ask(args);
    let mut totals = BTreeMap::new();
    for group in answer.groups.unwrap() {
        assert!(group.count <= 2);
        totals.insert(group.name, group.total);
    }
    let wanted = [("shard=0", 18), ("shard=1", 18), ("shard=2", 17), ("shard=3", 17)];
    assert!(totals.contains_key("shard="), "those without the label: {totals:?}");
    for (name, total) in wanted {
        assert_eq!(totals.get(name), Some(&total), "{totals:?}");
    }
}

/// Those that wait on a channel, a page of them, and where the next one starts.
fn waiting(debugged: &mut Debugged, start: i64, count: i64) -> (Vec<i64>, i64) {
    const ON_CHANNEL: i64 = 8;
    let filter =
        GoroutineFilter { kind: ON_CHANNEL, arg: "never2".into(), negated: false };
    let args = ListGoroutinesIn {
        start,
        count,
        filters: Some(vec![filter]),
        eval_scope: Some(EvalScope::selected(0)),
        ..Default::default()
    };
    let answer = debugged.wire.ask(args);
    let ids = answer.goroutines.unwrap_or_default().iter().map(|it| it.id).collect();
    (ids, answer.nextg)
}

#[test]
fn those_that_wait_on_a_channel_are_listed_in_pages() {
    let mut debugged = parked();
    let mut all = waiting(&mut debugged, 0, 100);
    while all.0.len() < 10 {
        debugged.resume(CONTINUE);
        all = waiting(&mut debugged, 0, 100);
    }
    assert_eq!(all.1, -1);
    let (mut pages, mut start) = (Vec::new(), 0);
    while start >= 0 {
        let (page, next) = waiting(&mut debugged, start, 4);
        assert!(page.len() <= 4);
        pages.extend(page);
        start = next;
    }
    assert_eq!(pages, all.0);
}

#[test]
fn labels_are_read() {
    let mut debugged = parked();
    let goroutines = debugged.goroutines();
    let labelled = goroutines
        .iter()
        .filter(|it| it.labels.as_ref().is_some_and(|it| it.contains_key("shard")));
    assert_eq!(labelled.count(), PARKED as usize);
}

#[test]
fn another_goroutine_is_selected() {
    let mut debugged = parked();
    let goroutines = debugged.goroutines();
    let sender = goroutines.iter().find(|it| {
        it.user_current_loc.function.as_ref().is_some_and(|it| it.name == "main.sends")
    });
    let id = sender.unwrap().id;
    let name = SWITCH_GOROUTINE.into();
    let state =
        debugged.wire.ask(Command { name, goroutine_id: id, ..Default::default() }).state;
    assert_eq!(state.current_goroutine.unwrap().id, id);
    let stack = debugged.stack(-1, 20);
    let frame = functions(&stack).iter().position(|it| *it == "main.sends").unwrap();
    let arguments = debugged.arguments(EvalScope::selected(frame as i64));
    assert_eq!(arguments[0].name, "n");
    let name = SWITCH_GOROUTINE.into();
    let missing = Command { name, goroutine_id: 99_999, ..Default::default() };
    let text = debugged.wire.try_ask(missing).unwrap_err();
    assert_eq!(text, "unknown goroutine 99999");
}

#[test]
fn next_stays_with_its_goroutine_among_many_that_run_the_same_lines() {
    let fixture = Fixture::build("busy");
    let mut debugged = Debugged::launch(&fixture, &["8", "0"]);
    let cond = "id == 5 && round > 3".into();
    let with = Breakpoint { cond, ..Default::default() };
    let breakpoint = debugged.break_with("main.work", with);
    let state = debugged.resume(CONTINUE);
    let id = breakpoint.id;
    debugged
        .wire
        .ask(tinydbg::api::methods::ClearBreakpointIn { id, ..Default::default() });
    let goroutine = state.current_goroutine.unwrap().id;
    let (mut function, mut line) =
        (place(&debugged.state()).2, place(&debugged.state()).1);
    for _ in 0..100 {
        let state = debugged.resume(NEXT);
        assert_eq!(state.current_goroutine.as_ref().unwrap().id, goroutine);
        assert_eq!(show::value(&debugged.eval("id")), "5");
        let now = place(&state);
        assert!((now.1, &now.2) != (line, &function), "it moves on");
        (line, function) = (now.1, now.2);
    }
}

#[test]
fn a_hundred_thousand_goroutines_are_listed_in_pages() {
    let fixture = Fixture::build("many");
    let count = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
    let mut debugged = Debugged::at(&fixture, &[&count.to_string()], "main.here");
    let (mut start, mut seen) = (0, 0);
    while start >= 0 {
        let args = ListGoroutinesIn { start, count: 5_000, ..Default::default() };
        let page = debugged.wire.ask(args);
        seen += page.goroutines.unwrap_or_default().len();
        assert!(page.nextg < 0 || page.nextg > start, "pages go forward");
        start = page.nextg;
    }
    assert!(seen > count, "{seen} goroutines");
}
