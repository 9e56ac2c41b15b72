//! How do the parts of the program hang together? Which functions call which, and where
//! on another machine its sources are.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use crate::engine::binary::{Binary, FunctionId};
use crate::engine::session::program::Program;
use crate::engine::session::step::calls_in;

/// Functions that are followed into by one question.
const FUNCTIONS_MAX: usize = 100_000;

/// The names of the functions that match, and of those that they call, `depth` deep (1:
/// the functions alone); sorted. The runtime is not followed into, except where deferred
/// calls and panics run.
pub fn functions_called(binary: &Binary, matching: &Regex, depth: usize) -> Vec<String> {
    let name = |id: FunctionId| binary.function(id).name;
    let mut seen: BTreeSet<FunctionId> =
        binary.functions().filter(|it| matching.is_match(name(*it))).collect();
    let mut level: Vec<FunctionId> = seen.iter().copied().collect();
    for _ in 1..depth {
        let mut next = Vec::new();
        for id in level {
            let function = binary.function(id);
            let calls = calls_in(binary, function.entry, function.end);
            for callee in calls.iter().filter_map(|it| binary.function_at(it.target?)) {
                if seen.len() < FUNCTIONS_MAX
                    && is_followed(name(callee))
                    && seen.insert(callee)
                {
                    next.push(callee);
                }
            }
        }
        if next.is_empty() {
            break;
        }
        level = next;
    }
    let names: BTreeSet<&str> = seen.into_iter().map(name).collect();
    names.into_iter().map(str::to_owned).collect()
}

fn is_followed(name: &str) -> bool {
    let shown = ["runtime.deferreturn", "runtime.gorecover", "runtime.gopanic"];
    let inside = ["runtime.", "runtime/internal"];
    shown.contains(&name) || !inside.iter().any(|it| name.starts_with(it))
}

/// What a client knows of its own directories.
#[derive(Clone, Debug, Default)]
pub struct ClientPaths {
    /// The import path of the program's main package: in the program it is `main`.
    pub main_package: String,
    pub goroot: String,
    /// The path of each module, and the directory that it is in.
    pub modules: BTreeMap<String, String>,
}

/// Directories of the program's sources, each with the client's that it stands for: found
/// by what they have in common behind the directories of modules.
pub fn guess_paths(program: &Program, client: &ClientPaths) -> Vec<(String, String)> {
    let binary = &program.binary;
    let mut votes: BTreeMap<&str, BTreeMap<String, usize>> = BTreeMap::new();
    for id in binary.functions() {
        let function = binary.function(id);
        let package = match crate::engine::binary::symbol_name::package(function.name) {
            "main" if !client.main_package.is_empty() => client.main_package.as_str(),
            package => package,
        };
        let Some(module) = module_of(package, &client.modules) else { continue };
        let Some((directory, _)) = function.file.rsplit_once('/') else { continue };
        // The directory of a package in the module ends as its import path does.
        if let Some(root) = directory.strip_suffix(&package[module.len()..]) {
            *votes.entry(module).or_default().entry(root.to_owned()).or_default() += 1;
        }
    }
    let mut found = Vec::new();
    for (module, roots) in votes {
        let best = roots.into_iter().max_by_key(|it| it.1);
        let theirs = best.map(|it| it.0).unwrap_or_default();
        if let Some(ours) = client.modules.get(module) {
            found.push((theirs, ours.clone()));
        }
    }
    if let Some(library) = program.standard_library() {
        let goroot = library.trim_end_matches('/').trim_end_matches("/src");
        found.push((goroot.to_owned(), client.goroot.clone()));
    }
    found.retain(|(theirs, ours)| {
        !theirs.is_empty() && !ours.is_empty() && theirs != ours
    });
    found
}

/// The innermost module that a package is in.
fn module_of<'m>(
    package: &str,
    modules: &'m BTreeMap<String, String>,
) -> Option<&'m str> {
    let contains = |module: &&String| {
        let rest = package.strip_prefix(module.as_str());
        rest.is_some_and(|it| it.is_empty() || it.starts_with('/'))
    };
    modules.keys().filter(contains).max_by_key(|it| it.len()).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_in_the_innermost_module_that_contains_it() {
        let modules = ["a.b/m", "a.b/m/sub", "a.b/mm"];
        let modules = modules.map(|it| (it.to_owned(), String::new())).into();
        let cases = [
            ("a.b/m", Some("a.b/m")),
            ("a.b/m/x", Some("a.b/m")),
            ("a.b/m/sub/x", Some("a.b/m/sub")),
            ("a.b/mmm", None),
            ("fmt", None),
        ];
        for (package, module) in cases {
            assert_eq!(module_of(package, &modules), module, "{package}");
        }
    }

    #[test]
    fn the_runtime_is_not_followed_into() {
        let cases = [
            ("runtime.newobject", false),
            ("runtime.gopanic", true),
            ("fmt.Println", true),
        ];
        for (name, expected) in cases {
            assert_eq!(is_followed(name), expected, "{name}");
        }
    }
}
