package schema_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"gatehouse/policy"
	"gatehouse/policy/lab/schema"
)

// TestPublishedSchemaIsCurrent: docs/policy.schema.json is what the program prints.
func TestPublishedSchemaIsCurrent(t *testing.T) {
	got, err := schema.Text()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "policy.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/policy.schema.json is old: gatehouse policy schema > docs/policy.schema.json")
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := schema.Text()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(schema.ID, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(schema.ID)
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

// policies are all policies of the documents and of the tests.
func policies(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	root := filepath.Join("..", "..", "..")
	for _, pattern := range []string{"docs/*.md", "docs/examples/*/*.yaml", "docs/examples/*/*/*.yaml", "policy/testdata/decide/*.txtar", "cmd/gatehouse/testdata/script/*.txtar", "cmd/gatehouse/init/policy.yaml"} {
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
				out[path] = string(text)
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

// TestValidPoliciesFit: whatever the parser takes, the schema takes.
func TestValidPoliciesFit(t *testing.T) {
	s := compiled(t)
	n := 0
	for name, text := range policies(t) {
		if _, err := policy.Parse([]policy.File{{Name: "p.yaml", Data: []byte(text)}}); err != nil {
			continue
		}
		n++
		if err := validate(t, s, []byte(text)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	if n < 20 {
		t.Errorf("%d policies found", n)
	}
}

// everything uses each field of the format once.
const everything = `
version: 1
issuers:
  github: {url: "https://token.actions.example", audience: gatehouse.example, hosts: [keys.example], jti_optional: true}
profiles:
  ci: {max_ttl: 10m, renew_for: never, sources: [10.0.0.0/8], tasks: ["CHG-*"], extensions: [task, trace]}
  bare: {extensions: [], renew_for: 2h30m}
groups: {sre: [person:ann, person:ben]}
people:
  ann: {roles: [oncall], profile: ci, oidc: {issuer: github, subject: ann-7}}
  ben: {max_ttl: 8h, disabled: true, approval_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKcVg3apRNcq1qB0NKpKCVmgSTVFiBMcjmyBDBVzDpkp ben"]}
freezes: [{targets: ["*", {labels: {env: prod}}], from: "2026-12-23 18:00", to: "2027-01-02T06:00:00+01:00", tz: Europe/Berlin, reason: "stop"}]
residue: [{targets: ["web-*"], logins: [deploy]}]
agents:
  bot: {owner: group:sre, roles: [web], max_ttl: 30m, disabled: false, enrol: [join, key, {oidc: github, subject: "repo:*", claims: {env: prod}, actors: ["svc:*"]}]}
slots: {app-log: "<path:/var/log/app/**>"}
roles:
  oncall: {rights: [view, operate, unmask, review, approve, administer]}
  web:
    includes: [base]
    targets: ["web-*", {name: "db-*", labels: {env: prod}}, {labels: {tier: "front*"}}]
    logins: [deploy]
    when: 'request.task != ""'
    windows: [{days: [mon, fri], from: "08:00", to: "17:00", tz: Europe/Berlin}]
    limits: {session: 30m, idle: 5m, sessions: 4, denials: 10, bytes_out: 200MiB, bytes_in: 1KiB}
    shell: recorded
    env: [LANG, "LC_*", {name: APP_ENV, value: "<enum:staging,prod>"}]
    dirs: [/srv/app, "~/work"]
    files: {read: ["/var/log/app/**"], write: ["/srv/app/releases/**"], deny: ["/var/log/app/x", {path: "~/.ssh/**", reason: "keys"}], by: [sftp, scp], max_file: 1GiB, hold: {secrets: true, types: [text, gzip], max: 8MiB}}
    forward: ["db-1:5432", "10.0.0.0/8:1-99", {to: "db-*:5432", via: door, within: [10.0.0.0/8]}, {socket: /run/app.sock}]
    allow:
      - systemctl status <unit:app-*>
      - {run: "grep <text>", id: filter, when: "true", mode: pinned, pty: true, stdin: data, stdin_max: 1MiB, dirs: [/srv], dry_run: true, max_seconds: 60}
      - {run: "sh", stdin: ["sha256:0000000000000000000000000000000000000000000000000000000000000000"], sha256: "0000000000000000000000000000000000000000000000000000000000000000"}
    ask:
      - systemctl restart <unit:app-*>
      - {run: reboot, approvals: 2, from: [sre], within: 15m, mode: pinned}
      - {run: halt, all_of: [{approvals: 2, from: [sre], approve_by: ssh}, {from: [sre]}], wait: 0s, for: 1h, uses: any, decline: quorum, approve_by: passkey, heartbeat: 30s}
    deny:
      - systemctl restart <unit:app-db>
      - {run: "cat /etc/shadow", reason: "no"}
    request: [{role: db, approvals: 2, from: [sre], for: 2h, uses: 3}]
    break_glass: [{role: db, for: 30m, review: {approvals: 2, from: [sre]}}]
    budget: {per: task, commands: 5, denials: 5, hosts: 2, bytes_out: 1GiB, writes: 3, wall: 8h, sessions: 4}
    in_freeze: true
tests:
  - {as: bot, on: web-1, login: deploy, run: uptime, pty: true, env: {LANG: C}, labels: {env: prod}, task: T, granted: [db], from: 10.0.0.1, at: "2026-11-25T10:00:00Z", expect: deny, code: not_allowed}
  - {as: "person:ann", on: web-1, login: deploy, run: uptime, expect: ask, rule: "web/ask[0]"}
  - {as: bot, on: web-1, login: deploy, read: /var/log/app/x, by: scp, size: 1KiB, expect: deny}
  - {as: bot, on: web-1, login: deploy, rename: /srv/a, to: /srv/b, expect: deny}
  - {as: bot, on: web-1, login: deploy, forward: "db-1:5432", address: 10.0.0.1, expect: allow}
`

func TestEveryFieldFits(t *testing.T) {
	if err := validate(t, compiled(t), []byte(everything)); err != nil {
		t.Error(err)
	}
}

// TestWrongPoliciesDoNotFit changes one thing of a policy that fits.
func TestWrongPoliciesDoNotFit(t *testing.T) {
	s := compiled(t)
	for _, c := range []struct{ old, new string }{
		{"version: 1", "version: 2"}, {"version: 1", "people2: {}"}, {"groups: {sre: [person:ann", "groups: {sre: [ann"}, {"groups: {sre:", "groups: {SRE:"},
		{"owner: group:sre, ", ""}, {"owner: group:sre", "owner: sre"}, {"max_ttl: 30m", "max_ttl: 30"}, {"enrol: [join", "enrol: [magic"},
		{"{oidc: github, subject: \"repo:*\", ", "{oidc: github, "}, {"url: \"https:", "url: \"http:"}, {"logins: [deploy]", "logins: [Deploy]"},
		{"logins: [deploy]", "logins: []"}, {"logins: [deploy]", "logins: deploy"}, {"rights: [view", "rights: [see"}, {"shell: recorded", "shell: yes please"},
		{"days: [mon", "days: [monday"}, {"from: \"08:00\", ", ""}, {"from: \"08:00\"", "from: \"8\""}, {"bytes_out: 200MiB", "bytes_out: 200"}, {"sessions: 4", "sessions: 0"},
		{"mode: pinned, pty", "mode: guarded, pty"}, {"pty: true, stdin: data", "pty: 1, stdin: data"}, {"stdin: data", "stdin: tty"}, {"{run: \"grep <text>\", ", "{"},
		{"approvals: 2", "approvals: 17"}, {"reason: \"no\"", "reasons: \"no\""}, {"run: reboot, ", "run: reboot, reason: x, "}, {"{run: \"cat /etc/shadow\", ", "{run: \"cat /etc/shadow\", mode: plain, "},
		{"expect: ask", "expect: maybe"}, {"as: bot, on: web-1", "on: web-1"}, {"dirs: [/srv]", "dirs: [srv]"}, {"slots: {app-log: \"<path", "slots: {app-log: \"path"},
		{"forward: [\"db-1:5432\"", "forward: [5432"}, {"by: [sftp, scp]", "by: [ftp]"}, {"types: [text, gzip]", "types: [txt]"}, {"wait: 0s", "wait: 0"}, {"uses: any", "uses: many"}, {"uses: any", "uses: 0"}, {"decline: quorum", "decline: all"}, {"approve_by: ssh", "approve_by: mail"}, {"per: task", "per: week"}, {"per: task, ", ""},
		{"review: {approvals", "review: {within: 5m, approvals"}, {"{role: db, approvals", "{roles: db, approvals"}, {"{role: db, approvals", "{role: db, wait: 5m, approvals"}, {"from: \"2026-12-23 18:00\"", "from: \"tomorrow\""}, {"reason: \"stop\"", "why: \"stop\""}, {"in_freeze: true", "in_freeze: 1"}, {"ssh-ed25519 AAAA", "ssh-dss AAAA"}, {"residue: [{targets: [\"web-*\"], ", "residue: [{"}, {"path: \"~/.ssh/**\", ", ""}, {"via: door", "via: host"}, {"by: scp", "by: git"}, {"max: 8MiB", "max: 8"}, {"- systemctl status <unit:app-*>", "- [systemctl, status]"}, {"{labels: {tier: \"front*\"}}", "{}"}, {"agents:", "agent:"},
	} {
		text := strings.Replace(everything, c.old, c.new, 1)
		if text == everything {
			t.Fatalf("%q is not in the policy", c.old)
		}
		if validate(t, s, []byte(text)) == nil {
			t.Errorf("%q in the place of %q fits", c.new, c.old)
		}
	}
}
