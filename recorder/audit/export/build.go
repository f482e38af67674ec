package export

import (
	"fmt"
	"slices"

	"gatehouse/internal/config"
)

// build makes a sink of its configuration, and says how it is treated and which receiver (host:port) it reaches, if any.
func build(cfg Config, s config.Sink) (made sink, how manner, receiver string, err error) {
	switch {
	case s.File != nil:
		encode, err := encoding(s.Format)
		return &fileSink{path: s.File.Path, maxSize: int64(s.File.MaxSize), keep: s.File.Keep, encode: encode}, manner{syncEvery: saveEvery}, "", err
	case s.Syslog != nil:
		made, err := newSyslog(cfg, *s.Syslog, s.Format)
		return made, manner{hold: hold{least: resendLeast, most: resendMost, age: resendAge}}, s.Syslog.Address, err
	case s.OTLP != nil:
		made, receiver, err := newOTLP(cfg, *s.OTLP)
		return made, manner{}, receiver, err
	}
	return nil, manner{}, "", fmt.Errorf("no kind of sink")
}

// encoding is a format by its name.
func encoding(format string) (Encode, error) {
	switch format {
	case "entry":
		return encodeEntry, nil
	case "ocsf":
		return encodeOCSF, nil
	}
	return nil, fmt.Errorf("no format %q", format)
}

// facility is the number of a syslog facility.
func facility(name string) int { return slices.Index(config.Facilities, name) }
