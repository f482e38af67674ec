package testhost

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestRecordsArgvByteForByte(t *testing.T) {
	d := newDesk(t)
	h, config := d.start(Config{Recorders: []string{"systemctl", "tail"}})
	d.certify("x", "gh:web-1:deploy")

	every := make([]byte, 0, 254)
	for b := 1; b < 256; b++ {
		if b != '\'' {
			every = append(every, byte(b))
		}
	}
	stdin := strings.Repeat("line\x00\xff\n", 10000)
	r, err := SSH(t.Context(), config, strings.NewReader(stdin), "deploy", "MARK='two words' systemctl '' '"+string(every)+"' '-n5'")
	if err != nil || r.Status != 0 || r.Stdout != "" {
		t.Fatalf("status %d, %v, stdout %q, stderr %q", r.Status, err, r.Stdout, r.Stderr)
	}
	calls, err := h.Calls()
	if err != nil || len(calls) != 1 {
		t.Fatalf("calls %v, %v; want one", calls, err)
	}
	c := calls[0]
	if want := []string{"systemctl", "", string(every), "-n5"}; !slices.Equal(c.Argv, want) {
		t.Errorf("argv %q, want %q", c.Argv, want)
	}
	if !slices.Contains(c.Env, "MARK=two words") || c.UID != 2001 || c.Dir != "/home/deploy" {
		t.Errorf("env %q, uid %d, dir %q", c.Env, c.UID, c.Dir)
	}
	digest := sha256.Sum256([]byte(stdin))
	if c.StdinBytes != int64(len(stdin)) || c.StdinSHA256 != hex.EncodeToString(digest[:]) {
		t.Errorf("stdin %d bytes, %s", c.StdinBytes, c.StdinSHA256)
	}
}

func TestConcurrentCallsDoNotMix(t *testing.T) {
	d := newDesk(t)
	h, config := d.start(Config{Recorders: []string{"tail"}})
	d.certify("x", "gh:web-1:deploy")
	long := strings.Repeat("a", 20000)
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			d.ssh(config, "deploy", "for i in 1 2 3 4 5; do tail "+long+" & done </dev/null; wait")
		})
	}
	group.Wait()
	calls, err := h.Calls()
	if err != nil || len(calls) != 15 {
		t.Fatalf("%d calls, %v; want 15", len(calls), err)
	}
	for _, c := range calls {
		if !slices.Equal(c.Argv, []string{"tail", long}) {
			t.Errorf("argv of %d words, %.20q…", len(c.Argv), c.Argv)
		}
	}
}
