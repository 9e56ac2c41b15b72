//! Recorded conversations, and whether another one says the same.
//!
//! What differs from run to run is symbolic: an address, a process or thread id stands for
//! itself, and two conversations agree if one can be turned into the other by renaming
//! them. Paths are renamed too, from those of the machine that recorded.

use std::collections::HashMap;

use regex::Regex;
use serde_json::Value;

/// Numbers from here on are addresses; smaller ones mean what they say.
const ADDRESS_MIN: u64 = 0x1_0000;

/// Keys whose values are ids or times that the kernel gives.
const KERNEL_KEYS: &[&str] =
    &["Pid", "addrpid", "pcpids", "threadID", "ThreadID", "waitSince", "Time", "BuildID"];

/// Keys whose values are the ids of goroutines: 1 is the main one, the others come as the
/// runtime hands them out.
const GOROUTINE_KEYS: &[&str] = &["goroutineID", "GoroutineID"];

/// The names that one conversation has for what the other names differently.
pub struct Renaming {
    paths: Vec<(String, String)>,
    numbers: HashMap<u64, u64>,
    goroutines: HashMap<u64, u64>,
    token: Regex,
}

impl Renaming {
    /// `paths` are pairs of the recorded prefix and ours, the longest first.
    pub fn new(paths: Vec<(String, String)>) -> Renaming {
        let token = r"\b(0x[0-9a-f]+|[0-9a-f]{5,}|Process [0-9]+|[0-9]{4,})\b";
        let token = Regex::new(token).unwrap();
        Renaming { paths, numbers: HashMap::new(), goroutines: HashMap::new(), token }
    }

    /// A recorded request in our names.
    pub fn request(&self, recorded: &Value) -> Value {
        match recorded {
            Value::Number(it) => match it.as_u64().and_then(|it| self.numbers.get(&it)) {
                Some(ours) => (*ours).into(),
                None => recorded.clone(),
            },
            Value::String(it) => self.text(it).into(),
            Value::Array(items) => items.iter().map(|it| self.request(it)).collect(),
            Value::Object(fields) => {
                let ours = |key: &String, value: &Value| {
                    let goroutine = GOROUTINE_KEYS.contains(&key.as_str());
                    let known = value.as_u64().filter(|_| goroutine);
                    let known = known.and_then(|it| self.goroutines.get(&it));
                    known.map_or_else(|| self.request(value), |it| (*it).into())
                };
                fields.iter().map(|(k, v)| (k.clone(), ours(k, v))).collect()
            }
            Value::Null | Value::Bool(_) => recorded.clone(),
        }
    }

    /// A recorded text with our paths.
    pub fn text(&self, recorded: &str) -> String {
        let mut text = recorded.to_owned();
        for (theirs, ours) in &self.paths {
            text = text.replace(theirs, ours);
        }
        text
    }

    /// How `ours` differs from `recorded`, each difference with the place where it is.
    pub fn differences(&mut self, recorded: &Value, ours: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.compare("", recorded, ours, &mut found);
        found
    }

    fn compare(
        &mut self,
        at: &str,
        recorded: &Value,
        ours: &Value,
        out: &mut Vec<String>,
    ) {
        match (recorded, ours) {
            (Value::Object(theirs), Value::Object(mine)) => {
                for (key, value) in theirs {
                    let at = format!("{at}/{key}");
                    match mine.get(key) {
                        Some(mine) if key == "Threads" => {
                            self.compare_threads(&at, value, mine, out)
                        }
                        Some(mine) if key == "Breakpoints" || key == "List" => {
                            self.compare(&at, &sorted(value), &sorted(mine), out)
                        }
                        Some(mine) => self.compare(&at, value, mine, out),
                        None => out.push(format!("{at}: missing")),
                    }
                }
                for key in mine.keys().filter(|it| !theirs.contains_key(*it)) {
                    out.push(format!("{at}/{key}: not in the recording: {}", mine[key]));
                }
            }
            (Value::Array(theirs), Value::Array(mine)) => {
                if theirs.len() != mine.len() {
                    out.push(format!("{at}: {} items, not {}", mine.len(), theirs.len()));
                }
                for (nth, (theirs, mine)) in theirs.iter().zip(mine).enumerate() {
                    self.compare(&format!("{at}/{nth}"), theirs, mine, out);
                }
            }
            (Value::String(theirs), Value::String(mine)) => {
                if !self.same_text(theirs, mine) && !is_kernels(at) {
                    out.push(format!("{at}: {mine:?}, not {theirs:?}"));
                }
            }
            (Value::Number(theirs), Value::Number(mine)) => {
                if theirs != mine && !self.same_number(at, theirs, mine) {
                    out.push(format!("{at}: {mine}, not {theirs}"));
                }
            }
            _ if recorded == ours => {}
            _ => out.push(format!("{at}: {ours:.200}, not {recorded:.200}")),
        }
    }

    /// Threads come in any number and order; what they have in common is their fields.
    fn compare_threads(
        &mut self,
        at: &str,
        theirs: &Value,
        mine: &Value,
        out: &mut Vec<String>,
    ) {
        let (Value::Array(theirs), Value::Array(mine)) = (theirs, mine) else {
            return self.compare(at, theirs, mine, out);
        };
        let optional = ["function", "breakPoint", "breakPointInfo"];
        for (nth, mine) in mine.iter().enumerate() {
            let ids = theirs
                .get(nth)
                .map(|it| it["id"].as_u64())
                .zip(Some(mine["id"].as_u64()));
            if let Some((Some(theirs), Some(mine))) = ids {
                self.numbers.entry(theirs).or_insert(mine);
            }
            let Some(Value::Object(theirs)) = theirs.first() else { continue };
            for key in theirs.keys().filter(|it| !optional.contains(&it.as_str())) {
                if mine.get(key).is_none() {
                    out.push(format!("{at}/{nth}/{key}: missing"));
                }
            }
        }
    }

    fn same_number(
        &mut self,
        at: &str,
        theirs: &serde_json::Number,
        mine: &serde_json::Number,
    ) -> bool {
        let (Some(theirs), Some(mine)) = (theirs.as_u64(), mine.as_u64()) else {
            return false;
        };
        if is_kernels(at) || is_thread_id(at) {
            self.numbers.insert(theirs, mine);
            return true;
        }
        if is_goroutine_id(at) && theirs > 1 && mine > 1 {
            return *self.goroutines.entry(theirs).or_insert(mine) == mine;
        }
        self.same_address(theirs, mine)
    }

    fn same_address(&mut self, theirs: u64, mine: u64) -> bool {
        let addresses = theirs >= ADDRESS_MIN && mine >= ADDRESS_MIN;
        addresses && *self.numbers.entry(theirs).or_insert(mine) == mine
    }

    fn same_text(&mut self, theirs: &str, mine: &str) -> bool {
        let theirs = self.text(theirs);
        if theirs == mine {
            return true;
        }
        let token = self.token.clone();
        if token.replace_all(&theirs, "#") != token.replace_all(mine, "#") {
            return false;
        }
        let pairs = token.find_iter(&theirs).zip(token.find_iter(mine));
        pairs.into_iter().all(|(theirs, mine)| {
            let (theirs, mine) = (theirs.as_str(), mine.as_str());
            theirs == mine
                || parse(theirs).zip(parse(mine)).is_some_and(|(theirs, mine)| {
                    theirs < ADDRESS_MIN || self.same_address(theirs, mine)
                })
        })
    }
}

fn parse(token: &str) -> Option<u64> {
    // An id may be a small number.
    let token = token.strip_prefix("Process ").unwrap_or(token);
    match token.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => token.parse().or_else(|_| u64::from_str_radix(token, 16)).ok(),
    }
}

fn is_kernels(at: &str) -> bool {
    let mut keys = at.rsplit('/').filter(|it| it.parse::<u32>().is_err());
    keys.next().is_some_and(|it| KERNEL_KEYS.contains(&it))
}

/// `id` is the kernel's in a thread, and the user's in a breakpoint.
fn is_thread_id(at: &str) -> bool {
    let thread = ["currentThread/id", "CurrentThread/id", "Thread/id"];
    thread.iter().any(|it| at.ends_with(it))
}

fn is_goroutine_id(at: &str) -> bool {
    let mut keys = at.rsplit('/');
    let last = keys.next().unwrap_or_default();
    let mut keys = keys.filter(|it| it.parse::<u32>().is_err());
    let holder = keys.next().unwrap_or_default();
    GOROUTINE_KEYS.contains(&last)
        || last == "id"
            && ["Goroutines", "currentGoroutine", "goroutine"].contains(&holder)
}

/// A list whose order says nothing, in the order of its ids or texts.
fn sorted(list: &Value) -> Value {
    let Value::Array(items) = list else { return list.clone() };
    let mut items = items.clone();
    items.sort_by_key(|it| (it["id"].as_i64(), it.get(1).map(Value::to_string)));
    Value::Array(items)
}
