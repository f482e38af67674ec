package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"gatehouse/recorder/search"
)

// What the linker sets in releases (scripts/release); otherwise it is as the go command noted it, or empty.
var (
	version  = "devel"
	revision = ""
	date     = "" // of the commit, RFC 3339
)

// Build is what was built from what.
type Build struct {
	Version  string    `json:"version"`
	Revision string    `json:"revision"` // the commit; "unknown" where it was not noted
	Modified bool      `json:"modified"` // from files that were not committed
	Date     time.Time `json:"date"`     // of the commit
	Go       string    `json:"go"`
	Platform string    `json:"platform"` // linux/amd64
	Search   bool      `json:"search"`   // with full-text search (build tag sqlite_fts5)
}

// built reads what the linker and the go command noted.
func built() Build {
	b := Build{Version: version, Revision: revision, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Search: search.Built}
	when := date
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision" && b.Revision == "":
				b.Revision = s.Value
			case s.Key == "vcs.time" && when == "":
				when = s.Value
			case s.Key == "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	if b.Revision == "" {
		b.Revision = "unknown"
	}
	b.Date, _ = time.Parse(time.RFC3339, when) // not known: the zero time
	return b
}

// VersionCmd prints what was built.
type VersionCmd struct {
	JSON bool `name:"json" help:"For programs."`
}

// Run prints one line, or JSON.
func (c *VersionCmd) Run() error {
	b := built()
	if c.JSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(b)
	}
	fmt.Printf("gatehouse %s (revision %s, %s %s)\n", b.Version, b.Revision, b.Go, b.Platform)
	return nil
}
