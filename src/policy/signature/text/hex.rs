//! Bytes as hexadecimal digits, in any case.
//!
//! Invariant: a text is read only if it has two digits for each byte, and nothing else.

/// Fills in the bytes that hexadecimal digits stand for, in any case; `None` unless there are just as many.
pub(crate) fn unhex(digits: &[u8], bytes: &mut [u8]) -> Option<()> {
    (digits.len() == 2 * bytes.len()).then_some(())?;
    let mut odd = 0;
    for (byte, two) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = [two[0], two[1]].map(|digit| DIGITS[usize::from(digit)]);
        odd |= high | low;
        *byte = high << 4 | low & 0x0f;
    }
    (odd < 0x10).then_some(())
}

/// What each byte stands for as a hexadecimal digit; [`NO_DIGIT`] where it is none.
const DIGITS: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        (values[digit as usize], values[digit.to_ascii_uppercase() as usize]) = (value, value);
        value += 1;
    }
    values
};
const NO_DIGIT: u8 = 0xff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_a_library_reads_them() {
        for number in 0..=u16::MAX {
            let two = number.to_be_bytes();
            let mut byte = [0];
            let wanted = std::str::from_utf8(&two).ok().filter(|two| !two.contains('+'));
            let wanted = wanted.and_then(|two| u8::from_str_radix(two, 16).ok());
            assert_eq!(unhex(&two, &mut byte).map(|()| byte[0]), wanted, "{two:?}");
        }
        assert_eq!(unhex(b"abc", &mut [0]), None);
    }
}
