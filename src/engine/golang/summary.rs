//! Where are 100,000 goroutines, in few reads and without a name?
//!
//! A list of goroutines shows for each where its user's code is, a few frames up. Most of
//! them are parked in the same places, so what a PC means is worked out once; and the
//! frames above `gopark` are within some hundred bytes of the saved SP, so they are read
//! for all goroutines in batches.

use std::hash::Hasher;

use rustc_hash::{FxHashMap, FxHasher};

use crate::engine::addr::Addr;
use crate::engine::golang::goroutine::Goroutine;
use crate::engine::golang::layout::status;
use crate::engine::golang::stack::{Frame, UnwindFrom, UnwindLimits};
use crate::engine::golang::threads::ThreadState;
use crate::engine::golang::{Location, Runtime, Spot};
use crate::engine::memory::{Memory, ReadPart};

/// What a list of goroutines says of the stack of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StackSummary {
    /// The innermost frame that is not of the runtime; where it is if all are.
    pub user: Spot,
    /// The entry of the function that the goroutine was started for: not of a wrapper.
    pub start: Spot,
    /// Equal for stacks whose first [`SIGNATURE_FRAMES_MAX`] PCs are equal, if they were
    /// walked [`Reach::Far`].
    pub signature: u64,
}

/// Frames that tell one stack from another; inlined calls do not count.
pub const SIGNATURE_FRAMES_MAX: usize = 32;

/// Frames that are searched for one of the user.
const USER_FRAMES_MAX: usize = 256;

/// How far a stack is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To the user's frame. There is no signature then.
    ToUser,
    /// As far as signatures look.
    Far,
}

impl Reach {
    /// How much of each stack is read at once, in bytes from SP. Parked in a channel
    /// operation, the user's frame is about 250 bytes up; in a select, 550.
    fn prefetch(self) -> usize {
        match self {
            Reach::ToUser => 640,
            Reach::Far => 1024,
        }
    }
}

/// Stacks that are read at once: as many as one `process_vm_readv` takes (`UIO_MAXIOV`).
const BATCH: usize = 1024;

impl Runtime {
    /// Summarizes the stacks of goroutines, in their order. For goroutines on `threads`
    /// the stack of the thread counts.
    pub fn summarize(
        &self,
        mem: &dyn Memory,
        goroutines: &[Goroutine],
        threads: &[ThreadState],
        reach: Reach,
    ) -> Vec<StackSummary> {
        let prefetched = reach.prefetch();
        let mut summaries = vec![StackSummary::default(); goroutines.len()];
        let mut known = FxHashMap::default();
        let mut starts: FxHashMap<Addr, Addr> = FxHashMap::default();
        let mut order: Vec<(Addr, usize)> =
            goroutines.iter().map(|it| it.sp).zip(0..).collect();
        order.sort_unstable();
        let mut buf = vec![0; BATCH.min(order.len()) * prefetched];
        for batch in order.chunks(BATCH) {
            let stacks = buf.chunks_mut(prefetched);
            let read = prefetch(mem, goroutines, batch, stacks);
            let stacks = buf.chunks(prefetched).zip(read);
            for (&(_, index), (bytes, len)) in batch.iter().zip(stacks) {
                let of = &goroutines[index];
                let thread =
                    of.thread.and_then(|tid| threads.iter().find(|it| it.tid == tid));
                summaries[index] = match thread {
                    Some(thread) => self.summarize_thread(mem, of, thread),
                    None => {
                        let near = Near { from: of.sp, bytes: &bytes[..len], mem };
                        self.summarize_parked(near, of, &mut known, reach)
                    }
                };
                let start = starts.entry(of.start_pc);
                let start = *start.or_insert_with(|| self.start_pc(of));
                summaries[index].start =
                    Spot { pc: start, lookup_pc: start, inline_depth: 0 };
            }
        }
        summaries
    }

    /// The innermost frame of a goroutine that is not of the runtime. `thread` is the
    /// one that runs it.
    pub fn user_location(
        &self,
        mem: &dyn Memory,
        goroutine: &Goroutine,
        thread: Option<&ThreadState>,
    ) -> Location {
        let summary = match thread {
            Some(thread) => self.summarize_thread(mem, goroutine, thread),
            None => {
                let near = Near { from: goroutine.sp, bytes: &[], mem };
                let known = &mut FxHashMap::default();
                self.summarize_parked(near, goroutine, known, Reach::ToUser)
            }
        };
        self.locate(summary.user)
    }

    fn summarize_thread(
        &self,
        mem: &dyn Memory,
        goroutine: &Goroutine,
        thread: &ThreadState,
    ) -> StackSummary {
        let limits = UnwindLimits::frames(USER_FRAMES_MAX);
        let stack = self.unwind(mem, &UnwindFrom::Thread(thread), limits);
        let is_user = |it: &&Frame| {
            it.function.as_ref().is_some_and(|it| is_user_function(&it.name))
        };
        let user = stack.frames.iter().find(is_user);
        let mut hasher = FxHasher::default();
        for frame in stack.frames.iter().filter(|it| it.inline_depth == 0) {
            hasher.write_u64(frame.pc.0);
        }
        StackSummary {
            user: user.map_or_else(|| goroutine.spot(), Frame::spot),
            signature: hasher.finish(),
            ..StackSummary::default()
        }
    }

    /// Walks a stack as `unwind` would, for as long as it is plain Go.
    fn summarize_parked(
        &self,
        near: Near<'_>,
        of: &Goroutine,
        known: &mut FxHashMap<Addr, Meaning>,
        reach: Reach,
    ) -> StackSummary {
        let mut hasher = FxHasher::default();
        let mut user = None;
        let (mut pc, mut sp, mut lookup) = (of.pc, of.sp, of.pc);
        let is_moving = of.status == status::COPYSTACK || of.unreadable;
        for depth in 0..if is_moving { 0 } else { USER_FRAMES_MAX } {
            if user.is_some() && reach == Reach::ToUser {
                break;
            }
            if depth < SIGNATURE_FRAMES_MAX {
                hasher.write_u64(pc.0);
            } else if user.is_some() {
                break;
            }
            let meaning = *known.entry(lookup).or_insert_with(|| self.meaning_of(lookup));
            let Some(delta) = meaning.delta else { break };
            if let (None, Some(inline_depth)) = (user, meaning.user_depth) {
                user = Some(Spot { pc, lookup_pc: lookup, inline_depth });
            }
            let Some(cfa) = sp.0.checked_add(u64::from(delta) + 8) else { break };
            if meaning.is_last || cfa > of.stack_hi.0 {
                break;
            }
            let Some(return_pc) = near.word(Addr(cfa - 8)) else { break };
            (pc, sp) = (return_pc, Addr(cfa));
            lookup = if meaning.interrupts { pc } else { pc.offset(-1) };
        }
        StackSummary {
            user: user.unwrap_or_else(|| of.spot()),
            signature: hasher.finish(),
            ..StackSummary::default()
        }
    }

    fn meaning_of(&self, lookup: Addr) -> Meaning {
        let nothing = Meaning::default();
        let Some(image) = self.images().find(lookup) else { return nothing };
        let stated = image.bias.stated(lookup);
        let Some(id) = image.binary.function_at(stated) else { return nothing };
        let function = image.binary.function(id);
        let frames = image.binary.inline_stack(stated);
        let user_depth = frames.iter().position(|it| is_user_function(it.function));
        Meaning {
            delta: image.binary.sp_delta(stated).and_then(|it| u32::try_from(it).ok()),
            user_depth: user_depth.map(|it| it as u32),
            is_last: function.flags.top_frame,
            interrupts: super::layout::function::INTERRUPTERS.contains(&function.name),
        }
    }
}

/// What a PC means to a walk.
#[derive(Clone, Copy, Debug, Default)]
struct Meaning {
    /// The size of the frame; `None` where it is not known.
    delta: Option<u32>,
    /// Which of the frames at the PC is the innermost one of the user.
    user_depth: Option<u32>,
    is_last: bool,
    interrupts: bool,
}

/// Whether a function is not of the runtime, or exported by it, so that one meets it in
/// one's own program. As Delve's `UserCurrent` in `pkg/proc/variables.go` decides.
pub fn is_user_function(name: &str) -> bool {
    let is_exported = |it: &str| it.starts_with(|c: char| c.is_ascii_uppercase());
    match name.strip_prefix("runtime.") {
        Some(rest) => is_exported(rest),
        None => {
            let inner = ["internal/", "runtime/internal", "iter."];
            name.contains('.') && !inner.iter().any(|it| name.starts_with(it))
        }
    }
}

/// Reads the memory above the SP of each goroutine of a batch; says how much of each.
fn prefetch<'a>(
    mem: &dyn Memory,
    goroutines: &[Goroutine],
    batch: &[(Addr, usize)],
    bufs: impl Iterator<Item = &'a mut [u8]>,
) -> Vec<usize> {
    let mut parts = Vec::with_capacity(batch.len());
    for (&(sp, index), bytes) in batch.iter().zip(bufs) {
        let len = goroutines[index].stack_hi.0.saturating_sub(sp.0);
        let len = usize::try_from(len).map_or(bytes.len(), |it| it.min(bytes.len()));
        parts.push(ReadPart { addr: sp, buf: &mut bytes[..len], ok: false });
    }
    mem.read_many(&mut parts);
    parts.iter().map(|it| if it.ok { it.buf.len() } else { 0 }).collect()
}

/// A stack, the beginning of which has been read.
struct Near<'a> {
    from: Addr,
    bytes: &'a [u8],
    mem: &'a dyn Memory,
}

impl Near<'_> {
    fn word(&self, at: Addr) -> Option<Addr> {
        let offset = at.0.wrapping_sub(self.from.0) as usize;
        let word = offset.checked_add(8).and_then(|end| self.bytes.get(offset..end));
        match word {
            Some(word) => Some(Addr(u64::from_le_bytes(word.try_into().ok()?))),
            None => self.mem.read_word(at).ok().map(Addr),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::golang::testing::{self, Program};

    #[test]
    fn summaries_say_what_the_stacks_say() {
        let program = Program::start(testing::PARKED, &[]);
        let Program { runtime, memory, .. } = &program;
        let table = runtime.goroutines(memory, &[]).unwrap();
        let summaries = runtime.summarize(memory, table.as_slice(), &[], Reach::Far);
        for (it, summary) in table.iter().zip(&summaries) {
            let stack = program.unwind(it);
            let is_user = |it: &&Frame| is_user_function(testing::name(it));
            let user = stack.frames.iter().find(is_user).map(Frame::spot);
            assert_eq!(user.unwrap_or(it.spot()), summary.user, "goroutine {}", it.id);
        }
        let short = runtime.summarize(memory, table.as_slice(), &[], Reach::ToUser);
        let users =
            |all: &[StackSummary]| all.iter().map(|it| it.user).collect::<Vec<_>>();
        assert_eq!(users(&short), users(&summaries));
    }

    #[test]
    fn goroutines_were_started_for_what_their_wrappers_call() {
        let program = Program::start(testing::PARKED, &[]);
        let deep = program.goroutine_in("main.deep");
        let summaries =
            program.runtime.summarize(&program.memory, &[deep], &[], Reach::ToUser);
        assert_eq!(program.runtime.function_name(deep.start_pc), "main.main.gowrap3");
        let start = program.runtime.locate(summaries[0].start);
        assert_eq!(start.function.unwrap().name, "main.deep");
    }

    #[test]
    fn equal_stacks_have_equal_signatures() {
        let program = Program::start(testing::CROWD, &[]);
        let Program { runtime, memory, .. } = &program;
        let table = runtime.goroutines(memory, &[]).unwrap();
        let summaries = runtime.summarize(memory, table.as_slice(), &[], Reach::Far);
        let mut counts: FxHashMap<u64, usize> = FxHashMap::default();
        for summary in &summaries {
            *counts.entry(summary.signature).or_default() += 1;
        }
        let mut counts: Vec<usize> = counts.into_values().collect();
        counts.sort_unstable();
        assert!(counts.ends_with(&[1000, 2000]), "{counts:?}");
    }

    #[test]
    fn functions_of_the_runtime_are_not_the_users() {
        let cases = [
            ("main.main", true),
            ("time.Sleep", true),
            ("runtime.Gosched", true),
            ("sync.(*Mutex).Lock", true),
            ("runtime.gopark", false),
            ("internal/sync.(*Mutex).lockSlow", false),
            ("iter.Pull[...].func1", false),
            ("runtime.(*scavengerState).park", false),
            ("main", false),
        ];
        for (name, expected) in cases {
            assert_eq!(is_user_function(name), expected, "{name}");
        }
    }
}
