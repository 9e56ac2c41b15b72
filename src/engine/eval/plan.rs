//! How are values of a type walked? Worked out once for each type, and for each place that
//! it has in another: what [`emit`](super::emit) goes by.

use std::hash::Hasher;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHasher;

use crate::engine::eval::emit::{Emitter, Face};
use crate::engine::eval::load::Cx;
use crate::engine::eval::operand::Operand;
use crate::engine::eval::types::{Shape, Type};
use crate::engine::eval::value::{Flags, Kind};

/// Index into [`Emitter::plans`].
pub(super) type PlanId = usize;

/// How values of one type, in one place of their parents, are walked.
pub(super) struct Plan {
    pub face: Face,
    pub ty: Type,
    pub level: i64,
    pub size: usize,
    pub walk: Walk,
}

pub(super) enum Walk {
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
        fields: Option<Rc<[(usize, PlanId)]>>,
    },
    Slice(PlanId),
    Array(PlanId, i64),
    Pointer(PlanId),
    Map {
        key: PlanId,
        elem: PlanId,
    },
}

/// More plans than this, no request needs; what comes then is loaded.
const PLANS_MAX: usize = 4096;
/// Of larger values only a part is shown, as a rule: they are not read as a whole.
const SIZE_MAX: usize = 1 << 20;
/// How deep plans are nested.
const DEPTH_MAX: usize = 12;

impl Emitter {
    /// The plan for a variable: frames of one function share it.
    pub(super) fn root_plan(
        &mut self,
        cx: &Cx<'_>,
        operand: &Operand,
        ty: &Type,
        name: &str,
    ) -> Option<PlanId> {
        let own = &*operand.name;
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
        face.location.clone_from(&operand.location);
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
        // C has peculiarities of its own, and there is never much of it.
        let is_plain = depth < DEPTH_MAX && size <= SIZE_MAX && !ty.is_native();
        let walk = match is_plain {
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
        Some(Walk::Struct { len, fields: Some(fields.into()) })
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
}
