package main

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/bastion"
)

// A door that accepts nobody is stuck, unless it drains: a watchdog that took that for a fault would end the sessions that have
// their time.
func TestADrainingDoorIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{ending: newEnding(time.Hour), beat: bastion.NewBeat()}
		time.Sleep(time.Minute)
		if err := d.checkAccepts(); !errors.Is(err, bastion.ErrStuck) {
			t.Errorf("a loop that does not come round: %v", err)
		}
		d.ending.draining.Store(true)
		if err := d.checkAccepts(); err != nil {
			t.Errorf("a door that drains: %v", err)
		}
	})
}
