package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"gatehouse/internal/testhost"
)

// pageLimit bounds what is read of one page.
const pageLimit = 4 << 20

// link asks the console for ann's one-time way into the browser.
func (w *world) link(ctx context.Context) (string, error) {
	r, err := testhost.SSH(ctx, w.clientConfig("ann"), nil, "gatehouse", "web-login", "--json")
	if err != nil {
		return "", err
	}
	var link struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal([]byte(r.Stdout), &link); err != nil || r.Status != 0 || !strings.HasPrefix(link.URL, w.webURL) {
		return "", fmt.Errorf("web-login: %s", describe(r))
	}
	return link.URL, nil
}

// browser signs in as ann with a one-time link and looks at the pages.
func browser(ctx context.Context, w *world) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	client := &http.Client{Jar: jar, Timeout: 15 * time.Second}
	defer client.CloseIdleConnections()
	w.screen.command("ssh -F ann/ssh_config gatehouse web-login")
	link, err := w.link(ctx)
	if err != nil {
		return err
	}
	status, page, err := w.submit(ctx, client, link)
	w.screen.check("the link signs ann in", err == nil && status == http.StatusOK, fmt.Sprint(status, err))
	w.screen.check("and the overview loads", strings.Contains(page, "Gatehouse"), page)
	status, page, err = fetch(ctx, client, http.MethodGet, w.webURL+"/sessions", nil, nil)
	w.screen.check("the sessions page lists what happened", err == nil && status == http.StatusOK && strings.Contains(page, longLine), fmt.Sprint(status, err, page))
	stranger := &http.Client{Timeout: client.Timeout}
	defer stranger.CloseIdleConnections()
	status, page, err = w.submit(ctx, stranger, link)
	w.screen.check("the link opens once: a second use is refused", err == nil && status >= 400, fmt.Sprint(status, err, page))
	status, page, err = fetch(ctx, stranger, http.MethodGet, w.webURL+"/sessions", nil, nil)
	w.screen.check("and without it there is nothing to see", err == nil && !strings.Contains(page, longLine), fmt.Sprint(status, err, page))
	return nil
}

// submit does what the sign-in page's script does with the link's fragment.
func (w *world) submit(ctx context.Context, client *http.Client, link string) (int, string, error) {
	address, token, _ := strings.Cut(link, "#")
	form := url.Values{"token": {token}}
	return fetch(ctx, client, http.MethodPost, address, strings.NewReader(form.Encode()), http.Header{
		"Content-Type":   {"application/x-www-form-urlencoded"},
		"Origin":         {w.webURL},
		"Sec-Fetch-Site": {"same-origin"},
	})
}

func fetch(ctx context.Context, client *http.Client, method, address string, body io.Reader, header http.Header) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return 0, "", err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(io.LimitReader(response.Body, pageLimit))
	return response.StatusCode, string(page), err
}

// invite says what to try by hand.
func (w *world) invite(ctx context.Context) {
	link, err := w.link(ctx)
	if err != nil {
		link = "(no link: " + err.Error() + ")"
	}
	w.screen.title("Now you")
	fmt.Fprintf(w.screen.out, `  In the browser, as ann (the link opens once):
    %s
  In another terminal:
    cd %s
    ssh -F demo-bot/ssh_config %s 'tail -n 3 /var/log/app/api.log'
    ssh -F demo-bot/ssh_config %s 'cat /etc/passwd'
    ssh -F demo-bot/ssh_config -t %s top
    ssh -F demo-bot/ssh_config -t %s      # a prompt: help says what may be done, exit ends it
    ssh -F demo-bot/ssh_config -J gatehouse deploy@web-1 uptime
    ssh -F ann/ssh_config gatehouse sessions list
    ssh -F ann/ssh_config gatehouse web-login
    vi policy.yaml      # read again as soon as it is saved
  demo-bot's certificate ends after 15 minutes, as an agent's should; for another:
    %s issue --config gatehouse.yaml --agent demo-bot --task DEMO-2 --public-key demo-bot/id_ed25519.pub --ttl 15m
  Ctrl-C ends everything and removes the folder.
`, link, w.dir, web1, web1, web1, ops, w.binary)
}
