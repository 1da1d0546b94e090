//! A Terraform module. It knows the external id of each account, and makes nothing in an account that it does not know.
//! Source: Terraform language documentation, "Strings and Templates" (heredocs, escapes); Terraform AWS provider,
//! `aws_iam_role`, `aws_iam_role_policy`, `aws_iam_policy`.

use std::fmt::Write as _;

use crossrole_plan::kit::{Boundary, Kit, POLICY_NAME};

use super::accounts::Entry;
use super::cloudformation::split;
use super::kit_file::{ABOUT_BOUNDARY, ABOUT_GRANTS, ABOUT_ROLE, KitFile, header, indented, trust};

const HOW: &str = "\
A Terraform or OpenTofu module. Call it once for each account, with a provider of that account:

  module \"crossrole_prod\" {
    source    = \"./crossrole-bootstrap\"
    providers = { aws = aws.prod }
  }";

pub(super) fn file(kit: &Kit, entries: &[Entry]) -> KitFile {
    let mut ids = String::new();
    for entry in entries {
        let _ = write!(
            ids,
            "\n    # {}\n    \"{}\" = {:?}",
            entry.name, entry.id, entry.external_id
        );
    }
    let boundary = match &kit.boundary {
        Boundary::Made { name, document } => {
            let (path, name) = split(name.as_str());
            format!(
                "
resource \"aws_iam_policy\" \"boundary\" {{
  name        = {name:?}
  path        = {path:?}
  description = {ABOUT_BOUNDARY:?}
  policy      = {}
}}
",
                heredoc(&escaped(&document.to_pretty_json()))
            )
        }
        Boundary::None | Boundary::Elsewhere => String::new(),
    };
    let after = if boundary.is_empty() {
        ""
    } else {
        "\n\n  depends_on = [aws_iam_policy.boundary]"
    };
    let grants = kit.grants.as_ref().map_or_else(String::new, |(role, permissions)| {
        format!(
            "
resource \"aws_iam_role\" \"grants\" {{
  name               = {name:?}
  path               = {path:?}
  description        = {ABOUT_GRANTS:?}
  assume_role_policy = {trust}
}}

resource \"aws_iam_role_policy\" \"grants\" {{
  name   = {POLICY_NAME:?}
  role   = aws_iam_role.grants.name
  policy = {permissions}
}}
",
            name = role.name.as_str(),
            path = role.path.as_str(),
            trust = heredoc(&escaped_trust(kit)),
            permissions = heredoc(&escaped(&permissions.to_pretty_json())),
        )
    });
    let text = format!(
        "
terraform {{
  required_providers {{
    aws = {{
      source  = \"hashicorp/aws\"
      version = \">= 4.0\"
    }}
  }}
}}

data \"aws_caller_identity\" \"current\" {{}}

locals {{
  external_ids = {{{ids}
  }}
}}
{boundary}
resource \"aws_iam_role\" \"bootstrap\" {{
  name               = {name:?}
  path               = {path:?}
  description        = {ABOUT_ROLE:?}
  assume_role_policy = {trust}{after}
}}

resource \"aws_iam_role_policy\" \"bootstrap\" {{
  name   = {POLICY_NAME:?}
  role   = aws_iam_role.bootstrap.name
  policy = {permissions}
}}
{grants}
output \"bootstrap_role_arn\" {{
  description = \"The role that crossrole assumes.\"
  value       = aws_iam_role.bootstrap.arn
}}
",
        name = kit.role.name.as_str(),
        path = kit.role.path.as_str(),
        trust = heredoc(&escaped_trust(kit)),
        permissions = heredoc(&escaped(&kit.permissions.to_pretty_json())),
    );
    KitFile {
        name: "main.tf".to_string(),
        text: header(kit, entries, HOW) + &text,
    }
}

/// The one expression that is meant as one. An account that is not listed ends the plan.
const EXTERNAL_ID: &str = "${local.external_ids[data.aws_caller_identity.current.account_id]}";

fn escaped_trust(kit: &Kit) -> String {
    // Put in last, so that it is not escaped.
    escaped(&trust(kit, "\"\u{0}\"")).replace('\u{0}', EXTERNAL_ID)
}

/// A text that a template leaves as it is: IAM's variables are written as Terraform's are.
pub(super) fn escaped(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

pub(super) fn heredoc(text: &str) -> String {
    format!("<<-JSON\n    {}\n  JSON", indented(text, 4))
}
