//! Threads that come and go, threads that wait, and other programs.

use super::*;
use crate::engine::inferior::tests::signals::await_state;
use crate::engine::os::process;
use std::time::Instant;

/// Counts threads; stops when so many have been born.
struct Births {
    n_born: u64,
    n_gone: u64,
    enough: u64,
    n_hits: u64,
}

impl Judge for Births {
    fn hit(&mut self, _: &mut Hit<'_>) -> Verdict {
        self.n_hits += 1;
        Verdict::Resume
    }

    fn thread_started(&mut self, _: Tid) {
        self.n_born += 1;
    }

    fn thread_exited(&mut self, _: Tid) {
        self.n_gone += 1;
    }

    fn signaled(&mut self, _: Tid, _: i32) -> Verdict {
        Verdict::Resume
    }
}

#[test]
fn threads_that_come_and_go_do_not_disturb_attach_run_or_halt() {
    let program = Program::victim();
    let target = Target::start(&program, &["churn", "4"]);
    let mut born = 0;
    for _ in 0..10 {
        let mut live = target.attach();
        let _watchdog = watchdog(&live);
        assert_eq!(live.tids().len(), process::tasks(live.pid()).len());
        live.place(program.addr("main.tick"), Owner::User(1)).unwrap();
        let mut judge = Births { n_born: 0, n_gone: 0, enough: 300, n_hits: 0 };
        let interrupter = live.interrupter();
        // Halted over and over, in the midst of births.
        while judge.n_born < judge.enough {
            let halting = interrupter.clone();
            let halter = std::thread::spawn(move || halting.halt());
            assert_eq!(live.run(&mut judge).unwrap(), RunEnd::Halted);
            halter.join().unwrap();
            for tid in live.tids() {
                live.registers(tid).unwrap();
            }
        }
        assert!(judge.n_hits > 0);
        born += judge.n_born;
        live.detach().unwrap();
    }
    assert!(born >= 3000);
    assert_eq!(process::Status::of(target.pid()).unwrap().tracer_pid, 0);
}

#[test]
fn a_thousand_waiting_threads_halt_at_once() {
    let program = Program::victim();
    let target = Target::start(&program, &["blocked", "1000"]);
    until(|| process::tasks(target.pid()).len() >= 1000);
    let attached = Instant::now();
    let mut live = target.attach();
    let attach_took = attached.elapsed();
    let _watchdog = watchdog(&live);
    assert!(live.tids().len() >= 1000);
    let mut worst = Duration::ZERO;
    for _ in 0..20 {
        let interrupter = live.interrupter();
        let (said, halted) = channel();
        let halter = std::thread::spawn(move || {
            let begun = Instant::now();
            interrupter.halt();
            halted.recv().unwrap();
            begun.elapsed()
        });
        assert_eq!(live.run(&mut Counting::default()).unwrap(), RunEnd::Halted);
        said.send(()).unwrap();
        worst = worst.max(halter.join().unwrap());
        for tid in live.tids() {
            live.registers(tid).unwrap();
        }
    }
    println!("attach {attach_took:?}, halt at worst {worst:?}");
    assert!(worst < Duration::from_secs(2), "{worst:?}");
    live.detach().unwrap();
}

#[test]
fn exec_by_a_thread_that_is_not_the_leader_is_followed() {
    let program = Program::victim();
    let expected = program.undisturbed(&["count", "100"]);
    let (mut live, output) = program.launch(&["exec", "count", "100"]);
    let _watchdog = watchdog(&live);
    live.place(program.addr("main.leaf"), Owner::User(1)).unwrap();
    let mut judge = Counting::default();
    assert_eq!(live.run(&mut judge).unwrap(), RunEnd::Execed);
    assert_eq!(live.tids(), [Tid(live.pid())]);
    assert!(live.sites().is_empty());
    assert_eq!(judge.n_hits, 0);
    live.place(program.addr("main.leaf"), Owner::User(1)).unwrap();
    let (end, _) = run_to_end(&mut live, &mut judge);
    assert_eq!(end, RunEnd::Exited { status: 0 });
    assert_eq!(judge.n_hits, 100);
    assert_eq!(std::fs::read_to_string(output).unwrap(), expected);
}

#[test]
fn children_between_fork_and_exec_survive_sites_on_their_path() {
    let program = Program::victim();
    let (mut live, output) = program.launch(&["children", "20"]);
    let _watchdog = watchdog(&live);
    // What the child executes in the memory of its parent.
    let mut sites = program.instructions(&live, "syscall.RawSyscall6");
    sites.extend(program.instructions(&live, "syscall.rawVforkSyscall.abi0"));
    sites.extend(program.instructions(&live, "runtime.entersyscall"));
    place_all(&mut live, &sites);
    let mut judge = Counting::default();
    assert_eq!(run_to_end(&mut live, &mut judge).0, RunEnd::Exited { status: 0 });
    assert!(judge.n_hits > 0);
    assert_eq!(std::fs::read_to_string(output).unwrap(), "failed 0\n");
}

#[test]
fn a_forked_child_has_none_of_our_sites() {
    let program = Program::c("forker");
    let expected = program.undisturbed(&["50"]);
    let (mut live, output) = program.launch(&["50"]);
    let _watchdog = watchdog(&live);
    let sites = program.instructions(&live, "work");
    place_all(&mut live, &sites);
    let mut judge = Counting::default();
    assert_eq!(run_to_end(&mut live, &mut judge).0, RunEnd::Exited { status: 0 });
    assert!(judge.hits[&program.addr("work")] >= 50);
    assert_eq!(std::fs::read_to_string(output).unwrap(), expected);
}

#[test]
fn a_kill_from_outside_is_told_as_the_end() {
    let program = Program::victim();
    let target = Target::start(&program, &["until", "4"]);
    let mut live = target.attach();
    let _watchdog = watchdog(&live);
    live.place(program.addr("main.leaf"), Owner::User(1)).unwrap();
    // In the midst of hits that are judged.
    struct Killing(i32, u64);
    impl Judge for Killing {
        fn hit(&mut self, _: &mut Hit<'_>) -> Verdict {
            self.1 += 1;
            if self.1 == 1000 {
                crate::engine::os::signal::kill(self.0).unwrap();
            }
            Verdict::Resume
        }
    }
    let end = live.run(&mut Killing(live.pid(), 0)).unwrap();
    assert_eq!(end, RunEnd::Killed { signal: 9 });
    let err = live.place(program.addr("main.tick"), Owner::Step).unwrap_err();
    assert!(err.to_string().ends_with("has exited with status -9"), "{err}");
}

#[test]
fn a_kill_while_everything_is_stopped_is_told_by_the_next_run() {
    let program = Program::victim();
    let target = Target::start(&program, &["until", "4"]);
    let mut live = target.attach();
    let _watchdog = watchdog(&live);
    crate::engine::os::signal::kill(live.pid()).unwrap();
    let end = live.run(&mut Counting::default()).unwrap();
    assert_eq!(end, RunEnd::Killed { signal: 9 });
    live.detach().unwrap();
    drop(target);

    let target = Target::start(&program, &["until", "4"]);
    let mut live = target.attach();
    crate::engine::os::signal::kill(live.pid()).unwrap();
    let tid = live.tids()[0];
    // Dead, or at least no longer stopped by its tracer.
    until(|| process::Status::of(tid.0).map_or(true, |it| it.state != b't'));
    let err = live.place(program.addr("main.tick"), Owner::Step).unwrap_err();
    let text = format!("Process {} has exited with status -9", live.pid());
    assert_eq!(err.to_string(), text);
    let err = live.registers(tid).unwrap_err();
    assert_eq!(err.to_string(), text);
    drop(live);
    drop(target);

    // Let go while it is dying: nothing may stay a zombie on our account.
    let target = Target::start(&program, &["until", "4"]);
    let live = target.attach();
    crate::engine::os::signal::kill(live.pid()).unwrap();
    live.detach().unwrap();
    drop(target);
}

#[test]
fn what_cannot_be_attached_to_is_refused_with_the_reason() {
    let attach = |pid| Live::attach(Tracer::for_this_thread(), pid).err();
    let text = |pid| attach(pid).expect("refused").to_string();
    let none = i32::MAX;
    assert_eq!(text(none), format!("could not attach to pid {none}: no such process"));
    let own = i32::try_from(std::process::id()).unwrap();
    assert!(text(own).contains("this debugger itself"));
    let program = Program::victim();
    let target = Target::start(&program, &["spin"]);
    let live = target.attach();
    let pid = live.pid();
    let second = std::thread::spawn(move || {
        Live::attach(Tracer::for_this_thread(), pid).err().unwrap().to_string()
    });
    let text = second.join().unwrap();
    let already =
        format!("could not attach to pid {pid}: already being debugged by pid ");
    assert!(text.starts_with(&already), "{text}");
    drop(live);
    // Ended, its last thread too, and its parent, which is us, has not asked.
    crate::engine::os::signal::kill(pid).unwrap();
    await_state(pid, b'Z');
    until(|| process::Status::of(pid).unwrap().n_threads <= 1);
    let text = attach(pid).unwrap().to_string();
    assert!(text.contains("it has ended"), "{text}");
}

#[test]
fn what_cannot_be_launched_says_why() {
    let launch = |program: &str| {
        let spec = LaunchSpec { program: program.into(), ..LaunchSpec::default() };
        Live::launch(Tracer::for_this_thread(), spec).err().unwrap().to_string()
    };
    assert_eq!(
        launch("/nonexistent/program"),
        "could not launch process: No such file or directory (os error 2)"
    );
    assert_eq!(
        launch("/etc/passwd"),
        "could not launch process: Permission denied (os error 13)"
    );
}

#[test]
fn a_program_on_a_terminal_of_its_own_talks_to_us() {
    let program = Program::victim();
    let spec = LaunchSpec {
        program: program.path.clone(),
        args: vec!["until".into(), "1".into()],
        stdio: Stdio::Pty,
        disable_aslr: true,
        ..LaunchSpec::default()
    };
    let mut live = Live::launch(Tracer::for_this_thread(), spec).unwrap();
    let _watchdog = watchdog(&live);
    let mut pty = live.take_pty().unwrap();
    let talking = std::thread::spawn(move || {
        let mut output = BufReader::new(pty.try_clone().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\r\n");
        pty.write_all(b"\n").unwrap();
        // The terminal echoes what was typed.
        output.read_line(&mut line).unwrap();
        output.read_line(&mut line).unwrap();
        // Closed before its end, the terminal would send the program a SIGHUP.
        (line, pty)
    });
    let end = live.run(&mut Counting::default()).unwrap();
    assert_eq!(end, RunEnd::Exited { status: 0 });
    assert_eq!(talking.join().unwrap().0, "ready\r\n\r\nbad 0\r\n");
}

#[test]
fn of_many_debuggers_that_come_at_once_one_gets_the_program() {
    let program = Program::victim();
    let mut target = Target::start(&program, &["until", "4"]);
    let pid = target.pid();
    for _ in 0..10 {
        let all_tried = std::sync::Barrier::new(8);
        let attach = || {
            let live = Live::attach(Tracer::for_this_thread(), pid);
            all_tried.wait();
            let Ok(live) = live else { return 0 };
            assert_eq!(live.tids().len(), process::tasks(pid).len());
            live.detach().unwrap();
            1
        };
        let n_attached: usize = std::thread::scope(|scope| {
            let all = [(); 8].map(|()| scope.spawn(attach));
            all.into_iter().map(|it| it.join().unwrap()).sum()
        });
        assert_eq!(n_attached, 1);
    }
    assert_eq!(target.finish(), "bad 0\n");
}

#[test]
fn a_program_that_cannot_be_stopped_is_refused_and_runs_on() {
    let program = Program::c("vforker");
    let mut target = Target::start(&program, &[]);
    // That the child says it is ready is not yet that the parent waits.
    until(|| process::Status::of(target.pid()).unwrap().state == b'D');
    let pid = target.pid();
    let attach = move || Live::attach(Tracer::for_this_thread(), pid).err();
    // Whoever is still traced when the thread ends is let go by the kernel.
    let refused = std::thread::spawn(attach).join().unwrap().expect("it is refused");
    assert!(refused.to_string().contains("it does not stop"), "{refused}");
    assert_eq!(target.finish(), "right 0\n");
}
