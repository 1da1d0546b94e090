//! `docs/cli.md`: every command and flag, as the program itself explains them.

use std::path::Path;
use std::process::Command;

use super::head;
use crate::Error;
use crate::cli::inherited;

/// The page, from what this program says.
///
/// # Errors
/// When the program cannot be run, or says nothing of its commands.
pub fn page(program: &Path) -> Result<String, Error> {
    let overview = help(program, &[])?;
    let commands = commands(&overview);
    if commands.is_empty() {
        return Err(Error::new(format!("{} names no commands", program.display())));
    }
    let mut page = head(
        "Commands and flags",
        "What `crossrole COMMAND --help` says. A flag with `[env: …]` can be given as that environment variable instead; the \
         flag counts where both are there. The chart sets the flags of `crossrole run` from its values: \
         [its README](../charts/crossrole/README.md).",
    );
    for command in commands {
        let said = help(program, &[command])?;
        page.push_str(&format!(
            "\n## crossrole {command}\n\n```text\n{}\n```\n",
            said.trim_end()
        ));
    }
    Ok(page)
}

/// The commands that an overview lists, in its order.
fn commands(overview: &str) -> Vec<&str> {
    let listed = overview.lines().skip_while(|line| *line != "Commands:").skip(1);
    listed
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect()
}

/// What the program says of itself or of a command, with nothing of the caller's environment in it.
fn help(program: &Path, arguments: &[&str]) -> Result<String, Error> {
    let output = Command::new(program)
        .args(arguments)
        .arg("--help")
        .env_clear()
        .envs(inherited())
        .output()
        .map_err(|error| Error::because(format!("cannot run {}", program.display()), error))?;
    if !output.status.success() {
        return Err(Error::new(format!("{} {arguments:?} --help failed", program.display())));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(said.lines().map(|line| format!("{}\n", line.trim_end())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_of_an_overview_are_found_and_help_is_none() {
        let overview = "Does things.\n\nUsage: x <COMMAND>\n\nCommands:\n  run   Run it.\n  plan  Say what\n        would be.\n  help  Print this\n\nOptions:\n  -h, --help  Print help\n";
        assert_eq!(commands(overview), ["run", "plan"]);
        assert!(commands("nothing").is_empty());
    }
}
