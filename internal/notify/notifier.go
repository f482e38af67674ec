package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"gatehouse/internal/config"
	"gatehouse/internal/id"
	"gatehouse/recorder/audit"
)

// Config is what a Notifier needs. File, Log, Size, Dial, Mask and Channels are required.
type Config struct {
	File     string                // the outbox; made if it is missing
	LogDir   string                // of the audit log
	Size     func() int64          // how many entries the log has acknowledged; called concurrently
	Channels []config.AlertChannel // validated
	WebURL   string                // origin of the pages; empty: there are none
	Node     string
	Mask     func(text string) string // masks secrets; called concurrently

	// Dial connects to a receiver, and is asked for nothing but the channels' addresses. What flows over it may be seen by who lends
	// it; TLS is ours.
	Dial func(ctx context.Context, host string, port uint16) (net.Conn, error)
	// Audit appends an entry about an alert to the log; nil: nothing is noted.
	Audit func(ctx context.Context, e audit.Entry) error
	// Witnesses says how the log's witnesses are; nil: there are none.
	Witnesses func() []Witness

	FirstWait, MaxWait, DeadAfter, TryLimit time.Duration // 0: the constants
	Now                                     func() time.Time
	Log                                     hclog.Logger
}

// Witness is how one witness of the log is.
type Witness struct {
	Name  string
	Stale bool // it has cosigned nothing for longer than it may
	Says  string
}

// Notifier makes alerts and delivers them.
type Notifier struct {
	cfg     Config
	out     *outbox
	workers []*worker
	wake    chan struct{} // buffered: there may be new entries
	sending chan struct{} // a place for each try under way

	mu     sync.Mutex
	raised []Alert // not from the log; bounded
}

// Open opens the outbox and prepares the channels; nothing is sent yet. A new outbox begins at the log's end.
func Open(ctx context.Context, cfg Config) (*Notifier, error) {
	if cfg.File == "" || cfg.LogDir == "" || cfg.Size == nil || cfg.Dial == nil || cfg.Mask == nil || len(cfg.Channels) == 0 {
		return nil, errors.New("notify: File, LogDir, Size, Dial, Mask and Channels are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	for _, d := range []struct {
		at   *time.Duration
		want time.Duration
	}{{&cfg.FirstWait, firstWait}, {&cfg.MaxWait, maxWait}, {&cfg.DeadAfter, deadAfter}, {&cfg.TryLimit, sendLimit}} {
		if *d.at == 0 {
			*d.at = d.want
		}
	}
	n := &Notifier{cfg: cfg, wake: make(chan struct{}, 1), sending: make(chan struct{}, sendAtOnce)}
	for i := range cfg.Channels {
		w, err := n.newWorker(cfg.Channels[i])
		if err != nil {
			return nil, fmt.Errorf("alerts to %s: %w", cfg.Channels[i].Name, err)
		}
		n.workers = append(n.workers, w)
	}
	var err error
	if n.out, err = openOutbox(ctx, cfg.File); err != nil {
		return nil, err
	}
	if err := n.begin(ctx); err != nil {
		return nil, errors.Join(err, n.out.close())
	}
	return n, nil
}

// begin gives a new outbox its place: what happened before anybody was to be told is no news.
func (n *Notifier) begin(ctx context.Context) error {
	if err := n.out.forget(ctx, n.cfg.Now(), n.names()); err != nil {
		return err
	}
	cursor, _, ok, err := n.out.place(ctx)
	if err != nil || ok && cursor <= n.cfg.Size() {
		return err
	}
	if ok {
		n.cfg.Log.Error("the log is shorter than what was read of it: was an older one put back? Alerts go on from its end", "read", cursor, "log", n.cfg.Size())
	}
	return n.out.save(ctx, n.cfg.Now(), n.cfg.Size(), state{}, nil, nil)
}

// Close closes the outbox. Run must be over.
func (n *Notifier) Close() error { return n.out.close() }

// Run makes and delivers alerts until ctx ends.
func (n *Notifier) Run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { n.follow(ctx) })
	for _, w := range n.workers {
		work.Go(func() { w.run(ctx) })
	}
	work.Wait()
}

// Wake says that there may be new entries. It never waits.
func (n *Notifier) Wake() { nudge(n.wake) }

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// maxRaised bounds what waits for the outbox.
const maxRaised = 100

// Raise makes an alert that no entry tells of, such as that the log cannot be written. It never waits and keeps nothing on disk itself.
func (n *Notifier) Raise(a Alert) {
	n.mu.Lock()
	if len(n.raised) < maxRaised {
		a.Time, a.Seq = n.cfg.Now().UTC(), -1
		n.raised = append(n.raised, a)
	}
	n.mu.Unlock()
	n.Wake()
}

func (n *Notifier) takeRaised() []Alert {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.raised
	n.raised = nil
	return list
}

// Reaches says whether a channel's receiver is at this address.
func (n *Notifier) Reaches(host string, port uint16) bool {
	return slices.ContainsFunc(n.workers, func(w *worker) bool { return w.host == host && w.port == port })
}

func (n *Notifier) names() (names []string) {
	for _, w := range n.workers {
		names = append(names, w.cfg.Name)
	}
	return names
}

func (n *Notifier) worker(name string) (*worker, error) {
	for _, w := range n.workers {
		if w.cfg.Name == name {
			return w, nil
		}
	}
	return nil, fmt.Errorf("there is no channel %q; there are %q", name, n.names())
}

// newAlertID is an id that no other alert has.
func (n *Notifier) newAlertID() string { return id.New(id.Alert, n.cfg.Now()) }

// address is a channel's receiver.
func address(c config.AlertChannel) (string, uint16, error) {
	host, text, err := c.Address()
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	return host, uint16(port), err
}

// List returns alerts, newest first.
func (n *Notifier) List(ctx context.Context, f Filter) ([]Kept, error) { return n.out.list(ctx, f) }

// Resolve returns the whole id of an alert by its unique beginning.
func (n *Notifier) Resolve(ctx context.Context, beginning string) (string, error) {
	return n.out.resolve(ctx, beginning)
}

// HasChannel says whether there is a channel of that name, and if not, which there are.
func (n *Notifier) HasChannel(name string) error {
	_, err := n.worker(name)
	return err
}

// Resend hands an alert over again, with the id that it has; an empty id: all dead letters of the channel. It returns how many wait now.
func (n *Notifier) Resend(ctx context.Context, channel, alert string) (int64, error) {
	w, err := n.worker(channel)
	if err != nil {
		return 0, err
	}
	count, err := n.out.again(ctx, n.cfg.Now(), channel, alert)
	if err == nil && count == 0 && alert != "" {
		err = ErrNotFound
	}
	nudge(w.wake)
	return count, err
}
