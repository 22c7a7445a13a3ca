//go:build !purego

package cpu

import "golang.org/x/sys/cpu"

// detect relies on cpu.X86, which also honours GODEBUG=cpu.avx2=off and the
// like and checks that the system saves the registers.
func detect() []Level {
	levels := []Level{Portable}
	x := &cpu.X86
	// Every processor with AVX2 and FMA has F16C, which x/sys does not report;
	// hasF16C guards against virtual machines that mask it.
	if x.HasAVX2 && x.HasFMA && hasF16C() {
		levels = append(levels, AVX2)
		if x.HasAVX512F && x.HasAVX512VL && x.HasAVX512BW && x.HasAVX512DQ {
			levels = append(levels, AVX512)
		}
	}
	return levels
}

// cpuid1ECX returns ECX of CPUID leaf 1.
func cpuid1ECX() uint32

func hasF16C() bool { return cpuid1ECX()&(1<<29) != 0 }
