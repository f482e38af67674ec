package krl_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/ca/krl"

	"golang.org/x/crypto/ssh"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The pieces of a list (PROTOCOL.krl), each good, for tests that spoil one.
func u64(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }

func str(parts ...string) string {
	s := strings.Join(parts, "")
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s
}

const (
	begin  = "SSHKRL\n\x00\x00\x00\x00\x01"
	header = begin + "\x00\x00\x00\x00\x00\x00\x00\x03" + "\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x00\x00\x00\x00" + "\x00\x00\x00\x00"
)

// anyCA is a list with one section for every CA, made of subsections.
func anyCA(subsections ...string) string {
	return header + "\x01" + str(append([]string{str(), str()}, subsections...)...)
}

func extension(critical byte) string { return str(str("x@example.com"), string(critical), str("body")) }

// TestParseRefusesWhatItDoesNotUnderstand: each case is refused at its byte. OpenSSH refuses most of them too; where it is
// more lenient, lenient says so.
func TestParseRefusesWhatItDoesNotUnderstand(t *testing.T) {
	made := keyring()
	plain, big := string(made.keys[0].Marshal()), string(made.cas[1].PublicKey().Marshal())
	signer := made.cas[0]
	cert := &ssh.Certificate{Key: made.keys[0], CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	check(cert.SignCert(bytes.NewReader(make([]byte, 1<<10)), signer))
	signed := header + "\x04" + str(string(signer.PublicKey().Marshal()))
	signature, err := signer.Sign(nil, []byte(signed))
	check(err)
	signed += str(string(ssh.Marshal(signature)))
	longExponent := strings.Replace(big, "\x00\x00\x00\x03\x01\x00\x01", "\x00\x00\x00\x04\x00\x01\x00\x01", 1)
	low, high := strings.Repeat("\x01", 20), strings.Repeat("\x02", 20)
	body := len(header) + 5 // where the first section's body begins
	sub := body + 8         // where the first subsection of anyCA begins
	cases := []struct {
		name, list string
		offset     int
		want       string
		lenient    bool
	}{
		{"nothing", "", 0, "not a KRL", false},
		{"text", "ssh-ed25519 AAAA", 0, "not a KRL", false},
		{"half a beginning", "SSHKRL\n", 0, "not a KRL", false},
		{"the beginning alone", begin[:8], 8, "4 bytes are due", false},
		{"another format", begin[:11] + "\x02" + header[12:], 8, "format version 2", false},
		{"flags", header[:35] + "\x01" + header[36:], 28, "flags 0x1", true},
		{"a far future", header[:20] + "\xff" + header[21:], 20, "generated", true},
		{"reserved", header[:36] + str("x") + str(), 36, "reserved", true},
		{"NUL in the comment", header[:40] + str("a\x00b"), 40, "NUL", false},
		{"a long text with NUL", header[:40] + str("\x00", strings.Repeat("a", 1<<16)), 40, "NUL", false},
		{"no comment", header[:40], 40, "4 bytes are due and 0 are left", false},
		{"half a section", header + "\x01", len(header) + 1, "4 bytes are due", false},
		{"a length beyond the end", header + "\x02\xff\xff\xff\xff", len(header) + 5, "4294967295 bytes are due and 0 are left", false},
		{"section 6", header + "\x06" + str("x"), len(header), "section type 6", false},
		{"section 0", header + "\x00" + str(), len(header), "section type 0", false},
		{"a good signature", signed, len(header), "signature section", true},
		{"critical extension", header + "\xff" + extension(1), body, `critical extension "x@example.com"`, false},
		{"extension that is 2", header + "\xff" + extension(2), body, "critical extension", false},
		{"half an extension", header + "\xff" + str(str("x")), body + 5, "1 bytes are due", false},
		{"more after an extension", header + "\xff" + str(str("x"), "\x00", str(), "y"), body + 10, "more after extension", false},
		{"no keys", header + "\x02" + str(), body, "empty section", true},
		{"a key that is none", header + "\x02" + str(str("ssh-ed25519")), body, "revoked key", true},
		{"a certificate for a key", header + "\x02" + str(str(string(cert.Marshal()))), body, "a certificate where a plain key is due", true},
		{"a key in another form", header + "\x02" + str(str(longExponent)), body, "not in its canonical form", true},
		{"a key and a bit", header + "\x02" + str(str(plain), "x"), body + 4 + len(plain), "4 bytes are due and 1", false},
		{"SHA-1 of 21 bytes", header + "\x03" + str(str(low+"x")), body, "21 bytes: want 20", false},
		{"SHA-256 of 20 bytes", header + "\x05" + str(str(low)), body, "20 bytes: want 32", false},
		{"hashes that descend", header + "\x03" + str(str(high), str(low)), body + 24, "out of order", true},
		{"a hash twice", header + "\x03" + str(str(low), str(low)), body + 24, "out of order", true},
		{"no certificates", header + "\x01" + str(str(), str()), sub, "without certificates", true},
		{"reserved of a CA", header + "\x01" + str(str(), str("x"), "\x20", str(u64(1))), body + 4, "reserved", true},
		{"a CA that is none", header + "\x01" + str(str("x"), str(), "\x20", str(u64(1))), body, "CA: ", false},
		{"a certificate for a CA", header + "\x01" + str(str(string(cert.Marshal())), str(), "\x20", str(u64(1))), body, "a certificate", true},
		{"a CA of an old kind", header + "\x01" + str(str(string(oldKind().Marshal())), str(), "\x20", str(u64(1))), body, "not every OpenSSH", true},
		{"certificate section 0x24", anyCA("\x24", str(u64(1))), sub, "type 0x24", false},
		{"critical extension of a CA", anyCA("\x39", extension(1)), sub + 5, "critical extension", false},
		{"an empty list", anyCA("\x20", str()), sub + 5, "empty list", true},
		{"serial 0", anyCA("\x20", str(u64(1), u64(0))), sub + 13, "serial 0", false},
		{"half a serial", anyCA("\x20", str("1234567")), sub + 5, "8 bytes are due and 7", false},
		{"a range from 0", anyCA("\x21", str(u64(0), u64(1))), sub + 5, "serial 0", false},
		{"a range backwards", anyCA("\x21", str(u64(2), u64(1))), sub + 5, "smaller one first", false},
		{"half a range", anyCA("\x21", str(u64(2))), sub + 13, "8 bytes are due", false},
		{"a range and a half", anyCA("\x21", str(u64(2), u64(3), u64(4))), sub + 21, "more after a range", false},
		{"a bitmap of nothing", anyCA("\x22", str(u64(1), str())), sub + 5, "empty bitmap", true},
		{"a bitmap of zero", anyCA("\x22", str(u64(1), str("\x00"))), sub + 5, "shortest form", true},
		{"a negative bitmap", anyCA("\x22", str(u64(1), str("\x80"))), sub + 5, "negative", false},
		{"a long bitmap", anyCA("\x22", str(u64(1), str("\x00\x01"))), sub + 5, "shortest form", true},
		{"a bitmap from 0", anyCA("\x22", str(u64(0), str("\x01"))), sub + 5, "serial 0", false},
		{"a bitmap beyond the end", anyCA("\x22", str(u64(1<<64-2), str("\x05"))), sub + 5, "beyond the largest", false},
		{"a bitmap of 2049 bytes", anyCA("\x22", str(u64(1), str("\x01", strings.Repeat("\xff", 2048)))), sub + 5, "at most 2048", false},
		{"more after a bitmap", anyCA("\x22", str(u64(1), str("\x05"), "x")), sub + 18, "more after a bitmap", false},
		{"no key IDs", anyCA("\x23", str()), sub + 5, "empty section", true},
		{"NUL in a key ID", anyCA("\x23", str(str("a\x00b"))), sub + 5, "NUL", false},
		{"NUL after a key ID", anyCA("\x23", str(str("a\x00"))), sub + 5, "NUL", true},
		{"a second section", anyCA("\x20", str(u64(1))) + "\x07" + str(), len(anyCA("\x20", str(u64(1)))), "section type 7", false},
	}
	dir := t.TempDir()
	subject := filepath.Join(dir, "subject.pub")
	write(t, subject, ssh.MarshalAuthorizedKey(made.keys[1]))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := krl.Parse([]byte(c.list))
			var refusal *krl.ParseError
			if !errors.As(err, &refusal) || !strings.Contains(refusal.Reason, c.want) || refusal.Offset != c.offset || len(err.Error()) > 400 {
				t.Errorf("%v, want %q at byte %d", err, c.want, c.offset)
			}
			path := filepath.Join(dir, "list")
			write(t, path, []byte(c.list))
			out, err := exec.Command("ssh-keygen", "-Q", "-f", path, subject).CombinedOutput()
			if (err == nil) != c.lenient && c.list != signed && !strings.Contains(c.list, dss) { // of which OpenSSH thinks otherwise since 9.4 and 10.0
				t.Errorf("ssh-keygen -Q: %v, lenient %t: %s", err, c.lenient, out)
			}
		})
	}
}

// TestParseAccepts: forms that we do not write, as OpenSSH reads them.
func TestParseAccepts(t *testing.T) {
	cases := []struct {
		name, list string
		want       krl.Certificates
	}{
		{"serials in any order", anyCA("\x20", str(u64(9), u64(7), u64(9), u64(8))), krl.Certificates{Serials: []krl.Range{{First: 7, Last: 9}}}},
		{"a bitmap whose first bit is not set", anyCA("\x22", str(u64(0), str("\x06"))), krl.Certificates{Serials: []krl.Range{{First: 1, Last: 2}}}},
		{"a bitmap of 16384 bits", anyCA("\x22", str(u64(1), str("\x00\x80", strings.Repeat("\x00", 2047)))), krl.Certificates{Serials: []krl.Range{{First: 16384, Last: 16384}}}},
		{"a bitmap up to the end", anyCA("\x22", str(u64(1<<64-2), str("\x03"))), krl.Certificates{Serials: []krl.Range{{First: 1<<64 - 2, Last: 1<<64 - 1}}}},
		{"two sections", anyCA("\x23", str(str("b"))) + anyCA("\x23", str(str("a"), str("b")))[len(header):], krl.Certificates{KeyIDs: []string{"a", "b"}}},
		{"extensions that are not critical", anyCA("\x39", extension(0), "\x20", str(u64(1))) + "\xff" + extension(0), krl.Certificates{Serials: []krl.Range{{First: 1, Last: 1}}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			list, err := krl.Parse([]byte(c.list))
			if err != nil {
				t.Fatal(err)
			}
			want := krl.Contents{Version: 3, Certificates: []krl.Certificates{c.want}}
			if got := list.Contents(); !reflect.DeepEqual(got, want) {
				t.Errorf("read %+v, want %+v", got, want)
			}
			if bytes.Contains(list.Marshal(), []byte("x@example.com")) {
				t.Error("an extension is written: OpenSSH 9.2 refuses the list")
			}
		})
	}
}

// TestBounds: what is over a bound is refused before it is built, also where few bytes say much.
func TestBounds(t *testing.T) {
	bitmap := "\x22" + str(u64(1), str(strings.Repeat("\x55", 2048))) // 8192 runs
	most := anyCA(strings.Repeat(bitmap, krl.MaxEntries/8192))
	if list, err := krl.Parse([]byte(most)); err != nil || len(list.Contents().Certificates[0].Serials) != 8192 {
		t.Errorf("%d runs, all of them 128 times: %v", krl.MaxEntries, err)
	}
	over := anyCA(strings.Repeat(bitmap, krl.MaxEntries/8192), "\x20", str(u64(1)))
	if _, err := krl.Parse([]byte(over)); !errors.Is(err, krl.ErrTooLarge) {
		t.Errorf("one run more: %v", err)
	}
	if _, err := krl.Parse([]byte(header + strings.Repeat("x", krl.MaxSize))); !errors.Is(err, krl.ErrTooLarge) {
		t.Errorf("more than %d bytes: %v", krl.MaxSize, err)
	}
	if _, err := krl.New(krl.Contents{SHA1: make([][20]byte, krl.MaxEntries+1)}); !errors.Is(err, krl.ErrTooLarge) {
		t.Errorf("New with more than %d entries: %v", krl.MaxEntries, err)
	}
	if _, err := krl.New(krl.Contents{Comment: strings.Repeat("x", krl.MaxSize)}); !errors.Is(err, krl.ErrTooLarge) {
		t.Errorf("New with %d bytes of comment: %v", krl.MaxSize, err)
	}
}

// TestMemory: what bytes promise is not allocated, and what they hold only up to MaxEntries.
func TestMemory(t *testing.T) {
	bitmap := "\x22" + str(u64(1), str(strings.Repeat("\x55", 2048)))
	cases := []struct {
		name, list string
		most       uint64 // bytes that may be allocated
	}{
		{"a string of 4 GiB", header + "\x02\xff\xff\xff\xff", 64 << 10},
		{"a bitmap of 4 GiB", anyCA("\x22", "\x00\x00\x00\x0c", u64(1), "\xff\xff\xff\xff"), 64 << 10},
		{"every serial", anyCA("\x21", str(u64(1), u64(1<<64-1))), 64 << 10},
		{"bitmaps of a billion runs", anyCA(strings.Repeat(bitmap, krl.MaxSize/len(bitmap)-1)), 256 << 20},
	}
	for _, c := range cases {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := krl.Parse([]byte(c.list))
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc - uint64(len(c.list)); used > c.most {
			t.Errorf("%s: %d bytes are allocated, want at most %d (%v)", c.name, used, c.most, err)
		}
	}
}

// TestNewRefuses: what would make OpenSSH refuse the whole list, or would revoke other than was meant.
func TestNewRefuses(t *testing.T) {
	made := keyring()
	cert := &ssh.Certificate{Key: made.keys[0], CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	check(cert.SignCert(bytes.NewReader(make([]byte, 1<<10)), made.cas[0]))
	of := func(c krl.Certificates) krl.Contents { return krl.Contents{Certificates: []krl.Certificates{c}} }
	cases := []struct {
		name     string
		contents krl.Contents
		want     string
	}{
		{"serial 0", of(krl.Certificates{Serials: []krl.Range{{First: 0, Last: 5}}}), "serial 0"},
		{"a range backwards", of(krl.Certificates{Serials: []krl.Range{{First: 6, Last: 5}}}), "smaller one first"},
		{"NUL in a key ID", of(krl.Certificates{KeyIDs: []string{"a\x00"}}), "NUL"},
		{"NUL in the comment", krl.Contents{Comment: "\x00"}, "NUL"},
		{"before 1970", krl.Contents{Generated: time.Unix(-1, 0)}, "generated"},
		{"after 9999", krl.Contents{Generated: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "generated"},
		{"a certificate as key", krl.Contents{Keys: []ssh.PublicKey{cert}}, "a certificate"},
		{"no key", krl.Contents{Keys: []ssh.PublicKey{nil}}, "no key"},
		{"no certificate", krl.Contents{Keys: []ssh.PublicKey{(*ssh.Certificate)(nil)}}, "no key"},
		{"a certificate as CA", of(krl.Certificates{CA: cert, KeyIDs: []string{"a"}}), "a certificate"},
		{"a certificate in disguise as key", krl.Contents{Keys: []ssh.PublicKey{disguise{made.keys[0], cert.Marshal()}}}, "a certificate"},
		{"an RSA CA of 512 bits", of(krl.Certificates{CA: smallRSA(), KeyIDs: []string{"a"}}), "RSA with 512 bits"},
		{"a CA of a kind that not every OpenSSH knows", of(krl.Certificates{CA: oldKind(), KeyIDs: []string{"a"}}), `type "` + dss},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := krl.New(c.contents); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("New: %v, want %q", err, c.want)
			}
		})
	}
}

// disguise is a key of the caller's own type whose wire form is what it likes.
type disguise struct {
	ssh.PublicKey
	wire []byte
}

func (d disguise) Marshal() []byte { return d.wire }

// dss is a kind of key that OpenSSH 10 no longer knows.
const dss = "ssh-dss"

func oldKind() ssh.PublicKey {
	p := append([]byte{0}, bytes.Repeat([]byte{0xff}, 128)...)
	key, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Type       string
		P, Q, G, Y []byte
	}{dss, p, p[:21], []byte{2}, []byte{4}}))
	check(err)
	return key
}

func smallRSA() ssh.PublicKey {
	n := append([]byte{0}, bytes.Repeat([]byte{0xff}, 64)...)
	key, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Type string
		E, N []byte
	}{ssh.KeyAlgoRSA, []byte{1, 0, 1}, n}))
	check(err)
	return key
}

// TestRevokedRefusesWhatItCannotRead: neither a type of the caller's nor a certificate that OpenSSH does not read gets by.
func TestRevokedRefusesWhatItCannotRead(t *testing.T) {
	made := keyring()
	certify := func(id string) *ssh.Certificate {
		cert := &ssh.Certificate{Key: made.keys[0], Serial: 5, KeyId: id, CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
		check(cert.SignCert(bytes.NewReader(make([]byte, 1<<10)), made.cas[0]))
		return cert
	}
	list, err := krl.New(krl.Contents{Certificates: []krl.Certificates{{CA: made.cas[0].PublicKey(), Serials: []krl.Range{one(5)}}}})
	check(err)
	cases := []struct {
		name string
		key  ssh.PublicKey
		want string
	}{
		{"nil", nil, "unreadable: no key"},
		{"a nil certificate", (*ssh.Certificate)(nil), "unreadable: "},
		{"an empty certificate", &ssh.Certificate{}, "unreadable: "},
		{"bytes that are no key", disguise{made.keys[0], []byte("x")}, "unreadable: "},
		{"a certificate in disguise", disguise{made.keys[0], certify("a").Marshal()}, "serial 5 of CA SHA256:"},
		{"NUL inside a key ID", certify("a\x00b"), "unreadable: a certificate with NUL in its key ID"},
		{"two NULs", certify("a\x00\x00"), "unreadable: "},
	}
	for _, c := range cases {
		if reason, ok := list.Revoked(c.key); !ok || !strings.HasPrefix(reason, c.want) {
			t.Errorf("%s: %t, %q, want %q", c.name, ok, reason, c.want)
		}
	}
	if reason, ok := list.Revoked(made.keys[0]); ok {
		t.Errorf("a plain key is revoked: %s", reason)
	}
}

// TestContentsAreACopy: a list does not change with what it was made from, nor with what it handed out.
func TestContentsAreACopy(t *testing.T) {
	made := keyring()
	c := krl.Contents{Keys: slices.Clone(made.keys), SHA1: [][20]byte{{1}, {2}}, SHA256: [][32]byte{{1}},
		Certificates: []krl.Certificates{{CA: made.cas[0].PublicKey(), Serials: []krl.Range{one(9), one(5)}, KeyIDs: []string{"b", "a"}}}}
	list, err := krl.New(c)
	check(err)
	wire := list.Marshal()
	for range 2 {
		c.Keys[0], c.SHA1[0], c.SHA256[0] = nil, [20]byte{9}, [32]byte{9}
		c.Certificates[0].CA, c.Certificates[0].Serials[0], c.Certificates[0].KeyIDs[0] = nil, one(1), "x"
		list.Marshal()[0] = 'x'
		again, err := krl.New(list.Contents())
		if err != nil || !bytes.Equal(again.Marshal(), wire) || !bytes.Equal(list.Marshal(), wire) {
			t.Fatalf("the list changed with its contents: %v", err)
		}
		c = list.Contents()
	}
}

// TestGolden: the list that ssh-keygen -k wrote says today what it said then, and our form of it is the same bytes as then.
func TestGolden(t *testing.T) {
	theirs, ours, caPath := filepath.Join("testdata", "keygen.krl"), filepath.Join("testdata", "ours.krl"), filepath.Join("testdata", "ca.pub")
	if *update {
		updateGolden(t, theirs, caPath)
	}
	ca, _, _, _, err := ssh.ParseAuthorizedKey(read(t, caPath))
	check(err)
	list, err := krl.Parse(read(t, theirs))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		write(t, ours, list.Marshal())
	}
	c := list.Contents()
	want := []krl.Certificates{
		{KeyIDs: []string{"agt=old-bot;own=group:web"}},
		{CA: ca, Serials: []krl.Range{one(1), one(3), one(5), {First: 100, Last: 200}, one(1 << 40), one(1<<64 - 1)}, KeyIDs: []string{"alice", "bob"}},
	}
	if c.Version != 42 || c.Comment != "golden" || c.Generated.IsZero() || !reflect.DeepEqual(c.Certificates, want) ||
		len(c.Keys) != 1 || len(c.SHA1) != 1 || len(c.SHA256) != 1 || !bytes.Equal(c.Keys[0].Marshal(), ca.Marshal()) {
		t.Errorf("the golden list says %+v", c)
	}
	if !bytes.Equal(list.Marshal(), read(t, ours)) {
		t.Errorf("our form of it is %x", list.Marshal())
	}
}

func updateGolden(t *testing.T, path, caPath string) {
	w := newWorld(t)
	line := ssh.MarshalAuthorizedKey(w.cas[0].PublicKey())
	write(t, caPath, line)
	every, spec := filepath.Join(w.dir, "every"), filepath.Join(w.dir, "spec")
	write(t, every, []byte("id: agt=old-bot;own=group:web\n"))
	write(t, spec, fmt.Appendf(nil, "serial: 1\nserial: 3\nserial: 5\nserial: 100-200\nserial: 1099511627776\nserial: 18446744073709551615\n"+
		"id: bob\nid: alice\nkey: %ssha1: %ssha256: %s", line, ssh.MarshalAuthorizedKey(w.keys[1]), ssh.MarshalAuthorizedKey(w.keys[2])))
	for _, args := range [][]string{{"-s", "none", every}, {"-u", "-s", caPath, "-z", "42", "-C", "golden", spec}} {
		if out, err := exec.Command("ssh-keygen", append([]string{"-k", "-f", path}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	check(os.Chmod(path, 0o644))
}
