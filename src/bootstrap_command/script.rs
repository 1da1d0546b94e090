//! A shell script of AWS CLI commands, which can be run again.

use std::fmt::Write as _;

use crossrole_iam::{Document, Path, RoleName};
use crossrole_plan::kit::{Boundary, Kit, POLICY_NAME};

use super::accounts::Entry;
use super::cloudformation::split;
use super::kit_file::{ABOUT_BOUNDARY, ABOUT_GRANTS, ABOUT_ROLE, KitFile, header, trust};

const HOW: &str = "\
Run it with credentials of each account, as often as you like. What is there already is set to what stands here, but for
the boundary policy: that one stays as it is.";

/// What is there is told from what is not by the error's code alone: any other answer ends the script.
const THERE: &str = r#"
there() {
  if answer=$("$@" 2>&1 >/dev/null); then
    return 0
  fi
  case "$answer" in
    *NoSuchEntity*) return 1 ;;
  esac
  echo "$answer" >&2
  exit 1
}
"#;

pub(super) fn file(kit: &Kit, entries: &[Entry]) -> KitFile {
    let mut text = format!("#!/bin/sh\n{}\nset -eu\n", header(kit, entries, HOW));
    text.push_str("\naccount=$(aws sts get-caller-identity --query Account --output text)\ncase \"$account\" in\n");
    for entry in entries {
        let _ = writeln!(
            text,
            "  {}) external_id='{}' ;; # {}",
            entry.id, entry.external_id, entry.name
        );
    }
    let _ = write!(
        text,
        "  *)
    echo \"account $account is none of AccountClass {}\" >&2
    exit 1
    ;;
esac

folder=$(mktemp -d)
trap 'rm -rf \"$folder\"' EXIT
",
        kit.class
    );
    text.push_str(THERE);
    if let Boundary::Made { name, document } = &kit.boundary {
        let (path, short) = split(name.as_str());
        let _ = write!(
            text,
            "
cat >\"$folder/boundary.json\" <<'JSON'
{document}
JSON
if there aws iam get-policy --policy-arn \"arn:{partition}:iam::$account:policy/{name}\"; then
  echo \"the policy {name} is there, and stays as it is\"
else
  aws iam create-policy --policy-name '{short}' --path '{path}' --description '{ABOUT_BOUNDARY}' \\
    --policy-document \"file://$folder/boundary.json\" >/dev/null
  echo \"made the policy {name}\"
fi
",
            document = document.to_pretty_json(),
            partition = kit.partition,
        );
    }
    let _ = write!(
        text,
        "
cat >\"$folder/trust.json\" <<JSON
{trust}
JSON
",
        trust = trust(kit, "\"$external_id\""),
    );
    text.push_str(&role(
        kit,
        (&kit.role.path, &kit.role.name),
        ABOUT_ROLE,
        &kit.permissions,
    ));
    if let Some((grants, permissions)) = &kit.grants {
        text.push_str(&role(kit, (&grants.path, &grants.name), ABOUT_GRANTS, permissions));
    }
    KitFile {
        name: "bootstrap.sh".to_string(),
        text,
    }
}

/// One role, with its rights. All trust the operator in the same way.
fn role(kit: &Kit, (path, name): (&Path, &RoleName), about: &str, permissions: &Document) -> String {
    format!(
        "cat >\"$folder/permissions.json\" <<'JSON'
{permissions}
JSON
if there aws iam get-role --role-name '{name}'; then
  aws iam update-assume-role-policy --role-name '{name}' --policy-document \"file://$folder/trust.json\"
else
  aws iam create-role --role-name '{name}' --path '{path}' --description '{about}' \\
    --assume-role-policy-document \"file://$folder/trust.json\" >/dev/null
fi
aws iam put-role-policy --role-name '{name}' --policy-name {POLICY_NAME} \\
  --policy-document \"file://$folder/permissions.json\"
echo \"arn:{partition}:iam::$account:role{path}{name} is as it shall be\"
",
        permissions = permissions.to_pretty_json(),
        partition = kit.partition,
    )
}
