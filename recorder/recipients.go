package recorder

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"
)

// ParseRecipient reads an age recipient (age1…) or an SSH public key (ssh-ed25519, ssh-rsa).
func ParseRecipient(text string) (Recipient, error) {
	if strings.HasPrefix(text, "ssh-") {
		key, err := agessh.ParseRecipient(text)
		if err != nil {
			return Recipient{}, fmt.Errorf("not an SSH key that can decrypt: %w (want ssh-ed25519 or ssh-rsa)", err)
		}
		public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
		if err != nil {
			return Recipient{}, fmt.Errorf("not an SSH key: %w", err)
		}
		return Recipient{Name: public.Type() + " " + ssh.FingerprintSHA256(public), Key: key}, nil
	}
	if strings.HasPrefix(text, "AGE-SECRET-KEY-") {
		return Recipient{}, fmt.Errorf("that is a secret key: recipients are the public ones, age1… (age-keygen -y FILE prints it)")
	}
	keys, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil || len(keys) != 1 {
		return Recipient{}, fmt.Errorf("neither an age recipient (age1…) nor an SSH public key (ssh-ed25519 …)")
	}
	return Recipient{Name: shortName(text), Key: keys[0]}, nil
}

// shortName keeps a post-quantum recipient, which is 2 KiB long, recognisable.
func shortName(text string) string {
	if len(text) <= 100 {
		return text
	}
	return text[:24] + "…" + text[len(text)-12:]
}

// LoadRecipients reads a file of recipients, one a line; empty lines and lines that begin with # are passed over.
func LoadRecipients(path string) ([]Recipient, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read recipients: %w", err)
	}
	defer f.Close()
	var out []Recipient
	lines := bufio.NewScanner(io.LimitReader(f, maxKeyFile))
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		r, err := ParseRecipient(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		if out = append(out, r); len(out) > MaxRecipients {
			return nil, fmt.Errorf("%s:%d: more than %d recipients", path, n, MaxRecipients)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read recipients %s: %w", path, err)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no recipient in it", path)
	}
	return out, nil
}

// LoadIdentities reads a file of age identities, or an SSH private key without a passphrase.
func LoadIdentities(path string) ([]age.Identity, error) {
	data, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("read identity: %w", err)
	}
	if strings.HasPrefix(string(data), "-----BEGIN") {
		id, err := agessh.ParseIdentity(data)
		if err != nil {
			return nil, fmt.Errorf("identity %s: %w", path, err)
		}
		return []age.Identity{id}, nil
	}
	ids, err := age.ParseIdentities(strings.NewReader(string(data)))
	if err != nil {
		return nil, fmt.Errorf("identity %s: %w (age-keygen -o FILE makes one)", path, err)
	}
	return ids, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxKeyFile))
}
