//! What can a user do? The one table of actions.
//!
//! [`ACTIONS`] is read by the keys, the palette, the hints, the help and the README: an
//! action that is not here does not exist. A key means the same in every pane; what an
//! action does may depend on the pane that has the focus.

use crate::tui::pane::Pane;

/// Something that a user can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Continue,
    Halt,
    Next,
    Step,
    StepOut,
    StepInstruction,
    NextInstruction,
    RunToCursor,
    CancelNext,
    Restart,
    Reconnect,
    MuteBreakpoints,
    ToggleBreakpoint,
    ToggleEnabled,
    Edit,
    BreakAtFunction,
    Delete,
    Undo,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    HalfPageUp,
    HalfPageDown,
    Top,
    Bottom,
    Enter,
    FrameUp,
    FrameDown,
    NextStopped,
    GoToCurrent,
    GoToDefinition,
    GoToLine,
    Search,
    SearchNext,
    SearchPrevious,
    JumpBack,
    JumpForward,
    FocusNext,
    FocusPrevious,
    Focus(Pane),
    Zoom,
    NextLayout,
    Grow,
    Shrink,
    ResetLayout,
    Escape,
    Print,
    Watch,
    AddWatch,
    CopyValue,
    CopyExpression,
    Format,
    FullValue,
    ToggleGrouping,
    ToggleRuntime,
    Refresh,
    Palette,
    Command,
    Help,
    Editor,
    Themes,
    ToggleMouse,
    Redraw,
    Suspend,
    Quit,
}

/// What an action needs before it can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// A program that stands still.
    Stopped,
    /// A program that runs.
    Running,
    /// A program that has not ended, stopped or not.
    Alive,
}

/// The part of the help an action belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Run,
    Breakpoints,
    Move,
    Panes,
    Inspect,
    Find,
    App,
}

impl Group {
    pub const ALL: [Group; 7] = [
        Group::Run,
        Group::Breakpoints,
        Group::Move,
        Group::Panes,
        Group::Inspect,
        Group::Find,
        Group::App,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Group::Run => "Run",
            Group::Breakpoints => "Breakpoints",
            Group::Move => "Move",
            Group::Panes => "Panes",
            Group::Inspect => "Inspect",
            Group::Find => "Find",
            Group::App => "Application",
        }
    }
}

/// One row of the table.
pub struct ActionSpec {
    pub action: Action,
    /// How the palette and the `:` line call it.
    pub name: &'static str,
    /// Sequences of keys, as [`crate::tui::keymap`] reads them; the first is shown.
    pub keys: &'static [&'static str],
    pub group: Group,
    pub needs: Needs,
    /// A word for the line of hints.
    pub hint: &'static str,
    /// One sentence.
    pub summary: &'static str,
}

const fn row(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    group: Group,
    needs: Needs,
    words: [&'static str; 2],
) -> ActionSpec {
    ActionSpec { action, name, keys, group, needs, hint: words[0], summary: words[1] }
}

use Group as G;
use Needs as N;

/// Every action there is.
#[rustfmt::skip]
pub const ACTIONS: &[ActionSpec] = &[
    row(Action::Continue, "continue", &["c", "F5"], G::Run, N::Stopped, ["cont", "Runs until a breakpoint, a halt or the end."]),
    row(Action::Halt, "halt", &["P", "F6", "Ctrl-C"], G::Run, N::Running, ["pause", "Stops the running program."]),
    row(Action::Next, "next", &["n", "F10"], G::Run, N::Stopped, ["next", "Runs to the next line, over calls, on this goroutine."]),
    row(Action::Step, "step", &["s", "F11"], G::Run, N::Stopped, ["step", "Runs to the next line, into calls."]),
    row(Action::StepOut, "stepout", &["o", "Shift-F11"], G::Run, N::Stopped, ["out", "Runs until this function has returned."]),
    row(Action::StepInstruction, "step-instruction", &["i"], G::Run, N::Stopped, ["instr", "Executes one instruction."]),
    row(Action::NextInstruction, "next-instruction", &["I"], G::Run, N::Stopped, ["next instr", "Executes one instruction, over calls."]),
    row(Action::RunToCursor, "run-to-cursor", &["t", "Ctrl-F10"], G::Run, N::Stopped, ["to cursor", "Runs to the line under the cursor, or to the next stop before it."]),
    row(Action::CancelNext, "cancel-next", &["g x"], G::Run, N::Stopped, ["cancel next", "Gives up a step that a breakpoint elsewhere interrupted."]),
    row(Action::Restart, "restart", &["R"], G::Run, N::Nothing, ["restart", "Starts the program again from its beginning."]),
    row(Action::Reconnect, "reconnect", &["g r"], G::Run, N::Nothing, ["connect again", "Connects to a server again that was lost; R does it too then."]),
    row(Action::MuteBreakpoints, "mute-breakpoints", &["M"], G::Breakpoints, N::Alive, ["mute", "Disables all breakpoints, or enables those again."]),
    row(Action::ToggleBreakpoint, "toggle-breakpoint", &["b", "F9"], G::Breakpoints, N::Alive, ["break", "Sets a breakpoint on the line under the cursor, or deletes it."]),
    row(Action::ToggleEnabled, "toggle-enabled", &["Space"], G::Breakpoints, N::Alive, ["on/off", "Enables or disables the breakpoint under the cursor."]),
    row(Action::Edit, "edit", &["e", "F2"], G::Breakpoints, N::Alive, ["edit", "Edits what is under the cursor: what a breakpoint stops for or logs, a watch, a variable's value."]),
    row(Action::BreakAtFunction, "break-at-function", &["g b"], G::Breakpoints, N::Alive, ["break at", "Asks for a function or file:line and sets a breakpoint there."]),
    row(Action::Delete, "delete", &["x", "Delete"], G::Breakpoints, N::Nothing, ["delete", "Deletes the breakpoint or the watch under the cursor."]),
    row(Action::Undo, "undo", &["U"], G::Breakpoints, N::Nothing, ["undo", "Takes back the last deleting or editing of a breakpoint or watch."]),
    row(Action::Down, "down", &["j", "Down"], G::Move, N::Nothing, ["down", "Moves down."]),
    row(Action::Up, "up", &["k", "Up"], G::Move, N::Nothing, ["up", "Moves up."]),
    row(Action::Left, "left", &["h", "Left"], G::Move, N::Nothing, ["close", "Closes what is open, or scrolls left."]),
    row(Action::Right, "right", &["l", "Right"], G::Move, N::Nothing, ["open", "Opens what is closed, or scrolls right."]),
    row(Action::PageDown, "page-down", &["PageDown"], G::Move, N::Nothing, ["page down", "Moves down by a page."]),
    row(Action::PageUp, "page-up", &["PageUp"], G::Move, N::Nothing, ["page up", "Moves up by a page."]),
    row(Action::HalfPageDown, "half-page-down", &["Ctrl-D"], G::Move, N::Nothing, ["half down", "Moves down by half a page."]),
    row(Action::HalfPageUp, "half-page-up", &["Ctrl-U"], G::Move, N::Nothing, ["half up", "Moves up by half a page."]),
    row(Action::Top, "top", &["g g", "Home"], G::Move, N::Nothing, ["top", "Moves to the first line."]),
    row(Action::Bottom, "bottom", &["G", "End"], G::Move, N::Nothing, ["bottom", "Moves to the last line."]),
    row(Action::Enter, "enter", &["Enter"], G::Move, N::Nothing, ["open", "Opens, selects or shows what is under the cursor."]),
    row(Action::FrameUp, "frame-up", &["u"], G::Move, N::Nothing, ["caller", "Selects the frame of the caller."]),
    row(Action::FrameDown, "frame-down", &["d"], G::Move, N::Nothing, ["callee", "Selects the frame of the callee."]),
    row(Action::NextStopped, "next-stopped", &["g s"], G::Move, N::Nothing, ["next stopped", "Goes to the next goroutine that is at a breakpoint too."]),
    row(Action::GoToCurrent, "go-to-current", &["g c"], G::Move, N::Nothing, ["current line", "Shows the line of the selected frame again."]),
    row(Action::GoToDefinition, "go-to-definition", &["g d", "F12"], G::Move, N::Nothing, ["definition", "Goes to the function whose name is under the cursor."]),
    row(Action::GoToLine, "go-to-line", &["g l"], G::Move, N::Nothing, ["line", "Asks for a line and goes there."]),
    row(Action::JumpBack, "jump-back", &["Ctrl-O", "Alt-Left"], G::Move, N::Nothing, ["back", "Goes back to where the source was before the last jump."]),
    row(Action::JumpForward, "jump-forward", &["Alt-Right"], G::Move, N::Nothing, ["forward", "Goes forward again."]),
    row(Action::FocusNext, "next-pane", &["Tab"], G::Panes, N::Nothing, ["pane", "Moves the focus to the next pane."]),
    row(Action::FocusPrevious, "previous-pane", &["Shift-Tab"], G::Panes, N::Nothing, ["previous pane", "Moves the focus to the previous pane."]),
    row(Action::Focus(Pane::Source), "source", &["1"], G::Panes, N::Nothing, ["source", "Goes to the source."]),
    row(Action::Focus(Pane::Goroutines), "goroutines", &["2"], G::Panes, N::Nothing, ["goroutines", "Goes to the goroutines; again, to the threads."]),
    row(Action::Focus(Pane::Variables), "variables", &["3"], G::Panes, N::Nothing, ["variables", "Goes to the variables."]),
    row(Action::Focus(Pane::Stack), "stack", &["4"], G::Panes, N::Nothing, ["stack", "Goes to the stack; again, to its instructions, and to the registers."]),
    row(Action::Focus(Pane::Breakpoints), "breakpoints", &["5"], G::Panes, N::Nothing, ["breakpoints", "Goes to the breakpoints."]),
    row(Action::Focus(Pane::Watches), "watches", &["6"], G::Panes, N::Nothing, ["watches", "Goes to the watches."]),
    row(Action::Focus(Pane::Console), "console", &["7"], G::Panes, N::Nothing, ["console", "Goes to the console; again, to the program's output."]),
    row(Action::Zoom, "zoom", &["z"], G::Panes, N::Nothing, ["zoom", "Gives the pane the whole screen, or takes it back."]),
    row(Action::NextLayout, "next-layout", &["L"], G::Panes, N::Nothing, ["layout", "Takes the next layout that fits."]),
    row(Action::Grow, "grow", &["+"], G::Panes, N::Nothing, ["grow", "Makes the pane larger."]),
    row(Action::Shrink, "shrink", &["-"], G::Panes, N::Nothing, ["shrink", "Makes the pane smaller."]),
    row(Action::ResetLayout, "reset-layout", &["="], G::Panes, N::Nothing, ["reset", "Gives all panes their own size again."]),
    row(Action::Escape, "escape", &["Esc"], G::Panes, N::Nothing, ["back", "Closes what is on top, gives up on a slow answer, clears a filter, then goes to the source."]),
    row(Action::Print, "print", &["p"], G::Inspect, N::Stopped, ["print", "Evaluates an expression; what is under the cursor is filled in."]),
    row(Action::Watch, "watch", &["w"], G::Inspect, N::Nothing, ["watch", "Pins what is under the cursor to the watches."]),
    row(Action::AddWatch, "add-watch", &["a"], G::Inspect, N::Nothing, ["add", "Asks for an expression to watch."]),
    row(Action::CopyValue, "copy", &["y"], G::Inspect, N::Nothing, ["copy", "Copies the value, line or frame under the cursor."]),
    row(Action::CopyExpression, "copy-expression", &["Y"], G::Inspect, N::Nothing, ["copy expr", "Copies the expression, the place, or the whole stack."]),
    row(Action::Format, "format", &["f"], G::Inspect, N::Nothing, ["format", "Shows a number in the next format: decimal, hex, octal, binary, character."]),
    row(Action::FullValue, "full-value", &["F"], G::Inspect, N::Nothing, ["full", "Shows the whole of what is under the cursor."]),
    row(Action::ToggleGrouping, "group", &["g /"], G::Inspect, N::Nothing, ["group", "Groups the goroutines by their stack, or lists them."]),
    row(Action::ToggleRuntime, "runtime-goroutines", &["H"], G::Inspect, N::Nothing, ["runtime", "Shows or hides the goroutines of the runtime."]),
    row(Action::Refresh, "refresh", &["r"], G::Inspect, N::Nothing, ["refresh", "Asks for the pane's contents again."]),
    row(Action::Search, "search", &["/"], G::Find, N::Nothing, ["find", "Searches the source, or filters the list."]),
    row(Action::SearchNext, "search-next", &[".", "F3"], G::Find, N::Nothing, ["next match", "Goes to the next match."]),
    row(Action::SearchPrevious, "search-previous", &[",", "Shift-F3"], G::Find, N::Nothing, ["previous match", "Goes to the previous match."]),
    row(Action::Palette, "find", &["Ctrl-P"], G::Find, N::Nothing, ["find", "Finds files, @functions, #goroutines, !breakpoints, >commands, :lines."]),
    row(Action::Command, "command", &[":"], G::Find, N::Nothing, ["command", "Opens the command line."]),
    row(Action::Help, "help", &["?", "F1"], G::App, N::Nothing, ["keys", "Shows the keys."]),
    row(Action::Editor, "editor", &["Ctrl-E"], G::App, N::Nothing, ["editor", "Opens the line in $EDITOR."]),
    row(Action::Themes, "theme", &["Ctrl-T"], G::App, N::Nothing, ["theme", "Chooses another theme."]),
    row(Action::ToggleMouse, "mouse", &["%"], G::App, N::Nothing, ["mouse", "Takes the mouse, or leaves it to the terminal."]),
    row(Action::Redraw, "redraw", &["Ctrl-L"], G::App, N::Nothing, ["redraw", "Draws the screen anew."]),
    row(Action::Suspend, "suspend", &["Ctrl-Z"], G::App, N::Nothing, ["suspend", "Goes to the background; fg brings it back."]),
    row(Action::Quit, "quit", &["q"], G::App, N::Nothing, ["quit", "Asks how to leave."]),
];

/// The row of an action.
pub fn spec(action: Action) -> Option<&'static ActionSpec> {
    ACTIONS.iter().find(|it| it.action == action)
}

/// The row that has this name.
pub fn named(name: &str) -> Option<&'static ActionSpec> {
    ACTIONS.iter().find(|it| it.name == name)
}

/// The table of keys in Markdown, for the README.
pub fn markdown() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        text +=
            &format!("\n**{}**\n\n| Key | What it does |\n|---|---|\n", group.title());
        for it in ACTIONS.iter().filter(|it| it.group == group) {
            let keys: Vec<String> =
                it.keys.iter().map(|it| format!("`{}`", it.replace(' ', ""))).collect();
            text += &format!("| {} | {} |\n", keys.join(", "), it.summary);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_action_has_one_row_a_name_of_its_own_and_a_sentence() {
        let mut names = HashSet::new();
        let mut actions = HashSet::new();
        for it in ACTIONS {
            assert!(names.insert(it.name), "two rows are called {}", it.name);
            assert!(actions.insert(it.action), "{:?} has two rows", it.action);
            assert!(it.summary.ends_with('.'), "{}", it.name);
            assert!(!it.keys.is_empty(), "{} has no key", it.name);
        }
    }
}
