package sftp

import (
	"errors"
	"net"
	"testing"
)

// TestFaultEndsTheClient: what goes wrong in our own code while an answer is looked at ends the client, not the process.
func TestFaultEndsTheClient(t *testing.T) {
	ours, theirs := net.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer theirs.Close()
		if _, err := ReadPacket(theirs); err != nil {
			return
		}
		_, _ = theirs.Write(Seal(Request(PacketVersion, Version)))
		if p, err := ReadPacket(theirs); err == nil {
			_, _ = theirs.Write(Seal(Request(PacketHandle, p.ID())))
		}
	}()
	c, err := Dial(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Send(t.Context(), PacketStat, Text("/"), func(Packet) { panic("a fault") }); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	var fault *Fault
	if !errors.As(c.Err(), &fault) || fault.Value != "a fault" {
		t.Errorf("%v", c.Err())
	}
	c.Close()
	<-ended
}
