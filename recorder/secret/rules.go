package secret

import (
	"regexp"
	"strings"
)

// rules are the kinds that are looked for, in three groups: tokens that begin with a mark of their maker, values whose
// surroundings say what they are, and (block.go) private keys over several lines. The marks are what the makers document so
// that scanners can find them.
var rules = append(append(tokens(), surroundings...), assignments()...)

// class names what a token's characters are after its mark.
const (
	alnum = `[0-9A-Za-z]`
	b64   = `[0-9A-Za-z+/=_-]`
	wordy = `[0-9A-Za-z_-]`
	hex   = `[0-9A-Fa-f]`
)

// token is a kind whose mark is in its first bytes: all of it is the secret.
type token struct {
	name  string
	marks string // separated by blanks, case matters
	rest  string // of the pattern after the mark
	word  bool   // the mark is short: a letter or digit before it makes it another word
}

var marked = []token{
	{"1password-service-account", "ops_eyJ", b64 + `{40,}`, false},
	{"1password-secret-key", "A3-", `[0-9A-Z]{6}-(?:[0-9A-Z]{11}|[0-9A-Z]{6}-[0-9A-Z]{5})-[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{5}`, true},
	{"adafruit-key", "aio_", alnum + `{28,}`, true},
	{"age-secret-key", "AGE-SECRET-KEY-1 AGE-SECRET-KEY-PQ-1", alnum + `{30,}`, false},
	{"alibaba-access-key-id", "LTAI", alnum + `{17,}`, true},
	{"age-plugin-identity", "AGE-PLUGIN-", `[0-9A-Z-]{1,}-1[0-9A-Z]{20,}`, false},
	{"airtable-token", "pat", alnum + `{14}\.` + hex + `{60,}`, true},
	{"anthropic-key", "sk-ant-", wordy + `{16,}`, false},
	{"atlassian-token", "ATATT3 ATCTT3 ATBB", b64 + `{24,}`, true},
	{"aws-access-key-id", "AKIA ASIA ABIA ACCA", `[0-9A-Z]{16,}`, true},
	{"bedrock-key", "ABSKQmVkcm9ja0FQSUtleS", b64 + `{40,}`, false},
	{"clojars-token", "CLOJARS_", alnum + `{40,}`, false},
	{"cloudflare-origin-key", "v1.0-", hex + `{24}-` + hex + `{100,}`, false},
	{"crates-io-token", "cio", alnum + `{32,}`, true},
	{"databricks-token", "dapi", hex + `{32,}(?:-\d{1,2})?`, true},
	{"digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", hex + `{40,}`, false},
	{"docker-hub-token", "dckr_pat_ dckr_oat_", wordy + `{20,}`, false},
	{"doppler-token", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", `[0-9A-Za-z._-]{40,}`, true},
	{"dropbox-token", "sl.", wordy + `{100,}`, true},
	{"dynatrace-token", "dt0c01. dt0s01. dt0s02.", alnum + `{24}\.` + alnum + `{60,}`, false},
	{"easypost-key", "EZAK EZTK", alnum + `{54,}`, true},
	{"facebook-token", "EAACEdEose0cBA EAAM EAAC", alnum + `{40,}`, true},
	{"flutterwave-key", "FLWSECK_TEST- FLWSECK-", alnum + `{12,}`, false},
	{"fly-token", "fm1r_ fm1a_ fm2_ fo1_", b64 + `{40,}`, true},
	{"gatehouse-join-token", "ghjoin_", wordy + `{16,}`, false},
	{"github-token", "ghp_ gho_ ghu_ ghs_ ghr_", alnum + `{30,}`, false},
	{"github-fine-grained-token", "github_pat_", `[0-9A-Za-z_]{30,}`, false},
	{"gitlab-token", "glpat- glptt- gldt- glrt- glrtr- glcbt- glft- glsoat- glagent- glimt- gloas- glffct- glwt- GR1348941", `[0-9A-Za-z_.-]{16,}`, true},
	{"google-api-key", "AIza", wordy + `{30,}`, false},
	{"google-oauth-token", "ya29.", `[0-9A-Za-z._-]{20,}`, false},
	{"google-oauth-secret", "GOCSPX-", wordy + `{20,}`, false},
	{"google-refresh-token", "1//0", wordy + `{35,}`, true},
	{"grafana-token", "glc_ glsa_", `[0-9A-Za-z_+/=]{32,}`, true},
	{"groq-key", "gsk_", alnum + `{40,}`, true},
	{"heroku-key", "HRKU-", wordy + `{30,}`, false},
	{"hugging-face-token", "hf_ api_org_", alnum + `{30,}`, true},
	{"jwt", "eyJ", wordy + `{8,}\.` + wordy + `*(?:\.` + wordy + `*){1,3}`, true},
	{"jwt-in-base64", "ZXlK", `[0-9A-Za-z+/_-]{60,}={0,2}`, true},
	{"langsmith-key", "lsv2_pt_ lsv2_sk_", hex + `{32,}_` + hex + `{10,}`, false},
	{"linear-key", "lin_api_ lin_oauth_", alnum + `{32,}`, false},
	{"mailgun-key", "key-", hex + `{32,}`, true},
	{"mapbox-token", "sk.eyJ", `[0-9A-Za-z._-]{40,}`, true},
	{"netlify-token", "nfp_", alnum + `{36,}`, true},
	{"new-relic-key", "NRAK- NRAL- NRII- NRJS- NRBR- NRIQ-", wordy + `{19,}`, false},
	{"notion-token", "ntn_ secret_", alnum + `{40,}`, true},
	{"npm-token", "npm_", alnum + `{30,}`, false},
	{"nuget-key", "oy2", `[a-z0-9]{43}`, true},
	{"openai-key", "sk-proj- sk-svcacct- sk-admin- sk-None- sk-or-v1- sk-", wordy + `{32,}`, true},
	{"openshift-token", "sha256~", wordy + `{40,}`, false},
	{"perplexity-key", "pplx-", alnum + `{40,}`, false},
	{"planetscale-token", "pscale_tkn_ pscale_pw_ pscale_oauth_", `[0-9A-Za-z=._-]{30,}`, false},
	{"postman-key", "PMAK-", hex + `{24}-` + hex + `{30,}`, false},
	{"prefect-token", "pnu_", alnum + `{36,}`, true},
	{"pulumi-token", "pul-", hex + `{40,}`, true},
	{"pypi-token", "pypi-", wordy + `{40,}`, false},
	{"readme-key", "rdme_", `[0-9a-z]{60,}`, true},
	{"replicate-token", "r8_", alnum + `{32,}`, true},
	{"rubygems-key", "rubygems_", hex + `{40,}`, false},
	{"sendgrid-key", "SG.", wordy + `{16,}\.` + wordy + `{30,}`, true},
	{"sendinblue-key", "xkeysib-", hex + `{64}-` + alnum + `{10,}`, false},
	{"sentry-token", "sntrys_ sntryu_", b64 + `{40,}`, false},
	{"shopify-token", "shpat_ shpca_ shppa_ shpss_", hex + `{32,}`, false},
	{"shippo-token", "shippo_live_ shippo_test_", hex + `{40,}`, false},
	{"slack-token", "xoxa- xoxb- xoxc- xoxd- xoxe- xoxe. xoxo- xoxp- xoxr- xoxs- xapp- xwfp-", `[0-9A-Za-z%./+_-]{10,}`, false},
	{"sonar-token", "sqp_ squ_ sqa_", hex + `{40,}`, true},
	{"sourcegraph-token", "sgp_", `[0-9A-Za-z_]{40,}`, true},
	{"square-token", "sq0atp- sq0csp- EAAA", wordy + `{22,}`, true},
	{"stripe-key", "sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_ whsec_", `[0-9A-Za-z+/=]{10,}`, true},
	{"tailscale-key", "tskey-", wordy + `{16,}`, false},
	{"twilio-key", "SK", `[0-9a-f]{32}`, true},
	{"typeform-token", "tfp_", wordy + `{40,}`, true},
	{"vault-token", "hvs. hvb. hvr.", wordy + `{20,}`, true},
	{"xai-key", "xai-", alnum + `{60,}`, true},
}

// tokens are the marked kinds as rules.
func tokens() []rule {
	var out []rule
	for _, t := range marked {
		marks := strings.Fields(t.marks)
		quoted := make([]string, len(marks))
		for i, m := range marks {
			quoted[i] = regexp.QuoteMeta(m)
		}
		re := regexp.MustCompile(`^(?:` + strings.Join(quoted, "|") + `)` + t.rest)
		out = append(out, rule{name: t.name, keys: marks, exact: true, word: t.word, open: openToken(marks), reach: 2 << 10, solid: true, pattern: re})
	}
	return out
}
