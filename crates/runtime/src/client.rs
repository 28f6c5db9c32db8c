//! The client: the public face of a [call](crate::call).

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::action::{Action, Product};
use crate::answer::{self, Context};
use crate::builder::ClientBuilder;
use crate::bulk::Ticket;
use crate::call::{Call, Core};
use crate::endpoint::Endpoint;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::options::CallOptions;
use crate::prepare::PreparedRequest;
use crate::redact::Redactor;
use crate::response::{Metadata, Response};
#[cfg(doc)]
use crate::retry::RetryPolicy;
use crate::untyped::{JsonOutput, UntypedRequest};
use crate::value::Json;

/// Calls the actions of one product.
///
/// Cheap to clone; clones share connections, quotas and credentials. Calls need a tokio runtime with its timer enabled.
pub struct Client<P> {
    core: Arc<Core>,
    /// The place of the calls among those of a bulk, in the client that a bulk hands out.
    ticket: Option<Arc<Ticket>>,
    product: PhantomData<fn() -> P>,
}

impl<P> Clone for Client<P> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone(), ticket: self.ticket.clone(), product: PhantomData }
    }
}

impl<P: Product> fmt::Debug for Client<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("product", &P::DESCRIPTOR.code)
            .field("endpoint", &self.core.endpoint.to_string())
            .field("signature", &self.core.settings.signature)
            .field("throttle", &self.core.throttle)
            .finish_non_exhaustive()
    }
}

impl<P: Product> Client<P> {
    pub(crate) fn new(core: Core) -> Self {
        Self { core: Arc::new(core), ticket: None, product: PhantomData }
    }

    /// The same client, for a call of a bulk.
    pub(crate) fn with_ticket(&self, ticket: Ticket) -> Self {
        Self { core: self.core.clone(), ticket: Some(Arc::new(ticket)), product: PhantomData }
    }

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

    /// Calls an action: waits for its quota, signs, sends, judges the answer, and sends again what can safely be repeated
    /// ([`RetryPolicy`] says what that is).
    ///
    /// The future may be dropped at any time; a request that is under way then may still take effect.
    ///
    /// # Errors
    /// See [`ErrorKind`] for each kind, what it means and what to do.
    pub async fn send<A: Action<Product = P>>(&self, request: A) -> Result<Response<A::Output>, Error> {
        self.send_by_reference(&request, &CallOptions::new()).await
    }

    /// As [`send`](Self::send), with settings for this call alone.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_with<A: Action<Product = P>>(
        &self,
        request: A,
        options: CallOptions,
    ) -> Result<Response<A::Output>, Error> {
        self.send_by_reference(&request, &options).await
    }

    pub(crate) async fn send_by_reference<A: Action<Product = P>>(
        &self,
        request: &A,
        options: &CallOptions,
    ) -> Result<Response<A::Output>, Error> {
        let mut output = A::Output::default();
        let call = Call::typed(request)?.with_ticket(self.ticket.as_deref());
        let metadata = self.core.call(&call, options, &mut output).await?;
        Ok(Response::received(output, metadata))
    }

    /// Calls an action by name, for one that the crate does not have yet; the whole answer comes back as JSON.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_untyped(&self, request: UntypedRequest) -> Result<Response<Json>, Error> {
        self.send_untyped_with(request, CallOptions::new()).await
    }

    /// As [`send_untyped`](Self::send_untyped), with settings for this call alone.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_untyped_with(
        &self,
        request: UntypedRequest,
        options: CallOptions,
    ) -> Result<Response<Json>, Error> {
        self.send_untyped_by_reference(&request, &options).await
    }

    pub(crate) async fn send_untyped_by_reference(
        &self,
        request: &UntypedRequest,
        options: &CallOptions,
    ) -> Result<Response<Json>, Error> {
        let mut output = JsonOutput::default();
        let call = Call::untyped::<P>(request)?.with_ticket(self.ticket.as_deref());
        let metadata = self.core.call(&call, options, &mut output).await?;
        Ok(Response::untyped(Json::Object(output.0), metadata))
    }

    /// Signs a request without sending it, with the time and a nonce of now: for a transport of your own, and to look at it.
    ///
    /// # Errors
    /// If there are no credentials or the request cannot be sent as it is.
    pub async fn prepare<A: Action<Product = P>>(&self, request: &A) -> Result<PreparedRequest, Error> {
        self.core.prepare(&Call::typed(request)?).await
    }

    /// Signs an untyped request without sending it; see [`prepare`](Self::prepare).
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub async fn prepare_untyped(&self, request: &UntypedRequest) -> Result<PreparedRequest, Error> {
        self.core.prepare(&Call::untyped::<P>(request)?).await
    }

    /// Reads the answer to a [prepared](Self::prepare) request, however it was sent. No IO happens. The request tells what must
    /// not be shown of an answer that is quoted in an error.
    ///
    /// # Errors
    /// If the answer says that the call failed, or cannot be read.
    pub fn read<A: Action<Product = P>>(
        &self,
        request: &A,
        answer: http::Response<Bytes>,
    ) -> Result<Response<A::Output>, Error> {
        let mut output = A::Output::default();
        let call = Call::typed(request)?;
        let redactor = Redactor::new(None, &call.parameters);
        let context = Context {
            product: P::DESCRIPTOR,
            action: Some(A::DESCRIPTOR),
            untyped: false,
            redactor: &redactor,
            clock: &*self.core.clock,
        };
        let (mut parts, body) = answer.into_parts();
        let (body, judged) = answer::read(&mut parts, body, context, &mut output);
        let judged = judged.map_err(|error| {
            let error = error.redacted(&redactor).with_action(A::DESCRIPTOR.name.into());
            error.with_attempts(1).with_idempotent(A::DESCRIPTOR.idempotent)
        })?;
        let metadata = Metadata {
            request_id: judged.request_id,
            http_status: parts.status.as_u16(),
            attempts: 1,
            quota_wait: Duration::ZERO,
            mismatches: judged.mismatches,
            body,
        };
        Ok(Response::received(output, metadata))
    }

    /// Where requests go.
    pub fn endpoint(&self) -> &Endpoint {
        &self.core.endpoint
    }
}

/// Fails to compile if a call could not be awaited on a multi-threaded runtime.
#[allow(dead_code, reason = "the compiler is the test")]
fn calls_are_send<A: Action<Product: Sized>>(client: &Client<A::Product>, request: A) -> impl Future + Send {
    client.send(request)
}
