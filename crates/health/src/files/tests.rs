use std::path::Path;

use super::*;

const FILE: &str = "
# A comment.
alarm: cpu usage
   on: system.cpu
   os: linux
   os: freebsd
lookup: average -10m unaligned of user,system
 units: '%'
 every: 1m
  warn: $this > (($status >= $WARNING) ? (75) : (85))
  crit: $this > $red
   red: 95
 delay: down 15m multiplier 1.5 max 1h
repeat: warning 2h
  info: \"average\" use of $family \\
        in ten minutes
    to: sysadmin
options: no-clear-notification

template: broken
on: disk.space
calc: $used *
every: 1m

template: disk_full
      on: disk.space
families: !/mnt* *
host labels: _os=linux
    calc: $used * 100
    warn: $this > 90
nonsense: yes
   every: 60
   every: 60
";

/// What is right of a file is read, and what is wrong is told where it is.
#[test]
fn a_file() {
    let (definitions, problems) = read("my.conf", FILE);
    let names: Vec<_> = definitions.iter().map(|definition| &*definition.name).collect();
    assert_eq!(names, ["cpu_usage", "disk_full"]);
    let cpu = &definitions[0];
    assert_eq!((cpu.on.clone(), cpu.every_s, &*cpu.units), (On::Chart("system.cpu".into()), 60, "%"));
    assert!(cpu.os.as_ref().is_some_and(|os| os.matches("linux") && os.matches("freebsd")));
    assert_eq!((cpu.red, cpu.repeat), (Some(95.0), Some(Repeat { warning_s: 7_200, critical_s: 0 })));
    assert_eq!((&*cpu.info, cpu.no_clear_notification), ("average use of $family in ten minutes", true));
    assert_eq!(cpu.source.to_string(), "3@my.conf");
    let (same, _) = read("other.conf", &format!("# elsewhere\n{FILE}"));
    assert!(same[0].hash == cpu.hash && cpu.hash != definitions[1].hash && same[0].source != cpu.source);
    let disk = &definitions[1];
    assert!(disk.families.as_ref().is_some_and(|families| families.matches("/") && !families.matches("/mnt/a")));
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "my.conf:3: expected a name of letters, digits, \".\" and \"_\", found \"cpu usage\", which is read as \
             \"cpu_usage\"",
            "my.conf:22: calc: column 8: expected operand",
            "my.conf:20: \"broken\" is left out: a line of it cannot be read",
            "my.conf:31: nonsense: no line of an alarm begins so",
        ]
    );
}

/// What is no alarm is told so.
#[test]
fn alarms_that_are_none() {
    for (text, told) in [
        ("every: 5", "x:1: \"every\" before any alarm or template"),
        (
            "alarm: a\nwarn: 1\nevery: 5",
            "x:1: \"a\" is left out: there is no line \"on\" that names a chart or context",
        ),
        ("alarm: a\non: b\nevery: 5", "x:1: \"a\" is left out: it has none of the lines lookup, calc, warn and crit"),
        (
            "alarm: a\non: b\nwarn: 1",
            "x:1: \"a\" is left out: there is no line \"every\" that says how often it is evaluated",
        ),
        ("alarm: a\non: b\nwarn: 1\nevery: 5\nwarn: 2", "x:5: \"warn\" comes twice in one alarm, this one counts"),
        ("alarm: a\non: b\nwarn: 1\nevery: 5\ndelay: up", "x:5: delay: expected a value after \"up\""),
    ] {
        let (_, problems) = read("x", text);
        assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), [told], "{text}");
    }
}

/// Any text is read to its end without a panic, and problems do not grow beyond their bound.
#[test]
fn any_text() {
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..3_000 {
        let mut text = FILE.as_bytes().to_vec();
        for _ in 0..1 + random(8) {
            let at = random(text.len());
            match random(3) {
                0 => text[at] = random(256) as u8,
                1 => text.truncate(at.max(1)),
                _ => drop(text.drain(at..(at + random(40)).min(text.len()))),
            }
            if text.is_empty() {
                break;
            }
        }
        let _whatever_it_is = read("x", &String::from_utf8_lossy(&text));
    }
    let (_, problems) = read("x", &"nonsense\n".repeat(1_000));
    assert_eq!(problems.len(), PROBLEMS_MAX);
}

/// Files of earlier folders hide those of the same name, and the built-in ones come last.
#[test]
fn folders_hide_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, name: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("alarm: {name}\non: x\nwarn: 1\nevery: 1\n")).unwrap();
    };
    write("mine/cpu.conf", "mine_cpu");
    write("mine/more/ram.conf", "mine_ram");
    write("mine/more/a/b/deep.conf", "deep");
    write("mine/more/a/b/c/too_deep.conf", "too_deep");
    write("mine/notes.txt", "notes");
    write("theirs/cpu.conf", "their_cpu");
    write("theirs/disk.conf", "their_disk");
    let text = |name: &str| format!("alarm: {name}\non: x\nwarn: 1\nevery: 1\n");
    let (disk, net, ram) = (text("built_disk"), text("built_net"), text("built_ram"));
    let built_in = [("net.conf", &*net), ("disk.conf", &*disk), ("more/ram.conf", &*ram)];
    let folders = ["mine", "theirs", "nobodys"].map(|name| folder.path().join(name));
    let found = read_folders(&folders, &built_in);
    let names: Vec<_> = found.definitions.iter().map(|definition| &*definition.name).collect();
    assert_eq!(names, ["mine_cpu", "deep", "mine_ram", "their_disk", "built_net"]);
    assert_eq!(found.problems, []);
}

/// All files of a Netdata installation, where there is one, are in order.
#[test]
fn the_files_of_a_real_installation() {
    let folder = Path::new("/usr/lib/netdata/conf.d/health.d");
    if !folder.is_dir() {
        println!("skipped: no Netdata is installed here");
        return;
    }
    let found = read_folders(&[folder], &[]);
    assert_eq!(found.problems, []);
    let templates = found.definitions.iter().filter(|definition| matches!(definition.on, On::Context(_))).count();
    assert_eq!((templates, found.definitions.len() - templates), (240, 44));
}
