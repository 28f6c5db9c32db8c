mod support;
#[test]
fn make() {
    use support::journal::*;
    let f = std::path::Path::new("/tmp/report-look");
    std::fs::create_dir_all(f).unwrap();
    sample(1200, 4, false).write(f, "before.jsonl");
    sample(1200, 4, true).write(f, "now.jsonl");
    sample(5000, 4, true).write(f, "big.jsonl");
}
