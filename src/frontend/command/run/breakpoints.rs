//! Setting, listing and clearing breakpoints.

use std::collections::HashSet;
use std::fmt::Write;
use std::fs;

use crate::api::methods::*;
use crate::api::types::{Breakpoint, LoadConfig, Location};
use crate::frontend::command::ConditionChange;
use crate::frontend::command::parse::split_word;
use crate::frontend::command::session::{
    CommandError, Front, Outcome, Scope, Session, complain, confirm, say,
};
use crate::frontend::text::breakpoint;

/// A location spec as the user wrote it, and what it stands for.
struct Found {
    spec: String,
    locations: Vec<Location>,
}

/// What the user asked for before it was known where it is.
struct Wanted {
    name: String,
    spec: String,
    condition: String,
}

impl Session {
    /// `[name] [locspec] [if condition]`; the breakpoints that were created.
    pub(super) fn set_breakpoint(
        &mut self,
        text: &str,
        tracepoint: bool,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome<Vec<Breakpoint>> {
        let mut wanted = Wanted::parse(text);
        let found = match self.find_wanted(&mut wanted, text, scope) {
            Ok(found) => found,
            Err(err) => return self.offer_suspended(&wanted, tracepoint, err, front),
        };
        let mut created = Vec::new();
        for location in &found.locations {
            let breakpoint = Breakpoint {
                addr: location.pc,
                addrs: location.pcs.clone(),
                addr_pids: location.pc_pids.clone(),
                load_args: tracepoint.then_some(LoadConfig::SHORT),
                ..wanted.breakpoint(tracepoint)
            };
            let bp = self.create(breakpoint, &found.spec, false)?;
            let place = breakpoint::location(&bp, &self.paths);
            say(format!("{} set at {place}", breakpoint::title(&bp)), front);
            created.push(bp);
        }
        if tracepoint && traces_returns(&found.spec) {
            self.trace_returns(&found.locations)?;
        }
        Ok(created)
    }

    /// Tries the text as it is, without its condition, and without its name: what a word
    /// is can only be told by whether there is such a place.
    fn find_wanted(
        &self,
        wanted: &mut Wanted,
        text: &str,
        scope: Scope,
    ) -> Outcome<Found> {
        let first_error = match self.find(&wanted.spec, scope) {
            Ok(found) => return Ok(found),
            Err(err) => err,
        };
        let mut text = text;
        if let Some((before, condition)) = split_condition(text) {
            *wanted = Wanted::parse(before);
            wanted.condition = condition.to_owned();
            text = before;
            match self.find(&wanted.spec, scope) {
                Ok(found) => return Ok(found),
                Err(err) if wanted.name.is_empty() => return Err(err),
                Err(_) => {}
            }
        }
        if wanted.name.is_empty() {
            return Err(first_error);
        }
        let found = self.find(text.trim(), scope)?;
        wanted.name.clear();
        Ok(found)
    }

    fn find(&self, spec: &str, scope: Scope) -> Outcome<Found> {
        let out = self.find_location(spec, scope, false)?;
        let spec = match out.substitute_loc_expr {
            substitute if substitute.is_empty() => spec.to_owned(),
            substitute => substitute,
        };
        Ok(Found { spec, locations: out.locations.unwrap_or_default() })
    }

    /// Resolves a location spec. `any_line`: lines without code are found too.
    pub(super) fn find_location(
        &self,
        spec: &str,
        scope: Scope,
        any_line: bool,
    ) -> Outcome<FindLocationOut> {
        self.call(FindLocationIn {
            scope: scope.wire(),
            loc: spec.to_owned(),
            include_non_executable_lines: any_line,
            substitute_path_rules: Some(self.config.wire_rules()),
        })
    }

    fn create(
        &self,
        breakpoint: Breakpoint,
        spec: &str,
        suspended: bool,
    ) -> Outcome<Breakpoint> {
        let out = self.call(CreateBreakpointIn {
            breakpoint,
            loc_expr: spec.to_owned(),
            substitute_path_rules: Some(self.config.wire_rules()),
            suspended,
        })?;
        Ok(out.breakpoint)
    }

    /// The place is not there; if it may come to be, asks whether to wait for it.
    fn offer_suspended(
        &self,
        wanted: &Wanted,
        tracepoint: bool,
        err: CommandError,
        front: &mut dyn Front,
    ) -> Outcome<Vec<Breakpoint>> {
        let Some(when) = self.when_it_may_appear() else { return Err(err) };
        complain(format!("Command failed: {err}"), front);
        let question = format!(
            "Set a suspended breakpoint (it will be tried again when {when}) [Y/n]? "
        );
        if confirm(front, &question, true) != Some(true) {
            return Ok(Vec::new());
        }
        let bp = self.create(wanted.breakpoint(tracepoint), &wanted.spec, true)?;
        let place = match bp.expr_string.as_str() {
            "" => breakpoint::location(&bp, &self.paths),
            spec => spec.to_owned(),
        };
        say(format!("{} set at {place}", breakpoint::title(&bp)), front);
        Ok(vec![bp])
    }

    fn when_it_may_appear(&self) -> Option<&'static str> {
        if self.state().is_err_and(|err| err.is_exited()) {
            return Some("the process is restarted");
        }
        let filter = r"^plugin\.Open$".to_owned();
        let plugins = self.call(ListFunctionsIn { filter, follow_calls: 0 });
        if plugins.is_ok_and(|it| it.funcs.is_some_and(|it| !it.is_empty())) {
            return Some("a plugin is loaded");
        }
        let follows = self.call(FollowExecEnabledIn {}).is_ok_and(|it| it.enabled);
        follows.then_some("child processes are added")
    }

    /// Sets tracepoints where the functions return.
    fn trace_returns(&self, locations: &[Location]) -> Outcome {
        for function in locations.iter().filter_map(|it| it.function.as_ref()) {
            let fn_name = function.name.clone();
            let out = self.call(FunctionReturnLocationsIn { fn_name })?;
            for addr in out.addrs.unwrap_or_default() {
                let breakpoint = Breakpoint {
                    addr,
                    trace_return: true,
                    line: -1,
                    load_args: Some(LoadConfig::SHORT),
                    ..Breakpoint::default()
                };
                self.call(CreateBreakpointIn { breakpoint, ..Default::default() })?;
            }
        }
        Ok(())
    }

    pub(super) fn watch(
        &self,
        access: i64,
        expr: &str,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        let bp = self.call(CreateWatchpointIn {
            scope: scope.wire(),
            expr: expr.to_owned(),
            watch_type: access,
        })?;
        let place = breakpoint::location(&bp, &self.paths);
        say(format!("{} set at {place}", breakpoint::title(&bp)), front);
        Ok(())
    }

    pub(super) fn clear(&self, which: &str, front: &mut dyn Front) -> Outcome {
        let (id, name) = id_or_name(which);
        let out = self.call(ClearBreakpointIn { id, name })?;
        self.say_done("cleared", &out.breakpoint.unwrap_or_default(), front);
        Ok(())
    }

    fn say_done(&self, what: &str, bp: &Breakpoint, front: &mut dyn Front) {
        let place = breakpoint::location(bp, &self.paths);
        say(format!("{} {what} at {place}", breakpoint::title(bp)), front);
    }

    pub(super) fn clear_all(
        &self,
        at: &str,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        let addrs: Option<HashSet<u64>> = match at {
            "" => None,
            spec => {
                let out = self.find_location(spec, scope, false)?;
                let locations = out.locations.unwrap_or_default();
                let all =
                    |it: Location| it.pcs.unwrap_or_default().into_iter().chain([it.pc]);
                Some(locations.into_iter().flat_map(all).collect())
            }
        };
        let mut list = self.breakpoints(false)?;
        list.retain(|bp| {
            bp.id >= 0 && addrs.as_ref().is_none_or(|it| it.contains(&bp.addr))
        });
        for bp in list {
            match self.call(ClearBreakpointIn { id: bp.id, name: String::new() }) {
                Ok(_) => self.say_done("cleared", &bp, front),
                Err(err) => {
                    let place = breakpoint::location(&bp, &self.paths);
                    let name = breakpoint::name(&bp);
                    complain(format!("Couldn't delete {name} at {place}: {err}"), front);
                }
            }
        }
        Ok(())
    }

    pub(super) fn toggle(&self, which: &str, front: &mut dyn Front) -> Outcome {
        let (id, name) = id_or_name(which);
        let out = self.call(ToggleBreakpointIn { id, name })?;
        self.say_done("toggled", &out.breakpoint, front);
        Ok(())
    }

    /// All breakpoints by their number.
    fn breakpoints(&self, physical: bool) -> Outcome<Vec<Breakpoint>> {
        let out = self.call(ListBreakpointsIn { all: physical })?;
        let mut list = out.breakpoints.unwrap_or_default();
        list.sort_by_key(|bp| bp.id);
        Ok(list)
    }

    pub(super) fn list_breakpoints(
        &self,
        physical: bool,
        front: &mut dyn Front,
    ) -> Outcome {
        for bp in self.breakpoints(physical)? {
            say(breakpoint::headline(&bp, &self.paths), front);
            for line in breakpoint::attributes(&bp, false) {
                say(format!("\t{line}"), front);
            }
            for line in bp.verbose_descr.iter().flatten() {
                say(format!("\t{line}"), front);
            }
        }
        Ok(())
    }

    /// Writes the commands that set the breakpoints again.
    pub(super) fn save_breakpoints(&self, file: &str, front: &mut dyn Front) -> Outcome {
        let mut text = String::new();
        for bp in self.breakpoints(false)? {
            if bp.id > 0 && bp.watch_expr.is_empty() && !bp.trace_return {
                push_commands(&mut text, &bp);
            }
        }
        fs::write(file, text)
            .map_err(|err| CommandError::other(format!("cannot write {file}: {err}")))?;
        say(format!("Breakpoints successfully saved to '{file}'"), front);
        Ok(())
    }

    pub(super) fn condition(&self, which: &str, change: &ConditionChange) -> Outcome {
        let mut bp = self.get_breakpoint(which)?;
        match change {
            ConditionChange::Clear => bp.cond.clear(),
            ConditionChange::Expr(expr) => bp.cond.clone_from(expr),
            ConditionChange::Hits { text, per_goroutine } => {
                bp.hit_cond.clone_from(text);
                bp.hit_cond_per_g = *per_goroutine;
            }
        }
        self.call(AmendBreakpointIn { breakpoint: bp })?;
        Ok(())
    }

    pub(super) fn get_breakpoint(&self, which: &str) -> Outcome<Breakpoint> {
        let (id, name) = id_or_name(which);
        Ok(self.call(GetBreakpointIn { id, name })?.breakpoint)
    }
}

impl Wanted {
    fn parse(text: &str) -> Wanted {
        let text = text.trim();
        let (first, rest) = split_word(text);
        let is_named = !rest.is_empty() && is_name(first);
        Wanted {
            name: if is_named { first.to_owned() } else { String::new() },
            spec: match (is_named, text) {
                (true, _) => rest.to_owned(),
                (false, "") => "+0".to_owned(),
                (false, text) => text.to_owned(),
            },
            condition: String::new(),
        }
    }

    fn breakpoint(&self, tracepoint: bool) -> Breakpoint {
        Breakpoint {
            name: self.name.clone(),
            cond: self.condition.clone(),
            tracepoint,
            ..Breakpoint::default()
        }
    }
}

/// Names have letters and digits only, and are no numbers.
fn is_name(word: &str) -> bool {
    word.chars().all(char::is_alphanumeric) && word.parse::<i64>().is_err()
}

/// What is before and after ` if `.
fn split_condition(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix("if ") {
        Some(condition) => Some(("", condition)),
        None => text.split_once(" if "),
    }
}

/// Whether a location spec names functions, so that their returns can be traced.
fn traces_returns(spec: &str) -> bool {
    let is_regex = spec.len() > 1 && spec.starts_with('/') && spec.ends_with('/');
    let is_offset = spec.starts_with(['*', '+', '-']) || spec.parse::<u64>().is_ok();
    is_regex || !(is_offset || spec.contains(':'))
}

fn id_or_name(which: &str) -> (i64, String) {
    match which.parse() {
        Ok(id) => (id, String::new()),
        Err(_) => (0, which.to_owned()),
    }
}

/// Numbers are given anew when the commands are read, so what is referred to by a later
/// line gets a name.
fn push_commands(text: &mut String, bp: &Breakpoint) {
    let set = if bp.tracepoint { "trace" } else { "break" };
    let attributes = breakpoint::attributes(bp, false);
    let name = match bp.name.as_str() {
        "" if attributes.is_empty() && !bp.disabled => String::new(),
        "" => format!("bp{}", bp.id),
        name => name.to_owned(),
    };
    let place = match bp.expr_string.as_str() {
        "" => format!("{}:{}", bp.file, bp.line),
        spec => spec.to_owned(),
    };
    let gap = if name.is_empty() { "" } else { " " };
    // Writing to a String cannot fail.
    let _infallible = writeln!(text, "{set} {name}{gap}{place}");
    for attribute in attributes {
        let _infallible = writeln!(text, "on {name} {attribute}");
    }
    if bp.disabled {
        let _infallible = writeln!(text, "toggle {name}");
    }
}

#[cfg(test)]
mod tests {
    use super::{Wanted, split_condition, traces_returns};

    #[test]
    fn a_name_is_told_from_a_location() {
        let cases = [
            ("", "", "+0"),
            ("main.main", "", "main.main"),
            ("b main.main", "b", "main.main"),
            ("b1 main.go:3", "b1", "main.go:3"),
            ("1 main.go:3", "", "1 main.go:3"),
            ("a.b c", "", "a.b c"),
        ];
        for (text, name, spec) in cases {
            let wanted = Wanted::parse(text);
            assert_eq!((&*wanted.name, &*wanted.spec), (name, spec), "{text}");
        }
        assert_eq!(split_condition("f if x == 1"), Some(("f", "x == 1")));
        assert_eq!(split_condition("if x"), Some(("", "x")));
        assert_eq!(split_condition("main.if"), None);
    }

    #[test]
    fn returns_are_traced_of_functions_only() {
        for (spec, traces) in [
            ("main.add", true),
            ("(*T).M", true),
            ("/a:b/", true),
            ("main.go:3", false),
            ("main.add:3", false),
            ("*0x10", false),
            ("+1", false),
            ("12", false),
        ] {
            assert_eq!(traces_returns(spec), traces, "{spec}");
        }
    }
}
