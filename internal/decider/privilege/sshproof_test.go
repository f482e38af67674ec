package privilege

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"gatehouse/policy/access"
)

const sshText = "gatehouse approval v1\nrequest: ar_1\n"

// keygen is a folder in which the real ssh-keygen signs and verifies.
type keygen struct {
	t   *testing.T
	dir string
}

func (k keygen) write(name, text string) string {
	k.t.Helper()
	path := filepath.Join(k.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
	return path
}

// sign signs with a private key.
func (k keygen) sign(key crypto.PrivateKey, space, text string) string {
	k.t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		k.t.Fatal(err)
	}
	path := k.write("key", string(pem.EncodeToMemory(block)))
	_ = os.Remove(filepath.Join(k.dir, "text.sig"))
	out, err := exec.CommandContext(k.t.Context(), "ssh-keygen", "-q", "-Y", "sign", "-n", space, "-f", path, k.write("text", text)).CombinedOutput()
	if err != nil {
		k.t.Fatalf("%v: %s", err, out)
	}
	sig, err := os.ReadFile(filepath.Join(k.dir, "text.sig"))
	if err != nil {
		k.t.Fatal(err)
	}
	return string(sig)
}

// verifies reports whether ssh-keygen takes a signature.
func (k keygen) verifies(key ssh.PublicKey, text, armored string) bool {
	k.t.Helper()
	allowed := k.write("allowed", "vic "+string(ssh.MarshalAuthorizedKey(key)))
	cmd := exec.CommandContext(k.t.Context(), "ssh-keygen", "-Y", "verify", "-n", access.SignatureNamespace, "-f", allowed, "-I", "vic", "-s", k.write("sig", armored))
	cmd.Stdin = strings.NewReader(text)
	return cmd.Run() == nil
}

// TestSSHProofAsKeygen: what ssh-keygen signs is taken, by every sort of key that policy takes; and what is taken or refused, ssh-keygen
// -Y verify takes and refuses as well.
func TestSSHProofAsKeygen(t *testing.T) {
	k := keygen{t, t.TempDir()}
	must := func(key crypto.PrivateKey, err error) crypto.PrivateKey {
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	for name, key := range map[string]crypto.PrivateKey{
		"ed25519": must(ed, err), "ecdsa 256": must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), "ecdsa 384": must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)),
		"ecdsa 521": must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)), "rsa": must(rsa.GenerateKey(rand.Reader, 2048)),
	} {
		signer, err := ssh.NewSignerFromKey(key)
		if err != nil {
			t.Fatal(err)
		}
		good := k.sign(key, access.SignatureNamespace, sshText)
		keys := [][]byte{signer.PublicKey().Marshal()}
		if p, err := VerifySSH(keys, []byte(sshText), []byte("n"), good); err != nil || p.Kind != access.SSHProof || string(p.Signature) != good || !bytes.Equal(p.Key, keys[0]) {
			t.Errorf("%s: %v", name, err)
		}
		block, _ := pem.Decode([]byte(good))
		for i := range block.Bytes {
			if name != "ed25519" && i%29 != 0 {
				continue // each byte of the one, a part of the others'
			}
			changed := bytes.Clone(block.Bytes)
			changed[i] ^= 0x20
			armored := string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: changed}))
			if _, err := VerifySSH(keys, []byte(sshText), nil, armored); err == nil {
				t.Errorf("%s: byte %d changed, and it is taken", name, i)
			}
		}
		for what, text := range map[string]string{"more": sshText + "\n", "less": sshText[:len(sshText)-1], "CR": strings.ReplaceAll(sshText, "\n", "\r\n"), "": ""} {
			_, err := VerifySSH(keys, []byte(text), nil, good)
			if theirs := k.verifies(signer.PublicKey(), text, good); theirs || err == nil {
				t.Errorf("%s, %s: ssh-keygen takes it: %t, we: %v", name, what, theirs, err)
			}
		}
		if !k.verifies(signer.PublicKey(), sshText, good) {
			t.Errorf("%s: ssh-keygen does not take its own", name)
		}
		if _, err := VerifySSH(keys, []byte(sshText), nil, k.sign(key, "file", sshText)); err == nil {
			t.Errorf("%s: for another namespace", name)
		}
		if _, err := VerifySSH(nil, []byte(sshText), nil, good); err == nil {
			t.Errorf("%s: by a key that is not listed", name)
		}
	}
}

// TestSecurityKeyMustBeTouched: a security key's signature counts if it says that somebody touched it. ssh-keygen -Y verify takes others too.
func TestSecurityKeyMustBeTouched(t *testing.T) {
	k := keygen{t, t.TempDir()}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	wire := ssh.Marshal(struct {
		Type   string
		Public []byte
		App    string
	}{ssh.KeyAlgoSKED25519, public, "ssh:"})
	key, err := ssh.ParsePublicKey(wire)
	if err != nil {
		t.Fatal(err)
	}
	for flags, want := range map[byte]bool{0: false, 1: true, 4: false, 5: true} {
		armored := skSignature(private, wire, flags)
		_, err := VerifySSH([][]byte{wire}, []byte(sshText), nil, armored)
		if theirs := k.verifies(key, sshText, armored); !theirs || (err == nil) != want {
			t.Errorf("flags %d: ssh-keygen takes it: %t, we: %v", flags, theirs, err)
		}
	}
}

// skSignature is what a security key makes (OpenSSH's PROTOCOL.u2f and PROTOCOL.sshsig).
func skSignature(private ed25519.PrivateKey, wire []byte, flags byte) string {
	hash := sha512.Sum512([]byte(sshText))
	message := append([]byte("SSHSIG"), ssh.Marshal(struct {
		Space, Reserved, Hash string
		Sum                   []byte
	}{access.SignatureNamespace, "", "sha512", hash[:]})...)
	app, sum := sha256.Sum256([]byte("ssh:")), sha256.Sum256(message)
	counter := binary.BigEndian.AppendUint32(nil, 7)
	signed := append(append(append(app[:], flags), counter...), sum[:]...)
	sig := ssh.Marshal(struct {
		Format string
		Sig    []byte
	}{ssh.KeyAlgoSKED25519, ed25519.Sign(private, signed)})
	sig = append(append(sig, flags), counter...)
	blob := append([]byte("SSHSIG"), ssh.Marshal(struct {
		Version         uint32
		Key             []byte
		Space, Reserved string
		Hash            string
		Sig             []byte
	}{1, wire, access.SignatureNamespace, "", "sha512", sig})...)
	return string(pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: blob}))
}

// FuzzVerifySSH: no armored text makes the reader panic, and nothing but the one good signature is taken.
func FuzzVerifySSH(f *testing.F) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		f.Fatal(err)
	}
	f.Add("-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n")
	f.Add(skSignature(key, public.Marshal(), 1))
	f.Fuzz(func(t *testing.T, armored string) {
		if _, err := VerifySSH([][]byte{public.Marshal()}, []byte(sshText), nil, armored); err == nil {
			t.Fatalf("taken: %q", armored)
		}
	})
}
