package export

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"gatehouse/internal/config"
	"gatehouse/recorder/audit"
)

// errAnother says that the cursor is of another log.
var errAnother = errors.New("the log is not the one that the cursor was made for (was an older one put back?): compare what the receiver has, then set the cursor by gatehouse audit export --sink … --from …")

// worker carries the log to one sink.
type worker struct {
	// Immutable.
	cfg    Config
	name   string
	types  []string
	from   config.From
	path   string // of the cursor
	sink   sink
	manner manner
	log    hclog.Logger
	wake   chan struct{} // buffered: there may be something new

	// Owned by run.
	at     position // up to here everything has been taken
	saved  int64    // the number in the cursor's file
	last   position // up to here everything was handed over
	synced time.Time
	wrote  time.Time // when the cursor was saved
	failed int       // times in a row
	said   time.Time // when the last failure was logged
	inRow  int       // entries lost one after another

	mu   sync.Mutex
	jump *int64 // where to go on instead; nil: nowhere else
	stat Stat
	head time.Time // of the oldest entry that is being handed over; zero: there is none
	sent int64     // number after the newest entry that was handed over
}

// run carries until ctx ends.
func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := w.follow(ctx)
		w.sink.close()
		if ctx.Err() == nil && err != nil {
			w.fault(ctx, err)
		}
	}
}

// follow carries from the cursor on until something fails, the cursor is moved by hand, or ctx ends.
func (w *worker) follow(ctx context.Context) error {
	r, err := w.open()
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		if w.jumping() {
			return nil
		}
		limit := w.cfg.Size()
		records, err := r.Read(limit, maxBatch)
		if err != nil {
			return err
		}
		if len(records) > 0 {
			if err := w.deliver(ctx, records); err != nil {
				return errors.Join(err, w.settle(ctx, false)) // what did arrive is not sent again
			}
		}
		idle := len(records) == 0
		if err := w.settle(ctx, idle); err != nil {
			return err
		}
		if r.Next() < limit && ctx.Err() == nil {
			continue
		}
		w.wait(ctx)
		if ctx.Err() != nil {
			return w.settle(ctx, true)
		}
	}
}

// open finds the cursor's place in the log.
func (w *worker) open() (*audit.Reader, error) {
	if err := w.load(); err != nil {
		return nil, err
	}
	w.last, w.synced, w.wrote = w.at, w.cfg.Now(), w.cfg.Now()
	w.manner.hold.reset()
	w.mu.Lock()
	w.sent, w.stat.Next = w.at.Next, w.at.Next
	w.mu.Unlock()
	if w.at.Next > w.cfg.Size() {
		return nil, fmt.Errorf("cursor at entry %d, the log has %d: %w", w.at.Next, w.cfg.Size(), errAnother)
	}
	if w.at.Next == 0 {
		return audit.OpenReader(w.cfg.Dir, 0)
	}
	r, err := audit.OpenReader(w.cfg.Dir, w.at.Next-1)
	if err != nil {
		return nil, err
	}
	before, err := r.Read(w.at.Next, 1)
	if err == nil && w.at.Leaf != (position{}).Leaf && before[0].Leaf() != w.at.Leaf {
		err = errAnother
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// load takes the place that was set by hand, the one in memory, the cursor's, or for a new sink the configured one.
func (w *worker) load() error {
	w.mu.Lock()
	jump := w.jump
	w.jump = nil
	w.mu.Unlock()
	if jump != nil {
		w.at = position{Next: *jump}
		return w.save()
	}
	if w.saved >= 0 {
		return nil
	}
	at, ok, err := loadCursor(w.path)
	if err != nil {
		return err
	}
	if !ok {
		if at.Next = w.from.Seq; w.from.Now {
			at.Next = w.cfg.Size()
		}
	}
	w.at = at
	if ok {
		w.saved = at.Next
		return nil
	}
	return w.save()
}

func (w *worker) save() error {
	if err := saveCursor(w.path, w.at); err != nil {
		return err
	}
	w.saved, w.wrote = w.at.Next, w.cfg.Now()
	return nil
}

func (w *worker) jumping() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.jump != nil
}

// deliver hands a batch over, less what the sink does not want.
func (w *worker) deliver(ctx context.Context, records []audit.Record) error {
	wanted := records
	if len(w.types) > 0 {
		wanted = nil
		for _, r := range records {
			if wants(w.types, audit.TypeOf(r.Line)) {
				wanted = append(wanted, r)
			}
		}
	}
	if len(wanted) > 0 {
		w.mu.Lock()
		w.head = wanted[0].Time()
		w.mu.Unlock()
		if err := w.hand(ctx, wanted); err != nil {
			return err
		}
	}
	w.passed(records[len(records)-1], 0)
	return nil
}

// hand gives entries to the sink. Where it will never take all, halves are tried, down to the one that is lost.
func (w *worker) hand(ctx context.Context, records []audit.Record) error {
	dropped, err := w.try(ctx, records)
	var no *refusedError
	switch {
	case err == nil:
		if dropped.entries > 0 {
			err = w.lose(ctx, records, dropped.entries, dropped.why)
		} else {
			w.inRow = 0
		}
	case !errors.As(err, &no):
	case len(records) == 1:
		err = w.giveUp(ctx, records, no)
	default:
		half := len(records) / 2
		if err = w.hand(ctx, records[:half]); err == nil {
			err = w.hand(ctx, records[half:])
		}
		return err
	}
	if err != nil {
		return err
	}
	w.passed(records[len(records)-1], len(records))
	w.worked()
	return nil
}

// try is one attempt. A panic over what is in an entry is a refusal of it: it may not end the process that decides.
func (w *worker) try(ctx context.Context, records []audit.Record) (dropped lost, err error) {
	defer func() {
		if p := recover(); p != nil {
			dropped, err = lost{}, &refusedError{fmt.Sprintf("internal error: %v", p)}
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	return w.sink.send(ctx, records)
}

// giveUp loses an entry. A receiver that refuses many in a row more probably is not what it should be: from then on each gets a
// second chance, much later.
func (w *worker) giveUp(ctx context.Context, records []audit.Record, no *refusedError) error {
	if w.inRow++; w.inRow > maxInRow {
		w.fail(no)
		if !w.sleep(ctx, w.cfg.MaxWait) {
			return context.Cause(ctx)
		}
		dropped, err := w.try(ctx, records)
		if err == nil && dropped.entries == 0 {
			w.inRow = 0
			return nil
		}
		if err != nil && !errors.As(err, &no) {
			return err
		}
	}
	return w.lose(ctx, records, int64(len(records)), no.why)
}

// lose counts, logs and audits what a receiver will never have. The entry about it is not about itself: where nothing but such
// entries is lost, its own or another sink's, that is counted and logged, or receivers that refuse everything would fill the log.
func (w *worker) lose(ctx context.Context, records []audit.Record, n int64, why string) error {
	first, last := records[0].Seq, records[len(records)-1].Seq
	w.mu.Lock()
	w.stat.Lost += n
	w.mu.Unlock()
	why = strings.ToValidUTF8(why[:min(len(why), 512)], "?")
	w.log.Error("the receiver refuses entries for good", "first", first, "last", last, "entries", n, "why", why)
	other := slices.ContainsFunc(records, func(r audit.Record) bool { return audit.TypeOf(r.Line) != audit.Export })
	if !other || w.cfg.Audit == nil {
		return nil
	}
	return w.cfg.Audit(ctx, lossEntry(w.name, first, last, n, why))
}

// passed notes that everything up to r was handed over, n entries of it now.
func (w *worker) passed(r audit.Record, n int) {
	w.last = position{r.Seq + 1, r.Leaf()}
	w.manner.hold.add(w.last, n, w.cfg.Now())
	w.mu.Lock()
	w.sent, w.head = w.last.Next, time.Time{}
	w.stat.Sent += int64(n)
	w.mu.Unlock()
}

// settle moves the cursor, and where it is time, writes it down.
func (w *worker) settle(ctx context.Context, idle bool) error {
	now := w.cfg.Now()
	if idle || now.Sub(w.synced) >= w.manner.syncEvery {
		if err := w.sink.check(); err != nil {
			return err
		}
		if to, ok := w.manner.hold.settled(now); ok {
			if err := w.sink.sync(); err != nil {
				return err
			}
			w.at, w.synced = to, now
			w.mu.Lock()
			w.stat.Next = to.Next
			w.mu.Unlock()
		}
	}
	if w.at.Next != w.saved && (now.Sub(w.wrote) >= saveEvery || ctx.Err() != nil) {
		return w.save()
	}
	return nil
}

// wait waits for something new, for the next look or for the end. What is new gets a moment's company: one batch costs hardly more
// than one entry, and the log's writer has the machine to itself meanwhile.
func (w *worker) wait(ctx context.Context) {
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-w.wake:
		timer.Reset(gather)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	case <-timer.C:
	}
}

// worked notes a success.
func (w *worker) worked() {
	w.mu.Lock()
	w.stat.Up = true
	w.mu.Unlock()
	if w.failed > 0 {
		w.log.Info("export works again", "failures", w.failed)
	}
	w.failed, w.said = 0, time.Time{}
}

// fail counts a failure, and says so now and then.
func (w *worker) fail(err error) {
	w.failed++
	w.mu.Lock()
	w.stat.Failures++
	w.stat.Up = false
	w.mu.Unlock()
	if now := w.cfg.Now(); w.said.IsZero() || now.Sub(w.said) >= sayEvery {
		w.said = now
		w.log.Warn("export does not work, and is tried again", "error", err, "failures", w.failed, "entry", w.at.Next)
	}
}

// fault waits after a failure, longer each time.
func (w *worker) fault(ctx context.Context, err error) {
	w.fail(err)
	d := w.cfg.MaxWait
	if w.failed < 16 {
		d = min(d, w.cfg.FirstWait<<(w.failed-1))
	}
	d = d/2 + time.Duration(rand.Int64N(int64(d/2)+1))
	w.sleep(ctx, max(d, min(later(err), w.cfg.MaxWait)))
}

// sleep waits; false: ctx has ended. A cursor that is moved by hand ends the wait.
func (w *worker) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-w.wake:
			if w.jumping() {
				return true
			}
		}
	}
}

// statistics says where the sink stands.
func (w *worker) statistics(size int64) Stat {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stat
	if s.Behind = max(0, size-w.sent); s.Behind > 0 && !w.head.IsZero() {
		s.BehindTime = max(0, w.cfg.Now().Sub(w.head))
	}
	return s
}
