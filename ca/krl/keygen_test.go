package krl_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/ca/krl"

	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"
)

// comment is in every list, so that lists of both makers have the same length.
const comment = "by the test"

var at = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// section is what is revoked under one CA; -1 is every CA.
type section struct {
	ca      int
	serials []krl.Range
	ids     []string
}

// revocations is one list's content, by index into the world.
type revocations struct {
	sections           []section
	keys, sha1, sha256 []int // subjects; of a certificate its plain key is meant
}

func (r revocations) contents(w *world) krl.Contents {
	c := krl.Contents{Version: 3, Generated: at, Comment: comment}
	for _, s := range r.sections {
		of := krl.Certificates{Serials: s.serials, KeyIDs: s.ids}
		if s.ca >= 0 {
			of.CA = w.cas[s.ca].PublicKey()
		}
		c.Certificates = append(c.Certificates, of)
	}
	for _, i := range r.keys {
		c.Keys = append(c.Keys, w.plain(i))
	}
	for _, i := range r.sha1 {
		c.SHA1 = append(c.SHA1, sha1.Sum(w.plain(i).Marshal()))
	}
	for _, i := range r.sha256 {
		c.SHA256 = append(c.SHA256, sha256.Sum256(w.plain(i).Marshal()))
	}
	return c
}

// plain is a subject's key without its certificate.
func (w *world) plain(i int) ssh.PublicKey {
	if cert, ok := w.subjects[i].key.(*ssh.Certificate); ok {
		return cert.Key
	}
	return w.subjects[i].key
}

// keygen makes the same list with ssh-keygen -k, and -u for all but the first CA, from its specification language.
func (r revocations) keygen(t rapid.TB, w *world) []byte {
	t.Helper()
	path := filepath.Join(w.dir, "made.krl")
	r.extend(t, w, path, "-k")
	return read(t, path)
}

// extend runs ssh-keygen once a CA on the list at path.
func (r revocations) extend(t rapid.TB, w *world, path string, args ...string) {
	t.Helper()
	var keys strings.Builder
	for word, subjects := range map[string][]int{"key": r.keys, "sha1": r.sha1, "sha256": r.sha256} {
		for _, i := range subjects {
			fmt.Fprintf(&keys, "%s: %s", word, read(t, w.subjects[i].path))
		}
	}
	specs := []string{keys.String()}
	cas := []int{-1}
	for _, s := range r.sections {
		var spec strings.Builder
		for _, run := range s.serials {
			if fmt.Fprintf(&spec, "serial: %d", run.First); run.Last > run.First {
				fmt.Fprintf(&spec, "-%d", run.Last)
			}
			spec.WriteString("\n")
		}
		for _, id := range s.ids {
			fmt.Fprintf(&spec, "id: %s\n", id)
		}
		specs, cas = append(specs, spec.String()), append(cas, s.ca)
	}
	for i, spec := range specs {
		if spec == "" && i < len(specs)-1 {
			continue
		}
		file := filepath.Join(w.dir, "spec")
		write(t, file, []byte(spec))
		ca := "none"
		if cas[i] >= 0 {
			ca = w.cas[cas[i]].path
		}
		all := append(slices.Clone(args), "-s", ca, "-z", "3", "-C", comment, "-f", path, file)
		if out, err := exec.Command("ssh-keygen", all...).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen %q: %v\n%s%s", all, err, out, spec)
		}
		args = []string{"-k", "-u"}
	}
}

func read(t rapid.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// compare holds our verdict about every subject against ssh-keygen's.
func (w *world) compare(t rapid.TB, what string, list *krl.List, want []bool) {
	t.Helper()
	for i, s := range w.subjects {
		reason, got := list.Revoked(s.key)
		if got != want[i] {
			t.Errorf("%s: %s: revoked %t (%s), ssh-keygen says %t", what, s.name, got, reason, want[i])
		}
		if got == (reason == "") {
			t.Errorf("%s: %s: revoked %t with reason %q", what, s.name, got, reason)
		}
	}
}

// judge holds one list against ssh-keygen in both directions and returns how many subjects it revokes.
func (w *world) judge(t rapid.TB, r revocations, spec bool) int {
	t.Helper()
	ours, err := krl.New(r.contents(w))
	if err != nil {
		t.Fatal(err)
	}
	want := w.query(t, ours.Marshal())
	w.compare(t, "our file", ours, want)
	again, err := krl.Parse(ours.Marshal())
	if err != nil {
		t.Fatalf("our own file: %v", err)
	}
	w.compare(t, "our file, read again", again, want)
	if spec {
		made := r.keygen(t, w)
		theirs, err := krl.Parse(made)
		if err != nil {
			t.Fatalf("the file of ssh-keygen -k: %v", err)
		}
		if len(ours.Marshal()) > len(made) {
			t.Errorf("our file has %d bytes, that of ssh-keygen -k %d", len(ours.Marshal()), len(made))
		}
		w.compare(t, "the file of ssh-keygen -k", theirs, w.query(t, made))
		w.compare(t, "the file of ssh-keygen -k, by our file's verdicts", theirs, want)
	}
	n := 0
	for _, revoked := range want {
		if revoked {
			n++
		}
	}
	return n
}

func one(n uint64) krl.Range { return krl.Range{First: n, Last: n} }

// TestKeygenAgreesAboutChosenLists: ssh-keygen -Q says what Revoked says, about our files and about those of ssh-keygen -k.
func TestKeygenAgreesAboutChosenLists(t *testing.T) {
	w := newWorld(t)
	if certificates := len(w.subjects) - len(w.keys) - len(w.cas); certificates < 60 {
		t.Fatalf("%d certificates are judged, want at least 60", certificates)
	}
	const top = math.MaxUint64
	every := krl.Range{First: 1, Last: top}
	cert := len(w.keys) + len(w.cas) // the first certificate; its key is w.keys[0]
	var odd, sparse, gaps []krl.Range
	for n := uint64(1); n < 12000; n += 2 {
		odd = append(odd, one(n))
	}
	for n := uint64(1); n < 1<<40; n += 1 << 34 {
		sparse = append(sparse, one(n))
	}
	for n := uint64(1); n < 16000; n += 40 {
		gaps = append(gaps, krl.Range{First: n, Last: n + 20})
	}
	by := func(ca int, serials ...krl.Range) revocations {
		return revocations{sections: []section{{ca: ca, serials: serials}}}
	}
	named := func(ca int, ids ...string) revocations {
		return revocations{sections: []section{{ca: ca, ids: ids}}}
	}
	cases := map[string]revocations{
		"nothing":                   {},
		"serial 1":                  by(0, one(1)),
		"serial 1 of the other CA":  by(1, one(1)),
		"serial 1 of every CA":      by(-1, one(1)),
		"serial 2":                  by(0, one(2)),
		"serial 64":                 by(0, one(64)),
		"the largest":               by(0, one(top)),
		"the largest two":           by(0, krl.Range{First: top - 1, Last: top}),
		"the largest and another":   by(0, one(top), one(top-2)),
		"2^63":                      by(0, one(1<<63)),
		"2^31 and 2^32":             by(1, one(1<<31), one(1<<32)),
		"a pair":                    by(0, krl.Range{First: 1, Last: 2}),
		"a triple":                  by(0, krl.Range{First: 7, Last: 9}),
		"a range":                   by(0, krl.Range{First: 2, Last: 1000}),
		"two ranges":                by(0, krl.Range{First: 1, Last: 63}, krl.Range{First: 128, Last: 16384}),
		"overlapping ranges":        by(0, krl.Range{First: 7, Last: 65}, krl.Range{First: 2, Last: 9}, krl.Range{First: 64, Last: 1000}),
		"a range in a range":        by(0, krl.Range{First: 2, Last: 1000}, krl.Range{First: 7, Last: 9}),
		"adjacent ranges":           by(0, krl.Range{First: 8, Last: 9}, krl.Range{First: 1, Last: 7}, one(10)),
		"every serial":              by(0, every),
		"every serial of every CA":  by(-1, every),
		"every serial but one":      by(1, krl.Range{First: 1, Last: 999}, krl.Range{First: 1001, Last: top}),
		"odd serials":               by(0, odd...),
		"odd serials of every CA":   by(-1, odd...),
		"sparse serials":            by(1, sparse...),
		"gaps":                      by(0, gaps...),
		"a bitmap of a whole byte":  by(0, one(1), one(3), one(5), one(8)),
		"a bitmap over the byte":    by(0, one(1), one(3), one(5), one(9)),
		"the widest bitmap":         by(0, krl.Range{First: 1, Last: 5}, one(8), one(16384)),
		"one wider":                 by(0, krl.Range{First: 1, Last: 5}, one(8), one(16385)),
		"key ID":                    named(0, "alice"),
		"key ID of every CA":        named(-1, "alice"),
		"key ID with structure":     named(1, "agt=bot;own=group:web;task=CHG 1"),
		"key ID beyond ASCII":       named(0, "häuser"),
		"key IDs":                   named(-1, "Alice", "alice", "bob", "alice2"),
		"a key":                     {keys: []int{0}},
		"a key in a token":          {keys: []int{8}},
		"every kind of key":         {keys: []int{2, 4, 5, 6, 7, 8, 9}},
		"a certificate's key":       {keys: []int{cert}},
		"a CA's key":                {keys: []int{len(w.keys)}},
		"the RSA CA's key":          {keys: []int{len(w.keys) + 1}},
		"a key by SHA-1":            {sha1: []int{1}},
		"a CA by SHA-1":             {sha1: []int{len(w.keys)}},
		"a key by SHA-256":          {sha256: []int{1}},
		"a CA by SHA-256":           {sha256: []int{len(w.keys) + 1}},
		"a certificate's key by it": {sha256: []int{cert + 1}, sha1: []int{cert + 2}},
		"keys in all three ways":    {keys: []int{0, 3}, sha1: []int{1, 0}, sha256: []int{2, 9, 7}},
		"all of it": {keys: []int{3}, sha1: []int{1}, sha256: []int{9}, sections: []section{
			{0, []krl.Range{one(1), {First: 63, Last: 65}}, []string{"alice"}},
			{1, []krl.Range{one(2), one(8), {First: 1000, Last: 1 << 40}}, []string{"Alice"}},
			{-1, []krl.Range{one(16384)}, []string{"häuser"}},
		}},
	}
	if len(cases) < 30 {
		t.Fatalf("%d lists, want at least 30", len(cases))
	}
	for name, r := range cases {
		t.Run(name, func(t *testing.T) {
			if n := w.judge(t, r, true); (n == 0) != (name == "nothing") || n == len(w.subjects) {
				t.Errorf("%d of %d are revoked: the case shows nothing", n, len(w.subjects))
			}
		})
	}
}

// TestKeygenAgreesAboutWhatItsLanguageCannotSay: key IDs that no specification file holds, in our own files.
func TestKeygenAgreesAboutWhatItsLanguageCannotSay(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"", "#", "alice ", "\xff\xfe"} {
		if n := w.judge(t, revocations{sections: []section{{ca: 0, ids: []string{id}}}}, false); n == 0 {
			t.Errorf("key ID %q revokes nothing", id)
		}
	}
}

// TestKeygenAgreesAboutRandomLists is the same for random ones.
func TestKeygenAgreesAboutRandomLists(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		r := drawRevocations(len(w.subjects)).Draw(rt, "list")
		w.judge(rt, r, rapid.Bool().Draw(rt, "by ssh-keygen -k too")) // which takes a process for each CA
	})
}

// drawRun is serials near those of the world.
var drawRun = rapid.Custom(func(t *rapid.T) krl.Range {
	first := rapid.SampledFrom(serials).Draw(t, "near") + rapid.Uint64Range(0, 40).Draw(t, "above")
	first = max(1, first-min(first, rapid.Uint64Range(0, 40).Draw(t, "below")))
	size := rapid.SampledFrom([]uint64{0, 0, 0, 1, 2, 3, 20, 170, 20000}).Draw(t, "size")
	if rapid.IntRange(0, 20).Draw(t, "huge") == 0 {
		size = rapid.Uint64().Draw(t, "huge size")
	}
	return krl.Range{First: first, Last: first + min(size, math.MaxUint64-first)}
})

func drawRevocations(subjects int) *rapid.Generator[revocations] {
	which := rapid.SliceOfN(rapid.IntRange(0, subjects-1), 0, 3)
	return rapid.Custom(func(t *rapid.T) revocations {
		var r revocations
		for _, ca := range []int{0, 1, -1} {
			s := section{ca: ca, serials: rapid.SliceOfN(drawRun, 0, 60).Draw(t, "serials")}
			s.ids = rapid.SliceOfN(rapid.SampledFrom([]string{"alice", "Alice", "häuser", "nobody"}), 0, 3).Draw(t, "ids")
			if rapid.Bool().Draw(t, "with this CA") && len(s.serials)+len(s.ids) > 0 {
				r.sections = append(r.sections, s)
			}
		}
		r.keys, r.sha1, r.sha256 = which.Draw(t, "keys"), which.Draw(t, "SHA-1"), which.Draw(t, "SHA-256")
		return r
	})
}

// TestKeygenExtendsOurLists: ssh-keygen -k -u adds to a file of ours, and we read the whole.
func TestKeygenExtendsOurLists(t *testing.T) {
	w := newWorld(t)
	first := revocations{keys: []int{2}, sections: []section{{ca: 0, serials: []krl.Range{one(7), one(9)}, ids: []string{"Alice"}}}}
	ours, err := krl.New(first.contents(w))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.dir, "ours.krl")
	write(t, path, ours.Marshal())
	revocations{sha256: []int{5}, sections: []section{{ca: 0, serials: []krl.Range{one(8)}}, {ca: 1, serials: []krl.Range{one(1)}}}}.extend(t, w, path, "-k", "-u")
	both, err := krl.Parse(read(t, path))
	if err != nil {
		t.Fatal(err)
	}
	w.compare(t, "extended", both, w.query(t, read(t, path)))
	c := both.Contents()
	if len(c.Keys) != 1 || len(c.SHA256) != 1 || len(c.Certificates) != 2 || c.Comment != comment {
		t.Errorf("extended to %+v", c)
	}
}

// TestWritesNothingThatOpenSSHRefuses: ssh-keygen -k puts every second serial into one bitmap, however long, and then cannot
// read its own file; with such a file sshd refuses everybody. We split.
func TestWritesNothingThatOpenSSHRefuses(t *testing.T) {
	w := newWorld(t)
	var odd []krl.Range
	for n := uint64(1); n < 40000; n += 2 {
		odd = append(odd, one(n))
	}
	r := revocations{sections: []section{{ca: 0, serials: odd}}}
	if n := w.judge(t, r, false); n == 0 {
		t.Error("odd serials revoke nothing")
	}
	made := r.keygen(t, w)
	var refusal *krl.ParseError
	if _, err := krl.Parse(made); !errors.As(err, &refusal) || !strings.Contains(err.Error(), "at most 2048") {
		t.Errorf("the file of ssh-keygen -k: %v", err)
	}
	out, err := exec.Command("ssh-keygen", "-Q", "-f", filepath.Join(w.dir, "made.krl"), w.cas[0].path).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "Invalid KRL file") {
		t.Errorf("ssh-keygen -Q of that: %v: %s", err, out)
	}
}
