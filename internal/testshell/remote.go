package testshell

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"gatehouse/internal/testhost"
)

// The ways in which a text comes to a shell by ssh.
const (
	ByLine  = "line"  // ssh HOST TEXT
	ByInput = "input" // ssh HOST 'bash -s' < TEXT
	ByFile  = "file"  // ssh HOST 'bash FILE', the file being there
)

// scriptName is the file of ByFile, in the login's home.
const scriptName = "text.sh"

// Denied is a text of which policy has denied a command or file: what came after it is no answer of the shell's.
const Denied Class = "denied"

// SSH runs a stock client with these words behind the host's name.
type SSH func(ctx context.Context, stdin io.Reader, words ...string) (testhost.Result, error)

// Remote runs texts on a real sshd, straight and through a Gatehouse. It is not safe for concurrent use.
type Remote struct {
	Home        string // the login's, as this machine sees it
	UID         int
	Plain, Gate SSH
}

// Judge runs a case in both ways and compares them.
func (r *Remote) Judge(ctx context.Context, c Case, way string) (Class, string, error) {
	want, err := r.run(ctx, r.Plain, c, way)
	if err != nil {
		return "", "", err
	}
	got, err := r.run(ctx, r.Gate, c, way)
	if err != nil {
		return "", "", err
	}
	if found := denial.FindSubmatch(got.Stderr); found != nil && string(found[1]) != "unsupported_syntax" {
		return Denied, first(got.Stderr), nil
	} else if found != nil {
		return Refused, first(got.Stderr), nil
	}
	class, why := Compare(want, named(got))
	return class, why, nil
}

// named is a result in which programs call themselves what the text calls them: Gatehouse starts them by their whole path.
func named(r Result) Result {
	r.Stdout, r.Stderr = whole.ReplaceAll(r.Stdout, []byte("$1")), whole.ReplaceAll(r.Stderr, []byte("$1"))
	for name, what := range r.Files {
		r.Files[name] = whole.ReplaceAllString(what, "$1")
	}
	return r
}

var whole = regexp.MustCompile(`/usr/bin/([a-z0-9_]+: )`)

// denial is the line of a denial that programs read.
var denial = regexp.MustCompile(`GATEHOUSE-DENIAL .*"code":"([a-z_]+)"`)

// first is the line that people read of it.
func first(stderr []byte) string {
	_, told, _ := strings.Cut(string(stderr), "gatehouse: ")
	told = strings.TrimPrefix(told, "DENIED by policy (not a system fault): ")
	told, _, _ = strings.Cut(told, "\n")
	return told
}

func (r *Remote) run(ctx context.Context, ssh SSH, c Case, way string) (Result, error) {
	if err := r.prepare(c, way); err != nil {
		return Result{}, err
	}
	words, stdin := []string{c.Script}, c.Stdin
	switch way {
	case ByInput:
		words, stdin = []string{"bash -s"}, c.Script
	case ByFile:
		words = []string{"bash " + scriptName}
	}
	got, err := ssh(ctx, strings.NewReader(stdin), words...)
	if err != nil {
		return Result{}, err
	}
	files, err := left(r.Home)
	return Result{Stdout: []byte(got.Stdout), Stderr: []byte(got.Stderr), Status: got.Status, Files: files}, err
}

// prepare makes the login's home what the case finds.
func (r *Remote) prepare(c Case, way string) error {
	files := c.Files
	if way == ByFile {
		files = append([]File{{Path: scriptName, Mode: 0o644, Data: c.Script}}, files...)
	}
	if err := fill(r.Home, files); err != nil {
		return err
	}
	return filepath.WalkDir(r.Home, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, r.UID, r.UID))
	})
}
