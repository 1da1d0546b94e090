//! What is said to whoever writes what cannot be, word by word: the table of it stands in a file beside the tests.

use std::fs;
use std::path::PathBuf;

use crossrole_testkit::tools;

/// One refusal.
pub struct Said {
    /// What was written.
    pub what: String,
    /// Where it is refused: by the schema alone, by a CEL rule, or in a condition.
    pub place: &'static str,
    /// The whole message.
    pub message: String,
}

fn file(name: &str) -> PathBuf {
    tools::workspace().join("tests/refusals").join(name)
}

fn table(said: &[Said]) -> String {
    let row = |said: &Said| {
        let message: String = said.message.lines().map(|line| format!("    {line}\n")).collect();
        format!("{} ({})\n{message}\n", said.what, said.place)
    };
    said.iter().map(row).collect()
}

/// Compares what was said with the table in a file. With `UPDATE_CASES=1` it is written there.
pub fn compare(name: &str, said: &[Said]) {
    let (path, now) = (file(name), table(said));
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let wrong: Vec<&str> = now.split("\n\n").filter(|row| !written.contains(row)).collect();
    assert!(
        written == now,
        "{} says otherwise:\n{}\nUPDATE_CASES=1 writes what is said now",
        path.display(),
        wrong.join("\n")
    );
    println!("{} rows of {name}", said.len());
}

#[test]
fn there_are_rows_enough() {
    let rows = ["apply.txt", "condition.txt"].map(|name| {
        let table = fs::read_to_string(file(name)).unwrap();
        table
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with(' '))
            .count()
    });
    println!("{} rows refused at apply, {} in a condition", rows[0], rows[1]);
    assert!(rows.iter().sum::<usize>() >= 80, "{rows:?}");
}
