package policy

import (
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// The bounds of limits.
const (
	maxLimitTime  = 7 * 24 * time.Hour
	maxLimitBytes = 1 << 50
	maxLimitCount = 1_000_000
)

func readLimits(v value) Obligations {
	var o Obligations
	v.fields(map[string]func(value){
		"session":   func(v value) { o.MaxSeconds = readSeconds(v) },
		"idle":      func(v value) { o.Idle = readSeconds(v) },
		"sessions":  func(v value) { o.Sessions = v.count(maxLimitCount) },
		"denials":   func(v value) { o.Denials = v.count(maxLimitCount) },
		"bytes_out": func(v value) { o.BytesOut = v.bytes() },
		"bytes_in":  func(v value) { o.StdinMax = v.bytes() },
	})
	return o
}

func readSeconds(v value) int64 {
	d, _ := v.duration(maxLimitTime)
	return int64(d / time.Second)
}

// tighten keeps the stricter of each.
func (o Obligations) tighten(other Obligations) Obligations {
	o.DryRun = o.DryRun || other.DryRun
	o.MaxSeconds = smaller(o.MaxSeconds, other.MaxSeconds)
	o.Idle = smaller(o.Idle, other.Idle)
	o.BytesOut = smaller(o.BytesOut, other.BytesOut)
	o.StdinMax = smaller(o.StdinMax, other.StdinMax)
	o.MaxFile = smaller(o.MaxFile, other.MaxFile)
	o.Sessions = smaller(o.Sessions, other.Sessions)
	o.Denials = smaller(o.Denials, other.Denials)
	return o
}

// smaller is the smaller of two bounds, of which 0 is none.
func smaller(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// count reads a whole number from 1 to most.
func (v value) count(most int64) int64 {
	n, ok := v.node.(*ast.IntegerNode)
	if !ok {
		v.expect("a whole number")
		return 0
	}
	count, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || count < 1 || count > most {
		v.problem("%s cannot be %s: write a whole number from 1 to %d", n.String(), v.what, most)
		return 0
	}
	return count
}

var byteUnits = []struct {
	suffix string
	size   int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"B", 1}}

// bytes reads a size such as 200MiB.
func (v value) bytes() int64 {
	text, ok := v.text()
	if !ok {
		return 0
	}
	for _, unit := range byteUnits {
		digits, ok := strings.CutSuffix(text, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err == nil && n > 0 && n <= maxLimitBytes/unit.size {
			return n * unit.size
		}
		break
	}
	v.problem("%q cannot be %s: write a size such as 64KiB, 200MiB or 2GiB", text, v.what)
	return 0
}
