"""An organisation in a moto server.

`moto_organization.py serve` is moto's server, with two addresses more: `/organization/calls` answers how often each operation of
Organizations was called, and `/organization/set` sets the name or the state of an account, which no operation of Organizations
does: a rename is the account's own, a state is AWS's.

`moto_organization.py call ENDPOINT` makes the calls that stand on standard input with boto3, one after the other: in each line a
list of [operation, arguments] as JSON, where an operation may be one of the two addresses. Prints for each line what they
answered, as a list.
"""

import collections
import json
import sys
import threading
import urllib.request

import boto3
from moto.organizations.models import organizations_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
from werkzeug.wrappers import Request, Response

# Whose credentials moto takes those of nobody for.
MANAGEMENT_ACCOUNT = "123456789012"


class Server:
    """moto, with the two addresses in front of it."""

    def __init__(self):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.calls = collections.Counter()
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        request = Request(environ)
        if request.path == "/organization/calls":
            with self.lock:
                return Response(json.dumps(self.calls))(environ, start_response)
        if request.path == "/organization/set":
            wanted = json.loads(request.get_data())
            organization = organizations_backends[MANAGEMENT_ACCOUNT]["aws"]
            account = organization.get_account_by_id(wanted["id"])
            account.name = wanted.get("name", account.name)
            account.state = wanted.get("state", account.state)
            return Response("{}")(environ, start_response)
        service, _, operation = request.headers.get("X-Amz-Target", "").partition(".")
        # boto3 is whoever prepares the organisation.
        if service.startswith("AWSOrganizations") and "Boto3" not in request.headers.get("User-Agent", ""):
            with self.lock:
                self.calls[operation] += 1
        return self.moto(environ, start_response)


def call(endpoint: str) -> None:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    organizations = boto3.client("organizations", endpoint_url=endpoint, region_name="us-east-1", **keys)

    def answer(operation: str, arguments: dict) -> dict:
        if not operation.startswith("/"):
            return getattr(organizations, operation)(**arguments)
        with urllib.request.urlopen(endpoint + operation, json.dumps(arguments).encode()) as answered:
            return json.load(answered)

    for line in sys.stdin:
        print(json.dumps([answer(*wanted) for wanted in json.loads(line)], default=str), flush=True)


def main() -> None:
    match sys.argv[1:]:
        case ["serve"]:
            run_simple("127.0.0.1", 0, Server(), threaded=True)
        case ["call", endpoint]:
            call(endpoint)
        case _:
            sys.exit(__doc__)


main()
