//! How was the program built? What `go version -m` shows, from `.go.buildinfo`.

/// What the Go linker wrote into the binary about its making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildInfo {
    /// As the toolchain calls itself: `go1.26.8`, `devel go1.28-abcdef`,
    /// `go1.26.6-X:nodwarf5`.
    pub go_version: String,
    /// The import path of the main package.
    pub path: String,
    /// The main module and its version, if the program was built in module mode.
    pub main: Option<Module>,
    pub deps: Vec<Module>,
    /// `-gcflags`, `-trimpath`, `CGO_ENABLED`, `vcs.revision`, …
    pub settings: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    pub path: String,
    pub version: String,
    pub sum: String,
    pub replaced_by: Option<Box<Module>>,
}

impl BuildInfo {
    /// The build setting called `key`, such as `-gcflags` or `CGO_ENABLED`.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|it| it.0 == key).map(|it| it.1.as_str())
    }
}

/// A Go release as far as a debugger cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoVersion {
    pub major: u32,
    pub minor: u32,
}

const MAGIC: &[u8; 14] = b"\xff Go buildinf:";
/// The strings begin after the header (`buildInfoHeaderSize` in
/// `$GOROOT/src/debug/buildinfo/buildinfo.go`).
const HEADER_LEN: usize = 32;
/// The flag of the header that says that the strings follow it (Go ≥ 1.18).
const INLINE_STRINGS: u8 = 2;
/// The module information stands between two sentinels of this length.
const SENTINEL_LEN: usize = 16;

/// Reads the contents of `.go.buildinfo`; everything is empty if there is none.
pub fn parse_build_info(section: &[u8]) -> BuildInfo {
    let (go_version, modules) = parse_strings(section).unwrap_or_default();
    let mut info = BuildInfo { go_version, ..BuildInfo::default() };
    for line in modules.lines() {
        let mut fields = line.split('\t');
        match (fields.next(), fields.next()) {
            (Some("path"), Some(path)) => info.path = path.to_string(),
            (Some("mod"), Some(path)) => info.main = Some(module(path, fields)),
            (Some("dep"), Some(path)) => info.deps.push(module(path, fields)),
            (Some("=>"), Some(path)) => {
                let replacement = Some(Box::new(module(path, fields)));
                let replaced = info.deps.last_mut().or(info.main.as_mut());
                if let Some(replaced) = replaced {
                    replaced.replaced_by = replacement;
                }
            }
            (Some("build"), Some(setting)) => info.settings.push(parse_setting(setting)),
            _ => {}
        }
    }
    info
}

/// Go version and module information.
fn parse_strings(section: &[u8]) -> Option<(String, String)> {
    let start =
        (0..section.len()).step_by(16).find(|at| section[*at..].starts_with(MAGIC))?;
    let header = section.get(start..start + HEADER_LEN)?;
    if header[15] & INLINE_STRINGS == 0 {
        return None;
    }
    let mut rest = section.get(start + HEADER_LEN..)?;
    let version = take_string(&mut rest)?;
    let modules = take_string(&mut rest).unwrap_or_default();
    let modules = modules
        .get(SENTINEL_LEN..modules.len().saturating_sub(SENTINEL_LEN))
        .unwrap_or_default();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Some((text(version), text(modules)))
}

/// Takes a string with its length before it, as an unsigned LEB128.
fn take_string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut len = 0usize;
    for shift in (0..35).step_by(7) {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        len |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let (string, tail) = rest.split_at_checked(len)?;
            *rest = tail;
            return Some(string);
        }
    }
    None
}

fn module<'a>(path: &str, mut fields: impl Iterator<Item = &'a str>) -> Module {
    let mut next = || fields.next().unwrap_or_default().to_string();
    Module { path: path.to_string(), version: next(), sum: next(), replaced_by: None }
}

/// `key=value`; either may be quoted as a Go string.
fn parse_setting(text: &str) -> (String, String) {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    let unquote = |it: &str| it.trim_matches(['"', '`']).replace("\\\"", "\"");
    (unquote(key), unquote(value))
}

impl GoVersion {
    /// Reads `go1.26.8`, `devel go1.28-abcdef`, `go1.26.6-X:nodwarf5`.
    pub fn parse(text: &str) -> Option<GoVersion> {
        let (_, numbers) = text.split_once("go")?;
        let mut numbers = numbers.split(|c: char| !c.is_ascii_digit());
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.parse().ok()?;
        Some(GoVersion { major, minor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_with_and_without_suffixes_are_understood() {
        let cases = [
            ("go1.26.8", Some((1, 26))),
            ("go1.19", Some((1, 19))),
            ("devel go1.28-abcdef Mon", Some((1, 28))),
            ("go1.26.6-X:nodwarf5", Some((1, 26))),
            ("go1.27rc1", Some((1, 27))),
            ("", None),
            ("gopher", None),
        ];
        for (text, expected) in cases {
            let version = GoVersion::parse(text).map(|it| (it.major, it.minor));
            assert_eq!(version, expected, "{text}");
        }
    }

    #[test]
    fn build_info_is_read_from_its_section() {
        let modules = "0123456789abcdefpath\texample.com/p\nmod\texample.com/p\t(devel)\t\n\
             dep\tgolang.org/x/a\tv1.2.3\th1:sum\n=>\t./a\t\nbuild\t-gcflags=\"all=-N -l\"\n\
             build\tCGO_ENABLED=0\n0123456789abcdef";
        let mut section = MAGIC.to_vec();
        section.extend([8, INLINE_STRINGS]);
        section.resize(HEADER_LEN, 0);
        section.push(8);
        section.extend(b"go1.26.8");
        section.extend([(modules.len() & 0x7f) as u8 | 0x80, (modules.len() >> 7) as u8]);
        section.extend(modules.as_bytes());
        let info = parse_build_info(&section);
        assert_eq!(info.go_version, "go1.26.8");
        assert_eq!(info.path, "example.com/p");
        assert_eq!(info.main.as_ref().map(|it| it.version.as_str()), Some("(devel)"));
        assert_eq!(info.deps[0].sum, "h1:sum");
        assert_eq!(
            info.deps[0].replaced_by.as_ref().map(|it| it.path.as_str()),
            Some("./a")
        );
        assert_eq!(info.setting("-gcflags"), Some("all=-N -l"));
        assert_eq!(info.setting("CGO_ENABLED"), Some("0"));
        for len in 0..section.len() {
            parse_build_info(&section[..len]);
        }
    }
}
