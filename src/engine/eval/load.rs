//! How is a value loaded? As far as a [`LoadConfig`] says, a few system calls for many
//! values, and never further than the limits of [`reader`](super::reader).
//!
//! What a value shows at each depth is Delve's choice (`loadValueInternal` in its
//! `pkg/proc/variables.go`), because its clients count on it: pointers do not count as a
//! level, but structs, arrays, maps and interfaces do.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::engine::addr::{Addr, FileAddr, LoadBias};
use crate::engine::binary::{Binary, Scope};
use crate::engine::error;
use crate::engine::eval::captured::CapturedVariable;
use crate::engine::eval::cpu::RegisterPlace;
use crate::engine::eval::dynamic::DynamicType;
use crate::engine::eval::operand::{Const, Data, Operand};
use crate::engine::eval::reader::{Reader, explain};
use crate::engine::eval::scope::hiding_order;
use crate::engine::eval::text;
use crate::engine::eval::types::{Shape, Type, Types};
use crate::engine::eval::value::{Flags, Kind, LoadConfig, Variable};
use crate::engine::golang::Runtime;
use crate::engine::memory::Memory;

/// How many values may be nested, whatever the configuration says: what keeps a pointer
/// to itself, or a slice that contains itself, from overflowing the stack.
const DEPTH_MAX: u32 = 48;
/// How many elements that cannot be read are listed before the rest is left out.
pub(crate) const BAD_ELEMENTS_MAX: usize = 3;
/// The longest string that is believed.
pub(crate) const STRING_LEN_MAX: i64 = 1 << 48;

/// What loading needs to know, for one request.
pub(crate) struct Cx<'a> {
    pub types: Types<'a>,
    pub reader: Reader<'a>,
    pub runtime: &'a Runtime,
    pub bias: LoadBias,
    pub dynamic_types: RefCell<FxHashMap<(u64, bool), Option<DynamicType>>>,
    pub captures: RefCell<FxHashMap<Addr, Arc<[CapturedVariable]>>>,
    /// Where the pieces of values that were put together come from.
    pub origins: RefCell<Vec<Origin>>,
    scopes: RefCell<FxHashMap<(FileAddr, usize), Rc<Scope>>>,
    /// Of callers, by their return addresses.
    waiting_scopes: RefCell<FxHashMap<(FileAddr, usize), Rc<Scope>>>,
}

impl<'a> Cx<'a> {
    pub fn new(
        binary: &'a Binary,
        bias: LoadBias,
        runtime: &'a Runtime,
        memory: &'a dyn Memory,
    ) -> Cx<'a> {
        Cx {
            types: Types::new(binary),
            reader: Reader::new(memory),
            runtime,
            bias,
            dynamic_types: RefCell::default(),
            captures: RefCell::default(),
            origins: RefCell::default(),
            scopes: RefCell::default(),
            waiting_scopes: RefCell::default(),
        }
    }

    /// What was made for a caller before, or is made now.
    pub fn waiting_scope(
        &self,
        key: (FileAddr, usize),
        make: impl FnOnce() -> Rc<Scope>,
    ) -> Rc<Scope> {
        let known = self.waiting_scopes.borrow().get(&key).cloned();
        known.unwrap_or_else(|| {
            let made = make();
            self.waiting_scopes.borrow_mut().insert(key, made.clone());
            made
        })
    }

    /// What [`Binary::scope_at`] says, the variables in the order in which they hide
    /// each other: frames of a recursion are at the same few places.
    pub fn scope_at(
        &self,
        pc: FileAddr,
        inline_depth: usize,
    ) -> error::Result<Rc<Scope>> {
        let key = (pc, inline_depth);
        if let Some(known) = self.scopes.borrow().get(&key) {
            return Ok(known.clone());
        }
        let mut found = self.types.binary.scope_at(pc, inline_depth)?;
        found.variables.sort_by_key(hiding_order);
        let found = Rc::new(found);
        self.scopes.borrow_mut().insert(key, found.clone());
        Ok(found)
    }
}

/// Where a piece of a value that was put together comes from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// Where it was laid out.
    pub at: Addr,
    pub len: usize,
    pub from: OriginPlace,
}

#[derive(Clone, Debug)]
pub(crate) enum OriginPlace {
    Register(RegisterPlace),
    Memory(Addr),
}

/// Loads values with one configuration.
pub(crate) struct Loader<'c, 'a> {
    pub cx: &'c Cx<'a>,
    pub config: LoadConfig,
    depth: u32,
}

/// Loads an operand as far as `config` says.
pub(crate) fn load(cx: &Cx<'_>, operand: &Operand, config: LoadConfig) -> Variable {
    let mut loader = Loader::new(cx, config);
    let mut v = loader.operand(operand);
    v.name.clone_from(&operand.name);
    v.location.clone_from(&operand.location);
    v.decl_line = operand.decl_line;
    v.flags |= operand.flags;
    v
}

impl<'c, 'a> Loader<'c, 'a> {
    pub fn new(cx: &'c Cx<'a>, config: LoadConfig) -> Loader<'c, 'a> {
        Loader { cx, config, depth: 0 }
    }

    /// A value of which only the type is known; strings of C are strings.
    fn typed(&self, ty: &Type) -> Variable {
        let mut v = typed(ty);
        if self.cx.types.is_c_string(ty) {
            v.kind = Kind::String;
        }
        v
    }

    fn operand(&mut self, operand: &Operand) -> Variable {
        let mut v = match &operand.ty {
            Some(ty) => self.typed(ty),
            None => Variable { kind: operand.kind(), ..Variable::empty() },
        };
        v.flags |= operand.flags;
        if let Some(why) = &operand.unreadable {
            v.unreadable = Some(why.clone());
            if let (Data::At(addr), Some(ty)) = (&operand.data, &operand.ty) {
                v.addr = *addr;
                self.give_pointer_a_child(&mut v, ty, why);
            }
            return v;
        }
        match (&operand.data, &operand.ty) {
            (Data::At(addr), Some(ty)) => {
                return self.value(Arc::clone(&v.name), ty, *addr, 0);
            }
            (Data::MapTail { at, skip }, Some(ty)) => {
                v.addr = *at;
                self.map(&mut v, ty, 0, *skip);
            }
            (Data::Cut { base, len, cap }, Some(ty)) => {
                (v.base, v.len, v.cap) = (*base, *len, *cap);
                self.contents(&mut v, ty, 0);
            }
            (Data::Const(value), ty) => self.constant(&mut v, ty.as_ref(), value),
            (Data::Pointer(target), _) => {
                let at = target.addr().unwrap_or(Addr(0));
                let mut child = match &target.ty {
                    Some(ty) => self.header(ty, at),
                    None => Variable { addr: at, ..Variable::empty() },
                };
                child.name.clone_from(&target.name);
                child.location.clone_from(&target.location);
                child.decl_line = target.decl_line;
                child.flags = target.flags;
                child.only_addr = true;
                v.children = Some(vec![child]);
            }
            (Data::Nil, _) => {
                let child = Variable { only_addr: true, ..Variable::empty() };
                v.children = Some(vec![child]);
            }
            (Data::Register(bytes, _), _) => register(&mut v, bytes),
            (Data::Loaded(loaded), _) => return (**loaded).clone(),
            (Data::At(_) | Data::MapTail { .. } | Data::Cut { .. }, None)
            | (Data::HitCounts, _) => {
                v.unreadable = Some("this has no value of its own; index it".into());
            }
        }
        v
    }

    fn constant(&mut self, v: &mut Variable, ty: Option<&Type>, value: &Const) {
        match (value, v.kind) {
            (Const::Int(n), Kind::Float32 | Kind::Float64) => {
                #[expect(clippy::cast_precision_loss, reason = "Go rounds here too")]
                let x = *n as f64;
                v.value = text::float_text(x, v.kind == Kind::Float32);
            }
            (Const::Bool(b), _) => v.value = b.to_string(),
            (Const::Int(n), _) => {
                v.value = n.to_string();
                let is_constant = v.flags.contains(Flags::CONSTANT);
                if let (Some(ty), Ok(n), false) = (ty, i64::try_from(*n), is_constant) {
                    self.name_constant(v, ty, n);
                }
            }
            (Const::Float(x), Kind::Complex64 | Kind::Complex128) => {
                complex(v, *x, 0.0);
            }
            (Const::Float(x), kind) => {
                v.value = text::float_text(*x, kind == Kind::Float32);
            }
            (Const::Complex(re, im), _) => complex(v, *re, *im),
            (Const::String(bytes), _) => {
                v.len = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
                let max = usize::try_from(self.config.string_len_max).unwrap_or(0);
                set_string(v, &bytes[..bytes.len().min(max.max(64))]);
            }
        }
    }

    /// The value of type `ty` at `addr`, `level` levels down from what was asked for.
    pub fn value(
        &mut self,
        name: Arc<str>,
        ty: &Type,
        addr: Addr,
        level: i64,
    ) -> Variable {
        let mut v = self.header(ty, addr);
        v.name = name;
        self.contents(&mut v, ty, level);
        v
    }

    /// The value without what it consists of: where its data is and how long.
    pub fn header(&mut self, ty: &Type, addr: Addr) -> Variable {
        let mut v = self.typed(ty);
        v.addr = addr;
        match ty.shape() {
            Shape::Array(_, len) => {
                v.base = addr;
                v.len = i64::try_from(*len).unwrap_or(i64::MAX);
                v.cap = v.len;
            }
            Shape::String if addr.0 != 0 => self.string_header(&mut v),
            Shape::Slice(_) if addr.0 != 0 => self.slice_header(&mut v),
            _ => {}
        }
        v
    }

    fn string_header(&mut self, v: &mut Variable) {
        let reader = &self.cx.reader;
        let len = reader.read_int(v.addr.offset(8), 8);
        let base = reader.read_word(v.addr);
        match len {
            Err(fault) => {
                let why = explain(fault);
                v.unreadable = Some(format!("could not read string len: {why}"));
            }
            Ok(len) if !(0..STRING_LEN_MAX).contains(&len) => {
                v.unreadable = Some(format!("invalid length: {len}"));
            }
            Ok(len) => v.len = len,
        }
        match base {
            Ok(base) => v.base = Addr(base),
            Err(fault) if v.unreadable.is_none() => {
                let why = explain(fault);
                v.unreadable =
                    Some(format!("{} bytes, but could not read where: {why}", v.len));
            }
            Err(_) => {}
        }
    }

    fn slice_header(&mut self, v: &mut Variable) {
        let reader = &self.cx.reader;
        // Each word for itself: in optimized code the length may be known when the
        // pointer is gone.
        let words = [0, 8, 16].map(|at| reader.read_int(v.addr.offset(at), 8));
        let [base, len, cap] = words;
        v.base = Addr(base.unwrap_or(0).cast_unsigned());
        v.len = len.unwrap_or(0);
        v.cap = cap.unwrap_or(0);
        if let Some(fault) = words.iter().find_map(|word| word.err()) {
            v.unreadable = Some(explain(fault));
        } else if v.len < 0 || v.cap < v.len {
            v.unreadable =
                Some(format!("invalid slice: length {}, capacity {}", v.len, v.cap));
        }
    }

    /// Fills in what the value consists of.
    pub fn contents(&mut self, v: &mut Variable, ty: &Type, level: i64) {
        if v.unreadable.is_some() || v.addr.0 == 0 && v.base.0 == 0 {
            return;
        }
        if let Err(why) = self.cx.reader.count_node() {
            v.unreadable = Some(why);
            return;
        }
        if self.depth >= DEPTH_MAX {
            v.only_addr = true;
            return;
        }
        self.depth += 1;
        match ty.shape() {
            Shape::Pointer(_) if self.cx.types.is_c_string(ty) => self.c_string(v),
            Shape::Pointer(elem) => {
                let target = self.cx.types.elem(elem);
                self.pointer(v, ty, &target, level);
            }
            Shape::UnsafePointer => {
                let void = self.cx.types.void();
                self.pointer(v, ty, &void, level);
            }
            Shape::Slice(elem) | Shape::Array(elem, _) => {
                let elem = self.cx.types.elem(elem);
                self.elements(v, &elem, level);
            }
            Shape::Struct(_) => self.fields(v, ty, level),
            Shape::String => self.string(v),
            Shape::Map { .. } => self.map(v, ty, level, 0),
            Shape::Chan { .. } => self.channel(v, ty),
            Shape::Interface { empty } => self.interface(v, *empty, level),
            Shape::Func if ty.is_native() => self.c_function(v),
            Shape::Func => self.function(v, level),
            Shape::Void => {
                v.unreadable = Some("unknown or unsupported kind: \"invalid\"".into());
            }
            Shape::Unsupported(why) => v.unreadable = Some(why.clone()),
            Shape::Bool | Shape::Int | Shape::Uint | Shape::Float | Shape::Complex => {
                self.scalar(v, ty)
            }
        }
        self.depth -= 1;
    }

    fn scalar(&mut self, v: &mut Variable, ty: &Type) {
        match read_scalar(&self.cx.reader, ty, v.addr) {
            Ok(value) => self.constant(v, Some(ty), &value),
            Err(why) => v.unreadable = Some(why),
        }
    }

    fn name_constant(&self, v: &mut Variable, ty: &Type, n: i64) {
        let constants = self.cx.types.enumeration(ty);
        if let Some(name) = text::constant_name(&constants, n) {
            v.value = format!("{name} ({n})");
        }
    }

    fn string(&mut self, v: &mut Variable) {
        let max = self.config.string_len_max.max(0);
        let len = usize::try_from(v.len.min(max)).unwrap_or(0);
        if let Err(why) = self.cx.reader.affords(v.base, len) {
            v.unreadable = Some(why);
            return;
        }
        match self.cx.reader.read_bytes(v.base, len) {
            Ok(bytes) => set_string(v, &bytes),
            Err(fault) => {
                let why = explain(fault);
                v.unreadable =
                    Some(format!("could not read string at {}: {why}", v.base));
            }
        }
    }

    fn pointer(&mut self, v: &mut Variable, ty: &Type, target: &Type, level: i64) {
        v.len = 1;
        let to = match self.cx.reader.read_word(v.addr) {
            Ok(word) => Addr(word),
            Err(fault) => {
                let why = explain(fault);
                self.give_pointer_a_child(v, ty, &why);
                v.unreadable = Some(why);
                return;
            }
        };
        v.value = to.0.to_string();
        let mut child = self.header(target, to);
        let (next, stops) = match target.kind() {
            Kind::Interface => (level + 1, false),
            Kind::Pointer => (level + 1, level > self.config.recurse_max),
            _ => (level, false),
        };
        if !self.config.follow_pointers || stops {
            child.only_addr = true;
        } else {
            self.contents(&mut child, target, next);
        }
        v.children = Some(vec![child]);
    }

    /// A pointer that cannot be read has a child all the same: clients expect one.
    fn give_pointer_a_child(&self, v: &mut Variable, ty: &Type, why: &str) {
        if ty.kind() != Kind::Pointer {
            return;
        }
        let Some(target) = self.cx.types.elem_of(ty) else { return };
        let mut child = typed(&target);
        child.unreadable = Some(format!("parent pointer unreadable: {why}"));
        v.len = 1;
        v.children = Some(vec![child]);
    }

    fn elements(&mut self, v: &mut Variable, elem: &Type, level: i64) {
        if v.base.0 == 0 && v.len > 0 {
            v.unreadable = Some("non-zero length array with nil base".into());
            return;
        }
        let count = v.len.min(self.config.array_values_max).max(0).cast_unsigned();
        self.read_ahead_elements(elem, v.base, count, level + 1);
        let mut children = Vec::new();
        let mut n_bad = 0;
        let nameless: Arc<str> = Arc::from("");
        for i in 0..count {
            let offset = elem.size().wrapping_mul(i).cast_signed();
            let child =
                self.value(nameless.clone(), elem, v.base.offset(offset), level + 1);
            n_bad += usize::from(child.unreadable.is_some());
            children.push(child);
            if n_bad > BAD_ELEMENTS_MAX {
                break;
            }
        }
        v.children = Some(children);
    }

    fn fields(&mut self, v: &mut Variable, ty: &Type, level: i64) {
        let members = ty.members();
        v.len = i64::try_from(members.len()).unwrap_or(i64::MAX);
        if level <= self.config.recurse_max {
            let size = usize::try_from(ty.size()).unwrap_or(usize::MAX);
            self.cx.reader.read_ahead(&[(v.addr, size)]);
            let count = match self.config.struct_fields_max {
                max if max < 0 => members.len(),
                max => members.len().min(usize::try_from(max).unwrap_or(usize::MAX)),
            };
            let mut children = Vec::with_capacity(count);
            for member in &members[..count] {
                let field = self.cx.types.of(member.ty);
                if let Some(bits) = member.bits {
                    children.push(self.bits(&member.name, &field, v.addr, bits));
                    continue;
                }
                let addr = v.addr.offset(member.offset.cast_signed());
                children.push(self.value(member.name.clone(), &field, addr, level + 1));
            }
            v.children = Some(children);
        }
        if &**ty.real_name() == "time.Time" && self.config.struct_fields_max != 0 {
            self.time(v, ty);
        }
    }

    /// `time.Time` as text; its fields are not changed by it.
    fn time(&mut self, v: &mut Variable, ty: &Type) {
        let offset_of = |name: &str| ty.member(name).map(|it| it.offset.cast_signed());
        let (Some(wall), Some(ext), Some(loc)) =
            (offset_of("wall"), offset_of("ext"), offset_of("loc"))
        else {
            return;
        };
        let reader = &self.cx.reader;
        let word = |at: i64| reader.read_word(v.addr.offset(at));
        let (Ok(wall), Ok(ext), Ok(loc)) = (word(wall), word(ext), word(loc)) else {
            return;
        };
        let instant = text::Instant { wall, ext: ext.cast_signed() };
        let offset = self.zone_offset(Addr(loc), instant.unix()).unwrap_or(0);
        if let Some(text) = instant.text(offset) {
            v.value = text;
        }
    }
}

/// A variable of which only the type is known.
pub(crate) fn typed(ty: &Type) -> Variable {
    Variable {
        type_name: ty.name().clone(),
        real_type: ty.real_name().clone(),
        ty: ty.id(),
        kind: ty.kind(),
        flags: match ty.shape() {
            Shape::Pointer(_) if ty.is_native() => Flags::C_POINTER,
            _ => Flags::default(),
        },
        ..Variable::empty()
    }
}

pub(crate) fn set_string(v: &mut Variable, bytes: &[u8]) {
    let (text, lossy) = text::lossy_text(bytes);
    v.value = text;
    v.string_bytes = lossy.then(|| bytes.to_vec());
}

fn complex(v: &mut Variable, re: f64, im: f64) {
    let part = |name: &str, x: f64| Variable {
        name: Arc::from(name),
        kind: if v.kind == Kind::Complex64 { Kind::Float32 } else { Kind::Float64 },
        value: text::short_float_text(x),
        children: None,
        ..Variable::empty()
    };
    v.len = 2;
    v.value = text::complex_text(re, im);
    v.children = Some(vec![part("real", re), part("imaginary", im)]);
}

fn register(v: &mut Variable, bytes: &[u8]) {
    v.addr = Addr(super::value::FAKE_ADDRESSES);
    match <[u8; 8]>::try_from(bytes) {
        Ok(word) => v.value = u64::from_le_bytes(word).to_string(),
        Err(_) => {
            v.value = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            v.len = i64::try_from(v.value.len()).unwrap_or(i64::MAX);
            v.base = v.addr;
        }
    }
}

/// Reads a number or a truth value.
pub(crate) fn read_scalar(
    reader: &Reader<'_>,
    ty: &Type,
    addr: Addr,
) -> Result<Const, String> {
    let size = ty.size();
    let float = |addr: Addr, size: u64| {
        let bits = reader.read_uint(addr, size)?;
        Ok(match size {
            4 => f64::from(f32::from_bits(u32::try_from(bits).unwrap_or(0))),
            _ => f64::from_bits(bits),
        })
    };
    match (ty.shape(), size) {
        (Shape::Bool, _) => reader.read_uint(addr, 1).map(|b| Const::Bool(b != 0)),
        (Shape::Int, 1 | 2 | 4 | 8) => {
            reader.read_int(addr, size).map(|n| Const::Int(n.into()))
        }
        (Shape::Uint, 1 | 2 | 4 | 8) => {
            reader.read_uint(addr, size).map(|n| Const::Int(n.into()))
        }
        (Shape::Float, 4 | 8) => float(addr, size).map(Const::Float),
        (Shape::Complex, 8 | 16) => {
            let half = size / 2;
            float(addr, half).and_then(|re| {
                let im = float(addr.offset(half.cast_signed()), half)?;
                Ok(Const::Complex(re, im))
            })
        }
        _ => return Err(format!("{} of {size} bytes is not supported", ty.name())),
    }
    .map_err(explain)
}
