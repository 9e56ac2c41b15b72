//! The large server that figures are about: caddy, optimised, as its authors ship it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::dlv;
use crate::support::fixture::scratch;
use crate::support::process::Program;

const CADDY: &str = "github.com/caddyserver/caddy/v2/cmd/caddy";
const CADDY_VERSION: &str = "v2.11.9";

/// The path of a caddy, built here if there is none: 82 MB, some minutes.
pub fn caddy() -> PathBuf {
    let bin = scratch("bin");
    let ours = bin.join("caddy");
    let candidates = [Some(ours.clone()), dlv::go_bin().map(|it| it.join("caddy"))];
    if let Some(found) = candidates.into_iter().flatten().find(|it| is_caddy(it)) {
        return found;
    }
    eprintln!("building {CADDY}@{CADDY_VERSION}, once");
    dlv::install(&format!("{CADDY}@{CADDY_VERSION}"), &bin);
    ours
}

fn is_caddy(executable: &Path) -> bool {
    let out = Command::new("go").args(["version", "-m"]).arg(executable).output();
    let module = format!("caddy/v2\t{CADDY_VERSION}\t");
    out.is_ok_and(|it| String::from_utf8_lossy(&it.stdout).contains(&module))
}

/// A caddy that serves a directory with one file.
pub struct Site {
    pub program: Program,
    pub executable: PathBuf,
    pub port: u16,
}

impl Site {
    pub fn serve() -> Site {
        let executable = caddy();
        let root = scratch("site");
        std::fs::write(root.join("hello.txt"), "hello\n").unwrap();
        // The kernel gives a port that is free; nobody else here asks for ports by number.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = format!("127.0.0.1:{port}");
        let root = root.to_str().unwrap().to_owned();
        let args = ["file-server", "--root", &root, "--listen", &listen];
        let program = Program::start(&executable, &args);
        let site = Site { program, executable, port };
        let mut tries = 0;
        while super::load::get(site.port).is_err() {
            tries += 1;
            assert!(tries < 2_000, "caddy does not serve");
            nix::poll::poll(&mut [], 5u16).unwrap();
        }
        site
    }
}
