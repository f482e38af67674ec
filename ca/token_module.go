package ca

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/miekg/pkcs11"
	"golang.org/x/sys/unix"
)

// tokenModule is a PKCS#11 library in this process. One goroutine calls into it, for all its signers, so that a call that
// hangs holds up one goroutine and not one more for each request: the others wait for their time-out and are refused.
type tokenModule struct {
	path string
	jobs chan func() // taken by the goroutine; unbuffered, so that nothing is queued that nobody waits for

	mu    sync.Mutex
	users int           // guarded by mu; open signers
	stop  chan struct{} // guarded by mu; closed when the last signer has gone
	gone  chan struct{} // guarded by mu; closed when the goroutine has ended; nil: there was none yet

	// Owned by the goroutine.
	lib        *pkcs11.Ctx
	up         bool                       // C_Initialize was called
	generation int                        // counts C_Initialize; what was opened before is void
	restarted  time.Time                  // the last restart
	wrongPINs  map[[sha256.Size]byte]bool // of token and PIN: not tried again, as a token locks itself
}

// restartPause is the least time between two restarts of a library.
const restartPause = time.Second

// errPause says that a restart was too short ago.
var errPause = errors.New("the library was restarted a moment ago")

// modules holds the libraries that this process has loaded. That is the process's state whether we note it or not: a library
// is there once, C_Initialize and C_Finalize are about all its users, and it is never unloaded.
var modules = struct {
	sync.Mutex
	loaded map[string]*tokenModule
}{loaded: map[string]*tokenModule{}}

// LoadModule loads a PKCS#11 library into this process, without calling anything in it. A process that gives up its access to
// the file system does it before. The file must be such that nobody but root or this user can change it.
func LoadModule(path string) error {
	_, err := loadModule(path)
	return err
}

func loadModule(path string) (*tokenModule, error) {
	modules.Lock()
	defer modules.Unlock()
	if m, ok := modules.loaded[path]; ok {
		return m, nil
	}
	if err := checkModule(path); err != nil {
		return nil, fmt.Errorf("PKCS#11 module %s: %w", path, err)
	}
	lib := pkcs11.New(path)
	if lib == nil {
		return nil, fmt.Errorf("PKCS#11 module %s: it cannot be loaded: it is no PKCS#11 library for this machine, or a library that it needs is missing (ldd %s)", path, path)
	}
	m := &tokenModule{path: path, jobs: make(chan func()), lib: lib, wrongPINs: map[[sha256.Size]byte]bool{}}
	modules.loaded[path] = m
	return m, nil
}

func checkModule(path string) error {
	if !filepath.IsAbs(path) {
		return errors.New("want an absolute path")
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	self := uint32(os.Geteuid())
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return errors.New("it is not a regular file")
	case st.Mode&0o022 != 0:
		return fmt.Errorf("others may change it (mode %04o): run chmod go-w %s", st.Mode&0o777, path)
	case st.Uid != 0 && st.Uid != self:
		return fmt.Errorf("it belongs to user %d: it must be root's, as it handles the CA keys", st.Uid)
	}
	return nil
}

// acquire counts a user and makes sure that the goroutine runs; release is its opposite.
func (m *tokenModule) acquire() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.users++
	if m.users == 1 {
		before := m.gone
		m.stop, m.gone = make(chan struct{}), make(chan struct{})
		go m.work(before, m.stop, m.gone)
	}
}

// release returns when the library is shut down, if this was the last user, or at the time-out.
func (m *tokenModule) release(timeout time.Duration) {
	m.mu.Lock()
	m.users--
	last, gone := m.users == 0, m.gone
	if last {
		close(m.stop)
	}
	m.mu.Unlock()
	if !last {
		return
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-gone:
	case <-timer.C:
	}
}

// work runs one call after the other until the last signer has gone, once an earlier goroutine, should a call of its still
// hang, has ended.
func (m *tokenModule) work(before, stop, gone chan struct{}) {
	defer close(gone)
	if before != nil {
		<-before
	}
	for {
		select {
		case job := <-m.jobs:
			job()
		case <-stop:
			_ = m.lib.Finalize() // nobody is left who could do something about it
			m.up = false
			return
		}
	}
}

// do runs a call into the library, or gives it up at the time-out. One that was begun and given up goes on in the library;
// its result is dropped.
func (m *tokenModule) do(timeout time.Duration, call func() error) error {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	done := make(chan error, 1)
	select {
	case m.jobs <- func() { done <- call() }:
	case <-timer.C:
		return fmt.Errorf("%w: PKCS#11 module %s is busy, or a call in it hangs", ErrSigner, m.path)
	}
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("%w: PKCS#11 module %s did not answer within %s", ErrSigner, m.path, timeout)
	}
}

// start calls C_Initialize where that is not done.
func (m *tokenModule) start() error {
	if m.up {
		return nil
	}
	if err := m.lib.Initialize(); err != nil && !isToken(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED) {
		return fmt.Errorf("initialise: %w", err)
	}
	m.up = true
	m.generation++
	return nil
}

// restart begins anew: some libraries look for tokens only then. What any signer had open is void, so it is done once in a
// restartPause at most: the other signers' tokens may be well.
func (m *tokenModule) restart() error {
	if time.Since(m.restarted) < restartPause {
		return errPause
	}
	m.restarted = time.Now()
	_ = m.lib.Finalize() // what it says of a library in trouble does not matter
	m.up = false
	return m.start()
}

// slot finds the one token with the label.
func (m *tokenModule) slot(label string) (uint, error) {
	slots, err := m.lib.GetSlotList(true)
	if err != nil {
		return 0, fmt.Errorf("list slots: %w", err)
	}
	var found []uint
	var labels []string
	for _, s := range slots {
		info, err := m.lib.GetTokenInfo(s)
		if err != nil || info.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
			continue
		}
		labels = append(labels, info.Label)
		if info.Label == label {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return 0, fmt.Errorf("there is no token %q (there are: %q)", label, labels)
	}
	return 0, fmt.Errorf("%d tokens are called %q: give each its own label", len(found), label)
}

// isToken reports whether err is one of the PKCS#11 return values.
func isToken(err error, values ...uint) bool {
	var got pkcs11.Error
	return errors.As(err, &got) && slices.Contains(values, uint(got))
}
