//! The table of values that need attention, in the order of their urgency.

use super::findings::State;

/// The urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// The number cannot be used as intended.
    Act,
    /// The number will become unusable if nothing changes.
    Risk,
    /// For information.
    Watch,
}

impl Level {
    pub(super) const ALL: [Self; 3] = [Self::Act, Self::Risk, Self::Watch];

    /// The text for people.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Act => "Act now",
            Self::Risk => "At risk",
            Self::Watch => "Watch",
        }
    }

    /// The text for programs: the colour and symbol in the page, and the value in CSV.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Act => "act",
            Self::Risk => "risk",
            Self::Watch => "watch",
        }
    }
}

/// The member of a response that a rule examines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Status,
    Quality,
    Verification,
    Name,
}

/// A value that needs attention.
#[derive(Debug)]
pub(super) struct Rule {
    field: Field,
    value: &'static str,
    pub(super) level: Level,
    /// The meaning, for people.
    pub(super) meaning: &'static str,
}

const fn rule(field: Field, value: &'static str, level: Level, meaning: &'static str) -> Rule {
    Rule { field, value, level, meaning }
}

/// The values that need attention, most urgent first. Numbers are listed in this order.
///
/// A value that is neither here nor in [`FINE`] is unknown to this version; [`UNRECOGNIZED`] is its rule.
const RULES: &[Rule] = &[
    rule(Field::Status, "BANNED", Level::Act, "banned by WhatsApp"),
    rule(Field::Status, "DISCONNECTED", Level::Act, "not connected to WhatsApp"),
    rule(Field::Status, "RESTRICTED", Level::Act, "limit of new conversations used up"),
    rule(Field::Status, "FLAGGED", Level::Risk, "restricted if quality stays low"),
    rule(Field::Quality, "RED", Level::Risk, "low quality"),
    rule(Field::Status, "RATE_LIMITED", Level::Risk, "sends fewer messages than usual"),
    rule(Field::Verification, "REJECTED", Level::Watch, "verification rejected"),
    rule(Field::Verification, "MORE_INFORMATION_REQUESTED", Level::Watch, "verification needs more information"),
    rule(Field::Verification, "REVOKED", Level::Watch, "verification withdrawn"),
    rule(Field::Name, "Rejected", Level::Watch, "name rejected"),
    rule(Field::Quality, "YELLOW", Level::Watch, "medium quality"),
    rule(Field::Status, "UNVERIFIED", Level::Watch, "ownership not verified"),
    rule(Field::Verification, "NOT_VERIFIED", Level::Watch, "number not verified"),
    rule(Field::Status, "PENDING", Level::Watch, "registration not completed"),
    rule(Field::Status, "MIGRATED", Level::Watch, "moved to another account"),
    rule(Field::Status, "DELETED", Level::Watch, "removed from the account"),
    rule(Field::Status, "UNKNOWN", Level::Watch, "state unknown to WhatsApp"),
];

/// The rule for a status or rating that is unknown to this version.
const UNRECOGNIZED: &Rule = &rule(Field::Status, "", Level::Watch, "a value unknown to this version");

/// The values that need no attention.
const FINE: &[(Field, &str)] = &[
    (Field::Status, "CONNECTED"),
    (Field::Quality, "GREEN"),
    // Not rated yet.
    (Field::Quality, "UNKNOWN"),
    (Field::Verification, "VERIFIED"),
    (Field::Name, "Approval"),
    (Field::Name, "Pending_Review"),
];

/// The reasons why a number needs attention.
#[derive(Debug)]
pub(super) struct Attention {
    /// Most urgent first; at least one.
    reasons: Vec<&'static Rule>,
    /// The position of the most urgent one in the order.
    pub(super) rank: usize,
}

impl Attention {
    /// The reasons in the state of a number; `None` if there are none.
    pub(super) fn of(state: &State) -> Option<Self> {
        let has = |rule: &Rule| values(state, rule.field).any(|value| value == rule.value);
        let mut reasons: Vec<&'static Rule> = RULES.iter().filter(|rule| has(rule)).collect();
        let rank = RULES.iter().position(has).unwrap_or(RULES.len());
        // No list of the values of a name review is published, so an unknown one means nothing.
        let unrecognized = [Field::Status, Field::Quality]
            .into_iter()
            .any(|field| values(state, field).any(|value| severity(field, value).is_none()));
        if unrecognized {
            reasons.push(UNRECOGNIZED);
        }
        (!reasons.is_empty()).then_some(Self { reasons, rank })
    }

    pub(super) fn level(&self) -> Level {
        self.reasons.iter().map(|rule| rule.level).min().unwrap_or(Level::Watch)
    }

    /// All reasons in words.
    pub(super) fn meaning(&self) -> String {
        self.reasons.iter().map(|rule| rule.meaning).collect::<Vec<_>>().join("; ")
    }
}

fn values(state: &State, field: Field) -> impl Iterator<Item = &str> {
    let values = match field {
        Field::Status => [&state.status, &None],
        Field::Quality => [&state.quality, &None],
        Field::Verification => [&state.verification, &None],
        Field::Name => [&state.name_review, &state.new_name_review],
    };
    values.into_iter().flatten().map(|value| value.as_str()).filter(|value| !value.is_empty())
}

/// The position of a value in the order, worst first; `None` for a value unknown to this version.
pub(super) fn severity(field: Field, value: &str) -> Option<usize> {
    let fine = || FINE.contains(&(field, value)).then_some(RULES.len() + 1);
    RULES.iter().position(|rule| rule.field == field && rule.value == value).or_else(fine)
}

/// The position of any value: unknown ones come between those that need attention and those that do not.
pub(super) fn place(field: Field, value: &str) -> usize {
    severity(field, value).unwrap_or(RULES.len())
}

/// The level of a value, if it needs attention.
pub(super) fn level(field: Field, value: &str) -> Option<Level> {
    match severity(field, value) {
        Some(place) => RULES.get(place).map(|rule| rule.level),
        None => Some(UNRECOGNIZED.level),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alibabacloud_cams::chatapp_sync_phone_number::{CodeVerificationStatus, QualityRating, Status};
    use alibabacloud_cams::types::NameReview;

    #[test]
    fn every_documented_value_has_exactly_one_rule() {
        let documented = [
            (Field::Status, Status::VALUES),
            (Field::Quality, QualityRating::VALUES),
            (Field::Verification, CodeVerificationStatus::VALUES),
            (Field::Name, NameReview::VALUES),
        ];
        let mut decided = 0;
        for (field, values) in documented {
            for value in values {
                let rules = RULES.iter().filter(|rule| rule.field == field && rule.value == *value).count();
                let fine = FINE.iter().filter(|fine| **fine == (field, *value)).count();
                assert_eq!(rules + fine, 1, "{field:?} {value} stands once in RULES or FINE");
                decided += 1;
            }
        }
        assert_eq!(decided, RULES.len() + FINE.len(), "RULES or FINE has a value that is not documented");
    }

    #[test]
    fn the_order_goes_by_level() {
        assert!(RULES.is_sorted_by_key(|rule| rule.level));
    }

    #[test]
    fn the_worst_value_sets_the_level_and_all_are_reported() {
        let state = |status: &str, quality: &str| State {
            status: Some(status.to_owned()),
            quality: Some(quality.to_owned()),
            ..State::default()
        };
        assert!(Attention::of(&state("CONNECTED", "GREEN")).is_none());
        assert!(Attention::of(&State::default()).is_none());
        let red = Attention::of(&state("PENDING", "RED")).unwrap();
        assert_eq!((red.level(), &*red.meaning()), (Level::Risk, "low quality; registration not completed"));
        let banned = Attention::of(&state("BANNED", "RED")).unwrap();
        assert!(banned.level() == Level::Act && banned.rank < red.rank);
        let new = Attention::of(&state("SUSPENDED", "GREEN")).unwrap();
        assert_eq!(new.level(), Level::Watch);
    }
}
