package ca

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Step is one move of a CA's rotation. From steady, with one key, the way is prepare, switch, retire; the first two can be
// undone.
type Step string

// The steps, and what each does when its manifest is durable.
const (
	Prepare     Step = "prepare"      // a next key is made; both are trusted, the old one signs
	Switch      Step = "switch"       // the next key signs; both are trusted
	Retire      Step = "retire"       // the old key is trusted no more; cannot be undone
	UndoPrepare Step = "undo prepare" // the next key is trusted no more; a further prepare makes another
	UndoSwitch  Step = "undo switch"  // the old key signs again; both are trusted
)

// Phase is where a CA's rotation is.
type Phase string

// The phases.
const (
	Steady   Phase = "steady"
	Prepared Phase = "prepared"
	Switched Phase = "switched"
)

// Phase says where the CA's rotation is.
func (m Manifest) Phase(name Name) Phase {
	if _, ok := m.Key(name, Next); ok {
		return Prepared
	}
	if _, ok := m.Key(name, Old); ok {
		return Switched
	}
	return Steady
}

// NextStep is the step that the CA's rotation takes next, or takes back.
func (m Manifest) NextStep(name Name, undo bool) (Step, error) {
	switch phase := m.Phase(name); {
	case phase == Steady && !undo:
		return Prepare, nil
	case phase == Prepared && !undo:
		return Switch, nil
	case phase == Switched && !undo:
		return Retire, nil
	case phase == Prepared:
		return UndoPrepare, nil
	case phase == Switched:
		return UndoSwitch, nil
	}
	return "", fmt.Errorf("no rotation of the %s CA is under way, so there is nothing to undo; a key that was retired stays retired", name)
}

// Removes is the key that is trusted no more after the step, if there is one.
func (m Manifest) Removes(name Name, step Step) (Key, bool) {
	switch step {
	case Retire:
		return m.Key(name, Old)
	case UndoPrepare:
		return m.Key(name, Next)
	}
	return Key{}, false
}

// newGeneration is the next key of a CA, before it is made.
func (m Manifest) newGeneration(name Name) (generation int, file string) {
	keys := m.CAs[name]
	generation = 1
	if len(keys) > 0 {
		generation = keys[len(keys)-1].Generation + 1
	}
	if generation == 1 {
		return 1, name.file()
	}
	return generation, fmt.Sprintf("%s.%d", name.file(), generation)
}

// after is the manifest once the step is done. made is the prepared key, and lastEnd bounds the ends of the certificates that
// the key which stops signing has signed.
func (m Manifest) after(name Name, step Step, at time.Time, made *Key, lastEnd time.Time) (Manifest, error) {
	keys := slices.Clone(m.CAs[name])
	move := func(from, to State) error {
		i := slices.IndexFunc(keys, func(k Key) bool { return k.State == from })
		if i < 0 {
			return fmt.Errorf("%s the %s CA: it has no %s key", step, name, from)
		}
		keys[i].State, keys[i].Since = to, at.UTC().Truncate(time.Second)
		switch {
		case to == Active:
			keys[i].LastEnd = nil
		case from == Active:
			end := lastEnd.UTC().Truncate(time.Second).Add(time.Second)
			keys[i].LastEnd = &end
		}
		return nil
	}
	var err error
	switch step {
	case Prepare:
		if phase := m.Phase(name); phase != Steady || made == nil {
			return Manifest{}, fmt.Errorf("prepare the %s CA: it is %s", name, phase)
		}
		keys = append(keys, *made)
	case Switch:
		err = errors.Join(move(Active, Old), move(Next, Active))
	case Retire:
		err = move(Old, Retired)
	case UndoPrepare:
		err = move(Next, Dropped)
	case UndoSwitch:
		err = errors.Join(move(Active, Next), move(Old, Active))
	default:
		err = fmt.Errorf("%q is not a step", step)
	}
	if err != nil {
		return Manifest{}, err
	}
	next := m.with(name, keys)
	return next, next.validate()
}
