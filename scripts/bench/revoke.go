package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// measureRevocation opens one session after another, each with a certificate of its own, revokes that certificate and times when
// the client's socket closes.
func measureRevocation(ctx context.Context, w *world) ([]result, error) {
	admin, err := w.admin()
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	var times []float64
	for range w.n(200) {
		took, err := w.revokeOne(ctx, admin)
		if err != nil {
			return nil, err
		}
		times = append(times, took)
	}
	n := fmt.Sprintf("revocation of a certificate, to its socket closed, %d: ", len(times))
	return []result{
		absolute(n+"p50", "ms", median(times), nil, nil, atMost(1000)),
		absolute(n+"p99", "ms", quantile(times, 0.99), nil, nil, atMost(1000)),
	}, nil
}

func (w *world) revokeOne(ctx context.Context, admin *protocol.Client) (float64, error) {
	cert, key, err := issueTo(ctx, admin, "bot")
	if err != nil {
		return 0, err
	}
	session, err := w.routedAs(key)
	if err != nil {
		return 0, err
	}
	defer session.close()
	if err := session.start(); err != nil {
		return 0, err
	}
	begun := time.Now()
	var out protocol.Revoked
	in := protocol.Revoke{By: "bench", Handles: []string{fmt.Sprintf("certificate:%d", cert.Serial)}, Reason: "benchmark"}
	if err := admin.Call(ctx, protocol.OpRevoke, in, &out); err != nil {
		return 0, fmt.Errorf("revoke: %w", err)
	}
	select {
	case at := <-session.closed:
		return float64(at.Sub(begun).Microseconds()) / 1000, nil
	case <-time.After(killLimit):
		return 0, fmt.Errorf("the socket is open %s after the revocation", killLimit)
	}
}

// issueTo makes a key and has a certificate issued for it.
func issueTo(ctx context.Context, admin *protocol.Client, agent string) (*ssh.Certificate, ssh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, nil, err
	}
	var out protocol.Issued
	in := protocol.Issue{Kind: policy.Agent, Name: agent, PublicKey: key.PublicKey().Marshal(), TTL: 5 * time.Minute, By: "bench"}
	if err := admin.Call(ctx, protocol.OpIssue, in, &out); err != nil {
		return nil, nil, fmt.Errorf("issue: %w", err)
	}
	public, err := ssh.ParsePublicKey(out.Certificate)
	if err != nil {
		return nil, nil, fmt.Errorf("parse certificate: %w", err)
	}
	cert := public.(*ssh.Certificate)
	signer, err := ssh.NewCertSigner(cert, key)
	return cert, signer, err
}
