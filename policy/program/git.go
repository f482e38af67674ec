package program

import "slices"

// gitEnv keeps git away from configuration outside the repository, pagers, editors and prompts.
var gitEnv = [][2]string{
	{"GIT_CONFIG_NOSYSTEM", "1"}, {"GIT_CONFIG_GLOBAL", "/dev/null"}, {"GIT_TERMINAL_PROMPT", "0"}, {"GIT_PAGER", "cat"}, {"PAGER", "cat"},
	{"GIT_EDITOR", "false"}, {"GIT_SEQUENCE_EDITOR", "false"},
}

// gitRemoteEnv keeps the repository's core.sshCommand and core.askPass from being started.
var gitRemoteEnv = [][2]string{{"GIT_SSH_COMMAND", "ssh"}, {"GIT_ASKPASS", "false"}}

// gitConfig are the settings that outweigh what the repository's own configuration starts, whatever the sub-command.
var gitConfig = []string{"-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat"}

// gitSignature keeps log and its like from starting the repository's program for signatures.
var gitSignature = []string{"-c", "log.showSignature=false", "-c", "gpg.program=false", "-c", "gpg.ssh.program=false", "-c", "gpg.x509.program=false"}

// gitTransport forgets the repository's credential helpers and refuses URLs that are commands.
var gitTransport = []string{"-c", "credential.helper=", "-c", "protocol.ext.allow=never"}

// gitNoDrivers are options of the sub-commands that show differences: no diff or textconv program of the repository starts.
var gitNoDrivers = []string{"--no-ext-diff", "--no-textconv"}

// gitServed are the sub-commands that serve a client. The hooks are the served repository's guard and stay.
var gitServed = []string{"upload-pack", "receive-pack", "upload-archive"}

var (
	gitBlaming = []string{"blame", "annotate"}
	gitShowing = []string{"diff", "log", "show", "whatchanged", "diff-tree", "diff-index", "diff-files", "format-patch", "reflog"}
	gitRemote  = []string{"fetch", "pull", "push", "clone", "ls-remote", "submodule", "remote", "archive"}
)

// gitAdditions puts settings right before the sub-command, where they outweigh those that were asked for, and options
// right after it.
func gitAdditions(argv []string) (added []string, env [][2]string) {
	at := gitSubCommand(argv)
	if at == len(argv) {
		return slices.Insert(slices.Clone(argv), 1, gitConfig...), nil
	}
	name := argv[at]
	if slices.Contains(gitServed, name) {
		return argv, nil
	}
	before := slices.Clone(gitConfig)
	var after []string
	if slices.Contains(gitShowing, name) {
		before, after = append(before, gitSignature...), gitDriverOptions(argv[at:])
	}
	if slices.Contains(gitBlaming, name) {
		after = []string{"--no-textconv"}
	}
	if slices.Contains(gitRemote, name) {
		before, env = append(before, gitTransport...), gitRemoteEnv
	}
	last := at + 1
	if name == "stash" && len(argv) > last && argv[last] == "list" {
		before, after, last = append(before, gitSignature...), gitNoDrivers, last+1
	}
	return slices.Concat(argv[:at], before, argv[at:last], after, argv[last:]), env
}

// gitDriverOptions are the options right after the sub-command. reflog takes them only where it shows.
func gitDriverOptions(command []string) []string {
	if command[0] == "reflog" && len(command) > 1 && command[1] != "" && command[1][0] != '-' {
		return nil
	}
	return gitNoDrivers
}

// gitSubCommand is the index of the sub-command; len(argv) if there is none, or options of git's own stand before it that
// nobody has looked at.
func gitSubCommand(argv []string) int {
	for at := 1; at < len(argv); at++ {
		switch word := argv[at]; word {
		case "-C", "-c", "--git-dir", "--work-tree", "--namespace", "--super-prefix", "--config-env":
			at++
		case "-p", "--paginate", "-P", "--no-pager", "--bare", "--no-replace-objects", "--literal-pathspecs", "--glob-pathspecs",
			"--noglob-pathspecs", "--icase-pathspecs", "--no-optional-locks":
		default:
			if word == "" || word[0] != '-' {
				return at
			}
			if !gitJoined(word) {
				return len(argv)
			}
		}
	}
	return len(argv)
}

// gitJoined reports whether a word is an option of git's own with its value.
func gitJoined(word string) bool {
	for _, name := range []string{"--git-dir=", "--work-tree=", "--namespace=", "--super-prefix=", "--config-env="} {
		if len(word) > len(name) && word[:len(name)] == name {
			return true
		}
	}
	return false
}
