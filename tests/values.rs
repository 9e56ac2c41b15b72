//! Is every kind of Go value read right, whatever Go built the program? The expectations
//! beside the fixture are what a real Delve reads.

use std::fs;

use tinydbg::api::methods::command::CONTINUE;
use tinydbg::api::types::{EvalScope, LoadConfig, VariableFlags};

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
];

/// All releases whose runtimes differ in how values are laid out.
const TOOLCHAINS: &[&str] =
    &["go1.19.13", "go1.21.13", "go1.23.12", "go1.24.13", "go1.25.10", "go1.27.0"];

/// What every variable of the program is, place by place.
fn values(fixture: &Fixture) -> String {
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
        // What the compiler made up differs from release to release.
        for it in variables.iter().filter(|it| !it.name.starts_with(['.', '~'])) {
            let shadowed = it.flags & VariableFlags::SHADOWED != 0;
            text.push_str(if shadowed { "(shadowed) " } else { "" });
            text.push_str(&show::declared(it));
            text.push('\n');
        }
    }
    text
}

#[test]
fn every_kind_of_value_is_read() {
    let fixture = Fixture::build("kinds");
    let found = values(&fixture);
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
    for toolchain in TOOLCHAINS {
        let how = Build { toolchain: Some(toolchain), ..Build::default() };
        let fixture = Fixture::build_as("kinds", how);
        same(&values(&fixture), &wanted, toolchain);
    }
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

#[test]
fn a_map_is_loaded_as_far_as_asked_and_the_rest_on_demand() {
    let fixture = Fixture::build("kinds");
    let place = fixture.at("// AT maps");
    let mut debugged = Debugged::at(&fixture, &[], &place);
    let cfg = LoadConfig { max_array_values: 64, ..LoadConfig::FULL };
    let scope = EvalScope::selected(0);
    let args =
        tinydbg::api::methods::EvalIn { scope, expr: "big".into(), cfg: Some(cfg) };
    let big = debugged.wire.ask(args.clone()).variable.unwrap();
    assert_eq!((big.len, big.children.unwrap().len()), (1000, 128));
    let expr = "big[64:]".into();
    let more = tinydbg::api::methods::EvalIn { expr, ..args };
    let more = debugged.wire.ask(more).variable.unwrap();
    assert_eq!(more.children.unwrap().len(), 128, "the next part of it");
}
