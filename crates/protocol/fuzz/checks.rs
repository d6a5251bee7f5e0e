//! What fuzzing checks. The fuzz targets and the replay of their corpus share these functions.

use protocol::{Answer, Capabilities, Command, Decoder, Limits, Request, Step, frame};

/// Decodes bytes of any kind, whole and in small pieces: no panic, every step makes progress or
/// asks for more, and both ways see the same commands.
pub fn decoder(data: &[u8]) {
    let limits = Limits { line_bytes: 200, block_bytes: 1_000 };
    // With its end every line is judged whole; without, limits would depend on the pieces.
    let data = &[data, b"\n"].concat()[..];
    for decoder in [Decoder::new(limits), Decoder::of_parent(limits).with_capabilities(Capabilities::PARENT)] {
        let whole = run(decoder.clone(), data, data.len());
        let pieces = run(decoder, data, 7);
        assert_eq!(whole, pieces);
    }
}

/// The commands up to the first error, which ends a stream. The text of a block is one, however it was
/// cut; that of a block which is too long does not count.
fn run(mut decoder: Decoder, data: &[u8], piece: usize) -> Vec<String> {
    let mut seen = Vec::new();
    let mut block = Vec::new();
    let mut pending = Vec::new();
    for bytes in data.chunks(piece) {
        pending.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            let mut consumed = usize::MAX;
            let step = decoder.step(&pending[at..], &mut consumed);
            assert!(consumed <= pending.len() - at);
            at += consumed;
            match step {
                Ok(Step::Command(command)) => {
                    assert!(consumed > 0, "a command without a line");
                    if let Command::ResultText { text } | Command::PayloadText { text } = command {
                        block.extend_from_slice(text);
                        continue;
                    }
                    seen.push(format!("{:?} {command:?}", String::from_utf8_lossy(&std::mem::take(&mut block))));
                }
                Ok(Step::NeedMore) => break,
                Err(error) => {
                    seen.push(error.to_string());
                    return seen;
                }
            }
        }
        pending.drain(..at);
    }
    seen
}

/// Reads requests, answers and frame heads of any kind; a request that is understood can be sent
/// on and is understood again.
pub fn request(data: &[u8]) {
    if let Some(head) = data.first_chunk() {
        assert!(frame::parse(head).is_none_or(|length| frame::encode(length) == Some(*head)));
    }
    let _answer = Answer::parse(data, Capabilities::PARENT);
    let Some(length) = Request::head_length(data) else { return };
    if let Ok(request) = Request::parse(&data[..length]) {
        let mut out = Vec::new();
        request.write(&mut out);
        let again = Request::parse(&out).expect("what we write is a request");
        assert_eq!((again.key, again.machine_guid), (request.key, request.machine_guid));
        assert_eq!(again.hostname, request.hostname.replace('&', "_"));
        // What no text of another peer can change on its way.
        let Request { update_every_s, utc_offset_s, hops, ref path, .. } = request;
        assert_eq!((again.update_every_s, again.utc_offset_s, again.hops), (update_every_s, utc_offset_s, hops));
        assert_eq!((&again.path, again.capabilities.offer()), (path, request.capabilities.offer()));
        // Once written as we do, all of it stays as it is.
        let mut next = Vec::new();
        again.write(&mut next);
        assert_eq!(Request::parse(&next), Ok(again));
    }
}
