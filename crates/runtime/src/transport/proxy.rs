//! The proxies that the environment or the application sets.

use std::env;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

#[cfg(any(feature = "reqwest", feature = "hyper"))]
use http::Uri;
use http::uri::Authority;
use percent_encoding::percent_decode_str;

use crate::endpoint::Endpoint;

/// The proxies of a transport: one for `https` endpoints, one for `http` endpoints, and the hosts that are reached
/// without one.
///
/// ```
/// use alibabacloud_runtime::transport::Proxies;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let proxies = Proxies::all("socks5h://proxy.example.com")?.except("*.internal, 10.0.0.0/8");
/// let used = proxies.for_endpoint(&"https://cams.ap-southeast-1.aliyuncs.com".parse()?)?;
/// assert_eq!(used.unwrap().to_string(), "socks5h://proxy.example.com:1080");
/// assert!(proxies.for_endpoint(&"https://cams.internal".parse()?)?.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Proxies {
    https: Setting,
    http: Setting,
    except: NoProxy,
}

/// A proxy, none, or an invalid setting.
type Setting = Result<Option<Proxy>, ProxyError>;

impl Proxies {
    /// No proxies.
    pub fn none() -> Self {
        Self { https: Ok(None), http: Ok(None), except: NoProxy::default() }
    }

    /// One proxy for all endpoints: `http://`, `https://`, `socks5://` (names are resolved on this machine) or
    /// `socks5h://` (by the proxy), then `user:password@` if the proxy requires them, then host and port. The default
    /// scheme is `http`. The default ports are 80, 443 and 1080.
    ///
    /// # Errors
    /// If the text is not the URL of a proxy. The error does not quote it.
    pub fn all(url: &str) -> Result<Self, ProxyError> {
        let proxy = Proxy::parse(url).map_err(|why| ProxyError { place: "the proxy", why })?;
        Ok(Self { https: Ok(Some(proxy.clone())), http: Ok(Some(proxy)), except: NoProxy::default() })
    }

    /// The proxies of the environment.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `HTTPS_PROXY`, `https_proxy` | the proxy for `https` endpoints |
    /// | `HTTP_PROXY`, `http_proxy` | the proxy for `http` endpoints |
    /// | `ALL_PROXY`, `all_proxy` | the proxy for both, if the one above is not set |
    /// | `NO_PROXY`, `no_proxy` | hosts that are reached without a proxy; see [`except`](Self::except) |
    ///
    /// The first of two spellings that is set and not empty is used. In a CGI program (`REQUEST_METHOD` is set)
    /// `HTTP_PROXY` is ignored, because a client of the program could set it.
    ///
    /// An invalid value is reported only when it is used for an endpoint.
    pub fn from_env() -> Self {
        Self::from_variables(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| Some((name, variable(name).filter(|value| !value.is_empty())?)))
        };
        let proxy = |names| {
            let named = first(names).or_else(|| first(["ALL_PROXY", "all_proxy"]));
            named
                .map(|(name, url)| match Proxy::parse(&url) {
                    Ok(proxy) => Ok(Proxy { variable: Some(name), ..proxy }),
                    Err(why) => Err(ProxyError { place: name, why }),
                })
                .transpose()
        };
        let is_cgi = variable("REQUEST_METHOD").is_some();
        let http = if is_cgi { ["http_proxy", "http_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
        let except = first(["NO_PROXY", "no_proxy"]).map(|(_, list)| NoProxy::parse(&list));
        Self { https: proxy(["HTTPS_PROXY", "https_proxy"]), http: proxy(http), except: except.unwrap_or_default() }
    }

    /// Sets the hosts to reach without a proxy, replacing earlier ones. The list is separated by commas or blanks:
    ///
    /// - `example.com` or `.example.com`: the host and all below it;
    /// - `*.example.com`: all hosts below it;
    /// - `192.0.2.1`, `2001:db8::1`: an address, `192.0.2.0/24`: the addresses of a network;
    /// - any of these but the network with `:port`: only that port. An IPv6 address is then in brackets;
    /// - `*`: all hosts.
    ///
    /// Other entries match nothing.
    #[must_use]
    pub fn except(mut self, hosts: &str) -> Self {
        self.except = NoProxy::parse(hosts);
        self
    }

    /// The proxy for an endpoint; `None` if it is reached without one.
    ///
    /// # Errors
    /// If the proxy for it is invalid.
    pub fn for_endpoint(&self, endpoint: &Endpoint) -> Result<Option<&Proxy>, ProxyError> {
        self.lookup(endpoint.is_encrypted(), endpoint.host(), endpoint.port()).map_err(Clone::clone)
    }

    /// As [`for_endpoint`](Self::for_endpoint), by the URL of a request.
    #[cfg(any(feature = "reqwest", feature = "hyper"))]
    pub(super) fn for_uri(&self, uri: &Uri) -> Option<&Proxy> {
        let is_encrypted = uri.scheme_str() != Some("http");
        let port = uri.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
        self.lookup(is_encrypted, uri.host()?, port).ok().flatten()
    }

    /// Fails if one of the proxies is invalid.
    #[cfg(any(feature = "reqwest", feature = "hyper"))]
    pub(super) fn check(&self) -> Result<(), &ProxyError> {
        if !self.except.everything {
            self.https.as_ref()?;
            self.http.as_ref()?;
        }
        Ok(())
    }

    /// Whether no endpoint has a proxy.
    #[cfg(any(feature = "reqwest", feature = "hyper"))]
    pub(super) fn is_empty(&self) -> bool {
        self.except.everything || matches!((&self.https, &self.http), (Ok(None), Ok(None)))
    }

    /// The default proxy of a client with this endpoint, for that endpoint alone, so that an invalid setting fails only
    /// clients that need it.
    #[cfg(any(feature = "reqwest", feature = "hyper"))]
    pub(crate) fn default_for(endpoint: &Endpoint) -> Result<Self, ProxyError> {
        let proxy = default_proxy(endpoint)?;
        Ok(Self { https: Ok(proxy.clone()), http: Ok(proxy), except: NoProxy::default() })
    }

    fn lookup(&self, is_encrypted: bool, host: &str, port: u16) -> Result<Option<&Proxy>, &ProxyError> {
        let proxy = if is_encrypted { &self.https } else { &self.http };
        if self.except.contains(host, port) { Ok(None) } else { proxy.as_ref().map(Option::as_ref) }
    }
}

/// The proxy of a client with this endpoint if neither its builder nor its transport sets one: that of the environment
/// ([`Proxies::from_env`]), and none for an endpoint on this machine.
///
/// # Errors
/// If the proxy of the environment for the endpoint is invalid. Building the client fails in the same way.
pub fn default_proxy(endpoint: &Endpoint) -> Result<Option<Proxy>, ProxyError> {
    if endpoint.is_loopback() {
        return Ok(None);
    }
    Proxies::from_env().for_endpoint(endpoint).map(Option::<&Proxy>::cloned)
}

/// A proxy.
///
/// `Display` and `Debug` show its URL without user name and password.
#[derive(Clone)]
pub struct Proxy {
    scheme: ProxyScheme,
    /// With a port.
    authority: Authority,
    #[cfg_attr(
        not(any(feature = "reqwest", feature = "hyper")),
        allow(dead_code, reason = "only bundled transports send them")
    )]
    credentials: Option<Arc<(String, String)>>,
    variable: Option<&'static str>,
}

/// The protocol of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProxyScheme {
    /// HTTP; an `https` endpoint is reached through a tunnel (`CONNECT`).
    Http,
    /// The same over TLS.
    Https,
    /// SOCKS5 with the address of the endpoint.
    Socks5,
    /// SOCKS5 with the name of the endpoint.
    Socks5h,
}

impl ProxyScheme {
    fn of(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            "socks5" => Some(Self::Socks5),
            "socks5h" => Some(Self::Socks5h),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 | Self::Socks5h => 1080,
        }
    }
}

impl Proxy {
    /// The environment variable that sets the proxy; `None` if the application sets it.
    pub fn variable(&self) -> Option<&'static str> {
        self.variable
    }

    fn parse(url: &str) -> Result<Self, String> {
        if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("it contains a blank or a control character".to_owned());
        }
        let (scheme, rest) = match url.split_once("://") {
            None => (ProxyScheme::Http, url),
            Some((name, rest)) => match ProxyScheme::of(name) {
                Some(scheme) => (scheme, rest),
                // If it does not look like a scheme, the text before the colon may contain a password.
                None if name.len() <= 16 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+') => {
                    return Err(format!("its scheme is `{name}`; use `http`, `https`, `socks5` or `socks5h`"));
                }
                None => return Err("it has no scheme; use `http`, `https`, `socks5` or `socks5h`".to_owned()),
            },
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(
                "it has a path, query or fragment; in a user name or password, write `/` as `%2F`, `?` as `%3F` \
                        and `#` as `%23`"
                    .to_owned(),
            );
        }
        let (credentials, host) = match rest.rsplit_once('@') {
            None => (None, rest),
            Some((credentials, host)) => {
                let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
                let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
                (Some(Arc::new((decoded(user), decoded(password)))), host)
            }
        };
        let no_host = || "it has no host, or the host or port is not valid".to_owned();
        let parsed = host.parse::<Authority>().map_err(|_| no_host())?;
        let (name, port) = (parsed.host(), parsed.port_u16().unwrap_or(scheme.default_port()));
        let has_valid_port = parsed.port().is_none_or(|port| port.as_u16() != 0) && !host.ends_with(':');
        if name.is_empty() || !has_valid_port || (host.len() > name.len() && parsed.port_u16().is_none()) {
            return Err(no_host());
        }
        let authority = format!("{name}:{port}").parse().map_err(|_| no_host())?;
        Ok(Self { scheme, authority, credentials, variable: None })
    }
}

#[cfg(any(feature = "reqwest", feature = "hyper"))]
impl Proxy {
    /// User name and password.
    pub(super) fn credentials(&self) -> Option<(&str, &str)> {
        self.credentials.as_deref().map(|(user, password)| (user.as_str(), password.as_str()))
    }
}

#[cfg(feature = "hyper")]
impl Proxy {
    pub(super) fn scheme(&self) -> ProxyScheme {
        self.scheme
    }

    /// The address of the proxy, with a scheme that shows whether it uses TLS.
    pub(super) fn uri(&self) -> Result<Uri, http::Error> {
        let scheme = if self.scheme == ProxyScheme::Https { "https" } else { "http" };
        Uri::builder().scheme(scheme).authority(self.authority.clone()).path_and_query("/").build()
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The reason why a proxy setting is invalid. It quotes only the scheme of the setting, because the rest may contain a
/// password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyError {
    /// The name of the variable, or `the proxy`, for the message.
    place: &'static str,
    why: String,
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, why } = self;
        write!(f, "{place} is not a usable proxy: {why}; an example is `http://proxy.example.com:3128`")
    }
}

impl std::error::Error for ProxyError {}

/// Hosts that are reached without a proxy.
#[derive(Debug, Clone, Default)]
struct NoProxy {
    everything: bool,
    entries: Vec<(Pattern, Option<u16>)>,
}

#[derive(Debug, Clone)]
enum Pattern {
    /// An address and the length of the prefix to compare.
    Network(IpAddr, u32),
    /// A name, in lower case.
    Domain(String),
    /// All names below this one, in lower case and with the dot before it.
    Below(String),
}

impl NoProxy {
    fn parse(list: &str) -> Self {
        let mut this = Self::default();
        for entry in list.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty()) {
            if entry == "*" {
                this.everything = true;
            } else {
                this.entries.extend(Self::entry(entry));
            }
        }
        this
    }

    fn entry(entry: &str) -> Option<(Pattern, Option<u16>)> {
        // An IPv6 address without brackets also contains colons.
        if let Some(pattern) = Pattern::address(entry) {
            return Some((pattern, None));
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        let pattern = Pattern::address(host).or_else(|| {
            let host = host.to_ascii_lowercase();
            let host = host.strip_suffix('.').unwrap_or(&host);
            match host.strip_prefix('*') {
                Some(below) => below.starts_with('.').then(|| Pattern::Below(below.to_owned())),
                None => Some(Pattern::Domain(host.strip_prefix('.').unwrap_or(host).to_owned())),
            }
        })?;
        Some((pattern, port))
    }

    fn contains(&self, host: &str, port: u16) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>().ok().map(|address| address.to_canonical());
        let matches = |(pattern, only): &(Pattern, Option<u16>)| {
            only.is_none_or(|only| only == port) && pattern.matches(&host, address)
        };
        self.everything || self.entries.iter().any(matches)
    }
}

impl Pattern {
    /// An address, in brackets or not, or a network.
    fn address(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse().ok()?)),
            None => (text, None),
        };
        let address = match address.strip_prefix('[') {
            Some(inner) => IpAddr::V6(inner.strip_suffix(']')?.parse().ok()?),
            None => address.parse().ok()?,
        };
        let bits = bits(address).1;
        let length = length.unwrap_or(bits);
        (length <= bits).then_some(Self::Network(address, length))
    }

    fn matches(&self, host: &str, address: Option<IpAddr>) -> bool {
        match self {
            Self::Network(network, length) => address.is_some_and(|address| {
                let ((network, bits), (address, other)) = (bits(*network), bits(address));
                // A shift by all bits would overflow.
                bits == other && (network ^ address).checked_shr(bits - length).unwrap_or(0) == 0
            }),
            Self::Domain(name) => {
                let above = host.strip_suffix(name.as_str());
                address.is_none() && above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }
            Self::Below(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
        }
    }
}

/// The bits of an address, and their number.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Proxies {
        Proxies::from_variables(|name| {
            variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn used(proxies: &Proxies, endpoint: &str) -> Result<Option<String>, String> {
        let proxy = proxies.for_endpoint(&endpoint.parse().unwrap());
        proxy.map(|proxy| proxy.map(ToString::to_string)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_variable_of_the_scheme_overrides_the_one_for_all() {
        let secure = "https://cams.aliyuncs.com";
        let plain = "http://cams.example.com";
        for (variables, for_https, for_http) in [
            (&[][..], None, None),
            (&[("HTTPS_PROXY", "http://a:1"), ("HTTP_PROXY", "http://b:2")], Some("http://a:1"), Some("http://b:2")),
            (&[("https_proxy", "a:1"), ("ALL_PROXY", "socks5://c")], Some("http://a:1"), Some("socks5://c:1080")),
            (&[("HTTPS_PROXY", ""), ("https_proxy", "https://a")], Some("https://a:443"), None),
            (&[("HTTP_PROXY", "http://b"), ("REQUEST_METHOD", "GET")], None, None),
            (&[("http_proxy", "http://b"), ("REQUEST_METHOD", "GET")], None, Some("http://b:80")),
            (&[("all_proxy", "SOCKS5H://[::1]:9/")], Some("socks5h://[::1]:9"), Some("socks5h://[::1]:9")),
            (&[("ALL_PROXY", "http://a"), ("NO_PROXY", "aliyuncs.com")], None, Some("http://a:80")),
        ] {
            let proxies = environment(variables);
            assert_eq!(used(&proxies, secure).unwrap().as_deref(), for_https, "{variables:?}");
            assert_eq!(used(&proxies, plain).unwrap().as_deref(), for_http, "{variables:?}");
        }
        let proxies = environment(&[("ALL_PROXY", "http://a")]);
        let proxy = proxies.for_endpoint(&secure.parse().unwrap()).unwrap();
        assert_eq!(proxy.unwrap().variable(), Some("ALL_PROXY"));
    }

    #[test]
    fn an_invalid_setting_is_an_error_with_the_variable_and_without_the_password() {
        for (url, why) in [
            ("http://127.0.0.1:9 ", "a blank"),
            (" http://127.0.0.1:9", "a blank"),
            ("http://127.0.0.1:9\n", "control character"),
            ("htp://user:CANARY@a:1", "`htp`"),
            ("socks4://user:CANARY@a:1", "`socks4`"),
            ("socks://a:1", "`socks`"),
            ("user:CANARY://a:1", "no scheme"),
            ("http://", "no host"),
            ("http://:8080", "no host"),
            ("http://user:CANARY@", "no host"),
            ("http://user:CANARY@host:", "no host"),
            ("http://user:CANARY@host:0", "no host"),
            ("http://user:CANARY@host:65536", "no host"),
            ("http://user:CANARY@host:x", "no host"),
            ("http://user:CAN/ARY@host:1", "%2F"),
            ("http://user:CANARY#@host:1", "%23"),
            ("http://proxy.example.com/proxy.pac", "a path"),
        ] {
            for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
                let proxies = environment(&[(name, url)]);
                let error = used(&proxies, "https://cams.aliyuncs.com").unwrap_err();
                assert!(error.starts_with(name) && error.contains(why), "{url}: {error}");
                assert!(!format!("{error} {proxies:?}").contains("CAN"), "{url}: {error}");
            }
        }
        // Only the proxy that is used must be valid.
        let proxies = environment(&[("ALL_PROXY", "socks://a"), ("HTTPS_PROXY", "http://b"), ("NO_PROXY", "c")]);
        assert_eq!(used(&proxies, "https://cams.aliyuncs.com").unwrap().as_deref(), Some("http://b:80"));
        assert_eq!(used(&proxies, "http://c").unwrap(), None);
        used(&proxies, "http://d").unwrap_err();
    }

    #[test]
    fn user_and_password_are_decoded_and_not_printed() {
        for (url, user, password) in [
            ("http://me:CANARY@a", "me", "CANARY"),
            ("socks5://me:CAN%40%2fARY@a", "me", "CAN@/ARY"),
            ("http://me:CAN@ARY@a", "me", "CAN@ARY"),
            ("http://CANARY@a", "CANARY", ""),
            ("me:CANARY@a:80", "me", "CANARY"),
        ] {
            let proxies = Proxies::all(url).unwrap();
            let proxy = proxies.for_endpoint(&"https://b".parse().unwrap()).unwrap().unwrap();
            assert_eq!(proxy.credentials.as_deref(), Some(&(user.to_owned(), password.to_owned())), "{url}");
            assert!(!format!("{proxy} {proxy:?} {proxies:?}").contains("CAN"), "{proxy:?}");
        }
    }

    #[test]
    fn every_common_form_of_no_proxy_is_supported() {
        for (list, inside, outside) in [
            ("*", &["https://a", "http://10.0.0.1"][..], &[][..]),
            (
                "example.com",
                &["https://example.com", "https://a.EXAMPLE.com", "https://a.b.example.com:1", "https://example.com."],
                &["https://badexample.com", "https://example.com.evil.com", "https://example.org"],
            ),
            (".Example.com", &["https://example.com", "https://a.example.com"], &["https://badexample.com"]),
            ("*.example.com", &["https://a.example.com", "https://a.b.example.com"], &["https://example.com"]),
            ("example.com.", &["https://example.com"], &[]),
            ("a, example.com", &["https://example.com", "https://a"], &["https://b"]),
            ("a example.com", &["https://example.com", "https://a"], &["https://b"]),
            ("a,,*", &["https://b"], &[]),
            ("example.com:8443", &["https://example.com:8443"], &["https://example.com", "https://example.com:443"]),
            ("example.com:443", &["https://example.com", "https://a.example.com:443"], &["http://example.com"]),
            ("10.1.2.3", &["https://10.1.2.3", "https://10.1.2.3:1"], &["https://10.1.2.4", "https://a.10.1.2.3.b"]),
            ("10.1.2.3:80", &["http://10.1.2.3"], &["https://10.1.2.3"]),
            ("10.0.0.0/8", &["https://10.255.0.1"], &["https://11.0.0.1", "https://[::a00:1]"]),
            ("0.0.0.0/0", &["https://10.255.0.1"], &["https://a", "https://[::1]"]),
            ("10.1.2.3/32", &["https://10.1.2.3"], &["https://10.1.2.2"]),
            ("::1", &["https://[::1]", "https://[::1]:5"], &["https://[::2]"]),
            ("[::1]", &["https://[::1]:5"], &["https://[::2]"]),
            ("[::1]:5", &["https://[::1]:5"], &["https://[::1]"]),
            ("fe80::/10", &["https://[fe80::1]", "https://[febf::1]"], &["https://[fec0::1]", "https://10.0.0.1"]),
            ("10.1.2.3", &["https://[::ffff:10.1.2.3]"], &[]),
            ("", &[], &["https://a"]),
            ("10.0.0.0/33, *a.com, *, :", &["https://b"], &[]),
            ("10.0.0.0/33, *a.com, x:y, [::1, 1.2.3.4/x", &[], &["https://aa.com", "https://10.0.0.1", "https://x"]),
        ] {
            let proxies = Proxies::all("http://proxy").unwrap().except(list);
            for endpoint in inside {
                assert_eq!(used(&proxies, endpoint).unwrap(), None, "{list:?}: {endpoint}");
            }
            for endpoint in outside {
                assert!(used(&proxies, endpoint).unwrap().is_some(), "{list:?}: {endpoint}");
            }
        }
    }
}
