package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/testhost"
)

//go:embed files
var files embed.FS

// world is everything that runs during the demo, in its own folder.
type world struct {
	screen *screen
	dir    string // holds all that is written
	binary string // gatehouse
	config string // gatehouse.yaml
	webURL string

	hostKey    ed25519.PrivateKey // the target's, pinned in targets.yaml before it starts
	targetPort int
	target     *testhost.Host
	server     *server
	enrolled   bool // everything was set up, so there is a log to verify
}

// addresses fill the templates in files.
type addresses struct{ Door, Web, URL, Target, HostKey, Approves string }

// build makes the world. When it fails, the world is still returned for tearDown, as far as it got.
func build(ctx context.Context, binary string, s *screen) (*world, error) {
	dir, err := os.MkdirTemp("", "gatehouse-demo-")
	if err != nil {
		return nil, fmt.Errorf("make the demo's folder: %w", err)
	}
	w := &world{screen: s, dir: dir, binary: binary, config: filepath.Join(dir, "gatehouse.yaml")}
	s.title("Setting up in " + dir)
	if err := os.Chmod(dir, 0o755); err != nil { // the door's own user must get through to its data
		return w, err
	}
	for _, step := range []struct {
		what string
		do   func(context.Context) (string, error)
	}{
		{"write configuration", w.configure},
		{"start the target", w.startTarget},
		{"start gatehouse", w.startServer},
		{"enrol ann", func(ctx context.Context) (string, error) { return w.enrol(ctx, "person", "ann", "8h") }},
		{"enrol ben", func(ctx context.Context) (string, error) { return w.enrol(ctx, "person", "ben", "8h") }},
		{"enrol demo-bot", func(ctx context.Context) (string, error) {
			return w.enrol(ctx, "agent", "demo-bot", "15m", "--task", "DEMO-1")
		}},
	} {
		done, err := step.do(ctx)
		if err != nil {
			return w, fmt.Errorf("%s: %w", step.what, err)
		}
		s.check(done, true, "")
	}
	w.enrolled = true
	return w, nil
}

// configure writes the three files, with ports that are free now.
func (w *world) configure(ctx context.Context) (string, error) {
	approves, err := w.approvalKey(ctx)
	if err != nil {
		return "", err
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	hostKey, err := ssh.NewPublicKey(public)
	if err != nil {
		return "", err
	}
	w.hostKey = key
	var ports [3]int
	for i := range ports {
		if ports[i], err = testhost.FreePort(); err != nil {
			return "", err
		}
	}
	local := func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
	w.webURL, w.targetPort = fmt.Sprintf("http://localhost:%d", ports[1]), ports[2]
	return "gatehouse.yaml, targets.yaml and policy.yaml are written: they are short, read them", w.render(addresses{
		Door: local(ports[0]), Web: local(ports[1]), URL: w.webURL,
		Target: local(ports[2]), HostKey: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(hostKey))), Approves: approves,
	})
}

func (w *world) render(a addresses) error {
	all, err := template.ParseFS(files, "files/*.yaml")
	if err != nil {
		return err
	}
	for _, t := range all.Templates() {
		var text bytes.Buffer
		if err := t.Execute(&text, a); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(w.dir, t.Name()), text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// enrol makes a key as its owner would, and a certificate and a client configuration for it.
func (w *world) enrol(ctx context.Context, kind, name, ttl string, more ...string) (string, error) {
	folder := filepath.Join(w.dir, name)
	key := filepath.Join(folder, "id_ed25519")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", err
	}
	if err := w.tool(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key); err != nil {
		return "", err
	}
	issue := append([]string{"issue", "--config", w.config, "--" + kind, name, "--public-key", key + ".pub", "--ttl", ttl}, more...)
	if err := w.tool(ctx, w.binary, issue...); err != nil {
		return "", err
	}
	if err := w.tool(ctx, w.binary, "ssh-config", "--config", w.config, "--identity", key, "--out", folder); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s has a key of their own and a certificate for %s", kind, name, ttl), nil
}

// tool runs a program that must succeed.
func (w *world) tool(ctx context.Context, name string, args ...string) error {
	r, err := testhost.Run(ctx, nil, name, args...)
	if err != nil {
		return err
	}
	if r.Status != 0 {
		return fmt.Errorf("%s %q: exit status %d: %s", filepath.Base(name), args, r.Status, strings.TrimSpace(r.Stderr))
	}
	return nil
}

// ssh runs the stock client as demo-bot, ann or ben and shows the line as a person would type it in the demo's folder.
func (w *world) ssh(ctx context.Context, who string, args ...string) (testhost.Result, error) {
	shown := "ssh -F " + who + "/ssh_config"
	for _, a := range args {
		shown += " " + quote(a)
	}
	w.screen.command(shown)
	r, err := testhost.SSH(ctx, w.clientConfig(who), nil, args...)
	w.screen.output(r.Stdout)
	w.screen.output(r.Stderr)
	return r, err
}

func (w *world) clientConfig(who string) string { return filepath.Join(w.dir, who, "ssh_config") }

// quote writes an argument so that a shell reads it back.
func quote(arg string) string {
	if arg != "" && !strings.ContainsAny(arg, " \t\n'\"\\$`&|;<>()*?[]{}#~!") {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// tearDown ends everything and checks that nothing is left.
func (w *world) tearDown() {
	w.screen.title("Cleaning up")
	var pids []int
	if w.server != nil {
		pids = w.server.family()
		err := w.server.stop()
		w.screen.check("gatehouse ended by itself on SIGTERM", err == nil, fmt.Sprint(err))
		if w.screen.failed > 0 {
			w.screen.note("The end of gatehouse.log:\n%s", w.server.lastWords())
		}
	}
	if w.target != nil {
		pids = append(pids, w.target.PID())
		err := w.target.Close()
		w.screen.check("the target and all its processes ended", err == nil, fmt.Sprint(err))
	}
	left, err := survivors(pids, w.dir)
	w.screen.check("no process is left", err == nil && len(left) == 0, fmt.Sprint(left, err))
	if w.enrolled {
		r, err := w.verify(context.Background())
		w.screen.check("the audit log still verifies, to its last entry", err == nil && r.Status == 0, describe(r))
	}
	err = os.RemoveAll(w.dir)
	w.screen.check("the demo's folder is gone", err == nil, fmt.Sprint(err))
}
