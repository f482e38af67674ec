"""What the cases of `make shell-pexpect` share: a client on a terminal, what is expected of it, and the loop that runs them.

A case is a function; its doc is its claim. Where a case must know that something runs, it has the shell say so first.
"""
import os
import re
import subprocess
import sys
import time
import traceback

import pexpect

PROMPT = r"(?:deploy|other)@web-1:[^\r\n]*\$ (?:\x1b\]133;B\x07)?"
LINE = r"\n(?:\x1b\[\?2004l)?(?:\x1b\]133;[CD][^\x07]*\x07)*"  # the beginning of a line of output
CASES = []


def case(f):
    CASES.append(f)
    return f


class Terminal(pexpect.spawn):
    """A client on a terminal."""

    def __init__(self, *options, term="xterm", size=(24, 80), host="deploy@web-1@gatehouse", prompt=True, who="BOT"):
        env = {"PATH": os.environ["PATH"], "TERM": term, "HOME": os.environ["ROOT"], "LANG": "C.UTF-8"}
        self.raw = os.path.join(os.environ["ROOT"], "seen")
        super().__init__("ssh", ["-F", os.environ[who], "-tt", *options, host], env=env, encoding="utf-8", codec_errors="replace", timeout=20, dimensions=size)
        self.seen = open(self.raw, "w", encoding="utf-8")
        self.logfile_read = self.seen
        self.delaybeforesend = None
        if prompt:
            self.ready()

    def ready(self):
        self.expect(PROMPT)
        return self.before

    def shown(self):
        """All that the terminal was sent."""
        self.seen.flush()
        with open(self.raw, encoding="utf-8") as f:
            return f.read()

    def run(self, line):
        """Runs a line, and gives what it printed."""
        self.send(line + "\r")
        return plain(self.ready())

    def last(self):
        return int(re.search(r"<(\d+)>", self.run('echo "<$?>"').split("\n", 1)[1])[1])

    def ends(self, status=None):
        self.expect(pexpect.EOF)
        self.close()
        if status is not None:
            same(self.exitstatus, status)


def plain(text):
    """Text without what a terminal does not show."""
    text = re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)", "", text)
    return text.replace("\r\n", "\n")


def same(got, want):
    if got != want:
        raise AssertionError(f"{got!r}, want {want!r}")


def has(text, part):
    if part not in text:
        raise AssertionError(f"no {part!r} in {text!r}")


def lacks(text, part):
    if part in text:
        raise AssertionError(f"{part!r} in {text!r}")


def ssh(config, line, stdin=""):
    return subprocess.run(["ssh", "-F", os.environ[config], "gatehouse", line], input=stdin, capture_output=True, text=True, timeout=30)


def approve(request):
    """ben approves, with a signature of his own."""
    shown = ssh("BEN", f"approve {request} --text")
    challenge = re.search(r"challenge (chl_[0-9A-Z]+)", shown.stderr)[1]
    text = os.path.join(os.environ["ROOT"], "signed")
    with open(text, "w") as f:
        f.write(shown.stdout)
    if os.path.exists(text + ".sig"):
        os.remove(text + ".sig")
    key = os.path.join(os.environ["ROOT"], "approval-ben")
    subprocess.run(["ssh-keygen", "-Y", "sign", "-q", "-n", "approval@gatehouse", "-f", key, text], check=True, capture_output=True)
    with open(text + ".sig") as f:
        done = ssh("BEN", f"approve {request} --challenge {challenge} --signature -", f.read())
    same((done.returncode, done.stderr), (0, ""))


def interrupted(t, line, begun="begun"):
    t.send(line + "\r")
    t.expect(LINE + begun)
    time.sleep(0.4)
    t.send("\x03")
    t.ready()
    same(t.last(), 130)


def running(command):
    return subprocess.run(["pgrep", "-f", command + "$"], capture_output=True).returncode == 0


@case
def an_admin_kills():
    t = Terminal()
    t.send("echo begun; for i in 1 2; do sleep 600; done\r")
    t.expect(LINE + r"begun")
    listed = ssh("ANN", "sessions list --live")
    ids = re.findall(r"ses_\w+", listed.stdout) or re.findall(r"ses_\w+", ssh("ANN", "sessions list").stdout)
    done = ssh("ANN", f"kill {ids[0]} --reason enough")
    same(done.returncode, 0)
    t.expect("gatehouse: ")
    t.ends(137)


def main():
    failed = 0
    chosen = [c for c in CASES if c.__name__.startswith(tuple(os.environ["ONLY"].split(",")))]
    for c in chosen:
        began = time.time()
        try:
            c()
            print(f"ok   {c.__name__} ({time.time() - began:.1f} s)", flush=True)
        except Exception as why:  # whatever it was, the other cases are worth running
            failed += 1
            lines = str(why).splitlines()
            shown = "\n     ".join(l for l in lines if l.startswith(("buffer", "before", "searcher", "    0:"))) or str(why)[:600]
            where = traceback.extract_tb(why.__traceback__)
            at = [f.lineno for f in where if os.path.dirname(f.filename) == os.path.dirname(__file__)]
            print(f"FAIL {c.__name__} (line {at}): {type(why).__name__}\n     {shown}", flush=True)
        if os.environ["VERBOSE"] == "true":
            print(open(os.path.join(os.environ["ROOT"], "seen"), encoding="utf-8").read())
    print(f"{len(chosen)} cases, {failed} failed")
    sys.exit(1 if failed else 0)
