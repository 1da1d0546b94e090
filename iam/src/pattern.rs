//! IAM's wildcards: `*` is any number of characters, `?` is exactly one.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Resource" and "Action"; "Condition operators" for
//! `StringLike`. A `*` also matches colons and slashes.
//!
//! Policy variables (`${aws:username}`) stand for text that only a request knows. [`intersects`] takes one to be
//! anything; [`contains`] takes one in the inner pattern to be anything and holds nothing in an outer pattern that
//! has one. [`matches()`] reads them as the characters they are written with.

use std::collections::{BTreeSet, VecDeque};

/// How many positions in the outer pattern [`contains`] looks at, in all its states, before it gives up and answers
/// `false`. One state of a pattern of thousands of stars has thousands of them.
const MOST_POSITIONS: usize = 400_000;

/// What is left of the time that many comparisons may take together, in positions of patterns.
#[derive(Debug)]
pub(crate) struct Patience(usize);

impl Patience {
    /// For a statement: five comparisons as hard as one may be at all, or some ten thousand ordinary ones.
    pub(crate) fn for_a_statement() -> Self {
        Self(5 * MOST_POSITIONS)
    }
}

/// Whether the pattern matches the whole text. Case counts.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at_pattern, mut at_text) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some('*') => {
                star = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            Some(character) if *character == '?' || Some(character) == text.get(at_text) => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at_pattern = star_at + 1;
                    at_text = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at_pattern).all(|character| *character == '*')
}

/// As [`matches()`], without regard to the case of ASCII letters: for actions and names.
#[must_use]
pub fn matches_ignoring_case(pattern: &str, text: &str) -> bool {
    matches(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
}

/// Whether there is a text that both patterns match. Case counts: lower both for action names.
///
/// Exact for patterns without policy variables; a variable is taken to be anything, so that `false` is certain.
#[must_use]
pub fn intersects(a: &str, b: &str) -> bool {
    let a: Vec<char> = variables_as_stars(a).chars().collect();
    let b: Vec<char> = variables_as_stars(b).chars().collect();
    // possible[j]: what is left of `a` from here on and of `b` from j on can match the same text.
    let mut below: Vec<bool> = vec![false; b.len() + 1];
    for at_a in (0..=a.len()).rev() {
        let mut row = vec![false; b.len() + 1];
        for at_b in (0..=b.len()).rev() {
            let from_a = a.get(at_a);
            let from_b = b.get(at_b);
            let skip_a = || at_a < a.len() && get(&below, at_b);
            let skip_b = || get(&row, at_b + 1);
            let both = || at_a < a.len() && get(&below, at_b + 1);
            let possible = match (from_a, from_b) {
                (None, None) => true,
                (Some('*'), Some('*')) => skip_a() || skip_b(),
                // A star ends here, or swallows what the other side's next character stands for.
                (Some('*'), Some(_)) => skip_a() || skip_b(),
                (Some(_), Some('*')) => skip_b() || skip_a(),
                (Some('*'), None) => skip_a(),
                (None, Some('*')) => skip_b(),
                (Some(x), Some(y)) => (x == y || *x == '?' || *y == '?') && both(),
                _ => false,
            };
            if let Some(cell) = row.get_mut(at_b) {
                *cell = possible;
            }
        }
        below = row;
    }
    get(&below, 0)
}

fn get(row: &[bool], at: usize) -> bool {
    row.get(at).copied().unwrap_or(false)
}

/// Whether the outer pattern matches every text that the inner one matches. Case counts.
///
/// `true` is certain. `false` means no, or that it could not be decided: a policy variable in the outer pattern
/// (unless both are the same text), or patterns with so many stars that deciding would take too long.
#[must_use]
pub fn contains(outer: &str, inner: &str) -> bool {
    contains_soon(outer, inner, &mut Patience(MOST_POSITIONS))
}

/// As [`contains`], where many patterns are compared: once patience is at its end, nothing is decided any more.
pub(crate) fn contains_soon(outer: &str, inner: &str, patience: &mut Patience) -> bool {
    if outer == inner {
        return true;
    }
    if outer.contains("${") || begin_apart(outer, inner) {
        return false;
    }
    if !inner.contains(['*', '?']) && !inner.contains("${") {
        return matches(outer, inner);
    }
    if patience.0 == 0 {
        return false;
    }
    let most = patience.0.min(MOST_POSITIONS);
    let (is_contained, positions) = explore(outer, inner, most);
    patience.0 = patience.0.saturating_sub(positions);
    is_contained
}

/// Whether the outer pattern contains the inner one, and how many positions were looked at to know. It gives up, and says
/// that it does not, after `most` of them.
fn explore(outer: &str, inner: &str, most: usize) -> (bool, usize) {
    let inner: Vec<char> = variables_as_stars(inner).chars().collect();
    let outer: Vec<char> = outer.chars().collect();
    // Where the inner pattern allows any character, one that the outer pattern does not name is the hardest for it
    // to match: what holds for that one holds for all. `None` stands for it.
    let start = (0_usize, closure(&outer, BTreeSet::from([0])));
    let mut positions = start.1.len();
    let mut seen = BTreeSet::from([start.clone()]);
    let mut waiting = VecDeque::from([start]);
    while let Some((at, held)) = waiting.pop_front() {
        if positions > most {
            return (false, positions);
        }
        let mut next: Vec<(usize, BTreeSet<usize>)> = Vec::new();
        match inner.get(at) {
            None => {
                if !held.contains(&outer.len()) {
                    return (false, positions);
                }
            }
            Some('*') => {
                next.push((at + 1, held.clone()));
                next.push((at, step(&outer, &held, None)));
            }
            Some('?') => next.push((at + 1, step(&outer, &held, None))),
            Some(character) => next.push((at + 1, step(&outer, &held, Some(*character)))),
        }
        for state in next {
            if seen.insert(state.clone()) {
                positions += state.1.len();
                waiting.push_back(state);
            }
        }
    }
    (true, positions)
}

/// Whether two patterns differ before either has a wildcard or a variable, so that no text matches both.
fn begin_apart(a: &str, b: &str) -> bool {
    let is_plain = |character: char| !matches!(character, '*' | '?' | '$');
    let pairs = a.chars().zip(b.chars());
    pairs
        .take_while(|(a, b)| is_plain(*a) && is_plain(*b))
        .any(|(a, b)| a != b)
}

/// The positions of the pattern that can be reached without reading anything: past stars.
fn closure(pattern: &[char], mut positions: BTreeSet<usize>) -> BTreeSet<usize> {
    let mut waiting: Vec<usize> = positions.iter().copied().collect();
    while let Some(at) = waiting.pop() {
        if pattern.get(at) == Some(&'*') && positions.insert(at + 1) {
            waiting.push(at + 1);
        }
    }
    positions
}

fn step(pattern: &[char], positions: &BTreeSet<usize>, symbol: Option<char>) -> BTreeSet<usize> {
    let mut next = BTreeSet::new();
    for at in positions {
        match pattern.get(*at) {
            Some('*') => {
                next.insert(*at);
            }
            Some('?') => {
                next.insert(at + 1);
            }
            Some(character) if Some(*character) == symbol => {
                next.insert(at + 1);
            }
            _ => {}
        }
    }
    closure(pattern, next)
}

/// The pattern with every policy variable replaced by `*`; one that is never closed reaches to the end.
fn variables_as_stars(pattern: &str) -> String {
    let mut result = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        result.push_str(before);
        result.push('*');
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
