package console

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gatehouse/recorder/asciicast"
)

// Format is a form in which a recording leaves Gatehouse.
type Format string

// The formats of an export.
const (
	CastV2 Format = "asciicast-v2"
	CastV3 Format = "asciicast-v3"
	Text   Format = "text" // a transcript: safe to show, times at the margin
	JSON   Format = "json" // every event, one a line, exact bytes but for what is masked
	Raw    Format = "raw"  // the file as it lies, with its key file, in a tar: for `gatehouse recording`
)

var formats = map[Format]struct{ suffix, media string }{
	CastV2: {".v2.cast", "application/x-asciicast"},
	CastV3: {".cast", "application/x-asciicast"},
	Text:   {".txt", "text/plain; charset=utf-8"},
	JSON:   {".jsonl", "application/x-ndjson"},
	Raw:    {".tar", "application/x-tar"},
}

// ParseFormat accepts the name of a format.
func ParseFormat(name string) (Format, error) {
	if _, ok := formats[Format(name)]; !ok {
		return "", usagef("format %q: want asciicast-v2, asciicast-v3, text, json or raw", name)
	}
	return Format(name), nil
}

// Download is an export that is ready to be written, once.
type Download struct {
	By        Actor
	Session   string
	Name      string // a file name: the session's id and a suffix
	MediaType string
	Write     func(w io.Writer) error // writes everything and releases the recording
}

// Export prepares the recording of a session in a format. Write must be called.
func (c *Console) Export(ctx context.Context, who Credential, id string, format Format) (*Download, error) {
	kind, ok := formats[format]
	if !ok {
		return nil, usagef("format %q is not known", format)
	}
	by, s, err := c.session(ctx, who, SessionsExport, id, string(format))
	if err != nil {
		return nil, err
	}
	if format == Raw {
		return c.exportRaw(ctx, by, s)
	}
	p, err := c.open(ctx, who, by, s)
	if err != nil {
		return nil, err
	}
	return &Download{By: by, Session: s.ID, Name: s.ID + kind.suffix, MediaType: kind.media, Write: func(w io.Writer) error {
		defer p.Close()
		if format == Text && !c.unmasked() {
			w = maskedLines{w, c.cfg.Secrets}
		}
		return p.write(w, format)
	}}, nil
}

func (p *Playback) write(w io.Writer, format Format) error {
	var err error
	switch format {
	case CastV2:
		err = asciicast.Export(w, asciicast.V2, p.Recording.Header(), p.Events, asciicast.Options{})
	case CastV3:
		err = asciicast.Export(w, asciicast.V3, p.Recording.Header(), p.Events, asciicast.Options{})
	case Text:
		err = p.transcript(w)
	default:
		err = writeEvents(w, p.Events)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil // torn: everything that could be read is written
	}
	if err != nil {
		return fmt.Errorf("export %s as %s: %w", p.Session.ID, format, err)
	}
	return nil
}

type exportCmd struct {
	ID     string `arg:"" help:"The session, or a unique beginning of its id."`
	Format string `help:"asciicast-v2, asciicast-v3, text, json, or raw: the file as it lies, with its key." default:"asciicast-v3" short:"f" placeholder:"NAME"`
	unmaskFlags
}

func (e *exportCmd) Run(in *invocation) error {
	if in.json {
		e.Format = string(JSON)
	}
	format, err := ParseFormat(e.Format)
	if err != nil {
		return err
	}
	c, err := e.console(in.c)
	if err != nil {
		return err
	}
	d, err := c.Export(in.ctx, in.who, e.ID, format)
	if err != nil {
		return err
	}
	return d.Write(in.out)
}
