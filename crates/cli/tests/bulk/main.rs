//! `cams bulk`: the same command continues after any interruption, and no request that is not idempotent is sent twice.

#[path = "../support/mod.rs"]
mod processes;

mod brakes;
mod continuing;
mod full_disk;
mod killed;
mod readme;
mod rows;
mod spreadsheets;
mod support;
mod together;
