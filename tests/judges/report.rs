//! What became of each question.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::judge::Verdict;
use super::python::say;
use super::table::{Ask, Expected, World};

/// A question, and what the judges said.
pub struct Judged<'a> {
    /// The role, where it has a name.
    pub role: Option<&'a str>,
    pub expected: Expected,
    pub ask: &'a Ask,
    pub simulator: Verdict,
    /// `None` if it was not asked.
    pub ministack: Option<Verdict>,
}

impl Judged<'_> {
    /// Why this fails the test, if it does.
    fn fault(&self) -> Option<String> {
        let expected = self.expected;
        if !self.simulator.is(expected) {
            return Some(format!("{self}: the simulator says {:?}", self.simulator));
        }
        let verdict = self.ministack.as_ref()?;
        let explained = self.ask.differs.is_some();
        match verdict {
            Verdict::Failed(_) => Some(format!("{self}: MiniStack says {verdict:?}")),
            _ if verdict.is(expected) && explained => {
                Some(format!("{self}: MiniStack agrees by now, so the explanation must go"))
            }
            _ if !verdict.is(expected) && !explained => {
                Some(format!("{self}: MiniStack says {verdict:?}, and nothing explains it"))
            }
            _ => None,
        }
    }

    fn line(&self, world: &World) -> String {
        let expected = match self.expected {
            Expected::Allowed => "allowed",
            Expected::Denied => "denied",
        };
        let (word, why) = match (&self.ministack, world.cannot_judge(self.ask)) {
            (_, Some(why)) => ("cannot judge", format!(" [{why}]")),
            (None, None) => ("not asked", String::new()),
            (Some(verdict), None) => (verdict.word(), self.difference(world)),
        };
        format!("{expected:8} {:8} {word:13} {self}{why}", self.simulator.word())
    }

    fn difference(&self, world: &World) -> String {
        let why = self.ask.differs.as_ref().map(|why| &world.differences[why]);
        why.map_or_else(String::new, |why| format!(" [{why}]"))
    }
}

impl fmt::Display for Judged<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.role {
            Some(role) => write!(formatter, "{role}: {}", self.ask.name),
            None => formatter.write_str(&self.ask.name),
        }
    }
}

/// Prints every question and the counts, and fails where something is neither expected nor explained.
pub fn report(what: &str, world: &World, judged: &[Judged<'_>]) {
    let lines: Vec<_> = judged.iter().map(|question| question.line(world)).collect();
    let counts = Counts::of(world, judged);
    say(
        "judges",
        &format!(
            "{what}\nexpected aws-sim  MiniStack     question\n{}\n{counts}",
            lines.join("\n")
        ),
    );
    let faults: Vec<_> = judged.iter().filter_map(Judged::fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[derive(Default)]
struct Counts {
    simulator: usize,
    ministack: usize,
    agree: usize,
    /// How many of these are refusals by a role that MiniStack lets nobody into, so that they show little.
    nobody: usize,
    /// How many answers differ, by reason.
    differ: BTreeMap<String, usize>,
    /// How many questions cannot be put, by reason.
    cannot_judge: BTreeMap<String, usize>,
}

impl Counts {
    fn of(world: &World, judged: &[Judged<'_>]) -> Self {
        let mut counts = Self {
            simulator: judged.len(),
            ..Self::default()
        };
        let lets_in = |question: &&Judged<'_>| question.ministack == Some(Verdict::Allowed);
        let open: BTreeSet<_> = judged.iter().filter(lets_in).map(|question| question.role).collect();
        for question in judged {
            if let Some(why) = world.cannot_judge(question.ask) {
                *counts.cannot_judge.entry(why.to_owned()).or_default() += 1;
            } else if let Some(verdict) = &question.ministack {
                counts.ministack += 1;
                if verdict.is(question.expected) {
                    counts.agree += 1;
                    counts.nobody += usize::from(!open.contains(&question.role));
                } else {
                    let why = question.ask.differs.as_ref().map(|why| world.differences[why].clone());
                    *counts.differ.entry(why.unwrap_or_default()).or_default() += 1;
                }
            }
        }
        counts
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |reasons: &BTreeMap<String, usize>| reasons.values().sum::<usize>();
        let nobody = match self.nobody {
            0 => String::new(),
            count => format!(" ({count} of them refusals by roles that it lets nobody into)"),
        };
        writeln!(
            formatter,
            "asked of aws-sim {}, of MiniStack {}: {} agree{nobody}, {} differ; {} it cannot judge",
            self.simulator,
            self.ministack,
            self.agree,
            sum(&self.differ),
            sum(&self.cannot_judge)
        )?;
        for (word, reasons) in [("differs", &self.differ), ("cannot judge", &self.cannot_judge)] {
            for (why, count) in reasons {
                writeln!(formatter, "{count:4} {word}: {why}")?;
            }
        }
        Ok(())
    }
}
