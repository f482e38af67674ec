package witness

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/recorder/audit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const origin = "gatehouse.test/log"

// past is a log's key and a tree in memory, so that a test can sign whatever it likes.
type past struct {
	t      *testing.T
	signer note.Signer
	vkey   string
	hashes []tlog.Hash
	size   int64
}

func newPast(t *testing.T) *past {
	signer, vkey, err := audit.LoadOrCreateKey(t.TempDir(), origin)
	if err != nil {
		t.Fatal(err)
	}
	return &past{t: t, signer: signer, vkey: vkey}
}

func (p *past) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) (out []tlog.Hash, err error) {
		for _, i := range indexes {
			out = append(out, p.hashes[i])
		}
		return out, nil
	})
}

func (p *past) add(entries ...string) *past {
	for _, e := range entries {
		hs, err := tlog.StoredHashes(p.size, []byte(e), p.reader())
		if err != nil {
			p.t.Fatal(err)
		}
		p.hashes, p.size = append(p.hashes, hs...), p.size+1
	}
	return p
}

// fork is another log with the same key and the same first n entries.
func (p *past) fork(n int64) *past {
	return &past{t: p.t, signer: p.signer, vkey: p.vkey, hashes: append([]tlog.Hash(nil), p.hashes[:tlog.StoredHashCount(n)]...), size: n}
}

// request is what the log sends at its size to a witness that it thinks has old.
func (p *past) request(old int64) Request {
	p.t.Helper()
	root, err := tlog.TreeHash(p.size, p.reader())
	if err != nil {
		p.t.Fatal(err)
	}
	msg, err := audit.Checkpoint{Origin: origin, Size: p.size, Root: root}.Sign(p.signer)
	if err != nil {
		p.t.Fatal(err)
	}
	r := Request{Old: old, Note: msg}
	if old > 0 && old < p.size {
		if r.Proof, err = tlog.ProveTree(p.size, old, p.reader()); err != nil {
			p.t.Fatal(err)
		}
	}
	return r
}

func open(t *testing.T, p *past, dir string) *Witness {
	t.Helper()
	w, err := New(Config{Dir: dir, Name: "witness.test/w", Origin: origin, LogKey: p.vkey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// A witness cosigns growth and nothing else, over HTTP and with the statuses of the specification.
func TestAdd(t *testing.T) {
	p := newPast(t).add("a", "b", "c")
	w := open(t, p, t.TempDir())
	srv := httptest.NewServer(w.Handler())
	defer srv.Close()
	key, err := NewKey(w.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	c := Client{URL: srv.URL + "/", Key: key, HTTP: srv.Client()}
	var stale *StaleError
	add := func(name string, r Request, status int) {
		t.Helper()
		line, at, err := c.Add(t.Context(), r)
		var refused *RefusedError
		switch {
		case status == http.StatusOK:
			if err != nil || at.IsZero() {
				t.Fatalf("%s: %v", name, err)
			}
			_, by, err := audit.Cosignatures(append(r.Note, line...), mustVerifier(t, p.vkey), []note.Verifier{key})
			if err != nil || len(by) != 1 || by[0].Witness != "witness.test/w" || !by[0].At.Equal(at) {
				t.Fatalf("%s: cosigned by %v, %v", name, by, err)
			}
		case status == 0: // stale
			if !errors.As(err, &stale) || stale.Size != w.Size() {
				t.Fatalf("%s: %v, want a 409 with %d", name, err, w.Size())
			}
		default:
			if !errors.As(err, &refused) || refused.Status != status {
				t.Fatalf("%s: %v, want %d", name, err, status)
			}
		}
	}
	small := p.fork(2)
	add("the first", p.request(0), http.StatusOK)
	add("the same again", p.request(3), http.StatusOK)
	add("with the old size of a stranger", p.request(0), 0)
	p.add("d", "e")
	grown := p.request(3)
	add("grown", grown, http.StatusOK)
	add("grown, replayed", grown, 0)
	add("an older one", small.request(2), 0)
	add("an older one that says so", small.request(5), http.StatusBadRequest)
	add("same size, another past", p.fork(3).add("D", "E").request(5), http.StatusConflict)
	add("longer, another past", p.fork(3).add("D", "E", "f").request(5), http.StatusUnprocessableEntity)
	p.add("f")
	long := p.request(5)
	long.Proof = append(long.Proof, long.Proof[0])
	add("a proof that is too long", long, http.StatusUnprocessableEntity)
	foreign := newPast(t).add("a")
	add("another key", foreign.request(5), http.StatusForbidden)
	other := p.request(5)
	other.Note = []byte(strings.Replace(string(other.Note), origin, "other.test/log", 1))
	add("another log", other, http.StatusNotFound)
	add("in the end", p.request(5), http.StatusOK)
	res, err := srv.Client().Get(srv.URL + CheckpointPath(origin))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if msg := w.Newest(); res.StatusCode != http.StatusOK || int64(len(msg)) != res.ContentLength {
		t.Errorf("the newest checkpoint is served as %d, %d bytes", res.StatusCode, res.ContentLength)
	}
	kept, _ := filepath.Glob(filepath.Join(w.cfg.Dir, "refused-*"))
	if len(kept) != 3 {
		t.Errorf("%d forks are kept, want 3: %v", len(kept), kept)
	}
}

func mustVerifier(t *testing.T, vkey string) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What was cosigned is remembered over a restart, and before it is signed: where it cannot be kept, nothing is signed.
func TestDurable(t *testing.T) {
	dir := t.TempDir()
	p := newPast(t).add("a", "b", "c", "d")
	back := p.fork(2)
	w := open(t, p, dir)
	if _, err := w.Add(p.request(0)); err != nil {
		t.Fatal(err)
	}
	key := w.VerifierKey()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w = open(t, p, dir)
	if w.VerifierKey() != key || w.Size() != 4 {
		t.Fatalf("after a restart: key %s, size %d", w.VerifierKey(), w.Size())
	}
	var stale *StaleError
	if _, err := w.Add(back.request(0)); !errors.As(err, &stale) || stale.Size != 4 {
		t.Errorf("an older log, after a restart: %v", err)
	}
	if _, err := New(w.cfg); err == nil {
		t.Error("two witnesses use one folder")
	}
	// The place of the temporary file is taken by a folder: nothing can be kept.
	if err := os.MkdirAll(filepath.Join(dir, stateFile+".tmp", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if line, err := w.Add(p.add("e").request(4)); err == nil || line != nil || w.Size() != 4 {
		t.Errorf("signed without being kept: %q, %v", line, err)
	}
	w.Close()
	if err := os.WriteFile(filepath.Join(dir, stateFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(w.cfg); err == nil {
		t.Error("a witness with an emptied state begins anew")
	}
}

// Of two requests at once that both fit, one is cosigned.
func TestRace(t *testing.T) {
	p := newPast(t).add("a", "b")
	w := open(t, p, t.TempDir())
	if _, err := w.Add(p.request(0)); err != nil {
		t.Fatal(err)
	}
	reqs := []Request{p.fork(2).add("c").request(2), p.fork(2).add("C", "D").request(2)}
	errs := make(chan error, len(reqs))
	for _, r := range reqs {
		go func() {
			_, err := w.Add(r)
			errs <- err
		}()
	}
	var bad int
	for range reqs {
		if err := <-errs; err != nil {
			bad++
		}
	}
	if bad != 1 {
		t.Errorf("%d of two forks were refused, want one", bad)
	}
}

// Serve ends with its context and answers until then; a body without end is not read.
func TestServe(t *testing.T) {
	p := newPast(t).add("a")
	w := open(t, p, t.TempDir())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Serve(ctx, l, "", "") }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Post("http://"+l.Addr().String()+"/add-checkpoint", "", endless{})
	if err == nil {
		res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("an endless body is answered %d", res.StatusCode)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// FuzzRequest: what parses is what Encode writes.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("old 0\n\norigin\n1\nroot\n\n— origin AAAA\n"))
	f.Add([]byte("old 3\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\nx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRequest(b)
		if err == nil && string(r.Encode()) != string(b) {
			t.Fatalf("%q is read as %+v", b, r)
		}
	})
}
