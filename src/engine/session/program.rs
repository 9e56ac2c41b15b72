//! What is debugged: the executable, where it was loaded, and its Go runtime.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::engine::addr::{Addr, FileAddr, LoadBias};
use crate::engine::binary::{Binary, FunctionId};
use crate::engine::error::Result;
use crate::engine::golang::Runtime;

/// A program that is being debugged.
pub struct Program {
    pub runtime: Runtime,
    pub binary: Arc<Binary>,
    pub bias: LoadBias,
    pub command_line: String,
    /// When the executable was changed last, as of the time it was opened.
    pub modified: SystemTime,
}

/// A place in the code, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodePlace {
    pub pc: Addr,
    /// Empty if it is not known.
    pub file: String,
    pub line: u32,
    pub function: Option<FunctionInfo>,
}

/// A function, as far as people want to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionInfo {
    pub name: String,
    pub entry: Addr,
    pub optimized: bool,
}

impl Program {
    /// Opens the executable. Needs no process, so that a process is stopped only when
    /// all that can be known before is known.
    pub fn open(path: &Path) -> Result<(Arc<Binary>, SystemTime)> {
        let binary = Binary::open(path)?;
        binary.start_loading();
        let modified = std::fs::metadata(path).and_then(|it| it.modified());
        Ok((binary, modified.unwrap_or(SystemTime::UNIX_EPOCH)))
    }

    /// The program `binary`, whose entry is at `entry` in the process.
    pub fn new(
        binary: Arc<Binary>,
        modified: SystemTime,
        entry: Option<Addr>,
        command_line: String,
    ) -> Result<Program> {
        let stated = binary.entry();
        let bias = match entry {
            Some(at) if binary.is_pie() => LoadBias(at.0.wrapping_sub(stated.0)),
            _ => LoadBias::default(),
        };
        let runtime = Runtime::new(Arc::clone(&binary), bias)?;
        Ok(Program { runtime, binary, bias, command_line, modified })
    }

    pub fn path(&self) -> PathBuf {
        self.binary.path().to_owned()
    }

    /// The directory of the sources that came with Go, as the binary names it: with a
    /// slash at its end, or empty if paths were trimmed.
    pub fn standard_library(&self) -> Option<String> {
        let main = *self.binary.functions_named("runtime.main").first()?;
        let file = self.binary.function(main).file;
        file.strip_suffix("runtime/proc.go")
            .map(str::to_owned)
            .filter(|it| !it.is_empty())
    }

    pub fn loaded(&self, at: FileAddr) -> Addr {
        self.bias.loaded(at)
    }

    pub fn stated(&self, at: Addr) -> FileAddr {
        self.bias.stated(at)
    }

    pub fn function_at(&self, pc: Addr) -> Option<FunctionId> {
        self.binary.function_at(self.stated(pc))
    }

    /// Where `pc` is, in the innermost function, inlined or not.
    pub fn place(&self, pc: Addr) -> CodePlace {
        let stated = self.stated(pc);
        let stack = self.binary.inline_stack(stated);
        let Some(frame) = stack.first() else {
            let at = self.runtime.locate_symbol(pc);
            let function = at.function.map(|it| self.function_info(&it.name, it.entry));
            return CodePlace { pc, file: at.file, line: at.line, function };
        };
        CodePlace {
            pc,
            file: frame.file.to_owned(),
            line: frame.line,
            function: Some(self.function_info(frame.function, self.loaded(frame.entry))),
        }
    }

    /// What is said of a function whose physical code begins at `entry`.
    pub fn function_info(&self, name: &str, entry: Addr) -> FunctionInfo {
        let optimized =
            self.function_at(entry).is_none_or(|id| self.binary.is_optimized(id));
        FunctionInfo { name: name.to_owned(), entry, optimized }
    }
}
