package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"filippo.io/torchwood"
)

// maxAnswer bounds what a client reads of a witness.
const maxAnswer = 64 << 10

// RefusedError is a witness' no.
type RefusedError struct {
	Status int
	Text   string // quoted, at most a line
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the witness answered %d: %s", e.Status, e.Text)
}

// Client asks one witness.
type Client struct {
	URL  string // of the witness, to which /add-checkpoint is added
	Key  note.Verifier
	HTTP *http.Client
}

// NewKey reads a witness' verifier key.
func NewKey(vkey string) (note.Verifier, error) { return torchwood.NewCosignatureVerifier(vkey) }

// Add asks for a cosignature. A StaleError says that the witness has a checkpoint of another size, a RefusedError that it does not
// cosign. line is the witness' signature, verified; at is when it signed.
func (c *Client) Add(ctx context.Context, r Request) (line []byte, at time.Time, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.URL, "/")+"/add-checkpoint", bytes.NewReader(r.Encode()))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("ask witness: %w", err)
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("ask witness: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = errors.New("its answer is too long")
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("ask witness: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, time.Time{}, refusal(res, body)
	}
	return c.cosignature(r.Note, body)
}

func refusal(res *http.Response, body []byte) error {
	if res.StatusCode == http.StatusConflict && res.Header.Get("Content-Type") == sizeType {
		text, ok := strings.CutSuffix(string(body), "\n")
		size, err := strconv.ParseInt(text, 10, 64)
		if ok && err == nil && size >= 0 {
			return &StaleError{size}
		}
	}
	return &RefusedError{Status: res.StatusCode, Text: strconv.QuoteToASCII(string(body[:min(len(body), 200)]))}
}

// cosignature takes the witness' own line out of its answer.
func (c *Client) cosignature(msg, body []byte) ([]byte, time.Time, error) {
	text, _, ok := bytes.Cut(msg, []byte("\n\n"))
	if !ok {
		return nil, time.Time{}, errors.New("the checkpoint is no signed note")
	}
	n, err := note.Open(append(append(bytes.Clone(text), "\n\n"...), body...), note.VerifierList(c.Key))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("the witness' answer is not signed by its key: %w", err)
	}
	at, err := torchwood.CosignatureTimestamp(n.Sigs[0])
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("cosignature: %w", err)
	}
	return fmt.Appendf(nil, "\u2014 %s %s\n", n.Sigs[0].Name, n.Sigs[0].Base64), time.Unix(at, 0).UTC(), nil
}
