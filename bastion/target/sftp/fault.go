package sftp

import (
	"fmt"
	"runtime/debug"
)

// Fault is a fault in our own code, met while an answer was looked at. It ends the client and no more: its goroutines belong to nobody who
// could catch it.
type Fault struct {
	Value any
	Stack []byte
}

func (f *Fault) Error() string {
	return fmt.Sprintf("a fault in our own code: %v\n%s", f.Value, f.Stack)
}

// task runs what runs beside.
func (c *Client) task(f func()) {
	c.tasks.Go(func() {
		defer func() {
			if value := recover(); value != nil {
				c.Fail(&Fault{value, debug.Stack()})
			}
		}()
		f()
	})
}
