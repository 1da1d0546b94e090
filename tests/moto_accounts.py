"""Prepares and reads the accounts of a moto server with boto3: `moto_accounts.py prepare|roles ENDPOINT ACCOUNT...`.

`prepare` makes the boundary policy in each account. `roles` prints all roles, by account, as JSON.
"""

import json
import sys

import boto3


def iam_of(endpoint: str, account: str):
    """A client in an account, through its bootstrap role. moto lets everybody assume every role."""
    place = {"endpoint_url": endpoint, "region_name": "us-east-1"}
    sts = boto3.client("sts", aws_access_key_id="test", aws_secret_access_key="test", **place)
    role = f"arn:aws:iam::{account}:role/crossrole-bootstrap"
    keys = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.client(
        "iam",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        **place,
    )


def prepare(iam) -> None:
    allow_all = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.create_policy(PolicyName="crossrole-boundary", PolicyDocument=json.dumps(allow_all))


def roles(iam) -> dict:
    names = [role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]]
    return {name: role(iam, name) for name in names}


def role(iam, name: str) -> dict:
    found = iam.get_role(RoleName=name)["Role"]
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return {
        "arn": found["Arn"],
        "id": found["RoleId"],
        "description": found.get("Description"),
        "maxSessionDuration": found["MaxSessionDuration"],
        "trust": found["AssumeRolePolicyDocument"],
        "boundary": found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "tags": {tag["Key"]: tag["Value"] for tag in iam.list_role_tags(RoleName=name)["Tags"]},
        "inline": {policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in inline},
        "attached": sorted(policy["PolicyArn"] for policy in attached),
    }


def main() -> None:
    verb, endpoint, *accounts = sys.argv[1:]
    clients = {account: iam_of(endpoint, account) for account in accounts}
    if verb == "prepare":
        for iam in clients.values():
            prepare(iam)
    elif verb == "roles":
        print(json.dumps({account: roles(iam) for account, iam in clients.items()}))
    else:
        sys.exit(__doc__)


main()
