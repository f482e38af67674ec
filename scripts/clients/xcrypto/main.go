// Command xcrypto speaks for golang.org/x/crypto/ssh (docs/spec/client-driver.md).
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

func main() {
	status, err := run(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 255
	}
	os.Exit(status)
}

func run(word string, args []string) (int, error) {
	switch word {
	case "compress":
		return na("the library never asks for compression")
	case "rekey":
		return rekey(args[0])
	}
	client, err := connect(word)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	switch word {
	case "exec", "certificate":
		return execute(client, args[0], os.Stdin)
	case "agent", "host-ca", "host-key":
		return execute(client, args[0], nil)
	case "keepalive":
		go keepAlive(client)
		return execute(client, args[0], nil)
	case "env":
		return withEnv(client, args[0], args[1:])
	case "pty":
		return terminal(client, args)
	case "signal":
		return sendSignal(client, args[0], args[1])
	case "many":
		return many(client, args[0])
	case "channels":
		return channels(client, args[0])
	case "put", "get", "put-dir", "get-dir":
		return 0, files(client, word, args[0], args[1])
	case "forward":
		return forward(client, net.JoinHostPort(args[0], args[1]))
	}
	return na("no such word")
}

func na(why string) (int, error) {
	return 0, os.WriteFile(os.Getenv("GH_NA"), []byte(why), 0o600)
}

// connect opens the connection; word says by what the door is known and where the certificate is.
func connect(word string) (*ssh.Client, error) {
	config := &ssh.ClientConfig{User: os.Getenv("GH_USER"), HostKeyAlgorithms: []string{ssh.KeyAlgoED25519}, Timeout: 20 * time.Second,
		BannerCallback: func(text string) error { _, err := fmt.Fprint(os.Stderr, text); return err }}
	signers, err := credentials(word)
	if err != nil {
		return nil, err
	}
	config.Auth = []ssh.AuthMethod{ssh.PublicKeysCallback(signers)}
	address := net.JoinHostPort(os.Getenv("GH_HOST"), os.Getenv("GH_PORT"))
	if word == "host-ca" {
		config.HostKeyAlgorithms = []string{ssh.CertAlgoED25519v01}
		if config.HostKeyCallback, err = knownhosts.New(os.Getenv("GH_KNOWN_HOSTS")); err != nil {
			return nil, err
		}
		address = net.JoinHostPort(os.Getenv("GH_NAME"), "22") // what the certificate is for
	} else {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(os.Getenv("GH_HOSTKEY")))
		if err != nil {
			return nil, err
		}
		config.HostKeyCallback = ssh.FixedHostKey(key)
	}
	raw, err := net.Dial("tcp", net.JoinHostPort(os.Getenv("GH_HOST"), os.Getenv("GH_PORT")))
	if err != nil {
		return nil, err
	}
	if word == "rekey" {
		config.RekeyThreshold = 2 << 20
	}
	conn, chans, requests, err := ssh.NewClientConn(raw, address, config)
	if err != nil {
		return nil, err
	}
	return ssh.NewClient(conn, chans, requests), nil
}

func credentials(word string) (func() ([]ssh.Signer, error), error) {
	if word == "agent" {
		conn, err := net.Dial("unix", os.Getenv("SSH_AUTH_SOCK"))
		if err != nil {
			return nil, err
		}
		return agent.NewClient(conn).Signers, nil
	}
	text, err := os.ReadFile(os.Getenv("GH_KEY"))
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil || os.Getenv("GH_CERT") == "" {
		return func() ([]ssh.Signer, error) { return []ssh.Signer{signer}, nil }, err
	}
	if text, err = os.ReadFile(os.Getenv("GH_CERT")); err != nil {
		return nil, err
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, err
	}
	if signer, err = ssh.NewCertSigner(public.(*ssh.Certificate), signer); err != nil {
		return nil, err
	}
	return func() ([]ssh.Signer, error) { return []ssh.Signer{signer}, nil }, nil
}

// status is what a command ended with, as ssh reports it.
func status(err error) (int, error) {
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit) && exit.Signal() != "":
		return 255, nil
	case errors.As(err, &exit):
		return exit.ExitStatus(), nil
	}
	return 0, err
}

func session(client *ssh.Client) (*ssh.Session, error) {
	s, err := client.NewSession()
	if err == nil {
		s.Stdout, s.Stderr = os.Stdout, os.Stderr
	}
	return s, err
}

func execute(client *ssh.Client, line string, input io.Reader) (int, error) {
	s, err := session(client)
	if err != nil {
		return 0, err
	}
	s.Stdin = input
	return status(s.Run(line))
}

func withEnv(client *ssh.Client, line string, vars []string) (int, error) {
	s, err := session(client)
	if err != nil {
		return 0, err
	}
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		if err := s.Setenv(name, value); err != nil {
			return 0, err
		}
	}
	return status(s.Run(line))
}

func terminal(client *ssh.Client, args []string) (int, error) {
	n := make([]int, 4)
	for i := range n {
		n[i], _ = strconv.Atoi(args[i+1])
	}
	s, err := session(client)
	if err != nil {
		return 0, err
	}
	s.Stdout = nil
	out, err := s.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if _, err := s.StdinPipe(); err != nil { // left open: a terminal has no end
		return 0, err
	}
	if err := s.RequestPty("xterm", n[1], n[0], ssh.TerminalModes{}); err != nil {
		return 0, err
	}
	if err := s.Start(args[0]); err != nil {
		return 0, err
	}
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if err := s.WindowChange(n[3], n[2]); err != nil {
		return 0, err
	}
	rest, err := io.ReadAll(lines)
	if err != nil {
		return 0, err
	}
	fmt.Print(first, string(rest))
	return status(s.Wait())
}

func sendSignal(client *ssh.Client, name, line string) (int, error) {
	s, err := session(client)
	if err != nil {
		return 0, err
	}
	s.Stdout = nil
	out, err := s.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := s.Start(line); err != nil {
		return 0, err
	}
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if err := s.Signal(ssh.Signal(name)); err != nil {
		return 0, err
	}
	rest, err := io.ReadAll(lines)
	if err != nil {
		return 0, err
	}
	fmt.Print(first, string(rest))
	return status(s.Wait())
}

func many(client *ssh.Client, count string) (int, error) {
	n, err := strconv.Atoi(count)
	if err != nil {
		return 0, err
	}
	for i := range n {
		got, err := execute(client, fmt.Sprint("leave ", i), nil)
		if err != nil {
			return 0, err
		}
		fmt.Println(got)
	}
	return 0, nil
}

func channels(client *ssh.Client, count string) (int, error) {
	n, err := strconv.Atoi(count)
	if err != nil {
		return 0, err
	}
	inputs, outputs, firsts := make([]io.WriteCloser, n), make([]*bufio.Reader, n), make([]string, n)
	for i := range n {
		s, err := client.NewSession()
		if err != nil {
			return 0, err
		}
		if inputs[i], err = s.StdinPipe(); err != nil {
			return 0, err
		}
		out, err := s.StdoutPipe()
		if err != nil {
			return 0, err
		}
		outputs[i] = bufio.NewReader(out)
		if err := s.Start("meet"); err != nil {
			return 0, err
		}
	}
	for i := range n {
		if firsts[i], err = outputs[i].ReadString('\n'); err != nil {
			return 0, err
		}
	}
	for i := range n {
		fmt.Fprintf(inputs[i], "channel %d\n", i)
		if err := inputs[i].Close(); err != nil {
			return 0, err
		}
		rest, err := io.ReadAll(outputs[i])
		if err != nil {
			return 0, err
		}
		fmt.Print(firsts[i], string(rest))
	}
	return 0, nil
}

func keepAlive(client *ssh.Client) {
	for range time.Tick(time.Second) {
		if _, _, err := client.SendRequest("keepalive@openssh.com", true, nil); err != nil {
			return
		}
	}
}

// rekey carries a command with a small threshold. The library does not tell of new keys, so the records that open a key
// exchange cannot be counted on this side: how much passes per key is what its option says.
func rekey(line string) (int, error) {
	client, err := connect("rekey")
	if err != nil {
		return 0, err
	}
	defer client.Close()
	s, err := client.NewSession()
	if err != nil {
		return 0, err
	}
	var passed atomic.Int64
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 0, err
	}
	var out syncBuffer
	s.Stdin, s.Stdout, s.Stderr = bytes.NewReader(input), &out, os.Stderr
	got, err := status(s.Run(line))
	passed.Add(int64(len(input) + out.b.Len()))
	os.Stdout.Write(out.b.Bytes())
	fmt.Fprintln(os.Stderr, "rekeys", passed.Load()/(2<<20))
	return got, err
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}
