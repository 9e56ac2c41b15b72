//! Emulation against the processor: both do the same instruction of a real program.

use super::*;
use crate::engine::inferior::emulate::{Words, emulate};
use crate::engine::inferior::site::Code;
use std::collections::BTreeMap;

/// How many instructions are compared for each program.
const INSTRUCTIONS: usize = 30_000;

/// The memory as it is, with what the emulator stores kept aside.
struct Aside<'a> {
    memory: &'a dyn Memory,
    stored: Vec<(u64, Vec<u8>)>,
}

impl Words for Aside<'_> {
    fn load(&mut self, addr: u64, len: usize) -> Option<u64> {
        let mut word = [0; 8];
        self.memory.read(Addr(addr), &mut word[..len]).ok()?;
        Some(u64::from_le_bytes(word))
    }

    fn store(&mut self, addr: u64, len: usize, value: u64) -> Option<()> {
        self.stored.push((addr, value.to_le_bytes()[..len].to_vec()));
        Some(())
    }
}

#[test]
fn emulation_does_what_the_processor_does() {
    for program in [Program::victim(), Program::optimized_victim()] {
        let (mut live, _) = program.launch(&["count", "10"]);
        let tid = live.tids()[0];
        let mut n_emulated = BTreeMap::new();
        for _ in 0..INSTRUCTIONS {
            let before = live.registers(tid).unwrap();
            let memory = live.memory();
            let code = Code::read(&memory, before.rip).unwrap();
            let mut aside = Aside { memory: &*memory, stored: Vec::new() };
            let mut emulated = before;
            let known = emulate(&code.instruction, &mut emulated, &mut aside).is_some();
            let stored = aside.stored;
            live.step_once(tid).unwrap();
            if !known {
                continue;
            }
            *n_emulated.entry(code.instruction.mnemonic() as usize).or_insert(0) += 1;
            let mut stepped = live.registers(tid).unwrap();
            // The kernel's own: whether a system call is to be restarted.
            stepped.orig_rax = emulated.orig_rax;
            let text = code.instruction.to_string();
            assert_eq!(stepped, emulated, "{text} at {:#x} from {before:x?}", before.rip);
            for (addr, bytes) in stored {
                assert_eq!(memory.read_bytes(Addr(addr), bytes.len()).unwrap(), bytes);
            }
        }
        let total: usize = n_emulated.values().sum();
        println!("{total} of {INSTRUCTIONS} emulated: {n_emulated:?}");
        assert!(total > INSTRUCTIONS / 3 && n_emulated.len() > 10);
    }
}
