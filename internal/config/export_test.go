package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// documented is the example of docs/export.md.
func documented(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "export.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "```yaml\n")
	example, _, end := strings.Cut(rest, "```")
	if !ok || !end {
		t.Fatal("docs/export.md has no example")
	}
	return example
}

// TestDocumentedExports: the example in the documentation is a configuration, and says what the text says.
func TestDocumentedExports(t *testing.T) {
	c, err := load(t, good+documented(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Export) != 4 {
		t.Fatalf("%+v", c.Export)
	}
	local, siem, oncall, otel := c.Export[0], c.Export[1], c.Export[2], c.Export[3]
	if local.Format != "entry" || local.File.MaxSize != 64<<20 || local.File.Keep != 10 || local.From != (From{}) || len(local.ReadOnly()) != 0 {
		t.Errorf("%+v", local)
	}
	if siem.Format != "ocsf" || siem.Syslog.Facility != "local4" || !filepath.IsAbs(siem.Syslog.TLS.CA) || len(siem.ReadOnly()) != 3 {
		t.Errorf("%+v", siem.Syslog)
	}
	if !oncall.From.Now || len(oncall.Types) != 5 || oncall.Syslog.TLS != nil {
		t.Errorf("%+v", oncall)
	}
	if otel.Format != "" || len(otel.OTLP.Signals) != 2 || len(otel.ReadOnly()) != 2 {
		t.Errorf("%+v", otel.OTLP)
	}
}

// TestExportDefaults: what a sink leaves out.
func TestExportDefaults(t *testing.T) {
	c, err := load(t, good+"export: [{name: a, file: {path: /x/y}}, {name: b, syslog: {address: \"h:1\", tls: {}}, from: 12}, {name: c, otlp: {url: \"http://127.0.0.1:4318\"}}]\n")
	if err != nil {
		t.Fatal(err)
	}
	a, b, o := c.Export[0], c.Export[1], c.Export[2]
	if a.File.MaxSize != 64<<20 || a.File.Keep != 10 || a.Format != "entry" || b.From.Seq != 12 || b.Syslog.TLS == nil || b.Syslog.Facility != "local4" || strings.Join(o.OTLP.Signals, " ") != "logs traces" {
		t.Errorf("%+v %+v %+v", a, b, o)
	}
}

// TestExportRefuses: every fault is said at its place.
func TestExportRefuses(t *testing.T) {
	nine := ""
	for _, n := range strings.Fields("a b c d e f g h i") {
		nine += "\n  - {name: " + n + ", file: {path: /x/" + n + "}}"
	}
	for name, c := range map[string]struct{ text, want string }{
		"no kind":                {"[{name: a}]", "exactly one of"},
		"two kinds":              {`[{name: a, file: {path: /x}, otlp: {url: "http://h"}}]`, "exactly one of"},
		"no name":                {"[{file: {path: /x/y}}]", "not a name of its own"},
		"a name twice":           {"[{name: a, file: {path: /x/y}}, {name: a, file: {path: /x/z}}]", "not a name of its own"},
		"a name that is a path":  {"[{name: ../a, file: {path: /x/y}}]", "not a name of its own"},
		"too many":               {nine, "at most 8"},
		"no path":                {"[{name: a, file: {}}]", "path is missing"},
		"the log's own folder":   {"[{name: a, file: {path: data/decider/log/entries}}]", "in the data folder"},
		"by another way":         {"[{name: a, file: {path: /x/../x/../%DATA%/policy.last-good}}]", "in the data folder"},
		"a tiny file":            {"[{name: a, file: {path: /x/y, max_size: 1KiB}}]", "max_size is 1024"},
		"files without end":      {"[{name: a, file: {path: /x/y, keep: 100000}}]", "keep is 100000"},
		"no port":                {"[{name: a, syslog: {address: h}}]", "not host:port"},
		"no host":                {`[{name: a, syslog: {address: ":514"}}]`, "not host:port"},
		"no facility":            {`[{name: a, syslog: {address: "h:1", facility: local9}}]`, "not a facility"},
		"half a certificate":     {`[{name: a, syslog: {address: "h:1", tls: {cert: c}}}]`, "both, or neither"},
		"another format":         {"[{name: a, format: xml, file: {path: /x/y}}]", "not a format"},
		"text in a file":         {"[{name: a, format: text, file: {path: /x/y}}]", "not a format"},
		"a format of otlp":       {`[{name: a, format: ocsf, otlp: {url: "http://h"}}]`, "not a format"},
		"another scheme":         {`[{name: a, otlp: {url: "ftp://h"}}]`, "not an address"},
		"a password in the url":  {`[{name: a, otlp: {url: "https://u:p@h"}}]`, "not an address"},
		"metrics":                {`[{name: a, otlp: {url: "http://h", signals: [metrics]}}]`, "none of logs and traces"},
		"from somewhere":         {"[{name: a, from: yesterday, file: {path: /x/y}}]", "not start, now or the number"},
		"from before the start":  {"[{name: a, from: -1, file: {path: /x/y}}]", "not start, now or the number"},
		"what a sink has not":    {"[{name: a, webhook: {url: x}}]", "webhook"},
		"an unknown field of it": {"[{name: a, file: {path: /x/y, mode: 1}}]", "mode"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "gatehouse.yaml")
		text := good + "export: " + strings.ReplaceAll(c.text, "%DATA%", filepath.Join(dir, "data")) + "\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "gatehouse.yaml:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
