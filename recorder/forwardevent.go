package recorder

import (
	"encoding/json"
	"fmt"
)

// ForwardLine is a Forward event as a line for people.
func ForwardLine(data []byte) string {
	var e struct {
		Event, Host, Socket, Address, Via, Reason string
		Port                                      int
		In                                        int64 `json:"bytes_in"`
		Out                                       int64 `json:"bytes_out"`
	}
	if json.Unmarshal(data, &e) != nil {
		return string(data)
	}
	to := e.Socket
	if to == "" {
		to = fmt.Sprintf("%s:%d", e.Host, e.Port)
	}
	line := e.Event + " " + to
	if e.Event == "open" {
		return fmt.Sprintf("%s at %s via the %s", line, e.Address, e.Via)
	}
	line += fmt.Sprintf(": %d bytes to it, %d bytes from it", e.In, e.Out)
	if e.Reason != "" {
		line += ": " + e.Reason
	}
	return line
}
