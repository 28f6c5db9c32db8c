//! CAMS.
