package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/bastion/target/enroll"
	"gatehouse/ca"
	"gatehouse/internal/config"
	"gatehouse/internal/decider/protocol"
)

// TargetsEnrollCmd prints the script that makes a host a target, or the one that undoes it.
type TargetsEnrollCmd struct {
	ConfigFlag
	Target  string        `arg:"" help:"The target's name in the inventory."`
	HostKey string        `name:"host-key" type:"existingfile" help:"The host's own public key, a copy of its ssh_host_ed25519_key.pub: the host CA certifies it."`
	TTL     time.Duration `name:"ttl" default:"2160h" help:"How long the host certificate is valid."`
	From    []string      `help:"Addresses that Gatehouse dials the target from, where a router changes them; otherwise this machine's own are used."`
	Root    bool          `help:"Let root be a managed login: its own keys stop working."`
	Undo    bool          `xor:"how" help:"Print the script that puts everything back."`
}

// Run prints the script on standard output, and what to do with it on standard error.
func (c *TargetsEnrollCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	var script string
	err = withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) (err error) {
		if c.Undo {
			script, err = c.undo(call)
		} else {
			script, err = c.enroll(ctx, call)
		}
		return err
	})
	if err != nil {
		return err
	}
	if _, err := os.Stdout.WriteString(script); err != nil {
		return fmt.Errorf("print script: %w", err)
	}
	fmt.Fprintf(os.Stderr, "read it, then run it on %s as root: ssh root@HOST sh -s <FILE\n", c.Target)
	return nil
}

func (c *TargetsEnrollCmd) undo(call asker) (string, error) {
	if c.HostKey != "" {
		return "", &exitError{exitUsage, errors.New("--undo takes no --host-key")}
	}
	if err := call(protocol.OpEnrolTarget, protocol.EnrolTarget{Target: c.Target, Undo: true, By: localUser()}, &protocol.TargetTrust{}); err != nil {
		return "", err
	}
	return enroll.Undo(c.Target)
}

// enroll asks for what the host is to trust, has its key certified, and writes the script.
func (c *TargetsEnrollCmd) enroll(ctx context.Context, call asker) (string, error) {
	in := protocol.EnrolTarget{Target: c.Target, By: localUser()}
	if c.HostKey != "" {
		key, err := readHostKey(c.HostKey)
		if err != nil {
			return "", &exitError{exitUsage, err}
		}
		in.HostKey = key.Marshal()
	}
	var trust protocol.TargetTrust
	if err := call(protocol.OpEnrolTarget, in, &trust); err != nil {
		return "", err
	}
	p := enroll.Params{Target: c.Target, Logins: trust.Target.Logins, Root: c.Root}
	for _, wire := range trust.TargetCAs {
		key, err := ssh.ParsePublicKey(wire)
		if err != nil {
			return "", fmt.Errorf("target CA key: %w", err)
		}
		p.TargetCAs = append(p.TargetCAs, key)
	}
	var err error
	if p.Bastions, err = c.addresses(ctx, trust.Target.Address); err != nil {
		return "", &exitError{exitUsage, err}
	}
	if err := p.Validate(); err != nil { // before anything is certified
		return "", &exitError{exitUsage, err}
	}
	if in.HostKey != nil {
		var out protocol.Issued
		if err := call(protocol.OpSignHost, protocol.SignHost{Target: c.Target, PublicKey: in.HostKey, TTL: c.TTL, By: in.By}, &out); err != nil {
			return "", err
		}
		if p.HostCertificate, err = ca.ParseCertificate(out.Certificate); err != nil {
			return "", err
		}
		fmt.Fprintf(os.Stderr, "host certificate for %s, serial %d, valid until %s\n", c.Target, out.Serial, out.NotAfter.Format(time.RFC3339))
	}
	return enroll.Script(p)
}

// readHostKey reads one public key, which the administrator brought: nothing is asked of the network.
func readHostKey(path string) (ssh.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read host key: %w", err)
	}
	key, _, options, rest, err := ssh.ParseAuthorizedKey(text)
	switch {
	case err != nil || len(options) > 0:
		return nil, fmt.Errorf("%s is not a public key such as /etc/ssh/ssh_host_ed25519_key.pub", path)
	case strings.TrimSpace(string(rest)) != "":
		return nil, fmt.Errorf("%s holds more than one key: want the target's own alone", path)
	}
	if _, isCert := key.(*ssh.Certificate); isCert {
		return nil, fmt.Errorf("%s is a certificate: want the key in it", path)
	}
	return key, nil
}

// addresses are those that the target sees when Gatehouse dials it: given, or those of this machine on the way there. No packet
// is sent to find out.
func (c *TargetsEnrollCmd) addresses(ctx context.Context, address string) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, text := range c.From {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("--from %q is not an address", text)
		}
		out = append(out, a)
	}
	if len(out) > 0 {
		return out, nil
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", address)
	if err != nil {
		fmt.Fprintf(os.Stderr, "gatehouse: cannot tell which address %s sees (%v): sshd 9.8 and later may penalise Gatehouse; give it with --from\n", c.Target, err)
		return nil, nil
	}
	defer conn.Close()
	if local, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		out = append(out, local.AddrPort().Addr().Unmap().WithZone(""))
	}
	return out, nil
}
