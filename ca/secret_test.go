package ca_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/ca"

	"golang.org/x/crypto/ssh"
)

// TestFileSignerPassphrase: what we encrypt ssh-keygen opens with the passphrase and not without, what ssh-keygen encrypts we
// open, and each of the three sources works.
func TestFileSignerPassphrase(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "word"), "correct horse\r\n", 0o600)
	t.Setenv("TEST_WORD", "correct horse")
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	sources := []ca.SecretConfig{{File: filepath.Join(dir, "word")}, {Env: "TEST_WORD"}, {Credential: "word"}}
	cfg := ca.SignerConfig{Dir: dir, Passphrase: sources[0]}
	made, err := ca.CreateSigner(cfg, "agent_ca")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "agent_ca")
	for _, source := range sources {
		cfg.Passphrase = source
		s := openSigner(t, cfg, "agent_ca")
		if !strings.HasSuffix(s.Describe(), ", encrypted") || ssh.FingerprintSHA256(s.PublicKey()) != ssh.FingerprintSHA256(made.PublicKey()) {
			t.Errorf("%s: %s", source, s.Describe())
		}
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(keygen(t, "-y", "-P", "correct horse", "-f", path)))
	if err != nil || ssh.FingerprintSHA256(key) != ssh.FingerprintSHA256(made.PublicKey()) {
		t.Errorf("ssh-keygen reads another key: %v", err)
	}
	if text := read(t, path); strings.Contains(text, "unencrypted") || !strings.Contains(keygenHeader(t, text), "aes256-ctr") {
		t.Error("the file is not encrypted with aes256-ctr")
	}
	keygen(t, "-q", "-p", "-P", "correct horse", "-N", "battery staple", "-f", path)
	t.Setenv("TEST_WORD", "battery staple")
	cfg.Passphrase = ca.SecretConfig{Env: "TEST_WORD"}
	signs(t, openSigner(t, cfg, "agent_ca"))
}

// keygenHeader is the text in an OpenSSH key file's first bytes.
func keygenHeader(t testing.TB, pem string) string {
	t.Helper()
	block, err := ssh.ParseRawPrivateKey([]byte(pem))
	if err == nil {
		t.Fatalf("it is a plain %T", block)
	}
	path := filepath.Join(t.TempDir(), "pem")
	write(t, path, pem, 0o600)
	return run(t, "sh", "-c", "grep -v -e ---- "+path+" | base64 -d | head -c 64 | tr -d '\\0'")
}

// TestFileSignerRefuses: each file and each passphrase that is not as it should be is refused, with what to do.
func TestFileSignerRefuses(t *testing.T) {
	t.Setenv("RIGHT", "correct horse")
	t.Setenv("WRONG", "wrong")
	t.Setenv("EMPTY", "")
	t.Setenv("TWO_LINES", "correct horse\nx")
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"open": 0o604, "group": 0o640, "private": 0o600} {
		write(t, filepath.Join(dir, name), "correct horse\n", 0o600)
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "private"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "foreign"), "correct horse\n", 0o600)
	if err := os.Chown(filepath.Join(dir, "foreign"), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	encrypted, plain := ca.SignerConfig{Dir: t.TempDir(), Passphrase: ca.SecretConfig{Env: "RIGHT"}}, ca.SignerConfig{Dir: t.TempDir()}
	createBySigner(&encrypted)(t, "agent_ca")
	createBySigner(&plain)(t, "agent_ca")
	for _, c := range []struct {
		name   string
		dir    string
		secret ca.SecretConfig
		want   string
	}{
		{"a wrong passphrase", encrypted.Dir, ca.SecretConfig{Env: "WRONG"}, "the passphrase from the environment variable WRONG is not this key's"},
		{"no passphrase", encrypted.Dir, ca.SecretConfig{}, "it is protected by a passphrase"},
		{"a key that is not encrypted", plain.Dir, ca.SecretConfig{Env: "RIGHT"}, "encrypt it with ssh-keygen -p -f " + plain.Dir},
		{"a variable that is not there", encrypted.Dir, ca.SecretConfig{Env: "NO_SUCH"}, "it is not set"},
		{"an empty variable", encrypted.Dir, ca.SecretConfig{Env: "EMPTY"}, "it is empty"},
		{"two lines", encrypted.Dir, ca.SecretConfig{Env: "TWO_LINES"}, "want one line"},
		{"a file that is not there", encrypted.Dir, ca.SecretConfig{File: filepath.Join(dir, "nowhere")}, "no such file"},
		{"a world-readable file", encrypted.Dir, ca.SecretConfig{File: filepath.Join(dir, "open")}, "chmod 600"},
		{"a group-readable file", encrypted.Dir, ca.SecretConfig{File: filepath.Join(dir, "group")}, "chmod 600"},
		{"somebody else's file", encrypted.Dir, ca.SecretConfig{File: filepath.Join(dir, "foreign")}, "run chown"},
		{"a link", encrypted.Dir, ca.SecretConfig{File: filepath.Join(dir, "link")}, "symbolic link"},
		{"no credentials", encrypted.Dir, ca.SecretConfig{Credential: "word"}, "LoadCredential"},
		{"a credential elsewhere", encrypted.Dir, ca.SecretConfig{Credential: "../word"}, "not the name of a systemd credential"},
		{"two sources", encrypted.Dir, ca.SecretConfig{Env: "RIGHT", File: filepath.Join(dir, "private")}, "one source"},
	} {
		_, err := ca.OpenSigner(ca.SignerConfig{Dir: c.dir, Passphrase: c.secret}, "agent_ca")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "correct horse") {
			t.Errorf("%s: the error holds the passphrase: %v", c.name, err)
		}
	}
}

// TestSecretHides: no way of printing a configuration prints a secret that was read.
func TestSecretHides(t *testing.T) {
	t.Setenv("HIDDEN", "correct horse")
	c, err := ca.SecretConfig{Env: "HIDDEN"}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	cfg := ca.SignerConfig{Passphrase: c}
	if text := fmt.Sprintf("%v %+v %#v %s %v %+v %#v", c, c, c, c, cfg, cfg, cfg); strings.Contains(text, "horse") || strings.Contains(text, "99, 111") {
		t.Errorf("it shows: %s", text)
	}
	if err := os.Unsetenv("HIDDEN"); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Reveal(); err != nil || string(got) != "correct horse" {
		t.Errorf("what was read is gone with its source: %q, %v", got, err)
	}
}
