"""What Schemathesis cannot know of a vault: certificate and token of who may ask an operation, and that the files
in force are longer than those of the examples. Counts what was answered, for scripts/schemathesis.sh.

COFFER_HOME is a home of `coffer-vault dev`, COFFER_COUNTS the file to write the counts into.
"""

import atexit
import collections
import json
import os
import pathlib

import schemathesis

HOME = pathlib.Path(os.environ["COFFER_HOME"])
# Who works where: the roles that stand beside the operations of the document.
APPLICATIONS = {"bank-officer": "rents-desk", "dpo": "console", "security-admin": "console", "auditor": "console"}

counts = collections.defaultdict(collections.Counter)


def role(case):
    return case.operation.definition.raw["x-coffer-role"]


@schemathesis.auth(cache_by_key=lambda case, context: role(case))
class Token:
    def get(self, case, context):
        return (HOME / "tokens" / role(case)).read_text().strip()

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


def files_in_force(path):
    if path == "/v1/access/apply":
        return {"access.toml": (HOME / "access.toml").read_text()}
    return {file.name: file.read_text() for file in (HOME / "schema").glob("*.toml")}


@schemathesis.hook
def before_call(context, case, kwargs):
    client = HOME / "clients" / APPLICATIONS[role(case)]
    kwargs["cert"] = (str(client / "client.pem"), str(client / "client.key"))
    # A schema or policy of its own would leave the others nothing to ask for; what the example would put in force here is
    # refused, or forbids the rest. So the example stands for what is in force already.
    if case.path.endswith("/apply") and case.method == "POST" and case.body == example(case):
        case.body = {"files": files_in_force(case.path)}


def example(case):
    content = case.operation.definition.raw["requestBody"]["content"]
    return content["application/json"]["example"]


@schemathesis.hook
def after_call(context, case, response):
    counts[f"{case.operation.method.upper()} {case.operation.path}"][response.status_code] += 1


@atexit.register
def tell():
    with open(os.environ["COFFER_COUNTS"], "w") as file:
        json.dump(counts, file)
