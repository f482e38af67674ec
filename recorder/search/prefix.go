package search

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// maxEndings bounds the words that a prefix stands for when FTS5 is asked.
const maxEndings = 200

// phrases are what FTS5 is asked for a term: the phrase of its parts, and for a prefix one for each word that its last part may
// become. FTS5 knows prefixes itself, but puts all that they find together before it gives the first of it, which takes as long
// as there is text. known is false if there are too many such words: then whatever else the query has is asked for, and its rows
// are compared.
func (t term) phrases(ctx context.Context, tx *sql.Tx, words string) (all []string, known bool, err error) {
	before := strings.Join(t.parts[:len(t.parts)-1], " ")
	last := t.parts[len(t.parts)-1]
	if !t.tail {
		return []string{phrase(before, last)}, true, nil
	}
	list, err := tx.PrepareContext(ctx, "SELECT term FROM "+words+"_list WHERE term >= ? AND term < ? AND col = 'words' LIMIT 1")
	if err != nil {
		return nil, false, err
	}
	defer list.Close()
	end := last + "\U0010ffff"
	for from := last; ; {
		var word string
		err := list.QueryRowContext(ctx, from, end).Scan(&word)
		if errors.Is(err, sql.ErrNoRows) {
			return all, true, nil
		}
		if err != nil {
			return nil, false, err
		}
		if len(all) == maxEndings {
			return nil, false, nil
		}
		all = append(all, phrase(before, word))
		from = word + "\x01" // no word has such a character, so this comes right after it
	}
}

// phrase writes parts, which have nothing but letters, digits and marks, as FTS5 has a phrase.
func phrase(before, last string) string { return `"` + strings.TrimLeft(before+" "+last, " ") + `"` }

// expression writes for FTS5 what a block of this kind must have: the query's words, as far as that narrows it down, and a word
// for each filter. It is empty if FTS5 cannot help; some is false if there can be no hit.
func (q *Query) expression(ctx context.Context, tx *sql.Tx, words string) (match string, some bool, err error) {
	var all []string
	for _, t := range q.terms {
		if t.not || len(t.parts) == 0 {
			continue
		}
		any, known, err := t.phrases(ctx, tx, words)
		switch {
		case err != nil:
			return "", false, err
		case known && len(any) == 0:
			return "", false, nil
		case known:
			all = append(all, "words : ("+strings.Join(any, " OR ")+")")
		}
	}
	return strings.Join(append(all, q.whose()...), " AND "), true, nil
}
