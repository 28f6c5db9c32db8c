//! Every source with a fake server on loopback: its requests, its credentials and its errors.

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
