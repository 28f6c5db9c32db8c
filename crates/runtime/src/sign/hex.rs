//! Bytes as lower-case hexadecimal digits, without an allocation.

/// `N` hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hex<const N: usize>([u8; N]);

impl<const N: usize> Hex<N> {
    pub(crate) fn as_str(&self) -> &str {
        // They are digits, so they are text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The digits of `bytes`, which are half as many.
pub(crate) fn hex<const N: usize>(bytes: &[u8]) -> Hex<N> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [b'0'; N];
    for (two, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        two[0] = DIGITS[usize::from(byte >> 4)];
        two[1] = DIGITS[usize::from(byte & 15)];
    }
    Hex(digits)
}
