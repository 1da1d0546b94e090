//! What commands print.

use std::io::{self, ErrorKind, Write};

/// Prints to standard output.
///
/// # Errors
/// What the system says; but that whoever reads has seen enough, as `head` has, is none.
pub fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
