//! Where is what on the screen? A function of the size and the arrangement.
//!
//! Drawing and updating both call [`layout`], so that a click and a page mean what is
//! seen. A slot holds one pane or several as tabs; of several, the one that had the focus
//! last is in front.

use ratatui::layout::{Position, Rect};

use crate::tui::pane::Pane;

/// What the size of the terminal allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// No frames: source, one pane under a rule.
    Tiny,
    /// Source over one tabbed pane.
    Compact,
    /// Two columns.
    Standard,
    /// Three columns.
    Wide,
    /// Narrow and high: everything in one column.
    Tall,
}

impl Class {
    pub fn of(width: u16, height: u16) -> Class {
        if width < 60 || height < 16 {
            Class::Tiny
        } else if width < 100 && height > 45 {
            Class::Tall
        } else if width < 100 || height < 30 {
            Class::Compact
        } else if width >= 160 && height >= 40 {
            Class::Wide
        } else {
            Class::Standard
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Class::Tiny => "tiny",
            Class::Compact => "compact",
            Class::Standard => "standard",
            Class::Wide => "wide",
            Class::Tall => "tall",
        }
    }

    pub const ALL: [Class; 5] =
        [Class::Tiny, Class::Compact, Class::Standard, Class::Wide, Class::Tall];

    /// The smallest screen on which this layout can be read.
    pub fn smallest(self) -> (u16, u16) {
        match self {
            Class::Tiny => (1, 1),
            Class::Compact => (40, 12),
            Class::Standard => (90, 24),
            Class::Wide => (130, 30),
            Class::Tall => (50, 30),
        }
    }
}

/// What the user has arranged.
#[derive(Clone, Debug)]
pub struct Arrangement {
    pub focus: Pane,
    /// When each pane last had the focus; the highest of a slot is in front.
    pub recency: [u32; 7],
    pub zoomed: bool,
    /// Instead of the one that the size asks for.
    pub class: Option<Class>,
    /// How many twentieths the focused pane was grown by, for each pane.
    pub growth: [i16; 7],
    /// How far borders were dragged, in thousandths of what they part, for each class.
    pub dragged: [[i16; DIVIDERS_MAX]; 5],
}

impl Default for Arrangement {
    fn default() -> Arrangement {
        Arrangement {
            focus: Pane::Source,
            // In front at first: the source, then variables before the console.
            recency: [9, 2, 8, 5, 4, 3, 1],
            zoomed: false,
            class: None,
            growth: [0; 7],
            dragged: Default::default(),
        }
    }
}

impl Arrangement {
    /// Gives a pane the focus, and the front of its slot.
    pub fn set_focus(&mut self, pane: Pane) {
        self.focus = pane;
        let newest = self.recency.iter().max().copied().unwrap_or(0);
        self.recency[pane.index()] = newest + 1;
    }
}

/// A place for a pane, or for several as tabs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub area: Rect,
    pub panes: &'static [Pane],
    /// The one in front.
    pub front: Pane,
    pub bordered: bool,
}

impl Slot {
    /// Where the content of the pane in front goes.
    pub fn inner(&self) -> Rect {
        let Rect { x, y, width, height } = self.area;
        if self.bordered {
            Rect::new(
                x + width.min(1),
                y + height.min(1),
                width.saturating_sub(2),
                height.saturating_sub(2),
            )
        } else if self.front == Pane::Source && self.panes.len() == 1 {
            self.area
        } else {
            Rect::new(x, y + height.min(1), width, height.saturating_sub(1))
        }
    }
}

/// The most borders between panes that a layout has.
pub const DIVIDERS_MAX: usize = 6;

/// A border between panes, which can be dragged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divider {
    /// Its number within the class.
    pub nth: usize,
    /// It parts columns, and else rows.
    pub is_column: bool,
    /// What it parts.
    pub area: Rect,
    /// How many cells are before it.
    pub share: u16,
    /// The share in thousandths, had it not been dragged.
    base: i16,
}

impl Divider {
    /// The first cell behind it.
    pub fn at(&self) -> u16 {
        self.share + if self.is_column { self.area.x } else { self.area.y }
    }

    /// Whether a cell is on it: the frames on both sides are.
    pub fn is_hit(&self, x: u16, y: u16) -> bool {
        let along = if self.is_column { x } else { y };
        let is_near = along == self.at() || along + 1 == self.at();
        is_near && self.area.contains(Position { x, y })
    }

    /// How far it must be dragged, in thousandths, to have its first cell behind it here.
    pub fn dragged_to(&self, at: u16) -> i16 {
        let (start, total) = match self.is_column {
            true => (self.area.x, self.area.width),
            false => (self.area.y, self.area.height),
        };
        let cells = i32::from(at.saturating_sub(start).min(total));
        let total = i32::from(total.max(1));
        // Rounded up, as the share is rounded down.
        ((cells * 1000 + total - 1) / total) as i16 - self.base
    }
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Areas {
    pub class: Class,
    pub screen: Rect,
    pub status: Rect,
    pub slots: Vec<Slot>,
    pub dividers: Vec<Divider>,
    pub hints: Rect,
    pub message: Rect,
}

impl Areas {
    /// The content's place of a pane that can be seen.
    pub fn inner_of(&self, pane: Pane) -> Option<Rect> {
        self.slots.iter().find(|it| it.front == pane).map(Slot::inner)
    }

    pub fn is_visible(&self, pane: Pane) -> bool {
        self.slots.iter().any(|it| it.front == pane)
    }
}

use Pane as P;

const REST: &[Pane] =
    &[P::Goroutines, P::Variables, P::Stack, P::Breakpoints, P::Watches, P::Console];

/// The areas of a screen of this size.
pub fn layout(width: u16, height: u16, arrangement: &Arrangement) -> Areas {
    let fits = |it: &Class| {
        let (w, h) = it.smallest();
        width >= w && height >= h
    };
    let class =
        arrangement.class.filter(fits).unwrap_or_else(|| Class::of(width, height));
    let screen = Rect::new(0, 0, width, height);
    let line = |y: u16| Rect::new(0, y.min(height), width, u16::from(y < height));
    let bottom = if height >= 8 { 2 } else { u16::from(height >= 4) };
    let status = line(0);
    let body = Rect::new(
        0,
        height.min(1),
        width,
        height.saturating_sub(1).saturating_sub(bottom),
    );
    let mut areas = Areas {
        class,
        screen,
        status,
        slots: Vec::with_capacity(7),
        dividers: Vec::with_capacity(DIVIDERS_MAX),
        hints: if bottom == 2 { line(height - 2) } else { Rect::default() },
        message: if bottom >= 1 { line(height - 1) } else { Rect::default() },
    };
    let mut at = Placer {
        arrangement,
        class,
        slots: &mut areas.slots,
        dividers: &mut areas.dividers,
    };
    if arrangement.zoomed {
        at.slot(body, zoomed(arrangement.focus), class != Class::Tiny);
        return areas;
    }
    match class {
        Class::Tiny => at.tiny(body),
        Class::Compact => at.compact(body),
        Class::Standard => at.standard(body),
        Class::Wide => at.wide(body),
        Class::Tall => at.tall(body),
    }
    areas
}

/// The slot that a pane has all for itself.
fn zoomed(pane: Pane) -> &'static [Pane] {
    &Pane::ALL[pane.index()..=pane.index()]
}

struct Placer<'a> {
    arrangement: &'a Arrangement,
    class: Class,
    slots: &'a mut Vec<Slot>,
    dividers: &'a mut Vec<Divider>,
}

impl Placer<'_> {
    fn slot(&mut self, area: Rect, panes: &'static [Pane], bordered: bool) {
        let recency = |it: &&Pane| self.arrangement.recency[it.index()];
        let Some(front) = panes.iter().max_by_key(recency).copied() else { return };
        self.slots.push(Slot { area, panes, front, bordered });
    }

    /// How many twentieths the panes of a slot were grown by.
    fn growth(&self, panes: &[Pane]) -> i16 {
        panes.iter().map(|it| self.arrangement.growth[it.index()]).sum()
    }

    /// Where to part a length: a share in twentieths, moved by what the panes on both
    /// sides have grown and by what the border was dragged.
    fn part(&mut self, area: Rect, is_column: bool, split: Split<'_>) -> u16 {
        let total = if is_column { area.width } else { area.height };
        let grown = split.twentieths + self.growth(split.a) - self.growth(split.b);
        let base = grown.clamp(3, 17) * 50;
        let nth = self.dividers.len();
        let dragged = self.arrangement.dragged[self.class as usize]
            .get(nth)
            .copied()
            .unwrap_or_default();
        let thousandths = (base + dragged).clamp(0, 1000);
        let share = (i32::from(total) * i32::from(thousandths) / 1000) as u16;
        let share = share.clamp(total.min(3), total.saturating_sub(3).max(total.min(3)));
        self.dividers.push(Divider { nth, is_column, area, share, base });
        share
    }

    /// Parts an area into an upper and a lower one.
    fn rows(
        &mut self,
        area: Rect,
        twentieths: i16,
        a: &[Pane],
        b: &[Pane],
    ) -> (Rect, Rect) {
        let upper = self.part(area, false, Split { twentieths, a, b });
        split_rows(area, upper)
    }

    /// Parts an area into a left and a right one.
    fn columns(
        &mut self,
        area: Rect,
        twentieths: i16,
        a: &[Pane],
        b: &[Pane],
    ) -> (Rect, Rect) {
        let left = self.part(area, true, Split { twentieths, a, b });
        split_columns(area, left)
    }

    fn tiny(&mut self, body: Rect) {
        let (top, bottom) = self.rows(body, 12, &[P::Source], REST);
        if bottom.height < 3 {
            self.dividers.clear();
            self.slot(body, zoomed(self.arrangement.focus), false);
            return;
        }
        self.slot(top, &[P::Source], false);
        self.slot(bottom, REST, false);
    }

    fn compact(&mut self, body: Rect) {
        let (top, bottom) = self.rows(body, 11, &[P::Source], REST);
        self.slot(top, &[P::Source], true);
        self.slot(bottom, REST, true);
    }

    fn standard(&mut self, body: Rect) {
        const UNDER: &[Pane] = &[P::Variables, P::Console];
        const RIGHT: &[Pane] = &[P::Goroutines, P::Stack, P::Breakpoints, P::Watches];
        const LAST: &[Pane] = &[P::Breakpoints, P::Watches];
        let (left, right) = self.columns(body, 12, &[P::Source], RIGHT);
        let (top, bottom) = self.rows(left, 12, &[P::Source], UNDER);
        self.slot(top, &[P::Source], true);
        self.slot(bottom, UNDER, true);
        let (top, rest) =
            self.rows(right, 7, &[P::Goroutines], &[P::Stack, P::Breakpoints]);
        self.slot(top, &[P::Goroutines], true);
        let (middle, last) = self.rows(rest, 10, &[P::Stack], LAST);
        self.slot(middle, &[P::Stack], true);
        self.slot(last, LAST, true);
    }

    fn wide(&mut self, body: Rect) {
        const LEFT: &[Pane] = &[P::Goroutines, P::Stack, P::Breakpoints];
        const RIGHT: &[Pane] = &[P::Variables, P::Watches];
        let (left, rest) = self.columns(body, 5, LEFT, &[P::Source]);
        let (middle, right) = self.columns(rest, 13, &[P::Source], RIGHT);
        let (goroutines, below) =
            self.rows(left, 9, &[P::Goroutines], &[P::Stack, P::Breakpoints]);
        let (source, console) = self.rows(middle, 15, &[P::Source], &[P::Console]);
        let (variables, watches) = self.rows(right, 14, &[P::Variables], &[P::Watches]);
        let (stack, breakpoints) = self.rows(below, 12, &[P::Stack], &[P::Breakpoints]);
        self.slot(source, &[P::Source], true);
        self.slot(goroutines, &[P::Goroutines], true);
        self.slot(variables, &[P::Variables], true);
        self.slot(stack, &[P::Stack], true);
        self.slot(breakpoints, &[P::Breakpoints], true);
        self.slot(watches, &[P::Watches], true);
        self.slot(console, &[P::Console], true);
    }

    fn tall(&mut self, body: Rect) {
        const LISTS: &[Pane] = &[P::Goroutines, P::Stack, P::Breakpoints, P::Watches];
        let (top, rest) =
            self.rows(body, 9, &[P::Source], &[P::Variables, P::Goroutines]);
        self.slot(top, &[P::Source], true);
        let (variables, rest) = self.rows(rest, 8, &[P::Variables], LISTS);
        self.slot(variables, &[P::Variables], true);
        let (lists, console) = self.rows(rest, 13, LISTS, &[P::Console]);
        self.slot(lists, LISTS, true);
        self.slot(console, &[P::Console], true);
    }
}

/// How an area is parted between the panes on both sides.
struct Split<'a> {
    twentieths: i16,
    a: &'a [Pane],
    b: &'a [Pane],
}

fn split_rows(area: Rect, upper: u16) -> (Rect, Rect) {
    let upper = upper.min(area.height);
    (
        Rect { height: upper, ..area },
        Rect { y: area.y + upper, height: area.height - upper, ..area },
    )
}

fn split_columns(area: Rect, left: u16) -> (Rect, Rect) {
    let left = left.min(area.width);
    (
        Rect { width: left, ..area },
        Rect { x: area.x + left, width: area.width - left, ..area },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_follows_the_size() {
        let cases = [
            ((40, 12), Class::Tiny),
            ((80, 24), Class::Compact),
            ((100, 30), Class::Standard),
            ((120, 40), Class::Standard),
            ((200, 60), Class::Wide),
            ((80, 60), Class::Tall),
            ((59, 60), Class::Tiny),
        ];
        for ((width, height), class) in cases {
            assert_eq!(Class::of(width, height), class, "{width}x{height}");
        }
    }

    #[test]
    fn slots_never_overlap_and_never_leave_the_screen() {
        for class in [None].into_iter().chain(Class::ALL.map(Some)) {
            for (width, height) in
                [(1, 1), (3, 5), (40, 12), (80, 24), (120, 40), (300, 90)]
            {
                for zoomed in [false, true] {
                    let it = Arrangement { class, zoomed, ..Default::default() };
                    check(&layout(width, height, &it));
                }
            }
        }
    }

    #[test]
    fn a_border_that_is_dragged_is_where_the_mouse_is() {
        for (width, height) in [(80, 24), (120, 40), (200, 60), (80, 60)] {
            let areas = layout(width, height, &Arrangement::default());
            assert!(areas.dividers.len() <= DIVIDERS_MAX);
            for nth in 0..areas.dividers.len() {
                for by in [-3i16, 1, 2] {
                    let mut it = Arrangement::default();
                    let before = layout(width, height, &it).dividers[nth];
                    let wanted = before.at().saturating_add_signed(by);
                    it.dragged[areas.class as usize][nth] = before.dragged_to(wanted);
                    let areas = layout(width, height, &it);
                    assert_eq!(areas.dividers[nth].at(), wanted, "{nth} {areas:?}");
                    check(&areas);
                }
            }
        }
    }

    fn check(areas: &Areas) {
        let mut taken = vec![false; areas.screen.area() as usize];
        let lines = [areas.status, areas.hints, areas.message];
        for area in areas.slots.iter().map(|it| it.area).chain(lines) {
            for position in area.positions() {
                assert!(areas.screen.contains(position), "{area:?} in {areas:?}");
                let cell = position.y as usize * areas.screen.width as usize
                    + position.x as usize;
                assert!(!std::mem::replace(&mut taken[cell], true), "{areas:?}");
            }
        }
    }

    #[test]
    fn every_pane_can_be_brought_to_the_front_in_every_class() {
        for (width, height) in [(40, 12), (80, 24), (120, 40), (200, 60), (80, 60)] {
            for pane in Pane::ALL {
                let mut it = Arrangement::default();
                it.set_focus(pane);
                assert!(
                    layout(width, height, &it).is_visible(pane),
                    "{pane:?} at {width}x{height}"
                );
            }
        }
    }
}
