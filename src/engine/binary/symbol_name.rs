//! The grammar of Go symbol names: `path/to/pkg.(*Recv[T]).Method[U].func1`.

use std::borrow::Cow;

/// The package of a symbol: everything before the first dot behind the last slash, of
/// what is before the type arguments. Escapes stay: see [`unescape`].
///
/// Compiler-made symbols such as `type:.eq.main.T` have none.
pub fn package(name: &str) -> &str {
    if is_made_by_compiler(name) {
        return "";
    }
    let plain = &name[..name.find(['[', '(']).unwrap_or(name.len())];
    let path_end = plain.rfind('/').map_or(0, |it| it + 1);
    plain[path_end..].find('.').map_or("", |it| &name[..path_end + it])
}

/// Whether a symbol is the compiler's or the linker's, and of no package: `go:buildid`,
/// `type:.eq.main.T`. Up to Go 1.19 they begin with `go.`, as do import paths of many
/// domains (`go.uber.org/zap`).
pub fn is_made_by_compiler(name: &str) -> bool {
    /// What they go on with (`$GOROOT/src/cmd/link`).
    const MADE: [&str; 12] = [
        "shape",
        "itab",
        "string",
        "func",
        "map",
        "importpath",
        "info",
        "buildid",
        "builtin",
        "link",
        "typelink",
        "constinfo",
    ];
    if ["type:", "go:", "type."].iter().any(|it| name.starts_with(it)) {
        return true;
    }
    let Some(rest) = name.strip_prefix("go.") else { return false };
    let is_domain = rest.split_once('/').is_some_and(|(domain, _)| {
        let first = domain.split('.').next().unwrap_or_default();
        let is_part = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-');
        domain.chars().all(is_part) && !MADE.contains(&first)
    });
    !is_domain
}

/// The ways to read a name that a user wrote as package and symbol: the last element of
/// an import path may have dots, which the linker escapes and a user does not.
pub fn splits(name: &str) -> impl Iterator<Item = (&str, &str)> {
    let plain = &name[..name.find(['[', '(']).unwrap_or(name.len())];
    let path_end = plain.rfind('/').map_or(0, |it| it + 1);
    let dots = plain[path_end..].match_indices('.').map(move |it| path_end + it.0);
    dots.map(|dot| (&name[..dot], &name[dot + 1..]))
}

/// The import path as the linker writes it: the inverse of [`unescape`].
pub fn escape(path: &str) -> String {
    let last = path.rfind('/').map_or(0, |it| it + 1);
    let mut escaped = path[..last].to_string();
    for byte in path[last..].bytes() {
        if byte <= b' ' || matches!(byte, b'.' | b'%' | b'"') || byte >= 0x7f {
            escaped.push_str(&format!("%{byte:02x}"));
        } else {
            escaped.push(char::from(byte));
        }
    }
    escaped
}

/// The symbol without its package: `(*T).M`, `F.func1`, `V`.
pub fn base(name: &str) -> &str {
    let package = package(name);
    if package.is_empty() { name } else { &name[package.len() + 1..] }
}

/// `pkg.Map[int,string].func1` → `pkg.Map.func1`.
pub fn without_type_arguments(name: &str) -> Cow<'_, str> {
    if !name.contains('[') {
        return Cow::Borrowed(name);
    }
    let mut depth = 0u32;
    let kept = name.chars().filter(|c| {
        depth += u32::from(*c == '[');
        let kept = depth == 0;
        depth = depth.saturating_sub(u32::from(*c == ']'));
        kept
    });
    Cow::Owned(kept.collect())
}

/// The import path that the linker wrote as `path`: in its last element it writes dots
/// and unprintable characters as `%xx` (`objabi.PathToPrefix` in `$GOROOT/src/cmd`).
pub fn unescape(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        let digits = tail.get(..2).and_then(|it| std::str::from_utf8(it).ok());
        let escaped = digits
            .filter(|it| *byte == b'%' && it.bytes().all(|c| c.is_ascii_hexdigit()))
            .and_then(|it| u8::from_str_radix(it, 16).ok());
        if let Some(escaped) = escaped {
            bytes.push(escaped);
            rest = &tail[2..];
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let cases = [
            ("main.main", "main", "main"),
            ("net/http.(*Client).Do", "net/http", "(*Client).Do"),
            ("example.com/x.y/my%2epkg.F.func1", "example.com/x.y/my%2epkg", "F.func1"),
            (
                "main.Map[go.shape.int,a/b.T].func1",
                "main",
                "Map[go.shape.int,a/b.T].func1",
            ),
            ("main.(*Pair[a/b.K]).Get", "main", "(*Pair[a/b.K]).Get"),
            ("type:.eq.main.T", "", "type:.eq.main.T"),
            ("go.uber.org/zap/zapcore.Level", "go.uber.org/zap/zapcore", "Level"),
            ("go.x.io/a.(*T[b/c.D]).M", "go.x.io/a", "(*T[b/c.D]).M"),
            ("go.buildid", "", "go.buildid"),
            ("go.shape.*a/b.T", "", "go.shape.*a/b.T"),
            ("go.itab.a/b.T,io.Reader", "", "go.itab.a/b.T,io.Reader"),
            ("_rt0_amd64_linux", "", "_rt0_amd64_linux"),
            ("", "", ""),
        ];
        for (name, expected_package, expected_base) in cases {
            assert_eq!(package(name), expected_package, "{name}");
            assert_eq!(base(name), expected_base, "{name}");
        }
    }

    #[test]
    fn type_arguments_are_left_out() {
        let cases = [
            ("main.Map[...]", "main.Map"),
            ("main.(*Pair[go.shape.[]int,m[k]]).Get[x].func1", "main.(*Pair).Get.func1"),
            ("main.F", "main.F"),
            ("main.]F[", "main.]F"),
        ];
        for (name, expected) in cases {
            assert_eq!(without_type_arguments(name), expected);
        }
    }

    #[test]
    fn names_with_dots_in_the_path_have_several_readings() {
        let cases: [(&str, &[(&str, &str)]); 4] = [
            ("main.x", &[("main", "x")]),
            ("a.b/my.pkg.T", &[("a.b/my", "pkg.T"), ("a.b/my.pkg", "T")]),
            ("m.Pair[a.b]", &[("m", "Pair[a.b]")]),
            ("x", &[]),
        ];
        for (name, expected) in cases {
            assert_eq!(splits(name).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn import_paths_are_unescaped() {
        assert_eq!(escape("example.com/my.pkg"), "example.com/my%2epkg");
        assert_eq!(unescape("example.com/my%2epkg"), "example.com/my.pkg");
        assert_eq!(unescape("100%"), "100%");
        assert_eq!(unescape("%zz%2"), "%zz%2");
    }
}
