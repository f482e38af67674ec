package testhost

import (
	"cmp"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// fsDir is the part of Config.Dir that the target sees, as /run/target. It is made here, with modes that let a login
// through, because the folders above it may be closed to everyone but root.
const fsDir = "target"

// logFile and callsFile are relative to Config.Dir.
const (
	logFile   = fsDir + "/sshd.log"
	callsFile = fsDir + "/calls.jsonl"
)

// ownFolders are bound over the machine's: at is the target's path, dir is below fsDir. enter.sh binds the same.
var ownFolders = []struct {
	at, dir string
	mode    os.FileMode
}{
	{"/home", "home", 0o755},
	{"/root", "root", 0o700},
	{"/tmp", "tmp", 0o777 | os.ModeSticky},
	{"/srv", "srv", 0o755},
	{"/var/log", "log", 0o755},
	{"/usr/local/bin", "bin", 0o755},
}

// sshFolder is a stock host's own /etc/ssh, relative to fsDir.
const sshFolder = "etc/ssh"

// layOut writes the target's files and returns its host key, which it also puts into cfg. In a folder that was a target
// before, its files, its log and its calls go on.
func layOut(cfg *Config) (ssh.PublicKey, error) {
	root := filepath.Join(cfg.Dir, fsDir)
	if err := makeDir(root, 0o755, 0); err != nil {
		return nil, err
	}
	for _, f := range ownFolders {
		if err := makeDir(filepath.Join(root, f.dir), f.mode, 0); err != nil {
			return nil, err
		}
	}
	for _, dir := range []string{"etc", "etc/principals"} {
		if err := makeDir(filepath.Join(root, dir), 0o755, 0); err != nil {
			return nil, err
		}
	}
	if err := writeAccounts(*cfg, root); err != nil {
		return nil, err
	}
	for name, text := range cfg.Programs {
		if err := writeFile(filepath.Join(root, "bin", filepath.Base(name)), text, 0o755); err != nil {
			return nil, err
		}
	}
	if err := appendable(filepath.Join(cfg.Dir, logFile), 0o600); err != nil {
		return nil, err
	}
	if err := appendable(filepath.Join(cfg.Dir, callsFile), 0o666); err != nil {
		return nil, err
	}
	return writeKeys(cfg, root)
}

// writeAccounts writes the account databases, the homes and the principals files.
func writeAccounts(cfg Config, root string) error {
	passwd := "sshd:x:105:65534::/run/sshd:/usr/sbin/nologin\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"
	group := "tty:x:5:\nutmp:x:43:\nnogroup:x:65534:\n"
	shadow := "sshd:*:19000::::::\nnobody:*:19000::::::\n"
	if !hasRoot(cfg.Accounts) { // root always exists, but without principals nobody becomes it
		passwd += "root:x:0:0::/root:/bin/sh\n"
		group += "root:x:0:\n"
		shadow += "root:*:19000::::::\n"
	}
	for _, a := range cfg.Accounts {
		home, shell := "/home/"+a.Name, a.Shell
		if a.UID == 0 {
			home = "/root"
		} else if err := makeDir(filepath.Join(root, "home", a.Name), 0o700, a.UID); err != nil {
			return err
		}
		if shell == "" {
			shell = "/bin/sh"
		}
		passwd += fmt.Sprintf("%s:x:%d:%d::%s:%s\n", a.Name, a.UID, a.UID, home, shell)
		group += fmt.Sprintf("%s:x:%d:\n", a.Name, a.UID)
		shadow += a.Name + ":*:19000::::::\n"
		principal := fmt.Sprintf("gh:%s:%s\n", cfg.Name, a.Name)
		if err := writeFile(filepath.Join(root, "etc/principals", a.Name), principal, 0o644); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{"passwd": passwd, "group": group, "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n"} {
		if err := writeFile(filepath.Join(root, "etc", name), text, 0o644); err != nil {
			return err
		}
	}
	return writeFile(filepath.Join(root, "etc/shadow"), shadow, 0o600)
}

func hasRoot(accounts []Account) bool {
	for _, a := range accounts {
		if a.UID == 0 {
			return true
		}
	}
	return false
}

// writeKeys writes the host's key and certificate and the target CA's public keys.
func writeKeys(cfg *Config, root string) (ssh.PublicKey, error) {
	if cfg.HostKey == nil {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("make host key: %w", err)
		}
		cfg.HostKey = key
	}
	public, err := ssh.NewPublicKey(cfg.HostKey.Public())
	if err != nil {
		return nil, fmt.Errorf("host key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(cfg.HostKey, "")
	if err != nil {
		return nil, fmt.Errorf("host key: %w", err)
	}
	if err := writeFile(filepath.Join(root, "etc/host_key"), string(pem.EncodeToMemory(block)), 0o600); err != nil {
		return nil, err
	}
	if cert := cfg.HostCertificate; cert != nil {
		line := string(ssh.MarshalAuthorizedKey(cert))
		if err := writeFile(filepath.Join(root, "etc/host_key-cert.pub"), line, 0o644); err != nil {
			return nil, err
		}
	}
	if cfg.Stock {
		return public, nil // it trusts none
	}
	ca := strings.TrimSpace(cfg.TargetCA) + "\n"
	return public, writeFile(filepath.Join(root, "etc/target_ca.pub"), ca, 0o644)
}

// writeSSHDConfig writes the server's configuration. sshd takes the first value it meets, so the caller's options lead.
func writeSSHDConfig(cfg Config, port int) error {
	if cfg.Stock {
		return writeStock(cfg, port)
	}
	level := cfg.LogLevel
	if level == "" {
		level = "VERBOSE"
	}
	lines := append([]string{}, cfg.Options...)
	lines = append(lines,
		fmt.Sprintf("ListenAddress 127.0.0.1:%d", port),
		"HostKey /run/target/etc/host_key",
		"TrustedUserCAKeys /run/target/etc/target_ca.pub",
		"AuthorizedPrincipalsFile /run/target/etc/principals/%u",
		"AuthorizedKeysFile none",
		"PasswordAuthentication no",
		"KbdInteractiveAuthentication no",
		"PermitRootLogin prohibit-password",
		"UsePAM no",
		"UseDNS no",
		"DisableForwarding yes",
		"LoginGraceTime 60",
		"MaxStartups 1000",
		"PrintMotd no",
		"PrintLastLog no",
		"PidFile none",
		"AcceptEnv LANG LC_*",
		"LogLevel "+level,
	)
	if cfg.Subsystem != "none" {
		lines = append(lines, "Subsystem sftp "+cmp.Or(cfg.Subsystem, "internal-sftp"))
	}
	if cfg.HostCertificate != nil {
		lines = append(lines, "HostCertificate /run/target/etc/host_key-cert.pub")
	}
	return writeFile(filepath.Join(cfg.Dir, fsDir, "etc/sshd_config"), strings.Join(lines, "\n")+"\n", 0o644)
}

// makeDir and writeFile set the mode whatever the umask is: sshd checks it, and logins must get through.
func makeDir(path string, mode os.FileMode, owner int) error {
	if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	if err := os.Chown(path, owner, owner); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

func writeFile(path, text string, mode os.FileMode) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// appendable makes an empty file, or keeps one that is there.
func appendable(path string, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND, mode)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(mode), f.Close())
}
