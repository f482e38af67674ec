package search

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"strings"

	"gatehouse/recorder/index"
)

// putting is one Put under way. Blocks are written as rows come; words go to FTS5 after that, the last block's first, because
// FTS5 takes rising numbers without writing a segment for each.
type putting struct {
	ctx   context.Context
	tx    *sql.Tx
	store *Store
	base  int64
	meta  index.Meta

	last int64 // µs since 1970 of the latest row
	rows int
	text int
	cut  bool
	kept [2]kept
}

// kept is what was written of one kind of rows.
type kept struct {
	blockTable, wordTable string
	least                 int // bytes of text in a block
	block                 block
	insert                *sql.Stmt
	n                     int64
}

func (p *putting) run(rows iter.Seq[index.Row]) error {
	p.last = p.meta.Started.UnixMicro()
	p.kept = [2]kept{{blockTable: "command_blocks", wordTable: "commands"}, {blockTable: "output_blocks", wordTable: "outputs", least: blockText}}
	for i := range p.kept {
		insert, err := p.tx.PrepareContext(p.ctx, "INSERT INTO "+p.kept[i].blockTable+" (key, rows) VALUES (?, ?)")
		if err != nil {
			return err
		}
		defer insert.Close()
		p.kept[i].insert = insert
	}
	if err := p.takeRows(rows); err != nil {
		return err
	}
	for i := range p.kept {
		if err := p.kept[i].words(p); err != nil {
			return err
		}
	}
	m := p.meta
	_, err := p.tx.ExecContext(p.ctx, "INSERT INTO sessions (base, id, identity, owner, task, target, login, verdict, started, last, cut) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
		p.base, m.Session, m.Identity, m.Owner, m.Task, m.Target, m.Login, m.Verdict, m.Started.UnixMicro(), p.last, p.cut)
	return err
}

// takeRows takes the rows, as many as may be.
func (p *putting) takeRows(rows iter.Seq[index.Row]) (err error) {
	for r := range rows {
		if err = p.add(r); err != nil || p.cut {
			break
		}
	}
	for i := range p.kept {
		if err == nil && p.kept[i].block.text > 0 {
			err = p.kept[i].flush(p)
		}
	}
	if err == nil { // rows may have ended because of it
		err = context.Cause(p.ctx)
	}
	return err
}

func (p *putting) add(r index.Row) error {
	k := &p.kept[1]
	if r.Kind == index.KindCommand {
		k = &p.kept[0]
	}
	if p.rows == p.store.maxRows || p.text >= p.store.maxText || k.n == blocks-1 {
		p.cut = true
		return nil
	}
	if r.Text == "" {
		return nil
	}
	k.block.add(r)
	p.rows++
	p.text += len(r.Text)
	p.last = max(p.last, p.meta.Started.Add(r.At).UnixMicro())
	if k.block.text < k.least {
		return nil
	}
	return k.flush(p)
}

// flush writes the block at hand.
func (k *kept) flush(p *putting) error {
	_, err := k.insert.ExecContext(p.ctx, p.base+k.n, k.block.take())
	k.n++
	return err
}

// words gives FTS5 the words of every block.
func (k *kept) words(p *putting) (err error) {
	insert, err := p.tx.PrepareContext(p.ctx, "INSERT INTO "+k.wordTable+" (rowid, words, whose) VALUES (?, ?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	rows, err := p.tx.QueryContext(p.ctx, "SELECT key, rows FROM "+k.blockTable+" WHERE key BETWEEN ? AND ? ORDER BY key DESC", p.base, p.base+blocks-1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	names := whose(p.meta)
	for rows.Next() {
		var key int64
		var stored sql.RawBytes
		if err := rows.Scan(&key, &stored); err != nil {
			return err
		}
		words, err := wordsOf(stored)
		if err != nil {
			return err
		}
		if _, err := insert.ExecContext(p.ctx, turned(key), words, names); err != nil {
			return err
		}
	}
	return rows.Err()
}

// wordsOf returns the parts of a block's rows, with blanks between them.
func wordsOf(stored []byte) (string, error) {
	var words strings.Builder
	err := rowsOf(stored, func(r row) bool {
		parts(fold(r.text), func(part string) {
			words.WriteString(part)
			words.WriteByte(' ')
		})
		return true
	})
	return words.String(), err
}
