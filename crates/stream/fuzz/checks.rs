//! What fuzzing checks. The fuzz targets and the replay of their corpus share these functions.

use stream::codec::{Codec, Decoder, Encoder, Plain};

/// The most that a connection keeps, whatever a child sends, in bytes.
const STATE_BYTES_MAX: usize = 5 << 19;

/// Reads bytes of any kind as frames, and as what is in them: no panic, no memory beyond the cap,
/// and the same text and the same error however the bytes are cut. As text they come back from
/// encoder and decoder.
pub fn decoder(codec: Codec, data: &[u8]) {
    compare(codec, data);
    let mut framed = Vec::new();
    for payload in data.chunks(1_000) {
        framed.extend_from_slice(&protocol_head(payload.len()));
        framed.extend_from_slice(payload);
    }
    compare(codec, &framed);
    round_trip(codec, data);
}

fn compare(codec: Codec, wire: &[u8]) {
    let whole = read(codec, wire, wire.len().max(1));
    assert!(whole == read(codec, wire, 7), "pieces differ from the whole");
}

/// The text up to the first error, and that error.
fn read(codec: Codec, wire: &[u8], piece: usize) -> (Vec<u8>, String) {
    let (mut decoder, mut plain, mut text) = (Decoder::new(codec), Plain::default(), Vec::new());
    for bytes in wire.chunks(piece) {
        let taken = decoder.push(bytes, &mut plain, |frame| {
            assert!(frame.len() <= 16_384);
            text.extend_from_slice(frame);
            Ok::<_, ()>(())
        });
        assert!(decoder.state_bytes() <= STATE_BYTES_MAX, "{} bytes", decoder.state_bytes());
        if let Err(err) = taken {
            return (text, err.to_string());
        }
    }
    (text, String::new())
}

fn round_trip(codec: Codec, text: &[u8]) {
    let (mut wire, mut encoder) = (Vec::new(), Encoder::new(codec, 1 << 17, true));
    for piece in text.chunks(5_000) {
        let length = encoder.frame(piece, &mut wire).expect("all text can be packed");
        assert_eq!(length, piece.len());
    }
    assert!(read(codec, &wire, 4_096) == (text.to_vec(), String::new()));
}

fn protocol_head(length: usize) -> [u8; 4] {
    [0xfa, 0x80 | (length & 0x7f) as u8, 0x80 | (length >> 7) as u8, 0x0a]
}
