//! Bulks under the documented limit: one process, and several shards.

use std::collections::HashSet;
use std::path::PathBuf;

use alibabacloud_cams::PRODUCT;
use alibabacloud_simulator::Simulator;

use super::support::{Folder, SYNC, Simulated, output, spawn};
use crate::processes::redis::Redis;

#[test]
fn nothing_is_rejected_under_the_documented_limit() {
    let simulated = Simulated::start(Simulator::builder(&[&PRODUCT]));
    let folder = Folder::syncs(60);
    folder.ends(&["--endpoint", simulated.url()], 0);
    let counts = simulated.simulator.counts().of(SYNC);
    assert_eq!((counts.accepted, counts.throttled, counts.rejected), (60, 0, 0));
}

#[test]
fn shards_divide_the_rows() {
    let simulated = Simulated::unlimited();
    let mut folder = Folder::syncs(100);
    let mut rows = HashSet::new();
    for shard in ["1/3", "2/3", "3/3"] {
        folder.journal = folder.place.path().join(format!("journal-{}.jsonl", &shard[..1]));
        let ran = folder.ends(&["--endpoint", simulated.url(), "--quota", "off", "--shard", shard], 0);
        let journal = folder.journal();
        assert_eq!(journal.lines[0]["shard"], shard);
        let mine: Vec<u64> = journal.states().into_keys().collect();
        assert!((15..60).contains(&mine.len()), "{} of 100 rows in {shard}", mine.len());
        assert!(ran.stdout.starts_with(&format!("{} done\n", mine.len())), "{}", ran.stdout);
        assert!(mine.into_iter().all(|row| rows.insert(row)), "a row is in two shards");
    }
    assert_eq!((rows.len(), simulated.requests()), (100, 100));
}

#[test]
fn two_shards_share_the_quota_through_redis() {
    let Some(redis) = Redis::start() else { return };
    let simulated = Simulated::start(Simulator::builder(&[&PRODUCT]));
    let mut folder = Folder::syncs(60);
    let mut children = Vec::new();
    let mut journals: Vec<PathBuf> = Vec::new();
    for shard in ["1/2", "2/2"] {
        folder.journal = folder.place.path().join(format!("journal-{}.jsonl", &shard[..1]));
        let shared = ["--quota-redis", &redis.url, "--quota-account", "main"];
        let options = [&["--endpoint", simulated.url(), "--shard", shard], &shared[..]].concat();
        children.push(spawn(folder.bulk(&options)));
        journals.push(folder.journal.clone());
    }
    for child in children {
        let ran = output(child);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
    let counts = simulated.simulator.counts().of(SYNC);
    assert_eq!((counts.accepted, counts.rejected), (60, 0));
    // Separate quotas have nine. A busy machine can delay a request for longer than the quota allows.
    assert!(counts.throttled <= 3, "{}", counts.throttled);
    let done = journals.iter().map(|path| super::support::Journal::read(path).ended("done")).sum::<usize>();
    assert_eq!(done, 60);
}
