//! Derives host name patterns from the endpoints of the metadata, and lists the hosts that follow no pattern.

use serde_json::{Map, Value};

use super::notes::Notes;
use super::schema::{shown, text};
use super::yaml::Tree;

/// Candidates for the default region; the first listed one is used. The largest outside of mainland China comes first,
/// then the largest
const USUAL_REGIONS: [&str; 4] = ["ap-southeast-1", "cn-hangzhou", "cn-shanghai", "cn-beijing"];

pub struct Endpoints {
    central: Option<String>,
    public: Option<String>,
    vpc: Option<String>,
    regions: Vec<Listed>,
    pub default_region: String,
    /// The reason, if part of the endpoints is a guess.
    pub guess: Option<String>,
}

/// The host names of one region.
#[derive(Debug, Clone)]
struct Listed {
    region: String,
    public: Option<String>,
    vpc: Option<String>,
}

impl Endpoints {
    pub fn read(metadata: &Map<String, Value>, product: &str, notes: &mut Notes) -> Self {
        let (mut listed, odd) = listed(metadata, notes);
        let public = Rule::of(listed.iter().filter_map(|one| Some((&*one.region, one.public.as_deref()?))));
        let vpc = Rule::of(listed.iter().filter_map(|one| Some((&*one.region, one.vpc.as_deref()?))));
        let host = product.replace('_', "-");
        let mut guesses = Vec::new();
        let mut central = public.shared.clone();
        // Entries such as `public` name no region; their hosts serve all regions.
        central = central.or_else(|| odd.iter().find_map(|one| one.public.clone()));
        let public_pattern = public.pattern.or_else(|| {
            let is_unknown = central.is_none();
            is_unknown.then(|| {
                guesses.push("The usual public pattern, because the hosts in the metadata follow none.");
                format!("{host}.{{region}}.aliyuncs.com")
            })
        });
        // The language has no key for a VPC host that most regions share, so each region lists it.
        let vpc_pattern = vpc.pattern.or_else(|| {
            let is_unknown = vpc.shared.is_none();
            is_unknown.then(|| {
                guesses.push("The usual VPC pattern, because the hosts in the metadata follow none.");
                format!("{host}-vpc.{{region}}.aliyuncs.com")
            })
        });
        let usual = USUAL_REGIONS.iter().find_map(|usual| listed.iter().find(|one| one.region == *usual));
        let default_region = usual.or(listed.first()).map_or(USUAL_REGIONS[0], |one| &one.region).to_owned();
        for Listed { region, public, vpc } in &mut listed {
            let follows = |pattern: Option<&String>, host: &str| {
                pattern.is_some_and(|pattern| pattern.replace("{region}", region) == host)
            };
            let by_rule = |host: &String| match &public_pattern {
                Some(_) => follows(public_pattern.as_ref(), host),
                None => central.as_ref() == Some(host),
            };
            *public = public.take().filter(|host| !by_rule(host));
            *vpc = vpc.take().filter(|host| !follows(vpc_pattern.as_ref(), host));
        }
        listed.retain(|one| one.public.is_some() || one.vpc.is_some());
        let guess = Some(guesses.join(" ")).filter(|guess| !guess.is_empty());
        Self { central, public: public_pattern, vpc: vpc_pattern, regions: listed, default_region, guess }
    }

    pub fn tree(&self) -> Tree {
        let mut keys = Vec::new();
        for (key, host) in [("central", &self.central), ("public", &self.public), ("vpc", &self.vpc)] {
            keys.extend(host.iter().map(|host| (key.to_owned(), Tree::text(host.clone()))));
        }
        if !self.regions.is_empty() {
            let region = |one: &Listed| {
                let mut hosts = Vec::new();
                hosts.extend(one.public.iter().map(|host| ("public".to_owned(), Tree::text(host.clone()))));
                hosts.extend(one.vpc.iter().map(|host| ("vpc".to_owned(), Tree::text(host.clone()))));
                (one.region.clone(), Tree::Map(hosts))
            };
            keys.push(("regions".to_owned(), Tree::Map(self.regions.iter().map(region).collect())));
        }
        Tree::Map(keys)
    }
}

/// The hosts that the metadata lists by region, and those that it lists under names that are not regions.
fn listed(metadata: &Map<String, Value>, notes: &mut Notes) -> (Vec<Listed>, Vec<Listed>) {
    let (mut listed, mut odd): (Vec<Listed>, Vec<Listed>) = (Vec::new(), Vec::new());
    let endpoints = metadata.get("endpoints").and_then(Value::as_array).into_iter().flatten();
    for endpoint in endpoints.filter_map(Value::as_object) {
        let region = text(endpoint, "regionId").trim().to_owned();
        let host = |key: &str| {
            let host = text(endpoint, key).trim().to_lowercase();
            let host =
                host.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/').to_owned();
            Some(host).filter(|host| !host.is_empty())
        };
        let public = host("endpoint").or_else(|| host("public"));
        let vpc = host("vpc");
        let is_valid = |host: &Option<String>| host.as_ref().is_none_or(|host| is_host(host));
        if !is_valid(&public) || !is_valid(&vpc) {
            notes.add("an endpoint that is not a host name is left out", shown(&region));
            continue;
        }
        if public.is_none() && vpc.is_none() {
            continue;
        }
        let one = Listed { region, public, vpc };
        let is_plain = one.region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !is_plain || one.region.is_empty() {
            notes.add("an endpoint without a region is left out", shown(&one.region));
            continue;
        }
        let list = if is_region(&one.region) { &mut listed } else { &mut odd };
        if !list.iter().any(|known| known.region == one.region) {
            list.push(one);
        }
    }
    for one in &odd {
        notes.add(
            "an endpoint under a name that is not a region is used for all regions, if it is public",
            shown(&one.region),
        );
    }
    (listed, odd)
}

/// The common form of most of the listed hosts.
#[derive(Default)]
struct Rule {
    /// A pattern with `{region}`, if most hosts follow it.
    pattern: Option<String>,
    /// The host that most regions share.
    shared: Option<String>,
}

impl Rule {
    fn of<'h>(hosts: impl Iterator<Item = (&'h str, &'h str)>) -> Self {
        let mut counts: Vec<(String, usize)> = Vec::new();
        let mut total = 0;
        for (region, host) in hosts {
            total += 1;
            let rule = pattern(region, host).unwrap_or_else(|| host.to_owned());
            match counts.iter_mut().find(|(known, _)| *known == rule) {
                Some((_, count)) => *count += 1,
                None => counts.push((rule, 1)),
            }
        }
        // The first of the most frequent ones. A pattern takes precedence, because it also gives the hosts of unlisted
        // regions.
        let best = counts.iter().rev().max_by_key(|(rule, count)| (*count, rule.contains('{')));
        match best {
            Some((rule, count)) if count * 2 > total || (count * 2 == total && rule.contains('{')) => {
                let is_pattern = rule.contains('{');
                let rule = Some(rule.clone());
                if is_pattern { Self { pattern: rule, shared: None } } else { Self { pattern: None, shared: rule } }
            }
            _ => Self::default(),
        }
    }
}

/// The host with `{region}` in place of the region; `None` if the region is not a whole word in it.
fn pattern(region: &str, host: &str) -> Option<String> {
    let is_end = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
    let is_whole = |at: usize| {
        let (before, after) = (&host[..at], &host[at + region.len()..]);
        // `cn-hangzhou` is another region than `cn-hangzhou-finance`.
        let is_longer = after.starts_with('-') && !["-vpc", "-internal"].iter().any(|end| after.starts_with(end));
        is_end(before.chars().next_back()) && is_end(after.chars().next()) && !is_longer
    };
    let (at, _) = host.match_indices(region).find(|(at, _)| is_whole(*at))?;
    Some(format!("{}{{region}}{}", &host[..at], &host[at + region.len()..]))
}

/// Whether a name has the form of a region: `cn-hangzhou`, but not `public`, `center` or `cn`.
fn is_region(region: &str) -> bool {
    const AREAS: [&str; 9] = ["cn", "ap", "us", "eu", "me", "na", "sa", "rus", "af"];
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    region.split_once('-').is_some_and(|(area, rest)| AREAS.contains(&area) && !rest.is_empty())
        && region.chars().all(is_plain)
}

fn is_host(host: &str) -> bool {
    host.contains('.') && host.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(endpoints: &[(&str, &str)]) -> String {
        let endpoints: Vec<Value> =
            endpoints.iter().map(|(region, host)| json!({"regionId": region, "endpoint": host})).collect();
        let metadata = json!({ "endpoints": endpoints });
        let read = Endpoints::read(metadata.as_object().unwrap(), "shop", &mut Notes::default());
        format!(
            "{} {}",
            read.default_region,
            read.tree().flow().replace(", vpc: \"shop-vpc.{region}.aliyuncs.com\"", "")
        )
    }

    #[test]
    fn a_pattern_is_one_that_most_regions_follow() {
        for (endpoints, expected) in [
            (
                &[
                    ("cn-a", "shop.cn-a.aliyuncs.com"),
                    ("cn-b", "shop.cn-b.aliyuncs.com"),
                    ("cn-c", "shop.aliyuncs.com"),
                ][..],
                r#"cn-a { public: "shop.{region}.aliyuncs.com", regions: { cn-c: { public: "shop.aliyuncs.com" } } }"#,
            ),
            // Most regions share a host, so those that are not listed do, too.
            (
                &[("cn-a", "shop.aliyuncs.com"), ("cn-b", "shop.aliyuncs.com"), ("cn-c", "shop.cn-c.aliyuncs.com")],
                r#"cn-a { central: "shop.aliyuncs.com", regions: { cn-c: { public: "shop.cn-c.aliyuncs.com" } } }"#,
            ),
            (&[("cn-a", "shop.aliyuncs.com")], r#"cn-a { central: "shop.aliyuncs.com" }"#),
            (
                &[("ap-southeast-1", "shop-ap-southeast-1.example.com")],
                r#"ap-southeast-1 { public: "shop-{region}.example.com" }"#,
            ),
            // Other names are not regions.
            (&[("public", "shop.aliyuncs.com")], r#"ap-southeast-1 { central: "shop.aliyuncs.com" }"#),
            (
                &[("center", "shop.aliyuncs.com"), ("cn-a", "shop.cn-a.aliyuncs.com")],
                r#"cn-a { central: "shop.aliyuncs.com", public: "shop.{region}.aliyuncs.com" }"#,
            ),
            (
                &[("cn-x-test", "shop.cn-x-test.aliyuncs.com"), ("cn-hangzhou", "shop.cn-hangzhou.aliyuncs.com")],
                r#"cn-hangzhou { public: "shop.{region}.aliyuncs.com" }"#,
            ),
            (&[], r#"ap-southeast-1 { public: "shop.{region}.aliyuncs.com" }"#),
            // No pattern: all hosts are listed.
            (
                &[("cn-a", "x.example.com"), ("cn-b", "y.example.com"), ("cn-c", "z.example.com")],
                r#"cn-a { public: "shop.{region}.aliyuncs.com", regions: { cn-a: { public: "x.example.com" }, cn-b: { public: "y.example.com" }, cn-c: { public: "z.example.com" } } }"#,
            ),
        ] {
            assert_eq!(
                read(endpoints).replace("cn-a:", "\"cn-a\":"),
                expected.replace("cn-a:", "\"cn-a\":"),
                "{endpoints:?}"
            );
        }
    }

    #[test]
    fn a_region_is_replaced_only_as_a_whole_word() {
        for (region, host, expected) in [
            ("cn-hangzhou", "shop.cn-hangzhou.aliyuncs.com", Some("shop.{region}.aliyuncs.com")),
            ("cn-hangzhou", "shop-cn-hangzhou.aliyuncs.com", Some("shop-{region}.aliyuncs.com")),
            ("cn-hangzhou", "cn-hangzhou-vpc.aliyuncs.com", Some("{region}-vpc.aliyuncs.com")),
            ("cn-hangzhou", "shop.cn-hangzhou-finance.aliyuncs.com", None),
            ("cn-a", "xcn-a.aliyuncs.com", None),
            ("cn-a", "shop.cn-ab.aliyuncs.com", None),
            ("cn-a", "shop.cn-ab.cn-a.example.com", Some("shop.cn-ab.{region}.example.com")),
        ] {
            assert_eq!(pattern(region, host).as_deref(), expected, "{region} {host}");
        }
    }
}
