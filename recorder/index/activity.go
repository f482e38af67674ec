package index

import "time"

// maxBuckets is how finely activity is counted at most; at least half as finely.
const maxBuckets = 256

// activity counts bytes in buckets of equal length, without knowing how long the recording is: when it gets too long for its
// buckets, two become one.
type activity struct {
	bucket time.Duration
	bytes  []int64
}

func newActivity() activity { return activity{bucket: 50 * time.Millisecond} }

func (a *activity) add(at time.Duration, n int) {
	for at/a.bucket >= maxBuckets {
		a.halve()
	}
	i := int(at / a.bucket)
	for len(a.bytes) <= i {
		a.bytes = append(a.bytes, 0)
	}
	a.bytes[i] += int64(n)
}

func (a *activity) halve() {
	for i, n := range a.bytes {
		if i%2 == 0 {
			a.bytes[i/2] = n
		} else {
			a.bytes[i/2] += n
		}
	}
	a.bytes = a.bytes[:(len(a.bytes)+1)/2]
	a.bucket *= 2
}
