#!/usr/bin/python3
"""A driver of a terminal in the manner of SWE-ReX: ssh under pexpect, a prompt that no output has, exit codes asked for.

usage: pexpect_driver.py COMMAND…, the command that opens the shell
"""
import re
import sys

import pexpect

PROMPT = "SHELLPS1PREFIX"


class Shell:
    def __init__(self, command):
        self.ssh = pexpect.spawn(command[0], command[1:], encoding="utf-8", echo=False, timeout=30, dimensions=(43, 132))
        if self.ssh.expect([r"\$ ", pexpect.EOF]) == 1:  # refused: the screen says why
            self.ssh.close()
            print(self.ssh.before)
            sys.exit(self.ssh.exitstatus)
        self.ssh.sendline("stty -echo; PS2=''; PS1='SHELLPS1''PREFIX'")  # in two pieces: its echo is not the prompt
        self.ssh.expect(PROMPT)

    def run(self, command):
        """Runs a command and returns its exit code and its output."""
        self.ssh.sendline(command)
        return self.result()

    def result(self):
        self.ssh.expect(PROMPT)
        output = self.ssh.before
        self.ssh.sendline("echo EXITCODESTART$?EXITCODEEND")
        self.ssh.expect(PROMPT)
        code = re.search(r"EXITCODESTART(\d+)EXITCODEEND", self.ssh.before)
        return int(code[1]), output.replace("\r\n", "\n").strip()


def main():
    shell = Shell(sys.argv[1:])
    print("hello", shell.run("cd /tmp && echo hello; pwd"))
    print("false", shell.run("(exit 3)"))
    print("syntax", shell.run("bash -n <<'EOF'\necho 'open\nEOF")[0])
    print("joined", shell.run("x=1; for i in 1 2 3; do x=$((x * 2)); done; echo $x"))
    print("size", shell.run("stty size"))
    shell.ssh.setwinsize(30, 100)
    print("resized", shell.run('until [ "$(stty size)" = "30 100" ]; do :; done; echo resized'))
    # One job says it has begun: bash drops a Ctrl-C that comes between a builtin and the start of the next program.
    shell.ssh.sendline("sh -c 'echo begun; exec sleep 1000'")
    shell.ssh.expect("begun")
    shell.ssh.sendintr()
    print("Ctrl-C", shell.result()[0])
    shell.ssh.sendline("exit 7")
    shell.ssh.expect(pexpect.EOF)
    shell.ssh.close()
    print("exit", shell.ssh.exitstatus)


main()
