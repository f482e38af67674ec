package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// remote is where this client's own files lie on the target, and for this process.
func (s *seat) remote(name string) (onTarget, here string, err error) {
	onTarget = "/srv/files/" + s.name + "/" + name
	here, err = s.host.Path(onTarget)
	return onTarget, here, err
}

// checkPut: 32 MiB up, every byte.
func checkPut(ctx context.Context, s *seat) error {
	to, here, err := s.remote("put")
	if err != nil {
		return err
	}
	if _, err := s.want(ctx, call{}, 0, "", "put", s.big, to); err != nil {
		return err
	}
	return sameFile(here, s.bigSum)
}

// checkGet: 32 MiB down, every byte.
func checkGet(ctx context.Context, s *seat) error {
	from, here, err := s.remote("get")
	if err != nil {
		return err
	}
	if err := os.Link(s.big, here); err != nil {
		return err
	}
	to := filepath.Join(s.dir, "got")
	if _, err := s.want(ctx, call{}, 0, "", "get", from, to); err != nil {
		return err
	}
	return sameFile(to, s.bigSum)
}

func sameFile(path, sum string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return same(string(text), sum)
}

// plainNames are names that people give; oddNames those that programs trip over.
var (
	plainNames = []string{"a.txt", "two words", "sub/deep/b", "grüße.txt", "empty"}
	oddNames   = []string{"it's \"quoted\"", "-rf", "*", "a\\b", "$HOME", "`id`", ".hidden", "tab\there", "sub dir/-x"}
)

// tree makes a folder with such files.
func tree(dir string, names []string) error {
	for _, name := range names {
		path := filepath.Join(dir, name)
		text := "content of " + name + "\n"
		if name == "empty" {
			text = ""
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// checkDir: a folder with plain names up and down again.
func checkDir(ctx context.Context, s *seat) error { return s.roundTrip(ctx, "dir", plainNames) }

// checkNames: a folder with odd names up and down again.
func checkNames(ctx context.Context, s *seat) error { return s.roundTrip(ctx, "odd", oddNames) }

func (s *seat) roundTrip(ctx context.Context, name string, names []string) error {
	local, back := filepath.Join(s.dir, name), filepath.Join(s.dir, name+"-back")
	if err := tree(local, names); err != nil {
		return err
	}
	onTarget, here, err := s.remote(name)
	if err != nil {
		return err
	}
	if _, err := s.want(ctx, call{}, 0, "", "put-dir", local, onTarget); err != nil {
		return err
	}
	if err := sameTree(local, here); err != nil {
		return fmt.Errorf("on the target: %w", err)
	}
	if _, err := s.want(ctx, call{}, 0, "", "get-dir", onTarget, back); err != nil {
		return err
	}
	return sameTree(local, back)
}

// sameTree wants the same files with the same contents.
func sameTree(a, b string) error {
	first, err := listTree(a)
	if err != nil {
		return err
	}
	second, err := listTree(b)
	if err != nil {
		return err
	}
	if first != second {
		return fmt.Errorf("the folders differ: %s and %s", tail(first), tail(second))
	}
	return nil
}

func listTree(dir string) (string, error) {
	var sb strings.Builder
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, path))
		fmt.Fprintf(&sb, "%q %x\n", path, sha256.Sum256(text))
		return err
	})
	return sb.String(), err
}

// checkFileDenied: what no role lets be read does not come, and the client shows who refuses it.
func checkFileDenied(ctx context.Context, s *seat) error {
	to := filepath.Join(s.dir, "stolen")
	r, err := s.do(ctx, call{}, "get", "/etc/passwd", to)
	switch {
	case err != nil:
		return err
	case r.na != "":
		return &naError{r.na}
	case r.status == 0:
		return errors.New("the client says that it went well")
	}
	if text, err := os.ReadFile(to); err == nil && len(text) > 0 {
		return fmt.Errorf("something came: %s", tail(string(text)))
	}
	return r.says("gatehouse: DENIED")
}

// checkForward: bytes both ways through a forward to what a role names.
func checkForward(ctx context.Context, s *seat) error {
	input, err := os.Open(s.input)
	if err != nil {
		return err
	}
	defer input.Close()
	r, err := s.want(ctx, call{stdin: input}, 0, "", "forward", "127.0.0.1", s.echo.port())
	if err == nil {
		err = same(r.stdout, s.inputSum)
	}
	return err
}

// checkForwardDenied: what no role names is not reached, and the client shows who refuses it.
func checkForwardDenied(ctx context.Context, s *seat) error {
	r, err := s.do(ctx, call{}, "forward", "127.0.0.1", "9")
	switch {
	case err != nil:
		return err
	case r.na != "":
		return &naError{r.na}
	case r.status == 0 || r.stdout != "":
		return fmt.Errorf("status %d, %q", r.status, tail(r.stdout))
	}
	return r.says("DENIED by policy")
}
