package main

import (
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// files carries a file or a folder by github.com/pkg/sftp, the usual companion of the library.
func files(client *ssh.Client, word, from, to string) error {
	s, err := client.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	said, err := s.StderrPipe() // what the door says of a denial; sftp.NewClient would throw it away
	if err != nil {
		return err
	}
	go io.Copy(os.Stderr, said)
	in, err := s.StdinPipe()
	if err != nil {
		return err
	}
	out, err := s.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.RequestSubsystem("sftp"); err != nil {
		return err
	}
	c, err := sftp.NewClientPipe(out, in)
	if err != nil {
		return err
	}
	defer c.Close()
	if word == "put" || word == "put-dir" {
		return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(from, p)
			if err != nil {
				return err
			}
			if d.IsDir() {
				return c.Mkdir(path.Join(to, rel))
			}
			return put(c, p, path.Join(to, rel))
		})
	}
	walk := c.Walk(from)
	for walk.Step() {
		if err := walk.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(from, walk.Path())
		if err != nil {
			return err
		}
		here := filepath.Join(to, rel)
		if walk.Stat().IsDir() {
			err = os.Mkdir(here, 0o700)
		} else {
			err = get(c, walk.Path(), here)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func put(c *sftp.Client, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := c.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

func get(c *sftp.Client, from, to string) error {
	in, err := c.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

// forward moves the streams through a forward.
func forward(client *ssh.Client, address string) (int, error) {
	conn, err := client.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	go func() {
		if _, err := io.Copy(conn, os.Stdin); err == nil {
			_ = conn.(interface{ CloseWrite() error }).CloseWrite()
		}
	}()
	_, err = io.Copy(os.Stdout, conn)
	return 0, err
}
