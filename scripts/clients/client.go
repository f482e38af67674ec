package main

import "regexp"

// client is one row: a program that speaks for a stock client in the words of docs/spec/client-driver.md.
type client struct {
	name    string // of its agent, its folder and for -only
	title   string // in the table
	driver  []string
	tool    bool               // a row of the second table
	relay   bool               // it cannot show a certificate: all but that goes through docs/examples/clients/relay.sh
	env     []string           // more of the driver's environment
	version []string           // prints its version somewhere in its output
	refused map[string]refusal // by cell
}

// refusal is what a client says where the door refuses it on purpose, and why it does.
type refusal struct {
	says *regexp.Regexp
	why  string
}

// noCertificate is what whoever cannot show a certificate hears.
var noCertificate = regexp.MustCompile(`gatehouse: this key is not accepted: what opens this door is a certificate`)

// noCurl is what curl says where it has no algorithm in common with the door.
var noCurl = regexp.MustCompile(`Unable to exchange encryption keys`)

// noReason is what a client says that does not show what the server wrote.
var noReason = regexp.MustCompile(`Permission denied`)

// clients are the rows, in the table's order. A driver's first word is a file of testdata/drivers or a program.
var clients = []client{
	{name: "openssh", title: "OpenSSH", driver: []string{"openssh.sh"}, version: []string{"ssh", "-V"}},
	{name: "openssh-7", title: "OpenSSH", driver: []string{"openssh.sh"}, env: []string{"GH_SSH=ssh1"}, version: []string{"ssh1", "-V"}},
	{name: "jump", title: "OpenSSH `-J`", driver: []string{"openssh.sh"}, env: []string{"GH_WAY=jump"}, version: []string{"ssh", "-V"}},
	{name: "proxycommand", title: "OpenSSH `ProxyCommand -W`", driver: []string{"openssh.sh"}, env: []string{"GH_WAY=proxy"}, version: []string{"ssh", "-V"}},
	{name: "putty", title: "PuTTY: plink, pscp, psftp", driver: []string{"putty.sh"}, version: []string{"plink", "-V"}},
	{name: "dropbear", title: "dropbear `dbclient` (relay)", relay: true, driver: []string{"dropbear.sh"}, version: []string{"dbclient", "-V"},
		refused: map[string]refusal{"certificate": {noCertificate, "dbclient knows no certificates"},
			"agent": {regexp.MustCompile("No auth methods could be used"), "dbclient leaves out what is a certificate of the keys in an agent"}}},
	{name: "paramiko", title: "paramiko", driver: []string{"/usr/bin/python3", "paramiko_driver.py"}, version: []string{"/usr/bin/python3", "-c", "import paramiko; print('paramiko', paramiko.__version__)"}},
	{name: "asyncssh", title: "asyncssh", driver: []string{"/usr/bin/python3", "asyncssh_driver.py"}, version: []string{"/usr/bin/python3", "-c", "import asyncssh; print('asyncssh', asyncssh.__version__)"},
		refused: map[string]refusal{"agent": {regexp.MustCompile("Permission denied"), "this version offers a certificate from an agent as if it were its bare key; name the files"}, "rekey": {regexp.MustCompile("Connection lost"), "this version goes on sending data after it has begun a key exchange, which RFC 4253 section 7.1 forbids"}}},
	{name: "xcrypto", title: "golang.org/x/crypto/ssh", driver: []string{"bin/xcrypto"}, version: []string{"go", "list", "-m", "golang.org/x/crypto"}},
	{name: "libssh", title: "libssh", driver: []string{"bin/libssh"}, version: []string{"pkg-config", "--modversion", "libssh"}},
	{name: "node", title: "ssh2 for Node.js (relay)", relay: true, driver: []string{"node", "ssh2.js"}, version: []string{"npm", "ls", "--prefix", "bin/e2e", "ssh2"},
		refused: map[string]refusal{"certificate": {noCertificate, "ssh2 knows no certificates"},
			"agent": {regexp.MustCompile("All configured authentication methods failed"), "ssh2 leaves out what is a certificate of the keys in an agent"}}},
}
