//! What comes in at the port: bytes that are almost requests, and requests that ask for
//! too much or for what is not there.

use std::io::Read;

use serde_json::{Value, json};
use tinydbg::api::lenient;
use tinydbg::api::methods::{
    Command, CreateBreakpointIn, DisassembleIn, EvalIn, ListGoroutinesIn, StacktraceIn,
};
use tinydbg::api::types::DebuggerState;
use tinydbg::transport::envelope::{Answer, Request};
use tinydbg::transport::framing::{MessageReader, REQUEST_MAX};

use super::{Dice, rounds};
use crate::support::debugged::Debugged;
use crate::support::fixture::Fixture;

const ROUNDS: u64 = 500;
const ASKED: u64 = 300;

/// Requests as clients send them, of methods that change nothing.
fn requests() -> Vec<(&'static str, Value)> {
    let scope = json!({"GoroutineID": -1, "Frame": 0, "DeferredCall": 0});
    let cfg = json!({
        "FollowPointers": true, "MaxVariableRecurse": 1, "MaxStringLen": 64,
        "MaxArrayValues": 64, "MaxStructFields": -1,
    });
    vec![
        ("Eval", json!({"Scope": scope, "Expr": "matrix[1]", "Cfg": cfg})),
        ("ListLocalVars", json!({"Scope": scope, "Cfg": cfg})),
        ("ListFunctionArgs", json!({"Scope": scope, "Cfg": cfg})),
        ("ListPackageVars", json!({"Filter": "main", "Cfg": cfg})),
        (
            "Stacktrace",
            json!({"Id": -1, "Depth": 20, "Full": true, "Defers": true, "Opts": 7,
                "Cfg": cfg, "Skip": 0}),
        ),
        (
            "ListGoroutines",
            json!({"Start": 0, "Count": 10, "Filters": [{"Kind": 1, "Arg": "main"}],
                "GroupBy": 2, "MaxGroupMembers": 3, "MaxGroups": 5, "EvalScope": scope}),
        ),
        (
            "FindLocation",
            json!({"Scope": scope, "Loc": "main.main", "IncludeNonExecutableLines": true,
                "SubstitutePathRules": [["a", "b"]]}),
        ),
        (
            "Disassemble",
            json!({"Scope": scope, "StartPC": 4_200_000, "EndPC": 0, "Flavour": 1}),
        ),
        ("ExamineMemory", json!({"Address": 4_200_000, "Length": 100})),
        ("ListRegisters", json!({"ThreadID": 0, "IncludeFp": true, "Scope": scope})),
        ("ListSources", json!({"Filter": "main"})),
        ("ListFunctions", json!({"Filter": "main", "FollowCalls": 2})),
        ("ListTypes", json!({"Filter": "main"})),
        ("TypeInfo", json!({"Name": "main.point"})),
        ("ListPackagesBuildInfo", json!({"IncludeFiles": true, "Filter": "fmt"})),
        ("Ancestors", json!({"GoroutineID": -1, "NumAncestors": 3, "Depth": 5})),
        ("GetThread", json!({"Id": 1})),
        ("GetBreakpoint", json!({"Id": 1, "Name": ""})),
        ("FunctionReturnLocations", json!({"FnName": "main.main"})),
        ("State", json!({"NonBlocking": true})),
        ("ListBreakpoints", json!({"All": true})),
        ("ListThreads", json!({})),
        ("ListTargets", json!({})),
        ("Set", json!({"Scope": scope, "Symbol": "array[0]", "Value": "1"})),
    ]
}

/// Values that nobody would send.
fn odd(dice: &mut Dice) -> Value {
    match dice.below(14) {
        0 => Value::Null,
        1 => json!(i64::MIN),
        2 => json!(u64::MAX),
        3 => json!(1_i64 << dice.below(63)),
        4 => json!(-(1_i64 << dice.below(63))),
        5 => json!(1e300),
        6 => json!(""),
        7 => json!("\u{0}\u{202e}((([[["),
        8 => json!("a".repeat(10_000)),
        9 => json!([]),
        10 => json!({}),
        11 => json!(true),
        12 => json!([[[[[]]]]]),
        _ => json!(dice.number() as i32),
    }
}

/// Puts odd values somewhere into a request.
fn spoil(value: &mut Value, dice: &mut Dice) {
    let inner: Vec<&mut Value> = match value {
        Value::Object(fields) => fields.values_mut().collect(),
        Value::Array(list) => list.iter_mut().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![],
    };
    let n = inner.len();
    let chosen = if n == 0 { 0 } else { dice.below(n) };
    match inner.into_iter().nth(chosen) {
        Some(inner) if dice.below(4) > 0 => spoil(inner, dice),
        _ => *value = odd(dice),
    }
}

/// Yields its bytes in pieces of odd lengths.
struct Pieces<'a>(&'a [u8], Dice);

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = (1 + self.1.below(2000)).min(self.0.len()).min(buf.len());
        buf[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

/// Decodes what is said to be the argument of each kind of method.
fn decode_all(value: &Value) {
    let _ = lenient::from_value::<EvalIn>(value.clone());
    let _ = lenient::from_value::<StacktraceIn>(value.clone());
    let _ = lenient::from_value::<ListGoroutinesIn>(value.clone());
    let _ = lenient::from_value::<DisassembleIn>(value.clone());
    let _ = lenient::from_value::<CreateBreakpointIn>(value.clone());
    let _ = lenient::from_value::<Command>(value.clone());
    let _ = lenient::from_value::<DebuggerState>(value.clone());
}

#[test]
fn any_bytes_are_a_message_or_an_error() {
    let requests = requests();
    for round in 0..rounds(ROUNDS) {
        println!("round {round}");
        let mut dice = Dice::new(round + 1);
        let mut stream = Vec::new();
        for _ in 0..1 + dice.below(3) {
            let (method, argument) = dice.one_of(&requests);
            let mut argument = argument.clone();
            spoil(&mut argument, &mut dice);
            decode_all(&argument);
            let request = json!({"method": method, "params": [argument], "id": round});
            stream.extend(request.to_string().into_bytes());
        }
        for _ in 0..dice.below(4) {
            let at = dice.below(stream.len());
            match dice.below(3) {
                0 => stream[at] = dice.number() as u8,
                1 => stream.truncate(at + 1),
                _ => stream[at] = *dice.one_of(b"{}[]\",:\\0n "),
            }
        }
        let n_bytes = stream.len();
        let mut reader = MessageReader::new(Pieces(&stream, dice), REQUEST_MAX);
        let mut n_messages = 0;
        while let Ok(Some(message)) = reader.next_message() {
            n_messages += 1;
            let _ = Answer::decode(message);
            let Ok(request) = Request::decode(message) else { continue };
            if let (_, Ok(argument)) = request.into_argument() {
                decode_all(&argument);
            }
        }
        assert!(n_messages <= n_bytes, "{n_messages} messages in {n_bytes} bytes");
    }
}

#[test]
fn odd_requests_are_answered_and_the_server_goes_on() {
    let fixture = Fixture::build("kinds");
    let mut debugged = Debugged::at(&fixture, &[], &fixture.at("// AT composites"));
    let requests = requests();
    for round in 0..rounds(ASKED) {
        let mut dice = Dice::new(round + 1);
        let (method, argument) = dice.one_of(&requests);
        let mut argument = argument.clone();
        for _ in 0..1 + dice.below(2) {
            spoil(&mut argument, &mut dice);
        }
        println!("round {round}: {method} {argument:.300}");
        // The answer comes within the patience of the connection.
        match debugged.wire.call(method, argument) {
            Ok(_) => {}
            Err(why) => assert!(!why.contains("internal"), "{why}"),
        }
    }
    assert_eq!(debugged.eval("structure.X").value, "3");
}
