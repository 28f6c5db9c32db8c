//! The core: judges one request at a given time, records it, and returns the response. No sockets, no waiting.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use alibabacloud_runtime::RateLimit;
use alibabacloud_runtime::descriptor::{ActionDescriptor, Method, ParameterDescriptor, ProductDescriptor};
use alibabacloud_runtime::private::platform;

use crate::answer::{Answer, fresh_request_id};
use crate::builder::{RetryAfter, ThrottledAnswer};
use crate::call::Call;
use crate::clock::{Instants, http_date, parse_timestamp};
use crate::example::Example;
use crate::log::{Counts, Log, Received};
use crate::nonces::Nonces;
use crate::quota::{QuotaKey, Quotas};
use crate::refusal::Refusal;
use crate::request::Request;
use crate::route;
use crate::signature::Scheme;
use crate::waiter::Progress;

/// The maximum clock skew in either direction.
const CLOCK_SKEW: Duration = Duration::from_secs(15 * 60);

pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;
type ScriptFn = Arc<dyn Fn(&Received) -> Option<Answer> + Send + Sync>;

/// The endpoint of a product without sockets. A test with virtual time can use it as a transport.
///
/// ```
/// # use alibabacloud_runtime::descriptor::ProductDescriptor;
/// # static PRODUCT: ProductDescriptor = ProductDescriptor::EMPTY;
/// use alibabacloud_simulator::{Request, Simulator};
///
/// let gateway = Simulator::builder(&[&PRODUCT]).gateway()?;
/// let request = Request::new("GET", "/?Action=Nothing").header("host", "localhost");
/// let answer = gateway.handle(&request, gateway.now());
///
/// assert_eq!(answer.status, 404);
/// assert_eq!(gateway.received()[0].code.as_deref(), Some("InvalidApi.NotFound"));
/// # Ok::<(), alibabacloud_simulator::StartError>(())
/// ```
pub struct Gateway {
    pub(crate) actions: Actions,
    pub(crate) keys: HashMap<String, Key>,
    pub(crate) throttled: ThrottledAnswer,
    pub(crate) clock: Clock,
    pub(crate) received: AtomicU64,
    pub(crate) state: Mutex<State>,
}

/// An action and its settings in this simulator.
pub(crate) struct Known {
    pub(crate) product: &'static ProductDescriptor,
    pub(crate) action: &'static ActionDescriptor,
    pub(crate) limit: Option<RateLimit>,
    pub(crate) example: Example,
}

/// All actions, found by name or path.
#[derive(Default)]
pub(crate) struct Actions {
    all: Vec<Known>,
    /// The places of the actions with a name.
    by_name: HashMap<&'static str, Vec<usize>>,
    /// The places of the actions of the ROA style.
    with_path: Vec<usize>,
}

impl Actions {
    pub(crate) fn new(all: Vec<Known>) -> Self {
        let mut by_name: HashMap<_, Vec<usize>> = HashMap::new();
        for (place, known) in all.iter().enumerate() {
            by_name.entry(known.action.name).or_default().push(place);
        }
        let with_path = (0..all.len()).filter(|place| !all[*place].action.path.is_empty()).collect();
        Self { all, by_name, with_path }
    }

    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = &Known> {
        self.by_name.get(name).into_iter().flatten().map(|place| &self.all[*place])
    }

    fn with_path(&self) -> impl Iterator<Item = &Known> {
        self.with_path.iter().map(|place| &self.all[*place])
    }
}

/// An access key.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    pub(crate) account: String,
}

/// The state that changes with requests.
pub(crate) struct State {
    pub(crate) quotas: Quotas,
    pub(crate) nonces: Nonces,
    pub(crate) log: Log,
    pub(crate) counts: Counts,
    pub(crate) scripts: HashMap<&'static str, Script>,
    /// What actions have started, by the name of the action.
    pub(crate) progress: HashMap<&'static str, Progress>,
}

#[derive(Default)]
pub(crate) struct Script {
    queue: VecDeque<Answer>,
    function: Option<ScriptFn>,
}

impl Gateway {
    /// The current time of the simulator's clocks: the wall clock of the builder, and tokio's monotonic clock.
    pub fn now(&self) -> Instants {
        Instants { wall: (self.clock)(), ..Instants::now() }
    }

    /// Judges a request that arrives at the given time, records it, and returns the response. It does not wait; the
    /// caller applies [`Answer::delay`].
    pub fn handle(&self, request: &Request, now: Instants) -> Answer {
        let call = Call::read(request);
        let route = self.route(&call);
        let action = route.map(|known| known.action.name.into()).or_else(|| call.action());
        let known = route.or_else(|| self.actions.named(action.as_deref()?).next());
        let known_action = known.map(|known| known.action.name);
        let number = self.received.fetch_add(1, Ordering::Relaxed) + 1;
        let received = || {
            let mut parameters = call.parameters();
            if let Some(route) = route {
                call.add_to(&mut parameters, route.action);
            }
            Received {
                number,
                connection: request.connection,
                at: now.wall,
                monotonic: now.monotonic,
                method: request.method.clone(),
                target: request.target.clone(),
                headers: request.headers.clone(),
                scheme: call.scheme,
                known_action,
                action: action.clone().map(Cow::into_owned),
                key_id: call.key_id().map(Cow::into_owned),
                nonce: call.nonce().map(Cow::into_owned),
                parameters,
                executed: true,
                status: 0,
                code: None,
                request_id: String::new(),
                fault: None,
            }
        };
        // The record is made only for a script or the log.
        let record = OnceCell::new();
        let (mut answer, executed, throttled) = match self.judge(&call, route, now) {
            Ok(known) => {
                let answer = self.act(known, &|| record.get_or_init(received));
                let executed = answer.executed;
                (answer, executed, false)
            }
            Err(refusal) => (refusal.answer(&request.host()), false, refusal.throttled),
        };
        let request_id = answer.complete(&http_date(now.wall));
        let is_kept = self.state().log.is_kept();
        let received = is_kept.then(|| {
            let mut received = record.into_inner().unwrap_or_else(received);
            received.executed = executed;
            received.request_id = request_id;
            received.status = answer.final_status().as_u16();
            received.code = answer.find_code();
            received.fault.clone_from(&answer.fault);
            Arc::new(received)
        });
        self.record(known_action, executed, throttled, received);
        answer
    }

    /// Performs all checks, in the order in which the real gateway seems to perform them.
    fn judge<'g>(&'g self, call: &Call<'_>, route: Option<&'g Known>, now: Instants) -> Result<&'g Known, Refusal> {
        let method = call.request.method.as_str();
        if !matches!(method, "GET" | "POST" | "PUT" | "DELETE" | "PATCH") {
            return Err(Refusal::METHOD);
        }
        let is_roa = route::path(call.request) != "/" || route.is_some();
        let known = if is_roa { self.find_route(call, route)? } else { self.find(call)? };
        // An RPC action with the method POST is also served by GET.
        let expected = known.action.method;
        if method != expected.as_str() && !(!is_roa && expected == Method::Post && method == "GET") {
            return Err(Refusal::other_method(expected));
        }
        if !is_roa && !call.asks_for_json() {
            return Err(Refusal::FORMAT);
        }
        if is_roa && call.scheme != Scheme::Acs3 && !known.action.anonymous {
            return Err(Refusal::NOT_V3);
        }
        let account = if known.action.anonymous { "" } else { &self.authenticate(call, now)?.account };
        let is_there =
            |it: &ParameterDescriptor| if is_roa { call.has_described(it) } else { call.has_parameter(it.name) };
        let mut parameters = known.action.parameters.iter();
        if let Some(absent) = parameters.find(|it| it.required && !is_there(it)) {
            return Err(Refusal::missing_parameter(absent.name));
        }
        self.admit(known, account, now)?;
        Ok(known)
    }

    /// The actions of the ROA style with this path, the most exact one first.
    fn routes(&self, call: &Call<'_>) -> Vec<&Known> {
        let path = route::path(call.request);
        let fits = |known: &&Known| route::read(known.action.path, path).is_some();
        let mut routes: Vec<&Known> = self.actions.with_path().filter(fits).collect();
        routes.sort_by_key(|known| route::names(known.action.path));
        routes
    }

    /// The action with this method and path. If several versions of a product have it, the header selects one.
    fn route(&self, call: &Call<'_>) -> Option<&Known> {
        let method = call.request.method.as_str();
        let routes = self.routes(call);
        let mut by_method = routes.into_iter().filter(|known| known.action.method.as_str() == method);
        let first = by_method.next()?;
        let version = call.version();
        let is_asked_for = |known: &&Known| Some(known.product.version) == version.as_deref();
        Some(std::iter::once(first).chain(by_method).find(is_asked_for).unwrap_or(first))
    }

    fn find_route<'g>(&self, call: &Call<'_>, route: Option<&'g Known>) -> Result<&'g Known, Refusal> {
        let Some(known) = route else {
            return Err(if self.routes(call).is_empty() { Refusal::PATH } else { Refusal::OTHER_METHOD });
        };
        if call.version().as_deref() != Some(known.product.version) {
            return Err(Refusal::VERSION);
        }
        // Older clients of this style send no action name.
        if call.action().is_some_and(|action| action != known.action.name) {
            return Err(Refusal::OTHER_ACTION);
        }
        Ok(known)
    }

    fn find(&self, call: &Call<'_>) -> Result<&Known, Refusal> {
        let name = call.action().ok_or(Refusal::MISSING_ACTION)?;
        let by_name = || self.actions.named(&name).filter(|known| known.action.path.is_empty());
        if by_name().next().is_none() {
            return Err(Refusal::UNKNOWN_ACTION);
        }
        let version = call.version().unwrap_or_default();
        let mut versions = by_name();
        versions.find(|known| known.product.version == version).ok_or(Refusal::VERSION)
    }

    fn authenticate(&self, call: &Call<'_>, now: Instants) -> Result<&Key, Refusal> {
        let claims = call.claims()?;
        let key = self.keys.get(&*claims.key_id).ok_or(Refusal::UNKNOWN_KEY)?;
        match (&key.token, &claims.token) {
            (Some(_), None) => return Err(Refusal::MISSING_TOKEN),
            (expected, given) if expected.as_deref() != given.as_deref() => return Err(Refusal::WRONG_TOKEN),
            _ => {}
        }
        if !claims.method_is_supported {
            return Err(Refusal::SIGNATURE_METHOD);
        }
        if !claims.version_is_supported {
            return Err(Refusal::SIGNATURE_VERSION);
        }
        let sent = parse_timestamp(&claims.timestamp).ok_or(Refusal::TIMESTAMP_FORMAT)?;
        let off = now.wall.duration_since(sent).unwrap_or_else(|ahead| ahead.duration());
        if off > CLOCK_SKEW {
            return Err(Refusal::TIMESTAMP_EXPIRED);
        }
        call.verify(&key.secret)?;
        // Last, so that only a sender with the secret can use up the nonces of a key.
        if !self.state().nonces.first_use(&claims.key_id, &claims.nonce, now.monotonic) {
            return Err(Refusal::NONCE);
        }
        Ok(key)
    }

    fn admit(&self, known: &Known, account: &str, now: Instants) -> Result<(), Refusal> {
        let Some(limit) = known.limit else { return Ok(()) };
        let ProductDescriptor { code: product, version, .. } = *known.product;
        let key = QuotaKey { account: account.to_owned(), product, version, action: known.action.name };
        let admitted = self.state().quotas.admit(key, limit, now.monotonic);
        admitted.map_err(|free_in| {
            let mut documented = known.action.errors.iter().chain(known.product.errors);
            let default = documented.find(|error| error.throttling).map_or(&platform::THROTTLING_USER, |error| *error);
            let settings = &self.throttled;
            Refusal::throttled(
                settings.status.unwrap_or(default.status),
                settings.code.clone().unwrap_or_else(|| default.code.to_owned()),
                settings.message.clone().unwrap_or_else(|| default.message.to_owned()),
                match settings.retry_after {
                    RetryAfter::Absent => None,
                    RetryAfter::Fixed(wait) => Some(wait),
                    RetryAfter::UntilFree => Some(free_in),
                },
            )
        })
    }

    /// The response of the action: a scripted one, else the example.
    fn act<'r>(&self, known: &Known, received: &dyn Fn() -> &'r Received) -> Answer {
        let (next, function) = match self.state().scripts.get_mut(known.action.name) {
            Some(script) => (script.queue.pop_front(), script.function.clone()),
            None => (None, None),
        };
        // The lock is released here, because the function may read the log or add to the script.
        next.or_else(|| function.and_then(|function| function(received())))
            .or_else(|| self.progress(known, received))
            .unwrap_or_else(|| known.answer())
    }

    /// The response of an action that starts an operation or reports the state of one.
    fn progress<'r>(&self, known: &Known, received: &dyn Fn() -> &'r Received) -> Option<Answer> {
        let name = known.action.name;
        let mut state = self.state();
        let documented = || known.example.with_request_id(&fresh_request_id());
        match state.progress.get_mut(name) {
            // An action can report the state of its own operations.
            Some(progress) if progress.asked() != name => {
                progress.start(received(), &documented()).map(Answer::ok_json)
            }
            _ => {
                let mut asked = state.progress.values_mut().filter(|progress| progress.asked() == name);
                asked.find_map(|progress| progress.report(&documented()))
            }
        }
    }

    fn record(
        &self,
        known_action: Option<&'static str>,
        executed: bool,
        throttled: bool,
        received: Option<Arc<Received>>,
    ) {
        let mut state = self.state();
        if let Some(received) = received {
            state.log.push(received);
        }
        match known_action {
            None => state.counts.unknown += 1,
            Some(name) => {
                let counts = state.counts.actions.entry(name).or_default();
                match (executed, throttled) {
                    (true, _) => counts.accepted += 1,
                    (_, true) => counts.throttled += 1,
                    _ => counts.rejected += 1,
                }
            }
        }
    }

    /// All completely received requests in the order of their responses. The oldest are missing if there were more than
    /// the builder's [`keep`](crate::Builder::keep), or if they took more than 64 MiB.
    pub fn received(&self) -> Vec<Arc<Received>> {
        self.state().log.all()
    }

    /// Like [`Gateway::received`], and empties the log at the same time, for runs that are too long to keep.
    pub fn take_received(&self) -> Vec<Arc<Received>> {
        self.state().log.take()
    }

    /// Empties the log. Counts, quotas and nonces are kept.
    pub fn clear_received(&self) {
        self.state().log.take();
    }

    /// The number of requests of each action that were accepted, throttled and rejected since the start.
    pub fn counts(&self) -> Counts {
        self.state().counts.clone()
    }

    /// Adds responses to the queue of the action. Each call that reaches the action takes one; when the queue is empty,
    /// the function of [`Gateway::script_fn`] or the documented example is used. A call that a check refuses takes no
    /// scripted response.
    ///
    /// # Panics
    /// Panics if no product of the simulator has an action of that name.
    pub fn script(&self, action: &str, answers: impl IntoIterator<Item = Answer>) {
        let name = self.expect_known(action).action.name;
        let answers: Vec<Answer> = answers.into_iter().collect();
        self.state().scripts.entry(name).or_default().queue.extend(answers);
    }

    /// Sets a function for calls that reach the action when the queue of [`Gateway::script`] is empty, replacing an
    /// earlier function; `None` means the documented example. It receives the request before the response is known:
    /// `status`, `code` and `request_id` are not set. It must not block, because the connection waits for it; use
    /// [`Answer::delay`] for a slow response. If it panics, the connection is closed.
    ///
    /// # Panics
    /// Panics if no product of the simulator has an action of that name.
    pub fn script_fn(&self, action: &str, function: impl Fn(&Received) -> Option<Answer> + Send + Sync + 'static) {
        let name = self.expect_known(action).action.name;
        self.state().scripts.entry(name).or_default().function = Some(Arc::new(function));
    }

    /// Makes the operations of an action take time: the action that [reports their state](ActionDescriptor::waiter)
    /// reports an unfinished state in that many calls, and the end after them: the first done state, the first error
    /// code that means done, or a list without the element. Both actions respond with their documented examples, with
    /// the values of the request in the response of the first and in the element of the second. Scripts take precedence.
    ///
    /// # Panics
    /// Panics if no product of the simulator has an action of that name, or if its specification has no waiter.
    pub fn complete_after(&self, action: &str, calls: u32) {
        let action = self.expect_known(action).action;
        let waiter = action.waiter.unwrap_or_else(|| panic!("the specification of {:?} has no waiter", action.name));
        self.state().progress.insert(action.name, Progress::new(action.name, waiter, calls));
    }

    /// The documented example of an action with a new request ID, which is the response without a script. Use it to add
    /// e.g. a delay or a header.
    ///
    /// # Panics
    /// Panics if no product of the simulator has an action of that name.
    pub fn example(&self, action: &str) -> Answer {
        self.expect_known(action).answer()
    }

    pub(crate) fn expect_known(&self, name: &str) -> &Known {
        let known = self.actions.named(name).next();
        known.unwrap_or_else(|| panic!("no product of this simulator has an action {name:?}"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    pub(crate) fn answer(&self) -> Answer {
        self.example.answer(fresh_request_id())
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions: Vec<&str> = self.actions.all.iter().map(|known| known.action.name).collect();
        f.debug_struct("Gateway")
            .field("actions", &actions)
            .field("keys", &self.keys.len())
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}
