//! What a control group is called: its container, its machine, its service.
//!
//! | path | name |
//! |---|---|
//! | `…kubepods…/pod<uid>…/<64 digits>` | `k8s_cntr_<namespace>_<pod>_<container>`, by `/var/log/containers` |
//! | `…docker-<64 digits>.scope`, `/docker/<64 digits>` | the container's, by docker's `config.v2.json` |
//! | `…libpod-<64 digits>.scope` | the container's, by podman's `containers.json` |
//! | `/machine.slice/machine-qemu\x2d1\x2dweb.scope` | `qemu_web` |
//! | `/machine.slice/machine-lxc\x2d1\x2dweb.scope` | `lxc/web` |
//! | `…machine_web.libvirt-qemu` | `qemu_web` |
//! | `/machine.slice/web.service` | `web` |
//! | `/qemu.slice/100.scope`, `/lxc/100` | `qemu_` and the name, the hostname: by `/etc/pve` |
//! | `lxc.payload.web` | `web` |
//! | any other | the path |
//!
//! All of it stands in paths and files: neither a program nor a server is asked.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::json::{Texts, find};
use crate::file::{Buffer, read_once, under};
use crate::names::{chart_id, text_of};
use crate::scan::{Words, lines};

/// Names are cut here.
const NAME_CHARACTERS_MAX: usize = 100;
/// Digits of a container's id that stand for its name where that is not known.
const SHORT_DIGITS: usize = 12;
const DIGITS: usize = 64;
/// Entries of a folder of logs that are looked at.
const LOGS_MAX: usize = 8192;
/// Docker's folder of containers, below its own.
const DOCKER: &str = "/var/lib/docker";
/// Podman's lists of containers: those that survive a start of the machine, and the others.
const PODMAN: [&str; 2] = [
    "/var/lib/containers/storage/overlay-containers/containers.json",
    "/var/lib/containers/storage/overlay-containers/volatile-containers.json",
];
const KUBERNETES_CONTAINERS: &str = "/var/log/containers";
const KUBERNETES_PODS: &str = "/var/log/pods";

/// A name, and what is known beside it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Name {
    /// The name.
    pub text: String,
    /// Labels of the charts.
    pub labels: Vec<(&'static str, String)>,
    /// What precedes contexts.
    pub context_prefix: &'static str,
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// What was found.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// The name.
    Named(Name),
    /// The file that tells may not be written so far; after so many tries, this name will do, or
    /// there are to be no charts.
    NotYet {
        /// Tries in all.
        tries: u32,
        /// The name after them.
        instead: Option<Name>,
    },
}

/// Looks for the name of the group at `path`, written from its tree, below `root`.
pub(crate) fn resolve(root: &Path, path: &[u8], buffer: &mut Buffer) -> Found {
    let text = String::from_utf8_lossy(path);
    let mut found = if text.contains("kubepods") {
        kubernetes(root, &text)
    } else if let Some(id) = docker_id(&text) {
        Lookup { id, tries: 2 }.by(docker(root, id, buffer))
    } else if let Some(id) = digits_after(&text, "libpod-").filter(|id| id.len() == DIGITS) {
        Lookup { id, tries: 2 }.by(podman(root, id, buffer))
    } else {
        Found::Named(by_path(root, &text, buffer).unwrap_or_else(|| default(path)).into())
    };
    if let Found::Named(name) | Found::NotYet { instead: Some(name), .. } = &mut found {
        name.text = text_of(name.text.as_bytes()).chars().take(NAME_CHARACTERS_MAX).collect();
        for (_, value) in &mut name.labels {
            *value = text_of(value.as_bytes());
        }
    }
    found
}

/// The name of a group that nobody has a name for.
pub(crate) fn default(path: &[u8]) -> String {
    match path.strip_prefix(b"/").unwrap_or(path) {
        b"" => "root".to_owned(),
        path => chart_id(path),
    }
}

/// The name of the service at `path`: its last part, as its unit file is called, without `.service`.
pub(crate) fn service(path: &[u8]) -> String {
    let last = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let unit = unescape(&String::from_utf8_lossy(last));
    text_of(unit.strip_suffix(".service").unwrap_or(&unit).as_bytes())
}

/// `-` and other characters of a unit's name are written as `\x2d` and the like.
fn unescape(unit: &str) -> String {
    let mut parts = unit.split("\\x");
    let mut plain = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                plain.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => {
                plain.extend_from_slice(b"\\x");
                plain.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// A container that a file is to tell the name of.
struct Lookup<'a> {
    id: &'a str,
    tries: u32,
}

impl Lookup<'_> {
    fn by(self, name: Option<String>) -> Found {
        match name {
            Some(name) => Found::Named(name.into()),
            None => {
                let short: String = self.id.chars().take(SHORT_DIGITS).collect();
                Found::NotYet { tries: self.tries, instead: Some(short.into()) }
            }
        }
    }
}

/// The hexadecimal digits that follow `mark`.
fn digits_after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let rest = &text[text.find(mark)? + mark.len()..];
    let end = rest.find(|letter: char| !letter.is_ascii_hexdigit()).unwrap_or(rest.len());
    Some(&rest[..end])
}

fn is_container(digits: &&str) -> bool {
    matches!(digits.len(), SHORT_DIGITS | DIGITS)
}

/// The id of a container that docker runs, or whose names docker knows.
fn docker_id(path: &str) -> Option<&str> {
    let marks = ["docker-", "docker_", "docker/", "docker.", "system.slice/containerd.service/cpuset/"];
    let found = marks.iter().find_map(|mark| digits_after(path, mark).filter(is_container));
    let is_task = ["ecs/", "ecs-", "ecs_", "ecs."].iter().any(|mark| path.contains(mark));
    found.or_else(|| {
        let last = path.rsplit(['/', '-', '_', '.']).next()?;
        let digits = last.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(last).filter(|_| is_task && digits).filter(is_container)
    })
}

fn docker(root: &Path, id: &str, buffer: &mut Buffer) -> Option<String> {
    let settings = read_once(&under(root, "/etc/docker/daemon.json"), buffer).unwrap_or_default();
    let folder = find(settings, "data-root").and_then(|folder| std::str::from_utf8(folder).ok());
    let path = format!("{}/containers/{id}/config.v2.json", folder.unwrap_or(DOCKER));
    let text = read_once(&under(root, &path), buffer).ok()?;
    let name = text_of(find(text, "Name")?);
    Some(name.trim_start_matches('/').to_owned()).filter(|name| !name.is_empty())
}

fn podman(root: &Path, id: &str, buffer: &mut Buffer) -> Option<String> {
    PODMAN.iter().find_map(|path| {
        let text = read_once(&under(root, path), buffer).ok()?;
        let mut is_it = false;
        let name = Texts::new(text).find(|text| {
            if text.depth == 2 && text.key == b"id" {
                is_it = text.value == id.as_bytes();
            }
            is_it && text.depth == 3 && text.key == b"names"
        });
        name.map(|name| text_of(name.value))
    })
}

/// The kubelet's logs are named by the namespace, the pod and the container that they are of.
fn kubernetes(root: &Path, path: &str) -> Found {
    let pod = path.rsplit('/').find_map(|part| {
        let uid = part.strip_suffix(".slice").unwrap_or(part);
        let uid = uid.strip_prefix("pod").or_else(|| uid.split_once("-pod").map(|(_, uid)| uid))?;
        Some(uid.replace('_', "-"))
    });
    let last = path.rsplit('/').next().unwrap_or_default();
    let id = last.rsplit(['-', ':']).next().and_then(|id| id.split('.').next()).unwrap_or_default();
    let is_id = id.len() == DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let quality = ["besteffort", "burstable"].into_iter().find(|word| path.contains(word)).unwrap_or("guaranteed");
    let mut labels =
        vec![("k8s_kind", if is_id { "container" } else { "pod" }.to_owned()), ("k8s_qos_class", quality.to_owned())];
    if is_id {
        labels.push(("k8s_container_id", id.to_owned()));
    }
    if let Some(uid) = &pod {
        labels.push(("k8s_pod_uid", uid.clone()));
    }
    let name = |text: String, labels| Name { text, labels, context_prefix: "k8s." };
    let end = if is_id { format!("-{id}.log") } else { format!("_{}", pod.as_deref().unwrap_or_default()) };
    let folder = if is_id { KUBERNETES_CONTAINERS } else { KUBERNETES_PODS };
    let logs = fs::read_dir(under(root, folder));
    let has_logs = logs.is_ok();
    let entry = logs.into_iter().flatten().take(LOGS_MAX).flatten().find_map(|entry| {
        let name = entry.file_name();
        let start = name.as_bytes().strip_suffix(end.as_bytes())?;
        Some(text_of(start))
    });
    let parts: Vec<&str> = entry.as_deref().unwrap_or_default().split('_').collect();
    match parts[..] {
        [pod, namespace, container] if is_id => {
            labels.extend([("k8s_namespace", namespace.to_owned()), ("k8s_pod_name", pod.to_owned())]);
            labels.push(("k8s_container_name", container.to_owned()));
            Found::Named(name(format!("k8s_cntr_{namespace}_{pod}_{container}"), labels))
        }
        [namespace, pod] if !is_id => {
            labels.extend([("k8s_namespace", namespace.to_owned()), ("k8s_pod_name", pod.to_owned())]);
            Found::Named(name(format!("k8s_pod_{namespace}_{pod}"), labels))
        }
        _ => {
            let short = if is_id {
                format!("k8s_cntr_{}", &id[..SHORT_DIGITS])
            } else {
                format!("k8s_pod_{}", pod.unwrap_or_default())
            };
            // The container that only holds the pod's network has no log, and is not shown.
            Found::NotYet { tries: 9, instead: (!has_logs).then(|| name(short, labels)) }
        }
    }
}

/// Names that stand in the path, or in a file of the virtual machines' manager.
fn by_path(root: &Path, path: &str, buffer: &mut Buffer) -> Option<String> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let last = parts.last()?;
    if let Some(rest) = path.strip_prefix("/machine.slice/machine") {
        let rest = rest.split('/').next()?.strip_suffix(".scope").unwrap_or(rest);
        if let Some((_, machine)) = rest.split_once("-qemu") {
            return Some(format!("qemu_{}", without_number(machine)));
        }
        if let Some((_, machine)) = rest.split_once("-lxc") {
            return Some(format!("lxc/{}", without_number(machine)));
        }
    }
    match parts[..] {
        ["machine.slice", unit] if unit.ends_with(".service") => {
            return unit.strip_suffix(".service").map(str::to_owned);
        }
        ["qemu.slice", unit] => {
            let number = unit.strip_suffix(".scope").filter(|number| is_number(number))?;
            let name = proxmox(root, &format!("/etc/pve/qemu-server/{number}.conf"), b"name:", buffer);
            return Some(format!("qemu_{}", name?));
        }
        ["lxc", number] if is_number(number) => {
            return proxmox(root, &format!("/etc/pve/lxc/{number}.conf"), b"hostname:", buffer);
        }
        _ => {}
    }
    let machine = last.strip_suffix(".libvirt-qemu").and_then(|last| last.split_once("machine_"));
    machine
        .map(|(_, machine)| format!("qemu_{machine}"))
        .or_else(|| parts.iter().find_map(|part| part.strip_prefix("lxc.payload.")).map(str::to_owned))
}

/// A machine's name in a unit: after its number, and without its escaped characters.
fn without_number(unit: &str) -> String {
    let rest = unit.strip_prefix("\\x2d").or_else(|| unit.strip_prefix('-')).unwrap_or(unit);
    rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).replace("\\x2d", "")
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What stands at a key of a settings file of Proxmox.
fn proxmox(root: &Path, path: &str, key: &[u8], buffer: &mut Buffer) -> Option<String> {
    let text = read_once(&under(root, path), buffer).ok()?;
    let value = lines(text).find_map(|line| line.strip_prefix(key))?;
    Words::new(value).next().map(text_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const OTHER: &str = "ffffffff89abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new() -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            let docker = format!("/var/lib/docker/containers/{ID}/config.v2.json");
            let log = format!("{KUBERNETES_CONTAINERS}/web-7f_default_nginx-{ID}.log");
            for (path, text) in [
                (&*docker, r#"{"State":{"Running":true},"Config":{"Hostname":"h"},"Name":"/my_web"}"#),
                (
                    PODMAN[0],
                    &*format!(r#"[{{"id":"{OTHER}","names":["wrong"]}},{{"id":"{ID}","names":["pod-web"],"x":"y"}}]"#),
                ),
                (&*log, ""),
                ("/var/log/pods/default_web-7f_0a-1b/x", ""),
                ("/etc/pve/qemu-server/100.conf", "boot: c\nname: windows\n"),
                ("/etc/pve/lxc/101.conf", "hostname: mail\n"),
            ] {
                let path = under(machine.0.path(), path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            machine
        }

        fn resolve(&self, path: &str) -> Found {
            resolve(self.0.path(), path.as_bytes(), &mut Buffer::new())
        }
    }

    /// Goal: every manager's paths lead to the name that people gave.
    #[test]
    fn names() {
        let machine = Machine::new();
        for (path, name) in [
            (format!("/system.slice/docker-{ID}.scope"), "my_web"),
            (format!("/docker/{ID}"), "my_web"),
            (format!("/ecs/0123456789ab/{ID}"), "my_web"),
            (format!("/machine.slice/libpod-{ID}.scope"), "pod-web"),
            ("/machine.slice/machine-qemu\\x2d12\\x2dmy\\x2dweb.scope".to_owned(), "qemu_myweb"),
            ("/machine.slice/machine-lxc\\x2d12\\x2dweb.scope".to_owned(), "lxc/web"),
            ("/machine/machine_web.libvirt-qemu".to_owned(), "qemu_web"),
            ("/machine.slice/web.service".to_owned(), "web"),
            ("/qemu.slice/100.scope".to_owned(), "qemu_windows"),
            ("/qemu.slice/9.scope".to_owned(), "qemu.slice_9.scope"),
            ("/lxc/101".to_owned(), "mail"),
            ("/lxc/web".to_owned(), "lxc_web"),
            ("/lxc.payload.web".to_owned(), "web"),
            ("/Some/Where\\x2d1.scope".to_owned(), "some_where_x2d1.scope"),
            ("/lxc.payload.a\"b".to_owned(), "a_b"),
            ("/".to_owned(), "root"),
        ] {
            assert_eq!(machine.resolve(&path), Found::Named(Name::from(name.to_owned())), "{path}");
        }
        let long = format!("/{}", "a".repeat(300));
        assert!(matches!(machine.resolve(&long), Found::Named(name) if name.text.len() == NAME_CHARACTERS_MAX));
    }

    /// Goal: a container whose file is not there is tried again, and called by its first digits.
    #[test]
    fn names_that_are_not_there_yet() {
        let machine = Machine::new();
        let id = "e".repeat(DIGITS);
        for path in [format!("/docker/{id}"), format!("/machine.slice/libpod-{id}.scope")] {
            let instead = Some(Name::from("eeeeeeeeeeee".to_owned()));
            assert_eq!(machine.resolve(&path), Found::NotYet { tries: 2, instead });
        }
    }

    /// Goal: containers and pods of Kubernetes are known by the logs that the kubelet keeps.
    #[test]
    fn kubernetes_names() {
        let machine = Machine::new();
        let container = format!(
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a_1b.slice/cri-containerd-{ID}.scope"
        );
        let Found::Named(name) = machine.resolve(&container) else { panic!("it has a log") };
        assert_eq!((&*name.text, name.context_prefix), ("k8s_cntr_default_web-7f_nginx", "k8s."));
        let labels: Vec<String> = name.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let expected = [
            "k8s_kind=container",
            "k8s_qos_class=burstable",
            &format!("k8s_container_id={ID}"),
            "k8s_pod_uid=0a-1b",
            "k8s_namespace=default",
            "k8s_pod_name=web-7f",
            "k8s_container_name=nginx",
        ];
        assert_eq!(labels, expected);
        let Found::Named(name) = machine.resolve("/kubepods/pod0a-1b") else { panic!("it has logs") };
        assert_eq!(&*name.text, "k8s_pod_default_web-7f");
        let pause = machine.resolve(&format!("/kubepods/besteffort/pod0a-1b/{OTHER}"));
        assert_eq!(pause, Found::NotYet { tries: 9, instead: None });
        fs::remove_dir_all(under(machine.0.path(), KUBERNETES_CONTAINERS)).unwrap();
        let Found::NotYet { instead: Some(name), .. } = machine.resolve(&container) else { panic!("no logs at all") };
        assert_eq!(&*name.text, "k8s_cntr_0123456789ab");
    }

    /// Goal: services are called as their unit files are.
    #[test]
    fn services() {
        for (path, name) in [
            ("/system.slice/ssh.service", "ssh"),
            ("/system.slice/fsck-dev\\x2dsda1.service", "fsck-dev-sda1"),
            ("/system.slice/a\\xzz\\x.service", "a_xzz_x"),
            ("", ""),
        ] {
            assert_eq!(service(path.as_bytes()), name, "{path}");
        }
    }

    /// Goal: any path and any file give some name.
    #[test]
    fn absurd_paths() {
        let machine = Machine::new();
        let path = format!("/kubepods/docker-{ID}/machine.slice/machine-qemu\\x2d1.scope/lxc.payload.x/libpod-");
        let mut buffer = Buffer::new();
        crate::tests::mutate(path.as_bytes(), |path| {
            resolve(machine.0.path(), path, &mut buffer);
            service(path);
        });
    }
}
