//! Pages of the book that are made, not written: `make generate` writes them, and a test compares.

pub mod commands;
pub mod fields;

/// What stands in a cell of a table: a dash where there is nothing to say.
pub fn cell(text: &str) -> String {
    match text {
        "" => "–".to_owned(),
        _ => text.replace('|', "\\|"),
    }
}

/// The first lines of a page that is made.
fn head(title: &str, about: &str) -> String {
    format!("# {title}\n\n<!-- made by `make generate` -->\n\n{about}\n")
}
