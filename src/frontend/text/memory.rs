//! Raw memory as text, in the format of Delve's `examinemem`.

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Base {
    Binary,
    Octal,
    Decimal,
    #[default]
    Hexadecimal,
}

/// Blanks after each column.
const GAP: &str = "   ";

/// The memory at `addr`, in numbers of `size` bytes (1 to 8).
pub fn dump(addr: u64, memory: &[u8], base: Base, size: usize) -> Vec<String> {
    let n_columns = if base == Base::Binary { 4 } else { 8 };
    let last = addr.wrapping_add(memory.len() as u64);
    let width = format!("{last:x}").len();
    let row_len = n_columns * size;
    memory
        .chunks(row_len)
        .enumerate()
        .map(|(i, row)| {
            let at = addr.wrapping_add((i * row_len) as u64);
            let mut line = format!("0x{at:0width$x}:{GAP}");
            for cell in row.chunks_exact(size) {
                line.push_str(&number(little_endian(cell), base, size));
                line.push_str(GAP);
            }
            line
        })
        .collect()
}

fn little_endian(cell: &[u8]) -> u64 {
    cell.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn number(value: u64, base: Base, size: usize) -> String {
    match base {
        Base::Binary => format!("{value:00$b}", size * 8),
        Base::Octal => format!("0{value:00$o}", size * 3),
        Base::Decimal => format!("{value:00$}", size * 3),
        Base::Hexadecimal => format!("0x{value:00$x}", size * 2),
    }
}

#[cfg(test)]
mod tests {
    use super::{Base, dump};

    #[test]
    fn memory_is_shown_in_rows_of_numbers() {
        let bytes = [0xc7, 0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x18, 0x2d];
        assert_eq!(
            dump(0xfa0, &bytes, Base::Hexadecimal, 1),
            [
                "0xfa0:   0xc7   0xcf   0xff   0xff   0xff   0xff   0xff   0xff   ",
                "0xfa8:   0x18   0x2d   "
            ]
        );
        assert_eq!(dump(0xff8, &bytes[..8], Base::Octal, 1)[0].len(), 10 + 8 * 7);
        assert_eq!(dump(1, &bytes[..2], Base::Decimal, 2), ["0x1:   053191   "]);
        assert_eq!(
            dump(1, &bytes[..5], Base::Binary, 1),
            ["0x1:   11000111   11001111   11111111   11111111   ", "0x5:   11111111   "]
        );
    }
}
