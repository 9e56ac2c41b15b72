//! Values in memory that makes no sense: every reader of `engine/eval`, by way of what a
//! user would ask.

use std::fmt::Write;

use tinydbg::engine::eval::emit::{Face, Plain, Text};
use tinydbg::engine::eval::reader::{BYTES_MAX, NODES_MAX};
use tinydbg::engine::eval::{Condition, Emitter, LoadConfig, Sink, Variable};

use super::frozen::{Damaged, Frozen, NEW, OLD, Place, damage, words_of};
use super::{Dice, rounds};

const ROUNDS: u64 = 150;

/// How far values are loaded, from nothing to more than there is.
const CONFIGS: &[LoadConfig] = &[
    LoadConfig::SHORT,
    LoadConfig::FULL,
    LoadConfig {
        follow_pointers: true,
        recurse_max: 6,
        string_len_max: 1 << 40,
        array_values_max: 20,
        struct_fields_max: -1,
    },
    LoadConfig {
        follow_pointers: true,
        recurse_max: 1 << 40,
        string_len_max: 100,
        array_values_max: 3,
        struct_fields_max: 3,
    },
];

/// What is asked of them, so that each way into a value is gone.
const EXPRESSIONS: &[&str] = &[
    "many[7]",
    "many[7] == \"value 7\"",
    "few[\"two\"]",
    "points[main.point{1, 1}].Name",
    "mixed[\"k\"]",
    "fat[1][0]",
    "many[100:]",
    "len(many) + len(few) + len(fat)",
    "len(slice) + cap(slice) + len(numbers)",
    "slice[1:3]",
    "slice[4]",
    "slice[3][1:]",
    "text[1:] + slice[0]",
    "string(bytes)",
    "[]rune(text)",
    "anything[3].X",
    "anything[4].(*main.point).Y",
    "anything[6].([]string)[0]",
    "anything[0] == anything[1]",
    "held == held",
    "empty.(*main.tree).Left.Name",
    "root.Right.Right.Left.Attributes[\"one\"]",
    "*root == *root.Right",
    "root.Err.s",
    "array == array",
    "array[1:]",
    "queue.buf[1].X",
    "len(queue) + cap(queue)",
    "blocked.sendq.first.g.goid",
    "closure.captured",
    "method",
    "*(*main.tree)(raw)",
    "*(*\"map[string]int\")(uintptr(raw))",
    "*(*\"[]interface {}\")(uintptr(raw))",
    "generic.Val[1:2]",
    "when",
    "runtime.curg.waiting",
    "both == both",
];

const CONDITIONS: &[&str] = &[
    "number > 1 && text == \"text\"",
    "root.Left.Name == \"left\"",
    "len(slice) > 2 && slice[4] == \"eeeee\"",
    "numbers[99] == 0 || array[3].X == 0",
    "root.Right.Right.Name != text",
    "few[\"one\"] == 1",
];

/// Values as text, whether they were loaded or handed on one by one: both must say the
/// same.
#[derive(Default)]
struct Told(String);

impl Told {
    fn put(&mut self, name: &str, type_name: &str, text: &str, numbers: [i64; 4]) {
        let _ = write!(self.0, "{name} {type_name} {text} {numbers:?};");
    }

    fn variable(&mut self, it: &Variable) {
        let why = it.unreadable.as_deref().unwrap_or_default();
        let text = format!("{} {}{why}", it.value, it.only_addr);
        let numbers = [it.addr.0.cast_signed(), it.len, it.cap, it.base.0.cast_signed()];
        self.put(&it.name, &it.type_name, &text, numbers);
        for child in it.children() {
            self.variable(child);
        }
    }

    fn plain_value(&mut self, face: &Face, it: &Plain<'_>) {
        let text = match it.text {
            Text::Empty => String::new(),
            Text::Str(text) => text.to_owned(),
            Text::Int(number) => number.to_string(),
            Text::Uint(number) => number.to_string(),
        };
        let numbers = [it.addr.0.cast_signed(), it.len, it.cap, it.base.0.cast_signed()];
        self.put(&face.name, &face.type_name, &format!("{text} false"), numbers);
    }
}

impl Sink for Told {
    fn whole(&mut self, value: &Variable) {
        self.variable(value);
    }

    fn plain(&mut self, face: &Face, it: &Plain<'_>) {
        self.plain_value(face, it);
    }

    fn open(&mut self, face: &Face, it: &Plain<'_>) {
        self.plain_value(face, it);
    }

    fn close(&mut self, _: &Face, _: &Plain<'_>) {}
}

fn count(value: &Variable) -> u64 {
    1 + value.children().iter().map(count).sum::<u64>()
}

fn ask_everything(frozen: &Frozen, place: &Place, memory: &Damaged<'_>, dice: &mut Dice) {
    let scope = frozen.scope(place, memory);
    let config = *dice.one_of(CONFIGS);
    let check = |what: &str, n: u64| {
        assert!(n <= NODES_MAX + 1000, "{what}: {n} values");
        let n = memory.n_bytes.replace(0);
        assert!(n < 2 * BYTES_MAX, "{what}: {n} bytes were read");
    };
    if let Ok(locals) = scope.locals(config) {
        check("locals", locals.iter().map(count).sum());
        let (mut loaded, mut told) = (Told::default(), Told::default());
        locals.iter().for_each(|it| loaded.variable(it));
        let request = scope.request();
        let found = scope.found(&request).unwrap();
        found.emit_locals(&mut Emitter::new(config), &mut told);
        check("locals that are handed on", 0);
        // Where a limit is reached, the two need not agree.
        if !loaded.0.contains("not loaded") && !told.0.contains("not loaded") {
            assert_eq!(loaded.0, told.0);
        }
    }
    for _ in 0..8 {
        let expression = dice.one_of(EXPRESSIONS);
        let n = scope.evaluate(expression, config).map_or(0, |it| count(&it));
        check(expression, n);
    }
    let condition = dice.one_of(CONDITIONS);
    let _ = Condition::parse(condition).unwrap().evaluate(&scope);
    check(condition, 0);
    let assignments = [("text", "slice[1]"), ("empty", "held"), ("number", "few[text]")];
    let (symbol, value) = dice.one_of(&assignments);
    let _ = scope.set(symbol, value);
}

/// Reads everything once, so that it is in the file.
fn freeze(frozen: &Frozen) {
    let intact = frozen.intact();
    let place = frozen.place(&intact).unwrap();
    let scope = frozen.scope(&place, &intact);
    for config in CONFIGS {
        let _ = scope.locals(*config);
        for expression in EXPRESSIONS {
            let _ = scope.evaluate(expression, *config);
        }
    }
    for seed in 0..500 {
        let mut dice = Dice::new(seed);
        let _ = scope.evaluate(&super::expressions::truth(&mut dice, 3), CONFIGS[0]);
    }
    super::runtime::ask_everything(frozen, &intact);
    super::runtime::words_of(frozen);
}

fn damage_values(toolchain: &str) {
    let frozen = Frozen::of(toolchain);
    freeze(&frozen);
    let place = frozen.place(&frozen.intact()).unwrap();
    let deep = LoadConfig { recurse_max: 4, array_values_max: 24, ..LoadConfig::FULL };
    let intact = frozen.intact();
    let values = frozen.scope(&place, &intact).locals(deep).unwrap();
    let words = words_of(&frozen, &values);
    frozen.freeze();
    assert!(words.len() > 1000, "{} words to damage", words.len());
    for round in 0..rounds(ROUNDS) {
        println!("round {round}");
        let mut dice = Dice::new(round + 1);
        let damaged = damage(&frozen, &words, &mut dice);
        ask_everything(&frozen, &place, &damaged, &mut dice);
    }
}

#[test]
fn damaged_values_are_answered() {
    damage_values(NEW);
}

#[test]
fn damaged_values_of_the_old_maps_are_answered() {
    damage_values(OLD);
}
