"""The cases of the prompt itself: lines, keys, input, programs, ends and decisions."""
import json
import os
import re
import subprocess
import time

from harness import LINE, Terminal, approve, case, has, interrupted, lacks, plain, running, same, ssh


# Prompt and lines.


@case
def prompt_names_where_one_is():
    """The prompt has login, target and folder."""
    t = Terminal(prompt=False)
    t.expect_exact("deploy@web-1:~$ ")
    t.send("cd /etc\r")
    t.expect_exact("deploy@web-1:/etc$ ")


@case
def output_of_a_command():
    t = Terminal()
    same(t.run("mark one two"), "mark one two\nmark one two\n")


@case
def output_of_a_builtin():
    t = Terminal()
    has(t.run("for i in 1 2 3; do echo n$i; done"), "\nn1\nn2\nn3\n")


@case
def state_is_kept_between_lines():
    t = Terminal()
    t.run("x=5; f() { echo f$x; }; cd alone")
    has(t.run("f; mark; pwd"), "\nf5\nmark \n/home/deploy/alone\n")


@case
def status_of_lines():
    t = Terminal()
    t.run("false")
    same(t.last(), 1)
    t.run("nosuchthing")
    same(t.last() in (126, 127), True)


@case
def exit_with_a_status():
    t = Terminal()
    t.send("exit 7\r")
    t.ends(7)


@case
def ctrl_d_ends_an_empty_line():
    t = Terminal()
    t.run("(exit 3)")
    t.send("\x04")
    t.expect_exact("exit")
    t.ends(3)


@case
def ctrl_d_deletes_in_a_line():
    t = Terminal()
    has(t.run("mark abxc\x1b[D\x1b[D\x04"), "mark abc\n")


# Editing.


@case
def arrows_home_end():
    t = Terminal()
    has(t.run("ark b\x1b[Hm\x1b[Fd\x1b[D\x1b[Dc \x1b[C\x1b[Cx"), "\nmark c bdx\n")


@case
def emacs_keys():
    t = Terminal()
    has(t.run("wrong\x15mark one two\x17three\x01\x0b\x19\x05!"), "\nmark one three!\n")


@case
def backspace_and_words():
    t = Terminal()
    has(t.run("mark abd\x7fc def\x1b\x7fghi\x1bb\x1bd\x19"), "\nmark abc ghi\n")


@case
def clear_screen_keeps_the_line():
    t = Terminal()
    t.send("mark kept\x0c")
    t.expect_exact("\x1b[H\x1b[2J")
    t.send(" on\r")
    t.expect(LINE + r"mark kept on\r\n")


@case
def history_up_and_down():
    t = Terminal()
    t.run("mark first")
    t.run("mark second")
    has(t.run("\x1b[A\x1b[A"), "\nmark first\n")
    has(t.run("\x1b[A\x1b[A\x1b[B\x1b[A\x1b[Bx"), "mark")


@case
def history_search():
    t = Terminal()
    t.run("mark needle one")
    t.run("mark hay")
    t.send("\x12need")
    t.expect("reverse-i-search")
    t.send("\r")
    t.expect(LINE + r"mark needle one\r\n")


@case
def history_lists_and_leaves_out():
    t = Terminal()
    t.run("mark listed")
    t.run(" mark hidden")
    out = t.run("history")
    has(out, "mark listed")
    lacks(out, "hidden")


@case
def a_secret_is_not_in_the_history():
    t = Terminal()
    t.send("read -rs s; echo ${#s}\r")
    time.sleep(0.5)
    t.send("geheim\r")
    t.expect(LINE + r"6\r\n")
    t.ready()
    out = t.run("history")
    lacks(out, "geheim")
    lacks(t.shown(), "geheim")


@case
def a_history_line_does_nothing_to_the_terminal():
    t = Terminal()
    t.run("\x1b[200~echo 'a\x9b2J\u202eb' >/dev/null\x1b[201~")
    t.send("\x1b[A")
    t.expect("202e")
    lacks(t.before + t.after, "\u202e")
    t.send("\x03")
    t.ready()


@case
def wide_and_combining_characters():
    t = Terminal()
    has(t.run("mark 漢字x\x7f e\u0301y\x7f"), "\nmark 漢字 e\u0301\n")
    has(t.run("mark 漢\x1b[D字"), "\nmark 字漢\n")


@case
def utf8_in_and_out():
    t = Terminal()
    has(t.run("echo 'Grüße, Κόσμε ✓'"), "\nGrüße, Κόσμε ✓\n")


@case
def a_very_long_line():
    t = Terminal()
    long = "x" * 20000
    t.send("y=" + long + "; echo ${#y}\r")
    t.expect(LINE + r"20000\r\n", timeout=60)
    t.ready()


@case
def a_line_longer_than_the_screen_is_edited():
    t = Terminal(size=(5, 20))
    has(t.run("mark " + "a" * 150 + "\x01\x05z").replace("\n", ""), "a" * 149 + "az")


# Texts of several lines.


@case
def ps2():
    t = Terminal()
    t.send("for i in a b; do\r")
    t.expect_exact("> ")
    t.send("echo <$i>\x7f\x7f\x7f\x7f\"<$i>\"\r")
    t.expect_exact("> ")
    t.send("done\r")
    t.expect_exact("<a>\r\n<b>\r\n")


@case
def here_document():
    t = Terminal()
    t.send("cat <<E\r")
    t.expect_exact("> ")
    t.send("in $((1+1))\rE\r")
    t.expect(LINE + r"in 2\r\n")


@case
def open_quote_and_backslash():
    t = Terminal()
    t.send("echo 'a\r")
    t.expect_exact("> ")
    has(t.run("b'"), "\na\nb\n")
    t.send("echo c\\\r")
    t.expect_exact("> ")
    has(t.run("d"), "\ncd\n")


@case
def ctrl_c_in_ps2():
    t = Terminal()
    t.send("echo 'a\r")
    t.expect_exact("> ")
    t.send("\x03")
    t.ready()
    has(t.run("echo fresh"), "\nfresh\n")


@case
def syntax_error():
    t = Terminal()
    t.send("echo )\r")
    t.expect("gatehouse: ")
    t.ready()
    same(t.last(), 2)


@case
def refused_construct():
    t = Terminal()
    t.send("cat <(mark x)\r")
    t.expect("process substitution")
    t.expect("GATEHOUSE-DENIAL")
    t.ready()  # comes behind what was said
    same(t.last(), 2)


@case
def typed_ahead_50():
    t = Terminal()
    t.send("".join(f"echo n$(({i}))\r" for i in range(50)))
    for i in range(50):
        t.expect(LINE + rf"n{i}\r")


@case
def typed_ahead_200_while_a_command_runs():
    t = Terminal()
    t.send("sleep 1\r")
    t.send("".join(f"echo n$(({i}))\r" for i in range(200)))
    for i in range(200):
        t.expect(LINE + rf"n{i}\r")


@case
def paste_200():
    t = Terminal()
    t.send("\x1b[200~" + "\r".join(f"echo n$(({i}))" for i in range(200)) + "\x1b[201~\r")
    for i in range(200):
        t.expect(LINE + rf"n{i}\r")
    t.ready()


@case
def a_paste_waits_for_enter():
    t = Terminal()
    t.send("\x1b[200~mark one\rmark two\r\x1b[201~")
    time.sleep(0.5)
    t.send("mark three\r")
    t.expect(LINE + r"mark one\r\n[^m]*mark two\r\n[^m]*mark three\r\n")


@case
def a_paste_with_a_fault_runs_what_stands_before_it():
    t = Terminal()
    t.send("\x1b[200~mark before\recho )\rmark after\x1b[201~\r")
    t.expect(LINE + r"mark before\r\n")
    t.expect("gatehouse: ")
    t.expect(LINE + r"mark after\r\n")


# Ctrl-C.


@case
def ctrl_c_at_the_prompt():
    t = Terminal()
    t.send("mark never\x03")
    t.expect_exact("^C")
    t.ready()
    same(t.last(), 130)


@case
def ctrl_c_in_a_command():
    interrupted(Terminal(), "echo begun; sleep 600; echo never")


@case
def ctrl_c_in_a_loop():
    t = Terminal()
    interrupted(t, "echo begun; for i in 1 2 3; do sleep 600; echo never; done; echo never")
    lacks(plain(t.before), "\nnever")


@case
def ctrl_c_in_a_pipeline():
    interrupted(Terminal(), "echo begun; sleep 600 | wc -l; echo never")


@case
def ctrl_c_in_a_builtin_loop():
    interrupted(Terminal(), "echo begun; while :; do :; done")


@case
def ctrl_c_in_read():
    interrupted(Terminal(), "echo begun; read -r x; echo never")


@case
def ctrl_c_in_cat():
    interrupted(Terminal(), "echo begun; cat > c.txt; echo never")


@case
def ctrl_c_in_a_program_with_a_trap():
    """Whoever hears the signal says so, if the target lets it be sent, and the line ends."""
    interrupted(Terminal(), "loud 600; echo never", "ready")


@case
def ctrl_c_takes_what_was_typed_along():
    t = Terminal()
    t.send("echo begun; sleep 600\r")
    t.expect(LINE + r"begun")
    t.send("mark never\r")
    time.sleep(0.4)
    t.send("\x03")
    t.ready()
    lacks(t.run("echo after"), "\nmark never")


@case
def ctrl_c_in_a_wait_for_people():
    t = Terminal()
    t.send("mark asked; echo never\r")
    t.expect("GATEHOUSE-WAITING")
    time.sleep(0.4)
    t.send("\x03")
    t.ready()
    lacks(plain(t.before), "\nnever")
    has(t.run("echo on"), "\non\n")


@case
def ctrl_z_says_that_there_are_no_jobs():
    t = Terminal()
    t.send("echo begun; sleep 1\r")
    t.expect(LINE + r"begun")
    t.send("\x1a")
    t.expect("gatehouse: ")
    t.ready()
    has(t.run("echo on"), "\non\n")


# Input of what runs.


@case
def read_has_a_line():
    t = Terminal()
    t.send("read -r a b; echo \"<$a|$b>\"\r")
    t.send("one two\x7fO three\r")
    t.expect_exact("<one|twO three>")


@case
def ctrl_d_ends_read():
    t = Terminal()
    t.send("echo begun; read -r a; echo \"s$?\"\r")
    t.expect(LINE + r"begun")
    t.send("\x04")
    t.expect_exact("s1\r\n")


@case
def cat_into_a_file():
    t = Terminal()
    t.send("cat > typed.txt\r")
    t.send("one\rtwp\x7fo\r\x04")
    t.ready()
    has(t.run("cat typed.txt; wc -l < typed.txt"), "\none\ntwo\n2\n")


@case
def cat_shows_lines():
    t = Terminal()
    t.send("cat\r")
    t.send("echoed\r")
    t.expect_exact("echoed\r\nechoed\r\n")
    t.send("\x04")
    t.ready()


@case
def typed_ahead_for_read():
    t = Terminal()
    t.send("sleep 1; read -r a; read -r b; echo \"<$a$b>\"\rfirst\rsecond\recho third\r")
    t.expect_exact("<firstsecond>")
    t.expect(LINE + r"third\r\n")


# Programs on a terminal of the target.


@case
def terminal_size():
    has(Terminal(size=(31, 101)).run("stty size"), "\n31 101\n")


@case
def resize_before_a_program():
    t = Terminal()
    t.setwinsize(40, 111)
    for _ in range(50):
        if "40 111" in t.run("stty size"):
            return
    raise AssertionError("the size did not come")


@case
def resize_during_a_program():
    t = Terminal()
    t.send("less long.txt\r")
    t.expect(r"line of a long file")
    t.expect("long.txt|:")
    t.setwinsize(12, 60)
    time.sleep(0.5)
    t.send("q")
    t.ready()
    for _ in range(50):
        if "12 60" in t.run("stty size"):
            return
    raise AssertionError("the size did not come")


@case
def resize_while_a_line_is_edited():
    t = Terminal()
    t.send("mark " + "a" * 100)
    t.setwinsize(24, 40)
    time.sleep(0.5)
    t.send("z\r")
    t.expect(LINE + "mark " + "a" * 100 + r"z\r\n")


@case
def vim_edits_and_saves():
    t = Terminal()
    t.send("vim edited.txt\r")
    t.expect("~")
    time.sleep(1)
    t.send("ihello from vim\x1b:wq\r")
    t.ready()
    has(t.run("cat edited.txt"), "\nhello from vim\n")


@case
def less_pages():
    t = Terminal()
    t.send("less long.txt\r")
    t.expect("line of a long file")
    t.send(" ")
    t.expect("line of a long file")
    t.send("q")
    t.ready()
    same(t.last(), 0)


@case
def top_runs_and_ends():
    t = Terminal()
    t.send("top\r")
    t.expect("load average", timeout=30)
    t.send("q")
    t.ready()


@case
def a_prompt_for_a_password():
    t = Terminal()
    t.send("python3 ask.py\r")
    t.expect_exact("Secret: ")
    time.sleep(0.3)
    t.send("hush\r")
    t.expect_exact("got 4")
    t.ready()
    lacks(t.shown(), "hush")


@case
def a_python_prompt():
    t = Terminal()
    t.send("python3\r")
    t.expect_exact(">>> ")
    t.send("print(6 * 7)\r")
    t.expect_exact("42")
    t.expect_exact(">>> ")
    t.send("\x03")
    t.expect_exact("KeyboardInterrupt")
    t.send("exit()\r")
    t.ready()
    has(t.run("echo back"), "\nback\n")


# Ends from outside.


@case
def a_disconnect_ends_what_runs():
    t = Terminal()
    t.send("echo begun; sleep 4711\r")
    t.expect(LINE + r"begun")
    time.sleep(0.5)
    same(running("sleep 4711"), True)
    t.close(force=True)
    for _ in range(100):
        if not running("sleep 4711"):
            return
        time.sleep(0.1)
    raise AssertionError("it runs on")


# Decisions.


@case
def a_denial_at_the_prompt():
    t = Terminal()
    out = t.run("mark x; whoami; echo on $?")
    has(out, "GATEHOUSE-DENIAL {")
    has(out, "\non 126\n")


@case
def a_denied_redirection():
    t = Terminal()
    t.run("mark x > /etc/shellprompt")
    same(t.last() != 0, True)


@case
def an_approval_in_the_middle():
    t = Terminal()
    t.send("mark one; mark asked; echo went on\r")
    t.expect(r'GATEHOUSE-WAITING (\{.*?\})\r\n')
    approve(json.loads(t.match[1])["request"])
    t.expect_exact("mark asked\r\n")
    t.expect_exact("went on\r\n")
    t.ready()


@case
def typed_ahead_while_people_decide():
    t = Terminal()
    t.send("mark asked\r")
    t.expect(r'GATEHOUSE-WAITING (\{.*?\})\r\n')
    t.send("echo later\r")
    approve(json.loads(t.match[1])["request"])
    t.expect(LINE + r"mark asked\r\n")
    t.expect(LINE + r"later\r\n")


# Tab, help.


@case
def tab_completes_programs():
    t = Terminal()
    has(t.run("mar\t tabbed"), "\nmark tabbed\n")


@case
def tab_completes_builtins_and_functions():
    t = Terminal()
    t.run("zebra_crossing() { echo crossed; }")
    has(t.run("zeb\t"), "\ncrossed\n")


@case
def tab_completes_no_denied_program():
    t = Terminal()
    t.send("whoa\t")
    t.expect("\x07")
    t.send("\x03")
    t.ready()


@case
def tab_completes_paths():
    t = Terminal()
    has(t.run("cat pla\t"), "\nfirst\nsecond\nthird\n")
    has(t.run("cat alone/in\t"), "\ninner\n")
    has(t.run("cat ~/alo\tinn\t"), "\ninner\n")


@case
def tab_quotes_odd_names():
    t = Terminal()
    has(t.run("cat with\t"), "\nspaced\n")
    has(t.run("cat it\t"), "\nquoted\n")
    has(t.run("cat uml\t"), "\nwide\n")


@case
def tab_shows_names_safely():
    t = Terminal()
    t.send("cat odd/e\t\t\t")
    time.sleep(1)
    t.send("\x03")
    out = t.ready()
    lacks(out, "\x1b]0;title")
    lacks(out, "\x1b[2J")


@case
def tab_in_a_denied_folder():
    t = Terminal()
    t.send("cat /root/\t")
    t.expect("\x07")
    t.send("\x03")
    t.ready()


@case
def help_says_what_is_allowed():
    has(Terminal().run("help"), "mark")


# Drivers.


@case
def marks():
    """OSC 133: prompt, line, output, end with the status."""
    t = Terminal()
    t.send("false\r")
    t.expect_exact("\x1b]133;C\x07")
    t.expect_exact("\x1b]133;D;1\x07")
    t.expect_exact("\x1b]133;A\x07")
    t.ready()
    t.send("echo")  # typed ahead or not, it stands behind the mark
    t.expect_exact("echo")
    has(t.shown(), "$ \x1b]133;B\x07echo")


@case
def json_prompt():
    t = Terminal("-o", "SetEnv=GATEHOUSE_PROMPT=json", prompt=False)

    def prompt():
        t.expect(r"(?:^|\n)GATEHOUSE-PROMPT (\{.*?\})\r?\n")
        return json.loads(t.match[1])

    first = prompt()
    same((first["line"], first["status"], first["cwd"]), (1, 0, "/home/deploy"))
    t.send("cd alone; false\n")
    got = prompt()
    same((got["line"], got["status"], got["cwd"]), (2, 1, "/home/deploy/alone"))
    t.send("mark driven\n")
    prompt()
    same(t.before.strip(), "mark driven")
    t.send("for i in 1; do\n")
    same(prompt()["more"], True)
    t.send("echo x$i; done\n")
    prompt()
    same(t.before.strip(), "x1")
    t.send("echo begun; sleep 600\n")
    t.expect("begun")
    time.sleep(0.4)
    t.send("\x03")
    same(prompt()["status"], 130)
    t.send("exit 5\n")
    t.ends(5)


@case
def json_prompt_begins_a_line():
    """Output without a line's end does not run into the prompt."""
    t = Terminal("-o", "SetEnv=GATEHOUSE_PROMPT=json", prompt=False)
    t.expect(r"GATEHOUSE-PROMPT \{.*?\}\r?\n")
    t.send("printf abc\n")
    t.expect(r"abc\r?\nGATEHOUSE-PROMPT \{.*?\}\r?\n")


@case
def a_dumb_terminal():
    t = Terminal(term="dumb")
    out = t.run("mark dumb\x7fB")
    has(out, "\nmark dumB\n")
    lacks(out, "\x1b")


@case
def a_driver_sets_ps1():
    """Drivers such as pxssh set a prompt of their own and wait for it."""
    t = Terminal()
    t.send("PS1='[PEXPECT]\\$ '\r")
    t.expect(r"\[PEXPECT\]\$ ")  # its echo
    t.send("echo at\r")
    t.expect(LINE + r"at\r\n[^\n]*\[PEXPECT\]\$ ")


@case
def ps1_runs_nothing():
    t = Terminal()
    t.send("PS1='$(mark ran)`mark ran`\x16\x1b]0;x\x07> '\r")
    t.expect(r"> [^\r\n]*$")
    time.sleep(0.5)
    t.send("echo at\r")
    t.expect(LINE + r"at\r\n")
    out = t.shown()
    lacks(out, "\nmark ran")


@case
def tmux_drives_it():
    sock = os.path.join(os.environ["ROOT"], "tmux")
    env = {"PATH": os.environ["PATH"], "TERM": "xterm", "HOME": os.environ["ROOT"], "LANG": "C.UTF-8"}

    def tmux(*args):
        return subprocess.run(["tmux", "-f", "/dev/null", "-S", sock, *args], env=env, capture_output=True, text=True, timeout=20).stdout

    def shows(text):
        for _ in range(200):
            screen = tmux("capture-pane", "-p", "-t", "s")
            if text in screen:
                return screen
            time.sleep(0.1)
        raise AssertionError(f"no {text!r} in {screen!r}")

    tmux("new-session", "-d", "-s", "s", "-x", "60", "-y", "20", f"ssh -F {os.environ['BOT']} -tt deploy@web-1@gatehouse")
    try:
        shows("~$")
        tmux("send-keys", "-t", "s", "echo by-$((6*7))-tmux", "Enter")
        shows("\nby-42-tmux\n")
        tmux("send-keys", "-t", "s", "mark " + "w" * 70, "C-a", "C-e", "BSpace", "BSpace", "漢z")
        screen = shows("漢z")
        has(screen.replace("\n", ""), "w" * 68 + "漢z")
        tmux("send-keys", "-t", "s", "Enter")
        shows("\nmark w")
        tmux("send-keys", "-t", "s", "less long.txt", "Enter")
        shows("line of a long file")
        tmux("send-keys", "-t", "s", "q")
        shows("less long.txt\ndeploy@web-1:~$\n")
        tmux("send-keys", "-t", "s", "echo back", "Enter")
        shows("\nback\n")
    finally:
        tmux("kill-server")
