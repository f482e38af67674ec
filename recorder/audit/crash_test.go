package audit

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"
)

const crashDirEnv = "GATEHOUSE_TEST_CRASH_DIR"

// appendForEver is the child: it appends from four goroutines and prints each number that was acknowledged.
func appendForEver(dir string) {
	l, err := tryOpen(dir, time.Now)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var mu sync.Mutex
	for w := range 4 {
		go func() {
			for {
				seq, err := l.Append(context.Background(), Entry{Type: Decision, Object: strconv.Itoa(w)}, Entry{Type: CertIssue})
				if err != nil {
					os.Exit(2)
				}
				mu.Lock()
				fmt.Println(seq)
				mu.Unlock()
			}
		}()
	}
	select {}
}

// Killed at any moment, the log has everything that was acknowledged, opens again, and verifies.
func TestCrash(t *testing.T) {
	const runs = 20
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(2, 7))
	var acked, total int64
	for run := range runs {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashDirEnv+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := 1 + rnd.IntN(60)
		lines := bufio.NewScanner(out)
		for n := 1; lines.Scan(); n++ {
			seq, err := strconv.ParseInt(lines.Text(), 10, 64)
			if err != nil {
				t.Fatalf("run %d: child says %q", run, lines.Text())
			}
			acked = max(acked, seq+2)
			total++
			if n == kill {
				// Between two system calls of the child, anywhere.
				time.AfterFunc(time.Duration(rnd.IntN(700))*time.Microsecond, func() { cmd.Process.Kill() })
			}
		}
		cmd.Wait()
		rep := verifyDir(t, dir, nil)
		if rep.Bad != nil || rep.Entries < acked || rep.Signed < acked {
			t.Fatalf("run %d: %d entries were acknowledged; verify: %+v, %v", run, acked, rep, rep.Bad)
		}
	}
	l := openTest(t, dir)
	mustAppend(t, l, Entry{Type: ServeStart})
	l.Close()
	if rep := verifyDir(t, dir, nil); rep.Bad != nil || rep.Signed != rep.Entries || total < runs {
		t.Errorf("at the end: %+v, %v (%d acknowledgements)", rep, rep.Bad, total)
	}
	readEntries(t, dir)
}
