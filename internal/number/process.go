// Package number is what both processes count in the same way: themselves, and the bounds of histograms.
//
// Neither process can read /proc, which their confinement closes to them. So what client_golang's process collector would say
// comes from system calls that a process asks about itself with.
package number

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sys/unix"
)

// Seconds are the bounds of every histogram of durations: from what memory takes to what a client gives up on.
var Seconds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// Process adds the process' own numbers and the Go runtime's, under the label process.
func Process(r prometheus.Registerer, name string) {
	own := prometheus.WrapRegistererWith(prometheus.Labels{"process": name}, r)
	own.MustRegister(collectors.NewGoCollector(), newProcess())
}

// process is a collector.
type process struct{ cpu, peak, files, limit, started *prometheus.Desc }

// began is close enough to the process' start.
var began = time.Now()

func newProcess() process {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return process{
		cpu:     desc("process_cpu_seconds_total", "User and system CPU time spent in seconds."),
		peak:    desc("process_resident_memory_peak_bytes", "The most memory that the process has ever had resident."),
		files:   desc("process_open_fds", "Number of open file descriptors."),
		limit:   desc("process_max_fds", "Maximum number of open file descriptors."),
		started: desc("process_start_time_seconds", "Start time of the process since unix epoch in seconds."),
	}
}

// Describe is prometheus.Collector.
func (p process) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{p.cpu, p.peak, p.files, p.limit, p.started} {
		out <- d
	}
}

// Collect is prometheus.Collector. What the kernel does not say is left out.
func (p process) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	gauge(p.started, float64(began.UnixNano())/1e9)
	var use unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &use) == nil {
		cpu := time.Duration(use.Utime.Nano() + use.Stime.Nano())
		out <- prometheus.MustNewConstMetric(p.cpu, prometheus.CounterValue, cpu.Seconds())
		gauge(p.peak, float64(use.Maxrss)*1024)
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		gauge(p.limit, float64(limit.Cur))
	}
	gauge(p.files, float64(openFiles()))
}

// openFiles counts descriptors without /proc: poll(2) says of each whether it is open. The kernel gives out the lowest free
// one, so a whole block that is closed is taken for the end.
func openFiles() int {
	const block = 256 // of at most RLIMIT_NOFILE
	open := 0
	asked := make([]unix.PollFd, block)
	for first := 0; first < 1<<20; first += block {
		for i := range asked {
			asked[i] = unix.PollFd{Fd: int32(first + i)}
		}
		_, err := unix.Poll(asked, 0)
		for err == unix.EINTR {
			_, err = unix.Poll(asked, 0)
		}
		if err != nil {
			return open
		}
		here := 0
		for _, a := range asked {
			if a.Revents&unix.POLLNVAL == 0 {
				here++
			}
		}
		if here == 0 {
			return open
		}
		open += here
	}
	return open
}
