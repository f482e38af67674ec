package bastion

import (
	"flag"
	"testing"
	"time"

	attacks "gatehouse/internal/hostile"
	"gatehouse/policy"
)

var everyAttack = flag.Bool("every-attack", false, "run every hostile case, not a cheap part of them")

// After each attack the door serves the next client, and in the end it holds nothing of any of them.
func TestAttacks(t *testing.T) {
	w := newWholeWith(t, func(c *Config) { // what is waited for is short, so that the cases are
		c.Limits.Unclosed, c.Limits.Stalled, c.Limits.Starting, c.Limits.PerSource = time.Second, 5*time.Second, 500, 500
	})
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	e := &attacks.Env{Addr: w.addr, User: "deploy@web-1", Target: "web-1", Key: bot}
	defer e.Close()
	ran := 0
	for _, c := range attacks.Cases() {
		if !c.Core && !*everyAttack {
			continue
		}
		ran++
		t.Run(c.Name, func(t *testing.T) {
			begun := time.Now()
			if err := c.Run(e); err != nil {
				t.Error(err)
			}
			attacked := time.Since(begun)
			client, err := w.dial("deploy@web-1", bot)
			if err != nil {
				t.Fatalf("the next client: %v", err)
			}
			defer client.Close()
			if out, errs, status := exec(client, "echo served"); status != 0 || out != "served\n" {
				t.Errorf("the next client: %d, %q, %q", status, out, errs)
			}
			t.Logf("attacked for %s, then served in %s", attacked.Round(time.Millisecond), (time.Since(begun) - attacked).Round(time.Millisecond))
		})
	}
	t.Logf("%d cases", ran)
	e.Close()
	w.awaitIdle()
}
