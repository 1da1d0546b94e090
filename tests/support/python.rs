//! A Python with exactly the packages of a list, in a virtual environment of its own.

#![allow(dead_code)]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;
use std::{env, fs};

/// The interpreter of an environment with the packages of `requirements`, made once for each list and version of
/// Python. `None` where there is no Python 3, which only continuous integration does not forgive; a line says so.
///
/// `name` stands before each line and names the folder in the cache, which is outside the target folder, so that
/// `cargo clean` does not cost a download. `CROSSROLE_<NAME>_CACHE` names another folder.
pub fn python_with(name: &str, requirements: &Path) -> Option<PathBuf> {
    let version = Command::new("python3").arg("--version").output();
    let Ok(version) = version.map(succeeded) else {
        assert!(
            env::var_os("CI").is_none_or(|value| value.is_empty() || value == "false"),
            "python3 is missing"
        );
        say(
            name,
            &format!("SKIPPED: python3 is missing, so {name} was not asked anything"),
        );
        return None;
    };
    let cache = cache(name);
    let mut digest = DefaultHasher::new();
    (fs::read(requirements).unwrap(), version).hash(&mut digest);
    let ready = cache.join(format!("{:016x}", digest.finish()));
    let python = |folder: &Path| folder.join("bin/python");
    if python(&ready).is_file() {
        return Some(python(&ready));
    }
    fs::create_dir_all(&cache).unwrap();
    let started = Instant::now();
    say(name, &format!("installing it into {}", ready.display()));
    // Under its name only when it is whole; two at once do the work twice and no harm.
    let building = cache.join(format!("building-{}", std::process::id()));
    let mut environment = Command::new("python3");
    succeeded(environment.args(["-m", "venv"]).arg(&building).output().unwrap());
    let mut install = Command::new(python(&building));
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
    ]);
    succeeded(install.arg("--requirement").arg(requirements).output().unwrap());
    if fs::rename(&building, &ready).is_err() {
        fs::remove_dir_all(&building).unwrap();
    }
    say(name, &format!("installed after {} s", started.elapsed().as_secs()));
    Some(python(&ready))
}

/// Past the test harness, which keeps the output of tests that pass to itself.
pub fn say(name: &str, text: &str) {
    let _ = writeln!(io::stderr(), "{name}: {text}");
}

fn cache(name: &str) -> PathBuf {
    let user = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let user = user.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let named = env::var_os(format!("CROSSROLE_{}_CACHE", name.to_uppercase()));
    named.map_or_else(
        || user.expect("HOME is set").join("crossrole").join(name),
        PathBuf::from,
    )
}

/// What a command printed, where it succeeded.
pub fn succeeded(output: Output) -> Vec<u8> {
    assert!(
        output.status.success(),
        "failed:\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
