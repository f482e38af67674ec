// Package readonly says how OpenSSH's SFTP server is started so that it only looks: as a certificate's force-command, and as a
// program of this machine; and, for file transfers, so that it takes what they need and no more.
//
// It trusts sftp-server(8) to keep to -R and -p, which both exist since OpenSSH 8.2. The words are one place for the decider that
// signs them, for the door that asks, and for the checks.
package readonly

import (
	"os"
	"strings"
)

// looking is what may be asked, by sftp-server's own names. readlink is one of them because a chain of links can only be judged
// link by link: realpath shows its end and hides who may turn it elsewhere.
var looking = []string{"realpath", "stat", "lstat", "readlink", "opendir", "readdir", "close"}

// options are those of both servers; hash adds what it takes to read a file's content.
func options(hash bool) []string {
	requests := looking
	if hash {
		requests = append(requests[:len(requests):len(requests)], "open", "read")
	}
	return []string{"-R", "-p", strings.Join(requests, ",")}
}

// Command is the force-command of a certificate that only looks. sshd runs its own SFTP server for it, inside the session's
// process as the login: no login shell and no start-up file is read, and no program of the target is needed. It is to be asked for
// as the subsystem sftp, which sshd_config must have; whichever server is named there, this one runs. An exec or a shell by such a
// certificate runs nothing (measured with OpenSSH 9.2: "This service allows sftp connections only").
func Command(hash bool) string { return "internal-sftp " + strings.Join(options(hash), " ") }

// servers are where distributions keep sftp-server.
var servers = []string{"/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server", "/usr/libexec/sftp-server"}

// LocalArgv is the same server as a program of this machine. Whoever starts it does so as the login's user, in that user's home,
// which the server takes for the place where a login begins.
func LocalArgv(hash bool) []string { return append([]string{server()}, options(hash)...) }

// server is this machine's.
func server() string {
	for _, s := range servers {
		if info, err := os.Stat(s); err == nil && info.Mode().IsRegular() {
			return s
		}
	}
	return servers[0]
}
