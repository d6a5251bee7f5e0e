//! `fleet`: every host of this node with what a list of a thousand shows of it, in one call. Ours.
//!
//! What is told is gathered at most once a second, however many look on, and only while somebody does
//! (`board`); of the rows that its small curves are drawn from, each is read once (`vital`). So a
//! thousand hosts cost a viewer hardly more than the bytes of the answer (`write`).

mod board;
mod vital;
mod write;

use bytes::Bytes;

pub(crate) use board::Board;

use crate::Node;
use crate::answer::{Answer, JSON};
use crate::gate::Asked;

/// Hosts of one answer at most; further ones are on further pages.
const PAGE_HOSTS: usize = 5_000;

/// Which part of the fleet is asked for, and in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    page: usize,
    /// Without what hardly changes, and without curves.
    is_brief: bool,
}

pub(super) async fn answer(node: &Node, asked: &Asked) -> Answer {
    let form = Form {
        page: usize::try_from(asked.params.number("page", 0)).unwrap_or(0),
        is_brief: asked.params.flag("brief"),
    };
    // The second who asks meanwhile waits for what the first one gathers.
    let mut board = node.fleet.lock().await;
    board.refresh(node).await;
    let body: Option<Bytes> = board.body(form);
    match body {
        Some(body) => Answer::new(JSON, body),
        None => Answer::bad_request(format!("There is no page {}, there are {}.", form.page, board.pages())),
    }
}
