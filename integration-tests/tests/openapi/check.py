"""Asks a node for its description, and holds real answers against it.

check.py ADDRESS HOST KEY REQUESTS: prints what is wrong, a line each; says at last how many answers were right.
"""

import copy
import http.client
import json
import re
import sys
import urllib.parse

from jsonschema import Draft202012Validator
from openapi_spec_validator import validate


def ask(address, line, host, key):
    """The path, the status, the type and the body of what a line of the requests asks."""
    line = line.replace("HOST", host).replace("KEY", key)
    headers, line = (line.split(" | ", 1)) if " | " in line else ("", line)
    method, target = line.split(" ") if " " in line else ("GET", line)
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request(method, target, headers=dict([headers.split(": ")] if headers else []))
    answer = connection.getresponse()
    path = re.split(r"\?|%3F", re.sub(r"^/host/[^/]*", "", target))[0]
    return method.lower(), path, answer.status, answer.getheader("content-type", "").split(";")[0], answer.read()


def followed(api, value):
    """What a reference leads to, if it is one."""
    while "$ref" in value:
        place, value = value["$ref"], api
        for part in place[2:].split("/"):
            value = value[part.replace("~1", "/")]
    return value


def faults(api, schema, text):
    """What is wrong with a JSON text."""
    if isinstance(schema, bool):
        return [] if schema or not text else ["the body should be empty"]
    everything = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": api["components"], **schema}
    found = Draft202012Validator(everything).iter_errors(json.loads(text))
    return [f"{'/'.join(map(str, fault.absolute_path))}: {fault.message[:300]}" for fault in found]


def check(api, method, path, status, kind, body):
    """What is wrong with an answer."""
    operation = followed(api, api["paths"].get(path, {})).get(method)
    if operation is None:
        return ["it is not described"]
    described = operation["responses"]
    response = described.get(str(status)) or described.get("default")
    if response is None:
        return [f"the status {status} is not described: {body[:200]}"]
    content = followed(api, response).get("content", {})
    if kind not in content:
        return [f"the type {kind} is not described for {status}: {body[:200]}"]
    return faults(api, content[kind]["schema"], body.decode()) if kind == "application/json" else []


def would_notice(api, answers):
    """What a wrong answer would go through as: nothing, if the description is strict."""
    through = []
    for path in ["/api/v1/info", "/api/v1/charts", "/api/v1/fleet", "/api/v2/nodes", "/api/v1/streams"]:
        right = json.loads(answers[path])
        for change in [lambda it: it.popitem(), lambda it: it.update(surprise=1), lambda it: it.update({next(iter(it)): [None]})]:
            wrong = copy.deepcopy(right)
            change(wrong)
            if not check(api, "get", path, 200, "application/json", json.dumps(wrong).encode()):
                through.append(f"{path}: a wrong answer would not be noticed")
    return through


def main():
    address, host, key, requests = sys.argv[1:]
    api = json.loads(ask(address, "/api/v1/openapi.json", host, key)[4])
    validate(api)
    right, wrong, answers = 0, [], {}
    for line in open(requests):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        method, path, status, kind, body = ask(address, line, host, key)
        found = check(api, method, path, status, kind, body)
        wrong += [f"{line}: {fault}" for fault in found]
        right += not found
        if status < 400 or path == "/sign-in" or method == "post":
            answers[path] = body
    wrong += [f"{path}: nothing was asked of it that it answers" for path in api["paths"] if path not in answers]
    wrong += would_notice(api, answers)
    print("\n".join(wrong + [f"{right} answers are as described"]))
    sys.exit(bool(wrong))


main()
