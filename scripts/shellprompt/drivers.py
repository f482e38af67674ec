"""Cases of what drives shells: pxssh, replwrap, expect, paramiko, asyncssh, pipes. Each is used as its manual says."""
import asyncio
import json
import os
import re
import subprocess
import time

import pexpect
import pexpect.pxssh
import pexpect.replwrap

from harness import LINE, PROMPT, Terminal, case, has, lacks, plain, same

USER = "deploy@web-1"


def beside(name):
    """A file of the agent's, beside its ssh_config."""
    return os.path.join(os.path.dirname(os.environ["BOT"]), name)


def local(term):
    return {"PATH": os.environ["PATH"], "TERM": term, "HOME": os.environ["ROOT"], "LANG": "C.UTF-8"}


@case
def pxssh_logs_in():
    """login() with all its defaults: it looks for a prompt, and sets its own."""
    for term in "xterm", "dumb":
        s = pexpect.pxssh.pxssh(env=local(term), encoding="utf-8", timeout=20)
        same(s.login("gatehouse", USER, cmd=f"ssh -F {os.environ['BOT']}"), True)
        s.sendline("mark by pxssh")
        same(s.prompt(timeout=20), True)
        has(plain(s.before), "\nmark by pxssh\n")
        s.sendline("for i in 1 2; do echo n$i; done")
        same(s.prompt(timeout=20), True)
        has(plain(s.before), "\nn1\nn2\n")
        s.sendline("whoami; echo s$?")
        same(s.prompt(timeout=20), True)
        has(plain(s.before), "\ns126\n")
        s.logout()
        same(s.isalive(), False)


def repl(term):
    """replwrap's bash(), over ssh."""
    child = pexpect.spawn("ssh", ["-F", os.environ["BOT"], "-tt", USER + "@gatehouse"], env=local(term), encoding="utf-8", echo=False, timeout=20)
    ps1, ps2 = (p[:5] + "\\[\\]" + p[5:] for p in (pexpect.replwrap.PEXPECT_PROMPT, pexpect.replwrap.PEXPECT_CONTINUATION_PROMPT))
    child.expect(r"\$ ")
    child.sendline("bind 'set enable-bracketed-paste off'")  # as it does to a local bash
    child.expect(r"\$ ")
    child.sendline("stty -echo")
    return pexpect.replwrap.REPLWrapper(child, r"\$ ", f"PS1='{ps1}' PS2='{ps2}' PROMPT_COMMAND=''")


@case
def replwrap_runs_commands():
    """With stty -echo, as replwrap has it, a command's output is that and nothing else."""
    r = repl("dumb")
    same(r.run_command("mark one"), "mark one\r\n")
    same(r.run_command("echo a\necho b"), "a\r\nb\r\n")
    same(r.run_command("for i in 1 2; do\n  echo n$i\ndone"), "n1\r\nn2\r\n")
    same(r.run_command("x=5"), "")
    same(r.run_command("echo $x"), "5\r\n")
    same(r.run_command("(exit 3); echo $?"), "3\r\n")
    has(r.run_command("whoami"), "GATEHOUSE-DENIAL")
    same(r.run_command("echo " + "y" * 3000), "y" * 3000 + "\r\n")


@case
def a_pager_that_may_not_be_set():
    """replwrap's export PAGER=cat denies what comes after it, and says why, until it is taken back."""
    t = Terminal()
    t.run("export PAGER=cat")
    has(t.run("mark x"), '"PAGER"')
    t.run("unset PAGER")
    has(t.run("mark x"), "\nmark x\n")


@case
def replwrap_on_a_terminal_that_can_more():
    """The marks of OSC 133 are there, and nothing else."""
    r = repl("xterm")
    same(re.sub(r"\x1b\]133;[^\x07]*\x07", "", r.run_command("mark one")), "mark one\r\n")


@case
def expect_of_tcl():
    """A script of expect, whose terminal has no size."""
    script = r"""
log_user 0
set timeout 20
proc fail {what} { puts "FAILED: $what"; exit 1 }
spawn ssh -F $env(BOT) -tt deploy@web-1@gatehouse
expect -re {\$ $} {} timeout { fail prompt }
send "mark tcl\r"
expect -re {\nmark tcl\r\n} {} timeout { fail output }
expect -re {\$ } {} timeout { fail prompt2 }
send "read -rsp 'Password: ' p; echo \"len \${#p}\"\r"
expect -re {\nPassword: $} {} timeout { fail password }
send "geheim\r"
expect -re {len 6} {} timeout { fail length }
send "stty size\r"
expect -re {\n24 80\r\n} {} timeout { fail size }
expect -re {\$ } {} timeout { fail prompt3 }
send "exit 4\r"
expect eof {} timeout { fail eof }
catch wait result
puts "status [lindex $result 3]"
"""
    said = os.path.join(os.environ["ROOT"], "said")
    with open(said, "w") as f:
        subprocess.run(["timeout", "100", "expect", "-c", script], env={**local("dumb"), "BOT": os.environ["BOT"]}, stdout=f, stderr=f, stdin=subprocess.DEVNULL)
    with open(said) as f:
        same(f.read().splitlines()[-1], "status 4")


@case
def ssh_with_pipes():
    """A program that starts ssh -tt with pipes, and asks for a word behind each command."""
    p = subprocess.Popen(["ssh", "-F", os.environ["BOT"], "-tt", USER + "@gatehouse"], env=local("dumb"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def until(word):
        seen = b""
        while word not in seen:
            b = os.read(p.stdout.fileno(), 4096)
            if not b:
                raise AssertionError(f"no {word!r} in {seen!r}")
            seen += b
        return seen.decode()

    def say(line):
        p.stdin.write(line.encode() + b"\n")
        p.stdin.flush()

    say("PS1= PS2=; stty -echo; echo '' READY")
    until(b"\n READY\r\n")
    for i in range(20):
        say(f"mark {i}; echo DONE_$?_{i}")
        has(until(f"DONE_0_{i}\r\n".encode()), f"mark {i}\r\n")
    say("exit 6")
    until(b"")
    same(p.wait(timeout=20), 6)


def paramiko_client():
    import warnings
    warnings.simplefilter("ignore")
    import paramiko
    key = paramiko.Ed25519Key.from_private_key_file(beside("id"))
    key.load_certificate(beside("id-cert.pub"))
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    host, port = os.environ["ADDR"].rsplit(":", 1)
    client.connect(host, int(port), USER, pkey=key, look_for_keys=False, allow_agent=False)
    return client


def paramiko_until(channel, pattern, timeout=20):
    channel.settimeout(timeout)
    seen = ""
    while not re.search(pattern, seen):
        try:
            b = channel.recv(65536)
        except TimeoutError:
            b = b""
        if not b:
            raise AssertionError(f"no {pattern!r} in {seen[-300:]!r}")
        seen += b.decode("utf-8", "replace")
    return seen


@case
def paramiko_invoke_shell():
    client = paramiko_client()
    for terminal in {}, {"term": "dumb"}, {"term": "xterm", "width": 200, "height": 50}:
        c = client.invoke_shell(**terminal)
        paramiko_until(c, PROMPT)
        c.send("mark by paramiko\n")
        paramiko_until(c, LINE + r"mark by paramiko\r\n")
        c.send("exit 3\n")
        while c.recv(4096):
            pass
        same(c.recv_exit_status(), 3)
    client.close()


@case
def asyncssh_sends_signals():
    """INT as a signal of the protocol is Ctrl-C: to what runs, to a line that is typed, and to nothing that comes later."""

    async def drive():
        import warnings
        warnings.simplefilter("ignore")
        import asyncssh
        host, port = os.environ["ADDR"].rsplit(":", 1)
        async with asyncssh.connect(host, int(port), username=USER, client_keys=[(beside("id"), beside("id-cert.pub"))], known_hosts=None, agent_path=None, config=None) as conn:
            p = await conn.create_process(term_type="dumb", term_size=(100, 30), encoding="utf-8")

            async def until(text):
                seen = ""
                while text not in seen:
                    piece = await asyncio.wait_for(p.stdout.read(4096), 20)
                    if not piece:
                        raise AssertionError(f"no {text!r} in {seen!r}")
                    seen += piece
                return seen

            await until("$ ")
            p.stdin.write("echo begun; sleep 600; echo never\n")
            await until("\nbegun\r\n")
            await asyncio.sleep(0.5)
            p.send_signal("INT")
            await until("$ ")
            p.stdin.write("mark half")
            await until("mark half")
            p.send_signal("INT")
            await until("^C\r\n")
            p.stdin.write("mark next; echo s$?\n")
            has(await until("s0\r\n"), "\nmark next\r\n")
            p.change_terminal_size(0, 0)
            p.change_terminal_size(133, 44)
            for _ in range(50):  # a size and what is typed behind it come by ways of their own
                p.stdin.write("stty size; echo told\n")
                if "44 133" in await until("\ntold\r\n"):
                    break
            else:
                raise AssertionError("the size did not come")
            p.stdin.write("exit 5\n")
            await p.wait()
            return p.exit_status

    same(asyncio.run(asyncio.wait_for(drive(), 120)), 5)


@case
def json_prompt_counts_lines():
    """What a driver can hold against a target's output that looks like a prompt: the number, which the output cannot know of what comes."""
    t = Terminal("-o", "SetEnv=GATEHOUSE_PROMPT=json", prompt=False)
    for n in range(1, 6):
        t.expect(r"(?:^|\n)GATEHOUSE-PROMPT (\{.*?\})\r?\n")
        same(json.loads(t.match[1])["line"], n)
        t.send(f"mark {n}\n")
    t.send("\x04")
    t.ends(0)


@case
def drivers_lines_that_are_refused_say_so():
    """What cannot be had here is said, and the prompt comes back: nothing hangs a driver that waits for it."""
    t = Terminal()
    for line in "bind -x '\"a\":b'", "set -m", "fc -l", "jobs", "alias l=ls", "shopt -s checkwinsize", "trap '' INT", "exec bash", "stty raw", "clear", "tput cols", "script -c id", "tmux", "bash -i", "source ~/.bashrc", "set -o vi", "logout now", "set +o history", "set +H", "trap - INT":
        before = time.time()
        out = t.run(line)
        has(out.split("\n", 1)[1], ":")
        same(time.time() - before < 15, True)
    has(t.run("echo on"), "\non\n")


@case
def drivers_lines_that_work():
    """What drivers send before all else."""
    t = Terminal()
    for line in ("unset PROMPT_COMMAND", "PROMPT_COMMAND=", "unset HISTFILE", "HISTFILE=", "HISTCONTROL=ignorespace", "set +e", "set +u", "export LANG=C.UTF-8", "stty -echo", "stty echo", "PS2=", "PS2='> '", "TERM=dumb", "set +o pipefail",
                 "bind 'set enable-bracketed-paste off'", "bind \"set enable-bracketed-paste on\"", "unalias -a", "export PS1", "export HISTSIZE=0"):
        t.run(line)
        has(f"{line}: " + t.run('echo "s$?"'), "s0\n")
