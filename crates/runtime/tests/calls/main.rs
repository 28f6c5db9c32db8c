//! What a call does, seen from outside: through a transport that answers from a script, in virtual time.

mod building;
mod overrides;
mod preparing;
mod quotas;
mod repeating;
mod roa;
mod secrets;
mod sending;
mod support;
mod waiting;
mod watching;
