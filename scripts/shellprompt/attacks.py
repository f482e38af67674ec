"""Cases that attack the prompt: by what a target prints and names, by what a client sends, and by what one line leaves for the next."""
import os
import re
import signal
import time

from drivers import paramiko_client, paramiko_until
from harness import LINE, PROMPT, Terminal, case, has, lacks, plain, same


def memory():
    """The door's resident bytes."""
    with open(f"/proc/{os.environ['DOOR']}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read())[1]) << 10


# What a target prints and names.


@case
def output_that_moves_into_the_prompt():
    """It may draw over the prompt; what is typed, edited and run is what was typed."""
    t = Terminal()
    t.send("cat screen.txt\r")
    t.expect_exact("\x1b[31m")
    t.ready()
    has(t.run("mark abX\x7fc\x01\x05d"), "\nmark abcd\n")
    t.send("echo 'a\r")  # in the middle of a text too
    t.expect_exact("> ")
    t.send("b'; cat screen.txt\r")
    t.expect_exact("\x1b[31m")
    t.ready()
    same(t.last(), 0)


@case
def answers_of_the_terminal_are_not_typed():
    """A terminal answers what a target's output asks it, with words of the target's: nothing of that reaches a line."""
    t = Terminal()
    for answer in "\x1b[24;80R", "\x1b[?64;1;2c", "\x1b]lmark pwned;\x1b\\", "\x1bP1$rmark pwned;\x1b\\", "\x1b]10;rgb:ffff/ffff/ffff\x07", "\x1b_Gmark\x1b\\", "\x1b[M !!", "\x1b[<0;3;3M":
        t.send("ma" + answer + "rk told\r")
        t.expect(LINE + r"mark told\r\n")
        t.ready()
    lacks(t.shown(), "pwned")


@case
def hostile_names_complete_to_themselves():
    """A name is one word, whatever stands in it; one that cannot be typed is not completed."""
    t = Terminal()
    for first, content in zip("acdghijklm", range(1, 11)):
        out = t.run(f"cat names/{first if first != 'i' else '~'}\t")
        has(out, f"\n{content}\n")
        lacks(out, "\nmark pwned")
        same(t.last(), 0)
    for first in "ef":
        t.send(f"cat names/{first}\t\t")
        t.expect("\x07")
        t.send("\x03")
        lacks(t.ready(), "\u202e")
    lacks(t.shown(), "\nmark pwned\r")


# What a client sends.


@case
def a_paste_that_contains_its_end():
    """Then the rest is typed, as in every shell: it is decided like anything that is typed."""
    t = Terminal()
    t.send("\x1b[200~mark one\x1b[201~\rwhoami\r")
    t.expect(LINE + r"mark one\r\n")
    t.expect("GATEHOUSE-DENIAL")
    t.ready()
    same(t.last(), 126)
    t.send("\x1b[200~mark \x1b[200~two\x1b[201~\r")
    t.expect(LINE + r"mark two\r\n")


@case
def characters_that_nobody_sees_are_refused():
    """Control characters and such as turn the direction: a line with one is not run, and is shown spelt."""
    t = Terminal()
    for c in "\u202e", "\u2066", "\u200b", "\u2028", "\ufeff", "\x01", "\x1b[31m", "\x7f":
        t.send("\x1b[200~mark a" + c + "b\x1b[201~\r")
        t.expect([LINE + r"mark a", "GATEHOUSE-DENIAL"])
        out = t.before + t.after + t.ready()
        lacks(out, c if c != "\x1b[31m" else "\x1b[31")
    t = Terminal("-o", "SetEnv=GATEHOUSE_PROMPT=json", prompt=False)
    t.expect("GATEHOUSE-PROMPT")
    t.send("mark a\u202eb\n")
    t.expect("invisible|control")
    t.expect('"status":2')


@case
def a_megabyte_without_a_newline():
    """It is not run, nor is any part of it, and the prompt goes on."""
    for options in [], ["-o", "SetEnv=GATEHOUSE_PROMPT=json"]:
        t = Terminal(*options, prompt=not options)
        if options:
            t.expect("GATEHOUSE-PROMPT")
        for _ in range(64):
            t.send("mark pwned;" + "x" * 16373)
            t.expect([r"^$", pexpect_timeout()], timeout=0.01)
        t.send("\r")
        t.expect("longer than it may be", timeout=90)
        t.send("mark after\r")
        t.expect(r"mark after\r\n(?!\n)(?:[^\n]*\n)?", timeout=60)
        lacks(t.shown(), "\nmark pwned\r")
        t.close(force=True)


def pexpect_timeout():
    import pexpect
    return pexpect.TIMEOUT


@case
def a_megabyte_pasted_at_once():
    """More than a line may have is not run, though it is many."""
    t = Terminal()
    t.send("\x1b[200~")
    for _ in range(64):
        t.send("mark pwned\r" * 1489)
        t.expect([r"^$", pexpect_timeout()], timeout=0.01)
    t.send("\x1b[201~\r")
    t.expect("longer than it may be", timeout=90)
    t.ready()
    has(t.run("mark after"), "\nmark after\n")
    lacks(t.shown(), "\nmark pwned\r")


@case
def many_lines_at_once():
    """10,000 lines that are sent without waiting are read in turn."""
    t = Terminal(term="dumb")
    for _ in range(100):
        t.send("n=$((n+1))\n" * 100)
        t.expect([r"^$", pexpect_timeout()], timeout=0.01)
    t.send("echo all$n\n")
    t.expect(r"\nall10000\r\n", timeout=180)


SIZES = (0, 0), (65535, 65535), (80, 24), (1, 1), (4_000_000_000, 3)


@case
def a_hundred_thousand_sizes():
    """A storm of sizes is ended by the door, which says why; others do not feel it."""
    other = Terminal()
    before = memory()
    client = paramiko_client()
    c = client.invoke_shell()
    paramiko_until(c, PROMPT)
    seen = ""
    try:
        for i in range(100_000):
            c.resize_pty(*SIZES[i % len(SIZES)])
            while c.recv_ready():
                seen = (seen + c.recv(1 << 20).decode("utf-8", "replace"))[-4096:]
    except Exception:  # the door has closed it
        pass
    while (b := c.recv(1 << 20)):
        seen += b.decode("utf-8", "replace")
    has(seen, "GATEHOUSE-KILLED")
    same(c.recv_exit_status(), 137)
    has(other.run("mark on"), "\nmark on\n")
    same(memory() - before < 64 << 20, True)
    client.close()


@case
def sizes_of_every_kind():
    """None, one cell, the largest: at the prompt and while a program has the terminal. The last that says something holds."""
    client = paramiko_client()
    c = client.invoke_shell(width=0, height=0)
    paramiko_until(c, PROMPT)
    for line in "mark still", "python3":
        c.send(line + "\r")
        paramiko_until(c, ">>> " if line == "python3" else LINE + line)
        for i in range(1000):
            c.resize_pty(*SIZES[i % len(SIZES)])
            if i % 50 == 0:
                time.sleep(0.05)
                if c.recv_ready():
                    c.recv(1 << 20)
    c.send("exit()\r")
    paramiko_until(c, r"133;B")
    c.resize_pty(100, 40)
    for _ in range(50):
        c.send("stty size; echo told\r")
        if "40 100" in paramiko_until(c, LINE + "told"):
            break
    else:
        raise AssertionError("the size did not come")
    client.close()


@case
def a_client_that_never_reads():
    """What is printed for it waits at its source; the door keeps no more, and it can be killed."""
    t = Terminal()
    t.send("seq 1\r")
    t.ready()
    before = memory()
    t.send("while :; do seq 100000; done\r")
    t.expect(r"\n99\r")
    os.kill(t.pid, signal.SIGSTOP)
    time.sleep(4)
    grown = memory() - before
    os.kill(t.pid, signal.SIGKILL)
    same((grown < 64 << 20, grown)[0], True)
    has(Terminal().run("mark on"), "\nmark on\n")


@case
def type_ahead_for_a_program_that_does_not_run():
    """What was typed for an editor that is denied is lines of the prompt's, and decided like any."""
    t = Terminal()
    t.send("vim /etc/passwd\r:q!\recho seen\r")
    t.expect("GATEHOUSE-DENIAL")
    t.expect(LINE + r"seen\r\n")
    t.ready()
    t.send("mark asked\ryes\r")
    t.expect("GATEHOUSE-WAITING")
    time.sleep(0.3)
    t.send("\x03")  # takes what was typed behind it along
    t.ready()
    lacks(t.run("echo on"), '"yes"')


# What one line leaves for the next.


def denied(t, line, word="whoami"):
    """The line runs no program that policy denies, and says so."""
    out = t.run(line)
    has(out, "GATEHOUSE-DENIAL")
    lacks(out, "\ndeploy\n")
    lacks(out, "not the one")


@case
def functions_that_shadow():
    """A function may have an allowed program's name: what it runs is decided by its own words."""
    t = Terminal()
    t.run("mark() { whoami; }; cat() { command head /etc/hostname; }; echo() { builtin echo \"$@\"; whoami; }")
    denied(t, "mark one")
    denied(t, "cat plain.txt")
    denied(t, "echo x")
    denied(t, "command whoami")
    denied(t, "help() { whoami; }; eval help")
    has(t.run("command mark one"), "\nmark one\n")


@case
def where_programs_are_looked_for():
    """PATH finds no other program under an allowed name, and commands are not told of one."""
    t = Terminal()
    t.run("PATH=~/bin:$PATH")
    denied(t, "mark one")
    t = Terminal()
    t.run("cd ~/bin")
    denied(t, "./mark one")
    denied(t, "PATH=. mark one")
    denied(t, "hash mark; command -p whoami")


@case
def variables_that_steer():
    """What makes programs load code is told to none; what is no role's to set denies the commands that would get it."""
    for line in "export LD_PRELOAD=/tmp/x.so", "export BASH_ENV=~/x", "export X=1", "set -a; X=1", "export PYTHONSTARTUP=~/x", "declare -x GIT_PAGER=whoami":
        t = Terminal()
        t.run(line)
        denied(t, "mark one")
        denied(t, "bash -c 'mark one'")
    t = Terminal()
    t.run("export LANG=C; PROMPT_COMMAND=whoami PS4='$(whoami)'; set -x")
    lacks(t.run("mark one"), "\ndeploy\n")
    t = Terminal()
    t.run("IFS=m")
    denied(t, "x=whoami; $x")


@case
def folders_and_files():
    """A denied folder is not entered; a file is what policy lets it be, whatever the umask; a script's lines are decided."""
    t = Terminal()
    t.run("cd /root")
    has(t.run("pwd"), "\n/home/deploy\n")
    t.run("cd /etc; umask 000")
    same((t.run("echo x > shellprompt"), t.last() != 0)[1], True)
    t.run("cd; echo 'whoami; mark in' > s.sh")
    denied(t, ". ./s.sh")
    denied(t, "bash s.sh")
    denied(t, "cat s.sh | bash")
    denied(t, "command_not_found_handle() { whoami; }; nosuch")
    t.run("trap whoami EXIT")
    t.send("exit\r")
    t.expect("GATEHOUSE-DENIAL")
    t.ends()
    lacks(t.shown(), "\ndeploy\r")


@case
def what_is_typed_to_what_asks_for_people():
    """A half line, an approval, and Ctrl-D: nothing of them runs twice, and nothing runs that was not entered."""
    t = Terminal(term="dumb")
    t.send("mark ha\x04lf\r")
    t.expect(r"\nmark half\r\n")
    t.ready()
    has(t.run("mark once"), "\nmark once\n")
    same(plain(t.shown()).count("\nmark once\n"), 1)
