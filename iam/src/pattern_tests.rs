use super::*;
use proptest::prelude::*;

#[test]
fn a_star_matches_any_number_of_characters_and_a_question_mark_exactly_one() {
    for (pattern, text, expected) in [
        ("", "", true),
        ("*", "", true),
        ("*", "a:b/c", true),
        ("?", "", false),
        ("?", "a", true),
        ("s3:Get*", "s3:GetObject", true),
        ("s3:Get*", "s3:PutObject", false),
        ("s3:*Object", "s3:GetObject", true),
        ("s3:*Object", "s3:GetObjectAcl", false),
        ("a*b*c", "abbcbc", true),
        ("a*b*c", "abbcb", false),
        ("X_????????????????", "X_0123456789abcdef", true),
        ("X_????????????????", "X_Admin_0123456789abcdef", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern:?} {text:?}");
    }
}

#[test]
fn action_names_are_matched_without_regard_to_case() {
    assert!(matches_ignoring_case("S3:get*", "s3:GetObject"));
    assert!(!matches("S3:get*", "s3:GetObject"));
}

#[test]
fn two_patterns_meet_when_some_text_is_in_both() {
    for (a, b, expected) in [
        ("iam:*", "*", true),
        ("iam:*", "*:PassRole", true),
        ("iam:Pass*", "iam:*Role", true),
        ("iam:Get*", "iam:Put*", false),
        ("iam:?etRole", "iam:GetRole", true),
        ("a*", "*b", true),
        ("a?", "?b", true),
        ("a?", "b?", false),
        ("", "*", true),
        ("", "?", false),
        ("repo:acme/*", "repo:${aws:username}", true),
    ] {
        assert_eq!(intersects(a, b), expected, "{a:?} {b:?}");
        assert_eq!(intersects(b, a), expected, "{b:?} {a:?}");
    }
}

#[test]
fn a_pattern_holds_another_when_it_matches_all_its_texts() {
    for (outer, inner, expected) in [
        ("*", "anything*?", true),
        ("repo:acme/*", "repo:acme/app:ref:refs/heads/main", true),
        ("repo:acme/*", "repo:acme/*:ref:*", true),
        ("repo:acme/*", "repo:acme*", false),
        ("repo:acme/*", "repo:*", false),
        ("team/*", "team/read-logs", true),
        ("??*", "*?*?", true),
        ("??*", "*?", false),
        ("*a*", "?a", true),
        ("a?c", "abc", true),
        ("abc", "a?c", false),
        ("", "", true),
        ("", "*", false),
        ("*", "", true),
        ("**", "", true),
        ("a**", "a*", true),
        ("a***b", "a*?b", true),
        ("home/*", "home/${aws:username}/x", true),
        ("home/a*", "home/${aws:username}", false),
        ("home/${aws:username}", "home/${aws:username}", true),
        ("home/${aws:username}*", "home/${aws:username}", false),
    ] {
        assert_eq!(contains(outer, inner), expected, "{outer:?} {inner:?}");
    }
}

#[test]
fn a_pattern_that_cannot_be_decided_in_reasonable_time_is_not_held() {
    let outer = "*a????????????????????????????????";
    let inner = "*a*a*a*a*a*a*a*a*b?????????????";
    assert!(!contains(outer, inner));
}

#[test]
fn a_variable_that_is_never_closed_reaches_to_the_end() {
    assert_eq!(variables_as_stars("a${b"), "a*");
    assert_eq!(variables_as_stars("a${b}c${d}"), "a*c*");
}

fn small_pattern() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof![Just('a'), Just('b'), Just('*'), Just('?')], 0..5)
        .prop_map(|characters| characters.into_iter().collect())
}

/// All texts of at most six characters over an alphabet with one letter (`c`) that no pattern names.
fn small_texts() -> Vec<String> {
    let mut texts = vec![String::new()];
    let mut last = texts.clone();
    for _ in 0..6 {
        last = last
            .iter()
            .flat_map(|text| ['a', 'b', 'c'].map(|character| format!("{text}{character}")))
            .collect();
        texts.extend(last.iter().cloned());
    }
    texts
}

/// The plainest possible matcher, by the definition.
fn matches_by_definition(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|taken| matches_by_definition(rest, &text[taken..])),
        Some((character, rest)) => text.split_first().is_some_and(|(first, left)| {
            (*character == '?' || character == first) && matches_by_definition(rest, left)
        }),
    }
}

proptest! {
    #![proptest_config(crate::property_cases(300))]

    #[test]
    fn matching_intersection_and_containment_agree_with_brute_force(a in small_pattern(), b in small_pattern()) {
        let characters = |text: &str| text.chars().collect::<Vec<char>>();
        let (mut both, mut only_b) = (false, false);
        for text in small_texts() {
            let in_a = matches_by_definition(&characters(&a), &characters(&text));
            let in_b = matches_by_definition(&characters(&b), &characters(&text));
            prop_assert_eq!(matches(&a, &text), in_a, "{} {}", a, text);
            both |= in_a && in_b;
            only_b |= in_b && !in_a;
        }
        // With at most four signs each, six characters are enough for a witness of either answer.
        prop_assert_eq!(intersects(&a, &b), both, "{} {}", a, b);
        prop_assert_eq!(contains(&a, &b), !only_b, "{} {}", a, b);
    }

    #[test]
    fn no_text_makes_a_pattern_panic(a in ".{0,20}", b in ".{0,20}") {
        let _ = (matches(&a, &b), intersects(&a, &b), contains(&a, &b));
    }
}

#[test]
fn a_pattern_of_thousands_of_stars_is_given_up() {
    // When only the states were counted, this took a minute.
    for (outer, inner) in [
        ("*a".repeat(5_000), "*b".repeat(5_000)),
        ("*a".repeat(5_000), "?a*".repeat(3_000)),
        ("*".repeat(10_000), "*".repeat(9_999)),
    ] {
        let decided = contains(&outer, &inner);
        assert!(!decided || intersects(&outer, &inner), "{outer:.10}");
    }
}

#[test]
fn a_long_text_without_wildcards_is_decided_exactly() {
    let text = "a/".repeat(20_000);
    assert!(contains("*a*a*a*/", &text));
    assert!(!contains("*a*a*b*/", &text));
    assert!(contains("a/*", &text));
    assert!(!contains("b/*", &text));
}
