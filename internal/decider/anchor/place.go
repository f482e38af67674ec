package anchor

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"gatehouse/recorder/audit"
)

// Place is somewhere that checkpoints are only kept: exactly one of its fields is set.
type Place struct {
	File    string // appended to, one line each
	Syslog  string // host:port, RFC 5424 over TCP
	Webhook *Webhook
	S3      *S3
}

// Webhook is a URL that checkpoints are posted to.
type Webhook struct {
	URL   string
	Roots *x509.CertPool // nil: the system's
}

// S3 is a bucket, one object for each checkpoint.
type S3 struct {
	Endpoint       string // https://HOST[:PORT]
	Region, Bucket string
	AccessKey      string
	SecretKey      string
	RetainDays     int // object lock in compliance mode, for so many days; 0: no retention is asked for
	Roots          *x509.CertPool
}

// place is a Place that is ready.
type place struct {
	put  func(ctx context.Context, cp audit.Checkpoint, msg []byte) error
	have int64 // size of the newest that it took
}

// addPlace prepares a place; what it reaches is allowed from then on.
func (a *Anchors) addPlace(p Place) (err error) {
	var kind, name, host string
	var put func(context.Context, audit.Checkpoint, []byte) error
	switch {
	case p.File != "":
		kind, name = "file", p.File
		put = func(_ context.Context, cp audit.Checkpoint, msg []byte) error { return a.appendTo(p.File, cp, msg) }
	case p.Syslog != "":
		kind, name, host = "syslog", p.Syslog, p.Syslog
		put = func(ctx context.Context, cp audit.Checkpoint, msg []byte) error {
			return a.syslog(ctx, p.Syslog, cp, msg)
		}
	case p.Webhook != nil:
		if host, err = address(p.Webhook.URL); err != nil {
			return fmt.Errorf("webhook: %w", err)
		}
		kind, name = "webhook", host
		client := a.httpClient(p.Webhook.Roots)
		put = func(ctx context.Context, cp audit.Checkpoint, msg []byte) error {
			return a.post(ctx, client, p.Webhook.URL, cp, msg)
		}
	case p.S3 != nil:
		if host, err = address(p.S3.Endpoint); err != nil {
			return fmt.Errorf("s3: %w", err)
		}
		kind, name = "s3", p.S3.Bucket
		if put, err = a.bucket(*p.S3); err != nil {
			return fmt.Errorf("s3: %w", err)
		}
	default:
		return errors.New("an anchor is a file, a syslog, a webhook or an s3")
	}
	if host != "" {
		a.reach[host] = true
	}
	a.places = append(a.places, &place{put: put})
	a.states = append(a.states, State{Name: name, Kind: kind, Since: a.cfg.Now()})
	return nil
}

// hand gives a place the checkpoint, unless it has it.
func (a *Anchors) hand(ctx context.Context, i int, p *place, cp audit.Checkpoint, msg []byte) error {
	if cp.Size == p.have {
		a.done(i, cp.Size, a.cfg.Now(), nil)
		return nil
	}
	err := p.put(ctx, cp, msg)
	if err != nil {
		a.cfg.Log.Warn("anchor", "kind", a.states[i].Kind, "name", a.states[i].Name, "error", said(err))
	} else {
		p.have = cp.Size
	}
	a.done(i, cp.Size, a.cfg.Now(), err)
	return err
}

// statement is a checkpoint as one line of JSON, for places that keep lines.
func (a *Anchors) statement(cp audit.Checkpoint, msg []byte) ([]byte, error) {
	return json.Marshal(struct {
		Time   time.Time `json:"time"`
		Origin string    `json:"origin"`
		Size   int64     `json:"size"`
		Root   string    `json:"root"`
		Note   string    `json:"note"`
	}{a.cfg.Now().UTC(), cp.Origin, cp.Size, cp.Root.String(), string(msg)})
}

func (a *Anchors) appendTo(path string, cp audit.Checkpoint, msg []byte) error {
	line, err := a.statement(cp, msg)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// syslog sends one message (RFC 5424, audit facility, informational; RFC 6587, octets counted) and ends the connection. Nothing
// says that it arrived.
func (a *Anchors) syslog(ctx context.Context, addr string, cp audit.Checkpoint, msg []byte) error {
	line, err := a.statement(cp, msg)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	c, err := a.cfg.Dial(ctx, host, uint16(n))
	if err != nil {
		return err
	}
	text := fmt.Sprintf("<110>1 %s %s gatehouse - checkpoint - %s", a.cfg.Now().UTC().Format("2006-01-02T15:04:05.000000Z"), cp.Origin, line)
	if err := c.SetDeadline(time.Now().Add(askTime)); err != nil {
		return errors.Join(err, c.Close())
	}
	_, err = fmt.Fprintf(c, "%d %s", len(text), text)
	return errors.Join(err, c.Close())
}

func (a *Anchors) post(ctx context.Context, client *http.Client, to string, cp audit.Checkpoint, msg []byte) error {
	line, err := a.statement(cp, msg)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(line))
	if err != nil {
		return withoutURL(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10) // what it says is nobody's business
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("the webhook answered %d", res.StatusCode)
	}
	return nil
}

// withoutURL is an error of an HTTP client less the address, whose path is often a webhook's secret.
func withoutURL(err error) error {
	if e := (*url.Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// bucket puts each checkpoint into an object of its own, which the bucket does not give up again before its time.
func (a *Anchors) bucket(s S3) (func(context.Context, audit.Checkpoint, []byte) error, error) {
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		return nil, err
	}
	client, err := minio.New(u.Host, &minio.Options{Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""), Secure: u.Scheme == "https",
		Region: s.Region, Transport: a.httpClient(s.Roots).Transport, BucketLookup: minio.BucketLookupPath})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, cp audit.Checkpoint, msg []byte) error {
		opts := minio.PutObjectOptions{ContentType: "text/plain; charset=utf-8", SendContentMd5: true, DisableMultipart: true}
		if s.RetainDays > 0 {
			opts.Mode, opts.RetainUntilDate = minio.Compliance, a.cfg.Now().UTC().AddDate(0, 0, s.RetainDays)
		}
		name := fmt.Sprintf("%s/checkpoint-%020d", cp.Origin, cp.Size)
		_, err := client.PutObject(ctx, s.Bucket, name, bytes.NewReader(msg), int64(len(msg)), opts)
		return err
	}, nil
}
