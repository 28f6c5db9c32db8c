//! From the journals of a sync to the content of a report: numbers in the order of their urgency, and changes.
//!
//! Everything here can be displayed: phone numbers are masked, and texts are visible and short
//! ([`mask`](crate::report::mask)).

use std::collections::{BTreeMap, HashMap, HashSet};

use alibabacloud_cams::chatapp_sync_phone_number::{MessagingLimitTier, QualityRating};

use alibabacloud_cams::descriptor::ActionDescriptor;

use super::attention::{Attention, Field, Level, level, place, severity};
use super::{SPACE, Synced};
use crate::figures::counted;
use crate::report::facts::{Facts, Without, labels, minute, parameters};
use crate::report::journal::{Journal, Outcome};
use crate::report::mask::{Phone, shown, visible};

/// The content of a report of a sync.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Numbers that need attention first, most urgent at the top; then in the order of the input.
    pub(super) numbers: Vec<Number>,
    /// The number of spaces that have a response.
    pub(super) spaces: usize,
    /// The part of the report that does not depend on the action.
    pub(super) facts: Facts,
    /// Rows whose response has no number, in the order of the input.
    pub(super) empty: Vec<Without>,
    /// The comparison with a previous journal, if there is one.
    pub(super) since: Option<Since>,
    /// Whether phone numbers are shown in full.
    pub(super) full: bool,
}

/// A phone number and its state.
#[derive(Debug)]
pub(super) struct Number {
    /// The row of the input, with a suffix if the row has several numbers. Distinguishes masked numbers.
    pub(super) row: String,
    pub(super) space: String,
    /// The values of the labels, in the order of [`Facts::labels`].
    pub(super) labels: Vec<String>,
    pub(super) phone: Phone,
    pub(super) state: State,
    pub(super) attention: Option<Attention>,
    pub(super) change: Change,
}

/// The values that can change, as on the wire.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct State {
    pub(super) name: Option<String>,
    pub(super) status: Option<String>,
    pub(super) quality: Option<String>,
    pub(super) tier: Option<String>,
    pub(super) verification: Option<String>,
    pub(super) name_review: Option<String>,
    pub(super) new_name_review: Option<String>,
    pub(super) official: Option<String>,
}

/// The change of a number since the previous journal.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) enum Change {
    /// Unchanged, or there is nothing to compare with.
    #[default]
    Same,
    New,
    Changed(Direction, String),
}

/// Whether a change is an improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    Worse,
    Better,
    Neither,
}

/// The comparison with a previous journal.
#[derive(Debug, Default)]
pub(super) struct Since {
    /// The start of the previous journal.
    pub(super) at: String,
    /// Numbers that a space had before and does not have now; the space has a response in both journals.
    pub(super) gone: Vec<Gone>,
}

#[derive(Debug)]
pub(super) struct Gone {
    pub(super) space: String,
    pub(super) labels: Vec<String>,
    pub(super) phone: Phone,
    pub(super) state: State,
}

impl Change {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Same => "",
            Self::New => "new",
            Self::Changed(_, text) => text,
        }
    }

    /// `worse`, `better`, `changed`, `new`, or empty.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Self::Same => "",
            Self::New => "new",
            Self::Changed(Direction::Worse, _) => "worse",
            Self::Changed(Direction::Better, _) => "better",
            Self::Changed(Direction::Neither, _) => "changed",
        }
    }
}

impl Number {
    pub(super) fn level(&self) -> Option<Level> {
        self.attention.as_ref().map(Attention::level)
    }

    pub(super) fn meaning(&self) -> String {
        self.attention.as_ref().map(Attention::meaning).unwrap_or_default()
    }
}

/// The newest response of each space.
type Answers = BTreeMap<String, Answer>;

struct Answer {
    row: u64,
    at: String,
    labels: Vec<String>,
    numbers: Vec<Synced>,
}

impl Findings {
    /// Compares `current` with `previous`; phone numbers are masked without `full`.
    pub(super) fn new(
        current: Journal<Vec<Synced>>,
        previous: Option<Journal<Vec<Synced>>>,
        action: &ActionDescriptor,
        full: bool,
    ) -> Self {
        let mut findings = Self { facts: Facts::new(action, &current, full), full, ..Self::default() };
        let began = current.began.clone();
        let (answers, empty) = answers(action, current, full);
        findings.spaces = answers.len();
        findings.empty = empty;
        let notes = &mut findings.facts.notes;
        let before = previous.map(|previous| Before::new(previous, action, full, notes));
        if let Some(before) = &before {
            if before.at > began {
                notes.push(format!(
                    "The previous journal is newer ({}) than this one ({}): changes are shown in reverse. Check the order of the journals.",
                    minute(&shown(&before.at)),
                    minute(&shown(&began))
                ));
            }
            let lost = before.numbers.keys().filter(|space| !answers.contains_key(*space)).count();
            if lost > 0 {
                let spaces = counted(lost, "space of the previous journal has", "spaces of the previous journal have");
                notes.push(format!("{spaces} no response in this one, so changes of their numbers are unknown."));
            }
        }

        for (space, Answer { row, labels, numbers, .. }) in answers {
            if let Some(before) = &before {
                findings.since.get_or_insert_default().gone.extend(before.gone(&space, &numbers, &labels, full));
            }
            let several = numbers.len() > 1;
            for (index, Synced { phone, state }) in numbers.into_iter().enumerate() {
                let change = before.as_ref().map(|before| before.change(&space, phone.as_deref(), &state));
                findings.numbers.push(Number {
                    row: if several { format!("{row}.{}", index + 1) } else { row.to_string() },
                    space: shown(&space),
                    labels: labels.clone(),
                    phone: Phone::new(phone.as_deref().unwrap_or(""), full),
                    attention: Attention::of(&state),
                    state: state.shown(full),
                    change: change.unwrap_or_default().shown(full),
                });
            }
        }
        if let Some(before) = before {
            findings.since.get_or_insert_default().at = shown(&before.at);
        }
        let place = |number: &Number| {
            let (row, index) = number.row.split_once('.').unwrap_or((&number.row, "0"));
            (row.parse().unwrap_or(u64::MAX), index.parse().unwrap_or(u64::MAX))
        };
        findings.numbers.sort_by_cached_key(|number| {
            let rank = number.attention.as_ref().map_or(usize::MAX, |attention| attention.rank);
            (rank, number.change.key() != "worse", place(number))
        });
        findings
    }

    /// The number of numbers at this level.
    pub(super) fn at(&self, level: Level) -> usize {
        self.numbers.iter().filter(|number| number.level() == Some(level)).count()
    }

    /// Numbers at the levels `Act` and `Risk`.
    pub(super) fn urgent(&self) -> impl Iterator<Item = &Number> {
        self.numbers.iter().filter(|number| number.level().is_some_and(|level| level <= Level::Risk))
    }

    /// The number of numbers with this [key](Change::key) of change.
    pub(super) fn changed(&self, key: &str) -> usize {
        self.numbers.iter().filter(|number| number.change.key() == key).count()
    }

    /// How many numbers have each status, best first.
    pub(super) fn statuses(&self) -> Vec<(String, usize)> {
        self.count(|value| usize::MAX - place(Field::Status, value), |state| &state.status)
    }

    /// How many numbers have each quality rating, best first.
    pub(super) fn qualities(&self) -> Vec<(String, usize)> {
        self.count(|value| documented(QualityRating::VALUES, value), |state| &state.quality)
    }

    /// How many numbers have each messaging tier, the smallest first.
    pub(super) fn tiers(&self) -> Vec<(String, usize)> {
        self.count(|value| documented(MessagingLimitTier::VALUES, value), |state| &state.tier)
    }

    /// Counts values, sorted by `place`, with `""` last.
    fn count(&self, place: impl Fn(&str) -> usize, value: impl Fn(&State) -> &Option<String>) -> Vec<(String, usize)> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for number in &self.numbers {
            *counts.entry(value(&number.state).as_deref().unwrap_or("")).or_default() += 1;
        }
        let mut counts: Vec<(String, usize)> =
            counts.into_iter().map(|(value, count)| (value.to_owned(), count)).collect();
        counts.sort_by_key(|(value, _)| (value.is_empty(), place(value)));
        counts
    }
}

impl State {
    /// The state for display.
    fn shown(&self, full: bool) -> Self {
        let text = |value: &Option<String>| value.as_deref().map(|value| visible(value, "", full));
        Self {
            name: text(&self.name),
            status: text(&self.status),
            quality: text(&self.quality),
            tier: text(&self.tier),
            verification: text(&self.verification),
            name_review: text(&self.name_review),
            new_name_review: text(&self.new_name_review),
            official: text(&self.official),
        }
    }

    /// The difference to the state before, and its direction. If any value became worse, the whole change is worse.
    fn change_from(&self, before: &Self) -> Change {
        let mut texts = Vec::new();
        let mut direction = Direction::Neither;
        let mut compare = |what: &str, old: &Option<String>, new: &Option<String>, worse: Option<bool>| {
            if old != new {
                let show = |value: &Option<String>| value.as_deref().unwrap_or("none").to_owned();
                texts.push(format!("{what}{} → {}", show(old), show(new)));
                direction = direction.min(match worse {
                    Some(true) => Direction::Worse,
                    Some(false) => Direction::Better,
                    None => Direction::Neither,
                });
            }
        };
        let by_severity = |field, old: &Option<String>, new: &Option<String>| {
            // Values that need no attention have no order among them.
            let place = |value: &Option<String>| value.as_deref().and_then(|value| severity(field, value));
            place(old).zip(place(new)).filter(|(old, new)| old != new).map(|(old, new)| new < old)
        };
        let status = by_severity(Field::Status, &before.status, &self.status);
        compare("", &before.status, &self.status, status);
        let quality = by_severity(Field::Quality, &before.quality, &self.quality);
        compare("quality ", &before.quality, &self.quality, quality);
        let place = |value: &Option<String>| {
            MessagingLimitTier::VALUES.iter().position(|known| Some(*known) == value.as_deref())
        };
        let worse = place(&before.tier).zip(place(&self.tier)).map(|(old, new)| new < old);
        let short = |value: &Option<String>| value.as_deref().map(|value| tier(value).to_owned());
        compare("tier ", &short(&before.tier), &short(&self.tier), worse);
        compare("name ", &before.name, &self.name, None);
        if texts.is_empty() { Change::Same } else { Change::Changed(direction, texts.join(", ")) }
    }
}

impl Change {
    fn shown(self, full: bool) -> Self {
        match self {
            Self::Changed(direction, text) => Self::Changed(direction, visible(&text, "", full)),
            other => other,
        }
    }
}

/// The state in the previous journal.
struct Before {
    at: String,
    /// By space and phone number; a space without a response is missing.
    numbers: HashMap<String, BTreeMap<String, State>>,
    /// Spaces that were sent and got no response, so that nothing is known about their numbers.
    unanswered: HashSet<String>,
}

impl Before {
    fn new(journal: Journal<Vec<Synced>>, action: &ActionDescriptor, full: bool, notes: &mut Vec<String>) -> Self {
        let at = journal.began.clone();
        notes.extend(journal.notes.iter().map(|note| format!("Previous journal: {note}")));
        let unanswered = journal.rows.values().filter(|row| !matches!(row.outcome, Some(Outcome::Done(_))));
        let unanswered = unanswered.filter_map(|row| row.parameter(SPACE).map(ToOwned::to_owned)).collect();
        let (answers, _) = answers(action, journal, full);
        let keyed = |Synced { phone, state }: Synced| phone.map(|phone| (phone, state));
        let keyed = |numbers: Vec<Synced>| numbers.into_iter().filter_map(keyed).collect();
        let numbers = answers.into_iter().map(|(space, answer)| (space, keyed(answer.numbers))).collect();
        Self { at, numbers, unanswered }
    }

    fn change(&self, space: &str, phone: Option<&str>, state: &State) -> Change {
        let Some(phone) = phone else {
            return Change::Same;
        };
        match self.numbers.get(space) {
            Some(numbers) => numbers.get(phone).map_or(Change::New, |before| state.change_from(before)),
            None if self.unanswered.contains(space) => Change::Same,
            None => Change::New,
        }
    }

    /// Numbers that the space had before and does not have now.
    fn gone(&self, space: &str, numbers: &[Synced], labels: &[String], full: bool) -> Vec<Gone> {
        let known: HashSet<&str> = numbers.iter().filter_map(|number| number.phone.as_deref()).collect();
        let before = self.numbers.get(space).into_iter().flatten();
        before
            .filter(|(phone, _)| !known.contains(&***phone))
            .map(|(phone, state)| Gone {
                space: shown(space),
                labels: labels.to_vec(),
                phone: Phone::new(phone, full),
                state: state.shown(full),
            })
            .collect()
    }
}

/// The newest response of each space, and the rows whose response has no number.
fn answers(action: &ActionDescriptor, mut journal: Journal<Vec<Synced>>, full: bool) -> (Answers, Vec<Without>) {
    let mut answers = Answers::new();
    let mut empty = Vec::new();
    for (number, mut row) in std::mem::take(&mut journal.rows) {
        let Some(Outcome::Done(numbers)) = row.outcome.take() else { continue };
        let space = row.parameter(SPACE).unwrap_or_default().to_owned();
        let labels = labels(&journal, &row, full);
        if numbers.is_empty() {
            let parameters = parameters(action, &row, full);
            empty.push(Without { row: number, parameters, labels: labels.clone(), ..Without::default() });
        }
        // A space may have several rows.
        if answers.get(&space).is_none_or(|answer| answer.at <= row.at) {
            answers.insert(space, Answer { row: number, at: row.at, labels, numbers });
        }
    }
    (answers, empty)
}

fn documented(values: &[&str], value: &str) -> usize {
    values.iter().position(|documented| *documented == value).unwrap_or(values.len())
}

/// The level that the value of a status or rating has by itself.
pub(super) fn level_of(field: Field, value: &str) -> Option<Level> {
    if value.is_empty() { None } else { level(field, value) }
}

/// `TIER_1K` without its prefix: `1K`.
pub(super) fn tier(value: &str) -> &str {
    match value.strip_prefix("TIER_") {
        Some("UNLIMITED") => "unlimited",
        Some(short) if MessagingLimitTier::VALUES.contains(&value) => short,
        _ => value,
    }
}
