//! What the Go runtime means by it: goroutines, stacks, types behind interfaces.
//!
//! [`Runtime`] knows the runtime of one program: where its global variables are and how
//! its structs are laid out ([`layout`]). It holds no state of the process: every question
//! brings the [`Memory`] to read, so it is asked the same way of a live process, of a core
//! file and of a test.
//!
//! | question                               | where           |
//! |----------------------------------------|-----------------|
//! | which goroutine is this thread on?     | [`threads`]     |
//! | which goroutines are there?            | [`goroutine`]   |
//! | how did it get here?                   | [`stack`]       |
//! | where are 100,000 of them?             | [`summary`]     |
//! | what will it do when it returns?       | [`defers`]      |
//! | what type is behind this interface?    | [`interface`]   |
//! | which code of C is there besides?      | [`libraries`]   |
//!
//! What is read may be anything: a program under debug is often a broken one. Every walk
//! has a limit with a name, and an answer that is cut short says so.

pub mod layout;
pub mod globals;
pub mod threads;
pub mod goroutine;
pub mod allgs;
pub mod details;
pub mod stack;
mod window;
mod unwind;
mod switch;
pub mod summary;
pub mod defers;
pub mod interface;
pub mod libraries;
pub mod wrapper;
#[cfg(test)]
mod testing;

use std::sync::{Arc, OnceLock};

use crate::engine::addr::{Addr, LoadBias};
use crate::engine::binary::{Binary, FunctionId, GoVersion};
use crate::engine::error::Result;
use crate::engine::golang::globals::Globals;
use crate::engine::golang::layout::Layout;
use crate::engine::golang::libraries::Libraries;

pub use defers::{Defer, Panic};
pub use details::{Ancestor, Waiter};
pub use goroutine::{Goroutine, GoroutineTable};
pub use interface::RuntimeType;
pub use libraries::LoadedLibrary;
pub use stack::{Frame, KeptRegisters, Stack, UnwindFrom, UnwindLimits};
pub use summary::{Reach, StackSummary};
pub use threads::{ThreadGoroutine, ThreadState};

/// An ELF file as it lies in the memory of the inferior.
#[derive(Clone, Debug)]
pub struct Image {
    pub binary: Arc<Binary>,
    pub bias: LoadBias,
}

impl Image {
    /// The function around `pc`.
    pub fn function_at(&self, pc: Addr) -> Option<FunctionId> {
        self.binary.function_at(self.bias.stated(pc))
    }

    /// Whether `pc` is within the machine code of Go functions.
    pub fn has_code_at(&self, pc: Addr) -> bool {
        self.binary.text_range().contains(&self.bias.stated(pc))
    }
}

/// The images of the inferior. The first is the executable.
#[derive(Clone, Debug)]
pub struct Images {
    images: Vec<Image>,
}

impl Images {
    pub fn new(binary: Arc<Binary>, bias: LoadBias) -> Images {
        Images { images: vec![Image { binary, bias }] }
    }

    /// The image whose Go code `pc` is in.
    pub fn find(&self, pc: Addr) -> Option<&Image> {
        self.images.iter().find(|it| it.has_code_at(pc))
    }

    /// The function around `pc`, of Go or of C, and the image that it is in.
    pub fn find_function(&self, pc: Addr) -> Option<(&Image, FunctionId)> {
        if let Some(image) = self.find(pc) {
            return Some((image, image.function_at(pc)?));
        }
        self.images.iter().find_map(|it| Some((it, it.function_at(pc)?)))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Image> {
        self.images.iter()
    }
}

/// A place in a program, before anybody asked for its name: cheap to copy and to compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Spot {
    pub pc: Addr,
    /// The address whose source position is meant: `pc`, or within the call before it.
    pub lookup_pc: Addr,
    /// Index into [`Binary::inline_stack`] of `lookup_pc`.
    pub inline_depth: u32,
}

/// A place in a program, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    pub pc: Addr,
    /// Empty if unknown.
    pub file: String,
    /// Zero if unknown.
    pub line: u32,
    pub function: Option<FunctionName>,
}

/// The function of a [`Location`] or a [`Frame`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionName {
    pub name: String,
    /// The entry of the physical function.
    pub entry: Addr,
    /// The physical function, in the binary of the executable; `None` for one of C without
    /// debug information.
    pub id: Option<FunctionId>,
    pub inlined: bool,
    /// The line where the function begins; 0 if unknown.
    pub start_line: u32,
}

/// What we know of the Go runtime in one program.
#[derive(Debug)]
pub struct Runtime {
    images: Images,
    version: GoVersion,
    /// Where fields are. Found when first needed, because that waits for DWARF.
    layout: OnceLock<Layout>,
    globals: OnceLock<Globals>,
    libraries: Libraries,
}

impl Runtime {
    /// Prepares for the program that `binary` is, loaded with `bias`. Needs no process and
    /// reads nothing yet.
    pub fn new(binary: Arc<Binary>, bias: LoadBias) -> Result<Runtime> {
        let version = binary.go_version().unwrap_or(layout::NEWEST);
        Ok(Runtime {
            images: Images::new(binary, bias),
            version,
            layout: OnceLock::new(),
            globals: OnceLock::new(),
            libraries: Libraries::default(),
        })
    }

    pub fn images(&self) -> &Images {
        &self.images
    }

    /// The executable.
    pub fn image(&self) -> &Image {
        &self.images.images[0]
    }

    /// The Go version, or the newest we know if the binary does not say.
    pub fn version(&self) -> GoVersion {
        self.version
    }

    pub fn layout(&self) -> &Layout {
        self.layout.get_or_init(|| Layout::find(&self.image().binary, self.version))
    }

    pub fn globals(&self) -> &Globals {
        self.globals.get_or_init(|| Globals::find(self.image(), self.version))
    }

    /// Puts a place into words.
    pub fn locate(&self, spot: Spot) -> Location {
        let nowhere = Location { pc: spot.pc, ..Location::default() };
        let Some((image, id)) = self.images.find_function(spot.lookup_pc) else {
            return Location { pc: spot.pc, ..self.locate_symbol(spot.lookup_pc) };
        };
        let at = image.bias.stated(spot.lookup_pc);
        let stack = image.binary.inline_stack(at);
        let depth = (spot.inline_depth as usize).min(stack.len().saturating_sub(1));
        let Some(frame) = stack.get(depth) else { return nowhere };
        let function = FunctionName {
            name: frame.function.to_owned(),
            entry: image.bias.loaded(frame.entry),
            id: Some(id),
            inlined: frame.inlined,
            start_line: frame.start_line,
        };
        Location {
            pc: spot.pc,
            file: frame.file.to_owned(),
            line: frame.line,
            function: Some(function),
        }
    }

    /// Where code is that was not compiled by Go and comes without debug information. It
    /// is called `C.name`, as in Go source.
    pub(crate) fn locate_symbol(&self, pc: Addr) -> Location {
        let found = |it: &Image| {
            let stated = it.bias.stated(pc);
            // The last symbol, if it does not say how long it is, would go on for ever.
            it.binary.loadable_bytes(stated, 1)?;
            let (name, symbol) = it.binary.symbol_at(stated)?;
            let at = it.binary.line_at(stated);
            let (file, line) =
                at.map_or((String::new(), 0), |it| (it.file.into(), it.line));
            let function = c_function(name, it.bias.loaded(symbol.addr));
            Some(Location { pc, file, line, function: Some(function) })
        };
        if let Some(location) = self.images.iter().find_map(found) {
            return location;
        }
        let Some((library, file)) = self.library_at(pc) else {
            return Location { pc, ..Location::default() };
        };
        let function = file.function_at(library.bias.stated(pc));
        let function =
            function.map(|(name, entry)| c_function(name, library.bias.loaded(entry)));
        Location { pc, file: library.path, line: 0, function }
    }

    /// The name of the physical function around `pc`; empty if there is none.
    pub fn function_name(&self, pc: Addr) -> &str {
        let found = self.images.find_function(pc);
        found.map_or("", |(image, id)| image.binary.function(id).name)
    }
}

fn c_function(name: &str, entry: Addr) -> FunctionName {
    FunctionName {
        name: format!("C.{name}"),
        entry,
        id: None,
        inlined: false,
        start_line: 0,
    }
}
