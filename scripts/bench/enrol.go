package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
)

// pace keeps below the rate at which one address may ask for certificates.
const pace = 250 * time.Millisecond

// measureEnrolment is how long an agent waits for its first certificate over HTTP with a join token, connection included, and
// for a renewal by a stock ssh client, beside the same client's session through the jump host.
func measureEnrolment(ctx context.Context, w *world) ([]result, error) {
	client, err := w.admin()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	signer, err := w.signer("bot")
	if err != nil {
		return nil, err
	}
	key := signer.PublicKey()
	if cert, ok := key.(*ssh.Certificate); ok {
		key = cert.Key
	}
	var joins, renewals, jumps []float64
	for range w.n(40) {
		var token protocol.JoinCreated
		if err := client.Call(ctx, protocol.OpJoinCreate, protocol.JoinCreate{Agent: "bot", TTL: time.Minute, By: "bench"}, &token); err != nil {
			return nil, fmt.Errorf("make a join token: %w", err)
		}
		took, err := timed(func() error { return w.join(ctx, token.Secret, key) })
		if err != nil {
			return nil, err
		}
		joins = append(joins, took)
		if took, err = timed(func() error { return w.command(ctx, "gatehouse", "renew").Run() }); err != nil {
			return nil, fmt.Errorf("renew: %w", err)
		}
		renewals = append(renewals, took)
		if took, err = timed(func() error { return w.command(ctx, jump, "true").Run() }); err != nil {
			return nil, fmt.Errorf("session through the jump host: %w", err)
		}
		jumps = append(jumps, took)
		time.Sleep(pace)
	}
	beside := median(jumps)
	return []result{
		absolute("first certificate by join token, p50", "ms", median(joins), nil, nil, atMost(50)),
		compared("ssh bastion renew, p50 (jump: a session)", "ms", median(renewals), &beside, nil, atMost(1), &beside, "jump"),
	}, nil
}

// timed returns how many milliseconds work took.
func timed(work func() error) (float64, error) {
	began := time.Now()
	err := work()
	return float64(time.Since(began)) / float64(time.Millisecond), err
}

// join asks for a certificate, on a connection of its own.
func (w *world) join(ctx context.Context, secret string, key ssh.PublicKey) error {
	body, err := json.Marshal(map[string]string{"agent": "bot", "join_token": secret, "public_key": strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.gate.WebURL+"/v1/certificates", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("enrol: %w", err)
	}
	defer answer.Body.Close()
	var out struct {
		Certificate string `json:"certificate"`
		Error       string `json:"error"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil || out.Certificate == "" {
		return fmt.Errorf("enrol: status %d, %s, %w", answer.StatusCode, out.Error, err)
	}
	return nil
}
