//! Columns that line up.

/// How wide a tab is.
const TAB_WIDTH: usize = 8;

/// Lines up columns by tabs: each cell but the last of a row is followed by as many tabs
/// as its column needs. This is how Go's `text/tabwriter` fills, with a padding of one.
pub fn align_with_tabs(rows: &[Vec<String>]) -> Vec<String> {
    let widths = column_widths(rows);
    rows.iter()
        .map(|row| {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths).take(row.len().max(1) - 1) {
                let filled = (width + 1).next_multiple_of(TAB_WIDTH);
                let n_tabs = (filled - chars(cell)).div_ceil(TAB_WIDTH);
                line.push_str(cell);
                line.push_str(&"\t".repeat(n_tabs));
            }
            line.push_str(row.last().map_or("", String::as_str));
            line
        })
        .collect()
}

/// Lines up columns by blanks, at least `gap` of them after each cell but the last.
pub fn align_with_blanks(rows: &[Vec<String>], gap: usize) -> Vec<String> {
    let widths = column_widths(rows);
    rows.iter()
        .map(|row| {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths).take(row.len().max(1) - 1) {
                let n_blanks = width + gap - chars(cell);
                line.push_str(cell);
                line.push_str(&" ".repeat(n_blanks));
            }
            line.push_str(row.last().map_or("", String::as_str));
            line
        })
        .collect()
}

/// The width of each column, the last cell of a row not counted.
fn column_widths(rows: &[Vec<String>]) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in rows {
        let n_columns = row.len().max(1) - 1;
        if widths.len() < n_columns {
            widths.resize(n_columns, 0);
        }
        for (cell, width) in row[..n_columns].iter().zip(&mut widths) {
            *width = (*width).max(chars(cell));
        }
    }
    widths
}

fn chars(cell: &str) -> usize {
    cell.chars().count()
}

#[cfg(test)]
mod tests {
    use super::{align_with_blanks, align_with_tabs};

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|it| (*it).to_owned()).collect()).collect()
    }

    #[test]
    fn columns_line_up() {
        let rows = rows(&[&["", "main.go:9", "x"], &["=>", "m.go:1", "yy"]]);
        assert_eq!(align_with_tabs(&rows), ["\tmain.go:9\tx", "=>\tm.go:1\t\tyy"]);
        assert_eq!(align_with_blanks(&rows, 1), ["   main.go:9 x", "=> m.go:1    yy"]);
    }
}
