//! Which interfaces of this machine lead into other networks, as the kernel tells over rtnetlink.
//!
//! ```text
//! RTM_GETNSID, a process ──> the number by which our network knows that of the process
//! RTM_GETLINK, all       ──> of each interface: its name, the network that its other end is in, and its number there
//! ```
//!
//! Both are asked in the own network and need no rights: no other network is entered, no file of a container opened.

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

/// Names of interfaces are shorter than this.
pub(super) const NAME_BYTES_MAX: usize = 16;
/// What one answer brings at most: the kernel sends as much as there is room for.
const ANSWER_BYTES: usize = 16 * 1024;
/// Answers to one question; some 16,000 interfaces.
const ANSWERS_MAX: usize = 1024;

const HEAD_BYTES: usize = 16;
/// Of what follows the head where links are told.
const LINK_BYTES: usize = 16;
/// Of what follows it where a network is told.
const NETWORK_BYTES: usize = 4;
const REQUEST: u16 = 1;
const DUMP: u16 = 0x300;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const NEW_NETWORK: u16 = 88;
const GET_NETWORK: u16 = 90;
const NETWORK_NUMBER: u16 = 1;
const NETWORK_OF_PID: u16 = 2;
const LINK_NAME: u16 = 3;
const LINK_OTHER_END: u16 = 5;
const LINK_WANTED: u16 = 29;
const LINK_NETWORK: u16 = 37;
/// Leave out what was counted.
const SKIP_COUNTERS: u32 = 8;
/// The flags that a kind of an attribute may carry.
const ATTRIBUTE_KIND: u16 = 0x3fff;

/// An interface's name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Name([u8; NAME_BYTES_MAX], u8);

impl Name {
    /// The name up to its first zero; `None` where it is too long, or empty.
    pub(super) fn new(text: &[u8]) -> Option<Self> {
        let text = text.split(|&byte| byte == 0).next()?;
        let mut bytes = [0; NAME_BYTES_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        (!text.is_empty()).then_some(Self(bytes, text.len() as u8))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0[..usize::from(self.1)]
    }
}

/// An interface of this machine whose other end is in another network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// What it is called here.
    pub(super) name: Name,
    /// The other network.
    pub(super) network: i32,
    /// The number of the other end there.
    pub(super) number: u32,
}

/// Who tells; tests tell it themselves.
pub(super) trait Networks: Send {
    /// The number of the network that a process is in; `None` where that is the own one, or no interface leads there.
    fn network_of(&mut self, pid: u32) -> Option<i32>;

    /// Adds all interfaces that lead into another network.
    ///
    /// # Errors
    /// Where the kernel does not tell.
    fn ends(&mut self, ends: &mut Vec<End>) -> io::Result<()>;
}

/// The kernel.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    socket: Option<OwnedFd>,
    question: Vec<u8>,
    answer: Vec<u8>,
    questions: u32,
}

impl Networks for Kernel {
    fn network_of(&mut self, pid: u32) -> Option<i32> {
        let mut question = [0; NETWORK_BYTES + 8];
        question[NETWORK_BYTES..].copy_from_slice(&attribute(NETWORK_OF_PID, pid));
        let mut network = None;
        let answered = self.ask(GET_NETWORK, REQUEST, &question, |kind, body| {
            if kind == NEW_NETWORK {
                network = attributes(body, NETWORK_BYTES).find_map(number_of(NETWORK_NUMBER)).map(u32::cast_signed);
            }
            true
        });
        answered.ok()?;
        network.filter(|&network| network >= 0)
    }

    fn ends(&mut self, ends: &mut Vec<End>) -> io::Result<()> {
        let mut question = [0; LINK_BYTES + 8];
        question[LINK_BYTES..].copy_from_slice(&attribute(LINK_WANTED, SKIP_COUNTERS));
        self.ask(GET_LINK, REQUEST | DUMP, &question, |kind, body| {
            ends.extend((kind == NEW_LINK).then(|| end(body)).flatten());
            kind == DONE
        })
    }
}

impl Kernel {
    /// Asks, and hands each message of the answer to `take` until that has all.
    fn ask(&mut self, kind: u16, flags: u16, question: &[u8], take: impl FnMut(u16, &[u8]) -> bool) -> io::Result<()> {
        self.questions = self.questions.wrapping_add(1);
        let result = self.try_ask(kind, flags, question, take);
        if result.is_err() {
            // Half an answer may wait in it.
            self.socket = None;
        }
        result
    }

    fn try_ask(
        &mut self,
        kind: u16,
        flags: u16,
        question: &[u8],
        mut take: impl FnMut(u16, &[u8]) -> bool,
    ) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => socket_with(
                AddressFamily::NETLINK,
                SocketType::RAW,
                SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
                None,
            )?,
        };
        let socket = self.socket.insert(socket);
        self.question.clear();
        write_message(&mut self.question, kind, flags, self.questions, question);
        send(&*socket, &self.question, SendFlags::empty())?;
        self.answer.resize(ANSWER_BYTES, 0);
        for _ in 0..ANSWERS_MAX {
            let (read, _) = recv(&*socket, &mut *self.answer, RecvFlags::empty())?;
            for (kind, sequence, body) in messages(&self.answer[..read]) {
                if sequence != self.questions {
                    continue;
                }
                if kind == ERROR {
                    return Err(io::Error::other("the kernel refuses"));
                }
                if take(kind, body) {
                    return Ok(());
                }
            }
        }
        Err(io::Error::other("the answer has no end"))
    }
}

fn attribute(kind: u16, value: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..2].copy_from_slice(&8_u16.to_ne_bytes());
    bytes[2..4].copy_from_slice(&kind.to_ne_bytes());
    bytes[4..].copy_from_slice(&value.to_ne_bytes());
    bytes
}

/// Appends a message; the last word of its head is who asks, which the kernel knows.
fn write_message(out: &mut Vec<u8>, kind: u16, flags: u16, sequence: u32, body: &[u8]) {
    out.extend_from_slice(&((HEAD_BYTES + body.len()) as u32).to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(&flags.to_ne_bytes());
    out.extend_from_slice(&sequence.to_ne_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(body);
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

/// Takes a piece that says itself how long it is off the front, with what fills it up to whole words.
fn take_piece<'a>(bytes: &mut &'a [u8], length: usize, head: usize) -> Option<&'a [u8]> {
    let piece = bytes.get(..length).filter(|_| length >= head)?;
    *bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some(piece)
}

/// Kind, sequence and body of each message.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = (u16, u32, &[u8])> {
    std::iter::from_fn(move || {
        let length = word(bytes, 0)? as usize;
        let message = take_piece(&mut bytes, length, HEAD_BYTES)?;
        Some((half(message, 4)?, word(message, 8)?, &message[HEAD_BYTES..]))
    })
}

/// Kind and value of each attribute after the first `head` bytes.
fn attributes(body: &[u8], head: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut bytes = body.get(head..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = usize::from(half(bytes, 0)?);
        let piece = take_piece(&mut bytes, length, 4)?;
        Some((half(piece, 2)? & ATTRIBUTE_KIND, &piece[4..]))
    })
}

fn number_of(wanted: u16) -> impl Fn((u16, &[u8])) -> Option<u32> {
    move |(kind, value)| if kind == wanted { word(value, 0) } else { None }
}

/// What a message tells of a link, if that leads into another network.
fn end(body: &[u8]) -> Option<End> {
    let number = |kind| attributes(body, LINK_BYTES).find_map(number_of(kind));
    let network = number(LINK_NETWORK)?.cast_signed();
    let name = attributes(body, LINK_BYTES).find(|(kind, _)| *kind == LINK_NAME)?.1;
    Some(End { name: Name::new(name)?, network, number: number(LINK_OTHER_END)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = vec![0; LINK_BYTES];
        for (kind, value) in attributes {
            body.extend_from_slice(&(4 + value.len() as u16).to_ne_bytes());
            body.extend_from_slice(&kind.to_ne_bytes());
            body.extend_from_slice(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        body
    }

    /// Goal: messages are told apart, and of links only those are ends that lead elsewhere.
    #[test]
    fn links_are_read() {
        let number = 7_u32.to_ne_bytes();
        let veth = link(&[(LINK_NAME, b"veth1a\0"), (1, b"abcde"), (LINK_OTHER_END, &number), (LINK_NETWORK, &[0; 4])]);
        let local = link(&[(LINK_NAME, b"eth0\0"), (LINK_OTHER_END, &number)]);
        let mut bytes = Vec::new();
        write_message(&mut bytes, NEW_LINK, 0, 3, &veth);
        write_message(&mut bytes, NEW_LINK, 0, 3, &local);
        write_message(&mut bytes, DONE, 0, 3, &[0; 4]);
        let read: Vec<_> = messages(&bytes).map(|(kind, sequence, body)| (kind, sequence, end(body))).collect();
        let expected = End { name: Name::new(b"veth1a").unwrap(), network: 0, number: 7 };
        assert_eq!(read, [(NEW_LINK, 3, Some(expected)), (NEW_LINK, 3, None), (DONE, 3, None)]);
        assert_eq!(expected.name.bytes(), b"veth1a");
        assert_eq!((Name::new(b""), Name::new(b"\0a"), Name::new(&[b'x'; 17])), (None, None, None));
    }

    /// Goal: whatever comes, reading ends and nothing panics.
    #[test]
    fn bad_messages() {
        let body = link(&[(LINK_NAME, b"veth1a\0"), (LINK_OTHER_END, &[1; 4]), (LINK_NETWORK, &[2; 4])]);
        let mut bytes = Vec::new();
        write_message(&mut bytes, NEW_LINK, 0, 1, &body);
        write_message(&mut bytes, NEW_LINK, 0, 1, &body);
        crate::tests::mutate(&bytes, |bytes| {
            messages(bytes).filter_map(|(_, _, body)| end(body)).count();
        });
        for length in 0..bytes.len() {
            assert!(messages(&bytes[..length]).filter_map(|(_, _, body)| end(body)).count() < 2);
        }
    }

    /// Goal: the kernel answers: no number for the own network, and an end for no interface that is of this network alone.
    #[test]
    fn the_kernel_answers() {
        let mut kernel = Kernel::default();
        let mut ends = Vec::new();
        kernel.ends(&mut ends).unwrap();
        assert!(ends.iter().all(|end| end.name.bytes() != b"lo"));
        assert_eq!(kernel.network_of(std::process::id()), None);
        assert_eq!(kernel.network_of(u32::MAX), None);
        ends.clear();
        kernel.ends(&mut ends).unwrap();
    }
}
