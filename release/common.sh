# What every script of this folder knows. It is sourced, from any folder.
# shellcheck shell=bash disable=SC2034

# Whatever sorts, prints or writes a date does it the same way everywhere.
export LC_ALL=C TZ=UTC
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

say() { printf 'release: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

# need PROGRAM...: says of the first that is missing how to get it.
need() {
  local program
  for program; do
    command -v "$program" >/dev/null || fail "$program is missing. $(how_to_get "$program")"
  done
}
how_to_get() {
  case $1 in
    cargo-cyclonedx) echo "Install it: cargo install --locked cargo-cyclonedx@0.5.9" ;;
    cc) echo "Install a C compiler: Debian's package gcc." ;;
    jq | umoci) echo "Install Debian's package $1." ;;
    python3) echo "Install Debian's packages python3 and python3-pip." ;;
    readelf) echo "Install Debian's package binutils." ;;
    sha256sum) echo "Install Debian's package coreutils." ;;
    *) echo "Install Rust: rust-toolchain.toml says which." ;;
  esac
}

# What the project's Rust says of itself: `host`, or `commit-hash`.
rust() { (cd "$root" && rustc --version --verbose) | sed -n "s/^$1: //p"; }

# The one place that names the version.
version=$(sed -n '/^\[workspace.package\]/,/^\[dependencies\]/s/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml")
[ -n "$version" ] || fail "Cargo.toml does not name a version under [workspace.package]"

# The only date that a release has, in seconds of Unix time.
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
  SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct 2>/dev/null) ||
    fail "this is no clone of the repository: set SOURCE_DATE_EPOCH to the time of the last commit"
fi
export SOURCE_DATE_EPOCH

case $(uname -sm) in
  'Linux x86_64') architecture=amd64 ;;
  'Linux aarch64') architecture=arm64 ;;
  *) fail "a release is built on Linux, on x86_64 or aarch64, not on $(uname -sm)" ;;
esac

# The commit that is built, and whether more than that is built.
revision() {
  local changed
  changed=$(git -C "$root" status --porcelain)
  if [ -n "$changed" ]; then
    say "the work tree differs from its commit: the image says so in its label"
  fi
  echo "$(git -C "$root" rev-parse HEAD)${changed:+-dirty}"
}

# Copies what git tracks below a path, as it stands in the work tree, and gives all of it the release's date.
copy_tracked() {
  local path=$1 folder=$2
  (cd "$root" && git ls-files -z -- "$path" | xargs -0 cp --parents --target-directory="$folder")
  chmod --recursive u=rwX,go=rX "$folder"
  find "$folder" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
}

# pack FOLDER ARCHIVE ENTRY...: a tar archive in which nothing tells who made it, when, or in which order files were found.
pack() {
  local folder=$1 archive=$2
  shift 2
  tar --create --file "$archive" --directory "$folder" --format ustar --sort name \
    --owner 0 --group 0 --numeric-owner --mtime "@$SOURCE_DATE_EPOCH" "$@"
}
