package config

import (
	"reflect"
	"slices"
	"time"
)

// defaultDrain is how long live sessions get when the service stops; maxDrain bounds what may be asked for.
const (
	defaultDrain = 30 * time.Second
	maxDrain     = 24 * time.Hour
)

func (s SSH) validate(bad func(at, format string, args ...any)) {
	if s.Drain < 0 || s.Drain > maxDrain {
		bad("$.ssh.drain", "drain is %s, want 0s (sessions end at once) to %s", s.Drain, maxDrain)
	}
	s.Limits.Check(func(name, why string) { bad("$.ssh.limits."+name, "%s", why) })
}

// live are the settings that come into force by a reload, by their place in the file.
var live = []string{"log.level", "ssh.drain"}

// NeedRestart names the settings of fresh that differ from those a service was started with and come into force only when it
// is started again: by their place in the file, in its order.
func (c Config) NeedRestart(fresh Config) []string {
	var out []string
	differ("", reflect.ValueOf(c), reflect.ValueOf(fresh), func(place string) {
		if !slices.Contains(live, place) {
			out = append(out, place)
		}
	})
	return out
}

// differ calls note with the place of every field, one level below the top, that is not the same.
func differ(above string, a, b reflect.Value, note func(string)) {
	for i := range a.NumField() {
		name, x, y := a.Type().Field(i).Tag.Get("yaml"), a.Field(i), b.Field(i)
		switch {
		case above == "" && x.Kind() == reflect.Struct:
			differ(name+".", x, y, note)
		case !reflect.DeepEqual(x.Interface(), y.Interface()):
			note(above + name)
		}
	}
}
