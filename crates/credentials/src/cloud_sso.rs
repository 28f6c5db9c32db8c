//! A `CloudSSO` sign-in stored by the official command line.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use alibabacloud_runtime::Credentials;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, StatusCode, Uri};
use serde_json::json;
use zeroize::Zeroizing;

use crate::answer::CAPITALIZED;
use crate::found::{Found, SourceError};
use crate::http::{is_open, json, shown};
use crate::setup::Setup;
use crate::source::{Source, SourceFuture};

const LIMIT: Duration = Duration::from_secs(15);

/// The facts of the profile.
pub(crate) struct CloudSso {
    pub(crate) setup: Setup,
    pub(crate) sign_in_url: String,
    pub(crate) account: String,
    pub(crate) access_configuration: String,
    pub(crate) access_token: Option<Zeroizing<String>>,
    pub(crate) access_token_expiration: Option<SystemTime>,
    pub(crate) stored: Stored,
}

/// The temporary credentials that the command line stored last, if any.
pub(crate) struct Stored {
    pub(crate) credentials: Option<Credentials>,
    pub(crate) refused: Refused,
}

/// Stored credentials that the service rejected. The file has them until the command line writes new ones.
#[derive(Clone, Default)]
pub(crate) struct Refused(Arc<Mutex<Option<Credentials>>>);

impl Stored {
    /// The credentials, unless they are about to expire or were rejected.
    pub(crate) fn still_good(&self, now: SystemTime) -> Option<Credentials> {
        let soon = now.checked_add(Duration::from_secs(180)).unwrap_or(now);
        let stored = self.credentials.as_ref()?;
        let refused = self.refused.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good =
            stored.expiration().is_some_and(|expiration| expiration > soon) && refused.as_ref() != Some(stored);
        is_good.then(|| stored.clone())
    }

    /// Records that the service rejected these credentials, if they are the stored ones.
    pub(crate) fn refuse(&self, refused: &Credentials) {
        if self.credentials.as_ref() == Some(refused) {
            *self.refused.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused.clone());
        }
    }
}

impl CloudSso {
    async fn ask(&self) -> Result<Found, SourceError> {
        if let Some(stored) = self.stored.still_good(self.setup.now()) {
            return Found::checked(stored);
        }
        let again = "sign in again with `aliyun configure --mode CloudSSO`";
        let now = self.setup.now();
        let expired = self.access_token_expiration.is_none_or(|expiration| expiration <= now);
        let token = self.access_token.as_ref().filter(|_| !expired);
        let token =
            token.ok_or_else(|| SourceError::failed(format!("the sign-in of CloudSSO has expired; {again}")))?;
        let wrong = || SourceError::failed("the sign-in URL of CloudSSO does not begin with `https://`");
        let url = self.sign_in_url.trim().parse::<Uri>().map_err(|_| wrong())?;
        if url.host().is_none_or(str::is_empty) || is_open(&url) {
            return Err(wrong());
        }
        let server = shown(&url);
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", &**token))
            .map_err(|_| SourceError::failed(format!("the access token of CloudSSO is damaged; {again}")))?;
        bearer.set_sensitive(true);
        let body = json!({ "AccountId": self.account, "AccessConfigurationId": self.access_configuration });
        let request = Request::post(format!("{server}/cloud-credentials"))
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string()))
            .map_err(|_| wrong())?;
        let answer = self.setup.http.send(request, LIMIT).await;
        let answer =
            answer.map_err(|error| error.into_error(|problem| SourceError::failed(format!("{server}: {problem}"))))?;
        if matches!(answer.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let status = answer.status().as_u16();
            return Err(SourceError::failed(format!(
                "{server} refused the sign-in of CloudSSO (HTTP {status}); {again}"
            )));
        }
        let failed = |problem: String| SourceError::failed(format!("{server} {problem}"));
        let mut json = json(&answer).map_err(failed)?;
        let mut inner =
            json.take_object("CloudCredential").ok_or_else(|| failed("returned no `CloudCredential`".to_owned()))?;
        inner.temporary(&CAPITALIZED).map_err(failed)
    }
}

impl Source for CloudSso {
    fn name(&self) -> Cow<'static, str> {
        "CloudSSO".into()
    }

    fn fetch(&self) -> SourceFuture<'_> {
        Box::pin(self.ask())
    }

    fn fetch_replacement<'a>(&'a self, refused: &'a Credentials) -> SourceFuture<'a> {
        self.stored.refuse(refused);
        self.fetch()
    }
}
