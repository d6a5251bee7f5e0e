//! A child that streams the same rows to several parents at once, so that what they make of them can be compared.
//!
//! It sends in the middle of each second: whoever computes seconds from when rows come finds the same ones.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::API_KEY;
use crate::peer::scripted::Scripted;
use crate::wait::{middle_of_a_second, pass, s};

const GUID: &str = "dddddddd-7777-2222-3333-";

/// A child that sends rows to all its parents every second until it is dropped.
#[derive(Debug)]
pub struct Feeding {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Feeding {
    /// A child called `name` that defines its charts with `definitions`, and has `rows` for each of its turns, from 1.
    ///
    /// # Panics
    /// When a parent does not take it.
    pub fn start(name: &str, definitions: &str, rows: fn(i64) -> String, parents: &[SocketAddr]) -> Self {
        let guid = format!("{GUID}{:012x}", name.bytes().map(u64::from).sum::<u64>());
        let connect =
            |parent: &SocketAddr| Scripted::connect(*parent, API_KEY, name, &guid).expect("the parent listens");
        let mut children: Vec<Scripted> = parents.iter().map(connect).collect();
        children.iter_mut().for_each(|child| child.send(definitions).expect("the parent reads"));
        let stop = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for turn in 1.. {
                middle_of_a_second();
                children.iter_mut().for_each(|child| child.send(&rows(turn)).expect("the parent reads"));
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                pass(s(1) / 2);
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Feeding {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "a parent closed");
        }
    }
}
