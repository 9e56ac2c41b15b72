//! What `/proc` says about processes: which there are, whose, and what they run.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// More tasks than this the kernel does not allow (`PID_MAX_LIMIT`, `linux/threads.h`).
const TASKS_MAX: usize = 4 << 20;

/// The longest command line that is kept, in bytes.
const CMDLINE_MAX: u64 = 64 << 10;

/// A process that one may want to attach to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub pid: i32,
    /// The executable; empty for a process of somebody else's.
    pub exe: PathBuf,
    pub cmdline: Vec<OsString>,
    pub uid: u32,
    pub ppid: i32,
    /// For how long it has been running, in seconds.
    pub age_secs: u64,
    /// Who traces it already; 0 for nobody.
    pub tracer_pid: i32,
    pub n_threads: u32,
}

/// All processes that run a program (kernel threads do not), but for this one. Whether
/// it is a Go program is for the reader of binaries to say.
pub fn go_candidates() -> Vec<Candidate> {
    let own = std::process::id();
    let uptime = uptime_secs();
    numbers_in("/proc")
        .into_iter()
        .filter(|pid| u32::try_from(*pid) != Ok(own))
        .filter_map(|pid| candidate(pid, uptime))
        .collect()
}

fn candidate(pid: i32, uptime_secs: u64) -> Option<Candidate> {
    let cmdline = cmdline(pid).ok()?;
    if cmdline.is_empty() {
        return None;
    }
    let status = Status::of(pid).ok()?;
    let started = start_ticks(pid).unwrap_or(0) / ticks_a_second();
    Some(Candidate {
        pid,
        exe: exe(pid).unwrap_or_default(),
        cmdline,
        uid: status.uid,
        ppid: status.ppid,
        age_secs: uptime_secs.saturating_sub(started),
        tracer_pid: status.tracer_pid,
        n_threads: status.n_threads,
    })
}

/// The id of the calling thread.
pub fn own_tid() -> i32 {
    nix::unistd::gettid().as_raw()
}

/// The user that we are.
pub fn own_uid() -> u32 {
    nix::unistd::getuid().as_raw()
}

/// The executable of a process.
pub fn exe(pid: i32) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe"))
}

/// The words of the command line of a process; none for a kernel thread or a zombie.
pub fn cmdline(pid: i32) -> io::Result<Vec<OsString>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let file = fs::File::open(format!("/proc/{pid}/cmdline"))?;
    file.take(CMDLINE_MAX).read_to_end(&mut bytes)?;
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(bytes.split(|it| *it == 0).map(|it| OsString::from_vec(it.to_vec())).collect())
}

/// The threads of a process, by their ids, ascending.
pub fn tasks(pid: i32) -> Vec<i32> {
    numbers_in(&format!("/proc/{pid}/task"))
}

/// The entries of a directory whose names are numbers, ascending.
fn numbers_in(dir: &str) -> Vec<i32> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut numbers: Vec<i32> = entries
        .take(TASKS_MAX)
        .filter_map(|it| it.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}

/// Parts of `/proc/<pid>/status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The process that a thread belongs to.
    pub tgid: i32,
    pub ppid: i32,
    /// The thread that traces it; 0 for none.
    pub tracer_pid: i32,
    /// The real user id.
    pub uid: u32,
    pub n_threads: u32,
    /// `R`, `S`, `D`, `T` (stopped), `t` (stopped by its tracer), `Z`, `X`.
    pub state: u8,
    /// Whether its system calls are filtered (seccomp(2)).
    pub is_filtered: bool,
}

impl Status {
    /// Reads the status of a process, or of a thread by its id.
    pub fn of(pid: i32) -> io::Result<Status> {
        Ok(Status::parse(&fs::read_to_string(format!("/proc/{pid}/status"))?))
    }

    fn parse(text: &str) -> Status {
        let mut status = Status::default();
        for line in text.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let first = value.split_whitespace().next().unwrap_or_default();
            match name {
                "Tgid" => status.tgid = first.parse().unwrap_or(0),
                "PPid" => status.ppid = first.parse().unwrap_or(0),
                "TracerPid" => status.tracer_pid = first.parse().unwrap_or(0),
                "Uid" => status.uid = first.parse().unwrap_or(u32::MAX),
                "Threads" => status.n_threads = first.parse().unwrap_or(0),
                "Seccomp" => status.is_filtered = first != "0",
                "State" => status.state = first.bytes().next().unwrap_or(b'?'),
                _ => {}
            }
        }
        status
    }
}

/// A field of `/proc/<pid>/stat` by its number in proc(5), from 3 on.
pub fn stat_field(stat: &str, number: usize) -> Option<&str> {
    // The second field is the name in parentheses, which may hold blanks and parentheses.
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split_whitespace().nth(number.checked_sub(3)?)
}

/// When a process started, in clock ticks since the machine did (`starttime`, proc(5)).
pub fn start_ticks(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat_field(&stat, 22)?.parse().ok()
}

/// The processor that a thread of a process ran on last (`processor`, proc(5)).
pub fn last_cpu(pid: i32, tid: i32) -> Option<usize> {
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).ok()?;
    stat_field(&stat, 39)?.parse().ok()
}

fn ticks_a_second() -> u64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)
        .ok()
        .flatten()
        .and_then(|it| u64::try_from(it).ok())
        .filter(|it| *it > 0)
        .unwrap_or(100)
}

fn uptime_secs() -> u64 {
    let text = fs::read_to_string("/proc/uptime").unwrap_or_default();
    text.split('.').next().and_then(|it| it.trim().parse().ok()).unwrap_or(0)
}

/// A word of the auxiliary vector of a process (getauxval(3)), such as `AT_ENTRY`.
pub fn auxv(pid: i32, tag: u64) -> Option<u64> {
    let bytes = fs::read(format!("/proc/{pid}/auxv")).ok()?;
    let words: Vec<u64> = bytes
        .chunks_exact(8)
        .map(|it| it.try_into().map_or(0, u64::from_le_bytes))
        .collect();
    words.chunks_exact(2).find(|it| it[0] == tag).map(|it| it[1])
}

/// `AT_ENTRY`: where the program's own execution began (`linux/auxvec.h`).
pub const AT_ENTRY: u64 = 9;

/// A line of `/proc/<pid>/maps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub start: u64,
    pub end: u64,
    pub readable: bool,
    pub writable: bool,
    pub executable: bool,
    /// Writes go to others who map the same.
    pub shared: bool,
    /// Where in the file it begins, in bytes.
    pub file_offset: u64,
    /// The file, or a name in brackets such as `[vdso]`; empty for anonymous memory.
    pub name: String,
}

impl Mapping {
    /// Whether the file has no name any more, as memory that is shared under none.
    pub fn is_deleted(&self) -> bool {
        self.name.ends_with(" (deleted)")
    }
}

/// The mappings of a process, ascending.
pub fn mappings(pid: i32) -> io::Result<Vec<Mapping>> {
    let text = fs::read(format!("/proc/{pid}/maps"))?;
    Ok(String::from_utf8_lossy(&text).lines().filter_map(parse_mapping).collect())
}

/// The mappings of a process that may be written to a core file: not those of devices,
/// nor those that the process wants left out (`VmFlags` in proc_pid_smaps(5); `io`, `pf`
/// and, by `MADV_DONTDUMP`, `dd`).
pub fn dumpable_mappings(pid: i32) -> io::Result<Vec<Mapping>> {
    let mut lines = BufReader::new(fs::File::open(format!("/proc/{pid}/smaps"))?);
    let mut all = Vec::new();
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        if let Some(flags) = text.strip_prefix("VmFlags:") {
            if flags.split_whitespace().any(|it| matches!(it, "io" | "pf" | "dd")) {
                all.pop();
            }
        } else if let Some(mapping) = parse_mapping(text.trim_end()) {
            all.push(mapping);
        }
        line.clear();
    }
    Ok(all)
}

/// The auxiliary vector of a process, as the kernel made it.
pub fn raw_auxv(pid: i32) -> io::Result<Vec<u8>> {
    fs::read(format!("/proc/{pid}/auxv"))
}

/// The name of the process, of at most 15 bytes.
pub fn name(pid: i32) -> io::Result<Vec<u8>> {
    let mut name = fs::read(format!("/proc/{pid}/comm"))?;
    name.pop_if(|it| *it == b'\n');
    Ok(name)
}

/// Which pages of a process are more than they were when they were mapped
/// (proc_pid_pagemap(5)).
#[derive(Debug)]
pub struct PageMap(fs::File);

impl PageMap {
    pub fn open(pid: i32) -> io::Result<PageMap> {
        fs::File::open(format!("/proc/{pid}/pagemap")).map(PageMap)
    }

    /// What is known of `n_pages` pages from the one at `addr` on.
    pub fn pages(&self, addr: u64, n_pages: usize) -> io::Result<Vec<Page>> {
        const ENTRY_LEN: usize = 8;
        let mut bytes = vec![0; n_pages * ENTRY_LEN];
        self.0.read_exact_at(&mut bytes, addr / PAGE_LEN * ENTRY_LEN as u64)?;
        let page = |entry: &[u8; 8]| {
            let word = u64::from_le_bytes(*entry);
            Page { exists: word >> 62 != 0, of_file: word & 1 << 61 != 0 }
        };
        Ok(bytes.as_chunks::<8>().0.iter().map(page).collect())
    }
}

/// The size of a page on amd64.
pub const PAGE_LEN: u64 = 4096;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// It is in memory, or in swap space.
    pub exists: bool,
    /// It is a file's, or shared.
    pub of_file: bool,
}

fn parse_mapping(line: &str) -> Option<Mapping> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?.as_bytes();
    let file_offset = fields.next()?;
    let name = fields.nth(2).unwrap_or_default().trim();
    Some(Mapping {
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
        readable: permissions.first() == Some(&b'r'),
        writable: permissions.get(1) == Some(&b'w'),
        executable: permissions.get(2) == Some(&b'x'),
        shared: permissions.get(3) == Some(&b's'),
        file_offset: u64::from_str_radix(file_offset, 16).ok()?,
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_blanks_and_parentheses_do_not_shift_the_fields() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 1 2 3 4";
        assert_eq!(stat_field(stat, 3), Some("S"));
        assert_eq!(stat_field(stat, 4), Some("1"));
        assert_eq!(stat_field(stat, 2), None);
        assert_eq!(stat_field("", 3), None);
    }

    #[test]
    fn mappings_as_the_kernel_writes_them() {
        let line = "00400000-004a1000 r-xp 00001000 fe:00 1234    /tmp/a b (deleted)";
        let mapping = parse_mapping(line).unwrap();
        assert_eq!((mapping.start, mapping.end), (0x40_0000, 0x4a_1000));
        assert!(mapping.readable && mapping.executable);
        assert_eq!(mapping.file_offset, 0x1000);
        assert_eq!(mapping.name, "/tmp/a b (deleted)");
        let anonymous = parse_mapping("c000000000-c000400000 rw-p 00000000 00:00 0 ");
        assert_eq!(anonymous.unwrap().name, "");
        assert_eq!(parse_mapping("nonsense"), None);
    }

    #[test]
    fn a_child_is_a_candidate_with_its_parent_and_command_line() {
        use std::io::{Read, Write};
        use std::process::{Command, Stdio};
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // It is spawned before the kernel has given it its command line.
        child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        // It is started before all that /proc tells about it is there.
        let start = std::time::Instant::now();
        let found = loop {
            let found = go_candidates().into_iter().find(|it| it.pid == pid);
            if found.is_some() || start.elapsed().as_secs() > 30 {
                break found;
            }
        };
        child.kill().unwrap();
        child.wait().unwrap();
        let found = found.unwrap();
        assert_eq!(u32::try_from(found.ppid), Ok(std::process::id()));
        assert!(found.age_secs < 1000, "{}", found.age_secs);
        assert_eq!(found.tracer_pid, 0);
    }
}
