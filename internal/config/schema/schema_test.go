package schema_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	invopop "github.com/invopop/jsonschema"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"gatehouse/internal/config"
	"gatehouse/internal/config/schema"
)

var root = filepath.Join("..", "..", "..")

// TestPublishedSchemasAreFresh: what docs and the program have is what the types say now.
func TestPublishedSchemasAreFresh(t *testing.T) {
	for i, describe := range []func(string) ([]byte, error){schema.Config, schema.Targets} {
		want, err := describe("..")
		if err != nil {
			t.Fatal(err)
		}
		f := schema.Files[i]
		name := strings.TrimSuffix(f.Name, ".yaml") + ".schema.json"
		published, err := os.ReadFile(filepath.Join(root, "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, f.Text) || !bytes.Equal(want, published) {
			t.Errorf("%s is old: make generate", name)
		}
	}
}

// TestEveryFieldIsExplained: each field says what it is, by its comment or in refine.go.
func TestEveryFieldIsExplained(t *testing.T) {
	for _, f := range schema.Files {
		var s invopop.Schema
		if err := json.Unmarshal(f.Text, &s); err != nil {
			t.Fatal(err)
		}
		types := map[string]*invopop.Schema{f.Name: &s}
		for name, def := range s.Definitions {
			types[name] = def
		}
		for name, def := range types {
			for p := def.Properties.Oldest(); p != nil; p = p.Next() {
				of := p.Value
				if of.Ref == "" && len(of.AnyOf) > 0 {
					of = of.AnyOf[0]
				}
				section := types[strings.TrimPrefix(of.Ref, "#/$defs/")]
				if p.Value.Description == "" && (section == nil || section.Description == "") {
					t.Errorf("%s: %s says nothing: give the field a comment", name, p.Key)
				}
			}
		}
	}
}

func compiled(t *testing.T, f schema.File) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(f.Text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(f.ID, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(f.ID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate checks a YAML text as an editor does.
func validate(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		return err
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

var fenced = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// texts are all YAML texts of documents, examples and tests.
func texts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"docs/*.md", "docs/examples/*/*.yaml", "docs/examples/*/*/*.yaml", "cmd/gatehouse/testdata/script/*.txtar", "cmd/gatehouse/init/*.yaml", "internal/config/check/testdata/*.txtar"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			switch filepath.Ext(path) {
			case ".yaml":
				out[path] = strings.ReplaceAll(string(text), "@DATA@", "/data")
			case ".md":
				for _, m := range fenced.FindAllStringSubmatch(string(text), -1) {
					out[path+": "+m[1][:min(len(m[1]), 40)]] = m[1]
				}
			default:
				for _, f := range txtar.Parse(text).Files {
					if strings.HasSuffix(f.Name, ".yaml") {
						out[path+" "+f.Name] = string(f.Data)
					}
				}
			}
		}
	}
	return out
}

// load is what the service says of a text in a format.
func load(t *testing.T, format, text string) error {
	t.Helper()
	if format == "targets.yaml" {
		_, err := config.ParseInventory(format, []byte(text))
		return err
	}
	path := filepath.Join(t.TempDir(), format)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(path)
	return err
}

// TestValidFilesFit: whatever the service takes, the schema takes.
func TestValidFilesFit(t *testing.T) {
	for i, everything := range []string{wholeConfig, wholeTargets} {
		f := schema.Files[i]
		s := compiled(t, f)
		all := texts(t)
		all["everything"] = everything
		n := 0
		for name, text := range all {
			if err := load(t, f.Name, text); err != nil {
				if name == "everything" {
					t.Errorf("%s: %v", f.Name, err)
				}
				continue
			}
			n++
			if err := validate(t, s, []byte(text)); err != nil {
				t.Errorf("%s: %v\n%s", name, err, text)
			}
		}
		if n < 3 {
			t.Errorf("%d files of the format %s found", n, f.Name)
		}
	}
}

// wholeConfig uses each field of gatehouse.yaml once, or nearly.
const wholeConfig = `
version: 1
data: /data
node: gate-1
ssh: {listen: "[::]:2222", names: [gatehouse, gatehouse.example.com]}
web: {listen: ":8443", url: "https://gatehouse.example.com", tls: {cert: c.pem, key: k.pem}}
metrics: {listen: "127.0.0.1:9464"}
policy: policy.yaml
targets: targets.yaml
shadow_policy: proposed.yaml
require_signed_bundles: {allowed_signers: allowed_signers, reviewers: 2}
export:
  - {name: file, file: {path: /srv/log/audit, max_size: 64MiB, keep: 3}, format: ocsf, types: ["rec.*"], from: now}
  - {name: siem, syslog: {address: "siem.example.com:6514", tls: {ca: ca.pem, cert: c.pem, key: k.pem}, facility: local3}, format: text, from: 1200}
  - {name: otel, otlp: {url: "https://otel.example.com:4318", headers: headers, signals: [logs]}}
users: {decider: 61001, door: 61002}
ca:
  all: {signer: file, passphrase: {credential: ca-passphrase}}
  agent: {signer: ssh-agent, socket: /run/agent.sock, timeout: 5s}
  target: {signer: pkcs11, module: /usr/lib/softhsm/libsofthsm2.so, token: gatehouse, pin: {env: PIN}}
  paths: [/var/lib/softhsm]
  environment: {SOFTHSM2_CONF: /etc/softhsm2.conf}
storage: {min_free: 1073741824, warn_free: 4GiB}
secrets: {known_files: [known]}
log: {level: debug}
audit:
  every: 90s
  witnesses: [{url: "https://witness.example.org:7443", key: "witness.example.org/gate+x", ca: ca.pem}]
  anchors: [{file: anchors}, {syslog: "log.example.org:601"}, {webhook: "https://example.org/hook", ca: ca.pem}, {s3: {endpoint: "https://s3.example.org", region: eu-1, bucket: b, access_key_file: a, secret_key_file: s, object_lock_days: 9}}]
recordings:
  encrypt: {recipients_file: recipients, identity: me}
  retention: [{target: "db-*", role: dba, keep: forever}, {keep: 90d, max_size: 50GiB}]
`

const wholeTargets = `
version: 1
targets:
  web-1: {address: "192.0.2.1:22", logins: [deploy, root], host_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh", labels: {env: prod}, path: [/usr/bin]}
  web-2: {address: "[2001:db8::1]:22", logins: [deploy], host_ca: true}
  here: {local: true, run_as: {ops: nobody}}
`

// TestWrongFilesDoNotFit changes one thing of a file that fits: both the service and the schema refuse it.
func TestWrongFilesDoNotFit(t *testing.T) {
	for i, cases := range [][]struct{ old, new string }{{
		{"version: 1", "version: 2"}, {"version: 1", "nothing: 1"}, {"data: /data\n", ""}, {"node: gate-1", "node: Gate"}, {`listen: "[::]:2222"`, `listen: "2222"`},
		{"names: [gatehouse, gatehouse.example.com]", "names: []"}, {`url: "https://gatehouse`, `url: "ftp://gatehouse`}, {"cert: c.pem, key: k.pem}}\nmetrics", "cert: c.pem}}\nmetrics"},
		{`"127.0.0.1:9464"`, `"9464"`}, {"reviewers: 2", "reviewers: 0"}, {"name: file", "name: FILE"}, {"{path: /srv/log/audit, ", "{"}, {"from: now", "from: soon"}, {"from: 1200", "from: -3"},
		{"format: ocsf", "format: json"}, {"facility: local3", "facility: local9"}, {"siem.example.com:6514", "siem.example.com"}, {"https://otel", "otel"}, {"max_size: 64MiB", "max_size: 64MB"},
		{"decider: 61001", "decider: 0"}, {"decider: 61001", "decider: root"}, {"{signer: file, ", "{"}, {"signer: ssh-agent", "signer: agent"}, {"timeout: 5s", "timeout: 5"},
		{"4GiB", "4Gb"}, {"level: debug", "level: loud"}, {"every: 90s", "every: often"}, {"https://witness", "witness"}, {", key: \"witness.example.org/gate+x\"", ""},
		{"bucket: b, ", ""}, {"object_lock_days: 9", "object_lock_days: -9"}, {"keep: forever", "keep: always"}, {"storage:", "store:"}, {"level:", "levle:"},
		{"recipients_file: recipients", "recipients: age1x"}, {"known_files: [known]", "known_files: known"}, {"log: {level: debug}", "log: debug"},
	}, {
		{"version: 1", "version: 2"}, {"version: 1\n", ""}, {"targets:", "target:"}, {"web-1:", "Web-1:"}, {`"192.0.2.1:22"`, `"192.0.2.1"`}, {"logins: [deploy, root]", "logins: deploy"},
		{"logins: [deploy, root]", "logins: [Deploy]"}, {"host_ca: true", "host_ca: perhaps"}, {"path: [/usr/bin]", "path: [usr/bin]"}, {"local: true", "locale: true"}, {"run_as: {ops: nobody}", "run_as: nobody"},
		{"labels: {env: prod}", "labels: [env]"},
	}} {
		f, whole := schema.Files[i], []string{wholeConfig, wholeTargets}[i]
		s := compiled(t, f)
		for _, c := range cases {
			text := strings.Replace(whole, c.old, c.new, 1)
			if text == whole {
				t.Fatalf("%q is not in %s", c.old, f.Name)
			}
			if validate(t, s, []byte(text)) == nil {
				t.Errorf("%s: %q in the place of %q fits", f.Name, c.new, c.old)
			}
			if load(t, f.Name, text) == nil {
				t.Errorf("%s: the service takes %q in the place of %q", f.Name, c.new, c.old)
			}
		}
	}
}
