//! The quota in a file of the machine, used by several stores as by several processes. Times are real, so they only have
//! lower bounds.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alibabacloud_runtime::event::{Event, QuotaEvent};
use alibabacloud_runtime::throttle::{MachineQuotas, Permit, QuotaKey, QuotaSource, Refused};
use alibabacloud_runtime::{RateLimit, Throttle};

use super::support::{Look, Scripted, builder};

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

    /// Makes the file unusable; returns its path.
    fn obstruct(&self) -> PathBuf {
        let file = self.file();
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        file
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn acquire(throttle: &Throttle, max_wait: Duration) -> Result<Permit, Refused> {
    let key = QuotaKey::new("main", "cams", "Look");
    throttle.acquire(&key, Some(RateLimit::new(2, WINDOW)), max_wait).await
}

async fn permit(throttle: &Throttle) -> Permit {
    let permit = acquire(throttle, PATIENCE).await.unwrap();
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
    let stopped = File::open(machine.file()).unwrap();
    stopped.lock().unwrap();
    let began = Instant::now();
    used(&machine.process()).await;
    // After a second the file is replaced, and the limit counts as used.
    assert!(began.elapsed() >= Duration::from_secs(1) + WINDOW, "{:?}", began.elapsed());
    drop(stopped);
}

#[tokio::test]
async fn an_unusable_file_is_used_again_after_a_while() {
    let machine = Machine::new("unusable");
    let (told, throttle) = (Arc::new(Mutex::new(Vec::new())), machine.process());
    let listener = told.clone();
    let client = builder(&Scripted::new([]))
        .throttle(throttle.clone().with_limit_for_all(RateLimit::new(2, WINDOW)))
        .on_event(move |event| {
            if let Event::Quota { event: QuotaEvent::Granted { source, .. }, .. } = event {
                listener.lock().unwrap().push(format!("{source:?}"));
            } else if let Event::Quota { event: event @ QuotaEvent::FallbackEntered { .. }, .. }
            | Event::Quota { event: event @ QuotaEvent::FallbackLeft, .. } = event
            {
                listener.lock().unwrap().push(format!("{event:?}"));
            }
        })
        .build()
        .unwrap();
    client.send(Look::new()).await.unwrap();
    let file = machine.obstruct();
    client.send(Look::new()).await.unwrap();
    let began = Instant::now();
    fs::remove_dir(file).unwrap();
    while throttle.quotas()[0].fallback {
        client.send(Look::new()).await.unwrap();
    }
    assert!(
        began.elapsed() >= Duration::from_secs(1) + WINDOW,
        "the requests sent meanwhile count: {:?}",
        began.elapsed()
    );
    let mut told = told.lock().unwrap().clone();
    told.dedup();
    let entered = "FallbackEntered { source: Some(LocalShare) }";
    assert_eq!(told, ["Shared", "LocalShare", entered, "LocalShare", "Shared", "FallbackLeft"]);
}

#[tokio::test]
async fn a_report_reaches_the_quota_of_its_permit() {
    let machine = Machine::new("both");
    let process = machine.process();
    let of_the_file = [permit(&process).await, permit(&process).await];
    let file = machine.obstruct();
    let meanwhile = [acquire(&process, PATIENCE).await.unwrap(), acquire(&process, PATIENCE).await.unwrap()];
    drop(of_the_file);
    assert!(matches!(acquire(&process, Duration::ZERO).await, Err(Refused::TooLong { .. })));
    fs::remove_dir(file).unwrap();
    drop(permit(&process).await);
    drop(meanwhile);
    machine.obstruct();
    for _ in 0..2 {
        assert_eq!(acquire(&process, Duration::ZERO).await.unwrap().source(), QuotaSource::LocalShare);
    }
}

#[tokio::test]
async fn the_last_report_of_a_process_is_written_at_its_end() {
    let machine = Machine::new("end");
    let process = machine.process();
    let mut permit = permit(&process).await;
    permit.sent();
    let (locked, before) = (File::open(machine.file()).unwrap(), fs::read(machine.file()).unwrap());
    locked.lock().unwrap();
    permit.answered();
    locked.unlock().unwrap();
    assert_eq!(fs::read(machine.file()).unwrap(), before);
    drop(process);
    assert_ne!(fs::read(machine.file()).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_is_locked_now_and_then_is_not_replaced() {
    let machine = Machine::new("now-and-then");
    let process = machine.process();
    let held = [permit(&process).await, permit(&process).await];
    let file = File::open(machine.file()).unwrap();
    let before = fs::read(machine.file()).unwrap();
    for permit in held {
        file.lock().unwrap();
        drop(permit);
        file.unlock().unwrap();
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    assert_eq!(fs::read(machine.file()).unwrap(), before);
}

#[cfg(unix)]
#[tokio::test]
async fn an_existing_file_that_others_can_read_becomes_private() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new("private");
    used(&machine.process()).await;
    fs::set_permissions(machine.file(), fs::Permissions::from_mode(0o666)).unwrap();
    used(&machine.process()).await;
    assert_eq!(fs::metadata(machine.file()).unwrap().permissions().mode() & 0o777, 0o600);
}
