//! Source lines as text, in the format of Delve's `list`.

use crate::frontend::text::Text;
use crate::frontend::theme::Role;

/// The lines around `line` (counted from 1), `n_around` on each side, with an arrow at
/// `line` if `with_arrow`. Tabs are replaced by `tab` if it is not empty.
pub fn around(
    lines: &[String],
    line: usize,
    n_around: usize,
    with_arrow: bool,
    tab: &str,
) -> Text {
    let mut out = Text::new();
    let first = line.saturating_sub(n_around).max(1);
    for number in first..=line.saturating_add(n_around) {
        let Some(text) = lines.get(number - 1) else { break };
        let is_current = with_arrow && number == line;
        let shown = if tab.is_empty() { text.clone() } else { text.replace('\t', tab) };
        numbered(&mut out, number, is_current, &shown);
    }
    out
}

/// What stands where source would.
pub fn no_source() -> Text {
    let mut out = Text::new();
    numbered(&mut out, 1, true, "no source available");
    out
}

fn numbered(out: &mut Text, number: usize, is_current: bool, text: &str) {
    if is_current {
        out.push(Role::GutterPc, "=>");
        out.push(Role::LineNumberCurrent, format!("{number:4}:"));
    } else {
        out.push(Role::LineNumber, format!("  {number:4}:"));
    }
    out.plain(format!("\t{text}"));
    out.end_line();
}

#[cfg(test)]
mod tests {
    use super::around;

    #[test]
    fn lines_are_numbered_and_the_current_one_has_an_arrow() {
        let lines: Vec<String> = (1..=4).map(|n| format!("\tline {n}")).collect();
        assert_eq!(
            around(&lines, 2, 1, true, "").to_string(),
            "     1:\t\tline 1\n=>   2:\t\tline 2\n     3:\t\tline 3\n"
        );
        assert_eq!(
            around(&lines, 4, 1, false, "  ").to_string(),
            "     3:\t  line 3\n     4:\t  line 4\n"
        );
        assert_eq!(around(&lines, 0, 0, true, "").to_string(), "");
        assert_eq!(around(&lines, usize::MAX, 3, true, "").to_string(), "");
    }
}
