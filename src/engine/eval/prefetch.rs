//! What will loading these elements read? All strings, slices and pointers of an array,
//! gathered and read in a few system calls before the elements are loaded one by one.

use rustc_hash::FxHashMap;

use crate::engine::addr::Addr;
use crate::engine::binary::TypeId;
use crate::engine::eval::dynamic::Held;
use crate::engine::eval::load::Loader;
use crate::engine::eval::types::{Shape, Type};
use crate::engine::memory::Memory;

/// Below this many values, reading one by one is as fast.
pub(crate) const WORTHWHILE: usize = 4;
/// How many levels of pointers are followed ahead of the loader.
const ROUNDS_MAX: usize = 5;
/// How many places in one element are looked at.
const LINKS_MAX: usize = 256;
/// How many levels of structs are looked into.
const LEVELS_MAX: i64 = 32;
/// How many places one round reads.
const PLACES_MAX: usize = 1 << 18;

/// A place in a value from which loading goes on elsewhere.
struct Link {
    /// From the start of the value.
    offset: u64,
    /// How deep in the value it is, as the loader counts.
    level: i64,
    to: Target,
}

enum Target {
    String,
    Slice(Type),
    Pointer(Type),
    /// An interface, empty or not.
    Interface(bool),
}

/// Values of one type whose links are followed.
struct Round {
    ty: Type,
    level: i64,
    at: Vec<Addr>,
}

impl Loader<'_, '_> {
    /// Reads ahead the elements of an array, and what they lead to.
    pub fn read_ahead_elements(&self, elem: &Type, base: Addr, count: u64, level: i64) {
        let Some(len) = elem.size().checked_mul(count) else { return };
        let Ok(len) = usize::try_from(len) else { return };
        self.cx.reader.read_ahead(&[(base, len)]);
        let Ok(n) = usize::try_from(count) else { return };
        if !(WORTHWHILE..=PLACES_MAX).contains(&n) || !has_links(elem) {
            return;
        }
        let at = (0..count).map(|i| base.offset((i * elem.size()).cast_signed()));
        self.follow(elem, &at.collect::<Vec<_>>(), level);
    }

    /// Reads ahead what the values of one type at several places lead to.
    pub fn read_ahead_at(&self, ty: &Type, at: &[Addr], level: i64) {
        let len = usize::try_from(ty.size()).unwrap_or(0);
        let places: Vec<_> = at.iter().map(|at| (*at, len)).collect();
        self.cx.reader.read_ahead(&places);
        if has_links(ty) {
            self.follow(ty, at, level);
        }
    }

    fn follow(&self, ty: &Type, at: &[Addr], level: i64) {
        let mut todo = vec![Round { ty: ty.clone(), level, at: at.to_vec() }];
        for _ in 0..ROUNDS_MAX {
            let mut places = Vec::new();
            let mut next = Vec::new();
            for Round { ty, level, at } in &todo {
                let mut links = Vec::new();
                self.links(ty, 0, *level, &mut links);
                for link in &links {
                    if let Target::Interface(empty) = link.to {
                        self.gather_held(link, empty, at, &mut places, &mut next);
                        continue;
                    }
                    let found = self.gather(link, at, &mut places);
                    if let (Target::Pointer(target), false) = (&link.to, found.is_empty())
                    {
                        let (ty, level) = (target.clone(), link.level);
                        next.push(Round { ty, level, at: found });
                    }
                }
            }
            if places.is_empty() {
                return;
            }
            self.cx.reader.read_ahead(&places);
            todo = next;
        }
    }

    /// Adds what one link of all values points at to `places`.
    fn gather(
        &self,
        link: &Link,
        at: &[Addr],
        places: &mut Vec<(Addr, usize)>,
    ) -> Vec<Addr> {
        let reader = &self.cx.reader;
        let max = |limit: i64| u64::try_from(limit).unwrap_or(0);
        let mut found = Vec::new();
        for at in at {
            if places.len() >= PLACES_MAX {
                break;
            }
            let at = at.offset(link.offset.cast_signed());
            let Ok(word) = reader.read_word(at) else { continue };
            let len_at = at.offset(8);
            let len = match &link.to {
                Target::String => reader
                    .read_word(len_at)
                    .unwrap_or(0)
                    .min(max(self.config.string_len_max)),
                Target::Slice(elem) => {
                    let count = reader
                        .read_word(len_at)
                        .unwrap_or(0)
                        .min(max(self.config.array_values_max));
                    count.saturating_mul(elem.size())
                }
                Target::Pointer(target) => target.size(),
                Target::Interface(_) => 0,
            };
            if word == 0 || len == 0 {
                continue;
            }
            found.push(Addr(word));
            places.push((Addr(word), usize::try_from(len).unwrap_or(usize::MAX)));
        }
        found
    }

    /// Adds what the interfaces at some places hold, sorted by type.
    fn gather_held(
        &self,
        link: &Link,
        empty: bool,
        at: &[Addr],
        places: &mut Vec<(Addr, usize)>,
        next: &mut Vec<Round>,
    ) {
        let mut by_type: FxHashMap<TypeId, Round> = FxHashMap::default();
        for at in at {
            if places.len() >= PLACES_MAX {
                break;
            }
            let held = self.cx.held_by(at.offset(link.offset.cast_signed()), empty);
            let Ok(Held::Value { ty, at }) = held else { continue };
            let Some(id) = ty.id() else { continue };
            places.push((at, usize::try_from(ty.size()).unwrap_or(usize::MAX)));
            let level = link.level;
            let round = || Round { ty, level, at: Vec::new() };
            by_type.entry(id).or_insert_with(round).at.push(at);
        }
        next.extend(by_type.into_values());
    }

    /// The links of a type that loading will follow, as the configuration says.
    fn links(&self, ty: &Type, offset: u64, level: i64, out: &mut Vec<Link>) {
        if out.len() >= LINKS_MAX || level > LEVELS_MAX {
            return;
        }
        let types = &self.cx.types;
        match ty.shape() {
            Shape::String => out.push(Link { offset, level, to: Target::String }),
            Shape::Slice(elem) => {
                out.push(Link { offset, level, to: Target::Slice(types.elem(elem)) });
            }
            Shape::Pointer(elem) if self.config.follow_pointers => {
                out.push(Link { offset, level, to: Target::Pointer(types.elem(elem)) });
            }
            Shape::Interface { empty } => {
                out.push(Link { offset, level, to: Target::Interface(*empty) });
            }
            Shape::Struct(members) if level <= self.config.recurse_max => {
                for member in members {
                    let field = types.of(member.ty);
                    self.links(&field, offset + member.offset, level + 1, out);
                }
            }
            Shape::Array(elem, len) if *len <= SMALL_ARRAY_MAX => {
                let elem = types.elem(elem);
                for i in 0..*len {
                    self.links(&elem, offset + i * elem.size(), level + 1, out);
                }
            }
            _ => {}
        }
    }
}

/// Arrays within elements are looked into up to this length.
const SMALL_ARRAY_MAX: u64 = 8;

/// Whether loading a value of the type reads anything beyond the value itself. May say
/// yes too often.
fn has_links(ty: &Type) -> bool {
    !matches!(
        ty.shape(),
        Shape::Bool | Shape::Int | Shape::Uint | Shape::Float | Shape::Complex
    )
}
