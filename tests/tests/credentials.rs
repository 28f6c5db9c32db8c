//! Credentials from a source through a whole call; the errors without credentials; and the cost for programs that do
//! not use them.

use std::fmt::{Debug, Write as _};
use std::process::Command;
use std::sync::{Arc, Mutex};

use alibabacloud_cams::credentials::{
    AssumeRole, Chain, CredentialsUri, Environment, ExternalProcess, Found, IniProfile, OidcRole, Refreshing, Setup,
    Source, SourceError, SourceFn,
};
use alibabacloud_cams::{Cams, ChatappSyncPhoneNumber, Credentials, ErrorKind, RetryPolicy};
use alibabacloud_runtime::Product;
use alibabacloud_simulator::{Answer, Simulator};
use alibabacloud_sts::{PRODUCT, Sts};
use conformance::harness::{client, refused_url, unlimited};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const ROLE: &str = "acs:ram::123456789012:role/sender";

fn assumed(expiration: &str) -> String {
    format!(
        r#"{{"RequestId":"r","Credentials":{{"AccessKeyId":"STS.CANARYid","AccessKeySecret":"CANARYsecret","SecurityToken":"CANARYtoken","Expiration":"{expiration}"}}}}"#
    )
}

/// An STS that checks signatures and issues long sessions.
async fn sts() -> Simulator {
    let sts = Simulator::builder(&[&PRODUCT]).key("CANARYbase", "CANARYbasesecret").start().await.unwrap();
    for action in ["AssumeRole", "AssumeRoleWithOIDC"] {
        sts.script_fn(action, |_| Some(Answer::ok_json(assumed("2099-01-01T00:00:00Z"))));
    }
    sts
}

fn setup(sts: &Simulator) -> Setup {
    Setup::new().environment(Environment::from_vars([("HOME", "/nowhere")])).sts_endpoint(sts.url())
}

#[tokio::test]
async fn a_call_is_signed_with_the_credentials_of_the_role_that_was_assumed_for_it() {
    let (sts, cams) =
        (sts().await, unlimited().sts_key("STS.CANARYid", "CANARYsecret", "CANARYtoken").start().await.unwrap());
    let base = Credentials::new("CANARYbase", "CANARYbasesecret");
    let provider = AssumeRole::new(base, ROLE).setup(setup(&sts)).refreshing();
    let client = client(cams.url()).credentials(provider).build().unwrap();
    for _ in 0..3 {
        client.send(ChatappSyncPhoneNumber::new("1")).await.unwrap();
    }
    assert_eq!((sts.received().len(), cams.received().len()), (1, 3));
    sts.stop().await;
    cams.stop().await;
}

#[test]
fn all_sources_are_tried_only_with_the_feature() {
    assert!(Cams::default_credentials().is_some());
    assert!(Sts::default_credentials().is_none());
}

/// All logged events, including their fields.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

impl Visit for Lines {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}: {value:?}").unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Sources with a secret that fail in different ways.
fn broken(sts: &Simulator, folder: &std::path::Path) -> Vec<Refreshing> {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let key = || Credentials::temporary("CANARYunknown", "CANARYsecret", "CANARYtoken", None);
    let gone = || format!("{}/CANARY?key=CANARY", refused_url().unwrap());
    let environment = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "x"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "CANARY\n")];
    vec![
        AssumeRole::new(key(), ROLE).setup(setup(sts)).refreshing(),
        AssumeRole::new(key(), "CANARY").setup(setup(sts)).refreshing(),
        AssumeRole::new(key(), ROLE).setup(setup(sts).sts_endpoint(refused_url().unwrap())).refreshing(),
        OidcRole::new()
            .role_arn(ROLE)
            .provider_arn("CANARY")
            .token_file(file("token", "CANARYtoken"))
            .setup(setup(sts).sts_endpoint(refused_url().unwrap()))
            .refreshing(),
        CredentialsUri::at(gone()).refreshing(),
        ExternalProcess::new("echo CANARY").refreshing(),
        IniProfile::new().file(file("ini", "[default]\nCANARY")).refreshing(),
        Chain::in_official_order(&Setup::new().environment(Environment::from_vars(environment))).refreshing(),
        SourceFn::new("own", || async { Err::<Found, _>(SourceError::failed("no answer")) }).refreshing(),
    ]
}

#[tokio::test]
async fn no_secret_of_a_source_is_in_errors_logs_or_debug_output() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let folder = std::env::temp_dir().join(format!("credentials-canaries-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let sts = sts().await;
    let providers = broken(&sts, &folder);
    for provider in &providers {
        let builder = client(&refused_url().unwrap()).credentials(provider.clone()).retry(RetryPolicy::never());
        let error = builder.build().unwrap().send(ChatappSyncPhoneNumber::new("1")).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Credentials, 0), "{error}");
        for shown in [format!("{error} {error:?} {error:#?}"), format!("{provider:?} {provider:#?}")] {
            assert!(!shown.contains("CANARY"), "{shown}");
        }
    }
    let good =
        AssumeRole::new(Credentials::new("CANARYbase", "CANARYbasesecret"), ROLE).setup(setup(&sts)).refreshing();
    alibabacloud_cams::ProvideCredentials::provide(&good).await.unwrap();
    assert!(!format!("{good:?} {good:#?}").contains("CANARY"));
    let logged = lines.0.lock().unwrap().clone();
    assert!(logged.contains("AssumeRole") && logged.contains("not refreshed"), "{logged}");
    assert!(!logged.contains("CANARY"), "{logged}");
    for received in sts.received() {
        assert!(!received.target.contains("CANARY"), "{}", received.target);
    }
    std::fs::remove_dir_all(folder).unwrap();
    sts.stop().await;
}

/// The names of all crates compiled for users of the product crate.
fn tree(features: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "alibabacloud-cams", "--edges", "normal", "--prefix", "none", "--offline"])
        .args(features)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(ToOwned::to_owned).collect()
}

#[test]
fn the_sources_are_compiled_only_with_the_feature() {
    let has = |crates: &[String]| {
        ["alibabacloud-credentials", "alibabacloud-sts", "shlex"].map(|name| crates.iter().any(|found| found == name))
    };
    assert_eq!(has(&tree(&[])), [false; 3]);
    assert_eq!(has(&tree(&["--features", "credentials"])), [true; 3]);
}

/// The environment of this process cannot be changed safely, so the test starts itself with another one.
#[test]
fn without_the_feature_the_error_says_how_to_get_the_other_sources() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "--ignored", "inside_an_environment_without_keys"]).env_clear();
    let output = child.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}");
}

#[test]
#[ignore = "a part of `without_the_feature_the_error_says_how_to_get_the_other_sources`"]
fn inside_an_environment_without_keys() {
    let error = alibabacloud_sts::Client::from_env().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
    let message = error.to_string();
    assert!(
        message.contains("ALIBABA_CLOUD_ACCESS_KEY_SECRET") && message.contains("feature `credentials`"),
        "{message}"
    );
    // With the feature, sources are tried at the first call.
    alibabacloud_cams::Client::from_env().unwrap();
}
