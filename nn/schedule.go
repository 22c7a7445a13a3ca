package nn

import (
	"fmt"
	"math"
	"strings"
)

// A Schedule is the learning rate of each training step.
type Schedule struct {
	Name string // "constant", "exponential" or "cosine"
	// Rate at the first step, and Final at the last of Steps; constant has no
	// Final. Later steps stay at Final.
	Rate, Final float64
	Steps       int
	// Warmup is the number of steps over which the rate rises from 0 in a line,
	// before and beside the schedule.
	Warmup int
}

// Constant returns the schedule of one rate.
func Constant(rate float64) Schedule { return Schedule{Name: "constant", Rate: rate} }

// Exponential returns the schedule that falls by the same factor at each step.
func Exponential(rate, final float64, steps int) Schedule {
	return Schedule{Name: "exponential", Rate: rate, Final: final, Steps: steps}
}

// Cosine returns the schedule that falls along half a wave (Loshchilov and Hutter
// 2017).
func Cosine(rate, final float64, steps int) Schedule {
	return Schedule{Name: "cosine", Rate: rate, Final: final, Steps: steps}
}

// ScheduleNames lists the schedules.
var ScheduleNames = []string{"constant", "exponential", "cosine"}

// Check returns an error that names the value that is wrong.
func (s Schedule) Check() error {
	if !(s.Rate > 0) || math.IsInf(s.Rate, 0) {
		return fmt.Errorf("nn: the learning rate must be positive and finite, got %v", s.Rate)
	}
	if s.Warmup < 0 {
		return fmt.Errorf("nn: warm-up must not be negative, got %d steps", s.Warmup)
	}
	switch s.Name {
	case "constant":
		return nil
	case "exponential", "cosine":
		if s.Steps < 1 {
			return fmt.Errorf("nn: an %s schedule needs its number of steps, got %d", s.Name, s.Steps)
		}
		if !(s.Final >= 0) || math.IsInf(s.Final, 0) || s.Name == "exponential" && s.Final == 0 {
			return fmt.Errorf("nn: the final learning rate must be positive and finite, got %v", s.Final)
		}
		return nil
	}
	return fmt.Errorf("nn: unknown schedule %q; known: %s", s.Name, strings.Join(ScheduleNames, ", "))
}

// At returns the rate of a step, counted from 0.
func (s Schedule) At(step int) float64 {
	rate := s.Rate
	part := 0.0
	if s.Steps > 1 {
		part = min(1, float64(step)/float64(s.Steps-1))
	}
	switch s.Name {
	case "exponential":
		rate = s.Rate * math.Pow(s.Final/s.Rate, part)
	case "cosine":
		rate = s.Final + (s.Rate-s.Final)*(1+math.Cos(math.Pi*part))/2
	}
	if step < s.Warmup {
		rate *= float64(step+1) / float64(s.Warmup)
	}
	return rate
}
