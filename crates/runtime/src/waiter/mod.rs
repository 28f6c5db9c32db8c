//! Waiting for operations that actions start.

mod error;
mod judge;
mod observe;

use std::borrow::Cow;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep};

pub use self::error::WaitError;
use self::judge::{Expected, Verdict, judge, value_at};
use self::observe::Observer;
use crate::action::{Action, Product, Waitable};
use crate::call::{Call, Core};
use crate::client::Client;
use crate::descriptor::{
    ActionDescriptor, ParameterDescriptor, ParameterLocation, ProductDescriptor, WaiterDescriptor, WaiterPart,
    WaiterValue,
};
use crate::error::{Error, ErrorKind};
use crate::event::WaitOutcome;
use crate::open::Json;
use crate::options::CallOptions;
use crate::parameters::Parameter;
use crate::response::{Metadata, Response};
use crate::untyped::{JsonOutput, UntypedRequest};
use crate::value::{Object, View};

/// The output of the action that [`Client::wait_for`] calls for an action.
pub type Asked<A> = <<A as Waitable>::Asked as Action>::Output;

/// Settings of a wait, which replace those of the specification.
///
/// ```
/// use std::time::Duration;
/// use alibabacloud_runtime::WaitOptions;
///
/// let patient = WaitOptions::new().bound(Duration::from_secs(4 * 3600)).interval(Duration::from_secs(60));
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "options do nothing until a wait begins with them"]
pub struct WaitOptions {
    bound: Option<Duration>,
    interval: Option<Duration>,
    calls: CallOptions,
}

/// The shortest interval.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

impl WaitOptions {
    /// Creates options that replace nothing.
    pub const fn new() -> Self {
        Self { bound: None, interval: None, calls: CallOptions::new() }
    }

    /// Sets the longest wait, including all calls. Default: the bound of the specification.
    pub const fn bound(mut self, bound: Duration) -> Self {
        self.bound = Some(bound);
        self
    }

    /// Sets the time from the end of a call to the next one, at least 100 ms. The interval then stays constant. Default:
    /// the interval of the specification, which may grow.
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Sets the options of each call. The deadline of a call is at most what is left of the bound. Default: the
    /// settings of the client.
    pub fn calls(mut self, options: CallOptions) -> Self {
        self.calls = options;
        self
    }
}

impl<P: Product> Client<P> {
    /// Waits until the operation that an action has started has ended. The specification names another action of the
    /// product, which is called until its response has a state that means done or failed. Returns the response with a
    /// done state. If an error code means done, such as that of a deleted resource, returns an empty output with the
    /// request ID, the HTTP status and the body of that error.
    ///
    /// `response` is the output of the action, or `None` if it is no longer available, such as after a restart of the
    /// program. The wait fails at once if it needs the response.
    ///
    /// The calls are throttled and retried like all calls, with the limit of the called action, and are at least the
    /// interval of the specification apart. After a call that is throttled, not sent or without a response, the wait
    /// continues until its bound. Dropping the future ends the wait, but not the operation.
    ///
    /// # Errors
    /// [`WaitError::Failed`] if the operation failed, [`WaitError::BoundReached`] if it has not ended in time, and
    /// [`WaitError::Refused`] if the service rejects a call, or if no call is possible.
    pub async fn wait_for<'r, A: Waitable<Product = P>>(
        &self,
        request: &A,
        response: impl Into<Option<&'r Response<A::Output>>>,
    ) -> Result<Response<Asked<A>>, WaitError<Asked<A>>> {
        self.wait_for_with(request, response, WaitOptions::new()).await
    }

    /// As [`wait_for`](Self::wait_for), with settings for this wait.
    ///
    /// # Errors
    /// As [`wait_for`](Self::wait_for).
    pub async fn wait_for_with<'r, A: Waitable<Product = P>>(
        &self,
        request: &A,
        response: impl Into<Option<&'r Response<A::Output>>>,
        options: WaitOptions,
    ) -> Result<Response<Asked<A>>, WaitError<Asked<A>>> {
        let wait = Wait::typed(request, response.into(), options)?;
        self.run_wait::<A>(wait).await
    }

    pub(crate) async fn run_wait<A: Waitable<Product = P>>(
        &self,
        wait: Wait,
    ) -> Result<Response<Asked<A>>, WaitError<Asked<A>>> {
        run(self.core(), &wait, &Typed::<Asked<A>>(PhantomData)).await
    }

    /// Waits for the operation of an action that was called by name; see [`wait_for`](Self::wait_for). The crate must
    /// have the action, and the action a waiter ([`ActionDescriptor::waiter`]).
    ///
    /// # Errors
    /// As [`wait_for`](Self::wait_for).
    pub async fn wait_for_untyped(
        &self,
        request: &UntypedRequest,
        response: Option<&Response<Json>>,
    ) -> Result<Response<Json>, WaitError<Json>> {
        self.wait_for_untyped_with(request, response, WaitOptions::new()).await
    }

    /// As [`wait_for_untyped`](Self::wait_for_untyped), with settings for this wait.
    ///
    /// # Errors
    /// As [`wait_for`](Self::wait_for).
    pub async fn wait_for_untyped_with(
        &self,
        request: &UntypedRequest,
        response: Option<&Response<Json>>,
        options: WaitOptions,
    ) -> Result<Response<Json>, WaitError<Json>> {
        let wait = Wait::untyped::<P>(request, response, options)?;
        run(self.core(), &wait, &Untyped { is_roa: !wait.asked.path.is_empty() }).await
    }
}

/// A wait with all its values, without borrows.
pub(crate) struct Wait {
    action: Cow<'static, str>,
    waiter: &'static WaiterDescriptor,
    asked: &'static ActionDescriptor,
    parameters: Vec<Parameter<'static>>,
    condition: Vec<Expected>,
    interval: Duration,
    longest_interval: Duration,
    bound: Duration,
    calls: CallOptions,
}

fn refused(action: &str, message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message).with_action(action.to_owned().into())
}

impl Wait {
    pub(crate) fn typed<A: Waitable>(
        request: &A,
        response: Option<&Response<A::Output>>,
        options: WaitOptions,
    ) -> Result<Self, Error> {
        let response = response.map(|response| View::Object(&**response));
        Self::new(&Call::typed(request)?, A::DESCRIPTOR.waiter, Some(A::Asked::DESCRIPTOR), response, options)
    }

    fn untyped<P: Product>(
        request: &UntypedRequest,
        response: Option<&Response<Json>>,
        options: WaitOptions,
    ) -> Result<Self, Error> {
        let product: &ProductDescriptor = P::DESCRIPTOR;
        let waiter = product.action(request.action()).and_then(|action| action.waiter);
        let asked = waiter.and_then(|waiter| product.action(waiter.action));
        let response = response.map(|response| View::Any(response));
        Self::new(&Call::untyped::<P>(request)?, waiter, asked, response, options)
    }

    fn new(
        started: &Call<'_>,
        waiter: Option<&'static WaiterDescriptor>,
        asked: Option<&'static ActionDescriptor>,
        response: Option<View<'_>>,
        options: WaitOptions,
    ) -> Result<Self, Error> {
        let name = started.name();
        let Some(waiter) = waiter else {
            let message =
                "the specification of the action has no waiter; call the action that returns the state".to_owned();
            return Err(refused(name, message));
        };
        let Some(asked) = asked.filter(|asked| asked.name == waiter.action) else {
            let message = format!(
                "the crate was built without `{}`, which returns the state; turn on its feature",
                waiter.action
            );
            return Err(refused(name, message));
        };
        let lacks = |value: WaiterValue, of: &str| refused(name, lacking(value, of, response.is_some()));
        let mut parameters = Vec::with_capacity(waiter.parameters.len());
        for (wire, value) in waiter.parameters {
            let described = asked.parameters.iter().find(|parameter| is_of(wire, parameter));
            let Some((parts, sensitive)) = value_of(value, &started.parameters, response) else {
                if described.is_none_or(|parameter| parameter.required) {
                    return Err(lacks(value, wire));
                }
                continue;
            };
            parameters.push(Parameter {
                name: Cow::Borrowed(wire),
                value: Cow::Owned(parts.concat()),
                location: described.map_or(ParameterLocation::Query, |parameter| parameter.location),
                sensitive: sensitive || described.is_none_or(|parameter| parameter.sensitive),
            });
        }
        let condition = waiter.condition.iter().map(|(path, value)| {
            let found = value_of(value, &started.parameters, response);
            let (parts, sensitive) = found.ok_or_else(|| lacks(value, path.last().copied().unwrap_or_default()))?;
            Ok(Expected::new(&parts, sensitive))
        });
        let condition = condition.collect::<Result<_, Error>>()?;
        let interval = options.interval.unwrap_or(waiter.interval).max(SHORTEST_INTERVAL);
        Ok(Self {
            action: started.name().clone(),
            waiter,
            asked,
            parameters,
            condition,
            interval,
            longest_interval: options.interval.map_or(waiter.longest_interval, |_| interval).max(interval),
            bound: options.bound.unwrap_or(waiter.bound),
            calls: options.calls,
        })
    }
}

/// Whether a name is that of the parameter or of a part of it, such as `InstanceId.1`.
fn is_of(wire: &str, parameter: &ParameterDescriptor) -> bool {
    wire.strip_prefix(parameter.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The parts of the first alternative whose parts all have a value, and whether one is sensitive.
fn value_of(
    value: WaiterValue,
    parameters: &[Parameter<'_>],
    response: Option<View<'_>>,
) -> Option<(Vec<String>, bool)> {
    let of_part = |part: &WaiterPart| match part {
        WaiterPart::Text(text) => Some(((*text).to_owned(), false)),
        WaiterPart::Parameter(name) => {
            let found = parameters.iter().find(|parameter| parameter.name == *name && !parameter.value.is_empty())?;
            Some((found.value.clone().into_owned(), found.sensitive))
        }
        // JSON has no information about sensitivity.
        WaiterPart::Field(path) => response.and_then(|view| value_at(view, path, matches!(view, View::Any(_)))),
    };
    value.iter().find_map(|parts| {
        let parts: Vec<(String, bool)> = parts.iter().map(of_part).collect::<Option<_>>()?;
        let sensitive = parts.iter().any(|(_, sensitive)| *sensitive);
        Some((parts.into_iter().map(|(text, _)| text).collect(), sensitive))
    })
}

/// The reason why a value of the waiter is missing.
fn lacking(value: WaiterValue, of: &str, has_response: bool) -> String {
    let mut fields = value.iter().copied().flatten().filter_map(|part| match part {
        WaiterPart::Field(path) => Some(path.join(".")),
        _ => None,
    });
    let names = value.iter().copied().flatten().filter_map(|part| match part {
        WaiterPart::Parameter(name) => Some(format!("`{name}`")),
        _ => None,
    });
    match fields.next() {
        Some(field) if has_response => format!("the response has no `{field}`, which is needed for `{of}`"),
        Some(field) => format!("the wait needs `{field}` of the response; pass the response"),
        None => {
            format!(
                "the wait needs `{of}`, but the request does not have it; set {}",
                names.collect::<Vec<_>>().join(" and ")
            )
        }
    }
}

/// Makes one call, and gives a view of its response.
trait Asks {
    type Answer;

    fn ask(
        &self,
        core: &Core,
        call: &Call<'_>,
        options: &CallOptions,
    ) -> impl Future<Output = Result<Response<Self::Answer>, Error>> + Send;

    fn view<'a>(&self, answer: &'a Self::Answer) -> View<'a>;

    /// The response in place of an error that means done.
    fn nothing(&self, error: &Error) -> Response<Self::Answer>;

    const IS_UNTYPED: bool;
}

struct Typed<O>(PhantomData<fn() -> O>);

impl<O: Object + Default> Asks for Typed<O> {
    type Answer = O;
    const IS_UNTYPED: bool = false;

    async fn ask(&self, core: &Core, call: &Call<'_>, options: &CallOptions) -> Result<Response<O>, Error> {
        let mut output = O::default();
        let metadata = core.call(call, options, &mut output).await?;
        Ok(Response::received(output, metadata))
    }

    fn view<'a>(&self, answer: &'a O) -> View<'a> {
        View::Object(answer)
    }

    fn nothing(&self, error: &Error) -> Response<O> {
        Response::received(O::default(), facts(error))
    }
}

struct Untyped {
    is_roa: bool,
}

impl Asks for Untyped {
    type Answer = Json;
    const IS_UNTYPED: bool = true;

    async fn ask(&self, core: &Core, call: &Call<'_>, options: &CallOptions) -> Result<Response<Json>, Error> {
        let mut output = JsonOutput::of_anything(self.is_roa);
        let metadata = core.call(call, options, &mut output).await?;
        Ok(Response::untyped(output.into_json(), metadata))
    }

    fn view<'a>(&self, answer: &'a Json) -> View<'a> {
        View::Any(answer)
    }

    fn nothing(&self, error: &Error) -> Response<Json> {
        Response::untyped(Json::Object(serde_json::Map::new()), facts(error))
    }
}

/// The facts of a call that ended with an error.
fn facts(error: &Error) -> Metadata {
    Metadata {
        request_id: error.request_id().map(ToOwned::to_owned),
        http_status: error.http_status().unwrap_or_default(),
        attempts: error.attempts(),
        body: error.raw_body().cloned().unwrap_or_default(),
        ..Metadata::default()
    }
}

/// Whether the service returned one of these codes.
fn has_code(error: &Error, codes: &[&str]) -> bool {
    error.code().is_some_and(|found| codes.iter().any(|code| code.eq_ignore_ascii_case(found.trim())))
}

/// Makes calls until the state is done or failed, the service rejects a call, or the bound is reached.
async fn run<A: Asks>(core: &Core, wait: &Wait, asks: &A) -> Result<Response<A::Answer>, WaitError<A::Answer>> {
    let mut observer = Observer::new(&core.events, core.settings.product.code, &wait.action, wait.asked.name);
    let span = observer.span();
    let outcome = span.of(pin!(ask_until(core, wait, asks, &mut observer))).await;
    observer.ended(match &outcome {
        Ok(_) => WaitOutcome::Done,
        Err(WaitError::Failed { state, .. }) => WaitOutcome::Failed { state },
        Err(WaitError::BoundReached { .. }) => WaitOutcome::BoundReached,
        Err(WaitError::Refused(error)) => WaitOutcome::Refused(error),
    });
    outcome
}

async fn ask_until<A: Asks>(
    core: &Core,
    wait: &Wait,
    asks: &A,
    observer: &mut Observer<'_>,
) -> Result<Response<A::Answer>, WaitError<A::Answer>> {
    let began = Instant::now();
    let mut interval = wait.interval;
    let mut last = None;
    loop {
        let deadline = wait.calls.deadline.unwrap_or(core.options.deadline);
        let deadline = deadline.min(wait.bound.saturating_sub(began.elapsed()));
        let options = wait.calls.clone().deadline(deadline);
        let call = Call::described(wait.asked, &wait.parameters, A::IS_UNTYPED);
        let outcome = asks.ask(core, &call, &options).await;
        observer.asked();
        let (state, error) = match outcome {
            Ok(response) => match judge(wait.waiter, &wait.condition, asks.view(&response)) {
                Verdict::Done => return Ok(response),
                Verdict::Failed(state) => {
                    let action = wait.action.clone();
                    return Err(WaitError::Failed {
                        action,
                        asked: wait.asked.name,
                        state,
                        response: Box::new(response),
                    });
                }
                Verdict::Pending(state) => {
                    last = Some((state.clone(), response));
                    (state, None)
                }
            },
            Err(error) if has_code(&error, wait.waiter.done_errors) => return Ok(asks.nothing(&error)),
            // Another call is harmless, and may succeed later.
            Err(error) if error.is_retryable() || has_code(&error, wait.waiter.pending_errors) => (None, Some(error)),
            Err(error) => return Err(WaitError::Refused(error)),
        };
        let asked_for = error.as_ref().and_then(Error::retry_after).unwrap_or_default();
        let pause = interval.max(asked_for);
        // The next call would begin after the bound.
        if began.elapsed().saturating_add(pause) >= wait.bound {
            let (state, last) = last.map_or((None, None), |(state, response)| (state, Some(Box::new(response))));
            return Err(WaitError::BoundReached {
                action: wait.action.clone(),
                asked: wait.asked.name,
                state,
                last,
                error,
                calls: observer.calls(),
                waited: began.elapsed(),
            });
        }
        observer.continues(state.as_deref(), error.as_ref(), pause);
        sleep(pause).await;
        interval = interval.saturating_mul(2).min(wait.longest_interval);
    }
}
