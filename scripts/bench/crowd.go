package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/readonly"
)

// crowd is a target for thousands of sessions, which a real sshd would need ten gigabytes for: a bare SSH server in this process
// that lets every certificate in, says READY to whatever is to run, and then waits. It measures nobody's sshd.
type crowd struct {
	listener net.Listener
	key      ssh.Signer
	work     sync.WaitGroup
}

const crowdName = "many"

func startCrowd() (*crowd, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("make host key: %w", err)
	}
	key, err := ssh.NewSignerFromSigner(private)
	if err != nil {
		return nil, fmt.Errorf("make host key: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	c := &crowd{listener: listener, key: key}
	c.work.Go(c.accept)
	return c, nil
}

// entry is the crowd in the inventory.
func (c *crowd) entry() string {
	return fmt.Sprintf("  %s: {address: %q, logins: [deploy], host_key: %q}\n", crowdName, c.listener.Addr(), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(c.key.PublicKey()))))
}

// close waits for the connections, which end with the service.
func (c *crowd) close() error {
	err := c.listener.Close()
	c.work.Wait()
	return err
}

func (c *crowd) accept() {
	for {
		raw, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.work.Go(func() { c.serve(raw) })
	}
}

func (c *crowd) serve(raw net.Conn) {
	defer raw.Close()
	config := &ssh.ServerConfig{Config: ssh.Config{KeyExchanges: []string{ssh.KeyExchangeCurve25519}, Ciphers: []string{ssh.CipherAES128GCM}},
		PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return &ssh.Permissions{}, nil }}
	config.AddHostKey(c.key)
	conn, channels, requests, err := ssh.NewServerConn(raw, config)
	if err != nil {
		return
	}
	defer conn.Close()
	go ssh.DiscardRequests(requests)
	for nc := range channels {
		channel, reqs, err := nc.Accept()
		if err != nil {
			return
		}
		c.work.Go(func() {
			for r := range reqs {
				_ = r.Reply(true, nil)
				switch r.Type {
				case "exec":
					_, _ = io.WriteString(channel, "READY\n")
				case "subsystem":
					look(channel)
				}
			}
			_ = channel.Close()
		})
	}
}

// look lets Gatehouse look where a program is: here, where there is the same.
func look(channel ssh.Channel) {
	argv := readonly.LocalArgv(false)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout = channel, channel
	_ = cmd.Run() // it ends with the channel
}

// manyClient logs in to the crowd through Gatehouse.
func (w *world) manyClient() (*idleSession, error) {
	key, err := w.signer("bot")
	if err != nil {
		return nil, err
	}
	client, err := ssh.Dial("tcp", w.gate.SSHAddr, clientConfig("deploy@"+crowdName, key))
	if err != nil {
		return nil, err
	}
	return &idleSession{client: client, program: "cat"}, nil
}

// measureCrowd is the memory of an idle session among few and among thousands, over the same target.
func measureCrowd(ctx context.Context, w *world) ([]result, error) {
	var out []result
	for _, n := range []int{w.n(200), w.n(5000)} {
		if err := errors.Join(w.gate.Stop(), w.gate.Serve()); err != nil {
			return nil, err
		}
		each, err := w.perSession(ctx, n, w.manyClient, w.pids())
		if err != nil {
			return nil, fmt.Errorf("%d sessions: %w", n, err)
		}
		out = append(out, absolute(fmt.Sprintf("memory per idle session of %d, bare target", n), "KiB", each, nil, nil, atMost(200)))
	}
	return out, nil
}
