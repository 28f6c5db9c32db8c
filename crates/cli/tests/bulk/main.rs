//! `cams bulk`: whatever ends it, the same command goes on, and no row that is not idempotent is sent twice.

#[path = "../support/mod.rs"]
mod processes;

mod brakes;
mod full_disk;
mod going_on;
mod killed;
mod readme;
mod rows;
mod spreadsheets;
mod support;
mod together;
