//! A real Delve of a known version, from wherever it can be had: tests that compare with it
//! install it if they must, through Go's module proxy, into `target/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::fcntl::{Flock, FlockArg};

use super::fixture::scratch;

/// The release that the recorded conversations and the marks of the fixtures come from.
pub const VERSION: &str = "1.27.2";

/// The path of its executable.
pub fn executable() -> PathBuf {
    let bin = scratch("bin");
    let lock = std::fs::File::create(bin.join("lock")).expect("target/ can be written");
    let _lock = Flock::lock(lock, FlockArg::LockExclusive).expect("a lock on a file");
    let ours = bin.join("dlv");
    let candidates = [Some(ours.clone()), go_bin().map(|it| it.join("dlv"))];
    if let Some(found) = candidates.into_iter().flatten().find(|it| is_wanted(it)) {
        return found;
    }
    install(&format!("github.com/go-delve/delve/cmd/dlv@v{VERSION}"), &bin);
    ours
}

/// `go install` of a program into a directory.
pub fn install(package: &str, into: &Path) {
    let installed = Command::new("go")
        .args(["install", package])
        .env("GOBIN", into)
        .env("GOFLAGS", "")
        .status()
        .expect("the tests need Go");
    assert!(
        installed.success(),
        "cannot install {package}: is the module proxy reachable?"
    );
}

/// Where `go install` puts programs.
pub fn go_bin() -> Option<PathBuf> {
    let out = Command::new("go").args(["env", "GOBIN", "GOPATH"]).output().ok()?;
    let out = String::from_utf8(out.stdout).ok()?;
    let mut lines = out.lines();
    match (lines.next()?, lines.next()?) {
        ("", path) => Some(Path::new(path.split(':').next()?).join("bin")),
        (bin, _) => Some(bin.into()),
    }
}

fn is_wanted(executable: &Path) -> bool {
    let Ok(out) = Command::new(executable).arg("version").output() else { return false };
    String::from_utf8_lossy(&out.stdout).contains(&format!("Version: {VERSION}\n"))
}
