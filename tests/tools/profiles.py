"""Assumes the role of a profile as the AWS CLI does, with a code of the MFA device, and prints who that is; or with --host the
host that would be asked, and asks nobody.

profiles.py [--host] PROFILE CODE
"""

import sys
from urllib.parse import urlsplit

import botocore.session

*options, profile, code = sys.argv[1:]
session = botocore.session.Session(profile=profile)
provider = session.get_component("credential_provider").get_provider("assume-role")
# Where the CLI asks the person.
provider._prompter = lambda prompt: code


def say_where(request, **_):
    print(urlsplit(request.url).netloc)
    sys.exit()


if "--host" in options:
    session.register("before-send.sts.AssumeRole", say_where)
print(session.create_client("sts").get_caller_identity()["Arn"])
