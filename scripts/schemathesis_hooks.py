"""What Schemathesis cannot know of a vault: certificate and token of who may ask an operation, and that the files
in force are longer than those of the examples. Counts what was answered, for scripts/schemathesis.sh.

COFFER_HOME is a home of `coffer-vault dev`, COFFER_URL where its vault listens, COFFER_COUNTS the file to write the counts into.
"""

import atexit
import collections
import json
import os
import pathlib
import re
import time

import requests
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


# Texts whose length counts in bytes of UTF-8, which a schema cannot say: those over it are refused and yet fit the schema.
BYTES_MAX = {"person": 64, "record": 64, "about": 64, "case": 256, "reason": 256}


@schemathesis.hook
def filter_body(context, body):
    return fits(body, None)


def fits(value, member):
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass")) <= BYTES_MAX.get(member, len(value) * 4)
    if isinstance(value, list):
        return all(fits(one, member) for one in value)
    if isinstance(value, dict):
        return all(fits(one, "about" if member == "about" else name) for name, one in value.items())
    return True


@schemathesis.hook
def map_body(context, body):
    return whole(body)


def whole(value):
    """To a schema 3.0 is an integer; to a vault a number with a fraction is none."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [whole(one) for one in value]
    if isinstance(value, dict):
        return {name: whole(one) for name, one in value.items()}
    return value


def files_in_force(path):
    if path == "/v1/access/apply":
        return {"access.toml": (HOME / "access.toml").read_text()}
    return {file.name: file.read_text() for file in (HOME / "schema").glob("*.toml")}


# What no schema can say: which times are past, which logs and days there are, how this vault is sealed. These are set to what
# there is.
FUTURE_MS = 4_102_444_800_000
DAY = "2026-01-31"


def set_to_what_there_is(path, body):
    if not isinstance(body, dict):
        return
    # Only what fits the schema: what does not is to be refused as it is.
    whole_number = lambda name: type(body.get(name)) is int and body[name] >= 0
    if path == "/v1/holds/set" and whole_number("until_ms"):
        body["until_ms"] = max(body["until_ms"], FUTURE_MS)
    if path in ("/v1/log/prove", "/v1/log/entry") and whole_number("log"):
        del body["log"]
    # The vault of `dev` has a key file, which is in no shares.
    split = body.get("split")
    if path == "/v1/root/rotate" and isinstance(split, dict) and all(type(number) is int for number in split.values()):
        body["split"] = None
    if path in ("/v1/root/rotate", "/v1/vault/drill", "/v1/vault/unseal") and isinstance(body.get("share"), str):
        body["share"] = None
    if isinstance(body.get("items"), list):
        body["items"] = [existing_days(item) for item in body["items"]]


def existing_days(value):
    """Days that no calendar has are days by the schema. Values of fields are the schema's own affair."""
    if isinstance(value, str):
        return DAY if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) else value
    if isinstance(value, list):
        return [existing_days(one) for one in value]
    if isinstance(value, dict):
        return {name: one if name == "fields" else existing_days(one) for name, one in value.items()}
    return value


@schemathesis.hook
def before_call(context, case, kwargs):
    client = HOME / "clients" / APPLICATIONS[role(case)]
    kwargs["cert"] = (str(client / "client.pem"), str(client / "client.key"))
    if case.path.endswith("/apply") and case.method == "POST":
        keep_in_force(case)
    set_to_what_there_is(case.path, case.body)
    if case.path in PREPARED and case.body == example(case):
        case.body = PREPARED[case.path](case.path, case.body)


def post(path, body, who):
    """What somebody else, or the same person before, asks of the vault through the console."""
    client = HOME / "clients" / "console"
    answer = requests.post(
        os.environ["COFFER_URL"] + path,
        json=body,
        cert=(str(client / "client.pem"), str(client / "client.key")),
        verify=str(HOME / "tls" / "server-ca.pem"),
        headers={"Authorization": "Bearer " + (HOME / "tokens" / who).read_text().strip()},
        timeout=60,
    )
    return answer.json()


def to_be_decided(path, body):
    """Of what a second admin asks for, so that the example can decide it."""
    access = (HOME / "access.toml").read_text()
    wider = f'# {path}\n{access}\n[[duty]]\nname = "more"\nrole = "intake"\nacts = ["status"]\n'
    asked = post("/v1/access/apply", {"files": {"access.toml": wider}}, "second-security-admin")
    return {**body, "id": asked.get("approval", body["id"])}


def approved(path, body, first, second):
    asked = post(path, body, first)
    if "approval" in asked:
        post("/v1/approvals/approve", {"id": asked["approval"]}, second)
        body = {**body, "approval": asked["approval"]}
    return body


def replaced(path, body):
    """A version of a key comes into another state once it wraps no more, and nothing is being moved."""
    of = {"controller": body["controller"], "category": body["category"]}
    post("/v1/keys/rotate", {**of, "reason": "so that there is an old version"}, "security-admin")
    while any(job["state"] == "running" for job in post("/v1/keys/jobs", {}, "security-admin").get("jobs", [])):
        time.sleep(0.05)
    return body


def ended(path, body):
    return approved(path, replaced(path, body), "security-admin", "second-security-admin")


def lifted(path, body):
    held = post("/v1/holds/set", {name: body[name] for name in ("controller", "person", "reason")}, "dpo")
    body = {**body, "hold": held.get("hold", body["hold"])}
    return approved(path, body, "dpo", "second-dpo")


def allowed(path, body):
    return approved(path, body, "dpo", "second-dpo")


# Operations whose example somebody has to have prepared, or another person agreed to.
PREPARED = {
    "/v1/approvals/approve": to_be_decided,
    "/v1/approvals/refuse": to_be_decided,
    "/v1/key/state": replaced,
    "/v1/keys/destroy": ended,
    "/v1/keys/shred": ended,
    "/v1/holds/lift": lifted,
    "/v1/erasures/allow": allowed,
    "/v1/erasures/allow": allowed,
}


def keep_in_force(case):
    """An empty policy is one too, and under it everybody is refused. So the example stands for what is in force already, and
    any other proposal is no TOML."""
    if case.body == example(case):
        case.body = {"files": files_in_force(case.path)}
    elif isinstance(case.body, dict) and isinstance(case.body.get("files"), dict):
        spoiled = lambda text: "= " + text if isinstance(text, str) else text
        files = {name: spoiled(text) for name, text in case.body["files"].items()}
        case.body = {**case.body, "files": files}


def example(case):
    content = case.operation.definition.raw["requestBody"]["content"]
    return content["application/json"]["example"]


@schemathesis.hook
def after_call(context, case, response):
    counts[f"{case.operation.method.upper()} {case.operation.path}"][response.status_code] += 1
    if case.path == SEAL and response.status_code == 200:
        unseal(response.request.url)


SEAL, UNSEAL = "/v1/vault/seal", "/v1/vault/unseal"


def unseal(url):
    """A sealed vault would answer nothing else."""
    client = HOME / "clients" / "console"
    answer = requests.post(
        url.replace(SEAL, UNSEAL),
        json={},
        cert=(str(client / "client.pem"), str(client / "client.key")),
        verify=str(HOME / "tls" / "server-ca.pem"),
        timeout=60,
    )
    counts[f"POST {UNSEAL}"][answer.status_code] += 1


@atexit.register
def tell():
    with open(os.environ["COFFER_COUNTS"], "w") as file:
        json.dump(counts, file)
