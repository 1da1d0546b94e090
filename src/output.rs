//! What commands print.

use std::io::{self, ErrorKind, Write};

use crossrole_plan::text::is_plain;

/// What a text says: no character of it ends a line, does anything to a terminal, or shows what follows in another order.
pub fn plain(text: &str) -> String {
    let shown = |character: char| match character {
        character if is_plain(character) => character.to_string(),
        character => character.escape_default().to_string(),
    };
    text.chars().map(shown).collect()
}

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

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn no_text_ends_a_line_or_turns_it_round() {
        for (text, expected) in [
            ("a\n[default]", "a\\n[default]"),
            ("a\rb\tc", "a\\rb\\tc"),
            ("a\u{85}b", "a\\u{85}b"),
            ("a\u{2028}b\u{2029}c", "a\\u{2028}b\\u{2029}c"),
            ("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("Zoë → prod", "Zoë → prod"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }
}
