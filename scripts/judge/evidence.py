#!/usr/bin/env python3
"""An independent judge of Gatehouse's evidence, written from docs/spec and not from the Go code.

  evidence.py recording FILE   decode a recording and print it as JSON, chunks of events included. Of an encrypted one it
                               gives the hash, and "locked" with the number of sealed frames
  evidence.py recording FILE IDENTITY  the same with the age program and an identity: the key file lies beside FILE
  evidence.py log DIR          recompute an audit log's Merkle root, compare it with the signed checkpoint, check the signature
  evidence.py bundle FILE      check a bundle of `gatehouse audit prove`: signature, every inclusion proof, every chunk of the recording;
                               of approvals by passkey (ES256) that they are over the request's hash, by a key that the log registers
                               for that person, and the hash of every policy

Needs nothing but Python 3 and the zstd program, and age to decrypt. Exits 1 if anything does not fit.
"""
import base64, hashlib, json, struct, subprocess, sys, tarfile

PREFIX = {1: b"gatehouse recording 1\n", 2: b"gatehouse recording 2\n"}


def fail(text):
    sys.exit("BAD: " + text)


def uvarint(b, i):
    n = shift = 0
    while True:
        n |= (b[i] & 0x7F) << shift
        i += 1
        if b[i - 1] < 0x80:
            return n, i
        shift += 7


def parse_events(b):
    i, out = 0, []
    while i < len(b):
        at, i = uvarint(b, i)
        code = chr(b[i])
        size, i = uvarint(b, i + 1)
        if i + size > len(b):
            fail("an event is longer than its frame")
        out.append([at, code, b[i:i + size].hex()])
        i += size
    return out


def chacha20(key, counter, nonce, data):
    """RFC 8439, 2.4."""
    out = bytearray()
    for n in range(0, len(data), 64):
        start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter + n // 64) + nonce))
        s = start[:]

        def quarter(a, b, c, d):
            for x, y, z, r in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                s[x] = (s[x] + s[y]) & 0xFFFFFFFF
                v = s[z] ^ s[x]
                s[z] = (v << r | v >> (32 - r)) & 0xFFFFFFFF

        for _ in range(10):
            for a in range(4):
                quarter(a, a + 4, a + 8, a + 12)
            for a in range(4):
                quarter(a, (a + 1) % 4 + 4, (a + 2) % 4 + 8, (a + 3) % 4 + 12)
        block = struct.pack("<16I", *((x + y) & 0xFFFFFFFF for x, y in zip(s, start)))
        out += bytes(x ^ y for x, y in zip(data[n:n + 64], block))
    return bytes(out)


def unseal(key, nonce, head, sealed):
    """AEAD_CHACHA20_POLY1305, RFC 8439, 2.5 and 2.8."""
    text, tag = sealed[:-16], sealed[-16:]
    once = chacha20(key, 0, nonce, bytes(32))
    r, s = (int.from_bytes(once[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF), int.from_bytes(once[16:], "little")
    pad = lambda b: b + bytes(-len(b) % 16)
    message, acc = pad(head) + pad(text) + struct.pack("<QQ", len(head), len(text)), 0
    for i in range(0, len(message), 16):
        acc = (acc + int.from_bytes(message[i:i + 16] + b"\x01", "little")) * r % (2**130 - 5)
    if ((acc + s) % 2**128).to_bytes(16, "little") != tag:
        fail("a sealed frame is not what was encrypted with this key")
    return chacha20(key, 1, nonce, text)


def data_key(path, identity, session):
    text = subprocess.run(["age", "-d", "-i", identity, path.removesuffix(".ghr") + ".key"], stdout=subprocess.PIPE, check=True).stdout
    first, who, key, rest = text.split(b"\n")
    if first != b"gatehouse recording key 1" or who.decode() != session or rest:
        fail("the key file is not of this recording")
    return base64.b64decode(key, validate=True)


def recording(path, identity=None):
    data = open(path, "rb").read()
    i, header, end, events, raw, key, locked = 0, None, None, [], b"", None, 0
    while i < len(data):
        magic, size = struct.unpack_from("<II", data, i)
        at, body = i, data[i + 8:i + 8 + size]
        i += 8 + size
        if magic in (0x184D2A5E, 0x184D2A5F):
            version = next((v for v, p in PREFIX.items() if body.startswith(p)), None) or fail("unknown version")
            meta = json.loads(body[len(PREFIX[version]):])
            header, end = (meta, end) if magic == 0x184D2A5E else (header, meta)
        elif magic == 0x184D2A5D and size == 8:
            stored, length = struct.unpack("<II", body)
            frame = subprocess.run(["zstd", "-dc"], input=data[i:i + stored], stdout=subprocess.PIPE, check=True).stdout
            if len(frame) != length:
                fail("a frame has another length than it says")
            events += parse_events(frame)
            raw += frame
            i += stored
        elif magic == 0x184D2A5C and size > 20 and header["v"] == 2 and header["cipher"] == "chacha20poly1305":
            if not identity:
                locked += 1
                continue
            key = key or data_key(path, identity, header["session"])
            content = unseal(key, struct.pack("<QI", at, 0), data[at:at + 12], body[4:])
            frame = subprocess.run(["zstd", "-dc"], input=content, stdout=subprocess.PIPE, check=True).stdout
            if len(frame) != struct.unpack_from("<I", body)[0]:
                fail("a frame has another length than it says")
            events += parse_events(frame)
        else:
            fail("unknown frame at %d" % (i - 8 - size))
    whole = subprocess.run(["zstd", "-dc", path], stdout=subprocess.PIPE, check=True).stdout
    if whole != raw:
        fail("zstd -dc of the file is not the concatenation of its frames")
    if [e[0] for e in events] != sorted(e[0] for e in events):
        fail("time runs backwards")
    print(json.dumps({"header": header, "events": events, "end": end, "locked": locked, "sha256": hashlib.sha256(data).hexdigest()}))


def root(leaves):
    """RFC 6962, 2.1, as it is written there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


# Ed25519 verification, RFC 8032, 5.1.7, in affine coordinates: slow and short.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    return (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P


def mul(n, p):
    q = (0, 1)
    while n:
        if n & 1:
            q = add(q, p)
        p, n = add(p, p), n >> 1
    return q


def point(b):
    n = int.from_bytes(b, "little")
    y, sign = n & (2**255 - 1), n >> 255
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if x * x % P != x2:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != x2:
        fail("not a point")
    return (P - x if x & 1 != sign else x), y


def signed(key, message, sig):
    base = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    s = int.from_bytes(sig[32:], "little")
    h = int.from_bytes(hashlib.sha512(sig[:32] + key + message).digest(), "little") % L
    return s < L and mul(s, base) == add(point(sig[:32]), mul(h, point(key)))


def checkpoint(vkey, text):
    """Returns origin, size and root (base64) of a checkpoint that the key has signed."""
    name, key_id, key = vkey.strip().split("+", 2)
    key = base64.b64decode(key)
    text, _, sigs = text.partition("\n\n")
    text += "\n"
    origin, size, want = text.splitlines()
    who, sig = sigs.splitlines()[0].removeprefix("\u2014 ").split(" ")
    sig = base64.b64decode(sig)
    if origin != name or who != name or sig[:4].hex() != key_id or key[0] != 1:
        fail("the checkpoint is not of this key")
    if not signed(key[1:], text.encode(), sig[4:]):
        fail("the checkpoint's signature is wrong")
    return origin, int(size), want


def included(leaf, n, size, proof):
    """The root that an inclusion proof leads to, RFC 9162, 2.1.3.2."""
    fn, sn, r = n, size - 1, hashlib.sha256(b"\x00" + leaf).digest()
    for p in proof:
        if sn == 0:
            fail("the proof of entry %d is too long" % n)
        if fn & 1 or fn == sn:
            r = hashlib.sha256(b"\x01" + p + r).digest()
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = hashlib.sha256(b"\x01" + r + p).digest()
        fn, sn = fn >> 1, sn >> 1
    if sn:
        fail("the proof of entry %d is too short" % n)
    return r


def cbor(b, i):
    """One item of a COSE key: integers, byte strings and maps of them (RFC 8949)."""
    kind, n = b[i] >> 5, b[i] & 31
    i += 1
    if n >= 24:
        size = 1 << (n - 24)
        n, i = int.from_bytes(b[i:i + size], "big"), i + size
    if kind == 0:
        return n, i
    if kind == 1:
        return -1 - n, i
    if kind == 2:
        return b[i:i + n], i + n
    if kind != 5:
        fail("a key is no COSE key of this judge's")
    out = {}
    for _ in range(n):
        k, i = cbor(b, i)
        out[k], i = cbor(b, i)
    return out, i


P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296, 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)


def p256_add(p, q):
    """P-256 (SEC 1, 2.2.1); None is the point at infinity."""
    if p is None or q is None:
        return p or q
    if p[0] == q[0]:
        if (p[1] + q[1]) % P256_P == 0:
            return None
        m = (3 * p[0] * p[0] - 3) * pow(2 * p[1], -1, P256_P)
    else:
        m = (q[1] - p[1]) * pow(q[0] - p[0], -1, P256_P)
    x = (m * m - p[0] - q[0]) % P256_P
    return x, (m * (p[0] - x) - p[1]) % P256_P


def p256_times(n, p):
    out = None
    while n:
        if n & 1:
            out = p256_add(out, p)
        p, n = p256_add(p, p), n >> 1
    return out


def es256(key, signature, digest):
    """ECDSA (SEC 1, 4.1.4) of a DER signature."""
    key, _ = cbor(key, 0)
    if key[3] != -7 or key[-1] != 1 or signature[0] != 0x30 or signature[2] != 2:
        fail("a key or signature is not ES256")
    q = (int.from_bytes(key[-2], "big"), int.from_bytes(key[-3], "big"))
    size = signature[3]
    r, s = int.from_bytes(signature[4:4 + size], "big"), int.from_bytes(signature[6 + size:], "big")
    if not (0 < r < P256_N and 0 < s < P256_N) or (q[1] * q[1] - q[0] ** 3 + 3 * q[0] - 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B) % P256_P:
        fail("a key or signature is out of range")
    w = pow(s, -1, P256_N)
    at = p256_add(p256_times(int.from_bytes(digest, "big") * w % P256_N, P256_G), p256_times(r * w % P256_N, q))
    return at is not None and at[0] % P256_N == r


def approval(entry, keys):
    """Whether the entry is a yes by passkey that holds; the person who said it."""
    data = entry["data"]
    vote, proof, asked = data["vote"], data["vote"]["proof"], base64.b64decode(data["request"])
    digest = hashlib.sha256(asked).digest()
    if data["hash"] != "sha256:" + digest.hex() or json.loads(asked)["id"] != entry["object"]:
        fail("entry %d answers another request" % entry["seq"])
    raw = {k: base64.b64decode(v) for k, v in proof.items() if k != "kind"}
    want = hashlib.sha256(b"gatehouse approval v1\n" + raw["nonce"] + digest).digest()
    client, auth = json.loads(raw["client_data"]), raw["authenticator_data"]
    host = client["origin"].split("://")[1].split(":")[0]
    if client["type"] != "webauthn.get" or base64.urlsafe_b64decode(client["challenge"] + "=") != want:
        fail("entry %d is an assertion for another request" % entry["seq"])
    if auth[:32] != hashlib.sha256(host.encode()).digest() or auth[32] & 5 != 5:
        fail("entry %d: another site, or nobody was there" % entry["seq"])
    if (("person:" + vote["by"], raw["credential"], raw["key"]) not in keys
            or not es256(raw["key"], raw["signature"], hashlib.sha256(auth + hashlib.sha256(raw["client_data"]).digest()).digest())):
        fail("entry %d is not by a passkey of person:%s" % (entry["seq"], vote["by"]))
    return vote["by"]


def policies(text):
    for line in text.split(b"\n")[:-1]:
        p, h = json.loads(line), hashlib.sha256()
        for f in sorted(p["files"], key=lambda f: f["Name"].encode()):
            name, data = f["Name"].encode(), base64.b64decode(f["Data"])
            h.update(struct.pack(">QQ", len(name), len(data)) + name + data)
        if p["hash"] != "sha256:" + h.hexdigest():
            fail("a policy has another hash")


def bundle(path):
    with tarfile.open(path, "r:") as t:
        files = {m.name: t.extractfile(m).read() for m in t}
    origin, size, want = checkpoint(files["log.pub"].decode(), files["checkpoint"].decode())
    session = json.loads(files["manifest.json"])["session"]
    lines, proofs = files["entries"].split(b"\n")[:-1], files["proofs"].split(b"\n")[:-1]
    if len(lines) != len(proofs):
        fail("%d entries, %d proofs" % (len(lines), len(proofs)))
    chunks, closed, keys, approved = 0, None, set(), []
    policies(files.get("policies", b""))
    for line, proof in zip(lines, proofs):
        entry, proof = json.loads(line), json.loads(proof)
        if entry["seq"] != proof["seq"]:
            fail("a proof is of another entry")
        if base64.b64encode(included(line, entry["seq"], size, map(base64.b64decode, proof["proof"]))).decode() != want:
            fail("entry %d is not in the log" % entry["seq"])
        if entry["type"] == "enrol" and entry["data"].get("passkeys") == "registered" and "public_key" in entry["data"]:
            keys.add((entry["object"], base64.b64decode(entry["data"]["credential"]), base64.b64decode(entry["data"]["public_key"])))
        if entry["type"] == "access.vote" and entry["outcome"] == "yes" and entry["data"]["vote"]["proof"]["kind"] == "passkey":
            approved.append(approval(entry, keys))
        if not session or entry.get("session") != session:
            continue
        if entry["type"] == "rec.chunk":
            c, chunks = entry["data"], chunks + 1
            if hashlib.sha256(files["recording.ghr"][c["offset"]:c["offset"] + c["length"]]).hexdigest() != c["sha256"]:
                fail("chunk %d is not what was committed" % c["n"])
        if entry["type"] == "rec.close":
            closed = entry["data"]["sha256"]
    if closed and hashlib.sha256(files["recording.ghr"]).hexdigest() != closed:
        fail("the recording is not what was closed")
    print(json.dumps({"origin": origin, "size": size, "root": want, "entries": len(lines), "chunks": chunks, "closed": bool(closed), "approved": approved}))


def log(path):
    origin, size, want = checkpoint(open(path + "/log.pub").read(), open(path + "/checkpoint").read())
    lines = open(path + "/entries", "rb").read().split(b"\n")[:-1]
    for n, line in enumerate(lines):
        entry = json.loads(line)
        if entry["v"] != 1 or entry["seq"] != n:
            fail("entry %d is numbered %r" % (n, entry["seq"]))
    leaves = lines[:size]
    if len(leaves) != size or base64.b64encode(root(leaves)).decode() != want:
        fail("the entries do not have the signed root")
    print(json.dumps({"origin": origin, "size": size, "root": want}))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in ("recording", "log", "bundle") or sys.argv[1] != "recording" and len(sys.argv) == 4:
        sys.exit(__doc__)
    {"recording": recording, "log": log, "bundle": bundle}[sys.argv[1]](*sys.argv[2:])
