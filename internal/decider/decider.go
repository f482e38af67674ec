// Package decider is the process that decides. It owns the CA keys, the policy, sign-ins and the audit log, in a folder of
// its own; it verifies certificates and tokens itself; it never listens on the network.
//
// It trusts its files and its clock. It does not trust the door: whatever the door says, a certificate for a target comes
// only with an allowing decision, names only what was decided, and has its audit entry on disk first (invariants
// 1, 3, 4, 5).
package decider

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"gatehouse/ca"
	"gatehouse/internal/config"
	"gatehouse/internal/decider/anchor"
	"gatehouse/internal/decider/ledger"
	"gatehouse/internal/decider/lend"
	"gatehouse/internal/decider/privilege"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
	"gatehouse/internal/notify"
	"gatehouse/internal/revoke"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
	"gatehouse/recorder/audit/export"
	"gatehouse/recorder/retain"
)

// ErrLocked is returned by Open when another process owns the folder.
var ErrLocked = errors.New("the decider's folder is in use by a running gatehouse")

// Config is what a decider needs to know. All fields but Shadow, Bundles, Keep, Export, Alerts, Mask, Tickets, Now and Log are required.
type Config struct {
	Dir     string                // its own folder
	Node    string                // name in the audit log
	Names   []string              // the door's host names, for its face certificate
	WebURL  string                // origin of the browser pages; empty: there are none
	Policy  string                // file or folder
	Targets string                // inventory file
	Shadow  string                // a policy that decides beside the one in force, without effect; empty: none
	Bundles *Bundles              // nil: a policy needs no signatures
	Keep    []retain.Rule         // how long recordings are kept: what else is said to be removed by a rule is refused
	Signers ca.Signers            // where the CA keys are; the zero value: in files
	Export  []config.Sink         // where entries are sent to
	Alerts  []config.AlertChannel // where people are told; none: nobody is
	Mask    func(string) string   // masks secrets in what people are told; nil: those that are known by their form
	Anchors Anchors               // who is handed the log's checkpoints; the zero value: nobody
	Tickets []byte                // the secret of whoever says that tickets were closed; empty: nobody is believed
	Version string                // of the program, for who asks how it is
	Now     func() time.Time
	Log     hclog.Logger
}

// Decider answers the door and local administrators. Safe for concurrent use.
type Decider struct {
	// Immutable after Open.
	cfg     Config
	started time.Time
	lock    *os.File
	cas     *ca.Set
	permits ed25519.PrivateKey
	input   *age.X25519Identity // opens recorded input
	log     *audit.Log
	facts   *registry.Registry
	metrics *metrics
	signers *signerFaults
	signIns *signIns
	issuers issuers       // has its own lock
	revoked *revoke.Index // what the registry has of it

	exporter *export.Exporter // nil: the audit log goes nowhere
	alerts   *notify.Notifier // nil: nobody is told of anything

	// revoking serialises revocations. Taken before mu.
	revoking sync.Mutex

	locks  locks    // has its own lock
	pauses pauseSet // has its own lock
	kept   keptEntries
	ending sync.WaitGroup // of requests and grants, for a lock or a kill

	ledger      *ledger.Ledger   // what was spent of budgets
	access      *privilege.Store // requests, grants
	challenges  *privilege.Challenges
	denialsKept *privilege.Denials
	tickets     *privilege.Tickets
	waits       *waits
	reads       *reads
	accessWake  chan struct{} // wakes watchAccess
	windows     windows       // of watchAccess

	passkeys   *webauthn.WebAuthn // nil: this origin can have none
	noPasskeys string             // why
	ceremonies *ceremonies
	devices    *devices
	people     sync.Mutex // serialises changes of passkeys

	enrolling chan struct{} // a place for each enrolment that is looked into
	loaded    string        // fingerprint of the files that Open read

	shadow  shadow          // has its own lock
	anchors *anchor.Anchors // has its own lock

	// reload serialises policy and inventory changes, rotation the steps of the CAs' rotations.
	reload, rotation sync.Mutex

	mu            sync.RWMutex
	policy        *policy.Policy
	inventory     config.Inventory
	inventoryHash string // of the file's text
	problem       string // why the files on disk are not in force
	policySince   time.Time
	conns         map[string]*connection
	sessions      map[string]*session
	holding       map[string]int64       // how many of them each principal has
	held          int                    // bytes of what the sessions asked
	denials       map[string][]time.Time // of the last hour, by principal, where a role limits them
	door          *protocol.Server       // told of events; nil until there is one
	streams       *lend.Borrower         // lent by that door; nil until there is one
}

// Open takes the folder, creates what is missing, and loads the policy: the one on disk, or the last good one if that is
// not valid. Without either it refuses.
func Open(ctx context.Context, cfg Config) (*Decider, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make decider folder: %w", err)
	}
	lock, err := takeLock(filepath.Join(cfg.Dir, "lock"))
	if err != nil {
		return nil, err
	}
	d := &Decider{cfg: cfg, started: cfg.Now().UTC(), lock: lock, conns: map[string]*connection{}, sessions: map[string]*session{}, holding: map[string]int64{}, denials: map[string][]time.Time{}, signIns: newSignIns(cfg.Now), revoked: revoke.NewIndex(cfg.Now), metrics: newMetrics(), signers: newSignerFaults(cfg.Now),
		issuers: issuers{open: map[string]openIssuer{}}, enrolling: make(chan struct{}, maxEnrolling),
		ceremonies: newCeremonies(cfg.Now), devices: newDevices(cfg.Now),
		challenges: privilege.NewChallenges(cfg.Now), denialsKept: privilege.NewDenials(), tickets: privilege.NewTickets(cfg.Tickets, cfg.Now), waits: newWaits(), reads: newReads(), accessWake: make(chan struct{}, 1)}
	if err := d.openLocks(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	d.countPolicy()
	d.passkeys, d.noPasskeys = newPasskeys(cfg.WebURL)
	if err := d.openKeys(); err != nil {
		return nil, errors.Join(err, d.locks.file.Close(), lock.Close())
	}
	if err := d.openLog(); err != nil {
		return nil, errors.Join(err, d.locks.file.Close(), lock.Close())
	}
	if err := d.openAnchors(); err != nil {
		return nil, errors.Join(err, d.locks.file.Close(), d.log.Close(), lock.Close())
	}
	if d.facts, err = registry.Open(ctx, filepath.Join(cfg.Dir, registry.File)); err != nil {
		return nil, errors.Join(err, d.locks.file.Close(), d.log.Close(), lock.Close())
	}
	if d.ledger, err = ledger.Open(ctx, d.facts); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.openAccess(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.loadFirst(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.loadRevocations(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.recheckAccess(ctx) // what ended while nothing ran
	if err := d.openExport(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.openAlerts(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.noteLocks(ctx) // what a crash or a full disk kept out of the log
	return d, nil
}

// Close ends the log and gives the folder up.
func (d *Decider) Close() error {
	d.issuers.drop(nil)
	d.ending.Wait()
	return errors.Join(d.closeAlerts(), d.closeAccess(), d.locks.file.Close(), d.cas.Close(), d.facts.Close(), d.log.Close(), d.lock.Close())
}

// PermitKey is the public half of the key that signs permits.
func (d *Decider) PermitKey() ed25519.PublicKey {
	return d.permits.Public().(ed25519.PublicKey)
}

func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%w (%s)", ErrLocked, path)
	}
	return f, nil
}

// append writes entries to the audit log; they are durable when it returns. Its failure is the client's "evidence" fault:
// nothing may happen that the log does not know of, and what the log cannot hold does not happen either.
func (d *Decider) append(ctx context.Context, entries ...audit.Entry) error {
	d.nameDelegation(entries)
	begun := time.Now()
	_, err := d.log.Append(ctx, entries...)
	d.metrics.appended.Observe(time.Since(begun).Seconds())
	d.metrics.count(entries, err)
	if d.exporter != nil {
		d.exporter.Wake()
	}
	if d.alerts != nil {
		d.alerts.Wake()
	}
	if errors.Is(err, audit.ErrTooLarge) {
		return invalid("this is larger than the audit log can hold")
	}
	if err != nil {
		d.cfg.Log.Error("audit log cannot be written", "error", err)
		d.logTrouble(err)
		return &protocol.Error{Code: protocol.CodeEvidence, Msg: "the audit log cannot be written"}
	}
	return nil
}

// nameDelegation says in each entry about a connection who handed its work on.
func (d *Decider) nameDelegation(entries []audit.Entry) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for i := range entries {
		if c := d.conns[entries[i].Conn]; c != nil {
			entries[i].Via = c.delegation
		}
	}
}

// The bounds of what the door says in an entry: ids and names, and sentences. More is cut.
const (
	maxID   = 128
	maxText = 4096
)

// data encodes an entry's own details.
func data(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage(`{}`) // the callers' types hold only plain values
	}
	return b
}

func refuse(format string, args ...any) error {
	return &protocol.Error{Code: protocol.CodeRefused, Msg: fmt.Sprintf(format, args...)}
}

// refusal makes any error the decider's word; what is that already stays as it is.
func refusal(err error) error {
	var own *protocol.Error
	if errors.As(err, &own) {
		return own
	}
	return refuse("%s", err.Error())
}

// refuseFor is a refusal with one word for programs.
func refuseFor(reason, format string, args ...any) error {
	return &protocol.Error{Code: protocol.CodeRefused, Msg: fmt.Sprintf(format, args...), Reason: reason}
}

// reasonOf is that word, empty where there is none.
func reasonOf(err error) string {
	var own *protocol.Error
	if errors.As(err, &own) {
		return own.Reason
	}
	return ""
}

func invalid(format string, args ...any) error {
	return &protocol.Error{Code: protocol.CodeInvalid, Msg: fmt.Sprintf(format, args...)}
}
