//! An OAuth sign-in stored by the official command line.
//!
//! The file is never written, so a refresh token that the server replaced exists only in [`Memory`].

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use alibabacloud_runtime::Credentials;
use alibabacloud_runtime::sign::{encode, timestamp};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, Uri};
use zeroize::Zeroizing;

use crate::answer::{Keys, WipedJson};
use crate::cloud_sso::Stored;
use crate::found::{Found, SourceError};
use crate::http::{is_open, json, shown};
use crate::setup::Setup;
use crate::source::{Source, SourceFuture};

const LIMIT: Duration = Duration::from_secs(15);
/// An access token with less time left is replaced first.
const ENOUGH: Duration = Duration::from_secs(1200);
const AGAIN: &str = "sign in again with `aliyun configure --mode OAuth`";
const KEYS: Keys =
    Keys { id: "accessKeyId", secret: "accessKeySecret", token: "securityToken", expiration: "expiration" };

/// The two sites, each with its address and client ID.
const CHINA: (&str, &str) = ("https://oauth.aliyun.com", "4038181954557748008");
const INTERNATIONAL: (&str, &str) = ("https://oauth.alibabacloud.com", "4103531455503354461");

/// An access token and a refresh token.
#[derive(Clone, Default)]
pub(crate) struct Tokens {
    pub(crate) refresh: Option<Zeroizing<String>>,
    pub(crate) access: Option<Zeroizing<String>>,
    pub(crate) access_expiration: Option<SystemTime>,
}

/// The latest tokens.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Option<Renewed>>>);

struct Renewed {
    /// The refresh token of the file at the start; a different one means a new sign-in.
    began: Zeroizing<String>,
    tokens: Tokens,
}

impl Memory {
    fn newer_than(&self, file: &Tokens) -> Option<Tokens> {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let renewed = memory.as_ref()?;
        (file.refresh.as_ref() == Some(&renewed.began)).then(|| renewed.tokens.clone())
    }

    fn keep(&self, file: &Tokens, tokens: Tokens) {
        if let Some(began) = file.refresh.clone() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Renewed { began, tokens });
        }
    }
}

/// The facts of the profile.
pub(crate) struct OAuth {
    pub(crate) setup: Setup,
    pub(crate) site: Option<String>,
    pub(crate) file: Tokens,
    pub(crate) stored: Stored,
    pub(crate) memory: Memory,
}

impl OAuth {
    async fn ask(&self) -> Result<Found, SourceError> {
        let setup = &self.setup;
        if let Some(stored) = self.stored.still_good(setup.now()) {
            return Found::checked(stored);
        }
        let (url, client_id) = match self.site.as_deref().map(str::to_ascii_uppercase).as_deref() {
            None | Some("CN") => CHINA,
            Some("INTL") => INTERNATIONAL,
            Some(_) => return Err(SourceError::failed("`oauth_site_type` must be `CN` or `INTL`")),
        };
        let url = setup.oauth_url.as_deref().unwrap_or(url).trim_end_matches('/');
        let wrong = || SourceError::failed("the address of the OAuth server is not a URL that begins with `https://`");
        let parsed = url.parse::<Uri>().map_err(|_| wrong())?;
        if is_open(&parsed) {
            return Err(wrong());
        }
        let server = shown(&parsed);
        let mut tokens = self.memory.newer_than(&self.file).unwrap_or_else(|| self.file.clone());
        let left = tokens.access_expiration.and_then(|end| end.duration_since(setup.now()).ok()).unwrap_or_default();
        if (tokens.access.is_none() || left <= ENOUGH)
            && let Some(refresh) = &tokens.refresh
        {
            let form = [
                ("grant_type", "refresh_token"),
                ("refresh_token", refresh),
                ("client_id", client_id),
                ("Timestamp", &timestamp(setup.now())),
            ];
            let form: Vec<_> = form.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
            let mut json = self.post(&server, "/v1/token", None, form.join("&")).await?;
            let lifetime = json.number("expires_in").and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(3600);
            let access = json.take("access_token").map(Zeroizing::new);
            let failed = || SourceError::failed(format!("{server} returned no access token; {AGAIN}"));
            tokens = Tokens {
                access: Some(access.ok_or_else(failed)?),
                access_expiration: setup.now().checked_add(Duration::from_secs(lifetime)),
                refresh: json.take("refresh_token").map(Zeroizing::new).or_else(|| tokens.refresh.clone()),
            };
            self.memory.keep(&self.file, tokens.clone());
        }
        let now = setup.now();
        let valid = tokens.access_expiration.is_some_and(|expiration| expiration > now);
        let access = tokens.access.as_ref().filter(|_| valid);
        let access = access.ok_or_else(|| SourceError::failed(format!("the sign-in by OAuth has expired; {AGAIN}")))?;
        let mut json = self.post(&server, "/v1/exchange", Some(access), String::new()).await?;
        let failed = |problem: String| SourceError::failed(format!("{server} {problem}"));
        json.temporary(&KEYS).map_err(failed)
    }

    async fn post(
        &self,
        server: &str,
        path: &str,
        bearer: Option<&str>,
        body: String,
    ) -> Result<WipedJson, SourceError> {
        let damaged = || SourceError::failed(format!("a token of OAuth is damaged; {AGAIN}"));
        let mut request = Request::post(format!("{server}{path}"));
        if let Some(bearer) = bearer {
            let mut bearer = HeaderValue::try_from(format!("Bearer {bearer}")).map_err(|_| damaged())?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer).header(CONTENT_TYPE, "application/json");
        } else {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let request = request.body(Bytes::from(body)).map_err(|_| damaged())?;
        let answer = self.setup.http.send(request, LIMIT).await;
        let answer =
            answer.map_err(|error| error.into_error(|problem| SourceError::failed(format!("{server}: {problem}"))))?;
        if answer.status().is_client_error() {
            let status = answer.status().as_u16();
            return Err(SourceError::failed(format!("{server} refused the sign-in by OAuth (HTTP {status}); {AGAIN}")));
        }
        json(&answer).map_err(|problem| SourceError::failed(format!("{server} {problem}")))
    }
}

impl Source for OAuth {
    fn name(&self) -> Cow<'static, str> {
        "OAuth".into()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        Box::pin(self.ask())
    }

    fn fetch_replacement<'a>(&'a self, refused: &'a Credentials) -> SourceFuture<'a> {
        self.stored.refuse(refused);
        self.fetch()
    }
}
