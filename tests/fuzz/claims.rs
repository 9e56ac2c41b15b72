//! What a program and a client can claim, line by line (`spec/trust.md` §2): an answer
//! comes, soon, and says what was left out.

use std::cell::Cell;

use serde_json::{Value, json};
use tinydbg::engine::addr::Addr;
use tinydbg::engine::eval::{LoadConfig, Variable};
use tinydbg::engine::golang::{UnwindFrom, UnwindLimits};
use tinydbg::engine::memory::{Fault, Memory};

use super::frozen::{Frozen, NEW};
use crate::support::debugged::Debugged;
use crate::support::fixture::Fixture;
use crate::support::process::peak_memory_kb;

/// More than anybody wants to see.
const GREEDY: LoadConfig = LoadConfig {
    follow_pointers: true,
    recurse_max: 1 << 40,
    string_len_max: 1 << 40,
    array_values_max: 1 << 40,
    struct_fields_max: -1,
};

fn count(value: &Variable) -> usize {
    1 + value.children().iter().map(count).sum::<usize>()
}

#[test]
fn what_leads_back_to_itself_and_what_is_endless_is_loaded_to_a_limit() {
    let frozen = Frozen::of(NEW);
    let mut memory = frozen.intact();
    let place = frozen.place(&memory).unwrap();
    let config = LoadConfig { array_values_max: 8, ..LoadConfig::FULL };
    let anything = frozen.scope(&place, &memory).evaluate("anything", config).unwrap();
    let slice = frozen.scope(&place, &memory).evaluate("slice", config).unwrap();
    let numbers = frozen.scope(&place, &memory).evaluate("numbers", config).unwrap();
    // The sixth element of `anything` is an interface that holds a slice: it holds itself
    // now. Some lengths are as long as they can be.
    let inner = anything.children()[6].addr.0;
    let header = memory.read_word(Addr(inner + 8)).unwrap();
    memory.change(header, anything.base.0);
    memory.change(numbers.addr.0 + 8, 1 << 50);
    memory.change(numbers.addr.0 + 16, 1 << 50);
    memory.change(slice.base.0 + 8, 1 << 47);
    let scope = frozen.scope(&place, &memory);
    let cases =
        [(1, "anything"), (1 << 40, "anything"), (1, "numbers"), (1 << 40, "root")];
    for (recurse_max, name) in cases {
        let config = LoadConfig { recurse_max, ..GREEDY };
        let value = scope.evaluate(name, config).unwrap();
        assert!(count(&value) < 400_000, "{name}: {}", count(&value));
    }
    for expression in ["1 << 1099511627776", "1 << 1000 >> 1000"] {
        let why = scope.evaluate(expression, GREEDY).unwrap_err().to_string();
        assert!(why.contains("needs more than 127 bits"), "{why}");
    }
}

/// A stack on which every word is the same return address.
struct Endless<'a> {
    memory: &'a dyn Memory,
    stack: std::ops::Range<u64>,
    return_pc: u64,
    n_reads: Cell<u64>,
}

impl Memory for Endless<'_> {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), Fault> {
        self.n_reads.set(self.n_reads.get() + 1);
        if !self.stack.contains(&addr.0) {
            return self.memory.read(addr, buf);
        }
        for (at, byte) in (addr.0..).zip(buf) {
            *byte = self.return_pc.to_le_bytes()[(at % 8) as usize];
        }
        Ok(())
    }
}

#[test]
fn a_stack_without_an_end_ends_at_its_depth() {
    const DEPTH: usize = 20_000;
    let frozen = Frozen::of(NEW);
    let mut damaged = frozen.intact();
    let place = frozen.place(&damaged).unwrap();
    let sp = place.stack.frames[0].sp.0;
    // The stack says that it goes on for a terabyte (`g.stack.hi`).
    damaged.change(place.goroutine.addr.0 + 8, sp + (1 << 40));
    let goroutine = frozen.runtime.goroutine_at(&damaged, place.goroutine.addr).unwrap();
    let memory = Endless {
        memory: &damaged,
        stack: sp..sp + (1 << 40),
        return_pc: place.stack.frames[place.frame].lookup_pc.0 + 1,
        n_reads: Cell::new(0),
    };
    let limits = UnwindLimits::frames(DEPTH);
    let stack = frozen.runtime.unwind(&memory, &UnwindFrom::Saved(&goroutine), limits);
    assert!(stack.frames.len() <= DEPTH + 1, "{} frames", stack.frames.len());
    assert!(memory.n_reads.get() < 100 * DEPTH as u64, "{} reads", memory.n_reads.get());
}

#[test]
fn a_wild_list_of_goroutines_is_read_as_far_as_it_is_one() {
    let frozen = Frozen::of(NEW);
    let binary = &frozen.runtime.image().binary;
    let list = binary.symbol("runtime.allgs").unwrap().addr.0;
    let n_true = frozen.runtime.goroutines(&frozen.intact(), &[]).unwrap().len();
    for (what, at, word) in [
        ("no list", list, 0),
        ("a list somewhere", list, 0x1234_5678),
        ("a list in the code", list, binary.text_range().start.0),
        ("a length of 2^50", list + 8, 1 << 50),
        ("a negative length", list + 8, u64::MAX),
    ] {
        let mut memory = frozen.intact();
        memory.change(at, word);
        if let Some(len) = binary.symbol("runtime.allglen") {
            memory.change(len.addr.0, if at == list { n_true as u64 } else { word });
        }
        let found = frozen.runtime.goroutines(&memory, &[]).map(|it| it.len());
        assert!(found.as_ref().is_ok_and(|n| *n <= n_true) || found.is_err(), "{what}");
        let n_bytes = memory.n_bytes.get();
        assert!(n_bytes < 256 << 20, "{what}: {n_bytes} bytes were read");
    }
}

/// Requests for more than there is, in words and numbers.
fn too_much() -> Vec<(&'static str, Value)> {
    let scope = json!({"GoroutineID": -1, "Frame": 0});
    let cfg = json!({
        "FollowPointers": true, "MaxVariableRecurse": 1_i64 << 40,
        "MaxStringLen": 1_i64 << 40, "MaxArrayValues": 1_i64 << 40,
        "MaxStructFields": -1,
    });
    let flat = json!({"MaxStringLen": 1_i64 << 40, "MaxArrayValues": 1_i64 << 40});
    let far = json!({"GoroutineID": -1, "Frame": 1_i64 << 31});
    let eval = |e: &str| json!({"Scope": scope, "Expr": e, "Cfg": cfg});
    let pc = 4_200_000_u64;
    vec![
        ("Eval", json!({"Scope": far, "Expr": "array", "Cfg": cfg})),
        ("Eval", eval("long[0:1 << 50]")),
        ("Eval", eval("(*[1 << 50]int)(0x1000)")),
        ("Eval", eval(&"(".repeat(100_000))),
        ("Eval", eval(&"1+".repeat(30_000))),
        ("Eval", eval("1 << 1099511627776")),
        ("Eval", eval("cyclic")),
        ("ListLocalVars", json!({"Scope": far, "Cfg": cfg})),
        ("ListLocalVars", json!({"Scope": scope, "Cfg": cfg})),
        ("ListPackageVars", json!({"Filter": "^main", "Cfg": cfg})),
        (
            "Stacktrace",
            json!({"Id": -1, "Depth": 1_i64 << 62, "Full": true, "Cfg": flat}),
        ),
        ("ListGoroutines", json!({"Start": i64::MAX, "Count": i64::MAX})),
        ("Disassemble", json!({"Scope": scope, "StartPC": pc, "EndPC": pc + (1 << 40)})),
        ("ExamineMemory", json!({"Address": pc, "Length": 1_i64 << 40})),
        ("ExamineMemory", json!({"Address": u64::MAX, "Length": 100})),
        ("ListFunctions", json!({"Filter": "main.main", "FollowCalls": 1 << 30})),
        ("ListFunctions", json!({"Filter": "(a*)*{1000}{1000}{1000}", "FollowCalls": 0})),
        ("FindLocation", json!({"Scope": scope, "Loc": "main.go:99999999999999999999"})),
    ]
}

#[test]
fn who_asks_for_too_much_is_answered_and_memory_stays() {
    let fixture = Fixture::build("kinds");
    let mut debugged = Debugged::at(&fixture, &[], &fixture.at("// AT composites"));
    debugged.eval("structure.X");
    for (method, argument) in too_much() {
        // The answer comes within the patience of the connection, good or bad.
        let shown = format!("{method} {argument:.200}");
        if let Err(why) = debugged.wire.call(method, argument) {
            assert!(!why.is_empty() && !why.contains("internal"), "{shown}: {why}");
        }
    }
    assert_eq!(debugged.eval("structure.X").value, "3");
    let peak = peak_memory_kb(debugged.server.child.id());
    assert!(peak < 1 << 20, "{peak} KB");
}
