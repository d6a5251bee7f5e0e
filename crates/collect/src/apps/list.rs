//! The list of applications: which names of processes make a group.
//!
//! ```text
//! # a comment
//! sql: mysqld* postgres* "a name with blanks"
//! sql: *mongod                                  a group may have several lines
//! ```
//!
//! A pattern is a process's name as the kernel keeps it, of which it keeps 15 bytes; with a star at
//! its end or its beginning it is the beginning or the end of a name, with both it is looked for in
//! the whole command line. The first pattern of the list that matches decides. So lists that were
//! written for Netdata's `apps_groups.conf` can be read: a `-` before a group or a name, which hides
//! it there, and a `+`, which helps to find errors, have no effect.

use crate::names::text_of;

/// The list where no other is named.
const BUILT_IN: &str = include_str!("../../../../configs/apps_groups.conf");
/// Groups at most; processes of those beyond are in no group.
const GROUPS_MAX: usize = 250;
/// Patterns at most.
const PATTERNS_MAX: usize = 8192;
/// A pattern or a group's name at most.
const WORD_BYTES_MAX: usize = 200;
/// What the kernel keeps of a process's name.
pub(super) const NAME_BYTES_MAX: usize = 15;

/// Groups and the patterns that make them.
#[derive(Debug, Default)]
pub(super) struct List {
    groups: Vec<String>,
    patterns: Vec<Pattern>,
    /// Whether a pattern asks for the command line.
    wants_command_lines: bool,
    /// Lines and words that were left out.
    left_out: usize,
}

#[derive(Debug)]
struct Pattern {
    group: u16,
    kind: Kind,
    text: Box<[u8]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Name,
    Beginning,
    End,
    CommandLine,
}

impl List {
    /// The list that comes with the program.
    pub(super) fn built_in() -> Self {
        Self::parse(BUILT_IN)
    }

    /// Reads a list. What is no line of a list is left out and counted.
    pub(super) fn parse(text: &str) -> Self {
        let mut list = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            list.add_line(line);
        }
        list.patterns.shrink_to_fit();
        list
    }

    /// The groups' names, in the order of the list.
    pub(super) fn groups(&self) -> &[String] {
        &self.groups
    }

    /// How many lines and words were not understood, or were beyond a limit.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// Whether [`find`](Self::find) looks at command lines.
    pub(super) fn wants_command_lines(&self) -> bool {
        self.wants_command_lines
    }

    /// The group of a process by its own name and command line (words end with a zero byte or a blank).
    pub(super) fn find(&self, name: &[u8], command_line: &[u8]) -> Option<u16> {
        let name = &name[..name.len().min(NAME_BYTES_MAX)];
        self.patterns.iter().find(|pattern| pattern.matches(name, command_line)).map(|pattern| pattern.group)
    }

    fn add_line(&mut self, line: &str) {
        let Some((group, words)) = line.split_once(':') else {
            self.left_out += 1;
            return;
        };
        let Some(group) = self.group(group.trim().trim_start_matches(['-', '+'])) else {
            self.left_out += 1;
            return;
        };
        for word in Words(words) {
            self.add_pattern(group, word.trim_start_matches(['-', '+']));
        }
    }

    fn group(&mut self, name: &str) -> Option<u16> {
        if name.is_empty() || name.len() > WORD_BYTES_MAX || name.contains(char::is_whitespace) {
            return None;
        }
        let name = text_of(name.as_bytes());
        if let Some(known) = self.groups.iter().position(|known| *known == name) {
            return Some(known as u16);
        }
        if self.groups.len() == GROUPS_MAX {
            return None;
        }
        self.groups.push(name);
        Some(self.groups.len() as u16 - 1)
    }

    fn add_pattern(&mut self, group: u16, word: &str) {
        let kind = match (word.starts_with('*'), word.ends_with('*')) {
            (false, false) => Kind::Name,
            (false, true) => Kind::Beginning,
            (true, false) => Kind::End,
            (true, true) => Kind::CommandLine,
        };
        let text = word.trim_matches('*').as_bytes();
        if text.is_empty() || text.len() > WORD_BYTES_MAX || self.patterns.len() == PATTERNS_MAX {
            self.left_out += 1;
            return;
        }
        let length = match kind {
            Kind::Name | Kind::Beginning => text.len().min(NAME_BYTES_MAX),
            Kind::End | Kind::CommandLine => text.len(),
        };
        self.wants_command_lines |= kind == Kind::CommandLine;
        self.patterns.push(Pattern { group, kind, text: text[..length].into() });
    }
}

impl Pattern {
    fn matches(&self, name: &[u8], command_line: &[u8]) -> bool {
        match self.kind {
            Kind::Name => *name == *self.text,
            Kind::Beginning => name.starts_with(&self.text),
            Kind::End => name.ends_with(&self.text),
            Kind::CommandLine => contains(command_line, &self.text),
        }
    }
}

/// Whether `text` stands in a command line; a blank stands for the end of a word.
fn contains(command_line: &[u8], text: &[u8]) -> bool {
    let same = |(&byte, &wanted): (&u8, &u8)| byte == wanted || (byte == 0 && wanted == b' ');
    command_line.windows(text.len()).any(|window| window.iter().zip(text).all(same))
}

/// Words between blanks; one that begins with a quote goes to the next of its kind.
struct Words<'a>(&'a str);

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start();
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
        let (word, rest) = match quote {
            Some(quote) => rest[1..].split_once(quote).unwrap_or((&rest[1..], "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        self.0 = rest;
        (!word.is_empty() || !rest.is_empty()).then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(list: &List, name: &str, command_line: &str) -> String {
        let found = list.find(name.as_bytes(), command_line.as_bytes());
        found.map_or("none", |group| &*list.groups[usize::from(group)]).to_owned()
    }

    /// Goal: each kind of pattern means what it says, and the first in the list decides.
    #[test]
    fn patterns_mean_what_they_say() {
        let list = List::parse(
            "# a list\nsql: mysqld* *gres\n\n web : nginx 'my server' \"it's\"\nsql: mongod\ncloud: '*aws s3*' *waagent*\n\
             long: networkd-dispatcher nginx\n",
        );
        assert_eq!((list.groups(), list.left_out()), (&["sql", "web", "cloud", "long"].map(str::to_owned)[..], 0));
        for (name, command_line, expected) in [
            ("mysqld", "", "sql"),
            ("mysqld_safe", "", "sql"),
            ("postgres", "", "sql"),
            ("postgres2", "", "none"),
            ("mongod", "", "sql"),
            ("nginx", "", "web"),
            ("nginx2", "", "none"),
            ("my server", "", "web"),
            ("it's", "", "web"),
            ("python", "python\0/usr/bin/aws\0s3\0ls\0", "cloud"),
            ("python", "python /bin/waagent -daemon", "cloud"),
            ("waagent", "", "none"),
            ("networkd-dispat", "", "long"),
            ("", "", "none"),
        ] {
            assert_eq!(found(&list, name, command_line), expected, "{name} {command_line:?}");
        }
        assert!(list.wants_command_lines() && !List::parse("a: b").wants_command_lines());
    }

    /// Goal: what hides or explains elsewhere has no effect; what is no list is left out, counted, and no panic.
    #[test]
    fn odd_lines() {
        let list = List::parse("-hidden: -one +two\nnothing\n: x\na b: c\ne:\nf: * ** ''\nz: 'open");
        assert_eq!(list.groups(), ["hidden", "e", "f", "z"].map(str::to_owned));
        assert_eq!(found(&list, "two", ""), "hidden");
        assert_eq!(found(&list, "one", ""), "hidden");
        assert_eq!(found(&list, "open", ""), "z");
        assert!(list.left_out() >= 5, "{list:?}");
        crate::tests::mutate(BUILT_IN.as_bytes(), |text| {
            let list = List::parse(&String::from_utf8_lossy(text));
            list.find(b"systemd", b"/sbin/init\0");
        });
    }

    /// Goal: limits hold, whatever a list says.
    #[test]
    fn limits() {
        let groups: String = (0..1000).map(|group| format!("g{group}: name{group}\n")).collect();
        let list = List::parse(&groups);
        assert_eq!((list.groups().len(), list.left_out()), (GROUPS_MAX, 750));
        let words = format!("a: {}\nb: {}", "x ".repeat(PATTERNS_MAX + 7), "y".repeat(WORD_BYTES_MAX + 1));
        let list = List::parse(&words);
        assert_eq!((list.patterns.len(), list.left_out()), (PATTERNS_MAX, 8));
    }

    /// Goal: the list that comes with the program is whole, small, and puts well-known programs where they belong.
    #[test]
    fn the_built_in_list() {
        let list = List::built_in();
        assert_eq!(list.left_out(), 0);
        assert!(list.groups().len() < 60 && list.patterns.len() < 400);
        for (name, expected) in [
            ("kthreadd", "kernel"),
            ("nginx", "web"),
            ("postgres", "sql"),
            ("sshd", "ssh"),
            ("systemd-journal", "logs"),
            ("systemd-logind", "system"),
            ("tributary-colle", "tributary"),
            ("apps.plugin", "netdata"),
            ("dockerd", "containers"),
            ("rustc", "build"),
            ("my-own-thing", "none"),
        ] {
            assert_eq!(found(&list, name, ""), expected, "{name}");
        }
    }
}
