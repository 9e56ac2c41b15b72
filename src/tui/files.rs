//! Where is a source file of the program on this machine?
//!
//! The program says where its files were when it was built. Rules of the user's may lead
//! elsewhere; a program built with `-trimpath` names packages instead of directories, and
//! those are looked for where Go keeps them.

use std::path::{Path, PathBuf};

use crate::frontend::config::Config;
use crate::tui::state::msg::FileText;

/// Largest source file that is read; the generated ones of 10 MB are below.
const FILE_LEN_MAX: u64 = 64 << 20;

/// Reads a file of the program; tells what was tried if it is not there.
pub fn read(path: &str) -> Result<FileText, String> {
    if path.starts_with('<') {
        return Err(format!(
            "{path}: the compiler made this function, there is no source; u goes to its \
             caller"
        ));
    }
    let wanted = Config::load().unwrap_or_default().path_style().local(path);
    let tried = candidates(&wanted);
    let Some(found) = tried.iter().find(|it| it.is_file()) else {
        let tried: Vec<String> =
            tried.iter().map(|it| it.display().to_string()).collect();
        return Err(format!(
            "the source is not on this machine; tried {}; `:config substitute-path` says \
             where it is",
            tried.join(", ")
        ));
    };
    let mut text = read_at(found)?;
    if found != Path::new(path) {
        text.found_at = Some(found.display().to_string());
    }
    Ok(text)
}

fn read_at(path: &Path) -> Result<FileText, String> {
    let shown = path.display();
    let why = |err: std::io::Error| format!("cannot read {shown}: {err}");
    let info = std::fs::metadata(path).map_err(why)?;
    if info.len() > FILE_LEN_MAX {
        return Err(format!("{shown} is larger than 64 MB"));
    }
    let bytes = std::fs::read(path).map_err(why)?;
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|err| String::from_utf8_lossy(err.as_bytes()).into_owned());
    Ok(FileText { modified: info.modified().ok(), ..FileText::new(text) })
}

/// Where a file may be: where the program says; of a path without a root, below the
/// directories of Go, and below ours, less the name of the module.
fn candidates(path: &str) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from(path)];
    if path.starts_with('/') || path.is_empty() {
        return found;
    }
    let variable = |name| std::env::var_os(name).filter(|it| !it.is_empty());
    let home = variable("HOME").map(PathBuf::from);
    let goroot =
        variable("GOROOT").map_or_else(|| PathBuf::from("/usr/local/go"), PathBuf::from);
    found.push(goroot.join("src").join(path));
    let modules = variable("GOMODCACHE").map(PathBuf::from).or_else(|| {
        let gopath = variable("GOPATH").map(PathBuf::from);
        Some(gopath.or_else(|| Some(home?.join("go")))?.join("pkg/mod"))
    });
    found.extend(modules.map(|it| it.join(escaped(path))));
    let mut rest = path;
    while let Some((_, below)) = rest.split_once('/') {
        if Path::new(below).is_file() {
            found.push(PathBuf::from(below));
            break;
        }
        rest = below;
    }
    found
}

/// A module's path as the cache spells it: `!a` for `A`.
fn escaped(path: &str) -> String {
    let Some((module, rest)) = path.split_once('@') else { return path.to_owned() };
    let mut text = String::with_capacity(path.len() + 4);
    for c in module.chars() {
        if c.is_ascii_uppercase() {
            text.push('!');
        }
        text.push(c.to_ascii_lowercase());
    }
    format!("{text}@{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trimmed_path_is_looked_for_where_go_keeps_its_files() {
        let found = candidates("github.com/BurntSushi/toml@v1.2.0/decode.go");
        let shown: Vec<String> =
            found.iter().map(|it| it.display().to_string()).collect();
        let is_there = shown.iter().any(|it| {
            it.ends_with("pkg/mod/github.com/!burnt!sushi/toml@v1.2.0/decode.go")
        });
        assert!(is_there || std::env::var_os("HOME").is_none(), "{shown:?}");
        assert_eq!(candidates("/src/a.go"), [PathBuf::from("/src/a.go")]);
    }

    #[test]
    fn a_file_that_is_nowhere_says_what_was_tried() {
        let err = read("/no/such/file.go").unwrap_err();
        assert!(err.contains("tried /no/such/file.go"), "{err}");
    }
}
