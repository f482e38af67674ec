package process_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/process"
	"gatehouse/bastion/shell/wire"
	"gatehouse/internal/testshell"
	"gatehouse/internal/testshell/localhost"
)

// scripted runs a script by the client's input, which talk writes as it reads what is printed.
func scripted(t *testing.T, talk func(to io.Writer, from *bufio.Reader)) (status int, lines []wire.Report) {
	t.Helper()
	home := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	in, to := io.Pipe()
	from, out := io.Pipe()
	host := localhost.New(localhost.Config{Home: home, Env: []string{"PATH=" + testshell.Path, "HOME=" + home}, Stdin: in, Stdout: out, Stderr: out})
	door, child := net.Pipe()
	shell, err := governed.New(door, wire.Begin{Script: true, Home: home, Login: "root", Path: testshell.Path, Limits: limits}, host)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() { process.Run(ctx, child, nil) })
	work.Go(func() { talk(to, bufio.NewReader(from)) })
	ended, err := shell.Serve(ctx)
	if err != nil {
		t.Error(err)
	}
	in.Close()
	out.Close()
	shell.Wait()
	work.Wait()
	return ended.Status, host.Lines()
}

// TestScriptIsRunAsItComes: a command runs before the next has been sent, the client's next line is read's, and what is behind exit is nobody's.
func TestScriptIsRunAsItComes(t *testing.T) {
	status, lines := scripted(t, func(to io.Writer, from *bufio.Reader) {
		for _, turn := range [][2]string{{"echo 1\n", "1"}, {"read -r x\nits line\necho \"[$x]\"\n", "[its line]"}, {"f() {\n echo f\n}\nf\n", "f"}} {
			io.WriteString(to, turn[0])
			if got, err := from.ReadString('\n'); strings.TrimSpace(got) != turn[1] {
				t.Errorf("%q printed %q, %v", turn[0], got, err)
			}
		}
		go io.WriteString(to, "exit 3\necho more (\n")
		if rest, _ := io.ReadAll(from); len(rest) > 0 {
			t.Errorf("printed %q after exit", rest)
		}
	})
	if status != 3 {
		t.Errorf("status %d", status)
	}
	var texts []string
	for _, l := range lines {
		if l.Text != "" {
			texts = append(texts, l.Text)
		}
	}
	if want := "echo 1\n|read -r x\n|echo \"[$x]\"\n|f() {\n echo f\n}\n|f\n|exit 3\n"; strings.Join(texts, "|") != want {
		t.Errorf("the door was told of %q, want %q", texts, want)
	}
}

// TestEndlessScript: it is run for as long as it comes, its commands counted one by one, and a command without end is refused.
func TestEndlessScript(t *testing.T) {
	const turns = 3000
	status, _ := scripted(t, func(to io.Writer, from *bufio.Reader) {
		go func() {
			fmt.Fprint(to, "i=0\n")
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(to, "i=$((i + 1)); [ $i -lt %d ] || exit 7\n", turns); err != nil {
					return
				}
			}
		}()
		if rest, _ := io.ReadAll(from); len(rest) > 0 {
			t.Errorf("printed %q", rest)
		}
	})
	if status != 7 {
		t.Errorf("status %d", status)
	}
	status, lines := scripted(t, func(to io.Writer, from *bufio.Reader) {
		go func() {
			io.WriteString(to, "echo 'a text\n")
			for {
				if _, err := io.WriteString(to, "that is never closed\n"); err != nil {
					return
				}
			}
		}()
		io.Copy(io.Discard, from)
	})
	if last := lines[len(lines)-2]; status != 2 || last.Refused == nil {
		t.Errorf("status %d, refused %+v", status, last)
	}
}
