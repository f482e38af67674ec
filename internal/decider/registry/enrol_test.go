package registry

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func yes() error { return nil }

// A join token is used once, whoever else tries at the same time, and is known as used until it expires.
func TestJoinTokenOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), File)
	r, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_800_000_000, 0).UTC()
	tok := JoinToken{ID: "jt_1", Agent: "bot", By: "local:root", Made: at, Expires: at.Add(time.Minute)}
	if err := r.AddJoinToken(t.Context(), "secret", tok, at, yes); err != nil {
		t.Fatal(err)
	}
	var won atomic.Int32
	var work sync.WaitGroup
	for range 32 {
		work.Go(func() {
			switch err := r.UseJoinToken(context.Background(), "secret", "bot", at); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, ErrUsed):
				t.Error(err)
			}
		})
	}
	work.Wait()
	if won.Load() != 1 {
		t.Errorf("used %d times", won.Load())
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err = Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	got, err := r.JoinToken(t.Context(), "secret")
	tok.Used = at
	if err != nil || got != tok {
		t.Errorf("%+v %v", got, err)
	}
	if err := r.UseJoinToken(t.Context(), "secret", "bot", at); !errors.Is(err, ErrUsed) {
		t.Errorf("after a restart: %v", err)
	}
}

// What the log could not take is not there.
func TestChangeNeedsItsEntry(t *testing.T) {
	r, err := Open(t.Context(), filepath.Join(t.TempDir(), File))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	full := errors.New("the log is full")
	no := func() error { return full }
	now := time.Now()
	if err := r.AddJoinToken(t.Context(), "s", JoinToken{ID: "jt_1", Agent: "a", Made: now, Expires: now.Add(time.Hour)}, now, no); !errors.Is(err, full) {
		t.Error(err)
	}
	if err := r.AddAgentKey(t.Context(), AgentKey{Fingerprint: "SHA256:x", Agent: "a", Made: now}, no); !errors.Is(err, full) {
		t.Error(err)
	}
	if _, err := r.JoinToken(t.Context(), "s"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the token is there: %v", err)
	}
	if _, err := r.AgentKey(t.Context(), "SHA256:x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the key is there: %v", err)
	}
}

// Whatever is registered and removed in whatever order, a key is one agent's, and an agent has a bounded number of them.
func TestAgentKeysModel(t *testing.T) {
	r, err := Open(t.Context(), filepath.Join(t.TempDir(), File))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	ctx := t.Context()
	model := map[string]string{}
	rapid.Check(t, func(t *rapid.T) {
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			key, agent := "SHA256:"+strconv.Itoa(rapid.IntRange(0, 50).Draw(t, "key")), strconv.Itoa(rapid.IntRange(0, 1).Draw(t, "agent"))
			if rapid.Bool().Draw(t, "remove") {
				_, there := model[key]
				if err := r.RemoveAgentKey(ctx, key, yes); (err == nil) != there {
					t.Fatalf("remove %s: %v, there %t", key, err, there)
				}
				delete(model, key)
				continue
			}
			own := 0
			for _, a := range model {
				if a == agent {
					own++
				}
			}
			_, there := model[key]
			var want error
			switch {
			case own >= maxKeysPerAgent:
				want = ErrFull
			case there:
				want = ErrTaken
			default:
				model[key] = agent
			}
			if err := r.AddAgentKey(ctx, AgentKey{Fingerprint: key, Agent: agent}, yes); !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Fatalf("add %s for %s: %v, want %v", key, agent, err, want)
			}
		}
		list, err := r.AgentKeys(ctx)
		if err != nil || len(list) != len(model) {
			t.Fatalf("%d keys, want %d: %v", len(list), len(model), err)
		}
		for _, k := range list {
			if model[k.Fingerprint] != k.Agent {
				t.Fatalf("%s is %s's, want %s", k.Fingerprint, k.Agent, model[k.Fingerprint])
			}
		}
	})
}
