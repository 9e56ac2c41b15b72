//! The memory of another process: `process_vm_readv` and `/proc/<pid>/mem`.
#![allow(unsafe_code, reason = "process_vm_readv(2) takes pointers; see each SAFETY")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::FileExt;

/// How many pieces one call takes (`UIO_MAXIOV`, `linux/uio.h`).
pub const PIECES_MAX: usize = 1024;

/// A place in the other process, and where its bytes go.
pub struct Piece<'a> {
    pub addr: u64,
    pub buf: &'a mut [u8],
}

/// Reads `pieces` one after the other, at most [`PIECES_MAX`], and stops at the first
/// byte that cannot be read. Returns how many bytes it has read.
pub fn read_pieces(pid: i32, pieces: &mut [Piece<'_>]) -> io::Result<usize> {
    let n_pieces = pieces.len().min(PIECES_MAX);
    let pieces = &mut pieces[..n_pieces];
    let remote: Vec<libc::iovec> =
        pieces.iter().map(|it| iovec(it.addr as *mut u8, it.buf.len())).collect();
    let local: Vec<libc::iovec> =
        pieces.iter_mut().map(|it| iovec(it.buf.as_mut_ptr(), it.buf.len())).collect();
    readv(pid, &local, &remote)
}

/// Reads the bytes at `addr`; returns how many could be read.
pub fn read(pid: i32, addr: u64, buf: &mut [u8]) -> io::Result<usize> {
    let remote = [iovec(addr as *mut u8, buf.len())];
    let local = [iovec(buf.as_mut_ptr(), buf.len())];
    readv(pid, &local, &remote)
}

fn iovec(base: *mut u8, len: usize) -> libc::iovec {
    libc::iovec { iov_base: base.cast(), iov_len: len }
}

fn readv(pid: i32, local: &[libc::iovec], remote: &[libc::iovec]) -> io::Result<usize> {
    let (n_local, n_remote) = (local.len() as u64, remote.len() as u64);
    // SAFETY: `local` was made from exclusive borrows that outlive the call, and the
    // kernel writes within them only. `remote` is not ours: the kernel checks it.
    let n = unsafe {
        libc::process_vm_readv(pid, local.as_ptr(), n_local, remote.as_ptr(), n_remote, 0)
    };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// `/proc/<pid>/mem`: reads what the process itself may not, and writes read-only text.
#[derive(Debug)]
pub struct MemFile(File);

impl AsRawFd for MemFile {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl MemFile {
    /// Opens the memory that the process has now; after an exec it has another.
    pub fn open(pid: i32) -> io::Result<MemFile> {
        let path = format!("/proc/{pid}/mem");
        Ok(MemFile(OpenOptions::new().read(true).write(true).open(path)?))
    }

    pub fn read(&self, addr: u64, buf: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buf, addr)
    }

    /// Writes all of `bytes`; a write of one byte is atomic for the threads that run.
    pub fn write(&self, addr: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, addr)
    }
}
