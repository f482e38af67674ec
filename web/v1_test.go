package web

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// postV1 sends a body as a program does, and returns the status and what was refused.
func (h *house) postV1(t *testing.T, body string, headers ...string) (*http.Response, string, APIError) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.server.URL+certificatesPath, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(req)
	must(t, err)
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	must(t, err)
	text := string(read)
	var e APIError
	if answer.StatusCode != http.StatusOK {
		must(t, json.Unmarshal(read, &e))
		if !regexp.MustCompile(`^req_[0-9A-Z]{26}$`).MatchString(e.ID) || e.Code == "" || e.Text == "" {
			t.Errorf("refusal %+v", e)
		}
	}
	return answer, text, e
}

const goodV1 = `{"agent":"bot","public_key":"ssh-ed25519 AAAA","token":"x","ttl":"5m","task":"t","sources":["192.0.2.0/24"]}`

func TestV1Certificate(t *testing.T) {
	h := newHouse(t, 0)
	answer, text, _ := h.postV1(t, goodV1)
	var c Certificate
	must(t, json.Unmarshal([]byte(text), &c))
	if answer.StatusCode != http.StatusOK || c.Principal != "agent:bot" || c.RenewUntil == nil || len(c.KnownHosts) != 1 || !strings.Contains(c.KnownHosts[0], "127.0.0.1") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	if answer.Header.Get("Access-Control-Allow-Origin") != "" || answer.Header.Get("Set-Cookie") != "" || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", answer.Header)
	}
	if answer, text := h.ask("GET", "/v1/known_hosts", "", nil); answer.StatusCode != http.StatusOK || !strings.HasPrefix(text, "@cert-authority gatehouse ") {
		t.Errorf("known_hosts %d %q", answer.StatusCode, text)
	}
}

// What is not exactly as documented is refused, and says so.
func TestV1IsStrict(t *testing.T) {
	h := newHouse(t, 0)
	for name, c := range map[string]struct {
		body    string
		headers string
		status  int
		code    string
		text    string
	}{
		"not JSON":              {"agent=bot", "", 400, "bad_request", "not a JSON object"},
		"a list":                {"[]", "", 400, "bad_request", "not a JSON object"},
		"nothing":               {"", "", 400, "bad_request", "not a JSON object"},
		"cut":                   {goodV1[:20], "", 400, "bad_request", "not JSON"},
		"two values":            {goodV1 + "{}", "", 400, "bad_request", "more after"},
		"an unknown name":       {`{"agent":"bot","admin":true}`, "", 400, "bad_request", `"admin" is not known`},
		"a name in other case":  {`{"Agent":"bot"}`, "", 400, "bad_request", `"Agent" is not known`},
		"a name twice":          {`{"agent":"bot","agent":"root"}`, "", 400, "bad_request", "twice"},
		"a null":                {`{"agent":null}`, "", 400, "bad_request", "null"},
		"a number":              {`{"agent":5}`, "", 400, "bad_request", `"agent" must be a string`},
		"not UTF-8":             {"{\"agent\":\"\xff\"}", "", 400, "bad_request", "UTF-8"},
		"a form":                {goodV1, "Content-Type: application/x-www-form-urlencoded", 400, "bad_request", "Content-Type"},
		"too large":             {`{"token":"` + strings.Repeat("x", maxV1Body) + `"}`, "", 413, "body_too_large", "larger"},
		"another site's page":   {goodV1, "Sec-Fetch-Site: cross-site", 403, "cross_origin", "another site"},
		"another site's origin": {goodV1, "Origin: https://evil.example", 403, "cross_origin", "another site"},
		"our own fault":         {`{"token":"fault"}`, "", 500, "internal", "not your fault"},
		"a new code":            {`{"token":"refuse unheard_of"}`, "", 403, "unheard_of", "no"},
	} {
		headers := []string{}
		if c.headers != "" {
			headers = append(headers, c.headers)
		}
		answer, _, e := h.postV1(t, c.body, headers...)
		if answer.StatusCode != c.status || e.Code != c.code || !strings.Contains(e.Text, c.text) || strings.Contains(e.Text, "secret") {
			t.Errorf("%s: %d %+v", name, answer.StatusCode, e)
		}
	}
	if answer, text := h.ask("GET", certificatesPath, "", nil); answer.StatusCode != http.StatusNotFound || !strings.Contains(text, `"not_found"`) {
		t.Errorf("GET: %d %s", answer.StatusCode, text)
	}
}

// A body of 64 KiB is read for certificates and nowhere else.
func TestV1BodyBound(t *testing.T) {
	h := newHouse(t, 0)
	if answer, _, e := h.postV1(t, `{"agent":"bot","token":"`+strings.Repeat("x", 40<<10)+`"}`); answer.StatusCode != http.StatusOK {
		t.Errorf("40 KiB: %d %+v", answer.StatusCode, e)
	}
}

func TestV1RateLimit(t *testing.T) {
	h := newHouse(t, 0)
	now := time.Now()
	h.web.enrolling.now = func() time.Time { return now }
	refused := 0
	for range enrolBurst + 7 {
		answer, _, e := h.postV1(t, goodV1)
		if answer.StatusCode == http.StatusTooManyRequests {
			refused++
			if e.Code != "rate_limited" || answer.Header.Get("Retry-After") == "" {
				t.Errorf("%+v %v", e, answer.Header)
			}
		}
	}
	if refused != 7 {
		t.Errorf("%d of %d were refused", refused, enrolBurst+7)
	}
}

// openAPIDoc is as much of the document as the handlers can be held against.
type openAPIDoc struct {
	OpenAPI string                                `json:"openapi"`
	Paths   map[string]map[string]json.RawMessage `json:"paths"`
	Parts   struct {
		Schemas map[string]struct {
			Additional *bool                      `json:"additionalProperties"`
			Properties map[string]json.RawMessage `json:"properties"`
			Required   []string                   `json:"required"`
		} `json:"schemas"`
	} `json:"components"`
}

// The document says exactly what the handlers take and answer: names, codes, statuses, addresses.
func TestV1Document(t *testing.T) {
	h := newHouse(t, 0)
	_, text := h.ask("GET", "/v1/openapi.json", "", nil)
	var doc openAPIDoc
	must(t, json.Unmarshal([]byte(text), &doc))
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("version %q", doc.OpenAPI)
	}
	for name, v := range map[string]any{"CertificateRequest": CertificateRequest{}, "Certificate": Certificate{}, "Refusal": APIError{}, "DeviceRequest": DeviceRequest{}, "DeviceAuthorization": DeviceAuthorization{},
		"RequestOrder": RequestOrder{}, "Words": Words{}, "LockBody": LockBody{}, "RequestPage": RequestPage{}, "GrantPage": GrantPage{}, "LockList": LockList{}} {
		schema := doc.Parts.Schemas[name]
		var fields, required, documented []string
		kind := reflect.TypeOf(v)
		for i := range kind.NumField() {
			field, option, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			fields = append(fields, field)
			if option != "omitempty" {
				required = append(required, field)
			}
		}
		for p := range schema.Properties {
			documented = append(documented, p)
		}
		for _, list := range [][]string{fields, required, documented, schema.Required} {
			slices.Sort(list)
		}
		if !slices.Equal(fields, documented) || !slices.Equal(required, schema.Required) || schema.Additional == nil || *schema.Additional {
			t.Errorf("%s: has %q, requires %q, documented %q, %q", name, fields, required, documented, schema.Required)
		}
	}
	var code struct{ Enum []string }
	must(t, json.Unmarshal(doc.Parts.Schemas["Refusal"].Properties["code"], &code))
	var post struct{ Responses map[string]json.RawMessage }
	must(t, json.Unmarshal(doc.Paths[certificatesPath]["post"], &post))
	for c := range answers {
		if !slices.Contains(code.Enum, c) {
			t.Errorf("the code %q is not documented", c)
		}
	}
	if len(code.Enum) != len(answers) {
		t.Errorf("%d codes are documented, there are %d", len(code.Enum), len(answers))
	}
	h.web.enrolling, h.web.cfg.Tickets = newAttempts(time.Now, 1000, 1000), &heardTickets{}
	for c, a := range answers {
		answer, _, e := h.postV1(t, `{"token":"refuse `+c+`"}`)
		if answer.StatusCode != a.status || e.Code != c || e.Hint != a.hint {
			t.Errorf("%s: %d %+v", c, answer.StatusCode, e)
		}
		if _, ok := post.Responses[answer.Status[:3]]; !ok && c != "not_found" {
			t.Errorf("the status %s of %s is not documented", answer.Status, c)
		}
	}
	for path, methods := range doc.Paths {
		for method := range methods {
			if answer, _ := h.ask(strings.ToUpper(method), path, "", nil); answer.StatusCode == http.StatusNotFound {
				t.Errorf("%s %s is documented and not there", method, path)
			}
		}
	}
}

func FuzzDecodeStrict(f *testing.F) {
	f.Add([]byte(goodV1))
	f.Add([]byte(`{"agent":"bot","agent":"x"}`))
	f.Add([]byte(`{"agent":{"a":[1,{}]},"sources":[null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var got CertificateRequest
		if decodeStrict(text, &got) != nil {
			return
		}
		// What is taken means the same to whoever reads it again.
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var second CertificateRequest
		if err := decodeStrict(again, &second); err != nil || !reflect.DeepEqual(normal(got), normal(second)) {
			t.Fatalf("%q became %q: %v", text, again, err)
		}
	})
}

func normal(r CertificateRequest) CertificateRequest {
	if len(r.Sources) == 0 {
		r.Sources = nil
	}
	return r
}

// TestPolicySchema: editors get the schema without signing in.
func TestPolicySchema(t *testing.T) {
	h := newHouse(t, 0)
	answer, text := h.ask("GET", "/v1/policy.schema.json", "", nil)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "application/schema+json; charset=utf-8" || !strings.Contains(text, `"$schema": "https://json-schema.org/draft/2020-12/schema"`) {
		t.Errorf("%d %s %.80s", answer.StatusCode, answer.Header, text)
	}
}
