package decider

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// BenchmarkIssue is a certificate that opens the door: decided, signed, and its entry on disk; 64 callers at once.
func BenchmarkIssue(b *testing.B) {
	dir := b.TempDir()
	for name, text := range map[string]string{"policy.yaml": testPolicy, "targets.yaml": testTargets} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	d, err := Open(b.Context(), Config{Dir: filepath.Join(dir, "decider"), Node: "bench", Names: []string{"gatehouse"},
		Policy: filepath.Join(dir, "policy.yaml"), Targets: filepath.Join(dir, "targets.yaml")})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		b.Fatal(err)
	}
	body, err := json.Marshal(protocol.Issue{Kind: policy.Agent, Name: "bot", PublicKey: key.Marshal(), TTL: time.Minute, By: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := d.HandleAdmin(b.Context(), protocol.OpIssue, body); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
