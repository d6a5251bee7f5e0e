//! Methods of notification: what arrives at a real server of mail, and at listeners that stand for others.
#![allow(clippy::unwrap_used, reason = "what helps a test is part of it")]

use std::fs;
use std::path::PathBuf;

use integration_tests::certificates::Certificates;
use integration_tests::listener::Listener;
use integration_tests::node::{self, Node, Role};
use integration_tests::peer::mail::{LOGIN, MailServer};
use integration_tests::wait::{self, s};
use tempfile::TempDir;

const ALARMS: &str = "
alarm: low_entropy
on: system.entropy
calc: $entropy
every: 1s
units: entropy
warn: $this < 1000
to: sysadmin
info: randomness runs out <soon>
";

/// A folder with an alarm, a file that a master collects, and settings.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new(methods: &str) -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        for folder in ["health.d", "root/proc/sys/kernel/random"] {
            fs::create_dir_all(desk.path(folder)).unwrap();
        }
        fs::write(desk.path("health.d/test.conf"), ALARMS).unwrap();
        fs::write(desk.path("master.toml"), methods).unwrap();
        desk.set(3_000);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// What the chart `system.entropy` shows from now on.
    fn set(&self, entropy: i64) {
        fs::write(self.path("root/proc/sys/kernel/random/entropy_avail"), format!("{entropy}\n")).unwrap();
    }

    fn master(&self) -> node::Settings {
        node::master("alarm-master")
            .file(&self.path("master.toml"))
            .set("health.stock_alarms", "false")
            .set("collect.root", &self.text("root"))
            .set("health.config_dir", &format!("[\"{}\"]", self.text("health.d")))
    }
}

fn wait_for_status(master: &Node, status: &str) {
    wait::until(s(40), &format!("the alarm to be {status}"), || {
        let alarms = master.api().try_json("/api/v1/alarms?all").ok()?;
        (alarms["alarms"]["system.entropy.low_entropy"]["status"] == status).then_some(())
    });
}

/// The settings of a mail server, its password in a file.
fn mail_settings(server: &MailServer, ca_file: &str, password_file: &str) -> String {
    format!(
        "[health.mail]\nserver = 'localhost:{}'\ntls = 'starttls'\nca_file = '{ca_file}'\nusername = '{}'\n\
         password_file = '{password_file}'\nsender = 'Alarms <alarms@example.org>'\n\
         roles.sysadmin = ['ops@example.org', 'boss@example.org|critical']\n",
        server.port(),
        LOGIN.0,
    )
}

/// A folder with the password of the mail server.
fn password_file(folder: &TempDir) -> String {
    let path = folder.path().join("password");
    fs::write(&path, format!("{}\n", LOGIN.1)).unwrap();
    path.display().to_string()
}

/// Goal: an alarm and its end arrive by mail, over TLS and after a login, at those who want to hear of it,
/// and in a chat; the alarm log knows; and secrets are neither in the log nor in printed settings.
#[test]
fn an_alarm_arrives_and_so_does_its_end() {
    let (certificates, secrets) = (Certificates::new(), tempfile::tempdir().unwrap());
    let authority = certificates.authority("authority");
    let server = MailServer::start(&certificates.of(&authority, "localhost", &["localhost"]));
    let chat = Listener::start();
    let mail = mail_settings(&server, authority.certificate(), &password_file(&secrets));
    let url = chat.url("/services/hunter2-of-slack");
    let desk = Desk::new(&format!("{mail}[health.slack]\nurl = '{url}'\nrecipients = ['#ops']\n"));
    let master = desk.master().start();
    wait_for_status(&master, "CLEAR");
    desk.set(100);
    wait_for_status(&master, "WARNING");
    wait::until(s(20), "mail and chat to be told", || {
        (server.mails().len() == 1 && chat.asked().len() == 1).then_some(())
    });
    let mail = &server.mails()[0];
    for part in [
        "From: Alarms <alarms@example.org>",
        "To: ops@example.org",
        "Subject: alarm-master: low entropy is WARNING, 100 entropy",
        "X-RcptTo: ops@example.org",
        "randomness runs out &lt;soon&gt;",
        "Chart: system.entropy",
    ] {
        assert!(mail.contains(part), "{part} is not in {mail}");
    }
    let asked = chat.asked()[0].clone();
    assert_eq!(asked.line, "POST /services/hunter2-of-slack HTTP/1.1");
    assert_eq!(asked.header("content-type"), Some("application/json"));
    let message = asked.json();
    assert_eq!(message["text"], "alarm-master: low entropy is WARNING, 100 entropy");
    assert_eq!((&message["channel"], &message["attachments"][0]["color"]), (&"#ops".into(), &"#f2a900".into()));
    wait::until(s(10), "its end to be noted", || {
        let log = master.api().try_json("/api/v1/alarm_log").ok()?;
        (log[0]["exec_run"].as_i64()? > 0 && log[0]["exec_failed"] == false).then_some(())
    });

    desk.set(3_000);
    wait::until(s(40), "mail and chat to be told of the end", || {
        (server.mails().len() == 2 && chat.asked().len() == 2).then_some(())
    });
    assert!(server.mails().iter().any(|mail| mail.contains("low entropy is CLEAR")));
    assert_eq!(chat.asked()[1].json()["attachments"][0]["color"], "#2ea043");
    let check = Role::Master.run(&["check", "--config", &desk.text("master.toml")]);
    let printed = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success() && printed.contains("[health.\"slack\"]"), "{printed}");
    for text in [printed, master.log()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

/// Goal: what a master that is stopped or killed had not finished telling is told by the next one, and only
/// to those who have not heard it.
#[test]
fn a_restart_loses_and_doubles_nothing() {
    let (down, up) = (Listener::start(), Listener::start());
    down.answer("503 Service Unavailable");
    let desk = Desk::new(&format!(
        "[health.down]\ntype = 'slack'\nurl = '{}'\n[health.mattermost]\nurl = '{}'\n",
        down.url("/x"),
        up.url("/x")
    ));
    let mut master = desk.master().start();
    wait_for_status(&master, "CLEAR");
    desk.set(100);
    wait::until(s(30), "both to be asked", || (!down.asked().is_empty() && up.asked().len() == 1).then_some(()));
    master.terminate();
    let tries = down.asked().len();
    assert!(tries > 1, "the end tries once more");
    master.start_again();
    wait::until(s(40), "it to be tried again", || (down.asked().len() > tries).then_some(()));
    master.kill();
    down.answer("200 OK");
    let tries = down.asked().len();
    master.start_again();
    master.wait_for_log(0, &["down: * is told: alarm-master: low entropy is WARNING"], s(40));
    desk.set(3_000);
    wait::until(s(40), "both to be told of the end", || (up.asked().len() == 2).then_some(()));
    wait::until(s(10), "both to be told of the end", || (down.asked().len() == tries + 2).then_some(()));
    let texts: Vec<_> = up.asked().iter().map(|asked| asked.json()["text"].clone()).collect();
    assert!(texts[0] == "alarm-master: low entropy is WARNING, 100 entropy", "{texts:?}");
    assert!(texts[1].as_str().unwrap().contains("is CLEAR"), "{texts:?}");
}

/// Goal: `test-notification` sends one of each status through every method of a role, says what came of
/// each, and its exit status tells whether all arrived; a role of nobody is a failure.
#[test]
fn a_test_of_a_role() {
    let (certificates, secrets) = (Certificates::new(), tempfile::tempdir().unwrap());
    let authority = certificates.authority("authority");
    let server = MailServer::start(&certificates.of(&authority, "localhost", &["localhost"]));
    let hook = Listener::start();
    let mail = mail_settings(&server, authority.certificate(), &password_file(&secrets));
    let url = hook.url("/hunter2/{{status}}");
    let desk = Desk::new(&format!(
        "{mail}[health.hook]\ntype = 'webhook'\nurl = '{url}'\nrecipients = []\nroles.sysadmin = ['*|noclear']\n\
         headers = {{ X-Alarm = '{{{{alarm}}}}' }}\nformat = 'text'\nbody = '{{{{title}}}}'\n"
    ));
    let file = desk.text("master.toml");
    let run = |role: &str| {
        let output = Role::Master.run(&["test-notification", role, "--config", &file, "--set", "global.hostname=web1"]);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, printed, errors) = run("sysadmin");
    assert_eq!(code, Some(0), "{printed}{errors}");
    let lines = [
        "hook: WARNING to *: sent",
        "mail: WARNING to ops@example.org: sent",
        "hook: CRITICAL to *: sent",
        "mail: CRITICAL to ops@example.org: sent",
        "mail: CRITICAL to boss@example.org: sent",
        "mail: CLEAR to ops@example.org: sent",
        "mail: CLEAR to boss@example.org: sent",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), lines);
    assert_eq!(server.mails().len(), 5);
    let asked = hook.asked();
    assert_eq!((asked.len(), &*asked[1].line), (2, "POST /hunter2/CRITICAL HTTP/1.1"));
    assert_eq!((asked[0].header("x-alarm"), &*asked[0].body), (Some("test alarm"), "web1: test alarm is WARNING, 85%"));

    hook.answer("403 Forbidden");
    let (code, printed, _) = run("sysadmin");
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("hook: WARNING to *: failed: the server answers 403: ok"), "{printed}");
    assert!(printed.contains("mail: CLEAR to ops@example.org: sent") && !printed.contains("hunter2"), "{printed}");
    let (code, _, errors) = run("nobody");
    assert!(code == Some(1) && errors.contains("nobody is told of alarms for nobody"), "{errors}");
}

/// Goal: what is wrong with a method is told with file, line and key, without secrets, by `check` and by a
/// start, both with status 2.
#[test]
fn mistakes_in_methods() {
    let desk = Desk::new(
        "[health.slack]\nurl = 'hunter2'\n[health.hook]\ntype = 'webhook'\nurl = 'http://x/'\nbody = 'hunter2 {{nonsense}}'\n\
         [health.pagerduty]\ntoken_file = '/nowhere/token'\n",
    );
    let file = desk.text("master.toml");
    for arguments in
        [&["check", "--config", &file][..], &["--config", &file], &["test-notification", "x", "--config", &file]]
    {
        let output = Role::Master.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        for part in [
            ":2: health.slack.url: expected a URL such as https://HOST/PATH",
            ":6: health.hook.body: character 9: {{nonsense}}: expected one of title, ",
            ":8: health.pagerduty.token_file: /nowhere/token: No such file",
        ] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        assert!(!told.contains("hunter2"), "{told}");
    }
}

/// Goal: a server that is away delays no other, and is told when it is there again.
#[test]
fn a_server_that_is_away_delays_no_other() {
    let (down, up) = (Listener::start(), Listener::start());
    down.answer("503 Service Unavailable");
    let desk = Desk::new(&format!(
        "[health.down]\ntype = 'slack'\nurl = '{}'\n[health.mattermost]\nurl = '{}'\n",
        down.url("/hunter2"),
        up.url("/hunter2")
    ));
    let mut master = desk.master().start();
    wait_for_status(&master, "CLEAR");
    desk.set(100);
    wait::until(s(30), "both to be asked, one again", || (down.asked().len() > 1).then_some(()));
    assert_eq!(up.asked().len(), 1);
    wait::until(s(30), "charts to tell of it", || {
        let data = |chart: &str| {
            let target = format!("/api/v1/data?chart={chart}&points=1&after=-20&format=json&group=max");
            master.api().try_json(&target).ok()
        };
        let waiting = data("tributary.notifications_waiting")?["data"][0][1].as_f64()?;
        let labels = data("tributary.notifications")?["labels"].clone();
        let expected = serde_json::json!(["time", "sent", "failed", "retried", "dropped"]);
        (waiting == 1.0 && labels == expected).then_some(())
    });
    down.answer("200 OK");
    let line = master.wait_for_log(0, &["down: * is told: alarm-master: low entropy is WARNING"], s(40));
    assert!(!line.contains("hunter2"));
    let texts: Vec<_> = down.asked().iter().map(|asked| asked.json()["text"].clone()).collect();
    assert!(texts.iter().all(|text| text == "alarm-master: low entropy is WARNING, 100 entropy"), "{texts:?}");
    assert!(!master.log().contains("hunter2"), "{}", master.log());
    master.terminate();
}
