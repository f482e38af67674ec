package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdSecrets: secrets FILE writes lines to FILE, each with a secret of another kind, and the secrets alone to FILE.values, one
// a line. They are made up here: the repository holds none. $PASSWORD is one more.
func cmdSecrets(_ *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: secrets FILE")
	}
	var lines, values []string
	for _, s := range madeUp() {
		lines = append(lines, s[0]+s[1]+s[2])
		values = append(values, strings.Split(s[1], "\n")...)
	}
	password := "Tr0ub4" + drawn(10)
	ts.Setenv("PASSWORD", password)
	return errors.Join(
		os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(lines, "\n")+"\n"), 0o644),
		os.WriteFile(ts.MkAbs(args[0]+".values"), []byte(strings.Join(append(values, password), "\n")+"\n"), 0o644))
}

func drawn(n int) string {
	const from = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := []byte("a7")
	for len(b) < n {
		b = append(b, from[rand.IntN(len(from))])
	}
	return string(b)
}

// madeUp are texts before a secret, secrets, and texts after them.
func madeUp() [][3]string {
	digits := func(n int) string { return fmt.Sprint(rand.Int64N(9e17) + 1e17)[:n] }
	upper := func(n int) string { return strings.ToUpper(drawn(n)) }
	body := drawn(64) + "\n" + drawn(64) + "\n" + drawn(40) + "=="
	return [][3]string{
		{"aws_access_key_id = ", "AK" + "IA" + upper(16), ""},
		{"aws_secret_access_key = ", drawn(40), ""},
		{"GITHUB_TOKEN=", "gh" + "p_" + drawn(36), ""},
		{"remote: token ", "gl" + "pat-" + drawn(20), " expires"},
		{"slack says ", "xo" + "xb-" + digits(12) + "-" + digits(12) + "-" + drawn(24), ""},
		{"stripe ", "sk" + "_live_" + drawn(24), ""},
		{"//registry.example/:_authToken=", "np" + "m_" + drawn(36), ""},
		{"upload with ", "py" + "pi-AgEIcHlwaS5vcmc" + drawn(70), ""},
		{"kube ", "ey" + "J" + drawn(30) + "." + "ey" + "J" + drawn(60) + "." + drawn(43), ""},
		{"identity ", "AGE-SECRET" + "-KEY-1" + upper(58), ""},
		{"postgres://app:", drawn(14), "@db-1:5432/app"},
		{"DB_PASSWORD: ", drawn(14), ""},
		{`{"client_secret": "`, drawn(32), `"}`},
		{"> Authorization: Bearer ", drawn(40), ""},
		{"> Authorization: Basic ", base64.StdEncoding.EncodeToString([]byte("ann:" + drawn(17))), ""},
		{"vault: ", "hv" + "s." + drawn(90), ""},
		{"sendgrid ", "S" + "G." + drawn(22) + "." + drawn(43), ""},
		{"maps ", "AI" + "za" + drawn(35), ""},
		{"claude ", "sk-" + "ant-api03-" + drawn(90), ""},
		{"model hub ", "hf" + "_" + drawn(34), ""},
		{"AccountName=x;AccountKey=", drawn(86) + "==", ";EndpointSuffix=core"},
		{"root:", "$6" + "$" + drawn(16) + "$" + drawn(86), ":19000:0:99999:7:::"},
		{"-----BEGIN" + " RSA PRIVATE KEY-----\n", body, "\n-----END" + " RSA PRIVATE KEY-----"},
	}
}

// unseen is what a reader does not see of a text: escape sequences, raw and as JSON writes them.
var unseen = regexp.MustCompile(`(?:\x1b|\\u001b)\[[0-9;]*[A-Za-z]`)

// secretsIn returns the values and what the last client, or exec, printed, without what a reader does not see.
func secretsIn(ts *testscript.TestScript, args []string) (values []string, text string, err error) {
	if len(args) != 1 {
		return nil, "", errors.New("want one file of secrets")
	}
	text = unseen.ReplaceAllString(ts.ReadFile("stdout")+ts.ReadFile("stderr"), "")
	return strings.Fields(ts.ReadFile(args[0] + ".values")), text, nil
}

// hiddenPart is how many characters of a secret in a row are too many.
const hiddenPart = 8

// cmdHides: hides FILE holds if no eight characters in a row of any secret of FILE were printed.
func cmdHides(_ *scene, ts *testscript.TestScript, args []string) error {
	values, text, err := secretsIn(ts, args)
	if err != nil {
		return err
	}
	if !strings.Contains(text, "**") {
		return fmt.Errorf("nothing is masked in %q", text)
	}
	for _, v := range values {
		for i := 0; i+hiddenPart <= len(v); i++ {
			if part := v[i : i+hiddenPart]; strings.Contains(text, part) && !isMark(part) {
				return fmt.Errorf("%q of %q is shown", part, v)
			}
		}
	}
	return nil
}

// isMark says whether a part of a secret is its maker's, and so the same in all of them.
func isMark(part string) bool {
	return strings.Contains("sk-"+"ant-api03- pypi-AgEIcHlwaS5vcmc AGE-SECRET"+"-KEY-1", part)
}

// cmdShows: shows FILE holds if all secrets of FILE were printed whole, but for the last one, $PASSWORD.
func cmdShows(_ *scene, ts *testscript.TestScript, args []string) error {
	values, text, err := secretsIn(ts, args)
	if err != nil {
		return err
	}
	for _, v := range values[:len(values)-1] {
		if !strings.Contains(text, v) {
			return fmt.Errorf("%q is not shown", v)
		}
	}
	return nil
}
