//! `-r`: where the standard streams of the program lead.

use std::path::PathBuf;

/// Files for input, output and errors; `None` leaves a stream as it is.
pub type Redirects = [Option<PathBuf>; 3];

const NAMES: [&str; 3] = ["stdin", "stdout", "stderr"];

/// Parses rules like `stdout:/tmp/log`; no name means input.
pub fn parse(rules: &[String]) -> Result<Redirects, String> {
    let mut redirects = Redirects::default();
    for rule in rules {
        let named = NAMES.iter().enumerate().find_map(|(stream, name)| {
            Some((stream, rule.strip_prefix(name)?.strip_prefix(':')?))
        });
        let (stream, path) = named.unwrap_or((0, rule));
        if redirects[stream].is_some() {
            return Err(format!("redirect error: {} redirected twice", NAMES[stream]));
        }
        redirects[stream] = Some(PathBuf::from(path));
    }
    Ok(redirects)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::parse;

    #[test]
    fn a_rule_names_a_stream_or_means_input() {
        let rules = |rules: &[&str]| {
            parse(&rules.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
        };
        let path = |it: &str| Some(PathBuf::from(it));
        assert_eq!(rules(&["a:b"]), Ok([path("a:b"), None, None]));
        assert_eq!(
            rules(&["stderr:/e", "stdout:o", "stdin:i"]),
            Ok([path("i"), path("o"), path("/e")])
        );
        assert_eq!(
            rules(&["stdout:a", "stdout:b"]),
            Err("redirect error: stdout redirected twice".to_owned())
        );
    }
}
