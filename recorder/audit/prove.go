package audit

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/recorder"
)

// ProveOptions says what Prove should prove.
type ProveOptions struct {
	LogDir        string
	RecordingsDir string
	VerifierKey   string
	Session       string // its id, or that of a request, "ar_…"
	PolicyDir     string // where the decider keeps the policies that were in force; empty: none are in the bundle
	// Checkpoint is one that the verifier holds; empty if none. Proofs lead to it if it covers the session; otherwise the bundle
	// proves that its own checkpoint goes on from it.
	Checkpoint []byte
	Program    string // name and version for the manifest
}

// proof is a bundle in the making.
type proof struct {
	opts    ProveOptions
	key     note.Verifier
	cp      Checkpoint
	msg     []byte // signed, of cp
	entries []found
	proofs  []byte
	since   []byte // the consistency file; nil: none

	approved bool   // people approved something
	policies []byte // kept, of what they approved
}

// Prove writes a bundle that proves a session, or what became of a request: its recording, its entries, what vouches for them, and their inclusion in a
// signed checkpoint. It works on a copy of a log as well as on one in use, and checks everything that it writes but the
// recording, which VerifyBundle does.
func Prove(ctx context.Context, w io.Writer, opts ProveOptions) (Manifest, error) {
	key, err := note.NewVerifier(opts.VerifierKey)
	if err != nil {
		return Manifest{}, fmt.Errorf("verifier key: %w", err)
	}
	p := &proof{opts: opts, key: key}
	newest, msg, err := newestCheckpoint(opts.LogDir, key)
	if err != nil {
		return Manifest{}, err
	}
	g, err := gather(ctx, opts.LogDir, newest.Size, opts.Session)
	if err != nil {
		return Manifest{}, err
	}
	p.entries, p.approved = g.sorted(), len(g.access.ids) > 0
	if p.policies, err = g.policies(opts.PolicyDir); err != nil {
		return Manifest{}, err
	}
	p.cp, p.msg = newest, msg
	if err := p.choose(ctx); err != nil {
		return Manifest{}, err
	}
	if err := p.prove(ctx); err != nil {
		return Manifest{}, err
	}
	return p.write(w, g.closed && !g.gone)
}

// choose takes the checkpoint that proves most: the verifier's own if it covers every entry, then a cosigned one, then the
// newest.
func (p *proof) choose(ctx context.Context) error {
	need, newest := p.entries[len(p.entries)-1].seq+1, p.cp
	if msg, err := readSmall(filepath.Join(p.opts.LogDir, cosignedFile)); err == nil {
		if cp, err := OpenCheckpoint(msg, p.key); err == nil && cp.Size >= need && cp.Size <= p.cp.Size {
			p.cp, p.msg = cp, msg
		}
	}
	if len(p.opts.Checkpoint) == 0 {
		return nil
	}
	held, err := OpenCheckpoint(p.opts.Checkpoint, p.key)
	if err != nil {
		return fmt.Errorf("the checkpoint at hand is %w: %w", ErrForeign, err)
	}
	if held.Size >= need {
		if _, err := extends(ctx, p.opts.LogDir, held, newest); err != nil {
			return err
		}
		p.cp, p.msg = held, p.opts.Checkpoint
		return nil
	}
	steps, err := extends(ctx, p.opts.LogDir, held, p.cp)
	if err != nil {
		return err
	}
	p.since, err = json.Marshal(consistencyFile{From: held.Size, Proof: encodeHashes(steps)})
	return err
}

// prove makes the inclusion proofs.
func (p *proof) prove(ctx context.Context) error {
	return withHashes(ctx, p.opts.LogDir, p.cp.Size, func(r tlog.HashReader) error {
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		for _, e := range p.entries {
			path, err := tlog.ProveRecord(p.cp.Size, e.seq, r)
			if err != nil {
				return err
			}
			if tlog.CheckRecord(path, p.cp.Size, p.cp.Root, e.seq, tlog.RecordHash(e.line)) != nil {
				return fmt.Errorf("entry %d: %w; gatehouse audit verify says what is wrong", e.seq, errHashes)
			}
			if err := enc.Encode(proofLine{Seq: e.seq, Proof: encodeHashes(path)}); err != nil {
				return err
			}
		}
		p.proofs = out.Bytes()
		return nil
	})
}

func encodeHashes(list []tlog.Hash) []string {
	out := make([]string, len(list))
	for i, h := range list {
		out[i] = h.String()
	}
	return out
}

// write writes the bundle; recorded says that the log has a closed recording, which was not removed.
func (p *proof) write(w io.Writer, recorded bool) (Manifest, error) {
	m := Manifest{Format: bundleFormat, Version: BundleVersion, Session: p.opts.Session, Origin: p.cp.Origin, Size: p.cp.Size, Entries: len(p.entries),
		Program: p.opts.Program}
	if p.approved {
		m.Version = BundleApproved
	}
	if isRequest(p.opts.Session) {
		m.Session, m.Request = "", p.opts.Session
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		return m, err
	}
	var entries bytes.Buffer
	for _, e := range p.entries {
		entries.Write(e.line)
		entries.WriteByte('\n')
	}
	out := bundleWriter{tar.NewWriter(w)}
	for _, f := range []struct {
		name string
		body []byte
	}{{bundleManifest, append(manifest, '\n')}, {bundleKey, []byte(p.opts.VerifierKey + "\n")}, {bundleCheckpoint, p.msg}, {bundleConsistency, p.since},
		{bundleEntries, entries.Bytes()}, {bundleProofs, p.proofs}, {bundlePolicies, p.policies}} {
		if f.body == nil {
			continue
		}
		if err := out.add(f.name, int64(len(f.body)), bytes.NewReader(f.body)); err != nil {
			return m, err
		}
	}
	if recorded {
		if err := p.addRecording(out); err != nil {
			return m, err
		}
	}
	return m, out.tar.Close()
}

func (p *proof) addRecording(out bundleWriter) error {
	path, err := recorder.Path(p.opts.RecordingsDir, p.opts.Session)
	if err != nil {
		return err
	}
	f, err := openPlain(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the recording is not in %s: a bundle needs it", p.opts.RecordingsDir)
	}
	if err != nil {
		return fmt.Errorf("read recording: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read recording: %w", err)
	}
	return out.add(bundleRecording, st.Size(), f)
}

// decodeHashes is the other way of encodeHashes.
func decodeHashes(list []string) ([]tlog.Hash, error) {
	if len(list) > 64 {
		return nil, fmt.Errorf("%w: a proof of %d hashes", ErrTooLarge, len(list))
	}
	out := make([]tlog.Hash, len(list))
	for i, s := range list {
		h, err := tlog.ParseHash(strings.TrimSpace(s))
		if err != nil {
			return nil, fmt.Errorf("hash %.60q in a proof", s)
		}
		out[i] = h
	}
	return out, nil
}
