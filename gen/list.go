package main

// A kernel is one entry of the list: what is not in it does not exist, and
// what is in it gets assembly, a place in the dispatch tables and tests.
type kernel struct {
	fn     string // the function, as kernel.ID spells it
	dir    string // a field of kernel.Set
	prec   string // Exact, Default or Fast
	inputs int
	build  func(b *B, in []V) V

	// unroll is the number of vectors in the body of the loop. Kernels of a
	// few instructions need several to hide the loop's own; the processor
	// overlaps the iterations of long ones by itself.
	unroll int
	// only says which element types have the kernel; nil means both.
	only func(level Level, is64 bool) bool
	// stream says on which levels a variant whose stores bypass the caches
	// wins for large slices: only where the kernel keeps up with memory. A
	// slow one lets the write-combining buffers go half full.
	stream func(level Level) bool
}

func streamsEverywhere(level Level) bool { return level == AVX2 || level == AVX512 }
func streamsAVX512(level Level) bool     { return level == AVX512 }
func streamsNowhere(Level) bool          { return false }

func (k *kernel) unrollFor(level Level) int {
	if k.unroll == 0 {
		return 1
	}
	if level == NEON {
		return min(k.unroll, 2)
	}
	return k.unroll
}

// exists reports whether the kernel is generated for a level.
func (k *kernel) exists(level Level, is64 bool) bool {
	if level == Portable && k.prec != "Exact" {
		return false // Go has no hardware estimate
	}
	return k.only == nil || k.only(level, is64)
}

var list []*kernel

func register(k *kernel) { list = append(list, k) }

// unary registers dst[i] = f(src[i]).
func unary(fn, dir, prec string, unroll int, f func(b *B, x V) V) *kernel {
	k := &kernel{fn: fn, dir: dir, prec: prec, inputs: 1, unroll: unroll,
		stream: streamsNowhere,
		build:  func(b *B, in []V) V { return f(b, in[0]) }}
	register(k)
	return k
}

// binary registers dst[i] = f(a[i], b[i]).
func binary(fn, dir, prec string, unroll int, f func(b *B, x, y V) V) *kernel {
	k := &kernel{fn: fn, dir: dir, prec: prec, inputs: 2, unroll: unroll, stream: streamsNowhere,
		build: func(b *B, in []V) V { return f(b, in[0], in[1]) }}
	register(k)
	return k
}

// streams sets where the kernel has a streaming variant.
func (k *kernel) streams(where func(Level) bool) *kernel {
	k.stream = where
	return k
}

// only32 restricts a kernel to float32.
func (k *kernel) only32() { k.only = func(_ Level, is64 bool) bool { return !is64 } }
