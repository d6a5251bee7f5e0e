//! Pages about the settings, all written from the list of keys: `--help`, the commented file of
//! each role in `configs/`, and `docs/settings.md`.

use std::fmt::Write;

use crate::keys::{Built, DefaultValue, Key, Naming, Role, SECTIONS, Section};
use crate::kind::{Item, Kind};

/// What `--help` prints.
#[must_use]
pub fn help(role: Role) -> String {
    let name = role.as_str();
    let mut page = String::new();
    line(&mut page, format_args!("tributary-{name}: {}\n", sentence(role)));
    line(&mut page, format_args!("usage: tributary-{name} [check] [--config FILE] [--set KEY=VALUE]..."));
    if role != Role::Collector {
        line(&mut page, format_args!("       tributary-{name} eval EXPRESSION [--var NAME=NUMBER]..."));
        line(
            &mut page,
            format_args!("       tributary-{name} test-notification ROLE [--config FILE] [--set KEY=VALUE]..."),
        );
    }
    page.push('\n');
    let options: &[(&str, &str)] = &[
        ("check", "read the settings, print what is wrong or what is in force, and exit"),
        ("--config FILE", "read this file; without it, the default file if it exists"),
        ("--set KEY=VALUE", "set one of the keys below; wins over environment and file"),
        ("--help, -h", "print this page"),
        ("--version, -V", "print the version"),
    ];
    let own: &[(&str, &str)] = &[
        ("--destination ADDRESS", "stream to this parent (stream.destination; implies stream.enabled)"),
        ("--api-key GUID", "with this API key (stream.api_key)"),
    ];
    let alarms: &[(&str, &str)] = &[
        ("eval EXPRESSION", "print what an expression of alarms yields; -- ends the options"),
        ("--var NAME=NUMBER", "a variable of it"),
        ("test-notification ROLE", "send WARNING, CRITICAL and CLEAR to who is told of alarms for this role, and exit"),
    ];
    let own = if role == Role::Collector { own } else { alarms };
    for (option, meaning) in own.iter().chain(options) {
        line(&mut page, format_args!("  {option:<24}{meaning}"));
    }
    line(&mut page, format_args!("\ndefault file: {}", role.default_file()));
    line(&mut page, format_args!("environment: TRIBUTARY_TABLE__KEY, such as TRIBUTARY_GLOBAL__UPDATE_EVERY=2"));
    for section in sections_of(role) {
        line(&mut page, format_args!("\n[{}]  {}", header(section, false), section.meaning));
        for key in section.keys.iter().filter(|key| key.roles.contain(role)) {
            line(&mut page, format_args!("  {} = {}", key.name, key.default_text(role)));
            line(&mut page, format_args!("      {}{}{}", key.meaning, state(key), origin_of_default(key)));
        }
    }
    page
}

/// The commented settings file of a role: each key that has an effect, with its default.
#[must_use]
pub fn configuration_file(role: Role) -> String {
    let name = role.as_str();
    let mut page = String::new();
    line(&mut page, format_args!("# Settings of tributary-{name}: {}.\n#", sentence(role)));
    line(
        &mut page,
        format_args!("# Each key stands with its default, commented out. Durations are seconds or \"10m\", sizes are"),
    );
    line(
        &mut page,
        format_args!(
            "# bytes or \"1MiB\", patterns are simple patterns such as \"!this that*\"; docs/settings.md tells"
        ),
    );
    line(&mut page, format_args!("# more, and `tributary-{name} check` which values are in force."));
    for section in sections_of(role) {
        // A named table that is there is in use, so its header is commented out, too.
        let sign = if section.is_named() { "# " } else { "" };
        line(&mut page, format_args!("\n# {}", capital(section.meaning)));
        line(&mut page, format_args!("{sign}[{}]", header(section, true)));
        for key in section.keys.iter().filter(|key| key.roles.contain(role)) {
            line(&mut page, format_args!("\n# {}{}{}", capital(key.meaning), state(key), origin_of_default(key)));
            if !is_plain_to_see(key.kind) {
                line(&mut page, format_args!("# expects {}", key.kind.expected()));
            }
            line(&mut page, format_args!("# {} = {}", key.name, key.default_text(role)));
        }
    }
    page
}

/// The reference page, `docs/settings.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    for section in SECTIONS {
        line(&mut page, format_args!("\n## `[{}]`\n\n{}.", header(section, false), capital(section.meaning)));
        line(&mut page, format_args!("\n| key | default | expects | effect in | meaning |\n|---|---|---|---|---|"));
        for key in section.keys {
            line(&mut page, format_args!("{}", row(key)));
        }
    }
    page
}

const INTRODUCTION: &str = r#"# Settings

This page is written from the list of keys in `crates/config/src/keys.rs`; change that, not this.

A node reads one TOML file: the one that `--config` names, else `/etc/tributary/ROLE.toml` if it exists. Without any
file it starts with the defaults. Each key may also come from the environment or the command line:

| where | how `api_key` of `[stream]` is written |
|---|---|
| file | `api_key = "…"` below `[stream]` |
| environment | `TRIBUTARY_STREAM__API_KEY=…`, upper case, two underscores between table and key |
| command line | `--set stream.api_key=…`; the collector also takes `--api-key` and `--destination` |

The command line wins over the environment, and that over the file. Outside the file a value need not be quoted, and
lists may be words separated by blanks. In the name of a variable a GUID may be written with underscores for dashes,
and names of tables are lower case.

* Durations are numbers of seconds, or texts such as `"500ms"`, `"10s"`, `"5m"`, `"1h"`, `"7d"`, `"2w"`, `"1y"`.
* Sizes are numbers of bytes, or texts such as `"64KiB"`, `"1MiB"`, `"1GiB"`.
* Patterns are simple patterns: words separated by blanks, `*` for anything, a leading `!` for "not"; the first word
  that matches decides.

A key that is on no list, a wrong type or a value out of range ends the start with status 2, and every such mistake is
named with its place. `tributary-ROLE check` finds them without starting anything, and prints the settings in force.
All keys are known to all three binaries; one without effect in the role, or not built yet, is checked, accepted and
named in one line of the log.
"#;

fn row(key: &Key) -> String {
    let default = match key.default {
        DefaultValue::Is(text) => code(text),
        DefaultValue::As(path) => format!("as `{path}`"),
        DefaultValue::ByRole { collector, others } => format!("{}; in the collector {}", code(others), code(collector)),
        DefaultValue::Unset(_) => "unset".into(),
    };
    // Stars stand for themselves in code, but not in sentences.
    let expected = key.kind.expected().replace('*', "\\*");
    let meaning = format!("{}{}", key.meaning, state(key)).replace('*', "\\*");
    let cells = [code(key.name), default, expected, key.roles.text(), meaning];
    format!("| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn sections_of(role: Role) -> impl Iterator<Item = &'static Section> {
    SECTIONS.iter().filter(move |section| section.has_effect(role))
}

/// The path of a section, with its example name in a file, or with what is to stand there.
fn header(section: &Section, in_file: bool) -> String {
    match section.naming {
        Naming::Fixed => section.path.to_owned(),
        Naming::ApiKey | Naming::Machine if !in_file => format!("{}.GUID", section.path),
        _ => format!("{}.{}", section.path, section.example),
    }
}

fn state(key: &Key) -> String {
    match key.built {
        Built::Yes => String::new(),
        Built::No => " (not built yet)".into(),
    }
}

/// Whether the default alone shows what a key expects.
const fn is_plain_to_see(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Bool
            | Kind::Text
            | Kind::Pattern
            | Kind::List(Item::Text)
            | Kind::SecretList
            | Kind::Secret
            | Kind::Template
    )
}

fn origin_of_default(key: &Key) -> String {
    match key.default {
        DefaultValue::As(path) => format!("; default: as {path}"),
        DefaultValue::Unset(_) => "; default: unset".into(),
        DefaultValue::Is(_) | DefaultValue::ByRole { .. } => String::new(),
    }
}

const fn sentence(role: Role) -> &'static str {
    match role {
        Role::Collector => "measures this machine and streams what it measures to a parent",
        Role::Proxy => "receives metric streams, keeps them if told to, and streams them on",
        Role::Master => "receives metric streams, keeps them, watches them, shows them",
    }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}

fn line(page: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(page, "{line}").expect("writing to a string cannot fail");
}
