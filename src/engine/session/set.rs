//! How what the user asked for becomes breakpoint sites, and goes away again.

use crate::engine::addr::Addr;
use crate::engine::error::{Error, Result};
use crate::engine::inferior::Owner;
use crate::engine::session::Bench;
use crate::engine::session::breakpoint::{Breakpoint, Settings};
use crate::engine::session::resolve::Resolved;

/// Addresses at which one breakpoint may be set: a regular expression can mean many.
const ADDRS_MAX: usize = 10_000;

/// Where a breakpoint is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// At a line of a file whose path is exactly this.
    Line {
        file: String,
        line: u32,
    },
    /// At a function, or so many lines below its beginning.
    Function {
        name: String,
        offset: u32,
    },
    Addrs(Vec<Addr>),
    /// Where the location spec says.
    Spec,
}

/// A breakpoint to be made.
#[derive(Clone, Debug)]
pub struct Request {
    /// The number it is to have, if positive.
    pub id: i64,
    pub name: String,
    pub place: Wanted,
    /// A location spec to resolve it with later on, and now if there is no other place.
    pub spec: String,
    /// What to replace in front of paths (`substitute-path`), from the client's side.
    pub rules: Vec<(String, String)>,
    pub settings: Settings,
    pub disabled: bool,
    /// Keep it even if it cannot be resolved.
    pub suspended: bool,
}

impl Bench<'_> {
    /// Makes a breakpoint and sets it; returns its number.
    ///
    /// A number is used up also by a failure, as Delve's are.
    pub fn create_breakpoint(&mut self, request: Request) -> Result<i64> {
        let id = self.breakpoints.next_id(request.id);
        if self.breakpoints.get(id).is_some() {
            return Err(Error::BreakpointExists {
                file: String::new(),
                line: 0,
                addr: Addr(0),
            });
        }
        self.breakpoints.check_name(&request.name, id)?;
        let found = self.check_alive().and_then(|()| self.find_wanted(&request));
        let resolved = match found {
            Ok(resolved) => resolved,
            Err(_) if request.suspended => Resolved::default(),
            Err(err) => return Err(err),
        };
        if resolved.addrs.is_empty() && !request.suspended {
            return Err(Error::message(format!("breakpoint {id} can not be enabled")));
        }
        self.check_free(&resolved)?;
        let spec = spec_of(&request, &resolved);
        let mut breakpoint = Breakpoint {
            id,
            name: request.name,
            file: resolved.file,
            line: resolved.line,
            function: resolved.function,
            spec,
            settings: request.settings,
            disabled: request.disabled,
            ..Breakpoint::default()
        };
        if !request.disabled {
            self.place_all(id, &resolved.addrs)?;
            breakpoint.addrs = resolved.addrs;
        }
        self.breakpoints.insert(breakpoint);
        Ok(id)
    }

    fn find_wanted(&self, request: &Request) -> Result<Resolved> {
        match &request.place {
            Wanted::Line { file, line } => {
                let file = substituted(file, &request.rules);
                self.resolve_line(&file, *line)
            }
            Wanted::Function { name, offset } => self.resolve_function(name, *offset),
            Wanted::Addrs(addrs) => self.resolve_addrs(addrs),
            Wanted::Spec => self.resolve_first(&request.spec, &request.rules),
        }
    }

    /// The user has one breakpoint at an address, not two.
    fn check_free(&self, resolved: &Resolved) -> Result<()> {
        let taken = resolved.addrs.iter().find(|it| self.breakpoints.at(**it).is_some());
        match taken {
            None => Ok(()),
            Some(addr) => Err(Error::BreakpointExists {
                file: resolved.file.clone(),
                line: resolved.line,
                addr: *addr,
            }),
        }
    }

    /// Places all sites of a breakpoint or, if one of them fails, none.
    fn place_all(&mut self, id: i64, addrs: &[Addr]) -> Result<()> {
        if addrs.len() > ADDRS_MAX {
            let n = addrs.len();
            return Err(Error::message(format!(
                "this breakpoint would be set at {n} addresses, more than {ADDRS_MAX}; \
                 use a narrower location"
            )));
        }
        let owner = owner(id)?;
        let gone = Error::Exited { pid: self.pid, status: self.exit_status };
        let sites = self.sites.as_mut().ok_or(gone)?;
        for (n, addr) in addrs.iter().enumerate() {
            if let Err(err) = sites.place(*addr, owner) {
                for placed in &addrs[..n] {
                    sites.lift(*placed, owner)?;
                }
                return Err(err);
            }
        }
        Ok(())
    }

    /// Removes a breakpoint and its sites.
    pub fn clear_breakpoint(&mut self, id: i64) -> Result<()> {
        self.lift_breakpoint(id)?;
        self.breakpoints.remove(id);
        Ok(())
    }

    fn lift_breakpoint(&mut self, id: i64) -> Result<()> {
        let owner = owner(id)?;
        let Some(breakpoint) = self.breakpoints.get_mut(id) else { return Ok(()) };
        let addrs = std::mem::take(&mut breakpoint.addrs);
        let Some(sites) = &mut self.sites else { return Ok(()) };
        addrs.iter().try_for_each(|addr| sites.lift(*addr, owner))
    }

    /// Takes a breakpoint out, or sets it again where its location spec now says.
    pub fn enable_breakpoint(&mut self, id: i64, enabled: bool) -> Result<()> {
        let Some(breakpoint) = self.breakpoints.get(id) else {
            return Err(Error::message(format!("no breakpoint with ID {id}")));
        };
        if !enabled {
            self.lift_breakpoint(id)?;
        } else if breakpoint.addrs.is_empty() && self.sites.is_some() {
            let resolved = self.resolve_again(breakpoint)?;
            self.check_free(&resolved)?;
            self.place_all(id, &resolved.addrs)?;
            if let Some(breakpoint) = self.breakpoints.get_mut(id) {
                breakpoint.addrs = resolved.addrs;
            }
        }
        if let Some(breakpoint) = self.breakpoints.get_mut(id) {
            breakpoint.disabled = !enabled;
        }
        Ok(())
    }

    fn resolve_again(&self, breakpoint: &Breakpoint) -> Result<Resolved> {
        let resolved = match breakpoint.line {
            0 => self.resolve_first(&breakpoint.spec, &[]),
            line => self.resolve_line(&breakpoint.file, line),
        };
        match resolved {
            Ok(resolved) if !resolved.addrs.is_empty() => Ok(resolved),
            _ if breakpoint.spec.is_empty() => Err(Error::message(format!(
                "breakpoint {} can not be enabled",
                breakpoint.id
            ))),
            _ => self.resolve_first(&breakpoint.spec, &[]),
        }
    }

    /// Replaces what can be replaced of a breakpoint: everything but its place.
    pub fn amend_breakpoint(
        &mut self,
        id: i64,
        name: &str,
        settings: Settings,
        disabled: bool,
    ) -> Result<()> {
        if self.breakpoints.get(id).is_none() {
            return Err(Error::message(format!("no breakpoint with ID {id}")));
        }
        if id > 0 {
            self.breakpoints.check_name(name, id)?;
        }
        self.breakpoints.forget_compiled(id);
        if let Some(breakpoint) = self.breakpoints.get_mut(id) {
            breakpoint.name = name.to_owned();
            breakpoint.settings = settings;
        }
        self.enable_breakpoint(id, !disabled)
    }
}

fn owner(id: i64) -> Result<Owner> {
    use crate::engine::session::breakpoint::{FATAL_THROW, UNRECOVERED_PANIC};
    use crate::engine::session::judge::{OWNER_PANIC, OWNER_THROW};
    match id {
        UNRECOVERED_PANIC => Ok(Owner::Runtime(OWNER_PANIC)),
        FATAL_THROW => Ok(Owner::Runtime(OWNER_THROW)),
        _ => u32::try_from(id).map(Owner::User).map_err(|_| {
            Error::message(format!("{id} is no number for a breakpoint; use 1 to 2^32-1"))
        }),
    }
}

/// The spec to resolve a breakpoint with after a restart: the client's own, else one that
/// names the place it was set at.
fn spec_of(request: &Request, resolved: &Resolved) -> String {
    if !request.spec.is_empty() {
        return request.spec.clone();
    }
    match &request.place {
        Wanted::Function { name, offset: 0 } => name.clone(),
        Wanted::Function { .. } | Wanted::Line { .. } if resolved.line != 0 => {
            format!("{}:{}", resolved.file, resolved.line)
        }
        Wanted::Function { name, offset } => format!("{name}:{offset}"),
        Wanted::Line { file, line } => format!("{file}:{line}"),
        Wanted::Addrs(_) | Wanted::Spec => String::new(),
    }
}

/// A client's path as the program's debug information has it: the first rule whose
/// client side is a prefix of the path, at a slash, is applied the other way round.
pub fn substituted(path: &str, rules: &[(String, String)]) -> String {
    for (server, client) in rules {
        if path == client {
            return server.clone();
        }
        let rest = path.strip_prefix(client.as_str());
        if let Some(rest) = rest.filter(|it| client.ends_with('/') || it.starts_with('/'))
        {
            return format!("{server}{rest}");
        }
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_client_become_those_of_the_program() {
        let rules = vec![("/build".to_owned(), "/home/me/src".to_owned())];
        let cases = [
            ("/home/me/src/a.go", "/build/a.go"),
            ("/home/me/srcs/a.go", "/home/me/srcs/a.go"),
            ("/elsewhere/a.go", "/elsewhere/a.go"),
        ];
        for (path, expected) in cases {
            assert_eq!(substituted(path, &rules), expected);
        }
    }
}
