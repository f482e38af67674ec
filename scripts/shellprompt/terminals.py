"""Cases of what terminals do: pastes, sizes, ends, and what outlives a session."""
import json
import os
import re
import signal
import subprocess
import time

from harness import LINE, Terminal, approve, case, has, lacks, plain, running, same, ssh


def live():
    """The sessions that live, by the operator's list."""
    return re.findall(r"ses_\w+", ssh("ANN", "sessions list --live").stdout)


def operator(verb):
    """Runs a verb of the program itself, as the operator."""
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["ROOT"], "GATEHOUSE_SSH_CONFIG": os.environ["ANN"]}
    return subprocess.run([os.environ["BINARY"], *verb], env=env, capture_output=True, text=True, timeout=30)


def gone(command):
    """Waits until nothing of it runs."""
    for _ in range(150):
        if not running(command):
            return
        time.sleep(0.1)
    raise AssertionError(f"{command} runs on")


# Pastes.


@case
def a_raw_paste_of_500_lines():
    """A terminal that marks no paste sends lines, with line feeds in some, as they are."""
    t = Terminal()
    t.send("n=0\n" + "n=$((n+1))\n" * 498 + "echo all $n\n")
    t.expect(LINE + r"all 498\r\n")


@case
def a_pasted_here_document():
    t = Terminal()
    t.send("\x1b[200~cat > pasted.txt <<'E'\rone $HOME\r\ttwo\rE\rwc -l < pasted.txt\x1b[201~\r")
    t.expect(LINE + r"2\r\n")
    t.ready()
    has(t.run("cat pasted.txt"), "\none $HOME\n\ttwo\n")


@case
def a_pasted_function_is_edited_before_it_runs():
    t = Terminal()
    t.send("\x1b[200~f() {\r  echo \"<$1>\"\r}\rf onX\x1b[201~\x7fe\r")
    t.expect(LINE + r"<one>\r\n")


@case
def ctrl_c_gives_up_the_rest_of_a_paste():
    t = Terminal()
    t.send("\x1b[200~echo begun\rsleep 600\rmark never\x1b[201~\r")
    t.expect(LINE + r"begun")
    time.sleep(0.4)
    t.send("\x03")
    t.ready()
    lacks(t.run("echo after"), "mark never")


@case
def characters_that_come_in_pieces():
    """A character, a key and a paste's beginning may be cut anywhere."""
    t = Terminal()
    for b in "mark ä漢\x1b[D\x1b[Dß\x1b[F\x1b[200~é\x1b[201~".encode():
        os.write(t.child_fd, bytes([b]))
        time.sleep(0.01)
    t.send("\r")
    t.expect(LINE + r"mark ßä漢é\r\n")


# Sizes.


@case
def a_terminal_without_a_size():
    """A client with no terminal of its own says 0 × 0: that is no size."""
    t = Terminal(size=(0, 0))
    same(t.run("mark " + "a" * 40), "mark " + "a" * 40 + "\nmark " + "a" * 40 + "\n")
    has(t.run("stty size"), "\n24 80\n")


@case
def narrow_and_wide_terminals():
    for rows, cols in (2, 4), (3, 9), (50, 999), (200, 3000):
        t = Terminal(size=(rows, cols), prompt=False)
        t.expect_exact("133;B")  # the prompt itself may be cut
        t.send("mark 漢" + "ab" * 30 + "\x01\x05\x7fz\r")
        t.expect(LINE + r"mark 漢" + "ab" * 29 + r"az\r\n")
        t.expect_exact("133;B")
        t.send("stty size\r")
        t.expect(LINE + rf"{rows} {cols}\r\n")
        t.close(force=True)


@case
def resize_in_vim():
    """An editor on the target's terminal learns of the size, and the prompt too."""
    t = Terminal()
    t.send("vim sized.txt\r")
    t.expect("~")
    time.sleep(0.7)
    for rows, cols in (40, 132), (10, 40):
        t.setwinsize(rows, cols)
        for _ in range(50):
            t.send(":set columns?\r")
            if t.expect([f"columns={cols}", r"columns=\d+"]) == 0:
                break
        else:
            raise AssertionError(f"no {cols} columns")
    t.send(":q!\r")
    t.ready()
    has(t.run("stty size"), "\n10 40\n")


@case
def less_searches():
    t = Terminal()
    t.send("less numbers.txt\r")
    t.expect("number 0.")
    t.send("/number 25[0]\r")
    t.expect_exact("number 270.")
    t.send("g")
    t.expect_exact("number 0.")
    t.send("\x03")  # is less's own
    time.sleep(0.5)
    t.send("G")
    t.expect_exact("number 299.")
    t.send("q")
    t.ready()
    same(t.last(), 0)


@case
def a_program_is_told_the_terminal():
    """Its name reaches the target, as far as it is one."""
    t = Terminal(term="vt100")
    t.send("python3\r")
    t.expect_exact(">>> ")
    t.send("import os; print('T', os.environ['TERM'], os.get_terminal_size())\r")
    t.expect_exact("T vt100 os.terminal_size(columns=80, lines=24)")
    t.send("\x04")
    t.ready()


# Passwords.


@case
def stty_echo_around_a_read():
    """What scripts do for a password: nothing of it is shown, and the echo comes back."""
    t = Terminal()
    t.send("stty -echo; read -r p; stty echo; echo \"len ${#p}\"\r")
    time.sleep(0.4)
    t.send("hushhush\r")
    t.expect(r"len 8\r\n")
    t.ready()
    has(t.run("mark seen"), "mark seen\nmark seen\n")
    lacks(t.shown(), "hushhush")
    lacks(t.run("history"), "hushhush")


@case
def typed_ahead_of_a_password():
    """What is typed before read -s asks is shown by nobody either."""
    t = Terminal()
    t.send("sleep 1; read -rs p; echo \"len ${#p}\"\r")
    time.sleep(0.3)
    t.send("hushhush\r")
    t.expect(r"len 8\r\n")
    lacks(t.shown(), "hushhush")


# Ends.


@case
def a_killed_client_leaves_nothing():
    t = Terminal()
    t.send("echo begun; for i in 1 2 3; do sleep 4712 | wc -l; done; mark never\r")
    t.expect(LINE + r"begun")
    time.sleep(0.5)
    same(running("sleep 4712"), True)
    t.kill(signal.SIGKILL)
    gone("sleep 4712")


@case
def a_killed_client_ends_an_editor():
    t = Terminal()
    t.send("vim killed-4713.txt\r")
    t.expect("~")
    time.sleep(0.5)
    same(running("vim killed-4713.txt"), True)
    t.kill(signal.SIGKILL)
    gone("vim killed-4713.txt")


@case
def what_runs_behind_ends_with_the_prompt():
    t = Terminal()
    t.run("sleep 4714 &")
    for _ in range(50):
        if running("sleep 4714"):
            break
        time.sleep(0.1)
    t.send("exit\r")
    t.ends(0)
    gone("sleep 4714")


@case
def a_half_line_is_not_run_when_its_client_goes():
    for options in [], ["-o", "SetEnv=GATEHOUSE_PROMPT=json"]:
        t = Terminal(*options, prompt=not options)
        if options:
            t.expect("GATEHOUSE-PROMPT")
        t.send("cat plain.txt > half.txt")
        time.sleep(0.3)
        t.kill(signal.SIGKILL)
        t.wait()
        time.sleep(0.5)
    has(Terminal().run("test -e half.txt || echo none"), "\nnone\n")


@case
def an_operator_kills_at_the_prompt():
    """By the program itself; the client is told, and its line is not run."""
    t = Terminal()
    t.send("mark half")
    for one in live():
        done = operator(["kill", one, "--reason", "enough"])
        if done.returncode != 0:
            has(done.stderr, "no live session")  # that of an earlier case
    t.expect("gatehouse: ")
    t.ends(137)


@case
def an_operator_kills_an_editor():
    t = Terminal()
    t.send("vim killed-4715.txt\r")
    t.expect("~")
    time.sleep(0.5)
    for one in live():
        same(ssh("ANN", f"kill {one} --reason enough").returncode, 0)
    t.ends(137)
    gone("vim killed-4715.txt")


@case
def a_pause_at_the_prompt():
    """What is typed meanwhile waits, and runs once when the session goes on."""
    t = Terminal()
    for one in live():
        same(ssh("ANN", f"pause {one} --reason look").returncode, 0)
    t.send("mark later\r")
    time.sleep(1)
    for one in live():
        same(ssh("ANN", f"resume {one} --reason fine").returncode, 0)
    t.expect(LINE + r"mark later\r\n")
    t.ready()
    has(t.run("mark on"), "\nmark on\n")


@case
def a_pause_while_a_program_has_the_terminal():
    t = Terminal()
    t.send("python3\r")
    t.expect_exact(">>> ")
    for one in live():
        same(ssh("ANN", f"pause {one} --reason look").returncode, 0)
    t.send("print(6 * 7)\r")
    time.sleep(1)
    for one in live():
        same(ssh("ANN", f"resume {one} --reason fine").returncode, 0)
    t.expect_exact("42")
    t.send("\x04")
    t.ready()


@case
def an_approval_behind_ctrl_c_runs_nothing():
    """What was called off stays so when people approve it later; the same line given again has their word."""
    t = Terminal()
    t.send("mark one; mark asked; mark never\r")
    t.expect(r'GATEHOUSE-WAITING (\{.*?\})\r\n')
    request = json.loads(t.match[1])["request"]
    time.sleep(0.3)
    t.send("\x03")
    t.ready()
    lacks(plain(t.before), "\nmark never")
    approve(request)
    out = t.run("sleep 1; echo on")
    has(out, "\non\n")
    lacks(out, "mark asked")
    same(t.run("mark asked"), "mark asked\nmark asked\n")


# History over sessions.


@case
def history_is_kept_for_the_next_session():
    first = Terminal()
    first.run("mark kept over")
    first.run(" mark not kept")
    first.run("read -rs p\rhushhush")
    first.send("exit\r")
    first.ends()
    again = Terminal()
    has(again.run("\x1b[A\x1b[A\x1b[A"), "\nmark kept over\n")
    again.send("\x12kept ov")
    again.expect("reverse-i-search")
    again.send("\r")
    again.expect(LINE + r"mark kept over\r\n")
    again.ready()
    out = again.run("history")
    lacks(out, "not kept")
    lacks(out, "hushhush")


@case
def history_is_nobody_elses():
    """Not another agent's, and not another login's."""
    mine = Terminal()
    mine.run("mark is mine")
    mine.send("exit\r")
    mine.ends()
    lacks(Terminal(who="EVE").run("history"), "is mine")
    lacks(Terminal(host="other@web-1@gatehouse").run("history"), "is mine")
    has(Terminal().run("history"), "is mine")


@case
def history_of_a_program_is_not_kept():
    t = Terminal("-o", "SetEnv=GATEHOUSE_PROMPT=json", prompt=False)
    t.expect("GATEHOUSE-PROMPT")
    t.send("mark by a program\n")
    t.expect_exact("mark by a program")
    t.send("exit\n")
    t.ends()
    lacks(Terminal().run("history"), "by a program")
