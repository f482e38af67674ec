package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"gatehouse/internal/console"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// maxProofText bounds what is taken from a server to be shown and signed.
const maxProofText = 1 << 20

// ProofFlags say where what is signed comes from, and with which key it is signed.
type ProofFlags struct {
	Server string `placeholder:"HOST" help:"The host as ssh knows it; without it GATEHOUSE_HOST, or gatehouse."`
	Key    string `type:"path" placeholder:"FILE" help:"The key to sign with: a private key, or the public half of one in the running ssh-agent or on a security key."`
	Yes    bool   `help:"Do not ask whether to sign."`
}

// ApproveCmd signs on this machine what a request is about, and hands the signature in.
type ApproveCmd struct {
	ID    string `arg:"" help:"The request, or a unique beginning of its id."`
	Words string `placeholder:"TEXT" help:"What you want to say with it, in one line."`
	ProofFlags
}

// Help says what is trusted.
func (ApproveCmd) Help() string {
	return "The text is fetched over ssh and shown as it will be signed; what is signed is the file of your own machine, by your own ssh-keygen -Y sign under the namespace " +
		console.SignatureNamespace + ". Stock tools alone do the same: see ssh bastion approve ID."
}

// Run shows, asks, signs and sends.
func (c *ApproveCmd) Run(ctx context.Context) error {
	argv := policy.Argv{"approve", c.ID}
	if c.Words != "" {
		argv = append(argv, "--words", c.Words)
	}
	return c.prove(ctx, argv, false, access.Fact{Label: "request", Value: c.ID})
}

// BreakGlassCmd takes a role at once.
type BreakGlassCmd struct {
	Role   string        `arg:"" help:"The role."`
	Target []string      `placeholder:"TARGET" help:"Where: names of targets; may be repeated."`
	Login  string        `placeholder:"LOGIN" help:"As which login."`
	Reason string        `required:"" placeholder:"TEXT" help:"Why, in one line; everybody reads it."`
	Ticket string        `placeholder:"ID" help:"The ticket that it belongs to."`
	For    time.Duration `placeholder:"30m" help:"For how long; without it, as long as the policy allows."`
	ProofFlags
}

// Run shows, asks, signs and sends.
func (c *BreakGlassCmd) Run(ctx context.Context) error {
	argv := policy.Argv{"break-glass", c.Role, "--reason", c.Reason}
	for _, t := range c.Target {
		argv = append(argv, "--target", t)
	}
	for _, f := range []struct{ name, value string }{{"--login", c.Login}, {"--ticket", c.Ticket}} {
		if f.value != "" {
			argv = append(argv, f.name, f.value)
		}
	}
	if c.For != 0 {
		argv = append(argv, "--for", c.For.String())
	}
	return c.prove(ctx, argv, true, c.facts()...)
}

// facts are what the text must say, of what was asked for.
func (c *BreakGlassCmd) facts() []access.Fact {
	list := []access.Fact{{Label: "under role", Value: c.Role}, {Label: "reason", Value: strings.TrimSpace(c.Reason)}, {Label: "ticket", Value: strings.TrimSpace(c.Ticket)}, {Label: "with login", Value: c.Login}}
	if len(c.Target) == 1 { // of several, the text shows them in their order
		list = append(list, access.Fact{Label: "on targets", Value: c.Target[0]})
	}
	return list
}

// prove runs a verb twice: for the text, and with the signature. Without a key the verb says itself how it is signed. What is signed is an
// approval or a break-glass, as was asked for, and says what is known of it: a server that hands over another one's text gets no signature.
func (p *ProofFlags) prove(ctx context.Context, verb policy.Argv, glass bool, known ...access.Fact) error {
	if p.Key == "" {
		return askConsoleWith(ctx, p.Server, verb, os.Stdin, os.Stdout)
	}
	out := &bounded{most: maxProofText}
	if err := askConsoleWith(ctx, p.Server, append(verb, "--json"), nil, out); err != nil {
		return err
	}
	var c console.AccessChallenge
	if err := json.Unmarshal(out.Bytes(), &c); err != nil || c.ID == "" || c.Text == "" {
		return errors.New("the server did not answer with a text to sign")
	}
	if err := cmp.Or(plainText(c.Text), access.CheckText(c.Text, glass, known...)); err != nil {
		return fmt.Errorf("%w; nothing was signed", err)
	}
	fmt.Fprint(os.Stderr, c.Text)
	if !p.Yes {
		if err := agree(); err != nil {
			return err
		}
	}
	signature, err := p.sign(ctx, c.Text)
	if err != nil {
		return err
	}
	return askConsoleWith(ctx, p.Server, append(verb, "--challenge", c.ID, "--signature", "-"), bytes.NewReader(signature), os.Stdout)
}

// plainText refuses what would not look like what it is: an honest server writes it out.
func plainText(text string) error {
	for _, r := range text {
		if r != '\n' && (!unicode.IsPrint(r) || r == unicode.ReplacementChar) {
			return fmt.Errorf("the server's text has the character %U, which a screen does not show as it is", r)
		}
	}
	return nil
}

// agree asks on the terminal.
func agree() error {
	fmt.Fprint(os.Stderr, "\nSign this, and so approve it? [y/N] ")
	text, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if word := strings.ToLower(strings.TrimSpace(text)); word == "y" || word == "yes" {
		return nil
	}
	if err != nil {
		fmt.Fprintln(os.Stderr)
	}
	return &exitError{exitNo, errors.New("nothing was signed")}
}

// sign has the stock ssh-keygen sign the text: keys of agents and security keys work as they do for it.
func (p *ProofFlags) sign(ctx context.Context, text string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "gatehouse-approve-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "text")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "ssh-keygen", "-Y", "sign", "-n", console.SignatureNamespace, "-f", p.Key, path)
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr // a passphrase, a touch
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("ssh-keygen -Y sign: %w; nothing was approved", err)
	}
	return os.ReadFile(path + ".sig")
}

// bounded keeps what is written to it, and no more than so much.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, errors.New("the server's answer is too long")
	}
	return b.Buffer.Write(p)
}
