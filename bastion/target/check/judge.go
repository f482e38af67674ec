package check

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"gatehouse/ca"
	"gatehouse/policy"
)

// shells are the login shells whose quoting and options are known. With each: what it reads before a command that sshd gives it
// with -c, in the home and besides. A folder stands for what is in it, which those made who may change the folder.
var shells = map[string]struct{ home, system []string }{
	"sh": {}, "dash": {},
	"bash": {home: []string{".bashrc"}, system: []string{"/etc/bash.bashrc"}}, // under sshd, as Debian builds it
	"zsh":  {home: []string{".zshenv"}, system: []string{"/etc/zshenv", "/etc/zsh/zshenv"}},
	"fish": {home: []string{".config/fish/config.fish", ".config/fish/conf.d", ".config/fish/functions", ".config/fish/fish_variables",
		".local/share/fish/vendor_conf.d", ".local/share/fish/vendor_functions.d"},
		system: []string{"/etc/fish/config.fish", "/etc/fish/conf.d", "/etc/fish/functions", "/usr/share/fish/vendor_conf.d", "/usr/share/fish/vendor_functions.d"}},
}

// shellFolders are where such a shell lies.
var shellFolders = []string{"/bin", "/usr/bin"}

// shellsThatWork is for people.
const shellsThatWork = "the shells that work are sh, dash, bash, zsh and fish in /bin or /usr/bin"

// behindSh are the shells that keep to POSIX and read nothing when they are called sh.
var behindSh = []string{"sh", "dash", "bash", "busybox"}

// knownShell is the name of the shell that reads the login's commands, which decides what it makes of them and what it reads before.
// Both the name in the account database and the file behind it must be known: rbash is bash by another name, and a link that is
// called bash may lead anywhere.
func knownShell(named, real string) (name string, ok bool) {
	name = path.Base(named)
	_, ok = shells[name]
	if behind := path.Base(real); behind != name && !(name == "sh" && slices.Contains(behindSh, behind)) {
		return name, false
	}
	return name, ok && inShellFolder(named) && inShellFolder(real)
}

func inShellFolder(name string) bool {
	return path.Clean(name) == name && slices.Contains(shellFolders, path.Dir(name))
}

// judge says what the script's answer means. server is the version line.
func (c *checker) judge(f *findings, l lookAround, server string) {
	if l.login != f.login {
		f.add(Broken, "login", "two accounts share a number there: give the login its own", "the session runs as %q", l.login)
	}
	c.judgeShell(f, l)
	c.judgeSystem(f, l)
	c.judgeKeys(f, l)
	c.judgePrincipals(f, l)
	c.judgeEnvironment(f, l)
	c.judgeStarts(f, l)
	c.judgePenalties(f, l, server)
}

func (c *checker) judgeShell(f *findings, l lookAround) {
	shell := l.shell
	if shell == "" {
		shell = "/bin/sh" // passwd(5)
	}
	name, known := knownShell(shell, l.real)
	reads := shells[name]
	const do = "chsh -s /bin/sh: a plain sh reads no start-up file before a command"
	switch {
	case !known:
		f.add(Broken, "login shell", do+"; "+shellsThatWork, "%s is none of the shells that work: what it makes of a command is not what was decided", behind(shell, l.real))
		return
	case l.files[shell].state != rootsOwn:
		f.add(Broken, "login shell", do, "others than root may change %s", shell)
	default:
		f.add(OK, "login shell", "", "%s, which root alone may change", behind(shell, l.real))
	}
	names := slices.Clone(reads.system)
	for _, name := range reads.home {
		names = append(names, path.Join(l.home, name))
	}
	level, worst := OK, ""
	for _, name := range names {
		switch file, there := l.files[name]; {
		case !there:
			level, worst = Broken, name+" was not looked at"
		case file.state == others:
			level, worst = Broken, "others than root may change "+name
		case file.state == absentOpen && level == OK:
			level, worst = Weak, "others than root may make "+name
		}
	}
	if level == OK {
		f.add(OK, "rc files", "", "before a command %s reads %s", path.Base(shell), describe(names))
		return
	}
	f.add(level, "rc files", do, "%s, and %s reads it before each command", worst, path.Base(shell))
}

// behind names a shell, and the file behind it if that is another.
func behind(named, real string) string {
	if real == "" || real == named {
		return named
	}
	return named + ", which is " + real
}

func describe(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return "only what is root's: " + strings.Join(names, " ")
}

// judgeSystem is about the files of the system that shells and sshd read.
func (c *checker) judgeSystem(f *findings, l lookAround) {
	var bad []string
	for name, file := range l.files {
		if strings.HasPrefix(name, "/etc/") && file.state != rootsOwn && file.state != absent {
			bad = append(bad, name)
		}
	}
	slices.Sort(bad)
	switch {
	case len(bad) > 0:
		f.add(Broken, "system files", "chown root and chmod go-w them, and the folders above them", "others than root may change %s", strings.Join(bad, " "))
	case l.files["/etc/ssh"].state != rootsOwn:
		f.add(NotChecked, "system files", "", "the answer has nothing about /etc/ssh")
	default:
		f.add(OK, "system files", "", "what shells and sshd read below /etc is root's")
	}
}

// judgeKeys is about keys of the login's own, which would open it past Gatehouse.
func (c *checker) judgeKeys(f *findings, l lookAround) {
	const what, do = "own keys", "AuthorizedKeysFile none and AuthorizedKeysCommand none for the login: gatehouse targets enroll prints a script that does it"
	file, known := l.settings["authorizedkeysfile"]
	command := l.settings["authorizedkeyscommand"]
	if known && file == "none" && (command == "none" || command == "") {
		f.add(OK, what, "", "sshd reads no authorized_keys")
		return
	}
	var full, open bool
	for _, name := range []string{".ssh/authorized_keys", ".ssh/authorized_keys2"} {
		seen, there := l.files[path.Join(l.home, name)]
		full = full || seen.full
		open = open || !there || seen.state == others || seen.state == absentOpen
	}
	switch {
	case known && file != "none" && file != "":
		f.add(Broken, what, do, "sshd reads keys from %s", file)
	case full:
		f.add(Broken, what, do, "there are keys in its authorized_keys, and nothing says that sshd does not read them")
	case open:
		f.add(NotChecked, what, "", "the login may make an authorized_keys, and only root there can say whether sshd reads it")
	default:
		f.add(OK, what, "", "there is no authorized_keys, and root alone may make one")
	}
}

func (c *checker) judgePrincipals(f *findings, l lookAround) {
	const what, dir = "principals", "/etc/ssh/gatehouse/principals/"
	want := ca.TargetPrincipal(c.cfg.Target.Name, policy.Login(f.login))
	switch file := l.files[dir+f.login]; {
	case file.state == others:
		f.add(Broken, what, "chown root and chmod go-w it, and the folders above it", "others than root may change %s%s", dir, f.login)
	case file.state != rootsOwn:
		f.add(NotChecked, what, "", "there is no %s%s: where sshd reads principals, only root there can say", dir, f.login)
	case !slices.Equal(l.principals, []string{want}):
		f.add(Broken, what, "it must hold "+want+" alone", "%s%s holds %q", dir, f.login, l.principals)
	default:
		f.add(OK, what, "", "%s alone, in a file of root's", want)
	}
}

// judgeEnvironment is about files by which a login changes the environment of what was decided.
func (c *checker) judgeEnvironment(f *findings, l lookAround) {
	const what = "environment"
	for _, name := range []string{".ssh/environment", ".pam_environment"} {
		file := l.files[path.Join(l.home, name)]
		if file.full && !(name == ".ssh/environment" && l.settings["permituserenvironment"] == "no") {
			f.add(Weak, what, "remove it; PermitUserEnvironment no in sshd_config, no user_readenv in PAM", "%s may change the environment of what runs", path.Join(l.home, name))
			return
		}
	}
	if l.settings["permituserenvironment"] != "no" {
		f.add(NotChecked, what, "", "only root there can say whether sshd reads ~/.ssh/environment")
		return
	}
	f.add(OK, what, "", "sshd reads no ~/.ssh/environment, and PAM's is not there")
}

// minStarts is how many connections at once a target should take before it refuses some: stock sshd begins with 10.
const minStarts = 100

func (c *checker) judgeStarts(f *findings, l lookAround) {
	const what, do = "MaxStartups", "MaxStartups 200:30:1000, which gatehouse targets enroll writes"
	value, known := l.settings["maxstartups"]
	first, _, _ := strings.Cut(value, ":")
	n, err := strconv.ParseUint(first, 10, 31)
	switch {
	case !known:
		f.add(NotChecked, what, "", "only root there can ask sshd; "+do)
	case err != nil:
		f.add(NotChecked, what, "", "%q is no number", value)
	case n < minStarts:
		f.add(Weak, what, do, "%s: many sessions that begin at once are refused", value)
	default:
		f.add(OK, what, "", "%s", value)
	}
}

// judgePenalties: sshd from 9.8 on shuts out an address from which sign-ins fail, unless it is exempt.
func (c *checker) judgePenalties(f *findings, l lookAround, server string) {
	const what, do = "penalties", "PerSourcePenaltyExemptList with Gatehouse's address, which gatehouse targets enroll writes"
	major, minor, ok := version(server)
	exempt := l.settings["persourcepenaltyexemptlist"]
	switch {
	case !ok:
		f.add(NotChecked, what, "", "its version is not known")
	case major < 9 || major == 9 && minor < 8:
		f.add(OK, what, "", "this version of sshd has none")
	case l.settings["persourcepenalties"] == "no":
		f.add(OK, what, "", "they are off")
	case exempt != "" && exempt != "none":
		f.add(OK, what, "", "%s is exempt", exempt)
	default:
		f.add(Weak, what, do, "nothing says that Gatehouse's address is exempt: sign-ins that fail may shut it out")
	}
}
