//! Signals reach the program as they would without us.

use super::*;
use crate::engine::inferior::run::Causes;
use crate::engine::os::wait::{self, Event, Waited};
use crate::engine::os::{process, signal};

/// The real-time signal that `storm` counts; unlike ordinary ones they queue.
const COUNTED: i32 = 40;

#[test]
fn a_storm_of_signals_arrives_complete_and_in_order_while_sites_are_hit() {
    let program = Program::c("storm");
    for stop_every in [None, Some(97)] {
        let (mut live, output) = program.launch(&["self", "2000"]);
        let _watchdog = watchdog(&live);
        let sites = program.instructions(&live, "work");
        place_all(&mut live, &sites);
        let mut judge = Counting { stop_every, ..Counting::default() };
        let (end, _) = run_to_end(&mut live, &mut judge);
        assert_eq!(end, RunEnd::Exited { status: 0 });
        let said = std::fs::read_to_string(output).unwrap();
        assert_eq!(said, "ready\nsignals 2000 disorder 0\n");
        let n_seen = judge.signals.iter().filter(|it| **it == COUNTED).count();
        assert_eq!(n_seen, 2000);
    }
}

#[test]
fn signals_survive_single_steps() {
    let program = Program::c("storm");
    let mut target = Target::start(&program, &["outside", "300"]);
    let mut live = target.attach();
    let _watchdog = watchdog(&live);
    let work = program.addr("work");
    live.place(work, Owner::User(1)).unwrap();
    let pid = live.pid();
    let mut judge = Counting { stop_every: Some(1), ..Counting::default() };
    for _ in 0..300 {
        let RunEnd::Stopped { hits } = live.run(&mut judge).unwrap() else { panic!() };
        signal::send(pid, COUNTED).unwrap();
        for _ in 0..9 {
            live.step_instruction(hits[0].0, &mut judge).unwrap();
        }
    }
    live.lift(work, Owner::User(1)).unwrap();
    assert_eq!(run_to_end(&mut live, &mut judge).0, RunEnd::Exited { status: 0 });
    assert_eq!(target.line(), "signals 300 disorder 0");
}

#[test]
fn a_stop_from_outside_stops_and_a_continuation_continues() {
    let program = Program::victim();
    let mut target = Target::start(&program, &["until", "2"]);
    let mut live = target.attach();
    let _watchdog = watchdog(&live);
    let pid = live.pid();
    struct Waiting {
        stopped: bool,
    }
    impl Judge for Waiting {
        fn hit(&mut self, _: &mut Hit<'_>) -> Verdict {
            Verdict::Resume
        }
        fn signaled(&mut self, _: Tid, signal: i32) -> Verdict {
            self.stopped |= signal == SIGSTOP;
            Verdict::Resume
        }
    }
    let interrupter = live.interrupter();
    let outside = std::thread::spawn(move || {
        signal::send(pid, SIGSTOP).unwrap();
        // Stopped by its tracer is `t`, stopped as it would be alone is `T`... but a
        // traced thread that listens shows `t` as well, so the time it uses must tell.
        await_quiet(pid);
        interrupter.halt();
    });
    let mut judge = Waiting { stopped: false };
    assert_eq!(live.run(&mut judge).unwrap(), RunEnd::Halted);
    outside.join().unwrap();
    assert!(judge.stopped);
    // Halted while it was stopped: resuming does not undo the SIGSTOP.
    let interrupter = live.interrupter();
    let outside = std::thread::spawn(move || {
        await_quiet(pid);
        signal::send(pid, SIGCONT).unwrap();
        await_busy(pid);
        interrupter.halt();
    });
    assert_eq!(live.run(&mut judge).unwrap(), RunEnd::Halted);
    outside.join().unwrap();
    live.detach().unwrap();
    assert_eq!(target.finish(), "bad 0\n");
}

#[test]
fn a_process_that_was_stopped_before_stays_stopped_after() {
    let program = Program::victim();
    let mut target = Target::start(&program, &["until", "2"]);
    signal::send(target.pid(), SIGSTOP).unwrap();
    await_state(target.pid(), b'T');
    let live = target.attach();
    live.detach().unwrap();
    await_state(target.pid(), b'T');
    signal::send(target.pid(), SIGCONT).unwrap();
    assert_eq!(target.finish(), "bad 0\n");
}

#[test]
fn a_trap_of_the_programs_own_is_told_and_then_over() {
    let program = Program::victim();
    let (mut live, output) = program.launch(&["trap"]);
    let _watchdog = watchdog(&live);
    let end = live.run(&mut Counting::default()).unwrap();
    let RunEnd::Trapped { tid, pc, watch: None } = end else { panic!("{end:?}") };
    assert_eq!(pc, program.addr("runtime.breakpoint.abi0").offset(1));
    assert_eq!(live.registers(tid).unwrap().pc(), pc);
    let (end, _) = run_to_end(&mut live, &mut Counting::default());
    assert_eq!(end, RunEnd::Exited { status: 0 });
    assert_eq!(std::fs::read_to_string(output).unwrap(), "after\n");
}

#[test]
fn a_fault_at_a_site_is_the_programs_own() {
    let program = Program::victim();
    let expected = program.undisturbed(&["fault", "3"]);
    assert!(expected.contains("nil pointer"), "{expected}");
    for slots in [true, false] {
        let (mut live, output) = program.launch(&["fault", "3"]);
        let _watchdog = watchdog(&live);
        if !slots {
            live.refuse_slots();
        }
        let sites = program.instructions(&live, "main.fault");
        place_all(&mut live, &sites);
        let (end, _) = run_to_end(&mut live, &mut Counting::default());
        assert_eq!(end, RunEnd::Exited { status: 0 });
        assert_eq!(std::fs::read_to_string(output).unwrap(), expected);
    }
}

#[test]
fn a_signal_worth_stopping_for_is_delivered_afterwards() {
    struct Stopping;
    impl Judge for Stopping {
        fn hit(&mut self, _: &mut Hit<'_>) -> Verdict {
            Verdict::Resume
        }
        fn signaled(&mut self, _: Tid, _: i32) -> Verdict {
            Verdict::Stop
        }
    }
    let program = Program::c("storm");
    let mut target = Target::start(&program, &["outside", "1"]);
    let mut live = target.attach();
    let _watchdog = watchdog(&live);
    signal::send(live.pid(), COUNTED).unwrap();
    let end = live.run(&mut Stopping).unwrap();
    let RunEnd::Signaled { signal: COUNTED, .. } = end else { panic!("{end:?}") };
    let end = live.run(&mut Stopping).unwrap();
    assert_eq!(end, RunEnd::Exited { status: 0 });
    assert_eq!(target.line(), "signals 1 disorder 0");
}

/// A tracer thread that ends is to its tracees what a debugger is that is killed.
#[test]
fn a_signal_that_a_held_thread_has_met_outlives_the_debugger() {
    let program = Program::c("storm");
    let mut target = Target::start(&program, &["outside", "1"]);
    let pid = target.pid();
    let debugger = move || {
        let mut live = Live::attach(Tracer::for_this_thread(), pid).unwrap();
        let tid = live.tids()[0];
        signal::send(pid, COUNTED).unwrap();
        live.resume(tid);
        let Waited::Event(_, event) = wait::one(&live.tracer, tid) else { panic!() };
        assert_eq!(event, Event::Signaled { signal: COUNTED });
        live.take(tid, event, &mut Counting::default());
        live.make_harmless(&Causes::default());
        assert_eq!(live.tracees[&tid.0].signal, 0);
        assert!(!live.tracees[&tid.0].running);
        std::mem::forget(live);
    };
    std::thread::spawn(debugger).join().unwrap();
    assert_eq!(target.line(), "signals 1 disorder 0");
}

const SIGCONT: i32 = 18;
const SIGSTOP: i32 = 19;

pub(super) fn await_state(pid: i32, state: u8) {
    until(|| process::Status::of(pid).unwrap().state == state);
}

/// Waits until the process has used no processor time for a while.
fn await_quiet(pid: i32) {
    until(|| {
        let before = cpu_ticks(pid);
        std::thread::park_timeout(Duration::from_millis(60));
        cpu_ticks(pid) == before
    });
}

fn await_busy(pid: i32) {
    let before = cpu_ticks(pid);
    until(|| cpu_ticks(pid) > before);
}

fn cpu_ticks(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let field = |n| process::stat_field(&stat, n).unwrap().parse::<u64>().unwrap();
    field(14) + field(15)
}
