//! The pictures of the README and of `screenshots/`: real views, of a recorded session with
//! the example program. A picture that is not what the views draw fails; after a change
//! that is meant, `TINYDBG_PICTURES=write cargo test --test e2e screenshots` draws them
//! anew, and `TINYDBG_PICTURES=record` records the session anew first.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use tinydbg::frontend::theme;
use tinydbg::tui::state::Settings;

use crate::support::fixture::{Build, Fixture, root};
use crate::support::picture::{DARK, Ground, LIGHT, png, svg, text};
use crate::support::server::{Peer, Server};
use crate::support::stage::{HOME, Recorded, Stage};

/// A picture: what is done, and how it is looked at.
struct Scene {
    name: &'static str,
    title: &'static str,
    size: (u16, u16),
    theme: &'static str,
    ground: Ground,
    keys: &'static str,
    /// The scene whose session this is another view of, if it is not its own.
    session: Option<&'static str>,
    /// The last command that runs the program is still running.
    running: bool,
    /// Words that have to be there, or it is not the scene that it should be.
    shows: &'static [&'static str],
}

const SCENE: Scene = Scene {
    name: "",
    title: "",
    size: (120, 36),
    theme: theme::DEFAULT,
    ground: DARK,
    keys: "",
    session: None,
    running: false,
    shows: &[],
};

const SCENES: &[Scene] = &[
    Scene {
        name: "stopped",
        title: "tinydbg, stopped at a breakpoint of the example program",
        keys: "STOP n n",
        shows: &["STOPPED", "pricing.go"],
        ..SCENE
    },
    Scene {
        name: "goroutines",
        title: "goroutines, grouped by the stack that they share",
        keys: "STOP 2 z",
        shows: &["STOPPED"],
        ..SCENE
    },
    Scene {
        name: "running",
        title: "the program runs; what is shown is of the last stop",
        keys: "STOP c",
        running: true,
        shows: &["RUNNING"],
        ..SCENE
    },
    Scene {
        name: "palette",
        title: "everything is found by part of its name",
        keys: "STOP Ctrl-P \"pric\"",
        shows: &["pric"],
        ..SCENE
    },
    Scene { name: "help", title: "the keys", keys: "STOP ?", shows: &["Run"], ..SCENE },
    Scene {
        name: "light",
        session: Some("stopped"),
        title: "the light theme",
        theme: "tinydbg-light",
        ground: LIGHT,
        keys: "STOP n n",
        shows: &["STOPPED"],
        ..SCENE
    },
    Scene {
        name: "high-contrast",
        session: Some("stopped"),
        title: "high contrast",
        theme: "high-contrast",
        keys: "STOP n n",
        shows: &["STOPPED"],
        ..SCENE
    },
    Scene {
        name: "80x24",
        title: "in a terminal of 80 by 24",
        size: (80, 24),
        keys: "STOP n n",
        shows: &["STOPPED"],
        ..SCENE
    },
    Scene {
        name: "40x12",
        title: "in a terminal of 40 by 12",
        size: (40, 12),
        keys: "STOP n n",
        shows: &["off := total"],
        ..SCENE
    },
    Scene {
        name: "200x60",
        title: "in a terminal of 200 by 60",
        size: (200, 60),
        keys: "STOP n n",
        shows: &["STOPPED"],
        ..SCENE
    },
];

#[test]
fn the_pictures_are_what_the_views_draw() {
    let mode = std::env::var("TINYDBG_PICTURES").unwrap_or_default();
    let mut wrong = Vec::new();
    for scene in SCENES {
        let session = scene.session.unwrap_or(scene.name);
        let recording = root().join(format!("testdata/screens/{session}.jsonl"));
        let (client, server) = match mode.as_str() {
            "record" if scene.session.is_none() => {
                let (client, server) = record();
                (Arc::new(client), Some(server))
            }
            _ => (Arc::new(Recorded::read(&recording)), None),
        };
        let stage = play(scene, Arc::clone(&client));
        if server.is_some() {
            fs::create_dir_all(recording.parent().unwrap()).unwrap();
            client.write(&recording);
        }
        let theme = theme::builtin(scene.theme).expect(scene.theme);
        let buffer = stage.draw(&theme);
        let shown = text(&buffer);
        for words in scene.shows {
            assert!(shown.contains(words), "{}: no {words:?} in\n{shown}", scene.name);
        }
        let files = [
            ("svg", svg(&buffer, scene.title, scene.ground).into_bytes()),
            ("png", png(&buffer, scene.ground)),
        ];
        for (kind, bytes) in files {
            let path = root().join(format!("screenshots/{}.{kind}", scene.name));
            if !mode.is_empty() {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, &bytes).unwrap();
            } else if fs::read(&path).ok() != Some(bytes) {
                wrong.push(path.display().to_string());
            }
        }
    }
    assert!(wrong.is_empty(), "not what the views draw: {}", wrong.join("\n"));
}

fn play(scene: &Scene, client: Arc<Recorded>) -> Stage {
    let settings =
        Settings { title: "orders-api".into(), attached: true, ..Settings::default() };
    let files = root().join("testdata");
    let mut stage = Stage::new(client, settings, scene.size, &files);
    stage.state.theme = scene.theme.to_owned();
    for key in scene.keys.split(' ') {
        match key {
            "STOP" => {
                stage.keys("Ctrl-P \"@Discount).Apply\" Enter b c");
            }
            "c" => {
                stage.holds = scene.running;
                stage.keys("c");
                stage.wait_ms(3_200);
            }
            _ => stage.keys(key),
        }
    }
    stage
}

/// A service for the example program, and what to call its files.
fn record() -> (Recorded, Server) {
    let main = root().join("testdata/demo/main.go");
    let how = Build { package: true, flags: &["-trimpath=false"], ..Build::default() };
    let fixture = Fixture::build_file(&main, "orders-api", how);
    let server = Server::exec(Peer::chosen(), &fixture.executable, &[]);
    let goroot = Command::new("go").args(["env", "GOROOT"]).output().unwrap();
    let goroot = String::from_utf8(goroot.stdout).unwrap().trim().to_owned();
    let dir = |it: PathBuf| it.to_str().unwrap().to_owned();
    let paths = vec![
        (format!("{HOME}/demo"), dir(root().join("testdata/demo"))),
        (format!("{HOME}/orders-api"), dir(fixture.executable.clone())),
        ("/usr/local/go".to_owned(), goroot),
    ];
    (Recorded::live(server.connect(), paths), server)
}
