package look

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"gatehouse/bastion/target/sftp"
)

// glob is what an absolute pattern matches, as bash has it by its default rules in the C locale, sorted by byte. ** is *; a leading
// dot is matched by a dot alone; "." and ".." are only what is written out; folders on the way may be symbolic links, and a slash at
// the end wants a folder. Slashes in a row are one. A folder that is not there, or that the login may not read, has nothing in it.
// Names that are not UTF-8 are left out, where bash would have them.
func (v *visit) glob(text string) ([]string, error) {
	g, err := parseGlob(text)
	if err != nil {
		return nil, fmt.Errorf("glob %.200q: %w", text, err)
	}
	found, err := v.expand(g)
	if err != nil {
		return nil, fmt.Errorf("glob %.200q: %w", text, err)
	}
	slices.Sort(found)
	found = slices.Compact(found)
	size := 0
	for _, name := range found {
		size += len(name)
	}
	if len(found) > maxMatches || v.told.Add(int64(size)) > maxGlobText {
		return nil, fmt.Errorf("glob %.200q: %w: it matches %d names of %d bytes", text, ErrTooMuch, len(found), size)
	}
	return found, nil
}

// parsedGlob is a glob's components.
type parsedGlob struct {
	parts  []pattern
	folder bool // it ends in a slash
}

func parseGlob(text string) (parsedGlob, error) {
	if !speakable(text) {
		return parsedGlob{}, fmt.Errorf("longer than %d bytes, or not UTF-8", maxPath)
	}
	g := parsedGlob{folder: strings.HasSuffix(text, "/")}
	for c := range strings.SplitSeq(text, "/") {
		if c == "" {
			continue
		}
		p, err := parsePattern(c)
		if err != nil {
			return parsedGlob{}, err
		}
		g.parts = append(g.parts, p)
	}
	if len(g.parts) > maxDepth {
		return parsedGlob{}, fmt.Errorf("deeper than %d folders", maxDepth)
	}
	return g, nil
}

// expand goes along the components. What is written out is not looked for before the end: a folder that is not there is empty.
func (v *visit) expand(g parsedGlob) ([]string, error) {
	var left atomic.Int64
	left.Store(maxEntries)
	at := []string{""} // folders, without the slash at the end
	listed := false    // the last component's names were read
	for _, p := range g.parts {
		if listed = p.magic; listed {
			var err error
			if at, err = v.inFolders(at, p, &left); err != nil {
				return nil, err
			}
			continue
		}
		for i := range at {
			at[i] += "/" + p.literal
		}
	}
	at = slices.DeleteFunc(at, func(name string) bool { return len(name) > maxPath-1 })
	switch {
	case g.folder:
		for i := range at {
			at[i] += "/"
		}
		return v.those(at, sftp.PacketStat, sftp.Attrs.IsDir)
	case !listed:
		return v.those(at, sftp.PacketLstat, func(sftp.Attrs) bool { return true })
	}
	return at, nil
}

// inFolders is what matches in each of the folders.
func (v *visit) inFolders(dirs []string, p pattern, left *atomic.Int64) ([]string, error) {
	var mu sync.Mutex
	var found []string
	size := 0
	err := each(len(dirs), func(i int) error {
		dir := dirs[i] + "/"
		if len(dir) > maxPath {
			return nil
		}
		names, err := v.list(dir, left)
		if _, refused := err.(sftp.StatusError); refused {
			return nil
		}
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, name := range names {
			if p.match(name) {
				found = append(found, dir+name)
				size += len(dir) + len(name)
			}
		}
		if size > maxOnTheWay {
			return fmt.Errorf("%w: %d names on the way", ErrTooMuch, len(found))
		}
		return nil
	})
	return found, err
}

// those are the names at which there is something that will do.
func (v *visit) those(names []string, kind byte, do func(sftp.Attrs) bool) ([]string, error) {
	good := make([]bool, len(names))
	err := each(len(names), func(i int) error {
		p, err := v.ask(kind, sftp.Text(names[i]))
		if err != nil {
			return err
		}
		a, err := p.Attrs()
		if _, refused := err.(sftp.StatusError); refused {
			return nil
		}
		good[i] = err == nil && do(a)
		return err
	})
	var found []string
	for i, name := range names {
		if good[i] {
			found = append(found, name)
		}
	}
	return found, err
}
