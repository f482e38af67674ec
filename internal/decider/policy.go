package decider

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/bundle"
	"gatehouse/internal/config"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// lastGoodFile holds the policy and inventory that were last in force, so that a restart with a broken file on disk goes on
// with what was decided before rather than with nothing or with anything.
const lastGoodFile = "policy.last-good"

// maxPolicyFiles and maxPolicyFile bound what is read from disk.
const (
	maxPolicyFiles = 256
	maxPolicyFile  = 8 << 20
)

// lastGood is the file's JSON.
type lastGood struct {
	Policy  []policy.File `json:"policy"`
	Targets policy.File   `json:"targets"`

	Serial uint64         `json:"serial,omitempty"` // the highest that a signed policy had
	Signed *bundle.Signed `json:"signed,omitempty"` // whose word it had

	raised bool // the serial is higher than the stored one: the same policy may have been signed again
}

// loadFirst puts a policy in force at start.
func (d *Decider) loadFirst(ctx context.Context) error {
	d.loaded = d.fingerprint() // before the files are read, so that Watch misses no change
	_, err := d.Reload(ctx)
	if err != nil {
		return err
	}
	if d.problem == "" {
		return nil
	}
	stored, err := d.readLastGood()
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no valid policy: %s", d.problem)
	}
	if err != nil {
		return err
	}
	if d.cfg.Bundles != nil && stored.Signed == nil {
		return fmt.Errorf("no signed policy: %s; and the last good one was in force before signatures were required. Sign what is on disk: gatehouse policy sign", d.problem)
	}
	pol, inv, err := parse(stored)
	if err != nil {
		return fmt.Errorf("stored last good policy: %w", err)
	}
	d.cfg.Log.Error("POLICY ON DISK IS NOT VALID, the stored last good one is in force", "problem", d.problem, "policy", pol.Hash())
	d.locks.follow(pol)
	d.mu.Lock()
	d.policy, d.inventory, d.policySince = pol, inv, d.cfg.Now().UTC()
	d.mu.Unlock()
	return d.append(ctx, audit.Entry{Type: audit.PolicyLoad, Outcome: "last-good", Policy: pol.Hash(), Reason: d.problem})
}

// Reload reads policy and inventory. What is valid comes into force and ends live sessions that it does not allow; what is
// not leaves the last good in force, loudly.
func (d *Decider) Reload(ctx context.Context) (protocol.Reloaded, error) {
	d.reload.Lock()
	defer d.reload.Unlock()
	d.loadShadow(ctx)
	files, err := d.readFiles()
	var pol *policy.Policy
	var inv config.Inventory
	if err == nil {
		pol, inv, err = parse(files)
	}
	if err == nil {
		err = d.checkSigned(&files)
	}
	if err != nil {
		return d.keep(ctx, err)
	}
	return d.enforce(ctx, files, pol, inv)
}

// keep notes that what is on disk cannot be used.
func (d *Decider) keep(ctx context.Context, why error) (protocol.Reloaded, error) {
	d.mu.Lock()
	known := d.problem == why.Error()
	d.problem = why.Error()
	d.mu.Unlock()
	out := protocol.Reloaded{PolicyHash: d.PolicyHash(), Problem: why.Error()}
	if known {
		return out, nil
	}
	d.cfg.Log.Error("POLICY REJECTED, the last good one stays in force", "problem", why.Error(), "policy", out.PolicyHash)
	return out, d.append(ctx, audit.Entry{Type: audit.PolicyReject, Outcome: "deny", Policy: out.PolicyHash, Reason: cut(why.Error(), 4096)})
}

// enforce puts a valid policy in force: stored first, then noted, then used.
func (d *Decider) enforce(ctx context.Context, files lastGood, pol *policy.Policy, inv config.Inventory) (protocol.Reloaded, error) {
	d.mu.RLock()
	hash := fmt.Sprintf("sha256:%x", sha256.Sum256(files.Targets.Data))
	changed := d.policy == nil || d.policy.Hash() != pol.Hash() || d.inventoryHash != hash
	hadProblem := d.problem != ""
	d.mu.RUnlock()
	moved := movedTargets(d.inventoryBefore(), inv)
	d.endMoved(ctx, moved)
	if changed || hadProblem || files.raised {
		if err := errors.Join(d.writeLastGood(files), d.keepPolicy(pol.Hash(), files.Policy)); err != nil {
			return protocol.Reloaded{}, err
		}
		if err := d.append(ctx, audit.Entry{Type: audit.PolicyLoad, Outcome: "ok", Policy: pol.Hash(), Data: data(policyLoaded{hash, files.Signed})}); err != nil {
			return protocol.Reloaded{}, err
		}
		d.cfg.Log.Info("policy in force", "policy", pol.Hash(), "targets", hash)
	}
	d.locks.follow(pol)
	d.mu.Lock()
	d.policy, d.inventory, d.inventoryHash, d.problem = pol, inv, hash, ""
	if changed {
		d.policySince = d.cfg.Now().UTC()
	}
	door := d.door
	d.mu.Unlock()
	d.endUnfit()
	d.endStrangers()
	d.endMoved(ctx, moved) // what came in between
	d.recheckAccess(ctx)
	if door != nil {
		d.tell(door)
	}
	return protocol.Reloaded{PolicyHash: pol.Hash(), Changed: changed}, nil
}

// policyLoaded is what the log says of a policy besides its hash.
type policyLoaded struct {
	Targets string         `json:"targets"`
	Signed  *bundle.Signed `json:"signed,omitempty"`
}

// tell gives the door the inventory, and the live sessions that must end.
func (d *Decider) tell(door *protocol.Server) {
	if err := door.Event(protocol.EventInventory, protocol.InventoryEvent{Targets: d.inventoryTargets()}); err != nil {
		d.cfg.Log.Error("tell the door of the inventory", "error", err)
	}
	gone := d.disallowed()
	if len(gone) == 0 {
		return
	}
	for names := range slices.Chunk(gone, protocol.MaxEnding) {
		if err := door.Event(protocol.EventRevoke, protocol.RevokeEvent{Sessions: names, Reason: "a change of policy no longer allows it"}); err != nil {
			d.cfg.Log.Error("tell the door of revoked sessions", "error", err)
		}
	}
}

// disallowed asks every live session's question again.
func (d *Decider) disallowed() []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var gone []string
	for name, s := range d.sessions {
		if !d.allows(s) {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	return gone
}

// Watch reloads whenever the files on disk change, until the context ends. It looks once a second: that works on every
// file system and through every way of replacing a file.
func (d *Decider) Watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	seen := d.loaded
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := d.fingerprint(); now != seen {
			seen = now
			if _, err := d.Reload(ctx); err != nil && ctx.Err() == nil {
				d.cfg.Log.Error("reload policy", "error", err)
			}
		}
	}
}

// fingerprint changes when the policy or the inventory on disk might have.
func (d *Decider) fingerprint() string {
	var sb strings.Builder
	paths, err := policyPaths(d.cfg.Policy)
	fmt.Fprintf(&sb, "%v;", err)
	for _, p := range slices.Concat(paths, []string{d.cfg.Targets}, d.bundleFiles()) {
		info, err := os.Stat(p)
		if err != nil {
			fmt.Fprintf(&sb, "%s:%v;", p, err)
			continue
		}
		fmt.Fprintf(&sb, "%s:%d:%d;", p, info.Size(), info.ModTime().UnixNano())
		if st, ok := info.Sys().(*syscall.Stat_t); ok { // another file of the same size and time, or one that was set back
			fmt.Fprintf(&sb, "%d:%d.%d;", st.Ino, st.Ctim.Sec, st.Ctim.Nsec)
		}
	}
	return sb.String()
}

// PolicyHash is the hash of the policy in force; empty before the first.
func (d *Decider) PolicyHash() string {
	if p := d.currentPolicy(); p != nil {
		return p.Hash()
	}
	return ""
}

func (d *Decider) currentPolicy() *policy.Policy {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.policy
}

func (d *Decider) target(name string) (config.Target, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	t, ok := d.inventory.Targets[name]
	return t, ok
}

// labels are a target's, from the inventory.
func (d *Decider) labels(target string) map[string]string {
	t, _ := d.target(target)
	return t.Labels
}

// inventoryTargets is the inventory as the door needs it, in order.
func (d *Decider) inventoryTargets() []protocol.Target {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var out []protocol.Target
	for name, t := range d.inventory.Targets {
		p := protocol.Target{Name: name, Address: t.Address, Logins: t.Logins, Local: t.Local, Path: t.Path, Aliases: t.Aliases, Labels: t.Labels, Gatehouse: t.Gatehouse}
		for login := range t.RunAs {
			p.Logins = append(p.Logins, login)
		}
		slices.Sort(p.Logins)
		if t.HostKey != "" {
			key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(t.HostKey))
			if err != nil {
				continue // validated when the file was read
			}
			p.HostKey = key.Marshal()
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b protocol.Target) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (d *Decider) readFiles() (lastGood, error) {
	files, err := ReadPolicy(d.cfg.Policy)
	if err != nil {
		return lastGood{}, err
	}
	targets, err := readBounded(d.cfg.Targets)
	if err != nil {
		return lastGood{}, fmt.Errorf("read targets: %w", err)
	}
	return lastGood{Policy: files, Targets: policy.File{Name: filepath.Base(d.cfg.Targets), Data: targets}}, nil
}

// ReadPolicy reads a policy file, or the *.yaml of a folder in the order of their names.
func ReadPolicy(path string) ([]policy.File, error) {
	paths, err := policyPaths(path)
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	var files []policy.File
	for _, p := range paths {
		text, err := readBounded(p)
		if err != nil {
			return nil, fmt.Errorf("read policy: %w", err)
		}
		files = append(files, policy.File{Name: filepath.Base(p), Data: text})
	}
	return files, nil
}

func policyPaths(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	paths, err := filepath.Glob(filepath.Join(path, "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 || len(paths) > maxPolicyFiles {
		return nil, fmt.Errorf("%s holds %d *.yaml files, want 1 to %d", path, len(paths), maxPolicyFiles)
	}
	return paths, nil
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxPolicyFile {
		return nil, fmt.Errorf("%s is over %d bytes", path, maxPolicyFile)
	}
	return os.ReadFile(path)
}

func parse(files lastGood) (*policy.Policy, config.Inventory, error) {
	pol, err := policy.Parse(files.Policy)
	if err != nil {
		return nil, config.Inventory{}, err
	}
	inv, err := config.ParseInventory(files.Targets.Name, files.Targets.Data)
	return pol, inv, err
}

func (d *Decider) readLastGood() (lastGood, error) {
	text, err := os.ReadFile(filepath.Join(d.cfg.Dir, lastGoodFile))
	if err != nil {
		return lastGood{}, fmt.Errorf("read last good policy: %w", err)
	}
	var out lastGood
	if err := json.Unmarshal(text, &out); err != nil {
		return lastGood{}, fmt.Errorf("read last good policy: %w", err)
	}
	return out, nil
}

// writeLastGood replaces the stored policy durably.
func (d *Decider) writeLastGood(files lastGood) error {
	text, err := json.Marshal(files)
	if err != nil {
		return fmt.Errorf("store policy: %w", err)
	}
	path := filepath.Join(d.cfg.Dir, lastGoodFile)
	if err := writeFileSync(path+".new", text); err != nil {
		return fmt.Errorf("store policy: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("store policy: %w", err)
	}
	dir, err := os.Open(d.cfg.Dir)
	if err != nil {
		return fmt.Errorf("store policy: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func writeFileSync(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
