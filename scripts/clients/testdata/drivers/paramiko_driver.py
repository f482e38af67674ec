"""Speaks for paramiko (docs/spec/client-driver.md)."""

import base64
import hashlib
import os
import stat
import sys
import threading

import paramiko

env = os.environ
if "GH_LOG" in env:
    import logging
    logging.basicConfig(level=logging.DEBUG, filename=env["GH_LOG"])


def na(why):
    with open(env["GH_NA"], "w") as f:
        f.write(why)
    sys.exit(0)


class PinnedKey(paramiko.MissingHostKeyPolicy):
    """Knows the door by the fingerprint of its key."""

    def missing_host_key(self, client, hostname, key):
        digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).rstrip(b"=").decode()
        if "SHA256:" + digest != env["GH_FINGERPRINT"]:
            raise paramiko.SSHException("the door has another key: SHA256:" + digest)


def connect(**more):
    """Connects with the key and the certificate; shows what the door says before authentication."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(PinnedKey())
    if more.pop("agent", False):
        client.connect(env["GH_HOST"], int(env["GH_PORT"]), env["GH_USER"], look_for_keys=False, allow_agent=True)
        return client
    key = paramiko.Ed25519Key.from_private_key_file(env["GH_KEY"])
    if env["GH_CERT"]:
        key.load_certificate(env["GH_CERT"])
    try:
        client.connect(env["GH_HOST"], int(env["GH_PORT"]), env["GH_USER"], pkey=key, look_for_keys=False, allow_agent=False, **more)
    except paramiko.AuthenticationException as e:
        banner = client.get_transport().get_banner() if client.get_transport() else None
        sys.stderr.write((banner or b"").decode() + str(e) + "\n")
        sys.exit(255)
    return client


def carry(channel, source=None):
    """Moves the streams as ssh does, and returns the status."""

    def send():
        while data := source.read1(32768):
            channel.sendall(data)
        channel.shutdown_write()

    def errors():
        while data := channel.recv_stderr(32768):
            sys.stderr.buffer.write(data)
            sys.stderr.flush()

    threads = [threading.Thread(target=errors)]
    if source:
        threads.append(threading.Thread(target=send, daemon=True))
    for t in threads:
        t.start()
    while data := channel.recv(32768):
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    threads[0].join()
    return channel.recv_exit_status()


def execute(client, line, source=None, environment=None):
    channel = client.get_transport().open_session()
    for name, value in (environment or {}).items():
        channel.set_environment_variable(name, value)
    channel.exec_command(line)
    return carry(channel, source)


def leave(status):
    """paramiko says -1 where the door sent a signal in the place of a status."""
    sys.exit(status if status >= 0 else 255)


def terminal(client, line, cols, rows, cols2, rows2):
    channel = client.get_transport().open_session()
    channel.get_pty("xterm", cols, rows)
    channel.exec_command(line)
    first = channel.recv(4096)
    sys.stdout.buffer.write(first)
    channel.resize_pty(cols2, rows2)
    return carry(channel)


def channels(client, n):
    opened = []
    for _ in range(n):
        c = client.get_transport().open_session()
        c.exec_command("meet")
        opened.append((c, c.makefile("rb")))
    first = [out.readline() for _, out in opened]
    for i, (c, out) in enumerate(opened):
        c.sendall(b"channel %d\n" % i)
        c.shutdown_write()
        sys.stdout.buffer.write(first[i] + out.read())


def put_dir(sftp, local, remote):
    sftp.mkdir(remote)
    for entry in os.scandir(local):
        to = remote + "/" + entry.name
        if entry.is_dir():
            put_dir(sftp, entry.path, to)
        else:
            sftp.put(entry.path, to)


def get_dir(sftp, remote, local):
    os.mkdir(local)
    for entry in sftp.listdir_attr(remote):
        name, to = remote + "/" + entry.filename, os.path.join(local, entry.filename)
        if stat.S_ISDIR(entry.st_mode):
            get_dir(sftp, name, to)
        else:
            sftp.get(name, to)


def files(word, first, second):
    sftp = connect().open_sftp()
    try:
        {"put": sftp.put, "get": sftp.get, "put-dir": lambda a, b: put_dir(sftp, a, b), "get-dir": lambda a, b: get_dir(sftp, a, b)}[word](first, second)
    except OSError as e:
        sys.stderr.write("%s\n" % e)
        return 1
    return 0


def forward(host, port):
    try:
        channel = connect().get_transport().open_channel("direct-tcpip", (host, port), ("127.0.0.1", 0))
    except paramiko.SSHException as e:
        sys.stderr.write("%s\n" % e)
        return 1

    def send():
        while data := sys.stdin.buffer.read1(32768):
            channel.sendall(data)
        channel.shutdown_write()

    threading.Thread(target=send, daemon=True).start()
    while data := channel.recv(32768):
        sys.stdout.buffer.write(data)
    return 0


def rekey(line):
    count = 0
    table = paramiko.Transport._handler_table
    original = table[paramiko.common.MSG_NEWKEYS]

    def counted(transport, message):
        nonlocal count
        count += 1
        return original(transport, message)

    table[paramiko.common.MSG_NEWKEYS] = counted
    paramiko.packet.Packetizer.REKEY_BYTES = 3 << 20
    client = connect()
    status = execute(client, line, sys.stdin.buffer)
    print("rekeys", count - 1, file=sys.stderr)
    return status


def main():
    word, args = sys.argv[1], sys.argv[2:]
    if word in ("exec", "certificate"):
        leave(execute(connect(), args[0], sys.stdin.buffer))
    if word == "agent":
        leave(execute(connect(agent=True), args[0]))
    if word == "host-ca":
        na("paramiko knows no host certificates: pin the door's key")
    if word == "host-key":
        leave(execute(connect(), args[0]))
    if word == "env":
        leave(execute(connect(), args[0], environment=dict(a.split("=", 1) for a in args[1:])))
    if word == "pty":
        leave(terminal(connect(), args[0], *map(int, args[1:])))
    if word == "signal":
        na("paramiko cannot send signals")
    if word == "many":
        client = connect()
        for i in range(int(args[0])):
            print(execute(client, "leave %d" % i))
        sys.exit(0)
    if word == "channels":
        channels(connect(), int(args[0]))
        sys.exit(0)
    if word == "keepalive":
        client = connect()
        client.get_transport().set_keepalive(1)
        leave(execute(client, args[0]))
    if word == "rekey":
        leave(rekey(args[0]))
    if word == "compress":
        leave(execute(connect(compress=True), args[0]))
    if word in ("put", "get", "put-dir", "get-dir"):
        sys.exit(files(word, *args))
    if word == "forward":
        sys.exit(forward(args[0], int(args[1])))
    na("no such word")


main()
