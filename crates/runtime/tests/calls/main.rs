//! Calls through a scripted transport, in virtual time.

mod building;
mod machine;
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
