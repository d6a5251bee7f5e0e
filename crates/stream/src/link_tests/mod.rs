//! A child, maybe a headless proxy, and a parent, joined by links that lose connections: all of it
//! plain state machines in virtual time, from one seed.
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

/// Seeds of each kind of world; together they are 2,000.
fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("SIM_SEED") {
        Ok(seed) => vec![seed.parse().expect("SIM_SEED is a number")],
        Err(_) => (0..count).collect(),
    }
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
    simulate(600, &[Form::Stored]);
}

#[test]
fn collected_values_become_the_same_at_the_parent() {
    simulate(500, &[Form::Collected]);
}

#[test]
fn a_headless_proxy_passes_stored_values_on() {
    simulate(300, &[Form::Stored, Form::Stored]);
}

#[test]
fn a_headless_proxy_passes_collected_values_on() {
    simulate(200, &[Form::Collected, Form::Collected]);
}

#[test]
fn a_proxy_dresses_stored_values_as_collected_ones() {
    simulate(200, &[Form::Stored, Form::Collected]);
}

#[test]
fn a_proxy_makes_stored_values_of_collected_ones() {
    simulate(200, &[Form::Collected, Form::Stored]);
}
