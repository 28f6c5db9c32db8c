//! Helpers of several tests: a client of a simulator, all ways to send a request, and servers that do not respond.

use std::io;
use std::net::Ipv4Addr;

use alibabacloud_cams::{Client, ClientBuilder, Credentials, PRODUCT, ParameterPlacement, SignatureVersion, Throttle};
use alibabacloud_simulator::{Builder, Simulator};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Makes a test of each generic function `async fn test<T: BundledTransport>()`, with each bundled transport, in the
/// modules `over_reqwest` and `over_hyper`.
#[macro_export]
macro_rules! over_each_transport {
    ($($(#[$attribute:meta])* $test:ident,)*) => {
        mod over_reqwest {
            $(
                $(#[$attribute])*
                async fn $test() {
                    super::$test::<alibabacloud_cams::transport::ReqwestTransport>().await;
                }
            )*
        }

        mod over_hyper {
            $(
                $(#[$attribute])*
                async fn $test() {
                    super::$test::<alibabacloud_cams::transport::HyperTransport>().await;
                }
            )*
        }
    };
}

/// The name of the action that synchronizes the numbers of a space.
pub const SYNC: &str = "ChatappSyncPhoneNumber";
/// The name of the action that starts moving a number.
pub const MIGRATE: &str = "CreateChatappMigrationInitiate";

/// Every signature with every placement of the parameters.
pub const EVERY_WAY: [(SignatureVersion, ParameterPlacement); 4] = [
    (SignatureVersion::V1, ParameterPlacement::Body),
    (SignatureVersion::V1, ParameterPlacement::AsSpecified),
    (SignatureVersion::V3, ParameterPlacement::Body),
    (SignatureVersion::V3, ParameterPlacement::AsSpecified),
];

/// A simulator of the product that counts no limits.
pub fn unlimited() -> Builder {
    Simulator::builder(&[&PRODUCT]).no_limit(SYNC).no_limit(MIGRATE)
}

/// A client of the server at that address, with the key that a simulator knows and without its own limits.
pub fn client(url: &str) -> ClientBuilder {
    Client::builder().endpoint(url).credentials(Credentials::new("testid", "testsecret")).throttle(Throttle::off())
}

/// The URL of a port that refuses connections.
///
/// # Errors
/// If the system gives no port.
pub fn refused_url() -> io::Result<String> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let url = format!("http://{}", socket.local_addr()?);
    // Bound but not listening until the process ends: a port that is free again may become that of another test's
    // server.
    std::mem::forget(socket);
    Ok(url)
}

/// A server that takes requests and closes the connection without an answer, until the handle is aborted.
///
/// # Errors
/// If the system gives no port.
pub async fn hangs_up() -> io::Result<(String, JoinHandle<()>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // The request is there, at least its beginning; nothing comes back.
            let _ = stream.read(&mut [0; 4 << 10]).await;
        }
    });
    Ok((url, task))
}
