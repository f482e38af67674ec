package testoidc

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The one user of a Login.
const (
	User     = "ann"
	Password = "correct horse"
	Subject  = "user-4711" // sub of the user's tokens
)

// Login is a whole OpenID provider with a sign-in page. The page has the fields username and password and one button.
type Login struct {
	Server
	t    testing.TB
	keys *rotating
}

// NewLogin starts a provider that knows one client; an empty secret makes it a public one. It stops with the test.
func NewLogin(t testing.TB, clientID, secret string, redirectURLs ...string) *Login {
	t.Helper()
	l := &Login{t: t}
	var mux http.ServeMux
	l.start(t, &mux)
	client := storage.NativeClient(clientID, redirectURLs...)
	if secret != "" {
		client = storage.WebClient(clientID, secret, redirectURLs...)
	}
	l.keys = &rotating{Storage: storage.NewStorageWithClients(users{}, map[string]*storage.Client{clientID: client})}
	l.Rotate()
	provider, err := op.NewProvider(&op.Config{CryptoKey: [32]byte([]byte(rand.Text() + rand.Text())[:32]), CodeMethodS256: true, AuthMethodPost: true}, l.keys,
		op.StaticIssuer(l.URL), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("GET /login/username", showPage)
	issuer := op.NewIssuerInterceptor(provider.IssuerFromRequest)
	mux.Handle("POST /login/username", issuer.HandlerFunc(l.checkPage(op.AuthCallbackURL(provider))))
	mux.Handle("/", provider)
	return l
}

// page is the sign-in page.
var page = template.Must(template.New("page").Parse(`<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Sign in</title>
<form method="post" action="/login/username"><input type="hidden" name="id" value="{{.}}">
<label>User <input id="username" name="username"></label> <label>Password <input id="password" name="password" type="password"></label>
<button type="submit">Sign in</button></form></html>`))

func showPage(w http.ResponseWriter, r *http.Request) {
	_ = page.Execute(w, r.FormValue("authRequestID"))
}

func (l *Login) checkPage(callback func(context.Context, string) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PostFormValue("id")
		if err := l.keys.CheckUsernamePassword(r.PostFormValue("username"), r.PostFormValue("password"), id); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		http.Redirect(w, r, callback(r.Context(), id), http.StatusFound)
	}
}

// Rotate makes a new signing key; the old one stays published.
func (l *Login) Rotate() {
	l.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		l.t.Fatal(err)
	}
	l.keys.add(key)
}

// SignIn does what a browser and its user do, from the address that the flow begins with to the address that the browser is sent back to.
func (l *Login) SignIn(address string) (*url.URL, error) {
	client, base := l.Client(), address
	for range 10 {
		resp, err := client.Get(address)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusOK {
			if resp, err = l.submit(client, address, resp); err != nil {
				return nil, err
			}
		}
		_ = resp.Body.Close()
		next, err := resp.Location()
		if err != nil {
			return nil, fmt.Errorf("%s: status %d, no way on from there", address, resp.StatusCode)
		}
		if !strings.HasPrefix(next.String(), l.URL) {
			return next, nil
		}
		address = next.String()
	}
	return nil, fmt.Errorf("%s leads nowhere", base)
}

// submit fills the sign-in page in.
func (l *Login) submit(client *http.Client, address string, shown *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(shown.Body)
	_ = shown.Body.Close()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil || !strings.Contains(string(body), `name="password"`) {
		return nil, fmt.Errorf("%s is not the sign-in page: %s", address, body)
	}
	form := url.Values{"username": {User}, "password": {Password}, "id": {u.Query().Get("authRequestID")}}
	return client.PostForm(l.URL+"/login/username", form)
}

// users is the one user.
type users struct{}

var ann = storage.User{ID: Subject, Username: User, Password: Password, FirstName: "Ann", LastName: "Example", Email: "ann@example.com", EmailVerified: true}

// GetUserByID implements storage.UserStore.
func (users) GetUserByID(id string) *storage.User { return only(id == Subject) }

// GetUserByUsername implements storage.UserStore.
func (users) GetUserByUsername(name string) *storage.User { return only(name == User) }

// ExampleClientID implements storage.UserStore.
func (users) ExampleClientID() string { return "service" }

func only(ok bool) *storage.User {
	if !ok {
		return nil
	}
	user := ann
	return &user
}

// rotating is the example's storage with more than one key.
type rotating struct {
	*storage.Storage
	mu   sync.Mutex
	keys []signingKey // newest last
}

type signingKey struct {
	id  string
	key *rsa.PrivateKey
}

func (k signingKey) ID() string                                  { return k.id }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k signingKey) Key() any                                    { return k.key }

type publicKey struct{ signingKey }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return k.key.Public() }

func (r *rotating) add(key *rsa.PrivateKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = append(r.keys, signingKey{id: rand.Text(), key: key})
}

// SigningKey implements op.Storage.
func (r *rotating) SigningKey(context.Context) (op.SigningKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys[len(r.keys)-1], nil
}

// KeySet implements op.Storage.
func (r *rotating) KeySet(context.Context) ([]op.Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var keys []op.Key
	for _, k := range r.keys {
		keys = append(keys, publicKey{k})
	}
	return keys, nil
}
