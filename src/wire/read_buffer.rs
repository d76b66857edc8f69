//! Bytes of a connection that were read and not used yet.
//!
//! What is used moves a mark, and no bytes: a sender that puts many requests into one packet shall not have
//! the rest of it copied for each of them. The rest is moved once, when more must be read behind it.
//! Invariant: nothing is read while something whole is there, so what waits here is never more than one
//! head may be and one read brings.

/// A connection's bytes.
#[derive(Debug, Default)]
pub struct ReadBuffer {
    bytes: Vec<u8>,
    used: usize,
}

impl ReadBuffer {
    /// Holds what was read already.
    #[must_use]
    pub fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, used: 0 }
    }

    /// The bytes that were not used.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.used..]
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.used
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `count` bytes, or as many as there are, were used.
    pub fn consume(&mut self, count: usize) {
        self.used = self.bytes.len().min(self.used + count);
        if self.used == self.bytes.len() {
            self.bytes.clear();
            self.used = 0;
        }
    }

    /// Where to read more into, with room for `count` bytes.
    pub fn room(&mut self, count: usize) -> &mut Vec<u8> {
        self.close_gap();
        self.bytes.reserve(count);
        &mut self.bytes
    }

    /// Appends what was read elsewhere.
    pub fn append(&mut self, bytes: &[u8]) {
        self.close_gap();
        self.bytes.extend_from_slice(bytes);
    }

    /// Gives the memory back: a connection that waits holds none.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.bytes = Vec::new();
        }
    }

    /// Bytes that are held, used or not.
    #[must_use]
    pub fn held(&self) -> usize {
        self.bytes.capacity()
    }

    fn close_gap(&mut self) {
        if self.used > 0 {
            self.bytes.drain(..self.used);
            self.used = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_read_buffer_is_a_queue_of_bytes(steps in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..9), 0usize..12), 0..40)) {
            let (mut read_buffer, mut wanted) = (ReadBuffer::default(), Vec::new());
            for (bytes, count) in steps {
                read_buffer.append(&bytes);
                wanted.extend_from_slice(&bytes);
                prop_assert_eq!(read_buffer.unread(), wanted.as_slice());
                read_buffer.consume(count);
                wanted.drain(..count.min(wanted.len()));
                read_buffer.release();
                prop_assert_eq!(read_buffer.unread(), wanted.as_slice());
                prop_assert_eq!(read_buffer.len(), wanted.len());
            }
        }
    }
}
