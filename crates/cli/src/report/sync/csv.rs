//! A report of a sync for spreadsheets: one line for each number, and for each row without a number.

use super::findings::Findings;
use crate::exit::Failure;
use crate::report::csv::Lines;

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

/// The labels follow in additional columns.
pub(super) fn render(findings: &Findings) -> Result<String, Failure> {
    let mut lines = Lines::new();
    let labels = || findings.facts.labels.iter().map(|label| &**label);
    lines.line(HEADER.into_iter().chain(labels()))?;
    let mut line = |fields: &[&str], labels: &[String]| {
        let blank = HEADER.len() - fields.len();
        let fields = fields.iter().copied().chain(std::iter::repeat_n("", blank));
        lines.line(fields.chain(labels.iter().map(|label| &**label)))
    };
    let value = |value: &Option<String>| value.clone().unwrap_or_default();
    for number in &findings.numbers {
        let state = &number.state;
        let fields = [
            number.row.clone(),
            number.space.clone(),
            "done".to_owned(),
            number.phone.plain(),
            value(&state.name),
            number.level().map_or("", |level| level.key()).to_owned(),
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
        line(&fields.each_ref().map(|field| field.as_str()), &number.labels)?;
    }
    for gone in findings.since.iter().flat_map(|since| &since.gone) {
        let state = &gone.state;
        let (phone, name, status) = (gone.phone.plain(), value(&state.name), value(&state.status));
        let (quality, tier) = (value(&state.quality), value(&state.tier));
        let fields = ["", &gone.space, "done", &phone, &name, "", "", &status, &quality, &tier, "", "", "", "", "gone"];
        line(&fields, &gone.labels)?;
    }
    let without = findings
        .facts
        .groups
        .iter()
        .flat_map(|group| group.rows.iter().map(move |row| (group.why.label(), &*group.code, row)));
    for (why, code, row) in without.chain(findings.empty.iter().map(|row| ("no numbers", "", row))) {
        let number = row.row.to_string();
        let mut fields = [""; HEADER.len()];
        (fields[0], fields[1], fields[2]) = (&number, row.parameters.first().map_or("", |space| space), why);
        (fields[16], fields[17], fields[18]) = (code, &row.message, &row.request_id);
        line(&fields, &row.labels)?;
    }
    lines.text()
}
