//! Credentials from the environment.

use super::{Credentials, CredentialsError, ProvideCredentials, ProvideFuture, check};

const PREFIX: &str = "ALIBABA_CLOUD_";
const ID: &str = "ACCESS_KEY_ID";
const SECRET: &str = "ACCESS_KEY_SECRET";
const TOKEN: &str = "SECURITY_TOKEN";

/// Reads `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` and, for temporary credentials,
/// `ALIBABA_CLOUD_SECURITY_TOKEN` at each use.
///
/// An empty variable counts as unset. An invalid value, such as one with quotation marks or a line break, is an error
/// ([`Credentials::validate`]).
#[derive(Debug, Clone, Copy, Default)]
pub struct EnvironmentCredentials;

impl EnvironmentCredentials {
    /// The current credentials of the environment.
    ///
    /// # Errors
    /// If a variable is missing, is not UTF-8, or has an invalid value; the message names the variable.
    pub fn read(self) -> Result<Credentials, CredentialsError> {
        let found = Self::look_up(PREFIX, |name| match std::env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(CredentialsError::new(format!("the environment variable {name} is not UTF-8 text")))
            }
        })?;
        found.ok_or_else(|| {
            CredentialsError::new(format!(
                "no credentials: {PREFIX}{ID} and {PREFIX}{SECRET} are not set; set them, or give the client credentials with \
                 `Client::builder().credentials(…)`"
            ))
        })
    }

    /// The credentials in the variables with this prefix; `None` if none of them is set.
    ///
    /// # Errors
    /// If some variables are set and others are missing, or a value is invalid.
    #[doc(hidden)]
    pub fn look_up(
        prefix: &str,
        variable: impl Fn(&str) -> Result<Option<String>, CredentialsError>,
    ) -> Result<Option<Credentials>, CredentialsError> {
        let get = |rest: &str| {
            let name = format!("{prefix}{rest}");
            let value = variable(&name)?.filter(|value| !value.is_empty());
            match value.as_deref().and_then(check::problem) {
                None => Ok(value),
                Some(problem) => Err(CredentialsError::new(format!("the environment variable {name} {problem}"))),
            }
        };
        match (get(ID)?, get(SECRET)?, get(TOKEN)?) {
            (Some(id), Some(secret), Some(token)) => Ok(Some(Credentials::temporary(id, secret, token, None))),
            (Some(id), Some(secret), None) => Ok(Some(Credentials::new(id, secret))),
            (None, None, None) => Ok(None),
            (id, secret, _) => {
                let missing = [(ID, id.is_none()), (SECRET, secret.is_none())];
                let missing = missing.iter().filter(|(_, missing)| *missing).map(|(name, _)| format!("{prefix}{name}"));
                let missing = missing.collect::<Vec<_>>().join(" and ");
                Err(CredentialsError::new(format!(
                    "the environment lacks {missing}, although it has another part of this access key; set all parts, or none"
                )))
            }
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

    fn with(variables: &[(&str, &str)]) -> Result<Option<Credentials>, CredentialsError> {
        EnvironmentCredentials::look_up("P_", |name| {
            Ok(variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        })
    }

    #[test]
    fn a_key_and_its_token_are_read() {
        let key = [("P_ACCESS_KEY_ID", "id"), ("P_ACCESS_KEY_SECRET", "secret")];
        let with_token = |token| with(&[key[0], key[1], ("P_SECURITY_TOKEN", token)]).unwrap();
        assert_eq!(with_token("token"), Some(Credentials::temporary("id", "secret", "token", None)));
        assert_eq!(with_token(""), Some(Credentials::new("id", "secret")));
        assert_eq!(with(&[]).unwrap(), None);
        assert_eq!(with(&[("P_ACCESS_KEY_ID", ""), ("P_ACCESS_KEY_SECRET", "")]).unwrap(), None);
    }

    #[test]
    fn a_missing_part_is_named() {
        let (id, secret) = ("P_ACCESS_KEY_ID", "P_ACCESS_KEY_SECRET");
        let cases = [
            (vec![(id, "id")], false, true),
            (vec![(secret, "secret"), (id, "")], true, false),
            (vec![("P_SECURITY_TOKEN", "token")], true, true),
            (vec![(id, "id"), ("P_SECURITY_TOKEN", "token")], false, true),
        ];
        for (variables, lacks_id, lacks_secret) in cases {
            let message = with(&variables).unwrap_err().to_string();
            assert_eq!((message.contains(id), message.contains(secret)), (lacks_id, lacks_secret), "{message}");
        }
    }

    #[test]
    fn an_invalid_value_is_refused_with_its_name_and_without_the_value() {
        let values = ["CANARY\n", "\"CANARY\"", "'CANARY'", " CANARY", "CANARY # mine", "CANARY\u{200b}", "CAN\0ARY"];
        for name in ["P_ACCESS_KEY_ID", "P_ACCESS_KEY_SECRET", "P_SECURITY_TOKEN"] {
            for value in values {
                let message = with(&[(name, value)]).unwrap_err().to_string();
                assert!(message.contains(name) && !message.contains("CAN"), "{message}");
            }
        }
    }
}
