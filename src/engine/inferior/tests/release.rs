//! Letting go leaves nothing behind.

use super::*;
use crate::engine::os::process;
use std::os::unix::fs::FileExt;

fn assert_text_untouched(program: &Program, pid: i32) {
    assert!(is_text_untouched(program, pid));
}

/// Whether the executable mappings of the program are as the file has them.
fn is_text_untouched(program: &Program, pid: i32) -> bool {
    let file = std::fs::File::open(&program.path).unwrap();
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut compared = 0;
    for mapping in process::mappings(pid).unwrap() {
        if !mapping.executable || mapping.name != program.path.to_string_lossy() {
            continue;
        }
        let len = (mapping.end - mapping.start) as usize;
        let (mut is, mut was) = (vec![0; len], vec![0; len]);
        memory.read_exact_at(&mut is, mapping.start).unwrap();
        let n = file.read_at(&mut was, mapping.file_offset).unwrap();
        if is[..n] != was[..n] {
            return false;
        }
        compared += n;
    }
    assert!(compared > 100_000);
    true
}

/// Mappings that no program makes: executable and without a name.
fn n_anonymous_text(pid: i32) -> usize {
    let mappings = process::mappings(pid).unwrap();
    mappings.iter().filter(|it| it.executable && it.name.is_empty()).count()
}

#[test]
fn fifty_cycles_under_load_leave_the_program_as_it_was() {
    let program = Program::victim();
    let mut target = Target::start(&program, &["until", "4"]);
    let pid = target.pid();
    for cycle in 0..50 {
        let mut live = target.attach();
        let _watchdog = watchdog(&live);
        let sites = program.instructions(&live, "main.tick");
        place_all(&mut live, &sites);
        let mut judge = Counting { stop_every: Some(200 + cycle), ..Counting::default() };
        for _ in 0..2 {
            assert!(matches!(live.run(&mut judge).unwrap(), RunEnd::Stopped { .. }));
            assert_text_untouched(&program, pid);
        }
        live.detach().unwrap();
        assert_text_untouched(&program, pid);
        assert_eq!(n_anonymous_text(pid), 0, "slots are unmapped");
    }
    assert_eq!(target.finish(), "bad 0\n");
}

#[test]
fn thousands_of_sites_are_out_of_the_text_while_the_program_is_held() {
    let program = Program::victim();
    let mut target = Target::start(&program, &["until", "2"]);
    let pid = target.pid();
    let mut live = target.attach();
    let _watchdog = watchdog(&live);
    let text = process::mappings(pid).unwrap();
    let text = text.iter().find(|it| it.executable && !it.name.is_empty()).unwrap();
    let is_code = |addr: u64| (text.start..text.end).contains(&addr);
    let functions = program.symbols.values().filter(|it| is_code(it.0) && it.1 > 0);
    let sites: Vec<Addr> = functions.map(|it| Addr(it.0)).collect();
    assert!(sites.len() > 1000, "{}", sites.len());
    place_all(&mut live, &sites);
    for _ in 0..10 {
        let mut judge = Counting { stop_every: Some(1), ..Counting::default() };
        assert!(matches!(live.run(&mut judge).unwrap(), RunEnd::Stopped { .. }));
        assert_text_untouched(&program, pid);
    }
    live.detach().unwrap();
    assert_text_untouched(&program, pid);
    assert_eq!(target.finish(), "bad 0\n");
}

#[test]
fn halting_and_letting_go_at_once_leaves_no_trap_pending() {
    let program = Program::optimized_victim();
    let mut target = Target::start(&program, &["until", "4"]);
    for _ in 0..50 {
        let mut live = target.attach();
        let _watchdog = watchdog(&live);
        live.place(program.addr("main.leaf"), Owner::User(1)).unwrap();
        let interrupter = live.interrupter();
        let halter = std::thread::spawn(move || interrupter.halt());
        assert_eq!(live.run(&mut Counting::default()).unwrap(), RunEnd::Halted);
        halter.join().unwrap();
        // A halt of what is stopped already is no signal that waits for it.
        live.interrupter().halt();
        live.detach().unwrap();
    }
    assert_text_untouched(&program, target.pid());
    assert_eq!(target.finish(), "bad 0\n");
}

#[test]
fn a_judge_that_panics_lets_go_properly() {
    struct Panicking;
    impl Judge for Panicking {
        fn hit(&mut self, _: &mut Hit<'_>) -> Verdict {
            panic!("as a bug would");
        }
    }
    let program = Program::victim();
    let mut target = Target::start(&program, &["until", "4"]);
    let mut live = target.attach();
    let sites = program.instructions(&live, "main.leaf");
    place_all(&mut live, &sites);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _ = live.run(&mut Panicking);
    }));
    assert!(result.is_err());
    assert_text_untouched(&program, target.pid());
    assert_eq!(process::Status::of(target.pid()).unwrap().tracer_pid, 0);
    assert_eq!(target.finish(), "bad 0\n");
}

#[test]
fn a_launched_program_dies_with_its_session_and_not_of_it() {
    let program = Program::victim();
    let (live, _) = program.launch(&["spin"]);
    let pid = live.pid();
    drop(live);
    assert!(process::Status::of(pid).is_err());

    let (live, _) = program.launch(&["spin"]);
    let pid = live.pid();
    live.kill().unwrap();
    assert!(process::Status::of(pid).is_err());

    let (live, _) = program.launch(&["spin"]);
    let pid = live.pid();
    live.detach().unwrap();
    assert_eq!(process::Status::of(pid).unwrap().tracer_pid, 0);
    crate::engine::os::signal::kill(pid).unwrap();
}

/// A tracer thread that ends is to its tracees what a debugger is that is killed.
#[test]
fn a_thread_that_was_stepped_outlives_the_debugger() {
    let program = Program::victim();
    let mut target = Target::start(&program, &["until", "2"]);
    let (pid, leaf) = (target.pid(), program.addr("main.leaf"));
    let debugger = move || {
        let mut live = Live::attach(Tracer::for_this_thread(), pid).unwrap();
        live.place(leaf, Owner::User(1)).unwrap();
        let mut judge = Counting { stop_every: Some(1), ..Counting::default() };
        let RunEnd::Stopped { hits } = live.run(&mut judge).unwrap() else { panic!() };
        let end = live.step_natively(hits[0].0).unwrap();
        assert_eq!(end, RunEnd::Stepped { tid: hits[0].0 });
        std::mem::forget(live);
    };
    std::thread::spawn(debugger).join().unwrap();
    assert_text_untouched(&program, pid);
    assert_eq!(target.finish(), "bad 0\n");
}

/// What the debugger of the next test does; as a test of its own it does nothing.
#[test]
fn debugger_to_be_killed() {
    let Ok(pid) = std::env::var("TINYDBG_TEST_PID") else { return };
    let numbers = |name| -> Vec<Addr> {
        let text = std::env::var(name).unwrap();
        text.split_whitespace().map(|it| Addr(it.parse().unwrap())).collect()
    };
    let mut live = Live::attach(Tracer::for_this_thread(), pid.parse().unwrap()).unwrap();
    place_all(&mut live, &numbers("TINYDBG_TEST_SITES"));
    let mut judge = Counting { stop_every: Some(1), ..Counting::default() };
    eprintln!("attached");
    let end = live.run(&mut judge).unwrap();
    eprintln!("{end:?}");
    loop {
        std::thread::park();
    }
}

#[test]
fn a_debugger_that_is_killed_leaves_the_program_running() {
    let program = Program::victim();
    // Stopped at a site, and running with sites in place.
    for (function, said) in [("main.tick", "Stopped"), ("main.children", "attached")] {
        let mut target = Target::start(&program, &["until", "4"]);
        let pid = target.pid();
        let live = target.attach();
        let sites = program.instructions(&live, function);
        live.detach().unwrap();
        let sites: Vec<String> = sites.iter().map(|it| it.0.to_string()).collect();
        let mut debugger = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("engine::inferior::tests::release::debugger_to_be_killed")
            .env("TINYDBG_TEST_PID", pid.to_string())
            .env("TINYDBG_TEST_SITES", sites.join(" "))
            .stdout(Pipe::null())
            .stderr(Pipe::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(debugger.stderr.take().unwrap()).lines();
        assert!(lines.by_ref().any(|it| it.unwrap().starts_with(said)));
        if said == "attached" {
            until(|| !is_text_untouched(&program, pid));
        }
        debugger.kill().unwrap();
        debugger.wait().unwrap();
        until(|| is_text_untouched(&program, pid));
        assert_eq!(target.finish(), "bad 0\n", "{function}");
    }
}
