package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/config"
)

// The bounds of a signing key, as Standard Webhooks has them.
const (
	keyPrefix = "whsec_"
	minKey    = 24
	maxKey    = 64
)

// webhook posts CloudEvents 1.0 in the structured JSON form, signed as Standard Webhooks says.
type webhook struct {
	cfg config.AlertChannel
	dialer
	webURL, node string
	now          func() time.Time
}

var _ channel = (*webhook)(nil)

// cloudEvent is the envelope (CloudEvents 1.0, JSON event format).
type cloudEvent struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Data        eventData `json:"data"`
}

type eventData struct {
	Kind     string   `json:"kind"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`
	Text     string   `json:"text"`
	Runbook  string   `json:"runbook"`
	Link     string   `json:"link,omitempty"`
	Seq      int64    `json:"seq"`
	Count    int64    `json:"count"`
}

// event is the request's body. It depends on nothing but the alert and the configuration: a repetition has the same bytes.
func (w *webhook) event(a Alert) ([]byte, error) {
	source := w.webURL
	if source == "" {
		source = "urn:gatehouse:" + w.node
	}
	return json.Marshal(cloudEvent{"1.0", a.ID, source, "gatehouse.alert." + a.Kind, a.Subject, a.Time.UTC(), "application/json",
		eventData{a.Kind, a.Severity, a.Title, a.Text, w.cfg.Runbooks + a.Runbook, a.Link(w.webURL), a.Seq, max(1, a.Count)}})
}

func (w *webhook) send(ctx context.Context, a Alert) error {
	key, err := w.key()
	if err != nil {
		return err
	}
	body, err := w.event(a)
	if err != nil {
		return err
	}
	at := strconv.FormatInt(w.now().Unix(), 10)
	header := http.Header{"Content-Type": {"application/cloudevents+json; charset=utf-8"}, "User-Agent": {"gatehouse"}}
	header.Set("webhook-id", a.ID)
	header.Set("webhook-timestamp", at)
	header.Set("webhook-signature", Sign(key, a.ID, at, body))
	return w.post(ctx, w.cfg.URL, header, body)
}

func (w *webhook) probe(ctx context.Context) error {
	if _, err := w.key(); err != nil {
		return err
	}
	return w.handshake(ctx)
}

func (w *webhook) key() ([]byte, error) {
	text, err := readSecret(w.cfg.SecretFile)
	if err != nil {
		return nil, err
	}
	return ParseKey(text)
}

// ParseKey reads a signing key, "whsec_" and 24 to 64 bytes in base64.
func ParseKey(text string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(text, keyPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) < minKey || len(key) > maxKey {
		return nil, errors.New("the key of a webhook is whsec_ and 24 to 64 bytes in base64: make one with printf whsec_; openssl rand -base64 32")
	}
	return key, nil
}

// Sign returns the signature of a message: "v1," and the HMAC-SHA256 of id, time and body in base64 (Standard Webhooks).
func Sign(key []byte, id, at string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
