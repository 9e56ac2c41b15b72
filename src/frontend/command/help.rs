//! `help`, from the table.

use crate::frontend::command::session::{
    CommandError, Front, Outcome, show as show_text,
};
use crate::frontend::command::{CommandSpec, Topic, parse, table};
use crate::frontend::config::Config;
use crate::frontend::text::Text;
use crate::frontend::theme::Role;

/// Shows the list of commands, or all about one.
pub fn show(about: &str, config: &Config, front: &mut dyn Front) -> Outcome {
    let text = match about {
        "" => overview(config),
        name => match parse::spec_of(name, config) {
            Some(spec) => one(spec),
            None => return Err(CommandError::other("command not available")),
        },
    };
    show_text(text, front);
    Ok(())
}

/// All commands by topic, a line each.
pub fn overview(config: &Config) -> Text {
    let mut out = Text::new();
    out.line("The following commands are available:");
    for topic in Topic::ALL {
        out.end_line();
        out.push(Role::Strong, format!("{}:\n", topic.title()));
        let rows: Vec<(String, &str)> = table::commands()
            .filter(|it| it.topic == *topic)
            .map(|it| (heading(it, config), it.summary))
            .collect();
        let width = rows.iter().map(|it| it.0.len()).max().unwrap_or(0);
        for (name, summary) in rows {
            let dashes = "-".repeat(width - name.len());
            out.plain("    ");
            out.push(Role::Key, name);
            out.push(Role::Dim, format!(" {dashes} "));
            out.line(summary);
        }
    }
    out.end_line();
    out.line("Type help followed by a command for full documentation.");
    out
}

/// `print (alias: p | pp)`.
fn heading(spec: &CommandSpec, config: &Config) -> String {
    let own = config.aliases.get(spec.name()).into_iter().flatten().map(String::as_str);
    let aliases: Vec<&str> = spec.aliases().iter().copied().chain(own).collect();
    match aliases[..] {
        [] => spec.name().to_owned(),
        _ => format!("{} (alias: {})", spec.name(), aliases.join(" | ")),
    }
}

/// All about one command.
pub fn one(spec: &CommandSpec) -> Text {
    let mut out = Text::new();
    out.line(spec.summary);
    out.end_line();
    out.plain("\t");
    out.push(Role::Key, spec.name());
    if !spec.usage.is_empty() {
        out.plain(format!(" {}", spec.usage));
    }
    out.end_line();
    if !spec.details.is_empty() {
        out.end_line();
        for line in wrap(spec.details, WIDTH) {
            out.line(line);
        }
    }
    if !spec.aliases().is_empty() {
        out.end_line();
        out.line(format!("Also: {}", spec.aliases().join(", ")));
    }
    out
}

/// The table of commands in Markdown, for the README.
pub fn markdown() -> String {
    let mut out = String::new();
    for topic in Topic::ALL {
        out +=
            &format!("**{}**\n\n| Command | What it does |\n|---|---|\n", topic.title());
        for spec in table::commands().filter(|it| it.topic == *topic) {
            let names: Vec<String> =
                spec.names.iter().map(|name| format!("`{name}`")).collect();
            let usage = spec.usage.replace('|', "\\|");
            let usage = match usage.as_str() {
                "" => String::new(),
                usage => format!(" `{usage}`"),
            };
            out += &format!("| {}{usage} | {} |\n", names.join(", "), spec.summary);
        }
        out.push('\n');
    }
    out
}

/// How wide explanations are.
const WIDTH: usize = 78;

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{one, overview};
    use crate::frontend::command::table;
    use crate::frontend::config::Config;

    #[test]
    fn every_command_is_in_the_overview_once() {
        let text = overview(&Config::default()).to_string();
        for spec in table::commands() {
            let lines = text.lines().filter(|line| {
                line.strip_prefix("    ").is_some_and(|it| {
                    it.split(' ').next().is_some_and(|it| it == spec.name())
                })
            });
            assert_eq!(lines.count(), 1, "{}", spec.name());
        }
    }

    #[test]
    fn a_command_is_explained() {
        let spec = table::find("n").unwrap();
        assert_eq!(
            one(spec).to_string(),
            "Runs to the next source line, over calls.\n\n\tnext [<count>]\n\n\
             A count does it that many times.\n\nAlso: n\n"
        );
    }
}
