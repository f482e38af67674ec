package lab

import "slices"

// pythons are Python and its kin; otherInterpreters those that need no entry of their own.
var (
	pythons           = []string{"python", "pypy", "ipython", "jython"}
	otherInterpreters = []string{"lua", "luajit", "tclsh", "wish", "expect", "R", "Rscript", "julia", "ghci", "runghc", "erl", "escript", "elixir", "iex", "scala", "groovy",
		"jshell", "guile", "racket", "sbcl", "clisp", "ocaml", "swipl", "octave", "java", "jrunscript"}
)

// Programs whose purpose is to start another one. Each word after their options is a command. xargs is not among them: what it
// starts needs a rule of its own, as with find -exec.
var wrapperPowers = []Power{
	{Programs: []string{"env", "nice", "nohup", "timeout", "setsid", "stdbuf", "ionice", "chrt", "taskset", "time", "strace", "ltrace",
		"unshare", "nsenter", "chroot", "setarch", "linux32", "linux64", "unbuffer", "prlimit", "numactl", "catchsegv", "torify", "proxychains", "dbus-run-session", "systemd-run",
		"systemd-inhibit", "faketime", "eatmydata", "fakeroot", "runuser", "setpriv", "capsh", "start-stop-daemon", "cpulimit", "rlwrap", "script", "expect", "parallel", "run-parts", "entr", "watch", "flock"},
		Does: Exec, Words: []string{"id", "sh", "/bin/sh", "/tmp/x"}, How: "start the program that follows it",
		Fix: "Write the program and its arguments out after it; a line that wraps a command is understood without a rule for the wrapper."},
	{Programs: []string{"env"}, Does: Exec, Options: []string{"-S", "--split-string"}, How: "split a text into a command and start it", Fix: "Leave -S out of the pattern."},
	{Programs: []string{"env"}, Does: Load, Words: []string{"LD_PRELOAD=/tmp/x.so"}, How: "set LD_PRELOAD for what it starts", Fix: "List the variables in the role's env instead."},
	{Programs: []string{"parallel"}, Does: Exec, Stdin: true, Words: []string{"sh", "id", "env"}, How: "turn its input into commands", Fix: "Write the program out, and only one that takes any argument safely."},
	{Programs: []string{"script"}, Does: Exec, Options: []string{"-c", "--command"}, How: "start a shell line", Fix: "Leave script out: sessions are recorded already."},
	{Programs: []string{"script"}, Does: Exec, PTY: true, How: "open a shell", Fix: "Leave script out: sessions are recorded already."},
	{Programs: []string{"su", "sudo", "doas", "pkexec", "sudoedit", "run0", "machinectl"}, Does: Exec, How: "become another account and start programs as it",
		Fix: "Name the other account as a login of the role; then its commands are decided like all others."},
	{Programs: []string{"ld.so", "ld-linux-x86-64.so", "ld-linux.so", "ld-musl-x86_64.so"}, Does: Exec, How: "start any program, whatever its mode bits", Fix: "Remove the rule: name the program itself."},
	{Programs: []string{"busybox", "toybox"}, Does: Exec, Words: []string{"sh", "ash", "wget", "nc"}, How: "be a shell, and a hundred other programs", Fix: "Write the applet out."},
	{Programs: []string{"at", "batch"}, Does: Exec, Stdin: true, How: "run its input as a shell script later, without a session", Fix: "Remove the rule."},
	{Programs: []string{"at"}, Does: Exec, Options: []string{"-f"}, How: "run a file as a shell script later", Fix: "Leave -f out of the pattern."},
	{Programs: []string{"crontab"}, Does: Exec, Options: []string{"-e"}, How: "open an editor and install jobs", Fix: "Allow only crontab -l."},
	{Programs: []string{"crontab"}, Does: Exec, Stdin: true, How: "install jobs from its input", Fix: "Allow only crontab -l."},
	{Programs: []string{"crontab"}, Does: Exec, Words: somewhere, How: "install jobs from a file", Fix: "Allow only crontab -l."},
	{Programs: []string{"tmux", "screen", "byobu", "zellij", "dtach", "abduco"}, Does: Exec, How: "open shells that outlive the session", Fix: "Use a role with shell: recorded if a shell is meant."},
	{Programs: []string{"make", "gmake", "ninja", "just", "rake", "task", "cmake", "meson", "bazel", "ant", "mvn", "gradle", "sbt"}, Does: Exec,
		How: "start whatever its build file says", Fix: "Name a build file in a folder that the login cannot write, and its targets; better a script owned by root."},
}

// Interpreters: whoever chooses the program text, the script or a module runs any code.
var interpreterPowers = []Power{
	{Programs: []string{"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "rbash", "pwsh", "nu", "xonsh", "elvish"}, Does: Exec,
		Options: []string{"-c", "--command", "-i", "-l", "--login", "--rcfile", "--init-file", "-o"}, How: "run shell text or start-up files of one's choice",
		Fix: "Remove the option from the pattern: bash -c with a literal line is understood without a rule for bash."},
	{Programs: []string{"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "rbash", "pwsh", "nu", "xonsh", "elvish", "source"}, Does: Exec,
		Words: []string{"/tmp/x", "/tmp/x.sh", "x", "x.sh"}, How: "run any script", Fix: "Name scripts in a folder that only root can write, by an enum of their full paths."},
	{Programs: []string{"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "rbash", "pwsh"}, Does: Exec, Stdin: true,
		How: "run its input", Fix: "Give the rule stdin: sha256:… of the script that is meant."},
	{Programs: []string{"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "rbash", "pwsh"}, Does: Exec, PTY: true,
		How: "be a shell", Fix: "Use a role with shell: governed if shell text is meant, or shell: recorded for a shell that nothing contains."},
	{Programs: pythons, Does: Exec, Options: []string{"-c", "-m", "-i", "-W", "-X"}, How: "run code or a module that an option names", Fix: "Remove the option from the pattern; write a module such as -m json.tool out only if it reads nothing else."},
	{Programs: []string{"perl", "raku"}, Does: Exec, Options: []string{"-e", "-E", "-d", "-D", "-I", "-M", "-m", "-n", "-p", "-x"}, How: "run code that an option names", Fix: "Remove the option from the pattern."},
	{Programs: []string{"ruby", "irb", "jruby"}, Does: Exec, Options: []string{"-e", "-r", "-I", "-C", "-x", "-S"}, How: "run code that an option names", Fix: "Remove the option from the pattern."},
	{Programs: []string{"node", "nodejs", "deno", "bun", "qjs", "gjs"}, Does: Exec, Options: []string{"-e", "-p", "-r", "-i", "-c", "-pe", "--eval", "--print", "--require", "--import", "--loader", "--experimental-loader", "--env-file", "--inspect-brk", "--interactive"}, How: "run code that an option names", Fix: "Remove the option from the pattern."},
	{Programs: []string{"php"}, Does: Exec, Options: []string{"-r", "-B", "-R", "-E", "-d", "-c", "-S", "-a", "-z", "--run"}, How: "run code that an option names", Fix: "Remove the option from the pattern."},
	{Programs: otherInterpreters, Does: Exec, Options: []string{"-e", "-E", "-l", "-i", "-g", "-s", "-x", "-jar", "-cp", "-classpath", "-javaagent", "--eval", "--exec", "--load", "--eval-file", "--agent"}, How: "run code that an option names", Fix: "Remove the option from the pattern."},
	{Programs: []string{"gdb", "lldb"}, Does: Exec, Options: []string{"-ex", "-iex", "-x", "-p", "--pid", "--command", "--eval-command", "-o", "-s", "--args", "-O"}, How: "run commands, shell ones too, and change any process of the login", Fix: "Remove the rule."},
	{Programs: []string{"go"}, Does: Exec, First: true, Words: []string{"run", "generate", "test", "build", "install", "tool"}, How: "compile and start code, and tools that flags name", Fix: "Write harmless subcommands out: version, env, list."},
	{Programs: []string{"cargo", "dotnet", "stack", "cabal", "mix", "rebar3", "swift", "zig", "nim", "crystal", "dub"}, Does: Exec, How: "compile and start code of the folder that it is in", Fix: "Allow it only in folders that the login cannot write, or remove the rule."},
	{Programs: []string{"gcc", "cc", "g++", "c++", "clang", "clang++", "tcc", "rustc", "ld"}, Does: Exec, Options: []string{"-wrapper", "-B", "-fplugin", "-specs", "-run", "-C", "-plugin"}, How: "start programs or load plugins that an option names", Fix: "Leave the option out of the pattern."},
	{Programs: slices.Concat(pythons, []string{"perl", "raku", "ruby", "irb", "jruby", "node", "nodejs", "deno", "bun", "php", "qjs", "gjs"}, otherInterpreters), Does: Exec, Words: []string{"/tmp/x", "/tmp/x.py", "x", "x.py", "x.js", "run", "eval"}, How: "run any script",
		Fix: "Name scripts in a folder that only root can write, by an enum of their full paths."},
	{Programs: slices.Concat(pythons, []string{"perl", "raku", "ruby", "irb", "node", "nodejs", "deno", "bun", "php"}, otherInterpreters), Does: Exec, Stdin: true, How: "run its input", Fix: "Give the rule stdin: sha256:… of the script that is meant."},
	{Programs: slices.Concat(pythons, []string{"irb", "node", "nodejs", "php", "gdb", "lldb"}, otherInterpreters), Does: Exec, PTY: true, How: "be a prompt that starts programs", Fix: "Leave pty out of the rule, or use a role with shell: recorded."},
	{Programs: []string{"awk", "gawk", "mawk", "nawk", "original-awk"}, Does: Exec, Words: []string{`BEGIN{system("id")}`, `BEGIN{"id"|getline}`},
		How: "start programs from its program text", Fix: "Write the awk program out in quotes; a free word there is code."},
	{Programs: []string{"awk", "gawk", "mawk", "nawk", "original-awk"}, Does: Exec, Options: []string{"-f", "--file", "-E", "--exec", "-i", "--include"},
		How: "read its program from a file", Fix: "Leave the option out of the pattern, or write a path that only root can write."},
	{Programs: []string{"gawk"}, Does: Load, Options: []string{"-l", "--load"}, How: "load a shared library", Fix: "Leave -l out of the pattern."},
	{Programs: []string{"openssl"}, Does: Load, Options: []string{"-engine", "-provider", "-provider-path"}, How: "load a shared library", Fix: "Leave these options out of the pattern."},
	{Programs: []string{"openssl"}, Does: Write, Options: []string{"-out", "-keyout", "-CAserial"}, How: "write a file", Fix: "Leave these options out of the pattern, or write their path out."},
	{Programs: []string{"openssl"}, Does: Network, Sub: []string{"s_client"}, How: "talk to any host", Fix: "Write the host and port out."},
	{Programs: []string{"openssl"}, Does: Read, Value: true, Options: []string{"-in"}, Words: somewhere, How: "print any file", Fix: "Use a path slot for -in."},
}

// Editors and viewers: most of them start a shell or an editor by a key.
var viewerPowers = []Power{
	{Programs: []string{"vim", "vi", "view", "nvim", "vimdiff", "rvim", "ex", "gvim", "emacs", "emacsclient", "ed", "red", "nano", "rnano", "pico", "joe", "micro", "mcedit", "mc", "helix", "hx", "kak", "ranger", "nnn", "lf", "vifm"}, Does: Exec, PTY: true,
		How: "start programs from inside (:! in vim, M-! in emacs, ^T in nano)", Fix: "Let people edit files in their repository, and let the agent copy a whole file to a path that the role lists."},
	{Programs: []string{"vim", "vi", "view", "nvim", "vimdiff", "ex", "gvim", "rvim"}, Does: Exec, Options: []string{"-c", "--cmd", "-S", "-u", "-s", "-w"}, How: "run editor commands from an option", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"vim", "vi", "view", "nvim", "vimdiff", "ex", "gvim", "rvim"}, Does: Exec, Words: []string{"+!id", "+:!id"}, How: "run editor commands from a word that begins with +", Fix: "Use a path slot."},
	{Programs: []string{"ex", "ed", "red"}, Does: Exec, Stdin: true, How: "run shell lines that stand in its input after !", Fix: "Leave stdin out of the rule."},
	{Programs: []string{"emacs", "emacsclient"}, Does: Exec, Options: []string{"--eval", "-e", "-l", "--load", "-f", "--script", "--batch"}, How: "run Lisp from an option", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"vim", "vi", "nvim", "ex", "ed", "nano", "emacs", "joe", "micro", "pico", "mcedit"}, Does: Write, Words: somewhere, How: "write the files that it opens", Fix: "Use a path slot, and a folder that holds no start-up files or keys."},
	{Programs: []string{"less", "more", "most", "pg", "lv", "zless", "bzless", "xzless", "zmore"}, Does: Exec, PTY: true, How: "start a shell by ! and an editor by v",
		Fix: "Leave pty out of the rule: without one it copies its input. LESSSECURE=1 closes it in less, not in the others."},
	{Programs: []string{"less"}, Does: Exec, Words: []string{"+!id"}, How: "run a command from a word that begins with +", Fix: "Use a path slot."},
	{Programs: []string{"less"}, Does: Write, Options: []string{"-o", "-O", "--log-file"}, How: "write a log file", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"less", "more", "most", "cat", "tac", "head", "tail", "nl", "od", "xxd", "hexdump", "hd", "strings", "rev", "fold", "fmt", "pr", "cut", "paste", "join", "comm", "column", "expand", "unexpand", "wc", "base64", "base32", "basenc", "uuencode", "look", "zcat", "bzcat", "xzcat", "zstdcat", "lz4cat", "bat", "batcat", "view", "nano", "vim", "vi",
		"sort", "uniq", "tsort", "diff", "diff3", "sdiff", "cmp", "colordiff", "xmllint", "ptx", "csplit", "split", "iconv", "file", "cksum", "sum", "md5sum", "sha1sum", "sha256sum", "sha512sum", "b2sum", "pandoc", "csvtool", "xsv", "mlr", "dos2unix", "aspell", "hunspell"},
		Does: Read, Words: []string{"/etc/shadow", "/home/deploy/.ssh/id_ed25519"}, How: "show any file that the login can read", Fix: "Use a path slot that names the folder."},
	{Programs: []string{"grep", "egrep", "fgrep", "zgrep", "rg", "ag", "ack", "jq", "yq", "sed", "awk", "gawk", "mawk"},
		Does: Read, Skip: 1, Words: []string{"/etc/shadow", "/home/deploy/.ssh/id_ed25519"}, How: "show any file that the login can read", Fix: "Use a path slot that names the folder."},
	{Programs: []string{"man", "apropos", "whatis"}, Does: Exec, Options: []string{"-P", "--pager", "-H", "--html", "-C", "--config-file", "-X", "-T", "--preconv"}, How: "start a pager or a browser that an option names", Fix: "Leave these options out of the pattern."},
	{Programs: []string{"man"}, Does: Exec, PTY: true, How: "open a pager that starts shells", Fix: "Leave pty out of the rule."},
	{Programs: []string{"man"}, Does: Exec, Words: []string{"/tmp/x.1"}, How: "format a file of one's choice, whose macros start programs in old versions", Fix: "Use a slot that takes names only, such as <enum:…>."},
	{Programs: []string{"info", "w3m", "lynx", "links", "elinks", "pinfo"}, Does: Exec, PTY: true, How: "start programs from inside", Fix: "Leave pty out of the rule."},
	{Programs: []string{"top", "htop", "atop", "iotop", "nmon", "glances", "btop"}, Does: Write, PTY: true, Options: []string{"-w", "--export"}, How: "write files", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"htop"}, Does: Exec, PTY: true, How: "start strace and lsof on any process of the login", Fix: "Use top -b -n 1 without a pty."},
	{Programs: []string{"bat", "batcat", "delta"}, Does: Exec, Options: []string{"--pager"}, How: "start a pager that an option names", Fix: "Leave --pager out of the pattern."},
}

// Tools that work on text.
var textPowers = []Power{
	{Programs: []string{"sed", "gsed", "ssed"}, Does: Exec, Words: []string{"1e id", "s/x/id/e"}, How: "start programs by the command e and the flag e of s", Fix: "Write the script out in quotes, or add --sandbox."},
	{Programs: []string{"sed", "gsed", "ssed"}, Does: Write, Words: []string{"w /tmp/x", "s/a/b/w /tmp/x"}, How: "write files by the command w", Fix: "Write the script out in quotes, or add --sandbox."},
	{Programs: []string{"sed", "gsed", "ssed", "perl", "ruby"}, Does: Write, Options: []string{"-i", "--in-place"}, How: "change files in place", Fix: "Leave -i out, or use path slots for the files."},
	{Programs: []string{"sed", "gsed", "ssed"}, Does: Exec, Options: []string{"-f", "--file"}, How: "read its script from a file", Fix: "Leave -f out of the pattern."},
	{Programs: []string{"sort"}, Does: Exec, Options: []string{"--compress-program"}, How: "start the program that packs its temporary files", Fix: "Leave --compress-program out of the pattern."},
	{Programs: []string{"sort", "shuf", "iconv", "xmllint", "ptx", "tree"}, Does: Write, Options: []string{"-o", "--output"}, How: "write a file", Fix: "Leave -o out of the pattern: output goes to the session."},
	{Programs: []string{"uniq", "xxd"}, Does: Write, Words: []string{"/tmp/x"}, How: "write its second operand", Fix: "Allow one operand only, by a path slot."},
	{Programs: []string{"grep", "egrep", "fgrep", "sort", "wc", "du", "diff", "date", "file", "cut"}, Does: Read, Value: true, Options: []string{"-f", "--file", "--files0-from", "--from-file"}, Words: somewhere, How: "show parts of any file as patterns or in its messages", Fix: "Leave the option out of the pattern, or use a path slot."},
	{Programs: []string{"rg"}, Does: Exec, Options: []string{"--pre", "--hostname-bin", "-z", "--search-zip"}, How: "start programs on each file", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"ag", "ack"}, Does: Exec, Options: []string{"--pager", "--env", "--ackrc", "-z"}, How: "start a pager that an option names", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"jq", "yq"}, Does: Read, Options: []string{"-f", "--from-file", "--slurpfile", "--rawfile", "--argfile", "-L"}, How: "show any file", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"yq"}, Does: Write, Options: []string{"-i", "--inplace"}, How: "change files in place", Fix: "Leave -i out of the pattern."},
	{Programs: []string{"split"}, Does: Exec, Options: []string{"--filter"}, How: "start a shell for each piece", Fix: "Leave --filter out of the pattern."},
	{Programs: []string{"split", "csplit"}, Does: Write, How: "write files beside each other", Fix: "Write the prefix out, in a folder of the role's."},
	{Programs: []string{"diff", "sdiff"}, Does: Write, Options: []string{"-o", "--output"}, How: "write a file", Fix: "Leave -o out of the pattern."},
	{Programs: []string{"pandoc"}, Does: Exec, Options: []string{"-F", "--filter", "-L", "--lua-filter", "--pdf-engine"}, How: "start filters", Fix: "Leave the option out of the pattern."},
	{Programs: []string{"m4"}, Does: Exec, Words: append([]string{"/tmp/x.m4"}, somewhere...), How: "start programs by syscmd in its input", Fix: "Remove the rule."},
	{Programs: []string{"m4", "bc", "dc"}, Does: Exec, Stdin: true, How: "start programs that its input names (syscmd in m4, ! in dc)", Fix: "Leave stdin out of the rule."},
	{Programs: []string{"dc"}, Does: Exec, Options: []string{"-e", "--expression", "-f"}, How: "start programs by ! in an expression", Fix: "Leave -e out of the pattern."},
	{Programs: []string{"patch"}, Does: Write, How: "write the files that a patch names", Fix: "Name the file with a path slot, and give the patch by stdin: sha256:…."},
	{Programs: []string{"envsubst"}, Does: Read, Stdin: true, How: "show the environment", Fix: "Write the list of variables out."},
}
