//! How Delve writes the registers for floating point and vectors: each in several views.

use crate::api::types::Register;
use crate::engine::inferior::VectorRegisters;

/// DWARF's numbers (System V ABI amd64, figure 3.36).
const DWARF_XMM0: i64 = 17;
const DWARF_XMM16: i64 = 67;
const DWARF_ST0: i64 = 33;
const DWARF_MXCSR: i64 = 64;
const DWARF_CONTROL_WORD: i64 = 65;
const DWARF_STATUS_WORD: i64 = 66;
const DWARF_K0: i64 = 118;

/// The registers that come behind the general ones, and those at the very end.
pub fn registers(it: &VectorRegisters) -> (Vec<Register>, Vec<Register>) {
    let mut first = Vec::new();
    for (bytes, number) in it.vectors.iter().zip(0..16) {
        let value = long_vector(bytes, number);
        let name = format!("XMM{number}");
        first.push(Register { name, value, dwarf_number: DWARF_XMM0 + number });
    }
    for (bytes, number) in it.x87.iter().zip(0..) {
        let value = format!("{}\t{}", hex(bytes), general(x87(bytes)));
        let name = format!("ST({number})");
        first.push(Register { name, value, dwarf_number: DWARF_ST0 + number });
    }
    let last = [
        ("MXCSR", format!("{:#010x}\t{}", it.mxcsr, mxcsr_flags(it.mxcsr)), DWARF_MXCSR),
        ("CW", format!("{:#06x}", it.control_word), DWARF_CONTROL_WORD),
        ("SW", format!("{:#06x}", it.status_word), DWARF_STATUS_WORD),
    ];
    let last = last.map(|(name, value, dwarf_number)| Register {
        name: name.to_owned(),
        value,
        dwarf_number,
    });
    let mut last = last.to_vec();
    last.extend(long_registers(it));
    (first, last)
}

/// A register of up to 64 bytes: its lowest part, and the others below that.
fn long_vector(bytes: &[u8], number: i64) -> String {
    let names = ["", "YMM?h", "ZMM?hl", "ZMM?hh"];
    let mut text = String::new();
    for (part, name) in bytes.chunks(16).zip(names) {
        if !text.is_empty() {
            let name = name.replace('?', &number.to_string());
            text.push_str(&format!("\n\t[{name}] "));
        }
        text.push_str(&vector(part));
    }
    text
}

/// The second half of AVX-512's registers, and its masks, which Delve does not show.
fn long_registers(it: &VectorRegisters) -> Vec<Register> {
    let mut all = Vec::new();
    for (bytes, number) in it.vectors.iter().zip(0..).skip(16) {
        let dwarf_number = DWARF_XMM16 + number - 16;
        let (name, value) = (format!("ZMM{number}"), long_vector(bytes, number));
        all.push(Register { name, value, dwarf_number });
    }
    for (mask, number) in it.masks.iter().zip(0..) {
        let (name, value) = (format!("K{number}"), format!("{mask:#018x}"));
        all.push(Register { name, value, dwarf_number: DWARF_K0 + number });
    }
    all
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().rev().map(|it| format!("{it:02x}"));
    format!("0x{}", digits.collect::<String>())
}

/// A vector as one number and in its parts, the lowest first.
fn vector(bytes: &[u8]) -> String {
    let mut text = hex(bytes);
    let mut view = |name: &str, size: usize, part: &dyn Fn(&[u8]) -> String| {
        let parts: Vec<String> = bytes.chunks_exact(size).map(part).collect();
        text.push_str(&format!("\tv{}_{name}={{ {} }}", parts.len(), parts.join(" ")));
    };
    for size in [8, 4, 2, 1] {
        view("int", size, &|it| hex(it)[2..].to_owned());
    }
    view("float", 8, &|it| {
        general(f64::from_le_bytes(it.try_into().unwrap_or_default()))
    });
    view("float", 4, &|it| {
        let value = f32::from_le_bytes(it.try_into().unwrap_or_default());
        go_float(&format!("{value:e}"), f64::from(value))
    });
    text
}

fn general(value: f64) -> String {
    go_float(&format!("{value:e}"), value)
}

/// A float as Go's `%g` writes it, of its shortest digits in the form `1.5e-7`.
fn go_float(scientific: &str, value: f64) -> String {
    /// From this exponent on there is one in the text (`strconv.FormatFloat`).
    const EXPONENT_MAX: i32 = 6;
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific.to_owned();
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..EXPONENT_MAX).contains(&exponent) {
        return plain(digits, exponent);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

/// `-1.25` and 1: `-12.5`.
fn plain(digits: &str, exponent: i32) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits),
    };
    let digits = digits.replace('.', "");
    match usize::try_from(exponent) {
        Ok(exponent) if exponent + 1 >= digits.len() => {
            format!("{sign}{digits:0<width$}", width = exponent + 1)
        }
        Ok(exponent) => {
            let (whole, rest) = digits.split_at(exponent + 1);
            format!("{sign}{whole}.{rest}")
        }
        Err(_) => {
            let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
            format!("{sign}0.{zeros}{digits}")
        }
    }
}

/// The value of an 80-bit float (Intel SDM vol. 1, §4.2.2).
fn x87(bytes: &[u8; 10]) -> f64 {
    let (mantissa, rest) = bytes.split_at(8);
    let mantissa = u64::from_le_bytes(mantissa.try_into().unwrap_or_default());
    let top = u16::from_le_bytes(rest.try_into().unwrap_or_default());
    let sign = if top & 0x8000 != 0 { -1.0 } else { 1.0 };
    match i32::from(top & 0x7fff) {
        0x7fff if mantissa << 1 == 0 => sign * f64::INFINITY,
        0x7fff => f64::NAN,
        // In two steps, so that what a float can hold does not become zero.
        exponent => {
            let shift = exponent - 16383 - 63;
            sign * mantissa as f64 * 2_f64.powi(shift / 2) * 2_f64.powi(shift - shift / 2)
        }
    }
}

/// The flags of MXCSR that are set, and how it rounds (Intel SDM vol. 1, §10.2.3).
fn mxcsr_flags(value: u32) -> String {
    const NAMES: [(u32, &str); 13] = [
        (12, "PM"),
        (11, "UM"),
        (10, "OM"),
        (9, "ZM"),
        (8, "DM"),
        (7, "IM"),
        (6, "DAZ"),
        (5, "PE"),
        (4, "UE"),
        (3, "OE"),
        (2, "ZE"),
        (1, "DE"),
        (0, "IE"),
    ];
    let flush = (value >> 15 & 1 == 1).then(|| "FZ".to_owned());
    let rounding = format!("RZ/RN={}", value >> 13 & 3);
    let set = NAMES.iter().filter(|(bit, _)| value >> bit & 1 == 1);
    let set = set.map(|it| it.1.to_owned());
    let all: Vec<String> = flush.into_iter().chain([rounding]).chain(set).collect();
    format!("[{}]", all.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Delve prints of the same bytes.
    #[test]
    fn a_vector_is_written_in_seven_views() {
        let text = b"2023-11-14 22:13";
        assert_eq!(
            vector(text),
            "0x33313a32322034312d31312d33323032\t\
             v2_int={ 2d31312d33323032 33313a3232203431 }\t\
             v4_int={ 33323032 2d31312d 32203431 33313a32 }\t\
             v8_int={ 3032 3332 312d 2d31 3431 3220 3a32 3331 }\t\
             v16_int={ 32 30 32 33 2d 31 31 2d 31 34 20 32 32 3a 31 33 }\t\
             v2_float={ 5.27485036677105e-91 4.1877315624646065e-62 }\t\
             v4_float={ 4.1487688e-08 1.0072204e-11 9.325093e-09 4.1263952e-08 }"
        );
    }

    #[test]
    fn floats_are_written_as_go_does() {
        let cases = [
            (0.0, "0"),
            (1.5, "1.5"),
            (-0.00068356434, "-0.00068356434"),
            (212.33252, "212.33252"),
            (1e5, "100000"),
            (1.25e6, "1.25e+06"),
            (-2.5e-7, "-2.5e-07"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(general(value), expected);
        }
        assert_eq!(x87(&[0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0x40]), 3.0);
    }

    #[test]
    fn the_flags_of_mxcsr_have_names() {
        assert_eq!(mxcsr_flags(0x1fa0), "[RZ/RN=0 PM UM OM ZM DM IM PE]");
        assert_eq!(mxcsr_flags(0x8000 | 3 << 13), "[FZ RZ/RN=3]");
    }
}
