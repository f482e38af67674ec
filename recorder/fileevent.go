package recorder

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
)

// fileEvent is the data of a File event (docs/spec/recording-chunk.md).
type fileEvent struct {
	Op        string `json:"op"`
	Path      string `json:"path"`
	PathB64   string `json:"path_b64"`
	To        string `json:"to"`
	ToB64     string `json:"to_b64"`
	Direction string `json:"direction"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256"`
	Result    string `json:"result"`
	Why       string `json:"why"`
}

// FileLine is a File event as a line for people. Events that only say that something was looked at are not worth one.
func FileLine(data []byte) (line string, ok bool) {
	var e fileEvent
	if json.Unmarshal(data, &e) != nil {
		return string(data), true
	}
	path := fileName(e.Path, e.PathB64)
	looks := e.Op == "stat" || e.Op == "list" || e.Op == "readlink" || e.Op == "open"
	switch {
	case e.Result == "denied":
		line = "denied " + e.Op + " " + path
	case looks && (e.Result == "ok" || e.Op == "stat"):
		return "", false
	case e.Op == "close":
		line = fmt.Sprintf("%s %s: %d bytes, %s", e.Direction, path, e.Size, e.Result)
		if e.SHA256 != "" {
			line += ", sha256 " + e.SHA256
		}
	default:
		line = e.Op + " " + path
	}
	if to := fileName(e.To, e.ToB64); to != "" {
		line += " to " + to
	}
	if e.Op != "close" && e.Result != "denied" {
		line += ": " + e.Result
	}
	if e.Why != "" {
		line += ": " + e.Why
	}
	return line, true
}

// fileName is a name as it can be shown: one that is not UTF-8 is quoted.
func fileName(text, b64 string) string {
	if b64 == "" {
		return text
	}
	b, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		return b64
	}
	return strconv.Quote(string(b))
}
