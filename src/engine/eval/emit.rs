//! How is a value handed on while it is being loaded? To a [`Sink`], part by part, so
//! that ten thousand structs need not all be there before the first is written.
//!
//! What most values consist of (numbers, strings, structs, slices, arrays, maps, pointers
//! to them) is worked out once for each type, as a [`Plan`](super::plan); each value is
//! then a walk over its bytes. Everything else, and every value that has something odd
//! about it, is loaded by the [`Loader`] as always: it alone says what such a value is
//! like, and the plain ones are what it would have made of them (the tests compare).

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::engine::addr::Addr;
use crate::engine::binary::TypeId;
use crate::engine::eval::load::{BAD_ELEMENTS_MAX, Cx, Loader, STRING_LEN_MAX, load};
use crate::engine::eval::map;
use crate::engine::eval::operand::{Data, Operand};
use crate::engine::eval::placed::{Code, Placed};
use crate::engine::eval::plan::{Plan, PlanId, Walk};
use crate::engine::eval::prefetch::WORTHWHILE;
use crate::engine::eval::text;
use crate::engine::eval::types::Shape;
use crate::engine::eval::value::{Flags, Kind, LoadConfig, Variable};

/// Takes values as they are loaded.
pub trait Sink {
    /// A value with all that it consists of.
    fn whole(&mut self, value: &Variable);
    /// A plain value without children.
    fn plain(&mut self, face: &Face, it: &Plain<'_>);
    /// A plain value whose children come next, until it is closed.
    fn open(&mut self, face: &Face, it: &Plain<'_>);
    fn close(&mut self, face: &Face, it: &Plain<'_>);
}

/// What many values have in common.
pub struct Face {
    /// Differs from that of every other face of the [`Emitter`].
    pub id: usize,
    pub name: Arc<str>,
    pub type_name: Arc<str>,
    pub real_type: Arc<str>,
    pub kind: Kind,
    pub flags: Flags,
    pub location: Arc<str>,
    pub decl_line: i64,
}

/// A value that can be read and has no peculiarities; with its [`Face`] it says what a
/// [`Variable`] says.
#[derive(Clone, Copy, Default)]
pub struct Plain<'a> {
    pub addr: Addr,
    pub text: Text<'a>,
    pub len: i64,
    pub cap: i64,
    pub base: Addr,
}

/// The value as text.
#[derive(Clone, Copy, Default)]
pub enum Text<'a> {
    #[default]
    Empty,
    Str(&'a str),
    Int(i64),
    Uint(u64),
}

/// Where values go, and what loads those that are not plain.
struct To<'s, 'c, 'a> {
    loader: Loader<'c, 'a>,
    sink: &'s mut dyn Sink,
}

/// Hands on the values of one request, to one sink.
pub struct Emitter {
    pub(super) config: LoadConfig,
    pub(super) plans: Vec<Plan>,
    /// Plans of elements, which have no names, by type and level.
    pub(super) elements: FxHashMap<(TypeId, i64), PlanId>,
    /// Plans of variables, by type, line and the hash of the name: the last one each.
    pub(super) roots: FxHashMap<(TypeId, i64, u64), PlanId>,
    /// The variables of frames at some code, if they share their places.
    pub(super) placed: FxHashMap<Code, Option<Rc<[Placed]>>>,
}

impl Emitter {
    pub fn new(config: LoadConfig) -> Emitter {
        Emitter {
            config,
            plans: Vec::new(),
            elements: FxHashMap::default(),
            roots: FxHashMap::default(),
            placed: FxHashMap::default(),
        }
    }

    /// How far values are loaded.
    pub fn config(&self) -> LoadConfig {
        self.config
    }

    /// Hands on a value as [`load`] would load it. `name` is for what has none.
    pub(crate) fn operand(
        &mut self,
        cx: &Cx<'_>,
        operand: &Operand,
        name: &str,
        sink: &mut dyn Sink,
    ) {
        let at = match (&operand.data, &operand.unreadable, &operand.ty) {
            (Data::At(addr), None, Some(ty)) if addr.0 != 0 => Some((*addr, ty)),
            _ => None,
        };
        if let Some((addr, ty)) = at
            && let Some(plan) = self.root_plan(cx, operand, ty, name)
            && self.emit_planned(cx, plan, addr, sink)
        {
            return;
        }
        let mut value = load(cx, operand, self.config);
        if value.name.is_empty() {
            value.name = Arc::from(name);
        }
        sink.whole(&value);
    }

    /// Hands on a value that may be plain. False if it is not, or cannot be read, and
    /// nothing has been handed on.
    pub(super) fn emit_planned(
        &mut self,
        cx: &Cx<'_>,
        plan: PlanId,
        addr: Addr,
        sink: &mut dyn Sink,
    ) -> bool {
        let Plan { walk, size, .. } = &self.plans[plan];
        if matches!(walk, Walk::Load) {
            return false;
        }
        let Some(bytes) = cx.reader.view(addr, *size) else { return false };
        let loader = Loader::new(cx, self.config);
        self.value(&mut To { loader, sink }, plan, addr, &bytes);
        true
    }

    /// Hands on the value whose bytes these are. False if it cannot be read.
    fn value(
        &mut self,
        to: &mut To<'_, '_, '_>,
        plan: PlanId,
        addr: Addr,
        bytes: &[u8],
    ) -> bool {
        let is_done = addr.0 != 0
            && bytes.len() == self.plans[plan].size
            && self.plain(to, plan, addr, bytes).is_some();
        is_done || self.loaded(to, plan, addr)
    }

    fn loaded(&mut self, to: &mut To<'_, '_, '_>, plan: PlanId, addr: Addr) -> bool {
        let Plan { face, ty, level, .. } = &self.plans[plan];
        let mut value = to.loader.value(face.name.clone(), ty, addr, *level);
        value.flags |= face.flags;
        value.location.clone_from(&face.location);
        value.decl_line = face.decl_line;
        to.sink.whole(&value);
        value.unreadable.is_none()
    }

    /// Hands on a value if it is a plain one; `None`, and nothing is handed on, if not.
    fn plain(
        &mut self,
        to: &mut To<'_, '_, '_>,
        plan: PlanId,
        addr: Addr,
        bytes: &[u8],
    ) -> Option<()> {
        let it = &self.plans[plan];
        let leaf = |text| Plain { addr, text, ..Plain::default() };
        match &it.walk {
            Walk::Load => return None,
            Walk::Bool => {
                to.loader.cx.reader.count_node().ok()?;
                let text = if bytes[0] != 0 { "true" } else { "false" };
                to.sink.plain(&it.face, &leaf(Text::Str(text)));
            }
            Walk::Int => {
                to.loader.cx.reader.count_node().ok()?;
                let unused = 64 - 8 * it.size;
                let number = (word(bytes) << unused).cast_signed() >> unused;
                to.sink.plain(&it.face, &leaf(Text::Int(number)));
            }
            Walk::Uint => {
                to.loader.cx.reader.count_node().ok()?;
                to.sink.plain(&it.face, &leaf(Text::Uint(word(bytes))));
            }
            Walk::Float => {
                to.loader.cx.reader.count_node().ok()?;
                let text = match it.size {
                    4 => f32::from_bits(u32::try_from(word(bytes)).ok()?).into(),
                    _ => f64::from_bits(word(bytes)),
                };
                let text = text::float_text(text, it.face.kind == Kind::Float32);
                to.sink.plain(&it.face, &leaf(Text::Str(&text)));
            }
            Walk::String => return self.string(to, plan, addr, bytes),
            Walk::Struct { .. } => return self.fields(to, plan, addr, bytes),
            Walk::Slice(elem) => {
                let elem = *elem;
                return self.slice(to, plan, elem, addr, bytes);
            }
            Walk::Array(elem, len) => {
                let (elem, len) = (*elem, *len);
                return self.array(to, plan, (elem, len), addr, bytes);
            }
            Walk::Map { key, elem } => {
                let parts = (*key, *elem);
                return self.map(to, plan, parts, addr);
            }
            Walk::Pointer(target) => {
                let target = *target;
                return self.pointer(to, plan, target, addr, bytes);
            }
        }
        Some(())
    }

    fn array(
        &mut self,
        to: &mut To<'_, '_, '_>,
        plan: PlanId,
        (elem, len): (PlanId, i64),
        addr: Addr,
        bytes: &[u8],
    ) -> Option<()> {
        let value = Plain { addr, len, cap: len, base: addr, ..Plain::default() };
        let count = len.min(self.config.array_values_max).max(0);
        let part = self.plans[elem].size.checked_mul(usize::try_from(count).ok()?)?;
        let bytes = bytes.get(..part)?;
        self.with_parts(to, plan, value, |it, to| {
            it.elements(to, elem, (addr, count), bytes);
        })
    }

    fn pointer(
        &mut self,
        to: &mut To<'_, '_, '_>,
        plan: PlanId,
        target: PlanId,
        addr: Addr,
        bytes: &[u8],
    ) -> Option<()> {
        let at = Addr(word(bytes));
        if at.0 == 0 {
            return self.nil(to, plan, target, addr);
        }
        let view = to.loader.cx.reader.view(at, self.plans[target].size)?;
        let value = Plain { addr, text: Text::Uint(at.0), len: 1, ..Plain::default() };
        self.with_parts(to, plan, value, |it, to| {
            it.value(to, target, at, &view);
        })
    }

    /// A nil pointer has a child of which nothing but the type is known.
    fn nil(
        &mut self,
        to: &mut To<'_, '_, '_>,
        plan: PlanId,
        target: PlanId,
        addr: Addr,
    ) -> Option<()> {
        let len = match self.plans[target].ty.shape() {
            Shape::Array(_, len) => i64::try_from(*len).unwrap_or(i64::MAX),
            _ => 0,
        };
        let value = Plain { addr, text: Text::Uint(0), len: 1, ..Plain::default() };
        self.with_parts(to, plan, value, |it, to| {
            let child = Plain { len, cap: len, ..Plain::default() };
            to.sink.plain(&it.plans[target].face, &child);
        })
    }

    fn string(
        &mut self,
        to: &mut To<'_, '_, '_>,
        plan: PlanId,
        addr: Addr,
        bytes: &[u8],
    ) -> Option<()> {
        let (base, len) = (word(&bytes[..8]), word(&bytes[8..]).cast_signed());
        if !(0..STRING_LEN_MAX).contains(&len) || base == 0 && len > 0 {
            return None;
        }
        let shown = len.min(self.config.string_len_max.max(0));
        let view = to.loader.cx.reader.view(Addr(base), usize::try_from(shown).ok()?)?;
        let text = Text::Str(std::str::from_utf8(&view).ok()?);
        to.loader.cx.reader.count_node().ok()?;
        let value = Plain { addr, text, len, cap: 0, base: Addr(base) };
        to.sink.plain(&self.plans[plan].face, &value);
        Some(())
    }

    fn fields(
        &mut self,
        to: &mut To<'_, '_, '_>,
        plan: PlanId,
        addr: Addr,
        bytes: &[u8],
    ) -> Option<()> {
        let it = &self.plans[plan];
        let Walk::Struct { len, fields } = &it.walk else { return None };
        let value = Plain { addr, len: *len, ..Plain::default() };
        let Some(fields) = fields.clone() else {
            to.loader.cx.reader.count_node().ok()?;
            to.sink.plain(&it.face, &value);
            return Some(());
        };
        self.with_parts(to, plan, value, |it, to| {
            for (at, field) in fields.iter().copied() {
                let part = bytes.get(at..at + it.plans[field].size).unwrap_or_default();
                it.value(to, field, addr.offset(at as i64), part);
            }
        })
    }

    fn slice(
        &mut self,
        to: &mut To<'_, '_, '_>,
        plan: PlanId,
        elem: PlanId,
        addr: Addr,
        bytes: &[u8],
    ) -> Option<()> {
        let base = Addr(word(&bytes[..8]));
        let len = word(&bytes[8..16]).cast_signed();
        let cap = word(&bytes[16..]).cast_signed();
        if len < 0 || cap < len || base.0 == 0 && len > 0 {
            return None;
        }
        let count = len.min(self.config.array_values_max).max(0);
        if count as usize >= WORTHWHILE {
            let Plan { ty, level, .. } = &self.plans[elem];
            to.loader.read_ahead_elements(ty, base, count.cast_unsigned(), *level);
        }
        let part = self.plans[elem].size.checked_mul(usize::try_from(count).ok()?)?;
        let view = to.loader.cx.reader.view(base, part)?;
        let value = Plain { addr, text: Text::Empty, len, cap, base };
        self.with_parts(to, plan, value, |it, to| {
            it.elements(to, elem, (base, count), &view);
        })
    }

    fn map(
        &mut self,
        to: &mut To<'_, '_, '_>,
        plan: PlanId,
        (key, elem): (PlanId, PlanId),
        addr: Addr,
    ) -> Option<()> {
        let Plan { ty, level, .. } = &self.plans[plan];
        let view = map::open(to.loader.cx, ty, addr).ok()?;
        let entries = to.loader.map_entries(&view, *level, 0);
        entries.end.ok()?;
        let base = view.base;
        let value = Plain { addr, len: view.count, base, ..Plain::default() };
        self.with_parts(to, plan, value, |it, to| {
            let mut n_bad = 0;
            for entry in entries.found {
                let key = it.element(to, key, entry.key);
                let elem = it.element(to, elem, entry.elem);
                n_bad += usize::from(!key || !elem);
                if n_bad > BAD_ELEMENTS_MAX {
                    break;
                }
            }
        })
    }

    /// Hands on a value with what it consists of, which `parts` hands on.
    fn with_parts(
        &mut self,
        to: &mut To<'_, '_, '_>,
        plan: PlanId,
        value: Plain<'_>,
        parts: impl FnOnce(&mut Emitter, &mut To<'_, '_, '_>),
    ) -> Option<()> {
        to.loader.cx.reader.count_node().ok()?;
        to.sink.open(&self.plans[plan].face, &value);
        parts(self, to);
        to.sink.close(&self.plans[plan].face, &value);
        Some(())
    }

    /// Hands on a value that lies by itself. False if it cannot be read.
    fn element(&mut self, to: &mut To<'_, '_, '_>, plan: PlanId, at: Addr) -> bool {
        match to.loader.cx.reader.view(at, self.plans[plan].size) {
            Some(view) => self.value(to, plan, at, &view),
            None => self.loaded(to, plan, at),
        }
    }

    fn elements(
        &mut self,
        to: &mut To<'_, '_, '_>,
        elem: PlanId,
        (base, count): (Addr, i64),
        bytes: &[u8],
    ) {
        let size = self.plans[elem].size;
        let mut n_bad = 0;
        for nth in 0..usize::try_from(count).unwrap_or(0) {
            let at = nth * size;
            let part = bytes.get(at..at + size).unwrap_or_default();
            let is_good = self.value(to, elem, base.offset(at as i64), part);
            n_bad += usize::from(!is_good);
            if n_bad > BAD_ELEMENTS_MAX {
                break;
            }
        }
    }
}

/// The unsigned number that these bytes, eight at most, are.
fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}
