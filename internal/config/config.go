// Package config reads gatehouse.yaml and targets.yaml: what an installation is, never what anybody may do (that is policy).
//
// Both files are strict: an unknown or repeated field is an error, and every error says file, line and column.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Config is gatehouse.yaml.
type Config struct {
	Version int     `yaml:"version"`
	Data    string  `yaml:"data"` // the one data folder
	Node    string  `yaml:"node"` // this installation's name in the audit log; default "gatehouse"
	SSH     SSH     `yaml:"ssh"`
	Web     Web     `yaml:"web"`
	Metrics Metrics `yaml:"metrics"`
	Policy  string  `yaml:"policy"`  // a file, or a folder of *.yaml
	Targets string  `yaml:"targets"` // the inventory file

	ShadowPolicy string         `yaml:"shadow_policy"`          // a policy that decides beside the one in force, without effect
	Bundles      *SignedBundles `yaml:"require_signed_bundles"` // none: a policy needs no signatures

	Export []Sink         `yaml:"export"` // where the audit log's entries go
	Alerts []AlertChannel `yaml:"alerts"` // where people are told of what happens; none: nobody is

	Users   Users   `yaml:"users"`
	CA      *CA     `yaml:"ca"` // where the CA keys are; none: in unencrypted files
	Storage Storage `yaml:"storage"`
	Secrets Secrets `yaml:"secrets"`
	Tickets Tickets `yaml:"tickets"` // whom to believe that a ticket was closed; none: nobody
	Log     Log     `yaml:"log"`

	Audit      Audit      `yaml:"audit"` // who is handed the audit log's checkpoints; none: nobody
	Recordings Recordings `yaml:"recordings"`
}

// SignedBundles says whose word a policy needs before it comes into force.
type SignedBundles struct {
	AllowedSigners string `yaml:"allowed_signers"` // a file as ssh-keygen has it: person:NAME KEYTYPE KEY
	Reviewers      int    `yaml:"reviewers"`       // how many people besides the author
}

// maxReviewers bounds SignedBundles.Reviewers.
const maxReviewers = 16

// SSH is the door's listener.
type SSH struct {
	Listen string        `yaml:"listen"` // host:port
	Names  []string      `yaml:"names"`  // the host names by which clients reach it; its face certificate holds them
	Limits SSHLimits     `yaml:"limits"`
	Drain  time.Duration `yaml:"drain"` // how long live sessions get when the service stops; default 30s, 0s: none
}

// Web is the browser's listener.
type Web struct {
	Listen string `yaml:"listen"` // host:port; empty: no browser pages
	URL    string `yaml:"url"`    // the origin that browsers see
	TLS    *TLS   `yaml:"tls"`    // none: http, behind a proxy that ends TLS or on localhost
}

// TLS names the files of a certificate. They are looked at again when they change; the door must be able to read them.
type TLS struct {
	Cert string `yaml:"cert"` // PEM, with the chain
	Key  string `yaml:"key"`  // PEM
}

// Metrics is the listener for Prometheus.
type Metrics struct {
	Listen string `yaml:"listen"` // host:port; empty: none. It answers whoever can reach it
}

// Users are the numeric ids that the processes drop to when the supervisor is root.
type Users struct {
	Decider uint32 `yaml:"decider"`
	Door    uint32 `yaml:"door"`
	Shells  uint32 `yaml:"shells"` // the first of 256: each process of a governed shell has one of its own
}

// Storage bounds what is written.
type Storage struct {
	MinFree  Size `yaml:"min_free"`  // new sessions are refused below this much free space
	WarnFree Size `yaml:"warn_free"` // people are warned below this much; default four times min_free
}

// Warning is warn_free, or its default.
func (s Storage) Warning() Size {
	if s.WarnFree == 0 {
		return 4 * s.MinFree
	}
	return s.WarnFree
}

// validate wants the warning before the refusal.
func (s Storage) validate(bad func(at, format string, args ...any)) {
	if s.WarnFree != 0 && s.WarnFree < s.MinFree {
		bad("$.storage.warn_free", "warn_free is below min_free: the warning would come after sessions are refused")
	}
}

// Log is the operator's log, which is not the audit log.
type Log struct {
	Level string `yaml:"level"` // trace debug info warn error
}

// Size is a number of bytes, written "64MiB".
type Size uint64

// Defaults for fields that a file leaves out. 61001, 61002 and the 256 from 60740 lie in the range that neither Debian nor systemd assigns:
// 60706 to 61183, above which are the users that systemd makes up for services (DynamicUser=).
const (
	defaultNode       = "gatehouse"
	defaultDeciderUID = 61001
	defaultDoorUID    = 61002
	defaultShellsUID  = 60740
	defaultMinFree    = Size(64 << 20)
	defaultLevel      = "info"
)

// ShellUsers is how many users governed shells have, and so how many of them there may be at once.
const ShellUsers = 256

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// Load reads, completes and checks a configuration. Relative paths in it are relative to the file.
func Load(path string) (Config, error) { return loadAs(path, yaml.Strict()) }

func loadAs(path string, how ...yaml.DecodeOption) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w (gatehouse init writes one)", err)
	}
	c := Config{
		Node:    defaultNode,
		SSH:     SSH{Drain: defaultDrain},
		Users:   Users{Decider: defaultDeciderUID, Door: defaultDoorUID, Shells: defaultShellsUID},
		Storage: Storage{MinFree: defaultMinFree},
		Log:     Log{Level: defaultLevel},
	}
	doc, err := decode(path, data, &c, how...)
	if err != nil {
		return Config{}, err
	}
	base, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return Config{}, fmt.Errorf("resolve %s: %w", path, err)
	}
	paths := []*string{&c.Data, &c.Policy, &c.Targets, &c.ShadowPolicy}
	if c.Bundles != nil {
		paths = append(paths, &c.Bundles.AllowedSigners)
	}
	if c.Web.TLS != nil {
		paths = append(paths, &c.Web.TLS.Cert, &c.Web.TLS.Key)
	}
	for i := range c.Secrets.KnownFiles {
		paths = append(paths, &c.Secrets.KnownFiles[i])
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
	c.CA.resolve(base)
	c.Audit.resolve(base)
	c.Tickets.resolve(base)
	c.Recordings.resolve(base)
	c.completeExports(base)
	c.completeAlerts(base)
	return c, c.validate(doc)
}

// validate returns every fault in the file, each with its place.
func (c Config) validate(doc document) error {
	var errs []error
	bad := func(at, format string, args ...any) { errs = append(errs, doc.errorAt(at, format, args...)) }
	if why := VersionFault(c.Version); why != "" {
		bad("$.version", "%s", why)
	}
	for _, f := range []struct{ at, value string }{{"$.data", c.Data}, {"$.policy", c.Policy}, {"$.targets", c.Targets}, {"$.ssh.listen", c.SSH.Listen}} {
		if f.value == "" {
			bad(f.at, "%s is missing", strings.TrimPrefix(f.at, "$."))
		}
	}
	if b := c.Bundles; b != nil && (b.AllowedSigners == "" || b.Reviewers < 1 || b.Reviewers > maxReviewers) {
		bad("$.require_signed_bundles", "require_signed_bundles needs allowed_signers: and reviewers:, from 1 to %d", maxReviewers)
	}
	if c.SSH.Listen != "" && !hostPort(c.SSH.Listen) {
		bad("$.ssh.listen", "%q is not host:port", c.SSH.Listen)
	}
	if len(c.SSH.Names) == 0 {
		bad("$.ssh", "names is missing: list the host names by which clients reach the door")
	}
	if !nameForm.MatchString(c.Node) {
		bad("$.node", "%q is not a name (lower-case letters, digits, . _ -)", c.Node)
	}
	if c.Users.Decider == 0 || c.Users.Door == 0 || c.Users.Decider == c.Users.Door {
		bad("$.users", "decider and door must be two different users, neither root")
	}
	for _, other := range []uint32{0, c.Users.Decider, c.Users.Door} {
		if other >= c.Users.Shells && other-c.Users.Shells < ShellUsers {
			bad("$.users", "shells is the first of %d users, none of them root, decider or door", ShellUsers)
		}
	}
	switch c.Log.Level {
	case "trace", "debug", "info", "warn", "error":
	default:
		bad("$.log.level", "%q is not a level: trace, debug, info, warn or error", c.Log.Level)
	}
	if c.Metrics.Listen != "" && !hostPort(c.Metrics.Listen) {
		bad("$.metrics.listen", "%q is not host:port", c.Metrics.Listen)
	}
	if c.Web.Listen != "" {
		if !hostPort(c.Web.Listen) {
			bad("$.web.listen", "%q is not host:port", c.Web.Listen)
		}
		if err := checkOrigin(c.Web.URL); err != nil {
			bad("$.web", "%v", err)
		}
	}
	if t := c.Web.TLS; t != nil {
		switch {
		case c.Web.Listen == "":
			bad("$.web.tls", "tls without listen: there are no pages to protect")
		case t.Cert == "" || t.Key == "":
			bad("$.web.tls", "tls needs cert: and key:")
		case !strings.HasPrefix(c.Web.URL, "https://"):
			bad("$.web.url", "with tls the url must be https")
		}
	}
	c.SSH.validate(bad)
	c.CA.validate(bad)
	c.Audit.validate(bad)
	c.Recordings.validate(bad)
	c.Storage.validate(bad)
	c.validateExports(bad)
	c.validateAlerts(bad)
	return errors.Join(errs...)
}

// checkOrigin requires https, or http on localhost: anything else would send the sign-in cookie in the clear.
func checkOrigin(s string) error {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return errors.New("url is missing: the origin that browsers see, e.g. http://localhost:8080")
	case err != nil || u.Host == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.User != nil:
		return fmt.Errorf("url %q is not an origin such as https://gatehouse.example.com", s)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && u.Hostname() == "localhost":
		return nil
	}
	return fmt.Errorf("url %q must be https, or http://localhost", s)
}

func hostPort(s string) bool {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

// UnmarshalYAML reads "64MiB", "1GiB", "512KiB" or a plain number of bytes.
func (s *Size) UnmarshalYAML(b []byte) error {
	text := strings.Trim(strings.TrimSpace(string(b)), `"'`)
	unit := uint64(1)
	for suffix, n := range map[string]uint64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			text, unit = strings.TrimSpace(rest), n
		}
	}
	n, err := strconv.ParseUint(text, 10, 40)
	if err != nil || n > 1<<62/unit {
		return fmt.Errorf("%q is not a size such as 64MiB", string(b))
	}
	*s = Size(n * unit)
	return nil
}
