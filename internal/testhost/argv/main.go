// Command argv records how it was called, byte for byte, as one JSON line, and prints nothing.
//
// It is built into a test target's PATH under the names of other programs, so that a test sees exactly what arrived there.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// call is one line of the record. Bytes are base64 in it, as arguments need not be text.
type call struct {
	Argv        [][]byte `json:"argv"`
	Env         [][]byte `json:"env"`
	Dir         string   `json:"dir"`
	UID         int      `json:"uid"`
	StdinBytes  int64    `json:"stdin_bytes"`
	StdinSHA256 string   `json:"stdin_sha256"`
}

func main() {
	if err := record("/run/target/calls.jsonl"); err != nil {
		fmt.Fprintln(os.Stderr, "argv:", err)
		os.Exit(99)
	}
}

func record(path string) error {
	digest := sha256.New()
	read, err := io.Copy(digest, os.Stdin)
	if err != nil {
		return fmt.Errorf("read stdin: %w", err)
	}
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("working directory: %w", err)
	}
	line, err := json.Marshal(call{
		Argv: raw(os.Args), Env: raw(os.Environ()), Dir: dir, UID: os.Getuid(),
		StdinBytes: read, StdinSHA256: hex.EncodeToString(digest.Sum(nil)),
	})
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("open record: %w", err)
	}
	if _, err := file.Write(append(line, '\n')); err != nil { // one write, so that concurrent calls do not mix
		return fmt.Errorf("write record: %w", err)
	}
	return file.Close()
}

func raw(texts []string) [][]byte {
	out := make([][]byte, len(texts))
	for i, t := range texts {
		out[i] = []byte(t)
	}
	return out
}
