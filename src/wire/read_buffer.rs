//! Bytes that were read from a connection and not used yet.
//!
//! Using bytes moves a mark and copies nothing: if a sender puts many requests into one packet, the rest of it is not
//! copied for each of them. The rest is moved once, when more bytes are read. What the bytes mean does not belong here.
//! Invariant (kept by the callers): nothing is read while the buffer holds a whole head, so it never holds more than
//! the largest head and one read.

/// The unused bytes of a connection.
#[derive(Debug, Default)]
pub struct ReadBuffer {
    bytes: Vec<u8>,
    used: usize,
}

impl ReadBuffer {
    /// A buffer that holds these bytes.
    #[must_use]
    pub fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, used: 0 }
    }

    /// The unused bytes.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.used..]
    }

    /// The number of unused bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.used
    }

    /// Whether there are no unused bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Marks the first `count` bytes, or all if there are fewer, as used.
    pub fn consume(&mut self, count: usize) {
        self.used = self.bytes.len().min(self.used + count);
        if self.used == self.bytes.len() {
            self.bytes.clear();
            self.used = 0;
        }
    }

    /// The vector to read into, with capacity for `count` more bytes.
    pub fn room(&mut self, count: usize) -> &mut Vec<u8> {
        self.close_gap();
        self.bytes.reserve(count);
        &mut self.bytes
    }

    /// Appends bytes that were read into another buffer.
    pub fn append(&mut self, bytes: &[u8]) {
        self.close_gap();
        self.bytes.extend_from_slice(bytes);
    }

    /// Frees the memory if all bytes were used, so that a waiting connection holds none.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.bytes = Vec::new();
        }
    }

    /// The number of allocated bytes.
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
