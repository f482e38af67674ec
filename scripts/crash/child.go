package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/sys/unix"

	"gatehouse/recorder"
	"gatehouse/recorder/audit"
)

// origin names the log of a matrix run.
const origin = "crash.example/log"

// order is what a child is to do; it comes in the environment as JSON.
type order struct {
	Dir       string        // has log/ and recordings/
	Recipient string        // whom recordings are encrypted for; empty: they are not
	Say       string        // the socket that it reports to
	For       time.Duration // then it is gone, as if it had been killed
	FileSize  uint64        // no file grows beyond it, so that writes come back short; 0: no limit
	Seed      uint64
	Recover   bool // only complete what the last one left
}

const orderEnv = "GATEHOUSE_CRASH_ORDER"

// said is one line of a child's report: what it was told is done.
type said struct {
	Kind    string // "opened", "wrote", "failed", "closed", "doomed"
	Session string
	Lines   int // wrote: so many are handed over
	Text    string
}

// store is a recorder with its log, as the two processes have them.
type evidence struct {
	log *audit.Log
	rec *recorder.Recorder
}

func openEvidence(o order) (*evidence, error) {
	logDir := filepath.Join(o.Dir, "log")
	if err := os.MkdirAll(logDir, 0o700); err != nil {
		return nil, err
	}
	signer, key, err := audit.LoadOrCreateKey(logDir, origin)
	if err != nil {
		return nil, err
	}
	e := &evidence{}
	if e.log, err = audit.Open(audit.Config{Dir: logDir, Signer: signer, VerifierKey: key, Origin: origin}); err != nil {
		return nil, err
	}
	var encryption recorder.Encryption
	if o.Recipient != "" {
		to, err := recorder.ParseRecipient(o.Recipient)
		if err != nil {
			return nil, err
		}
		encryption.Recipients = []recorder.Recipient{to}
	}
	e.rec, err = recorder.New(recorder.Config{Dir: filepath.Join(o.Dir, "recordings"), Encryption: encryption,
		Commit: func(ctx context.Context, c recorder.Chunk) error { return e.note(ctx, audit.RecChunk, c.Session, c) }})
	return e, err
}

func (e *evidence) note(ctx context.Context, typ audit.Type, session string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = e.log.Append(ctx, audit.Entry{Type: typ, Session: session, Outcome: "ok", Data: data})
	return err
}

// recover completes what the last run left, as the door does.
func (e *evidence) recover(ctx context.Context) error {
	all, err := e.rec.Recover(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := e.settle(ctx, r.Session, r.Summary); err != nil {
			return err
		}
	}
	return nil
}

// settle notes a recording's end, and only then forgets that it was open.
func (e *evidence) settle(ctx context.Context, session string, sum recorder.Summary) error {
	if err := e.note(ctx, audit.RecClose, session, sum); err != nil {
		return err
	}
	return e.rec.Settle(session)
}

// child is a process that records until it is gone.
type child struct {
	order
	*evidence
	conn *net.UnixConn
}

func runChild(text string) error {
	c := &child{}
	if err := json.Unmarshal([]byte(text), &c.order); err != nil {
		return err
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram"})
	if err != nil {
		return err
	}
	c.conn = conn
	if c.FileSize > 0 {
		signal.Ignore(syscall.SIGXFSZ)
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: c.FileSize, Max: c.FileSize}); err != nil {
			return err
		}
	}
	time.AfterFunc(c.For, func() { os.Exit(0) })
	if c.evidence, err = openEvidence(c.order); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := c.recover(context.Background()); err != nil || c.Recover {
		return err
	}
	var work sync.WaitGroup
	for worker := range 3 {
		work.Go(func() { c.sessions(rand.New(rand.NewPCG(c.Seed, uint64(worker)))) })
	}
	work.Wait()
	return nil
}

// say reports; it is a sendto and not a write, so that faults of writes do not meet it.
func (c *child) say(s said) {
	text, err := json.Marshal(s)
	if err == nil {
		_, _ = c.conn.WriteToUnix(text, &net.UnixAddr{Name: c.Say, Net: "unixgram"}) // nobody may listen any more
	}
}

// sessions lives one after the other; after a fault it goes on, as the door does, until it has met several.
func (c *child) sessions(random *rand.Rand) {
	for faults := 0; faults < 5; {
		if err := c.session(random); err != nil {
			faults++
		}
	}
}

func (c *child) session(random *rand.Rand) error {
	id := "ses_" + ulid.Make().String()
	ctx := context.Background()
	rec, err := c.rec.Open(ctx, recorder.Header{Session: id})
	if err != nil {
		c.say(said{Kind: "failed", Session: id, Text: err.Error()})
		return err
	}
	c.say(said{Kind: "opened", Session: id})
	lines, big := 2+random.IntN(60), random.IntN(4) == 0
	for n := range lines {
		if err = rec.Write(recorder.Output, lineOf(id, n, big)); err != nil {
			break
		}
		c.say(said{Kind: "wrote", Session: id, Lines: n + 1})
		time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
	}
	sum, cerr := rec.Close(ctx, recorder.End{State: "ended"})
	if err = errors.Join(err, cerr); err == nil {
		err = c.settle(ctx, id, sum)
	}
	if err != nil {
		c.say(said{Kind: "failed", Session: id, Text: err.Error()})
		return err
	}
	c.say(said{Kind: "closed", Session: id, Lines: lines, Text: sum.SHA256})
	if random.IntN(3) == 0 {
		return c.destroy(ctx, id, random)
	}
	return nil
}

// destroy removes a closed recording or shreds its key, as a rule or a person would.
func (c *child) destroy(ctx context.Context, id string, random *rand.Rand) error {
	c.say(said{Kind: "doomed", Session: id})
	do, typ := c.rec.Destroy, audit.RecDelete
	if c.Recipient != "" && random.IntN(2) == 0 {
		do, typ = c.rec.Shred, audit.RecShred
	}
	err := do(ctx, id, func(ctx context.Context, d recorder.Doomed) error {
		return c.note(ctx, typ, id, audit.Disposed{SHA256: d.SHA256, Size: d.Size})
	})
	if errors.Is(err, recorder.ErrBusy) {
		return nil // another worker destroys something
	}
	return err
}

// lineOf is what a session writes as its line n: its own, so that no gap and no mix-up is overlooked. A big one does not
// compress.
func lineOf(id string, n int, big bool) []byte {
	line := fmt.Appendf(nil, "%s %d ", id, n)
	if big {
		noise := make([]byte, 30_000)
		rand.NewChaCha8([32]byte([]byte(id + fmt.Sprintf("%06d", n))[:32])).Read(noise)
		line = append(line, bytes.ReplaceAll(noise, []byte("\n"), []byte(" "))...)
	}
	return append(line, '\n')
}
