//! Is what the program consists of said as it is: instructions, functions, types, files?

use tinydbg::api::methods::DisassembleIn;
use tinydbg::api::types::{AsmInstruction, EvalScope};

use crate::support::debugged::Debugged;
use crate::support::fixture::Fixture;

const GNU: i64 = 0;
const INTEL: i64 = 1;
const GO: i64 = 2;

/// The instructions of the function around `pc`.
fn instructions(debugged: &mut Debugged, pc: u64, flavour: i64) -> Vec<AsmInstruction> {
    let scope = EvalScope::selected(0);
    let args = DisassembleIn { scope, start_pc: pc, end_pc: 0, flavour };
    debugged.wire.ask(args).disassemble.unwrap()
}

#[test]
fn instructions_are_written_in_three_ways() {
    let fixture = Fixture::build("frames");
    let mut debugged = Debugged::at(&fixture, &[], "main.count");
    let pc = debugged.state().current_thread.unwrap().pc;
    let written =
        [(GO, "PUSHQ BP", "RET"), (INTEL, "push rbp", "ret"), (GNU, "push %rbp", "retq")];
    for (flavour, push, ret) in written {
        let all = instructions(&mut debugged, pc, flavour);
        let texts: Vec<&str> = all.iter().map(|it| it.text.as_str()).collect();
        assert!(texts.contains(&push) && texts.contains(&ret), "{texts:?}");
        assert!(!texts.iter().any(|it| it.starts_with("int")), "no padding: {texts:?}");
        let here = all.iter().find(|it| it.at_pc).unwrap();
        assert!(here.breakpoint && here.loc.pc == pc);
        assert_ne!(here.bytes, "zA==", "the breakpoint is not seen");
    }
}

#[test]
fn calls_lead_to_functions_and_variables_have_names() {
    let fixture = Fixture::build("frames");
    let mut debugged = Debugged::at(&fixture, &[], "main.coded");
    let pc = debugged.state().current_thread.unwrap().pc;
    let all = instructions(&mut debugged, pc, GO);
    let call = all.iter().find(|it| it.text == "CALL main.here(SB)").unwrap();
    let to = call.dest_loc.as_ref().unwrap();
    assert_eq!(to.function.as_ref().unwrap().name, "main.here");
    debugged.break_at("main.here");
    debugged.resume("continue");
    let pc = debugged.state().current_thread.unwrap().pc;
    let all = instructions(&mut debugged, pc, GO);
    let named = |it: &AsmInstruction| it.text.contains("main.sink(SB)");
    assert!(all.iter().any(named), "{:?}", all.iter().map(|it| &it.text));
}

/// Through a register, or through memory: known where the goroutine is, and not elsewhere.
#[test]
fn an_indirect_call_leads_where_the_registers_say() {
    let fixture = Fixture::build("bodies");
    let mut debugged = Debugged::at(&fixture, &[], "main.seq.func1");
    let mut seen = false;
    for _ in 0..200 {
        let pc = debugged.state().current_thread.unwrap().pc;
        let all = instructions(&mut debugged, pc, GO);
        let Some(here) = all.iter().find(|it| it.at_pc) else { break };
        if here.text == "CALL CX"
            || here.text.starts_with("CALL") && !here.text.contains("SB")
        {
            let to = here.dest_loc.as_ref().unwrap().function.as_ref().unwrap();
            assert_eq!(to.name, "main.ranger-range1");
            let others = all.iter().filter(|it| {
                !it.at_pc && it.text.starts_with("CALL") && !it.text.contains("SB")
            });
            assert!(others.into_iter().all(|it| it.dest_loc.is_none()));
            seen = true;
            break;
        }
        debugged.resume("stepInstruction");
    }
    assert!(seen, "the body of the loop is called through a register");
}
