//! The registry beside a real Netdata's: the same calls to both, and the same answers.
#![allow(clippy::unwrap_used, reason = "what helps a test is part of it")]

use integration_tests::api::{Answer, Api, escape};
use integration_tests::node;
use integration_tests::peer::netdata;
use serde_json::{Value, json};

const TRIAL: &str = "give-me-back-this-cookie-now--please";
const ONE: &str = "aaaaaaaa-0000-1111-2222-333333333331";
const TWO: &str = "aaaaaaaa-0000-1111-2222-333333333332";
const NOBODY: &str = "bbbbbbbb-0000-1111-2222-333333333333";

/// A registry, and who has been made known by it: their cookies, in the order in which they came.
struct Asked {
    api: Api,
    people: Vec<String>,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
enum Who {
    /// Somebody without a cookie.
    Stranger,
    /// Somebody who gives back the cookie of the trial.
    Newcomer,
    /// The first, the second … who was made known.
    Known(usize),
    /// Somebody with a cookie that is nobody's.
    Impostor,
}

/// Names and values.
type Parameters = [(&'static str, &'static str)];
/// One call: who asks, the action, and its parameters.
type Call = (Who, &'static str, Vec<(&'static str, &'static str)>);

impl Asked {
    /// What is answered, with all that may differ replaced by what it stands for.
    fn ask(&mut self, who: Who, action: &str, parameters: &Parameters) -> Value {
        let known = |place: usize| self.people.get(place).cloned().unwrap_or_default();
        let value = |text: &str| match text.strip_prefix("person ") {
            Some(place) => known(place.parse().unwrap()),
            None => escape(text),
        };
        let parameters = parameters.iter().map(|(name, text)| format!("&{name}={}", value(text)));
        let target = format!("/api/v1/registry?action={action}{}", parameters.collect::<String>());
        let cookie = match who {
            Who::Stranger => return self.plain(&self.api.get(&target)),
            Who::Newcomer => TRIAL.to_owned(),
            Who::Known(place) => known(place),
            Who::Impostor => NOBODY.to_owned(),
        };
        let answer = self.api.get_with_cookie(&target, &format!("other=1; netdata_registry_id={cookie}"));
        self.remember(&answer);
        self.plain(&answer)
    }

    fn remember(&mut self, answer: &Answer) {
        let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        if let Some(person) =
            json["person_guid"].as_str().filter(|person| !self.people.iter().any(|known| known == person))
        {
            self.people.push(person.to_owned());
        }
    }

    fn plain(&self, answer: &Answer) -> Value {
        let mut body = serde_json::from_str(&answer.body).unwrap_or_else(|_| Value::from(answer.body.as_str()));
        let own = body["machine_guid"].as_str().map(str::to_owned);
        self.replace(&mut body, own.as_deref());
        // There is no cloud of ours.
        body.get_mut("cloud_base_url").map(Value::take);
        if let Some(urls) = body.get_mut("urls").and_then(Value::as_array_mut) {
            urls.iter_mut().for_each(|url| assert!(url[2].take().as_i64() > Some(1_700_000_000_000), "{answer:?}"));
            // Netdata's come in an order of their hashes.
            urls.sort_by_key(Value::to_string);
        }
        let cookies =
            answer.head.lines().filter_map(|line| line.split_once("netdata_registry_id=")).map(|(_, rest)| {
                let mut cookie = Value::from(rest.split(';').next().unwrap());
                self.replace(&mut cookie, None);
                (cookie, rest.contains("SameSite=None; Secure"), rest.contains("Expires="))
            });
        json!({ "status": answer.status, "body": body, "cookies": cookies.collect::<Vec<_>>() })
    }

    fn replace(&self, value: &mut Value, own: Option<&str>) {
        match value {
            Value::Array(all) => all.iter_mut().for_each(|one| self.replace(one, own)),
            Value::Object(all) => all.values_mut().for_each(|one| self.replace(one, own)),
            Value::String(text) => {
                if own == Some(text) {
                    *text = "the node".into();
                } else if let Some(place) = self.people.iter().position(|person| person == text) {
                    *text = format!("person {place}");
                } else if *text == format!("http://{}", self.api.address()) {
                    *text = "the registry".into();
                }
            }
            _ => {}
        }
    }
}

const AT_ONE: &Parameters = &[("machine", ONE), ("name", "one"), ("url", "http://one:19999/")];
const AT_ONE_BESIDES: &Parameters = &[("machine", ONE), ("name", "one"), ("url", "https://one.example/a/")];
const AT_TWO: &Parameters = &[("machine", TWO), ("name", "two <2>"), ("url", "http://two:19999/")];
const AT_NONE: &Parameters = &[("machine", "no guid"), ("name", "none"), ("url", "http://none:19999/")];

/// What is asked, one after the other.
fn calls() -> Vec<Call> {
    let with = |call: &Parameters, more: (&'static str, &'static str)| [call, &[more]].concat();
    vec![
        (Who::Stranger, "hello", Vec::new()),
        (Who::Stranger, "access", AT_ONE.to_vec()),
        (Who::Newcomer, "access", AT_ONE.to_vec()),
        (Who::Known(0), "access", AT_ONE.to_vec()),
        (Who::Known(0), "access", AT_TWO.to_vec()),
        (Who::Known(0), "access", AT_ONE_BESIDES.to_vec()),
        (Who::Known(0), "search", with(AT_ONE, ("for", TWO))),
        (Who::Known(0), "search", with(AT_TWO, ("for", ONE))),
        (Who::Known(0), "search", with(AT_ONE, ("for", NOBODY))),
        (Who::Known(0), "search", with(AT_ONE, ("for", "no guid"))),
        (Who::Impostor, "search", with(AT_ONE, ("for", TWO))),
        (Who::Known(0), "delete", with(AT_ONE, ("delete_url", "https://one.example/a/"))),
        (Who::Known(0), "delete", with(AT_ONE, ("delete_url", "https://one.example/a/"))),
        (Who::Impostor, "delete", with(AT_ONE, ("delete_url", "http://two:19999/"))),
        (Who::Newcomer, "access", AT_TWO.to_vec()),
        (Who::Known(1), "switch", with(AT_TWO, ("to", "person 0"))),
        (Who::Known(1), "switch", with(AT_TWO, ("to", NOBODY))),
        (Who::Known(1), "switch", with(AT_ONE, ("to", "person 0"))),
        (Who::Impostor, "switch", with(AT_TWO, ("to", "person 0"))),
        (Who::Impostor, "access", AT_TWO.to_vec()),
        (Who::Known(0), "delete", with(AT_ONE, ("delete_url", "http://one:19999/"))),
        (Who::Known(0), "access", AT_NONE.to_vec()),
        (Who::Known(0), "access", AT_TWO[..2].to_vec()),
        (Who::Known(0), "delete", AT_TWO.to_vec()),
        (Who::Known(0), "search", AT_TWO.to_vec()),
        (Who::Known(0), "switch", AT_TWO.to_vec()),
        (Who::Known(0), "nonsense", AT_TWO.to_vec()),
        (Who::Known(0), "access", AT_TWO.to_vec()),
    ]
}

/// Goal: whoever asks a registry of ours what dashboards ask is answered as by a Netdata's, strangers and those whom it
/// does not know included; and what it knows survives a kill.
#[test]
fn the_registry_answers_as_netdatas_does() {
    let netdata = netdata::named("same-name").plugins(&[]).registry().start();
    let mut master = node::master("same-name").set("collect.enabled", "false").start();
    let [mut ours, mut theirs] = [master.api(), netdata.api()].map(|api| Asked { api, people: Vec::new() });
    let mut differences = Vec::new();
    for (who, action, parameters) in calls() {
        let answers = [&mut ours, &mut theirs].map(|asked| asked.ask(who, action, &parameters));
        if answers[0] != answers[1] {
            differences
                .push(format!("{who:?} {action} {parameters:?}\n  ours   {}\n  theirs {}", answers[0], answers[1]));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));

    let before = ours.ask(Who::Known(0), "access", AT_TWO);
    master.kill();
    master.start_again();
    let after = ours.ask(Who::Known(0), "access", AT_TWO);
    let counted = before["body"]["urls"].as_array().unwrap().iter().map(|url| (&url[1], url[3].as_i64().unwrap()));
    for (url, count) in counted {
        let visits = i64::from(url == "http://two:19999/");
        let urls = after["body"]["urls"].as_array().unwrap();
        let kept = urls.iter().find(|kept| kept[1] == *url).unwrap_or_else(|| panic!("{url} is lost: {after}"));
        assert_eq!(kept[3].as_i64(), Some(count + visits), "{after}");
    }
}
