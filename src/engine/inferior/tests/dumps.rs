//! Core files of real programs: written, given up, and read again word by word.

use super::*;
use crate::engine::inferior::{Core, DumpEnd};

/// A C program as well: the file is of a process, not of Go.
#[test]
fn what_is_written_is_what_was_there() {
    for program in [Program::victim(), Program::c("forker")] {
        let (mut live, _) = program.launch(&["count", "10"]);
        let path = program.path.with_extension("core");
        let tid = live.tids()[0];
        let mut dump = live.dump(&path, Some(tid)).unwrap();
        let end = loop {
            if let Some(end) = dump.advance().end.clone() {
                break end;
            }
        };
        assert_eq!(end, DumpEnd::Complete);
        let core = Core::open(&path, &program.path).unwrap();
        assert_eq!(core.tids(), live.tids());
        assert_eq!(core.thread_of_interest(), Some(tid));
        assert_eq!(core.pid(), live.pid());
        assert_eq!(core.registers(tid).unwrap(), live.registers(tid).unwrap());
        assert_eq!(core.xsave(tid).unwrap(), live.xsave(tid).unwrap());
        assert_eq!(Some(core.entry()), live.auxv_entry());
        let (then, now) = (core.memory(), live.memory());
        let stack = live.registers(tid).unwrap().sp();
        let places = program.symbols.values().map(|it| Addr(it.0)).chain([stack]);
        for at in places {
            let (then, now) = (then.read_bytes(at, 64), now.read_bytes(at, 64));
            assert_eq!(then.ok(), now.ok(), "{at}");
        }
        std::fs::remove_file(&path).unwrap();
        live.kill().unwrap();
    }
}

#[test]
fn what_is_given_up_is_removed() {
    let program = Program::victim();
    let (mut live, _) = program.launch(&["count", "10"]);
    let path = program.path.with_extension("core");
    let mut dump = live.dump(&path, None).unwrap();
    assert!(path.exists() && dump.progress().end.is_none());
    let twice = live.dump(&path, None).err().unwrap().to_string();
    assert!(twice.ends_with("file exists") && path.exists(), "{twice}");
    dump.cancel();
    assert_eq!(dump.advance().end, Some(DumpEnd::Canceled));
    assert!(!path.exists());
    // Whoever loses interest need not say so.
    drop(live.dump(&path, None).unwrap());
    assert!(!path.exists());
    live.kill().unwrap();
}
