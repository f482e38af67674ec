package witness

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// Handler answers add-checkpoint, and GET HEX(SHA-256(origin))/checkpoint with the newest cosigned checkpoint.
func (w *Witness) Handler() http.Handler {
	slots := make(chan struct{}, maxAtOnce)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", func(rw http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			http.Error(rw, "busy", http.StatusTooManyRequests)
			return
		}
		w.serveAdd(rw, r)
	})
	mux.HandleFunc("GET "+CheckpointPath(w.cfg.Origin), func(rw http.ResponseWriter, _ *http.Request) {
		msg := w.Newest()
		if msg == nil {
			http.Error(rw, "nothing was cosigned yet", http.StatusNotFound)
			return
		}
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = rw.Write(msg) // the client is gone if that fails
	})
	return mux
}

// CheckpointPath is where a witness serves the newest cosigned checkpoint of a log.
func CheckpointPath(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return "/" + hex.EncodeToString(sum[:]) + checkpointEnd
}

func (w *Witness) serveAdd(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
	if err != nil {
		http.Error(rw, "the request cannot be read", http.StatusBadRequest)
		return
	}
	var line []byte
	req, err := ParseRequest(body)
	if err == nil {
		line, err = w.Add(req)
	}
	if err != nil {
		w.deny(rw, err)
		return
	}
	_, _ = rw.Write(line) // the client is gone if that fails
}

// statuses are the specification's.
var statuses = []struct {
	err  error
	code int
}{
	{ErrMalformed, http.StatusBadRequest},
	{ErrOrder, http.StatusBadRequest},
	{ErrUnknownLog, http.StatusNotFound},
	{ErrSignature, http.StatusForbidden},
	{ErrFork, http.StatusConflict},
	{ErrProof, http.StatusUnprocessableEntity},
}

func (w *Witness) deny(rw http.ResponseWriter, err error) {
	var stale *StaleError
	if errors.As(err, &stale) {
		rw.Header().Set("Content-Type", sizeType)
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", stale.Size)
		return
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			http.Error(rw, s.err.Error(), s.code)
			return
		}
	}
	w.cfg.Log.Error("add-checkpoint", "error", err)
	http.Error(rw, "the witness cannot keep it now", http.StatusInternalServerError)
}

// Serve answers on a listener until the context ends. cert and key are files of a TLS certificate; empty: plain HTTP, which
// is enough, as everything that matters is signed, unless what the log's size and rhythm tell is a secret.
func (w *Witness) Serve(ctx context.Context, l net.Listener, cert, key string) error {
	srv := &http.Server{Handler: w.Handler(), ReadTimeout: requestTime, WriteTimeout: requestTime, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 8 << 10,
		ErrorLog: w.cfg.Log.StandardLogger(nil)}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		late, cancel := context.WithTimeout(context.Background(), requestTime)
		defer cancel()
		_ = srv.Shutdown(late) // what does not end in time is cut off with the process
	})
	l = netutil.LimitListener(l, maxConns)
	var err error
	if cert != "" {
		err = srv.ServeTLS(l, cert, key)
	} else {
		err = srv.Serve(l)
	}
	if !stop() {
		<-ended
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve witness: %w", err)
}
