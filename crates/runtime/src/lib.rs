//! The runtime of the generated Alibaba Cloud clients.
pub mod descriptor;
