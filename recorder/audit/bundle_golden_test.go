package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// judgeBundle runs the independent reader of docs/spec on a bundle.
func judgeBundle(path string) (out struct {
	Size, Entries int64
	Root          string
	Chunks        int
	Closed        bool
}, err error) {
	text, err := exec.Command("python3", "../../scripts/judge/evidence.py", "bundle", path).Output()
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	return out, err
}

// The judge agrees about root, proofs, signature and recording of a bundle, and about a spoilt one. The golden bundle means
// today what it meant when it was written.
func TestBundleJudge(t *testing.T) {
	golden := filepath.Join("testdata", "bundle.tar")
	if *update {
		logDir, recDir := provableOf(t, 20)
		if err := errors.Join(os.WriteFile(golden, proveTest(t, logDir, recDir, nil), 0o644),
			os.WriteFile(filepath.Join("testdata", "bundle.pub"), []byte(verifierKey(t, logDir)+"\n"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	bundle := mustRead(t, golden)
	rep, err := VerifyBundle(t.Context(), bytes.NewReader(bundle), BundleOptions{})
	if err != nil || rep.Bad != nil || !rep.OwnKey || !rep.Recorded {
		t.Fatalf("%+v, %v, %v", rep, rep.Bad, err)
	}
	out, err := judgeBundle(golden)
	if err != nil || out.Size != rep.Checkpoint.Size || out.Root != rep.Checkpoint.Root.String() || int(out.Entries) != rep.Entries || out.Chunks != rep.Chunks || !out.Closed {
		t.Fatalf("the judge says %+v, %v; VerifyBundle %+v", out, err, rep)
	}
	bad := filepath.Join(t.TempDir(), "bad")
	for _, spoil := range []string{`"login":"deploy"`, `"proof":["`} {
		i := bytes.Index(bundle, []byte(spoil)) + len(spoil)
		b := bytes.Clone(bundle)
		b[i-3+len(spoil)%3] ^= 2
		if err := os.WriteFile(bad, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := judgeBundle(bad); err == nil {
			t.Errorf("the judge accepts a changed bundle: %+v", out)
		}
	}
}

// FuzzBundle: whatever the bytes, reading ends, and a bundle that passes without change to its proven parts is the golden one.
func FuzzBundle(f *testing.F) {
	bundle, err := os.ReadFile(filepath.Join("testdata", "bundle.tar"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bundle)
	f.Add(bundle[:4096])
	key, err := os.ReadFile(filepath.Join("testdata", "bundle.pub"))
	if err != nil {
		f.Fatal(err)
	}
	want, err := VerifyBundle(f.Context(), bytes.NewReader(bundle), BundleOptions{VerifierKey: string(bytes.TrimSpace(key))})
	if err != nil || want.Bad != nil {
		f.Fatal(want.Bad, err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		rep, err := VerifyBundle(t.Context(), bytes.NewReader(b), BundleOptions{VerifierKey: string(bytes.TrimSpace(key))})
		if err != nil || rep.Bad != nil {
			return
		}
		if rep.Actor != want.Actor || rep.Target != want.Target || rep.Login != want.Login || rep.Outcome != want.Outcome || rep.Size != want.Size || rep.Checkpoint != want.Checkpoint {
			t.Fatalf("%+v passes; the log says %+v", rep, want)
		}
	})
}
