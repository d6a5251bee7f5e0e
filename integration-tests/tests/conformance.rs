//! The API as clients know it: one list of requests, held against a real Netdata 1.37.1 and against our
//! master, to which the same child streams.

use integration_tests::API_KEY;
use integration_tests::api::Api;
use integration_tests::node;
use integration_tests::peer::netdata;
use integration_tests::peer::scripted::{Scripted, definition, row};
use integration_tests::wait::{pass, s, until};
use serde_json::Value;

const REQUESTS: &str = include_str!("conformance/requests.txt");
const HOST: &str = "conform-child";
const GUID: &str = "dddddddd-2222-2222-3333-444444444444";

/// One request and what is expected.
struct Case {
    path: String,
    status: u16,
    content_type: String,
    body: String,
}

/// Goal: Netdata itself answers as the list says, so the list is right.
#[test]
fn netdata_answers_as_listed() {
    let netdata = netdata::named("conform").plugins(&[]).accepts(API_KEY).start();
    check(netdata.api(), "netdata:");
}

/// Goal: so do we.
#[test]
fn we_answer_as_listed() {
    let master = node::master("conform").set("registry.enabled", "false").accepts(API_KEY).start();
    check(master.api(), "ours:");
}

fn check(api: Api, side: &str) {
    let mut child = Scripted::connect(api.address(), API_KEY, HOST, GUID).expect("the node takes a child");
    child.send(&definition("some.chart")).expect("the child is connected");
    let host = api.host(HOST);
    let mut value = 0;
    until(s(20), "three rows of the child", || {
        value += 1;
        child.send(&row("some.chart", value)).expect("the child is connected");
        pass(s(1));
        host.last_entry("some.chart").filter(|_| value > 4)
    });
    let wrong: Vec<String> = cases(side).iter().filter_map(|case| case.fault(api)).collect();
    assert!(wrong.is_empty(), "{side} {} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The cases of one side.
fn cases(side: &str) -> Vec<Case> {
    let lines = REQUESTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let cases: Vec<Case> = lines.filter_map(|line| case(line, side)).collect();
    assert!(cases.len() > 50, "{} cases are read", cases.len());
    cases
}

/// `None` for a line of the other side.
fn case(line: &str, side: &str) -> Option<Case> {
    let fields: Vec<&str> = line.splitn(4, '|').collect();
    let [path, status, content_type, body] = fields[..] else { panic!("not a request: {line}") };
    let path = match path.split_once(": ") {
        Some((of, path)) if side == format!("{of}:") => path,
        Some(_) => return None,
        None => path,
    };
    Some(Case {
        path: path.trim().replace("HOST", HOST),
        status: status.trim().parse().unwrap_or_else(|err| panic!("{line}: {err}")),
        content_type: content_type.trim().into(),
        body: body.strip_prefix(' ').unwrap_or(body).replace("HOST", HOST),
    })
}

impl Case {
    /// What is wrong with the answer, if anything is.
    fn fault(&self, api: Api) -> Option<String> {
        let answer = match api.try_get(&self.path) {
            Ok(answer) => answer,
            Err(error) => return Some(error),
        };
        let head = answer.head.to_ascii_lowercase();
        let content_type = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
        let is_right = answer.status == self.status
            && content_type.starts_with(&self.content_type)
            && self.fits(&answer.body)
            && ["access-control-allow-origin: *", "cache-control: ", "date: ", "server: "]
                .iter()
                .all(|header| head.lines().any(|line| line.starts_with(header)));
        let shown: String = answer.body.chars().take(200).collect();
        let fault = || format!("{}: {} {content_type}: {shown:?}, expected {:?}", self.path, answer.status, self.body);
        (!is_right).then(fault)
    }

    fn fits(&self, body: &str) -> bool {
        let (how, what) = self.body.split_once(' ').unwrap_or((&self.body, ""));
        match how {
            "=" => body == what,
            "~" => body.contains(what),
            "starts" => body.trim_start().starts_with(what) && serde_json::from_str::<Value>(body).is_ok(),
            "has" => {
                let json: Value = serde_json::from_str(body).unwrap_or_default();
                what.split(' ').all(|key| json.get(key).is_some())
            }
            _ => true,
        }
    }
}
