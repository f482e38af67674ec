package decider

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"gatehouse/internal/bundle"
	"gatehouse/policy"
)

// Bundles says whose word a policy needs before it comes into force.
type Bundles struct {
	AllowedSigners string // file, as ssh-keygen has it
	Reviewers      int    // people besides the author
}

// errReplayed is why a signed policy is refused that is older than the one that was in force.
var errReplayed = errors.New("the policy is an older one that was signed once, or another one with the same serial: its author signs it again, with a higher serial")

// checkSigned notes whose word the files have. It fails if that is required and not so, and if they were signed with a lower serial
// than what was last in force.
func (d *Decider) checkSigned(files *lastGood) error {
	stored, err := d.readLastGood()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	files.Serial = stored.Serial // also while nothing is required, so that turning it off and on forgets nothing
	if d.cfg.Bundles == nil {
		return nil
	}
	signed, err := d.verifyBundle(files.Policy)
	if err != nil {
		return err
	}
	same := policy.HashOf(stored.Policy) == policy.HashOf(files.Policy)
	if signed.Serial < stored.Serial || signed.Serial == stored.Serial && !same {
		return fmt.Errorf("%w (it has %d, the last had %d)", errReplayed, signed.Serial, stored.Serial)
	}
	files.Serial, files.Signed, files.raised = signed.Serial, &signed, signed.Serial > stored.Serial
	return nil
}

func (d *Decider) verifyBundle(files []policy.File) (bundle.Signed, error) {
	text, err := readBounded(d.cfg.Bundles.AllowedSigners)
	if err != nil {
		return bundle.Signed{}, fmt.Errorf("read allowed signers: %w", err)
	}
	allowed, err := bundle.ParseSigners(text)
	if err != nil {
		return bundle.Signed{}, fmt.Errorf("%s: %w", d.cfg.Bundles.AllowedSigners, err)
	}
	list, err := bundle.Read(d.cfg.Policy)
	if err != nil {
		return bundle.Signed{}, err
	}
	return bundle.Verify(files, list, allowed, d.cfg.Bundles.Reviewers, d.cfg.Now())
}

// bundleFiles are the files besides policy and inventory that a reload looks at.
func (d *Decider) bundleFiles() []string {
	var paths []string
	if d.cfg.Bundles != nil {
		paths = append(paths, bundle.File(d.cfg.Policy), d.cfg.Bundles.AllowedSigners)
	}
	if d.cfg.Shadow != "" {
		more, err := policyPaths(d.cfg.Shadow)
		if err != nil {
			more = []string{d.cfg.Shadow}
		}
		paths = append(paths, more...)
	}
	return slices.DeleteFunc(paths, func(path string) bool { _, err := os.Stat(path); return err != nil })
}
