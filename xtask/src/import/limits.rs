//! Reads rate limits from the metadata: from its fields and from its prose.

use serde_json::{Map, Value};

use super::notes::Notes;
use super::schema::scalar_text;

/// A limit stated by the metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The limit as in specifications: `10/s`.
    pub rate: String,
    /// The words that state it.
    pub words: String,
}

/// The distinct limits in a text, in order.
pub fn limits(text: &str) -> Vec<Limit> {
    let tokens = tokens(text);
    let mut limits: Vec<Limit> = Vec::new();
    for at in 0..tokens.len() {
        if let Some((requests, window, range)) = limit_at(&tokens, at) {
            let rate = format!("{requests}/{window}");
            let words = tokens[range].join(" ");
            if requests > 0 && !limits.iter().any(|known| known.rate == rate) {
                limits.push(Limit { rate, words });
            }
        }
    }
    limits
}

/// Splits text into lower-case words, numbers, and single signs and ideographs.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut characters = text.chars().flat_map(char::to_lowercase).peekable();
    while let Some(c) = characters.next() {
        let digits = word.ends_with(|c: char| c.is_ascii_digit());
        let thousands = c == ',' && digits && characters.peek().is_some_and(char::is_ascii_digit);
        if thousands {
            continue;
        }
        let joins = word.is_empty() || digits == c.is_ascii_digit();
        if c.is_ascii_alphanumeric() && joins {
            word.push(c);
            continue;
        }
        tokens.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        if c.is_ascii_alphanumeric() {
            word.push(c);
        } else if !c.is_whitespace() {
            tokens.push(c.to_string());
        }
    }
    tokens.extend((!word.is_empty()).then_some(word));
    tokens
}

/// Words for requests.
const COUNTED: [&str; 13] = [
    "time",
    "times",
    "call",
    "calls",
    "request",
    "requests",
    "query",
    "queries",
    "operation",
    "operations",
    "次",
    "api",
    "apis",
];

/// Words between the name of a rate and its number: `QPS limit on this operation is 50`.
const LINKS: [&str; 55] = [
    "is",
    "are",
    "limit",
    "limits",
    "limited",
    "threshold",
    ":",
    "：",
    "of",
    "to",
    "the",
    "for",
    "on",
    "in",
    "by",
    "a",
    "an",
    "api",
    "operation",
    "operations",
    "this",
    "that",
    "each",
    "every",
    "single",
    "user",
    "users",
    "account",
    "accounts",
    "alibaba",
    "cloud",
    "per",
    "can",
    "be",
    "you",
    "when",
    "calling",
    "call",
    "maximum",
    "value",
    "up",
    "not",
    "exceed",
    "must",
    "cannot",
    "=",
    "上",
    "制",
    "是",
    "限",
    "为",
    "(",
    ")",
    "qps",
    "at",
];

/// Words before a number of requests.
const BEFORE_NUMBER: [&str; 16] =
    ["is", "are", "of", "to", "at", "exceed", "limit", "maximum", "than", ":", "：", "=", "为", "是", "限", "制"];

/// A limit that begins at the token: the number, the time and the range of its tokens.
fn limit_at(tokens: &[String], at: usize) -> Option<(u32, String, std::ops::Range<usize>)> {
    let token = |index: usize| tokens.get(index).map_or("", String::as_str);
    // 每秒10次, 每分钟 10 次
    if token(at) == "每" {
        let (window, used) = unit(tokens, at + 1)?;
        let number_at = (at + 1 + used..at + 6 + used).find(|&index| number(token(index)).is_some())?;
        return (token(number_at + 1) == "次")
            .then(|| Some((number(token(number_at))?, window.to_owned(), at..number_at + 2)))?;
    }
    if let Some((window, used)) = rate_name(tokens, at) {
        let first = at + used;
        let number_at = (first..first + 16).find(|&index| number(token(index)).is_some() && token(index) != "one")?;
        let linked = tokens[first..number_at].iter().all(|word| LINKS.contains(&word.as_str()));
        let is_behind = number_at > first && BEFORE_NUMBER.contains(&token(number_at - 1));
        // `The QPS limit is 100 times per minute`: the time after the number applies.
        let has_own = count_at(tokens, number_at).is_some();
        return (linked && is_behind && !has_own)
            .then(|| Some((number(token(number_at))?, window.to_owned(), at..number_at + 1)))?;
    }
    count_at(tokens, at)
}

/// A name of a rate that begins at the token, such as `QPS` or `calls per minute`: its time unit and its number of
/// tokens.
fn rate_name(tokens: &[String], at: usize) -> Option<(&'static str, usize)> {
    let token = |index: usize| tokens.get(index).map_or("", String::as_str);
    if token(at) == "qps" {
        return Some(("s", 1));
    }
    let is_name = COUNTED.contains(&token(at)) && ["per", "/"].contains(&token(at + 1));
    // `10 calls per second` is a limit, not a name.
    if !is_name || at.checked_sub(1).is_some_and(|before| number(token(before)).is_some() || token(before) == "api") {
        return None;
    }
    let (window, used) = unit(tokens, at + 2)?;
    Some((window, 2 + used))
}

/// A number and a time that begin at the token: `10 times per second`, `200 calls every 60 seconds`, `10 QPS`, `10/s`.
fn count_at(tokens: &[String], at: usize) -> Option<(u32, String, std::ops::Range<usize>)> {
    let token = |index: usize| tokens.get(index).map_or("", String::as_str);
    let requests = number(token(at))?;
    if token(at + 1) == "qps" {
        return Some((requests, "s".to_owned(), at..at + 2));
    }
    let mut next = at + 1;
    while COUNTED.contains(&token(next)) {
        next += 1;
    }
    let counts = next > at + 1;
    let mut linked = false;
    while ["per", "every", "each", "within", "in", "a", "an", "/", "one", "1", "每"].contains(&token(next)) {
        linked = true;
        next += 1;
    }
    // Windows of several seconds or minutes only: `3 times in 30 days` is not a rate limit of calls.
    let many = number(token(next)).filter(|many| linked && (2..=300).contains(many));
    let (window, used) = unit(tokens, next + usize::from(many.is_some()))?;
    if many.is_some() && !["s", "m"].contains(&window) {
        return None;
    }
    // `10/s`, `10 times per second` and `a limit of 10 per second`, not `10 seconds`.
    let slash = token(at + 1) == "/";
    let is_rate = tokens[at.saturating_sub(6)..at]
        .iter()
        .any(|word| ["limit", "limited", "rate", "maximum", "exceed", "qps", "most"].contains(&word.as_str()));
    let window = many.map_or_else(|| window.to_owned(), |many| format!("{many}{window}"));
    let end = next + usize::from(many.is_some()) + used;
    (linked && (counts || slash || (is_rate && token(at + 1) == "per"))).then_some((requests, window, at..end))
}

/// A unit of time that begins at the token, and its number of tokens.
fn unit(tokens: &[String], at: usize) -> Option<(&'static str, usize)> {
    let token = |index: usize| tokens.get(index).map_or("", String::as_str);
    Some(match (token(at), token(at + 1)) {
        ("second" | "seconds" | "s" | "sec" | "秒", _) => ("s", 1),
        ("minute" | "minutes" | "min", _) => ("m", 1),
        ("分", "钟") => ("m", 2),
        ("hour" | "hours" | "h", _) => ("h", 1),
        ("小", "时") => ("h", 2),
        ("day" | "days" | "天", _) => ("24h", 1),
        _ => return None,
    })
}

fn number(token: &str) -> Option<u32> {
    const WORDS: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    let word = WORDS.iter().position(|word| *word == token).and_then(|number| u32::try_from(number).ok());
    let number = match token {
        "twenty" => Some(20),
        "thirty" => Some(30),
        "fifty" => Some(50),
        "hundred" => Some(100),
        _ => word.or_else(|| token.parse().ok()),
    };
    // Larger numbers are years or IDs, or do not fit in a specification.
    number.filter(|number| *number <= 1_000_000)
}

/// The limit of the action under `flowControl`: `{ threshold, countWindow (in seconds), regionId, api }`. If regions
/// differ, that of all regions is used, or else the lowest.
pub fn flow_control(name: &str, api: &Map<String, Value>, notes: &mut Notes) -> Option<Limit> {
    let list = api.get("flowControl")?.get("flowControlList")?.as_array()?;
    let number = |entry: &Value, key: &str| -> Option<u32> { scalar_text(entry.get(key)?).trim().parse().ok() };
    let mut found: Vec<(u32, u32, bool)> = Vec::new();
    for entry in list {
        let of = entry.get("api").and_then(Value::as_str).unwrap_or(name);
        if !of.is_empty() && !of.eq_ignore_ascii_case(name) {
            continue;
        }
        let window = if entry.get("countWindow").is_none() { Some(1) } else { number(entry, "countWindow") };
        match (number(entry, "threshold"), window) {
            (Some(requests @ 1..), Some(window @ 1..)) => {
                let region = entry.get("regionId").and_then(Value::as_str).unwrap_or("*");
                found.push((requests, window, region == "*" || region.is_empty()));
            }
            _ => notes.add("a limit under `flowControl` that cannot be read is left out", name),
        }
    }
    // Compared per second, because windows differ; limits for all regions come first.
    let slower = |a: &(u32, u32, bool), b: &(u32, u32, bool)| {
        let rate = |one: &(u32, u32, bool)| f64::from(one.0) / f64::from(one.1);
        b.2.cmp(&a.2).then(rate(a).total_cmp(&rate(b)))
    };
    found.sort_by(slower);
    let (requests, window, _) = *found.first()?;
    if found.iter().any(|other| (other.0, other.1) != (requests, window)) {
        notes.add("regions have different limits; that of all regions is used, or else the lowest", name);
    }
    let rate = if window == 1 { format!("{requests}/s") } else { format!("{requests}/{window}s") };
    Some(Limit { rate, words: String::new() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_are_found_in_prose() {
        let table: [(&str, &[&str]); 34] = [
            ("You can call this operation up to 10 times per second per account.", &["10/s"]),
            ("You can call this operation up to five times per second per account.", &["5/s"]),
            ("up to 1,000 times per minute", &["1000/m"]),
            ("10次/秒", &["10/s"]),
            ("单用户每秒10次", &["10/s"]),
            ("每分钟最多 20 次", &["20/m"]),
            ("The limit is 100 QPS.", &["100/s"]),
            ("The QPS limit of this operation is 30.", &["30/s"]),
            ("10 requests in one second", &["10/s"]),
            ("300/s", &["300/s"]),
            ("100 calls per hour, 10 calls per second", &["100/h", "10/s"]),
            ("50 times per day", &["50/24h"]),
            ("wait 10 seconds", &[]),
            ("5 items", &[]),
            ("within 10 minutes, call 3 times", &[]),
            ("The QPS limit on this operation is 50 per user.", &["50/s"]),
            ("The queries per second (QPS) limit on this API is 100 for each account.", &["100/s"]),
            ("The maximum number of queries per second for a single user is 20.", &["20/s"]),
            ("The number of calls per minute is limited to 30.", &["30/m"]),
            ("The QPS limit is 100 times per minute.", &["100/m"]),
            ("The single-user QPS limit for this operation is 10 calls per second per user.", &["10/s"]),
            ("QPS limit: 1,000", &["1000/s"]),
            ("up to 200 times every 60 seconds", &["200/60s"]),
            ("at most 30 API operations per 5 minutes", &["30/5m"]),
            ("a maximum rate of 10 per second", &["10/s"]),
            ("20 calls/minute", &["20/m"]),
            ("单用户QPS限制为10", &["10/s"]),
            ("The QPS limit depends on the edition. Version 2 has more.", &[]),
            ("retry 3 times in 30 days", &[]),
            ("updated once per minute", &[]),
            ("the number of queries per second in the last 5 minutes", &[]),
            ("10 per page", &[]),
            ("0 times per second", &[]),
            ("", &[]),
        ];
        for (text, rates) in table {
            assert_eq!(limits(text).iter().map(|limit| limit.rate.as_str()).collect::<Vec<_>>(), rates, "{text}");
        }
    }

    #[test]
    fn limits_are_read_from_fields() {
        for (list, rate) in [
            (json!([{"threshold": "5", "countWindow": 1, "regionId": "*", "api": "CreateTrail"}]), Some("5/s")),
            (json!([{"threshold": 200, "countWindow": "60"}]), Some("200/60s")),
            (json!([{"threshold": "5"}]), Some("5/s")),
            (
                json!([{"threshold": "9", "countWindow": 1, "regionId": "cn-a"}, {"threshold": "5", "countWindow": 1, "regionId": "*"}]),
                Some("5/s"),
            ),
            (
                json!([{"threshold": "9", "countWindow": 1, "regionId": "cn-a"}, {"threshold": "60", "countWindow": 60, "regionId": "cn-b"}]),
                Some("60/60s"),
            ),
            (json!([{"threshold": "5", "countWindow": 1, "api": "Other"}]), None),
            (json!([{"threshold": "0", "countWindow": 1}]), None),
            (json!([{"threshold": "-1", "countWindow": 1}]), None),
            (json!([{"threshold": "many", "countWindow": 1}]), None),
            (json!([]), None),
        ] {
            let api = json!({"flowControl": {"flowControlList": list}});
            let found = flow_control("CreateTrail", api.as_object().unwrap(), &mut Notes::default());
            assert_eq!(found.map(|limit| limit.rate).as_deref(), rate, "{api}");
        }
        for odd in [json!({}), json!({"flowControl": null}), json!({"flowControl": {"flowControlList": null}})] {
            assert_eq!(flow_control("A", odd.as_object().unwrap(), &mut Notes::default()), None);
        }
    }
}
