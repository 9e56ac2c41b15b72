//! Damaged files cost answers, never a panic or an endless loop.

use super::*;

/// Asks every question there is, about everything that is found.
fn ask_everything(binary: &Arc<Binary>) {
    let _ = (binary.text_range(), binary.packages(), binary.function_names().count());
    let _ = (binary.symbol("runtime.allgs"), binary.symbol("main.work"));
    let step = (binary.table().n_functions() as usize / 200).max(1);
    for id in binary.functions().step_by(step) {
        let function = binary.function(id);
        let (start, end) = (function.entry.0, function.end.0);
        for pc in (start..end.min(start.saturating_add(256))).step_by(37) {
            let pc = FileAddr(pc);
            let _ = (binary.line_at(pc), binary.inline_stack(pc), binary.sp_delta(pc));
            let _ = (binary.pcdata(pc, 0), binary.c_unwind(pc));
        }
        let _ = (binary.funcdata(id, 3), binary.rows(id), binary.is_optimized(id));
        let site = binary.prologue_end(id);
        for depth in 0..binary.inline_stack(site).len() {
            let Ok(scope) = binary.scope_at(site, depth) else { continue };
            for variable in scope.variables.iter().chain(&scope.hidden) {
                binary.type_of(variable.ty);
            }
        }
    }
    for name in ["main.work", "main.twice", "main.Map", "runtime.mallocgc"] {
        let _ = (binary.function_sites(name), binary.functions_named(name));
        for id in binary.functions_like(name) {
            let _ = binary.scope_at(binary.prologue_end(id), 0);
        }
    }
    for file in binary.files().iter().filter(|it| it.ends_with("/main.go")) {
        for line in (1..100).step_by(3) {
            let _ = binary.line_sites(file, line);
        }
    }
    let _ =
        (binary.global("main.Global"), binary.globals(), binary.constant("main.Blue"));
    for name in ["main.Everything", "runtime.g", "map[string]int", "main.Color"] {
        let _ = (binary.struct_layout(name), binary.type_named(name));
        if let Some(id) = binary.type_named(name) {
            let _ = (binary.type_of(id), binary.constants_of(id));
        }
    }
    for name in binary.type_names().iter().step_by(20) {
        if let Some(id) = binary.type_named(name) {
            binary.type_of(id);
        }
    }
    let _ = binary.type_of(TypeId(u32::MAX));
    let _ = binary.type_of_runtime(64);
}

/// Changes bytes of one section, a different set for each seed.
fn damage(bytes: &mut [u8], section: std::ops::Range<usize>, seed: u64) {
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let len = section.len() as u64;
    for _ in 0..1 + len / 512 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let at = section.start + usize::try_from(random % len).unwrap();
        bytes[at] = (random >> 32) as u8;
    }
}

#[test]
fn damaged_sections_never_panic() {
    let flags = ["-ldflags=-compressdwarf=false"];
    let program = build(None, &flags).unwrap();
    let whole = std::fs::read(&program).unwrap();
    let sections = open(&program).elf.sections.clone();
    let damaged = program.with_extension(format!("damaged-{}", std::process::id()));
    for section in sections.iter().filter(|it| !it.file_range.is_empty()) {
        if [".text", ".data", ".strtab"].contains(&section.name.as_str()) {
            continue;
        }
        for seed in 1..4 {
            let mut bytes = whole.clone();
            damage(&mut bytes, section.file_range.clone(), seed);
            std::fs::write(&damaged, &bytes).unwrap();
            if let Ok(binary) = Binary::open(&damaged) {
                ask_everything(&binary);
            }
        }
    }
    std::fs::remove_file(&damaged).unwrap();
}

#[test]
fn damaged_headers_and_cut_files_never_panic() {
    let program = build(None, &[]).unwrap();
    let whole = std::fs::read(&program).unwrap();
    let damaged = program.with_extension(format!("cut-{}", std::process::id()));
    let headers = open(&program).elf.sections.len() * 64 + 0x238;
    let mut cases: Vec<Vec<u8>> = Vec::new();
    for seed in 1..20 {
        let mut bytes = whole.clone();
        damage(&mut bytes, 16..headers, seed);
        cases.push(bytes);
    }
    for part in 1..8 {
        cases.push(whole[..whole.len() * part / 8].to_vec());
    }
    for bytes in cases {
        std::fs::write(&damaged, &bytes).unwrap();
        if let Ok(binary) = Binary::open(&damaged) {
            ask_everything(&binary);
        }
    }
    std::fs::remove_file(&damaged).unwrap();
}

/// Asks what there is to ask about code of C.
fn ask_about_c(binary: &Arc<Binary>) {
    let _ = (binary.function_names().count(), binary.source_files().len());
    for id in binary.native_functions().take(400) {
        let function = binary.function(id);
        let _ = (binary.functions_named(function.name), binary.rows(id));
        let site = binary.prologue_end(id);
        let (start, end) = (function.entry.0, function.end.0);
        for pc in (start..end.min(start.saturating_add(256))).step_by(23).chain([site.0])
        {
            let pc = FileAddr(pc);
            let _ = (binary.line_at(pc), binary.c_unwind(pc), binary.function_at(pc));
            for depth in 0..binary.inline_stack(pc).len() {
                let Ok(scope) = binary.scope_at(pc, depth) else { continue };
                let _ = binary.inlined_parameters(pc, depth);
                let _ = binary.passed_in(id, pc, 5);
                for variable in &scope.variables {
                    let _ =
                        (binary.type_of(variable.ty), binary.constants_of(variable.ty));
                }
            }
        }
    }
    for name in ["C.measure", "C.clamp", "C.twice"] {
        let _ = binary.function_sites(name);
    }
    for file in binary.native_files().iter().filter(|it| it.ends_with("/native.c")) {
        for line in (1..60).step_by(3) {
            let _ = binary.line_sites(file, line);
        }
    }
    for name in ["C.point_t", "C.struct_everything", "C.enum_color", "C.callback"] {
        if let Some(id) = binary.type_named(name) {
            let _ = (binary.type_of(id), binary.constants_of(id));
        }
    }
    let _ = (binary.global("C.calls"), binary.globals(), binary.type_names());
    let _ = binary.constant("C.GREEN");
}

#[test]
fn damaged_debug_information_of_c_never_panics() {
    let program = build_native("damage", "-g -O2", &["-ldflags=-compressdwarf=false"]);
    let whole = std::fs::read(&program).unwrap();
    let damaged = program.with_extension("damaged");
    let undamaged = open(&program);
    assert!(undamaged.native_functions().count() > 4, "there is C in it");
    ask_about_c(&undamaged);
    let is_read = |it: &&elf::SectionInfo| {
        it.name.starts_with(".debug_") || it.name.starts_with(".eh_frame")
    };
    for section in undamaged.elf.sections.iter().filter(is_read) {
        for seed in 1..4 {
            let mut bytes = whole.clone();
            damage(&mut bytes, section.file_range.clone(), seed);
            // Another file: the program is mapped.
            std::fs::write(&damaged, &bytes).unwrap();
            if let Ok(binary) = Binary::open(&damaged) {
                ask_about_c(&binary);
            }
        }
    }
    std::fs::remove_file(&damaged).unwrap();
    std::fs::remove_file(&program).unwrap();
}
