//! The table of results: what was measured, and how a row is shown.

use std::time::Duration;

use crate::support::server::Peer;

/// One figure of one peer.
pub struct Sample {
    pub name: &'static str,
    pub unit: Unit,
    pub value: f64,
    pub goal: Goal,
    /// What the kernel alone takes, to hand over the bytes that are asked about.
    pub limit: Option<f64>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Unit {
    Milliseconds,
    Microseconds,
    Megabytes,
    Count,
}

/// What we want of a figure.
#[derive(Clone, Copy)]
pub enum Goal {
    /// So many times better than the peer.
    Times(f64),
    /// Not more than this.
    AtMost(f64),
    /// Only to be known.
    None,
}

impl Sample {
    pub fn new(name: &'static str, unit: Unit, value: f64, goal: Goal) -> Sample {
        Sample { name, unit, value, goal, limit: None }
    }

    /// The same, beside what the kernel alone takes.
    pub fn beside(mut self, limit: Duration) -> Sample {
        self.limit = Some(limit.as_secs_f64() * 1e3);
        self
    }

    /// The median of some times, in milliseconds.
    pub fn median(name: &'static str, times: &mut [Duration], goal: Goal) -> Sample {
        Sample::quantile(name, times, 0.5, goal)
    }

    pub fn quantile(
        name: &'static str,
        times: &mut [Duration],
        at: f64,
        goal: Goal,
    ) -> Sample {
        times.sort_unstable();
        let index = ((times.len() - 1) as f64 * at).round() as usize;
        Sample::new(name, Unit::Milliseconds, times[index].as_secs_f64() * 1e3, goal)
    }
}

/// A figure of ours beside the peer's.
pub struct Row {
    name: &'static str,
    unit: Unit,
    goal: Goal,
    ours: Option<f64>,
    theirs: Option<f64>,
    limit: Option<f64>,
}

impl Row {
    pub fn add(rows: &mut Vec<Row>, peer: Peer, sample: Sample) {
        let at = rows.iter().position(|it| it.name == sample.name).unwrap_or_else(|| {
            let Sample { name, unit, goal, .. } = sample;
            let (ours, theirs, limit) = (None, None, None);
            rows.push(Row { name, unit, goal, ours, theirs, limit });
            rows.len() - 1
        });
        match peer {
            Peer::Ours => {
                (rows[at].ours, rows[at].limit) = (Some(sample.value), sample.limit);
            }
            Peer::Delve => rows[at].theirs = Some(sample.value),
        }
    }

    pub fn print(&self) {
        let show = |value: Option<f64>| value.map_or("-".into(), |it| self.unit.show(it));
        let ratio = self.ours.zip(self.theirs).map(|(ours, theirs)| theirs / ours);
        let above = self.ours.zip(self.limit).map(|(ours, limit)| ours / limit);
        let met = match (self.goal, ratio, self.ours) {
            (Goal::Times(goal), Some(ratio), _) => Some(ratio >= goal),
            (Goal::AtMost(goal), _, Some(ours)) => Some(ours <= goal),
            _ => None,
        };
        let goal = match self.goal {
            Goal::Times(it) => format!(">= {it}x"),
            Goal::AtMost(it) => format!("<= {}", self.unit.show(it)),
            Goal::None => String::new(),
        };
        println!(
            "{:<46} {:>12} {:>12} {:>9} {:>10}  {:<13} {}",
            self.name,
            show(self.ours),
            show(self.theirs),
            ratio.map_or(String::new(), |it| format!("{it:.1}x")),
            above.map_or(String::new(), |it| format!("{it:.1}x")),
            goal,
            met.map_or("", |it| if it { "met" } else { "MISSED" }),
        );
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        let digits = if value < 10.0 { 2 } else { usize::from(value < 1000.0) };
        match self {
            Unit::Milliseconds => format!("{value:.digits$} ms"),
            Unit::Microseconds => format!("{value:.digits$} us"),
            Unit::Megabytes => format!("{value:.0} MB"),
            Unit::Count => format!("{value:.0}"),
        }
    }
}

pub fn print_header() {
    println!(
        "{:<46} {:>12} {:>12} {:>9} {:>10}  goal",
        "", "tinydbg", "dlv", "ratio", "of limit"
    );
}
