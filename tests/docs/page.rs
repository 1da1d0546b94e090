//! Pages of Markdown: their blocks, headings and links.

use std::collections::BTreeSet;
use std::fs;

use crossrole_testkit::tools::workspace;

/// A page that was read.
pub struct Page {
    /// Its path from the root of the project.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// A block between fences.
#[derive(Debug)]
pub struct Block {
    /// Where it stands, for messages.
    pub place: String,
    /// What follows the first fence.
    pub language: String,
    /// The comment right above it.
    pub comment: Option<String>,
    /// What is in it, without the indentation of the fence.
    pub text: String,
}

pub fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of `docs/` that end so, by name.
pub fn files_in_docs(ending: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(workspace().join("docs")).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(ending))
        .collect()
}

/// Every page that users read.
pub fn pages() -> Vec<Page> {
    let mut paths = ["README.md", "CHANGELOG.md", "charts/crossrole/README.md"]
        .map(str::to_owned)
        .to_vec();
    paths.extend(files_in_docs(".md").into_iter().map(|name| format!("docs/{name}")));
    paths
        .into_iter()
        .map(|path| Page {
            text: read(&path),
            path,
        })
        .collect()
}

impl Page {
    /// Its blocks, in order.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut open: Option<(String, usize)> = None;
        let mut above = "";
        for (number, line) in self.text.lines().enumerate() {
            let trimmed = line.trim_start();
            match (&open, trimmed.strip_prefix("```")) {
                (None, Some(language)) => {
                    let comment = above.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
                    blocks.push(Block {
                        place: format!("{}:{}", self.path, number + 1),
                        language: language.to_owned(),
                        comment: comment.map(str::to_owned),
                        text: String::new(),
                    });
                    open = Some((" ".repeat(line.len() - trimmed.len()), number));
                }
                (Some(_), Some("")) => open = None,
                (Some((indentation, _)), _) => {
                    let text = &mut blocks.last_mut().unwrap().text;
                    text.push_str(line.strip_prefix(indentation.as_str()).unwrap_or(line));
                    text.push('\n');
                }
                (None, None) => {}
            }
            above = trimmed;
        }
        assert!(open.is_none(), "{}: a block has no end", self.path);
        blocks
    }

    /// The text outside of blocks.
    pub fn prose(&self) -> String {
        let mut within = false;
        let mut prose = String::new();
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                within = !within;
            } else if !within {
                prose.push_str(line);
                prose.push('\n');
            }
        }
        prose
    }

    /// The anchors of its headings, as GitHub makes them.
    pub fn anchors(&self) -> BTreeSet<String> {
        let prose = self.prose();
        let headings = prose.lines().filter(|line| line.starts_with('#'));
        headings
            .map(|line| anchor(line.trim_start_matches('#').trim_start()))
            .collect()
    }

    /// Where its links and pictures lead.
    pub fn links(&self) -> Vec<String> {
        let prose = self.prose();
        let plain = prose.lines().map(without_code);
        plain
            .flat_map(|line| {
                let rests = line.split("](").skip(1);
                let ends = rests.filter_map(|rest| rest.split(')').next());
                ends.map(str::to_owned).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// A line without what stands between backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// Lower case, spaces as hyphens, and nothing but letters, digits, hyphens and underscores.
fn anchor(heading: &str) -> String {
    let lower = heading.to_lowercase();
    let letters = lower.chars().map(|letter| if letter == ' ' { '-' } else { letter });
    letters
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_'))
        .collect()
}

#[test]
fn blocks_headings_and_links_of_a_page_are_found() {
    let page = Page {
        path: "a.md".to_owned(),
        text: "# What's `new`?\n\nSee [`b`](b.md#c), `[x](y)`.\n\n<!-- part of: X -->\n```yaml\na: 1\n```\n\n- one\n\n  ```console\n  $ ls\n    x\n  ```\n\n```text\n# no heading, [no](link)\n```\n".to_owned(),
    };
    let blocks = page.blocks();
    let found: Vec<(&str, Option<&str>, &str)> = blocks
        .iter()
        .map(|block| (block.language.as_str(), block.comment.as_deref(), block.text.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("yaml", Some("part of: X"), "a: 1\n"),
            ("console", None, "$ ls\n  x\n"),
            ("text", None, "# no heading, [no](link)\n")
        ]
    );
    assert_eq!(blocks[1].place, "a.md:12");
    assert_eq!(page.anchors(), BTreeSet::from(["whats-new".to_owned()]));
    assert_eq!(page.links(), ["b.md#c"]);
}
