//! Independent work on all cores, with the results in the order of the items.

use std::sync::LazyLock;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// With fewer items for each thread, threads cost more than they save.
const FEWEST: usize = 8;

/// The stack of the main thread on Linux: specifications are nested deeply.
const STACK: usize = 8 << 20;

static POOL: LazyLock<Option<ThreadPool>> = LazyLock::new(|| ThreadPoolBuilder::new().stack_size(STACK).build().ok());

/// Applies a function to all items.
pub fn map<'i, T: Sync, R: Send>(items: &'i [T], work: impl Fn(&'i T) -> R + Sync + Send) -> Vec<R> {
    match &*POOL {
        Some(pool) if items.len() > FEWEST => {
            pool.install(|| items.par_iter().with_min_len(FEWEST).map(work).collect())
        }
        // Without threads, this one does the work.
        _ => items.iter().map(work).collect(),
    }
}
