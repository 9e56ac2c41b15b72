//! Giving the terminal away for a while: to an editor, to the shell.

use std::io;
use std::process::Command;

use crate::tui::terminal::Screen;

/// Opens a file at a line in the user's editor, and waits for its end. Returns what went
/// wrong, if something did.
pub fn edit(screen: &mut Screen, path: &str, line: usize) -> io::Result<Option<String>> {
    let of = |name: &str| std::env::var(name).ok().filter(|it| !it.trim().is_empty());
    let editor = of("VISUAL").or_else(|| of("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let mut command = Command::new(program);
    command.args(words);
    let name = crate::tui::text::file_name(program);
    // Most editors know `+LINE FILE`; the others have their own way.
    match name {
        "code" | "codium" => command.arg("--goto").arg(format!("{path}:{line}")),
        "hx" | "helix" | "subl" | "zed" => command.arg(format!("{path}:{line}")),
        _ => command.arg(format!("+{line}")).arg(path),
    };
    screen.leave()?;
    let ended = command.spawn().map(|mut child| drop(child.wait()));
    screen.resume()?;
    Ok(ended.err().map(|err| format!("cannot run {program}: {err}; $EDITOR chooses one")))
}

/// Goes to the background, as Ctrl-Z does in a shell, until it is brought back.
pub fn stop(screen: &mut Screen) -> io::Result<Option<String>> {
    screen.leave()?;
    // The whole job stops, as the terminal would have it do it; `kill` is part of every
    // shell, and the only way to a signal without a system call of our own.
    let stopped = Command::new("sh").args(["-c", "kill -TSTP 0"]).spawn();
    let ended = stopped.map(|mut child| drop(child.wait()));
    screen.resume()?;
    Ok(ended.err().map(|err| format!("cannot go to the background: {err}")))
}
