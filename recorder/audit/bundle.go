package audit

import (
	"archive/tar"
	"fmt"
	"io"
	"time"
)

// BundleVersion is the version of the bundle format (docs/spec/audit-bundle.md); BundleApproved that of bundles in which people
// approved something.
const (
	BundleVersion  = 1
	BundleApproved = 2
)

// The files of a bundle, in this order.
const (
	bundleManifest    = "manifest.json"
	bundleKey         = "log.pub"
	bundleCheckpoint  = "checkpoint"
	bundleConsistency = "consistency"
	bundleEntries     = "entries"
	bundleProofs      = "proofs"
	bundlePolicies    = "policies"
	bundleRecording   = "recording.ghr"
)

// The bounds of a bundle, but for its recording.
const (
	maxBundleEntries = 100_000
	maxBundleBytes   = 256 << 20 // of entries
	maxBundleSmall   = 64 << 10  // of a manifest, key, checkpoint or consistency proof
	maxProofLine     = 8 << 10
	maxOverlap       = 64 // chunks that cover the same byte
)

// Manifest says what a bundle is. Nothing in it is believed; it only says what to look for.
type Manifest struct {
	Format  string `json:"format"` // "gatehouse-bundle"
	Version int    `json:"version"`
	Session string `json:"session"`
	Request string `json:"request,omitempty"` // in the session's place
	Origin  string `json:"origin"`
	Size    int64  `json:"size"` // of the log, at the checkpoint
	Entries int    `json:"entries"`
	Program string `json:"program,omitempty"` // what wrote it
}

const bundleFormat = "gatehouse-bundle"

// proofLine is one line of proofs, for the entry in the same line of entries.
type proofLine struct {
	Seq   int64    `json:"seq"`
	Proof []string `json:"proof"` // base64, from the leaf to the root (RFC 6962, 2.1.1)
}

// consistencyFile proves that the bundle's checkpoint goes on from an older one.
type consistencyFile struct {
	From  int64    `json:"from"` // size of the older one
	Proof []string `json:"proof"`
}

// bundleWriter writes a tar that depends on nothing but its content.
type bundleWriter struct{ tar *tar.Writer }

func (w bundleWriter) add(name string, size int64, body io.Reader) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if size > 8<<30-1 {
		h.Format = tar.FormatGNU
	}
	if err := w.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if _, err := io.CopyN(w.tar, body, size); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
