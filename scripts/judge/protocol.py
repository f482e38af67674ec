#!/usr/bin/env python3
"""An independent judge of the decider protocol, written from docs/spec/decider-protocol.md and not from the Go code.

  protocol.py VECTORS   check every frame of a file of {"name", "hex", "type"} against the specification

Needs nothing but Python 3. Exits 1 at the first frame that does not fit.
"""
import base64, json, re, struct, sys

MAX_FRAME = 1 << 20
CODES = {"refused", "invalid", "evidence", "internal", "unavailable", "ceremony"}

# Kinds of values. A name with ? may be left out, and is left out when it is empty.
S, N, B = "string", "number", "bool"
BYTES, TIME = "base64", "time"
identity = {"kind": S, "name": S, "owner?": S, "task?": S, "delegation?": S}
target = {"name": S, "address?": S, "host_key?": BYTES, "logins": [S], "local?": B, "path?": [S], "aliases?": [S], "labels?": {"*": S}, "gatehouse?": B}
env = {"name": S, "value": S}
redir = {"fd": N, "op": S, "path?": S, "to?": N, "data?": S}
plan = {"op": S, "parts?": ["plan"], "dir?": S, "umask?": S, "redirs?": [redir], "not?": B, "pipefail?": B, "argv?": [S], "env?": [env],
        "wrap?": [[S]], "globs?": [N], "tildes?": [N], "starts?": [[S]], "no_input?": B, "text?": S}
obligations = {"dry_run?": B, "max_seconds?": N, "idle?": N, "bytes_out?": N, "stdin_max?": N, "max_file?": N, "sessions?": N, "denials?": N}
probe = {"kind": S, "name?": S, "hash?": B}
approval = {"approvals": N, "from?": [S], "within?": N, "by?": S, "decline?": S, "wait?": N, "for?": N, "uses?": N, "beat?": N}
decision = {"verdict": S, "code?": S, "reason?": S, "rules?": [S], "failed?": {"command": N, "index": N, "token": S},
            "nearest?": [S], "mode?": S, "stdin?": S, "pty?": B, "obligations?": obligations,
            "approvals?": [approval], "probes?": [probe], "plan?": "plan", "policy_hash": S,
            "directions?": [S], "names?": [S], "hold?": {"secrets?": B, "types?": [S], "max": N}, "via?": S}
file_state = {"path": S, "real?": S, "kind?": S, "sha256?": S, "size?": N, "missing?": B, "why?": S}
facts = {"home?": S, "programs?": {"*": {"path?": S, "real?": S, "sha256?": S, "why?": S}},
         "paths?": {"*": {"real": S, "kind": S}}, "globs?": {"*": [S]}, "contents?": {"*": file_state}}
rule_offer = {"id": S, "kind": S, "pattern": S, "when?": S, "mode?": S, "pty?": B, "stdin?": [S], "stdin_max?": N, "dirs?": [S], "sha256?": B, "dry_run?": B,
              "max_seconds?": N, "approval?": approval, "reason?": S}
offer = {"role": S, "windows?": [S], "when?": S, "limits?": obligations, "shell?": S, "rules?": [rule_offer], "env?": [{"name": S, "value?": S}], "dirs?": [S],
         "read?": [S], "write?": [S], "forward?": [S], "dropped?": N}
offering = {"principal": S, "reach?": [{"role": S, "targets": [{"name?": S, "labels?": {"*": S}}], "logins": [S]}],
            "logins?": [{"login": S, "offers": [offer]}]}
credential = {"conn?": S, "sign_in?": S}
terms = {"approvals": N, "from?": [S], "within?": N, "by?": S, "decline?": S, "wait?": N, "for?": N, "uses?": N, "beat?": N}
decision["grants?"], decision["request?"], rule_offer["also?"] = [S], [S], [terms]
offering["request?"] = [{"role": S, "targets": [{"name?": S, "labels?": {"*": S}}], "logins": [S], "terms?": [terms], "break_glass?": {"role": S, "for": N, "review": terms}}]
chunk = {"session": S, "n": N, "offset": N, "length": N, "raw": N, "first_us": N, "last_us": N, "sha256": S}
summary = {"session": S, "sha256": S, "size": N, "chunks": N, "bytes_in": N, "bytes_out": N, "duration_ns": N}
link = {"url": S, "person": S, "expires": TIME}
revocation = {"id": S, "handles": [S], "by": S, "reason": S, "at": TIME, "until?": TIME}
issued = {"certificate": BYTES, "key_id": S, "serial": S, "not_after": TIME, "renew_until?": TIME}
trust = {"agent_cas": [BYTES], "host_cas": [BYTES], "face_ca": BYTES}
ca_key = {"generation": N, "name": S, "state": S, "since": TIME, "last_end?": TIME, "fingerprint": S, "public_key": S}
ca = {"name": S, "signer": S, "phase": S, "next": S, "keys": [ca_key], "waiting?": [S], "notes?": [S]}
enrolled = {"principal": S, "issued": issued, "known_hosts": [S]}
join_token = {"id": S, "agent": S, "by": S, "made": TIME, "expires": TIME, "used?": TIME}
agent_key = {"fingerprint": S, "type": S, "agent": S, "comment?": S, "by": S, "made": TIME}
signed_in = {"cookie": S, "person": S, "expires": TIME, "setup?": B}
ceremony = {"secret": S, "options?": BYTES, "url?": S, "expires": TIME}
passkey = {"id": S, "name": S, "created": TIME, "used?": TIME, "synced?": B}
browser = {"by": S, "source?": S, "started": TIME, "seen": TIME, "current?": B}
ANY = "any"  # another standard's JSON

# Privileges. A preview, a view and an order are what their people see.
requester = {"principal": S, "owner?": S, "task?": S, "delegation?": S}
scope = {"kind": S, "targets": [S], "login": S, "role?": S, "pattern?": S,
         "command?": {"plan": "plan", "env?": [env], "pty?": B, "stdin?": S, "mode?": S, "files?": [file_state]},
         "uses?": N, "seconds": N, "beat?": N, "break_glass?": B}
proof = {"kind": S, "nonce": BYTES, "key": BYTES, "credential?": BYTES, "authenticator_data?": BYTES, "client_data?": BYTES, "signature": BYTES}
vote = {"by": S, "for?": S, "yes": B, "words?": S, "at": TIME, "proof?": proof}
request = {"id": S, "by": requester, "scope": scope, "reason?": S, "ticket?": S, "need": [approval], "rules": [S], "policy": S, "made": TIME, "expires": TIME,
           "session?": S, "denial?": S, "state": S, "ended?": TIME, "why?": S, "votes?": [vote], "grant?": S}
grant = {"id": S, "request": S, "by": requester, "scope": scope, "ticket?": S, "people": [S], "made": TIME, "ends": TIME, "used": N, "beat?": TIME, "ended?": TIME,
         "cause?": S, "why?": S, "reviews?": [vote]}
access_answer = {"request": S, "yes": B, "words?": S, "challenge?": S, "assertion?": "any", "signature?": S}
access_order = {"from?": S, "role?": S, "pattern?": S, "targets?": [S], "login?": S, "reason": S, "ticket?": S, "for?": N, "uses?": N, "beat?": N, "break_glass?": B,
                "proof?": access_answer}
preview = {"at": TIME, "globs?": [{"pattern": S, "matches": [S], "more?": N}],
           "files?": [{"path": S, "kind": S, "size": N, "mode?": S, "changed?": TIME, "sha256?": S, "diff?": S}], "notes?": [S], "screen?": [S], "elapsed?": N}
access_name = {"who?": credential, "by?": S, "id?": S, "words?": S}
access_list = {"who?": credential, "by?": S, "filter?": {"state?": S, "live?": B, "answer?": B, "task?": S, "who?": S, "before?": S}}
grants = {"list": [grant], "next?": S}

REQUESTS = {
    "hello": ({}, {"node": S, "trust": trust, "policy_hash": S, "targets": [target], "at": TIME, "input_recipient": S}),
    "authenticate": ({"conn": S, "certificate?": BYTES, "source": S, "outer?": S, "proven?": B, "target?": S, "login?": S, "key?": BYTES},
                     {"identity": identity, "not_after": TIME, "reaches?": B, "renew_only?": B, "target?": S}),
    "face": ({"public_key": BYTES, "target?": S}, {"certificate": BYTES, "not_after": TIME}),
    "decide": ({"conn": S, "session": S, "target": S, "login": S, "plan": "plan", "env?": [env], "pty?": B, "public_key?": BYTES, "unrecorded?": B,
                "facts?": facts, "looking?": B, "probe_key?": BYTES, "refusal?": S, "text?": S, "wait?": N, "await?": S, "preview?": S,
                "step?": {"n": N, "line?": N, "chain?": [S], "piped?": B, "any?": B}, "ended?": [N]},
               {"id": S, "decision": decision, "fault?": S, "line?": S, "certificate?": BYTES, "permit?": BYTES, "env_refused?": [S], "needs_key?": B,
                "command?": B, "denials_left?": N, "probe_certificate?": BYTES, "probe_permit?": BYTES,
                "residue?": S, "waiting?": {"request": request, "until": TIME, "preview?": B, "why?": S}}),
    "refuse": ({"conn": S, "session?": S, "target?": S, "login?": S, "what": S, "code": S, "why": S}, {}),
    "chunk": (chunk, {}),
    "end": ({"conn?": S, "session": S, "state": S, "reason?": S, "exit?": N, "signal?": S, "remote?": S, "target?": S, "login?": S, "missing?": S, "recording?": summary,
             "forward?": {"host?": S, "port?": N, "socket?": S, "address?": S, "via?": S, "bytes_in": N, "bytes_out": N},
             "residue?": {"found": [S], "more?": B, "why?": S, "took_ns": N}}, {}),
    "close": ({"conn": S, "reason?": S}, {}),
    "authorize": ({"who": credential, "verb": S, "object?": S, "reason?": S}, {"principal": S, "rights": [S], "meant?": [S]}),
    "sweep": ({"session": S, "target": S, "login": S, "public_key": BYTES, "reason": S, "do?": S}, {"certificate": BYTES, "line": S}),
    "mint_link": ({"who": credential}, link),
    "redeem": ({"token": S, "source?": S}, signed_in),
    "sign_out": ({"cookie": S}, {}),
    "issue": ({"kind": S, "name": S, "task?": S, "public_key": BYTES, "ttl_ns": N, "sources?": [S], "by": S}, issued),
    "setup_link": ({"person": S, "by": S}, link),
    "reload": ({}, {"policy_hash": S, "changed": B, "problem?": S}),
    "stream_opened": ({"stream": N, "error?": S}, {}),
    "stream_data": ({"stream": N, "data": BYTES}, {}),
    "stream_end": ({"stream": N, "error?": S}, {}),
    "export_move": ({"sink": S, "from": S, "by": S}, {"next": N}),
    "stream_sent": ({"stream": N, "bytes": N}, {}),
    "sign_host": ({"target": S, "public_key": BYTES, "ttl_ns": N, "by": S}, issued),
    "host_seen": ({"target": S, "fingerprint": S}, {}),
    "ca_status": ({}, {"cas": [ca]}),
    "ca_rotate": ({"ca": S, "undo?": B, "force?": B, "by": S}, {"step": S, "change": N, "ended?": N, "forced?": [S], "ca": ca}),
    "metrics": ({}, {"text": S}),
    "health": ({}, {"audit?": S}),
    "status": ({}, {"version": S, "node": S, "started": TIME, "policy": S, "policy_since": TIME, "problem?": S, "connections": N, "sessions": N, "targets": N,
                    "entries": N, "audit?": S, "anchors?": [{"kind": S, "name": S, "size?": N, "at?": TIME, "problem?": S, "alarm?": S}], "cas": [ca], "signers?": [S]}),
    "enrol": ({"request": S, "source": S, "agent?": S, "public_key?": BYTES, "token?": S, "join_token?": S, "device_code?": S, "ttl_ns?": N,
               "task?": S, "trace?": S, "sources?": [S]}, enrolled),
    "renew": ({"conn": S, "ttl_ns?": N, "task?": S}, enrolled),
    "known_hosts": ({}, {"lines": [S]}),
    "join_create": ({"agent": S, "ttl_ns": N, "by": S}, {"secret": S, "token": join_token}),
    "join_list": ({}, {"tokens": [join_token]}),
    "join_remove": ({"name": S, "by": S}, {}),
    "key_add": ({"agent": S, "public_key": BYTES, "comment?": S, "by": S}, agent_key),
    "key_list": ({}, {"keys": [agent_key]}),
    "key_remove": ({"name": S, "by": S}, {}),
    "make_revocation": ({"who?": credential, "by?": S, "handles": [S], "reason": S, "until?": TIME},
                        {"id": S, "connections": N, "sessions": [S], "sessions_all": N, "sign_ins": N}),
    "lift_revocation": ({"who?": credential, "by?": S, "id": S, "reason": S}, {"id": S, "handles": [S], "still?": [S]}),
    "revocations": ({"who?": credential, "by?": S, "after?": S}, {"list": [revocation], "next?": S}),
    "unseal": ({"who": credential, "session": S, "reason": S, "wrapped": BYTES}, {"key": BYTES}),
    "audit_state": ({"who": credential, "offset?": N, "seq?": N},
                    {"by": {"principal": S, "rights?": [S]}, "size": N, "checkpoint": S, "key": S, "at": TIME, "gap_ns": N, "gap_at?": TIME, "gap_since?": TIME,
                     "anchors?": [{"kind": S, "name": S, "size?": N, "at?": TIME, "problem?": S, "alarm?": S}],
                     "entries": [{"seq": N, "time": TIME, "type": S, "actor?": S, "outcome?": S, "session?": S, "target?": S, "object?": S, "reason?": S}],
                     "offset?": N, "seq?": N}),
    "transfer": ({"conn": S, "session": S, "target": S, "login": S, "by": S, "line?": S, "env?": [env], "public_key?": BYTES, "unrecorded?": B, "governed?": B},
                 {"id": S, "decision": decision, "fault?": S, "line?": S, "certificate?": BYTES, "permit?": BYTES, "needs_key?": B, "command?": B, "denials_left?": N}),
    "file": ({"session": S, "op": S, "path": BYTES, "to?": BYTES, "asked": BYTES, "asked_to?": BYTES, "home?": S, "kind?": S, "size?": N, "why?": S,
              "names?": [BYTES], "quiet?": B},
             {"id?": S, "allowed": B, "code?": S, "reason?": S, "nearest?": [S], "policy_hash?": S, "denials_left?": N, "max_file?": N,
              "hold?": {"secrets?": B, "types?": [S], "max": N}, "shown?": [B]}),
    "file_end": ({"session": S, "id": S, "path": BYTES, "direction": S, "size": N, "sha256?": S, "result": S, "why?": S}, {}),
    "dispose": ({"who?": credential, "kind": S, "session": S, "sha256": S, "size": N, "why": S}, {}),
    "forward": ({"conn": S, "session": S, "target": S, "login?": S, "host?": S, "port?": N, "socket?": S, "addresses?": [S], "public_key?": BYTES, "recorded?": B, "unrecorded?": B},
                {"id?": S, "decision": decision, "fault?": S, "via?": S, "needs?": S, "addresses?": [S], "dial?": S, "certificate?": BYTES, "denials_left?": N}),
    "offers": ({"who": credential, "target?": S, "login?": S}, offering),
    "krl": ({"ca": S, "by": S}, {"krl": BYTES, "version": S, "serials": N, "keys": N}),
    "targets": ({"after?": S}, {"targets": [target], "more?": B, "host_cas": [BYTES], "target_cas": [{"public_key": BYTES, "state": S}],
                               "seen?": [{"target": S, "fingerprint": S, "at": TIME}]}),
    "enrol_target": ({"target": S, "host_key?": BYTES, "undo?": B, "by": S}, {"target": target, "target_cas": [BYTES]}),
    "probe": ({"check": S, "target": S, "login": S, "principal": S, "other?": S, "ca?": S, "public_key": BYTES, "by": S}, {"certificate": BYTES, "line": S}),
    "checked": ({"check": S, "target": S, "reached?": B, "good?": N, "bad?": [S], "accepted?": [S], "host_ca?": S, "by": S}, {}),
}
EVENTS = {"trust": trust, "inventory": {"targets": [target]}, "revoke": {"sessions": [S], "reason": S},
          "end_connections": {"connections": [S], "reason": S},
          "dial": {"stream": N, "address": S, "long?": B}, "send": {"stream": N, "data": BYTES}, "hang_up": {"stream": N}}

REQUESTS.update({
    "sign_in_ways": ({}, {"passkeys?": B, "issuers?": [S]}),
    "passkey_begin": ({"who?": credential}, ceremony),
    "passkey_signin": ({"ceremony": S, "answer": ANY, "source": S}, signed_in),
    "passkey_add": ({"who": credential, "ceremony": S, "name": S, "answer": ANY}, passkey),
    "passkey_name": ({"who": credential, "id": S, "name": S}, {}),
    "passkey_remove": ({"who": credential, "id": S}, {}),
    "account": ({"who": credential}, {"person": S, "passkeys": [passkey], "sign_ins": [browser], "locked?": S, "other_way?": B}),
    "sign_out_all": ({"who": credential}, {}),
    "oidc_begin": ({"issuer": S}, ceremony),
    "oidc_finish": ({"ceremony": S, "issuer": S, "state": S, "code": S, "source": S}, signed_in),
    "device_begin": ({"public_key": BYTES, "name?": S, "source": S}, {"device_code": S, "user_code": S, "url": S, "expires": TIME, "interval_ns": N}),
    "device_show": ({"who": credential, "user_code": S}, {"user_code": S, "source": S, "name?": S, "fingerprint": S, "asked": TIME, "expires": TIME, "person": S, "locked?": S}),
    "device_answer": ({"who": credential, "user_code": S, "confirm?": B}, {}),
    "passkeys": ({"person": S, "by": S}, {"passkeys": [passkey]}),
    "passkey_drop": ({"person": S, "id": S, "force?": B, "by": S}, {}),
    "passkey_reset": ({"person": S, "by": S}, link),
})
REQUESTS.update({
    "access_ask": ({"who?": credential, "by?": S, "order": access_order}, request),
    "access_requests": (access_list, {"list": [request], "next?": S}),
    "access_show": (access_name, {"request": request, "hash": S, "text": S, "preview?": preview, "rules?": [{"id": S, "pattern": S, "file?": S, "line?": N}],
                                  "denials?": [{"id": S, "at": TIME, "target": S, "what": S, "code": S}], "similar?": [request], "answer": B, "ways?": [S],
                                  "hinders?": S, "missing?": S}),
    "access_withdraw": (access_name, request),
    "access_challenge": ({"who": credential, "request?": S, "order?": access_order, "by": S},
                         {"id": S, "request": S, "hash": S, "options?": ANY, "text?": S, "namespace?": S, "expires": TIME}),
    "access_answer": ({"who": credential, "answer": access_answer}, request),
    "access_grants": (access_list, grants),
    "access_end": (access_name, grants),
    "access_beat": (access_name, grants),
    "access_review": (access_name, grant),
    "access_preview": ({"request": S, "preview": preview}, {}),
    "access_away": ({"who": credential, "to?": S, "until?": TIME}, {"list": [{"id": S, "who": S, "to": S, "from": TIME, "until": TIME}]}),
    "access_ticket": ({"body": BYTES, "signature": S, "time": S}, grants),
})
subject = {"kind": S, "value?": S}
lock = {"id": S, "what": subject, "reason": S, "by": S, "at": TIME, "until?": TIME, "lifts?": [S]}
REQUESTS.update({
    "lock": ({"who?": credential, "by?": S, "order": {"what": subject, "reason": S, "until?": TIME}},
             {"lock": lock, "connections": N, "sessions": [S], "sessions_all": N, "requests": N, "grants": N, "noted": B, "unknown?": B}),
    "unlock": (access_name, lock),
    "locks": (access_name, {"list": [lock]}),
})
alert_order = {"who?": credential, "by?": S, "channel?": S, "alert?": S}
tested = {"list": [{"channel": S, "problem?": S}]}
alert = {"id": S, "kind": S, "severity": S, "subject": S, "title": S, "text": S, "runbook": S, "path?": S, "time": TIME, "seq": N, "count": N,
         "deliveries": [{"channel": S, "state": S, "tries?": N, "due?": TIME, "done?": TIME, "why?": S}]}
REQUESTS.update({
    "alerts": ({"who?": credential, "by?": S, "filter?": {"dead?": B, "before?": S}},
               {"list": [alert], "next?": S, "channels": [{"name": S, "up": B, "problem?": S, "waiting": N, "held": N, "dead": N}]}),
    "alert_test": (alert_order, tested),
    "alert_resend": (alert_order, {"waiting": N}),
    "alert_probe": (alert_order, tested),
})
budget_order = {"who": credential, "principal?": S, "reason?": S}
budget = {"principal": S, "per": S, "task?": S, "day?": S, "limits": [{"what": S, "limit": N, "spent": N, "left": N}], "at?": TIME}
REQUESTS.update({
    "budgets": (budget_order, {"list": [budget], "more?": B}),
    "budget_reset": (budget_order, {"reset": N}),
})
EVENTS["access"] = {"requests": [S]}
EVENTS["signed_out"] = {"sign_ins": [S]}


class Bad(Exception):
    pass


def strict(pairs):
    keys = [k for k, _ in pairs]
    if len(set(keys)) != len(keys):
        raise Bad("a name twice: %s" % keys)
    return dict(pairs)


def check(kind, value, where):
    if kind == "plan":
        kind = plan
    if isinstance(kind, dict):
        if not isinstance(value, dict):
            raise Bad("%s is not an object" % where)
        if list(kind) == ["*"]:  # names are data
            for name, inner in value.items():
                check(kind["*"], inner, "%s[%r]" % (where, name))
            return
        left = dict(value)
        for name, inner in kind.items():
            optional, name = name.endswith("?"), name.rstrip("?")
            if name not in left:
                if not optional:
                    raise Bad("%s.%s is missing" % (where, name))
                continue
            got = left.pop(name)
            if optional and got in ("", 0, False, [], None) and name != "exit":
                raise Bad("%s.%s is empty and yet there" % (where, name))
            check(inner, got, where + "." + name)
        if left:
            raise Bad("%s has unknown fields %s" % (where, sorted(left)))
    elif isinstance(kind, list):
        if not isinstance(value, list):
            raise Bad("%s is not a list" % where)
        for i, v in enumerate(value):
            check(kind[0], v, "%s[%d]" % (where, i))
    elif kind in (S, BYTES, TIME):
        if not isinstance(value, str):
            raise Bad("%s is not a string" % where)
        if kind == BYTES:
            base64.b64decode(value, validate=True)
        if kind == TIME and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value):
            raise Bad("%s is not a time in UTC" % where)
    elif kind == N:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Bad("%s is not a whole number" % where)
    elif kind == B and not isinstance(value, bool):
        raise Bad("%s is not true or false" % where)


def frame(wire):
    (n,) = struct.unpack(">I", wire[:4])
    if not 0 < n <= MAX_FRAME or len(wire) != 4 + n:
        raise Bad("length %d, %d bytes follow" % (n, len(wire) - 4))
    f = json.loads(wire[4:].decode("utf-8"), object_pairs_hook=strict)
    if f.pop("v", None) != 1:
        raise Bad("version")
    return f


def judge(v):
    f = frame(bytes.fromhex(v["hex"]))
    what, _, _ = v["name"].partition(" ")
    if what == "request":
        if set(f) != {"id", "op", "body"} or f["op"] != v["type"] or f["id"] < 1:
            raise Bad("not a request: %s" % sorted(f))
        check(REQUESTS[f["op"]][0], f["body"], f["op"])
    elif what == "answer":
        if set(f) != {"id", "ok"}:
            raise Bad("not an answer: %s" % sorted(f))
        check(REQUESTS[v["type"]][1], f["ok"], v["type"])
    elif what == "event":
        if set(f) != {"op", "body"}:
            raise Bad("not an event: %s" % sorted(f))
        check(EVENTS[f["op"]], f["body"], f["op"])
    else:
        if set(f) != {"id", "error"} or set(f["error"]) - {"reason"} != {"code", "msg"} or f["error"]["code"] not in CODES:
            raise Bad("not a refusal: %s" % f)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        vectors = json.load(file)
    seen = set()
    for v in vectors:
        try:
            judge(v)
        except (Bad, ValueError, KeyError, struct.error) as e:
            sys.exit("BAD: %s: %s" % (v.get("name"), e))
        seen.add(v["name"])
    want = {w + " " + op for op in REQUESTS for w in ("request", "answer")} | {"event " + e for e in EVENTS} | {"refusal"}
    if seen != want:
        sys.exit("BAD: the vectors lack %s and have besides %s" % (sorted(want - seen), sorted(seen - want)))
    print("good: %d frames" % len(vectors))


main()
