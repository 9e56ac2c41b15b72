//! Where the cursor and the top of a list are.

/// The place in a list: the row under the cursor, and the first row that is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListPosition {
    pub cursor: usize,
    pub top: usize,
}

impl ListPosition {
    /// Moves the cursor by some rows, within the list.
    pub fn move_by(&mut self, rows: isize, len: usize) {
        let last = len.saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(rows).min(last);
    }

    /// Brings the cursor into the list and into the view of `height` rows.
    pub fn settle(&mut self, len: usize, height: usize) {
        let height = height.max(1);
        self.cursor = self.cursor.min(len.saturating_sub(1));
        let highest = len.saturating_sub(height);
        if self.cursor < self.top {
            self.top = self.cursor;
        } else if self.cursor >= self.top + height {
            self.top = self.cursor + 1 - height;
        }
        self.top = self.top.min(highest);
    }

    /// Scrolls the view, and takes the cursor along where it would leave it.
    pub fn scroll_by(&mut self, rows: isize, len: usize, height: usize) {
        let highest = len.saturating_sub(height.max(1));
        self.top = self.top.saturating_add_signed(rows).min(highest);
        let bottom = (self.top + height.max(1)).min(len).saturating_sub(1);
        self.cursor = self.cursor.clamp(self.top.min(bottom), bottom);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_always_seen() {
        let mut at = ListPosition::default();
        at.move_by(100, 50);
        at.settle(50, 10);
        assert_eq!(at, ListPosition { cursor: 49, top: 40 });
        at.move_by(-20, 50);
        at.settle(50, 10);
        assert_eq!(at, ListPosition { cursor: 29, top: 29 });
        at.settle(5, 10);
        assert_eq!(at, ListPosition { cursor: 4, top: 0 });
        at.settle(0, 0);
        assert_eq!(at, ListPosition::default());
    }

    #[test]
    fn scrolling_takes_the_cursor_along() {
        let mut at = ListPosition { cursor: 2, top: 0 };
        at.scroll_by(5, 50, 10);
        assert_eq!(at, ListPosition { cursor: 5, top: 5 });
        at.scroll_by(-9, 50, 10);
        assert_eq!(at, ListPosition { cursor: 5, top: 0 });
    }
}
