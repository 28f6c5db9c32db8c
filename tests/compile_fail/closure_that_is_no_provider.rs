//! A closure without a future of a result is not a provider; the error describes the required closure.

use alibabacloud_cams::{Client, Credentials, CredentialsError};

fn main() {
    let _ = Client::builder().credentials(|| async { Ok::<_, CredentialsError>(Credentials::new("id", "secret")) });
    let _ = Client::builder().credentials("id:secret"); //~ ERROR `&str` does not provide credentials
    let _ = Client::builder().credentials(|name: &str| async { Credentials::new(name, "secret") }); //~ ERROR closure is expected to take 0 arguments, but it takes 1 argument
    let _ = Client::builder().credentials(|| Credentials::new("id", "secret")); //~ ERROR `alibabacloud_cams::Credentials` is not a future
}
