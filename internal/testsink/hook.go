package testsink

import (
	"crypto/tls"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Hook is an HTTPS receiver of webhooks, by the certificate in ca.pem of its folder. What it takes it keeps, repetitions too.
type Hook struct {
	// Check, if it is set, is asked of each request first; what it returns is a test's error. Set before the first request.
	Check func(r *http.Request, body []byte) error

	t    testing.TB
	addr string

	mu     sync.Mutex
	fails  float64
	random *rand.Rand
	got    []Post
	tries  int
}

// Post is a request that was taken.
type Post struct {
	Header http.Header
	Body   []byte
}

// maxPost bounds a request.
const maxPost = 1 << 20

// NewHook starts one in a folder of its own, that is stopped when the test ends.
func NewHook(t testing.TB, dir string) *Hook {
	t.Helper()
	selfSigned(t, dir)
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &Hook{t: t, addr: l.Addr().String(), random: rand.New(rand.NewPCG(1, 2))}
	server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}}))
	}()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return h
}

// URL is its address.
func (h *Hook) URL() string { return "https://" + h.addr }

// Fail makes that share of requests go wrong, each in another way.
func (h *Hook) Fail(share float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails = share
}

// Got are the requests that it took, in their order, and how many came in all.
func (h *Hook) Got() (taken []Post, tries int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Post(nil), h.got...), h.tries
}

// ServeHTTP takes a request, or fails: before it is taken or after, with a word, a cut, or silence.
func (h *Hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPost))
	if err != nil {
		return // the sender has gone
	}
	if h.Check != nil {
		if err := h.Check(r, body); err != nil {
			h.t.Error(err)
		}
	}
	h.mu.Lock()
	h.tries++
	way := -1
	if h.random.Float64() < h.fails {
		way = h.random.IntN(7)
	}
	if way < 0 || way >= 4 { // it has it, whatever it says
		h.got = append(h.got, Post{r.Header.Clone(), body})
	}
	h.mu.Unlock()
	h.answer(w, r, way)
}

func (h *Hook) answer(w http.ResponseWriter, r *http.Request, way int) {
	switch way {
	case 0, 4:
		http.Error(w, "broken", http.StatusInternalServerError)
	case 1, 5:
		panic(http.ErrAbortHandler) // the connection is cut
	case 2, 6:
		select { // silence, until the sender has had enough
		case <-r.Context().Done():
		case <-time.After(10 * time.Second):
		}
	case 3:
		w.Header().Set("Location", "https://127.0.0.1:1/")
		http.Error(w, "elsewhere", http.StatusTemporaryRedirect)
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

// Port is where it listens, on 127.0.0.1.
func (h *Hook) Port() uint16 {
	_, text, err := net.SplitHostPort(h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		h.t.Fatal(err)
	}
	return uint16(port)
}
