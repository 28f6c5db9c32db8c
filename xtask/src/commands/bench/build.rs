//! `cargo xtask bench build [NAME]…`: the cost of a release build, without a cache, of a program that makes one call,
//! with each choice of features, compared with programs that use `reqwest` or `hyper-util` directly.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::commands::cargo::{root, target};
use crate::emit::toml;
use crate::plan::at;

/// A program to build.
struct Program {
    name: &'static str,
    /// The dependencies: the client, or others.
    dependencies: Dependencies,
    main: &'static str,
}

enum Dependencies {
    /// These features of `alibabacloud-cams`.
    Client(&'static str),
    Other(&'static str),
}

/// Without the macros of tokio, which bring `syn` along: some programs have them, and they are no part of any client.
const MAIN: &str = r"
fn main() -> Result<(), Box<dyn std::error::Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}
";

const CALL: &str = r#"
async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let client = alibabacloud_cams::Client::from_env()?;
    let answer = client.send(alibabacloud_cams::ChatappSyncPhoneNumber::new("1")).await?;
    println!("{:?}", answer.phone_numbers.len());
    Ok(())
}
"#;

const PLAIN_REQWEST: &str = r#"
async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let answer = reqwest::Client::new().post("https://cams.aliyuncs.com/").body("Action=X").send().await?;
    println!("{}", answer.json::<serde_json::Value>().await?);
    Ok(())
}
"#;

const PLAIN_HYPER: &str = r#"
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let https = hyper_rustls::HttpsConnectorBuilder::new().with_native_roots()?.https_only().enable_http1().build();
    let client = Client::builder(hyper_util::rt::TokioExecutor::new()).build(https);
    let request = http::Request::post("https://cams.aliyuncs.com/").body(Full::<bytes::Bytes>::from("Action=X"))?;
    let bytes = client.request(request).await?.into_body().collect().await?.to_bytes();
    println!("{}", serde_json::from_slice::<serde_json::Value>(&bytes)?);
    Ok(())
}
"#;

const HYPER: &str = r#"bytes = "1"
http = "1"
http-body-util = "0.1"
hyper-rustls = { version = "0.27", default-features = false, features = ["http1", "native-tokio", "ring", "tls12"] }
hyper-util = { version = "0.1", features = ["client-legacy", "http1", "tokio"] }
serde_json = "1"
"#;

const PROGRAMS: &[Program] = &[
    Program { name: "default", dependencies: Dependencies::Client(r#""aws-lc-rs", "reqwest", "tracing""#), main: CALL },
    Program { name: "reqwest-ring", dependencies: Dependencies::Client(r#""reqwest", "ring", "tracing""#), main: CALL },
    Program { name: "hyper-ring", dependencies: Dependencies::Client(r#""hyper", "ring""#), main: CALL },
    Program {
        name: "everything",
        dependencies: Dependencies::Client(
            r#""aws-lc-rs", "blocking", "credentials", "http2", "hyper", "redis-tls", "reqwest", "ring", "tracing""#,
        ),
        main: CALL,
    },
    Program {
        name: "plain-reqwest",
        dependencies: Dependencies::Other(
            "reqwest = { version = \"0.13\", default-features = false, features = [\"json\", \"rustls\"] }\nserde_json = \"1\"\n",
        ),
        main: PLAIN_REQWEST,
    },
    Program { name: "plain-hyper", dependencies: Dependencies::Other(HYPER), main: PLAIN_HYPER },
];

pub fn run(names: &[String]) -> Result<ExitCode, String> {
    if let Some(unknown) = names.iter().find(|name| !PROGRAMS.iter().any(|program| program.name == **name)) {
        let known: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
        return Err(format!("unknown program `{unknown}`; known are {}", known.join(", ")));
    }
    println!("| program | CPU seconds of a cold release build | crates | stripped size, MB |\n|---|---|---|---|");
    for program in PROGRAMS.iter().filter(|program| names.is_empty() || names.iter().any(|name| name == program.name)) {
        build(program)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn build(program: &Program) -> Result<(), String> {
    let folder = target()?.join("bench-build").join(program.name);
    let _ = fs::remove_dir_all(&folder);
    let manifest = folder.join("Cargo.toml");
    write(&folder.join("src/main.rs"), &[program.main, MAIN].concat())?;
    write(&manifest, &manifest_of(program))?;
    // The dependencies have the versions of the workspace.
    let lock = root().join("Cargo.lock");
    at(&lock, fs::copy(&lock, folder.join("Cargo.lock"))).map_err(|error| error.to_string())?;

    let before = cpu_of_children();
    cargo(&["build", "--quiet", "--release"], &folder)?;
    let cpu = before.zip(cpu_of_children()).map_or("-".to_owned(), |(before, after)| format!("{:.1}", after - before));
    let tree = cargo(&["tree", "--prefix", "none", "--edges", "normal,build", "--format", "{p}"], &folder)?;
    let crates: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    let binary = folder.join("target/release").join(format!("program{}", std::env::consts::EXE_SUFFIX));
    let size = at(&binary, fs::metadata(&binary)).map_err(|error| error.to_string())?.len();
    // The program itself is not counted.
    println!("| {} | {cpu} | {} | {}.{} |", program.name, crates.len() - 1, size / 1_000_000, size / 100_000 % 10);
    let _ = fs::remove_dir_all(&folder);
    Ok(())
}

fn manifest_of(program: &Program) -> String {
    let dependencies = match program.dependencies {
        Dependencies::Client(features) => {
            let path = toml(&root().join("crates/cams").to_string_lossy());
            format!("alibabacloud-cams = {{ path = {path}, default-features = false, features = [{features}] }}\n")
        }
        Dependencies::Other(lines) => lines.to_owned(),
    };
    format!(
        "[package]\nname = \"program\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{dependencies}\
         tokio = {{ version = \"1\", features = [\"rt\"] }}\n\n[profile.release]\nstrip = true\n"
    )
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    at(folder, fs::create_dir_all(folder)).map_err(|error| error.to_string())?;
    at(path, fs::write(path, text)).map_err(|error| error.to_string())
}

/// Runs cargo in the folder, with a separate target folder.
fn cargo(arguments: &[&str], folder: &Path) -> Result<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target"));
    let output = command.output().map_err(|error| format!("cargo cannot be run: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("cargo {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)))
    }
}

/// The CPU seconds of all child processes that have ended, and of their children; `None` if the system does not report
/// it.
fn cpu_of_children() -> Option<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in brackets, can contain blanks. `cutime` and `cstime` are fields 16 and 17.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<u32>().ok();
    Some(f64::from(ticks(16)? + ticks(17)?) / TICKS_PER_SECOND)
}
