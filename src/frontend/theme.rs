//! What colour is what? Roles, and the themes that give them a style.
//!
//! The code that draws names a [`Role`]; only a [`Theme`] knows colours. A theme is a TOML
//! file: a palette of names, and a table from roles to styles. A role that a theme does not
//! name takes the style of the longest dotted prefix that it does name, and `text` last.

use std::collections::HashMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

macro_rules! roles {
    ($( $variant:ident $name:literal; )*) => {
        /// A thing on the screen that may have a look of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Role { $($variant),* }

        impl Role {
            /// All roles, in the order of their numbers.
            pub const ALL: &[Role] = &[$(Role::$variant),*];

            /// The name in a theme's file.
            pub fn name(self) -> &'static str {
                match self { $(Role::$variant => $name),* }
            }
        }
    };
}

roles! {
    Text "text";
    Dim "text.dim";
    Strong "text.strong";
    Background "ui.background";
    Border "ui.border";
    BorderFocused "ui.border.focused";
    Title "ui.title";
    TitleFocused "ui.title.focused";
    Tab "ui.tab";
    TabActive "ui.tab.active";
    Scrollbar "ui.scrollbar";
    Selection "ui.selection";
    SelectionInactive "ui.selection.inactive";
    CursorLine "ui.cursorline";
    Match "ui.match";
    MatchCurrent "ui.match.current";
    Overlay "ui.overlay";
    OverlayBorder "ui.overlay.border";
    Key "ui.key";
    KeyDisabled "ui.key.disabled";
    Hint "ui.hint";
    Spinner "ui.spinner";
    StatusStopped "status.stopped";
    StatusRunning "status.running";
    StatusExited "status.exited";
    StatusDisconnected "status.disconnected";
    StatusLoading "status.loading";
    StatusBadge "status.badge";
    Info "message.info";
    Success "message.success";
    Warning "message.warning";
    Error "message.error";
    LineNumber "source.lineno";
    LineNumberCurrent "source.lineno.current";
    CurrentLine "source.current";
    CurrentFrameLine "source.current.frame";
    Inlay "source.inlay";
    InlayChanged "source.inlay.changed";
    Stale "source.stale";
    GutterBreakpoint "gutter.breakpoint";
    GutterDisabled "gutter.breakpoint.disabled";
    GutterConditional "gutter.conditional";
    GutterPc "gutter.pc";
    VarName "var.name";
    VarType "var.type";
    VarValue "var.value";
    VarString "var.string";
    VarNumber "var.number";
    VarBool "var.bool";
    VarNil "var.nil";
    VarAddress "var.address";
    VarMeta "var.meta";
    VarChanged "var.changed";
    VarNew "var.new";
    VarUnreadable "var.unreadable";
    GoroutineId "goroutine.id";
    GoroutineCurrent "goroutine.current";
    GoroutineRunning "goroutine.state.running";
    GoroutineWaiting "goroutine.state.waiting";
    GoroutineSyscall "goroutine.state.syscall";
    GoroutineLabel "goroutine.label";
    GoroutineDelta "goroutine.delta";
    FunctionUser "stack.function.user";
    FunctionRuntime "stack.function.runtime";
    StackLocation "stack.location";
    BreakpointHits "breakpoint.hits";
    BreakpointCondition "breakpoint.condition";
    ConsolePrompt "console.prompt";
    ConsoleInput "console.input";
    ConsoleOutput "console.output";
    ConsoleError "console.error";
    SyntaxKeyword "syntax.keyword";
    SyntaxType "syntax.type";
    SyntaxFunction "syntax.function";
    SyntaxString "syntax.string";
    SyntaxNumber "syntax.number";
    SyntaxComment "syntax.comment";
    SyntaxConstant "syntax.constant";
    SyntaxOperator "syntax.operator";
}

/// The themes that come with the program; the first is the default.
const BUILTIN: &[(&str, &str)] = &[
    ("tinydbg-dark", include_str!("../../themes/tinydbg-dark.toml")),
    ("tinydbg-light", include_str!("../../themes/tinydbg-light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("colour-blind", include_str!("../../themes/colour-blind.toml")),
    ("ansi16", include_str!("../../themes/ansi16.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// The theme for terminals without colours.
pub const MONO: &str = "mono";
/// The theme that is used if nothing else is asked for.
pub const DEFAULT: &str = "tinydbg-dark";

/// How many colours a terminal shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colors {
    #[default]
    True,
    Palette256,
    Ansi16,
}

/// A style for each role.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    pub name: String,
    styles: Vec<Style>,
}

impl Theme {
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// No colours and no attributes: what tests compare text with.
    pub fn plain() -> Theme {
        Theme {
            name: "plain".to_owned(),
            styles: vec![Style::default(); Role::ALL.len()],
        }
    }

    /// The same theme in the colours that a terminal has.
    pub fn reduced_to(mut self, colors: Colors) -> Theme {
        for style in &mut self.styles {
            style.fg = style.fg.map(|it| reduce(it, colors));
            style.bg = style.bg.map(|it| reduce(it, colors));
        }
        self
    }
}

/// The names of the themes that come with the program.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(name, _)| *name)
}

/// A theme that comes with the program.
pub fn builtin(name: &str) -> Option<Theme> {
    let (name, text) = BUILTIN.iter().find(|(it, _)| *it == name)?;
    parse(name, text).ok()
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct ThemeFile {
    meta: Meta,
    palette: HashMap<String, String>,
    roles: HashMap<String, RoleStyle>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Meta {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "appearance")]
    _appearance: String,
    /// A theme of the program whose roles this one starts from.
    inherits: Option<String>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(default, deny_unknown_fields)]
struct RoleStyle {
    fg: Option<String>,
    bg: Option<String>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    reverse: bool,
}

/// Reads a theme's file. Unknown roles and colours are errors that name them.
pub fn parse(name: &str, text: &str) -> Result<Theme, String> {
    let file: ThemeFile =
        toml::from_str(text).map_err(|err| format!("theme {name}: {err}"))?;
    let mut named = HashMap::new();
    if let Some(base) = &file.meta.inherits {
        let base = builtin(base).ok_or_else(|| {
            format!("theme {name}: it inherits {base}, which does not exist")
        })?;
        named.extend(Role::ALL.iter().map(|it| (it.name(), base.style(*it))));
    }
    for (role, style) in &file.roles {
        let Some(role) = role_named(role) else {
            return Err(format!("theme {name}: there is no role {role}"));
        };
        named.insert(role, resolve(name, style, &file.palette)?);
    }
    let styles = Role::ALL.iter().map(|it| inherited(it.name(), &named)).collect();
    Ok(Theme { name: name.to_owned(), styles })
}

/// The role, or the prefix of roles, that a theme's file may name.
fn role_named(name: &str) -> Option<&'static str> {
    let is_prefix = |it: &'static str| {
        it.strip_prefix(name)
            .filter(|rest| rest.is_empty() || rest.starts_with('.'))
            .map(|_| &it[..name.len()])
    };
    Role::ALL.iter().find_map(|it| is_prefix(it.name()))
}

fn inherited(role: &str, named: &HashMap<&str, Style>) -> Style {
    let mut name = role;
    loop {
        if let Some(style) = named.get(name) {
            return *style;
        }
        match name.rfind('.') {
            Some(dot) => name = &name[..dot],
            None => return named.get("text").copied().unwrap_or_default(),
        }
    }
}

fn resolve(
    theme: &str,
    style: &RoleStyle,
    palette: &HashMap<String, String>,
) -> Result<Style, String> {
    let color = |text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => {
            let text = palette.get(text).unwrap_or(text);
            color(text)
                .map(Some)
                .ok_or_else(|| format!("theme {theme}: {text} is not a colour"))
        }
    };
    let mut resolved =
        Style { fg: color(&style.fg)?, bg: color(&style.bg)?, ..Style::default() };
    let attributes = [
        (style.bold, Modifier::BOLD),
        (style.dim, Modifier::DIM),
        (style.italic, Modifier::ITALIC),
        (style.underline, Modifier::UNDERLINED),
        (style.reverse, Modifier::REVERSED),
    ];
    for (wanted, attribute) in attributes {
        if wanted {
            resolved = resolved.add_modifier(attribute);
        }
    }
    Ok(resolved)
}

/// `#rrggbb`, a number of the 256, an ANSI name, or `default`.
fn color(text: &str) -> Option<Color> {
    if text == "default" {
        return Some(Color::Reset);
    }
    text.parse().ok()
}

fn reduce(color: Color, colors: Colors) -> Color {
    let Color::Rgb(r, g, b) = color else { return color };
    match colors {
        Colors::True => color,
        Colors::Palette256 => Color::Indexed(nearest_256(r, g, b)),
        Colors::Ansi16 => nearest_16(r, g, b),
    }
}

/// The levels of the 6x6x6 cube of xterm's 256 colours.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

fn nearest_256(r: u8, g: u8, b: u8) -> u8 {
    let level = |v: u8| (0..6).min_by_key(|i| CUBE[*i].abs_diff(v)).unwrap_or(0);
    let cube = [level(r), level(g), level(b)];
    let in_cube = cube.map(|i| CUBE[i]);
    let mean = ((u16::from(r) + u16::from(g) + u16::from(b)) / 3) as u8;
    let step = (mean.saturating_sub(8) / 10).min(23);
    let gray = 8 + 10 * step;
    if distance([r, g, b], [gray; 3]) < distance([r, g, b], in_cube) {
        232 + step
    } else {
        (16 + 36 * cube[0] + 6 * cube[1] + cube[2]) as u8
    }
}

fn nearest_16(r: u8, g: u8, b: u8) -> Color {
    const ANSI: [(Color, [u8; 3]); 16] = [
        (Color::Black, [0, 0, 0]),
        (Color::Red, [170, 0, 0]),
        (Color::Green, [0, 170, 0]),
        (Color::Yellow, [170, 120, 0]),
        (Color::Blue, [0, 0, 170]),
        (Color::Magenta, [170, 0, 170]),
        (Color::Cyan, [0, 170, 170]),
        (Color::Gray, [180, 180, 180]),
        (Color::DarkGray, [100, 100, 100]),
        (Color::LightRed, [255, 100, 100]),
        (Color::LightGreen, [100, 255, 100]),
        (Color::LightYellow, [255, 255, 100]),
        (Color::LightBlue, [110, 110, 255]),
        (Color::LightMagenta, [255, 110, 255]),
        (Color::LightCyan, [110, 255, 255]),
        (Color::White, [255, 255, 255]),
    ];
    let nearest = ANSI.iter().min_by_key(|(_, it)| distance([r, g, b], *it));
    nearest.map_or(Color::Reset, |(color, _)| *color)
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.iter().zip(b).map(|(x, y)| u32::from(x.abs_diff(y)).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_of_the_program_can_be_read() {
        for (name, text) in BUILTIN {
            let theme = parse(name, text).unwrap();
            assert_eq!(theme.styles.len(), Role::ALL.len(), "{name}");
        }
    }

    #[test]
    fn a_role_takes_the_style_of_the_longest_prefix_that_is_named() {
        let text = r##"
            [palette]
            ink = "#010203"
            [roles]
            text = { fg = "ink" }
            "status" = { fg = "red", bold = true }
        "##;
        let theme = parse("t", text).unwrap();
        assert_eq!(theme.style(Role::VarName).fg, Some(Color::Rgb(1, 2, 3)));
        assert_eq!(theme.style(Role::StatusRunning).fg, Some(Color::Red));
    }

    #[test]
    fn a_mistake_in_a_theme_is_named() {
        let cases = [
            ("[roles]\nnosuch = {}", "no role nosuch"),
            ("[roles]\ntext = { fg = \"blurple\" }", "blurple is not a colour"),
            ("[meta]\ninherits = \"x\"", "inherits x"),
            ("[roles", "theme t"),
        ];
        for (text, expected) in cases {
            let err = parse("t", text).unwrap_err();
            assert!(err.contains(expected), "{err}");
        }
    }

    #[test]
    fn colours_are_reduced_to_the_nearest_there_is() {
        assert_eq!(
            reduce(Color::Rgb(255, 0, 0), Colors::Palette256),
            Color::Indexed(196)
        );
        assert_eq!(
            reduce(Color::Rgb(28, 28, 28), Colors::Palette256),
            Color::Indexed(234)
        );
        assert_eq!(reduce(Color::Rgb(250, 250, 250), Colors::Ansi16), Color::White);
        assert_eq!(reduce(Color::Red, Colors::Ansi16), Color::Red);
    }

    #[test]
    fn the_theme_without_colours_has_none() {
        let theme = builtin(MONO).unwrap();
        for role in Role::ALL {
            let style = theme.style(*role);
            assert!(matches!(style.fg, None | Some(Color::Reset)), "{role:?}");
            assert!(matches!(style.bg, None | Some(Color::Reset)), "{role:?}");
        }
    }
}
