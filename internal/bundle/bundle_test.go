package bundle

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/policy"
)

var files = []policy.File{{Name: "b.yaml", Data: []byte("version: 1\n")}, {Name: "a.yaml", Data: []byte("version: 1\nroles: {}\n")}}

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// people are keys, and the file that allows them.
type people struct {
	t       *testing.T
	keys    map[string]ssh.Signer
	allowed string
}

func newPeople(t *testing.T, names ...string) *people {
	p := &people{t: t, keys: map[string]ssh.Signer{}}
	for _, name := range names {
		p.add(name, name, "")
	}
	return p
}

// add makes a key that is known here as key and allowed as person:name.
func (p *people) add(key, name, options string) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		p.t.Fatal(err)
	}
	p.keys[key] = signer
	if name != "" {
		p.allowed += fmt.Sprintf("person:%s %s%s", name, options, ssh.MarshalAuthorizedKey(signer.PublicKey()))
	}
}

func (p *people) signers() Signers {
	p.t.Helper()
	s, err := ParseSigners([]byte(p.allowed))
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p *people) sign(key string, role Role, serial uint64) Signature {
	p.t.Helper()
	s, err := Sign(files, role, serial, p.keys[key])
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// TestText: what is signed is this, whatever the order of the files.
func TestText(t *testing.T) {
	got, err := Text(files, Reviewer, 7)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("gatehouse-policy-bundle v1\nrole reviewer\nserial 7\npolicy %s\nfile %x a.yaml\nfile %x b.yaml\n",
		policy.HashOf(files), sha256.Sum256(files[1].Data), sha256.Sum256(files[0].Data))
	if string(got) != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for _, f := range []policy.File{{Name: "a\nfile x"}, {Name: "\u202eb"}, {Name: `"`}} {
		if _, err := Text([]policy.File{f}, Author, 1); err == nil {
			t.Errorf("%q can be signed", f.Name)
		}
	}
	if _, err := Text(files, "owner", 1); err == nil {
		t.Error("any role can be signed")
	}
	if _, err := Text(files, Author, 0); err == nil {
		t.Error("serial 0 can be signed")
	}
}

// TestVerify: which signatures suffice.
func TestVerify(t *testing.T) {
	p := newPeople(t, "ann", "ben", "cleo")
	p.add("ann2", "ann", "")
	p.add("stranger", "", "")
	p.add("past", "dora", `valid-before="20260101" `)
	p.add("future", "emil", `valid-after="20270101" `)
	p.add("elsewhere", "fay", `namespaces="git,file" `)
	p.add("here", "gus", `namespaces="git,`+Namespace+`",valid-after="20260101Z",valid-before="20270101120000Z" `)
	type s struct {
		key    string
		role   Role
		serial uint64
	}
	for _, c := range []struct {
		claim string
		n     int
		list  []s
		want  string // signed, or a part of the error
	}{
		{"an author and a reviewer", 1, []s{{"ann", Author, 3}, {"ben", Reviewer, 3}}, "serial 3 by person:ann, reviewed by person:ben"},
		{"the order does not matter", 1, []s{{"ben", Reviewer, 3}, {"ann", Author, 3}}, "serial 3 by person:ann, reviewed by person:ben"},
		{"nobody", 1, nil, "no author has signed it"},
		{"only reviewers", 1, []s{{"ann", Reviewer, 3}, {"ben", Reviewer, 3}}, "no author has signed it"},
		{"too few", 2, []s{{"ann", Author, 3}, {"ben", Reviewer, 3}}, "1 of 2 reviewers"},
		{"two reviewers", 2, []s{{"ann", Author, 3}, {"ben", Reviewer, 3}, {"cleo", Reviewer, 3}}, "reviewed by person:ben, person:cleo"},
		{"one reviewer twice", 2, []s{{"ann", Author, 3}, {"ben", Reviewer, 3}, {"ben", Reviewer, 3}}, "1 of 2 reviewers"},
		{"the author as reviewer", 1, []s{{"ann", Author, 3}, {"ann", Reviewer, 3}}, "0 of 1 reviewers"},
		{"the author under another key", 1, []s{{"ann", Author, 3}, {"ann2", Reviewer, 3}}, "0 of 1 reviewers"},
		{"one reviewer under two keys", 2, []s{{"cleo", Author, 3}, {"ann", Reviewer, 3}, {"ann2", Reviewer, 3}}, "1 of 2 reviewers"},
		{"another serial", 1, []s{{"ann", Author, 3}, {"ben", Reviewer, 2}}, "0 of 1 reviewers"},
		{"the highest serial that suffices", 1, []s{{"ann", Author, 3}, {"ann", Author, 4}, {"ben", Reviewer, 3}}, "serial 3"},
		{"a stranger", 1, []s{{"stranger", Author, 3}, {"ben", Reviewer, 3}}, "its key is not one of an allowed signer"},
		{"a stranger besides", 1, []s{{"stranger", Reviewer, 3}, {"ann", Author, 3}, {"ben", Reviewer, 3}}, "serial 3"},
		{"a key of the past", 1, []s{{"ann", Author, 3}, {"past", Reviewer, 3}}, "the key of person:dora is not valid now"},
		{"a key of the future", 1, []s{{"ann", Author, 3}, {"future", Reviewer, 3}}, "the key of person:emil is not valid now"},
		{"a key for something else", 1, []s{{"ann", Author, 3}, {"elsewhere", Reviewer, 3}}, "not one of an allowed signer"},
		{"a key for this", 1, []s{{"ann", Author, 3}, {"here", Reviewer, 3}}, "reviewed by person:gus"},
	} {
		var list []Signature
		for _, one := range c.list {
			list = append(list, p.sign(one.key, one.role, one.serial))
		}
		list, err := Parse(Format(list)) // through the file
		if err != nil {
			t.Fatal(err)
		}
		signed, err := Verify(files, list, p.signers(), c.n, now)
		got := signed.String()
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", c.claim, got, c.want)
		}
	}
}

// TestRolesAreSigned: a reviewer's signature under another heading, or with another serial, is none.
func TestRolesAreSigned(t *testing.T) {
	p := newPeople(t, "ann", "ben")
	text := Format([]Signature{p.sign("ann", Reviewer, 3), p.sign("ben", Reviewer, 3)})
	for _, swap := range []string{"author 3", "reviewer 4", "author 4"} {
		list, err := Parse(bytes.Replace(text, []byte("reviewer 3"), []byte(swap), 1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(files, list, p.signers(), 1, now); err == nil || !strings.Contains(err.Error(), "not of this policy") {
			t.Errorf("%s: %v", swap, err)
		}
	}
}

// TestOneByte: no byte of the policy, of a name or of a signature can be changed.
func TestOneByte(t *testing.T) {
	p := newPeople(t, "ann", "ben")
	list := []Signature{p.sign("ann", Author, 3), p.sign("ben", Reviewer, 3)}
	for i := range files {
		for at := range files[i].Data {
			changed := []policy.File{files[0], files[1]}
			changed[i].Data = bytes.Clone(files[i].Data)
			changed[i].Data[at] ^= 1
			if _, err := Verify(changed, list, p.signers(), 1, now); err == nil {
				t.Fatalf("byte %d of %s can be changed", at, files[i].Name)
			}
		}
		renamed := []policy.File{files[0], files[1]}
		renamed[i].Name = "x.yaml"
		if _, err := Verify(renamed, list, p.signers(), 1, now); err == nil {
			t.Fatal("a file can be renamed")
		}
	}
	if _, err := Verify(files[:1], list, p.signers(), 1, now); err == nil {
		t.Fatal("a file can be left out")
	}
	if _, err := Verify(append(files, policy.File{Name: "c.yaml"}), list, p.signers(), 1, now); err == nil {
		t.Fatal("a file can be added")
	}
	text := Format(list)
	for at := range text {
		changed := bytes.Clone(text)
		changed[at] ^= 1
		list, err := Parse(changed)
		if err != nil {
			continue
		}
		// A change that leaves the same signatures behind, in white space or base64's padding, is no change.
		if _, err := Verify(files, list, p.signers(), 1, now); err == nil && !bytes.Equal(Format(list), text) {
			t.Fatalf("byte %d of the signatures can be changed:\n%s", at, changed)
		}
	}
}

func TestSignersThatAreNotUnderstood(t *testing.T) {
	p := newPeople(t, "ann")
	key := strings.TrimPrefix(strings.TrimSpace(p.allowed), "person:ann ")
	for line, want := range map[string]string{
		"ann " + key:                                "is not one principal",
		"person:* " + key:                           "is not one principal",
		"person:ann,person:ben " + key:              "is not one principal",
		"!person:ann " + key:                        "is not one principal",
		"person:ann cert-authority " + key:          `the option "cert-authority" is not understood`,
		"person:ann no-such=\"x\" " + key:           "is not understood",
		"person:ann valid-after=\"soon\" " + key:    "is not a time",
		"person:ann ssh-ed25519 AAAA":               "the key of person:ann",
		"person:ben " + key + "\nperson:ann " + key: "is the key of person:ben too",
		"person:ann " + key + "\nperson:ann " + key: "stands there twice",
	} {
		if _, err := ParseSigners([]byte(line + "\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
	if s, err := ParseSigners([]byte("# nobody\n\n" + p.allowed)); err != nil || len(s) != 1 {
		t.Errorf("%v, %v", s, err)
	}
}

// TestAgainstSSHKeygen: ssh-keygen accepts what we sign and we accept what it signs, for each sort of key.
func TestAgainstSSHKeygen(t *testing.T) {
	for _, sort := range [][]string{{"ed25519"}, {"ecdsa", "-b", "384"}, {"rsa", "-b", "2048"}} {
		t.Run(sort[0], func(t *testing.T) {
			dir := t.TempDir()
			run := func(stdin []byte, args ...string) string {
				t.Helper()
				cmd := exec.Command("ssh-keygen", args...)
				cmd.Dir, cmd.Stdin = dir, bytes.NewReader(stdin)
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("ssh-keygen %q: %v\n%s", args, err, out)
				}
				return string(out)
			}
			run(nil, append([]string{"-q", "-N", "", "-f", "key", "-C", "", "-t"}, sort...)...)
			read := func(name string) []byte {
				t.Helper()
				text, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				return text
			}
			write := func(name string, text []byte) {
				t.Helper()
				if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			allowed := append([]byte(`person:ann namespaces="`+Namespace+`" `), read("key.pub")...)
			write("allowed", allowed)
			key, err := ssh.ParsePrivateKey(read("key"))
			if err != nil {
				t.Fatal(err)
			}
			text, err := Text(files, Author, 5)
			if err != nil {
				t.Fatal(err)
			}
			// Ours, judged by ssh-keygen.
			ours, err := Sign(files, Author, 5, key)
			if err != nil {
				t.Fatal(err)
			}
			_, armoured, _ := bytes.Cut(Format([]Signature{ours}), []byte("\n"))
			write("ours.sig", armoured)
			if out := run(text, "-Y", "verify", "-f", "allowed", "-I", "person:ann", "-n", Namespace, "-s", "ours.sig"); !strings.Contains(out, "Good") {
				t.Error(out)
			}
			// Its own, judged by us.
			write("text", text)
			run(nil, "-Y", "sign", "-f", "key", "-n", Namespace, "text")
			list, err := Parse(append([]byte("author 5\n"), read("text.sig")...))
			if err != nil {
				t.Fatal(err)
			}
			signers, err := ParseSigners(allowed)
			if err != nil {
				t.Fatal(err)
			}
			if signed, err := Verify(files, list, signers, 0, now); err != nil || signed.Author != "person:ann" {
				t.Errorf("%v, %v", signed, err)
			}
			// In another namespace it is for something else.
			write("text", text)
			if err := os.Remove(filepath.Join(dir, "text.sig")); err != nil {
				t.Fatal(err)
			}
			run(nil, "-Y", "sign", "-f", "key", "-n", "file", "text")
			list, err = Parse(append([]byte("author 5\n"), read("text.sig")...))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Verify(files, list, signers, 0, now); err == nil {
				t.Error("a signature of another namespace counts")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	p := &people{keys: map[string]ssh.Signer{}}
	p.add("ann", "ann", "")
	s, err := Sign(files, Author, 1, p.keys["ann"])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(Format([]Signature{s, s}))
	f.Add([]byte("author 1\n" + string(pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: []byte("SSHSIG")}))))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(Format(list))
		if err != nil || !bytes.Equal(Format(again), Format(list)) {
			t.Fatalf("%q does not survive: %v", text, err)
		}
	})
}
