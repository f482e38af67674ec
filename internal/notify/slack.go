package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/internal/config"
)

// slack posts to an incoming webhook as Slack has it, and those who copied it.
type slack struct {
	cfg config.AlertChannel
	dialer
	webURL string
}

var _ channel = (*slack)(nil)

// mrkdwn makes a text mean nothing but itself: the three characters that begin links, mentions and entities are written out, and those
// that make it bold, italic, struck, code or a quotation get a mark in between that does not show.
var mrkdwn = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", "*\u200b", "_", "_\u200b", "~", "~\u200b", "`", "`\u200b", "@", "@\u200b")

// signs begin the messages, by severity.
var signs = map[Severity]string{Info: "ℹ️", Notice: "🔔", Warning: "⚠️", Critical: "🚨"}

type block struct {
	Type     string `json:"type"`
	Text     *text  `json:"text,omitempty"`
	Elements []text `json:"elements,omitempty"`
}

type text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// message is the request's body.
func (s *slack) message(a Alert) ([]byte, error) {
	title := mrkdwn.Replace(a.Title)
	foot := fmt.Sprintf("%s · %s · entry %d · runbook: %s", a.ID, a.Time.UTC().Format("2006-01-02 15:04:05 UTC"), a.Seq, s.cfg.Runbooks+a.Runbook)
	foot = mrkdwn.Replace(foot)
	if link := a.Link(s.webURL); link != "" {
		foot += " · <" + strings.NewReplacer("<", "%3C", ">", "%3E", "|", "%7C", "&", "&amp;").Replace(link) + "|open the page>"
	}
	return json.Marshal(struct {
		Text   string  `json:"text"`
		Blocks []block `json:"blocks"`
	}{signs[a.Severity] + " " + title, []block{
		{Type: "section", Text: &text{"mrkdwn", signs[a.Severity] + " *" + title + "*\n" + mrkdwn.Replace(a.Text)}},
		{Type: "context", Elements: []text{{"mrkdwn", foot}}},
	}})
}

func (s *slack) send(ctx context.Context, a Alert) error {
	address, err := s.address()
	if err != nil {
		return err
	}
	body, err := s.message(a)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}, "User-Agent": {"gatehouse"}}
	header.Set("Idempotency-Key", a.ID) // for receivers that know it; Slack does not
	return s.post(ctx, address, header, body)
}

func (s *slack) probe(ctx context.Context) error {
	if _, err := s.address(); err != nil {
		return err
	}
	return s.handshake(ctx)
}

// address reads where to post, which is a secret. It must be on the host that the configuration names.
func (s *slack) address() (string, error) {
	secret, err := readSecret(s.cfg.SecretFile)
	if err != nil {
		return "", err
	}
	want, err := url.Parse(s.cfg.URL)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(secret)
	if err != nil || u.Scheme != "https" || u.Host != want.Host || u.User != nil || u.Fragment != "" {
		return "", fmt.Errorf("secret_file %s: an address of %s is expected", s.cfg.SecretFile, s.cfg.URL)
	}
	return u.String(), nil
}
