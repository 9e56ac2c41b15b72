//! Core files that lie, and what is made of them: an answer or a sentence, never more.

use std::path::PathBuf;

use super::*;
use crate::engine::memory::Memory;

/// A directory that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let dir = std::env::temp_dir();
        let dir = dir.join(format!("tinydbg-core-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Dir(dir)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        // A file that is written over may be waited for until it is on the disk.
        let _none = std::fs::remove_file(&path);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Program headers: type, offset, address, length in the file, length in memory.
type Header = (u32, u64, u64, u64, u64);

const TEXT: u64 = 0x40_0000;
const HEAP: u64 = 0xc0_0000_0000;

fn elf(kind: u16, headers: &[Header]) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend(kind.to_le_bytes());
    file.extend(62u16.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    for word in [TEXT + 0x500, 64, 0] {
        file.extend(u64::to_le_bytes(word));
    }
    file.extend(0u32.to_le_bytes());
    for half in [64, 56, headers.len() as u16, 0, 0, 0] {
        file.extend(u16::to_le_bytes(half));
    }
    for (kind, offset, addr, file_len, memory_len) in headers {
        file.extend(kind.to_le_bytes());
        file.extend(4u32.to_le_bytes());
        for word in [*offset, *addr, 0, *file_len, *memory_len, 0x1000] {
            file.extend(word.to_le_bytes());
        }
    }
    file
}

fn note(owner: &str, kind: u32, bytes: &[u8]) -> Vec<u8> {
    let mut note = Vec::new();
    for word in [owner.len() as u32 + 1, bytes.len() as u32, kind] {
        note.extend(word.to_le_bytes());
    }
    for field in [format!("{owner}\0").as_bytes(), bytes] {
        note.extend(field);
        note.resize(note.len().next_multiple_of(4), 0);
    }
    note
}

fn thread(tid: i32, signal: u16) -> Vec<u8> {
    let mut status = vec![0; notes::PRSTATUS_LEN];
    status[notes::PRSTATUS_SIGNAL..][..2].copy_from_slice(&signal.to_le_bytes());
    status[notes::PRSTATUS_TID..][..4].copy_from_slice(&tid.to_le_bytes());
    let registers = Registers { rip: TEXT + 0x510, rsp: HEAP, ..Registers::default() };
    let encoded = notes::Thread::encode(&registers);
    status[notes::PRSTATUS_REGISTERS..][..encoded.len()].copy_from_slice(&encoded);
    note("CORE", notes::NT_PRSTATUS, &status)
}

fn auxv(entry: u64) -> Vec<u8> {
    note("CORE", notes::NT_AUXV, &[9u64.to_le_bytes(), entry.to_le_bytes()].concat())
}

/// The build id, as the linker writes it.
fn build_id(byte: u8) -> Vec<u8> {
    note("GNU", 3, &[byte; 20])
}

/// An executable of one page: its build id is at 0x100, and at 0x500 it says `code`.
fn executable(id: u8) -> Vec<u8> {
    let id = build_id(id);
    let len = id.len() as u64;
    let headers = [(4, 0x100, TEXT + 0x100, len, len), (1, 0, TEXT, 0x1000, 0x3000)];
    let mut file = elf(elf::EXECUTABLE, &headers);
    file.resize(0x1000, 0);
    file[0x100..][..id.len()].copy_from_slice(&id);
    file[0x500..][..4].copy_from_slice(b"code");
    file
}

/// What the kernel writes of a process of [`executable`]: the first bytes of its text, and
/// a page of its heap.
fn core(id: u8, notes: &[Vec<u8>]) -> Vec<u8> {
    let notes = notes.concat();
    let notes_at = 64 + 3 * 56;
    let text_at = (notes_at + notes.len()).next_multiple_of(0x1000) as u64;
    let headers = [
        (4, notes_at as u64, 0, notes.len() as u64, 0),
        (1, text_at, TEXT, 0x200, 0x1000),
        (1, text_at + 0x1000, HEAP, 0x1000, 0x2000),
    ];
    let mut file = elf(elf::CORE, &headers);
    file.extend(notes);
    file.resize(text_at as usize, 0);
    file.extend(&executable(id)[..0x200]);
    file.resize(text_at as usize + 0x1000, 0);
    file.extend([0xaa; 0x1000]);
    file
}

fn sound() -> Vec<u8> {
    core(1, &[thread(7, 11), auxv(TEXT + 0x500), thread(5, 0)])
}

fn opened(dir: &Dir, bytes: &[u8]) -> Result<Core> {
    let exe = dir.write("exe", &executable(1));
    Core::open(&dir.write("core", bytes), &exe)
}

#[test]
fn a_core_is_read_with_what_its_executable_has_of_it() {
    let dir = Dir::new("sound");
    let core = opened(&dir, &sound()).unwrap();
    assert_eq!(core.tids(), [Tid(5), Tid(7)]);
    assert_eq!((core.pid(), core.thread_of_interest()), (7, Some(Tid(7))));
    let ending = Ending { signal: 11, ..Ending::default() };
    assert_eq!(
        (core.ending(), core.ending().to_string().as_str()),
        (ending, "core: SIGSEGV")
    );
    assert_eq!(core.registers(Tid(5)).unwrap().rsp, HEAP);
    assert!(core.registers(Tid(6)).is_err());
    assert_eq!(core.damage(), None);
    let memory = core.memory();
    let bytes = |addr, len| memory.read_bytes(Addr(addr), len).ok();
    assert_eq!(bytes(TEXT + 0x500, 4).unwrap(), b"code", "of the executable");
    assert_eq!(bytes(HEAP + 0xfff, 2).unwrap(), [0xaa, 0], "zeros behind the file's");
    assert_eq!(bytes(HEAP + 0x1fff, 2), None);
    assert_eq!(bytes(TEXT + 0x1000, 1), None, "nobody knows what was in the bss");
}

#[test]
fn what_cannot_be_used_is_refused_in_a_sentence() {
    let dir = Dir::new("refused");
    let change = |at: usize, bytes: &[u8]| {
        let mut file = sound();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let cases: &[(&str, Vec<u8>, &str)] = &[
        ("text", b"hello\n".to_vec(), "not a core file"),
        ("packed", b"\x28\xb5\x2f\xfd....".to_vec(), "unpack it first (zstd -d"),
        ("empty", vec![], "not a core file: it is empty"),
        ("short", sound()[..40].to_vec(), "it ends within its first header"),
        ("program", executable(1), "not a core file but a program"),
        ("object", change(16, &[1, 0]), "another kind of ELF file"),
        ("arm64", change(18, &183u16.to_le_bytes()), "a program for arm64"),
        ("386", change(4, &[1]), "only those of amd64 can be read"),
        ("no headers", change(56, &[0, 0]), "there are no threads in the core file"),
        ("headers cut", sound()[..100].to_vec(), "truncated: the threads are cut off"),
        ("notes cut", sound()[..300].to_vec(), "truncated: the threads are cut off"),
        ("other entry", core(1, &[thread(7, 0), auxv(1)]), "begins at another address"),
        ("other build", core(2, &[thread(7, 0), auxv(TEXT + 0x500)]), "another build"),
        (
            "Delve on a Mac",
            core(1, &[note("Delve Header", 0x444c_5645, b"darwin/arm64\nVersion: 1")]),
            "a core file of darwin/arm64",
        ),
    ];
    for (name, file, wanted) in cases {
        let why = opened(&dir, file).err().map(|it| it.to_string()).unwrap_or_default();
        assert!(why.contains(wanted), "{name}: {why:?}");
        assert!(!why.ends_with('.') && !why.contains('\n'), "{name}: {why:?}");
    }
}

#[test]
fn a_core_that_is_cut_off_is_read_as_far_as_it_goes_and_says_so() {
    let dir = Dir::new("cut");
    let file = sound();
    let core = opened(&dir, &file[..file.len() - 0x800]).unwrap();
    assert!(core.damage().unwrap().starts_with("the core file is truncated: "));
    let memory = core.memory();
    assert!(memory.read_bytes(Addr(HEAP), 0x800).is_ok());
    assert!(memory.read_bytes(Addr(HEAP + 0x7ff), 2).is_err());
}

/// Headers with sizes and places that no file has.
#[test]
fn headers_that_lie_cost_nothing() {
    let dir = Dir::new("lies");
    let many = [u64::MAX, u64::MAX - 1, 1 << 63, 1 << 47, 1 << 32, 0x1000, 1, 0];
    let notes = [thread(7, 0), auxv(TEXT + 0x500)].concat();
    for offset in many {
        for addr in many {
            for len in many {
                let at = 64 + 4 * 56;
                let headers = [
                    (4, at, 0, notes.len() as u64, 0),
                    (1, offset, addr, len, len),
                    (1, offset, addr, len, u64::MAX),
                    (4, offset, addr, len, 0),
                ];
                let mut file = elf(elf::CORE, &headers);
                file.extend(&notes);
                if let Ok(core) = opened(&dir, &file) {
                    probe(&core);
                }
            }
        }
    }
}

/// As many headers as a file can hold, all over each other, all with the same notes.
#[test]
fn segments_over_each_other_are_read_once() {
    let dir = Dir::new("overlaps");
    let notes = [thread(7, 0), auxv(TEXT + 0x500)].concat().repeat(2000);
    let at = 64 + 60_000 * 56;
    let header = |n: u64| match n % 2 {
        0 => (4, at, 0, notes.len() as u64, 0),
        _ => (1, n, n, 1 << 40, 1 << 41),
    };
    let headers: Vec<Header> = (0..60_000).map(header).collect();
    let mut file = elf(elf::CORE, &headers);
    file.extend(&notes);
    let core = opened(&dir, &file).unwrap();
    assert_eq!(core.tids(), [Tid(7)]);
    probe(&core);
}

#[test]
fn a_count_of_mapped_files_is_not_believed() {
    let dir = Dir::new("files");
    let mapped = |count: u64, names: &[u8]| {
        let words = [count, u64::MAX, HEAP << 8, (HEAP << 8) + 0x1000, 3];
        let mut bytes: Vec<u8> = words.iter().flat_map(|it| it.to_le_bytes()).collect();
        bytes.extend(names);
        note("CORE", notes::NT_FILE, &bytes)
    };
    for (count, names) in [
        (u64::MAX, &b""[..]),
        (1, b"/dev/zero\0"),
        (1, b"/proc/self/mem\0"),
        (1, b"relative\0"),
        (1, b"/\xff\0"),
        (0, b"/etc/passwd\0"),
        (2, b"/etc/passwd\0"),
    ] {
        let notes = [thread(7, 0), auxv(TEXT + 0x500), mapped(count, names)];
        probe(&opened(&dir, &core(1, &notes)).unwrap());
    }
}

/// Every byte of a small core is changed in many ways, always the same ones.
#[test]
fn mutations_are_borne() {
    let dir = Dir::new("mutations");
    let sound = sound();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut n_opened = 0;
    for _ in 0..4000 {
        let mut file = sound.clone();
        for _ in 0..=random.below(4) {
            // The headers and notes are where lies hurt.
            let at = random.below(1200);
            match random.below(3) {
                0 => file[at] ^= 1 << random.below(8),
                1 => file[at] = [0, 1, 0x7f, 0xff][random.below(4)],
                _ => {
                    let end = (at + 8).min(file.len());
                    file[at..end].fill(0xff);
                }
            }
        }
        if random.below(8) == 0 {
            file.truncate(random.below(file.len()));
        }
        if let Ok(core) = opened(&dir, &file) {
            n_opened += 1;
            probe(&core);
        }
    }
    assert!(n_opened > 1000, "{n_opened}: they damage more than the point");
}

/// Asks a core all that can be asked.
fn probe(core: &Core) {
    for tid in core.tids() {
        core.registers(tid).unwrap();
        assert!(core.xsave(tid).unwrap().len() <= XSAVE_LEN_MAX);
    }
    core.damage();
    let memory = core.memory();
    let mut buf = [0; 64];
    for addr in [0, 1, TEXT - 1, TEXT + 0xfff, HEAP + 0xfff, 1 << 63, u64::MAX - 3] {
        let _any = memory.read(Addr(addr), &mut buf);
    }
}

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}
