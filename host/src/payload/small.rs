//! Small payloads of one sender, several in one piece of memory.

use bytes::{Bytes, BytesMut};

/// Payloads of up to so many bytes are small.
const SMALL: usize = 64;

/// So large is a piece. Whoever keeps one small payload keeps the piece that it is in.
const PIECE: usize = 256;

/// Copies payloads. A saturated sender and its reader are on two threads, and memory that one frees and the other
/// asks for anew costs both as much as a third of a hop: several payloads share that price.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    /// What is left of the piece.
    free: BytesMut,
}

impl Copies {
    /// A copy of `bytes`; a small one keeps up to 256 bytes for as long as it is kept. What is not small is
    /// copied as by [`super::copy`].
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Bytes {
        if bytes.is_empty() || bytes.len() > SMALL {
            return super::copy(bytes);
        }
        if self.free.capacity() < bytes.len() {
            // The same piece again where nobody has any payload of it any more.
            self.free.reserve(PIECE);
        }
        self.free.extend_from_slice(bytes);
        self.free.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_of_one_piece_are_their_own() {
        let mut copies = Copies::default();
        let sent: Vec<Vec<u8>> = (0..200_u8).map(|n| vec![n; usize::from(n % 70)]).collect();
        let copied: Vec<Bytes> = sent.iter().map(|bytes| copies.copy(bytes)).collect();
        assert_eq!(copied, sent);
    }

    #[test]
    fn small_payloads_share_a_piece() {
        let mut copies = Copies::default();
        let copied: Vec<Bytes> = (0..PIECE / 8).map(|_| copies.copy(&[1; 8])).collect();
        let first = copied.first().map(|bytes| bytes.as_ptr().addr());
        let last = copied.last().map(|bytes| bytes.as_ptr().addr() + 8);
        assert_eq!(first.map(|first| first + PIECE), last);
    }

    #[test]
    fn a_piece_that_nobody_keeps_is_used_again() {
        let mut copies = Copies::default();
        let first = copies.copy(&[1; SMALL]).as_ptr().addr();
        let places: Vec<usize> =
            (0..2 * PIECE / SMALL).map(|_| copies.copy(&[1; SMALL]).as_ptr().addr()).collect();
        assert!(places.contains(&first));
    }
}
