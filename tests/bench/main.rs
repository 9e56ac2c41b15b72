//! How fast are we, and how fast is a real Delve, over the same calls on the same programs?
//!
//! ```text
//! cargo bench                     everything: some minutes, once Delve and caddy are there
//! cargo bench -- next idle        the measurements whose names contain one of these
//! cargo bench -- --peer ours      without Delve
//! ```
//!
//! Each row is the median of a number of rounds. The ratio says how many times better we
//! are, and the goal how many times we want to be (or, for the screen, which figure we
//! want not to exceed). What a measurement needs (Delve, caddy) is installed into
//! `target/`; what it cannot get, it names.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on is reported")]
#![allow(dead_code, reason = "the tests use more of the support than this does")]

#[path = "../support/mod.rs"]
mod support;

mod load;
mod programs;
mod rows;
mod screen;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use rows::{Row, Sample};
use support::server::Peer;

/// A measurement of the server, made for each peer.
type Measure = fn(Peer) -> Vec<Sample>;

const SERVER: &[(&str, Measure)] = &[
    ("start to first breakpoint; memory", wire::start),
    ("next", wire::next),
    ("next on caddy", wire::next_on_a_server),
    ("false condition", wire::false_condition),
    ("false condition on caddy", wire::false_condition_on_a_server),
    ("goroutines", wire::goroutines),
    ("a million", wire::a_million_goroutines),
    ("slice, map", wire::values),
    ("functions", wire::functions),
    ("stack", wire::stack),
    ("halt", wire::halt),
    ("silence", wire::silence),
];

/// Measurements of the full-screen UI, which Delve does not have.
const SCREEN: &[(&str, fn() -> Vec<Sample>)] = &[
    ("screen start", screen::start),
    ("screen keys", screen::keys),
    ("screen next", screen::next),
    ("screen idle", screen::idle),
];

fn main() -> ExitCode {
    let mut only: Option<Peer> = None;
    let mut wanted = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--peer" if args.next().as_deref() == Some("dlv") => only = Some(Peer::Delve),
            "--peer" => only = Some(Peer::Ours),
            // What cargo itself passes.
            "--bench" => {}
            _ => wanted.push(arg),
        }
    }
    let is_wanted =
        |name: &str| wanted.is_empty() || wanted.iter().any(|it| name.contains(it));
    let peers: Vec<Peer> = [Peer::Ours, Peer::Delve]
        .into_iter()
        .filter(|it| only.is_none_or(|only| only == *it))
        .collect();

    let mut failed = false;
    rows::print_header();
    for (name, measure) in SERVER.iter().filter(|it| is_wanted(it.0)) {
        let results: Vec<_> = peers.iter().map(|it| guarded(|| measure(*it))).collect();
        failed |= report(name, &peers, results);
    }
    for (name, measure) in SCREEN.iter().filter(|it| is_wanted(it.0)) {
        if peers.contains(&Peer::Ours) {
            failed |= report(name, &[Peer::Ours], vec![guarded(measure)]);
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Runs a measurement; one that cannot be made does not end the others.
fn guarded(measure: impl FnOnce() -> Vec<Sample>) -> Result<Vec<Sample>, String> {
    catch_unwind(AssertUnwindSafe(measure)).map_err(|it| {
        let text = it.downcast_ref::<String>().cloned();
        text.or_else(|| it.downcast_ref::<&str>().map(|it| (*it).to_owned()))
            .unwrap_or_else(|| "it panicked".into())
    })
}

/// Prints what was measured; says whether something was not.
fn report(name: &str, peers: &[Peer], results: Vec<Result<Vec<Sample>, String>>) -> bool {
    let mut rows: Vec<Row> = Vec::new();
    let mut failed = false;
    for (peer, result) in peers.iter().zip(results) {
        match result {
            Ok(samples) => {
                samples.into_iter().for_each(|it| Row::add(&mut rows, *peer, it))
            }
            Err(why) => {
                failed = true;
                println!("  {name}: not measured for {peer:?}: {why:.300}");
            }
        }
    }
    rows.iter().for_each(Row::print);
    failed
}
