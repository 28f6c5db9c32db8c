//! Credentials from the environment.

use super::{Credentials, CredentialsError, ProvideCredentials, ProvideFuture};

const ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
const SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
const TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";

/// Reads `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` and, for temporary credentials,
/// `ALIBABA_CLOUD_SECURITY_TOKEN`, each time anew.
///
/// An empty variable counts as unset. Blanks around a value are an error, because a signature with them never verifies.
#[derive(Debug, Clone, Copy, Default)]
pub struct EnvironmentCredentials;

impl EnvironmentCredentials {
    /// The credentials that are in the environment now.
    ///
    /// # Errors
    /// If a variable is missing, is not UTF-8, or has blanks around its value; the message names the variable.
    pub fn read(self) -> Result<Credentials, CredentialsError> {
        read(|name| match std::env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(CredentialsError::new(format!("the environment variable {name} is not UTF-8 text")))
            }
        })
    }
}

fn read(variable: impl Fn(&str) -> Result<Option<String>, CredentialsError>) -> Result<Credentials, CredentialsError> {
    let get = |name: &str| {
        let value = variable(name)?.filter(|value| !value.is_empty());
        if value.as_ref().is_some_and(|value| value.trim() != value) {
            return Err(CredentialsError::new(format!(
                "the environment variable {name} has blanks or a line break around its value; remove them"
            )));
        }
        Ok(value)
    };
    match (get(ID)?, get(SECRET)?) {
        (Some(id), Some(secret)) => Ok(match get(TOKEN)? {
            Some(token) => Credentials::temporary(id, secret, token, None),
            None => Credentials::new(id, secret),
        }),
        (id, secret) => {
            let missing: Vec<_> = [(ID, id.is_none()), (SECRET, secret.is_none())]
                .into_iter()
                .filter(|(_, missing)| *missing)
                .map(|(name, _)| name)
                .collect();
            Err(CredentialsError::new(format!(
                "no credentials: the environment lacks {}; set it, or give the client credentials with `Client::builder().credentials(…)`",
                missing.join(" and ")
            )))
        }
    }
}

impl ProvideCredentials for EnvironmentCredentials {
    fn provide(&self) -> ProvideFuture<'_> {
        Box::pin(std::future::ready(self.read()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Credentials, CredentialsError> {
        read(|name| Ok(variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())))
    }

    #[test]
    fn a_key_and_its_token_are_read() {
        let credentials = with(&[(ID, "id"), (SECRET, "secret"), (TOKEN, "token")]).unwrap();
        assert_eq!(credentials.access_key_id(), "id");
        assert_eq!(credentials.access_key_secret(), "secret");
        assert_eq!(credentials.security_token(), Some("token"));
        assert_eq!(with(&[(ID, "id"), (SECRET, "secret"), (TOKEN, "")]).unwrap().security_token(), None);
    }

    #[test]
    fn a_missing_variable_is_named() {
        let message = with(&[(ID, "id")]).unwrap_err().to_string();
        assert!(message.contains(SECRET) && !message.contains(ID), "{message}");
        let message = with(&[(ID, ""), (SECRET, "")]).unwrap_err().to_string();
        assert!(message.contains(SECRET) && message.contains(ID), "{message}");
    }

    #[test]
    fn blanks_around_a_value_are_refused_without_quoting_it() {
        let message = with(&[(ID, "id"), (SECRET, "canary\n")]).unwrap_err().to_string();
        assert!(message.contains(SECRET) && !message.contains("canary"), "{message}");
    }
}
