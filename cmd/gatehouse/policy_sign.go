package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"gatehouse/internal/bundle"
	"gatehouse/internal/decider"
)

// PolicySignCmd is `gatehouse policy sign PATH --key KEY`.
type PolicySignCmd struct {
	PolicyPath
	Key    string `type:"existingfile" placeholder:"FILE" help:"A private key without passphrase, or a public key whose private half ssh-agent has." xor:"how" required:""`
	Text   bool   `help:"Print what is to be signed, for ssh-keygen -Y sign -n gatehouse-policy@gatehouse.internal." xor:"how" required:""`
	Add    string `type:"existingfile" placeholder:"FILE" help:"Add a signature that ssh-keygen made of that text." xor:"how" required:""`
	Role   string `enum:"author,reviewer" default:"author" help:"As what: author or reviewer."`
	Serial uint64 `help:"The policy's serial: an author's is one more than the last, a reviewer's is the author's."`
}

// Run adds a signature to the policy's signature file.
func (c *PolicySignCmd) Run() error {
	if _, err := c.read(); err != nil { // nobody signs what cannot be loaded
		return err
	}
	files, err := decider.ReadPolicy(c.Path)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	list, err := bundle.Read(c.Path)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	role := bundle.Role(c.Role)
	if c.Serial == 0 {
		if c.Serial, err = bundle.NextSerial(list, role); err != nil {
			return &exitError{exitNo, err}
		}
	}
	text, err := bundle.Text(files, role, c.Serial)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if c.Text {
		_, err := os.Stdout.Write(text)
		return err
	}
	s := bundle.Signature{Role: role, Serial: c.Serial}
	if c.Add != "" {
		s.Sig, err = madeElsewhere(c.Add, text)
	} else if key, failed := signingKey(c.Key); failed != nil {
		err = failed
	} else {
		s, err = bundle.Sign(files, role, c.Serial, key)
	}
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if err := bundle.Write(c.Path, bundle.Add(list, s)); err != nil {
		return err
	}
	fmt.Printf("%s: %s, serial %d, by %s\n", bundle.File(c.Path), role, c.Serial, ssh.FingerprintSHA256(s.Sig.PublicKey))
	return nil
}

// madeElsewhere reads a signature of ssh-keygen, and refuses one that is not of this text.
func madeElsewhere(path string, text []byte) (*sshsig.Signature, error) {
	armoured, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read signature: %w", err)
	}
	sig, err := sshsig.Unarmor(armoured)
	if err != nil {
		return nil, fmt.Errorf("read signature %s: %w", path, err)
	}
	if err := sshsig.Verify(strings.NewReader(string(text)), sig, sig.PublicKey, sig.HashAlgorithm, bundle.Namespace); err != nil {
		return nil, fmt.Errorf("%s is not a signature of this policy, role and serial: %w", path, err)
	}
	return sig, nil
}

// signingKey opens a private key, or finds it in ssh-agent by its public half.
func signingKey(path string) (ssh.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	key, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		return nil, fmt.Errorf("%s has a passphrase: add it to ssh-agent, and name its public half: --key %s.pub", path, path)
	}
	if err == nil {
		return key, nil
	}
	public, _, _, _, notPublic := ssh.ParseAuthorizedKey(text)
	if notPublic != nil {
		return nil, fmt.Errorf("read key %s: %w", path, err)
	}
	conn, err := net.Dial("unix", os.Getenv("SSH_AUTH_SOCK"))
	if err != nil {
		return nil, fmt.Errorf("ask ssh-agent: %w", err)
	}
	signers, err := agent.NewClient(conn).Signers() // the connection lives as long as the program
	if err != nil {
		return nil, fmt.Errorf("ask ssh-agent: %w", err)
	}
	for _, s := range signers {
		if string(s.PublicKey().Marshal()) == string(public.Marshal()) {
			return s, nil
		}
	}
	return nil, fmt.Errorf("ssh-agent does not have the key %s", ssh.FingerprintSHA256(public))
}

// PolicyVerifyCmd is `gatehouse policy verify PATH`.
type PolicyVerifyCmd struct {
	PolicyPath
	JSONFlag
	AllowedSigners string `required:"" type:"existingfile" placeholder:"FILE" help:"Who may sign, as ssh-keygen has it: person:NAME KEYTYPE KEY."`
	Reviewers      int    `default:"1" help:"How many people besides the author."`
}

// Run checks the signatures as a Gatehouse with require_signed_bundles does; exit status 1 if they do not suffice.
func (c *PolicyVerifyCmd) Run() error {
	files, err := decider.ReadPolicy(c.Path)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	text, err := os.ReadFile(c.AllowedSigners)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("read allowed signers: %w", err)}
	}
	allowed, err := bundle.ParseSigners(text)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("%s: %w", c.AllowedSigners, err)}
	}
	list, err := bundle.Read(c.Path)
	if err != nil {
		return &exitError{exitNo, err}
	}
	signed, err := bundle.Verify(files, list, allowed, c.Reviewers, time.Now())
	if err != nil {
		return &exitError{exitNo, err}
	}
	return c.print(os.Stdout, signed, "ok "+signed.String()+"\n")
}
