//! `manage/health`: silences alarms of the whole node, or has them rest, for who knows the key.

use http::HeaderMap;

use crate::Node;
use crate::answer::{Answer, PLAIN};
use crate::gate::Asked;
use crate::secret::is_same;

/// Where the key is told.
const KEY: &str = "x-auth-token";

pub(super) fn answer(node: &Node, asked: &Asked, headers: &HeaderMap) -> Answer {
    let (Some(alarms), Some(management)) = (&node.config.alarms, &node.config.management) else {
        return Answer::not_found("No alarms are watched here.");
    };
    let told = headers.get(KEY).map_or(&[][..], |key| key.as_bytes());
    if !is_same(told, management.key.as_bytes()) {
        return Answer::refused("Auth Error\n");
    }
    match alarms.silence(asked.params.pairs(), |silencers| (management.keep)(silencers)) {
        Ok(answer) if answer.is_json => Answer::json(answer.text.into_bytes()),
        Ok(answer) => Answer::new(PLAIN, answer.text),
        Err(error) => Answer::internal(format!("the silencers are in force, but cannot be kept: {error}")),
    }
}
