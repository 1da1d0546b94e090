//! Pages of the book that are made, not written: `make generate` writes them, and a test compares.

pub mod commands;
pub mod fields;

/// The first lines of a page that is made.
fn head(title: &str, about: &str) -> String {
    format!("# {title}\n\n<!-- made by `make generate` -->\n\n{about}\n")
}
