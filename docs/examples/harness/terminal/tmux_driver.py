#!/usr/bin/python3
"""A driver of a terminal in the manner of OpenHands: ssh in tmux, commands by send-keys, results by capture-pane.

The prompt is a block of JSON between two markers, so that the driver knows when a command has ended, and how.
usage: tmux_driver.py COMMAND…, the command that opens the shell
"""
import json
import os
import shlex
import subprocess
import sys
import time

BEGIN, END = "###PS1JSON###", "###PS1END###"
PROMPT = BEGIN + r'\n{"exit_code": "$?", "user": "\u", "dir": "\w"}\n' + END + r"\n"


class Terminal:
    """A shell in a tmux of its own."""

    def __init__(self, command, columns, rows):
        self.prompts = 0
        told = shlex.join(command) + "; echo ENDED $?; exec cat"
        self.tmux("new-session", "-d", "-s", "driver", "-x", str(columns), "-y", str(rows), told)

    def tmux(self, *words):
        socket = os.path.join(os.getcwd(), "tmux.sock")
        done = subprocess.run(["tmux", "-f", "/dev/null", "-S", socket, *words], check=True, capture_output=True, text=True)
        return done.stdout

    def close(self):
        self.tmux("kill-server")

    def lines(self):
        screen = self.tmux("capture-pane", "-p", "-J", "-S", "-", "-t", "driver")
        return [line.rstrip() for line in screen.splitlines()]

    def ended(self):
        """The exit status of what ran in the terminal, "" while it runs."""
        return "".join(line[6:] for line in self.lines() if line.startswith("ENDED "))

    def wait(self, condition):
        """Waits until the condition is true of the screen, and returns what it said."""
        end = time.monotonic() + 30
        while not (found := condition()):
            if time.monotonic() > end:
                sys.exit("the terminal does not show what is waited for:\n" + "\n".join(self.lines()).strip())
            time.sleep(0.02)
        return found

    def keys(self, *keys):
        self.tmux("send-keys", "-t", "driver", *keys)

    def type(self, command):
        self.tmux("send-keys", "-t", "driver", "-l", command)
        self.keys("Enter")

    def prompt(self):
        """Waits for one more prompt and returns its block."""
        def blocks():
            lines = self.lines()
            found = [lines[i - 1] for i, line in enumerate(lines) if line == END and lines[i - 2] == BEGIN]
            return found if len(found) > self.prompts else None
        found = self.wait(blocks)
        self.prompts = len(found)
        return json.loads(found[-1])

    def run(self, command):
        self.type(command)
        return self.prompt()


def main():
    t = Terminal(sys.argv[1:], 132, 43)
    try:
        t.wait(lambda: t.ended() or any(line.endswith("$") for line in t.lines()))
        if t.ended():  # refused: the screen says why
            print("\n".join(t.lines()).strip())
            sys.exit(int(t.ended()))
        print("prompt", t.run("PS1=" + shlex.quote(PROMPT)))
        print("true", t.run("cd /tmp && echo 'hello'"))
        print("false", t.run("(exit 3)"))
        t.run("stty size")
        print("size", "43 132" in t.lines())
        t.tmux("resize-window", "-t", "driver", "-x", "100", "-y", "30")
        t.run('until [ "$(stty size)" = "30 100" ]; do :; done; echo resized')
        print("resized", "resized" in t.lines())
        # One job says it has begun: bash drops a Ctrl-C that comes between a builtin and the start of the next program.
        t.type("sh -c 'echo begun; exec sleep 1000'")
        t.wait(lambda: "begun" in t.lines())
        t.keys("C-c")
        print("Ctrl-C", t.prompt())
        t.type("exit 7")
        print("exit", t.wait(t.ended))
    finally:
        t.close()


main()
