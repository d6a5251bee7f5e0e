//! A server of mail: aiosmtpd, of Debian's package `python3-aiosmtpd`, in a process of its own.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::certificates::Pair;
use crate::process::Process;
use crate::wait;

/// The name and the password that it wants.
pub const LOGIN: (&str, &str) = ("tributary", "hunter2-of-mail");

/// Python that has Debian's packages, whatever stands before it in the path.
const PYTHON: &str = "/usr/bin/python3";

/// Takes mail at a port of its own choice, only from who has encrypted and logged in, into a folder.
const PROGRAM: &str = r#"
import asyncio, ssl, sys
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP, AuthResult

folder, certificate, key, name, password = sys.argv[1:]
tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
tls.load_cert_chain(certificate, key)

def check(server, session, envelope, mechanism, data):
    fits = mechanism in ("PLAIN", "LOGIN") and (data.login, data.password) == (name.encode(), password.encode())
    return AuthResult(success=fits, handled=not fits)

def session():
    return SMTP(Mailbox(folder), tls_context=tls, require_starttls=True, auth_required=True, authenticator=check)

async def main():
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    print("listening on", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"#;

/// A running server.
#[derive(Debug)]
pub struct MailServer {
    _process: Process,
    port: u16,
    folder: TempDir,
}

impl MailServer {
    /// Starts it with a certificate.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(pair: &Pair) -> Self {
        let folder = tempfile::Builder::new().prefix("tributary-mail-").tempdir().expect("a temporary folder");
        let (log, box_of) = (folder.path().join("log"), folder.path().join("box"));
        let adjust = |command: &mut std::process::Command| {
            command.args(["-c", PROGRAM]).arg(&box_of);
            command.args([pair.certificate(), pair.key(), LOGIN.0, LOGIN.1]);
        };
        let mut process = Process::start("aiosmtpd", Path::new(PYTHON), adjust, &log);
        let port = wait::until(wait::s(20), "aiosmtpd (package python3-aiosmtpd) to listen", || {
            assert!(process.ended().is_none(), "it ended at once: {}", process.log());
            process.log().lines().find_map(|line| line.strip_prefix("listening on ")?.trim().parse().ok())
        });
        Self { _process: process, port, folder }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The mails that came, in the order of their names.
    pub fn mails(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("box/new")).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().filter_map(|path| fs::read_to_string(path).ok()).collect()
    }
}
