//! Matching with IAM's two wildcards: `*` for any text, `?` for one character.

/// True if the whole text fits the pattern.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let tokens: Vec<Token> = pattern
        .chars()
        .map(|character| match character {
            '*' => Token::Many,
            '?' => Token::One,
            other => Token::Only(other),
        })
        .collect();
    matches_tokens(&tokens, text)
}

/// One place of a pattern. A pattern with variables is made of these, so that a value that holds a star stays a star.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    Many,
    One,
    Only(char),
}

/// Greedy matching that goes back to the last star: linear in practice, never exponential.
pub(crate) fn matches_tokens(pattern: &[Token], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut position) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while position < text.len() {
        match pattern.get(at) {
            Some(Token::Many) => {
                retry = Some((at + 1, position));
                at += 1;
            }
            Some(Token::One) => {
                at += 1;
                position += 1;
            }
            Some(Token::Only(character)) if *character == text[position] => {
                at += 1;
                position += 1;
            }
            _ => match retry {
                Some((after_star, from)) => {
                    at = after_star;
                    position = from + 1;
                    retry = Some((after_star, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|token| *token == Token::Many)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_match_as_documented() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("iam:*Role", "iam:GetRole", true),
            ("iam:*Role", "iam:GetRolePolicy", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("arn:aws:iam::*:role/x/*", "arn:aws:iam::1:role/x/y", true),
            ("arn:aws:iam::*:role/x/*", "arn:aws:iam::1:role/xy", false),
            ("*a*b*c*", "xxaxxbxxcxx", true),
            ("*a*b*c", "xxaxxbxxcxx", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
