use super::*;

const MS: Duration = Duration::from_millis(1);

fn window(requests: u32) -> Window {
    Window::new(Some(RateLimit::per_second(requests)))
}

fn now(window: &mut Window, at: Duration) -> Slot {
    let Availability::Now(slot) = window.take(at) else { panic!("there is no room") };
    slot
}

fn credit(window: &Window) -> Duration {
    window.credit().into()
}

fn allowance(window: &Window) -> Duration {
    window.allowance().into()
}

/// Waits for the next slot; returns it and its time.
fn next(window: &mut Window, from: Duration) -> (Slot, Duration) {
    let mut now = from;
    loop {
        match window.take(now) {
            Availability::Now(slot) => return (slot, now),
            Availability::At(time) => now = time,
            Availability::Unknown => panic!("nothing is out"),
        }
    }
}

/// Sends requests one at a time with that round trip; returns when the last response arrived.
fn answer(window: &mut Window, from: Duration, round_trip: Duration, times: usize) -> Duration {
    let mut now = from;
    for _ in 0..times {
        let (slot, turn) = next(window, now);
        now = turn;
        window.report(slot, Report::Sent, now);
        now += round_trip;
        window.report(slot, Report::Answered, now);
    }
    now
}

#[test]
fn the_credit_is_earned_over_many_responses_and_lost_with_a_quicker_one() {
    let mut window = window(1);
    let now = answer(&mut window, Duration::ZERO, 20 * MS, 255);
    assert_eq!(credit(&window), Duration::ZERO);
    let now = answer(&mut window, now, 20 * MS, 1);
    assert_eq!(credit(&window), 20 * MS);
    // One window after it was sent, plus the guard: the whole round trip is known not to be lateness.
    assert_eq!(window.take(now), Availability::At(now + 981 * MS));
    let now = answer(&mut window, now, 15 * MS, 1);
    assert_eq!(credit(&window), 10 * MS);
    let now = answer(&mut window, now, 2 * MS, 1);
    assert_eq!(credit(&window), Duration::ZERO);
    answer(&mut window, now, 20 * MS, 128);
    assert_eq!(credit(&window), Duration::ZERO, "it is earned as slowly as the first time");
}

#[test]
fn the_credit_is_bounded_and_removed_by_a_throttled_response() {
    for (round_trip, earned) in [(40, 20), (70, 10), (100, 0), (200, 0)] {
        let mut window = window(1);
        answer(&mut window, Duration::ZERO, round_trip * MS, 256);
        assert_eq!(credit(&window), earned * MS, "{round_trip}");
    }
    let mut window = window(1);
    let now = answer(&mut window, Duration::ZERO, 20 * MS, 256);
    let (slot, now) = next(&mut window, now);
    window.report(slot, Report::Sent, now);
    window.report(slot, Report::Throttled { delay: None }, now + 20 * MS);
    assert_eq!(credit(&window), Duration::ZERO);
}

/// A steady round trip of 200 ms shows nothing about when the request arrives.
#[test]
fn a_steady_round_trip_with_a_moving_arrival_never_brings_more_than_the_limit_into_a_window() {
    let mut window = window(10);
    let mut random = fastrand::Rng::with_seed(1);
    let (mut now, mut arrivals, mut open) = (Duration::ZERO, Vec::new(), std::collections::VecDeque::new());
    while arrivals.len() < 5_000 {
        match window.take(now) {
            Availability::Now(slot) => {
                window.report(slot, Report::Sent, now);
                arrivals.push(now + random.u32(0..=200) * MS);
                open.push_back((now + 200 * MS, slot));
                continue;
            }
            Availability::At(time) => now = open.front().map_or(time, |(at, _)| time.min(*at)),
            Availability::Unknown => now = open.front().unwrap().0,
        }
        while let Some((_, slot)) = open.pop_front_if(|(at, _)| *at <= now) {
            window.report(slot, Report::Answered, now);
        }
    }
    arrivals.sort_unstable();
    assert!(arrivals.windows(11).all(|eleven| eleven[10].saturating_sub(eleven[0]) >= 1000 * MS));
}

#[test]
fn requests_on_a_stalled_network_count_as_not_arrived() {
    for still in [1_500, 2_500, 4_000, 8_000] {
        for slow in [false, true] {
            let (most, sent) = arrivals_after_standing_still(still * MS, slow);
            assert!(most <= 10, "{most} in one window after {still} ms, slow: {slow}");
            assert!(sent > 200, "{sent}");
        }
    }
}

#[test]
fn without_a_clock_only_a_response_frees_a_slot() {
    let mut window = window(2);
    let start = answer(&mut window, Duration::ZERO, 600 * MS, 30);
    let (first, start) = next(&mut window, start);
    window.report(first, Report::Sent, start);
    let other = now(&mut window, start + 1_090 * MS);
    window.report(other, Report::Sent, start + 1_090 * MS);
    // The first one was free by then, unless the network has been stalled since.
    assert_eq!(window.take_without_clock(), None);
    assert_eq!(window.take(start + 3_000 * MS), Availability::Unknown);
}

/// A client that always sends for a minute, while the network stalls for a while; returns the maximum number of
/// arrivals in one window.
fn arrivals_after_standing_still(still: Duration, is_slow: bool) -> (usize, usize) {
    let mut window = window(10);
    let mut random = fastrand::Rng::with_seed(1);
    let stands = (20_000 * MS, 20_000 * MS + still);
    let held = |at: Duration| if at > stands.0 && at < stands.1 { stands.1 + at.subsec_nanos() % 5 * MS } else { at };
    let (mut now, mut arrivals, mut open) = (Duration::ZERO, Vec::new(), Vec::<(Duration, Slot)>::new());
    while now < Duration::from_secs(60) {
        open.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let until = match window.take(now) {
            Availability::Now(slot) => {
                window.report(slot, Report::Sent, now);
                let arrival = held(now + 11 * MS);
                arrivals.push(arrival);
                let work = if is_slow { random.u32(200..3_000) * MS } else { Duration::ZERO };
                open.push((held(arrival + work + 11 * MS), slot));
                continue;
            }
            Availability::At(time) => Some(time),
            Availability::Unknown => None,
        };
        now = until.into_iter().chain(open.last().map(|(at, _)| *at)).min().unwrap();
        while let Some((_, slot)) = open.pop_if(|(at, _)| *at <= now) {
            window.report(slot, Report::Answered, now);
        }
    }
    arrivals.sort_unstable();
    let most =
        |first: &Duration| arrivals.iter().filter(|at| **at >= *first && at.saturating_sub(*first) < 1000 * MS).count();
    (arrivals.iter().map(most).max().unwrap(), arrivals.len())
}

#[test]
fn slow_responses_shorten_the_allowance_and_quick_ones_lengthen_it() {
    let mut window = window(10);
    assert_eq!(allowance(&window), 1000 * MS);
    let now = answer(&mut window, Duration::ZERO, 500 * MS, 30);
    assert_eq!(allowance(&window), 80 * MS);
    answer(&mut window, now, 20 * MS, 30);
    assert_eq!(allowance(&window), 1000 * MS);
}

#[test]
fn a_throttled_request_lengthens_the_allowance_of_slow_responses() {
    let mut window = window(10);
    let now = answer(&mut window, Duration::ZERO, 500 * MS, 30);
    let (slot, now) = next(&mut window, now);
    window.report(slot, Report::Sent, now);
    window.report(slot, Report::Throttled { delay: None }, now + 300 * MS);
    assert_eq!(allowance(&window), Duration::from_micros(91_900));
    let now = answer(&mut window, now + 60_000 * MS, 500 * MS, 100);
    assert_eq!(allowance(&window), Duration::from_micros(81_900));
    answer(&mut window, now, 500 * MS, 100);
    assert_eq!(allowance(&window), 80 * MS);
}

#[test]
fn an_abandoned_request_counts_for_longer_until_a_response_arrives() {
    for is_answered in [false, true] {
        let mut window = window(2);
        let given_up = now(&mut window, Duration::ZERO);
        window.report(given_up, Report::Sent, Duration::ZERO);
        window.report(given_up, Report::Unanswered, 50 * MS);
        let other = now(&mut window, 100 * MS);
        window.report(other, Report::Sent, 100 * MS);
        let mut free_again = 6001 * MS;
        if is_answered {
            window.report(other, Report::Answered, 120 * MS);
            // The other one is free earlier, and the abandoned one counts as late as any without a response.
            let third = now(&mut window, 1121 * MS);
            window.report(third, Report::Sent, 1121 * MS);
            free_again = 2001 * MS;
        } else {
            window.report(other, Report::Unanswered, 150 * MS);
        }
        assert_eq!(window.take(1121 * MS), Availability::At(free_again), "{is_answered}");
    }
}

#[test]
fn repeated_throttling_reduces_the_share() {
    let mut window = window(10);
    let held: Vec<_> = (0..10).map(|_| now(&mut window, Duration::ZERO)).collect();
    for slot in &held {
        window.report(*slot, Report::Sent, Duration::ZERO);
    }
    window.report(held[0], Report::Throttled { delay: None }, 20 * MS);
    for slot in &held[1..] {
        window.report(*slot, Report::Answered, 20 * MS);
    }
    // The first one may have been late, and the second one is its aftermath.
    for (seconds, slots) in [(0, 9.0), (2, 9.0), (4, 8.0)] {
        if seconds > 0 {
            let before = |ms: u64| Duration::from_millis(seconds * 1000 - ms);
            let ahead = now(&mut window, before(200));
            window.report(ahead, Report::Sent, before(200));
            window.report(ahead, Report::Answered, before(180));
            let slot = now(&mut window, before(170));
            window.report(slot, Report::Sent, before(170));
            window.report(slot, Report::Throttled { delay: None }, before(150));
        }
        assert_eq!(window.learned_rate(Duration::from_secs(seconds)), Some(slots), "{seconds}");
    }
}

#[test]
fn a_lower_limit_counts_what_was_sent_before() {
    let mut window = window(10);
    let mut send = |at: Duration| match window.take(at) {
        Availability::Now(slot) => {
            window.report(slot, Report::Sent, at);
            window.report(slot, Report::Answered, at);
            Ok(())
        }
        turn => Err(turn),
    };
    (0..9).for_each(|number| send(number * 10 * MS).unwrap());
    window.lower(RateLimit::per_second(3));
    // Three of nine may be left.
    assert_eq!(window.take(100 * MS), Availability::At(1061 * MS));
    let Availability::Now(slot) = window.take(1061 * MS) else { panic!("two are left") };
    window.report(slot, Report::Sent, 1061 * MS);
    assert!(matches!(window.take(1062 * MS), Availability::At(_)));
}

#[test]
fn a_late_response_does_not_free_the_slot_of_a_later_request() {
    let mut window = window(2);
    let first = now(&mut window, Duration::ZERO);
    window.report(first, Report::Sent, Duration::ZERO);
    let other = now(&mut window, 900 * MS);
    window.report(other, Report::Sent, 900 * MS);
    window.report(other, Report::Answered, 910 * MS);
    let second = now(&mut window, 2_100 * MS);
    window.report(second, Report::Sent, 2_100 * MS);
    let third = now(&mut window, 2_100 * MS);
    window.report(third, Report::Sent, 2_100 * MS);
    window.report(first, Report::Answered, 2_101 * MS);
    window.report(first, Report::NotSent, 2_101 * MS);
    assert!(matches!(window.take(2_102 * MS), Availability::At(at) if at >= 3_101 * MS));
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let mut window = Window::new(Some(RateLimit::new(u32::MAX, Duration::from_secs(366 * 24 * 3600))));
    let slot = now(&mut window, Duration::ZERO);
    window.report(slot, Report::Sent, Duration::ZERO);
    window.report(slot, Report::Throttled { delay: Some(Duration::MAX) }, Duration::MAX);
    assert_eq!(window.expected(usize::MAX, Duration::MAX), Time::NEVER.into());
    assert_eq!(window.take(Duration::from_secs(1)), Availability::Unknown);
}
