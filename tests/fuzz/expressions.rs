//! Expressions that nobody would write: tokens in any order, deep nesting, odd characters.

use tinydbg::engine::addr::LoadBias;
use tinydbg::engine::eval::{Condition, LoadConfig, Trap, split_assignment};
use tinydbg::engine::registers::Registers;
use tinydbg::engine::session::locspec;

use super::frozen::{Frozen, NEW};
use super::{Dice, rounds};

const ROUNDS: u64 = 1000;

/// What texts are made of: operators, literals good and bad, names that exist.
const PARTS: &[&str] = &[
    "+",
    "-",
    "*",
    "/",
    "%",
    "&",
    "|",
    "^",
    "<<",
    ">>",
    "&^",
    "&&",
    "||",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "!",
    "<-",
    "=",
    ":=",
    "++",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ";",
    ".",
    ":",
    "...",
    "0",
    "1",
    "7",
    "0x",
    "0x1f",
    "1e9",
    "1e400",
    "1.5",
    "2i",
    "'a'",
    "'",
    "\"",
    "\"a\"",
    "`",
    "`a`",
    "\\",
    "nil",
    "true",
    "text",
    "number",
    "root",
    "slice",
    "many",
    "few",
    "array",
    "anything",
    "held",
    "empty",
    "queue",
    "closure",
    "both",
    "raw",
    "Name",
    "X",
    "Left",
    "main",
    "point",
    "tree",
    "int",
    "uint8",
    "string",
    "float64",
    "len",
    "cap",
    "min",
    "max",
    "real",
    "complex",
    "func",
    "map",
    "chan",
    "struct",
    "interface",
    "type",
    "runtime",
    "curg",
    "frame",
    "goid",
    "delve",
    "bphitcount",
    "RAX",
    "XMM0",
    "uint8",
    "_",
    "$",
    "#",
    "\n",
    "\t",
    " ",
    "/*",
    "*/",
    "//",
    "é",
    "\u{202e}",
    "\0",
    "9223372036854775808",
    "99999999999999999999999999999999999999999999",
];

fn text(dice: &mut Dice) -> String {
    let n = 1 + dice.below(14);
    (0..n).map(|_| *dice.one_of(PARTS)).collect()
}

/// What such expressions are made of.
const NAMES: &[&str] = &[
    "number",
    "text",
    "slice",
    "root",
    "many",
    "few",
    "array",
    "anything",
    "hue",
    "big",
    "small",
    "float",
    "both",
    "yes",
    "held",
    "empty",
    "queue",
    "closure",
    "nil",
    "true",
    "0",
    "1",
    "3",
    "-1",
    "2.5",
    "\"two\"",
    "'a'",
    "1 << 62",
    "main.green",
    "nothing",
    "bytes",
    "numbers",
    "pointers",
    "generic",
    "when",
    "raw",
    "runtime.curg",
    "points",
    "root.Name",
    "root.Left",
    "root.Any",
    "array[1]",
    "pointers[1]",
    "method",
];

/// An expression that is well formed, out of names that exist.
fn tree(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 {
        return (*dice.one_of(NAMES)).to_owned();
    }
    let sub = |dice: &mut Dice| tree(dice, depth - 1);
    match dice.below(16) {
        0..=4 => {
            let operators = &PARTS[..19];
            let (x, y) = (sub(dice), sub(dice));
            format!("{x} {} {y}", dice.one_of(operators))
        }
        5 => format!("({})", sub(dice)),
        6 => format!("{}[{}]", sub(dice), sub(dice)),
        7 => format!("{}[{}:{}]", sub(dice), sub(dice), sub(dice)),
        8 => format!("{}[{}:]", sub(dice), sub(dice)),
        9 => format!("*{}", sub(dice)),
        10 => format!("&{}", sub(dice)),
        11 => format!("{}{}", dice.one_of(&["-", "!", "^", "+"]), sub(dice)),
        12 => {
            let names = ["X", "Name", "Left", "s", "Key", "goid", "buf", "captured"];
            format!("{}.{}", sub(dice), dice.one_of(&names))
        }
        13 => {
            let functions = [
                "len",
                "cap",
                "real",
                "imag",
                "int",
                "uint8",
                "string",
                "float64",
                "uintptr",
                "(*int)",
                "[]byte",
                "main.color",
                "(*main.tree)",
            ];
            format!("{}({})", dice.one_of(&functions), sub(dice))
        }
        14 => {
            let functions = ["min", "max", "complex", "main.point"];
            format!("{}({}, {})", dice.one_of(&functions), sub(dice), sub(dice))
        }
        _ => {
            let types = ["int", "main.point", "*main.tree", "data", "[]string", "error"];
            format!("{}.({})", sub(dice), dice.one_of(&types))
        }
    }
}

/// An integer, most of the time of type `int`.
fn int(dice: &mut Dice, depth: usize) -> String {
    const LEAVES: &[&str] = &[
        "number",
        "captured",
        "array[1].X",
        "array[3].Y",
        "numbers[5]",
        "root.X",
        "root.Right.Left.Y",
        "pointers[0].X",
        "len(slice)",
        "len(text)",
        "cap(numbers)",
        "result",
        "point.X",
        "anything[0].(int)",
        "few[\"two\"]",
        "held.X",
        "len(many)",
        "runtime.curg.goid",
        "pointers[1].X",
        "numbers[100]",
        "root.Left.Attributes[text]",
        "generic.Val[0].X",
        "queue.buf[0].X",
        "len(root.Tags)",
        "int(small)",
        "int(big)",
    ];
    const NUMBERS: &[&str] =
        &["0", "1", "2", "7", "-1", "100", "1 << 62", "'a'", "0x7fffffffffffffff"];
    if depth == 0 {
        let leaves = if dice.below(3) == 0 { NUMBERS } else { LEAVES };
        return (*dice.one_of(leaves)).to_owned();
    }
    let below = depth - 1;
    match dice.below(10) {
        0 => format!("(-{})", int(dice, below)),
        1 => format!("(^{})", int(dice, below)),
        2 => format!("numbers[{}]", int(dice, below)),
        3 => format!("array[{}].Y", int(dice, below)),
        4 => format!("len({})", string(dice, below)),
        5 => format!("int({})", float(dice, below)),
        _ => {
            let operators = ["+", "-", "*", "/", "%", "&", "|", "^", "&^", "<<", ">>"];
            let (x, y) = (int(dice, below), int(dice, below));
            format!("({x} {} {y})", dice.one_of(&operators))
        }
    }
}

fn float(dice: &mut Dice, depth: usize) -> String {
    match (depth, dice.below(4)) {
        (0, 0 | 1) => "float".into(),
        (0, 2) => "2.5".into(),
        (0, _) => "real(both)".into(),
        (_, 0) => format!("float64({})", int(dice, depth - 1)),
        (_, 1) => format!("(-{})", float(dice, depth - 1)),
        _ => {
            let (x, y) = (float(dice, depth - 1), float(dice, depth - 1));
            format!("({x} {} {y})", dice.one_of(&["+", "-", "*", "/"]))
        }
    }
}

fn string(dice: &mut Dice, depth: usize) -> String {
    const LEAVES: &[&str] = &[
        "text",
        "slice[1]",
        "slice[4]",
        "root.Name",
        "root.Left.Name",
        "\"bb\"",
        "\"\"",
        "root.Tags[2]",
        "anything[1].(string)",
        "many[7]",
        "root.Right.Right.Left.Name",
        "string(bytes)",
        "root.Left.Left.Name",
        "slice[5]",
    ];
    match (depth, dice.below(4)) {
        (0, _) => (*dice.one_of(LEAVES)).to_owned(),
        (_, 0) => format!("slice[{}]", int(dice, depth - 1)),
        (_, 1) => format!("{}[{}:]", string(dice, depth - 1), int(dice, 0)),
        _ => format!("({} + {})", string(dice, depth - 1), string(dice, depth - 1)),
    }
}

pub fn truth(dice: &mut Dice, depth: usize) -> String {
    const LEAVES: &[&str] = &[
        "yes",
        "true",
        "root.Left == nil",
        "nothing == nil",
        "held != nil",
        "few == nil",
        "hue == green",
        "hue > red",
        "small < 0",
        "big == 1 << 63",
        "raw != nil",
        "root.Right == root",
        "pointers[1] == nil",
        "closure == nil",
        "queue != nil",
        "array[0] == main.point{1, 2}",
        "held == held",
        "both == 1 + 2i",
        "small == -3",
        "uint8(number) == 0",
        "runtime.curg.goid == 1",
        "float > 2",
        "u == 1",
        "hue == 1",
    ];
    let below = depth.saturating_sub(1);
    let comparisons = ["==", "!=", "<", "<=", ">", ">="];
    let how = dice.one_of(&comparisons);
    match (depth, dice.below(8)) {
        (0, _) => (*dice.one_of(LEAVES)).to_owned(),
        (_, 0) => format!("!({})", truth(dice, below)),
        (_, 1) => format!("({} && {})", truth(dice, below), truth(dice, below)),
        (_, 2) => format!("({} || {})", truth(dice, below), truth(dice, below)),
        (_, 3) => format!("{} {how} {}", string(dice, below), string(dice, below)),
        (_, 4) => format!("{} {how} {}", float(dice, below), float(dice, below)),
        _ => format!("{} {how} {}", int(dice, below), int(dice, below)),
    }
}

#[test]
fn any_text_is_an_expression_or_an_error() {
    let frozen = Frozen::of(NEW);
    let intact = frozen.intact();
    let place = frozen.place(&intact).unwrap();
    let scope = frozen.scope(&place, &intact);
    let mut n_good = 0;
    for round in 0..rounds(ROUNDS) {
        let mut dice = Dice::new(round + 1);
        let text = match dice.below(4) {
            0 => text(&mut dice),
            1 => tree(&mut dice, 3),
            2 => int(&mut dice, 2),
            _ => truth(&mut dice, 2),
        };
        println!("round {round}: {text}");
        n_good += u64::from(scope.evaluate(&text, LoadConfig::SHORT).is_ok());
        let _ = split_assignment(&text);
        let _ = locspec::parse(&text);
        if round % 8 == 0 {
            let _ = scope.set(&text, "1");
        }
    }
    assert!(n_good > rounds(ROUNDS) / 5, "only {n_good} mean something");
}

/// What a compiled condition says, the evaluator says too, and it fails where that fails.
#[test]
fn a_compiled_condition_agrees_with_the_evaluator() {
    let frozen = Frozen::of(NEW);
    let intact = frozen.intact();
    let place = frozen.place(&intact).unwrap();
    let scope = frozen.scope(&place, &intact);
    let frame = &place.stack.frames[place.frame];
    let binary = &frozen.runtime.image().binary;
    let delta = binary.sp_delta(LoadBias(0).stated(frame.lookup_pc)).unwrap();
    let registers = Registers {
        rip: frame.lookup_pc.0,
        rsp: frame.cfa.0 - 8 - delta,
        rbp: frame.bp.0,
        ..Registers::default()
    };
    let goroutine_id = || Some(place.goroutine.id);
    let mut n_compiled = 0;
    for round in 0..rounds(ROUNDS) {
        let mut dice = Dice::new(round + 77);
        let depth = dice.below(4);
        let text = truth(&mut dice, depth);
        println!("round {round}: {text}");
        let Ok(condition) = Condition::parse(&text) else { continue };
        let Some(compiled) = condition.bind(&frozen.runtime, frame.lookup_pc) else {
            continue;
        };
        n_compiled += 1;
        let trap = Trap {
            registers: &registers,
            memory: &intact,
            thread_id: 0,
            goroutine_id: &goroutine_id,
            hit_counts: None,
        };
        let (fast, slow) = (compiled.eval(&trap), condition.evaluate(&scope));
        match (&fast, &slow) {
            (Ok(fast), Ok(slow)) => assert_eq!(fast, slow, "{text}"),
            (Err(_), Err(_)) => {}
            _ => panic!("{text}: {fast:?} compiled, {slow:?} evaluated"),
        }
    }
    assert!(n_compiled > rounds(ROUNDS) / 10, "only {n_compiled} are compiled");
}
