//! The recordings of AWS, which are not part of this project and are read in place. Packages take this file in by its path.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The folder with the recordings, or `None` where there is none and that is allowed: not in continuous integration.
pub fn folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("CROSSROLE_AWS_RECORDED") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/aws-recorded"),
    };
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "no recordings of AWS at {}: set CROSSROLE_AWS_RECORDED",
        folder.display()
    );
    // Past the test harness, which shows nothing of a test that passes.
    let _ = writeln!(
        std::io::stderr(),
        "skipped: no recordings of AWS at {} (set CROSSROLE_AWS_RECORDED)",
        folder.display()
    );
    None
}
