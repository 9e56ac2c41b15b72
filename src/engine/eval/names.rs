//! What does a name mean? Variables of the frame, of packages, functions, constants,
//! predeclared names and CPU registers, in this order.

use std::rc::Rc;

use crate::engine::addr::Addr;
use crate::engine::binary::{FunctionId, Global};
use crate::engine::error::Result;
use crate::engine::eval::cpu;
use crate::engine::eval::load::Cx;
use crate::engine::eval::operand::{Const, Operand};
use crate::engine::eval::run::Evaluator;
use crate::engine::eval::scope;
use crate::engine::eval::value::{Flags, Kind, Variable};

impl Evaluator<'_, '_> {
    /// What an identifier means where the expression is evaluated.
    pub fn ident(&self, name: &str) -> Result<Option<Operand>> {
        if let Some(local) = self.local(name, self.scope.frame_index)? {
            return Ok(Some(local));
        }
        let package = self.package();
        if let Some(global) = self.qualified(&package, name) {
            return Ok(Some(global.named(name)));
        }
        Ok(match name {
            "true" | "false" => Some(Operand::bool(name == "true")),
            "nil" => Some(Operand::nil()),
            _ => cpu::register(self, name),
        })
    }

    /// The variable of a frame that `name` means, if there is one.
    pub fn local(&self, name: &str, frame: usize) -> Result<Option<Operand>> {
        let known = self.variables.borrow().as_ref().map(|(at, all)| (*at, all.clone()));
        let all = match known {
            Some((at, all)) if at == frame => all,
            _ => {
                let nowhere =
                    self.scope.frames.get(frame).is_none_or(|it| it.function.is_none());
                let all = match scope::variables(self.cx, self.scope, frame) {
                    Ok(all) => Rc::new(all),
                    Err(_) if nowhere || !self.cx.types.binary.has_dwarf() => {
                        return Ok(None);
                    }
                    Err(why) => return Err(why),
                };
                *self.variables.borrow_mut() = Some((frame, all.clone()));
                all
            }
        };
        let found = all
            .iter()
            .find(|it| *it.name == *name && !it.flags.contains(Flags::SHADOWED));
        Ok(found.cloned())
    }

    /// The import path of the package whose code is executing.
    fn package(&self) -> String {
        let function = self.scope.frame().and_then(|it| it.function.as_ref());
        function.map_or(String::new(), |it| package_of(&it.name).to_owned())
    }

    /// A package variable, function or constant. `package` is a full import path or the
    /// end of one.
    pub fn qualified(&self, package: &str, name: &str) -> Option<Operand> {
        let binary = self.cx.types.binary;
        let full = format!("{package}.{name}");
        if let Some(global) = binary.global(&full) {
            return Some(global_operand(self.cx, &global));
        }
        if let Some(id) = self.find_function(&full) {
            return Some(self.function_operand(id));
        }
        let (value, ty) = binary.constant(&full)?;
        let ty = self.cx.types.of(ty);
        let value = match ty.kind() {
            Kind::Uint => i128::from(value.cast_unsigned()),
            _ => i128::from(value),
        };
        let mut it = Operand::typed(ty, Const::Int(value));
        it.flags = Flags::CONSTANT;
        Some(it.named(full))
    }

    /// A function by its full name, or by the end of it from a `/` on.
    pub fn find_function(&self, full: &str) -> Option<FunctionId> {
        let binary = self.cx.types.binary;
        if let Some(id) = binary.functions_named(full).first() {
            return Some(*id);
        }
        let suffix = format!("/{full}");
        let name = binary.function_names().find(|it| it.ends_with(&suffix))?;
        binary.functions_named(name).first().copied()
    }

    /// A function as a value.
    pub fn function_operand(&self, id: FunctionId) -> Operand {
        let function = self.cx.types.binary.function(id);
        let entry = self.cx.bias.loaded(function.entry);
        let v = Variable {
            addr: entry,
            base: entry,
            kind: Kind::Func,
            value: function.name.to_owned(),
            type_name: "func()".into(),
            real_type: "func()".into(),
            ..Variable::empty()
        };
        Operand::loaded(v).named(function.name)
    }
}

/// A package variable as an operand.
pub(crate) fn global_operand(cx: &Cx<'_>, global: &Global) -> Operand {
    let ty = cx.types.of(global.ty);
    let mut it = Operand::at(ty, cx.bias.loaded(global.addr));
    it.location = format!("[block] DW_OP_addr {:#x} ", global.addr.0).into();
    it.named(global.name.as_str())
}

/// The import path in the name of a function: `a.b/c` of `a.b/c.(*T).M`, whatever slashes
/// and dots its type arguments have.
pub(crate) fn package_of(function: &str) -> &str {
    let plain = function.split(['[', '(']).next().unwrap_or(function);
    let start = plain.rfind('/').map_or(0, |at| at + 1);
    match plain[start..].find('.') {
        Some(dot) => &plain[..start + dot],
        None => plain.trim_end_matches('.'),
    }
}

/// The address of a value, for messages and for `runtime.curg`.
pub(crate) fn at(cx: &Cx<'_>, type_name: &str, addr: Addr) -> Option<Operand> {
    let ty = cx.types.of(cx.types.binary.type_named(type_name)?);
    Some(Operand::at(ty, addr))
}

#[cfg(test)]
mod tests {
    use super::package_of;

    #[test]
    fn the_package_of_a_function_is_found_in_its_name() {
        let cases = [
            ("main.add", "main"),
            ("main.(*T).M", "main"),
            ("net/http.(*Client).Do", "net/http"),
            ("main.GMap[go.shape.int,example.com/x.T]", "main"),
            ("gopkg.in/yaml%2ev3.Marshal.func1", "gopkg.in/yaml%2ev3"),
            ("example.com/a.b/c.F", "example.com/a.b/c"),
        ];
        for (function, package) in cases {
            assert_eq!(package_of(function), package);
        }
    }
}
