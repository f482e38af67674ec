package main

import (
	"slices"
	"testing"
	"testing/synctest"
)

// TestEarlyEvents: what the decider tells before the door is ready holds nothing up, and is heard in order when it is. A
// reload while the service starts would otherwise keep the door from the answer that it begins with.
func TestEarlyEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEarlyEvents()
		var heard []int
		told := 0
		go func() {
			for i := range maxEarly + 2 {
				e.do(func() { heard = append(heard, i) })
				told++
			}
		}()
		synctest.Wait()
		if told != maxEarly || len(heard) != 0 {
			t.Errorf("before: %d told, %d heard", told, len(heard))
		}
		e.begin()
		synctest.Wait()
		if told != maxEarly+2 || len(heard) != told || !slices.IsSorted(heard) {
			t.Errorf("after: %d told, %d heard, in order: %t", told, len(heard), slices.IsSorted(heard))
		}
	})
}
