//! Lines of a file: comments left out, continued lines joined, keyword and value parted.

/// A line may be so long, with what continues it.
const LINE_BYTES_MAX: usize = 4_096;

/// A keyword and its value, both with single blanks only.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it begins, from 1.
    pub(super) number: usize,
    /// In lower case.
    pub(super) keyword: String,
    pub(super) value: String,
}

/// The lines of a text that say something.
pub(super) struct Lines<'t> {
    lines: std::iter::Enumerate<std::str::Lines<'t>>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { lines: text.lines().enumerate() }
    }
}

impl Iterator for Lines<'_> {
    type Item = Result<Line, (usize, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        let is_said = |line: &str| !line.is_empty() && !line.starts_with('#');
        let (at, first) = self.lines.by_ref().map(|(at, line)| (at, line.trim())).find(|(_, line)| is_said(line))?;
        let mut whole = first.to_owned();
        while let Some(rest) = whole.strip_suffix('\\') {
            whole.truncate(rest.len());
            let Some((_, next)) = self.lines.next() else { break };
            whole.push(' ');
            whole.push_str(next.trim());
        }
        Some(part(at + 1, &whole))
    }
}

fn part(number: usize, line: &str) -> Result<Line, (usize, String)> {
    if line.len() > LINE_BYTES_MAX {
        return Err((number, format!("the line is longer than {LINE_BYTES_MAX} bytes, it is left out")));
    }
    let Some((keyword, value)) = line.split_once(':') else {
        return Err((number, format!("expected \"keyword: value\", found \"{}\"", shown(line))));
    };
    let (keyword, value) = (squeezed(keyword).to_lowercase(), squeezed(value));
    if keyword.is_empty() {
        return Err((number, "expected a keyword before the colon".into()));
    }
    if value.is_empty() {
        return Err((number, format!("expected a value after \"{keyword}:\"")));
    }
    Ok(Line { number, keyword, value })
}

/// The same with one blank in place of several.
fn squeezed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The beginning of a text, for a message.
pub(super) fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    let mut shown: String = text.chars().take(CHARACTERS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('\u{2026}');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Result<(usize, String, String), usize>> {
        let line = |line: Result<Line, (usize, String)>| match line {
            Ok(line) => Ok((line.number, line.keyword, line.value)),
            Err((number, _)) => Err(number),
        };
        Lines::new(text).map(line).collect()
    }

    /// Comments and empty lines say nothing; a backslash goes on; colons after the first are text.
    #[test]
    fn what_lines_are() {
        let line = |number, keyword: &str, value: &str| Ok((number, keyword.to_owned(), value.to_owned()));
        assert_eq!(lines("\n # no\n  ALARM :  a  b\t c \n"), [line(3, "alarm", "a b c")]);
        assert_eq!(lines("info: one \\\n   two\\\n\nto: x # y"), [line(1, "info", "one two"), line(4, "to", "x # y")]);
        assert_eq!(
            lines("info: a \\\n# b\nwarn: $a ? 1 : 2"),
            [line(1, "info", "a # b"), line(3, "warn", "$a ? 1 : 2")]
        );
        assert_eq!(lines("Host  Labels: a=b\\"), [line(1, "host labels", "a=b")]);
        assert_eq!(lines("one\n: two\nthree:\nfour: \\\n\n"), [Err(1), Err(2), Err(3), Err(4)]);
        assert_eq!(lines(&format!("info: {}\nto: me", "x".repeat(5_000))), [Err(1), line(2, "to", "me")]);
    }
}
