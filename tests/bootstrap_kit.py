"""Reads what `crossrole bootstrap` printed, as others read it:

lint FILE...                        cfn-lint finds nothing to say, neither of a template nor of the one in its StackSet.
stack FILE ENDPOINT ACCOUNT [ID]    makes a stack of a template in moto, prints its roles and the boundary as JSON, deletes
                                    it, and prints what is left.
feed FILE ENDPOINT ACCOUNT REGION [HOLDS_ROLES]
                                    makes a stack of a template of events in moto, and prints what it made as JSON.
module FILE                         parses a Terraform module, and prints its documents and external ids as JSON.
"""

import ast
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3
import hcl2
from botocore.config import Config
from cfnlint.decode import cfn_yaml

LINT = "import sys; from cfnlint.runner import main; sys.exit(main())"


def lint(files: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in list(files):
            for resource in cfn_yaml.load(name)["Resources"].values():
                if resource["Type"] == "AWS::CloudFormation::StackSet":
                    inner = Path(folder) / f"inner-{Path(name).name}"
                    inner.write_text(resource["Properties"]["TemplateBody"])
                    files.append(str(inner))
        linter = [sys.executable, "-c", LINT, "--include-checks", "I", "--", *files]
        sys.exit(subprocess.run(linter, check=False).returncode)


def session_of(endpoint: str, account: str, region: str = "us-east-1") -> dict:
    # A stack that is slow to be made must not be made twice.
    patient = Config(read_timeout=300, retries={"total_max_attempts": 1})
    place = {"endpoint_url": endpoint, "region_name": region, "config": patient}
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    sts = boto3.client("sts", **place, **keys)
    role = f"arn:aws:iam::{account}:role/anybody"
    keys = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
        **place,
    }


def stack(file: str, endpoint: str, account: str, external_id: str | None = None) -> None:
    session = session_of(endpoint, account)
    parameters = [{"ParameterKey": "ExternalId", "ParameterValue": external_id}] if external_id else []
    cloudformation = boto3.client("cloudformation", **session)
    cloudformation.create_stack(
        StackName="crossrole-bootstrap",
        # moto does not know the word; it means the same, but for a stack that never came to be.
        TemplateBody=Path(file).read_text().replace("RetainExceptOnCreate", "Retain"),
        Parameters=parameters,
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    iam = boto3.client("iam", **session)
    made = identities(iam)
    cloudformation.delete_stack(StackName="crossrole-bootstrap")
    print(json.dumps(made | {"left": identities(iam)}))


def feed(file: str, endpoint: str, account: str, region: str, holds_roles: str | None = None) -> None:
    session = session_of(endpoint, account, region)
    parameters = [{"ParameterKey": "HoldsRoles", "ParameterValue": holds_roles}] if holds_roles else []
    boto3.client("cloudformation", **session).create_stack(
        StackName="crossrole-events",
        TemplateBody=Path(file).read_text(),
        Parameters=parameters,
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    events, sqs = boto3.client("events", **session), boto3.client("sqs", **session)
    rules = {}
    for bus in events.list_event_buses()["EventBuses"]:
        for rule in events.list_rules(EventBusName=bus["Name"])["Rules"]:
            targets = events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus["Name"])["Targets"]
            rules[rule["Name"]] = {
                "bus": bus["Name"],
                "state": rule["State"],
                "pattern": json.loads(rule["EventPattern"]),
                "targets": [[target["Arn"], target.get("RoleArn")] for target in targets],
            }
    queues = {}
    for url in sqs.list_queues().get("QueueUrls", []):
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        queues[url.rsplit("/", 1)[1]] = attributes
    roles = identities(boto3.client("iam", **session))["roles"]
    print(json.dumps({"rules": rules, "queues": queues, "roles": roles}))


def identities(iam) -> dict:
    found = {"roles": {}, "policies": {}}
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        found["roles"][name] = {
            "path": role["Path"],
            "trust": role["AssumeRolePolicyDocument"],
            "inline": {policy: whole(iam.get_role_policy(RoleName=name, PolicyName=policy)) for policy in inline},
        }
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        found["policies"][policy["Arn"]] = version["PolicyVersion"]["Document"]
    return found


def whole(answer: dict) -> dict:
    document = answer["PolicyDocument"]
    # moto keeps the policies of a template's role as Python writes them.
    return ast.literal_eval(document) if isinstance(document, str) else document


def module(file: str) -> None:
    parsed = hcl2.loads(Path(file).read_text())
    ids = parsed["locals"][0].get("external_ids", {}) if "locals" in parsed else {}
    found = {"external_ids": {plain(key): plain(value) for key, value in ids.items()}}
    for block in parsed["resource"]:
        for kind, named in block.items():
            for name, resource in named.items():
                found[f"{plain(kind)}.{plain(name)}"] = {
                    key: document(value) if "<<-JSON" in str(value) else plain(value) if isinstance(value, str) else value
                    for key, value in resource.items()
                }
    print(json.dumps(found))


def plain(text: str) -> str:
    return text.removeprefix('"').removesuffix('"')


def document(heredoc: str) -> dict:
    body = re.fullmatch(r'"?<<-JSON\n(.*)\n\s*JSON\n?"?', heredoc, re.DOTALL)[1]
    return json.loads(body.replace("$${", "${").replace("%%{", "%{"))


def main() -> None:
    match sys.argv[1:]:
        case ["lint", *files] if files:
            lint(files)
        case ["stack", file, endpoint, account, *external_id]:
            stack(file, endpoint, account, *external_id)
        case ["feed", file, endpoint, account, region, *holds_roles]:
            feed(file, endpoint, account, region, *holds_roles)
        case ["module", file]:
            module(file)
        case _:
            sys.exit(__doc__)


main()
