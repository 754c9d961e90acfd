package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"

	"headroom/kernel/machine"
)

type cpu = machine.CPU

// progress shows how far a run is: a bar with the time left on a terminal, a line every tenth of the way elsewhere.
type progress struct {
	perSample time.Duration
	terminal  bool
	bars      *mpb.Progress
	bar       *mpb.Bar
	total     int
	done      int
	cell      string
}

func newProgress(secondsPerSample float64) *progress {
	_, err := unix.IoctlGetTermios(int(os.Stderr.Fd()), unix.TCGETS)
	return &progress{perSample: time.Duration(secondsPerSample * float64(time.Second)), terminal: err == nil}
}

// Start says how many samples there will be.
func (p *progress) Start(samples int) {
	p.total = samples
	fmt.Fprintf(os.Stderr, "%d samples, about %v\n", samples, (time.Duration(samples) * p.perSample).Round(time.Second))
	if !p.terminal {
		return
	}
	p.bars = mpb.New(mpb.WithOutput(os.Stderr), mpb.WithWidth(60))
	p.bar = p.bars.AddBar(int64(samples),
		mpb.PrependDecorators(decor.CountersNoUnit("%d/%d ")),
		mpb.AppendDecorators(decor.AverageETA(decor.ET_STYLE_MMSS), decor.Any(func(decor.Statistics) string { return " left  " + p.cell })))
}

// Step says that a sample of the given cell begins.
func (p *progress) Step(cell string) {
	p.cell = cell
	p.done++
	if p.terminal {
		if p.done > p.total { // resampling for a distance class
			p.bar.SetTotal(int64(p.done)+1, false)
		}
		p.bar.Increment()
		return
	}
	const tenths = 10
	if p.total >= tenths && p.done%(p.total/tenths) == 0 && p.done <= p.total {
		fmt.Fprintf(os.Stderr, "%d of %d samples, about %v left\n", p.done, p.total, (time.Duration(p.total-p.done) * p.perSample).Round(time.Second))
	}
}

// Warn puts a line above the bar, or among the other lines.
func (p *progress) Warn(text string) {
	var to io.Writer = os.Stderr
	if p.terminal {
		to = p.bars
	}
	fmt.Fprintf(to, "headroom: warning: %s\n", text)
}

// Done ends the display.
func (p *progress) Done() {
	if p.terminal {
		p.bar.SetTotal(-1, true)
		p.bars.Wait()
	}
}
