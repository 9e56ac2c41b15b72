//! What do values of Go's own types mean? A lock is held, a counter stands at 3, a duration
//! is 1.5s: said in words instead of bits.
//!
//! The layouts are those of Go 1.19 to 1.27 (`sync`, `internal/sync`, `sync/atomic`,
//! `time`); of one that is not known, nothing is said.

use crate::api::types::{Kind, Variable};

/// `sync.mutexLocked`; the count of those that wait is above three flags.
const MUTEX_LOCKED: i64 = 1;
const MUTEX_WAITER_SHIFT: u32 = 3;
/// `sync.rwmutexMaxReaders`: taken away from the count of readers by a writer.
const READERS_MAX: i64 = 1 << 30;
/// The bits of `sync.WaitGroup.state` that count those that wait; the counter is above.
const WAITERS: u64 = 0x7fff_ffff;

/// What a value means, if it is of such a type.
pub fn of(it: &Variable) -> Option<String> {
    match (it.kind, it.type_name.as_str()) {
        (Kind::INT, "time.Duration") => Some(duration(number(it)?)),
        (Kind::STRUCT, "sync.Mutex" | "internal/sync.Mutex") => mutex(it),
        (Kind::STRUCT, "sync.RWMutex") => read_write_mutex(it),
        (Kind::STRUCT, "sync.WaitGroup") => wait_group(it),
        (Kind::STRUCT, "sync.Once") => {
            let done = field(it, "done").and_then(value)?;
            Some(if done == 0 { "not done" } else { "done" }.to_owned())
        }
        (Kind::STRUCT, "sync/atomic.Bool") => {
            Some((field(it, "v").and_then(number)? != 0).to_string())
        }
        (Kind::STRUCT, name) => {
            let kind = name.strip_prefix("sync/atomic.")?;
            let is_number =
                ["Int32", "Int64", "Uint32", "Uint64", "Uintptr"].contains(&kind);
            let v = field(it, "v").filter(|_| is_number)?;
            (v.unreadable.is_empty()).then(|| v.value.clone())
        }
        _ => None,
    }
}

fn field<'a>(it: &'a Variable, name: &str) -> Option<&'a Variable> {
    it.children.as_deref()?.iter().find(|it| it.name == name)
}

/// A whole number; of a constant with a name, `Green (1)`, what it is.
pub fn number(it: &Variable) -> Option<i64> {
    let text = it.value.as_str();
    let inner = text.strip_suffix(')').and_then(|it| it.rsplit_once('('));
    inner.map_or(text, |it| it.1).parse().ok()
}

/// A number, or one that is to be read and written atomically.
fn value(it: &Variable) -> Option<i64> {
    match it.kind {
        Kind::STRUCT => field(it, "v").and_then(number),
        _ => number(it),
    }
}

fn mutex(it: &Variable) -> Option<String> {
    // Since Go 1.24 the one of `sync` is around that of `internal/sync`.
    let state = field(it, "state").or_else(|| field(field(it, "mu")?, "state"))?;
    let state = number(state)?;
    let waiting = state >> MUTEX_WAITER_SHIFT;
    Some(match (state & MUTEX_LOCKED != 0, waiting) {
        (false, 0) => "unlocked".to_owned(),
        (true, 0) => "LOCKED".to_owned(),
        (is_locked, n) => {
            let now = if is_locked { "LOCKED" } else { "unlocked" };
            format!("{now}, {n} waiting")
        }
    })
}

fn read_write_mutex(it: &Variable) -> Option<String> {
    let count = field(it, "readerCount").and_then(value)?;
    let leaving = field(it, "readerWait").and_then(value)?;
    Some(match count {
        0 => "unlocked".to_owned(),
        1.. => format!("READ-LOCKED by {count}"),
        // A writer has it, or waits for the readers that were there before it.
        _ => match (leaving, count + READERS_MAX) {
            (0, 0) => "LOCKED".to_owned(),
            (0, n) => format!("LOCKED, {n} waiting to read"),
            (n, _) => format!("READ-LOCKED by {n}, a writer waiting"),
        },
    })
}

fn wait_group(it: &Variable) -> Option<String> {
    let state = field(it, "state")?;
    let v = if state.kind == Kind::STRUCT { field(state, "v")? } else { state };
    let state: u64 = v.value.parse().ok()?;
    let counter = (state >> 32) as u32 as i32;
    let waiting = match state & WAITERS {
        0 => String::new(),
        n => format!(", {n} waiting"),
    };
    Some(format!("counter {counter}{waiting}"))
}

/// A duration as Go writes it: `1m30s`, `1.5s`, `250µs`.
fn duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    let decimal = |unit: u64, name: &str| {
        let digits = unit.ilog10() as usize;
        let fraction = format!("{:0digits$}", ns % unit);
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        format!("{}{dot}{fraction}{name}", ns / unit)
    };
    let text = match ns {
        0 => "0s".to_owned(),
        1..1_000 => format!("{ns}ns"),
        1_000..1_000_000 => decimal(1_000, "µs"),
        1_000_000..1_000_000_000 => decimal(1_000_000, "ms"),
        _ => {
            let minutes = ns / 60_000_000_000;
            let ns = ns % 60_000_000_000;
            let fraction = format!("{:09}", ns % 1_000_000_000);
            let fraction = fraction.trim_end_matches('0');
            let dot = if fraction.is_empty() { "" } else { "." };
            let seconds = format!("{}{dot}{fraction}s", ns / 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, m) => format!("{m}m{seconds}"),
                (h, m) => format!("{h}h{m}m{seconds}"),
            }
        }
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(name: &str, value: &str) -> Variable {
        let (name, value) = (name.into(), value.into());
        Variable { name, value, kind: Kind::INT, ..Default::default() }
    }

    fn of_type(type_name: &str, name: &str, fields: Vec<Variable>) -> Variable {
        Variable {
            name: name.into(),
            kind: Kind::STRUCT,
            type_name: type_name.into(),
            children: Some(fields),
            ..Default::default()
        }
    }

    #[test]
    fn locks_and_counters_are_said_in_words() {
        let old = |state: &str| of_type("sync.Mutex", "", vec![int("state", state)]);
        let new = |state: &str| {
            let inner = of_type("internal/sync.Mutex", "mu", vec![int("state", state)]);
            of_type("sync.Mutex", "", vec![inner])
        };
        let v =
            |name: &str, n: &str| of_type("sync/atomic.Int32", name, vec![int("v", n)]);
        let rw = |count: &str, wait: &str| {
            let fields = vec![v("readerCount", count), v("readerWait", wait)];
            of_type("sync.RWMutex", "", fields)
        };
        let group = |state: u64| {
            let v = vec![int("v", &state.to_string())];
            let state = of_type("sync/atomic.Uint64", "state", v);
            of_type("sync.WaitGroup", "", vec![state])
        };
        let taken = (-(1_i64 << 30)).to_string();
        let two_wait = (2 - (1_i64 << 30)).to_string();
        let cases = [
            (old("0"), "unlocked"),
            (new("1"), "LOCKED"),
            (new("105"), "LOCKED, 13 waiting"),
            (new("8"), "unlocked, 1 waiting"),
            (rw("0", "0"), "unlocked"),
            (rw("3", "0"), "READ-LOCKED by 3"),
            (rw(&taken, "0"), "LOCKED"),
            (rw(&two_wait, "0"), "LOCKED, 2 waiting to read"),
            (rw(&two_wait, "1"), "READ-LOCKED by 1, a writer waiting"),
            (group(20 << 32 | 1), "counter 20, 1 waiting"),
            (group(0), "counter 0"),
            (of_type("sync.Once", "", vec![int("done", "1")]), "done"),
            (v("", "-7"), "-7"),
            (of_type("sync/atomic.Bool", "", vec![int("v", "1")]), "true"),
        ];
        for (it, expected) in cases {
            assert_eq!(of(&it).as_deref(), Some(expected), "{it:?}");
        }
        let others = [
            of_type("sync.Mutex", "", Vec::new()),
            of_type("sync.Mutex", "", vec![int("state", "?")]),
            of_type("sync/atomic.Value", "", vec![int("v", "1")]),
            of_type("main.T", "", vec![int("state", "1")]),
        ];
        assert!(others.iter().all(|it| of(it).is_none()));
    }

    #[test]
    fn durations_are_written_as_go_does() {
        let cases = [
            (0, "0s"),
            (1, "1ns"),
            (-250_000, "-250µs"),
            (1_500, "1.5µs"),
            (20_000_000, "20ms"),
            (1_500_000_000, "1.5s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h0m0s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ];
        for (ns, text) in cases {
            let type_name = "time.Duration".to_owned();
            for value in [ns.to_string(), format!("Name ({ns})")] {
                let it = Variable { type_name: type_name.clone(), ..int("", &value) };
                assert_eq!(of(&it).as_deref(), Some(text));
            }
        }
    }
}
