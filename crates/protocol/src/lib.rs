//! The stream protocol without I/O: bytes in, commands out; commands in, bytes out.
//!
//! A stream is one TCP connection for one host. The child opens it with a [`Request`], the parent
//! gives an [`Answer`], which settles the [`Capabilities`]; then the child sends lines of text, maybe
//! within compressed frames ([`frame`]), and the parent sends a few lines back. [`Decoder`] reads the
//! lines of either direction as [`Command`]s, [`encode`] writes them, [`replication`] decides who
//! asks for which rows of the past. The words of charts, dimensions and values are those of `row`.
//!
//! There is no socket, no clock and no codec here, and nothing is allocated per sample.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod answer;
pub mod capability;
pub mod command;
pub mod decoder;
pub mod encode;
pub mod frame;
pub mod number;
pub mod replication;
pub mod request;
pub mod words;

pub use answer::{Answer, Refusal, write_prompt};
pub use capability::Capabilities;
pub use command::{Command, VariableScope};
pub use decoder::{DecodeError, Decoder, Fault, Limits, Step};
pub use encode::Form;
pub use replication::ReplayRequest;
pub use request::{Request, RequestError};
