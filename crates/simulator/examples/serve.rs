//! Serves two actions of CAMS on loopback until the process is ended. The first line of output is the URL.
//!
//! `cargo run -p alibabacloud-simulator --example serve [address]`

#[path = "../tests/support/cams.rs"]
mod cams;

use alibabacloud_simulator::Simulator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Simulator::builder(&[&cams::CAMS]);
    if let Some(address) = std::env::args().nth(1) {
        builder = builder.listen(address);
    }
    let simulator = builder.start().await?;
    println!("{}", simulator.url());
    std::future::pending().await
}
