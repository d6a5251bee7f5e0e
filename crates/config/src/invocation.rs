//! The command line: `tributary-ROLE [check] [--config FILE] [--set KEY=VALUE]…`, and where alarms are
//! `tributary-ROLE eval EXPRESSION [--var NAME=VALUE]…`.
//!
//! What `--set` names is looked up later, with the rest of what was said, so that its mistakes are
//! reported together with those of the file.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use crate::keys::Role;
use crate::said::{Origin, Raw, Said, What, quote};
use crate::secret::shorten_guids;

/// What the program was called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Command {
    /// Run in the foreground.
    #[default]
    Run,
    /// Check the settings, print those in force, and exit.
    Check,
    /// Print what an expression of alarms yields, and exit.
    Eval,
    /// Send a notification of each status to a role, and exit.
    TestNotification,
    /// Print the help, and exit.
    Help,
    /// Print the version, and exit.
    Version,
}

/// A command line, read but not yet compared with the list of settings.
#[derive(Debug, Clone, Default)]
pub struct Invocation {
    /// What the program was called for.
    pub command: Command,
    /// The settings file named by `--config`.
    pub config: Option<PathBuf>,
    /// The expression of [`Command::Eval`].
    pub expression: String,
    /// Its variables.
    pub variables: Vec<(String, f64)>,
    /// The role of [`Command::TestNotification`].
    pub told_role: String,
    overrides: Vec<Override>,
}

/// A setting given on the command line; later ones win.
#[derive(Debug, Clone)]
struct Override {
    option: String,
    path: String,
    value: Raw,
}

/// The command line cannot be understood; exit with status 2.
#[derive(Debug, PartialEq, Eq)]
pub struct UsageError {
    message: String,
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (see --help)", self.message)
    }
}

impl Error for UsageError {}

impl From<lexopt::Error> for UsageError {
    fn from(err: lexopt::Error) -> Self {
        Self::new(&err.to_string())
    }
}

impl UsageError {
    /// Arguments may be secrets, also those in the wrong place.
    fn new(message: &str) -> Self {
        Self { message: shorten_guids(message) }
    }
}

impl Invocation {
    /// Reads a command line, of which the first argument is the name of the program.
    ///
    /// # Errors
    /// An option or argument that is not of this role, or lacks its value.
    pub fn parse(role: Role, args: impl IntoIterator<Item = OsString>) -> Result<Self, UsageError> {
        let mut parser = Parser::from_args(args.into_iter().skip(1));
        let mut invocation = Self::default();
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Long("help") | Arg::Short('h') => return Ok(Self { command: Command::Help, ..Self::default() }),
                Arg::Long("version") | Arg::Short('V') => {
                    return Ok(Self { command: Command::Version, ..Self::default() });
                }
                Arg::Long("config") => invocation.config = Some(parser.value()?.into()),
                Arg::Long("set") => invocation.set(&parser.value()?.string()?)?,
                Arg::Long(option @ ("destination" | "api-key")) if role != Role::Collector => {
                    return Err(UsageError::new(&format!(
                        "--{option} is an option of the collector; here, set stream.{}",
                        option.replace('-', "_")
                    )));
                }
                Arg::Long("destination") => invocation.set_destination(parser.value()?.string()?),
                Arg::Long("api-key") => {
                    let key = parser.value()?.string()?;
                    invocation.add("--api-key", "stream.api_key", What::Text(key));
                }
                Arg::Long("var") if role != Role::Collector => invocation.set_variable(&parser.value()?.string()?)?,
                Arg::Value(word) => invocation.word(role, word.string()?)?,
                other => return Err(other.unexpected().into()),
            }
        }
        invocation.complete()
    }

    /// A word that is no option: a command, or what it is about.
    fn word(&mut self, role: Role, word: String) -> Result<(), UsageError> {
        match (self.command, &*word) {
            (Command::Eval, _) if self.expression.is_empty() => self.expression = word,
            (Command::TestNotification, _) if self.told_role.is_empty() => self.told_role = word,
            (Command::Run, "test-notification") if role != Role::Collector => {
                self.command = Command::TestNotification;
            }
            (Command::Run, "check") => self.command = Command::Check,
            (Command::Run, "eval") if role != Role::Collector => self.command = Command::Eval,
            _ => {
                let known = if role == Role::Collector { "check" } else { "check, eval, test-notification" };
                return Err(UsageError::new(&format!("unknown command {}: expected {known} or none", quote(&word))));
            }
        }
        Ok(())
    }

    fn set_variable(&mut self, variable: &str) -> Result<(), UsageError> {
        let number = variable.rsplit_once('=').and_then(|(name, value)| Some((name, value.trim().parse().ok()?)));
        let Some((name, value)) = number else {
            return Err(UsageError::new(&format!("--var {variable}: expected NAME=NUMBER")));
        };
        self.variables.push((name.trim().to_owned(), value));
        Ok(())
    }

    fn complete(self) -> Result<Self, UsageError> {
        if self.command == Command::Eval && self.expression.is_empty() {
            return Err(UsageError::new("eval: expected an expression such as '$a > 5 ? 1 : 2'"));
        }
        if self.command == Command::TestNotification && self.told_role.is_empty() {
            return Err(UsageError::new("test-notification: expected a role such as sysadmin"));
        }
        if self.command != Command::Eval && !self.variables.is_empty() {
            return Err(UsageError::new("--var is an option of eval"));
        }
        Ok(self)
    }

    fn set(&mut self, setting: &str) -> Result<(), UsageError> {
        let Some((path, value)) = setting.split_once('=') else {
            return Err(UsageError::new(&format!("--set {setting}: expected KEY=VALUE such as stream.api_key=GUID")));
        };
        let path = path.trim();
        self.add(&format!("--set {path}"), path, What::Bare(value.trim().to_owned()));
        Ok(())
    }

    fn set_destination(&mut self, destination: String) {
        self.add("--destination", "stream.destination", What::Text(destination));
        // In front of the others, since it is only implied: a --set of the same key wins.
        let enabled =
            Override { option: "--destination".into(), path: "stream.enabled".into(), value: raw(What::Bool(true)) };
        self.overrides.insert(0, enabled);
    }

    fn add(&mut self, option: &str, path: &str, value: What) {
        self.overrides.push(Override { option: option.into(), path: path.into(), value: raw(value) });
    }

    /// What the command line says, in its order.
    pub(crate) fn said(&self) -> impl Iterator<Item = Said> {
        self.overrides.iter().map(|setting| Said {
            path: setting.path.split('.').map(str::to_owned).collect(),
            value: setting.value.clone(),
            origin: Origin::CommandLine(setting.option.clone()),
        })
    }
}

const fn raw(what: What) -> Raw {
    Raw { what, line: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(role: Role, line: &str) -> Result<Invocation, UsageError> {
        Invocation::parse(role, format!("tributary {line}").split_whitespace().map(OsString::from))
    }

    /// Goal: `check` and the options come in any order.
    #[test]
    fn commands() {
        for (line, command, config) in [
            ("", Command::Run, None),
            ("check", Command::Check, None),
            ("check --config a.toml", Command::Check, Some("a.toml")),
            ("--config=a.toml check", Command::Check, Some("a.toml")),
            ("--config a.toml --config b.toml", Command::Run, Some("b.toml")),
            ("check --help --nonsense", Command::Help, None),
            ("-h", Command::Help, None),
            ("--version", Command::Version, None),
            ("-V", Command::Version, None),
            ("eval $a>5", Command::Eval, None),
            ("test-notification --config a.toml dba", Command::TestNotification, Some("a.toml")),
        ] {
            let invocation = parse(Role::Master, line).unwrap();
            assert_eq!(invocation.command, command, "{line}");
            assert_eq!(invocation.config, config.map(PathBuf::from), "{line}");
        }
    }

    /// Goal: an expression may begin with a sign, and the name of a variable may hold anything.
    #[test]
    fn expressions() {
        let invocation = parse(Role::Master, "eval --var a=b=-2.5 --var n=nan -- -5<3").unwrap();
        assert_eq!((invocation.command, &*invocation.expression), (Command::Eval, "-5<3"));
        assert_eq!(invocation.variables[0], ("a=b".to_owned(), -2.5));
        assert!(invocation.variables[1].1.is_nan());
    }

    /// Goal: what is not understood is named, without secrets.
    #[test]
    fn mistakes() {
        let guid = "11111111-2222-3333-4444-555555555555";
        for (role, line, expected) in [
            (Role::Master, "--nonsense", "invalid option '--nonsense' (see --help)"),
            (Role::Master, "--config", "missing argument for option '--config' (see --help)"),
            (
                Role::Master,
                "chekc",
                "unknown command \"chekc\": expected check, eval, test-notification or none (see --help)",
            ),
            (
                Role::Proxy,
                "check check",
                "unknown command \"check\": expected check, eval, test-notification or none (see --help)",
            ),
            (Role::Master, "eval", "eval: expected an expression such as '$a > 5 ? 1 : 2' (see --help)"),
            (
                Role::Master,
                "eval 1 2",
                "unknown command \"2\": expected check, eval, test-notification or none (see --help)",
            ),
            (Role::Master, "test-notification", "test-notification: expected a role such as sysadmin (see --help)"),
            (
                Role::Collector,
                "test-notification x",
                "unknown command \"test-notification\": expected check or none (see --help)",
            ),
            (Role::Master, "eval 1 --var a", "--var a: expected NAME=NUMBER (see --help)"),
            (Role::Master, "--var a=1", "--var is an option of eval (see --help)"),
            (Role::Collector, "eval 1", "unknown command \"eval\": expected check or none (see --help)"),
            (Role::Master, "--set x", "--set x: expected KEY=VALUE such as stream.api_key=GUID (see --help)"),
            (
                Role::Master,
                "--destination x",
                "--destination is an option of the collector; here, set stream.destination (see --help)",
            ),
            (
                Role::Proxy,
                &format!("--api-key {guid}"),
                "--api-key is an option of the collector; here, set stream.api_key (see --help)",
            ),
            (Role::Collector, guid, "unknown command \"11111111…\": expected check or none (see --help)"),
        ] {
            assert_eq!(parse(role, line).unwrap_err().to_string(), expected, "{line}");
        }
    }
}
