package bastion

import (
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// ways are how a text comes to a governed shell.
var ways = []struct {
	name string
	run  func(c *ssh.Client, home, text string) (stdout, stderr string, status int)
}{
	{"a line", func(c *ssh.Client, _, text string) (string, string, int) { return exec(c, text) }},
	{"standard input", func(c *ssh.Client, _, text string) (string, string, int) { return fed(c, "", text) }},
	{"bash -s", func(c *ssh.Client, _, text string) (string, string, int) { return fed(c, "x=s; bash -$x", text) }},
	{"sh -c", func(c *ssh.Client, _, text string) (string, string, int) { return exec(c, "sh -c "+quoted(text)) }},
	{"bash -c in eval", func(c *ssh.Client, _, text string) (string, string, int) {
		return exec(c, "eval "+quoted("bash -c "+quoted(text)))
	}},
	{"bash FILE", func(c *ssh.Client, home, text string) (string, string, int) {
		return fromFile(c, home, text, "f=out/attack; bash $f")
	}},
	{"source", func(c *ssh.Client, home, text string) (string, string, int) {
		return fromFile(c, home, text, "f=out/attack; . ./$f")
	}},
	{"the prompt", atKeys},
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// fromFile lets a text be a file of the target.
func fromFile(c *ssh.Client, home, text, line string) (string, string, int) {
	if err := os.WriteFile(home+"/out/attack", []byte(text), 0o644); err != nil {
		return "", err.Error(), -1
	}
	return exec(c, line)
}

// fed gives a text by standard input, to a line or (empty) to the shell itself.
func fed(c *ssh.Client, line, text string) (string, string, int) {
	s, err := c.NewSession()
	if err != nil {
		return "", err.Error(), -1
	}
	defer s.Close()
	var stdout, stderr strings.Builder
	s.Stdin, s.Stdout, s.Stderr = strings.NewReader(text), &stdout, &stderr
	if line == "" {
		err = s.Shell()
	} else {
		err = s.Start(line)
	}
	return waited(s, err, &stdout, &stderr)
}

// waited is how a session ended; -1 if it did not by itself.
func waited(s *ssh.Session, err error, stdout, stderr *strings.Builder) (string, string, int) {
	if err == nil {
		err = s.Wait()
	}
	status := 0
	if exit, ok := err.(*ssh.ExitError); ok {
		status = exit.ExitStatus()
	} else if err != nil {
		status = -1
	}
	return stdout.String(), stderr.String(), status
}

// atKeys types a text at a prompt, and what ends the prompt.
func atKeys(c *ssh.Client, _, text string) (string, string, int) {
	s, err := c.NewSession()
	if err != nil {
		return "", err.Error(), -1
	}
	defer s.Close()
	var stdout, stderr strings.Builder
	s.Stdout, s.Stderr = &stdout, &stderr
	in, err := s.StdinPipe()
	if err == nil {
		err = s.Setenv(promptVariable, "json") // nothing is echoed
	}
	if err == nil {
		err = s.RequestPty("dumb", 24, 80, nil)
	}
	if err == nil {
		err = s.Shell()
	}
	if err != nil {
		return "", err.Error(), -1
	}
	_, _ = in.Write([]byte(strings.ReplaceAll(text, "\n", "\r") + "\rexit\r"))
	stop := make(chan struct{})
	defer close(stop)
	go func() { // what goes on is called off, what is not finished given up
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Second):
				_, _ = in.Write([]byte("\rexit\r\x03\x04"))
			}
		}
	}()
	return waited(s, nil, &stdout, &stderr)
}
