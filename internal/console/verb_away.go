package console

import (
	"strings"
	"time"

	"gatehouse/policy/access"
)

type awayCmd struct {
	Person string `arg:"" optional:"" help:"Who answers in your place."`
	Until  string `help:"Until when: 8h from now, or 2026-11-23T10:00:00Z." placeholder:"TIME"`
	End    bool   `help:"You are back: nobody answers in your place any more."`
}

func (w *awayCmd) Run(in *invocation) error {
	a, err := in.access()
	if err != nil {
		return err
	}
	person, until, err := w.read(in.c.cfg.Now())
	if err != nil {
		return err
	}
	all, err := a.Away(in.ctx, in.who, person, until)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(append([]access.Away{}, all...))
	}
	if len(all) == 0 {
		in.println("Nobody answers in another's place.")
	}
	for _, x := range all {
		in.printf("%s answers in the place of %s until %s\n", Visible(x.To), Visible(x.Who), Stamp(x.Until))
	}
	return nil
}

func (w *awayCmd) read(now time.Time) (person string, until time.Time, err error) {
	person = strings.TrimPrefix(w.Person, "person:")
	switch {
	case w.End && person == "" && w.Until == "":
		return "", time.Time{}, nil
	case w.End || person == "" || w.Until == "":
		return "", time.Time{}, usagef("write away PERSON --until TIME, or away --end")
	}
	until, err = ParseUntil(w.Until, now)
	return person, until, err
}
