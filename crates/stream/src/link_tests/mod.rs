//! A child, up to three proxies with and without a database, and a parent, joined by links that lose
//! connections, hold bytes back, and are there twice: plain state machines in virtual time, from one seed.
//!
//! ```text
//! source ──> host ──> tap, sender session ══ link ══> receiver session ──> host [──> ... ──> host]
//! ```
//!
//! The goal: whatever happens on the way, in the end the last host holds each row that the source
//! still has, once and with its value, and none that the source never had. `SIM_SEED=n` replays
//! one seed of all worlds.

mod calls;
mod link;
pub(crate) mod random;
mod source;
mod world;

use world::{Form, World};

/// Seeds of each kind of world; together they are 10,000. `SIM_TIMES=n` plays so many times as many.
fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("SIM_SEED") {
        Ok(seed) => vec![seed.parse().expect("SIM_SEED is a number")],
        Err(_) => (0..count * times()).collect(),
    }
}

fn times() -> u64 {
    std::env::var("SIM_TIMES").map_or(1, |times| times.parse().expect("SIM_TIMES is a number"))
}

fn simulate(count: u64, hops: &[Form]) {
    for seed in seeds(count) {
        // A panic names the seed that it can be replayed with.
        println!("SIM_SEED={seed} {hops:?}");
        World::new(seed, hops).run();
    }
}

#[test]
fn stored_values_arrive_as_they_are() {
    simulate(2_500, &[Form::Stored]);
}

#[test]
fn collected_values_become_the_same_at_the_parent() {
    simulate(2_000, &[Form::Collected]);
}

#[test]
fn a_proxy_passes_stored_values_on() {
    simulate(1_500, &[Form::Stored, Form::Stored]);
}

#[test]
fn a_proxy_passes_collected_values_on() {
    simulate(1_000, &[Form::Collected, Form::Collected]);
}

#[test]
fn a_proxy_dresses_stored_values_as_collected_ones() {
    simulate(1_000, &[Form::Stored, Form::Collected]);
}

#[test]
fn a_proxy_makes_stored_values_of_collected_ones() {
    simulate(1_000, &[Form::Collected, Form::Stored]);
}

#[test]
fn two_proxies_pass_everything_on() {
    simulate(500, &[Form::Stored, Form::Stored, Form::Stored]);
}

#[test]
fn three_proxies_of_any_kind_pass_everything_on() {
    simulate(250, &[Form::Stored; 4]);
    simulate(250, &[Form::Collected, Form::Stored, Form::Stored, Form::Collected]);
}
