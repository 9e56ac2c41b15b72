//! What does `x.name` mean? Fields, also through embedded structs and pointers; what an
//! interface holds; what a closure captured; methods.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use crate::engine::addr::Addr;
use crate::engine::binary::{FunctionId, VariableKind};
use crate::engine::error::Result;
use crate::engine::eval::dynamic::Held;
use crate::engine::eval::operand::{Data, Operand};
use crate::engine::eval::reader::explain;
use crate::engine::eval::run::{Evaluator, fail};
use crate::engine::eval::text::const_text;
use crate::engine::eval::types::{Shape, Type};
use crate::engine::eval::value::{Flags, Kind, Variable};
use crate::engine::memory::Memory;

/// How many embedded structs are searched for a field.
const EMBEDDED_MAX: usize = 1000;

impl Evaluator<'_, '_> {
    /// `x.name`
    pub fn member(&self, x: Operand, name: &str) -> Result<Operand> {
        if x.unreadable.is_some() {
            return Ok(x);
        }
        let called = match x.name.is_empty() {
            true => x.type_text(),
            false => x.name.to_string(),
        };
        match (&x.ty, &x.data) {
            (_, Data::Register(bytes, _)) => return register_view(bytes, name),
            (None, Data::Const(value)) => {
                let (value, ty) = (const_text(value), x.type_text());
                return fail(format!("{value} (type {ty}) is not a struct"));
            }
            (None, Data::Nil) => return fail("nil (type nil) is not a struct"),
            (_, Data::Loaded(_)) if self.is_package(&called) => {
                return fail(format!("package {called} has no function {name}"));
            }
            (_, Data::Loaded(v)) => {
                let child = v.children().iter().find(|it| &*it.name == name);
                return match child {
                    Some(child) => Ok(Operand::loaded(child.clone()).named(name)),
                    None => fail(format!("{called} has no member {name}")),
                };
            }
            _ => {}
        }
        let start = match x.kind() {
            Kind::Func => return self.captured_member(&x, &called, name),
            Kind::Interface => self.held_operand(&x)?,
            Kind::Chan => {
                let header = self.channel_header(&x);
                if name == "buf" {
                    return self.channel_buffer(&x, header);
                }
                header
            }
            _ => x.clone(),
        };
        let found = self.find_field(start, &x, &called, name)?;
        match found {
            Some(found) => Ok(found),
            None => fail(format!("{called} has no member {name}")),
        }
    }

    /// Searches breadth first, as the Go specification says of selectors.
    fn find_field(
        &self,
        start: Operand,
        x: &Operand,
        called: &str,
        name: &str,
    ) -> Result<Option<Operand>> {
        let mut queue = VecDeque::from([start]);
        let mut seen: HashSet<Arc<str>> = HashSet::new();
        let mut first = true;
        while let Some(outer) = queue.pop_front() {
            let Some(outer_ty) = outer.ty.clone() else { continue };
            let is_new = seen.insert(outer_ty.name().clone());
            if !is_new || seen.len() > EMBEDDED_MAX {
                continue;
            }
            let mut inner = self.follow(outer);
            if inner.unreadable.is_some() {
                inner.name = x.name.clone();
                return Ok(Some(inner));
            }
            let Some(ty) = inner.ty.clone() else { continue };
            match ty.shape() {
                Shape::Struct(members) => {
                    if let Some(member) = members.iter().find(|it| is_called(it, name)) {
                        let Some(at) = inner.addr() else {
                            return fail(format!("{called} is nil"));
                        };
                        let field = self.cx.types.of(member.ty);
                        let mut it = match member.bits {
                            Some(bits) => self.cx.bits_operand(field, at, bits),
                            None => {
                                let at = at.offset(member.offset.cast_signed());
                                Operand::at(field, at)
                            }
                        };
                        it.flags |= inner.flags_to_pass_on();
                        if !x.name.is_empty() {
                            it.name = format!("{}.{name}", x.name).into();
                        }
                        return Ok(Some(it));
                    }
                    for member in members.iter().filter(|it| it.embedded) {
                        let at =
                            inner.addr().map(|at| at.offset(member.offset.cast_signed()));
                        let field = self.cx.types.of(member.ty);
                        queue.push_back(Operand::at(field, at.unwrap_or(Addr(0))));
                    }
                }
                Shape::Interface { .. } => {
                    if let Ok(held) = self.held_operand(&inner) {
                        queue.push_back(held);
                    }
                }
                _ if first && self.method(&outer_ty, name).is_none() => {
                    let ty = ty.name();
                    return fail(format!("{called} (type {ty}) has no member {name}"));
                }
                _ => {}
            }
            if let Some(method) = self.method(&outer_ty, name) {
                return Ok(Some(method));
            }
            first = false;
        }
        Ok(None)
    }

    /// The value in an interface; nil as a value of no type.
    fn held_operand(&self, x: &Operand) -> Result<Operand> {
        let (Some(ty), Some(at)) = (&x.ty, x.addr()) else {
            return fail(format!("{} is nil", x.name));
        };
        let empty = matches!(ty.shape(), Shape::Interface { empty: true });
        match self.cx.held_by(at, empty).or_else(fail)? {
            Held::Value { ty, at } => Ok(Operand::at(ty, at)),
            Held::Nil => {
                let called = if x.name.is_empty() { ty.name() } else { &*x.name };
                fail(format!("{called} is nil"))
            }
            Held::Unknown { name, .. } => {
                fail(format!("there is no debug information on {name}"))
            }
        }
    }

    /// A channel as the pointer to `hchan` that it is.
    fn channel_header(&self, x: &Operand) -> Operand {
        match (x.ty.as_ref().map(Type::shape), &x.data) {
            (Some(Shape::Chan { header, .. }), Data::At(at)) => {
                Operand::at(self.cx.types.of(*header), *at)
            }
            _ => x.clone(),
        }
    }

    /// The buffer of a channel, as a pointer to the array that it is.
    fn channel_buffer(&self, x: &Operand, header: Operand) -> Result<Operand> {
        let header = header.named(x.name.clone());
        let capacity = self.member(header.clone(), "dataqsiz")?;
        let mut buffer = self.member(header, "buf")?;
        let capacity = self.as_int(&capacity)?;
        if let Some(Shape::Chan { elem, .. }) = x.ty.as_ref().map(Type::shape) {
            let types = &self.cx.types;
            let array = types.array_of(&types.of(*elem), capacity.cast_unsigned());
            buffer.ty = array.map(|it| types.pointer_to(&it)).or(buffer.ty);
        }
        Ok(buffer)
    }

    fn is_package(&self, name: &str) -> bool {
        self.cx.types.binary.packages().iter().any(|it| it == name)
    }

    /// The method of a type, as a function.
    fn method(&self, ty: &Type, name: &str) -> Option<Operand> {
        let full = ty.name();
        let (is_pointer, base) = match full.strip_prefix('*') {
            Some(base) => (true, base),
            None => (false, &**full),
        };
        let (package, receiver) = base.rsplit_once('.')?;
        let by_pointer = format!("{package}.(*{receiver}).{name}");
        let by_value = format!("{package}.{receiver}.{name}");
        let order =
            if is_pointer { [by_pointer, by_value] } else { [by_value, by_pointer] };
        let binary = self.cx.types.binary;
        let id =
            order.iter().find_map(|it| binary.functions_named(it).first().copied())?;
        let mut method = self.function_operand(id);
        if let (Data::Loaded(v), Some(signature)) = (&mut method.data, self.signature(id))
        {
            v.type_name = Arc::from(signature);
            v.real_type = v.type_name.clone();
        }
        Some(method)
    }

    /// The type of a method without its receiver: `func(int) string`.
    fn signature(&self, id: FunctionId) -> Option<String> {
        let binary = self.cx.types.binary;
        let pc = binary.prologue_end(id);
        let depth = binary.inline_stack(pc).len().checked_sub(1)?;
        let mut variables = binary.scope_at(pc, depth).ok()?.variables;
        variables.sort_by_key(|it| it.nth);
        let named = |kind: VariableKind| -> Vec<String> {
            let all = variables.iter().filter(|it| it.kind == kind);
            all.map(|it| self.cx.types.of(it.ty).name().to_string()).collect()
        };
        let arguments = named(VariableKind::Argument);
        let results = named(VariableKind::Result);
        let arguments = arguments.get(1..).unwrap_or_default().join(", ");
        Some(match results.as_slice() {
            [] => format!("func({arguments})"),
            [one] => format!("func({arguments}) {one}"),
            more => format!("func({arguments}) ({})", more.join(", ")),
        })
    }

    /// A variable that a closure captured.
    fn captured_member(&self, x: &Operand, called: &str, name: &str) -> Result<Operand> {
        let none = || fail(format!("{called} has no member {name}"));
        let Some(at) = x.addr() else { return none() };
        let reader = &self.cx.reader;
        let word =
            |at: Addr| reader.read_word(at).map(Addr).or_else(|f| fail(explain(f)));
        let closure = word(at)?;
        if closure.0 == 0 {
            return fail(format!("{called} is nil"));
        }
        let captured = self.cx.captured_by(word(closure)?);
        let Some(found) = captured.iter().find(|it| &*it.name == name) else {
            return none();
        };
        let ty = self.cx.types.of(found.ty);
        let slot = Operand::at(ty, closure.offset(found.offset.cast_signed()));
        let mut it = if found.escaped { self.follow(slot) } else { slot };
        if found.escaped {
            it.flags |= Flags::ESCAPED;
        }
        Ok(it.named(format!("{called}.{name}")))
    }
}

impl Operand {
    /// What holds of a struct and therefore of its fields.
    fn flags_to_pass_on(&self) -> Flags {
        Flags(self.flags.0 & Flags::FAKE_ADDRESS.0)
    }
}

/// Whether a field goes by `name`. Embedded fields may be described with their package.
fn is_called(member: &super::types::Member, name: &str) -> bool {
    let full = &*member.name;
    full == name
        || member.embedded && full.rsplit('.').next().is_some_and(|it| it == name)
}

/// `XMM0.uint8`, `RAX.int16`: a register as an array of numbers.
fn register_view(bytes: &[u8], name: &str) -> Result<Operand> {
    let unknown = || fail(format!("unknown CPU register type conversion to \"{name}\""));
    let digits = name.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let word = &name[..name.len() - digits.len()];
    let bits: usize = digits.parse().unwrap_or(0);
    let width = bits / 8;
    if !bits.is_power_of_two() || bits < 8 || width > bytes.len() {
        return unknown();
    }
    let mut children = Vec::new();
    for part in bytes.chunks_exact(width) {
        let mut word_bytes = [0; 8];
        let n = width.min(8);
        word_bytes[..n].copy_from_slice(&part[..n]);
        let value = u64::from_le_bytes(word_bytes);
        let unused = 64 - 8 * u32::try_from(n).unwrap_or(8);
        let (kind, text) = match (word, bits) {
            ("int", 8..=64) => {
                let signed = (value << unused).cast_signed() >> unused;
                (Kind::Int, signed.to_string())
            }
            ("uint", 8..=64) => (Kind::Uint, value.to_string()),
            ("float", 32) => {
                let x = f32::from_bits(u32::try_from(value).unwrap_or(0));
                (Kind::Float32, super::text::float_text(x.into(), true))
            }
            ("float", 64) => {
                let x = f64::from_bits(value);
                (Kind::Float64, super::text::float_text(x, false))
            }
            ("int" | "uint", _) => {
                let text = part.iter().map(|byte| format!("{byte:02x}")).collect();
                (Kind::String, text)
            }
            _ => return unknown(),
        };
        let len = if kind == Kind::String { text.len() } else { 0 };
        children.push(Variable {
            kind,
            value: text,
            len: i64::try_from(len).unwrap_or(0),
            flags: Flags::CONSTANT,
            ..Variable::empty()
        });
    }
    let n = i64::try_from(children.len()).unwrap_or(0);
    let type_name: Arc<str> = Arc::from(format!("[{n}]void"));
    let view = Variable {
        kind: Kind::Array,
        len: n,
        base: Addr(super::value::FAKE_ADDRESSES),
        addr: Addr(super::value::FAKE_ADDRESSES),
        real_type: type_name.clone(),
        type_name,
        flags: Flags::CPU_REGISTER,
        children: Some(children),
        ..Variable::empty()
    };
    Ok(Operand::loaded(view))
}
