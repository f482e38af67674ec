package secret

import "bytes"

// What may stand between a name and its value: the rest of the name, quotes, a separator (= : => := ?= and the like; a comma
// between two strings; the end of a tag), blanks; or, for an option of a command, a blank alone.
const (
	nameEnd   = `[0-9A-Za-z_.-]{0,40}`
	separator = `(?:["'\]` + "`" + `]{0,3}(?:\s+string)?\s{0,8}(?:=>|[:?.+|]{0,3}=|:)|["'],|>)\s{0,8}`
	quoted    = `(?:[bfru]?["'` + "`" + `]{1,3}|\\"|&quot;)?`
	value     = `([^\s"'` + "`" + `,;&|<>\\]+)`
)

// assignments are kinds that are known by the name that they are given: password=…, "client_secret": "…", --token ….
func assignments() []rule {
	secretive := []string{"password", "passwd", "passphrase", "passwort", "passcode", "pwd", "_pass", "dbpass", "-pass", "pass:", "pass="}
	keyed := []string{"secret", "token", "api_key", "apikey", "api-key", "access_key", "accesskey", "access-key", "account_key", "accountkey",
		"private_key", "privatekey", "private-key", "encryption_key", "signing_key", "master_key", "credential", "auth_key", "authkey",
		"sharedaccesskey", "client_key", "license_key", "psk", "presharedkey"}
	return []rule{
		{name: "password", keys: secretive, assigns: true, reach: 192, open: openValue, ok: password,
			pattern: re(`(?i)^(?:(?:db)?[_-]?pass(?:(?:word|wd|phrase|wort|code)` + nameEnd + `|[0-9]?(?:[_.-]` + nameEnd + `)?)|pwd)` + separator + quoted + value)},
		{name: "password-option", keys: []string{"password ", "passwd ", "passphrase ", "-pass "}, before: 40, reach: 192, ok: notPlaceholder,
			pattern: re(`(?i)(?:^|[\s"'])--?(?:[a-z0-9]+[_-]){0,4}pass(?:word|wd|phrase)?\s{1,8}` + quoted + value)},
		{name: "secret-value", keys: keyed, assigns: true, reach: 192, open: openValue, pattern: re(`(?i)^[a-z]+[_-]?[a-z]*` + nameEnd + separator + quoted + value), ok: secretValue},
		{name: "secret-option", keys: []string{"--token", "--secret", "--api-key", "--apikey", "--access-key", "--client-secret", "--auth-token"},
			pattern: re(`(?i)^--[a-z_-]{1,40}[= ]\s{0,8}` + quoted + value), ok: secretValue},
	}
}

// password accepts nearly anything: what people choose looks like words.
func password(b []byte) bool {
	return len(b) >= 4 && notPlaceholder(b) && !path(b) && !expression.Match(b)
}

// expression is what a program's source has for a value: a call, an element.
var expression = re(`^[A-Za-z_][0-9A-Za-z_.:>-]*[(\[]`)

// secretValue accepts what was drawn by lot: names such as token stand before many harmless values too.
func secretValue(b []byte) bool {
	return len(b) >= 8 && notPlaceholder(b) && !path(b) && !expression.Match(b) && (mixed(b) || longNumber(b)) && entropy(b) >= 2.4
}

func longNumber(b []byte) bool {
	return len(b) >= 16 && len(bytes.Trim(b, "0123456789")) == 0
}

func path(b []byte) bool {
	return b[0] == '/' || bytes.HasPrefix(b, []byte("./")) || bytes.HasPrefix(b, []byte("~/")) || bytes.Contains(b, []byte("://"))
}
