//! Settings of a client.

use std::env;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;

use crate::account::Account;
use crate::action::Product;
use crate::call::{Clock, Core};
use crate::client::Client;
#[cfg(doc)]
use crate::credentials::Credentials;
use crate::credentials::{EnvironmentCredentials, ProvideCredentials};
use crate::endpoint::{Endpoint, Network};
use crate::error::{Error, ErrorKind};
use crate::event::{Event, Events};
use crate::headers::Headers;
#[cfg(doc)]
use crate::options::CallOptions;
use crate::options::Options;
use crate::prepare::{ParameterPlacement, Settings, SignatureVersion};
use crate::retry::{RetryBudget, RetryPolicy};
use crate::sign::Nonces;
use crate::skew::Skew;
use crate::throttle::{self, Throttle};
use crate::transport::Transport;
use crate::unsigned::{RequestHook, UnsignedRequest};

/// Settings for a [`Client`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder<P> {
    product: PhantomData<fn() -> P>,
    credentials: Option<Arc<dyn ProvideCredentials>>,
    region: Option<String>,
    network: Network,
    endpoint: Option<String>,
    allow_unencrypted_http: bool,
    signature: SignatureVersion,
    placement: ParameterPlacement,
    throttle: Option<Throttle>,
    account: Option<String>,
    options: Options,
    transport: Option<Arc<dyn Transport>>,
    proxy: Option<String>,
    application: Option<String>,
    clock: Clock,
    events: Events,
    headers: Headers,
    on_request: Option<RequestHook>,
}

impl<P: Product> ClientBuilder<P> {
    pub(crate) fn new() -> Self {
        Self {
            product: PhantomData,
            credentials: None,
            region: None,
            network: Network::Public,
            endpoint: None,
            allow_unencrypted_http: false,
            signature: SignatureVersion::default(),
            placement: ParameterPlacement::default(),
            throttle: None,
            account: None,
            options: Options::DEFAULT,
            transport: None,
            proxy: None,
            application: None,
            clock: Arc::new(SystemTime::now),
            events: Events::default(),
            headers: Headers::new(),
            on_request: None,
        }
    }

    /// A builder with the settings of the environment, which can be overridden.
    ///
    /// With the feature `credentials` of the product crate, credentials come from the first source that has any: access
    /// keys as below, OIDC, profiles of the command line and the SDKs, the ECS metadata service, a credentials URI. The
    /// sources are tried at the first call, which fails if none has credentials.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` | the access key; required without the feature `credentials` |
    /// | `ALIBABA_CLOUD_SECURITY_TOKEN` | the token of temporary credentials |
    /// | `ALIBABA_CLOUD_REGION_ID` | the region; default: the default region of the product |
    /// | `ALIBABA_CLOUD_ENDPOINT_TYPE` | `vpc`: the endpoint inside a VPC |
    /// | `ALIBABA_CLOUD_ENDPOINT` | the endpoint, which overrides region and network |
    /// | `ALIBABA_CLOUD_SIGNATURE_VERSION` | `v1` (default) or `v3` |
    ///
    /// # Errors
    /// If a variable is missing or invalid; the message names it.
    pub fn from_env() -> Result<Self, Error> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let refuse = |name: &str, expected: &str| {
            Err(Error::new(ErrorKind::Configuration, format!("the environment variable {name} must be {expected}")))
        };
        let mut builder = Self::new();
        if let Some(provider) = P::default_credentials() {
            builder.credentials = Some(Arc::from(provider));
        } else {
            // Read once to fail early; read again at each call, so that a rotated key is noticed.
            EnvironmentCredentials.read().map_err(|error| {
                let more = "for profiles, roles, OIDC and the metadata service, turn on the feature `credentials` of the product's crate";
                Error::new(ErrorKind::Credentials, format!("{error}; {more}"))
            })?;
            builder = builder.credentials(EnvironmentCredentials);
        }
        builder.region = variable("ALIBABA_CLOUD_REGION_ID");
        builder.endpoint = variable("ALIBABA_CLOUD_ENDPOINT");
        match variable("ALIBABA_CLOUD_ENDPOINT_TYPE").as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("public") => {}
            Some("vpc") => builder.network = Network::Vpc,
            Some(_) => return refuse("ALIBABA_CLOUD_ENDPOINT_TYPE", "`public` or `vpc`"),
        }
        match variable("ALIBABA_CLOUD_SIGNATURE_VERSION").as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("v1") => {}
            Some("v3") => builder.signature = SignatureVersion::V3,
            Some(_) => return refuse("ALIBABA_CLOUD_SIGNATURE_VERSION", "`v1` or `v3`"),
        }
        Ok(builder)
    }

    /// Sets the source of credentials: [`Credentials`] themselves, [`EnvironmentCredentials`], a closure, or another
    /// provider.
    pub fn credentials(mut self, provider: impl ProvideCredentials) -> Self {
        self.credentials = Some(Arc::new(provider));
        self
    }

    /// Sets the region, e.g. `ap-southeast-1`. Default: the default region of the product.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sets the network. Default: [`Network::Public`].
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Sets the endpoint, which overrides region and network: a host, or a URL without a path. `http` is accepted only
    /// for this machine (`localhost`, `127.0.0.0/8`, `[::1]`).
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Accepts an `http` endpoint on any host. Others on the network can then read the requests, including phone
    /// numbers.
    pub fn allow_unencrypted_http(mut self) -> Self {
        self.allow_unencrypted_http = true;
        self
    }

    /// Sets the signature. Default: [`SignatureVersion::V1`]. Alibaba Cloud recommends V3.
    pub fn signature(mut self, version: SignatureVersion) -> Self {
        self.signature = version;
        self
    }

    /// Sets where parameters are placed. Default: [`ParameterPlacement::Body`].
    pub fn parameter_placement(mut self, placement: ParameterPlacement) -> Self {
        self.placement = placement;
        self
    }

    /// Sets the throttle. Default: [`Throttle::global`], with the documented limits and quotas that all clients of the
    /// process share by account.
    ///
    /// Use [`Throttle::with_limit`] for another limit, [`Throttle::off`] for none, and [`Throttle::with_store`] for
    /// quotas that several processes share.
    pub fn throttle(mut self, throttle: Throttle) -> Self {
        self.throttle = Some(throttle);
        self
    }

    /// Sets the name of the Alibaba Cloud account, for its quotas: letters, digits, `-`, `_` and `.`, and no access key
    /// ID.
    ///
    /// The service counts per main account, with all its RAM users and roles. Clients with the same name share their
    /// quotas, whatever their credentials. Default: the identity of the client's first credentials
    /// ([`Credentials::identity`]), else a hash of their access key ID.
    pub fn account(mut self, name: impl Into<String>) -> Self {
        self.account = Some(name.into());
        self
    }

    /// Sets how often a call is retried, and the backoff. Default: [`RetryPolicy::new`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options.retry = policy;
        self
    }

    /// Sets the timeout of one attempt, including connecting. Default: 10 s.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.options.attempt_timeout = timeout;
        self
    }

    /// Sets the deadline of a call, including all attempts and waits. Default: 60 s.
    ///
    /// A call that gets its permit less than a second before its deadline (less than a quarter of it, if that is
    /// shorter) is not sent, because its response would come too late and its outcome would be unknown.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.options.deadline = deadline;
        self
    }

    /// Sets the transport. Default: the bundled transport of the feature `reqwest`, or of `hyper` if that is off.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Sets the proxy of the bundled transport, e.g. `http://user:password@proxy.example.com:3128` or
    /// `socks5h://127.0.0.1:1080`; [`Proxies::all`](crate::transport::Proxies::all) describes the URL. Default: that of
    /// the environment ([`Proxies::from_env`](crate::transport::Proxies::from_env)), and none for an endpoint on this
    /// machine.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// Sets the name and version of the application, which are appended to the `User-Agent`, e.g. `crm/2.1`.
    pub fn application(mut self, application: impl Into<String>) -> Self {
        self.application = Some(application.into());
        self
    }

    /// Sets the clock for the timestamps of signatures. Default: the system clock.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets a function that is called with the events of every call, for metrics; see [`Event`]. Default: none.
    ///
    /// It runs during calls, so it must be quick and must not block; a panic in it ends the call.
    pub fn on_event(mut self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.events = Events::to(hook);
        self
    }

    /// Adds a header to every request, replacing one with the same name. [`CallOptions::header`] describes which
    /// headers can be set, and sets one for a single call. Default: none.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.headers.set(name.as_ref(), value.as_ref());
        self
    }

    /// Sets a function that is called with every request before it is signed, including retries, and can add headers,
    /// e.g. the `traceparent` of the current span. Default: none.
    ///
    /// It runs during calls, so it must be quick and must not block; a panic in it ends the call.
    pub fn on_request(mut self, hook: impl Fn(&mut UnsignedRequest<'_>) + Send + Sync + 'static) -> Self {
        self.on_request = Some(Arc::new(hook));
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// If a setting is invalid; the message names it.
    pub fn build(self) -> Result<Client<P>, Error> {
        let product = P::DESCRIPTOR;
        let wrong = |message: String| Error::new(ErrorKind::Configuration, message);
        let endpoint = match (&self.endpoint, &self.region) {
            (Some(endpoint), _) => endpoint.parse(),
            (None, Some(region)) => Endpoint::for_region(product, region, self.network),
            (None, None) => Endpoint::for_product(product, self.network),
        }
        .map_err(|error| wrong(error.to_string()))?;
        if !endpoint.is_encrypted() && !endpoint.is_loopback() && !self.allow_unencrypted_http {
            return Err(wrong(
                "an `http` endpoint on another machine sends phone numbers and signatures unencrypted; use `https`, or call \
                 `allow_unencrypted_http()` if that is what you want"
                    .to_owned(),
            ));
        }
        self.headers.check().map_err(|refusal| wrong(refusal.to_owned()))?;
        let user_agent = user_agent(product.code, product.version, self.application.as_deref());
        let user_agent = Some(user_agent)
            .filter(|text| text.bytes().all(|b| b == b' ' || b.is_ascii_graphic()))
            .and_then(|text| HeaderValue::try_from(text).ok())
            .ok_or_else(|| wrong("the application name must be printable ASCII text".to_owned()))?;
        let transport = match (self.transport, self.proxy) {
            (Some(transport), None) => transport,
            (Some(_), Some(_)) => {
                return Err(wrong(
                    "`proxy` has no effect on a transport of your own; set the proxy in the transport".to_owned(),
                ));
            }
            (None, proxy) => default_transport(&endpoint, proxy.as_deref())?,
        };
        let account = match self.account {
            Some(name) => Account::named(throttle::account_name(name).map_err(|error| wrong(error.to_owned()))?),
            None => Account::default(),
        };
        let nonces = Nonces::new().map_err(|error| {
            wrong(format!("the operating system gives no random numbers, which nonces need: {error}"))
        })?;
        Ok(Client::new(Core {
            settings: Settings { product, signature: self.signature, placement: self.placement, user_agent },
            credentials: self.credentials,
            transport,
            throttle: self.throttle.unwrap_or_else(Throttle::global),
            account,
            budget: RetryBudget::new(),
            options: self.options,
            nonces,
            clock: self.clock,
            skew: Skew::default(),
            events: self.events,
            endpoint,
            network: if self.endpoint.is_some() { None } else { Some(self.network) },
            headers: self.headers,
            on_request: self.on_request,
        }))
    }
}

impl<P: Product> fmt::Debug for ClientBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("product", &P::DESCRIPTOR.code).finish_non_exhaustive()
    }
}

/// The `User-Agent` in the format of the official SDKs: `AlibabaCloud (OS; architecture) Language Core/version
/// product/version`.
fn user_agent(product: &str, version: &str, application: Option<&str>) -> String {
    let (os, arch, core) = (env::consts::OS, env::consts::ARCH, env!("CARGO_PKG_VERSION"));
    let mut user_agent = format!("AlibabaCloud ({os}; {arch}) Rust Core/{core} {product}/{version}");
    if let Some(application) = application {
        user_agent.push(' ');
        user_agent.push_str(application);
    }
    user_agent
}

#[cfg(any(feature = "reqwest", feature = "hyper"))]
fn default_transport(endpoint: &Endpoint, proxy: Option<&str>) -> Result<Arc<dyn Transport>, Error> {
    use crate::transport::{DefaultTransport, Proxies};
    let wrong = |message: String| Error::new(ErrorKind::Configuration, message);
    let proxies = match proxy {
        Some(url) => Proxies::all(url),
        None => Proxies::default_for(endpoint),
    };
    let proxies = proxies.map_err(|error| wrong(error.to_string()))?;
    let transport = DefaultTransport::builder().proxies(proxies).build();
    Ok(Arc::new(transport.map_err(|error| wrong(error.to_string()).with_source(error))?))
}

#[cfg(not(any(feature = "reqwest", feature = "hyper")))]
fn default_transport(_endpoint: &Endpoint, _proxy: Option<&str>) -> Result<Arc<dyn Transport>, Error> {
    Err(Error::new(
        ErrorKind::Configuration,
        "there is no transport: turn on the feature `reqwest` or `hyper`, or give one with `Client::builder().transport(…)`",
    ))
}
