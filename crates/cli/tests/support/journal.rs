//! A sample journal: spaces with numbers like those of a customer, deterministic for a seed.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Writes a journal line by line.
pub(crate) struct Journal {
    lines: Vec<String>,
    row: u64,
}

impl Journal {
    pub(crate) fn new(rows: u64) -> Self {
        Self::with(&json!({ "input": { "rows": rows, "digest": "5f70bf18" } }))
    }

    /// A journal with additional members in its header.
    pub(crate) fn with(members: &Value) -> Self {
        let mut header = json!({
            "journal": 1, "product": "cams", "action": "ChatappSyncPhoneNumber", "version": "2020-06-06",
            "at": "2026-11-25T07:02:00.000Z", "input": { "rows": 1, "digest": "5f70bf18" },
        });
        for (name, value) in members.as_object().expect("members") {
            header[name] = value.clone();
        }
        let run = json!({ "run": 1, "at": "2026-11-25T07:02:00.001Z", "state": "started" });
        Self { lines: vec![header.to_string(), run.to_string()], row: 0 }
    }

    fn at(&self) -> String {
        format!("2026-11-25T07:{:02}:{:02}.120Z", 2 + self.row / 600 % 50, self.row / 10 % 60)
    }

    pub(crate) fn line(&mut self, line: &Value) {
        self.lines.push(line.to_string());
    }

    /// Sends the next row.
    pub(crate) fn sending(&mut self, space: &str) -> u64 {
        self.row += 1;
        let (row, at) = (self.row, self.at());
        self.line(&json!({
            "row": row, "line": row + 1, "at": at, "state": "sending", "parameters": { "CustSpaceId": space },
        }));
        row
    }

    pub(crate) fn done(&mut self, space: &str, numbers: &[Value]) {
        let (row, at) = (self.sending(space), self.at());
        self.line(&json!({
            "row": row, "at": at, "state": "done", "request_id": format!("R-{row}"), "attempts": 1,
            "answer": { "Code": "OK", "Success": true, "RequestId": format!("R-{row}"), "PhoneNumbers": numbers },
        }));
    }

    pub(crate) fn failed(&mut self, space: &str, state: &str, code: &str, message: &str) {
        let (row, at) = (self.sending(space), self.at());
        self.line(&json!({
            "row": row, "at": at, "state": state, "code": code, "message": message, "status": 400, "request_id": format!("R-{row}"),
        }));
    }

    pub(crate) fn ended(&mut self) {
        self.line(&json!({ "run": 1, "at": "2026-11-25T07:52:00.000Z", "state": "ended" }));
    }

    pub(crate) fn text(&self) -> String {
        self.lines.join("\n") + "\n"
    }
}

/// A folder for the test, removed when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    /// The path of a file in it, as an argument.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path in UTF-8").to_owned()
    }

    /// Writes a journal; returns its path.
    pub(crate) fn journal(&self, name: &str, journal: &Journal) -> String {
        self.write(name, &journal.text())
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.0.join(name), text).expect("the file can be written");
        self.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn number(phone: &str, name: &str, status: &str, quality: &str, tier: &str) -> Value {
    json!({
        "PhoneNumber": phone, "VerifiedName": name, "Status": status, "QualityRating": quality, "MessagingLimitTier": tier,
        "CodeVerificationStatus": "VERIFIED", "NameStatus": "Approval", "IsOfficial": "N",
    })
}

const NAMES: &[&str] = &[
    "Harbour Coffee",
    "Lotus Pharmacy",
    "Sunrise Air",
    "Blue Kite Travel",
    "Kopi Corner",
    "Pagoda Bank",
    "Little Panda Toys",
    "Monsoon Outdoor",
    "Orchid Hotels",
    "City Bikes",
    "明月书店",
    "صيدلية النور",
    "Café São Jorge",
    "Evergreen Logistics",
];

/// The numbers of `spaces` spaces. With `later`, some days on: some got worse, some better, some were added and some
/// removed.
pub(crate) fn sample(spaces: u64, numbers_a_space: u64, later: bool) -> Journal {
    let mut dice = fastrand::Rng::with_seed(7);
    let mut changes = fastrand::Rng::with_seed(11);
    let day = if later { "25" } else { "24" };
    let began = format!("2026-11-{day}T07:02:00.000Z");
    let mut journal = Journal::with(&json!({ "at": began, "input": { "rows": spaces, "digest": "5f70bf18" } }));
    for space in 0..spaces {
        let id = format!("2934839388{:05}", 10_007 * (space + 1) % 100_000);
        let mut numbers: Vec<Value> = (0..numbers_a_space).map(|_| sample_number(&mut dice)).collect();
        if later {
            for number in &mut numbers {
                change(&mut changes, number);
            }
            match changes.u32(0..60) {
                0 => drop(numbers.pop()),
                1 => numbers.push(number("6598765432", "Kopi Corner Two", "PENDING", "UNKNOWN", "TIER_250")),
                _ => {}
            }
            match changes.u32(0..160) {
                0 => {
                    journal.failed(
                        &id,
                        "failed",
                        "Unknown.ResourceOwnerId",
                        "The resource does not belong to the current user.",
                    );
                    continue;
                }
                1 => {
                    journal.failed(&id, "unknown", "ServiceUnavailable", "The service is away.");
                    continue;
                }
                _ => {}
            }
        }
        journal.done(&id, &numbers);
    }
    journal.ended();
    journal
}

fn sample_number(dice: &mut fastrand::Rng) -> Value {
    let country = ["86", "65", "55", "62", "1", "971"][dice.usize(0..6)];
    let phone = format!("{country}{}", 13_000_000_000 + dice.u64(0..1_000_000_000));
    let name = NAMES[dice.usize(0..NAMES.len())];
    let status = match dice.u32(0..1000) {
        0..2 => "BANNED",
        2..4 => "RESTRICTED",
        4..8 => "FLAGGED",
        8..30 => "PENDING",
        30..36 => "UNVERIFIED",
        36..40 => "RATE_LIMITED",
        _ => "CONNECTED",
    };
    let quality = match dice.u32(0..1000) {
        0..6 => "RED",
        6..40 => "YELLOW",
        40..120 => "UNKNOWN",
        _ => "GREEN",
    };
    let tier =
        ["TIER_250", "TIER_1K", "TIER_1K", "TIER_10K", "TIER_10K", "TIER_100K", "TIER_UNLIMITED"][dice.usize(0..7)];
    number(&phone, name, status, quality, tier)
}

fn change(dice: &mut fastrand::Rng, number: &mut Value) {
    match dice.u32(0..200) {
        0 => number["QualityRating"] = "RED".into(),
        1 => number["QualityRating"] = "GREEN".into(),
        2 => number["MessagingLimitTier"] = "TIER_100K".into(),
        3 if dice.bool() => number["Status"] = "BANNED".into(),
        4 if dice.bool() => number["VerifiedName"] = "Harbour Coffee & Tea".into(),
        _ => {}
    }
}
