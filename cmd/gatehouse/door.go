package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"gatehouse/bastion"
	"gatehouse/bastion/shell/pool"
	"gatehouse/bastion/target/local"
	"gatehouse/ca"
	"gatehouse/internal/config"
	"gatehouse/internal/confine"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/lend"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/health"
	"gatehouse/internal/keep"
	"gatehouse/internal/store"
	"gatehouse/internal/supervisor"
	"gatehouse/recorder"
	"gatehouse/recorder/index"
	"gatehouse/recorder/seal"
	"gatehouse/recorder/search"
	"gatehouse/recorder/secret"
	"gatehouse/web"
)

// shutdownTime is how long sessions get to end when the service stops.
const shutdownTime = 8 * time.Second

type doorCmd struct{ ConfigFlag }

// door is the listening process, put together.
type door struct {
	settings config.Config
	log      hclog.Logger
	decider  protocol.Door
	sessions *store.SQLite
	recorder *recorder.Recorder
	secrets  *secret.Detector
	indexer  *index.Indexer
	search   *search.Store
	local    *local.Client
	shells   *pool.Client
	server   *bastion.Server
	console  *console.Console
	pages    atomic.Pointer[web.Server] // nil until there are pages
	lender   *lend.Lender

	encryption recorder.Encryption // of recordings
	keeper     *keep.Keeper
	space      *keep.Space

	ending  *ending
	numbers *numbers
	health  *health.Board
	beat    *bastion.Beat // of the loop that accepts connections
}

// Run is the door: confined first, then everything else.
func (c *doorCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	log := logger(settings, "door")
	secrets, err := detector(settings) // before the files are out of reach
	if err != nil {
		return err
	}
	encryption, err := openEncryption(settings, log)
	if err != nil {
		return err
	}
	dir := supervisor.DoorDir(settings.Data)
	if err := confine.Door(confine.Paths{ReadWrite: []string{dir}, ReadOnly: append(existing("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/services", "/run/systemd/resolve"), tlsFolders(settings)...)}); err != nil {
		return err
	}
	d := &door{settings: settings, log: log, secrets: secrets, encryption: encryption, ending: newEnding(settings.SSH.Drain), numbers: newNumbers(), beat: bastion.NewBeat()}
	if err := d.open(ctx, dir); err != nil {
		return err
	}
	defer d.lender.Close()
	return errors.Join(d.serve(ctx), d.search.Close(), d.sessions.Close())
}

// tlsFolders are where the web certificate's files are, and where they lead if they are links: files are replaced by renaming.
func tlsFolders(settings config.Config) []string {
	if settings.Web.TLS == nil {
		return nil
	}
	var out []string
	for _, path := range []string{settings.Web.TLS.Cert, settings.Web.TLS.Key} {
		out = append(out, filepath.Dir(path))
		if real, err := filepath.EvalSymlinks(path); err == nil { // else reading it says why not
			out = append(out, filepath.Dir(real))
		}
	}
	return existing(out...)
}

func existing(paths ...string) []string {
	var out []string
	for _, p := range paths {
		if _, err := os.Stat(p); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// open constructs everything, the decider's hello first.
func (d *door) open(ctx context.Context, dir string) error {
	socket, err := supervisor.Conn(supervisor.DoorSocketFD)
	if err != nil {
		return err
	}
	events := protocol.Events{
		Inventory: func(e protocol.InventoryEvent) { d.server.SetTargets(e.Targets) },
		Revoke:    func(e protocol.RevokeEvent) { d.server.Revoke(e.Sessions, e.Reason) },
		End:       func(e protocol.EndEvent) { d.server.EndConnections(e.Connections, e.Reason) },
		SignedOut: d.signedOut,
		Dial:      func(e protocol.DialEvent) { d.lender.Dial(e) },
		Send:      func(e protocol.SendEvent) { d.lender.Send(e) },
		HangUp:    func(e protocol.HangUpEvent) { d.lender.HangUp(e) },
		Trust:     d.believe,
		Access:    func(e protocol.AccessEvent) { d.server.Access(e) },
		Bad:       func(op protocol.Op, err error) { d.log.Error("event from the decider", "op", string(op), "error", err) },
	}
	// Events for the server are kept until it is there; those about streams, which exports ask for from the first moment on, wait
	// for the lender, which is made at once. None may hold up the answers that the server needs to begin.
	lends, early := make(chan struct{}), newEarlyEvents()
	defer early.begin()
	d.decider = protocol.Door{Client: protocol.NewClient(socket, func(op protocol.Op, body json.RawMessage) {
		<-lends
		if op == protocol.EventDial || op == protocol.EventSend || op == protocol.EventHangUp {
			events.Handle(op, body)
			return
		}
		body = bytes.Clone(body)
		early.do(func() {
			if d.server != nil {
				events.Handle(op, body)
			}
		})
	})}
	d.lender = lend.NewLender(lend.LenderConfig{Decider: d.decider, Log: d.log.Named("lend")})
	close(lends)
	hello, err := d.decider.Hello(ctx)
	if err != nil {
		return fmt.Errorf("hello to the decider: %w", err)
	}
	if err := d.openStorage(dir, hello); err != nil {
		return err
	}
	return d.openServer(dir, hello)
}

func (d *door) openStorage(dir string, hello protocol.HelloAnswer) error {
	input, err := seal.ParseRecipient(hello.InputRecipient)
	if err != nil {
		return fmt.Errorf("whom the decider seals input for: %w", err)
	}
	if d.sessions, err = store.OpenSQLite(store.Config{Path: filepath.Join(dir, "gatehouse.db"), Log: d.log.Named("store")}); err != nil {
		return err
	}
	d.recorder, err = recorder.New(recorder.Config{Dir: filepath.Join(dir, "recordings"), MinFree: uint64(d.settings.Storage.MinFree),
		Commit: d.numbers.commit(d.decider.Commit), SealInput: input, Encryption: d.encryption, Settled: func(session string) { d.indexer.Closed(session) },
		Log: d.log.Named("recorder")})
	if err != nil {
		return err
	}
	if err := d.openIndexer(dir); err != nil {
		return err
	}
	return d.openKeeper(dir, d.derived()...)
}

func (d *door) openServer(dir string, hello protocol.HelloAnswer) error {
	hostKey, err := ca.LoadOrCreateKey(filepath.Join(dir, "host_key"))
	if err != nil {
		return err
	}
	if d.local, err = local.NewClient(os.NewFile(supervisor.DoorLocalFD, "local")); err != nil {
		return err
	}
	if d.shells, err = pool.NewClient(os.NewFile(supervisor.DoorShellsFD, "shells")); err != nil {
		return err
	}
	cfg := bastion.Config{Gate: countedGate{d.decider, d.numbers}, Transfers: d.decider, Secrets: d.secrets, Evidence: countedEvidence{d.decider, d.numbers}, Certifier: d.decider,
		Recorder: countedRecorder{d.recorder, d.numbers}, Dialled: d.numbers.dialled, Sessions: d.sessions, Local: d.local, Shells: d.shells,
		Trust: hello.Trust, HostKey: hostKey, Targets: hello.Targets, Limits: d.settings.SSH.Limits, Log: d.log.Named("ssh")}
	if d.settings.SSH.History && d.settings.Recordings.Encrypt == nil { // what is sealed does not lie beside itself in the clear
		cfg.Lines = d.sessions
	}
	if d.server, err = bastion.New(cfg); err != nil {
		return err
	}
	d.console, err = console.New(console.Config{Sessions: d.sessions, Recordings: d.recorder, Authorize: d.decider, Kill: d.server, Links: d.decider, Revoke: d.decider, Offers: d.decider,
		Unseal: d.decider, Indexes: d.indexer, Secrets: d.secrets, Search: d.search, Keep: d.keeper, Storage: d.space.Look, Pause: d.server, Access: d.decider, Alerts: d.decider, Budgets: d.decider, WatchRequest: d.server.WatchRequest})
	if err != nil {
		return err
	}
	d.server.SetConsole(d.console)
	return nil
}

// believe puts other CA keys in force. What does not parse ends the service: the door must not go on with keys that the decider
// no longer trusts.
func (d *door) believe(t protocol.Trust) {
	if err := d.server.SetTrust(t); err != nil {
		d.log.Error("CA keys from the decider", "error", err)
		_ = d.decider.Close()
	}
}

// serve closes what a crash left open, then listens until the context or the decider ends.
func (d *door) serve(ctx context.Context) error {
	var recovery sync.WaitGroup
	defer recovery.Wait()
	if err := d.recover(ctx, &recovery); err != nil {
		return err
	}
	defer d.runIndexer(ctx)()
	keeping, stop := context.WithCancel(ctx)
	defer stop()
	recovery.Go(func() { d.keeper.Run(keeping) })
	recovery.Go(func() { d.space.Run(keeping) })
	listener, err := supervisor.Listen(supervisor.DoorSSHFD)
	if err != nil {
		return err
	}
	served := make(chan error, 3)
	go func() { served <- d.server.Serve(d.beat.Listener(listener)) }()
	d.openHealth()
	site, err := d.serveWeb(served)
	if err != nil {
		return err
	}
	numbers, err := d.serveMetrics(served)
	if err != nil {
		return err
	}
	control, err := d.serveControl()
	if err != nil {
		return err
	}
	defer control.Close()
	d.log.Info("ready", "ssh", d.settings.SSH.Listen, "web", d.settings.Web.URL)
	var reason error
	select {
	case <-ctx.Done():
	case <-d.decider.Done():
		reason = errors.New("the decider is gone")
	case <-d.local.Done():
		reason = errors.New("the supervisor is gone")
	case reason = <-served:
	}
	_ = listener.Close()
	if reason == nil {
		d.drain(ctx)
	}
	for _, s := range []*http.Server{site, numbers} {
		if s != nil {
			_ = s.Close()
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	d.server.Shutdown(ctx, "Gatehouse is stopping")
	return reason
}

// signedOut ends the live streams of browsers whose sign-in is over.
func (d *door) signedOut(e protocol.SignedOutEvent) {
	if pages := d.pages.Load(); pages != nil {
		pages.SignedOut(e.SignIns)
	}
}

func (d *door) serveWeb(served chan<- error) (*http.Server, error) {
	if d.settings.Web.Listen == "" {
		return nil, nil
	}
	pages, err := web.New(web.Config{Console: d.console, SignIns: d.decider, Accounts: d.decider, Devices: devices{d.decider}, Enrolments: enrolments{d.decider}, Integrity: d.decider, Access: d.decider, Alerts: d.decider, Tickets: tickets{d.decider}, URL: d.settings.Web.URL, Log: d.log.Named("web")})
	if err != nil {
		return nil, err
	}
	d.pages.Store(pages)
	listener, err := supervisor.Listen(supervisor.DoorWebFD)
	if err != nil {
		return nil, err
	}
	site := pages.HTTP()
	serve := site.Serve
	if files := d.settings.Web.TLS; files != nil {
		certificate, err := web.OpenTLSFiles(files.Cert, files.Key, time.Now, d.log.Named("web"))
		if err != nil {
			return nil, err
		}
		site.TLSConfig = certificate.Config()
		serve = func(l net.Listener) error { return site.ServeTLS(l, "", "") }
	}
	go func() {
		if err := serve(web.Limit(listener)); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			served <- err
		}
	}()
	return site, nil
}
