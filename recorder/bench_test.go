package recorder

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"
)

// BenchmarkWrite records log text and random bytes as fast as it can, compression, disk and hashes included.
func BenchmarkWrite(b *testing.B) {
	var text strings.Builder
	rnd := rand.New(rand.NewPCG(1, 1))
	for text.Len() < 1<<20 {
		fmt.Fprintf(&text, "Nov 22 12:%02d:%02d web-1 app[%d]: GET /v1/items/%d took %dms status=200\n", rnd.IntN(60), rnd.IntN(60), rnd.IntN(9999), rnd.IntN(1e6), rnd.IntN(900))
	}
	noise := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	id, _ := identity(b)
	to := []Recipient{mustRecipient(b, id.Recipient().String())}
	for _, c := range []struct {
		name string
		data []byte
		to   []Recipient
	}{{"text", []byte(text.String()), nil}, {"text/encrypted", []byte(text.String()), to}, {"random", noise, nil}, {"random/encrypted", noise, to}} {
		b.Run(c.name, func(b *testing.B) {
			data := c.data
			r, _ := newSealedRecorder(b, b.TempDir(), c.to)
			rec := openTest(b, r, testSession)
			b.SetBytes(32 << 10)
			i := 0
			for b.Loop() {
				if err := rec.Write(Output, data[i:i+32<<10]); err != nil {
					b.Fatal(err)
				}
				i = (i + 32<<10) & (1<<20 - 1)
			}
			mustClose(b, rec)
		})
	}
}

// A session that is quiet costs little memory and no goroutine.
func TestIdleSession(t *testing.T) {
	const sessions, limit = 200, 16 << 10
	r, _ := newTestRecorder(t, t.TempDir())
	before, routines := heapInUse(), runtime.NumGoroutine()
	var all []*Recording
	for i := range sessions {
		rec := openTest(t, r, fmt.Sprintf("ses_01KB00000000000000000%05d", i))
		mustWrite(t, rec, Output, "login banner\r\n")
		rec.flushNow()
		all = append(all, rec)
	}
	for _, rec := range all {
		rec.mu.Lock()
		for rec.working || len(rec.buf.raw) > 0 {
			rec.changedC.Wait()
		}
		rec.mu.Unlock()
	}
	if n := runtime.NumGoroutine() - routines; n > 2 {
		t.Errorf("%d idle sessions run %d goroutines", sessions, n)
	}
	each := (heapInUse() - before) / sessions
	t.Logf("%d bytes an idle session", each)
	if each > limit {
		t.Errorf("%d bytes an idle session, at most %d", each, limit)
	}
	for _, rec := range all {
		mustClose(t, rec)
	}
}

func heapInUse() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse)
}

// BenchmarkOpen is what a session waits for before anything is asked of its target. What encryption adds is a data key and its
// durable file.
func BenchmarkOpen(b *testing.B) {
	id, _ := identity(b)
	for _, c := range []struct {
		name string
		to   []Recipient
	}{{"plain", nil}, {"encrypted", []Recipient{mustRecipient(b, id.Recipient().String())}}} {
		b.Run(c.name, func(b *testing.B) {
			r, _ := newSealedRecorder(b, b.TempDir(), c.to)
			for b.Loop() {
				rec := openTest(b, r, "ses_"+ulid.Make().String())
				b.StopTimer()
				mustClose(b, rec)
				b.StartTimer()
			}
		})
	}
}
