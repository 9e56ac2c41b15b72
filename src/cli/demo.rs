//! The example program of `tui demo`: its sources are in this binary, and are built with
//! the Go that is on the machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files of the program, as they are in the repository.
const FILES: &[(&str, &str)] = &[
    ("go.mod", include_str!("../../testdata/demo/go.mod")),
    ("main.go", include_str!("../../testdata/demo/main.go")),
    ("orders/handler.go", include_str!("../../testdata/demo/orders/handler.go")),
    ("store/store.go", include_str!("../../testdata/demo/store/store.go")),
    ("traffic/traffic.go", include_str!("../../testdata/demo/traffic/traffic.go")),
    ("worker/pool.go", include_str!("../../testdata/demo/worker/pool.go")),
    ("worker/pricing.go", include_str!("../../testdata/demo/worker/pricing.go")),
];

/// A directory with the program in it, which is removed when this is dropped.
#[derive(Debug)]
pub struct Demo {
    dir: PathBuf,
}

impl Demo {
    /// Writes the sources. They stay as long as they may be looked at.
    pub fn unpack() -> Result<Demo, String> {
        let dir = fresh_dir().map_err(|err| refused("make a directory", &err))?;
        let demo = Demo { dir };
        for (name, text) in FILES {
            let path = demo.source_dir().join(name);
            let written = path
                .parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| fs::write(&path, text));
            written.map_err(|err| refused("write the example program", &err))?;
        }
        Ok(demo)
    }

    pub fn source_dir(&self) -> PathBuf {
        self.dir.join("orders-api")
    }

    /// Where it is to be built.
    pub fn binary(&self) -> PathBuf {
        self.dir.join("orders-api.bin")
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _left_for_the_system = fs::remove_dir_all(&self.dir);
    }
}

fn refused(what: &str, err: &io::Error) -> String {
    format!("cannot {what} in {}: {err}", std::env::temp_dir().display())
}

/// A new directory that nobody else has made.
fn fresh_dir() -> io::Result<PathBuf> {
    for n in 0..100 {
        let name = format!("tinydbg-demo-{}-{n}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        match fs::create_dir(&dir) {
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {}
            outcome => return outcome.map(|()| dir),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::{Demo, FILES};

    fn files_below(dir: &Path, base: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files_below(&path, base, found);
            } else {
                found.insert(path.strip_prefix(base).unwrap().display().to_string());
            }
        }
    }

    #[test]
    fn every_file_of_the_example_is_in_the_binary() {
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/demo");
        let mut found = BTreeSet::new();
        files_below(&base, &base, &mut found);
        let known: BTreeSet<String> = FILES.iter().map(|it| it.0.to_owned()).collect();
        assert_eq!(found, known);
    }

    #[test]
    fn the_sources_are_there_until_they_are_dropped() {
        let demo = Demo::unpack().unwrap();
        let dir = demo.dir().to_owned();
        assert!(demo.source_dir().join("worker/pool.go").is_file());
        drop(demo);
        assert!(!dir.exists());
    }
}
