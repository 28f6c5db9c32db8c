//! Kills bulks at random instants, with random faults, and continues them.
//!
//! By default a run is short. Environment variables set its size and seed: `BULK_SYNCS=5000 BULK_MIGRATIONS=500
//! BULK_KILLS=20 BULK_SEED=7 cargo nextest run -p alibabacloud-cli --test bulk killed`.

use std::collections::HashSet;
use std::env;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use alibabacloud_simulator::{Answer, End, Fault};
use fastrand::Rng;

use super::support::{Folder, MIGRATE, SYNC, Simulated, output, run, spawn};

fn number(variable: &str, default: u64) -> u64 {
    match env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text:?}")),
        Err(_) => default,
    }
}

/// The answer to a request: mostly the good one.
fn answer(good: &Answer, dice: &mut Rng) -> Answer {
    let end = if dice.bool() { End::Close } else { End::Reset };
    let good = good.clone().delay(Duration::from_millis(dice.u64(5..60)));
    let error = |status, code| Answer::error(status, code, "by chance");
    match dice.u32(0..60) {
        0 => good.fault(Fault::NoAnswer(end)),
        1 => good.fault(Fault::NoAnswer(end)).not_executed(),
        2 => good.fault(Fault::CutBody(end)),
        3 => error(400, "System.LimitControl").retry_after(Duration::from_millis(1)).not_executed(),
        4 => error(500, "InternalError").not_executed(),
        5 => error(503, "ServiceUnavailable"),
        6..9 => error(400, "Ram.PermissionDeny").not_executed(),
        9 => Answer::new(502, "<html>bad gateway</html>"),
        10 => Answer::new(200, ""),
        _ => good,
    }
}

/// A simulator with random faults, drawn from the seed.
fn faulty(action: &'static str, seed: u64) -> Simulated {
    let simulated = Simulated::unlimited();
    let good = simulated.simulator.gateway().example(action);
    simulated.simulator.script_fn(action, move |received| {
        let seed = seed.wrapping_add(received.number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        Some(answer(&good, &mut Rng::with_seed(seed)))
    });
    simulated
}

/// The lines of the folder's input, each prefixed with a label.
fn labelled(folder: &Folder) -> Vec<String> {
    let input = fs::read_to_string(&folder.input).expect("an input");
    let label = |(row, line): (usize, &str)| {
        if row == 0 { format!("客户,{line}\n") } else { format!("Customer {row},{line}\n") }
    };
    input.lines().enumerate().map(label).collect()
}

/// Runs the bulk, kills it `kills` times, and checks the journal each time. The second half of the rows is appended
/// midway.
fn kill(folder: &Folder, simulated: &Simulated, rows: u64, kills: u64, dice: &mut Rng) {
    let options = [
        "--endpoint",
        simulated.url(),
        "--quota",
        "off",
        "--max-in-flight",
        "8",
        "--deadline",
        "5",
        "--stop-after",
        "off",
    ];
    let lines = labelled(folder);
    let half = lines.len() / 2;
    fs::write(&folder.input, lines[..half].concat()).expect("an input");
    for killed in 0..kills {
        if killed == kills / 2 {
            fs::write(&folder.input, lines.concat()).expect("an input");
        }
        let mut child = spawn(folder.bulk(&options));
        // All of them together get barely past half of the rows.
        let instant = dice.u64(0..=rows / (kills + 1) / 2);
        simulated.wait_for(simulated.requests() + instant, &mut child);
        sleep(Duration::from_micros(dice.u64(0..20_000)));
        child.kill().expect("a child");
        if output(child).code.is_some() {
            // On a busy machine, this one may come late.
            assert!(killed > 0, "it ended before it was killed");
            continue;
        }
        // Requests in flight arrive.
        sleep(Duration::from_millis(50));
        let journal = folder.journal();
        for row in simulated.executed().keys() {
            // A sync is idempotent, so its request does not wait for the line.
            let announced = journal.announces(*row) || journal.lines[0]["action"] == SYNC;
            assert!(announced, "row {row} was sent, and the journal did not know it (kill {killed})");
        }
    }
    fs::write(&folder.input, lines.concat()).expect("an input");
    let journal = folder.journal();
    let mut labels = journal.lines.iter().filter(|line| line["state"] == "sending").map(|line| &line["labels"]["客户"]);
    assert!(labels.all(|label| label.as_str().is_some_and(|label| label.starts_with("Customer "))));
}

#[test]
fn kills_execute_no_migration_twice_and_every_row_gets_one_outcome() {
    let (rows, kills, seed) =
        (number("BULK_MIGRATIONS", 100), number("BULK_KILLS", 5), number("BULK_SEED", 20_200_606));
    println!("BULK_MIGRATIONS={rows} BULK_KILLS={kills} BULK_SEED={seed}");
    let (folder, simulated, mut dice) = (Folder::migrations(rows), faulty(MIGRATE, seed), Rng::with_seed(seed));
    kill(&folder, &simulated, rows, kills, &mut dice);
    let options = [
        "--endpoint",
        simulated.url(),
        "--quota",
        "off",
        "--max-in-flight",
        "8",
        "--deadline",
        "5",
        "--stop-after",
        "off",
    ];
    let ran = folder.ends(&options, 5);
    assert!(ran.stderr.contains("--resend-unknown") && ran.stderr.contains("(line "), "{}", ran.stderr);
    // Nothing changes without an option.
    let requests = simulated.requests();
    folder.ends(&options, 5);
    assert_eq!(simulated.requests(), requests);

    let (journal, executed) = (folder.journal(), simulated.executed());
    let states = journal.states();
    assert_eq!(states.len() as u64, rows, "every row has its outcome");
    let mut unknown = (0, 0);
    for (row, states) in &states {
        let executed = executed.get(row).map(Vec::as_slice).unwrap_or_default();
        let shown = || format!("BULK_SEED={seed}, row {row}: {states:?}, executed: {executed:?}");
        // A throttled request was not executed; the row is marked again before its next attempt.
        let mut states = &states[..];
        while let ["sending", "not_sent", rest @ ..] = states {
            states = rest;
        }
        assert_eq!(states.len(), 2, "sent once, with one outcome: {}", shown());
        let times = executed.iter().filter(|executed| **executed).count();
        assert!(times <= 1, "executed twice: {}", shown());
        let after = executed.iter().skip_while(|executed| !**executed).count();
        assert!(after <= 1, "repeated after it was executed: {}", shown());
        match states {
            ["sending", "done"] => assert_eq!(times, 1, "{}", shown()),
            ["sending", "failed"] => assert_eq!(times, 0, "{}", shown()),
            ["sending", "unknown"] => {
                unknown.0 += 1;
                unknown.1 += times;
            }
            _ => panic!("{}", shown()),
        }
    }
    assert!(unknown.0 > unknown.1 && unknown.1 > 0, "of unknown outcomes, some were executed: {unknown:?}");
    let ended = ["done", "failed", "unknown"].map(|state| journal.ended(state));
    assert!(ended.iter().all(|rows| *rows > 0), "done, failed, unknown: {ended:?}");
    let interrupted = journal.lines.iter().filter(|line| line["kind"] == "Interrupted").count();
    println!("{} unknown, of which {} were executed; {interrupted} because of a kill", unknown.0, unknown.1);
    if kills > 0 {
        assert!(interrupted > 0, "no kill interrupted a row in flight");
    }
}

#[test]
fn every_sync_is_done_in_the_end_despite_kills() {
    let (rows, kills, seed) = (number("BULK_SYNCS", 300), number("BULK_KILLS", 5), number("BULK_SEED", 20_200_606));
    println!("BULK_SYNCS={rows} BULK_KILLS={kills} BULK_SEED={seed}");
    let (folder, simulated, mut dice) = (Folder::syncs(rows), faulty(SYNC, seed), Rng::with_seed(seed));
    kill(&folder, &simulated, rows, kills, &mut dice);
    let options = [
        "--endpoint",
        simulated.url(),
        "--quota",
        "off",
        "--max-in-flight",
        "8",
        "--deadline",
        "5",
        "--stop-after",
        "off",
    ];
    let mut code = None;
    // The next run repeats unknown outcomes, and failed rows with --retry-failed.
    for _ in 0..10 {
        code = run(folder.bulk(&[&options[..], &["--retry-failed"]].concat())).code;
        if code == Some(0) {
            break;
        }
    }
    assert_eq!(code, Some(0));
    let (journal, executed) = (folder.journal(), simulated.executed());
    let states = journal.states();
    assert_eq!(states.len() as u64, rows);
    for (row, states) in &states {
        assert_eq!(states.last(), Some(&"done"), "row {row}: {states:?}");
        assert_eq!(states.iter().filter(|state| **state == "done").count(), 1, "row {row}: {states:?}");
        assert!(executed[row].contains(&true), "row {row}");
    }
    // Rows that were done before a kill were not repeated.
    let again: HashSet<u64> =
        journal.states().iter().filter(|(_, states)| states.len() > 2).map(|(row, _)| *row).collect();
    assert!(!again.is_empty() && again.len() as u64 * 2 < rows, "{} of {rows} rows were repeated", again.len());
}
