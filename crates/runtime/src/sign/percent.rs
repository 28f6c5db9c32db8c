//! Percent-encoding according to RFC 3986, section 2.1: every byte except the unreserved characters, in upper case.

/// Whether a byte is unreserved: `A-Z a-z 0-9 - _ . ~`.
const UNRESERVED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        byte += 1;
    }
    table
};

/// Percent-encodes `text`: `A-Z a-z 0-9 - _ . ~` stay, every other byte of the UTF-8 text becomes `%XX`.
///
/// ```
/// assert_eq!(alibabacloud_runtime::sign::encode("a b+c*d~é"), "a%20b%2Bc%2Ad~%C3%A9");
/// ```
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode_to(&mut out, text);
    out
}

/// The escapes of all bytes, one after the other: `%00%01…%FF`.
const ESCAPES: &str = text(&escapes::<{ 256 * 3 }>("%"));

/// The same, percent-encoded: `%2500%2501…%25FF`.
const ESCAPES_TWICE: &str = text(&escapes::<{ 256 * 5 }>("%25"));

const fn escapes<const N: usize>(prefix: &str) -> [u8; N] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let (prefix, mut escapes, mut at, mut byte) = (prefix.as_bytes(), [0; N], 0, 0);
    while byte < 256 {
        let mut index = 0;
        while index < prefix.len() {
            escapes[at] = prefix[index];
            (at, index) = (at + 1, index + 1);
        }
        escapes[at] = DIGITS[byte >> 4];
        escapes[at + 1] = DIGITS[byte & 15];
        (at, byte) = (at + 2, byte + 1);
    }
    escapes
}

const fn text(ascii: &[u8]) -> &str {
    match std::str::from_utf8(ascii) {
        Ok(text) => text,
        Err(_) => panic!("ASCII is text"),
    }
}

/// Copies runs of unreserved characters at once, because most bytes of a request are unreserved.
pub(crate) fn encode_to(out: &mut String, text: &str) {
    encode_each(text, |run, escape| {
        out.push_str(run);
        if let Some(byte) = escape {
            out.push_str(&ESCAPES[byte * 3..][..3]);
        }
    });
}

/// Calls `write` with every run of unreserved characters and the byte after it, if there is one.
#[inline]
fn encode_each(text: &str, mut write: impl FnMut(&str, Option<usize>)) {
    let (mut rest, mut run) = (text.as_bytes(), 0);
    while let Some(length) = rest.iter().position(|byte| !UNRESERVED[usize::from(*byte)]) {
        // A run that is not empty begins and ends at character boundaries.
        write(if length > 0 { &text[run..run + length] } else { "" }, Some(usize::from(rest[length])));
        (rest, run) = (&rest[length + 1..], run + length + 1);
    }
    if !rest.is_empty() {
        write(&text[run..], None);
    }
}

/// The canonical query: percent-encoded names and values, joined by `=` and `&`.
///
/// The parameters are sorted by name and then by value, both in byte order. The result is also a valid query of a URL and a
/// valid form body.
///
/// ```
/// use alibabacloud_runtime::sign::canonical_query;
///
/// assert_eq!(canonical_query([("b", "2"), ("a", "x y")]), "a=x%20y&b=2");
/// ```
pub fn canonical_query<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut sorted: Vec<(&str, &str)> = parameters.into_iter().collect();
    sorted.sort_unstable();
    let mut out = String::with_capacity(sorted.iter().map(|(name, value)| name.len() + value.len() + 8).sum());
    join_to(&mut out, &sorted);
    out
}

/// Writes sorted parameters as the canonical query.
fn join_to(out: &mut String, sorted: &[(&str, &str)]) {
    for (index, (name, value)) in sorted.iter().enumerate() {
        if index > 0 {
            out.push('&');
        }
        encode_to(out, name);
        out.push('=');
        encode_to(out, value);
    }
}

/// The canonical query, and the same percent-encoded again.
pub(crate) struct Twice {
    pub(crate) once: String,
    pub(crate) twice: String,
}

impl Twice {
    /// Appends a parameter.
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        if !self.once.is_empty() {
            self.once.push('&');
            self.twice.push_str("%26");
        }
        self.encode(name);
        self.once.push('=');
        self.twice.push_str("%3D");
        self.encode(value);
    }

    /// Appends a parameter with a known name: `once` is `&Name=`, and `twice` the same, encoded. If `is_plain`, the value consists
    /// of unreserved characters and is not searched for others.
    pub(crate) fn push_known(&mut self, once: &str, twice: &str, value: &str, is_plain: bool) {
        let is_first = self.once.is_empty();
        self.once.push_str(if is_first { &once[1..] } else { once });
        self.twice.push_str(if is_first { &twice[3..] } else { twice });
        if is_plain {
            self.once.push_str(value);
            self.twice.push_str(value);
        } else {
            self.encode(value);
        }
    }

    fn encode(&mut self, text: &str) {
        encode_each(text, |run, escape| {
            self.once.push_str(run);
            self.twice.push_str(run);
            if let Some(byte) = escape {
                self.once.push_str(&ESCAPES[byte * 3..][..3]);
                self.twice.push_str(&ESCAPES_TWICE[byte * 5..][..5]);
            }
        });
    }
}
