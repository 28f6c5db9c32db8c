//! State as a list of numbers, for another process. One function visits the fields for both writing and reading: it
//! calls `each` with every field as a number, which `each` reads or replaces.

use std::time::Duration;

pub(super) type Each<'e> = &'e mut dyn FnMut(&mut u64);

pub(super) fn small(value: &mut u32, each: Each<'_>) {
    let mut word = u64::from(*value);
    each(&mut word);
    *value = u32::try_from(word).unwrap_or(u32::MAX);
}

pub(super) fn flag(value: &mut bool, each: Each<'_>) {
    let mut word = u64::from(*value);
    each(&mut word);
    *value = word == 1;
}

/// A time is kept in nanoseconds; centuries fit.
pub(super) fn time(value: &mut Duration, each: Each<'_>) {
    let mut known = Some(*value);
    time_if_known(&mut known, each);
    *value = known.unwrap_or(Duration::MAX);
}

pub(super) fn time_if_known(value: &mut Option<Duration>, each: Each<'_>) {
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).min(u64::MAX - 1);
    let mut word = value.map_or(u64::MAX, nanos);
    each(&mut word);
    *value = (word != u64::MAX).then(|| Duration::from_nanos(word));
}
