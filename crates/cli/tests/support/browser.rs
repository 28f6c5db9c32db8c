//! A headless Chromium, driven through pipes: a child process with its own profile in the test's folder, closed when
//! dropped.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::journal::Folder;

/// The names of the program in Linux distributions.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// How long a response may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    /// Events not yet read.
    events: VecDeque<Value>,
    session: String,
    next: u64,
}

impl Browser {
    /// Starts a browser; `None`, after a printed note, if there is none and the test may be skipped.
    ///
    /// `cargo xtask ci` sets `REQUIRE_CHROMIUM` where it has found or installed one.
    pub(crate) fn start(folder: &Folder) -> Option<Self> {
        let present = |program: &&&str| {
            let version = Command::new(program).arg("--version").stderr(Stdio::null()).output();
            version.is_ok_and(|output| output.status.success())
        };
        let Some(program) = PROGRAMS.iter().find(present) else {
            assert!(std::env::var_os("REQUIRE_CHROMIUM").is_none(), "Chromium is missing, and REQUIRE_CHROMIUM is set");
            eprintln!("NOT CHECKED: Chromium is missing; `apt-get install chromium` installs it on Debian");
            return None;
        };
        let profile = folder.path("profile");
        // The browser reads commands from descriptor 3 and writes to 4; the shell connects them to the child's pipes.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null", program])
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
            ])
            .args(["--remote-debugging-pipe", &format!("--user-data-dir={profile}"), "about:blank"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let commands = child.stdin.take().expect("standard input is a pipe");
        let mut answers = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
        let (sender, messages) = channel();
        thread::spawn(move || {
            let mut message = Vec::new();
            while answers.read_until(0, &mut message).is_ok_and(|length| length > 0) {
                let text = message.strip_suffix(&[0]).unwrap_or(&message);
                let parsed = serde_json::from_slice(text).expect("a message is JSON");
                if sender.send(parsed).is_err() {
                    return;
                }
                message.clear();
            }
        });
        let session = String::new();
        let mut browser = Self { child, commands, messages, events: VecDeque::new(), session, next: 0 };
        let target = browser.send("Target.createTarget", &json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.send("Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        attached["sessionId"].as_str().expect("a session").clone_into(&mut browser.session);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.send(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    /// Sends a command and waits for its result.
    pub(crate) fn send(&mut self, method: &str, parameters: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        self.commands.write_all(format!("{message}\0").as_bytes()).expect("the browser reads");
        loop {
            let mut message = self.receive(method);
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].take();
            }
            self.events.push_back(message);
        }
    }

    fn receive(&self, waiting_for: &str) -> Value {
        self.messages.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the browser does not respond: {waiting_for}"))
    }

    /// Opens a file, and waits until it is loaded and its scripts have run.
    pub(crate) fn open(&mut self, file: &str) {
        self.events.clear();
        self.send("Page.navigate", &json!({ "url": format!("file://{file}") }));
        loop {
            let event = self.receive("the page is loaded");
            let loaded = event["method"] == "Page.loadEventFired";
            self.events.push_back(event);
            if loaded {
                return;
            }
        }
    }

    /// Evaluates an expression; a promise is awaited.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut result = self.send("Runtime.evaluate", &parameters);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].take()
    }

    /// Console messages, exceptions, and requests other than for the page itself, since the page was opened.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        // All earlier events arrive before this response.
        self.evaluate("new Promise(done => setTimeout(done, 50))");
        let complaint = |event: &Value| match event["method"].as_str().unwrap_or("") {
            "Runtime.consoleAPICalled"
            | "Runtime.exceptionThrown"
            | "Log.entryAdded"
            | "Page.javascriptDialogOpening" => Some(event.to_string()),
            "Network.requestWillBeSent" => {
                let url = event["params"]["request"]["url"].as_str().unwrap_or("");
                let own = event["params"]["type"] == "Document" || url.starts_with("data:") || url.starts_with("blob:");
                (!own).then(|| event.to_string())
            }
            _ => None,
        };
        self.events.iter().filter_map(complaint).collect()
    }

    /// Sets the width of the window and the colour scheme.
    pub(crate) fn look(&mut self, width: u32, dark: bool) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.send("Emulation.setDeviceMetricsOverride", &metrics);
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        self.send("Emulation.setEmulatedMedia", &json!({ "features": [scheme] }));
    }

    /// The whole page as a PNG in base64.
    pub(crate) fn screenshot(&mut self) -> String {
        let picture = self.send("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }));
        picture["data"].as_str().expect("a picture").to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Closed this way, the browser ends its own children, and no longer writes to the folder.
        let _ = self.commands.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        for _ in 0..500 {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
