//! The client: the public face of a [call](crate::call).

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;

use crate::action::{Action, Product};
use crate::builder::ClientBuilder;
use crate::bulk::Ticket;
use crate::call::{Call, Core};
use crate::endpoint::Endpoint;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::open::Json;
use crate::options::CallOptions;
use crate::prepare::PreparedRequest;
use crate::response::Response;
#[cfg(doc)]
use crate::retry::RetryPolicy;
use crate::untyped::{JsonOutput, UntypedRequest};

/// Calls the actions of one product.
///
/// Cheap to clone; clones share connections, quotas and credentials. Calls need a tokio runtime with its timer enabled.
pub struct Client<P> {
    core: Arc<Core>,
    /// The ticket of a call, in a client that a bulk hands out.
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

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// The same client, for a call of a bulk.
    pub(crate) fn with_ticket(&self, ticket: Ticket) -> Self {
        Self { core: self.core.clone(), ticket: Some(Arc::new(ticket)), product: PhantomData }
    }

    /// A client with the settings of the environment; [`ClientBuilder::from_env`] lists the variables.
    ///
    /// # Errors
    /// If a variable is missing or invalid; the message names it.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }

    /// A builder with default settings; only credentials are required.
    pub fn builder() -> ClientBuilder<P> {
        ClientBuilder::new()
    }

    /// Calls an action: waits for a permit, signs, sends, checks the response, and retries if that is safe (see
    /// [`RetryPolicy`]).
    ///
    /// Dropping the future cancels the call. A request in flight may still take effect.
    ///
    /// # Errors
    /// [`ErrorKind`] describes each kind of error and what to do.
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

    /// Calls an action by name, e.g. one that the crate does not have, and returns the whole response as JSON.
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
        let call = Call::untyped::<P>(request)?.with_ticket(self.ticket.as_deref());
        let mut output = JsonOutput::of_anything(call.is_roa());
        let metadata = self.core.call(&call, options, &mut output).await?;
        Ok(Response::untyped(output.into_json(), metadata))
    }

    /// Signs a request without sending it, with the current time and a new nonce, e.g. to inspect it or to send it by
    /// other means.
    ///
    /// # Errors
    /// If there are no credentials, or the request cannot be sent as it is.
    pub async fn prepare<A: Action<Product = P>>(&self, request: &A) -> Result<PreparedRequest, Error> {
        self.prepare_with(request, CallOptions::new()).await
    }

    /// As [`prepare`](Self::prepare), with settings for this request alone: credentials, region, headers, and the
    /// deadline for obtaining credentials.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub async fn prepare_with<A: Action<Product = P>>(
        &self,
        request: &A,
        options: CallOptions,
    ) -> Result<PreparedRequest, Error> {
        self.core.prepare(&Call::typed(request)?, &options).await
    }

    /// Signs an untyped request without sending it; see [`prepare`](Self::prepare).
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub async fn prepare_untyped(&self, request: &UntypedRequest) -> Result<PreparedRequest, Error> {
        self.prepare_untyped_with(request, CallOptions::new()).await
    }

    /// As [`prepare_untyped`](Self::prepare_untyped), with settings for this request alone; see
    /// [`prepare_with`](Self::prepare_with).
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub async fn prepare_untyped_with(
        &self,
        request: &UntypedRequest,
        options: CallOptions,
    ) -> Result<PreparedRequest, Error> {
        self.core.prepare(&Call::untyped::<P>(request)?, &options).await
    }

    /// Reads the response to a [prepared](Self::prepare) request, without I/O. An error shows no sensitive parameter of
    /// the request, no header of the client, and no part of [cached](crate::ProvideCredentials::cached) credentials,
    /// even if the response contains them.
    ///
    /// # Errors
    /// If the response reports a failure, or is unusable.
    pub fn read<A: Action<Product = P>>(
        &self,
        request: &A,
        answer: http::Response<Bytes>,
    ) -> Result<Response<A::Output>, Error> {
        self.read_with(request, answer, &CallOptions::new())
    }

    /// As [`read`](Self::read), for a request that was prepared with these settings; an error shows no value of them
    /// either.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_with<A: Action<Product = P>>(
        &self,
        request: &A,
        answer: http::Response<Bytes>,
        options: &CallOptions,
    ) -> Result<Response<A::Output>, Error> {
        let mut output = A::Output::default();
        let metadata = self.core.read(&Call::typed(request)?, options, answer, &mut output)?;
        Ok(Response::received(output, metadata))
    }

    /// Reads the response to a [prepared untyped](Self::prepare_untyped) request; see [`read`](Self::read).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_untyped(
        &self,
        request: &UntypedRequest,
        answer: http::Response<Bytes>,
    ) -> Result<Response<Json>, Error> {
        self.read_untyped_with(request, answer, &CallOptions::new())
    }

    /// As [`read_untyped`](Self::read_untyped), for a request that was prepared with these settings; see
    /// [`read_with`](Self::read_with).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_untyped_with(
        &self,
        request: &UntypedRequest,
        answer: http::Response<Bytes>,
        options: &CallOptions,
    ) -> Result<Response<Json>, Error> {
        let call = Call::untyped::<P>(request)?;
        let mut output = JsonOutput::of_anything(call.is_roa());
        let metadata = self.core.read(&call, options, answer, &mut output)?;
        Ok(Response::untyped(output.into_json(), metadata))
    }

    /// The endpoint to which requests are sent.
    pub fn endpoint(&self) -> &Endpoint {
        &self.core.endpoint
    }
}

/// Fails to compile if a call is not `Send`.
#[allow(dead_code, reason = "the compiler is the test")]
fn calls_are_send<A: Action<Product: Sized>>(client: &Client<A::Product>, request: A) -> impl Future + Send {
    client.send(request)
}
