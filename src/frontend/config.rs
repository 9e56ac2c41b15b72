//! What the user has configured: a TOML file, aliases, paths that are elsewhere here.
//!
//! The names of the settings are Delve's; `config` changes them in a session.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::api::types::LoadConfig;

/// Source lines shown above and below, if nothing else is configured.
const SOURCE_LINES: i64 = 5;

/// The settings. One that is absent in the file has its default value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Config {
    /// More names for commands: command to names.
    pub aliases: BTreeMap<String, Vec<String>>,
    pub substitute_path: Vec<PathRule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_string_len: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_array_values: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_variable_recurse: Option<i64>,
    /// `intel`, `gnu` or `go`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disassemble_flavor: Option<String>,
    pub show_location_expr: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_list_line_count: Option<i64>,
    /// What is shown at a stop: `source`, `disassembly`, or `default`.
    pub position: String,
    /// What replaces tabs in listings.
    pub tab: String,
    pub trace_show_timestamp: bool,
    pub show_raw_strings: bool,
    pub prompt: String,
    /// The theme of the full-screen UI.
    pub theme: String,
    /// The full-screen UI keeps no breakpoints and watches for the next session.
    pub forget_breakpoints: bool,
    /// What we do not know is kept when the file is written.
    #[serde(flatten)]
    pub other: toml::Table,
}

/// Paths that begin with `from` are to be found at `to`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PathRule {
    pub from: String,
    pub to: String,
}

impl Config {
    /// Reads the user's file; no file is an empty one. The error says which file it is.
    pub fn load() -> Result<Config, String> {
        let Some(path) = Config::path() else { return Ok(Config::default()) };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                return Ok(Config::default());
            }
            Err(err) => return Err(format!("cannot read {}: {err}", path.display())),
        };
        toml::from_str(&text).map_err(|err| format!("in {}: {err}", path.display()))
    }

    /// Writes the user's file; its path.
    pub fn save(&self) -> Result<PathBuf, String> {
        let path = Config::path().ok_or("neither XDG_CONFIG_HOME nor HOME is set")?;
        let text = toml::to_string_pretty(self).map_err(|err| err.to_string())?;
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)
                .map_err(|err| format!("cannot create {}: {err}", dir.display()))?;
        }
        fs::write(&path, text)
            .map_err(|err| format!("cannot write {}: {err}", path.display()))?;
        Ok(path)
    }

    /// Where the user's file is, or would be.
    pub fn path() -> Option<PathBuf> {
        Some(config_dir()?.join("config.toml"))
    }

    /// How much of a value `print` loads.
    pub fn load_config(&self) -> LoadConfig {
        let full = LoadConfig::FULL;
        LoadConfig {
            max_string_len: self.max_string_len.unwrap_or(full.max_string_len),
            max_array_values: self.max_array_values.unwrap_or(full.max_array_values),
            max_variable_recurse: self
                .max_variable_recurse
                .unwrap_or(full.max_variable_recurse),
            ..full
        }
    }

    /// Source lines shown on each side of the current one.
    pub fn n_source_lines(&self) -> usize {
        let lines = self.source_list_line_count.unwrap_or(SOURCE_LINES);
        usize::try_from(lines).unwrap_or(0)
    }

    /// The number on the wire: 0 GNU, 1 Intel, 2 Go.
    pub fn flavour(&self) -> i64 {
        match self.disassemble_flavor.as_deref() {
            Some("gnu") => 0,
            Some("go") => 2,
            _ => 1,
        }
    }

    /// The path rules as requests carry them.
    pub fn wire_rules(&self) -> Vec<(String, String)> {
        self.substitute_path.iter().map(|it| (it.from.clone(), it.to.clone())).collect()
    }

    /// The command that a name of the user's own stands for.
    pub fn aliased<'a>(&'a self, name: &'a str) -> &'a str {
        let found =
            self.aliases.iter().find(|(_, names)| names.iter().any(|it| it == name));
        found.map_or(name, |(command, _)| command)
    }

    /// How paths of the program are found and shown here.
    pub fn path_style(&self) -> PathStyle {
        let cwd = std::env::current_dir().ok().map(|it| it.display().to_string());
        PathStyle::new(&self.substitute_path, cwd.as_deref())
    }
}

/// The directory of what we keep for the user.
pub fn config_dir() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|it| !it.is_empty());
    match set("XDG_CONFIG_HOME") {
        Some(dir) => Some(PathBuf::from(dir).join("tinydbg")),
        None => Some(PathBuf::from(set("HOME")?).join(".config/tinydbg")),
    }
}

/// The directory of what sessions leave for the next ones.
pub fn state_dir() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|it| !it.is_empty());
    match set("XDG_STATE_HOME") {
        Some(dir) => Some(PathBuf::from(dir).join("tinydbg")),
        None => Some(PathBuf::from(set("HOME")?).join(".local/state/tinydbg")),
    }
}

/// How the paths that the program was built with are found and shown on this machine.
#[derive(Clone, Debug, Default)]
pub struct PathStyle {
    rules: Vec<PathRule>,
    cwd: Option<String>,
}

impl PathStyle {
    /// Paths below `cwd` are shown with a dot in its place.
    pub fn new(rules: &[PathRule], cwd: Option<&str>) -> PathStyle {
        let cwd = cwd.filter(|it| it.len() > 1).map(str::to_owned);
        PathStyle { rules: rules.to_vec(), cwd }
    }

    /// Where the file is here: the first rule that matches applies.
    pub fn local(&self, path: &str) -> String {
        self.rules
            .iter()
            .find_map(|rule| substitute(path, rule))
            .unwrap_or_else(|| path.to_owned())
    }

    /// The path as the user reads it.
    pub fn show(&self, path: &str) -> String {
        let local = self.local(path);
        let below = self.cwd.as_ref().and_then(|cwd| local.strip_prefix(cwd.as_str()));
        match below {
            Some(rest) if rest.starts_with('/') => format!(".{rest}"),
            _ => local,
        }
    }
}

/// What a rule makes of a path; `None` if it does not apply. A rule applies to whole
/// components: `/src` is no part of `/srcs/a.go`. An empty `from` takes relative paths.
fn substitute(path: &str, rule: &PathRule) -> Option<String> {
    if path == rule.from {
        return Some(rule.to.clone());
    }
    let rest = if rule.from.is_empty() {
        Some(path).filter(|it| !it.starts_with('/'))?
    } else {
        path.strip_prefix(&rule.from)?
    };
    if !rule.from.is_empty() && !rule.from.ends_with('/') && !rest.starts_with('/') {
        return None;
    }
    let rest = rest.trim_start_matches('/');
    Some(match rule.to.as_str() {
        "" => rest.to_owned(),
        to => format!("{}/{rest}", to.trim_end_matches('/')),
    })
}

#[cfg(test)]
mod tests {
    use super::{Config, PathRule, PathStyle};

    fn rule(from: &str, to: &str) -> PathRule {
        PathRule { from: from.into(), to: to.into() }
    }

    #[test]
    fn the_first_rule_that_matches_applies_to_whole_components() {
        let cases = [
            (rule("/build", "/home/me"), "/build/a.go", "/home/me/a.go"),
            (rule("/build/", "/home/me/"), "/build/a.go", "/home/me/a.go"),
            (rule("/build", "/home/me"), "/builds/a.go", "/builds/a.go"),
            (rule("/build", ""), "/build/a.go", "a.go"),
            (rule("", "/home/me"), "pkg/a.go", "/home/me/pkg/a.go"),
            (rule("", "/home/me"), "/abs/a.go", "/abs/a.go"),
            (rule("/a.go", "/b.go"), "/a.go", "/b.go"),
        ];
        for (rule, path, expected) in cases {
            let style = PathStyle::new(&[rule], None);
            assert_eq!(style.local(path), expected);
        }
        let two = PathStyle::new(&[rule("/x", "/1"), rule("/x", "/2")], None);
        assert_eq!(two.local("/x/a"), "/1/a");
    }

    #[test]
    fn paths_below_the_working_directory_are_shown_with_a_dot() {
        let style = PathStyle::new(&[], Some("/src"));
        assert_eq!(style.show("/src/a.go"), "./a.go");
        assert_eq!(style.show("/srcs/a.go"), "/srcs/a.go");
        assert_eq!(PathStyle::new(&[], Some("/")).show("/a.go"), "/a.go");
    }

    #[test]
    fn the_file_keeps_what_it_does_not_know() {
        let text = "max-string-len = 10\nfuture = \"x\"\n\n[aliases]\nprint = [\"pp\"]\n\n\
                    [[substitute-path]]\nfrom = \"a\"\nto = \"b\"\n";
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.load_config().max_string_len, 10);
        assert_eq!(config.aliased("pp"), "print");
        assert_eq!(config.aliased("p"), "p");
        assert_eq!(config.substitute_path, [rule("a", "b")]);
        let again: Config = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
        assert_eq!(again, config);
        assert_eq!(again.other["future"].as_str(), Some("x"));
    }
}
