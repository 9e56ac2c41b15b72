//! Is every kind of Go value read right, whatever Go built the program? The expectations
//! beside the fixture are what a real Delve reads.

use std::fs;
use std::path::Path;
use std::process::Command;

use tinydbg::api::methods::command::CONTINUE;
use tinydbg::api::methods::{EvalIn, SetIn};
use tinydbg::api::types::{EvalScope, LoadConfig, Variable, VariableFlags};
use tinydbg::engine::eval::facts::SOURCES;

use crate::support::debugged::Debugged;
use crate::support::fixture::{Build, Fixture};
use crate::support::show;

/// The places of the fixture `kinds` at which its variables are read, in the order in which
/// the program gets there.
const PLACES: &[&str] = &[
    "basics",
    "composites",
    "maps",
    "dynamic",
    "channels",
    "closure",
    "functions",
    "generics",
    "inside",
    "shadows",
    "flags",
    "growing",
    "waiting",
];

/// The oldest release, the last with the old maps, the first with the new ones, and the
/// newest.
const TOOLCHAINS: &[&str] = &["go1.19.13", "go1.23.12", "go1.24.13", "go1.27.0"];

/// The others; they are tried with `TINYDBG_ALL_GO=1`.
const MORE_TOOLCHAINS: &[&str] = &["go1.20.14", "go1.21.13", "go1.22.12", "go1.25.5"];

/// What every variable of the program is, place by place, and what the expressions are.
fn values(fixture: &Fixture, built_by: &str) -> String {
    let mut debugged = Debugged::launch(fixture, &[]);
    for place in PLACES {
        debugged.break_at(&fixture.at(&format!("// AT {place}")));
    }
    let mut text = String::new();
    for place in PLACES {
        let state = debugged.resume(CONTINUE);
        assert_eq!(state.stop_reason, "breakpoint", "at {place}");
        text.push_str(&format!("# {place}\n"));
        let scope = EvalScope::selected(0);
        let mut variables = debugged.arguments(scope.clone());
        variables.extend(debugged.locals(scope));
        // What the compiler made up differs from release to release; some are too big.
        let is_ours = |it: &&Variable| {
            !it.name.starts_with(['.', '~']) && !BIG.contains(&it.name.as_str())
        };
        for it in variables.iter().filter(is_ours) {
            let shadowed = it.flags & VariableFlags::SHADOWED != 0;
            text.push_str(if shadowed { "(shadowed) " } else { "" });
            text.push_str(&show::declared(it));
            text.push('\n');
        }
        if *place == "growing" {
            check_maps(&mut debugged, built_by);
        }
        for (_, expression) in ASKED.iter().filter(|it| it.0 == *place) {
            let found = debugged.try_eval(expression).map(|it| show::value(&it));
            let found = found.unwrap_or_else(|why| format!("error: {why}"));
            text.push_str(&format!("{expression} = {found}\n"));
        }
    }
    text
}

/// Variables that are not listed: buffers, and maps that have a test of their own.
const BIG: &[&str] = &["stacks", "states", "churned", "same", "last"];

/// Checks that each of the maps has the entries that it should, in whatever state of
/// growth it was caught.
fn check_maps(debugged: &mut Debugged, built_by: &str) {
    let mut loaded = |expr: String| -> Vec<(i64, i64)> {
        let cfg = LoadConfig { max_array_values: 1000, ..LoadConfig::FULL };
        let scope = EvalScope::selected(0);
        let args = EvalIn { scope, expr, cfg: Some(cfg) };
        let map = debugged.wire.ask(args).variable.unwrap();
        let numbers = map.children.unwrap_or_default();
        let numbers: Vec<i64> =
            numbers.iter().map(|it| it.value.parse().unwrap()).collect();
        let mut entries: Vec<_> = numbers.chunks(2).map(|it| (it[0], it[1])).collect();
        entries.sort_unstable();
        entries
    };
    for n in 1..=200 {
        let wanted: Vec<_> = (0..n).map(|it| (it, -it)).collect();
        assert_eq!(loaded(format!("states[{}]", n - 1)), wanted, "{built_by}: {n}");
    }
    let wanted: Vec<_> = (4900..5000).map(|it| (it, -it)).collect();
    assert_eq!(loaded("churned".into()), wanted, "{built_by}");
    let same = loaded("same".into());
    let last: i64 = debugged.eval("last").value.parse().unwrap();
    assert!(last < 1_000_000, "{built_by}: the map was never resized");
    let wanted: Vec<_> = (last - 199..=last).map(|it| (it, -it)).collect();
    assert_eq!(same, wanted, "{built_by}");
}

/// Expressions that are asked at a place, on every release.
const ASKED: &[(&str, &str)] = &[
    ("basics", "rest[1] + 1"),
    ("basics", "hue == blue && u8 > 199"),
    ("basics", "text[1:3]"),
    ("basics", "wide[3:6]"),
    ("basics", "real(c128) + imag(c128)"),
    ("basics", "min(i64, 5)"),
    ("basics", "time.Duration(1)"),
    ("composites", "structure == main.point{3, 4}"),
    ("composites", "cyclic.next == cyclic"),
    ("composites", "structure.sum"),
    ("composites", "slice[0]"),
    ("composites", "*(*\"main.point\")(uintptr(pointer))"),
    ("composites", "uintptr(nothing)"),
    ("maps", "points[main.point{1, 2}].Y"),
    ("maps", "big[500]"),
    ("maps", "big[1000]"),
    ("maps", "fat[1][0]"),
    ("maps", "one[\"a\"]"),
    ("maps", "one[1]"),
    ("maps", "len(big) + len(none)"),
    ("dynamic", "number.(int) + 1"),
    ("dynamic", "number.(string)"),
    ("dynamic", "behind.(*main.point).X"),
    ("dynamic", "behind.Y"),
    ("dynamic", "method.Name"),
    ("dynamic", "wrapped.err.s"),
    ("dynamic", "slice[1].(string)[1:]"),
    ("dynamic", "typedNil == nil"),
    ("channels", "len(full) + cap(full)"),
    ("channels", "full.buf[1]"),
    ("channels", "closed.closed"),
    ("closure", "captured + by"),
    ("generics", "l.head.next.value"),
    ("inside", "both.Value + value"),
    ("shadows", "x"),
    ("flags", "both == read|execute"),
    ("flags", "when.wall"),
    ("flags", "boxed.([]int)[0]"),
    ("flags", "factor * 2"),
    ("growing", "mine[1]"),
    ("growing", "len(states)"),
    ("growing", "churned[4999] + churned[4900]"),
    ("growing", "churned[4899]"),
    ("waiting", "empty.recvq.first.g.goid > 1"),
    ("waiting", "*full.sendq.first.elem"),
    ("waiting", "full.sendq.last == full.sendq.first"),
    ("waiting", "full.buf[0]"),
];

#[test]
fn every_kind_of_value_is_read() {
    let fixture = Fixture::build("kinds");
    let found = values(&fixture, "the Go that is installed");
    let path = fixture.main.with_file_name("values.txt");
    if std::env::var("TINYDBG_MARKS").is_ok_and(|it| it == "write") {
        fs::write(&path, &found).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap();
    same(&found, &wanted, "the Go that is installed");
}

#[test]
fn values_are_the_same_whatever_go_built_the_program() {
    let fixture = Fixture::build("kinds");
    let wanted = fs::read_to_string(fixture.main.with_file_name("values.txt")).unwrap();
    for toolchain in toolchains() {
        let how = Build { toolchain: Some(toolchain), ..Build::default() };
        let fixture = Fixture::build_as("kinds", how);
        same(&values(&fixture, toolchain), &wanted, toolchain);
    }
}

pub fn toolchains() -> Vec<&'static str> {
    let mut all = TOOLCHAINS.to_vec();
    if std::env::var_os("TINYDBG_ALL_GO").is_some() {
        all.extend(MORE_TOOLCHAINS);
    }
    all
}

#[test]
fn what_is_in_registers_is_read_whatever_go_built_the_program() {
    for toolchain in toolchains() {
        let how =
            Build { optimized: true, toolchain: Some(toolchain), ..Build::default() };
        let fixture = Fixture::build_as("kinds", how);
        let mut debugged = Debugged::at(&fixture, &[], &fixture.at("// AT registers"));
        let arguments = debugged.arguments(EvalScope::selected(0));
        let found: Vec<String> = arguments
            .iter()
            .filter(|it| it.flags & VariableFlags::ARGUMENT != 0)
            .map(show::declared)
            .collect();
        let wanted =
            ["a int = 1", "b string = \"two\"", "c float64 = 3", "d bool = true"];
        assert_eq!(found, wanted, "{toolchain}");
        let sum = debugged.try_eval("a + len(b) + int(c)").map(|it| it.value);
        assert_eq!(sum.as_deref(), Ok("7"), "{toolchain}");
        let scope = EvalScope::selected(0);
        let args = SetIn { scope, symbol: "a".into(), value: "a + 1".into() };
        debugged.wire.ask(args);
        assert_eq!(debugged.eval("a").value, "2", "{toolchain}");
    }
}

/// What we take for granted about layouts is what each Go's own source says.
#[test]
fn layouts_are_as_the_sources_of_go_say() {
    let mut wrong = Vec::new();
    for toolchain in toolchains() {
        let mut go = Command::new("go");
        go.env("GOTOOLCHAIN", toolchain).args(["env", "GOROOT"]);
        let found = String::from_utf8(go.output().unwrap().stdout).unwrap();
        let sources = Path::new(found.trim()).join("src");
        let minor: u32 = toolchain.split('.').nth(1).unwrap().parse().unwrap();
        for it in SOURCES.iter().filter(|it| it.releases.contains(&minor)) {
            let text = fs::read_to_string(sources.join(it.file)).unwrap_or_default();
            let plain: Vec<&str> = text.split_whitespace().collect();
            if !format!(" {} ", plain.join(" ")).contains(&format!(" {}", it.line)) {
                wrong.push(format!("{toolchain}: {}: no `{}`", it.file, it.line));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn same(found: &str, wanted: &str, what: &str) {
    let wrong: Vec<String> = found
        .lines()
        .zip(wanted.lines())
        .filter(|(found, wanted)| found != wanted)
        .map(|(found, wanted)| format!("  {found}\n  (wanted) {wanted}"))
        .collect();
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
    assert_eq!(found.lines().count(), wanted.lines().count(), "{what}");
}

/// Expressions and what they are, at the place `composites` of the fixture.
const EXPRESSIONS: &[(&str, &str)] = &[
    ("structure.X", "3"),
    ("structure.X + array[1] * 2", "7"),
    ("nested.point.Y", "2"),
    ("nested.Y", "2"),
    ("nested.next.Name", "\"inner\""),
    ("*pointer", "{X: 3, Y: 4}"),
    ("(**pointers).X", "3"),
    ("pointer.X == 3 && array[0] != 2", "true"),
    ("len(slice)", "3"),
    ("cap(long)", "1000"),
    ("slice[1:]", "[\"b\", \"c\"]"),
    ("slice[2]", "\"c\""),
    ("float64(array[2]) / 2", "1.5"),
    ("nothing == nil", "true"),
    ("main.packageInt", "42"),
    ("packageMap[\"unit\"].X", "1"),
    ("slice[0] + \"!\"", "\"a!\""),
    ("array[0] << 4 | 1", "17"),
    ("-array[2]", "-3"),
    ("!(array[0] > 1)", "true"),
    ("uint8(array[0] + 300)", "45"),
    ("matrix[1][0]", "3"),
    ("cyclic.next.next.Name", "\"cycle\""),
];

#[test]
fn expressions_are_evaluated() {
    let fixture = Fixture::build("kinds");
    let place = fixture.at("// AT composites");
    let mut debugged = Debugged::at(&fixture, &[], &place);
    let mut wrong = Vec::new();
    for (expression, wanted) in EXPRESSIONS {
        let found = debugged.try_eval(expression).map(|it| show::value(&it));
        if found.as_deref() != Ok(*wanted) {
            wrong.push(format!("{expression}: {found:?}, not {wanted}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Expressions that have no value, and a part of the reason.
const REFUSED: &[(&str, &str)] = &[
    ("unknown", "could not find symbol value for unknown"),
    ("structure.Z", "structure has no member Z"),
    ("array[3]", "index out of bounds"),
    ("nothing.X", "nothing is nil"),
    ("slice +", "expected operand"),
    ("1 +", "expected operand"),
    ("structure + 1", ""),
    ("len(structure)", "invalid argument structure"),
];

#[test]
fn a_method_has_the_type_of_its_function() {
    let fixture = Fixture::build("kinds");
    let mut debugged = Debugged::at(&fixture, &[], &fixture.at("// AT dynamic"));
    for (expression, name, type_name) in [
        ("method.String", "main.(*named).String", "func() string"),
        ("problem.Error", "errors.(*errorString).Error", "func() string"),
    ] {
        let found = debugged.eval(expression);
        assert_eq!((found.value.as_str(), found.type_name.as_str()), (name, type_name));
    }
}

/// Delve takes the first word of an array in a closure for its address.
#[test]
fn a_closure_has_values_and_shares_variables() {
    let fixture = Fixture::build("kinds");
    let mut debugged = Debugged::at(&fixture, &[], &fixture.at("// AT captures"));
    for (expression, wanted) in [
        ("only.array", "[1, 2, 3, 4]"),
        ("both.array", "[1, 2, 3, 4]"),
        ("both.shared", "[5, 6, 7, 8]"),
        ("both.letters", "[97, 98]"),
    ] {
        assert_eq!(show::value(&debugged.eval(expression)), wanted, "{expression}");
    }
    let only = debugged.eval("only").children.unwrap();
    assert_eq!(show::declared(&only[0]), "array [4]int = [1, 2, 3, 4]");
    // Inside, at the entry too, where they are still in the closure only.
    let entry = debugged.eval("both").base;
    for place in [format!("*{entry:#x}"), fixture.at("// AT captured")] {
        debugged.break_at(&place);
        debugged.resume(CONTINUE);
        let found = show::value(&debugged.eval("array"));
        assert_eq!(found, "[1, 2, 3, 4]", "{place}");
    }
}

/// Ways to end, and what a stripped program can still tell of each: the expression for it,
/// and its value.
const ENDINGS: &[(&str, &str, &str)] = &[
    ("panic", "runtime.curg._panic.arg", "string(\"this is a text\")"),
    ("goroutine", "runtime.curg._panic.arg.(data)", "\"elsewhere\""),
    ("map", "s", "\"concurrent map writes\""),
];

#[test]
fn a_closure_that_was_made_by_an_inlined_call_has_what_it_captured() {
    let fixture = Fixture::optimized("kinds");
    let mut debugged = Debugged::at(&fixture, &[], "main.main");
    let captured = debugged.eval("tell").children.unwrap();
    assert_eq!(show::declared(&captured[0]), "text string = \"told\"");
}

#[test]
fn what_was_in_registers_at_a_call_is_found_on_the_stack() {
    for toolchain in TOOLCHAINS {
        let how =
            Build { toolchain: Some(toolchain), optimized: true, ..Build::default() };
        let fixture = Fixture::build_as("kinds", how);
        let mut debugged = Debugged::at(&fixture, &[], "main.leaf");
        let arguments = debugged.arguments(EvalScope::selected(1));
        let found: Vec<_> = arguments.iter().take(2).map(show::declared).collect();
        assert_eq!(found, ["n int = 3", "text string = \"abc\""], "{toolchain}");
    }
}

#[test]
fn a_stripped_program_says_why_it_ends() {
    for toolchain in TOOLCHAINS {
        let flags: &[&str] = &["-ldflags=-s -w"];
        let how = Build { toolchain: Some(toolchain), flags, ..Build::default() };
        let fixture = Fixture::build_as("endings", how);
        for (ending, expression, wanted) in ENDINGS {
            let mut debugged = Debugged::launch(&fixture, &[ending]);
            let state = debugged.resume(CONTINUE);
            assert_eq!(state.stop_reason, "breakpoint", "{toolchain}: {ending}");
            let found = show::value(&debugged.eval(expression));
            assert_eq!(found, *wanted, "{toolchain}: {ending}");
        }
        let mut debugged = Debugged::at(&fixture, &["wait"], "main.main");
        assert_eq!(debugged.eval("runtime.curg.goid").value, "1");
    }
}

#[test]
fn an_expression_without_a_value_says_why() {
    let fixture = Fixture::build("kinds");
    let place = fixture.at("// AT composites");
    let mut debugged = Debugged::at(&fixture, &[], &place);
    for (expression, wanted) in REFUSED {
        let found = debugged.try_eval(expression).map(|it| show::declared(&it));
        let text = found.expect_err(expression);
        assert!(text.contains(wanted), "{expression}: {text}");
    }
}

/// Assignments, and what is in the variable afterwards: the new value, or the old one and
/// a part of the reason.
const ASSIGNED: &[(&str, &str, Result<&str, &str>)] = &[
    ("structure.X", "30", Ok("30")),
    ("structure.X", "array[2] - 1", Ok("2")),
    ("structure", "main.point{5, 6}", Ok("{X: 5, Y: 6}")),
    ("*pointer", "structure", Ok("{X: 5, Y: 6}")),
    ("array[1]", "'a'", Ok("97")),
    ("array[3]", "1", Err("index out of bounds")),
    ("array", "[3]int{7, 8}", Ok("[7, 8, 0]")),
    ("slice[0]", "slice[2]", Ok("\"c\"")),
    ("slice[0]", "\"\"", Ok("\"\"")),
    ("slice[0]", "\"new\"", Err("function calls are not allowed")),
    ("part", "nil", Ok("nil")),
    ("part", "slice[1:]", Ok("[\"b\", \"c\"]")),
    ("part", "none", Err("can not convert value of type []int to []string")),
    ("nothing", "pointer", Ok("&{X: 5, Y: 6}")),
    ("nothing", "&structure", Ok("&{X: 5, Y: 6}")),
    ("nothing", "&main.point{1, 2}", Err("function calls not allowed")),
    ("nothing", "nil", Ok("nil")),
    ("nothing.X", "1", Err("nothing is nil")),
    ("raw", "nil", Ok("0")),
    ("nested.point", "structure", Ok("{X: 5, Y: 6}")),
    ("nested.Name", "slice[2]", Ok("\"c\"")),
    ("anonymous.A", "1 << 40", Ok("1099511627776")),
    ("bytes[0]", "300", Ok("44")),
    ("bytes[0]", "1.5", Err("can not convert 1.5 constant to uint8")),
    ("main.packageInt", "43", Ok("43")),
    ("main.packageMap", "nil", Ok("nil")),
    ("5", "6", Err("can not assign to 5")),
    ("array[0] + 1", "6", Err("can not assign to array[0] + 1")),
    ("main.read", "6", Err("can not assign to main.read")),
    ("RAX", "0x1122334455667788", Ok("1234605616436508552")),
    ("AH", "0", Ok("0")),
    ("EAX", "5", Ok("5")),
    ("RBX", "\"x\"", Err("can not convert \"x\" constant to uint64")),
    ("AL", "256", Err("256 does not fit in AL, which has 8 bits")),
    (
        "XMM3",
        "\"0102030405060708090a0b0c0d0e0f10\"",
        Ok("\"0102030405060708090a0b0c0d0e0f10\""),
    ),
    ("XMM3", "\"01\"", Err("a string of 32 hexadecimal digits")),
    ("XMM3", "7", Ok("\"07000000000000000000000000000000\"")),
];

#[test]
fn what_can_be_assigned_to_is_changed_and_nothing_else() {
    let fixture = Fixture::build("kinds");
    let place = fixture.at("// AT composites");
    let mut debugged = Debugged::at(&fixture, &[], &place);
    let mut wrong = Vec::new();
    for (symbol, value, wanted) in ASSIGNED {
        let before = debugged.try_eval(symbol).map(|it| show::value(&it));
        let args = SetIn {
            scope: EvalScope::selected(0),
            symbol: (*symbol).into(),
            value: (*value).into(),
        };
        let done = debugged.wire.try_ask(args);
        let after = debugged.try_eval(symbol).map(|it| show::value(&it));
        let fine = match (&done, wanted) {
            (Ok(_), Ok(wanted)) => after.as_deref() == Ok(*wanted),
            (Err(why), Err(part)) => why.contains(part) && before == after,
            _ => false,
        };
        if !fine {
            wrong.push(format!("{symbol} = {value}: {done:?}, {before:?} -> {after:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    let whole = debugged.eval("RAX");
    assert_eq!(whole.value.parse::<u64>().unwrap(), 0x1122_3344_0000_0005);
    let parts = debugged.eval("XMM3.uint8[0]");
    assert_eq!(parts.value, "7");
}

#[test]
fn variables_in_registers_are_changed_there() {
    let fixture = Fixture::optimized("kinds");
    let place = fixture.at("// AT registers");
    let mut debugged = Debugged::at(&fixture, &[], &place);
    for (symbol, value, wanted) in [
        ("a", "41", "41"),
        ("c", "2.5", "2.5"),
        ("d", "false", "false"),
        ("b", "main.packageString", "\"of the package\""),
    ] {
        let args = SetIn {
            scope: EvalScope::selected(0),
            symbol: symbol.into(),
            value: value.into(),
        };
        debugged.wire.ask(args);
        assert_eq!(show::value(&debugged.eval(symbol)), wanted, "{symbol}");
    }
}

#[test]
fn a_map_is_loaded_as_far_as_asked_and_the_rest_on_demand() {
    let fixture = Fixture::build("kinds");
    let place = fixture.at("// AT maps");
    let mut debugged = Debugged::at(&fixture, &[], &place);
    let cfg = LoadConfig { max_array_values: 64, ..LoadConfig::FULL };
    let scope = EvalScope::selected(0);
    let args = EvalIn { scope, expr: "big".into(), cfg: Some(cfg) };
    let big = debugged.wire.ask(args.clone()).variable.unwrap();
    assert_eq!((big.len, big.children.unwrap().len()), (1000, 128));
    let expr = "big[64:]".into();
    let more = EvalIn { expr, ..args };
    let more = debugged.wire.ask(more).variable.unwrap();
    assert_eq!(more.children.unwrap().len(), 128, "the next part of it");
}
