package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The bounds of exports.
const (
	maxSinks    = 8
	maxFileKeep = 1000
	maxFileSize = Size(16 << 30)
)

// Sink is a place to which every entry of the audit log goes. Exactly one of File, Syslog and OTLP is set.
type Sink struct {
	Name   string      `yaml:"name"`
	File   *FileSink   `yaml:"file"`
	Syslog *SyslogSink `yaml:"syslog"`
	OTLP   *OTLPSink   `yaml:"otlp"`
	Format string      `yaml:"format"` // entry (default) or ocsf; of syslog also text; of otlp none
	Types  []string    `yaml:"types"`  // of entries; "rec.*" for all that begin so; none: all
	From   From        `yaml:"from"`   // where a sink begins that has no cursor yet
}

// FileSink writes lines into a file.
type FileSink struct {
	Path    string `yaml:"path"`     // in a folder that the decider can write to, outside the data folder
	MaxSize Size   `yaml:"max_size"` // at which the file is put aside as PATH.1; default 64 MiB
	Keep    int    `yaml:"keep"`     // how many of those are kept; default 10
}

// SyslogSink writes RFC 5424 messages over TCP or TLS.
type SyslogSink struct {
	Address  string     `yaml:"address"`  // host:port
	TLS      *ClientTLS `yaml:"tls"`      // none: plain TCP
	Facility string     `yaml:"facility"` // default local4
}

// OTLPSink sends logs and spans by OTLP over HTTP.
type OTLPSink struct {
	URL     string     `yaml:"url"`     // to which /v1/logs and /v1/traces are added
	Headers string     `yaml:"headers"` // a file of "Name: value" lines; none: no headers
	Signals []string   `yaml:"signals"` // logs and traces; none: both
	TLS     *ClientTLS `yaml:"tls"`     // none: by the system's roots, where the URL is https
}

// ClientTLS names the files by which a receiver is trusted and we are known. They are read for each connection.
type ClientTLS struct {
	CA   string `yaml:"ca"`   // PEM; empty: the system's roots
	Cert string `yaml:"cert"` // PEM, with the chain; empty: we show none
	Key  string `yaml:"key"`  // PEM
}

// From is where a sink begins: "start" (the zero value), "now", or an entry's number.
type From struct {
	Now bool
	Seq int64
}

// UnmarshalYAML reads start, now or a number.
func (f *From) UnmarshalYAML(b []byte) (err error) {
	*f, err = ParseFrom(strings.Trim(strings.TrimSpace(string(b)), `"'`))
	return err
}

// ParseFrom reads start, now or a number.
func ParseFrom(text string) (From, error) {
	switch text {
	case "start":
		return From{}, nil
	case "now":
		return From{Now: true}, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return From{}, fmt.Errorf("%q is not start, now or the number of an entry", text)
	}
	return From{Seq: n}, nil
}

// Facilities are the names of syslog's facilities (RFC 5424, section 6.2.1), by number.
var Facilities = []string{"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
	"audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}

// completeExports fills in what the file leaves out and makes paths absolute.
func (c *Config) completeExports(base string) {
	for i := range c.Export {
		s := &c.Export[i]
		if s.Format == "" && s.OTLP == nil {
			s.Format = "entry"
		}
		if f := s.File; f != nil {
			if f.MaxSize == 0 {
				f.MaxSize = 64 << 20
			}
			if f.Keep == 0 {
				f.Keep = 10
			}
		}
		if s.OTLP != nil && s.OTLP.Signals == nil {
			s.OTLP.Signals = []string{"logs", "traces"}
		}
		if s.Syslog != nil && s.Syslog.Facility == "" {
			s.Syslog.Facility = "local4"
		}
		for _, p := range s.paths() {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(base, *p)
			}
		}
	}
}

// paths are all paths that a sink names.
func (s *Sink) paths() []*string {
	var all []*string
	if s.File != nil {
		all = append(all, &s.File.Path)
	}
	if s.OTLP != nil {
		all = append(all, &s.OTLP.Headers)
	}
	if t := s.ClientTLS(); t != nil {
		all = append(all, &t.CA, &t.Cert, &t.Key)
	}
	return all
}

// ClientTLS is how the sink's receiver is trusted; nil: by the system's roots, or not at all.
func (s *Sink) ClientTLS() *ClientTLS {
	switch {
	case s.Syslog != nil:
		return s.Syslog.TLS
	case s.OTLP != nil:
		return s.OTLP.TLS
	}
	return nil
}

// ReadOnly are the files that the sink reads.
func (s *Sink) ReadOnly() []string {
	var files []string
	for _, p := range s.paths() {
		if *p != "" && (s.File == nil || p != &s.File.Path) {
			files = append(files, *p)
		}
	}
	return files
}

// validateExports returns the faults of the section.
func (c Config) validateExports(bad func(at, format string, args ...any)) {
	if len(c.Export) > maxSinks {
		bad("$.export", "%d sinks, at most %d are possible", len(c.Export), maxSinks)
		return
	}
	names := map[string]bool{}
	for i := range c.Export {
		s := &c.Export[i]
		at := fmt.Sprintf("$.export[%d]", i)
		if !nameForm.MatchString(s.Name) || names[s.Name] {
			bad(at+".name", "%q is not a name of its own (lower-case letters, digits, . _ -)", s.Name)
		}
		names[s.Name] = true
		c.validateSink(s, at, bad)
	}
}

func (c Config) validateSink(s *Sink, at string, bad func(at, format string, args ...any)) {
	formats := []string{"entry", "ocsf"}
	switch {
	case s.File != nil && s.Syslog == nil && s.OTLP == nil:
		c.validateFile(s.File, at+".file", bad)
	case s.Syslog != nil && s.File == nil && s.OTLP == nil:
		formats = append(formats, "text")
		if !hostPort(s.Syslog.Address) || strings.HasPrefix(s.Syslog.Address, ":") {
			bad(at+".syslog.address", "%q is not host:port", s.Syslog.Address)
		}
		if !slices.Contains(Facilities, s.Syslog.Facility) {
			bad(at+".syslog.facility", "%q is not a facility such as local4", s.Syslog.Facility)
		}
	case s.OTLP != nil && s.File == nil && s.Syslog == nil:
		formats = []string{""} // it has its own
		u, err := url.Parse(s.OTLP.URL)
		if err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			bad(at+".otlp.url", "%q is not an address such as https://otel.example.com:4318", s.OTLP.URL)
		}
		for _, signal := range s.OTLP.Signals {
			if signal != "logs" && signal != "traces" {
				bad(at+".otlp.signals", "%q is none of logs and traces", signal)
			}
		}
	default:
		bad(at, "a sink needs exactly one of file:, syslog: and otlp:")
		return
	}
	if !slices.Contains(formats, s.Format) {
		bad(at+".format", "%q is not a format of this kind of sink", s.Format)
	}
	if t := s.ClientTLS(); t != nil && (t.Cert == "") != (t.Key == "") {
		bad(at, "tls needs cert: and key: both, or neither")
	}
}

func (c Config) validateFile(f *FileSink, at string, bad func(at, format string, args ...any)) {
	if f.Path == "" {
		bad(at, "path is missing")
	}
	if inside(c.Data, f.Path) {
		bad(at+".path", "%s is in the data folder, where nothing of others belongs", f.Path)
	}
	if f.MaxSize < 1<<20 || f.MaxSize > maxFileSize {
		bad(at+".max_size", "max_size is %d bytes, from 1MiB to 16GiB are possible", f.MaxSize)
	}
	if f.Keep < 1 || f.Keep > maxFileKeep {
		bad(at+".keep", "keep is %d, from 1 to %d are possible", f.Keep, maxFileKeep)
	}
}

// inside says whether a path is a folder or lies below it.
func inside(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}
