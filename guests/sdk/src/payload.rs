use std::borrow::Cow;
use std::fmt;
use std::str::Utf8Error;

use crate::bindings::types::{self, Buffer};

/// The bytes of a message: in the component's memory, or held by the host and copied only when they
/// are read.
///
/// The host gives small payloads by value and large ones (above 8 KiB, unless the descriptor says
/// otherwise) as a handle. The two behave alike; forwarding or dropping a large payload costs the
/// same whatever its size. A component may hold 10,000 handles; one more ends the node.
pub struct Payload(pub(crate) types::Payload);

impl Payload {
    /// Copies `bytes` into the host once. Worth it for large bytes that are sent more than once,
    /// with [`Payload::share`].
    pub fn shared(bytes: &[u8]) -> Payload {
        Payload(types::Payload::Shared(Buffer::new(bytes)))
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match &self.0 {
            types::Payload::Inline(bytes) => bytes.len() as u64,
            types::Payload::Shared(buffer) => buffer.size(),
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies up to `len` bytes, beginning at `offset`. Gives fewer where the payload ends, and
    /// none at or past its end.
    pub fn read(&self, offset: u64, len: u64) -> Vec<u8> {
        match &self.0 {
            types::Payload::Inline(bytes) => range(bytes, offset, len).to_vec(),
            types::Payload::Shared(buffer) => buffer.read(offset, len),
        }
    }

    /// All bytes. Copies them into the component if the host holds them, each time.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match &self.0 {
            types::Payload::Inline(bytes) => Cow::Borrowed(bytes),
            types::Payload::Shared(buffer) => Cow::Owned(buffer.read(0, buffer.size())),
        }
    }

    /// All bytes, as [`Payload::bytes`], for keeps.
    pub fn into_bytes(self) -> Vec<u8> {
        match self.0 {
            types::Payload::Inline(bytes) => bytes,
            types::Payload::Shared(buffer) => buffer.read(0, buffer.size()),
        }
    }

    /// All bytes as text, if they are UTF-8.
    pub fn text(&self) -> Result<Cow<'_, str>, Utf8Error> {
        match self.bytes() {
            Cow::Borrowed(bytes) => str::from_utf8(bytes).map(Cow::Borrowed),
            Cow::Owned(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Cow::Owned(text)),
                Err(error) => Err(error.utf8_error()),
            },
        }
    }

    /// Another payload of the same bytes: to send them and keep them. Bytes that the host holds are
    /// not copied; those in the component's memory are.
    pub fn share(&self) -> Payload {
        Payload(match &self.0 {
            types::Payload::Inline(bytes) => types::Payload::Inline(bytes.clone()),
            types::Payload::Shared(buffer) => types::Payload::Shared(buffer.share()),
        })
    }
}

/// The part of `bytes` that `Payload::read` gives.
fn range(bytes: &[u8], offset: u64, len: u64) -> &[u8] {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let (_, rest) = bytes.split_at(start);
    let (taken, _) = rest.split_at(usize::try_from(len).unwrap_or(usize::MAX).min(rest.len()));
    taken
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Payload {
        Payload(types::Payload::Inline(bytes))
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Payload {
        bytes.to_vec().into()
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Payload {
        text.into_bytes().into()
    }
}

impl From<&str> for Payload {
    fn from(text: &str) -> Payload {
        text.as_bytes().into()
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.0 {
            types::Payload::Inline(_) => "inline",
            types::Payload::Shared(_) => "shared",
        };
        write!(f, "Payload({place}, {} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_gives_what_there_is_of_a_range() {
        let payload = Payload::from("thalweg");
        assert_eq!(payload.read(0, 4), b"thal");
        assert_eq!(payload.read(4, 100), b"weg");
        assert_eq!(payload.read(7, 1), b"");
        assert_eq!(payload.read(u64::MAX, u64::MAX), b"");
        assert_eq!(payload.read(2, 0), b"");
    }

    #[test]
    fn inline_bytes_are_borrowed_not_copied() {
        let payload = Payload::from(vec![1, 2, 3]);
        assert!(matches!(payload.bytes(), Cow::Borrowed([1, 2, 3])));
        assert_eq!(payload.len(), 3);
        assert!(!payload.is_empty());
        assert_eq!(payload.share().into_bytes(), [1, 2, 3]);
    }

    #[test]
    fn text_is_utf8_or_an_error() {
        assert_eq!(Payload::from("größe").text().unwrap(), "größe");
        assert!(Payload::from(vec![0xff]).text().is_err());
    }
}
