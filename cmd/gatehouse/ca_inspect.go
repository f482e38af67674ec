package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/answer"
	"gatehouse/internal/config"
	"gatehouse/internal/decider"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/revoke"
	"gatehouse/internal/supervisor"
	"gatehouse/policy"
)

// maxInspected bounds the file that is looked at.
const maxInspected = 64 << 10

// CAInspectCmd explains a certificate or a public key.
type CAInspectCmd struct {
	ConfigFlag
	File   string     `arg:"" complete:"files" help:"A certificate or public key file, as OpenSSH writes them; - is the standard input."`
	Source netip.Addr `help:"Where it is used from, for certificates that are good from some addresses only."`
	JSON   bool       `name:"json" help:"For programs."`
}

// inspected is what the command says.
type inspected struct {
	ca.Inspection
	Notes []string `json:"notes,omitempty"` // what could not be asked
}

// Run prints what it is; what would not be accepted now is exit 1.
func (c *CAInspectCmd) Run(ctx context.Context) error {
	key, err := c.read()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	out := c.inspect(ctx, key, nowUTC())
	if c.JSON {
		err = printJSON(out)
	} else {
		fmt.Print(out.text(nowUTC()))
	}
	if err == nil && out.Refused != "" {
		return &exitError{exitNo, nil}
	}
	return err
}

func (c *CAInspectCmd) read() (ssh.PublicKey, error) {
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, fmt.Errorf("read certificate: %w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxInspected+1))
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil || len(text) > maxInspected {
		return nil, fmt.Errorf("%s is neither a certificate nor a public key such as ssh-keygen writes", c.File)
	}
	return key, nil
}

// inspect asks, in this order and as far as this machine has them, the CAs' keys, the policy and the revocations.
func (c *CAInspectCmd) inspect(ctx context.Context, key ssh.PublicKey, now time.Time) inspected {
	settings, err := config.Load(c.Config)
	if err != nil {
		return inspected{ca.Inspect(ca.Manifest{}, key, c.Source, now), []string{"no installation was asked: " + err.Error()}}
	}
	m, err := ca.ReadManifest(decider.CADir(supervisor.DeciderDir(settings.Data)))
	if err != nil {
		return inspected{ca.Inspect(ca.Manifest{}, key, c.Source, now), []string{"this Gatehouse's CAs were not asked: " + readable(err)}}
	}
	out := inspected{Inspection: ca.Inspect(m, key, c.Source, now)}
	cert, ok := key.(*ssh.Certificate)
	if !ok || out.CA != ca.NameAgent || out.Refused != "" {
		return out
	}
	if err := c.askPolicy(settings, cert, &out); err != nil {
		out.Notes = append(out.Notes, "the policy was not asked: "+err.Error())
	} else if out.Refused == "" {
		if err := askRevocations(ctx, settings, cert, &out); err != nil {
			out.Notes = append(out.Notes, "revocations were not asked: "+err.Error())
		}
	}
	if out.Refused != "" {
		out.Accepted = ""
	}
	return out
}

func readable(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "they have no keys yet"
	}
	return err.Error()
}

// identity is whom a certificate that the door's verifier accepted is for.
func identity(cert *ssh.Certificate) (kind policy.Kind, name string, v ca.Verified) {
	text, name, _ := strings.Cut(cert.ValidPrincipals[0], ":")
	for _, e := range ca.PrivateExtensions(cert) {
		switch e.Name {
		case "task":
			v.Task = e.Value
		case "delegation":
			v.Delegation = e.Value
		case "grant":
			v.Grant, _ = ca.ParseGrant(e.Value) // the verifier has read it
		}
	}
	return policy.Kind(text), name, v
}

func (c *CAInspectCmd) askPolicy(settings config.Config, cert *ssh.Certificate, out *inspected) error {
	files, err := decider.ReadPolicy(settings.Policy)
	if err != nil {
		return err
	}
	pol, err := policy.Parse(files)
	if err != nil {
		return err
	}
	kind, name, v := identity(cert)
	if !c.Source.IsValid() {
		out.Refused = pol.Standing(kind, name)
		out.Notes = append(out.Notes, "addresses that the profile allows were not looked at: give --source")
		return nil
	}
	out.Refused = pol.Admits(kind, name, v.Grant.By, c.Source)
	return nil
}

// askRevocations asks the decider for all that stand, and looks at them as it does itself.
func askRevocations(ctx context.Context, settings config.Config, cert *ssh.Certificate, out *inspected) error {
	index := revoke.NewIndex(nowUTC)
	err := withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error {
		for after := ""; ; {
			var page protocol.Revocations
			if err := call(protocol.OpRevocations, protocol.ListRevocations{By: localUser(), After: after}, &page); err != nil {
				return err
			}
			for _, r := range page.List {
				one := revoke.Revocation{ID: r.ID, By: r.By, Reason: r.Reason, At: r.At, Until: r.Until}
				for _, h := range r.Handles {
					handle, err := revoke.Parse(h)
					if err != nil {
						return err
					}
					one.Handles = append(one.Handles, handle)
				}
				index.Add(one)
			}
			if after = page.Next; after == "" {
				return nil
			}
		}
	})
	if err != nil {
		return err
	}
	kind, name, v := identity(cert)
	subject := revoke.Subject{Kind: kind, Name: name, Task: v.Task, Delegation: v.Delegation, Key: out.Key, CA: out.SignedBy, Serial: cert.Serial}
	for _, e := range out.Private {
		if e.Name == "owner" {
			subject.Owner = e.Value
		}
	}
	if r, by, found := index.Against(subject); found {
		out.Refused = r.Line(by)
	}
	return nil
}

// text is for people. Whatever is in the certificate is shown safe.
func (i inspected) text(now time.Time) string {
	var sb strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&sb, "%-18s %s\n", name, answer.Visible(fmt.Sprintf(format, args...)))
	}
	line("what", "%s (%s)", i.Kind, i.Type)
	line("key", "%s", i.Key)
	if i.SignedBy != "" {
		line("key ID", "%s", i.KeyID)
		line("serial", "%s", i.Serial)
		line("principals", "%s", strings.Join(i.Principals, ", "))
		line("valid", "%s", i.validity(now))
		line("signed by", "%s%s", i.SignedBy, i.ours())
		for _, name := range slices.Sorted(maps.Keys(i.CriticalOptions)) {
			line("critical option", "%s %s", name, i.CriticalOptions[name])
		}
		for _, name := range i.Extensions {
			line("extension", "%s", name)
		}
	} else if i.CA != "" {
		line("it is", "a key of%s", i.ours())
	}
	for _, e := range i.Private {
		line(privateWords[e.Name], "%s", privateValue(e))
	}
	if i.Refused != "" {
		line("now", "NOT ACCEPTED: %s", i.Refused)
	} else {
		line("now", "accepted by %s", i.Accepted)
	}
	for _, n := range i.Notes {
		line("note", "%s", n)
	}
	return sb.String()
}

// privateWords say what Gatehouse's own extensions mean.
var privateWords = map[string]string{"agent": "agent", "owner": "whose agent", "task": "for the task", "delegation": "work handed on by", "grant": "stems from", "policy": "under policy", "trace": "trace"}

func privateValue(e ca.PrivateExtension) string {
	switch e.Name {
	case "delegation":
		return strings.ReplaceAll(e.Value, ">", ", then ")
	case "grant":
		if g, err := ca.ParseGrant(e.Value); err == nil && g.ID != "" {
			return fmt.Sprintf("%s, proven by %s, renewable until %s", g.ID, g.By, g.Until.Format(time.RFC3339))
		}
	}
	return e.Value
}

func (i inspected) ours() string {
	if i.CA == "" {
		return " (no CA of this Gatehouse)"
	}
	return fmt.Sprintf(" (%s CA, key %d, %s)", i.CA, i.Generation, stateWords[string(i.CAState)])
}

func (i inspected) validity(now time.Time) string {
	until := "for ever"
	if !i.ValidBefore.IsZero() {
		until = "until " + i.ValidBefore.Format(time.RFC3339)
	}
	text := "from " + i.ValidAfter.Format(time.RFC3339) + " " + until
	switch {
	case now.Before(i.ValidAfter):
		return text + ", begins in " + i.ValidAfter.Sub(now).Round(time.Second).String()
	case i.ValidBefore.IsZero():
		return text
	case !now.Before(i.ValidBefore):
		return text + ", ended " + now.Sub(i.ValidBefore).Round(time.Second).String() + " ago"
	}
	return text + ", " + i.ValidBefore.Sub(now).Round(time.Second).String() + " left"
}
