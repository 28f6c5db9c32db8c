//! Bytes as lower-case hexadecimal digits, without an allocation.

/// `N` hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hex<const N: usize>([u8; N]);

impl<const N: usize> Hex<N> {
    pub(crate) fn as_str(&self) -> &str {
        // Always ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The digits of `bytes`, whose length is `N / 2`.
pub(crate) fn hex<const N: usize>(bytes: &[u8]) -> Hex<N> {
    let mut digits = [b'0'; N];
    for (two, byte) in digits.as_chunks_mut().0.iter_mut().zip(bytes) {
        *two = DIGITS[usize::from(*byte)];
    }
    Hex(digits)
}

/// The two digits of every byte.
const DIGITS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let (mut pairs, mut byte) = ([[0; 2]; 256], 0);
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};
