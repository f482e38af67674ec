package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
)

const policy = `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [r]}}
roles: {r: {targets: ["*"], logins: [deploy], allow: [echo <text>..., sleep <int>]}}
`

// door is the installation, and the good client.
type door struct {
	gate    *testgate.Gate
	key     ssh.Signer
	issued  time.Time
	slowest time.Duration
}

func open(ctx context.Context, dir, binary string) (*door, error) {
	g, err := testgate.Start(ctx, testgate.Config{Dir: dir, Binary: binary, Policy: policy,
		Limits: "unclosed: 2s, stalled: 10s, authentication: 5s, starting: 1000, starting_per_source: 1000",
		Hosts:  []testhost.Config{{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: 2000}}}}})
	if err != nil {
		return nil, err
	}
	d := &door{gate: g}
	return d, d.certify(ctx)
}

// certify has a new certificate made when the last one is old.
func (d *door) certify(ctx context.Context) error {
	if time.Since(d.issued) < 10*time.Minute {
		return nil
	}
	config, err := d.gate.Enrol(ctx, "agent", "bot", "--ttl", "15m")
	if err != nil {
		return err
	}
	private, err := os.ReadFile(filepath.Join(filepath.Dir(config), "id"))
	if err != nil {
		return err
	}
	base, err := ssh.ParsePrivateKey(private)
	if err != nil {
		return err
	}
	public, err := os.ReadFile(filepath.Join(filepath.Dir(config), "id-cert.pub"))
	if err != nil {
		return err
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(public)
	if err != nil {
		return err
	}
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return errors.New("no certificate was issued")
	}
	d.key, err = ssh.NewCertSigner(cert, base)
	d.issued = time.Now()
	return err
}

// served is the good client; also it looks for faults.
func (d *door) served() error {
	if err := d.certify(context.Background()); err != nil {
		return err
	}
	begun := time.Now()
	c, err := ssh.Dial("tcp", d.gate.SSHAddr, &ssh.ClientConfig{User: "deploy@web-1", Auth: []ssh.AuthMethod{ssh.PublicKeys(d.key)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 20 * time.Second}) // it is our own
	if err != nil {
		return fmt.Errorf("the good client: %w", err)
	}
	defer c.Close()
	s, err := c.NewSession()
	if err != nil {
		return fmt.Errorf("the good client's session: %w", err)
	}
	if out, err := s.Output("echo served"); err != nil || string(out) != "served\n" {
		return fmt.Errorf("the good client's command: %q: %w", out, err)
	}
	d.slowest = max(d.slowest, time.Since(begun))
	return d.faults()
}

// faults are what the door says of itself.
func (d *door) faults() error {
	r, err := http.Get(d.gate.Metrics)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), "gatehouse_ssh_panics_total 0\n") {
		return errors.New("the door had a fault in its own code: its log says where")
	}
	return nil
}

// memory is what the door holds, in MiB; 0 where that cannot be seen.
func (d *door) memory() int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.gate.PID("door")))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err == nil {
				return kib >> 10
			}
		}
	}
	return 0
}
