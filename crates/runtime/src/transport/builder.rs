//! The settings of the bundled transports.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::Verifier;

use super::{Proxies, Transport, TransportError};
use crate::crypto;

/// A transport of this crate, created by [`TransportBuilder`].
pub trait BundledTransport: Transport + Clone + fmt::Debug + sealed::Build {}

pub(super) mod sealed {
    use super::{Settings, TransportError};

    pub trait Build: Sized {
        fn build(settings: Settings) -> Result<Self, TransportError>;
    }
}

/// Valid settings.
#[derive(Debug)]
pub struct Settings {
    pub(super) proxies: Proxies,
    pub(super) tls: ClientConfig,
    pub(super) connect_timeout: Duration,
    pub(super) idle_timeout: Duration,
}

/// Settings for a bundled transport.
///
/// ```no_run
/// # #[cfg(feature = "reqwest")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use alibabacloud_runtime::transport::ReqwestTransport;
///
/// let transport = ReqwestTransport::builder()
///     .proxy("http://proxy.example.com:3128")
///     .certificate_authorities(&std::fs::read("proxy-ca.pem")?)
///     .build()?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "reqwest"))]
/// # fn main() {}
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct TransportBuilder<T> {
    proxies: Option<Proxies>,
    authorities: Vec<CertificateDer<'static>>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    connect_timeout: Duration,
    idle_timeout: Duration,
    /// The first invalid setting.
    problem: Option<String>,
    transport: PhantomData<fn() -> T>,
}

impl<T: BundledTransport> TransportBuilder<T> {
    /// The default settings.
    #[allow(
        clippy::new_without_default,
        reason = "builders are usually created with `ReqwestTransport::builder` and the like"
    )]
    pub fn new() -> Self {
        Self {
            proxies: None,
            authorities: Vec::new(),
            identity: None,
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(5),
            problem: None,
            transport: PhantomData,
        }
    }

    /// Trusts these certificate authorities in addition to those of the system (on Linux read once per process), e.g. for
    /// a proxy that inspects TLS.
    /// `pem` contains one or more certificates in PEM form.
    pub fn certificate_authorities(mut self, pem: &[u8]) -> Self {
        match certificates(pem) {
            Some(certificates) => {
                self.authorities.extend(certificates);
                self
            }
            None => self
                .refuse("the certificate authorities must be certificates in PEM form (`-----BEGIN CERTIFICATE-----`)"),
        }
    }

    /// Sends this certificate to servers that request one. `pem` contains the private key and the certificate, with the
    /// rest of its chain if there is one, in PEM form.
    pub fn client_certificate(mut self, pem: &[u8]) -> Self {
        if let (Some(chain), Ok(key)) = (certificates(pem), PrivateKeyDer::from_pem_slice(pem)) {
            self.identity = Some((chain, key));
            self
        } else {
            // The cause may quote a part of the key.
            self.refuse("the client certificate must be a private key and a certificate, both in PEM form")
        }
    }

    /// Sets the timeout of a connection attempt, including proxy and TLS. Default: 5 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long an idle connection is kept. Default: 5 s, because the service closes it after about 10 s, and a request
    /// that is sent at that moment fails.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sends all requests through this proxy, which replaces those of the environment; [`Proxies::all`] describes the
    /// URL.
    pub fn proxy(self, url: &str) -> Self {
        match Proxies::all(url) {
            Ok(proxies) => self.proxies(proxies),
            Err(error) => self.refuse(error.to_string()),
        }
    }

    /// Sets the proxies. Default: those of the environment, [`Proxies::from_env`].
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// Uses no proxy, even if the environment names one.
    pub fn without_proxies(self) -> Self {
        self.proxies(Proxies::none())
    }

    /// Builds the transport.
    ///
    /// # Errors
    /// If a setting or a proxy of the environment is invalid, or TLS cannot be set up. The message names the setting.
    pub fn build(self) -> Result<T, TransportError> {
        if let Some(problem) = self.problem {
            return Err(TransportError::not_sent(problem));
        }
        let proxies = self.proxies.unwrap_or_else(Proxies::from_env);
        proxies.check().map_err(|error| TransportError::not_sent(error.to_string()))?;
        let tls = tls(self.authorities, self.identity)
            .map_err(|error| TransportError::not_sent(format!("TLS cannot be set up: {error}")).with_source(error))?;
        T::build(Settings { proxies, tls, connect_timeout: self.connect_timeout, idle_timeout: self.idle_timeout })
    }

    fn refuse(mut self, problem: impl Into<String>) -> Self {
        self.problem.get_or_insert_with(|| problem.into());
        self
    }
}

/// Prints no private key.
impl<T> fmt::Debug for TransportBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportBuilder")
            .field("proxies", &self.proxies)
            .field("connect_timeout", &self.connect_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .finish_non_exhaustive()
    }
}

/// The certificates of a text in PEM form; `None` if there is none, or an invalid one.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    (!certificates.is_empty()).then_some(certificates)
}

/// TLS 1.2 and 1.3, with certificates verified by the platform.
fn tls(
    authorities: Vec<CertificateDer<'static>>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> Result<ClientConfig, rustls::Error> {
    let provider = crypto::provider();
    let verifier = verifier(authorities, &provider)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        // `rustls` requires this call for every custom verifier.
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    #[allow(unused_mut, reason = "changed only with the feature `http2`")]
    let mut config = match identity {
        Some((chain, key)) => config.with_client_auth_cert(chain, key)?,
        None => config.with_no_client_auth(),
    };
    #[cfg(feature = "http2")]
    {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    }
    Ok(config)
}

/// Reads the platform's authorities once, because a program may build a client for every request.
fn verifier(
    authorities: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<Verifier>, rustls::Error> {
    static OF_THE_PLATFORM: OnceLock<Arc<Verifier>> = OnceLock::new();
    if !authorities.is_empty() {
        return Verifier::new_with_extra_roots(authorities, provider.clone()).map(Arc::new);
    }
    if let Some(verifier) = OF_THE_PLATFORM.get() {
        return Ok(verifier.clone());
    }
    let verifier = Arc::new(Verifier::new(provider.clone())?);
    Ok(OF_THE_PLATFORM.get_or_init(|| verifier).clone())
}
