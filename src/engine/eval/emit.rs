//! How is a value handed on while it is being loaded? To a [`Sink`], part by part, so
//! that ten thousand structs need not all be there before the first is written.
//!
//! What most values consist of (numbers, strings, structs, slices, arrays, pointers to
//! them) is worked out once for each type, as a [`Plan`]; each value is then a walk over
//! its bytes. Everything else, and every value that has something odd about it, is loaded
//! by the [`Loader`] as always: it alone says what such a value is like, and the plain
//! ones are what it would have made of them (the tests compare).

use std::hash::Hasher;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHasher};

use crate::engine::addr::Addr;
use crate::engine::binary::TypeId;
use crate::engine::eval::load::{BAD_ELEMENTS_MAX, Cx, Loader, STRING_LEN_MAX, load};
use crate::engine::eval::map;
use crate::engine::eval::operand::{Data, Operand};
use crate::engine::eval::prefetch::WORTHWHILE;
use crate::engine::eval::text;
use crate::engine::eval::types::{Shape, Type};
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

/// Index into [`Emitter::plans`].
type PlanId = usize;

/// How values of one type, in one place of their parents, are walked.
struct Plan {
    face: Face,
    ty: Type,
    level: i64,
    size: usize,
    walk: Walk,
}

enum Walk {
    /// Not plain: the loader does it.
    Load,
    Bool,
    Int,
    Uint,
    Float,
    String,
    /// Fields with their offsets; `None` if they are too deep to be loaded.
    Struct {
        len: i64,
        fields: Option<Vec<(usize, PlanId)>>,
    },
    Slice(PlanId),
    Array(PlanId, i64),
    Pointer(PlanId),
    Map {
        key: PlanId,
        elem: PlanId,
    },
}

/// Where values go, and what loads those that are not plain.
struct To<'s, 'c, 'a> {
    loader: Loader<'c, 'a>,
    sink: &'s mut dyn Sink,
}

/// More plans than this, no request needs; what comes then is loaded.
const PLANS_MAX: usize = 4096;
/// Of larger values only a part is shown, as a rule: they are not read as a whole.
const SIZE_MAX: usize = 1 << 20;
/// How deep plans are nested.
const DEPTH_MAX: usize = 12;

/// Hands on the values of one request, to one sink.
pub struct Emitter {
    config: LoadConfig,
    plans: Vec<Plan>,
    /// Plans of elements, which have no names, by type and level.
    elements: FxHashMap<(TypeId, i64), PlanId>,
    /// Plans of variables, by type, line and the hash of the name: the last one each.
    roots: FxHashMap<(TypeId, i64, u64), PlanId>,
}

impl Emitter {
    pub fn new(config: LoadConfig) -> Emitter {
        let (elements, roots) = (FxHashMap::default(), FxHashMap::default());
        Emitter { config, plans: Vec::new(), elements, roots }
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
            && !matches!(self.plans[plan].walk, Walk::Load)
            && let Some(bytes) = cx.reader.view(addr, self.plans[plan].size)
        {
            let loader = Loader::new(cx, self.config);
            self.value(&mut To { loader, sink }, plan, addr, &bytes);
            return;
        }
        let mut value = load(cx, operand, self.config);
        if value.name.is_empty() {
            value.name = Arc::from(name);
        }
        sink.whole(&value);
    }

    /// The plan for a variable: frames of one function share it.
    fn root_plan(
        &mut self,
        cx: &Cx<'_>,
        operand: &Operand,
        ty: &Type,
        name: &str,
    ) -> Option<PlanId> {
        let own = operand.name.as_str();
        let name = if own.is_empty() { name } else { own };
        let mut hasher = FxHasher::default();
        hasher.write(name.as_bytes());
        let key = ty.id().map(|id| (id, operand.decl_line, hasher.finish()));
        let known = key.as_ref().and_then(|key| self.roots.get(key));
        if let Some(known) = known.copied() {
            let face = &self.plans[known].face;
            let is_same = *face.name == *name
                && face.flags == operand.flags
                && *face.location == *operand.location;
            if is_same {
                return Some(known);
            }
        }
        let plan = self.plan(cx, Arc::from(name), ty, 0, 0)?;
        let face = &mut self.plans[plan].face;
        face.flags = operand.flags;
        face.location = Arc::from(operand.location.as_str());
        face.decl_line = operand.decl_line;
        if let Some(key) = key {
            self.roots.insert(key, plan);
        }
        Some(plan)
    }

    /// The plan for values of a type; `None` if there are too many already.
    fn plan(
        &mut self,
        cx: &Cx<'_>,
        name: Arc<str>,
        ty: &Type,
        level: i64,
        depth: usize,
    ) -> Option<PlanId> {
        if self.plans.len() >= PLANS_MAX {
            return None;
        }
        let id = self.plans.len();
        let nothing: Arc<str> = Arc::from("");
        let face = Face {
            id,
            name,
            type_name: ty.name().clone(),
            real_type: ty.real_name().clone(),
            kind: ty.kind(),
            flags: Flags::default(),
            location: nothing,
            decl_line: 0,
        };
        let size = usize::try_from(ty.size()).unwrap_or(usize::MAX);
        // Its own number is taken before its parts take theirs.
        self.plans.push(Plan { face, ty: ty.clone(), level, size, walk: Walk::Load });
        let walk = match depth < DEPTH_MAX && size <= SIZE_MAX {
            true => self.walk_of(cx, ty, level, depth),
            false => None,
        };
        self.plans[id].walk = walk.unwrap_or(Walk::Load);
        Some(id)
    }

    fn walk_of(
        &mut self,
        cx: &Cx<'_>,
        ty: &Type,
        level: i64,
        depth: usize,
    ) -> Option<Walk> {
        let is_sized = matches!(ty.size(), 1 | 2 | 4 | 8);
        let has_names = || !cx.types.enumeration(ty).is_empty();
        Some(match ty.shape() {
            Shape::Bool if ty.size() == 1 => Walk::Bool,
            Shape::Int if is_sized && !has_names() => Walk::Int,
            Shape::Uint if is_sized && !has_names() => Walk::Uint,
            Shape::Float if matches!(ty.size(), 4 | 8) => Walk::Float,
            Shape::String if ty.size() == 16 => Walk::String,
            Shape::Struct(_) if &**ty.real_name() != "time.Time" => {
                self.struct_walk(cx, ty, level, depth)?
            }
            Shape::Slice(elem) if ty.size() == 24 => {
                Walk::Slice(self.element_plan(cx, &cx.types.elem(elem), level, depth)?)
            }
            Shape::Array(elem, len) => {
                let len = i64::try_from(*len).ok()?;
                let elem = cx.types.elem(elem);
                Walk::Array(self.element_plan(cx, &elem, level, depth)?, len)
            }
            Shape::Pointer(elem) if self.config.follow_pointers && ty.size() == 8 => {
                let target = cx.types.elem(elem);
                // How far chains of these are followed is a matter of its own.
                if matches!(target.kind(), Kind::Interface | Kind::Pointer) {
                    return None;
                }
                let nameless = Arc::from("");
                Walk::Pointer(self.plan(cx, nameless, &target, level, depth + 1)?)
            }
            Shape::Map { key, elem, .. } => {
                let (key, elem) = (cx.types.of(*key), cx.types.of(*elem));
                let key = self.element_plan(cx, &key, level, depth)?;
                Walk::Map { key, elem: self.element_plan(cx, &elem, level, depth)? }
            }
            _ => return None,
        })
    }

    fn struct_walk(
        &mut self,
        cx: &Cx<'_>,
        ty: &Type,
        level: i64,
        depth: usize,
    ) -> Option<Walk> {
        let members = ty.members();
        let len = i64::try_from(members.len()).ok()?;
        if level > self.config.recurse_max {
            return Some(Walk::Struct { len, fields: None });
        }
        let count = match self.config.struct_fields_max {
            max if max < 0 => members.len(),
            max => members.len().min(usize::try_from(max).unwrap_or(usize::MAX)),
        };
        let mut fields = Vec::with_capacity(count);
        for member in &members[..count] {
            let field = cx.types.of(member.ty);
            let at = usize::try_from(member.offset).ok()?;
            // Damaged debug information may say anything.
            let end = at.checked_add(usize::try_from(field.size()).ok()?)?;
            if end as u64 > ty.size() {
                return None;
            }
            let name = member.name.clone();
            fields.push((at, self.plan(cx, name, &field, level + 1, depth + 1)?));
        }
        Some(Walk::Struct { len, fields: Some(fields) })
    }

    fn element_plan(
        &mut self,
        cx: &Cx<'_>,
        elem: &Type,
        level: i64,
        depth: usize,
    ) -> Option<PlanId> {
        let key = elem.id().map(|id| (id, level + 1));
        if let Some(known) = key.and_then(|key| self.elements.get(&key)) {
            return Some(*known);
        }
        let id = self.plan(cx, Arc::from(""), elem, level + 1, depth + 1)?;
        // One that was cut short by its depth is not for others.
        if let Some(key) = key.filter(|_| depth < DEPTH_MAX / 2) {
            self.elements.insert(key, id);
        }
        Some(id)
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
        value.location = face.location.to_string();
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
        to.loader.cx.reader.count_node().ok()?;
        to.sink.open(&self.plans[plan].face, &value);
        self.elements(to, elem, (addr, count), bytes);
        to.sink.close(&self.plans[plan].face, &value);
        Some(())
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
        to.loader.cx.reader.count_node().ok()?;
        let value = Plain { addr, text: Text::Uint(at.0), len: 1, ..Plain::default() };
        to.sink.open(&self.plans[plan].face, &value);
        self.value(to, target, at, &view);
        to.sink.close(&self.plans[plan].face, &value);
        Some(())
    }

    /// A nil pointer has a child of which nothing but the type is known.
    fn nil(
        &mut self,
        to: &mut To<'_, '_, '_>,
        plan: PlanId,
        target: PlanId,
        addr: Addr,
    ) -> Option<()> {
        to.loader.cx.reader.count_node().ok()?;
        let len = match self.plans[target].ty.shape() {
            Shape::Array(_, len) => i64::try_from(*len).unwrap_or(i64::MAX),
            _ => 0,
        };
        let value = Plain { addr, text: Text::Uint(0), len: 1, ..Plain::default() };
        to.sink.open(&self.plans[plan].face, &value);
        to.sink.plain(
            &self.plans[target].face,
            &Plain { len, cap: len, ..Plain::default() },
        );
        to.sink.close(&self.plans[plan].face, &value);
        Some(())
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
        to.loader.cx.reader.count_node().ok()?;
        let it = &self.plans[plan];
        let Walk::Struct { len, fields } = &it.walk else { return None };
        let value = Plain { addr, len: *len, ..Plain::default() };
        let Some(fields) = fields else {
            to.sink.plain(&it.face, &value);
            return Some(());
        };
        let n_fields = fields.len();
        to.sink.open(&it.face, &value);
        for nth in 0..n_fields {
            let Walk::Struct { fields: Some(fields), .. } = &self.plans[plan].walk else {
                break;
            };
            let (at, field) = fields[nth];
            let bytes = bytes.get(at..at + self.plans[field].size).unwrap_or_default();
            self.value(to, field, addr.offset(at as i64), bytes);
        }
        to.sink.close(&self.plans[plan].face, &value);
        Some(())
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
        to.loader.cx.reader.count_node().ok()?;
        let value = Plain { addr, text: Text::Empty, len, cap, base };
        to.sink.open(&self.plans[plan].face, &value);
        self.elements(to, elem, (base, count), &view);
        to.sink.close(&self.plans[plan].face, &value);
        Some(())
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
        to.loader.cx.reader.count_node().ok()?;
        let base = view.base;
        let value = Plain { addr, len: view.count, base, ..Plain::default() };
        to.sink.open(&self.plans[plan].face, &value);
        let mut n_bad = 0;
        for entry in entries.found {
            let key = self.element(to, key, entry.key);
            let elem = self.element(to, elem, entry.elem);
            n_bad += usize::from(!key || !elem);
            if n_bad > BAD_ELEMENTS_MAX {
                break;
            }
        }
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
