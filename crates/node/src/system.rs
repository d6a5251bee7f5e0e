//! Facts about this machine that a child tells its parents.

use std::fs;
use std::path::Path;

use rustix::system::uname;

/// What is known of the machine. Texts are never empty: what is not known is `unknown`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// The system's host name.
    pub hostname: String,
    /// The time zone's name.
    pub timezone: String,
    /// `NETDATA_*` names and values, in the order that they are sent.
    pub facts: Vec<(String, String)>,
    /// Changes with each boot.
    pub boot_id: String,
    /// Tells machines with one GUID apart.
    pub fingerprint: String,
}

const UNKNOWN: &str = "unknown";
/// Bytes of a system file that are looked at.
const FILE_BYTES_MAX: usize = 64 * 1024;

impl System {
    /// Reads the facts below `root`, which is `/` but in tests.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let uname = uname();
        let text = |value: &std::ffi::CStr| known(&value.to_string_lossy());
        let read = |path: &str| read_text(&root.join(path));
        let release = Some(read("etc/os-release")).filter(|text| !text.is_empty());
        let release = release.unwrap_or_else(|| read("usr/lib/os-release"));
        let of_release = |key: &str| known(&assigned(&release, key));
        let cpus = read("proc/cpuinfo").lines().filter(|line| line.starts_with("processor")).count();
        let memory_kib = field(&read("proc/meminfo"), "MemTotal:").parse::<u64>().unwrap_or(0);
        let machine_id = read("etc/machine-id").trim().to_owned();
        let fact = |name: &str, value: String| (format!("NETDATA_{name}"), value);
        let facts = vec![
            fact("SYSTEM_OS_NAME", of_release("NAME")),
            fact("SYSTEM_OS_ID", of_release("ID")),
            fact("SYSTEM_OS_ID_LIKE", of_release("ID_LIKE")),
            fact("SYSTEM_OS_VERSION", of_release("VERSION")),
            fact("SYSTEM_OS_VERSION_ID", of_release("VERSION_ID")),
            fact("SYSTEM_OS_DETECTION", "/etc/os-release".into()),
            fact("HOST_IS_K8S_NODE", "false".into()),
            fact("SYSTEM_KERNEL_NAME", text(uname.sysname())),
            fact("SYSTEM_KERNEL_VERSION", text(uname.release())),
            fact("SYSTEM_ARCHITECTURE", text(uname.machine())),
            fact("SYSTEM_CPU_LOGICAL_CPU_COUNT", cpus.max(1).to_string()),
            fact("SYSTEM_TOTAL_RAM", (memory_kib * 1024).to_string()),
        ];
        Self {
            hostname: text(uname.nodename()),
            timezone: timezone(&read("etc/timezone"), &root.join("etc/localtime")),
            facts,
            boot_id: known(read("proc/sys/kernel/random/boot_id").trim()),
            fingerprint: if machine_id.is_empty() { UNKNOWN.into() } else { digest(&machine_id) },
        }
    }
}

fn known(text: &str) -> String {
    let clean: String = text.trim().chars().filter(|c| !c.is_control() && *c != '&').take(256).collect();
    if clean.is_empty() { UNKNOWN.into() } else { clean }
}

fn read_text(path: &Path) -> String {
    let Ok(mut bytes) = fs::read(path) else { return String::new() };
    bytes.truncate(FILE_BYTES_MAX);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The value of `KEY=value` or `KEY="value"`.
fn assigned(text: &str, key: &str) -> String {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    value.unwrap_or("").trim_matches(['"', '\'']).to_owned()
}

/// The word after `label`.
fn field<'a>(text: &'a str, label: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(label));
    line.and_then(|rest| rest.split_whitespace().next()).unwrap_or("")
}

fn timezone(named: &str, link: &Path) -> String {
    if !named.trim().is_empty() {
        return known(named);
    }
    let target = fs::read_link(link).unwrap_or_default();
    let target = target.to_string_lossy();
    known(target.split_once("zoneinfo/").map_or("", |(_, name)| name))
}

/// A digest of a text that must not be told itself.
fn digest(text: &str) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for _ in 0..2 {
        for byte in text.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        hash ^= hash >> 29;
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_from_files_and_are_never_empty() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("etc/os-release", "NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"12\"\n");
        write("proc/meminfo", "MemTotal:       1000 kB\nMemFree: 1 kB\n");
        write("proc/cpuinfo", "processor : 0\nmodel : x\nprocessor : 1\n");
        write("etc/machine-id", "0123456789abcdef\n");
        let system = System::read(root.path());
        let fact = |name: &str| system.facts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert_eq!(fact("NETDATA_SYSTEM_OS_NAME"), Some("Debian GNU/Linux"));
        assert_eq!(fact("NETDATA_SYSTEM_OS_VERSION"), Some("unknown"));
        assert_eq!(fact("NETDATA_SYSTEM_CPU_LOGICAL_CPU_COUNT"), Some("2"));
        assert_eq!(fact("NETDATA_SYSTEM_TOTAL_RAM"), Some("1024000"));
        assert!(system.facts.iter().all(|(_, value)| !value.is_empty()));
        assert!(!system.fingerprint.contains("0123456789abcdef") && system.fingerprint.len() == 16);
    }
}
