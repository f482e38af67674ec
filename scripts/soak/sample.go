package main

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// processes are what is measured.
var processes = []string{"supervisor", "decider", "door"}

// sample is how large everything was at a moment: what, of which process, how much.
type sample struct {
	at     time.Time
	pids   string // another life has others
	values map[string]float64
}

// tolerance is what a median may grow by, from the first quarter of a life to its last: a part of it, and a number beside
// that, as small numbers jump.
var tolerance = map[string]struct{ part, more float64 }{
	"rss MiB":     {0.25, 24},
	"descriptors": {0.15, 24},
	"threads":     {0.20, 8},
	"goroutines":  {0.20, 80},
}

// sample measures until the context ends.
func (s *soak) sample(ctx context.Context) {
	every := min(max(s.until.Sub(s.begun)/300, 500*time.Millisecond), 10*time.Second)
	for ; ctx.Err() == nil; pause(ctx, every) {
		one := s.look(ctx)
		s.mu.Lock()
		if one.pids != "" {
			s.samples = append(s.samples, one)
		}
		s.mu.Unlock()
	}
}

// look measures once. Without all of the processes there is nothing to say.
func (s *soak) look(ctx context.Context) sample {
	one := sample{at: time.Now(), values: map[string]float64{}}
	pids := ""
	for _, name := range processes {
		pid := s.gate.PID(name)
		if pid == 0 {
			return sample{at: one.at}
		}
		pids += fmt.Sprintf("%d ", pid)
		measure(one.values, name, pid)
	}
	s.goroutines(ctx, one.values)
	one.values["data MiB"] = folderSize(filepath.Join(s.dir, "data")) / (1 << 20)
	one.pids = pids
	return one
}

func measure(into map[string]float64, name string, pid int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return // ended meanwhile
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		if len(fields) == 0 {
			continue
		}
		n, err := strconv.ParseFloat(fields[0], 64)
		switch {
		case err != nil:
		case key == "VmRSS":
			into[name+" rss MiB"] = n / 1024
		case key == "Threads":
			into[name+" threads"] = n
		}
	}
	if entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)); err == nil {
		into[name+" descriptors"] = float64(len(entries))
	}
}

var goroutineLine = regexp.MustCompile(`^go_goroutines\{.*process="(\w+)".*\} ([0-9.e+]+)$`)

// goroutines asks the service's own numbers, which may not have them.
func (s *soak) goroutines(ctx context.Context, into map[string]float64) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.gate.Metrics, nil)
	if err != nil {
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if m := goroutineLine.FindStringSubmatch(lines.Text()); m != nil {
			if n, err := strconv.ParseFloat(m[2], 64); err == nil {
				into[m[1]+" goroutines"] = n
			}
		}
	}
}

func folderSize(dir string) float64 {
	size := 0.0
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error { // files come and go
		if err != nil || d.IsDir() || d.Name() == "filler" {
			return nil
		}
		if info, err := d.Info(); err == nil {
			size += float64(info.Size())
		}
		return nil
	})
	return size
}

// flat compares the quarters of the last life, after its warm-up, prints them, and says what grew.
func (s *soak) flat() []string {
	if len(s.samples) == 0 {
		return []string{"nothing was measured"}
	}
	last := s.samples[len(s.samples)-1].pids
	life := slices.DeleteFunc(slices.Clone(s.samples), func(one sample) bool { return one.pids != last })
	life = life[len(life)/5:] // the warm-up
	var found []string
	if len(life) < 20 {
		found = append(found, fmt.Sprintf("only %d samples of the last life: too few to say that anything is flat", len(life)))
	}
	fmt.Printf("\n%-26s %9s %9s %9s %9s   from %s on\n", "median", "1st", "2nd", "3rd", "4th", life[0].at.Sub(s.begun).Round(time.Second))
	for _, name := range names(life) {
		q := quarters(life, name)
		verdict := ""
		if limit, judged := limitOf(name, q[0]); judged {
			verdict = fmt.Sprintf("at most %.1f", limit)
			if q[3] > limit {
				verdict += "  GROWS"
				found = append(found, fmt.Sprintf("%s grows: medians of quarters %.1f, at most %.1f", name, q, limit))
			}
		}
		fmt.Printf("%-26s %9.1f %9.1f %9.1f %9.1f   %s\n", name, q[0], q[1], q[2], q[3], verdict)
	}
	return found
}

// limitOf is what the last quarter may have, where that is judged: the data folder grows as it should.
func limitOf(name string, first float64) (float64, bool) {
	for what, t := range tolerance {
		if strings.HasSuffix(name, what) {
			return first*(1+t.part) + t.more, true
		}
	}
	return 0, false
}

func names(all []sample) []string {
	var out []string
	for _, one := range all {
		for name := range one.values {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// quarters are the medians of the four quarters.
func quarters(all []sample, name string) [4]float64 {
	var out [4]float64
	for i := range out {
		var part []float64
		for _, one := range all[i*len(all)/4 : (i+1)*len(all)/4] {
			if v, ok := one.values[name]; ok {
				part = append(part, v)
			}
		}
		out[i] = median(part)
	}
	return out
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}
