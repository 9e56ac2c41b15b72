//! Sources, instructions, and lists of what the program consists of.

use crate::api::methods::*;
use crate::api::types::Location;
use crate::frontend::command::DisassembleArgs;
use crate::frontend::command::session::{
    CommandError, Front, Outcome, Scope, Session, complain, say, show,
};
use crate::frontend::source::parse_time;
use crate::frontend::text::{Line, disassembly, listing, stack};
use crate::frontend::theme::Role;

use super::other;

/// How many places are named when a location spec means several.
const CANDIDATES_MAX: usize = 5;

/// A place in the source, as `list` and `edit` want it.
struct Spot {
    file: String,
    line: i64,
    is_current: bool,
    /// What `list` says about it first.
    headline: Option<String>,
}

impl Session {
    pub(super) fn list(
        &mut self,
        at: &str,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        if at.is_empty() && !scope.is_elsewhere() {
            let state = self.state()?;
            self.show_stop(&state, front);
        }
        let spot = self.spot(at, scope)?;
        if let Some(headline) = &spot.headline {
            say(headline, front);
        }
        self.show_source(&spot.file, spot.line, spot.is_current, front)
    }

    /// Finds the place that a location spec means; none is where the scope is.
    fn spot(&self, at: &str, scope: Scope) -> Outcome<Spot> {
        if !at.is_empty() {
            let found = self.find_location(at, scope, true)?.locations;
            let loc = only_one(at, found.unwrap_or_default())?;
            let headline =
                format!("Showing {}:{} (PC: {:#x})", loc.file, loc.line, loc.pc);
            return Ok(Spot {
                file: loc.file,
                line: loc.line,
                is_current: false,
                headline: Some(headline),
            });
        }
        if scope.is_elsewhere() {
            return self.spot_of_frame(scope);
        }
        let state = self.state()?;
        let (file, line) = match (state.current_goroutine, state.current_thread) {
            (Some(g), _) => (g.current_loc.file, g.current_loc.line),
            (None, Some(thread)) => (thread.file, thread.line),
            (None, None) => {
                return Err(CommandError::other("No current thread available"));
            }
        };
        Ok(Spot { file, line, is_current: true, headline: None })
    }

    fn spot_of_frame(&self, scope: Scope) -> Outcome<Spot> {
        let out = self.call(StacktraceIn {
            id: scope.goroutine,
            depth: scope.frame,
            skip: scope.frame,
            ..StacktraceIn::default()
        })?;
        let (goroutine, frame) = (scope.goroutine, scope.frame);
        let Some(it) = out.locations.unwrap_or_default().pop() else {
            return Err(CommandError::other(format!(
                "Frame {frame} does not exist in goroutine {goroutine}"
            )));
        };
        let id = match goroutine {
            ..0 => self.state()?.current_goroutine.map_or(goroutine, |it| it.id),
            id => id,
        };
        let place = format!("{}:{} (PC: {:#x})", it.file, it.line, it.pc);
        let headline = Some(format!("Goroutine {id} frame {frame} at {place}"));
        Ok(Spot { file: it.file, line: it.line, is_current: true, headline })
    }

    /// Shows the source around a line, and warns if it is newer than the program.
    pub(super) fn show_source(
        &mut self,
        file: &str,
        line: i64,
        with_arrow: bool,
        front: &mut dyn Front,
    ) -> Outcome {
        let source = self.sources.read(&self.paths.local(file))?;
        let built = self.call(LastModifiedIn {}).ok().and_then(|it| parse_time(&it.time));
        if built.is_some_and(|built| source.modified > built) {
            let text = "Warning: listing may not match stale executable";
            front.show(Line::of(Role::Warning, text));
        }
        let n_around = self.config.n_source_lines();
        let line = usize::try_from(line).unwrap_or(0);
        let tab = &self.config.tab;
        show(listing::around(&source.lines, line, n_around, with_arrow, tab), front);
        Ok(())
    }

    /// Shows the instructions around an address.
    pub(super) fn show_instructions(&self, pc: u64, front: &mut dyn Front) -> Outcome {
        let list = self.call(DisassembleIn {
            scope: Scope { goroutine: -1, frame: 0, deferred: 0 }.wire(),
            start_pc: pc,
            flavour: self.config.flavour(),
            ..DisassembleIn::default()
        })?;
        let list = list.disassemble.unwrap_or_default();
        let n_around = self.config.n_source_lines();
        let (part, with_header) = disassembly::around_pc(&list, n_around);
        show(disassembly::instructions(part, with_header), front);
        Ok(())
    }

    pub(super) fn disassemble(
        &self,
        args: &DisassembleArgs,
        scope: Scope,
        front: &mut dyn Front,
    ) -> Outcome {
        let (start_pc, end_pc) = match args {
            DisassembleArgs::Range { start, end } => (*start, *end),
            DisassembleArgs::Function => (self.pc_of("+0", scope)?, 0),
            DisassembleArgs::At { spec } => (self.pc_of(spec, scope)?, 0),
        };
        let flavour = self.config.flavour();
        let scope = scope.wire();
        let list = self.call(DisassembleIn { scope, start_pc, end_pc, flavour })?;
        let list = list.disassemble.unwrap_or_default();
        show(disassembly::instructions(&list, true), front);
        Ok(())
    }

    fn pc_of(&self, spec: &str, scope: Scope) -> Outcome<u64> {
        let found = self.find_location(spec, scope, false)?.locations;
        match found.unwrap_or_default()[..] {
            [ref one] => Ok(one.pc),
            _ => Err(CommandError::other("expression specifies multiple locations")),
        }
    }

    pub(super) fn edit(&self, at: &str, scope: Scope, front: &mut dyn Front) -> Outcome {
        let spot = self.spot(at, scope)?;
        let mut editor = other::editor_at(&self.paths.local(&spot.file), spot.line)?;
        front.edit(&mut editor).map_err(CommandError::Other)
    }

    pub(super) fn list_functions(&self, filter: &str, front: &mut dyn Front) -> Outcome {
        let args = ListFunctionsIn { filter: filter.to_owned(), follow_calls: 0 };
        list_sorted(self.call(args)?.funcs, front);
        Ok(())
    }

    pub(super) fn list_types(&self, filter: &str, front: &mut dyn Front) -> Outcome {
        list_sorted(self.call(ListTypesIn { filter: filter.to_owned() })?.types, front);
        Ok(())
    }

    pub(super) fn list_sources(&self, filter: &str, front: &mut dyn Front) -> Outcome {
        list_sorted(
            self.call(ListSourcesIn { filter: filter.to_owned() })?.sources,
            front,
        );
        Ok(())
    }

    pub(super) fn list_packages(&self, filter: &str, front: &mut dyn Front) -> Outcome {
        let args =
            ListPackagesBuildInfoIn { include_files: false, filter: filter.to_owned() };
        let list = self.call(args)?.list.unwrap_or_default();
        list_sorted(Some(list.into_iter().map(|it| it.import_path).collect()), front);
        Ok(())
    }

    pub(super) fn list_libraries(&self, front: &mut dyn Front) -> Outcome {
        let list = self.call(ListDynamicLibrariesIn {})?.list.unwrap_or_default();
        let n_digits = list.len().max(1).to_string().len();
        for (i, image) in list.iter().enumerate() {
            say(format!("{i:n_digits$}. {:#x} {}", image.address, image.path), front);
            if !image.load_error.is_empty() {
                complain(format!("    Load error: {}", image.load_error), front);
            }
        }
        Ok(())
    }
}

/// Delve's words for a spec that means several places.
fn only_one(spec: &str, mut found: Vec<Location>) -> Outcome<Location> {
    if found.len() > 1 {
        let name = |it: &Location| stack::function_name(it).to_owned();
        let names: Vec<String> = found.iter().take(CANDIDATES_MAX).map(name).collect();
        let more = if found.len() > CANDIDATES_MAX { "…" } else { "" };
        let names = names.join(", ");
        return Err(CommandError::other(format!(
            "Location {spec:?} ambiguous: {names}{more}"
        )));
    }
    let missing = || CommandError::other(format!("location {spec:?} not found"));
    found.pop().ok_or_else(missing)
}

fn list_sorted(list: Option<Vec<String>>, front: &mut dyn Front) {
    let mut list = list.unwrap_or_default();
    list.sort();
    for item in list {
        say(item, front);
    }
}
