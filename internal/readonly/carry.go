package readonly

import "strings"

// reading is what carries files to a client: what is asked to look, and what it takes to read an open file.
var reading = append(append([]string(nil), looking...), "open", "read", "fstat")

// writing is what carries files to a target, beside it. Nothing makes a link.
var writing = []string{"write", "fsetstat", "setstat", "mkdir", "rmdir", "remove", "rename", "posix-rename", "fsync"}

// carrying are the options of a server that carries files: with -R where nothing may be written.
func carrying(write bool) []string {
	if !write {
		return []string{"-R", "-p", strings.Join(reading, ",")}
	}
	return []string{"-p", strings.Join(append(append([]string(nil), reading...), writing...), ",")}
}

// Transfer is the force-command of a certificate that carries files, as Command is of one that looks. Which files is not in it: the
// server has the login's own rights, and the door asks it for what was decided (docs/taken-over-door.md).
func Transfer(write bool) string { return "internal-sftp " + strings.Join(carrying(write), " ") }

// LocalTransfer is the same server as a program of this machine.
func LocalTransfer(write bool) []string { return append([]string{server()}, carrying(write)...) }
