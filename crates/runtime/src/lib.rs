//! The runtime of the generated Alibaba Cloud clients.
pub mod action;
pub mod decode;
mod declare;
pub mod descriptor;
mod error;
pub mod value;
pub use action::{Action, Product, Request};
pub use error::{Error, ErrorKind};
