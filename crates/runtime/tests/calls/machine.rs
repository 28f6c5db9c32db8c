//! The quota in a file of the machine, used by several stores as by several processes. Times are real, so they only have
//! lower bounds.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use alibabacloud_runtime::throttle::{MachineQuotas, Permit, QuotaKey, QuotaSource};
use alibabacloud_runtime::{RateLimit, Throttle};

const PATIENCE: Duration = Duration::from_secs(30);
const WINDOW: Duration = Duration::from_millis(400);

struct Machine(PathBuf);

impl Machine {
    fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("quota-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        Self(folder)
    }

    /// The throttle of another process.
    fn process(&self) -> Throttle {
        Throttle::new().with_store(MachineQuotas::in_folder(&self.0))
    }

    fn file(&self) -> PathBuf {
        fs::read_dir(&self.0).unwrap().next().unwrap().unwrap().path()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn permit(throttle: &Throttle) -> Permit {
    let key = QuotaKey::new("main", "cams", "Look");
    let permit = throttle.acquire(&key, Some(RateLimit::new(2, WINDOW)), PATIENCE).await.unwrap();
    assert_eq!(permit.source(), QuotaSource::Shared);
    permit
}

async fn used(throttle: &Throttle) {
    let mut permit = permit(throttle).await;
    permit.sent();
    permit.answered();
}

#[tokio::test]
async fn the_permits_of_a_killed_process_are_free_again() {
    let machine = Machine::new("killed");
    let killed = machine.process();
    for _ in 0..2 {
        // It never reports what became of them.
        std::mem::forget(permit(&killed).await);
    }
    let began = Instant::now();
    used(&machine.process()).await;
    assert!(began.elapsed() >= WINDOW, "they may have been sent: {:?}", began.elapsed());
}

#[tokio::test]
async fn a_damaged_number_counts_as_a_used_limit() {
    let machine = Machine::new("number");
    used(&machine.process()).await;
    let mut content = fs::read(machine.file()).unwrap();
    let last = content.len() - 1;
    content[last] ^= 1;
    fs::write(machine.file(), content).unwrap();
    let began = Instant::now();
    used(&machine.process()).await;
    assert!(began.elapsed() >= WINDOW, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_process_that_is_stopped_with_the_lock_holds_up_no_other() {
    let machine = Machine::new("stopped");
    used(&machine.process()).await;
    let stopped = fs::OpenOptions::new().write(true).open(machine.file()).unwrap();
    stopped.lock().unwrap();
    let began = Instant::now();
    used(&machine.process()).await;
    // After a second the file is replaced, and the limit counts as used.
    assert!(began.elapsed() >= Duration::from_secs(1) + WINDOW, "{:?}", began.elapsed());
    drop(stopped);
}
