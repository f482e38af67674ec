"""Speaks for asyncssh (docs/spec/client-driver.md)."""

import asyncio
import os
import sys
import warnings

warnings.simplefilter("ignore")  # of old ciphers, as the module is read
import asyncssh  # noqa: E402

env = os.environ
if "GH_LOG" in env:
    import logging
    logging.basicConfig(level=logging.DEBUG, filename=env["GH_LOG"])
    asyncssh.set_debug_level(2)


def na(why):
    with open(env["GH_NA"], "w") as f:
        f.write(why)
    sys.exit(0)


class Talker(asyncssh.SSHClient):
    """Shows what the door says before authentication, and counts new keys."""

    def auth_banner_received(self, msg, lang):
        sys.stderr.write(msg)


def by_key():
    return asyncssh.import_known_hosts("* " + env["GH_HOSTKEY"] + "\n")


def connect(known_hosts=None, **more):
    if known_hosts is None:
        known_hosts = by_key()
    keys = [(env["GH_KEY"], env["GH_CERT"])] if env["GH_CERT"] else [(env["GH_KEY"], None)]
    return asyncssh.connect(
        env["GH_HOST"], int(env["GH_PORT"]), username=env["GH_USER"], client_keys=keys, known_hosts=known_hosts,
        agent_path=None, config=None, client_factory=Talker, **more)


async def carry(process, source=None):
    """Moves the streams as ssh does, and returns the status."""

    async def send():
        loop = asyncio.get_running_loop()
        while data := await loop.run_in_executor(None, source.read1, 32768):
            process.stdin.write(data)
            await process.stdin.drain()
        process.stdin.write_eof()

    async def receive(stream, to):
        while data := await stream.read(32768):
            to.buffer.write(data)
            to.flush()

    jobs = [receive(process.stdout, sys.stdout), receive(process.stderr, sys.stderr)]
    if source:
        jobs.append(send())
    await asyncio.gather(*jobs)
    await process.wait_closed()
    if process.exit_status is None:
        sys.stderr.write("Connection lost\n")
    return process.exit_status if process.exit_status is not None and process.exit_status >= 0 else 255


async def execute(conn, line, source=None, **more):
    return await carry(await conn.create_process(line, encoding=None, **more), source)


async def terminal(conn, line, cols, rows, cols2, rows2):
    process = await conn.create_process(line, encoding=None, term_type="xterm", term_size=(cols, rows))
    sys.stdout.buffer.write(await process.stdout.read(4096))
    process.change_terminal_size(cols2, rows2)
    return await carry(process)


async def send_signal(conn, name, line):
    process = await conn.create_process(line, encoding=None)
    sys.stdout.buffer.write(await process.stdout.readline())
    process.send_signal(name)
    return await carry(process)


async def channels(conn, n):
    opened = [await conn.create_process("meet", encoding=None) for _ in range(n)]
    first = [await p.stdout.readline() for p in opened]
    for i, p in enumerate(opened):
        p.stdin.write(b"channel %d\n" % i)
        p.stdin.write_eof()
        sys.stdout.buffer.write(first[i] + await p.stdout.read())


async def rekey(line):
    count = 0
    original = asyncssh.connection.SSHConnection.send_newkeys

    def counted(self, k, h):
        nonlocal count
        count += 1
        return original(self, k, h)

    asyncssh.connection.SSHConnection.send_newkeys = counted
    async with connect(rekey_bytes="1m") as conn:
        status = await execute(conn, line, sys.stdin.buffer)
    print("rekeys", count - 1, file=sys.stderr)
    return status


async def main():
    word, args = sys.argv[1], sys.argv[2:]
    if word == "rekey":
        return await rekey(args[0])
    more, known = {}, None
    if word == "host-ca":
        # By the address asyncssh would look up what the door is called there; the certificate has its name.
        known = asyncssh.import_known_hosts(open(env["GH_KNOWN_HOSTS"]).read())
        more = {"host_key_alias": env["GH_NAME"]}
    if word == "agent":
        async with asyncssh.connect(env["GH_HOST"], int(env["GH_PORT"]), username=env["GH_USER"], known_hosts=by_key(), config=None) as conn:
            return await execute(conn, args[0])
    if word == "keepalive":
        more = {"keepalive_interval": 1, "keepalive_count_max": 2}
    if word == "compress":
        more = {"compression_algs": ["zlib@openssh.com", "zlib", "none"]}
    async with connect(known, **more) as conn:
        if word in ("exec", "certificate"):
            return await execute(conn, args[0], sys.stdin.buffer)
        if word in ("host-ca", "host-key", "keepalive", "compress"):
            return await execute(conn, args[0])
        if word == "env":
            return await execute(conn, args[0], env=dict(a.split("=", 1) for a in args[1:]))
        if word == "pty":
            return await terminal(conn, args[0], *map(int, args[1:]))
        if word == "signal":
            return await send_signal(conn, args[0], args[1])
        if word in ("put", "get", "put-dir", "get-dir"):
            async with conn.start_sftp_client() as sftp:
                await (sftp.put if word.startswith("put") else sftp.get)(*args, recurse=word.endswith("-dir"))
            return 0
        if word == "forward":
            reader, writer = await conn.open_connection(args[0], int(args[1]))
            writer.write(sys.stdin.buffer.read())
            writer.write_eof()
            while data := await reader.read(65536):
                sys.stdout.buffer.write(data)
            return 0
        if word == "many":
            for i in range(int(args[0])):
                print(await execute(conn, "leave %d" % i))
            return 0
        if word == "channels":
            await channels(conn, int(args[0]))
            return 0
    return na("no such word")


try:
    sys.exit(asyncio.run(main()))
except (asyncssh.Error, OSError) as e:
    sys.stderr.write("%s\n" % ("Connection lost" if isinstance(e, OSError) else e))
    sys.exit(255)
