//! What the binary says: sources, functions, types, packages, and what places mean.
//!
//! None of it needs a stopped program, though what a place means may depend on where it
//! is stopped.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::api::methods::*;
use crate::api::types::{Image, PackageBuildInfo, TypeField, TypeInfo, TypeMethod};
use crate::calendar::date_of;
use crate::engine::binary::{Binary, TypeId, TypeKind};
use crate::engine::error::{Error, Result};
use crate::engine::golang::LoadedLibrary;
use crate::engine::session::resolve::Found;
use crate::engine::session::step::{calls_in, returns_in};
use crate::engine::session::{Bench, Session, code};
use crate::service::convert;
use crate::service::handlers::filter;
use crate::service::handlers::inspect::place;
use crate::service::json::Json;

/// Typedefs followed to the type that a name stands for.
const NAMED_MAX: usize = 16;

/// The version of Delve whose protocol this is.
const PROTOCOL_OF: &str = "Version: 1.27.1\nBuild: tinydbg";

/// While the program is stopped, the scope says from where lines are counted.
pub fn find_location_in(
    session: &mut Session,
    args: FindLocationIn,
) -> Result<FindLocationOut> {
    session.check_alive()?;
    let at = place(&args.scope)?;
    let rules = args.substitute_path_rules.unwrap_or_default();
    let anywhere = args.include_non_executable_lines;
    let found = session.find_in(at, &args.loc, &rules, anywhere)?;
    Ok(locations(&session.bench(), found))
}

pub fn find_location(
    bench: &mut Bench<'_>,
    args: FindLocationIn,
) -> Result<FindLocationOut> {
    bench.check_alive()?;
    let rules = args.substitute_path_rules.unwrap_or_default();
    let found = bench.find(&args.loc, &rules, args.include_non_executable_lines)?;
    Ok(locations(bench, found))
}

fn locations(bench: &Bench<'_>, found: Found) -> FindLocationOut {
    let places = found.places.iter();
    let places = places.map(|it| convert::resolved(it, bench.pid, bench.program));
    FindLocationOut {
        locations: Some(places.collect()),
        substitute_loc_expr: found.substitute,
    }
}

pub fn sources(bench: &mut Bench<'_>, args: ListSourcesIn) -> Result<ListSourcesOut> {
    let regex = filter(&args.filter, "invalid filter argument: ")?;
    let all = bench.program.binary.source_files().iter();
    let found = all.filter(|it| regex.is_match(it)).cloned().collect();
    Ok(ListSourcesOut { sources: Some(found) })
}

pub fn functions(
    bench: &mut Bench<'_>,
    args: ListFunctionsIn,
    json: &mut Json,
) -> Result<()> {
    let regex = filter(&args.filter, "invalid filter argument: ")?;
    let binary = &bench.program.binary;
    let depth = usize::try_from(args.follow_calls).unwrap_or(0);
    json.raw(r#"{"Funcs":"#);
    if depth > 0 {
        json.value(&code::functions_called(binary, &regex, depth));
    } else {
        // The linker marks where FIPS code begins and ends as if with functions.
        let names = binary.function_names().filter(|it| !it.starts_with("go:textfips"));
        let is_wanted = |it: &&str| args.filter.is_empty() || regex.is_match(it);
        json.list(names.filter(is_wanted), |json, it| {
            json.text(it);
        });
    }
    json.raw("}");
    Ok(())
}

pub fn types(bench: &mut Bench<'_>, args: ListTypesIn) -> Result<ListTypesOut> {
    let regex = filter(&args.filter, "invalid filter argument: ")?;
    let mut found = bench.program.binary.type_names();
    found.retain(|it| regex.is_match(it));
    Ok(ListTypesOut { types: Some(found) })
}

pub fn type_info(bench: &mut Bench<'_>, args: TypeInfoIn) -> Result<TypeInfoOut> {
    let binary = &bench.program.binary;
    let Some(id) = binary.type_named(&args.name) else {
        return Err(Error::message(
            "no type entry found, use 'types' for a list of valid types",
        ));
    };
    let real = underlying(binary, id);
    let ty = binary.type_of(real);
    let fields = match &ty.kind {
        TypeKind::Struct { fields } if !fields.is_empty() => Some(
            fields
                .iter()
                .map(|it| TypeField {
                    name: it.name.clone(),
                    type_name: binary.type_of(it.ty).name.clone(),
                })
                .collect(),
        ),
        _ => None,
    };
    let name = binary.type_of(id).name.clone();
    let methods = binary.methods_of(&name).into_iter();
    let methods: Vec<_> = methods.map(|name| TypeMethod { name }).collect();
    Ok(TypeInfoOut {
        type_info: Some(TypeInfo {
            kind: ty.go_kind.into(),
            size: ty.size as i64,
            // Only what another name stands for.
            real_type: if ty.name == name { String::new() } else { ty.name.clone() },
            fields,
            methods: (!methods.is_empty()).then_some(methods),
        }),
    })
}

fn underlying(binary: &Binary, id: TypeId) -> TypeId {
    let mut id = id;
    for _ in 0..NAMED_MAX {
        match binary.type_of(id).kind {
            TypeKind::Named { underlying } => id = underlying,
            _ => break,
        }
    }
    id
}

pub fn packages(
    bench: &mut Bench<'_>,
    args: ListPackagesBuildInfoIn,
) -> Result<ListPackagesBuildInfoOut> {
    let regex = filter(&args.filter, "invalid Filter pattern: ")?;
    let packages = bench.program.binary.packages_with_sources(args.include_files);
    let list = packages
        .into_iter()
        .filter(|it| regex.is_match(&it.import_path))
        .map(|it| PackageBuildInfo {
            import_path: it.import_path,
            directory_path: it.directory,
            files: args.include_files.then_some(it.files),
        })
        .collect();
    Ok(ListPackagesBuildInfoOut { list: Some(list) })
}

pub fn libraries(
    bench: &mut Bench<'_>,
    _: ListDynamicLibrariesIn,
) -> Result<ListDynamicLibrariesOut> {
    let settings = &bench.program.binary.build_info().settings;
    let trimpath =
        settings.iter().any(|(key, value)| key == "-trimpath" && value == "true");
    let found = match bench.memory() {
        Ok(memory) => bench.program.runtime.libraries(&*memory),
        Err(_) => Vec::new(),
    };
    let image = |it: &LoadedLibrary| Image {
        path: it.path.clone(),
        address: it.bias.0,
        load_error: it.file.as_ref().err().cloned().unwrap_or_default(),
        trimpath: false,
    };
    let list = Some(found.iter().map(image).collect());
    Ok(ListDynamicLibrariesOut { list, executable_trimpath: trimpath })
}

/// The returns of a function, or of all instances of a generic one, and their calls of
/// `runtime.deferreturn`.
pub fn return_locations(
    bench: &mut Bench<'_>,
    args: FunctionReturnLocationsIn,
) -> Result<FunctionReturnLocationsOut> {
    bench.check_alive()?;
    let program = bench.program;
    let binary = &program.binary;
    let mut ids = binary.functions_named(&args.fn_name);
    ids.truncate(1);
    if ids.is_empty() && !args.fn_name.contains('[') {
        ids = binary.functions_like(&args.fn_name);
    }
    if ids.is_empty() {
        return Err(Error::message(format!(
            "could not find function {}\n",
            args.fn_name
        )));
    }
    let mut addrs = Vec::new();
    for id in ids {
        let function = binary.function(id);
        addrs.extend(returns_in(binary, function.entry, function.end));
        for call in calls_in(binary, function.entry, function.end) {
            let callee = call.target.and_then(|it| binary.function_at(it));
            if callee.is_some_and(|it| binary.function(it).name == "runtime.deferreturn")
            {
                addrs.push(call.at);
            }
        }
    }
    let addrs = addrs.into_iter().map(|it| program.loaded(it).0).collect();
    Ok(FunctionReturnLocationsOut { addrs: Some(addrs) })
}

/// Where the sources of the program are for a client that has them elsewhere.
pub fn guess_substitute_path(
    bench: &mut Bench<'_>,
    args: GuessSubstitutePathIn,
) -> Result<GuessSubstitutePathOut> {
    let client = code::ClientPaths {
        main_package: args.args.import_path_of_main_package,
        goroot: args.args.client_goroot,
        modules: args.args.client_module_directories.unwrap_or_default(),
    };
    let mut list = code::guess_paths(bench.program, &client);
    list.sort();
    Ok(GuessSubstitutePathOut { list: Some(list) })
}

/// Tracepoints in the kernel are not for us: there is never one in the buffer.
pub fn buffered_tracepoints(
    _: &mut Bench<'_>,
    _: GetBufferedTracepointsIn,
) -> Result<GetBufferedTracepointsOut> {
    Ok(GetBufferedTracepointsOut::default())
}

pub fn pid(bench: &mut Bench<'_>, _: ProcessPidIn) -> Result<ProcessPidOut> {
    Ok(ProcessPidOut { pid: bench.pid.into() })
}

pub fn last_modified(
    bench: &mut Bench<'_>,
    _: LastModifiedIn,
) -> Result<LastModifiedOut> {
    Ok(LastModifiedOut { time: rfc3339(bench.program.modified) })
}

pub fn build_id(bench: &mut Bench<'_>, _: BuildIDIn) -> Result<BuildIDOut> {
    bench.check_alive()?;
    // GNU's, by which sources are asked for; Go's own has letters and slashes in it.
    let id = bench.program.binary.build_id();
    let is_gnu = id.bytes().all(|it| it.is_ascii_hexdigit());
    let build_id = if is_gnu { id.to_owned() } else { String::new() };
    Ok(BuildIDOut { build_id })
}

pub fn version(bench: &mut Bench<'_>, _: GetVersionIn) -> Result<GetVersionOut> {
    let version = bench.program.binary.build_info().go_version.clone();
    Ok(GetVersionOut {
        delve_version: PROTOCOL_OF.to_owned(),
        api_version: 2,
        backend: if bench.is_core() { "core" } else { "native" }.to_owned(),
        target_go_version: format!("Go cmd/compile {version}"),
        min_go_version: "1.19.0".to_owned(),
        max_go_version: "1.27.0".to_owned(),
    })
}

/// A time in UTC as Go writes it (RFC 3339, with nanoseconds where there are any).
fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date_of(days as i64);
    let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
    let nanos = match since.subsec_nanos() {
        0 => String::new(),
        nanos => format!(".{nanos:09}").trim_end_matches('0').to_owned(),
    };
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}{nanos}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written_as_go_does() {
        let cases = [
            (Duration::ZERO, "1970-01-01T00:00:00Z"),
            (Duration::new(951_782_400, 0), "2000-02-29T00:00:00Z"),
            (Duration::new(1_795_298_547, 623_089_400), "2026-11-21T22:02:27.6230894Z"),
        ];
        for (since, text) in cases {
            assert_eq!(rfc3339(UNIX_EPOCH + since), text);
        }
    }
}
