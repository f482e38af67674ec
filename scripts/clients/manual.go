package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"gatehouse/internal/testhost"
)

var block = regexp.MustCompile("(?ms)^```sh ([a-z0-9-]+)\n(.*?)^```$")

// manualBlocks are the commands of docs/clients.md by client; several blocks of one client are one script.
func manualBlocks() (map[string]string, error) {
	text, err := os.ReadFile(filepath.FromSlash(page))
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	found := map[string]string{}
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		found[m[1]] += m[2]
	}
	return found, nil
}

// checkManual runs what the page tells a newcomer to type for this client, in a folder like theirs.
func checkManual(ctx context.Context, s *seat) error {
	blocks, err := manualBlocks()
	if err != nil {
		return err
	}
	script, ok := blocks[s.name]
	if !ok {
		return &naError{"a program of its own; its source is the example"}
	}
	if s.name == "git" {
		if err := s.bareRepository(ctx); err != nil {
			return err
		}
	}
	dir := filepath.Join(s.dir, "manual")
	if err := s.layOutManual(dir); err != nil {
		return err
	}
	port, err := testhost.FreePort()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, wordLimit)
	defer cancel()
	host, doorPort, _ := strings.Cut(s.gate.SSHAddr, ":")
	docs, err := filepath.Abs("docs")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "SSH_AUTH_SOCK=", "DOCS="+docs, "DOOR_HOST="+host, "DOOR_PORT="+doorPort, "DOOR_KEY="+s.hostKey, "DOOR_FINGERPRINT="+s.fingerprint,
		"RELAY_PORT="+strconv.Itoa(port), "NODE_PATH="+filepath.Join(s.drivers, "node_modules"))
	said, err := os.Create(filepath.Join(s.dir, "manual.out"))
	if err != nil {
		return err
	}
	defer said.Close()
	cmd.Stdout, cmd.Stderr = said, said // a file: nothing waits for what the page has in the background
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // a relay that the page has in the background
	text, read := os.ReadFile(said.Name())
	if err == nil && read == nil && strings.Contains(string(text), "load average") {
		return nil
	}
	return errors.Join(fmt.Errorf("the page's commands: %s", tail(string(text))), err, read)
}

// layOutManual puts a newcomer's files into a folder: key, certificate, known_hosts and ssh_config, with names as the page has them.
func (s *seat) layOutManual(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	from := filepath.Dir(s.gate.Client(s.name))
	for _, name := range []string{"id", "id.pub", "id-cert.pub", "known_hosts", "ssh_config"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		text = []byte(strings.ReplaceAll(string(text), from+"/", dir+"/"))
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
