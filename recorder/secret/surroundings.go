package secret

import (
	"bytes"
	"regexp"
)

// surroundings are kinds that are known by what stands before or around them.
var surroundings = []rule{
	{name: "url-password", keys: []string{"://"}, pattern: re(`^://[^\s/?#:@"'<>]{0,100}:([^\s/?#@"'<>]+)@`), ok: notPlaceholder,
		open: re(`^://[^\s/?#:@"'<>]{0,100}:([0-9]*[^\s/?#:@"'<>0-9][^\s/?#@"'<>]*)$`)},
	{name: "url-token", keys: []string{"://"}, pattern: re(`^://([0-9A-Za-z_.~-]{20,})@`), ok: random},
	{name: "signature-in-url", keys: []string{"sig=", "x-amz-signature=", "x-goog-signature="}, pattern: re(`^[A-Za-z-]+=([0-9A-Za-z%+/=_-]{32,})`)},
	{name: "bearer-token", keys: []string{"bearer "}, pattern: re(`(?i)^bearer\s+([0-9A-Za-z._~+/=-]{16,})`), ok: mixed},
	{name: "basic-auth", keys: []string{"basic "}, pattern: re(`(?i)^basic\s+([0-9A-Za-z+/_=-]{8,})`), ok: basicAuth},
	{name: "authorization-header", keys: []string{"authorization"}, pattern: re(`(?i)^authorization["']?\s*[:=]\s*["']?(?:[a-z-]+\s+)?([^\s"',;]{12,})`), ok: mixed},
	{name: "cookie", keys: []string{"cookie:"}, pattern: re(`(?i)^cookie:\s*[^=;\s]+=([^;\s]{12,}(?:;\s*[^=;\s]+=[^;\s]{12,})*)`), ok: mixed},
	{name: "curl-user", keys: []string{"curl ", "wget "}, pattern: re(`(?i)^(?:curl|wget)\s(?:[^\n]*?\s)?(?:-u|--user|--proxy-user)[ =]?["']?[^\s:"']+:([^\s"']+)`), ok: notPlaceholder},
	{name: "mysql-password", keys: []string{"mysql", "mariadb"}, pattern: re(`(?i)^(?:mysql|mariadb)\S*\s(?:[^\n|;]*?\s)?-p([^\s|;]{4,})`), ok: notPlaceholder},
	{name: "sshpass", keys: []string{"sshpass "}, pattern: re(`^sshpass\s+(?:-v\s+)?-p\s*["']?([^\s"']+)`), ok: notPlaceholder},
	{name: "netrc-password", keys: []string{"login "}, pattern: re(`(?i)^login\s+\S+\s+password\s+(\S+)`), ok: password},
	{name: "docker-auth", keys: []string{`"auth"`}, pattern: re(`^"auth"\s*:\s*"([0-9A-Za-z+/=]{12,})"`)},
	{name: "private-key-in-base64", keys: []string{"LS0tLS1CRUdJTi"}, exact: true, pattern: re(`^LS0tLS1CRUdJTi[0-9A-Za-z+/=]{20,}`), ok: notCertificate},
	{name: "kubernetes-bootstrap-token", keys: []string{"--token", "token:"}, pattern: re(`(?i)^(?:--token|token:)[\s="']+([a-z0-9]{6}\.[a-z0-9]{16})\b`)},
	{name: "password-hash", keys: []string{"$1$", "$5$", "$6$", "$y$", "$7$", "$2a$", "$2b$", "$2y$", "$apr1$", "$argon2", "$gy$"}, pattern: re(`^\$[0-9A-Za-z]+\$[0-9A-Za-z./,=+$*-]{20,}`)},
	{name: "gatehouse-sign-in-link", keys: []string{"/sign-in#"}, pattern: re(`^/sign-in#([0-9A-Za-z_-]{20,})`),
		open: re(`^/sign-in#([^\s"'<>]+)$`)},
	{name: "slack-webhook", keys: []string{"hooks.slack.com/"}, pattern: re(`(?i)^hooks\.slack\.com/(?:services|workflows|triggers)/([0-9A-Za-z+/]{30,})`)},
	{name: "discord-webhook", keys: []string{"/api/webhooks/"}, pattern: re(`^/api/webhooks/[0-9]+/([0-9A-Za-z_-]{40,})`)},
	{name: "discord-token", keys: []string{"discord", "bot "}, pattern: re(`(?i)^(?:discord|bot\s)[^\n]{0,60}?\b([MNO][0-9A-Za-z_-]{22,27}\.[0-9A-Za-z_-]{6}\.[0-9A-Za-z_-]{25,})`)},
	{name: "teams-webhook", keys: []string{".webhook.office.com/"}, pattern: re(`^\.webhook\.office\.com/webhookb2/(\S{60,})`)},
	{name: "telegram-token", keys: []string{":A"}, exact: true, before: 16, pattern: re(`[0-9]{7,16}:A[0-9A-Za-z_-]{33,}`)},
	{name: "azure-client-secret", keys: []string{"Q~"}, exact: true, before: 4, pattern: re(`[0-9A-Za-z_~.-]{3}[0-9]Q~[0-9A-Za-z_~.-]{30,}`)},
	{name: "azure-key", keys: []string{"AzCa", "ASt", "ACDb", "AIoT", "APIM", "ACR"}, exact: true, before: 80, pattern: re(`[0-9A-Za-z+/]{33,}(?:AzCa|\+ASt|ACDb|AIoT|APIM|\+ACR)[0-9A-Za-z+/=]{6,}`)},
	{name: "terraform-token", keys: []string{".atlasv1."}, before: 14, pattern: re(`[0-9A-Za-z]{14}\.atlasv1\.[0-9A-Za-z_=-]{40,}`)},
	{name: "mailchimp-key", keys: []string{"-us"}, before: 32, pattern: re(`[0-9a-f]{32}-us[0-9]{1,2}`)},
	{name: "putty-key-mac", keys: []string{"private-mac:"}, pattern: re(`(?i)^private-mac:\s*([0-9a-f]{32,})`)},
}

func re(pattern string) *regexp.Regexp { return regexp.MustCompile(pattern) }

// basicAuth wants what base64 of "user:password" looks like, not an English word.
func basicAuth(b []byte) bool {
	return len(b) >= 12 && mixed(b) || bytes.HasSuffix(b, []byte("="))
}

// notCertificate leaves certificates alone, which are public: they begin with "-----BEGIN CERT".
func notCertificate(b []byte) bool {
	return !bytes.HasPrefix(b, []byte("LS0tLS1CRUdJTiBDRVJU")) && !bytes.HasPrefix(b, []byte("LS0tLS1CRUdJTiBQVUJM"))
}

// notPlaceholder refuses what documentation, templates and variables put in a secret's place, and what is masked already.
func notPlaceholder(b []byte) bool {
	if len(b) == 0 || bytes.IndexByte([]byte("$<{%*"), b[0]) >= 0 || bytes.HasPrefix(b, []byte("xxx")) {
		return false
	}
	switch string(bytes.ToLower(bytes.TrimRight(b, ".,;:!)"))) {
	case "", "true", "false", "null", "nil", "none", "yes", "no", "on", "off", "required", "optional", "password", "passwd",
		"secret", "token", "redacted", "hidden", "masked", "string", "undefined", "unset", "empty", "default", "changed":
		return false
	}
	return len(bytes.Trim(b, string(b[:1]))) > 0 // one character over and over
}
