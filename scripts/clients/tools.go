package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gatehouse/internal/testhost"
)

// tools are programs that work over OpenSSH or carry files, each of them a row of the second table.
var tools = []client{
	{tool: true, name: "sftp", title: "`sftp`", driver: []string{"tool.sh", "sftp"}, version: []string{"ssh", "-V"}},
	{tool: true, name: "scp", title: "`scp`", driver: []string{"tool.sh", "scp"}, version: []string{"ssh", "-V"}},
	{tool: true, name: "scp-old", title: "`scp -O`", driver: []string{"tool.sh", "scp", "-O"}, version: []string{"ssh", "-V"}},
	{tool: true, name: "rsync", title: "rsync", driver: []string{"tool.sh", "rsync"}, version: []string{"rsync", "--version"}},
	{tool: true, name: "git", title: "git", driver: []string{"tool.sh", "git"}, version: []string{"git", "--version"}},
	{tool: true, name: "ansible", title: "Ansible", driver: []string{"tool.sh", "ansible"}, version: []string{"ansible", "--version"}},
	{tool: true, name: "sshfs", title: "sshfs", driver: []string{"tool.sh", "sshfs"}, version: []string{"dpkg-query", "-W", "sshfs"}},
	{tool: true, name: "lftp", title: "lftp", driver: []string{"tool.sh", "lftp"}, version: []string{"lftp", "--version"}},
	{tool: true, name: "curl", title: "curl (libssh2, relay)", relay: true, driver: []string{"tool.sh", "curl"}, version: []string{"curl", "--version"},
		refused: map[string]refusal{"certificate": {noCurl, "libssh2 1.10 has neither GCM nor a MAC that comes after encryption"},
			"file-denied": {noReason, "curl does not show the text that came with it"}}},
}

// toolCells are the second table's columns.
var toolCells = []cell{
	{"certificate", "certificate", checkToolCertificate},
	{"put", "32 MiB file up", checkPut},
	{"get", "32 MiB file down", checkGet},
	{"dir", "folder up and down", checkDir},
	{"names", "odd names", checkNames},
	{"file-denied", "file denied, says so", checkFileDenied},
	{"jump", "through `-J`", checkToolJump},
	{"work", "what else it does", checkWork},
	{"manual", "the commands on this page", checkManual},
}

// checkToolCertificate: a small file comes with the certificate alone.
func checkToolCertificate(ctx context.Context, s *seat) error { return s.getSmall(ctx, "certificate") }

// checkToolJump: the same through a jump.
func checkToolJump(ctx context.Context, s *seat) error {
	if s.running != nil {
		return &naError{"through the relay there are no jumps"}
	}
	return s.getSmall(ctx, "jump", "GH_WAY=jump")
}

func (s *seat) getSmall(ctx context.Context, word string, env ...string) error {
	from, here, err := s.remote("small-" + word)
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(here, []byte("small\n"), 0o644), os.Chown(here, loginUID, loginUID)); err != nil {
		return err
	}
	to := filepath.Join(s.dir, "small-"+word)
	if _, err := s.want(ctx, call{env: append(env, "GH_DIRECT=1")}, 0, "", "get", from, to); err != nil {
		return err
	}
	text, err := os.ReadFile(to)
	if err == nil && strings.TrimSpace(string(text)) != "small" {
		err = fmt.Errorf("%q came", text)
	}
	return err
}

// checkWork: the driver's own round of what the tool is there for.
func checkWork(ctx context.Context, s *seat) error {
	if s.name == "git" {
		if err := s.bareRepository(ctx); err != nil {
			return err
		}
	}
	_, err := s.want(ctx, call{}, 0, "", "work", "/srv/files/"+s.name, s.dir)
	return err
}

// bareRepository makes what git pushes to, as the target's administrator would.
func (s *seat) bareRepository(ctx context.Context) error {
	_, path, err := s.remote("repo.git")
	if err != nil {
		return err
	}
	r, err := testhost.Run(ctx, nil, "sh", "-c", `git init -q --bare "$1" && chown -R "$2:$2" "$1"`, "sh", path, strconv.Itoa(loginUID))
	if err == nil && r.Status != 0 {
		err = errors.New(r.Stderr)
	}
	return err
}
