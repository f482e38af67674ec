package web

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"gatehouse/internal/console"
)

const (
	navWait   = 200 * time.Millisecond // a page waits no longer for what stands around it
	navActor  = time.Minute            // what somebody is offered is that old at most; what they may, the decider says each time
	navCount  = 5 * time.Second
	maxNavs   = 1000 // sign-ins that are remembered; of more one is forgotten
	maxWaits  = 99   // of more than these a page says so
	errorPage = ""   // the Nav of pages that say what went wrong: nothing is asked for them
)

// around is what stands around every page: who is signed in, and how many requests wait for them.
type around struct {
	actor   console.Actor
	waits   int
	actorAt time.Time
	waitsAt time.Time
	noKey   bool // the person has no passkey
	keyAt   time.Time
}

// navs remembers for a moment what stands around the pages of each sign-in. It opens nothing.
type navs struct {
	mu sync.Mutex
	by map[string]around // by hashOf the cookie
}

func newNavs() *navs { return &navs{by: map[string]around{}} }

func (n *navs) get(cookie string) around {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.by[hashOf(cookie)]
}

func (n *navs) put(cookie string, a around) {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := hashOf(cookie)
	if _, known := n.by[key]; !known && len(n.by) >= maxNavs {
		for other := range n.by {
			delete(n.by, other)
			break
		}
	}
	n.by[key] = a
}

// stale makes the next page count anew.
func (n *navs) stale(cookie string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a, ok := n.by[hashOf(cookie)]; ok {
		a.waitsAt = time.Time{}
		n.by[hashOf(cookie)] = a
	}
}

// forget drops what is known of a sign-in.
func (n *navs) forget(cookie string) { n.drop([]string{hashOf(cookie)}) }

// drop drops what is known of sign-ins that have ended, by hashOf their cookies.
func (n *navs) drop(keys []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, key := range keys {
		delete(n.by, key)
	}
}

// surround fills in what stands around a page. It waits for the decider a moment and no longer: what has not come by then is
// left out, and the page is shown.
func (s *Server) surround(r *http.Request, p *page) {
	cookie := s.cookie(r)
	if cookie == "" || p.Nav == "sign-in" {
		return
	}
	a := s.navs.get(cookie)
	now := s.cfg.Now()
	if len(p.By.Rights) > 0 {
		a.actor, a.actorAt = p.By, now
	}
	if p.Nav != errorPage {
		ctx, cancel := context.WithTimeout(r.Context(), navWait)
		s.look(ctx, console.Credential{SignIn: cookie}, &a, now)
		cancel()
		s.navs.put(cookie, a)
	}
	if p.By.Principal == "" || p.By.Principal == a.actor.Principal {
		p.By = a.actor
	}
	p.Waits, p.ManyWaits = min(a.waits, maxWaits), a.waits > maxWaits
}

// look counts anew what was counted too long ago.
func (s *Server) look(ctx context.Context, who console.Credential, a *around, now time.Time) {
	if now.Sub(a.waitsAt) <= navCount {
		return
	}
	a.waits = 0
	if list, _, err := s.cfg.Access.Requests(ctx, who, console.AccessFilter{Answer: true}); err == nil {
		a.waits, a.waitsAt = len(list), now
	}
}

// actor returns who is signed in, for pages whose own operation does not say so.
func (s *Server) actor(ctx context.Context, who console.Credential) (console.Actor, error) {
	a := s.navs.get(who.SignIn)
	now := s.cfg.Now()
	if a.actor.Principal != "" && now.Sub(a.actorAt) <= navActor {
		return a.actor, nil
	}
	actor, err := s.cfg.Console.WhoAmI(ctx, who)
	if err != nil {
		return console.Actor{}, err
	}
	a.actor, a.actorAt = actor, now
	s.navs.put(who.SignIn, a)
	return actor, nil
}

// certain is a handler for forms, which ask for nothing by themselves: the decider says each time whether the sign-in is good.
func (s *Server) certain(next asPerson) http.HandlerFunc {
	return s.signedIn(func(w http.ResponseWriter, r *http.Request, who console.Credential) error {
		s.navs.forget(who.SignIn)
		if _, err := s.actor(r.Context(), who); err != nil {
			return err
		}
		return next(w, r, who)
	})
}

// keyless says whether the person has no passkey to approve with. A look at an account stands in the log, so this looks rarely.
func (s *Server) keyless(ctx context.Context, who console.Credential) (bool, error) {
	a := s.navs.get(who.SignIn)
	now := s.cfg.Now()
	if now.Sub(a.keyAt) <= navActor {
		return a.noKey, nil
	}
	person, err := s.cfg.Accounts.Account(ctx, who)
	if err != nil {
		return false, err
	}
	a.noKey, a.keyAt = len(person.Passkeys) == 0, now
	s.navs.put(who.SignIn, a)
	return a.noKey, nil
}

// known is a handler for pages whose own operation does not say who is signed in, so that the page can. What cannot be told now, because
// the log cannot be written or the decider is slow, is left out: each operation is authorised by itself.
func (s *Server) known(next asPerson) http.HandlerFunc {
	return s.signedIn(func(w http.ResponseWriter, r *http.Request, who console.Credential) error {
		ctx, cancel := context.WithTimeout(r.Context(), panicWait)
		_, err := s.actor(ctx, who)
		cancel()
		if errors.Is(err, console.ErrSignedOut) {
			return err
		}
		return next(w, r, who)
	})
}
