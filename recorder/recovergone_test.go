package recorder

import (
	"errors"
	"os"
	"testing"
)

// A recording of which chunks were committed and whose file is gone is no session that recorded nothing: it is said at every start,
// and marker and key stay for when the file is back.
func TestRecoverGone(t *testing.T) {
	file, marker, before := crashed(t)
	r, l, dir := plant(t, file, marker)
	if err := errors.Join(os.Remove(mustPath(dir)), os.WriteFile(KeyPath(mustPath(dir)), []byte("key"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := r.Recover(t.Context()); !errors.Is(err, ErrCorrupt) || len(got) != 0 {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if _, err := os.Stat(KeyPath(mustPath(dir))); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(mustPath(dir), file, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := r.Recover(t.Context())
	if err != nil || len(got) != 1 {
		t.Fatalf("with the file back: %+v, %v", got, err)
	}
	checkChunks(t, dir, append(before[:1:1], l.all()...), got[0].Summary)
}
