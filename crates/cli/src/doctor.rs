//! `cams doctor`: checks whether calls can work, and shows what prevents them. No secret is shown, and no action of the
//! product is called.

use std::env;
use std::time::{Duration, Instant, SystemTime};

use alibabacloud_cams::credentials::alibabacloud_sts::GetCallerIdentity;
use alibabacloud_cams::credentials::{Chain, Credentials, Outcome, Setup, SourceOutcome};
use alibabacloud_cams::throttle::{FailurePolicy, QuotaKey, RedisQuotas};
use alibabacloud_cams::transport::{Handover, HyperTransport, Transport as _, default_proxy};
use alibabacloud_cams::{ClientBuilder, Endpoint, ErrorKind, PRODUCT, RateLimit, Throttle};
use bytes::Bytes;
use clap::ArgMatches;
use http::header::DATE;
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::figures::counted;
use crate::options::wants_json;
use crate::{connect, exit, output};

/// The time limit for a response of the endpoint.
const LIMIT: Duration = Duration::from_secs(10);

/// In seconds. The service rejects a timestamp that is further off, and the client corrects itself with one more
/// attempt.
const ACCEPTED_SKEW: f64 = 900.0;

/// What prevents calls, with the exit code that such a call would have.
type Problems = Vec<(u8, String)>;

/// Runs all checks.
pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let mut problems = Vec::new();
    let setup = Setup::new();
    let tried = Chain::in_official_order(&setup).try_each().await;
    let (credentials, source) = sources(&tried, &mut problems);
    let identity = match &credentials {
        Some(credentials) => identity(&setup, credentials, &mut problems).await,
        None => json!({ "error": NOT_ASKED }),
    };
    let found = of_endpoint(matches);
    let proxy = proxy(found.as_ref().ok(), &mut problems);
    let (endpoint, clock) = endpoint(found, proxy["error"].is_null(), matches, &mut problems).await;
    let quota = quota(&mut problems).await;
    let report = json!({
        "can_call": problems.is_empty(),
        "problems": problems.iter().map(|(_, problem)| problem).collect::<Vec<_>>(),
        "source": source,
        "credentials": tried.iter().map(told).collect::<Vec<_>>(),
        "identity": identity,
        "endpoint": endpoint,
        "clock": clock,
        "quota": quota,
        "proxy": proxy,
    });
    if wants_json(matches) {
        exit::print(&output::json(&report))?;
    } else {
        exit::print(&lines(&report, &tried))?;
    }
    match problems.into_iter().next() {
        None => Ok(()),
        Some((code, problem)) => Err(Failure::ahead(code, format!("calls cannot work: {problem}"))),
    }
}

const NOT_ASKED: &str = "not checked: there are no credentials";

/// The column at which the text of a check begins.
const INDENT: usize = 15;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Fine,
    /// Calls work, with a warning.
    Look,
    /// Calls cannot work.
    Broken,
    /// Not checked, or nothing to check.
    Open,
}

/// The line of a check, its meaning, and how to fix a problem.
struct Check {
    verdict: Verdict,
    name: &'static str,
    text: String,
    more: Vec<String>,
}

impl Check {
    fn new(verdict: Verdict, name: &'static str, text: impl Into<String>) -> Self {
        Self { verdict, name, text: text.into(), more: Vec::new() }
    }

    fn more(mut self, line: impl Into<String>) -> Self {
        self.more.push(line.into());
        self
    }
}

/// The report for people: one line for each check, its meaning, and the command that fixes a problem.
fn lines(report: &Value, tried: &[SourceOutcome]) -> String {
    let checks = [
        about_credentials(report, tried),
        about_identity(&report["identity"]),
        about_endpoint(&report["endpoint"]),
        about_clock(&report["clock"]),
        about_quota(&report["quota"]),
        about_proxy(&report["proxy"]),
    ];
    let mut out = String::new();
    for Check { verdict, name, text, more } in &checks {
        let symbol = match verdict {
            Verdict::Fine => "\u{2713}",
            Verdict::Look => "!",
            Verdict::Broken => "\u{2717}",
            Verdict::Open => "-",
        };
        let width = output::width().map(|width| width.saturating_sub(INDENT));
        let first = [text].into_iter().chain(more);
        let mut head = format!("{symbol} {name:<12} ");
        for line in first.flat_map(|line| output::wrapped(&output::printable(line), width)) {
            out.push_str(&format!("{head}{line}\n"));
            head = " ".repeat(INDENT);
        }
    }
    let works = report["can_call"] == true;
    out + if works { "\nCalls can work." } else { "\nCalls cannot work." }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn about_credentials(report: &Value, tried: &[SourceOutcome]) -> Check {
    let others = |outcome: &str| {
        let all = report["credentials"].as_array().into_iter().flatten();
        let lines = all.filter(move |source| source["outcome"] == outcome);
        lines.map(|source| format!("{}: {}", text(&source["source"]), text(&source["why"]))).collect::<Vec<_>>()
    };
    let warned =
        tried.iter().any(|tried| matches!(&tried.outcome, Outcome::Provided(found) if !found.warnings().is_empty()));
    if let [used, ..] = &others("used")[..] {
        let verdict = if warned { Verdict::Look } else { Verdict::Fine };
        return Check::new(verdict, "Credentials", used.as_str());
    }
    let failed = others("failed");
    if let [first, rest @ ..] = &failed[..] {
        let check = rest
            .iter()
            .fold(Check::new(Verdict::Broken, "Credentials", first.as_str()), |check, line| check.more(line.as_str()));
        return check.more("fix this source or remove it; the search stops at a source that is set up but fails");
    }
    let mut check = Check::new(Verdict::Broken, "Credentials", "no source has credentials");
    for line in others("not set up") {
        check = check.more(line);
    }
    check
        .more("run: export ALIBABA_CLOUD_ACCESS_KEY_ID=ID ALIBABA_CLOUD_ACCESS_KEY_SECRET=SECRET")
        .more("or:  aliyun configure")
}

fn about_identity(identity: &Value) -> Check {
    let name = "Identity";
    match &identity["error"] {
        Value::Null => Check::new(
            Verdict::Fine,
            name,
            format!("{} (account {})", text(&identity["arn"]), text(&identity["account"])),
        ),
        error if error == NOT_ASKED => Check::new(Verdict::Open, name, "not checked: there are no credentials"),
        error if identity["refused"] == true => Check::new(Verdict::Broken, name, format!("refused: {}", text(error)))
            .more("check the access key in the RAM console, or set another one"),
        error => Check::new(Verdict::Open, name, format!("not checked: {}", text(error)))
            .more("calls can work without it: STS has its own endpoint"),
    }
}

fn about_endpoint(endpoint: &Value) -> Check {
    let name = "Endpoint";
    let url = format!("{} (from {})", text(&endpoint["url"]), text(&endpoint["because_of"]));
    match &endpoint["error"] {
        Value::Null if endpoint["answered_after_ms"].is_null() => {
            Check::new(Verdict::Open, name, format!("{url} not checked: the proxy cannot be used"))
        }
        Value::Null => {
            Check::new(Verdict::Fine, name, format!("{url} responded in {} ms", endpoint["answered_after_ms"]))
        }
        error if endpoint["url"].is_null() => Check::new(Verdict::Broken, name, text(error))
            .more("check --endpoint, --region and --network, or the environment variables that set them"),
        error => Check::new(Verdict::Broken, name, format!("{url} does not respond"))
            .more(text(error))
            .more(format!("run: curl -sv {}, and check --region, HTTPS_PROXY and NO_PROXY", text(&endpoint["url"]))),
    }
}

fn about_clock(clock: &Value) -> Check {
    let name = "Clock";
    match clock["ahead_of_server_s"].as_f64() {
        None => Check::new(
            Verdict::Open,
            name,
            format!("not checked: {}", text(&clock["verdict"]).trim_start_matches("not known: ")),
        ),
        Some(skew) if skew.abs() > ACCEPTED_SKEW => {
            let direction = if skew > 0.0 { "ahead of" } else { "behind" };
            Check::new(Verdict::Look, name, format!("{:.0} s {direction} the server", skew.abs()))
                .more("the client corrects this with one extra attempt")
                .more("run: sudo timedatectl set-ntp true")
        }
        Some(skew) => Check::new(Verdict::Fine, name, format!("{:.0} s from the server's clock", skew.abs())),
    }
}

fn about_quota(quota: &Value) -> Check {
    let mut actions: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for limit in quota["per_account"].as_object().into_iter().flatten().map(|(_, limit)| text(limit)) {
        *actions.entry(limit).or_default() += 1;
    }
    let limits: Vec<String> = actions
        .iter()
        .map(|(limit, actions)| format!("{limit} ({})", counted(*actions, "action", "actions")))
        .collect();
    let limits = format!("{} per account", limits.join(", "));
    let shared = format!("shared: {}", text(&quota["shared"]));
    match quota["error"].as_str() {
        None => Check::new(Verdict::Fine, "Quota", limits).more(shared),
        Some(error) => Check::new(Verdict::Broken, "Quota", limits)
            .more(shared)
            .more(error)
            .more("correct CAMS_QUOTA_REDIS or its server, or unset it to share the quota on this machine only"),
    }
}

fn about_proxy(proxy: &Value) -> Check {
    let name = "Proxy";
    if let Some(error) = proxy["error"].as_str() {
        return Check::new(Verdict::Broken, name, error).more("correct or unset the variable");
    }
    if let Some(used) = proxy["used"].as_str() {
        return Check::new(Verdict::Fine, name, format!("{used} (from {})", text(&proxy["because_of"])));
    }
    let variables = proxy["variables"].as_object().into_iter().flatten();
    let lines = variables.map(|(name, value)| format!("not used for this endpoint: {name}={}", text(value)));
    lines.fold(Check::new(Verdict::Open, name, "none"), Check::more)
}

/// The credentials found, and their source.
fn sources<'a>(tried: &'a [SourceOutcome], problems: &mut Problems) -> (Option<Credentials>, Option<&'a str>) {
    for SourceOutcome { source, outcome, .. } in tried {
        match outcome {
            Outcome::Provided(found) => {
                if found.credentials().expiration().is_some_and(|time| time <= SystemTime::now()) {
                    problems.push((
                        4,
                        format!("the credentials of {source} have expired, or this machine's clock is wrong"),
                    ));
                }
                return (Some(found.credentials().clone()), Some(source));
            }
            Outcome::Failed(error) => problems.push((4, format!("{source} failed: {error}"))),
            _ => {}
        }
    }
    if problems.is_empty() {
        problems.push((4, "no source has credentials".to_owned()));
    }
    (None, None)
}

/// The outcome of one source.
fn told(tried: &SourceOutcome) -> Value {
    let (outcome, why) = match &tried.outcome {
        Outcome::Provided(found) => {
            let expiration = found.credentials().expiration().map(|time| {
                let left = time.duration_since(SystemTime::now()).unwrap_or_default();
                format!("valid for {} min", left.as_secs() / 60)
            });
            let kind = if found.credentials().security_token().is_some() { "temporary" } else { "long-lived" };
            let parts = [found.found_in().map(ToOwned::to_owned), Some(kind.to_owned()), expiration];
            let warnings = found.warnings().iter().map(|warning| format!("warning: {warning}"));
            ("used", parts.into_iter().flatten().chain(warnings).collect::<Vec<_>>().join("; "))
        }
        Outcome::NotApplicable(reason) => ("not set up", reason.to_string()),
        Outcome::Failed(reason) => ("failed", reason.to_string()),
        _ => ("not tried", "an earlier source ended the search".to_owned()),
    };
    json!({ "source": tried.source, "outcome": outcome, "why": why })
}

/// The identity of the credentials.
async fn identity(setup: &Setup, credentials: &Credentials, problems: &mut Problems) -> Value {
    let client = match setup.sts_client(credentials.clone()) {
        Ok(client) => client,
        Err(error) => return json!({ "error": error.to_string() }),
    };
    match client.send(GetCallerIdentity::new()).await {
        Ok(answer) => json!({
            "type": answer.identity_type.as_ref().map(|kind| kind.as_str()),
            "account": answer.account_id,
            "arn": answer.arn,
        }),
        Err(error) => {
            // STS can be unreachable while the product is not; only a response of STS is a refusal.
            let refused = error.kind() == ErrorKind::Service;
            if refused {
                problems.push((3, format!("the credentials are refused: {error}")));
            }
            json!({ "error": error.to_string(), "refused": refused })
        }
    }
}

/// The endpoint from the command line and the environment.
fn of_endpoint(matches: &ArgMatches) -> Result<Endpoint, String> {
    // The proxy is checked separately.
    let transport = HyperTransport::without_proxies().map_err(|error| error.to_string())?;
    let builder = ClientBuilder::from_env().map_err(|error| exit::message(&error))?;
    let client = connect::address(builder, matches).transport(transport).build();
    let client = client.map_err(|error| exit::message(&error))?;
    Ok(client.endpoint().clone())
}

/// Checks whether the endpoint responds, and reads its clock.
async fn endpoint(
    found: Result<Endpoint, String>,
    has_usable_proxy: bool,
    matches: &ArgMatches,
    problems: &mut Problems,
) -> (Value, Value) {
    let endpoint = match found {
        Ok(endpoint) => endpoint,
        Err(error) => {
            problems.push((4, error.clone()));
            let not_known = json!({ "verdict": "not known: there is no endpoint" });
            return (json!({ "url": null, "error": error }), not_known);
        }
    };
    let set = |name: &str| env::var(name).is_ok_and(|value| !value.is_empty());
    let because = if matches.contains_id("endpoint") && matches.get_one::<String>("endpoint").is_some() {
        "--endpoint".to_owned()
    } else if set("ALIBABA_CLOUD_ENDPOINT") {
        "ALIBABA_CLOUD_ENDPOINT".to_owned()
    } else if let Some(region) = matches.get_one::<String>("region") {
        format!("--region {region}")
    } else if set("ALIBABA_CLOUD_REGION_ID") {
        "ALIBABA_CLOUD_REGION_ID".to_owned()
    } else {
        format!("the default region of the product, {}", PRODUCT.default_region)
    };
    let mut about = json!({ "url": endpoint.to_string(), "because_of": because });
    if !has_usable_proxy {
        return (about, json!({ "verdict": "not known: the proxy cannot be used" }));
    }
    match probe(&endpoint.to_string(), endpoint.is_loopback()).await {
        Ok((took, skew)) => {
            about["answered_after_ms"] = json!(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            let verdict = match skew {
                None => "not known: the endpoint sends no Date header",
                Some(skew) if skew.abs() > ACCEPTED_SKEW => {
                    "wrong: correct this machine's clock (the client corrects it with one extra attempt)"
                }
                Some(_) => "right",
            };
            (about, json!({ "ahead_of_server_s": skew, "verdict": verdict }))
        }
        Err(problem) => {
            problems.push((4, format!("{endpoint} does not respond: {problem}")));
            about["error"] = json!(problem);
            (about, json!({ "verdict": "not known: the endpoint does not respond" }))
        }
    }
}

/// Sends one request without an action. Returns how long the response took, and how far this machine's clock is ahead,
/// in seconds.
async fn probe(url: &str, is_loopback: bool) -> Result<(Duration, Option<f64>), String> {
    let transport = if is_loopback { HyperTransport::without_proxies() } else { HyperTransport::new() };
    let transport = transport.map_err(|error| error.to_string())?;
    let request = http::Request::get(format!("{url}/")).body(Bytes::new()).map_err(|error| error.to_string())?;
    let (sent, started) = (SystemTime::now(), Instant::now());
    let answer = tokio::time::timeout(LIMIT, transport.send(request, &Handover::new())).await;
    let answer = answer.map_err(|_| format!("no response within {LIMIT:?}"))?.map_err(|error| error.to_string())?;
    let took = started.elapsed();
    let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
    let skew = date.and_then(|date| httpdate::parse_http_date(date).ok()).map(|server| {
        // The header has whole seconds, and was written about halfway through the exchange.
        let here = sent + took / 2;
        let apart = |later: SystemTime, earlier: SystemTime| {
            later.duration_since(earlier).map(|apart| apart.as_secs_f64().round())
        };
        apart(here, server).or_else(|_| apart(server, here).map(|ahead| -ahead)).unwrap_or_default()
    });
    Ok((took, skew))
}

/// The limits that the client applies, and who shares them.
async fn quota(problems: &mut Problems) -> Value {
    let limits: serde_json::Map<_, _> = PRODUCT
        .actions
        .iter()
        .map(|action| {
            (action.name.to_owned(), json!(action.rate_limit.map_or("none".to_owned(), |limit| limit.to_string())))
        })
        .collect();
    let mut about = json!({ "per_account": limits });
    match env::var("CAMS_QUOTA_REDIS").ok().filter(|url| !url.is_empty()) {
        None => about["shared"] = json!("by all commands of this user on this machine"),
        Some(url) => {
            about["shared"] = json!("through the Redis server in CAMS_QUOTA_REDIS, with --quota-account");
            if let Err(why) = reserve(url).await {
                problems.push((4, format!("the Redis server in CAMS_QUOTA_REDIS cannot be used: {why}")));
                about["error"] = json!(why);
            }
        }
    }
    about
}

/// Reserves one place in a quota that no call uses. Nothing less shows that the server accepts the commands of a call.
async fn reserve(url: String) -> Result<(), String> {
    let quotas = RedisQuotas::builder(url, "cams-doctor").on_failure(FailurePolicy::Closed).build();
    let throttle = Throttle::new().with_store(quotas.map_err(|error| error.to_string())?);
    let key = QuotaKey::new("", PRODUCT.code, "Doctor");
    let permit = throttle.acquire(&key, Some(RateLimit::per_second(10)), LIMIT).await;
    permit.map(drop).map_err(|refused| refused.to_string())
}

/// The proxy used for the endpoint, and the variables that name proxies.
fn proxy(endpoint: Option<&Endpoint>, problems: &mut Problems) -> Value {
    let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"];
    let set = |name: &'static str| Some((name, env::var(name).ok().filter(|value| !value.is_empty())?));
    let mut variables: serde_json::Map<_, _> =
        names.into_iter().filter_map(set).map(|(name, value)| (name.to_owned(), json!(masked(&value)))).collect();
    if !variables.is_empty() {
        let without = ["NO_PROXY", "no_proxy"].into_iter().filter_map(set);
        variables.extend(without.map(|(name, value)| (name.to_owned(), json!(value))));
    }
    let mut about = json!({ "used": null, "variables": variables });
    match endpoint.map(default_proxy) {
        Some(Ok(Some(proxy))) => {
            about["used"] = json!(proxy.to_string());
            about["because_of"] = json!(proxy.variable());
        }
        Some(Err(error)) => {
            problems.push((4, error.to_string()));
            about["error"] = json!(error.to_string());
        }
        Some(Ok(None)) | None => {}
    }
    about
}

/// Scheme, host and port of a proxy; user name and password are hidden.
fn masked(proxy: &str) -> String {
    let (scheme, rest) = proxy.split_once("://").map_or(("", proxy), |(scheme, rest)| (scheme, rest));
    let (login, host) = rest.rsplit_once('@').map_or(("", rest), |(_, host)| ("<hidden>@", host));
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    if scheme.is_empty() { format!("{login}{host}") } else { format!("{scheme}://{login}{host}") }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_login_of_a_proxy_is_hidden() {
        for (proxy, shown) in [
            ("http://user:p@ss@proxy:8080/x", "http://<hidden>@proxy:8080"),
            ("user:pass@proxy", "<hidden>@proxy"),
            ("http://proxy:1", "http://proxy:1"),
            ("http://user:a/b@proxy", "http://<hidden>@proxy"),
        ] {
            assert_eq!(super::masked(proxy), shown);
        }
    }
}
