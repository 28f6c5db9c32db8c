//! The RAM role of an ECS instance, from its metadata service.
//!
//! Protocol: "Instance metadata" in the documentation of ECS. Version 2 of the service requires a token, which is
//! requested first. Version 1 does not, and is the fallback unless it is disabled.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::answer::CAPITALIZED;
use crate::found::{Found, SourceError};
use crate::http::{Unanswered, json};
use crate::setup::Setup;
use crate::source::{Source, SourceFuture};

const TOKEN_PATH: &str = "/latest/api/token";
const ROLE_PATH: &str = "/latest/meta-data/ram/security-credentials/";
const TOKEN_TTL: Duration = Duration::from_secs(21_600);
/// The limit for one request.
const REQUEST_LIMIT: Duration = Duration::from_secs(1);
/// The limit for all requests, which is the delay on a machine that is not an ECS instance.
const LIMIT: Duration = Duration::from_secs(2);

/// The RAM role attached to the ECS instance (or container) on which the program runs.
///
/// The metadata service is queried with a token (version 2 of the service), which is reused for its lifetime. Without a
/// token (version 1) it is queried only if it provides none and `ALIBABA_CLOUD_IMDSV1_DISABLED` is not `true`. If there
/// is no such service, the source fails within 2 s. It never uses a proxy.
///
/// A chain skips this source if the service does not respond or has no role. It fails if a role is named, or if the
/// service has responded before.
pub struct EcsRamRole {
    setup: Setup,
    role: Option<String>,
    version_1: bool,
    token: Mutex<Option<(Zeroizing<String>, SystemTime)>>,
    has_answered: AtomicBool,
}

impl EcsRamRole {
    /// The role named in `ALIBABA_CLOUD_ECS_METADATA`, else the one that the service reports.
    pub fn new() -> Self {
        Self {
            setup: Setup::new(),
            role: None,
            version_1: true,
            token: Mutex::default(),
            has_answered: AtomicBool::new(false),
        }
    }

    /// Sets the name of the role.
    #[must_use]
    pub fn role(mut self, name: impl Into<String>) -> Self {
        self.role = Some(name.into());
        self
    }

    /// Disables version 1 of the service: requests always use a token. Default: `ALIBABA_CLOUD_IMDSV1_DISABLED`.
    #[must_use]
    pub fn without_imds_v1(mut self) -> Self {
        self.version_1 = false;
        self
    }

    /// Sets environment, transport and addresses.
    #[must_use]
    pub fn setup(mut self, setup: Setup) -> Self {
        self.setup = setup;
        self
    }

    async fn ask(&self) -> Result<Found, SourceError> {
        let environment = &self.setup.environment;
        if environment.flag("ALIBABA_CLOUD_ECS_METADATA_DISABLED")? {
            return Err(SourceError::not_applicable("ALIBABA_CLOUD_ECS_METADATA_DISABLED disables it"));
        }
        let version_1 = self.version_1 && !environment.flag("ALIBABA_CLOUD_IMDSV1_DISABLED")?;
        let role = match &self.role {
            Some(role) => Some(role.clone()),
            None => environment.get("ALIBABA_CLOUD_ECS_METADATA")?,
        };
        let is_named = role.is_some();
        let outcome = timeout(LIMIT, self.ask_for(role, version_1)).await;
        match outcome.unwrap_or_else(|_| Err(absent(&format!("no response within {LIMIT:?}")))) {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(SourceError::not_applicable("no RAM role is attached to this instance")),
            // A named role must exist, and a service that has responded once must respond again.
            Err(error) if is_named || self.has_answered.load(Ordering::Relaxed) => Err(error.into_failure()),
            Err(error) => Err(error),
        }
    }

    /// Queries the credentials of this role, or of the one that the service reports; `None` if it reports none.
    async fn ask_for(&self, role: Option<String>, version_1: bool) -> Result<Option<Found>, SourceError> {
        let role = match role {
            Some(role) => role.trim().to_owned(),
            None => match self.role_name(version_1).await? {
                Some(role) => role,
                None => return Ok(None),
            },
        };
        if !is_role_name(&role) {
            return Err(SourceError::failed(
                "the name of the RAM role is invalid (allowed are letters, digits, `.`, `_` and `-`); correct it, or remove it to use \
                 the role of the instance",
            ));
        }
        let answer = self.get(&format!("{ROLE_PATH}{role}"), version_1).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Err(SourceError::failed(format!(
                "the role `{role}` is not attached to this instance; attach it, or correct ALIBABA_CLOUD_ECS_METADATA"
            )));
        }
        let service = |problem: String| SourceError::failed(format!("the metadata service {problem}"));
        let mut json = json(&answer).map_err(service)?;
        if json.text("Code") != Some("Success") {
            return Err(service(format!("returned no credentials for the role `{role}`: its `Code` is not `Success`")));
        }
        let found = json.temporary(&CAPITALIZED).map_err(service)?;
        Ok(Some(found.identity(format!("ecs:{role}")).detail(format!("role {role}"))))
    }

    async fn role_name(&self, version_1: bool) -> Result<Option<String>, SourceError> {
        let answer = self.get(ROLE_PATH, version_1).await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => {
                let status = status.as_u16();
                return Err(SourceError::failed(format!("the metadata service responded with HTTP {status}")));
            }
        }
        let text = str::from_utf8(answer.body()).unwrap_or_default().trim();
        if is_role_name(text) {
            Ok(Some(text.to_owned()))
        } else {
            Err(SourceError::failed(
                "the metadata service returned no role name; another service may be at its address",
            ))
        }
    }

    /// Sends a request with a token, or without one if that is allowed and necessary.
    async fn get(&self, path: &str, version_1: bool) -> Result<Response<Bytes>, SourceError> {
        let mut kept = self.kept_token();
        // The service may have forgotten a cached token, e.g. after a restart.
        loop {
            let was_kept = kept.is_some();
            let token = match kept.take() {
                Some(token) => Ok(token),
                None => self.new_token().await,
            };
            let refused = match token {
                Ok(token) => {
                    let answer = self.send(Method::GET, path, Some(&token)).await?;
                    let refused = answer.status().is_client_error() && answer.status() != StatusCode::NOT_FOUND;
                    if !refused {
                        return Ok(answer);
                    }
                    self.forget_token();
                    if was_kept {
                        continue;
                    }
                    format!("rejected its own token with HTTP {}", answer.status().as_u16())
                }
                Err(NoToken::NoConnection(error)) => return Err(error),
                Err(NoToken::Refused(why)) => why,
            };
            if !version_1 {
                return Err(SourceError::failed(format!(
                    "the metadata service {refused}, and requests without a token (version 1) are disabled"
                )));
            }
            return self.send(Method::GET, path, None).await;
        }
    }

    async fn new_token(&self) -> Result<Zeroizing<String>, NoToken> {
        let request = self.request(Method::PUT, TOKEN_PATH, None).map_err(NoToken::NoConnection)?;
        let answer = match self.exchange(request).await {
            Ok(answer) => answer,
            Err(error) if error.is_not_sent => return Err(NoToken::NoConnection(error.into_error(absent))),
            Err(error) => return Err(NoToken::Refused(format!("returned no token ({error})"))),
        };
        let status = answer.status();
        let text = str::from_utf8(answer.body()).unwrap_or_default().trim();
        let usable = !text.is_empty() && text.len() <= 4096 && text.bytes().all(|byte| byte.is_ascii_graphic());
        if status != StatusCode::OK || !usable {
            return Err(NoToken::Refused(format!("returned no token (HTTP {})", status.as_u16())));
        }
        let token = Zeroizing::new(text.to_owned());
        let until = self.setup.now().checked_add(TOKEN_TTL * 9 / 10);
        if let Some(until) = until {
            *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some((token.clone(), until));
        }
        Ok(token)
    }

    fn kept_token(&self) -> Option<Zeroizing<String>> {
        let kept = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(_, until)| self.setup.now() < *until).map(|(token, _)| token.clone())
    }

    fn forget_token(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn send(&self, method: Method, path: &str, token: Option<&str>) -> Result<Response<Bytes>, SourceError> {
        let request = self.request(method, path, token)?;
        self.exchange(request).await.map_err(|error| error.into_error(absent))
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Unanswered> {
        let answer = self.setup.http.send_direct(request, REQUEST_LIMIT).await?;
        self.has_answered.store(true, Ordering::Relaxed);
        Ok(answer)
    }

    fn request(&self, method: Method, path: &str, token: Option<&str>) -> Result<Request<Bytes>, SourceError> {
        let url = format!("{}{path}", self.setup.metadata_url.trim_end_matches('/'));
        let mut request = Request::builder().uri(url.parse::<Uri>().unwrap_or_default());
        if method == Method::PUT {
            request = request.header("X-aliyun-ecs-metadata-token-ttl-seconds", TOKEN_TTL.as_secs());
        }
        if let Some(token) = token {
            request = request.header("X-aliyun-ecs-metadata-token", token);
        }
        request
            .method(method)
            .body(Bytes::new())
            .map_err(|_| SourceError::failed("the address of the metadata service is not a URL"))
    }
}

/// The reason why there is no token.
enum NoToken {
    NoConnection(SourceError),
    Refused(String),
}

/// The error if the service does not respond.
fn absent(problem: &str) -> SourceError {
    SourceError::not_applicable(format!(
        "the metadata service does not respond ({problem}); only ECS instances have one. Set ALIBABA_CLOUD_ECS_METADATA_DISABLED=true \
                 to skip it"
    ))
}

fn is_role_name(text: &str) -> bool {
    // A name of only dots would be a step in the path of the URL.
    text.bytes().any(|b| b != b'.')
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

impl Default for EcsRamRole {
    fn default() -> Self {
        Self::new()
    }
}

impl Source for EcsRamRole {
    fn name(&self) -> Cow<'static, str> {
        "ECS RAM role".into()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        Box::pin(self.ask())
    }
}

/// Prints no token.
impl fmt::Debug for EcsRamRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EcsRamRole").field("role", &self.role).finish_non_exhaustive()
    }
}
