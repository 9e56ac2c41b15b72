//! `tinydbg completion`: a script that lets a shell complete our command line.

use std::fmt::Write;

/// What may follow a command: the command as it is typed (`tui attach`), and the words.
pub struct Entry {
    pub command: String,
    pub words: Vec<String>,
}

/// The script for a shell; the error names those there are.
pub fn script(shell: &str, entries: &[Entry]) -> Result<String, String> {
    match shell {
        "bash" => Ok(bash(entries)),
        // zsh has bash's functions, once they are asked for.
        "zsh" => {
            Ok(format!("autoload -U +X bashcompinit && bashcompinit\n{}", bash(entries)))
        }
        "fish" => Ok(fish(entries)),
        other => {
            let known = "there are bash, zsh and fish";
            Err(format!("no completion for {other:?}: {known}"))
        }
    }
}

/// Words of ours where there are any, and else names of files.
fn bash(entries: &[Entry]) -> String {
    let mut cases = String::new();
    for Entry { command, words } in entries {
        let words = words.join(" ");
        // Writing to a String cannot fail.
        let _infallible = writeln!(cases, "        {command:?}) words={words:?} ;;");
    }
    format!(
        r#"_tinydbg() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} command="" words="" i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${{COMP_WORDS[i]}} in
        -*) ;;
        *) command="$command ${{COMP_WORDS[i]}}"
            [[ $command == " tui" ]] || break ;;
        esac
    done
    case ${{command# }} in
{cases}    esac
    COMPREPLY=($(compgen -W "$words" -- "$word") $(compgen -f -- "$word"))
}}
complete -o filenames -F _tinydbg tinydbg
"#
    )
}

fn fish(entries: &[Entry]) -> String {
    let mut script = String::new();
    for Entry { command, words } in entries {
        let condition = match command.rsplit_once(' ').map_or(&**command, |it| it.1) {
            "" => "__fish_use_subcommand".to_owned(),
            last => format!("__fish_seen_subcommand_from {last}"),
        };
        let words = words.join(" ");
        let _infallible =
            writeln!(script, "complete -c tinydbg -n '{condition}' -a '{words}'");
    }
    script
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Entry, script};

    #[test]
    fn bash_completes_commands_and_flags() {
        let entry = |command: &str, words: &[&str]| Entry {
            command: command.to_owned(),
            words: words.iter().map(|it| (*it).to_owned()).collect(),
        };
        let entries = [
            entry("", &["attach", "tui"]),
            entry("tui", &["demo"]),
            entry("attach", &["--waitfor"]),
        ];
        let script = script("bash", &entries).unwrap();
        let complete = |words: &str, word: usize| {
            let ask = format!(
                "{script}\nCOMP_WORDS=({words})\nCOMP_CWORD={word}\n_tinydbg\n\
                 echo \"${{COMPREPLY[@]}}\""
            );
            let out = Command::new("bash").args(["-c", &ask]).output().unwrap();
            String::from_utf8(out.stdout).unwrap().trim().to_owned()
        };
        assert_eq!(complete("tinydbg at", 1), "attach");
        assert_eq!(complete("tinydbg tui de", 2), "demo");
        assert_eq!(complete("tinydbg --headless attach --wai", 3), "--waitfor");
    }

    #[test]
    fn an_unknown_shell_is_refused() {
        assert!(script("tcsh", &[]).unwrap_err().contains("bash, zsh and fish"));
        assert!(script("fish", &[]).is_ok() && script("zsh", &[]).is_ok());
    }
}
