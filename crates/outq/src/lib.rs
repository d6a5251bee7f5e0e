//! How much of what was written to a connection its peer has not confirmed yet.
//!
//! The kernel tells it by an ioctl (`SIOCOUTQ`) alone, which no crate at hand offers as safe Rust. What is
//! confirmed has reached the peer's kernel: a write that succeeded has reached only our own.

use std::io;
use std::net::TcpStream;
use std::os::fd::AsRawFd;

/// Bytes that were written and are not confirmed.
///
/// # Errors
/// Where the kernel refuses.
#[expect(unsafe_code, reason = "the kernel is asked by a call of the C library")]
pub fn unconfirmed(stream: &TcpStream) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open as long as the stream is borrowed, and the kernel writes one integer,
    // which lives until the call has returned.
    let result = unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(bytes).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// What a peer does not take waits here; what it took does not.
    #[test]
    fn bytes_wait_until_they_are_confirmed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        assert_eq!(unconfirmed(&stream).unwrap(), 0);
        stream.set_nonblocking(true).unwrap();
        let mut written = 0;
        while let Ok(more) = stream.write(&[7; 65_536]) {
            written += more;
        }
        assert!(unconfirmed(&stream).unwrap() > 0);
        let mut buffer = vec![0; 65_536];
        let mut read = 0;
        while read < written {
            read += peer.read(&mut buffer).unwrap();
        }
        while unconfirmed(&stream).unwrap() > 0 {
            std::thread::yield_now();
        }
    }
}
