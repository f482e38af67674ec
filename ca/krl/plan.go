package krl

import "slices"

// Bits that the ways to write serials cost: a section's type and length, and what is in it. A list's section is paid once.
const (
	sectionBits = 8 * (1 + 4)
	serialBits  = 64
	rangeBits   = sectionBits + 2*serialBits
	bitmapBits  = sectionBits + serialBits + 32 + 8 // offset, length and at most one byte of rounding
)

// maxSpan is how many serials one bitmap may span.
const maxSpan = 8 * maxBitmap

// listed is the longest run that a list holds more cheaply than a range.
const listed = (rangeBits - 1) / serialBits

// serialPlan says how the serials of one CA are written.
type serialPlan struct {
	list    []Range // written one by one
	ranges  []Range
	bitmaps [][]Range
	bits    uint64
}

// plan chooses the smallest encoding of merged runs, but for the rounding of bitmaps to bytes.
func plan(runs []Range) serialPlan {
	with, without := planWays(runs, true), planWays(runs, false)
	if with.bits+sectionBits < without.bits {
		return with
	}
	return without
}

// way is the cheapest encoding of all runs up to one that ends in a given form.
type way struct {
	bits  uint64
	begin int // the first run of the last list, range or bitmap
	form  byte
}

// planWays walks the runs once. For each it knows the cheapest way that ends with the run alone, in a list or a range, and
// the cheapest that ends with it in a bitmap, which the next run may join.
func planWays(runs []Range, lists bool) serialPlan {
	best := make([]way, len(runs)) // up to each run
	var before uint64              // bits up to the run before
	var bitmap way                 // up to the run before, ending in a bitmap; none if its form is 0
	for i, r := range runs {
		size := r.Last - r.First // one less than it holds
		best[i] = way{before + rangeBits, i, certSerialRange}
		if lists && size < listed {
			best[i] = way{before + serialBits*(size+1), i, certSerialList}
		}
		joined := bitmap
		bitmap = way{}
		if size < maxSpan {
			bitmap = way{before + bitmapBits + size + 1, i, certSerialBitmap}
		}
		if joined.form != 0 && r.Last-runs[joined.begin].First < maxSpan {
			if joined.bits += r.Last - runs[i-1].Last; joined.bits < bitmap.bits {
				bitmap = joined
			}
		}
		if bitmap.form != 0 && bitmap.bits < best[i].bits {
			best[i] = bitmap
		}
		before = best[i].bits
	}
	return trace(runs, best)
}

// trace follows the choices back from the last run.
func trace(runs []Range, best []way) serialPlan {
	var p serialPlan
	if len(best) > 0 {
		p.bits = best[len(best)-1].bits
	}
	for end := len(runs); end > 0; end = best[end-1].begin {
		part := runs[best[end-1].begin:end]
		switch best[end-1].form {
		case certSerialList:
			p.list = append(p.list, part...)
		case certSerialRange:
			p.ranges = append(p.ranges, part...)
		case certSerialBitmap:
			p.bitmaps = append(p.bitmaps, part)
		}
	}
	slices.Reverse(p.list)
	slices.Reverse(p.ranges)
	slices.Reverse(p.bitmaps)
	return p
}
