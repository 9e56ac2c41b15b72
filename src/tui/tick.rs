//! When must the screen be drawn again although nothing has happened?

use crate::tui::state::{RUNNING_SHOWN_MS, Run, State};
use crate::tui::update::slow::SAID_MS;
use crate::tui::view::status::WHICH_KEY_MS;

/// The next time, in milliseconds since the start, at which something on the screen
/// changes by itself; `None` if nothing does.
pub fn next_tick_ms(state: &State) -> Option<u64> {
    let clock = match state.run {
        // Whole seconds since the program was stopped or let go.
        Run::Running | Run::Stopped => {
            let elapsed = state.now_ms.saturating_sub(state.since_ms);
            Some(state.since_ms + (elapsed / 1000 + 1) * 1000)
        }
        Run::Starting(_) | Run::Exited { .. } | Run::Disconnected(_) => None,
    };
    let shown = Some(state.since_ms + RUNNING_SHOWN_MS)
        .filter(|it| state.is_running() && *it > state.now_ms);
    let which_key = Some(state.keys_since_ms + WHICH_KEY_MS)
        .filter(|it| !state.keys.is_empty() && *it > state.now_ms);
    let asked = state.waiting.iter().map(|it| it.since_ms);
    let slow = asked.chain(state.console.since_ms).min();
    let slow = slow.map(|since| match state.now_ms.saturating_sub(since) {
        0..SAID_MS => since + SAID_MS,
        waited => since + (waited / 1000 + 1) * 1000,
    });
    clock.into_iter().chain(which_key).chain(shown).chain(slow).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keymap::Key;
    use crate::tui::state::Settings;

    #[test]
    fn a_clock_ticks_at_whole_seconds_and_only_while_there_is_one() {
        let mut state = State::new(Settings::default());
        assert_eq!(next_tick_ms(&state), None);
        state.run = Run::Running;
        state.since_ms = 1_250;
        state.now_ms = 1_260;
        assert_eq!(next_tick_ms(&state), Some(1_250 + RUNNING_SHOWN_MS));
        state.now_ms = 1_400;
        assert_eq!(next_tick_ms(&state), Some(2_250));
        state.now_ms = 2_250;
        assert_eq!(next_tick_ms(&state), Some(3_250));
        state.run = Run::Exited { status: 0 };
        assert_eq!(next_tick_ms(&state), None);
        state.keys.push(Key::char('g'));
        state.keys_since_ms = 2_200;
        assert_eq!(next_tick_ms(&state), Some(2_200 + WHICH_KEY_MS));
    }
}
