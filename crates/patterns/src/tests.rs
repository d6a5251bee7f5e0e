use super::*;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

/// Goal: words, stars, signs and order mean what old documents say they mean.
#[test]
fn lists_decide_as_documented() {
    use Verdict::{Negative, Positive, Unmatched};
    for (list, text, expected) in [
        ("", "", Unmatched),
        ("", "x", Unmatched),
        (" \t\n ", "", Unmatched),
        ("*", "", Positive),
        ("*", "anything at all", Positive),
        ("**", "x", Positive),
        ("cpu", "cpu", Positive),
        ("cpu", "CPU", Unmatched),
        ("cpu", "cpu0", Unmatched),
        ("cpu", "0cpu", Unmatched),
        ("cpu*", "cpu", Positive),
        ("cpu*", "cpu0", Positive),
        ("*cpu", "xcpu", Positive),
        ("*cpu*", "a cpu b", Positive),
        ("a*a", "a", Unmatched),
        ("a*a", "aa", Positive),
        ("a*b*c", "abc", Positive),
        ("a*b*c", "a-c-b-c", Positive),
        ("a*b*c", "acb", Unmatched),
        ("*ab*ab", "abab", Positive),
        ("*ab*ab", "aab", Unmatched),
        ("*aba*ba", "ababa", Positive),
        ("*aba*ba", "aba", Unmatched),
        ("!cpu* *", "cpu0", Negative),
        ("!cpu* *", "disk", Positive),
        ("* !cpu*", "cpu0", Positive),
        ("!cpu*", "disk", Unmatched),
        ("! 10.*", "10.1", Negative),
        ("! 10.* *", "10.1", Negative),
        ("! 10.* *", "11.1", Positive),
        ("x ! ! 10.* *", "10.1", Negative),
        ("! !x *", "x", Negative),
        ("!!x", "!x", Negative),
        ("x!y", "x!y", Positive),
        ("!", "", Unmatched),
        ("x !", "", Unmatched),
        ("!*", "x", Negative),
        (r"\*", "*", Positive),
        (r"\*", "x", Unmatched),
        (r"\!x", "!x", Positive),
        (r"a\ b", "a b", Positive),
        (r"a\\b", r"a\b", Positive),
        (r"ab\", r"ab\", Positive),
        ("größe*", "größenwahn", Positive),
        ("*ß*", "größe", Positive),
        ("  a\t b\r\nc ", "b", Positive),
    ] {
        assert_eq!(SimplePattern::new(list).verdict(text), expected, "{list:?} on {text:?}");
        assert_eq!(SimplePattern::new(list).matches(text), expected == Positive, "{list:?} on {text:?}");
    }
}

/// Goal: with other separators blanks belong to names.
#[test]
fn other_separators_leave_blanks_in_words() {
    let list = SimplePattern::with_separators("idle time|!user,,u*", &[',', '|']);
    for (text, expected) in [("idle time", true), ("idle", false), ("user", false), ("uptime", true), ("", false)] {
        assert_eq!(list.matches(text), expected, "{text:?}");
    }
    assert!(SimplePattern::with_separators(",|", &[',', '|']).is_empty());
}

/// Goal: loopback has a name, and the form an address came in does not matter.
#[test]
fn addresses() {
    for (list, ip, expected) in [
        ("localhost", "127.0.0.1", true),
        ("127.*", "127.0.0.1", true),
        ("localhost", "127.9.9.9", true),
        ("localhost", "::1", true),
        ("::1", "::1", true),
        ("localhost", "::ffff:127.0.0.1", true),
        ("localhost", "10.0.0.1", false),
        ("!localhost *", "127.0.0.1", false),
        ("!127.* localhost", "127.0.0.1", false),
        ("localhost !127.*", "127.0.0.1", true),
        ("localhost *", "10.0.0.1", true),
        ("10.*", "::ffff:10.2.3.4", true),
        ("::ffff:*", "::ffff:10.2.3.4", false),
        ("fd00:*", "fd00::7", true),
        ("fd00:*", "fe80::7", false),
        ("! 10.* *", "10.0.0.1", false),
        ("", "127.0.0.1", false),
    ] {
        let ip: IpAddr = ip.parse().unwrap();
        assert_eq!(SimplePattern::new(list).matches_address(ip), expected, "{list:?} on {ip}");
    }
    assert!(SimplePattern::new("localhost").matches(LOCALHOST));
}

/// Goal: over random words and texts the matcher agrees with a naive one that tries everything.
#[test]
fn agrees_with_a_naive_matcher() {
    fn naive(word: &[u8], text: &[u8]) -> bool {
        match word.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|at| naive(rest, &text[at..])),
            Some((byte, rest)) => text.first() == Some(byte) && naive(rest, &text[1..]),
        }
    }
    let mut random = Random(42);
    let mut matched = 0;
    for _ in 0..200_000 {
        let word = random.text(b"ab*", 8);
        let text = random.text(b"ab", 10);
        let expected = !word.is_empty() && naive(word.as_bytes(), text.as_bytes());
        assert_eq!(SimplePattern::new(&word).matches(&text), expected, "{word:?} on {text:?}");
        matched += usize::from(expected);
    }
    assert!(matched > 10_000, "the samples are too tame: {matched}");
}

/// Goal: any list and any text is taken, and the first word that matches decides.
#[test]
fn random_lists_are_total_and_first_match_wins() {
    let mut random = Random(7);
    for _ in 0..50_000 {
        let list = random.text(b"ab*! \\", 16);
        let text = random.text(b"ab! ", 6);
        let verdict = SimplePattern::new(&list).verdict(&text);
        let both = SimplePattern::new(&alloc::format!("{list} *")).verdict(&text);
        let pending = list.trim_end().ends_with(['!', '\\']) || list.ends_with('\\');
        if verdict != Verdict::Unmatched {
            assert_eq!(both, verdict, "{list:?} on {text:?}");
        } else if !pending {
            assert_eq!(both, Verdict::Positive, "{list:?} on {text:?}");
        }
    }
}

/// Goal: many stars on a long text that almost matches end soon.
#[test]
fn many_stars_do_not_blow_up() {
    let word: String = "*a".repeat(2_000) + "*b";
    let text = "a".repeat(200_000);
    assert!(!SimplePattern::new(&word).matches(&text));
    assert!(SimplePattern::new(&word).matches(&(text + "b")));
}

/// A small seeded generator (xorshift), enough for samples.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }

    fn text(&mut self, letters: &[u8], longest: usize) -> String {
        let length = self.below(longest + 1);
        let bytes: Vec<u8> = (0..length).map(|_| letters[self.below(letters.len())]).collect();
        String::from_utf8(bytes).unwrap()
    }
}
