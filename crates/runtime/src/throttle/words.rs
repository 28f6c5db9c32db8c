//! State as a list of numbers, for another process. One function visits the fields for both writing and reading: it
//! calls `each` with every field as a number, which `each` reads or replaces.

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
