//! `cargo xtask bench call`: what a call costs.

fn main() {
    println!("Run it through `cargo xtask bench call`.");
}
