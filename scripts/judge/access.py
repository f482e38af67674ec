#!/usr/bin/env python3
"""An independent judge of approvals, written from docs/spec/access.md and not from the Go code.

  access.py FILE   check golden vectors: the canonical form's bytes, hash and challenge, and that the text which is signed says of every
                   fact what the canonical form says

Needs nothing but Python 3. Exits 1 if anything does not fit.
"""
import hashlib, json, re, sys


def fail(name, text):
    sys.exit(f"BAD: {name}: {text}")


def encode(value):
    """Bytes as the specification says: no spaces, UTF-8, two line separators escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()


def values(text):
    """The values behind a label: plain words, or texts in double quotes."""
    out = []
    while text:
        found = re.match(r'"((?:[^"\\]|\\["\\]|\\u\{[0-9a-f]+\}|\\x[0-9a-f]{2})*)"(?: |$)|([A-Za-z0-9_./:@+=%>-]+)(?: |$)', text)
        if not found:
            return None
        if found[1] is not None:
            out.append(re.sub(r'\\(?:u\{([0-9a-f]+)\}|(["\\]))', lambda m: chr(int(m[1], 16)) if m[1] else m[2], found[1]))
        elif found[2] != "-":
            out.append(found[2])
        text = text[found.end():]
    return out


def argvs(plan):
    """The words of each command of a plan, from left to right."""
    return [plan["argv"]] if plan["op"] == "run" else [argv for part in plan.get("parts", []) for argv in argvs(part)]


def judge(v):
    name, canonical = v["name"], v["canonical"].encode()
    form = json.loads(canonical)
    if encode(form) != canonical or form["v"] != 1:
        fail(name, "another canonical form: " + encode(form).decode())
    digest = hashlib.sha256(canonical).digest()
    if v["hash"] != "sha256:" + digest.hex():
        fail(name, "another hash")
    if v["challenge"] != hashlib.sha256(b"gatehouse approval v1\n" + bytes.fromhex(v["nonce"]) + digest).hexdigest():
        fail(name, "another challenge")
    check_text(name, v, form)


def check_text(name, v, form):
    lines = v["text"].split("\n")
    if lines[0] != "Gatehouse approval v1" or lines[-1] != "" or not v["text"].isprintable() and any(not line.isprintable() for line in lines):
        fail(name, "the text has another beginning or end, or hidden characters")
    facts = {}
    for line in lines[2:-1]:
        label, _, value = line.partition(": ")
        facts.setdefault(label, []).append(value)
    by, scope = form["by"], form["scope"]
    for label, want in {
        "request": [form["id"]], "asked by": [by["principal"]], "owned by": [by.get("owner")], "task": [by.get("task")], "handed on by": [by.get("delegation")],
        "reason": [form["reason"]], "ticket": [form["ticket"]], "gives a": [scope["kind"]], "on targets": scope["targets"], "with login": [scope["login"]],
        "under role": [scope.get("role")], "pattern": [scope.get("pattern")], "rules": form["rules"] or [], "may not approve": form["barred"] or [],
        "asked at": [form["made"]], "expires at": [form["expires"]], "policy": [form["policy"]], "hash": [v["hash"]], "nonce": [v["nonce"]],
    }.items():
        if len(facts.get(label, [])) != 1 or values(facts[label][0]) != [value for value in want if value]:
            fail(name, f"the text says of {label!r} {facts.get(label)}, want {want}")
    if list(facts)[-2:] != ["hash", "nonce"] or len(facts["needs"]) != len(form["need"]):
        fail(name, "the text ends otherwise, or has other thresholds")
    runs = [values(value[5:]) for label in facts if label.startswith("step ") for value in facts[label] if value.startswith("runs ")]
    if scope["kind"] == "command" and runs != argvs(scope["command"]["plan"]):
        fail(name, f"the text says that {runs} run")
    if len(facts.get("file", [])) != len(scope.get("command", {}).get("files", [])):
        fail(name, "the text names other files")


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        vectors = json.load(f)
    for v in vectors:
        judge(v)
    print(len(vectors), "vectors")


main()
