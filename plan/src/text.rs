//! What of somebody's text can be shown.

/// Whether a character can stand where people read: none that ends a line, does anything to a terminal, or shows what follows
/// in another order. Sources: Unicode Standard, section 5.8 ("Newline Guidelines"); Unicode Standard Annex 9, "Directional
/// Formatting Characters".
pub fn is_plain(character: char) -> bool {
    let is_unseen = matches!(character,
        '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !character.is_control() && !is_unseen
}
