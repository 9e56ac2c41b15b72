//! Sites: no hit is lost, none is counted twice, and no register is damaged.

use super::*;
use crate::engine::inferior::{RunningView, Watch, WatchKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn a_launched_program_runs_to_its_own_exit_status() {
    let program = Program::victim();
    let (mut live, _) = program.launch(&["exit", "10"]);
    let _watchdog = watchdog(&live);
    assert_eq!(live.tids().len(), 1);
    assert!(live.auxv_entry().is_some());
    let end = live.run(&mut Counting::default()).unwrap();
    assert_eq!(end, RunEnd::Exited { status: 7 });
    let err = live.run(&mut Counting::default()).unwrap_err();
    let text = format!("Process {} has exited with status 7", live.pid());
    assert_eq!(err.to_string(), text);
}

#[test]
fn a_site_on_every_instruction_changes_no_result() {
    for program in [Program::victim(), Program::optimized_victim()] {
        let expected = program.undisturbed(&["count", "1000"]);
        let (mut live, output) = program.launch(&["count", "1000"]);
        let _watchdog = watchdog(&live);
        let sites = program.instructions(&live, "main.tick");
        place_all(&mut live, &sites);
        let mut judge = Counting::default();
        assert_eq!(run_to_end(&mut live, &mut judge).0, RunEnd::Exited { status: 0 });
        assert_eq!(std::fs::read_to_string(output).unwrap(), expected);
        // The check at its entry, for room on the stack or for preemption, may send a
        // function back to its start.
        let entry = program.addr("main.tick");
        assert!((1000..1500).contains(&judge.hits[&entry]), "{:?}", judge.hits);
        assert!(judge.n_hits > 20_000, "{}", judge.n_hits);
    }
}

#[test]
fn stopping_at_a_hit_counts_it_once() {
    let program = Program::victim();
    let expected = program.undisturbed(&["count", "200"]);
    let (mut live, output) = program.launch(&["count", "200"]);
    let _watchdog = watchdog(&live);
    let leaf = program.addr("main.leaf");
    live.place(leaf, Owner::User(1)).unwrap();
    let mut judge = Counting { stop_every: Some(1), ..Counting::default() };
    let (end, n_stops) = run_to_end(&mut live, &mut judge);
    assert_eq!(end, RunEnd::Exited { status: 0 });
    assert_eq!((judge.n_hits, n_stops), (200, 200));
    assert_eq!(std::fs::read_to_string(output).unwrap(), expected);
}

#[test]
fn eight_threads_at_one_site_lose_no_hit() {
    let program = Program::victim();
    let expected = program.undisturbed(&["workers", "8", "500"]);
    for stop_every in [None, Some(97)] {
        let (mut live, output) = program.launch(&["workers", "8", "500"]);
        let _watchdog = watchdog(&live);
        let sites = program.instructions(&live, "main.leaf");
        place_all(&mut live, &sites);
        let mut judge = Counting { stop_every, ..Counting::default() };
        assert_eq!(run_to_end(&mut live, &mut judge).0, RunEnd::Exited { status: 0 });
        for site in sites {
            assert_eq!(judge.hits[&site], 4000, "at {site}, {stop_every:?}");
        }
        assert_eq!(std::fs::read_to_string(output).unwrap(), expected);
    }
}

#[test]
fn an_instruction_that_cannot_leave_any_other_way_is_stepped_with_all_stopped() {
    let program = Program::victim();
    let expected = program.undisturbed(&["workers", "4", "30"]);
    let (mut live, output) = program.launch(&["workers", "4", "30"]);
    let _watchdog = watchdog(&live);
    live.refuse_slots();
    let sites = program.instructions(&live, "main.tick");
    place_all(&mut live, &sites);
    let mut judge = Counting::default();
    assert_eq!(run_to_end(&mut live, &mut judge).0, RunEnd::Exited { status: 0 });
    assert_eq!(std::fs::read_to_string(output).unwrap(), expected);
}

#[test]
fn readers_never_see_an_int3_of_ours() {
    let program = Program::victim();
    let (mut live, _) = program.launch(&["count", "1"]);
    let tick = program.addr("main.tick");
    let memory = live.memory();
    let before = memory.read_bytes(tick, 64).unwrap();
    place_all(&mut live, &[tick, tick.offset(5)]);
    assert!(!live.is_patched(tick.0), "not while the program is stopped");
    live.arm();
    assert!(live.is_patched(tick.0));
    assert_eq!(memory.read_bytes(tick, 64).unwrap(), before);
    let mut byte = [0];
    memory.read(tick, &mut byte).unwrap();
    assert_eq!(byte[0], before[0]);

    let mut bufs = vec![[0u8; 8]; 3000];
    let mut parts: Vec<_> = bufs
        .iter_mut()
        .enumerate()
        .map(|(i, buf)| crate::engine::memory::ReadPart {
            // Every seventh cannot be read.
            addr: if i % 7 == 6 { Addr(8) } else { tick },
            buf,
            ok: false,
        })
        .collect();
    memory.read_many(&mut parts);
    for (i, part) in parts.iter().enumerate() {
        assert_eq!(part.ok, i % 7 != 6, "{i}");
        assert!(!part.ok || *part.buf == before[..8], "{i}");
    }

    live.write_memory(tick, &[0x90, 0x90]).unwrap();
    assert_eq!(memory.read_bytes(tick, 2).unwrap(), [0x90, 0x90]);
    assert!(live.is_patched(tick.0), "the site is still there");
    live.lift(tick, Owner::User(1)).unwrap();
    assert!(!live.is_patched(tick.0));
    assert_eq!(memory.read_bytes(tick, 2).unwrap(), [0x90, 0x90]);
}

#[test]
fn a_site_goes_with_its_last_owner() {
    let program = Program::victim();
    let (mut live, _) = program.launch(&["count", "1"]);
    let tick = program.addr("main.tick");
    live.place(tick, Owner::User(1)).unwrap();
    live.place(tick, Owner::Step).unwrap();
    live.place(tick, Owner::Step).unwrap();
    live.lift(tick, Owner::User(1)).unwrap();
    assert_eq!(live.sites()[0].owners, [Owner::Step]);
    live.lift_all(|it| it == Owner::Step).unwrap();
    assert!(live.sites().is_empty());
    assert!(!live.is_patched(tick.0));
    let err = live.place(Addr(8), Owner::Step).unwrap_err().to_string();
    assert!(err.starts_with("cannot place a breakpoint at 0x8"), "{err}");
}

/// `asm/unistd_64.h`.
const SYS_WRITE: u64 = 1;

#[test]
fn single_steps_follow_the_program_through_calls_and_system_calls() {
    let program = Program::victim();
    let expected = program.undisturbed(&["count", "3"]);
    let (mut live, output) = program.launch(&["count", "3"]);
    let _watchdog = watchdog(&live);
    let tick = program.addr("main.tick");
    live.place(tick, Owner::User(1)).unwrap();
    let mut judge = Counting { stop_every: Some(1), ..Counting::default() };
    let RunEnd::Stopped { hits } = live.run(&mut judge).unwrap() else { panic!() };
    let tid = hits[0].0;
    let mut n_leaf = 0;
    for _ in 0..300 {
        let end = live.step_instruction(tid, &mut judge).unwrap();
        assert_eq!(end, RunEnd::Stepped { tid });
        n_leaf +=
            u32::from(live.registers(tid).unwrap().pc() == program.addr("main.leaf"));
    }
    assert!(n_leaf >= 1);
    live.lift(tick, Owner::User(1)).unwrap();
    let sites: Vec<Addr> = program
        .instructions(&live, "internal/runtime/syscall/linux.Syscall6")
        .into_iter()
        .filter(|it| live.memory().read_bytes(*it, 2).unwrap() == [0x0f, 0x05])
        .collect();
    assert_eq!(sites.len(), 1);
    live.place(sites[0], Owner::Step).unwrap();
    // Another thread may come here first, and wait until the program is over.
    let tid = loop {
        let RunEnd::Stopped { hits } = live.run(&mut judge).unwrap() else { panic!() };
        let mut tids = hits.into_iter().map(|it| it.0);
        let writes = |it: &Tid| live.registers(*it).unwrap().rax == SYS_WRITE;
        if let Some(tid) = tids.find(writes) {
            break tid;
        }
    };
    judge.stop_every = None;
    let end = live.step_instruction(tid, &mut judge).unwrap();
    assert_eq!(end, RunEnd::Stepped { tid });
    assert_eq!(live.registers(tid).unwrap().pc(), sites[0].offset(2));
    live.lift(sites[0], Owner::Step).unwrap();
    assert_eq!(run_to_end(&mut live, &mut judge).0, RunEnd::Exited { status: 0 });
    assert_eq!(std::fs::read_to_string(output).unwrap(), expected);
}

#[test]
fn sites_come_and_go_while_the_program_runs() {
    struct Toggling {
        tick: Addr,
        n_hits: Arc<AtomicU64>,
        n_toggles: Arc<AtomicU64>,
    }
    impl Judge for Toggling {
        fn hit(&mut self, hit: &mut Hit<'_>) -> Verdict {
            assert_eq!(hit.addr, self.tick);
            self.n_hits.fetch_add(1, Ordering::SeqCst);
            Verdict::Resume
        }
        fn woken(&mut self, live: &mut RunningView<'_>) -> Verdict {
            if live.sites().is_empty() {
                live.place(self.tick, Owner::User(1)).unwrap();
            } else {
                live.lift(self.tick, Owner::User(1)).unwrap();
            }
            self.n_toggles.fetch_add(1, Ordering::SeqCst);
            Verdict::Resume
        }
    }
    let program = Program::victim();
    let mut target = Target::start(&program, &["until", "4"]);
    let mut live = target.attach();
    let _watchdog = watchdog(&live);
    let interrupter = live.interrupter();
    let n_hits = Arc::new(AtomicU64::new(0));
    let n_toggles = Arc::new(AtomicU64::new(0));
    let (seen, toggled) = (n_hits.clone(), n_toggles.clone());
    let waking = std::thread::spawn(move || {
        let toggle = |n| {
            interrupter.wake();
            await_at_least(&toggled, n);
        };
        for round in 0..300 {
            let before = seen.load(Ordering::SeqCst);
            toggle(2 * round + 1); // Placed.
            await_at_least(&seen, before + 20);
            toggle(2 * round + 2); // Lifted, with threads in the midst of hitting it.
        }
        interrupter.halt();
    });
    let mut judge = Toggling { tick: program.addr("main.tick"), n_hits, n_toggles };
    assert_eq!(live.run(&mut judge).unwrap(), RunEnd::Halted);
    waking.join().unwrap();
    live.detach().unwrap();
    assert_eq!(target.finish(), "bad 0\n");
}

#[test]
fn a_watchpoint_sees_every_write_of_threads_that_live_for_microseconds() {
    struct Writes {
        watched: Addr,
        seen: Vec<u64>,
    }
    impl Judge for Writes {
        fn hit(&mut self, _: &mut Hit<'_>) -> Verdict {
            Verdict::Resume
        }
        fn trapped(&mut self, trap: &mut Hit<'_>) -> Verdict {
            assert_eq!(trap.watch, Some(0));
            let value = trap.memory.read_word(self.watched).unwrap();
            self.seen.push(value);
            if value == 50 { Verdict::Stop } else { Verdict::Resume }
        }
    }
    let program = Program::victim();
    let (mut live, output) = program.launch(&["write", "100"]);
    let _watchdog = watchdog(&live);
    let watched = program.addr("main.watched");
    let watch = Watch { addr: watched, len: 8, kind: WatchKind::Write };
    assert_eq!(live.set_watch(watch).unwrap(), 0);
    let odd = Watch { addr: watched.offset(1), ..watch };
    let err = live.set_watch(odd).unwrap_err().to_string();
    assert!(err.starts_with("cannot watch 8 bytes at"), "{err}");
    let mut judge = Writes { watched, seen: Vec::new() };
    let end = live.run(&mut judge).unwrap();
    assert!(matches!(end, RunEnd::Trapped { watch: Some(0), .. }), "{end:?}");
    assert_eq!(judge.seen, (1..=50).collect::<Vec<u64>>());
    live.clear_watch(0);
    let end = live.run(&mut judge).unwrap();
    assert_eq!(end, RunEnd::Exited { status: 0 });
    assert_eq!(judge.seen.len(), 50);
    assert_eq!(std::fs::read_to_string(output).unwrap(), "watched 100\n");
}

fn await_at_least(counter: &AtomicU64, enough: u64) {
    let begun = std::time::Instant::now();
    while counter.load(Ordering::SeqCst) < enough {
        assert!(begun.elapsed() < RUN_MAX, "it never came about");
        std::thread::yield_now();
    }
}

#[test]
fn a_program_that_may_not_map_code_is_not_killed_for_our_doing_so() {
    let program = Program::c("sandboxed");
    let expected = program.undisturbed(&["200"]);
    assert!(expected.starts_with("sum "), "{expected}");
    for slots in [true, false] {
        let (mut live, output) = program.launch(&["200"]);
        let _watchdog = watchdog(&live);
        if !slots {
            live.refuse_slots();
        }
        // Not before the filter is there.
        let work = program.addr("work");
        live.place(work, Owner::User(1)).unwrap();
        let mut judge = Counting { stop_every: Some(1), ..Counting::default() };
        assert!(matches!(live.run(&mut judge).unwrap(), RunEnd::Stopped { .. }));
        let sites = program.instructions(&live, "work");
        place_all(&mut live, &sites);
        let mut judge = Counting::default();
        assert_eq!(run_to_end(&mut live, &mut judge).0, RunEnd::Exited { status: 0 });
        assert!(judge.hits[&work] == 199);
        assert_eq!(std::fs::read_to_string(output).unwrap(), expected);
    }
}
