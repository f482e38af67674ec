package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
)

// What every client meets: one target with one login, and the sizes of what is carried.
const (
	targetName = "web-1"
	login      = "deploy"
	loginUID   = 2001
	bigSize    = 32 << 20 // what a client reads, and sends as a file
	inputSize  = 8 << 20  // what a client sends to a command
)

// policyHead is the policy but for its agents, of which each client has one of its own.
const policyHead = `version: 1
people: {ann: {roles: [oncall]}}
roles:
  oncall: {rights: [view, operate]}
  tested:
    targets: [web-1]
    logins: [deploy]
    env: [LANG, "LC_*", APP_MODE]
    files: {read: [/srv/files, "/srv/files/**", /srv/big], write: ["/srv/files/**", "/home/deploy/.ansible/tmp/**"], by: [sftp, scp, rsync, git]}
    forward: [{to: "127.0.0.1:@ECHO@", via: target}]
    allow:
      - uptime
      - leave <int>
      - fall <text>
      - say <text>...
      - emit
      - {run: swap, stdin: data}
      - show-env
      - {run: digest, stdin: data}
      - {run: reply, stdin: data}
      - {run: meet, stdin: data}
      - {run: size, pty: true}
      - {run: trapper, pty: true}
      - hold
      - {run: /usr/bin/python3, stdin: data} # Ansible's modules, from here on: docs/examples/harness/ansible
      - {run: "/usr/bin/python3 <path:~/.ansible/tmp/ansible-tmp-*/*>", pty: true}
      - {run: sleep 0, pty: true}
      - echo <path:~>
      - echo <re:ansible-tmp-[0-9.]+-[0-9]+-[0-9]+=/[^ ]+>
      - mkdir -p <path:~/.ansible/tmp>
      - mkdir <path:~/.ansible/tmp/ansible-tmp-*>
      - {run: "dd of=<path:~/.ansible/tmp/ansible-tmp-*/*> bs=65536", stdin: data}
      - chmod u+x <path:~/.ansible/tmp/ansible-tmp-*> [<path:~/.ansible/tmp/ansible-tmp-*/*>]
      - rm -f -r <path:~/.ansible/tmp/ansible-tmp-*>
      - {run: "dd if=<path:/srv/files/**> bs=65536"}
      - slow <int>
`

// programs are on the target's PATH.
var programs = map[string]string{
	"leave":    "exit \"$1\"\n",
	"fall":     "echo falling\nkill -\"$1\" $$\nsleep 60\n",
	"say":      "echo \"$1\"\necho \"$2\" >&2\n",
	"emit":     "exec cat /srv/big\n",
	"swap":     "cat /srv/big &\ncat >/dev/null\nwait\n", // both ways at once
	"show-env": "exec env\n",
	"digest":   "exec sha256sum\n",
	"reply":    "n=$(wc -c)\necho got $n\nsleep 1\necho after\nexit 9\n", // its output begins when the input has ended
	"meet":     "echo ready\nexec cat\n",
	"size":     "trap 'stty size; exit 5' WINCH\nstty size\nwhile :; do sleep 0.1; done\n",
	"trapper":  "trap 'echo caught; exit 6' TERM INT\necho ready\nwhile :; do sleep 0.1; done\n",
	"hold":     "echo ready\nexec sleep 600\n",
	"slow":     "echo begun\nsleep \"$1\"\necho done\n",
}

// world is a running Gatehouse with its target, and what the clients are given.
type world struct {
	dir, drivers string // drivers: the programs that speak for the clients
	gate         *testgate.Gate
	host         *testhost.Host
	big, input   string // files with random bytes
	bigSum       string // SHA-256, hex
	inputSum     string
	hostKey      string // the door's plain key, as in authorized_keys
	fingerprint  string

	echo *echo // what a forward may reach
}

// open starts everything for these clients.
func open(ctx context.Context, dir, binary string, clients []client, log func(line string)) (*world, error) {
	echo, err := listenEcho()
	if err != nil {
		return nil, err
	}
	policy := strings.ReplaceAll(policyHead, "@ECHO@", echo.port()) + "agents:\n"
	for _, c := range clients {
		policy += fmt.Sprintf("  %s: {owner: person:ann, roles: [tested]}\n", c.name)
	}
	scripts := map[string]string{}
	for name, text := range programs {
		scripts[name] = "#!/bin/sh\n" + text
	}
	w := &world{dir: dir, big: filepath.Join(dir, "big"), input: filepath.Join(dir, "input"), echo: echo}
	w.gate, err = testgate.Start(ctx, testgate.Config{Dir: dir, Binary: binary, Policy: policy, Log: log,
		Hosts: []testhost.Config{{Name: targetName, Accounts: []testhost.Account{{Name: login, UID: loginUID}}, Programs: scripts, Options: []string{"DisableForwarding no", "AllowTcpForwarding local"}}}})
	if err != nil {
		return nil, errors.Join(err, echo.close())
	}
	w.host = w.gate.Hosts[targetName]
	if err := w.furnish(ctx, clients); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// furnish makes the clients' certificates and the files that are carried.
func (w *world) furnish(ctx context.Context, clients []client) error {
	if _, err := w.gate.Enrol(ctx, "person", "ann"); err != nil {
		return err
	}
	for _, c := range clients {
		if _, err := w.gate.Enrol(ctx, "agent", c.name); err != nil {
			return err
		}
	}
	var err error
	if w.bigSum, err = randomFile(w.big, bigSize); err != nil {
		return err
	}
	if w.inputSum, err = randomFile(w.input, inputSize); err != nil {
		return err
	}
	onTarget, err := w.host.Path("/srv/big")
	if err != nil {
		return err
	}
	if err := os.Link(w.big, onTarget); err != nil {
		return fmt.Errorf("put a file on the target: %w", err)
	}
	folder, err := w.host.Path("/srv/files")
	if err != nil {
		return err
	}
	for _, path := range append([]string{folder}, seats(folder, clients)...) {
		if err := errors.Join(os.MkdirAll(path, 0o755), os.Chown(path, loginUID, loginUID)); err != nil {
			return fmt.Errorf("make the clients' folders: %w", err)
		}
	}
	return w.learnKey(ctx)
}

// learnKey asks the door for its plain host key, as an administrator does who hands it out.
func (w *world) learnKey(ctx context.Context) error {
	host, port, _ := strings.Cut(w.gate.SSHAddr, ":")
	r, err := testhost.Run(ctx, nil, "ssh-keyscan", "-t", "ed25519", "-p", port, host)
	if err != nil {
		return err
	}
	_, line, _ := strings.Cut(strings.TrimSpace(r.Stdout), " ")
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return fmt.Errorf("the door's host key %q: %w", r.Stdout, err)
	}
	w.hostKey, w.fingerprint = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), ssh.FingerprintSHA256(key)
	return nil
}

// randomFile writes n bytes, the same in every run, and returns their SHA-256.
func randomFile(path string, n int) (string, error) {
	b := make([]byte, n)
	source := rand.NewChaCha8([32]byte{byte(n >> 20)})
	if _, err := source.Read(b); err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), os.WriteFile(path, b, 0o644)
}

func (w *world) close() error { return errors.Join(w.gate.Close(), w.echo.close()) }

// wrongKey is a host key that the door does not have.
func wrongKey() (string, error) {
	const text = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
	_, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
	return text, err
}

// seats are the clients' own folders below one on the target.
func seats(folder string, clients []client) []string {
	var out []string
	for _, c := range clients {
		out = append(out, filepath.Join(folder, c.name))
	}
	return out
}
