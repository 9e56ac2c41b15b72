//! What is fetched from the service, what for, and whether it has come.

/// A value of the service that belongs to a key: a stop, a goroutine, a revision.
///
/// The value that was there stays until the next one has come, so that nothing flickers.
#[derive(Debug)]
pub struct Fetched<K, T> {
    asked: Option<K>,
    key: Option<K>,
    value: Option<T>,
    error: Option<String>,
}

impl<K, T> Default for Fetched<K, T> {
    fn default() -> Fetched<K, T> {
        Fetched { asked: None, key: None, value: None, error: None }
    }
}

impl<K: Copy + PartialEq, T> Fetched<K, T> {
    /// Whether it must be asked for, which is then taken as done.
    pub fn ask(&mut self, key: K) -> bool {
        let new = self.asked != Some(key);
        self.asked = Some(key);
        new
    }

    /// Takes an answer, unless another question was asked since. Says whether it did.
    pub fn accept(&mut self, key: K, answer: Result<T, String>) -> bool {
        if self.asked != Some(key) {
            return false;
        }
        self.key = Some(key);
        match answer {
            Ok(value) => {
                self.value = Some(value);
                self.error = None;
            }
            Err(why) => {
                self.value = None;
                self.error = Some(why);
            }
        }
        true
    }

    /// The last value that came, whatever it was asked for.
    pub fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    pub fn value_mut(&mut self) -> Option<&mut T> {
        self.value.as_mut()
    }

    /// What the value that is there was asked for.
    pub fn key(&self) -> Option<K> {
        self.key
    }

    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Whether an answer is being waited for.
    pub fn is_waiting(&self) -> bool {
        self.asked.is_some() && self.asked != self.key
    }

    /// Makes the next question a new one.
    pub fn invalidate(&mut self) {
        self.asked = None;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Fetched::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_an_earlier_question_is_dropped() {
        let mut it = Fetched::default();
        assert!(it.ask(1));
        assert!(!it.ask(1), "asked already");
        assert!(it.ask(2));
        assert!(!it.accept(1, Ok("old")));
        assert!(it.is_waiting());
        assert!(it.accept(2, Ok("new")));
        assert_eq!(it.value(), Some(&"new"));
    }

    #[test]
    fn the_old_value_stays_until_the_new_one_has_come() {
        let mut it = Fetched::default();
        it.ask(1);
        it.accept(1, Ok("one"));
        it.ask(2);
        assert_eq!(it.value(), Some(&"one"));
        it.accept(2, Err("gone".to_owned()));
        assert_eq!((it.value(), it.error()), (None, Some("gone")));
    }
}
