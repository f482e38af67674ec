package governed

import (
	"context"
	"errors"
	"io"
	"sync"

	"gatehouse/bastion/shell/wire"
)

// feed begins to move a command's input, and says what the process is to know of that. The function that it returns ends it.
func (c *command) feed() (stop func(), started wire.Started, err error) {
	in := c.proc.Stdin()
	started.PTY = c.proc.PTY()
	fromClient := c.exec.Stdin == wire.InClient && c.proc.ReadsClient() && (started.PTY || !c.exec.Prompt)
	fromShell := c.exec.Stdin == wire.InPipe && !c.proc.NoInput() || c.exec.Stdin == wire.InClient && c.exec.Prompt && !started.PTY && c.proc.ReadsClient()
	started.Null = !fromClient && !fromShell
	ctx, cancel := context.WithCancel(c.ctx)
	var work sync.WaitGroup
	end := func() { cancel(); work.Wait() }
	held := c.proc.Held()
	switch {
	case held != nil:
		started.Null = false
		work.Go(func() { c.fromHeld(in, held) })
	case fromClient:
		place := int64(0)
		if c.exec.Prompt {
			place = c.exec.Used
		}
		ok, err := c.shell.in.take(place)
		if err != nil {
			cancel()
			return nil, started, err
		}
		if !ok { // another command has it, as two of a pipe or one behind: the terminal's input is one's
			started.Null = true
			_ = in.Close()
			break
		}
		work.Go(func() { c.fromClient(ctx, in) })
		end = sync.OnceFunc(func() {
			cancel()
			work.Wait()
			c.used = c.shell.in.done()
		})
	case fromShell:
		work.Go(func() { c.fromShell(ctx, in) })
	case !started.PTY:
		_ = in.Close()
	}
	return end, started, nil
}

// fromClient moves the client's input to the command. A command that reads no more leaves the rest where it is.
func (c *command) fromClient(ctx context.Context, in io.WriteCloser) {
	for {
		b, err := c.shell.in.next(ctx)
		if errors.Is(err, io.EOF) {
			c.whole.Store(true)
			_ = in.Close()
		}
		if err != nil {
			return
		}
		c.sent.Store(true)
		if _, err := in.Write(b); err != nil {
			return
		}
	}
}

// fromHeld gives the command what was taken for it.
func (c *command) fromHeld(in io.WriteCloser, held []byte) {
	c.sent.Store(true)
	c.whole.Store(true)
	_, _ = in.Write(held) // a command that reads no more
	_ = in.Close()
}

// A room is what a frame of input is read into; a piece is one on its way to the command.
type (
	room  [wire.MaxData]byte
	piece struct {
		room  *room
		bytes []byte
	}
)

// rooms are kept for the next frames. What is written keeps nothing of them.
var rooms = sync.Pool{New: func() any { return new(room) }}

func newRoom() *room { return rooms.Get().(*room) }

// fromShell moves what the process sends. After the command has ended the rest is thrown away.
func (c *command) fromShell(ctx context.Context, in io.WriteCloser) {
	defer in.Close()
	for {
		select {
		case b, ok := <-c.content:
			if !ok {
				return
			}
			if b.room == nil {
				c.whole.Store(true)
				return
			}
			c.sent.Store(true)
			_, err := in.Write(b.bytes)
			rooms.Put(b.room)
			if err != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
