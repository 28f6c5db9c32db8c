//! Detects the encoding of an input, and files that are not text.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

const BOM: &[u8] = "\u{feff}".as_bytes();

/// File formats that are mistaken for CSV: their first bytes, and what to do.
const NO_TEXT: &[(&[u8], &str)] = &[
    (b"\xff\xfe\0\0", "it is UTF-32; save the spreadsheet as \"CSV UTF-8\""),
    (b"\0\0\xfe\xff", "it is UTF-32; save the spreadsheet as \"CSV UTF-8\""),
    (b"PK\x03\x04", "it is an Excel or OpenDocument workbook; open it and save the sheet as \"CSV UTF-8\""),
    (b"\xd0\xcf\x11\xe0", "it is an Excel workbook; open it and save the sheet as \"CSV UTF-8\""),
    (b"\x1f\x8b", "it is compressed; unpack it, or pipe it in with `gunzip -c FILE | cams bulk … --input -`"),
    (b"%PDF", "it is a PDF; export the spreadsheet as \"CSV UTF-8\""),
    (b"{\"journal\":", "it is a journal; pass it as --journal, and the rows as --input"),
];

/// Returns the file as UTF-8 with line feeds, converted if necessary, and the offset at which the text begins.
pub(super) fn as_utf8(mut file: File, named: Option<&'static Encoding>) -> io::Result<(File, u64)> {
    file.seek(SeekFrom::Start(0))?;
    let mut beginning = Vec::new();
    (&file).take(64 << 10).read_to_end(&mut beginning)?;
    if let Some((_, what)) = NO_TEXT.iter().find(|(magic, _)| beginning.starts_with(magic)) {
        return Err(io::Error::other(*what));
    }
    let text = beginning.trim_ascii_start();
    let is_html = |tag: &[u8]| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
    if [&b"<html"[..], b"<!doctype", b"<table", b"<?xml"].into_iter().any(is_html) {
        return Err(io::Error::other("it is a web page or XML; open it in a spreadsheet and save it as \"CSV UTF-8\""));
    }
    let encoding = named.unwrap_or_else(|| recognized(&beginning));
    let old_line_ends = has_old_line_ends(&beginning);
    if encoding == UTF_8 && !old_line_ends {
        let start = if beginning.starts_with(BOM) { BOM.len() } else { 0 };
        return Ok((file, start as u64));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok((converted(&file, encoding)?, 0))
}

/// Detects the encoding by the byte order mark, else by zeros: ASCII in UTF-16 has one in every second byte, and
/// delimiters, digits and line breaks are ASCII in every language.
fn recognized(beginning: &[u8]) -> &'static Encoding {
    match beginning {
        [0xff, 0xfe, ..] => return UTF_16LE,
        [0xfe, 0xff, ..] => return UTF_16BE,
        _ => {}
    }
    let zeros = |parity: usize| beginning.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    // A few zeros may be part of a cell in another encoding.
    let is_half = |zeros: usize, others: usize| zeros >= beginning.len().div_ceil(10) && zeros / 4 >= others;
    if is_half(odd, even) {
        UTF_16LE
    } else if is_half(even, odd) {
        UTF_16BE
    } else {
        UTF_8
    }
}

/// Whether lines end with a lone carriage return, as old spreadsheets for the Macintosh write them. Line breaks inside
/// a cell may differ.
fn has_old_line_ends(text: &[u8]) -> bool {
    let mut quoted = false;
    let end = text.iter().position(|byte| {
        quoted ^= *byte == b'"';
        !quoted && matches!(byte, b'\r' | b'\n')
    });
    end.is_some_and(|end| text[end] == b'\r' && text.get(end + 1) != Some(&b'\n'))
}

fn converted(file: &File, encoding: &'static Encoding) -> io::Result<File> {
    let mut reader = BufReader::with_capacity(64 << 10, file);
    let mut writer = BufWriter::new(tempfile::tempfile()?);
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let mut text = vec![0; 256 << 10];
    let (mut line, mut after_return) = (1_u64, false);
    loop {
        let bytes = reader.fill_buf()?;
        let last = bytes.is_empty();
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(bytes, &mut text, last);
        reader.consume(read);
        for byte in &text[..written] {
            if *byte == b'\r' {
                writer.write_all(b"\n")?;
                line += 1;
            } else if !(*byte == b'\n' && after_return) {
                writer.write_all(&[*byte])?;
                line += u64::from(*byte == b'\n');
            }
            after_return = *byte == b'\r';
        }
        match result {
            DecoderResult::InputEmpty if last => break,
            DecoderResult::Malformed(..) => {
                return Err(io::Error::other(format!(
                    "line {line} is not {}; save the spreadsheet as \"CSV UTF-8\", or name its encoding with --encoding",
                    encoding.name()
                )));
            }
            _ => {}
        }
    }
    let mut file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}
