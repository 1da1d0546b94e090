"""A queue of events in a moto server.

`moto_queue.py serve` is moto's server, with three addresses more. `/queue/send` puts messages into the queue `events`: it is given
their bodies, as a list. They go the same way as SendMessage, when there is room: moto goes through a whole queue for each message
that it gives, so no more than a hundred can be received at a time. `/queue/left` answers how many messages there are for each queue,
whether or not somebody has received them, and how often messages were asked for. `/queue/show` makes every message visible now, as time does.

`moto_queue.py call ENDPOINT` makes the queue `events`, whose messages go to the queue `dead` when they were received five times, and
prints its URL; then it goes on to ask those addresses: in each line of standard input stands one, with what it is given, as JSON.
Prints what each answers.
"""

import collections
import json
import sys
import threading
import urllib.request

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from moto.sqs.models import sqs_backends
from werkzeug.serving import run_simple
from werkzeug.wrappers import Request, Response

# Whose credentials moto takes those of nobody for.
ACCOUNT = "123456789012"
REGION = "us-east-1"

# Seconds for which others do not see what was received: longer than a record waits for its other one.
VISIBILITY = "30"

# Messages that can be received.
DEPTH = 100


class Server:
    """moto, with the addresses in front of it."""

    def __init__(self):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.backend = sqs_backends[ACCOUNT][REGION]
        # No message gets as old as that here, and to find it out moto counts the queue fifteen times for each message.
        self.backend.is_message_valid_based_on_retention_period = lambda *_: True
        self.waiting = collections.deque()
        self.received = 0
        # moto makes another list of messages when one is deleted: what came meanwhile would be lost.
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        request = Request(environ)
        if request.path.startswith("/queue/"):
            return Response(json.dumps(self.asked(request)))(environ, start_response)
        operation = request.headers.get("X-Amz-Target", "").partition(".")[2]
        if operation == "ReceiveMessage":
            self.received += 1
            self.fill()
        if operation.startswith("DeleteMessage"):
            with self.lock:
                return self.moto(environ, start_response)
        return self.moto(environ, start_response)

    def asked(self, request: Request) -> dict:
        if request.path == "/queue/send":
            self.waiting.extend(json.loads(request.get_data()))
            self.fill()
        with self.lock:
            events = self.backend.queues["events"]
            if request.path == "/queue/show":
                for message in events._messages:
                    message.visible_at = 0.0
            dead = self.backend.queues["dead"]
            left = len(self.waiting) + len(events._messages)
            return {"events": left, "dead": len(dead._messages), "received": self.received}

    def fill(self) -> None:
        with self.lock:
            room = DEPTH - len(self.backend.queues["events"].messages)
            while room > 0 and self.waiting:
                self.backend.send_message("events", self.waiting.popleft())
                room -= 1


def call(endpoint: str) -> None:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    sqs = boto3.client("sqs", endpoint_url=endpoint, region_name=REGION, **keys)
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    attributes = {"VisibilityTimeout": VISIBILITY, "RedrivePolicy": redrive}
    print(json.dumps(sqs.create_queue(QueueName="events", Attributes=attributes)["QueueUrl"]), flush=True)
    for line in sys.stdin:
        address, given = json.loads(line)
        with urllib.request.urlopen(endpoint + address, json.dumps(given).encode()) as answered:
            print(answered.read().decode(), flush=True)


def main() -> None:
    match sys.argv[1:]:
        case ["serve"]:
            run_simple("127.0.0.1", 0, Server(), threaded=True)
        case ["call", endpoint]:
            call(endpoint)
        case _:
            sys.exit(__doc__)


main()
