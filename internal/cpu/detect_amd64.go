//go:build !purego

package cpu

import "golang.org/x/sys/cpu"

// detect relies on cpu.X86, which also honours GODEBUG=cpu.avx2=off and the
// like and checks that the system saves the registers.
func detect() []Level {
	levels := []Level{Portable}
	x := &cpu.X86
	if x.HasAVX2 && x.HasFMA && x.HasF16C {
		levels = append(levels, AVX2)
		if x.HasAVX512F && x.HasAVX512VL && x.HasAVX512BW && x.HasAVX512DQ {
			levels = append(levels, AVX512)
		}
	}
	return levels
}
