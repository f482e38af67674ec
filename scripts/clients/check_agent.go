package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// checkAgent: the certificate is in an ssh-agent, as `gatehouse login` puts it there, and in no file that the client is told of.
func checkAgent(ctx context.Context, s *seat) (err error) {
	socket := filepath.Join(s.dir, "agent.sock")
	program := exec.CommandContext(ctx, "ssh-agent", "-D", "-a", socket)
	if err := program.Start(); err != nil {
		return fmt.Errorf("start ssh-agent: %w", err)
	}
	defer func() {
		_ = program.Process.Kill() // ended already is fine
		_ = program.Wait()         // it was killed
	}()
	key := filepath.Join(filepath.Dir(s.gate.Client(s.name)), "id")
	conn, err := dialAgent(socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := addToAgent(conn, key); err != nil {
		return err
	}
	_, err = s.want(ctx, call{env: []string{"SSH_AUTH_SOCK=" + socket}}, 0, "in\n", "agent", "say in out")
	return err
}

// dialAgent waits for an agent that has just been started.
func dialAgent(socket string) (net.Conn, error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil || time.Now().After(deadline) {
			return conn, err
		}
	}
}

// addToAgent puts a certificate with its key, and not the key by itself, into an agent.
func addToAgent(conn net.Conn, key string) error {
	text, err := os.ReadFile(key)
	if err != nil {
		return err
	}
	private, err := ssh.ParseRawPrivateKey(text)
	if err != nil {
		return err
	}
	if text, err = os.ReadFile(key + "-cert.pub"); err != nil {
		return err
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return err
	}
	return agent.NewClient(conn).Add(agent.AddedKey{PrivateKey: private, Certificate: public.(*ssh.Certificate)})
}
