package bastion

import (
	"slices"

	"gatehouse/policy"
)

// forEditors comes after the reason for which a shell without a terminal was denied. That is how VS Code Remote-SSH and editors like it begin: they feed the
// shell a script that installs a server, and reach that through forwards to ports that nobody knows before.
const forEditors = "An editor such as VS Code Remote-SSH begins so, and needs a shell and free forwards, which no list of commands can give. What works: single commands over plain ssh, sftp where files are granted, or for people a role with shell: recorded (docs/forwards.md). "

// editorShells are the programs that such an editor asks for by their names.
var editorShells = []string{"sh", "bash", "zsh", "dash", "ash", "ksh", "fish", "/bin/sh", "/bin/bash", "/usr/bin/bash"}

// looksLikeEditor reports whether a session asks for a shell that reads a script: by its name alone, or with options that make it a login shell or
// read its input, and without a terminal.
func (s *session) looksLikeEditor(p policy.Plan) bool {
	if s.pty != nil {
		return false
	}
	if p.Op == policy.OpShell {
		return p.Text == ""
	}
	if !p.Alone() || len(p.Argv) == 0 || !slices.Contains(editorShells, p.Argv[0]) {
		return false
	}
	for _, arg := range p.Argv[1:] {
		if !slices.Contains([]string{"-l", "-s", "-ls", "-i", "--login", "--noprofile", "--norc"}, arg) {
			return false
		}
	}
	return true
}
