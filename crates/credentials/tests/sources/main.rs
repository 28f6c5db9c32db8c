//! Every source against a faithful fake on loopback: what it asks, what it takes, and what it says when things go wrong.

mod cli_profile;
mod ecs_ram_role;
mod environment_and_chain;
mod external_process;
mod identity;
mod ini_profile;
mod roles;
mod sign_ins;
mod support;
mod uri;
