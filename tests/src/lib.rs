//! Promises that no single crate can prove alone; they are kept in `tests/`.
