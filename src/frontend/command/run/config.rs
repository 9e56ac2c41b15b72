//! `config`: showing and changing settings.

use crate::api::methods::DebugInfoDirectoriesIn;
use crate::frontend::command::parse::{integer, spec_of};
use crate::frontend::command::session::{CommandError, Front, Outcome, Session, say};
use crate::frontend::command::{ConfigArgs, DebugDirs};
use crate::frontend::config::{Config, PathRule};
use crate::frontend::text::quote::quote;
use crate::frontend::text::table::align_with_blanks;

/// A setting that `config <key> <value>` changes.
struct Setting {
    key: &'static str,
    place: fn(&mut Config) -> Place<'_>,
}

/// Where the value of a setting is.
enum Place<'a> {
    Number(&'a mut Option<i64>),
    Flag(&'a mut bool),
    Text(&'a mut String),
    MaybeText(&'a mut Option<String>),
}

const SETTINGS: &[Setting] = &[
    Setting { key: "max-string-len", place: |it| Place::Number(&mut it.max_string_len) },
    Setting {
        key: "max-array-values",
        place: |it| Place::Number(&mut it.max_array_values),
    },
    Setting {
        key: "max-variable-recurse",
        place: |it| Place::Number(&mut it.max_variable_recurse),
    },
    Setting {
        key: "disassemble-flavor",
        place: |it| Place::MaybeText(&mut it.disassemble_flavor),
    },
    Setting {
        key: "show-location-expr",
        place: |it| Place::Flag(&mut it.show_location_expr),
    },
    Setting {
        key: "source-list-line-count",
        place: |it| Place::Number(&mut it.source_list_line_count),
    },
    Setting { key: "position", place: |it| Place::Text(&mut it.position) },
    Setting { key: "tab", place: |it| Place::Text(&mut it.tab) },
    Setting {
        key: "trace-show-timestamp",
        place: |it| Place::Flag(&mut it.trace_show_timestamp),
    },
    Setting {
        key: "show-raw-strings",
        place: |it| Place::Flag(&mut it.show_raw_strings),
    },
    Setting { key: "prompt", place: |it| Place::Text(&mut it.prompt) },
    Setting { key: "theme", place: |it| Place::Text(&mut it.theme) },
    Setting {
        key: "forget-breakpoints",
        place: |it| Place::Flag(&mut it.forget_breakpoints),
    },
];

impl Session {
    pub(super) fn configure(
        &mut self,
        args: &ConfigArgs,
        front: &mut dyn Front,
    ) -> Outcome {
        match args {
            ConfigArgs::List => self.list_config(front),
            ConfigArgs::Save => {
                self.config.save().map_err(CommandError::Other)?;
            }
            ConfigArgs::Set { key, value } => set(&mut self.config, key, value)?,
            ConfigArgs::Alias { command, alias } => self.add_alias(command, alias)?,
            ConfigArgs::Unalias { alias } => {
                for names in self.config.aliases.values_mut() {
                    names.retain(|it| it != alias);
                }
                self.config.aliases.retain(|_, names| !names.is_empty());
            }
            ConfigArgs::ShowRules => {
                for PathRule { from, to } in &self.config.substitute_path {
                    let (from, to) = (quote(from.as_bytes()), quote(to.as_bytes()));
                    say(format!("{from} → {to}"), front);
                }
            }
            ConfigArgs::ClearRules => self.config.substitute_path.clear(),
            ConfigArgs::AddRule { from, to } => self.add_rule(from, to),
            ConfigArgs::RemoveRule { from } => self.remove_rule(from)?,
            ConfigArgs::DebugDirs(change) => self.debug_dirs(change, front)?,
        }
        self.configured();
        Ok(())
    }

    fn list_config(&mut self, front: &mut dyn Front) {
        let mut rows = vec![
            vec!["aliases".to_owned(), format!("{:?}", self.config.aliases)],
            vec!["substitute-path".to_owned(), format!("{:?}", self.config.wire_rules())],
        ];
        let mut config = self.config.clone();
        for setting in SETTINGS {
            let undefined = || "<not defined>".to_owned();
            let value = match (setting.place)(&mut config) {
                Place::Number(it) => it.map_or_else(undefined, |it| it.to_string()),
                Place::Flag(it) => it.to_string(),
                Place::Text(it) => quote(it.as_bytes()),
                Place::MaybeText(it) => it.clone().unwrap_or_else(undefined),
            };
            rows.push(vec![setting.key.to_owned(), value]);
        }
        for line in align_with_blanks(&rows, 1) {
            say(line, front);
        }
    }

    fn add_alias(&mut self, command: &str, alias: &str) -> Outcome {
        let Some(spec) = spec_of(command, &self.config) else {
            return Err(CommandError::other(format!("{command:?} is not a command")));
        };
        let names = self.config.aliases.entry(spec.name().to_owned()).or_default();
        if !names.iter().any(|it| it == alias) {
            names.push(alias.to_owned());
        }
        Ok(())
    }

    fn add_rule(&mut self, from: &str, to: &str) {
        let rules = &mut self.config.substitute_path;
        match rules.iter_mut().find(|it| it.from == from) {
            Some(rule) => to.clone_into(&mut rule.to),
            None => rules.push(PathRule { from: from.to_owned(), to: to.to_owned() }),
        }
    }

    fn remove_rule(&mut self, from: &str) -> Outcome {
        let rules = &mut self.config.substitute_path;
        let Some(at) = rules.iter().position(|it| it.from == from) else {
            return Err(CommandError::other(format!("could not find rule for {from:?}")));
        };
        rules.remove(at);
        Ok(())
    }

    fn debug_dirs(&mut self, change: &DebugDirs, front: &mut dyn Front) -> Outcome {
        let list = self.call(DebugInfoDirectoriesIn { set: false, list: None })?.list;
        let mut list = list.unwrap_or_default();
        match change {
            DebugDirs::Show => {
                for dir in list {
                    say(dir, front);
                }
                return Ok(());
            }
            DebugDirs::Clear => list.clear(),
            DebugDirs::Add(dir) => list.push(dir.clone()),
            DebugDirs::Remove(dir) => list.retain(|it| it != dir),
        }
        self.call(DebugInfoDirectoriesIn { set: true, list: Some(list) })?;
        Ok(())
    }
}

fn set(config: &mut Config, key: &str, value: &str) -> Outcome {
    let Some(setting) = SETTINGS.iter().find(|it| it.key == key) else {
        let text = format!("{key:?} is not a configuration parameter");
        return Err(CommandError::Other(text));
    };
    let must =
        |what: &str| CommandError::other(format!("argument to {key:?} must be {what}"));
    match (setting.place)(config) {
        Place::Number(it) => {
            let number = integer(value).map_err(|_| must("a number"))?;
            if number < 0 {
                return Err(must("a number greater than zero"));
            }
            *it = Some(number);
        }
        Place::Flag(it) => {
            *it = value.parse().map_err(|_| must("true or false"))?;
        }
        Place::Text(it) => value.clone_into(it),
        Place::MaybeText(it) => *it = Some(value.to_owned()),
    }
    Ok(())
}
