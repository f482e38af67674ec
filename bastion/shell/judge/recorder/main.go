// Command recorder records how it was called as one JSON line, tells it on its output too, and exits with the digit that
// ends its name.
//
// It is built into a judge's folder under several names. It knows nothing but where it lies: the record is ../calls.jsonl.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"gatehouse/bastion/shell/judge"
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // whether the next program is gone already is a matter of luck
	status, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "recorder:", err)
		os.Exit(99)
	}
	os.Exit(status)
}

func run() (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	dir, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	mask := syscall.Umask(0)
	syscall.Umask(mask)
	digest, err := input()
	if err != nil {
		return 0, err
	}
	argv := append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...)
	line, err := json.Marshal(judge.NewCall(argv, dir, digest, fmt.Sprintf("%03o", mask), os.Environ()))
	if err != nil {
		return 0, err
	}
	file, err := os.OpenFile(filepath.Join(filepath.Dir(self), "..", "calls.jsonl"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return 0, err
	}
	if _, err := file.Write(append(line, '\n')); err != nil { // one write, so that concurrent calls do not mix
		return 0, err
	}
	fmt.Fprintf(os.Stdout, "@out %q\n", argv)
	fmt.Fprintf(os.Stderr, "@err %q\n", argv)
	status := 0
	if last := argv[0][len(argv[0])-1]; last >= '0' && last <= '9' {
		status = int(last - '0')
	}
	return status, file.Close()
}

// input reads everything and hashes it without what shells say.
func input() (string, error) {
	digest := sha256.New()
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadString('\n')
		if !judge.ShellSays(line) {
			io.WriteString(digest, line)
		}
		if err == io.EOF {
			return hex.EncodeToString(digest.Sum(nil))[:16], nil
		}
		if err != nil {
			return "unreadable", nil // a closed or a foreign descriptor
		}
	}
}
