"""Assumes the role of a profile as the AWS CLI does, with a code of the MFA device, and prints who that is.

profiles.py PROFILE CODE
"""

import sys

import botocore.session

profile, code = sys.argv[1:]
session = botocore.session.Session(profile=profile)
provider = session.get_component("credential_provider").get_provider("assume-role")
# Where the CLI asks the person.
provider._prompter = lambda prompt: code
print(session.create_client("sts").get_caller_identity()["Arn"])
