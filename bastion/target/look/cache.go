package look

import (
	"sync"
	"time"

	"gatehouse/policy"
)

// How long the cache keeps what it is told, and how much.
const (
	lifetime    = 10 * time.Minute
	maxTargets  = 10_000
	maxPrograms = 256 // of one target, with and without hash
	maxHomes    = 64  // of one target
)

// Cache keeps what stays true: programs that root alone could have put where they are, and homes.
//
// That is sound because each such fact says that every folder, link and file on the way belongs to root and is open to nobody else's
// writing: whoever could make it untrue within the lifetime is root on the target, and root there can run what it likes without us.
// A home is where root's account database says. What any login could change meanwhile is never kept: paths, globs, and that a
// program is missing or not root's. An administrator who replaces a program meanwhile gets the old hash compared for ten minutes
// at most; Forget ends that. Safe for concurrent use.
type Cache struct {
	now func() time.Time

	mu      sync.Mutex
	targets map[string]*known
	swept   time.Time // when all targets were last looked through for what is too old
}

// known is what is known of one target.
type known struct {
	programs map[program]kept[policy.ProgramFact]
	homes    map[string]kept[string] // by login
}

type program struct {
	name string
	hash bool
}

type kept[T any] struct {
	fact T
	till time.Time
}

// NewCache makes an empty cache; a nil now means time.Now.
func NewCache(now func() time.Time) *Cache {
	if now == nil {
		now = time.Now
	}
	return &Cache{now: now, targets: map[string]*known{}}
}

// Known is what can be attached to a request before anything is asked: the login's home, and those of the named programs that are
// known. Where one is known with its hash and without, it is with. The facts are the caller's own.
func (c *Cache) Known(target, login string, programs []string) policy.Facts {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.targets[target]
	if !ok {
		return policy.Facts{}
	}
	now := c.now()
	var facts policy.Facts
	facts.Home, _ = k.homes[login].at(now)
	for _, name := range programs {
		fact, ok := k.programs[program{name, true}].at(now)
		if !ok {
			fact, ok = k.programs[program{name, false}].at(now)
		}
		if !ok {
			continue
		}
		if facts.Programs == nil {
			facts.Programs = map[string]policy.ProgramFact{}
		}
		facts.Programs[name] = fact
	}
	return facts
}

// at is the fact, if it is there and not too old.
func (k kept[T]) at(now time.Time) (fact T, ok bool) {
	if !now.Before(k.till) {
		return fact, false
	}
	return k.fact, true
}

// Keep takes from the facts what may be kept of a target's answer to the probes: it takes nothing that was not asked by them.
func (c *Cache) Keep(target, login string, probes []policy.Probe, facts policy.Facts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	k := c.of(target, now)
	for _, p := range probes {
		switch p.Kind {
		case policy.ProbeHome:
			if facts.Home != "" {
				put(k.homes, login, facts.Home, maxHomes, now)
			}
		case policy.ProbeProgram:
			f, ok := facts.Programs[p.Name]
			if ok && f.Why == "" && f.Path != "" && (!p.Hash || f.SHA256 != "") {
				put(k.programs, program{p.Name, f.SHA256 != ""}, f, maxPrograms, now)
			}
		}
	}
}

// Forget drops what is known of a target: its address, its search path or a program there has changed.
func (c *Cache) Forget(target string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.targets, target)
}

// of is what is known of a target. When there are too many, those of which nothing is known any more go, and if that was done a
// moment ago any one.
func (c *Cache) of(target string, now time.Time) *known {
	k, ok := c.targets[target]
	if ok {
		k.expire(now)
		return k
	}
	if len(c.targets) >= maxTargets && now.Sub(c.swept) >= time.Minute {
		c.swept = now
		for name, other := range c.targets {
			if other.expire(now); len(other.programs)+len(other.homes) == 0 {
				delete(c.targets, name)
			}
		}
	}
	for name := range c.targets {
		if len(c.targets) < maxTargets {
			break
		}
		delete(c.targets, name)
	}
	k = &known{programs: map[program]kept[policy.ProgramFact]{}, homes: map[string]kept[string]{}}
	c.targets[target] = k
	return k
}

// expire drops what is too old.
func (k *known) expire(now time.Time) {
	expire(k.programs, now)
	expire(k.homes, now)
}

func expire[K comparable, T any](m map[K]kept[T], now time.Time) {
	for key, f := range m {
		if !now.Before(f.till) {
			delete(m, key)
		}
	}
}

// put keeps a fact; when there are too many, the one that is too old first goes.
func put[K comparable, T any](m map[K]kept[T], key K, fact T, most int, now time.Time) {
	if _, ok := m[key]; !ok && len(m) >= most {
		var oldest K
		first := true
		for k, f := range m {
			if first || f.till.Before(m[oldest].till) {
				oldest, first = k, false
			}
		}
		delete(m, oldest)
	}
	m[key] = kept[T]{fact, now.Add(lifetime)}
}
