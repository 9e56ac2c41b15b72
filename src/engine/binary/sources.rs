//! Which files and which packages is the program made of?

use std::collections::{BTreeMap, BTreeSet};

use super::Binary;
use super::line_program;
use super::symbol_name;

/// A package, with what is known of its sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    pub import_path: String,
    /// Empty if it is not known.
    pub directory: String,
    /// The files in its directory, sorted.
    pub files: Vec<String>,
}

impl Binary {
    /// The paths of all source files that the debug information names, those without code
    /// included; sorted. Without DWARF, those that have code.
    pub fn source_files(&self) -> &[String] {
        self.source_files.get_or_init(|| {
            let mut files: BTreeSet<String> =
                self.files().iter().map(|it| it.to_string()).collect();
            if self.has_dwarf() {
                for unit in &self.units().all {
                    files.extend(line_program::paths(self, unit));
                }
            }
            files.into_iter().collect()
        })
    }

    /// All packages that have code, sorted by import path; `with_files` says whether
    /// their files are wanted.
    pub fn packages_with_sources(&self, with_files: bool) -> Vec<Package> {
        let directories = self.package_directories();
        let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
        if with_files {
            for file in self.source_files() {
                let directory = directory_of(file).to_owned();
                files.entry(directory).or_default().push(file.clone());
            }
        }
        let package = |import_path: String| {
            let directory = directories.get(&import_path).cloned().unwrap_or_default();
            let files = files.get(&directory).filter(|_| !directory.is_empty());
            let files = files.cloned().unwrap_or_default();
            Package { import_path, directory, files }
        };
        self.packages().into_iter().map(package).collect()
    }

    /// The directory of each package: that of most of its functions. (The compiler makes
    /// some of its own; cgo and generators put files elsewhere.)
    fn package_directories(&self) -> BTreeMap<String, String> {
        let mut votes: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for id in self.functions() {
            let function = self.function(id);
            let directory = directory_of(function.file);
            let package = symbol_name::package(function.name);
            if !directory.is_empty() && !package.is_empty() {
                *votes.entry(package).or_default().entry(directory).or_default() += 1;
            }
        }
        let winner = |votes: BTreeMap<&str, usize>| {
            let best = votes.into_iter().max_by_key(|it| it.1);
            best.map_or(String::new(), |it| it.0.to_owned())
        };
        votes
            .into_iter()
            .map(|(package, votes)| (symbol_name::unescape(package), winner(votes)))
            .collect()
    }

    /// The methods of a named type, on it or on a pointer to it, by their full names, in
    /// the order of their addresses; those that exist only inlined come last.
    pub fn methods_of(&self, type_name: &str) -> Vec<String> {
        let package = symbol_name::package(type_name);
        let base = symbol_name::base(type_name);
        if package.is_empty() {
            return Vec::new();
        }
        let physical = self.functions().map(|it| self.name_of(it));
        let names = physical.chain(self.function_names());
        let is_method = |name: &&str| {
            symbol_name::package(name) == package
                && receiver_of(symbol_name::base(name)) == Some(base)
        };
        let mut seen = BTreeSet::new();
        let methods = names.filter(is_method).filter(|it| seen.insert(*it));
        let methods: Vec<&str> = methods.collect();
        // For each method of `T` the compiler may make one of `*T`.
        let of_value = |it: &str| it.replacen("(*", "", 1).replacen(')', "", 1);
        let is_made =
            |it: &str| it.contains(".(*") && seen.contains(of_value(it).as_str());
        methods.iter().filter(|it| !is_made(it)).map(|it| (*it).to_owned()).collect()
    }
}

/// The path up to its last slash; empty if there is none.
fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |it| it.0)
}

/// The type that a method is of: `T` for `T.M` and `(*T).M`, and nothing for a function,
/// or for one inside a method (`T.M.func1`, `T.M-fm`).
fn receiver_of(base: &str) -> Option<&str> {
    let (receiver, method) = match base.strip_prefix("(*") {
        Some(rest) => rest.split_once(").")?,
        None => {
            // The dots of type arguments are no separators.
            let from = base.find('[').map_or(0, |at| {
                let close = base.rfind(']').unwrap_or(base.len());
                if base[..at].contains('.') { 0 } else { close }
            });
            let dot = from + base.get(from..)?.find('.')?;
            (&base[..dot], &base[dot + 1..])
        }
    };
    let is_plain = !method.contains(['.', '-']);
    (is_plain && !receiver.is_empty()).then_some(receiver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_told_from_functions() {
        let cases = [
            ("T.M", Some("T")),
            ("(*T).M", Some("T")),
            ("(*T).M.func1", None),
            ("T.M-fm", None),
            ("F", None),
            ("F.func1", Some("F")),
            ("(*P[go.shape.int]).Get", Some("P[go.shape.int]")),
            ("P[a/b.K].Get", Some("P[a/b.K]")),
        ];
        for (base, receiver) in cases {
            assert_eq!(receiver_of(base), receiver, "{base}");
        }
    }

    #[test]
    fn a_directory_is_what_is_before_the_last_slash() {
        assert_eq!(directory_of("/a/b/c.go"), "/a/b");
        assert_eq!(directory_of("<autogenerated>"), "");
    }
}
