//! A source, proxies with and without a database, and a parent, joined by links that lose
//! connections, hold bytes back and open anew beside the old: all of it plain state machines in
//! virtual time, from one seed. Nodes start anew, and their clocks are set.
//!
//! ```text
//! source ──> host ──> tap, sender session ══ link ══> receiver session ──> host [──> ... ──> host]
//! ```
//!
//! The goal: whatever happens on the way, in the end the last host holds each row that the source
//! still has, once and with the value that came first, and none that the source never had.
//! `SIM_SEED=n` replays one seed of all worlds, `SIM_TIMES=n` plays so many times as many.

mod calls;
mod link;
mod once;
pub(crate) mod random;
mod source;
mod world;

use random::Random;
use world::{Form, Hop, World};

/// Seeds of each kind of world; together they are 10,000.
fn seeds(count: u64) -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("it is a number"));
    match number("SIM_SEED") {
        Some(seed) => vec![seed],
        None => (0..count * number("SIM_TIMES").unwrap_or(1)).collect(),
    }
}

fn play(seed: u64, hops: &[Hop]) {
    // A panic names the seed that it can be replayed with.
    println!("SIM_SEED={seed} {hops:?}");
    World::new(seed, hops).run();
}

/// Plays worlds whose proxies are headless.
fn simulate(count: u64, forms: &[Form]) {
    let hops: Vec<_> = forms.iter().map(|&form| Hop { form, is_headless: true }).collect();
    seeds(count).into_iter().for_each(|seed| play(seed, &hops));
}

/// Plays worlds of so many links, whose seed says what they and the proxies are like.
fn simulate_mixed(count: u64, links: usize) {
    for seed in seeds(count) {
        let mut random = Random(seed);
        let mut hop = || Hop {
            form: if random.permille(650) { Form::Stored } else { Form::Collected },
            is_headless: random.permille(500),
        };
        let hops: Vec<_> = (0..links).map(|_| hop()).collect();
        play(seed, &hops);
    }
}

#[test]
fn stored_values_arrive_as_they_are() {
    simulate(1_800, &[Form::Stored]);
}

#[test]
fn collected_values_become_the_same_at_the_parent() {
    simulate(1_700, &[Form::Collected]);
}

#[test]
fn a_headless_proxy_passes_stored_values_on() {
    simulate(700, &[Form::Stored, Form::Stored]);
}

#[test]
fn a_headless_proxy_passes_collected_values_on() {
    simulate(700, &[Form::Collected, Form::Collected]);
}

#[test]
fn a_proxy_dresses_stored_values_as_collected_ones() {
    simulate(700, &[Form::Stored, Form::Collected]);
}

#[test]
fn a_proxy_makes_stored_values_of_collected_ones() {
    simulate(700, &[Form::Collected, Form::Stored]);
}

#[test]
fn one_proxy_of_any_kind_loses_nothing() {
    simulate_mixed(1_200, 2);
}

#[test]
fn two_proxies_of_any_kind_lose_nothing() {
    simulate_mixed(1_500, 3);
}

#[test]
fn three_proxies_of_any_kind_lose_nothing() {
    simulate_mixed(1_000, 4);
}
