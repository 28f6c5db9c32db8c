//! The client, and the call itself: [`Core::call`] is the one function to read from top to bottom.

use std::borrow::Cow;
use std::env;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use tokio::time::{Instant, sleep, timeout};

use crate::action::{Action, Product};
use crate::answer::{self, Context};
use crate::credentials::{Credentials, EnvironmentCredentials, ProvideCredentials};
use crate::descriptor::{ActionDescriptor, ParameterLocation};
use crate::endpoint::{Endpoint, Network};
use crate::error::{Error, ErrorKind};
use crate::parameters::{Parameter, parameters};
use crate::prepare::{ParameterPlacement, PreparedRequest, Settings, SignatureVersion, prepare};
use crate::redact::Redactor;
use crate::response::{Metadata, Response};
use crate::retry::RetryPolicy;
use crate::sign::{Nonces, timestamp};
use crate::throttle::{Quota, Throttle};
use crate::transport::Transport;
use crate::untyped::{JsonOutput, UntypedRequest};
use crate::value::{Json, Object};

/// Calls the actions of one product.
///
/// Cheap to clone; clones share connections, quotas and credentials. Calls need a tokio runtime with its timer enabled.
pub struct Client<P> {
    core: Arc<Core>,
    product: PhantomData<fn() -> P>,
}

impl<P> Clone for Client<P> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone(), product: PhantomData }
    }
}

impl<P: Product> fmt::Debug for Client<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("product", &P::DESCRIPTOR.code)
            .field("endpoint", &self.core.settings.endpoint.to_string())
            .field("signature", &self.core.settings.signature)
            .field("throttle", &self.core.throttle)
            .finish_non_exhaustive()
    }
}

impl<P: Product> Client<P> {
    /// A client with everything from the environment: [`ClientBuilder::from_env`] says which variables.
    ///
    /// # Errors
    /// If a variable is missing or has a value that cannot be used; the message names it.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }

    /// A builder with the defaults; only credentials must be given.
    pub fn builder() -> ClientBuilder<P> {
        ClientBuilder::new()
    }

    /// Calls an action: waits for its quota, signs, sends, judges the answer, and sends again what was certainly not executed.
    ///
    /// The future may be dropped at any time; a request that is under way then may still take effect.
    ///
    /// # Errors
    /// See [`ErrorKind`] for each kind, what it means and what to do.
    pub async fn send<A: Action<Product = P>>(&self, request: A) -> Result<Response<A::Output>, Error> {
        let mut output = A::Output::default();
        let call = Call::typed(&request)?;
        let metadata = self.core.call(&call, &mut output).await?;
        Ok(Response::new(output, metadata))
    }

    /// Calls an action by name, for one that the crate does not have yet; the whole answer comes back as JSON.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_untyped(&self, request: UntypedRequest) -> Result<Response<Json>, Error> {
        let mut output = JsonOutput::default();
        let call = Call::untyped::<P>(&request);
        let metadata = self.core.call(&call, &mut output).await?;
        Ok(Response::untyped(Json::Object(output.0), metadata))
    }

    /// Signs a request without sending it, with the time and a nonce of now: for a transport of your own, and to look at it.
    ///
    /// # Errors
    /// If there are no credentials or the request cannot be sent as it is.
    pub async fn prepare<A: Action<Product = P>>(&self, request: &A) -> Result<PreparedRequest, Error> {
        self.core.prepare_once(&Call::typed(request)?).await
    }

    /// Signs an untyped request without sending it; see [`prepare`](Self::prepare).
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub async fn prepare_untyped(&self, request: &UntypedRequest) -> Result<PreparedRequest, Error> {
        self.core.prepare_once(&Call::untyped::<P>(request)).await
    }

    /// Reads the answer to a [prepared](Self::prepare) request, however it was sent. No IO happens.
    ///
    /// # Errors
    /// If the answer says that the call failed, or cannot be read.
    pub fn read<A: Action<Product = P>>(
        &self,
        answer: http::Response<bytes::Bytes>,
    ) -> Result<Response<A::Output>, Error> {
        let mut output = A::Output::default();
        let context = Context { product: P::DESCRIPTOR, action: Some(A::DESCRIPTOR) };
        let (parts, body) = answer.into_parts();
        let request_id = answer::judge(parts.status, &parts.headers, &body, context, &mut output)
            .map_err(|error| error.with_action(A::DESCRIPTOR.name.into()).with_attempts(1))?;
        let metadata =
            Metadata { request_id, http_status: parts.status.as_u16(), attempts: 1, quota_wait: Duration::ZERO, body };
        Ok(Response::new(output, metadata))
    }

    /// Where requests go.
    pub fn endpoint(&self) -> &Endpoint {
        &self.core.settings.endpoint
    }
}

/// What is called, without types.
struct Call<'a> {
    name: Cow<'static, str>,
    action: Option<&'static ActionDescriptor>,
    parameters: Vec<Parameter<'a>>,
}

impl<'a> Call<'a> {
    fn typed<A: Action>(request: &'a A) -> Result<Self, Error> {
        let action = A::DESCRIPTOR;
        let parameters = parameters(request).map_err(|invalid| {
            Error::new(ErrorKind::InvalidRequest, invalid.to_string()).with_action(action.name.into())
        })?;
        Ok(Self { name: action.name.into(), action: Some(action), parameters })
    }

    fn untyped<P: Product>(request: &'a UntypedRequest) -> Self {
        let action = P::DESCRIPTOR.action(&request.action);
        let described = |name: &str| action.and_then(|action| action.parameters.iter().find(|p| p.name == name));
        let parameters = request.parameters.iter().map(|(name, value)| Parameter {
            name: name.into(),
            value: value.into(),
            location: described(name).map_or(ParameterLocation::Query, |parameter| parameter.location),
            sensitive: described(name).is_none_or(|parameter| parameter.sensitive),
        });
        Self { name: request.action.clone().into(), action, parameters: parameters.collect() }
    }
}

/// Everything that a call needs, the same for every action, so that it is compiled once.
struct Core {
    settings: Settings,
    credentials: Option<Arc<dyn ProvideCredentials>>,
    transport: Arc<dyn Transport>,
    throttle: Throttle,
    retry: RetryPolicy,
    attempt_timeout: Duration,
    deadline: Duration,
    nonces: Nonces,
    clock: Clock,
}

type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What adds up over the attempts of one call.
#[derive(Default)]
struct Progress {
    attempts: u32,
    quota_wait: Duration,
}

impl Core {
    /// One call: attempts, until one succeeds, fails for good, or the time is up.
    async fn call(&self, call: &Call<'_>, output: &mut dyn Object) -> Result<Metadata, Error> {
        let deadline = Instant::now() + self.deadline;
        let documented = call.action.and_then(|action| action.rate_limit);
        let quota = self.throttle.quota(self.settings.endpoint.host_and_port(), &call.name, documented);
        let mut progress = Progress::default();
        let mut last_failure = None;
        loop {
            let error = match self.attempt(call, quota.as_ref(), deadline, &mut progress, output).await {
                Ok(metadata) => return Ok(metadata),
                Err(error) => error.with_action(call.name.clone()).with_attempts(progress.attempts),
            };
            if error.kind() == ErrorKind::QuotaWait && last_failure.is_some() {
                // The caller wants to know why the call failed, not that there was no time to try it again.
                return last_failure.map_or(Err(error), Err);
            }
            let remaining = deadline.saturating_duration_since(Instant::now());
            let wait = self.retry.wait_after(&error, progress.attempts.max(1), remaining, fastrand::f64());
            let throttled_quota = quota.as_ref().filter(|_| error.kind() == ErrorKind::Throttled);
            // Whoever shares the quota would be refused, too, also after this call gives up.
            if let (Some(quota), Some(pause)) = (throttled_quota, error.retry_after().or(wait)) {
                quota.pause(pause);
            }
            match wait {
                None => return Err(error),
                // The quota does the waiting.
                Some(_) if throttled_quota.is_some() => {}
                Some(wait) => sleep(wait).await,
            }
            last_failure = Some(error);
            output.reset();
        }
    }

    /// One attempt: permit, credentials, signature, sending, judgement.
    async fn attempt(
        &self,
        call: &Call<'_>,
        quota: Option<&Arc<Quota>>,
        deadline: Instant,
        progress: &mut Progress,
        output: &mut dyn Object,
    ) -> Result<Metadata, Error> {
        let asked = Instant::now();
        let mut permit = match quota {
            Some(quota) => Some(quota.acquire(deadline).await.map_err(|refused| {
                Error::new(ErrorKind::QuotaWait, "the quota leaves no room for the call before its deadline")
                    .with_retry_after(Some(refused.needed))
            })?),
            None => None,
        };
        progress.quota_wait += asked.elapsed();

        let credentials = self.credentials_for(call).await?;
        let redactor = || Redactor::new(credentials.as_ref(), &call.parameters);
        let request = self.prepare(call, credentials.as_ref())?.into_http();

        let remaining = deadline.saturating_duration_since(Instant::now());
        if let Some(permit) = &mut permit {
            permit.sent();
        }
        progress.attempts += 1;
        let limit = self.attempt_timeout.min(remaining);
        let answer = timeout(limit, self.transport.send(request)).await;
        if let (Some(permit), Ok(Ok(_))) = (permit, &answer) {
            permit.answered();
        }
        match answer {
            Err(_) => Err(Error::new(ErrorKind::Unanswered, format!("no answer within {limit:?}"))),
            Ok(Err(error)) => {
                let kind = if error.is_not_sent() { ErrorKind::NotSent } else { ErrorKind::Unanswered };
                Err(Error::new(kind, redactor().hide(&error.to_string())).with_source(error))
            }
            Ok(Ok(answer)) => {
                let (parts, body) = answer.into_parts();
                let context = Context { product: self.settings.product, action: call.action };
                let request_id = answer::judge(parts.status, &parts.headers, &body, context, output)
                    .map_err(|error| error.redacted(&redactor()))?;
                Ok(Metadata {
                    request_id,
                    http_status: parts.status.as_u16(),
                    attempts: progress.attempts,
                    quota_wait: progress.quota_wait,
                    body,
                })
            }
        }
    }

    async fn prepare_once(&self, call: &Call<'_>) -> Result<PreparedRequest, Error> {
        let credentials = self.credentials_for(call).await;
        credentials
            .and_then(|credentials| self.prepare(call, credentials.as_ref()))
            .map_err(|error| error.with_action(call.name.clone()))
    }

    fn prepare(&self, call: &Call<'_>, credentials: Option<&Credentials>) -> Result<PreparedRequest, Error> {
        let now = timestamp((self.clock)());
        prepare(&self.settings, &call.name, &call.parameters, credentials, &now, &self.nonces.next())
    }

    /// The credentials for a call; `None` if the action is called without a signature.
    async fn credentials_for(&self, call: &Call<'_>) -> Result<Option<Credentials>, Error> {
        if call.action.is_some_and(|action| action.anonymous) {
            return Ok(None);
        }
        let Some(provider) = &self.credentials else {
            return Err(Error::new(
                ErrorKind::Credentials,
                "the client has no credentials; give it some with `Client::builder().credentials(…)`",
            ));
        };
        provider.provide().await.map(Some).map_err(|error| Error::new(ErrorKind::Credentials, error.to_string()))
    }
}

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
    throttle: Throttle,
    retry: RetryPolicy,
    attempt_timeout: Duration,
    deadline: Duration,
    transport: Option<Arc<dyn Transport>>,
    application: Option<String>,
    clock: Clock,
}

impl<P: Product> ClientBuilder<P> {
    fn new() -> Self {
        Self {
            product: PhantomData,
            credentials: None,
            region: None,
            network: Network::Public,
            endpoint: None,
            allow_unencrypted_http: false,
            signature: SignatureVersion::default(),
            placement: ParameterPlacement::default(),
            throttle: Throttle::new(),
            retry: RetryPolicy::default(),
            attempt_timeout: Duration::from_secs(10),
            deadline: Duration::from_secs(60),
            transport: None,
            application: None,
            clock: Arc::new(SystemTime::now),
        }
    }

    /// A builder with what the environment says; everything can still be changed.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` | the access key; required |
    /// | `ALIBABA_CLOUD_SECURITY_TOKEN` | the token of temporary credentials |
    /// | `ALIBABA_CLOUD_REGION_ID` | the region; default: the product's own |
    /// | `ALIBABA_CLOUD_ENDPOINT_TYPE` | `vpc`: the endpoint inside a VPC |
    /// | `ALIBABA_CLOUD_ENDPOINT` | the endpoint itself, in place of region and network |
    /// | `ALIBABA_CLOUD_SIGNATURE_VERSION` | `v1` (default) or `v3` |
    ///
    /// # Errors
    /// If a variable is missing or has a value that cannot be used; the message names it.
    pub fn from_env() -> Result<Self, Error> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let refuse = |name: &str, expected: &str| {
            Err(Error::new(ErrorKind::Configuration, format!("the environment variable {name} must be {expected}")))
        };
        let mut builder = Self::new();
        // Read once to fail early; read again at each call, so that a rotated key is noticed.
        EnvironmentCredentials.read().map_err(|error| Error::new(ErrorKind::Credentials, error.to_string()))?;
        builder = builder.credentials(EnvironmentCredentials);
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

    /// Where credentials come from: [`Credentials`] themselves, [`EnvironmentCredentials`], or a provider of your own.
    pub fn credentials(mut self, provider: impl ProvideCredentials) -> Self {
        self.credentials = Some(Arc::new(provider));
        self
    }

    /// The region, e.g. `ap-southeast-1`. Default: the product's own.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The network. Default: [`Network::Public`].
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// The endpoint itself, in place of region and network: a host, or a URL without a path. `http` is accepted for this machine
    /// only (`localhost`, `127.0.0.0/8`, `[::1]`).
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Accepts an `http` endpoint on any host. Everybody on the way can read the requests, phone numbers included.
    pub fn allow_unencrypted_http(mut self) -> Self {
        self.allow_unencrypted_http = true;
        self
    }

    /// The signature. Default: [`SignatureVersion::V1`], which is proven with this product; V3 is the one that Alibaba Cloud
    /// recommends.
    pub fn signature(mut self, version: SignatureVersion) -> Self {
        self.signature = version;
        self
    }

    /// Where parameters travel. Default: [`ParameterPlacement::Body`].
    pub fn parameter_placement(mut self, placement: ParameterPlacement) -> Self {
        self.placement = placement;
        self
    }

    /// The quotas of the account. Default: quotas of the client's own, with the documented limits.
    ///
    /// Hand the same value to all clients of one account; use [`Throttle::with_limit`] for another limit and [`Throttle::off`]
    /// for none.
    pub fn throttle(mut self, throttle: Throttle) -> Self {
        self.throttle = throttle;
        self
    }

    /// How often a call is sent at most, the first time included. Default: 3. Zero counts as one.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.retry.max_attempts = attempts.max(1);
        self
    }

    /// How long one attempt may take, connecting included. Default: 10 s.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// How long a call may take with all its attempts and waits, the wait for its quota included. Default: 60 s.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How requests are sent. Default: the bundled transport (feature `reqwest`).
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// The name and version of the application, appended to the `User-Agent`, e.g. `crm/2.1`.
    pub fn application(mut self, application: impl Into<String>) -> Self {
        self.application = Some(application.into());
        self
    }

    /// The clock that dates the signatures. Default: the system's.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The client.
    ///
    /// # Errors
    /// If a setting cannot be used; the message says which.
    pub fn build(self) -> Result<Client<P>, Error> {
        let product = P::DESCRIPTOR;
        let wrong = |message: String| Error::new(ErrorKind::Configuration, message);
        let endpoint = match &self.endpoint {
            Some(endpoint) => endpoint.parse(),
            None => {
                Endpoint::of_region(product, self.region.as_deref().unwrap_or(product.default_region), self.network)
            }
        }
        .map_err(|error| wrong(error.to_string()))?;
        if !endpoint.is_encrypted() && !endpoint.is_loopback() && !self.allow_unencrypted_http {
            return Err(wrong(
                "an `http` endpoint on another machine sends phone numbers and signatures unencrypted; use `https`, or call \
                 `allow_unencrypted_http()` if that is what you want"
                    .to_owned(),
            ));
        }
        let user_agent = user_agent(product.code, product.version, self.application.as_deref());
        let user_agent = HeaderValue::try_from(user_agent)
            .map_err(|_| wrong("the application name must be printable ASCII text".to_owned()))?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => default_transport()?,
        };
        let nonces = Nonces::new().map_err(|error| {
            wrong(format!("the operating system gives no random numbers, which nonces need: {error}"))
        })?;
        Ok(Client {
            core: Arc::new(Core {
                settings: Settings {
                    product,
                    endpoint,
                    signature: self.signature,
                    placement: self.placement,
                    user_agent,
                },
                credentials: self.credentials,
                transport,
                throttle: self.throttle,
                retry: self.retry,
                attempt_timeout: self.attempt_timeout,
                deadline: self.deadline,
                nonces,
                clock: self.clock,
            }),
            product: PhantomData,
        })
    }
}

impl<P: Product> fmt::Debug for ClientBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("product", &P::DESCRIPTOR.code).finish_non_exhaustive()
    }
}

/// The official SDKs' form: `AlibabaCloud (OS; architecture) Language Core/version product/version`.
fn user_agent(product: &str, version: &str, application: Option<&str>) -> String {
    let (os, arch, core) = (env::consts::OS, env::consts::ARCH, env!("CARGO_PKG_VERSION"));
    let mut user_agent = format!("AlibabaCloud ({os}; {arch}) Rust Core/{core} {product}/{version}");
    if let Some(application) = application {
        user_agent.push(' ');
        user_agent.push_str(application);
    }
    user_agent
}

#[cfg(feature = "reqwest")]
fn default_transport() -> Result<Arc<dyn Transport>, Error> {
    let transport = crate::transport::ReqwestTransport::new()
        .map_err(|error| Error::new(ErrorKind::Configuration, error.to_string()).with_source(error))?;
    Ok(Arc::new(transport))
}

#[cfg(not(feature = "reqwest"))]
fn default_transport() -> Result<Arc<dyn Transport>, Error> {
    Err(Error::new(
        ErrorKind::Configuration,
        "there is no transport: switch the feature `reqwest` on, or give one with `Client::builder().transport(…)`",
    ))
}

/// Fails to compile if a call could not be awaited on a multi-threaded runtime.
#[allow(dead_code, reason = "the compiler is the test")]
fn calls_are_send<A: Action<Product: Sized>>(client: &Client<A::Product>, request: A) -> impl Future + Send {
    client.send(request)
}
