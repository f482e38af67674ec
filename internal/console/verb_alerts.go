package console

import (
	"errors"
	"strings"
)

// errNoAlerts is answered where alerts are not to be had.
var errNoAlerts = errors.New("there are no alerts here")

func (in *invocation) alerter() (Alerter, error) {
	if in.c.cfg.Alerts == nil {
		return nil, errNoAlerts
	}
	return in.c.cfg.Alerts, nil
}

type alertsListCmd struct {
	Dead   bool   `help:"Only those that a channel never took."`
	Before string `help:"Those before this one." placeholder:"ID"`
}

func (l *alertsListCmd) Run(in *invocation) error {
	a, err := in.alerter()
	if err != nil {
		return err
	}
	page, err := a.Alerts(in.ctx, in.who, AlertFilter{Dead: l.Dead, Before: l.Before})
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(page)
	}
	for _, x := range page.List {
		in.printf("%s  %s  %-8s  %s\n", Stamp(x.Time), Visible(x.ID), Visible(x.Severity), Visible(x.Title))
		in.printf("    %s\n", Visible(x.Text))
		for _, d := range x.Deliveries {
			in.printf("    %s: %s\n", Visible(d.Channel), Visible(strings.TrimSuffix(d.State+": "+d.Why, ": ")))
		}
	}
	if len(page.List) == 0 {
		in.println("No alerts.")
	}
	for _, c := range page.Channels {
		state := "works"
		if !c.Up {
			state = "DOES NOT WORK: " + c.Problem
		}
		in.printf("channel %s: %s; %d waiting, %d held, %d dead letters\n", Visible(c.Name), Visible(state), c.Waiting, c.Held, c.Dead)
	}
	if page.Next != "" {
		in.printf("More: alerts list --before %s\n", Visible(page.Next))
	}
	return nil
}

type alertsTestCmd struct {
	Channel string `arg:"" optional:"" help:"The channel; without it, each."`
}

func (t *alertsTestCmd) Run(in *invocation) error {
	a, err := in.alerter()
	if err != nil {
		return err
	}
	tested, err := a.TestAlerts(in.ctx, in.who, t.Channel)
	if err != nil {
		return err
	}
	if in.json {
		err = in.printJSON(tested)
	}
	var failed []string
	for _, x := range tested {
		switch {
		case x.Problem != "":
			failed = append(failed, x.Channel+": "+x.Problem)
		case !in.json:
			in.printf("%s took the test; look whether it arrived\n", Visible(x.Channel))
		}
	}
	if err == nil && len(failed) > 0 {
		err = errors.New(strings.Join(failed, "; "))
	}
	return err
}

type alertsResendCmd struct {
	Channel string `arg:"" help:"The channel."`
	Alert   string `arg:"" optional:"" help:"The alert, or a unique beginning of its id; without it, all dead letters of the channel."`
}

func (r *alertsResendCmd) Run(in *invocation) error {
	a, err := in.alerter()
	if err != nil {
		return err
	}
	n, err := a.ResendAlert(in.ctx, in.who, r.Channel, r.Alert)
	if err != nil {
		return err
	}
	if in.json {
		return in.printJSON(map[string]int64{"waiting": n})
	}
	in.printf("%s will be sent to %s once more\n", count(int(n), "alert"), Visible(r.Channel))
	return nil
}
