//! A report for spreadsheets: one line for each number, and for each row without one.
//!
//! UTF-8 with a byte order mark, by which Excel knows the encoding. A field that a spreadsheet would take for a formula gets an
//! apostrophe in front. Phone numbers need none: they are written as the service writes them, without a plus sign.

use super::findings::Findings;

const HEADER: [&str; 19] = [
    "Row",
    "CustSpaceId",
    "Outcome",
    "PhoneNumber",
    "VerifiedName",
    "Attention",
    "Reason",
    "Status",
    "QualityRating",
    "MessagingLimitTier",
    "CodeVerificationStatus",
    "NameStatus",
    "NewNameStatus",
    "IsOfficial",
    "Change",
    "ChangeText",
    "Code",
    "Message",
    "RequestId",
];

pub(super) fn render(findings: &Findings) -> String {
    let mut out = String::from('\u{feff}');
    line(&mut out, &HEADER);
    for number in &findings.numbers {
        let state = &number.state;
        let value = |value: &Option<String>| value.clone().unwrap_or_default();
        let level = number.level().map_or("", |level| level.key());
        let fields = [
            number.row.clone(),
            number.space.clone(),
            "done".to_owned(),
            number.phone.plain(),
            value(&state.name),
            level.to_owned(),
            number.meaning(),
            value(&state.status),
            value(&state.quality),
            value(&state.tier),
            value(&state.verification),
            value(&state.name_review),
            value(&state.new_name_review),
            value(&state.official),
            number.change.key().to_owned(),
            number.change.text().to_owned(),
        ];
        line(&mut out, &fields.each_ref().map(|field| field.as_str()));
    }
    for gone in findings.since.iter().flat_map(|since| &since.gone) {
        let state = &gone.state;
        let value = |value: &Option<String>| value.clone().unwrap_or_default();
        let (phone, name, status) = (gone.phone.plain(), value(&state.name), value(&state.status));
        let (quality, tier) = (value(&state.quality), value(&state.tier));
        line(
            &mut out,
            &["", &gone.space, "done", &phone, &name, "", "", &status, &quality, &tier, "", "", "", "", "gone"],
        );
    }
    for row in &findings.rows {
        let (number, problem) = (row.row.to_string(), &row.problem);
        let mut fields = [""; HEADER.len()];
        (fields[0], fields[1], fields[2]) = (&number, &row.space, row.why.label());
        (fields[16], fields[17], fields[18]) = (&problem.code, &problem.message, &problem.request_id);
        line(&mut out, &fields);
    }
    out
}

/// One line with as many fields as the header.
fn line(out: &mut String, fields: &[&str]) {
    for index in 0..HEADER.len() {
        if index > 0 {
            out.push(',');
        }
        field(out, fields.get(index).copied().unwrap_or(""));
    }
    out.push('\n');
}

/// A field of RFC 4180. The page has the same rule in `page.js`.
fn field(out: &mut String, text: &str) {
    let guard = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if guard || text.contains([',', ';', '"', '\'', ' ']) {
        out.push('"');
        if guard {
            out.push('\'');
        }
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_field_is_a_formula() {
        let field = |text| {
            let mut out = String::new();
            super::field(&mut out, text);
            out
        };
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "＝1"] {
            assert_eq!(field(formula), format!("\"'{formula}\""));
        }
        assert_eq!(field("a;=1+1"), "\"a;=1+1\"");
        assert_eq!(field("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(field("86139••••1234"), "86139••••1234");
    }
}
