//! Measurements of the server: the same JSON-RPC calls to both peers.

use std::io::IoSliceMut;
use std::time::{Duration, Instant};

use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use serde_json::json;
use tinydbg::api::methods::command::{CONTINUE, HALT, NEXT};
use tinydbg::api::methods::{
    ClearBreakpointIn, CreateBreakpointIn, DetachIn, EvalIn, ListGoroutinesIn,
    StacktraceIn, StateIn,
};
use tinydbg::api::types::{Breakpoint, EvalScope, LoadConfig};

use crate::load::{self, Load};
use crate::programs::{Site, caddy};
use crate::rows::{Goal, Sample, Unit};
use crate::support::debugged::{Debugged, command_named, place};
use crate::support::fixture::Fixture;
use crate::support::process::{Program, peak_memory_kb};
use crate::support::server::{Peer, Server};
use crate::support::wire::Wire;

/// Where caddy is on its way with a request.
const HANDLER: &str =
    "github.com/caddyserver/caddy/v2/modules/caddyhttp.(*Server).ServeHTTP";

/// Fewer rounds for the peer, which takes its time.
fn rounds(peer: Peer, ours: usize, theirs: usize) -> usize {
    if peer == Peer::Ours { ours } else { theirs }
}

fn break_on_function(wire: &mut Wire, function: &str, cond: &str) -> Breakpoint {
    let breakpoint = Breakpoint {
        function_name: function.into(),
        line: -1,
        cond: cond.into(),
        ..Default::default()
    };
    wire.ask(CreateBreakpointIn { breakpoint, ..Default::default() }).breakpoint
}

/// From the start of the server to the answer that the first breakpoint is set.
pub fn start(peer: Peer) -> Vec<Sample> {
    let program = caddy();
    let mut times = Vec::new();
    let mut memory = Vec::new();
    for _ in 0..rounds(peer, 10, 5) {
        let start = Instant::now();
        let server = Server::exec(peer, &program, &["version"]);
        let mut wire = server.connect();
        break_on_function(&mut wire, HANDLER, "");
        times.push(start.elapsed());
        memory.push(peak_memory_kb(server.child.id()) as f64 / 1024.0);
        let _ = wire.try_ask(DetachIn { kill: true });
    }
    memory.sort_by(f64::total_cmp);
    let memory = memory[memory.len() / 2];
    vec![
        Sample::median(
            "start to first breakpoint (caddy)",
            &mut times,
            Goal::Times(10.0),
        ),
        Sample::new("peak memory then", Unit::Megabytes, memory, Goal::Times(4.0)),
    ]
}

/// `next` in a loop, alone and among eight goroutines that run the same lines.
pub fn next(peer: Peer) -> Vec<Sample> {
    let fixture = Fixture::build("busy");
    let mut samples = Vec::new();
    for (name, goroutines) in [("next, alone", "1"), ("next, 8 in the function", "8")] {
        let args = [goroutines, "0"];
        let mut debugged = Debugged::launch_on(peer, &fixture.executable, &args);
        let cond = "id == 0".into();
        let with = Breakpoint { cond, ..Default::default() };
        let breakpoint = debugged.break_with("main.loop", with);
        debugged.resume(CONTINUE);
        debugged.wire.ask(ClearBreakpointIn { id: breakpoint.id, ..Default::default() });
        let mut times = steps(&mut debugged, rounds(peer, 200, 50));
        samples.push(Sample::median(name, &mut times, Goal::Times(3.0)));
    }
    samples
}

fn steps(debugged: &mut Debugged, rounds: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        let state = debugged.resume(NEXT);
        times.push(start.elapsed());
        assert_eq!(state.stop_reason, "next finished", "{state:?}");
    }
    times
}

/// `next` through a request of a large optimised server.
pub fn next_on_a_server(peer: Peer) -> Vec<Sample> {
    let site = Site::serve();
    let server = Server::attach(peer, site.program.pid());
    let mut debugged = Debugged { wire: server.connect(), server };
    let breakpoint = break_on_function(&mut debugged.wire, HANDLER, "");
    let pending = debugged.resume_and_go();
    let load = Load::start(site.port);
    debugged.wire.reply(pending).expect("a request comes in");
    debugged.wire.ask(ClearBreakpointIn { id: breakpoint.id, ..Default::default() });
    let mut times = steps(&mut debugged, 10);
    debugged.wire.ask(DetachIn { kill: false });
    load.stop();
    vec![Sample::median("next (caddy, a request)", &mut times, Goal::Times(3.0))]
}

/// A breakpoint that is hit many times with a condition that is false, in a hot loop.
pub fn false_condition(peer: Peer) -> Vec<Sample> {
    let fixture = Fixture::build("busy");
    let mut samples = Vec::new();
    for (name, goroutines) in
        [("false condition", 1), ("false condition, 8 goroutines", 8)]
    {
        let hits = rounds(peer, 20_000, 2_000);
        let per_goroutine = hits / goroutines;
        let args = [goroutines.to_string(), per_goroutine.to_string()];
        let args = [args[0].as_str(), args[1].as_str()];
        let mut debugged = Debugged::launch_on(peer, &fixture.executable, &args);
        let cond = "round == -1".into();
        debugged.break_with("main.work", Breakpoint { cond, ..Default::default() });
        let start = Instant::now();
        let state = debugged.resume(CONTINUE);
        let each = start.elapsed().as_secs_f64() / hits as f64 * 1e6;
        assert!(state.exited && state.exit_status == 0, "{state:?}");
        samples.push(Sample::new(name, Unit::Microseconds, each, Goal::Times(20.0)));
    }
    samples
}

/// What a false condition adds to a request of a large optimised server.
pub fn false_condition_on_a_server(peer: Peer) -> Vec<Sample> {
    let site = Site::serve();
    let server = Server::attach(peer, site.program.pid());
    let mut wire = server.connect();
    let request = |milliseconds: u64| {
        (0..5).for_each(|_| load::get(site.port).expect("it answers"));
        let load = Load::start(site.port);
        std::thread::sleep(Duration::from_millis(milliseconds));
        let mut times = load.stop();
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e6
    };
    let id = wire.send("Command", json!({"name": "continue"}));
    let without = request(500);
    wire.call("Command", json!({"name": "halt"})).unwrap();
    wire.reply(id).unwrap();
    break_on_function(&mut wire, HANDLER, "r.Method == \"NONE\"");
    let id = wire.send("Command", json!({"name": "continue"}));
    let with = request(1000);
    wire.call("Command", json!({"name": "halt"})).unwrap();
    wire.reply(id).unwrap();
    wire.ask(DetachIn { kill: false });
    load::get(site.port).expect("it goes on");
    vec![
        Sample::new(
            "request without breakpoint",
            Unit::Microseconds,
            without,
            Goal::None,
        ),
        Sample::new(
            "false condition (caddy, added to a request)",
            Unit::Microseconds,
            (with - without).max(1.0),
            Goal::Times(20.0),
        ),
    ]
}

/// Listing 100,000 goroutines, at a fresh stop each time.
pub fn goroutines(peer: Peer) -> Vec<Sample> {
    let fixture = Fixture::build("many");
    let mut debugged = Debugged::launch_on(peer, &fixture.executable, &["100000"]);
    let (mut times, limit) =
        list_goroutines(&mut debugged, 100_000, rounds(peer, 7, 1), peer);
    vec![
        Sample::median("100,000 goroutines", &mut times, Goal::Times(50.0)).beside(limit),
    ]
}

/// A million of them: the peer would take minutes.
pub fn a_million_goroutines(peer: Peer) -> Vec<Sample> {
    if peer == Peer::Delve {
        return Vec::new();
    }
    let fixture = Fixture::build("many");
    let mut debugged = Debugged::launch_on(peer, &fixture.executable, &["1000000"]);
    let (mut times, limit) = list_goroutines(&mut debugged, 1_000_000, 3, peer);
    let memory = peak_memory_kb(debugged.server.child.id()) as f64 / 1024.0;
    vec![
        Sample::median("1,000,000 goroutines", &mut times, Goal::AtMost(3000.0))
            .beside(limit),
        Sample::new("peak memory then", Unit::Megabytes, memory, Goal::AtMost(1024.0)),
    ]
}

fn list_goroutines(
    debugged: &mut Debugged,
    count: usize,
    rounds: usize,
    peer: Peer,
) -> (Vec<Duration>, Duration) {
    debugged.break_at("main.here");
    let mut times = Vec::new();
    let mut limit = Duration::MAX;
    for _ in 0..rounds {
        debugged.resume(CONTINUE);
        let argument = serde_json::to_value(ListGoroutinesIn::default()).unwrap();
        let start = Instant::now();
        let id = debugged.wire.send("ListGoroutines", argument);
        // The text of the answer, not our own parsing of it.
        let line = debugged.wire.read_line_bytes().expect("an answer");
        times.push(start.elapsed());
        let line = String::from_utf8_lossy(line);
        assert!(line.contains(&format!("\"id\":{id}")), "{line:.100}");
        assert!(line.matches("\"goStatementLoc\"").count() > count, "{line:.100}");
        if peer == Peer::Ours {
            limit = limit.min(time_to_read_gs(debugged));
        }
    }
    (times, limit)
}

/// How long the kernel takes to hand over the `g` of each goroutine, as far as a list of
/// them needs it.
fn time_to_read_gs(debugged: &mut Debugged) -> Duration {
    const G_LEN: usize = 400;
    let pid = debugged.state().pid;
    let allgs = debugged.eval("runtime.allgs");
    let mut pointers = vec![0; allgs.len as usize * 8];
    read_places(pid, &[allgs.base], pointers.len(), &mut pointers);
    let mut places: Vec<u64> = pointers
        .chunks_exact(8)
        .map(|it| u64::from_le_bytes(it.try_into().unwrap()))
        .collect();
    places.sort_unstable();
    let mut room = vec![0; 1024 * G_LEN];
    let start = Instant::now();
    read_places(pid, &places, G_LEN, &mut room);
    start.elapsed()
}

/// Reads so many bytes at each place, 1024 places with one `process_vm_readv`, into the
/// same room again and again.
fn read_places(pid: i64, places: &[u64], len: usize, room: &mut [u8]) {
    for places in places.chunks(1024) {
        let remote: Vec<RemoteIoVec> =
            places.iter().map(|at| RemoteIoVec { base: *at as usize, len }).collect();
        let mut local: Vec<IoSliceMut<'_>> =
            room.chunks_mut(len).take(places.len()).map(IoSliceMut::new).collect();
        let pid = Pid::from_raw(pid as i32);
        process_vm_readv(pid, &mut local, &remote).expect("memory can be read");
    }
}

/// A slice and a map of 10,000 structs, all of them.
pub fn values(peer: Peer) -> Vec<Sample> {
    let fixture = Fixture::build("deep");
    let mut debugged = Debugged::launch_on(peer, &fixture.executable, &[]);
    let mut samples = Vec::new();
    let slice = ("slice of 10,000 structs", "main.show", "items", Goal::Times(50.0));
    let map = ("map of 10,000 structs", "main.look", "byName", Goal::Times(20.0));
    for (name, function, expr, goal) in [slice, map] {
        debugged.break_at(function);
        debugged.resume(CONTINUE);
        let cfg = LoadConfig { max_array_values: 10_000, ..LoadConfig::FULL };
        let scope = EvalScope::selected(0);
        let args = EvalIn { scope, expr: expr.into(), cfg: Some(cfg) };
        let mut times = Vec::new();
        for _ in 0..rounds(peer, 15, 2) {
            let argument = serde_json::to_value(&args).unwrap();
            let start = Instant::now();
            debugged.wire.send("Eval", argument);
            let line = debugged.wire.read_line_bytes().expect("an answer");
            times.push(start.elapsed());
            let line = String::from_utf8_lossy(line);
            assert!(line.contains("item 9999"), "{line:.300}");
        }
        let sample = Sample::median(name, &mut times, goal);
        samples.push(match expr {
            "items" => sample.beside(time_to_read_items(&mut debugged)),
            _ => sample,
        });
    }
    samples
}

/// How long the kernel takes to hand over the structs themselves, without what they
/// point to.
fn time_to_read_items(debugged: &mut Debugged) -> Duration {
    let pid = debugged.state().pid;
    let items = debugged.eval("items");
    let len = 72 * items.len as usize;
    let mut room = vec![0; len];
    let once = |room: &mut [u8]| {
        let start = Instant::now();
        read_places(pid, &[items.base], len, room);
        start.elapsed()
    };
    (0..9).map(|_| once(&mut room)).min().unwrap()
}

/// The names of all functions of a large binary.
pub fn functions(peer: Peer) -> Vec<Sample> {
    let server = Server::exec(peer, caddy(), &["version"]);
    let mut wire = server.connect();
    let mut times = Vec::new();
    for _ in 0..rounds(peer, 9, 5) {
        let start = Instant::now();
        wire.send("ListFunctions", json!({"Filter": ""}));
        let line = wire.read_line_bytes().expect("an answer");
        times.push(start.elapsed());
        assert!(String::from_utf8_lossy(line).matches("caddyhttp.").count() > 100);
    }
    let _ = wire.try_ask(DetachIn { kill: true });
    vec![Sample::median("all functions (caddy)", &mut times, Goal::Times(5.0))]
}

/// A stack of 500 frames, each with its arguments and locals, at a fresh stop each time.
pub fn stack(peer: Peer) -> Vec<Sample> {
    let fixture = Fixture::build("deep");
    let mut times = Vec::new();
    let mut debugged = Debugged::launch_on(peer, &fixture.executable, &[]);
    debugged.break_at("main.bottom");
    for _ in 0..rounds(peer, 7, 3) {
        let state = debugged.resume(CONTINUE);
        assert_eq!(place(&state).2, "main.bottom");
        let cfg = Some(LoadConfig::FULL);
        let args =
            StacktraceIn { id: -1, depth: 510, full: true, cfg, ..Default::default() };
        let argument = serde_json::to_value(&args).unwrap();
        let start = Instant::now();
        debugged.wire.send("Stacktrace", argument);
        let line = debugged.wire.read_line_bytes().expect("an answer");
        times.push(start.elapsed());
        let line = String::from_utf8_lossy(line);
        assert!(line.matches("main.descend").count() >= 500, "{line:.300}");
    }
    vec![Sample::median("500 frames with locals", &mut times, Goal::Times(20.0))]
}

/// How long a program with a thousand threads takes to be halted, the answer included.
pub fn halt(peer: Peer) -> Vec<Sample> {
    const THREADS: usize = 1000;
    let fixture = Fixture::build("blocked");
    let arg = THREADS.to_string();
    let mut debugged = Debugged::launch_on(peer, &fixture.executable, &[&arg]);
    let mut other = debugged.server.connect();
    let pending = debugged.resume_and_go();
    while !debugged.server.output().contains("ready") {
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut times = Vec::new();
    let mut pending = Some(pending);
    for _ in 0..rounds(peer, 40, 10) {
        let running = pending.take().unwrap_or_else(|| debugged.resume_and_go());
        while !other.ask(StateIn { non_blocking: true }).state.unwrap().running {}
        // A Delve says so before it lets the program run, and forgets a halt until then.
        std::thread::sleep(Duration::from_millis(50));
        let start = Instant::now();
        let state = other.ask(command_named(HALT)).state;
        times.push(start.elapsed());
        assert!(state.threads.unwrap_or_default().len() >= THREADS);
        debugged.wire.reply(running).unwrap();
    }
    let median = "halt, 1,000 threads: median";
    let median = Sample::median(median, &mut times, Goal::AtMost(100.0));
    let longest = "halt, 1,000 threads: longest";
    vec![median, Sample::quantile(longest, &mut times, 1.0, Goal::AtMost(100.0))]
}

/// How long a loaded server is silent when it is attached to and let go, nothing else.
pub fn silence(peer: Peer) -> Vec<Sample> {
    let site = Site::serve();
    let mut gaps = Vec::new();
    for _ in 0..rounds(peer, 5, 3) {
        let load = Load::start(site.port);
        std::thread::sleep(Duration::from_millis(200));
        let server = Server::attach(peer, site.program.pid());
        server.connect().ask(DetachIn { kill: false });
        drop(server);
        std::thread::sleep(Duration::from_millis(100));
        gaps.push(load.stop().into_iter().max().unwrap());
    }
    let program: &Program = &site.program;
    assert!(crate::support::process::is_free(program.pid()));
    vec![Sample::median("attach, detach: silence (caddy)", &mut gaps, Goal::AtMost(50.0))]
}
