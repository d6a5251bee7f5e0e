//! The heap: what a program has freed goes back to the system.
//!
//! Two things keep it from that. The C library's allocator returns free pages only when it is told to
//! ([`give_back`]). And a piece of memory that stays holds on to the pages around both its ends: where
//! pieces of some KiB that come and go lie between others, a third of what was freed stayed. Those that
//! hold most of a store, its slabs, therefore lie apart, in whole pages ([`Piece`]).
//!
//! Here is all that is not safe Rust in what we ship, but for one call (`timex`).

mod code;
mod extent;
mod give_back;
mod piece;

pub use code::let_go_of_code;
pub use give_back::{give_back, give_back_aside, share_among_threads, stay_small};
pub use piece::{PIECE_UNIT_BYTES, Piece, piece_bytes};
