// Package cpu says which SIMD level the kernels of this process run on.
//
// The level is chosen once, when the process starts: the best that the
// processor has, or the one that the environment variable ISRLU_SIMD names.
// It holds no kernels; internal/kernel has one table for each level.
package cpu

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Env is the environment variable that forces a level.
const Env = "ISRLU_SIMD"

// A Level is a set of vector instructions that the kernels are written for.
type Level int

// The levels, slowest first within an architecture.
const (
	Portable Level = iota // Go without assembly
	NEON                  // arm64 Advanced SIMD
	AVX2                  // AVX2, FMA and F16C
	AVX512                // AVX-512 F, VL, BW and DQ on top of AVX2
	NumLevels
)

var names = [NumLevels]string{"portable", "neon", "avx2", "avx512"}

func (l Level) String() string {
	if l < 0 || l >= NumLevels {
		return fmt.Sprintf("Level(%d)", int(l))
	}
	return names[l]
}

var (
	available = detect()
	active    Level
	envErr    error
)

func init() {
	active = Best()
	if v := os.Getenv(Env); v != "" {
		l, err := Parse(v)
		if err != nil {
			envErr = fmt.Errorf("%s: %w", Env, err)
			return
		}
		active = l
	}
}

// Available returns the levels that this process can run, slowest first.
func Available() []Level { return slices.Clone(available) }

// Best returns the fastest level that this process can run.
func Best() Level { return available[len(available)-1] }

// Active returns the level chosen at start-up.
func Active() Level { return active }

// Err says why ISRLU_SIMD could not be followed; the active level is then
// Best. Tests and commands that force a level must check it.
func Err() error { return envErr }

// Parse returns the level of that name. A level that this process cannot run
// is an error that lists the ones it can.
func Parse(name string) (Level, error) {
	have := make([]string, len(available))
	for i, l := range available {
		if l.String() == name {
			return l, nil
		}
		have[i] = l.String()
	}
	if slices.Contains(names[:], name) {
		return 0, fmt.Errorf("SIMD level %q is not available here; available: %s", name, strings.Join(have, ", "))
	}
	return 0, fmt.Errorf("unknown SIMD level %q; available: %s", name, strings.Join(have, ", "))
}
