package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"gatehouse/policy"
	"gatehouse/policy/lab"
	"gatehouse/recorder/audit"
)

// PolicyShadowCmd is `gatehouse policy shadow --log DATA`.
type PolicyShadowCmd struct {
	HistoryFlags
	JSONFlag
}

// shadowed is what the entries of a shadow policy have besides what decisions have.
type shadowed struct {
	Proposed policy.Decision `json:"proposed"`
}

// Run prints where the shadow policy decided otherwise; exit status 1 if it did.
func (c *PolicyShadowCmd) Run() error {
	if c.Log == "" {
		return errNoLog
	}
	var faults []string
	changes, err := lab.Gather(c.differences(&faults))
	if err != nil {
		return &exitError{exitUsage, err}
	}
	for _, fault := range faults {
		fmt.Fprintln(os.Stderr, "the shadow policy was not used:", fault)
	}
	if err := c.print(os.Stdout, changes, changes.String()); err != nil {
		return err
	}
	if len(changes.Changes) > 0 {
		return &exitError{exitNo, nil}
	}
	return nil
}

// differences reads them from the log; faults are why the shadow policy could not be used, newest first.
func (c *PolicyShadowCmd) differences(faults *[]string) func(yield func(lab.Difference, error) bool) {
	return func(yield func(lab.Difference, error) bool) {
		err := c.decisions(func(e audit.Entry) error {
			if e.Outcome == "fault" {
				*faults = append(*faults, e.Time.Format("2006-01-02 15:04")+": "+e.Reason)
				return nil
			}
			d, err := difference(e)
			if errors.Is(err, errNoPlan) {
				return nil
			}
			if err != nil || !yield(d, nil) {
				return errors.Join(err, errEnough)
			}
			return nil
		}, `"type":"policy.shadow"`)
		if err != nil && !errors.Is(err, errEnough) {
			yield(lab.Difference{}, err)
		}
	}
}

func difference(e audit.Entry) (lab.Difference, error) {
	var s shadowed
	if e.Type != audit.PolicyShadow {
		return lab.Difference{}, errNoPlan
	}
	if err := json.Unmarshal(e.Data, &s); err != nil {
		return lab.Difference{}, fmt.Errorf("entry %d of the log: %w", e.Seq, err)
	}
	e.Type = audit.Decision // its other data are a decision's
	r, err := record(e)
	return lab.Difference{Record: r, Proposed: s.Proposed}, err
}
