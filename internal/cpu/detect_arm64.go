//go:build !purego

package cpu

// detect does not ask: Advanced SIMD is part of every arm64 that Go runs on.
func detect() []Level { return []Level{Portable, NEON} }
