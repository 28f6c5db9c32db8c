//! The quota that all processes of a user share on one machine, without a server.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use alibabacloud_cams::PRODUCT;
use alibabacloud_simulator::Simulator;
use support::{SYNC, cams_with_key};

const ACTION: &str = "ChatappSyncPhoneNumber";
const MS: Duration = Duration::from_millis(1);

/// A simulator with the documented limit, counted by an exact window, and a folder for the quota.
struct Machine {
    runtime: tokio::runtime::Runtime,
    simulator: Simulator,
    state: PathBuf,
}

impl Machine {
    fn new(name: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let simulator = runtime.block_on(Simulator::builder(&[&PRODUCT]).start()).unwrap();
        let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("machine-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&state);
        Self { runtime, simulator, state }
    }

    fn start(&self) -> Child {
        let mut command = cams_with_key(SYNC.into_iter().chain(["--endpoint", self.simulator.url()]));
        command.env("XDG_STATE_HOME", &self.state).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    fn quotas(&self) -> Vec<PathBuf> {
        let folder = self.state.join("alibabacloud/quotas");
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    }

    fn counts(&self) -> (u64, u64) {
        let counts = self.simulator.counts().of(ACTION);
        (counts.accepted, counts.throttled)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.state);
        let _ = &self.runtime;
    }
}

/// Waits for the commands, which must all succeed. Returns their standard error.
fn all_succeed(commands: Vec<Child>) -> Vec<String> {
    let outputs = commands.into_iter().map(|command| command.wait_with_output().unwrap());
    let told = outputs.map(|output| {
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        stderr
    });
    told.collect()
}

#[test]
fn none_of_forty_concurrent_commands_is_rejected() {
    let machine = Machine::new("forty");
    all_succeed((0..40).map(|_| machine.start()).collect());
    assert_eq!(machine.counts(), (40, 0));
    let [file] = &machine.quotas()[..] else { panic!("{:?}", machine.quotas()) };
    let content = String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
    for secret in ["testid", "testsecret", ACTION, "293483938849493"] {
        assert!(!content.contains(secret) && !file.display().to_string().contains(secret), "{secret}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(file), mode(file.parent().unwrap())), (0o600, 0o700));
    }
}

#[test]
fn killed_commands_block_no_others_and_none_is_rejected() {
    let machine = Machine::new("killed");
    let mut dice = fastrand::Rng::with_seed(5);
    let mut commands: Vec<_> = (0..40).map(|_| machine.start()).collect();
    for _ in 0..5 {
        sleep(dice.u32(0..600) * MS);
        let mut victim = commands.swap_remove(dice.usize(0..commands.len()));
        victim.kill().unwrap();
        victim.wait().unwrap();
    }
    all_succeed(commands);
    let (accepted, throttled) = machine.counts();
    assert!((35..=40).contains(&accepted) && throttled == 0, "{accepted} accepted, {throttled} throttled");
}

#[test]
fn a_damaged_file_is_replaced_and_no_call_is_rejected() {
    for damage in [&b"not a quota"[..], &[0; 4096], b""] {
        let machine = Machine::new(&format!("damaged-{}", damage.len()));
        let first = (0..15).map(|_| machine.start()).collect();
        all_succeed(first);
        let file = machine.quotas().remove(0);
        if damage.is_empty() {
            // Half of it.
            let content = fs::read(&file).unwrap();
            fs::write(&file, &content[..content.len() / 2]).unwrap();
        } else {
            fs::write(&file, damage).unwrap();
        }
        all_succeed((0..15).map(|_| machine.start()).collect());
        assert_eq!(machine.counts(), (30, 0), "{} bytes", damage.len());
    }
}

#[test]
fn an_unwritable_folder_causes_one_warning_and_every_command_succeeds() {
    let mut machine = Machine::new("readonly");
    machine.state = PathBuf::from("/dev/null/state");
    let told = all_succeed((0..25).map(|_| machine.start()).collect());
    for stderr in told {
        assert_eq!(stderr.matches("warning: the quota file of this machine cannot be used").count(), 1, "{stderr}");
    }
    assert_eq!(machine.counts().0, 25);
}
