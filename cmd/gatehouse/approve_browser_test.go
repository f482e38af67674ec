package main

import (
	"bytes"
	"context"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
)

const approvePolicy = `version: 1
groups: {sre: ["person:bob", "person:cat"], web: ["person:ann"]}
people: {ann: {roles: [watch]}, bob: {roles: [watch]}, cat: {roles: [watch], approval_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKsNxl46IPz+tT0l8ZdVVwEGPHq8vAg4d6HLQBe8jbJ5"]}}
agents: {bot: {owner: "group:web", roles: [op]}}
roles:
  watch:
    rights: [view, operate, approve]
    break_glass: [{role: fix, for: 30m, review: {approvals: 2, from: [sre, web]}}]
  fix: {targets: ["*"], logins: [deploy], allow: [show]}
  op:
    targets: ["*"]
    logins: [deploy]
    ask: [{run: "show <text>", approvals: 2, from: [sre], for: 5m, uses: 9, mode: pinned}]
`

func newApproveHouse(t *testing.T) *peopleHouse {
	dir := openFolder(t)
	h := &peopleHouse{t: t, dir: dir, binary: build(t, dir)}
	g, err := testgate.Start(t.Context(), testgate.Config{Dir: mkdir(t, dir, "gate"), Binary: h.binary, Policy: approvePolicy,
		Hosts: []testhost.Config{{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: firstUID}}, Recorders: []string{"show"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	h.Gate = g
	if _, err := g.Enrol(t.Context(), "agent", "bot", "--task", "OPS-7"); err != nil {
		t.Fatal(err)
	}
	return h
}

// waiter is a stock ssh client of the agent's that runs while people decide.
type waiter struct {
	cmd    *exec.Cmd
	out    bytes.Buffer
	mu     sync.Mutex
	said   bytes.Buffer
	change chan struct{}
}

func (w *waiter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said.Write(p)
	select {
	case w.change <- struct{}{}:
	default:
	}
	return len(p), nil
}

// asks starts the agent's command, and returns the request that it waits for.
func (h *peopleHouse) asks(command string) (w *waiter, request string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 2*time.Minute)
	w = &waiter{change: make(chan struct{}, 1)}
	w.cmd = exec.CommandContext(ctx, "ssh", "-F", h.Client("bot"), "-o", "BatchMode=yes", "deploy@web-1@gatehouse", command)
	w.cmd.Stdout, w.cmd.Stderr = &w.out, w
	if err := w.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		cancel()
		_ = w.cmd.Wait() // most have been waited for
	})
	for {
		w.mu.Lock()
		m := regexp.MustCompile(`GATEHOUSE-WAITING .*"request":"(ar_[0-9A-Z]{26})"`).FindStringSubmatch(w.said.String())
		said := w.said.String()
		w.mu.Unlock()
		if m != nil {
			return w, m[1]
		}
		select {
		case <-w.change:
		case <-time.After(patience):
			h.t.Fatalf("nothing waits: %s", said)
		}
	}
}

// ends waits for the client, and returns its status and what it said.
func (w *waiter) ends(t *testing.T) (status int, said string) {
	t.Helper()
	_ = w.cmd.Wait() // the status is looked at
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cmd.ProcessState.ExitCode(), w.out.String() + w.said.String()
}

// approver is a person in a browser of their own, with a passkey.
func (h *peopleHouse) approver(name string) *browser {
	h.t.Helper()
	b := newBrowser(h.t)
	b.device()
	b.open(h.root("setup-link", "--person", name))
	b.until(`location.pathname === '/account'`)
	b.says("Add a passkey")
	b.register("laptop")
	b.says("Try it.")
	b.until(`document.querySelector('form[data-next] button')?.hidden === false`)
	b.click(`form[data-next] button`)
	b.says("It has verified you.")
	return b
}

// viaScript runs a step of the page's own script in the page, and returns what came of it.
func (b *browser) viaScript(body string) string {
	b.t.Helper()
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`(async () => {
		const post = async (path, body) => { const r = await fetch(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)}); return [r.status, await r.json()]; };
		const prove = async (id, change) => {
			const [status, c] = await post('/api/requests/' + id + '/challenge', {});
			if (status !== 200) return {status, said: c};
			const options = PublicKeyCredential.parseRequestOptionsFromJSON(c.options.publicKey);
			change?.(options);
			return {challenge: c.id, assertion: (await navigator.credentials.get({publicKey: options})).toJSON()};
		};
		const yes = async (id, proof) => JSON.stringify(await post('/api/requests/' + id + '/approve', proof));
		`+body+`})()`, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", body, err)
	}
	return got
}

// TestApproval is the life of a privilege in browsers and a stock ssh client: an agent asks, two people see what it is and approve it,
// each with a passkey; it runs pinned; the agent is done, and the grant is gone. Everything that only looks like an approval is refused.
func TestApproval(t *testing.T) {
	h := newApproveHouse(t)
	bob, cat := h.approver("bob"), h.approver("cat")
	w, request := h.asks("show two\\ words")

	// 1. Bob finds it in the queue and reads what it is.
	bob.open(h.WebURL + "/approvals")
	bob.until(`document.querySelector('.count')?.innerText === '1'`)
	bob.click(`.asks a[href="/requests/` + request + `"]`)
	bob.until(`[...document.querySelectorAll('.word')].map(n => n.innerText).join('|').endsWith('/show|two words')`)
	bob.says("OPS-7")
	bob.says("pinned")
	bob.says("op/ask[0]")
	bob.until(`document.querySelector('[data-yes]')?.hidden === false && document.querySelector('.decide').innerText.includes('sha256:')`)

	// 2. What only looks like a yes is none.
	waiting, other := h.asks("show another")
	for name, c := range map[string]struct{ body, want string }{
		"no proof":               {`return yes('` + request + `', {challenge: 'chl_x', assertion: {}});`, `[403,`},
		"of another request":     {`return yes('` + request + `', await prove('` + other + `'));`, `another request`},
		"a challenge of mine":    {`const p = await prove('` + request + `', o => { o.challenge = new Uint8Array(32); }); return yes('` + request + `', p);`, `[403,`},
		"without verification":   {`const p = await prove('` + request + `'); const d = Uint8Array.from(atob(p.assertion.response.authenticatorData.replace(/-/g,'+').replace(/_/g,'/')), c => c.charCodeAt(0)); d[32] &= ~4; p.assertion.response.authenticatorData = btoa(String.fromCharCode(...d)).replace(/\+/g,'-').replace(/\//g,'_').replace(/=+$/,''); return yes('` + request + `', p);`, `[403,`},
		"a proof used up":        {`const p = await prove('` + other + `'); await yes('` + request + `', p); return yes('` + other + `', p);`, `used`},
		"by a link":              {`const r = await fetch('/requests/` + request + `/decline?words=x'); return JSON.stringify([r.status]);`, `[404]`},
		"with a form's encoding": {`const r = await fetch('/api/requests/` + request + `/approve', {method: 'POST', body: new URLSearchParams({challenge: 'x', assertion: '{}'})}); return JSON.stringify([r.status]);`, `[400]`},
	} {
		if got := bob.viaScript(c.body); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
	}

	// 3. Two tabs at once are one person, and one vote.
	got := bob.viaScript(`const [a, b] = [await prove('` + request + `'), await prove('` + request + `')]; const r = await Promise.all([yes('` + request + `', a), yes('` + request + `', b)]); return r.map(x => JSON.parse(x)[0]).sort().join(',');`)
	if got != "200,403" {
		t.Errorf("two tabs at once: %s", got)
	}
	bob.says("You cannot decide this.")
	bob.says("1 more of sre")
	bob.open(h.WebURL + "/approvals")
	bob.do("go back", chromedp.NavigateBack())
	bob.until(`document.querySelector('[data-approve]') === null && document.querySelector('.votes')?.innerText.includes('bob')`)

	// 4. Cat follows a link of a message, which approves nothing by itself, and approves by the page.
	cat.open(h.WebURL + "/requests/" + request)
	cat.until(`document.querySelector('[data-yes]')?.hidden === false`)
	cat.do("say something", chromedp.SendKeys(chromedp.CSS("#words"), "as we agreed"))
	cat.click(`[data-yes]`)
	cat.until(`document.querySelector('.decide')?.innerText.toLowerCase().includes('approved') && document.querySelector('.votes').innerText.includes('as we agreed')`)
	status, said := w.ends(t)
	if status != 0 || !strings.Contains(said, "APPROVED") {
		t.Fatalf("the agent: %d %s", status, said)
	}
	h.noted(`"type":"cert.issue".*"pinned":true`)
	h.noted(`"type":"access.vote","actor":"person:cat"`)

	if r, err := h.SSH(t.Context(), "bot", nil, "gatehouse", "web-login"); err != nil || r.Status == 0 || strings.Contains(r.Stdout, "http") {
		t.Errorf("an agent signs in to the pages: %d %s %s %v", r.Status, r.Stdout, r.Stderr, err)
	}

	// 5. The grant is there, and gone when the agent is done; the same command asks again.
	cat.open(h.WebURL + "/grants")
	cat.says("1 of 9 uses")
	if r, err := h.SSH(t.Context(), "bot", nil, "gatehouse", "done"); err != nil || r.Status != 0 {
		t.Fatalf("done: %d %s %s %v", r.Status, r.Stdout, r.Stderr, err)
	}
	cat.until(`document.querySelector('[data-poll]')?.innerText.includes('Nobody whose grants you may see holds any')`)
	again, next := h.asks("show two\\ words")
	if next == request {
		t.Errorf("the ended grant's request is asked again")
	}

	// 6. A no has words, which the agent reads.
	cat.open(h.WebURL + "/requests/" + next)
	cat.do("say why not", chromedp.SendKeys(chromedp.CSS("#words"), "once is enough"))
	cat.click(`.decide .danger`)
	cat.until(`document.querySelector('.decide')?.innerText.includes('once is enough')`)
	if status, said := again.ends(t); status != 126 || !strings.Contains(said, "approval_declined") || !strings.Contains(said, "once is enough") {
		t.Errorf("declined: %d %s", status, said)
	}

	// 7. Cat is away, and somebody answers in her place until she is back.
	cat.open(h.WebURL + "/account")
	cat.says("SHA256:qzGTvWqdSrDqCpqGLdm8k4bbodBJwCWgFvcYv6QMIWM")
	cat.do("name somebody", chromedp.SendKeys(chromedp.CSS("#away-to"), "bob"), chromedp.SendKeys(chromedp.CSS("#away-until"), "8h"), chromedp.Click(chromedp.CSS(`form[action="/account/away"] button`)))
	cat.says("bob answers in your place")
	cat.click(`button[name=to]`)
	cat.until(`document.querySelector('#approving') !== null && !document.querySelector('main').innerText.includes('answers in your place')`)

	// 8. Cat breaks glass, with a passkey and nobody's approval; Bob reviews it, which one person alone does not settle.
	for i := range 2 {
		cat.open(h.WebURL + "/break-glass")
		cat.until(`document.querySelector('[data-glass] .danger')?.hidden === false`)
		cat.do("break glass", chromedp.SendKeys(chromedp.CSS("#role"), "fix"), chromedp.SendKeys(chromedp.CSS("#targets"), "web-1"), chromedp.SendKeys(chromedp.CSS("#login"), "deploy"),
			chromedp.SendKeys(chromedp.CSS("#reason"), "the pager"), chromedp.Click(chromedp.CSS("[data-glass] .danger")))
		if i == 0 {
			cat.until(`location.pathname === '/grants' && document.querySelector('.panel.glass')?.innerText.includes('fix')`)
			cat.do("end it", chromedp.Click(chromedp.CSS(".panel.glass summary")), chromedp.SendKeys(chromedp.CSS(`form[action$="/end"] input`), "the pager is quiet"), chromedp.Click(chromedp.CSS(`form[action$="/end"] button`)))
			cat.says("Nobody whose grants you may see holds any")
			bob.open(h.WebURL + "/grants")
			bob.do("review", chromedp.Click(chromedp.CSS(`.panel.glass:has(form[action$="/review"]) summary`)),
				chromedp.SendKeys(chromedp.CSS(`form[action$="/review"] input`), "restarted the pager"), chromedp.Click(chromedp.CSS(`form[action$="/review"] button`)))
			bob.says("restarted the pager")
		}
	}
	cat.until(`document.querySelector('[data-glass] .problem').hidden === false && document.querySelector('[data-glass] .problem').innerText.includes('review')`)

	// 9. The panic page ends what waits; it takes both to lift the lock.
	cat.open(h.WebURL + "/panic")
	cat.do("lock everything", chromedp.SendKeys(chromedp.CSS("#reason"), "a key leaked"), chromedp.Click(chromedp.CSS(".panic button.danger")))
	cat.says("Everything is locked.")
	if status, said := waiting.ends(t); status == 0 || !strings.Contains(said, "a key leaked") {
		t.Errorf("what waited: %d %s", status, said)
	}
	for i, b := range []*browser{bob, cat} {
		b.open(h.WebURL + "/locks")
		b.click(".panel.glass summary")
		b.do("lift", chromedp.SendKeys(chromedp.CSS(".panel.glass input"), "a new key is in use"), chromedp.Click(chromedp.CSS(".panel.glass button")))
		b.says([]string{"1 of 2 want it lifted", "Nothing is locked."}[i])
	}
	_, other = h.asks("show another")

	// 10. A sign-in that has ended decides nothing, and leads back to the page.
	bob.open(h.WebURL + "/requests/" + other)
	h.root("passkeys", "reset", "--person", "bob")
	if got := bob.viaScript(`return JSON.stringify(await post('/api/requests/` + other + `/challenge', {}));`); !strings.HasPrefix(got, `[401,`) {
		t.Errorf("signed out: %s", got)
	}
	for _, b := range []*browser{bob, cat} {
		if said := b.complaints(); said != "" {
			t.Errorf("the browser complains:\n%s", said)
		}
	}
}
