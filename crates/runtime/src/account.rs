//! The account whose quotas a client uses.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::credentials::Credentials;
use crate::sign::hex::hex;

/// The account of a client, as part of the keys of its quotas.
///
/// It does not change while the client lives, although temporary credentials have another access key ID after each
/// refresh: it is the name that the user set, else the identity of the first credentials. An access key ID is stored
/// only as a hash.
#[derive(Debug, Default)]
pub(crate) struct Account(OnceLock<String>);

impl Account {
    pub(crate) fn named(name: String) -> Self {
        Self(OnceLock::from(name))
    }

    /// The account, if it is known without credentials.
    pub(crate) fn known(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }

    pub(crate) fn of(&self, credentials: &Credentials) -> &str {
        self.0.get_or_init(|| Self::name_of(credentials))
    }

    /// The account of these credentials.
    pub(crate) fn name_of(credentials: &Credentials) -> String {
        let identity = credentials.identity().map_or_else(|| credentials.access_key_id(), account_of);
        format!("key:{}", hex::<32>(&Sha256::digest(identity)[..16]).as_str())
    }
}

/// The part of a role's ARN that names the account (`acs:ram::1234567890:role/name`), since the service counts per
/// account.
fn account_of(identity: &str) -> &str {
    let mut parts = identity.splitn(5, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("acs"), Some("ram" | "sts"), Some(_), Some(account), Some(_)) if !account.is_empty() => account,
        _ => identity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_stable_over_refreshes_and_shared_by_its_roles() {
        let credentials = |id: &str, identity: Option<&str>| {
            let credentials = Credentials::temporary(id, "secret", "token", None);
            identity.into_iter().fold(credentials, |credentials, identity| credentials.with_identity(identity))
        };
        let of = |credentials: &Credentials| Account::default().of(credentials).to_owned();
        let role = of(&credentials("STS.1", Some("acs:ram::17:role/a")));
        assert_eq!(role, of(&credentials("STS.2", Some("acs:ram::17:role/b"))));
        assert_ne!(role, of(&credentials("STS.1", Some("acs:ram::18:role/a"))));
        assert_ne!(of(&credentials("STS.1", None)), of(&credentials("STS.2", None)));
        assert_eq!(of(&credentials("STS.1", Some("profile"))), of(&credentials("STS.2", Some("profile"))));
        let client = Account::default();
        let first = client.of(&credentials("STS.1", None)).to_owned();
        assert_eq!(client.of(&credentials("STS.2", None)), first);
        assert!(!first.contains("STS"), "{first}");
        assert_eq!(Account::named("main".to_owned()).of(&credentials("STS.1", None)), "main");
    }
}
