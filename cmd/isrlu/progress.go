package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// newProgress returns a function that draws a progress bar with the time left,
// and one that removes it. Where w is not a terminal they do nothing.
func newProgress[N int | int64 | uint64](w io.Writer, what string) (update func(done, total N), clear func()) {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil, func() {}
	}
	var bar *progressbar.ProgressBar
	update = func(done, total N) {
		if bar == nil {
			bar = progressbar.NewOptions64(int64(total),
				progressbar.OptionSetWriter(w),
				progressbar.OptionSetDescription(what),
				progressbar.OptionSetPredictTime(true),
				progressbar.OptionSetElapsedTime(true),
				progressbar.OptionThrottle(200*time.Millisecond),
				progressbar.OptionClearOnFinish(),
				progressbar.OptionFullWidth(),
			)
		}
		_ = bar.Set64(int64(done))
	}
	clear = func() {
		if bar != nil {
			_ = bar.Clear()
		}
	}
	return update, clear
}

// newDownloadProgress returns a function that draws a bar for each file, and one that
// removes the last of them.
func newDownloadProgress(w io.Writer) (update func(what string, done, total int64), clear func()) {
	var draw func(done, total uint64)
	remove := func() {}
	file := ""
	update = func(what string, done, total int64) {
		if what != file {
			remove()
			file = what
			draw, remove = newProgress[uint64](w, what)
		}
		if draw != nil {
			draw(uint64(done), uint64(total))
		}
	}
	return update, func() { remove() }
}

// trainingProgress shows how a training goes, where w is a terminal.
type trainingProgress struct {
	w     *os.File
	bar   *progressbar.ProgressBar
	total int
}

func newTrainingProgress(w io.Writer) *trainingProgress {
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return &trainingProgress{w: file}
	}
	return &trainingProgress{}
}

// update draws the bar: steps done, what is under way, what the epoch came to so
// far.
func (p *trainingProgress) update(done, total int, what, measures string) {
	if p.w == nil {
		return
	}
	if p.bar == nil || p.total != total {
		p.clear()
		p.total = total
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(p.w),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetElapsedTime(true),
			progressbar.OptionThrottle(200*time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionFullWidth(),
		)
	}
	if measures != "" {
		what += "  " + measures
	}
	p.bar.Describe(what)
	_ = p.bar.Set(done)
}

// clear removes the bar until the next update.
func (p *trainingProgress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
