package console

import (
	"slices"
	"strings"
	"testing"
)

func TestPhraseArgs(t *testing.T) {
	for in, want := range map[string]string{
		"request|--from|dn_1|--reason|the|api|hangs":            "request|--from|dn_1|--reason|the api hangs",
		"request|--reason|the|api|--role|r|--wait":              "request|--reason|the api|--role|r|--wait",
		"review|gr_1|--words|nothing|else":                      "review|gr_1|--words|nothing else",
		"request|--reason":                                      "",
		"request|--reason|x|--role|r":                           "",
		"decline|ar_1|--reason|not before":                      "",
		"request|--role|r|s":                                    "",
		"request|--reason|--role|r|s":                           "",
		"lock|agent:bot|--until|1h|--reason|runs|away|--reason": "lock|agent:bot|--until|1h|--reason|runs away|--reason",
	} {
		got := strings.Join(phraseArgs(strings.Split(in, "|")), "|")
		if got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}

// A reason that ssh has taken apart is one reason; what can be read as it is stays as it is.
func TestReasonsComeInWords(t *testing.T) {
	for args, want := range map[string]string{
		"request --from dn_1 --reason the api hangs":              `ask {"from":"dn_1","reason":"the api hangs"}`,
		"request --reason the api hangs --from dn_1":              `ask {"from":"dn_1","reason":"the api hangs"}`,
		"lock agent:bot --reason runs away --until 1h":            `lock {"what":{"kind":"agent","value":"bot"},"reason":"runs away","until":"2026-11-22T21:00:00Z"}`,
		"lock --reason x agent:bot":                               `lock {"what":{"kind":"agent","value":"bot"},"reason":"x"}`,
		"decline ar_1 --reason not before the backup":             `answer {"request":"ar_1","yes":false,"words":"not before the backup"}`,
		"review gr_1 --words restarted the database, not a thing": `review "gr_1" "restarted the database, not a thing"`,
	} {
		d, o := newOffice(t)
		if _, errs, code := d.ask(nil, strings.Fields(args)...); code != 0 || !slices.Equal(o.asked, []string{want}) {
			t.Errorf("%s: exit %d, asked %q, want %s: %s", args, code, o.asked, want, errs)
		}
	}
	d, o := newOffice(t)
	if _, errs, code := d.ask(nil, "lock", "--reason", "runs", "away", "agent:bot"); code != 2 || len(o.asked) != 0 || !strings.Contains(errs, "unexpected argument agent:bot") {
		t.Errorf("what is no reason was taken for one: exit %d, %q, %s", code, o.asked, errs)
	}
}
