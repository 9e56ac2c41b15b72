//! What is behind a value whose type does not say: interfaces, functions and channels.

use std::sync::Arc;

use crate::engine::addr::Addr;
use crate::engine::binary::TypeId;
use crate::engine::eval::captured::CapturedVariable;
use crate::engine::eval::facts::INTERFACE_DATA;
use crate::engine::eval::load::{Cx, Loader, typed};
use crate::engine::eval::reader::explain;
use crate::engine::eval::types::{Shape, Type};
use crate::engine::eval::value::{Flags, Kind, LoadConfig, Variable};
use crate::engine::memory::Memory;

/// The dynamic type of an interface value.
#[derive(Clone)]
pub(crate) struct DynamicType {
    /// `None` if the file does not describe the type.
    pub ty: Option<TypeId>,
    pub name: String,
    /// `reflect.Kind`.
    pub kind: u8,
    pub size: u64,
    /// The data word is the value itself, not a pointer to it.
    pub direct: bool,
}

/// What an interface value holds.
pub(crate) enum Held {
    Nil,
    Value {
        ty: Type,
        at: Addr,
    },
    /// A value of a type that the file does not describe.
    Unknown {
        name: String,
        at: Addr,
    },
}

impl Cx<'_> {
    /// Reads the interface value at `at`.
    pub fn held_by(&self, at: Addr, is_empty: bool) -> Result<Held, String> {
        let type_word = self.reader.read_word(at).map_err(explain)?;
        if type_word == 0 {
            return Ok(Held::Nil);
        }
        let key = (type_word, is_empty);
        let known = self.dynamic_types.borrow().get(&key).cloned();
        let found = match known {
            Some(found) => found,
            None => {
                let found = self
                    .runtime
                    .type_of_interface(&self.reader, Addr(type_word), is_empty)
                    .map(|it| DynamicType {
                        ty: it.ty,
                        name: it.name,
                        kind: it.kind,
                        size: it.size,
                        direct: it.direct,
                    });
                self.dynamic_types.borrow_mut().insert(key, found.clone());
                found
            }
        };
        let Some(dynamic) = found else {
            return Err(format!("invalid interface type at {type_word:#x}"));
        };
        let word_at = at.offset(INTERFACE_DATA);
        let ty = match dynamic.ty {
            Some(id) => Some(self.types.of(id)),
            None => self.types.undescribed(dynamic.kind, &dynamic.name, dynamic.size),
        };
        let is_pointer = ty.as_ref().is_some_and(|it| it.kind() == Kind::Pointer);
        let at = match dynamic.direct || is_pointer {
            true => word_at,
            false => Addr(self.reader.read_word(word_at).map_err(explain)?),
        };
        Ok(match ty {
            Some(ty) => Held::Value { ty, at },
            None => Held::Unknown { name: dynamic.name, at },
        })
    }
}

impl Loader<'_, '_> {
    pub fn interface(&mut self, v: &mut Variable, is_empty: bool, level: i64) {
        let held = match self.cx.held_by(v.addr, is_empty) {
            Ok(held) => held,
            Err(why) => {
                v.unreadable = Some(why);
                return;
            }
        };
        let mut child = match held {
            Held::Nil => typed(&self.cx.types.void()),
            Held::Value { ty, at } => {
                let mut child = self.header(&ty, at);
                child.name = Arc::from("data");
                if level <= self.config.recurse_max {
                    self.contents(&mut child, &ty, level);
                } else {
                    child.only_addr = true;
                }
                child
            }
            Held::Unknown { name, at } => {
                let mut child = Variable::empty();
                child.name = Arc::from("data");
                child.unreadable =
                    Some(format!("there is no debug information on {name}"));
                child.type_name = Arc::from(name);
                child.real_type = child.type_name.clone();
                child.addr = at;
                child
            }
        };
        if child.children.is_none() {
            child.children = Some(Vec::new());
        }
        v.children = Some(vec![child]);
    }

    /// A func value: a pointer to a closure object, whose first word is the code.
    pub fn function(&mut self, v: &mut Variable, level: i64) {
        let reader = &self.cx.reader;
        let closure = match reader.read_word(v.addr) {
            Ok(0) => return,
            Ok(word) => Addr(word),
            Err(fault) => {
                v.unreadable = Some(explain(fault));
                return;
            }
        };
        let pc = match reader.read_word(closure) {
            Ok(word) => Addr(word),
            Err(fault) => {
                v.unreadable = Some(explain(fault));
                return;
            }
        };
        v.base = pc;
        let binary = self.cx.types.binary;
        let Some(id) = binary.function_at(self.cx.bias.stated(pc)) else {
            v.unreadable = Some(format!("could not find function for {pc}"));
            return;
        };
        v.value = binary.function(id).name.to_owned();
        let captured = self.cx.captured_by(pc);
        v.len = i64::try_from(captured.len()).unwrap_or(i64::MAX);
        if level <= self.config.recurse_max {
            let max = match self.config.struct_fields_max {
                max if max < 0 => captured.len(),
                max => usize::try_from(max).unwrap_or(usize::MAX),
            };
            let children = captured
                .iter()
                .take(max)
                .map(|it| self.captured(it, closure, level + 1))
                .collect();
            v.children = Some(children);
        }
    }

    fn captured(&mut self, it: &CapturedVariable, closure: Addr, level: i64) -> Variable {
        let ty = self.cx.types.of(it.ty);
        let at = closure.offset(it.offset.cast_signed());
        let target = if it.escaped { self.cx.types.elem_of(&ty) } else { None };
        let Some(target) = target else {
            return self.value(it.name.clone(), &ty, at, level);
        };
        let mut v = match self.cx.reader.read_word(at) {
            Ok(word) => self.value(it.name.clone(), &target, Addr(word), level),
            Err(fault) => Variable { unreadable: Some(explain(fault)), ..typed(&target) },
        };
        v.name = it.name.clone();
        v.flags |= Flags::ESCAPED;
        v
    }

    /// A channel: the fields of its `runtime.hchan`, always in full, with the buffer as
    /// the array that it is.
    pub fn channel(&mut self, v: &mut Variable, ty: &Type) {
        let &Shape::Chan { elem, header } = ty.shape() else { return };
        let types = &self.cx.types;
        let reader = &self.cx.reader;
        match reader.read_word(v.addr) {
            Ok(word) => v.base = Addr(word),
            Err(fault) => v.unreadable = Some(explain(fault)),
        }
        let Some(hchan) = types.elem_of(&types.of(header)) else { return };
        if v.base.0 == 0 || v.unreadable.is_some() {
            return;
        }
        if let Err(fault) = reader.read_word(v.base) {
            v.unreadable = Some(explain(fault));
            return;
        }
        let members = hchan.members();
        v.len = i64::try_from(members.len()).unwrap_or(i64::MAX);
        reader.read_ahead(&[(v.base, usize::try_from(hchan.size()).unwrap_or(0))]);
        let capacity = hchan
            .member("dataqsiz")
            .and_then(|it| reader.read_word(v.base.offset(it.offset.cast_signed())).ok());
        let buffer = capacity
            .and_then(|capacity| types.array_of(&types.of(elem), capacity))
            .map(|array| types.pointer_to(&array));
        let outer = std::mem::replace(&mut self.config, LoadConfig::FULL);
        let mut children = Vec::with_capacity(members.len());
        for member in members {
            let field = match (&*member.name, &buffer) {
                ("buf", Some(buffer)) => buffer.clone(),
                _ => types.of(member.ty),
            };
            let at = v.base.offset(member.offset.cast_signed());
            children.push(self.value(member.name.clone(), &field, at, 1));
        }
        self.config = outer;
        v.children = Some(children);
    }
}
