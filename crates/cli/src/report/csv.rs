//! CSV for spreadsheets: UTF-8 with a byte order mark, so that Excel detects the encoding. A field that a spreadsheet
//! would take for a formula is prefixed with an apostrophe, as in `page.js`.

use crate::exit::Failure;

/// Writes lines.
pub(super) struct Lines(csv::Writer<Vec<u8>>);

impl Lines {
    pub(super) fn new() -> Self {
        Self(csv::Writer::from_writer("\u{feff}".as_bytes().to_vec()))
    }

    pub(super) fn line<'f>(&mut self, fields: impl IntoIterator<Item = &'f str>) -> Result<(), Failure> {
        let fields = fields.into_iter().map(guarded);
        let written = self.0.write_record(fields.map(std::borrow::Cow::into_owned));
        written.map_err(|error| Failure::local(format!("the report cannot be written: {error}")))
    }

    pub(super) fn text(self) -> Result<String, Failure> {
        let bytes =
            self.0.into_inner().map_err(|error| Failure::local(format!("the report cannot be written: {error}")))?;
        // All fields are text, so this cannot fail.
        Ok(String::from_utf8(bytes).unwrap_or_default())
    }
}

fn guarded(field: &str) -> std::borrow::Cow<'_, str> {
    let is_formula = field.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if is_formula { format!("'{field}").into() } else { field.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula() {
        let line = |field| {
            let mut lines = Lines::new();
            lines.line([field, "x"]).unwrap();
            lines.text().unwrap().trim_start_matches('\u{feff}').to_owned()
        };
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "＝1"] {
            assert_eq!(line(formula), format!("'{formula},x\n"));
        }
        assert_eq!(line("say \"hi\", you"), "\"say \"\"hi\"\", you\",x\n");
        assert_eq!(line("86139••••1234"), "86139••••1234,x\n");
    }
}
