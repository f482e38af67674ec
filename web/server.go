package web

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"gatehouse/internal/console"
)

// Config says what a Server serves. Console, SignIns, Accounts, Devices, Enrolments, Integrity, Access and URL are required.
type Config struct {
	Console    *console.Console
	SignIns    SignIns
	Accounts   Accounts
	Devices    Devices
	Enrolments Enrolments
	Integrity  console.Integrity
	Alerts     console.Alerter // nil: there is no such page
	Access     console.Access
	Tickets    Tickets // nil: no ticket system is believed

	URL    string           // the one origin: https://HOST[:PORT], or http://localhost[:PORT]
	Log    hclog.Logger     // nil means none
	Now    func() time.Time // nil means time.Now
	Stream time.Duration    // a live stream is ended, and authorised anew, after this; 0 means 10 minutes
}

// Validate says what is missing or wrong.
func (c Config) Validate() error {
	if c.Console == nil || c.SignIns == nil || c.Accounts == nil || c.Devices == nil || c.Enrolments == nil || c.Integrity == nil || c.Access == nil {
		return errors.New("web: Console, SignIns, Accounts, Devices, Enrolments, Integrity and Access are required")
	}
	_, err := parseOrigin(c.URL)
	return err
}

// parseOrigin accepts https, and http for the name localhost alone: anything else would send the cookie in the clear.
func parseOrigin(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("web.url: %w", err)
	}
	if u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("web.url %q: want only scheme, host and port, https://gatehouse.example", raw)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost") {
		return nil, fmt.Errorf("web.url %q: want https, or http://localhost", raw)
	}
	return u, nil
}

// Server answers browsers. It is safe for concurrent use.
type Server struct {
	cfg      Config
	origin   *url.URL
	assets   *assets
	pages    *pages
	streams  *limits
	watchers *watchers
	casts    *casts
	tries    *attempts
	unmasks  *unmasks
	navs     *navs

	enrolling *attempts
}

// New returns a Server with its pages and assets read.
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Stream == 0 {
		cfg.Stream = 10 * time.Minute
	}
	origin, err := parseOrigin(cfg.URL)
	if err != nil {
		return nil, err
	}
	assets, err := loadAssets()
	if err != nil {
		return nil, err
	}
	pages, err := loadPages()
	if err != nil {
		return nil, err
	}
	return &Server{cfg: cfg, origin: origin, assets: assets, pages: pages, streams: newLimits(), watchers: newWatchers(), casts: newCasts(), tries: newAttempts(cfg.Now, triesPerSec, triesBurst), unmasks: newUnmasks(cfg.Now), navs: newNavs(),
		enrolling: newAttempts(cfg.Now, enrolPerSec, enrolBurst)}, nil
}

// Handler returns everything under the origin.
func (s *Server) Handler() http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, errCrossOrigin) }))
	return s.survive(s.onlyOurHost(s.harden(isolate(s, cross.Handler(s.routes())))))
}

// HTTP returns a server for the handler with limits on time and size. The caller sets listener and TLS.
func (s *Server) HTTP() *http.Server {
	return &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          s.cfg.Log.StandardLogger(&hclog.StandardLoggerOptions{InferLevels: true}),
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.signedIn(s.overviewPage))
	mux.HandleFunc("GET /sessions", s.signedIn(s.sessionsPage))
	mux.HandleFunc("GET /sessions/{id}", s.signedIn(s.sessionPage))
	mux.HandleFunc("GET /sessions/{id}/transcript", s.signedIn(s.transcriptPage))
	mux.HandleFunc("GET /sessions/{id}/kill", s.signedIn(s.killPage))
	mux.HandleFunc("POST /sessions/{id}/kill", s.signedIn(s.killSubmit))
	mux.HandleFunc("POST /sessions/{id}/pause", s.signedIn(s.pauseSubmit))
	mux.HandleFunc("POST /sessions/{id}/resume", s.signedIn(s.resumeSubmit))
	mux.HandleFunc("GET /audit", s.signedIn(s.auditPage))
	mux.HandleFunc("GET /audit/checkpoint", s.signedIn(s.auditCheckpoint))
	mux.HandleFunc("GET /search", s.signedIn(s.searchPage))
	s.unmaskRoutes(mux)
	mux.HandleFunc("GET /sign-in", s.signInPage)
	mux.HandleFunc("POST /sign-in", s.signInSubmit)
	mux.HandleFunc("POST /sign-out", s.signOut)
	s.peopleRoutes(mux)
	s.accessRoutes(mux)
	s.alertRoutes(mux)
	mux.HandleFunc("GET /assets/{hash}/{name}", s.serveAsset)
	s.apiRoutes(mux)
	s.v1Routes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, errNoPage) })
	return mux
}

// sourceOf is the client's address as far as this process can know it.
func sourceOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
