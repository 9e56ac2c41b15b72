//! Values: listing variables, evaluating, changing.

use regex::Regex;

use crate::api::methods::*;
use crate::api::types::{
    Goroutine, GoroutineFilter, Kind, LoadConfig, TypeInfo, Variable, VariableFlags,
};
use crate::frontend::command::parse::goroutines::WAITING_ON_CHANNEL;
use crate::frontend::command::session::{
    CommandError, Display, Front, Outcome, Scope, Session, complain, say, show,
};
use crate::frontend::command::{DisplayArgs, ListArgs};
use crate::frontend::text::quote::quote;
use crate::frontend::text::table::align_with_blanks;
use crate::frontend::text::variable::{Style, kind_name, render};
use crate::frontend::text::verb::Format;
use crate::frontend::text::{Text, goroutine::Place};
use crate::frontend::theme::Role;

/// How many goroutines that wait for a channel are shown with it.
const WAITING_MAX: i64 = 100;

impl Session {
    fn how_fully(&self, args: &ListArgs) -> LoadConfig {
        if args.verbose { self.config.load_config() } else { LoadConfig::SHORT }
    }

    fn style(&self, multi_line: bool) -> Style {
        Style {
            multi_line,
            raw_strings: multi_line && self.config.show_raw_strings,
            ..Style::default()
        }
    }

    pub(super) fn list_args(
        &self,
        args: &ListArgs,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        let cfg = self.how_fully(args);
        let list = self.call(ListFunctionArgsIn { scope: scope.wire(), cfg })?.args;
        self.list_variables("args", list, args, &args.filter, front)
    }

    pub(super) fn list_locals(
        &self,
        args: &ListArgs,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        let cfg = self.how_fully(args);
        let list = self.call(ListLocalVarsIn { scope: scope.wire(), cfg })?.variables;
        self.list_variables("locals", list, args, &args.filter, front)
    }

    pub(super) fn list_package_variables(
        &self,
        args: &ListArgs,
        front: &mut dyn Front,
    ) -> Outcome {
        let cfg = self.how_fully(args);
        let filter = args.filter.clone();
        let list = self.call(ListPackageVarsIn { filter, cfg })?.variables;
        self.list_variables("vars", list, args, "", front)
    }

    fn list_variables(
        &self,
        what: &str,
        list: Option<Vec<Variable>>,
        args: &ListArgs,
        filter: &str,
        front: &mut dyn Front,
    ) -> Outcome {
        let filter = Regex::new(filter).map_err(|err| bad_regex(filter, &err))?;
        let style = self.style(args.verbose);
        let mut is_empty = true;
        for variable in list.iter().flatten().filter(|it| filter.is_match(&it.name)) {
            is_empty = false;
            let mut text = Text::new();
            let is_shadowed = variable.flags & VariableFlags::SHADOWED != 0;
            let name = &variable.name;
            if is_shadowed {
                text.push(Role::Dim, format!("({name})"));
            } else {
                text.push(Role::VarName, name);
            }
            text.plain(" = ");
            text.append(render(variable, &style));
            show(text, front);
        }
        if is_empty {
            say(format!("(no {what})"), front);
        }
        Ok(())
    }

    fn eval(&self, expr: &str, scope: Scope, cfg: LoadConfig) -> Outcome<Variable> {
        let args = EvalIn { scope: scope.wire(), expr: expr.to_owned(), cfg: Some(cfg) };
        let variable = self.call(args)?.variable;
        variable.ok_or_else(|| CommandError::other("the service gave no value"))
    }

    pub(super) fn print(
        &mut self,
        format: Option<&str>,
        expr: &str,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        let value = self.eval(expr, scope, self.config.load_config())?;
        let style = Style { format: format.map(Format::parse), ..self.style(true) };
        show(render(&value, &style), front);
        if value.kind == Kind::CHAN {
            self.show_waiting(&value, scope, front);
        }
        Ok(())
    }

    /// Who waits for a channel.
    fn show_waiting(&mut self, channel: &Variable, scope: Scope, front: &mut dyn Front) {
        say("", front);
        let type_name = quote(channel.type_name.as_bytes());
        let filter = GoroutineFilter {
            kind: WAITING_ON_CHANNEL,
            negated: false,
            arg: format!("*(*{type_name})({:#x})", channel.addr),
        };
        let list = self.call(ListGoroutinesIn {
            count: WAITING_MAX,
            filters: Some(vec![filter]),
            eval_scope: Some(scope.wire()),
            ..ListGoroutinesIn::default()
        });
        let list = list.and_then(|it| all_wait(it.goroutines.unwrap_or_default()));
        match list {
            Err(err) => {
                complain(format!("Error reading channel wait queue: {err}"), front)
            }
            Ok(list) => {
                say("Goroutines waiting on this channel:", front);
                let selected = self.state().ok().and_then(|it| it.current_goroutine);
                let selected = selected.map(|it| it.id);
                for g in &list {
                    self.show_one_goroutine(g, Place::User, "", selected, front);
                }
            }
        }
    }

    pub(super) fn what_is(
        &self,
        expr: &str,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        let value = match self.eval(expr, scope, LoadConfig::SHORT) {
            Ok(value) => value,
            Err(err) => {
                let info = self.call(TypeInfoIn { name: expr.to_owned() });
                let Ok(Some(info)) = info.map(|it| it.type_info) else { return Err(err) };
                show_type(&info, front);
                return Ok(());
            }
        };
        if value.flags & VariableFlags::CPU_REGISTER != 0 {
            say("CPU Register", front);
            return Ok(());
        }
        if !value.type_name.is_empty() {
            say(&value.type_name, front);
        }
        if value.real_type != value.type_name {
            say(format!("Real type: {}", value.real_type), front);
        }
        if value.kind == Kind::INTERFACE
            && let Some(data) = value.children.iter().flatten().next()
        {
            say(format!("Concrete type: {}", data.type_name), front);
        }
        if self.config.show_location_expr && !value.location_expr.is_empty() {
            say(format!("location: {}", value.location_expr), front);
        }
        Ok(())
    }

    pub(super) fn set(&self, target: &str, value: &str, scope: Scope) -> Outcome {
        let (symbol, value) = (target.to_owned(), value.to_owned());
        self.call(SetIn { scope: scope.wire(), symbol, value })?;
        Ok(())
    }

    pub(super) fn display(
        &mut self,
        args: &DisplayArgs,
        front: &mut dyn Front,
    ) -> Outcome {
        match args {
            DisplayArgs::Show => self.show_displays(front),
            DisplayArgs::Add { format, expr } => {
                let format = format.as_deref().map(Format::parse);
                self.displays.push(Some(Display { format, expr: expr.clone() }));
                self.show_display(self.displays.len() - 1, front);
            }
            DisplayArgs::Delete { index } => {
                let known = self.displays.get_mut(*index).filter(|it| it.is_some());
                let Some(display) = known else {
                    return Err(CommandError::other(format!("{index} is out of range")));
                };
                *display = None;
                while self.displays.last().is_some_and(Option::is_none) {
                    self.displays.pop();
                }
            }
        }
        Ok(())
    }

    /// Shows the expressions that are shown at each stop.
    pub(super) fn show_displays(&self, front: &mut dyn Front) {
        for index in 0..self.displays.len() {
            self.show_display(index, front);
        }
    }

    fn show_display(&self, index: usize, front: &mut dyn Front) {
        let Some(Some(display)) = self.displays.get(index) else { return };
        let scope = Scope { goroutine: -1, frame: 0, deferred: 0 };
        let mut text = Text::new();
        text.plain(format!("{index}: "));
        text.push(Role::VarName, &display.expr);
        text.plain(" = ");
        match self.eval(&display.expr, scope, LoadConfig::SHORT) {
            Ok(value) => {
                let style = Style { format: display.format.clone(), ..Style::default() };
                text.append(render(&value, &style));
            }
            // The program may just have ended; that is said already.
            Err(err) if err.is_exited() => return,
            Err(err) => text.push(Role::VarUnreadable, format!("error {err}")),
        }
        show(text, front);
    }

    pub(super) fn registers(
        &self,
        all: bool,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        let scope = Some(scope).filter(|it| it.is_elsewhere()).map(Scope::wire);
        let args = ListRegistersIn { include_fp: all, scope, ..Default::default() };
        for line in self.call(args)?.registers.lines() {
            say(line, front);
        }
        say("", front);
        Ok(())
    }
}

/// Those that wait for a channel, if the service knew what to look for: services before
/// Delve 1.22 ignore that filter, and list goroutines that run.
pub(super) fn all_wait(list: Vec<Goroutine>) -> Outcome<Vec<Goroutine>> {
    if list.iter().any(|it| it.thread_id != 0) {
        let text = "the server cannot find the goroutines that wait for a channel";
        return Err(CommandError::other(text));
    }
    Ok(list)
}

pub(super) fn bad_regex(filter: &str, err: &regex::Error) -> CommandError {
    CommandError::other(format!("{filter:?} is no regular expression: {err}"))
}

fn show_type(info: &TypeInfo, front: &mut dyn Front) {
    say(format!("{} type, size: {} bytes", kind_name(info.kind), info.size), front);
    if !info.real_type.is_empty() {
        say(format!("Real type: {}", info.real_type), front);
    }
    let fields = info.fields.as_deref().unwrap_or_default();
    if !fields.is_empty() {
        say("Fields:", front);
        let row =
            |name: &str, type_name: &str| vec![name.to_owned(), type_name.to_owned()];
        let rows: Vec<_> = fields.iter().map(|it| row(&it.name, &it.type_name)).collect();
        for line in align_with_blanks(&rows, 2) {
            say(format!("\t{line}"), front);
        }
    }
    let methods = info.methods.as_deref().unwrap_or_default();
    if !methods.is_empty() {
        say("Methods:", front);
        for method in methods {
            say(format!("\t{}", method.name), front);
        }
    }
}
