//! Determines the endpoint of a product from region, network or an explicit address.

use std::fmt;
use std::net::IpAddr;

use http::uri::{Authority, Scheme, Uri};

use crate::descriptor::ProductDescriptor;

/// The network over which a product is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Network {
    /// The internet.
    #[default]
    Public,
    /// A VPC (virtual private cloud) in the same region.
    Vpc,
}

/// The endpoint of a product: a scheme, a host and an optional port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    authority: Authority,
    /// The URL without a query, which nearly every request uses.
    uri: Uri,
    /// The lengths of the host, and of host and port without the default one, with which the authority begins.
    host_length: usize,
    host_and_port_length: usize,
}

/// The reason why a text is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointError(String);

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EndpointError {}

impl Endpoint {
    /// The product's endpoint without a region: its central one if the network has one, else that of its default
    /// region.
    ///
    /// # Errors
    /// If the product has no endpoint on the network.
    pub fn for_product(product: &ProductDescriptor, network: Network) -> Result<Self, EndpointError> {
        match (network, product.endpoints.central) {
            (Network::Vpc, _) | (_, "") => Self::for_region(product, product.default_region, network),
            (Network::Public, host) => host.parse(),
        }
    }

    /// The product's endpoint in a region: the host listed for the region, else the product's pattern, else its central
    /// endpoint.
    ///
    /// # Errors
    /// If `region` is not a region ID (lower-case letters, digits and hyphens), or the product has no pattern for the
    /// network.
    pub fn for_region(product: &ProductDescriptor, region: &str, network: Network) -> Result<Self, EndpointError> {
        if region.is_empty() || !region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err(EndpointError(format!("`{region}` is not a region ID; an example is `ap-southeast-1`")));
        }
        let endpoints = &product.endpoints;
        let exception = endpoints.exceptions.iter().find(|exception| exception.region == region);
        let (listed, pattern) = match network {
            Network::Public if endpoints.public.is_empty() => (exception.and_then(|e| e.public), endpoints.central),
            Network::Public => (exception.and_then(|e| e.public), endpoints.public),
            Network::Vpc => (exception.and_then(|e| e.vpc), endpoints.vpc),
        };
        let host = listed.map_or_else(|| pattern.replace("{region}", region), ToOwned::to_owned);
        if host.is_empty() {
            return Err(EndpointError(format!(
                "the product `{}` has no endpoint rule for this network; give an endpoint explicitly",
                product.code
            )));
        }
        host.parse()
    }

    /// The host name or address, without the port; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        &self.authority.as_str()[..self.host_length]
    }

    /// Host and port as in the `Host` header: the default port of the scheme is omitted.
    pub fn host_and_port(&self) -> &str {
        &self.authority.as_str()[..self.host_and_port_length]
    }

    /// The port of the address, or the default port of the scheme.
    pub(crate) fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.is_encrypted() { 443 } else { 80 })
    }

    /// Whether requests are encrypted (`https`).
    pub fn is_encrypted(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether the host is this machine: `localhost`, `127.0.0.0/8` or `[::1]`.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host.eq_ignore_ascii_case("localhost")
            || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// The URL with this query (without `?`), or without a query if it is empty.
    pub(crate) fn uri(&self, query: &str) -> Result<Uri, http::Error> {
        if query.is_empty() {
            return Ok(self.uri.clone());
        }
        self.uri_of(self.authority.clone(), &format!("/?{query}"))
    }

    /// The URL with this authority, path and query.
    pub(crate) fn uri_of(&self, authority: Authority, path_and_query: &str) -> Result<Uri, http::Error> {
        Uri::builder().scheme(self.scheme.clone()).authority(authority).path_and_query(path_and_query).build()
    }

    /// Host and port as in the URL.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Whether the host is an IP address, which cannot have a label in front.
    pub(crate) fn is_address(&self) -> bool {
        self.host().trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
    }
}

/// Parses `host`, `host:port`, `https://host[:port]` or `http://host[:port]`. The default scheme is `https`; a loopback
/// address needs a scheme.
impl std::str::FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        // The text is not quoted, because it may contain credentials.
        let refuse = |why: &str| {
            EndpointError(format!(
                "not an endpoint: {why}; an example is `cams.ap-southeast-1.aliyuncs.com` or `http://127.0.0.1:8080`"
            ))
        };
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let parts = with_scheme.parse::<Uri>().map_err(|_| refuse("it is not a URL"))?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(refuse("it has no host"));
        };
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(refuse("the scheme must be `https` or `http`"));
        }
        if authority.as_str().contains('@') {
            return Err(refuse("user names and passwords have no place in it"));
        }
        if parts.path_and_query.is_some_and(|path| path != "/") {
            return Err(refuse("it must not have a path or query"));
        }
        if text.contains('#') {
            return Err(refuse("it must not have a fragment"));
        }
        if authority.host().is_empty() || authority.as_str().ends_with(':') {
            return Err(refuse("it has no host"));
        }
        let uri = Uri::builder().scheme(scheme.clone()).authority(authority.clone()).path_and_query("/").build();
        let uri = uri.map_err(|_| refuse("it is not a URL"))?;
        // Nothing stands before the host: a user name is refused above.
        let host_length = authority.host().len();
        let default_port = if scheme == Scheme::HTTPS { 443 } else { 80 };
        let has_default_port = authority.port_u16() == Some(default_port);
        let host_and_port_length = if has_default_port { host_length } else { authority.as_str().len() };
        let endpoint = Self { scheme, authority, uri, host_length, host_and_port_length };
        // A server on this machine rarely uses TLS, and without TLS the response to a handshake is incomprehensible.
        if endpoint.is_loopback() && !text.contains("://") {
            return Err(refuse(
                "it has no scheme; for a server on this machine, write `http://` (plain) or `https://` (TLS)",
            ));
        }
        Ok(endpoint)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::{EndpointDescriptor, RegionEndpoint};

    const PRODUCT: ProductDescriptor = ProductDescriptor {
        code: "cams",
        endpoints: EndpointDescriptor {
            central: "",
            public: "cams.{region}.aliyuncs.com",
            vpc: "cams-vpc.{region}.aliyuncs.com",
            exceptions: &[RegionEndpoint { region: "cn-old", public: Some("cams.aliyuncs.com"), vpc: None }],
        },
        ..ProductDescriptor::EMPTY
    };

    #[test]
    fn a_region_has_the_documented_host() {
        let host = |region, network| Endpoint::for_region(&PRODUCT, region, network).unwrap().to_string();
        assert_eq!(host("ap-southeast-1", Network::Public), "https://cams.ap-southeast-1.aliyuncs.com");
        assert_eq!(host("cn-hangzhou", Network::Vpc), "https://cams-vpc.cn-hangzhou.aliyuncs.com");
        assert_eq!(host("cn-old", Network::Public), "https://cams.aliyuncs.com");
        assert_eq!(host("cn-old", Network::Vpc), "https://cams-vpc.cn-old.aliyuncs.com");
    }

    #[test]
    fn without_a_region_the_central_endpoint_is_used_where_there_is_one() {
        let product = ProductDescriptor { default_region: "cn-hangzhou", ..PRODUCT };
        let host = |product, network| Endpoint::for_product(product, network).unwrap().to_string();
        assert_eq!(host(&product, Network::Public), "https://cams.cn-hangzhou.aliyuncs.com");
        let endpoints = EndpointDescriptor { central: "cams.aliyuncs.com", ..PRODUCT.endpoints };
        let product = ProductDescriptor { endpoints, ..product };
        assert_eq!(host(&product, Network::Public), "https://cams.aliyuncs.com");
        assert_eq!(host(&product, Network::Vpc), "https://cams-vpc.cn-hangzhou.aliyuncs.com");
        let chosen = Endpoint::for_region(&product, "cn-beijing", Network::Public).unwrap();
        assert_eq!(chosen.to_string(), "https://cams.cn-beijing.aliyuncs.com");
    }

    #[test]
    fn without_a_pattern_the_central_endpoint_serves_every_region_that_is_not_listed() {
        let endpoints = EndpointDescriptor { central: "cams.example.com", public: "", vpc: "", ..PRODUCT.endpoints };
        let product = ProductDescriptor { endpoints, ..PRODUCT };
        let host = |region| Endpoint::for_region(&product, region, Network::Public).unwrap().to_string();
        assert_eq!(host("cn-hangzhou"), "https://cams.example.com");
        assert_eq!(host("cn-old"), "https://cams.aliyuncs.com");
        let refused = Endpoint::for_region(&product, "cn-hangzhou", Network::Vpc).unwrap_err().to_string();
        assert!(refused.contains("give an endpoint explicitly"), "{refused}");
    }

    #[test]
    fn a_region_cannot_change_the_host() {
        for region in ["", "a.evil.com/", "A", "x@y", "a b", "é"] {
            assert!(Endpoint::for_region(&PRODUCT, region, Network::Public).is_err(), "{region}");
        }
    }

    #[test]
    fn only_the_scheme_of_an_address_is_optional() {
        let parse = |text: &str| text.parse::<Endpoint>();
        assert_eq!(parse("example.com:8443").unwrap().to_string(), "https://example.com:8443");
        assert_eq!(parse("https://example.com:443/").unwrap().host_and_port(), "example.com");
        assert_eq!(parse("http://127.0.0.1:80").unwrap().host_and_port(), "127.0.0.1");
        assert_eq!(parse("http://127.0.0.1:81").unwrap().host_and_port(), "127.0.0.1:81");
        for bad in [
            "",
            "ftp://example.com",
            "https://",
            "https://a/b",
            "https://a?b",
            "https://canary@a",
            "a b",
            "/",
            "host:",
            "https://a#b\n",
            "127.0.0.1:8080",
            "localhost",
            "[::1]:8080",
        ] {
            let error = parse(bad).unwrap_err().to_string();
            assert!(error.starts_with("not an endpoint") && !error.contains("canary"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_loopback_address_without_a_scheme_is_refused_and_the_error_names_the_scheme() {
        let error = "127.0.0.1:8080".parse::<Endpoint>().unwrap_err().to_string();
        assert!(error.contains("no scheme") && error.contains("`http://`"), "{error}");
    }

    #[test]
    fn loopback_is_recognised() {
        for (address, loopback) in [
            ("http://127.0.0.1:1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:80", true),
            ("http://LOCALHOST", true),
            ("http://10.0.0.1", false),
            ("http://127.0.0.1.example.com", false),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(address.parse::<Endpoint>().unwrap().is_loopback(), loopback, "{address}");
        }
    }
}
