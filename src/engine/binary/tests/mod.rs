//! Questions to real binaries: programs built with the Go that is installed, and with
//! other releases where Go's tool has them at hand.

mod damage;

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use super::*;

const SOURCE: &str = include_str!("program.go");
/// The oldest Go that is supported, those that changed the formats, and the newest.
const RELEASES: [&str; 5] =
    ["go1.19.13", "go1.23.12", "go1.24.13", "go1.25.10", "go1.27.0"];
const UNOPTIMIZED: &[&str] = &["-gcflags=all=-N -l"];

/// Builds the program, unless an earlier test has; `None` if that Go release is not at
/// hand.
fn build(toolchain: Option<&str>, flags: &[&str]) -> Option<PathBuf> {
    let version = functions::hash(SOURCE);
    let dir = std::env::temp_dir().join(format!("tinydbg-tests/binary-{version:x}"));
    std::fs::create_dir_all(&dir).unwrap();
    let name = format!("{}{}", toolchain.unwrap_or("installed"), flags.join(""));
    let program = dir.join(name.replace(['/', ' '], "_"));
    if program.exists() {
        return Some(program);
    }
    // Several tests may do this at the same time: files come into being by renaming.
    let own = std::thread::current().id();
    let own = dir.join(format!("{}-{own:?}", std::process::id()));
    let main = dir.join("main.go");
    std::fs::write(&own, SOURCE).unwrap();
    std::fs::rename(&own, &main).unwrap();
    let mut go = Command::new("go");
    go.arg("build").args(flags).arg("-o").arg(&own).arg(&main);
    if let Some(toolchain) = toolchain {
        go.env("GOTOOLCHAIN", toolchain).env("GOPROXY", "off");
    }
    let output = go.output().expect("go runs");
    if !output.status.success() {
        assert!(toolchain.is_some(), "{}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    std::fs::rename(&own, &program).unwrap();
    Some(program)
}

/// Builds `testdata/fixtures/native`, which has a file of C, for one test alone.
fn build_native(test: &str, c_flags: &str, flags: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/fixtures/native");
    let dir = std::env::temp_dir().join("tinydbg-tests");
    std::fs::create_dir_all(&dir).unwrap();
    let program = dir.join(format!("native-{test}-{}", std::process::id()));
    let mut go = Command::new("go");
    go.args(["build", "-buildvcs=false", "-o"]).arg(&program).args(flags).arg(".");
    let built = go.current_dir(source).env("CGO_CFLAGS", c_flags).status();
    assert!(built.expect("go runs").success());
    program
}

fn open(path: &Path) -> Arc<Binary> {
    let binary = Binary::open(path).unwrap();
    binary.start_loading();
    binary
}

fn installed(flags: &[&str]) -> Arc<Binary> {
    open(&build(None, flags).unwrap())
}

/// The program by all releases at hand, with its version.
fn all_releases(flags: &[&str]) -> Vec<(String, Arc<Binary>)> {
    let releases = RELEASES.iter().map(|it| Some(*it)).chain([None]);
    let builds =
        releases.filter_map(|it| Some((it.unwrap_or("installed"), build(it, flags)?)));
    builds.map(|(name, path)| (name.to_string(), open(&path))).collect()
}

fn marked(mark: &str) -> u32 {
    let line = SOURCE.lines().position(|it| it.ends_with(&format!("mark:{mark}")));
    u32::try_from(line.expect("the mark is there")).unwrap() + 1
}

fn main_go(binary: &Binary) -> String {
    let mut files = binary.files().iter();
    files.find(|it| it.ends_with("/main.go")).expect("main.go is known").to_string()
}

fn sites(binary: &Binary, mark: &str) -> Vec<FileAddr> {
    match binary.line_sites(&main_go(binary), marked(mark)) {
        LineSites::Sites(sites) => sites,
        other => panic!("{mark}: {other:?}"),
    }
}

fn names(scope: &Scope) -> Vec<&str> {
    scope.variables.iter().map(|it| &*it.name).collect()
}

fn variable<'a>(scope: &'a Scope, name: &str) -> &'a VariableInfo {
    let mut found = scope.variables.iter().rev().filter(|it| *it.name == *name);
    found.next().unwrap_or_else(|| panic!("{name} is in {:?}", names(scope)))
}

/// The type behind names.
fn plain(binary: &Binary, id: TypeId) -> Arc<GoType> {
    let mut ty = binary.type_of(id);
    while let TypeKind::Named { underlying } = ty.kind {
        ty = binary.type_of(underlying);
    }
    ty
}

#[test]
fn what_is_not_a_go_program_is_refused_in_words() {
    let cases = [
        ("/nonexistent", "could not open /nonexistent"),
        ("/dev/null", "not a regular file"),
        ("/etc/passwd", "not an ELF executable"),
        ("/bin/true", "not a Go program"),
    ];
    for (path, expected) in cases {
        let error = Binary::open(Path::new(path)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn how_it_was_built_is_known_even_when_stripped() {
    for flags in [&["-ldflags=-s"][..], &[]] {
        let binary = installed(flags);
        assert!(binary.build_info().go_version.starts_with("go1."));
        assert_eq!(binary.go_version().unwrap().major, 1);
        assert_eq!(binary.build_info().setting("GOARCH"), Some("amd64"));
        assert_eq!(binary.has_dwarf(), flags.is_empty());
        assert!(!binary.build_id().is_empty());
        assert!(!binary.is_pie());
    }
}

#[test]
fn functions_are_found_by_name_and_by_pc_in_all_releases() {
    for flags in [&[][..], &["-ldflags=-s"], &["-buildmode=pie"]] {
        for (release, binary) in all_releases(flags) {
            let [work] = binary.functions_named("main.work")[..] else {
                panic!("{release} has one main.work");
            };
            let function = binary.function(work);
            assert_eq!(function.name, "main.work");
            assert!(function.file.ends_with("/main.go"), "{release}");
            assert_eq!(binary.function_at(function.entry), Some(work));
            assert_eq!(binary.function_at(function.end.offset(-1)), Some(work));
            assert_ne!(binary.function_at(function.end), Some(work));
            assert_eq!(binary.sp_delta(function.entry), Some(0), "{release}");
            let frame = binary.sp_delta(binary.prologue_end(work));
            assert!(frame >= Some(8) || binary.has_dwarf(), "{release}");
            assert!(binary.text_range().contains(&function.entry));
            assert_eq!(binary.functions_like("main.Map").len(), 2, "{release}");
            assert_eq!(binary.functions_like("main.(*Pair).Get").len(), 1, "{release}");
            let symbol = binary.symbol("main.work").unwrap();
            assert_eq!(symbol.addr, function.entry, "{release}");
        }
    }
}

#[test]
fn inlined_functions_have_names_and_frames_without_dwarf() {
    for (release, binary) in all_releases(&["-ldflags=-s"]) {
        assert!(binary.functions_named("main.twice").is_empty(), "{release}");
        assert!(binary.function_names().any(|it| it == "main.twice"), "{release}");
        let [site] = sites(&binary, "twice")[..] else { panic!("one site in {release}") };
        let frames = binary.inline_stack(site);
        let found: Vec<_> =
            frames.iter().map(|it| (it.function, it.line, it.inlined)).collect();
        let expected =
            [("main.twice", marked("twice"), true), ("main.work", marked("call"), false)];
        assert_eq!(found, expected, "{release}");
        let hosts = binary.inlined_in("main.twice");
        assert_eq!(hosts, binary.functions_named("main.work"), "{release}");
    }
}

#[test]
fn breakpoints_on_functions_are_behind_prologues() {
    for (release, binary) in all_releases(UNOPTIMIZED) {
        let [site] = binary.function_sites("main.work")[..] else { panic!("{release}") };
        let work = binary.functions_named("main.work")[0];
        let rows = binary.rows(work);
        let row = rows.iter().find(|it| it.prologue_end).unwrap();
        assert_eq!(row.addr, site, "{release}");
        assert!(rows.is_sorted_by_key(|it| it.addr), "{release}");
        assert!(site > binary.function(work).entry);
        assert_eq!(binary.function_sites("main.Map").len(), 2, "{release}");
        assert!(!binary.is_optimized(work), "{release}");
        // Without DWARF the prologue is told by its instructions.
        let raw = binary.table().function(work.0).unwrap();
        // DWARF's is before the frame until Go 1.20, and later between its instructions.
        let by_frame = binary.prologue_end_by_frame(&raw);
        let is_old = binary.go_version().is_some_and(|it| it.minor <= 20);
        let end = if is_old { site.offset(32) } else { site.offset(1) };
        assert!((site..end).contains(&by_frame), "{release}");
    }
}

#[test]
fn inlined_copies_have_sites_of_their_own() {
    for (release, binary) in all_releases(&[]) {
        assert_eq!(binary.function_sites("main.twice").len(), 1, "{release}");
        assert_eq!(sites(&binary, "twice").len(), 1, "{release}");
        assert_eq!(sites(&binary, "map").len(), 2, "{release}");
        assert!(binary.is_optimized(binary.functions_named("main.work")[0]), "{release}");
    }
}

#[test]
fn paths_may_be_trimmed() {
    for (release, binary) in all_releases(&["-trimpath"]) {
        let file = binary.files().iter().find(|it| it.ends_with("main.go"));
        let file = file.unwrap().to_string();
        assert!(!file.starts_with('/'), "{release}: {file}");
        let work = binary.functions_named("main.work")[0];
        let rows = binary.rows(work);
        assert!(rows.iter().any(|it| it.prologue_end), "{release}");
        assert!(rows.iter().all(|it| !binary.file(it.file).is_empty()), "{release}");
        let sites = binary.line_sites(&file, marked("loop"));
        assert!(matches!(sites, LineSites::Sites(_)), "{release}");
    }
}

#[test]
fn lines_without_code_name_the_next_that_has() {
    let binary = installed(UNOPTIMIZED);
    let file = main_go(&binary);
    let comment = LineSites::NoStatement { next: None };
    assert_eq!(binary.line_sites(&file, 1), comment);
    let brace = marked("call") + 2;
    let next = Some(marked("call") + 4);
    assert_eq!(binary.line_sites(&file, brace), LineSites::NoStatement { next });
    assert_eq!(binary.line_sites("/no/such.go", 1), LineSites::NoFile);
}

#[test]
fn variables_are_seen_where_go_would_see_them() {
    for (release, binary) in all_releases(UNOPTIMIZED) {
        let at = |mark: &str| binary.scope_at(sites(&binary, mark)[0], 0).unwrap();
        let scope = at("loop");
        assert_eq!(
            names(&scope),
            ["n", "name", "res", "err", "total", "i", "square"],
            "{release}"
        );
        let kinds: Vec<_> = scope.variables.iter().map(|it| it.kind).collect();
        use VariableKind::{Argument, Local, Result};
        assert_eq!(kinds, [Argument, Argument, Result, Result, Local, Local, Local]);
        assert_eq!(variable(&scope, "i").depth, 1, "{release}");
        assert_eq!(variable(&scope, "square").depth, 2, "{release}");
        assert_eq!(binary.type_of(variable(&scope, "square").ty).name, "main.Square");
        for it in &scope.variables {
            let place = it.location.single();
            assert!(matches!(place, Some(PieceAt::CfaOffset(_))), "{release}: {it:?}");
        }
        // A variable is there from the next line on, and hides the outer one.
        assert_eq!(names(&at("call")).iter().filter(|it| **it == "total").count(), 1);
        let after = FileAddr(sites(&binary, "call")[0].0);
        let inner = binary.rows(binary.function_at(after).unwrap());
        let next = inner.iter().find(|it| it.line == marked("call") + 1).unwrap();
        let scope = binary.scope_at(next.addr, 0).unwrap();
        assert_eq!(
            names(&scope).iter().filter(|it| **it == "total").count(),
            2,
            "{release}"
        );
        assert_eq!(variable(&scope, "total").depth, 3, "{release}");
    }
}

#[test]
fn escaped_and_captured_variables_say_so() {
    for (release, binary) in all_releases(UNOPTIMIZED) {
        let scope = binary.scope_at(sites(&binary, "escaped")[0], 0).unwrap();
        let escaped = variable(&scope, "escaped");
        assert!(escaped.escaped, "{release}");
        assert!(matches!(plain(&binary, escaped.ty).kind, TypeKind::Pointer { .. }));
        assert!(escaped.location_text.ends_with(" (escaped)"), "{release}");
        // Before Go 1.23 a captured variable cannot be told from a local one, which is
        // not there yet on the line of its declaration.
        let knows = binary.go_version().unwrap().minor >= 23;
        if !knows {
            continue;
        }
        let [closure] = binary.functions_named("main.work.func1")[..] else { panic!() };
        let scope = binary.scope_at(binary.prologue_end(closure), 0).unwrap();
        let captured = variable(&scope, "escaped");
        assert_eq!(captured.kind, VariableKind::Captured, "{release}");
        assert_eq!(captured.closure_offset, Some(8), "{release}");
    }
}

#[test]
fn generic_variables_say_where_their_type_is() {
    for (release, binary) in all_releases(UNOPTIMIZED) {
        for site in sites(&binary, "map") {
            let scope = binary.scope_at(site, 0).unwrap();
            let x = variable(&scope, "x");
            assert!(x.dict_index.is_some(), "{release}: {x:?}");
            assert!(binary.type_of(x.ty).name.starts_with("go.shape."), "{release}");
            assert!(scope.hidden.iter().any(|it| &*it.name == ".dict"), "{release}");
        }
    }
}

#[test]
fn optimized_frames_have_variables_too() {
    for (release, binary) in all_releases(&[]) {
        let site = sites(&binary, "twice")[0];
        let inner = binary.scope_at(site, 0).unwrap();
        assert!(
            inner.variables.iter().all(|it| ["x", "y", "~r0"].contains(&&*it.name)),
            "{release}: {:?}",
            names(&inner)
        );
        let outer = binary.scope_at(site, 1).unwrap();
        assert!(names(&outer).contains(&"total"), "{release}");
        assert!(outer.variables.iter().all(|it| !it.name.contains('.')), "{release}");
    }
}

#[test]
fn types_are_what_the_source_says() {
    for (release, binary) in all_releases(&[]) {
        let ty = binary.struct_layout("main.Everything").unwrap();
        let TypeKind::Struct { fields } = &ty.kind else { panic!("{release}: {ty:?}") };
        let kinds: Vec<_> = fields
            .iter()
            .map(|it| (&*it.name, it.offset, plain(&binary, it.ty)))
            .collect();
        let kind = |name: &str| {
            let found = kinds.iter().find(|it| it.0 == name).expect(name);
            found.2.kind.clone()
        };
        assert!(fields[0].embedded && fields[1].embedded && !fields[2].embedded);
        assert!(matches!(kind("Square"), TypeKind::Struct { .. }), "{release}");
        assert!(
            matches!(kind("next"), TypeKind::Pointer { target: Some(_) }),
            "{release}"
        );
        assert!(matches!(kind("ch"), TypeKind::Chan { .. }), "{release}");
        assert!(matches!(kind("fn"), TypeKind::Func), "{release}");
        assert!(matches!(kind("array"), TypeKind::Array { len: 3, .. }), "{release}");
        assert_eq!(kind("any"), TypeKind::Interface { empty: true }, "{release}");
        assert_eq!(kind("err"), TypeKind::Interface { empty: false }, "{release}");
        assert_eq!(kind("c"), TypeKind::Complex, "{release}");
        assert_eq!(kind("p"), TypeKind::Uint, "{release}");
        assert_eq!(kind("color"), TypeKind::Int, "{release}");
        assert!(matches!(kind("slice"), TypeKind::Slice { .. }), "{release}");
        let size: u64 = kinds.last().map(|it| it.1 + it.2.size).unwrap();
        assert_eq!(ty.size, size, "{release}");
        let goid = binary.struct_layout("runtime.g").unwrap();
        assert!(goid.field("goid").is_some(), "{release}");
        let map = binary.type_of(binary.type_named("map[string]int").unwrap());
        let TypeKind::Map { key, elem, header } = map.kind else { panic!("{map:?}") };
        assert_eq!(binary.type_of(key).kind, TypeKind::String);
        assert_eq!(binary.type_of(elem).name, "int");
        assert!(matches!(binary.type_of(header).kind, TypeKind::Pointer { .. }));
        let names = binary.type_names();
        assert!(names.binary_search(&"main.Color".to_string()).is_ok(), "{release}");
    }
}

#[test]
fn runtime_types_lead_to_the_named_type() {
    for (release, binary) in all_releases(&[]) {
        let named = binary.type_named("main.Square").unwrap();
        let TypeKind::Named { underlying } = binary.type_of(named).kind else { panic!() };
        let (_, die) = binary.die_at(underlying.0 as usize).unwrap();
        let descriptor = die.go_runtime_type.expect("it is used as an interface");
        assert_eq!(binary.type_of_runtime(descriptor), Some(named), "{release}");
        assert_eq!(binary.type_of_runtime(u64::MAX), None);
    }
}

#[test]
fn package_variables_and_constants_are_found() {
    for (release, binary) in all_releases(UNOPTIMIZED) {
        let global = binary.global("main.Global").unwrap();
        assert_eq!(binary.type_of(global.ty).name, "map[string][]int", "{release}");
        assert_eq!(binary.symbol("main.Global").unwrap().addr, global.addr, "{release}");
        assert_eq!(binary.global("main.Nothing"), None);
        assert!(
            binary.globals().iter().any(|it| it.name == "runtime.allgs"),
            "{release}"
        );
        let color = binary.type_named("main.Color").unwrap();
        let expected = [("main.Red", 0), ("main.Green", 1), ("main.Blue", 2)];
        let expected = expected.map(|it| (it.0.to_string(), it.1));
        assert_eq!(*binary.constants_of(color), expected, "{release}");
        assert_eq!(binary.constant("main.Blue"), Some((2, color)), "{release}");
    }
}

#[test]
fn packages_are_listed_by_import_path() {
    let binary = installed(&[]);
    let packages = binary.packages();
    for expected in ["main", "runtime", "internal/abi", "fmt"] {
        assert!(packages.iter().any(|it| it == expected), "{expected}");
    }
}

#[test]
fn callers_of_c_are_found_in_either_section() {
    let without = "-g -O2 -fno-asynchronous-unwind-tables";
    for (test, c_flags) in [("tables", "-g -O2"), ("debug-tables", without)] {
        let program = build_native(test, c_flags, &[]);
        let binary = open(&program);
        for name in ["C.measure", "C.sum"] {
            let id = binary.functions_named(name)[0];
            let entry = binary.function(id).entry;
            let in_elf = binary.elf.c_unwind(entry).is_some();
            assert_eq!(in_elf, test == "tables", "{name}");
            let rsp_and_8 = frames::CfaRule::RegisterOffset { register: 7, offset: 8 };
            assert_eq!(binary.c_unwind(entry).unwrap().cfa, rsp_and_8, "{name}");
        }
        std::fs::remove_file(&program).unwrap();
    }
}
