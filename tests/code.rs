//! Is what the program consists of said as it is: instructions, functions, types, files?

use tinydbg::api::methods::{
    ClientPaths, DisassembleIn, FindLocationIn, FunctionReturnLocationsIn,
    GuessSubstitutePathIn, ListFunctionsIn, ListPackagesBuildInfoIn, ListRegistersIn,
    ListSourcesIn, TypeInfoIn,
};
use tinydbg::api::types::{AsmInstruction, EvalScope};

use crate::support::debugged::Debugged;
use crate::support::fixture::Fixture;
use crate::support::server::Peer;

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
    let written = [
        (GO, "PUSHQ BP", "RET", "JG"),
        (INTEL, "push rbp", "ret", "jnle"),
        (GNU, "push %rbp", "retq", "jmp"),
    ];
    for (flavour, push, ret, jump) in written {
        let all = instructions(&mut debugged, pc, flavour);
        let texts: Vec<&str> = all.iter().map(|it| it.text.as_str()).collect();
        assert!(texts.contains(&push) && texts.contains(&ret), "{texts:?}");
        let jumps = |it: &&str| it.split(' ').next() == Some(jump);
        assert!(texts.iter().any(jumps), "{jump}: {texts:?}");
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

#[test]
fn types_have_methods() {
    let fixture = Fixture::build("frames");
    let mut debugged = Debugged::launch(&fixture, &[]);
    let mut info = |name: &str| {
        debugged.wire.ask(TypeInfoIn { name: name.into() }).type_info.unwrap()
    };
    let account = info("main.account");
    let names: Vec<_> = account.methods.unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["main.(*account).close"]);
    assert_eq!(account.fields.unwrap()[0].name, "n");
    let value = info("reflect.Value").methods.unwrap();
    assert!(value.iter().all(|it| it.name.starts_with("reflect.Value.")));
    assert!(value.iter().any(|it| it.name == "reflect.Value.String"));
    // Wherever this one is called, the call is inlined.
    let mut debugged = Debugged::launch(&Fixture::optimized("many"), &["1"]);
    let counter = TypeInfoIn { name: "sync/atomic.Int64".into() };
    let methods = debugged.wire.ask(counter).type_info.unwrap().methods.unwrap();
    let names: Vec<_> = methods.iter().map(|it| it.name.as_str()).collect();
    assert!(names.contains(&"sync/atomic.(*Int64).Add"), "{names:?}");
}

#[test]
fn packages_have_directories_and_files() {
    if Peer::chosen() == Peer::Delve {
        // It takes the first file that the line table names, of whatever package.
        return;
    }
    let fixture = Fixture::build("frames");
    let mut debugged = Debugged::launch(&fixture, &[]);
    let args = ListPackagesBuildInfoIn {
        include_files: true,
        filter: "^(main|fmt|internal/abi)$".into(),
    };
    let packages = debugged.wire.ask(args).list.unwrap();
    let paths: Vec<&str> = packages.iter().map(|it| it.import_path.as_str()).collect();
    assert_eq!(paths, ["fmt", "internal/abi", "main"]);
    assert!(packages[0].directory_path.ends_with("/src/fmt"));
    let files = packages[0].files.as_ref().unwrap();
    assert!(files.iter().any(|it| it.ends_with("/src/fmt/print.go")));
    assert!(files.iter().all(|it| it.starts_with(&packages[0].directory_path)));
    let main = fixture.main.to_str().unwrap().to_owned();
    assert_eq!(packages[2].files, Some(vec![main]));
}

#[test]
fn every_instance_of_a_generic_function_returns() {
    let fixture = Fixture::build("hostile");
    let mut debugged = Debugged::launch(&fixture, &[]);
    let mut returns = |name: &str| {
        let args = FunctionReturnLocationsIn { fn_name: name.into() };
        debugged.wire.ask(args).addrs.unwrap()
    };
    let all = returns("main.grow");
    assert!(!all.is_empty());
    for addr in &all {
        let at = debugged.find(&format!("*{addr:#x}"));
        let function = at[0].function.as_ref().unwrap();
        assert!(function.name.starts_with("main.grow["), "{}", function.name);
    }
}

#[test]
fn calls_are_followed() {
    let fixture = Fixture::build("frames");
    let mut debugged = Debugged::launch(&fixture, &[]);
    let mut called = |depth| {
        let filter = "^main.looping$".into();
        debugged.wire.ask(ListFunctionsIn { filter, follow_calls: depth }).funcs.unwrap()
    };
    assert_eq!(called(1), ["main.looping"]);
    assert_eq!(
        called(2),
        ["fmt.Sprint", "main.here", "main.looping", "runtime.deferreturn"]
    );
    assert!(called(3).contains(&"fmt.newPrinter".to_owned()));
}

#[test]
fn files_without_code_are_sources_too() {
    let fixture = Fixture::build("frames");
    let mut debugged = Debugged::launch(&fixture, &[]);
    let filter = "errors/(join|wrap)\\.go$|frames/main.go$".into();
    let found = debugged.wire.ask(ListSourcesIn { filter }).sources.unwrap();
    assert!(found.iter().any(|it| it.ends_with("/errors/join.go")), "{found:?}");
    assert!(found.contains(&fixture.main.to_str().unwrap().to_owned()), "{found:?}");
}

#[test]
fn lines_are_counted_from_the_frame_that_is_looked_at() {
    let fixture = Fixture::build("frames");
    let mut debugged = Debugged::at(&fixture, &[], "main.here");
    let mut find = |frame, loc: &str| {
        let (scope, loc) = (EvalScope::selected(frame), loc.into());
        let args = FindLocationIn {
            scope,
            loc,
            include_non_executable_lines: true,
            ..Default::default()
        };
        let found = debugged.wire.ask(args);
        (found.locations.unwrap().remove(0), found.substitute_loc_expr)
    };
    let caller = i64::from(fixture.line("// below it"));
    let (next, substitute) = find(1, "+1");
    assert_eq!(next.line, caller + 1);
    assert_eq!(substitute, format!("{}:{}", fixture.main.display(), caller + 1));
    let inner = find(0, "-0").0;
    assert_eq!(inner.line, i64::from(fixture.line("func here(n int)")));
}

/// Where this machine's sources are, if the program was built on another.
#[test]
fn the_places_of_sources_are_guessed() {
    let fixture = Fixture::build("frames");
    let mut debugged = Debugged::launch(&fixture, &[]);
    let modules = [("frames".to_owned(), "/client/frames".to_owned())];
    let args = GuessSubstitutePathIn {
        args: ClientPaths {
            import_path_of_main_package: "frames".into(),
            client_goroot: "/client/go".into(),
            client_module_directories: Some(modules.into()),
        },
    };
    let found = debugged.wire.ask(args).list.unwrap();
    let to: Vec<&str> = found.iter().map(|it| it.1.as_str()).collect();
    assert!(to.contains(&"/client/go") && to.contains(&"/client/frames"), "{found:?}");
    let dir = fixture.main.parent().unwrap().to_str().unwrap();
    assert!(found.contains(&(dir.to_owned(), "/client/frames".to_owned())), "{found:?}");
}

#[test]
fn vector_registers_are_shown_if_they_are_wanted() {
    let fixture = Fixture::build("frames");
    let mut debugged = Debugged::at(&fixture, &[], "main.count");
    let mut names = |include_fp| {
        let args = ListRegistersIn { include_fp, ..Default::default() };
        let regs = debugged.wire.ask(args).regs.unwrap();
        regs.into_iter().map(|it| it.name).collect::<Vec<_>>()
    };
    let general = names(false);
    assert_eq!(general.len(), 26, "{general:?}");
    let all = names(true);
    let at = |name: &str| all.iter().position(|it| it == name);
    assert!(at("R15") < at("XMM0") && at("XMM15") < at("ST(0)"), "{all:?}");
    assert!(at("ST(7)") < at("Rflags") && at("Gs_base") < at("MXCSR"), "{all:?}");
    assert!(at("SW").is_some());
}
