package lab_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/lab"
)

// TestLintOfWritablePlaces: whoever may write where programs start from is found, and not who may not.
func TestLintOfWritablePlaces(t *testing.T) {
	for section, want := range map[string]string{
		`write: ["~/**"]`: "/home/deploy/.ssh/authorized_keys", `write: ["/home/**"]`: "/home/deploy/.ssh/authorized_keys", `write: ["~/.*"]`: "/home/deploy/.bashrc", `write: ["/etc/**"]`: "/etc/cron.d/x",
		`write: ["/usr/local/**"], by: []`: "/usr/local/bin/x", `write: ["/var/spool/cron/**"], by: [rsync]`: "/var/spool/cron/crontabs/deploy", `write: ["/usr/bin/*"]`: "/usr/bin/x",
		`write: ["/srv/app/**", "~/in/**"]`: "", `read: ["/**"]`: "", `write: ["~/**"], deny: ["~/.*", "~/.*/**"]`: "",
	} {
		p, err := policy.Parse([]policy.File{{Name: "p.yaml", Data: []byte("version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [r]}}\nroles:\n  r: {targets: [web-1], logins: [deploy], files: {" + section + "}}\n")}})
		if err != nil {
			t.Fatal(err)
		}
		found := lab.Lint(p, nil, time.Time{})
		i := slices.IndexFunc(found, func(f lab.Finding) bool { return f.Rule == "writes-programs" })
		if (i >= 0) != (want != "") || i >= 0 && (!strings.Contains(found[i].Message, want) || found[i].Level != lab.Error) {
			t.Errorf("%s: %+v, want %q", section, found, want)
		}
	}
}
