package anchor

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

// What is logged and shown of a place that does not work has no secret in it (a webhook's path is one), is short, and cannot move a
// terminal's cursor, whatever the receiver says.
func TestProblemTellsNoSecret(t *testing.T) {
	b := newBench(t)
	b.add(1)
	hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<Error><Code>No</Code><Message>a&#10;b\u0085"+strings.Repeat("x", 100_000)+"</Message></Error>")
	}))
	defer hostile.Close()
	var log bytes.Buffer
	a := b.anchors(Config{Log: hclog.New(&hclog.LoggerOptions{Output: &log}), Places: []Place{
		{Webhook: &Webhook{URL: "http://127.0.0.1:1/hooks/TOPSECRET?token=TOPSECRET"}},
		{S3: &S3{Endpoint: hostile.URL, Region: "r", Bucket: "bucket", AccessKey: "access", SecretKey: "TOPSECRET"}},
	}})
	if a.round(t.Context()) {
		t.Fatal("it works")
	}
	for _, s := range a.States() {
		if s.Problem == "" || len(s.Problem) > maxSaid || strings.ContainsAny(s.Problem, "\n\u0085") || strings.Contains(s.Problem, "TOPSECRET") {
			t.Errorf("%s: %d bytes, %.300q", s.Kind, len(s.Problem), s.Problem)
		}
	}
	if log.Len() > 4*maxSaid || strings.Contains(log.String(), "TOPSECRET") {
		t.Errorf("the log: %d bytes, %.600q", log.Len(), log.String())
	}
}
