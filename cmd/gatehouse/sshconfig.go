package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/config"
)

// SSHConfigCmd writes what a stock client needs: a Host block for the door, and the line by which it knows the door and
// every target behind it.
type SSHConfigCmd struct {
	ConfigFlag
	Identity string `required:"" complete:"files" help:"The client's private key file; its certificate is expected beside it."`
	Host     string `default:"gatehouse" help:"The name that users type."`
	Pattern  string `help:"A pattern of host names, such as '*.gh', that go through Gatehouse; without it the names and aliases of all targets do."`
	Out      string `type:"path" help:"A folder for ssh_config and known_hosts; without it they are printed."`
}

// Run writes or prints the two files.
func (c *SSHConfigCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	inventory, err := config.LoadInventory(settings.Targets)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	faces, err := caKeys(ctx, settings, ca.NameFace)
	if err != nil {
		return err
	}
	if strings.ContainsAny(c.Pattern, "\n\r\"#") {
		return &exitError{exitUsage, fmt.Errorf("--pattern %q is not a pattern of host names, such as *.gh", c.Pattern)}
	}
	hosts := knownHosts(settings, inventory, faces)
	if c.Out == "" {
		fmt.Printf("# ~/.ssh/config\n%s\n# ~/.ssh/known_hosts\n%s", c.sshConfig(settings, inventory, ""), hosts)
		return nil
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	out, err := filepath.Abs(c.Out)
	if err != nil {
		return fmt.Errorf("resolve %s: %w", c.Out, err)
	}
	if c.Identity, err = filepath.Abs(c.Identity); err != nil {
		return fmt.Errorf("resolve %s: %w", c.Identity, err)
	}
	known := filepath.Join(out, "known_hosts")
	if err := os.WriteFile(known, []byte(hosts), 0o644); err != nil {
		return fmt.Errorf("write known_hosts: %w", err)
	}
	if err := os.WriteFile(filepath.Join(out, "ssh_config"), []byte(c.sshConfig(settings, inventory, known)), 0o644); err != nil {
		return fmt.Errorf("write ssh_config: %w", err)
	}
	return nil
}

// sshConfig is the Host blocks: the door's, and one of all targets, which are reached through it. The jump's inner connection takes its identity from "Host *": ssh -J hands on -F but not -i.
func (c *SSHConfigCmd) sshConfig(settings config.Config, inventory config.Inventory, knownHosts string) string {
	host, port := reachable(settings)
	var sb strings.Builder
	fmt.Fprintf(&sb, "Host %s\n  HostName %s\n  Port %s\n", c.Host, host, port)
	fmt.Fprintf(&sb, "  HostKeyAlias %s\n\n", settings.SSH.Names[0])
	for _, names := range c.jumping(settings, inventory) {
		fmt.Fprintf(&sb, "Host %s\n  ProxyJump %s\n\n", names, c.Host)
	}
	sb.WriteString("Host *\n")
	fmt.Fprintf(&sb, "  IdentityFile %s\n  CertificateFile %s-cert.pub\n  IdentitiesOnly yes\n", c.Identity, c.Identity)
	if knownHosts != "" {
		fmt.Fprintf(&sb, "  UserKnownHostsFile %s\n  GlobalKnownHostsFile none\n", knownHosts)
	}
	sb.WriteString("  StrictHostKeyChecking yes\n  ForwardAgent no\n  ForwardX11 no\n")
	return sb.String()
}

// namesPerBlock keeps lines readable where there are many targets.
const namesPerBlock = 50

// jumping are the lists of hosts that are reached through the door: targets by name and alias, or a pattern. The door itself is not among
// them, whatever they are called.
func (c *SSHConfigCmd) jumping(settings config.Config, inventory config.Inventory) []string {
	but := " !" + c.Host
	if c.Pattern != "" {
		return []string{c.Pattern + but}
	}
	names := slices.DeleteFunc(inventory.Names(), func(name string) bool { return name == c.Host || slices.Contains(settings.SSH.Names, name) })
	var out []string
	for part := range slices.Chunk(names, namesPerBlock) {
		out = append(out, strings.Join(part, " "))
	}
	return out
}

// reachable is the address that a client on this machine uses; elsewhere the first name is right.
func reachable(settings config.Config) (host, port string) {
	host, port, err := net.SplitHostPort(settings.SSH.Listen)
	if ip := net.ParseIP(host); err != nil || ip == nil || ip.IsUnspecified() {
		host = settings.SSH.Names[0]
	}
	return host, port
}

// knownHosts trusts the face CA, during a rotation both its keys, for the door's names and for every remote target's: under ssh -J the door shows a face of
// the target, and the target's own key is checked by Gatehouse.
func knownHosts(settings config.Config, inventory config.Inventory, faces []ssh.PublicKey) string {
	names := slices.Concat(settings.SSH.Names, inventory.Names())
	slices.Sort(names)
	var sb strings.Builder
	for _, face := range faces {
		fmt.Fprintf(&sb, "@cert-authority %s %s gatehouse-face-ca\n", strings.Join(slices.Compact(names), ","), trimLine(ssh.MarshalAuthorizedKey(face)))
	}
	return sb.String()
}
