//! What a hit costs that is not worth stopping for.

use super::*;
use crate::engine::os::cpu::Affinity;
use std::time::Instant;

/// The times between hits, in the order of their arrival.
struct Timing {
    times: Vec<Instant>,
}

impl Judge for Timing {
    fn hit(&mut self, _: &mut Hit<'_>) -> Verdict {
        self.times.push(Instant::now());
        Verdict::Resume
    }
}

/// The median time of a round, from hit to hit, over the given number of hits.
fn round_us(program: &Program, args: &[&str], function: &str, skip: usize) -> f64 {
    let (mut live, _) = program.launch(args);
    let _watchdog = watchdog(&live);
    let site = program.instructions(&live, function)[skip];
    live.place(site, Owner::User(1)).unwrap();
    let mut judge = Timing { times: Vec::new() };
    let affinity = Affinity::of_this_thread().unwrap();
    run_to_end(&mut live, &mut judge);
    assert_eq!(Affinity::of_this_thread().unwrap(), affinity, "left on one processor");
    let mut rounds: Vec<f64> = judge
        .times
        .windows(2)
        .map(|it| it[1].duration_since(it[0]).as_secs_f64() * 1e6)
        .collect();
    rounds.sort_by(f64::total_cmp);
    let at = |part: f64| rounds[(rounds.len() as f64 * part) as usize];
    println!(
        "{function}+{skip} {args:?}: p10 {:.1} median {:.1} p90 {:.1} p99 {:.1} µs",
        at(0.1),
        at(0.5),
        at(0.9),
        at(0.99)
    );
    at(0.5)
}

#[test]
fn a_hit_that_is_not_worth_stopping_for_costs_microseconds() {
    let program = Program::victim();
    // The bound is for a machine that is busy with everything else.
    for skip in [0, 2, 3, 4] {
        assert!(round_us(&program, &["count", "20000"], "main.tick", skip) < 1000.0);
    }
    round_us(&program, &["workers", "8", "3000"], "main.tick", 2);
    round_us(&program, &["workers", "2", "10000"], "main.tick", 2);
}
