//! Terraform modules. Source: Terraform AWS provider, `aws_cloudwatch_event_bus`, `aws_cloudwatch_event_bus_policy`,
//! `aws_cloudwatch_event_rule`, `aws_cloudwatch_event_target`, `aws_sqs_queue`,
//! `aws_sqs_queue_policy`, `aws_iam_role`, `aws_iam_role_policy`.

use crossrole_plan::kit::feed::{
    CHANGE_RULE, DEAD_LETTERS_NAME, EVENTS_NAME, Feed, NAME, RETENTION, STATE_WITH_READS, TRIES, USE_RULE, VISIBILITY,
};

use super::super::kit_file::KitFile;
use super::super::terraform::{escaped, heredoc};
use super::{ABOUT_ALL, ABOUT_CHANGE, ABOUT_SENDER, ABOUT_USE, HERE, header, lists};

const PROVIDERS: &str = "
terraform {
  required_providers {
    aws = {
      source  = \"hashicorp/aws\"
      version = \">= 5.40\"
    }
  }
}
";

pub(super) fn central(feed: &Feed) -> KitFile {
    let (account, region) = (&feed.center.account, &feed.center.region);
    let how = format!(
        "A Terraform or OpenTofu module. Call it once, with a provider of account {account} in {region}:\n\n  module \
         \"crossrole_events\" {{\n    source    = \"./events-central\"\n    providers = {{ aws = aws.central }}\n  }}"
    );
    let text = format!(
        "{PROVIDERS}
resource \"aws_cloudwatch_event_bus\" \"central\" {{
  name = {NAME:?}
}}

resource \"aws_cloudwatch_event_bus_policy\" \"central\" {{
  event_bus_name = aws_cloudwatch_event_bus.central.name
  policy         = {bus_policy}
}}

resource \"aws_cloudwatch_event_rule\" \"central\" {{
  name           = {NAME:?}
  description    = {ABOUT_ALL:?}
  event_bus_name = aws_cloudwatch_event_bus.central.name
  state          = {STATE_WITH_READS:?}
  event_pattern  = {pattern}
}}

resource \"aws_cloudwatch_event_target\" \"central\" {{
  rule           = aws_cloudwatch_event_rule.central.name
  event_bus_name = aws_cloudwatch_event_bus.central.name
  target_id      = \"queue\"
  arn            = aws_sqs_queue.events.arn
}}

resource \"aws_sqs_queue\" \"events\" {{
  name                       = {EVENTS_NAME:?}
  sqs_managed_sse_enabled    = true
  message_retention_seconds  = {RETENTION}
  visibility_timeout_seconds = {VISIBILITY}
  redrive_policy = jsonencode({{
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = {TRIES}
  }})
}}

resource \"aws_sqs_queue\" \"dead_letters\" {{
  name                      = {DEAD_LETTERS_NAME:?}
  sqs_managed_sse_enabled   = true
  message_retention_seconds = {RETENTION}
  redrive_allow_policy = jsonencode({{
    redrivePermission = \"byQueue\"
    sourceQueueArns   = [{queue:?}]
  }})
}}

resource \"aws_sqs_queue_policy\" \"events\" {{
  queue_url = aws_sqs_queue.events.id
  policy    = {queue_policy}
}}

output \"queue_url\" {{
  description = \"What the operator is told with --event-queue-url.\"
  value       = aws_sqs_queue.events.id
}}
",
        bus_policy = json(&feed.bus_policy().to_pretty_json()),
        pattern = json(&format!("{:#}", feed.all())),
        queue = feed.queue(),
        queue_policy = json(&feed.queue_policy().to_pretty_json()),
    );
    KitFile {
        name: "events-central/main.tf".to_string(),
        text: header(
            feed,
            "The central bus of crossrole's events, and the queue behind it.",
            &how,
        ) + &text,
    }
}

/// The one expression that is meant as one.
const ACCOUNT: &str = "${data.aws_caller_identity.current.account_id}";

pub(super) fn account(feed: &Feed, regions: &[String]) -> KitFile {
    let how = format!(
        "A Terraform or OpenTofu module. Call it for each account in each of these Regions, with a provider of both: {}. The \
         first one makes the role that all of them need:\n\n  module \"crossrole_events_prod_eu_central_1\" {{\n    source      \
         = \"./events-account\"\n    providers   = {{ aws = aws.prod_eu_central_1 }}\n    holds_roles = true\n    depends_on  = \
         [module.crossrole_events_prod_{}]\n  }}\n\nIn an account that is only trusted: holds_roles = false.\n\n{}",
        regions.join(", "),
        feed.iam_region().replace('-', "_"),
        lists(feed),
    );
    let text = format!(
        "{PROVIDERS}
variable \"holds_roles\" {{
  description = \"Whether the account holds roles of crossrole, or only people who assume some.\"
  type        = bool
  default     = true
}}

data \"aws_caller_identity\" \"current\" {{}}

data \"aws_region\" \"current\" {{}}

locals {{
  is_iam_region = data.aws_region.current.id == {iam_region:?}
  sender        = \"arn:{partition}:iam::{ACCOUNT}:role/{EVENTS_NAME}\"
}}

# IAM is the same in all Regions: this one makes the role of all.
resource \"aws_iam_role\" \"sender\" {{
  count              = local.is_iam_region ? 1 : 0
  name               = {EVENTS_NAME:?}
  description        = {ABOUT_SENDER:?}
  assume_role_policy = {trust}
}}

resource \"aws_iam_role_policy\" \"sender\" {{
  count  = local.is_iam_region ? 1 : 0
  name   = {NAME:?}
  role   = aws_iam_role.sender[0].name
  policy = {rights}
}}

# AssumeRole only reads, for CloudTrail: a rule that is merely enabled would not see it.
resource \"aws_cloudwatch_event_rule\" \"use\" {{
  name          = {USE_RULE:?}
  description   = {ABOUT_USE:?}
  state         = {STATE_WITH_READS:?}
  event_pattern = {uses}
}}

resource \"aws_cloudwatch_event_target\" \"use\" {{
  rule      = aws_cloudwatch_event_rule.use.name
  target_id = \"central-bus\"
  arn       = {bus:?}
  role_arn  = local.sender

  depends_on = [aws_iam_role.sender]
}}

resource \"aws_cloudwatch_event_rule\" \"change\" {{
  count         = local.is_iam_region && var.holds_roles ? 1 : 0
  name          = {CHANGE_RULE:?}
  description   = {ABOUT_CHANGE:?}
  state         = \"ENABLED\"
  event_pattern = {changes}
}}

resource \"aws_cloudwatch_event_target\" \"change\" {{
  count     = local.is_iam_region && var.holds_roles ? 1 : 0
  rule      = aws_cloudwatch_event_rule.change[0].name
  target_id = \"central-bus\"
  arn       = {bus:?}
  role_arn  = aws_iam_role.sender[0].arn
}}
",
        iam_region = feed.iam_region(),
        partition = feed.partition(),
        // Put in last, so that it is not escaped.
        trust = json(&feed.sender_trust(HERE).to_pretty_json()).replace(HERE, ACCOUNT),
        rights = json(&feed.sender().to_pretty_json()),
        uses = json(&format!("{:#}", feed.uses())),
        changes = json(&format!("{:#}", feed.changes())),
        bus = feed.bus(),
    );
    KitFile {
        name: "events-account/main.tf".to_string(),
        text: header(
            feed,
            "What sends events about roles of crossrole from an account to the central bus.",
            &how,
        ) + &text,
    }
}

fn json(text: &str) -> String {
    heredoc(&escaped(text))
}
