use super::*;
use proptest::prelude::*;

fn problem(text: &str) -> String {
    Json::read(text).unwrap_err().to_string()
}

#[test]
fn members_keep_their_order_and_numbers_their_text() {
    assert_eq!(
        Json::read(r#" {"b": [1.50, true, null], "a": "x\u00e4\ud83d\ude00\n"} "#).unwrap(),
        Json::Object(vec![
            (
                "b".to_owned(),
                Json::Array(vec![Json::Number("1.50".to_owned()), Json::Bool(true), Json::Null])
            ),
            ("a".to_owned(), Json::String("xä😀\n".to_owned())),
        ])
    );
}

#[test]
fn a_key_that_stands_twice_is_refused_with_its_path() {
    assert_eq!(
        problem(r#"{"a": [{"b": 1}, {"b": 1, "c": 2, "\u0062": 3}]}"#),
        r#"a[1].b: the key "b" stands twice in one object; keep one"#
    );
}

#[test]
fn what_is_not_json_is_refused_with_line_and_column() {
    for (text, part) in [
        ("", "ends where a value is expected (line 1, column 1)"),
        (
            "{\n  \"a\": 1,\n}",
            "comma stands before the closing } (line 3, column 1)",
        ),
        ("[1,]", "comma stands before the closing ]"),
        ("{a: 1}", "key in double quotes"),
        ("{'a': 1}", "key in double quotes"),
        ("['a']", "double quotes"),
        ("[1 2]", "comma or a closing ]"),
        (r#"{"a" 1}"#, "colon is expected"),
        ("[01]", "begins with 0"),
        ("[-]", "no digits"),
        ("[1.]", "after its point"),
        ("[1e]", "exponent"),
        ("\"a\nb\"", "control character"),
        ("\"a", "not closed"),
        (r#""\x""#, "no known escape"),
        (r#""\u12""#, "four hexadecimal digits"),
        (r#""\ud83d""#, "stands alone"),
        (r#""\ude00""#, "stands alone"),
        ("[tru]", "without quotes"),
        ("{} {}", "more text after the end"),
        ("[,1]", "value is missing"),
    ] {
        let message = problem(text);
        assert!(message.contains(part), "{text}: {message}");
    }
    assert!(problem(&"[".repeat(100_000)).contains("nested too deeply"));
}

proptest! {
    #![proptest_config(crate::property_cases(500))]

    #[test]
    fn what_serde_json_reads_is_read_and_what_it_refuses_is_refused(
        text in r#"[\[\]{}:,"\\a01.eE+\-tunl ]{0,12}"#
    ) {
        let theirs = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(_) => true,
            // Ours keep the text of a number, however large.
            Err(error) => error.to_string().contains("out of range"),
        };
        let ours = Json::read(&text);
        let twice = matches!(&ours, Err(error) if error.problem.contains("stands twice"));
        prop_assert!(ours.is_ok() == theirs || (twice && theirs), "{} {:?}", text, ours);
    }
}
